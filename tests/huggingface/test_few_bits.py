"""Adapters beside linear layers in few bits: init and rates from the shapes of the factors alone."""

from __future__ import annotations

import pytest
import torch
from peft import PeftModel
from peft.tuners.lora import Linear

from gamma_calc.errors import BadInput
from gamma_calc.huggingface import init_lora_, lora_adapters, parameter_groups
from tests.huggingface.models import wrapped


def packed(module: str) -> PeftModel:
    """A model whose adapted layers are of another class, each beside a weight of packed bytes."""
    model = wrapped()
    kind = type("Linear4bit", (Linear,), {"__module__": module})
    for each in lora_adapters(model):
        each.layer.__class__ = kind
        weight = each.layer.base_layer.weight
        few = torch.nn.Parameter(torch.zeros(weight.numel() // 2, 1, dtype=torch.uint8), requires_grad=False)
        few.quant_state = object()
        each.layer.base_layer.weight = few
    return model


@pytest.mark.parametrize("module", ["peft.tuners.lora.bnb", "peft.tuners.lora.gptq"])
def test_a_layer_in_few_bits_has_the_factors_and_rates_of_any_other(module: str) -> None:
    model = init_lora_(packed(module), "init-a", generator=torch.Generator().manual_seed(0))
    plain = init_lora_(wrapped(), "init-a", generator=torch.Generator().manual_seed(0))
    for few, whole in zip(lora_adapters(model), lora_adapters(plain), strict=True):
        torch.testing.assert_close((few.A, few.B), (whole.A, whole.B))
    rates = [
        [group["lr"] for group in parameter_groups(each, "init-a", 1e-3, base_width=64)] for each in (model, plain)
    ]
    assert rates[0] == rates[1]


def test_a_layer_that_nobody_knows_is_refused() -> None:
    model = wrapped()
    for each in lora_adapters(model):
        each.layer.__class__ = type("Linear2bit", (Linear,), {"__module__": "somewhere.else"})
    with pytest.raises(BadInput, match=r"q_proj \(Linear2bit\): found a layer that is no nn.Linear or Conv1D"):
        init_lora_(model, "init-a")

"""Adapters of PEFT beside LoRA on linear layers, in a model: VeRA, and LoRA on a table."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import transformers as hf
from peft import VeraConfig, get_peft_model
from peft.tuners.vera.layer import VeraLayer
from torch import Tensor, nn

from gamma_calc import traced
from gamma_calc.algebra import Affine
from gamma_calc.errors import BadInput
from tests.tracing.gradients import both
from tests.tracing.models import SIZES, llama
from validation.architectures import FAMILIES, FamilyShape, base_model, linear_readout


def vera(model: nn.Module, *targets: str) -> nn.Module:
    return get_peft_model(model, VeraConfig(r=3, target_modules=list(targets)))  # type: ignore[arg-type]


def bare(layers: int = 1) -> nn.Module:
    return hf.LlamaForCausalLM(hf.LlamaConfig(num_hidden_layers=layers, **SIZES))


def random_vectors(layer: Any, name: str, d_initial: float = 0.1) -> None:
    """Vectors of which every entry counts, in place of a constant and zero."""
    for held in (layer.vera_lambda_d, layer.vera_lambda_b):
        nn.init.normal_(held[name])


@pytest.mark.parametrize("targets", [("q_proj", "v_proj"), ("k_proj", "v_proj", "o_proj", "down_proj")])
def test_gradients_of_vera_are_those_of_autograd(targets: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VeraLayer, "reset_vera_parameters", random_vectors)
    found = traced(vera(bare(), *targets))
    pairs = list(both(found))
    assert sorted(name for name, _, _ in pairs) == sorted(f"{vector}_{each}[1]" for each in targets for vector in "db")
    for _, derived, expected in pairs:
        torch.testing.assert_close(derived, expected, rtol=1e-8, atol=1e-10)


def test_gradients_of_a_table_are_those_of_autograd() -> None:
    found = traced(llama(1, "embed_tokens", init_lora_weights=False))
    pairs = list(both(found))
    assert [name for name, _, _ in pairs] == ["B_embed_tokens", "A_embed_tokens"]
    for _, derived, expected in pairs:
        torch.testing.assert_close(derived, expected, rtol=1e-8, atol=1e-10)


def test_the_random_matrices_of_vera_are_shared_and_frozen() -> None:
    found = traced(vera(bare(2), "v_proj"), axes={"rank": "rho"})
    table = {each.name: each for each in found.parameters}
    inner, outer = table["W_vera_A_default"], table["W_vera_B_default"]
    assert (inner.shape, outer.shape) == (("rank", "hidden"), ("features", "rank"))
    assert (str(inner.initial), str(outer.initial)) == ("-1/2", "-rho/2")
    assert inner.rate is outer.rate is None
    starts = {name: [table[f"{name}_v_proj[{layer}]"].initial for layer in (1, 2)] for name in "db"}
    assert starts == {"d": [Affine.of(0)] * 2, "b": [None] * 2}
    assert [each.name for each in found.layers] == ["v_proj[1]", "v_proj[2]"]


def test_layers_of_several_shapes_take_parts_of_the_matrices_of_vera() -> None:
    found = traced(vera(bare(), "v_proj", "o_proj", "down_proj"))
    shapes = {each.name: each.shape for each in found.parameters if "vera" in each.name}
    assert {name: shape for name, shape in shapes.items() if "vera_A" in name} == {
        "W_vera_A_default_1": ("rank", "hidden"),
        "W_vera_A_default_2": ("rank", "features"),
        "W_vera_A_default_3": ("rank", "intermediate"),
    }
    assert {shape for name, shape in shapes.items() if "vera_B" in name} == {("features", "rank"), ("hidden", "rank")}
    assert {str(each.initial) for each in found.parameters if "vera_A" in each.name} == {"-1/2"}


@pytest.mark.parametrize(("inits", "expected"), [({}, "-1/2"), ({"vera_A.default": "-1"}, "-1")])
def test_the_matrices_of_vera_start_as_peft_has_them_or_as_is_said(inits: dict[str, str], expected: str) -> None:
    found = traced(vera(bare(), "v_proj", "down_proj"), init="model", inits=inits)
    assert {str(each.initial) for each in found.parameters if "vera_A" in each.name} == {expected}


def test_parts_of_the_matrices_of_vera_that_grow_apart_are_refused() -> None:
    """A has entries of one over the root of its largest part, which is not that of the others then."""
    found = traced(vera(bare(), "v_proj", "down_proj"), axes={"intermediate": "phi"})
    (missing,) = found.unknown
    assert missing.operation == "slice" and "W_vera_A_default whose sizes grow by different powers" in missing.reason


def test_other_adapters_are_refused_by_name() -> None:
    from peft import IA3Config

    model = get_peft_model(bare(), IA3Config(target_modules=["v_proj"], feedforward_modules=[]))
    with pytest.raises(BadInput, match="found 'IA3', expected LORA or VERA"):
        traced(model)


WIDTHS, STEPS, SEEDS, RATE = (128, 2048), 3, 6, 1 / 4


def change(width: int, seed: int, *, is_upper_trained: bool) -> float:
    """The mean square that Z_A of the second of two layers moves by, with PEFT's VeRA at one rate for every width."""
    torch.manual_seed(1000 * seed + width)
    base = base_model(FAMILIES["llama"], width, FamilyShape())
    for module in base.modules():
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight)
    config = VeraConfig(r=4, target_modules=["v_proj"], projection_prng_key=1000 * seed + width, d_initial=1.0)
    model: Any = get_peft_model(base, config)
    model.double()
    upper = [module for name, module in model.named_modules() if name.endswith("v_proj")][1]
    upper.vera_lambda_b["default"].requires_grad_(is_upper_trained)
    inner, seen = model.base_model.vera_A["default"].double(), list[Tensor]()
    upper.register_forward_pre_hook(lambda module, given: seen.append(given[0].detach() @ inner.T))
    trained = [each for each in model.parameters() if each.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=RATE, eps=1e-30)
    for _ in range(STEPS):
        optimizer.zero_grad()
        linear_readout(model, seed).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    linear_readout(model, seed)
    return float((seen[-1] - seen[0]).square().mean())


@pytest.mark.slow
def test_what_reaches_an_upper_vera_grows_with_the_width() -> None:
    """Derived: n^(1/2) at a rate n^0, from step 2 on. The control: without training b of the upper layer, n^0."""
    slopes = [
        math.log(large / small) / 2 / math.log(WIDTHS[1] / WIDTHS[0])
        for is_upper_trained in (True, False)
        for small, large in [
            [sum(change(width, seed, is_upper_trained=is_upper_trained) for seed in range(SEEDS)) for width in WIDTHS]
        ]
    ]
    assert slopes == pytest.approx([1 / 2, 0], abs=1 / 8)

"""PEFT's own layers, measured at several widths and ranks, against the exponents that lint reads."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from peft.optimizers import create_loraplus_optimizer

from gamma_calc.algebra import Affine
from gamma_calc.derivation.alpha import AlphaReading
from gamma_calc.huggingface.adapter_file import config_from_file
from gamma_calc.huggingface.adapter_keys import VARIANTS
from gamma_calc.huggingface.implemented_scheme import linear_spec
from gamma_calc.huggingface.initial_factors import INITIALISATIONS, Initialisation, Start, initialisation
from gamma_calc.program.spec_file import scheme_from_text

WIDTHS = (64, 128, 256, 512)
RANKS = (4, 8, 16, 32)
KNOWN = [each for each in (*INITIALISATIONS, initialisation("MiCA")) if each is not None and each.is_known]
TOLERANCE = 0.06
"""Of a slope over three octaves: entries of one draw have a relative error below 3 % from 256 of them on."""

pytestmark = pytest.mark.filterwarnings("ignore")


class Model(torch.nn.Module):
    """An embedding and one square layer that keeps the size of what it is given."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embed = torch.nn.Embedding(32, width)
        self.linear = torch.nn.Linear(width, width, bias=True)
        self.head = torch.nn.Linear(width, 2)
        torch.nn.init.normal_(self.linear.weight, std=width**-0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x)


def adapted(width: int, rank: int, option: object, target: str = "linear", **others: Any) -> Any:
    torch.manual_seed(width + rank)
    config = LoraConfig(r=rank, lora_alpha=16, init_lora_weights=option, target_modules=[target], **others)
    return get_peft_model(Model(width), config).base_model.model


def size(values: torch.Tensor) -> float:
    return float(values.square().mean().sqrt())


def slope(sizes: list[float], axis: tuple[int, ...]) -> float:
    return float(np.polyfit(np.log(axis), np.log(sizes), 1)[0])


def factors(model: Any) -> tuple[torch.Tensor, torch.Tensor]:
    layer = model.linear
    return layer.lora_A["default"].weight, layer.lora_B["default"].weight


def claimed(option: Initialisation, tmp_path: Path) -> tuple[Affine | None, Affine | None]:
    """The exponents that lint reads from the file that PEFT itself writes."""
    LoraConfig(r=8, lora_alpha=16, init_lora_weights=option.option).save_pretrained(str(tmp_path))
    config = config_from_file(tmp_path)
    spec = linear_spec(config, "adam", config.scale_exponent(AlphaReading.FIXED))
    assert spec is not None
    scheme = scheme_from_text(spec)
    return scheme.exponents["A"], scheme.exponents["B"]


@pytest.mark.parametrize("option", KNOWN, ids=[each.name for each in KNOWN])
def test_entries_grow_as_claimed(option: Initialisation, tmp_path: Path) -> None:
    for index, form in enumerate(claimed(option, tmp_path)):
        over_width = [size(factors(adapted(n, 8, option.option))[index]) for n in WIDTHS]
        over_rank = [size(factors(adapted(512, r, option.option))[index]) for r in RANKS]
        if form is None:
            assert over_width == [0.0] * len(WIDTHS) and over_rank == [0.0] * len(RANKS)
        else:
            assert slope(over_width, WIDTHS) == pytest.approx(float(form.constant), abs=TOLERANCE)
            assert slope(over_rank, RANKS) == pytest.approx(float(form.coefficient("rank")), abs=TOLERANCE)


def test_another_option_s_exponents_are_told_apart() -> None:
    gaussian = [size(factors(adapted(n, 8, "gaussian"))[0]) for n in WIDTHS]
    assert abs(slope(gaussian, WIDTHS) - -0.5) > 0.4


@pytest.mark.parametrize("option", KNOWN, ids=[each.name for each in KNOWN])
def test_what_the_output_and_the_base_are_at_the_start(option: Initialisation) -> None:
    torch.manual_seed(128 + 8)
    plain = Model(128)
    model = adapted(128, 8, option.option)
    x = torch.randn(4, 128)
    moved = size(model(x) - plain(x))
    assert (moved > 0.1) == (option.start is Start.SOMETHING)
    base = model.linear.base_layer.weight
    assert torch.equal(base, plain.linear.weight) == (not option.rewrites_base)
    assert factors(model)[1].requires_grad == (not option.is_b_frozen)


@pytest.mark.parametrize("option", [True, "gaussian"])
def test_an_embedding_starts_with_a_zero_and_b_of_unit_variance(option: object) -> None:
    layer = adapted(256, 16, option, target="embed").embed
    assert size(layer.lora_embedding_A["default"]) == 0
    assert size(layer.lora_embedding_B["default"]) == pytest.approx(1, abs=0.05)


def test_a_dead_adapter_and_an_odd_rank() -> None:
    assert math.isclose(adapted(64, 8, True).linear.scaling["default"], 2.0)
    with pytest.raises(ValueError, match="even"):
        adapted(64, 7, "orthogonal")


def test_every_variant_that_is_read_is_a_field_of_the_configuration_or_was_one() -> None:
    known = {each.name for each in fields(LoraConfig)}
    assert len(known & set(VARIANTS)) >= 7, sorted(set(VARIANTS) - known)


def test_no_variant_of_peft_is_overlooked() -> None:
    marked = {each.name for each in fields(LoraConfig) if each.metadata.get("is_lora_variant")}
    assert marked <= set(VARIANTS)


@pytest.fixture
def plus() -> Iterator[tuple[Any, torch.optim.Optimizer]]:
    torch.manual_seed(0)
    config = LoraConfig(r=4, target_modules=["linear", "embed"], bias="all", modules_to_save=["head"])
    model = get_peft_model(Model(64), config)
    yield model, create_loraplus_optimizer(model, torch.optim.AdamW, lr=1e-4, loraplus_lr_ratio=16, weight_decay=0.1)


def rates(model: Any, optimizer: torch.optim.Optimizer) -> dict[str, float]:
    names = {id(weight): name for name, weight in model.named_parameters()}
    return {names[id(weight)]: group["lr"] for group in optimizer.param_groups for weight in group["params"]}


def test_what_loraplus_does_with_small_tensors_heads_and_embeddings(plus: Any) -> None:
    found = rates(*plus)
    of = {
        part: {rate for name, rate in found.items() if part in name} for part in ("bias", "head.modules", "embedding_")
    }
    assert {round(rate, 12) for rate in of["bias"]} == {16e-4}
    assert {rate for name, rate in found.items() if "head" in name and name.endswith("weight")} == {1e-4}
    assert of["embedding_"] == {1e-6}


def test_loraplus_overrides_a_plain_weight_decay(plus: Any) -> None:
    assert {group["weight_decay"] for group in plus[1].param_groups} == {0.0}
    model = plus[0]
    own = create_loraplus_optimizer(model, torch.optim.AdamW, lr=1e-4, loraplus_lr_ratio=16, loraplus_weight_decay=0.1)
    assert 0.1 in {group["weight_decay"] for group in own.param_groups}


def test_what_peft_writes_is_read(tmp_path: Path) -> None:
    LoraConfig(r=8, target_modules="all-linear").save_pretrained(str(tmp_path))
    assert config_from_file(tmp_path).targets == ("all-linear",)
    assert "peft_type" in json.loads((tmp_path / "adapter_config.json").read_text(encoding="utf-8"))

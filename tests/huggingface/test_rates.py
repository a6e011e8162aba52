"""parameter_groups: the scheme's rate at each layer's width, every parameter once, and decay where it belongs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import LoHaConfig, LoraConfig, PeftModel, get_peft_model
from torch import nn
from transformers import LlamaConfig

from gamma_calc.errors import BadInput, Unknown
from gamma_calc.huggingface import Probe, init_lora_, lora_adapters, parameter_groups, scheme_optimizer
from gamma_calc.huggingface.lint import lint
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.optimizers import OPTIMIZERS
from tests.huggingface.models import IDS, classifier, llama, mixture, wrapped
from tests.schemes import scheme

TARGETS = ("q_proj", "down_proj")  # fan-in 16 and 64


def rates(model: nn.Module, spec: Any, **options: Any) -> dict[tuple[str, int], float]:
    """The rate of every factor, by its letter and its layer's fan-in."""
    by_parameter = {
        id(parameter): group["lr"]
        for group in parameter_groups(model, spec, 1e-3, **options)
        for parameter in group["params"]
    }
    return {
        (key, each.fan_in): by_parameter[id(factor)]
        for each in lora_adapters(model)
        for key, factor in (("A", each.A), ("B", each.B))
    }


@pytest.mark.parametrize(
    ("name", "a", "b"),
    [
        pytest.param("init-a", -0.5, -0.5, id="init-a"),
        pytest.param("init-b", -1.0, -1.0, id="init-b"),
        pytest.param("init-ab", -0.5, -0.5, id="init-ab"),
        pytest.param("lora-plus-a", -1.0, 0.0, id="lora-plus-a"),
        pytest.param("lora-plus-b", -1.0, 0.0, id="lora-plus-b"),
    ],
)
def test_rates_follow_the_derived_exponents(name: str, a: float, b: float) -> None:
    found = rates(init_lora_(wrapped(targets=TARGETS), name), name, base_width=256)
    for (key, n), rate in found.items():
        assert rate == pytest.approx(1e-3 * (n / 256) ** (a if key == "A" else b), rel=1e-12)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "init-a" else pytest.mark.slow) for name in CATALOGUE]
)
def test_doras_factors_go_by_the_law_of_loras_and_its_magnitudes_keep_their_rate(name: str) -> None:
    plain, dora = (init_lora_(wrapped(targets=TARGETS, use_dora=is_dora), name) for is_dora in (False, True))
    groups = [parameter_groups(each, name, 1e-3, base_width=256, other_learning_rate=0.5) for each in (plain, dora)]
    lora, (*factors, magnitudes) = ([(group["name"], group["lr"]) for group in each] for each in groups)
    assert factors == lora and magnitudes == ("others, one-dimensional", 0.5)
    assert {each.shape for each in groups[1][-1]["params"]} == {(16,)}
    with pytest.raises(Unknown, match="not known under a raw step"):
        parameter_groups(dora, CATALOGUE[name].under("sgd"), 1e-3, base_width=256)


def test_each_expert_has_the_rate_of_its_own_fan_in() -> None:
    parameters = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]
    model = init_lora_(wrapped(mixture(), ("q_proj",), target_parameters=parameters), "lora-plus-a")
    groups = parameter_groups(model, "lora-plus-a", 1e-3, base_width=256)
    rates = {(group["name"], group["lr"]) for group in groups}
    assert rates == {
        (f"lora_{key} width {n}", 1e-3 * 256 / n if key == "A" else 1e-3) for n in (16, 64) for key in "AB"
    }
    with pytest.raises(BadInput, match="found a parameter without a layer of its own"):
        Probe(model, torch.optim.SGD(model.parameters()))


def test_at_the_base_width_rates_are_those_that_were_given() -> None:
    model = init_lora_(wrapped(), "lora-plus-a")
    assert rates(model, "lora-plus-a", base_width=16, learning_rate_b=8e-3) == {("A", 16): 1e-3, ("B", 16): 8e-3}


MIXED = {"rank_pattern": {"v_proj": 16}}
"""Beside rank 4 with lora_alpha 4, which v_proj has too unless alpha_pattern says otherwise."""
IN_PROPORTION = {**MIXED, "alpha_pattern": {"v_proj": 16}}
SCALED = {
    # the model, what is said: the rates of q_proj (rank 4) and v_proj (rank 16), the base rank being 4
    "kept": (MIXED, "init-a", {}, (1.0, 1.0)),
    "kept-as-said": (MIXED, "init-a", {"alpha": "fixed"}, (1.0, 1.0)),
    "in-proportion": (IN_PROPORTION, "init-a", {}, (1.0, 0.5)),
    "one-rank-kept": ({"r": 16}, "init-a", {"alpha": "fixed"}, (1.0, 1.0)),
    "one-rank-in-proportion": ({"r": 16}, "init-a", {"alpha": "proportional"}, (0.5, 0.5)),
    "rslora-kept": (
        {**MIXED, "use_rslora": True},
        scheme("-1/2", "zero", "eta", "eta", scale="-rank/2"),
        {},
        (1.0, 4**-0.25),
    ),
    "at-the-base-rank": ({}, "init-a", {}, (1.0, 1.0)),
}


@pytest.mark.parametrize(("options", "spec", "said", "expected"), SCALED.values(), ids=SCALED)
def test_a_rate_follows_the_rank_as_its_layer_s_alpha_does(
    options: dict[str, Any], spec: Any, said: dict[str, Any], expected: tuple[float, float]
) -> None:
    """Init[A]'s largest rate goes as r^(-(1 - k)/2) at a fixed width for s = r^(-k), as the engine derives it."""
    model = init_lora_(wrapped(**options), spec)
    groups = parameter_groups(model, spec, 1e-3, base_width=16, base_rank=4, **said)
    rate = {id(each): group["lr"] / 1e-3 for group in groups for each in group["params"]}
    found = {each.name.rpartition(".")[2]: rate[id(each.A)] for each in lora_adapters(model)}
    assert (found["q_proj"], found["v_proj"]) == pytest.approx(expected)


def test_which_law_holds_goes_by_the_s_of_the_layers() -> None:
    """rsLoRA's s = alpha/r^(1/2) goes from 1/8 to 8^(1/2)/8: r s stays below the width, and r^(3/2) does not."""
    model = wrapped(llama(64), r=32, lora_alpha=2, use_rslora=True)
    groups = parameter_groups(model, "init-a", 1e-3, base_width=64, base_rank=4, alpha="proportional")
    assert [group["lr"] for group in groups] == [pytest.approx(1e-3 * 8**-0.75)] * 2
    large = wrapped(llama(64), r=16, lora_alpha=32)
    with pytest.raises(Unknown, match="from width 16, rank 16, fan-out 16, s = 2 to width 64"):
        parameter_groups(large, "init-a", 1e-3, base_width=16)


UNSAID = {
    "nothing-says-it": ({"r": 16}, "init-a", {}, 'rates were chosen at rank 4: say alpha="fixed"'),
    "neither": ({**MIXED, "alpha_pattern": {"v_proj": 8}}, "init-a", {}, "neither kept nor in proportion"),
    "contradicted": (MIXED, "init-a", {"alpha": "proportional"}, "expected fixed, as the ranks there show"),
    "by-the-scheme-too": (
        {"r": 16},
        scheme("-1/2", "zero", "-1", "-1", scale="-rank"),
        {"alpha": "fixed"},
        "leave alpha out",
    ),
    "another-scale": (IN_PROPORTION, scheme("-1/2", "zero", "-1", "-1", scale="-rank"), {}, "found '-rank', expected"),
}


@pytest.mark.parametrize(("options", "spec", "said", "message"), UNSAID.values(), ids=UNSAID)
def test_a_rank_that_changes_without_a_word_of_alpha_is_refused(
    options: dict[str, Any], spec: Any, said: dict[str, Any], message: str
) -> None:
    model = init_lora_(wrapped(**options), spec)
    with pytest.raises(BadInput, match=message):
        scheme_optimizer(model, spec, 1e-3, base_width=16, base_rank=4, **said)


@pytest.mark.parametrize("base", [{"base_width": 16}, {"base_width": 16, "base_rank": 4}], ids=["width", "rank"])
def test_layers_of_one_rank_and_several_scales_need_a_base_model(base: dict[str, int]) -> None:
    """A's largest rate goes as s^(-1/2) from Init[A], and one base has one s."""
    model = init_lora_(wrapped(alpha_pattern={"v_proj": 16}), "init-a")
    with pytest.raises(BadInput, match=r"s = 1 and s = 4 at one rank r = 4.*give base_model"):
        parameter_groups(model, "init-a", 1e-3, **base)
    groups = parameter_groups(model, "init-a", 1e-3, base_model=llama(64))
    assert {group["lr"] for group in groups} == {2e-3}


def test_every_trained_parameter_stands_in_one_group_and_nothing_else_does() -> None:
    model = init_lora_(wrapped(classifier(), ("query",), task_type="SEQ_CLS", bias="all"), "init-a")
    groups = parameter_groups(model, "init-a", 1e-3, base_width=8, other_learning_rate=5e-4, weight_decay=0.1)
    members = [id(parameter) for group in groups for parameter in group["params"]]
    assert len(members) == len(set(members))
    assert set(members) == {id(parameter) for parameter in model.parameters() if parameter.requires_grad}
    for group in groups:
        is_matrix = {parameter.ndim > 1 for parameter in group["params"]}
        assert is_matrix == {group["weight_decay"] == 0.1}
        assert (group["lr"] == 5e-4) == group["name"].startswith("others")


def test_what_is_said_of_no_decay_is_left_to_the_optimiser() -> None:
    """But one-dimensional tensors have none, and of a decay that goes by the width it has to be said."""
    model = init_lora_(wrapped(classifier(), ("query",), task_type="SEQ_CLS", bias="all"), "init-a")
    optimizer = torch.optim.AdamW(parameter_groups(model, "init-a", 1e-3, base_width=8), weight_decay=0.1)
    for group in optimizer.param_groups:
        assert {group["weight_decay"]} == {0.1 if parameter.ndim > 1 else 0.0 for parameter in group["params"]}
    shrinking = scheme("-1/2", "zero", "-1/2", "-1/2", decay="1/2")
    with pytest.raises(BadInput, match="its decay goes by the width; say weight_decay at the base, 0 for none"):
        parameter_groups(init_lora_(wrapped(), shrinking), shrinking, 1e-3, base_width=64)
    assert {group["weight_decay"] for group in scheme_optimizer(model, "init-a", 1e-3, base_width=8).param_groups} == {
        0
    }


def test_a_frozen_factor_is_left_out() -> None:
    half = replace(CATALOGUE["init-a"], trained=frozenset({"B"}))
    groups = parameter_groups(init_lora_(wrapped(), half), half, 1e-3, base_width=16)
    assert [group["name"] for group in groups] == ["lora_B width 16"]


@pytest.mark.parametrize(
    ("optimizer", "kind", "expected"),
    [
        pytest.param("adam", torch.optim.AdamW, {"betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0}, id="adam"),
        pytest.param("sign", torch.optim.AdamW, {"betas": (0.0, 0.0), "eps": 1e-30}, id="sign"),
        pytest.param("sgd", torch.optim.SGD, {"momentum": 0, "weight_decay": 0.0}, id="sgd"),
    ],
)
def test_the_schemes_own_optimiser_trains_in_a_plain_loop(optimizer: str, kind: type, expected: dict[str, Any]) -> None:
    subject = CATALOGUE["init-a"].under(optimizer)
    model = init_lora_(wrapped(), subject)
    found = scheme_optimizer(model, subject, 1e-3, base_width=16)
    assert isinstance(found, kind)
    assert {key: found.param_groups[0][key] for key in expected} == expected
    before = [(each.A.clone(), each.B.clone()) for each in lora_adapters(model)]
    model(input_ids=IDS).logits.square().mean().backward()
    found.step()
    for (a, b), each in zip(before, lora_adapters(model), strict=True):
        assert torch.equal(a, each.A) and not torch.equal(b, each.B)  # B = 0 gives A no gradient at step 1


def test_an_adapter_that_adds_nothing_has_no_rate() -> None:
    with pytest.raises(BadInput, match="at 0 the adapter adds nothing, and no step changes that"):
        parameter_groups(wrapped(lora_alpha=0), "init-a", 1e-3, base_width=16)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"base_width": 0}, "base_width", id="width"),
        pytest.param({"base_width": 16, "base_rank": 0}, "rank", id="rank"),
        pytest.param({"base_width": 16, "weight_decay": -1.0}, "weight_decay", id="decay"),
        pytest.param({"base_width": 16, "learning_rate_b": float("nan")}, "learning_rate_b", id="nan"),
        pytest.param({"base_width": 16, "other_learning_rate": 0}, "other_learning_rate", id="others"),
        pytest.param({"base_width": 16, "base_rank": -3}, "base_rank: found -3", id="base-rank"),
    ],
)
def test_bad_numbers(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        parameter_groups(init_lora_(wrapped(), "init-a"), "init-a", 1e-3, **options)


def test_numbers_may_be_numpys() -> None:
    model = init_lora_(wrapped(), "init-a")
    groups: list[Any] = [
        *parameter_groups(model, "init-a", 1e-3, base_width=64),
        *parameter_groups(model, "init-a", np.float64(1e-3), base_width=np.int64(64)),  # type: ignore[arg-type]
        *parameter_groups(model, "init-a", Fraction(1, 1000), base_width=64),  # type: ignore[arg-type]
    ]
    assert {type(group["lr"]) for group in groups} == {float} and len({group["lr"] for group in groups}) == 1


def test_decay_follows_its_own_exponent_where_the_scheme_has_one() -> None:
    subject = scheme("-1/2", "zero", "-1/2", "-1/2", decay="1/2")
    groups = parameter_groups(init_lora_(wrapped(), subject), subject, 1e-3, base_width=64, weight_decay=0.1)
    assert {group["weight_decay"] for group in groups} == {0.05}  # (16 / 64)^(1/2)


def test_refusals() -> None:
    mixed = init_lora_(wrapped(rank_pattern={"v_proj": 8}), "init-a")
    with pytest.raises(BadInput, match="ranks 4, 8; give the base_rank"):
        parameter_groups(mixed, "init-a", 1e-3, base_width=16)
    with pytest.raises(BadInput, match="the rates a and b are free"):
        parameter_groups(wrapped(), scheme("-1/2", "zero", "a", "b"), 1e-3, base_width=16)
    half = replace(CATALOGUE["init-a"], trained=frozenset({"B"}))
    with pytest.raises(BadInput, match=r"A is trained, and init-a has it frozen; freeze it with requires_grad_"):
        parameter_groups(wrapped(), half, 1e-3, base_width=16)
    with pytest.raises(BadInput, match="no LoRA layers"):
        parameter_groups(llama(), "init-a", 1e-3, base_width=16)


def loaded(path: Path) -> PeftModel:
    wrapped().save_pretrained(path)
    return PeftModel.from_pretrained(llama(), path)


def disabled(_: Path) -> PeftModel:
    model = wrapped()
    model.base_model.disable_adapter_layers()
    return model


def inactive(_: Path) -> PeftModel:
    model = wrapped()
    model.add_adapter("two", LoraConfig(r=2, target_modules=["k_proj"]))
    model.set_adapter("two")
    return model


FROZEN: dict[str, Callable[[Path], PeftModel]] = {
    "loaded": loaded,
    "disabled": disabled,
    "inactive": inactive,
    "inference": lambda _: wrapped(inference_mode=True),
}


@pytest.mark.parametrize("made", FROZEN.values(), ids=FROZEN)
def test_an_adapter_that_is_frozen_is_told_how_it_trains_with_its_weights(
    made: Callable[[Path], PeftModel], tmp_path: Path
) -> None:
    model = made(tmp_path)
    before = [each.A.clone() for each in lora_adapters(model, "default")]
    with pytest.raises(BadInput, match=r"A is frozen.*trained; train it: model.set_adapter.*draws A and B anew"):
        parameter_groups(model, "init-a", 1e-3, base_width=16, adapter="default")
    model.set_adapter("default")  # the advice
    groups = parameter_groups(model, "init-a", 1e-3, base_width=16)
    assert [group["name"] for group in groups] == ["lora_A width 16", "lora_B width 16"]
    after = [each.A for each in lora_adapters(model)]
    assert all(torch.equal(*pair) for pair in zip(before, after, strict=True))


@pytest.mark.parametrize("options", [{}, {"use_dora": True}], ids=["lora", "dora"])
def test_trained_factors_of_another_adapter_are_refused_and_not_taken_for_a_head(options: dict[str, Any]) -> None:
    model = wrapped()
    model.add_adapter("two", LoraConfig(r=2, target_modules=["k_proj"], **options))
    model.base_model.set_adapter(["default", "two"])
    for asked, other in (("two", "default"), ("default", "two")):
        with pytest.raises(BadInput, match=f"the factors of adapter {other} are trained beside those of {asked}"):
            parameter_groups(model, "init-a", 1e-3, base_width=16, adapter=asked)
    model.set_adapter("two")  # the advice
    groups = parameter_groups(model, "init-a", 1e-3, base_width=16, other_learning_rate=1e-5)
    assert sum(len(group["params"]) for group in groups if group["name"].startswith("lora")) == 4


def test_trained_factors_of_another_kind_are_refused_too() -> None:
    model = get_peft_model(llama(), LoraConfig(r=4, target_modules=["q_proj"]), mixed=True)
    model.add_adapter("two", LoHaConfig(r=4, target_modules=["k_proj"]))
    model.set_adapter(["default", "two"])
    with pytest.raises(BadInput, match="k_proj: the factors of adapter two are trained beside those of default"):
        parameter_groups(model, "init-a", 1e-3, base_width=16, adapter="default")
    model.set_adapter("default")  # the advice
    assert [len(group["params"]) for group in parameter_groups(model, "init-a", 1e-3, base_width=16)] == [2, 2]


def test_micas_b_stays_frozen_under_a_scheme_that_trains_it() -> None:
    with pytest.raises(BadInput, match="B is frozen, and init-a has it trained; MiCA freezes it: take lint"):
        parameter_groups(wrapped(init_lora_weights="mica"), "init-a", 1e-3, base_width=16)


def test_one_width_is_no_base_of_layers_whose_rate_goes_by_their_fan_out() -> None:
    """Under a raw step the largest stable rate of Init[B] is n^(-1) m^(-1/2)."""
    descent = replace(scheme("zero", "-rank/2", "eta", "eta"), optimizer=OPTIMIZERS["sgd"])
    square, oblong = wrapped(llama(64)), wrapped(llama(64), targets=TARGETS)
    rates = {group["lr"] for group in parameter_groups(square, descent, 1e-3, base_width=16) if group["params"]}
    assert [*rates] == pytest.approx([1e-3 * 4**-1.5])
    with pytest.raises(BadInput, match=r"down_proj: found fan-in 256 and fan-out 64; the rates of .* give base_model"):
        parameter_groups(oblong, descent, 1e-3, base_width=16)
    assert parameter_groups(oblong, descent, 1e-3, base_model=llama(16))


def test_mica_goes_by_the_law_of_what_it_trains() -> None:
    """B comes from W, is of size m^(-1/2) and frozen; the largest stable rate of A is m^(1/2)/n."""
    model = wrapped(llama(64), targets=TARGETS, init_lora_weights="mica")
    own = lint({"peft_type": "LORA", "r": 4, "lora_alpha": 4, "init_lora_weights": "mica"}).scheme
    square = wrapped(llama(64), init_lora_weights="mica")
    assert {group["lr"] for group in parameter_groups(square, own, 1e-3, base_width=16)} == {5e-4}
    with pytest.raises(BadInput, match=r"down_proj: found fan-in 256 and fan-out 64.*give base_model"):
        parameter_groups(model, own, 1e-3, base_width=16)
    groups = parameter_groups(model, own, 1e-3, base_model=llama(16))
    trained = {id(each) for each in model.parameters() if each.requires_grad}
    assert {id(each) for group in groups for each in group["params"]} == trained
    assert {group["lr"] for group in groups} == {5e-4}  # both fan-in and fan-out are four times as large
    taller = LlamaConfig(hidden_size=16, intermediate_size=256, num_hidden_layers=2, num_attention_heads=2)
    rates = {group["name"]: group["lr"] for group in parameter_groups(model, own, 1e-3, base_model=taller)}
    assert rates == {
        "lora_A width 64, fan-out 64, from width 16, fan-out 16": 5e-4,
        "lora_A width 256, fan-out 64, from width 256, fan-out 16": 2e-3,
    }
    other = scheme("zero", "-rank/2", "eta", "eta")
    with pytest.raises(BadInput, match="B: found '-rank/2, frozen', expected -1/2 and frozen, as MiCA has it"):
        parameter_groups(model, replace(other, trained=frozenset("A")), 1e-3, base_model=llama(16))
    with pytest.raises(BadInput, match="MiCA, whose B is made from W and frozen; wrap the model with"):
        init_lora_(model, "init-b")

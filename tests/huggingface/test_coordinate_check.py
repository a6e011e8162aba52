"""The coordinate check: one module passes whole, a false prediction fails, and a real model is judged honestly."""

from __future__ import annotations

import json
import math
import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn

from gamma_calc.errors import BadInput
from gamma_calc.experiment.prediction import Predicted, Prediction
from gamma_calc.huggingface import CoordinateCheck, CoordinateLayout, coordinate_check
from gamma_calc.huggingface.coordinates import together
from gamma_calc.huggingface.family_training import MakeModel
from gamma_calc.simulation.verdicts import Verdict
from tests.schemes import scheme
from validation.architectures import LOSSES, FamilyShape, family_model

WIDTHS = tuple(2**k for k in range(4, 11))
SAMPLES = 2


class Module(nn.Module):
    """The module of the theory with PEFT's own forward: fixed inputs, and a fixed gradient on the outputs."""

    def __init__(self, width: int, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1000 * width + seed)
        self.linear = nn.Linear(width, width, bias=False)
        self.z = torch.randn(SAMPLES, width, generator=generator)
        self.slope = torch.randn(SAMPLES, width, generator=generator).sign()

    def forward(self) -> Tensor:
        return (self.linear(self.z) * self.slope).sum()


FEW = pytest.mark.filterwarnings("ignore:nothing is settled")
"""Of a test that looks at what is measured, for which fewer widths do than for a verdict."""


def module(width: int, seed: int) -> nn.Module:
    return get_peft_model(Module(width, seed), LoraConfig(r=5, lora_alpha=5, target_modules=["linear"]))


def plain_loss(model: nn.Module, seed: int) -> Tensor:
    return model()


@pytest.fixture(scope="module")
def found() -> CoordinateCheck:
    return coordinate_check(module, plain_loss, "init-a", "lora-plus-a", layout=CoordinateLayout(WIDTHS, seeds=12))


def test_no_exponent_of_the_module_is_refuted_and_most_are_confirmed(found: CoordinateCheck) -> None:
    verdicts = [row.verdict for row in found.rows]
    assert len(verdicts) == 2 * 3 * 8
    assert Verdict.FAIL not in verdicts, [row.reason for row in found.rows if row.verdict is Verdict.FAIL]
    assert verdicts.count(Verdict.PASS) > len(verdicts) / 2
    assert found.assumed is Verdict.PASS and found.warnings == ()


def test_the_control_fails(found: CoordinateCheck) -> None:
    assert found.control is Verdict.FAIL
    assert "fails as it has to" in found.summary
    for layer in found.layers:
        assert ("Z_A", 1) not in {(row.quantity, row.t) for row in layer.control}  # the same without the assumption
    first, *others = found.layers
    assert replace(found, layers=(replace(first, control=first.rows[:1]), *others)).control is Verdict.PASS


@FEW
def test_each_scheme_has_the_prefactor_that_suits_its_step() -> None:
    layout, raw = CoordinateLayout((16,), seeds=1, steps=1), scheme("-1/2", "zero", "-1", "-1", optimizer="sgd")
    found = [coordinate_check(module, plain_loss, *each, layout=layout) for each in (("init-a", raw), (raw,))]
    assert [layer["prefactor"] for layer in found[0].json()["layers"]] == ["4", "1/16"]
    assert [each.json()["settings"]["prefactor"] for each in found] == ["4, 1/16", "1/16"]
    (_, beside), (alone,) = (each.layers for each in found)
    assert beside.measurement.mean_square == alone.measurement.mean_square


def test_too_few_widths_are_told_before_anything_is_trained() -> None:
    def untrained(width: int, seed: int) -> nn.Module:
        raise AssertionError

    five, seeds = CoordinateLayout(WIDTHS[:5]), CoordinateLayout(WIDTHS, seeds=2)
    for layout, word in ((five, "5 widths, and at least 6 are needed"), (seeds, "2 runs are left to fit")):
        with pytest.warns(UserWarning, match=f"nothing is settled: {word}"), pytest.raises(AssertionError):
            coordinate_check(untrained, plain_loss, "init-a", layout=layout)


@FEW
def test_too_few_widths_are_told_in_the_summary() -> None:
    found = coordinate_check(module, plain_loss, "init-a", layout=CoordinateLayout(WIDTHS[:2], seeds=3, steps=1))
    assert found.summary == "INCONCLUSIVE: nothing is settled: 2 widths, and at least 6 are needed."
    assert found.json()["warnings"][0] == "nothing is settled: 2 widths, and at least 6 are needed"


def test_a_print_is_a_table_of_the_layers_and_no_arrays(found: CoordinateCheck) -> None:
    head, *rows = str(found).splitlines()
    assert head.split() == ["scheme", "layer", "PASS", "FAIL", "INCONCLUSIVE"]
    assert [row.split()[:2] for row in rows[:2]] == [["init-a", "linear"], ["lora-plus-a", "linear"]]
    assert rows[-1] == found.summary and len(rows) == 3
    assert repr(found) == f"<coordinate check of 2 layers: {found.verdict.value}>"


def test_another_schemes_predictions_fail() -> None:
    layout = CoordinateLayout(WIDTHS, seeds=8, steps=2)
    assert coordinate_check(module, plain_loss, "init-a", against="init-b", layout=layout).verdict is Verdict.FAIL


def test_the_alignments_that_are_measured_agree_and_others_fail() -> None:
    """U_A Z, whose terms all agree, grows by n: 0.98 of that is within the tolerance, 1/2 is not."""
    layout = CoordinateLayout(WIDTHS, seeds=8, steps=2)
    measured = coordinate_check(module, plain_loss, "init-a", layout=layout, align={"aligned": "0.98"})
    assert Verdict.FAIL not in [row.verdict for row in measured.rows]
    other = coordinate_check(module, plain_loss, "init-a", layout=layout, align={"aligned": "1/2"})
    assert other.verdict is Verdict.FAIL
    with pytest.raises(BadInput, match="an alignment: found 'alpha', expected a number"):
        coordinate_check(module, plain_loss, "init-a", layout=layout, align={"aligned": "alpha"})


def test_the_assumed_alignments_are_measured_and_others_are_refuted(found: CoordinateCheck) -> None:
    every = [each for layer in found.layers for each in layer.alignments]
    assert {(each.part, str(each.judged.predicted)) for each in every} == {("A_0", "1/2"), ("U_A", "1")}
    assert {each.judged.judgement.verdict for each in every} == {Verdict.PASS}
    assert found.alignments == pytest.approx({"independent": 0.5, "aligned": 1}, abs=0.02)
    layout = CoordinateLayout(WIDTHS, seeds=12)
    (other,) = coordinate_check(module, plain_loss, "init-a", layout=layout, align={"aligned": "1/2"}).layers
    assert {(each.part, each.judged.judgement.verdict) for each in other.alignments if each.t > 1} == {
        ("A_0", Verdict.PASS),
        ("U_A", Verdict.FAIL),
    }


def test_weight_decay_moves_a_at_step_one_as_its_rule_says() -> None:
    """AdamW with its default decay: A's first change is -eta lambda A_0, and delta_3 is finite at once."""
    layout = CoordinateLayout(WIDTHS, seeds=12, steps=2)
    decaying = scheme("-1/2", "zero", "-1/2", "-1/2", decay="0")
    found = coordinate_check(module, plain_loss, decaying, layout=layout, weight_decay=0.01)
    first = {row.quantity: row for row in found.rows if row.t == 1}
    assert Verdict.FAIL not in [row.verdict for row in found.rows], [row.reason for row in found.rows]
    assert str(first["delta_3"].leading.predicted) == "-1" and first["delta_3"].verdict is Verdict.PASS
    plain = scheme("-1/2", "zero", "-1/2", "-1/2")
    against = coordinate_check(module, plain_loss, decaying, layout=layout, weight_decay=0.01, against=plain)
    assert {row.quantity for row in against.rows if row.t == 1 and row.verdict is Verdict.FAIL} >= {"delta_3"}


def test_the_json_has_every_verdict_and_the_alignments_of_each_layer(found: CoordinateCheck) -> None:
    data = json.loads(json.dumps(found.json()))
    assert (data["schema"], data["verdict"]) == (1, found.verdict.value)
    assert [row["layer"] for row in data["quantities"]] == [layer.layer for layer in found.layers for _ in layer.rows]
    assert [layer["scheme"] for layer in data["layers"]] == ["init-a", "lora-plus-a"]
    assert {row["part"] for row in data["layers"][0]["alignments"]} == {"A_0", "U_A"}


@FEW
@pytest.mark.parametrize("name", ["llama", "roberta"])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_family_of_real_models_keeps_its_inputs_size(name: str, loss: str) -> None:
    shape = FamilyShape(rank=4, length=3)
    layout = CoordinateLayout((16, 32, 64), seeds=3, steps=2)
    seen = coordinate_check(
        lambda width, seed: family_model(name, width, seed, shape),
        lambda model, seed: LOSSES[loss](model, seed, shape),
        "init-a",
        layout=layout,
    )
    assert len(seen.layers) == 4 and seen.verdict is Verdict.INCONCLUSIVE  # three widths settle nothing
    for layer in seen.layers:
        sizes = [math.sqrt(float(values.mean())) for values in layer.measurement.inputs.values()]
        assert all(0.5 < size < 2 for size in sizes)
        assert all(abs(each.measured or 0) < 0.1 for each in layer.assumed)
        zero = {(row.quantity, row.t) for row in layer.rows if row.leading.estimate.is_zero}
        assert zero == {("delta_1", 1), ("delta_3", 1)}  # B = 0: A takes no first step, in PEFT's own forward too


def test_pretraining_moves_the_matrices_and_lowers_the_loss() -> None:
    fresh, trained = (family_model("llama", 64, 0, FamilyShape(pretraining=steps)) for steps in (0, 40))
    losses = [
        sum(float(LOSSES["cross-entropy"](model, seed).detach()) for seed in range(20)) for model in (fresh, trained)
    ]
    assert losses[1] < 0.9 * losses[0]
    name = "base_model.model.model.embed_tokens.weight"
    assert torch.equal(fresh.state_dict()[name], trained.state_dict()[name])


def test_a_model_of_a_family_is_the_same_again() -> None:
    one, other = (family_model("llama", 32, 5).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda: family_model("lama", 32, 0), "Did you mean 'llama'", id="family"),
        pytest.param(lambda: family_model("llama", 40, 0), "multiple of the head size", id="width"),
        pytest.param(lambda: coordinate_check(module, plain_loss), "no scheme", id="no-scheme"),
        pytest.param(
            lambda: coordinate_check(module, plain_loss, "rslora"), "speaks of one module: found 'rslora'", id="rslora"
        ),
        pytest.param(
            lambda: coordinate_check(module, plain_loss, scheme("-1/2", "zero", "a", "b")),
            "a, b are free; .*: give scheme.at\\({'a': '-1', 'b': '0'}\\)",
            id="two-rates",
        ),
        pytest.param(lambda: CoordinateLayout((32, 16)), "each above the one before", id="widths"),
        pytest.param(lambda: CoordinateLayout(seeds=0), "seeds", id="seeds"),
        pytest.param(
            lambda: coordinate_check(module, plain_loss, "init-a", weight_decay=0.1), "no weight decay", id="decay"
        ),
        *(
            pytest.param(
                lambda k=k: coordinate_check(module, plain_loss, "init-a", prefactor=k), "prefactor: found", id=f"k={k}"
            )
            for k in (0, -1, "x")
        ),
    ],
)
def test_bad_input(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(BadInput, match=message):
        make()


@FEW
def test_more_than_the_adapters_may_not_be_trained() -> None:
    def trained(width: int, seed: int) -> nn.Module:
        model = module(width, seed)
        model.requires_grad_(True)
        return model

    with pytest.raises(BadInput, match=r"linear.base_layer.weight is trained"):
        coordinate_check(trained, plain_loss, "init-a", layout=CoordinateLayout((16,), seeds=1))


def family(grown: Callable[[int], int] = lambda width: width, **options: Any) -> MakeModel:
    """Models of two modules."""

    def make(width: int, seed: int) -> nn.Module:
        both = nn.ModuleDict({name: Module(grown(width), seed) for name in ("one", "two")})
        return get_peft_model(both, LoraConfig(**{"r": 4, "lora_alpha": 4, "target_modules": ["linear"], **options}))

    return make


def both_losses(model: nn.Module, seed: int) -> Tensor:
    return model.get_submodule("base_model.model.one")() + model.get_submodule("base_model.model.two")()


OF_FAN_IN = (
    r"layer base_model.model.one.linear: found fan-in {} at width 16 and {} at width 32, expected one in proport"
)
OF_PATTERNS = (
    r"one.linear r = {}, s = {} and .*two.linear r = 4, s = 1, expected one rank and one lora_alpha in all layers"
)
OF_DROPOUT = r"linear: found lora_dropout of 0.1, expected none, for one loss at every step"


@FEW
@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(family(lambda _: 32), OF_FAN_IN.format(32, 32), id="fixed"),
        pytest.param(family(lambda width: 48 if width == 16 else 64), OF_FAN_IN.format(48, 64), id="half-grown"),
        pytest.param(family(rank_pattern={"one.linear": 2}), OF_PATTERNS.format(2, 2), id="rank_pattern"),
        pytest.param(family(alpha_pattern={"one.linear": 8}), OF_PATTERNS.format(4, 2), id="alpha_pattern"),
        pytest.param(family(lora_dropout=0.1), OF_DROPOUT, id="dropout"),
    ],
)
def test_a_family_outside_the_theory_is_told_what_it_has(make: MakeModel, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        coordinate_check(make, both_losses, "init-a", layout=CoordinateLayout((16, 32), seeds=1, steps=1))


@FEW
@pytest.mark.parametrize(("power", "is_told"), [(-0.5, False), (0.0, True), (-1.0, True)])
def test_frozen_entries_of_another_law_are_told_before_anything_is_trained(power: float, is_told: bool) -> None:
    def make(width: int, seed: int) -> nn.Module:
        model = family()(width, seed)
        for name in ("one", "two"):
            nn.init.normal_(model.get_submodule(f"base_model.model.{name}.linear.base_layer").weight, std=width**power)
        return model

    def untrained(model: nn.Module, seed: int) -> Tensor:
        raise AssertionError

    layout = CoordinateLayout((16, 64), seeds=1, steps=1)
    words = r"frozen entries of (?:one|two).linear and of 1 more are n\^\((.*?)\) in the fan-in n, and theory"
    with warnings.catch_warnings(record=True) as told, pytest.raises(AssertionError):
        warnings.simplefilter("always")
        coordinate_check(make, untrained, "init-a", layout=layout)
    found = [float(match[1]) for each in told if (match := re.match(words, str(each.message)))]
    assert found == ([pytest.approx(power, abs=0.1)] if is_told else [])


@FEW
@pytest.mark.filterwarnings("ignore:frozen entries")
def test_frozen_entries_of_another_law_are_in_the_answer() -> None:
    def make(width: int, seed: int) -> nn.Module:
        model = module(width, seed)
        nn.init.normal_(model.get_submodule("base_model.model.linear.base_layer").weight, std=0.02)
        return model

    layout = CoordinateLayout((16, 64), seeds=2, steps=1)
    found = coordinate_check(make, plain_loss, "init-a", layout=layout)
    assert found.other_laws == {"linear": pytest.approx(0, abs=0.1)}
    assert any(each.startswith("frozen entries of linear are n^") for each in found.json()["warnings"])
    assert coordinate_check(module, plain_loss, "init-a", layout=layout).other_laws == {}


@FEW
def test_a_fan_in_may_be_rounded_and_dropout_be_off() -> None:
    make = family(lambda width: width + 1, lora_dropout=0.1)
    layout = CoordinateLayout((16, 32), seeds=1, steps=1)
    found = coordinate_check(lambda width, seed: make(width, seed).eval(), both_losses, "init-a", layout=layout)
    assert len(found.layers) == 2


@FEW
@pytest.mark.parametrize(
    ("loss", "found"),
    [
        pytest.param(lambda model, _: 1.0, "float", id="number"),
        pytest.param(lambda model, _: None, "NoneType", id="none"),
        pytest.param(lambda model, _: model() * torch.ones(3), r"a tensor of shape \(3,\)", id="vector"),
        pytest.param(lambda model, _: model().detach(), r"a tensor of shape \(\) without a gradient", id="detached"),
    ],
)
def test_a_loss_is_one_number_with_its_gradient(loss: Any, found: str) -> None:
    layout = CoordinateLayout((16,), seeds=1, steps=1)
    with pytest.raises(BadInput, match=f"loss: found {found}, expected a tensor of one number, with its gradient"):
        coordinate_check(module, loss, "init-a", layout=layout)


@pytest.mark.parametrize(
    ("one", "other", "joined"),
    [
        # of equal size a sum is known unless both parts are only bounded; else the larger part is the sum
        (Predicted(Fraction(-1), True), Predicted(Fraction(-1)), Predicted(Fraction(-1))),
        (Predicted(Fraction(-1), True), Predicted(Fraction(-1), True), Predicted(Fraction(-1), True)),
        (Predicted(Fraction(-1)), Predicted(Fraction(-1)), Predicted(Fraction(-1))),
        (Predicted(Fraction(0), True), Predicted(Fraction(-1)), Predicted(Fraction(0), True)),
        (Predicted(None), Predicted(Fraction(-1), True), Predicted(Fraction(-1), True)),
    ],
)
def test_a_joined_step_is_known_where_its_larger_part_is(one: Predicted, other: Predicted, joined: Predicted) -> None:
    for first, second in ((one, other), (other, one)):
        terms = {("dA_0",): first, ("dU_A",): second}
        assert together(Prediction("A", 1, Predicted(None), terms)).terms == {("dA",): joined}


def test_decay_is_joined_to_the_step_it_is_measured_with() -> None:
    terms = {("dA",): Predicted(None), ("dA_0",): Predicted(Fraction(-1)), ("dU_A",): Predicted(Fraction(-2), True)}
    joined = together(Prediction("A", 1, Predicted(Fraction(-1)), terms))
    assert joined.terms == {("dA",): Predicted(Fraction(-1))}

"""Exponents by optimiser: the largest stable rate of both inits, derived, and every exponent there against slopes."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gamma_calc.algebra import Affine, parsed_exponent
from gamma_calc.analysis.decision import Status
from gamma_calc.analysis.derivation import derived
from gamma_calc.analysis.equivalence import equivalence
from gamma_calc.calculus.assumptions import NEGLIGIBLE_EPSILON, SPANNING
from gamma_calc.calculus.components import Component
from gamma_calc.calculus.policy import CALCULUS, Policy
from gamma_calc.calculus.provenance import Provenance
from gamma_calc.calculus.recursion import ExponentStep, trajectory
from gamma_calc.calculus.size import Size
from gamma_calc.calculus.update_rules import normalised_step, orthogonalised_step
from gamma_calc.certificate.premises import premises
from gamma_calc.errors import BadInput, Unknown
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import Contraction, Given, Trained
from gamma_calc.program.lora import lora_module
from gamma_calc.program.optimizers import ADAM, OPTIMIZERS, SIMPLE
from gamma_calc.program.program import Program
from gamma_calc.program.rank import growing_rank
from gamma_calc.program.scheme import Scheme
from gamma_calc.simulation.program_sizes import ProgramExperiment, program_sizes
from gamma_calc.simulation.torch_reading import TorchReading, trained_in_torch
from tests.schemes import scheme

INITS = {"init-a": ("-1/2", "zero"), "init-b": ("zero", "0")}
STEPS, WIDTHS = 3, (2**9, 2**12)
TOLERANCE = 0.15
"""Of a slope between two widths; neighbouring exponents are 1/2 apart, and parts that are n^(1/2) below others bend one
by 0.06 or less."""

# the largest stable rate from Init[A] and from Init[B], as the literature has it or as derived by hand
LARGEST = {
    "adam": ("-1/2", "-1"),
    "sign": ("-1/2", "-1"),
    "adamw": ("-1/2", "-1"),
    "lion": ("-1/2", "-1"),  # a sign, of a mixture of gradients
    "adafactor": ("-1/2", "-1"),  # floor n^0: Adam's exponents
    "adafactor-unscaled": ("-1/2", "-1"),
    "rmsprop": ("-1/2", "-1"),
    "muon-rms": ("-1/2", "-1"),  # by design those of Adam
    "muon": ("0", "0"),  # A moves by n^-1, B by n^0 an entry: the ratio of LoRA+ is built in
    "muon-original": ("-1/4", "-1/2"),  # A moves by n^(-1/2), B by n^0: half the ratio of LoRA+
    "sgd": ("-1", "-3/2"),
    "momentum": ("-1", "-3/2"),
    "nesterov": ("-1", "-3/2"),
    "sgd-clipped": ("0", "-1/2"),  # |G_B| = n^(1/2) from Init[A], |G_A| = n from Init[B], at first
    "adam-clipped": ("-1/2", "-1"),
}


def at(init: str, optimizer: str, rate: str) -> Scheme:
    return scheme(*INITS[init], rate, rate, optimizer=optimizer)


def test_the_table_is_of_all_optimisers() -> None:
    assert set(LARGEST) == set(OPTIMIZERS)


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("optimizer", LARGEST)
def test_largest_stable_rates(optimizer: str, init: str) -> None:
    (found,) = derived(at(init, optimizer, "eta")).max_stable.values()
    assert (str(found.exponent), found.attained) == (dict(zip(INITS, LARGEST[optimizer], strict=True))[init], True)


def slopes(experiment: ProgramExperiment) -> dict[tuple[int, str], float]:
    octaves = math.log2(WIDTHS[1] / WIDTHS[0])
    wholes = {key[:2]: square for key, square in program_sizes(experiment).mean_square.items() if key[2] is None}
    medians = {key: np.median(square, axis=1) for key, square in wholes.items()}
    return {key: math.log2(wide / narrow) / 2 / octaves for key, (narrow, wide) in medians.items()}


def mismatches(subject: Scheme, under: Scheme) -> list[tuple[int, str, str, float]]:
    """Where the slopes of one scheme are not the exponents derived for another one."""
    program = lora_module(subject)
    k = {"eta": 1 / 4 if program.is_polynomial else 4, "beta": 1 / 4, "lambda": 1 / 16}  # see `experiment.setup`
    prefactors = {f"{key}_{name}": value for key, value in k.items() for name in "AB"}
    measured = slopes(ProgramExperiment(program, WIDTHS, 12, STEPS, prefactors=prefactors, first={"rank": 5}))
    return [
        (step.t, name, str(size), round(measured[step.t, name], 2))
        for step in trajectory(lora_module(under), STEPS, under.domain).upto(STEPS)
        for name, size in step.sizes.items()
        if (step.t, name) in measured
        and (size.upper.is_vanishing or abs(measured[step.t, name] - float(Fraction(str(size)))) > TOLERANCE)
    ]


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("optimizer", sorted(set(LARGEST) - {"adam", "sign", "sgd"}))
def test_slopes_are_the_exponents(optimizer: str, init: str) -> None:
    subject = at(init, optimizer, dict(zip(INITS, LARGEST[optimizer], strict=True))[init])
    assert not mismatches(subject, subject)


def test_lion_is_its_published_program() -> None:
    """Chen et al., program 1: update = sign(interp(g, m, 0.9)), m = interp(g, m, 0.99); gradients change sign."""
    generator = torch.Generator().manual_seed(3)
    shapes = {"Z": (7, 2), "dZ": (5, 2), "A": (3, 7), "B": (5, 3)}
    values = {name: torch.randn(*shape, generator=generator, dtype=torch.float64) for name, shape in shapes.items()}
    program = lora_module(scheme("-1/2", "-1/2", "eta", "eta", optimizer="lion"))
    reading = TorchReading(program.optimizer, values, {"A": 0.03, "B": 0.02}, {"s": 1.0})
    a, b = values["A"], values["B"]
    m = {"A": torch.zeros_like(a), "B": torch.zeros_like(b)}
    for step in trained_in_torch(program, reading, 60):
        gradient = {"A": b.mT @ values["dZ"] @ values["Z"].mT, "B": values["dZ"] @ (a @ values["Z"]).mT}
        update = {name: torch.sign(0.9 * m[name] + 0.1 * gradient[name]) for name in m}
        m = {name: 0.99 * m[name] + 0.01 * gradient[name] for name in m}
        a, b = a - 0.03 * update["A"], b - 0.02 * update["B"]
        for name, expected in (("A", a), ("B", b)):
            torch.testing.assert_close(sum(term for _, term in step.after[name]), expected, rtol=1e-10, atol=0)


BESIDE = {
    "epsilon above": (("zero", "0"), "adam", {"epsilon": "1"}, "-1/2"),
    "epsilon between": (("zero", "0"), "adam", {"epsilon": "1/2"}, "-1"),
    "a low floor": (("zero", "0"), "adafactor", {"floor": "-1/2"}, "-1/2"),
    "no floor": (("-1/2", "-1/2"), "adafactor", {"floor": "zero"}, "0"),
}


@pytest.mark.parametrize(("init", "optimizer", "beside", "rate"), BESIDE.values(), ids=BESIDE)
def test_what_a_rule_compares_with(init: tuple[str, str], optimizer: str, beside: dict[str, str], rate: str) -> None:
    (found,) = derived(scheme(*init, "eta", "eta", optimizer=optimizer, **beside)).max_stable.values()
    assert str(found.exponent) == rate
    subject = scheme(*init, rate, rate, optimizer=optimizer, **beside)
    assert not mismatches(subject, subject)


@pytest.mark.parametrize(
    ("one", "other"), [("muon", "muon-rms"), ("muon-original", "muon"), ("sgd-clipped", "sgd"), ("adafactor", "sgd")]
)
def test_one_optimiser_is_not_measured_as_another(one: str, other: str) -> None:
    assert mismatches(at("init-a", one, "-1/2"), at("init-a", other, "-1/2"))


@pytest.mark.parametrize("init", INITS)
def test_matched_muon_has_adams_exponents_and_spectral_muon_those_of_lora_plus(init: str) -> None:
    def steps(subject: Scheme) -> list[ExponentStep]:
        return list(trajectory(lora_module(subject), 4).upto(4))

    adam, matched = (steps(at(init, name, "-3/4")) for name in ("adam", "muon-rms"))
    assert [each.sizes for each in adam] == [each.sizes for each in matched]
    plus, spectral = (steps(scheme(*INITS[init], *rates)) for rates in (("-7/4", "-3/4"),) * 2)
    spectral = steps(at(init, "muon", "-3/4"))
    assert [each.sizes for each in plus] == [each.sizes for each in spectral]


def test_an_epsilon_that_decides_by_a_free_exponent_cuts_the_domain() -> None:
    """The gradient of A is n^(1/2): above epsilon the step is normalised, below it the raw one over epsilon."""
    found = derived(scheme("zero", "0", "eta", "eta", epsilon="e"))
    assert str(found.decisions["stable"]) == "e - eta >= 3/2 or eta <= -1"
    assert found.decisions["stable"].runs
    assert NEGLIGIBLE_EPSILON not in found.assumptions


def test_a_tensor_that_starts_at_zero_never_moves_without_a_floor() -> None:
    subject = scheme("-1/2", "zero", "eta", "eta", optimizer="adafactor", floor="zero")
    for step in trajectory(lora_module(subject), 3).upto(3):
        assert step.sizes["B"].upper.is_vanishing and step.sizes["Z_B"].upper.is_vanishing


EVEN, RANDOM = Provenance(), lora_module(scheme("-1/2", "zero", "eta", "eta")).parameters[0]


def of(text: str) -> tuple[Component, ...]:
    return (Component(Size.exactly(parsed_exponent(text)), EVEN),)


def test_an_epsilon_is_one_more_rival() -> None:
    rule, rate = normalised_step(ADAM, has_parities=False, has_epsilon=True), parsed_exponent("c")
    for gradient, epsilon, expected in (("-1", "0", "c - 1"), ("1", "0", "c"), ("0", "0", "c")):
        (part,) = rule.conclude(rate, of(gradient), of(epsilon))
        assert str(part.size) == expected
    (part,) = rule.conclude(rate, of("x"), of("0"))
    assert str(part.size) == "<= c"


def test_an_orthogonalised_step_is_spread_over_its_axes() -> None:
    rule = orthogonalised_step(has_parities=False)
    (part,) = rule.conclude(parsed_exponent("c"), of("5"), parsed_exponent("-3/4"))
    assert str(part.size) == "c - 3/4"


def test_without_its_assumption_a_parity_keeps_an_unknown_share() -> None:
    subject = scheme("-1/2", "-1/2", "-1/2", "-1/2", optimizer="muon", rank="1/2")
    whole, less = (
        trajectory(lora_module(subject), 2, subject.domain, policy)
        for policy in (CALCULUS, Policy(without=frozenset((SPANNING,))))
    )
    assert any(SPANNING in each.rule.assumptions for each in whole.applications)
    assert not whole.last.upper and less.last.upper
    adam = trajectory(lora_module(subject.under("adam")), 2, subject.domain, Policy(without=frozenset((SPANNING,))))
    assert not adam.last.upper


WIDE, NARROW, MANY = Axis("wide", Affine.of(1)), Axis("narrow", Affine.of(1)), Axis("batch", Affine.of(1) / 2)
FEW = Axis("batch", Affine.of(0))


def product(batch: Axis) -> Contraction:
    left, right = (Given(name, (axis, batch), Affine.of(0)) for name, axis in (("x", WIDE), ("y", NARROW)))
    return Contraction(left, right, (batch,))


def test_a_gradient_has_the_rank_of_what_it_is_summed_over() -> None:
    assert growing_rank(product(FEW), WIDE, NARROW) == ()
    assert growing_rank(product(MANY), WIDE, NARROW) == (MANY,)
    assert growing_rank(product(FEW) + product(MANY), WIDE, NARROW) == (MANY,)
    data = Given("M", (WIDE, NARROW), Affine.of(0))
    assert growing_rank(product(FEW) * data, WIDE, NARROW) == (WIDE, NARROW)


def test_an_orthogonalised_step_of_growing_rank_is_refused_by_name() -> None:
    weight = Trained("W", (WIDE, NARROW), None, Affine.of(0))
    program = Program((weight,), {weight: product(MANY)}, {"W": weight}, OPTIMIZERS["muon"])
    with pytest.raises(Unknown, match=r"step of W: the rank of its gradient may grow with batch, of size n\^\(1/2\)"):
        trajectory(program, 1)
    vector = Trained("b", (WIDE,), None, Affine.of(0))
    bias = Program((vector,), {vector: Given("g", (WIDE,), Affine.of(0))}, {"b": vector}, OPTIMIZERS["muon"])
    with pytest.raises(BadInput, match="b: only a matrix is orthogonalised, and this is a vector"):
        trajectory(bias, 1)


@pytest.mark.parametrize("optimizer", sorted(set(OPTIMIZERS) - set(SIMPLE)))
def test_no_certificate_and_no_kernel_takes_one_for_another(optimizer: str) -> None:
    subject = at("init-a", optimizer, "-1")
    with pytest.raises(Unknown, match=f"no certificate covers the optimiser {optimizer}"):
        premises(subject, CALCULUS)
    with pytest.raises(BadInput, match=f"a sweep: found 'the optimiser {optimizer}', expected one of adam, sign, sgd"):
        subject.simple_step("a sweep")


def test_an_epsilon_is_not_taken_for_a_negligible_one() -> None:
    subject = scheme("-1/2", "zero", "-1", "-1", epsilon="0")
    with pytest.raises(Unknown, match="no certificate covers an epsilon"):
        premises(subject, CALCULUS)
    with pytest.raises(BadInput, match="an epsilon of its own"):
        subject.simple_step("a sweep")


@pytest.mark.parametrize(
    ("optimizer", "beside"),
    [("muon", {"epsilon": "0"}), ("sgd", {"epsilon": "0"}), ("adafactor", {"momentum": "0"}), ("adam", {"floor": "0"})],
)
def test_a_key_that_a_rule_has_no_use_for_is_refused(optimizer: str, beside: dict[str, str]) -> None:
    (key,) = beside
    with pytest.raises(BadInput, match=rf"{key}: found '.*', but {optimizer} has no {key}; leave it out"):
        scheme("-1/2", "zero", "eta", "eta", optimizer=optimizer, **beside)


def test_a_number_of_the_optimiser_is_of_size_one_unless_a_spec_says_otherwise() -> None:
    forms = {"A": "-1/2", "B": "zero", "eta_A": "eta", "eta_B": "eta"}
    plain, none = Scheme("plain", forms, "adamw"), Scheme("none", {**forms, "decay": "zero"}, "adamw")
    assert (str(plain.form("decay")), none.form("decay")) == ("0", None)
    assert plain.under("adam").form("decay") is None
    assert Scheme("plain", forms).under("adamw").form("decay") == Affine.of(0)


def test_the_recipe_runs() -> None:
    """An optimiser of one's own, as docs/own-optimiser.md has it: a sign of size rms(W) may have a rate of n^0."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "own-optimiser.md").read_text(encoding="utf-8")
    code = text.partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {"print": lambda answer: None}
    exec(code, names)
    forms = {"A": "-1/2", "B": "-1/2", "eta_A": "eta", "eta_B": "eta"}
    (found,) = derived(Scheme("mine", forms, names["mine"])).max_stable.values()
    assert found.exponent == 0
    subject = Scheme("mine", {**forms, "eta_A": "0", "eta_B": "0"}, names["mine"])
    assert not mismatches(subject, subject)


def test_a_scheme_that_is_compared_with_numbers_has_no_symmetry() -> None:
    """A -> n^(1/4) A, B -> n^(-1/4) B, with rates that follow, changes nothing but what a norm is compared with."""
    moved = {"nesterov": ("-1/4", "-1/4", "-3/2", "-5/2"), "sgd-clipped": ("-1/4", "-1/4", "-3/2", "-5/2")}
    found = {
        name: equivalence(scheme("-1/2", "0", "-2", "-2", optimizer=name), scheme(*forms, optimizer=name))
        for name, forms in moved.items()
    }
    assert found["nesterov"] is not None and found["sgd-clipped"] is None


def test_a_free_exponent_may_decide_whether_a_norm_clips() -> None:
    found = derived(scheme("zero", "0", "eta", "eta", optimizer="sgd-clipped", gradient="g")).decisions["stable"]
    assert found.status is Status.FREE
    assert found.region.contains({"eta": Fraction(-1, 2), "g": Fraction(1)})
    assert not found.region.contains({"eta": Fraction(0), "g": Fraction(0)})
    assert found.region.contains({"eta": Fraction(1), "g": Fraction(-5, 2)})  # too small to be clipped

"""A loss gradient that grows with the output: gradient descent's region for every step count, against numbers."""

from __future__ import annotations

from fractions import Fraction

import pytest

from gamma_calc import Scheme, derive
from gamma_calc.algebra import Affine, Exponent
from gamma_calc.analysis.bounded import bounded
from gamma_calc.analysis.conditions import INTERNALLY_STABLE, STABLE
from gamma_calc.calculus.policy import Policy, dispensable
from gamma_calc.calculus.recursion import trajectory
from gamma_calc.calculus.step_map import minorant, step_map
from gamma_calc.maxplus.graph import Node, gain
from gamma_calc.program.lora import lora_module
from tests.schemes import scheme

STEPS = 12
"""More steps than any rate of the grid takes to leave n^0 where it does."""
RATES = [Fraction(k, 4) for k in range(-11, 0)]
INITS = {"a": ("-1/2", "zero"), "b": ("zero", "-1/2"), "large b": ("zero", "0"), "both": ("-1/2", "-1/2")}


def fed(init: str, feedback: str) -> Scheme:
    return scheme(*INITS[init], "eta", "eta", feedback=feedback, optimizer="sgd")


def stays(subject: Scheme, rate: Fraction, names: tuple[str, ...]) -> bool:
    fixed = subject.at({"eta": Affine.of(rate)})
    steps = trajectory(lora_module(fixed), STEPS, fixed.domain).upto(STEPS)
    sizes = [step.sizes[name].upper for step in steps for name in names]
    return all(size.is_vanishing or size.pieces[0].constant <= 0 for size in sizes)


@pytest.mark.parametrize("names", [STABLE.bounded, INTERNALLY_STABLE.bounded], ids=["stable", "internally stable"])
@pytest.mark.parametrize("feedback", ["-1", "0", "1"])
@pytest.mark.parametrize("init", INITS)
def test_the_region_is_that_of_the_numbers(init: str, feedback: str, names: tuple[str, ...]) -> None:
    subject = fed(init, feedback)
    found = bounded(lora_module(subject), names, subject.domain, None)
    assert found.is_exact
    for rate in RATES:
        assert stays(subject, rate, names) == found.inner.contains({"eta": rate})


@pytest.mark.parametrize(
    ("init", "feedback", "region"),
    [
        ("a", "0", "eta <= -1"),
        ("b", "0", "eta <= -1"),
        ("large b", "-1", "eta <= -3/2"),  # as without feedback: the first step binds
        ("large b", "0", "eta <= -2"),  # the curvature s^2 |B_0|^2 |Z|^2 kappa = n^2 binds
        ("a", "f", "eta <= -1 and eta + f <= 0"),
    ],
)
def test_a_squared_loss_binds_where_its_curvature_does(init: str, feedback: str, region: str) -> None:
    subject = fed(init, feedback)
    assert str(bounded(lora_module(subject), STABLE.bounded, subject.domain, None).inner) == region


def test_a_free_curvature_is_decided_with_both_factors_random() -> None:
    """Exponents are maxima of hundreds of monomials, and the map below has tens of edges between the same two parts."""
    subject = fed("both", "f")
    found = bounded(lora_module(subject), STABLE.bounded, subject.domain, None)
    assert found.is_exact
    for feedback in ("-1", "0", "1"):
        numbers = fed("both", feedback)
        there = bounded(lora_module(numbers), STABLE.bounded, numbers.domain, None).inner
        assert found.inner.substituted({"f": Affine.of(int(feedback))}) == there


def test_where_factors_differ_in_rate() -> None:
    subject = scheme("-1/2", "zero", "a", "b", feedback="0", optimizer="sgd")
    assert str(derive(subject).conditions["stable"]) == "a + b <= -2 and b <= 0"


def test_a_map_below_is_linear_and_the_step_map_is_not() -> None:
    subject = fed("large b", "0")
    question = lora_module(subject), STABLE.bounded, subject.domain
    assert step_map(*question) is None
    below = minorant(*question)
    assert below is not None and below.is_exact
    assert Affine.symbol("eta") + 2 in [cycle.weight for cycle in below.circuits()]


def test_a_way_round_gains_what_the_best_of_its_cycles_does() -> None:
    subject = fed("a", "f")
    below = minorant(lora_module(subject), STABLE.bounded, subject.domain)
    assert below is not None
    weights: dict[tuple[Node, ...], list[Affine]] = {}
    for cycle in below.circuits():
        weights.setdefault(cycle.nodes, []).append(cycle.weight)
    largest = {ends: Exponent(forms, subject.domain) for ends, forms in below.weights().items()}
    loops = {nodes: gain(nodes, largest) for nodes in below.rounds()}
    assert loops == {nodes: Exponent(tuple(forms), subject.domain) for nodes, forms in weights.items()}
    assert any(len(forms) > len(loops[nodes].pieces) for nodes, forms in weights.items())


def test_without_cancellation_taken_for_granted_nothing_grows_for_sure() -> None:
    """The negative control: sums are then bounds from above, which prove no growth."""
    subject = fed("large b", "0")
    policy = Policy((), dispensable(["A4"]))
    found = bounded(lora_module(subject), STABLE.bounded, subject.domain, None, policy)
    assert not (found.is_final and found.is_exact)

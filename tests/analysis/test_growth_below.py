"""What a run with a feedback gains a step at least, against runs in plain numbers."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest

from gamma_calc.algebra import EMPTY, Affine
from gamma_calc.analysis.derivation import derived
from gamma_calc.calculus.policy import CALCULUS, Policy, dispensable
from gamma_calc.calculus.recursion import trajectory
from gamma_calc.maxplus.cycle_time import LeastGrowth
from gamma_calc.program.lora import lora_module
from gamma_calc.program.scheme import Scheme
from tests.analysis import brute_vectors
from tests.analysis.brute_cases import numbers
from tests.analysis.test_feedback import fed
from tests.schemes import scheme

INITS = ("a", "large b")
LATE = 16
"""A step after which each step gains more than the one before it, where products feed themselves."""
RATES = [Fraction(k, 4) for k in range(-12, 1, 3)]
FEEDBACKS = [Fraction(k, 2) for k in (-3, 0, 1)]


def gains(subject: Scheme, name: str, rate: Fraction, feedback: Fraction) -> list[Fraction]:
    """What a quantity gains from step to step in a run in numbers."""
    fixed = subject.at({"eta": Affine.of(rate), "f": Affine.of(feedback)})
    sizes = [step.sizes[name].upper.at({}) for step in trajectory(lora_module(fixed), LATE, fixed.domain).upto(LATE)]
    known = [size for size in sizes if size is not None]
    return [after - before for before, after in pairwise(known)]


def mistakes(subject: Scheme, name: str, found: LeastGrowth) -> list[str]:
    """Where a run in numbers does otherwise than what is known of its growth."""
    wrong = []
    for point in ({"eta": rate, "f": feedback} for rate in RATES for feedback in FEEDBACKS):
        gained, is_fast = gains(subject, name, *point.values()), any(form.at(point) > 0 for form in found.faster)
        least, is_still = found.least.at(point), found.still.contains(point)
        if (is_still and gained[-1]) or (is_fast and not gained[-1] > gained[-2] > gained[-3] > 0):
            wrong.append(f"{point}: {gained}")
        if least is None or sum(gained[-4:]) < 4 * least or not (is_still or is_fast or gained[-1] >= 0):
            wrong.append(f"{point}: {least} at least, {gained}")
    return wrong


@pytest.mark.parametrize("init", INITS)
def test_runs_in_numbers_grow_as_said(init: str) -> None:
    subject = fed(init, "f")
    for name, found in derived(subject).growth.items():
        assert isinstance(found, LeastGrowth)
        assert found.faster
        assert not mistakes(subject, name, found)


def test_outside_the_settled_region_all_grows_faster_than_any_power() -> None:
    found = derived(fed("a", "f")).growth["Z_B"]
    assert isinstance(found, LeastGrowth)
    assert str(found.still) == "eta <= -1 and eta + f <= 0"
    assert {str(form) for form in found.faster} == {"eta + 1", "eta + f"}


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        pytest.param(
            scheme("0", "0", "a", "a - 1", optimizer="sgd", feedback="-1", fan_out="1/2"),
            "at least 0, faster than any fixed power where a > -1/2",
            id="both-inits",
        ),
        pytest.param(
            scheme("0", "-1/2", "-1", "a - 1", optimizer="sgd", feedback="1", decay="0"),
            "at least 0, faster than any fixed power",
            id="decay",
        ),
    ],
)
def test_a_factor_that_only_stays_lets_a_product_run_away_as_well(subject: Scheme, said: str) -> None:
    """The cycles behind growth faster than any power are not counted as growth by a fixed power, too."""
    assert str(derived(subject).growth["Z_B"]) == said


@pytest.mark.parametrize(
    ("subject", "edge"),
    [
        (scheme("-1/2", "0", "a - 1", "a", optimizer="sgd", rank="1", feedback="0", gradient="1/2"), "-1"),
        (scheme("0", "0", "a", "a", optimizer="sgd", rank="1/2", feedback="0", fan_out="1/2"), "-3/2"),
        (scheme("0", "-1/2", "a - 1", "-2", optimizer="sgd", rank="1", feedback="-3/2", fan_out="1/2"), "3/2"),
    ],
    ids=["gradient", "fan out", "one rate"],
)
def test_a_factor_of_which_only_bounds_are_known_counts_by_the_lower_one(subject: Scheme, edge: str) -> None:
    """An echo has such bounds. A vector run in numbers grows above the edge only, and nothing is claimed below it."""
    found = derived(subject).growth["Z_A"]
    assert isinstance(found, LeastGrowth)
    for point in ({"a": Fraction(edge) + Fraction(k, 40)} for k in range(-8, 9)):
        is_fast = any(form.at(point) > 0 for form in found.faster)
        sizes = [step["Z_A"] for step in brute_vectors.run(numbers(subject, CALCULUS, point), 5)]
        gained = [after - before for before, after in pairwise(size for size in sizes if size is not None)]
        assert is_fast == (point["a"] > Fraction(edge)) == (gained[-1] > gained[-2] > 0), point


def test_a_wrong_statement_is_seen() -> None:
    """The negative controls: growth where there is none, and none where there is some."""
    subject = fed("a", "f")
    found = derived(subject).growth["Z_B"]
    assert isinstance(found, LeastGrowth)
    one = Affine.of(1)
    for wrong in (
        LeastGrowth(found.least, (one,), found.still),
        LeastGrowth(found.least + 1, found.faster, EMPTY),
        LeastGrowth(found.least, found.faster, subject.domain),
    ):
        assert mistakes(subject, "Z_B", wrong)


def test_bounds_from_above_prove_no_growth() -> None:
    growth = derived(fed("large b", "0"), None, Policy((), dispensable(["A4"]))).growth
    assert not any(isinstance(each, LeastGrowth) for each in growth.values())

"""The law of every finite horizon against the unrolled run, horizon by horizon, and its formulas in T."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamma_calc.algebra import Affine, Exponent, Inequality, Polyhedron, nonpositive_region
from gamma_calc.analysis.bounded import bounded
from gamma_calc.analysis.conditions import INTERNALLY_STABLE, STABLE
from gamma_calc.analysis.derivation import derived
from gamma_calc.analysis.horizon import HorizonLaw, horizon_law
from gamma_calc.analysis.largest_rates import largest_rate
from gamma_calc.analysis.rate_law import RateLaw
from gamma_calc.calculus.policy import CALCULUS
from gamma_calc.calculus.recursion import trajectory
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.lora import lora_module
from gamma_calc.program.scheme import Scheme
from tests.analysis.brute_cases import places, schemes
from tests.schemes import STEPS_ALONE, scheme

UNROLLED = 12
POINTS = 3
EXAMPLES = 100 if os.environ.get("CI") else 15
REASONS = ("some sizes are only bounded from above",)
MULTIPLIES = "the exponents have not settled, and the step map is not linear over maximum and plus"
FREE = {"momentum": {"momentum": "m"}, "decay": {"decay": "l"}, "both": {"momentum": "m", "decay": "l"}}
PLACES = [
    {"eta": Fraction(eta), "m": Fraction(momentum), "l": Fraction(decay)}
    for eta, momentum, decay in (("-3/4", "1/2", "-2"), ("-5/4", "1/4", "3/2"), ("-1", "-1/4", "5/4"), ("0", "1", "-1"))
]
BOUNDED = (STABLE.bounded, INTERNALLY_STABLE.bounded)


def law_of(subject: Scheme, quantities: tuple[str, ...]) -> HorizonLaw | str:
    bound = bounded(lora_module(subject), quantities, subject.domain, None)
    return horizon_law(bound, quantities, subject.rates, subject.free)


def region_of(law: HorizonLaw, steps: int) -> Polyhedron:
    """Where a law leaves its quantities bounded for so many steps."""
    corners = (corner for family in law.families for corner in family.corners(steps))
    return law.domain & Polyhedron.of(*(Inequality(-corner) for corner in corners))


def disagreements(subject: Scheme, quantities: tuple[str, ...], law: HorizonLaw, upto: int = UNROLLED) -> list[str]:
    """The horizons at which the unrolled run has another region, or another largest rate."""
    found, unrolled = [], subject.domain
    run = trajectory(lora_module(subject), upto, subject.domain)
    for steps, step in enumerate(run.upto(upto), 1):
        for name in quantities:
            unrolled &= nonpositive_region(step.sizes[name].upper)
        if region_of(law, steps) != unrolled or not all(step.sizes[name].is_exact for name in quantities):
            found.append(f"T = {steps}: {region_of(law, steps)}, unrolled {unrolled}")
        if isinstance(law.largest, RateLaw):
            rate = largest_rate(law.largest.rate, unrolled).exponent
            if rate != law.largest.at(steps):
                found.append(f"T = {steps}: at most {law.largest.at(steps)}, unrolled {rate}")
    return found


def differences(subject: Scheme, names: tuple[str, ...], law: HorizonLaw, point: Mapping[str, Fraction]) -> list[str]:
    """The horizons at which a run in plain numbers has risen to another exponent, where that is positive."""
    fixed = subject.at({name: Affine.of(point[name]) for name in subject.free})
    found, top = [], Fraction(0)
    for steps, step in enumerate(trajectory(lora_module(fixed), UNROLLED, fixed.domain).upto(UNROLLED), 1):
        top = max(top, *(step.sizes[name].upper.at({}) or top for name in names))
        law_says = max((form.at(point) for family in law.families for form in family.corners(steps)), default=top)
        if max(law_says, Fraction(0)) != top:
            found.append(f"T = {steps}: {law_says}, in numbers {top}")
    return found


@pytest.mark.parametrize("free", FREE.values(), ids=FREE)
@pytest.mark.parametrize("optimizer", STEPS_ALONE)
@pytest.mark.parametrize("name", CATALOGUE)
def test_the_law_with_a_memory(name: str, optimizer: str, free: Mapping[str, str]) -> None:
    """A buffer with a free exponent, and a decay with one, gain a turn a step for as long as they like."""
    quantities = INTERNALLY_STABLE.bounded
    plain = CATALOGUE[name].under(optimizer)
    subject = replace(plain, exponents={**plain.exponents, **{key: Affine.symbol(free[key]) for key in free}})
    law = law_of(subject, quantities)
    assert isinstance(law, HorizonLaw)
    assert not [each for point in PLACES for each in differences(subject, quantities, law, point)]


def test_a_law_with_a_turn_too_few_is_seen() -> None:
    """The negative control of the numbers: without one family that matters somewhere they differ there."""
    subject = scheme("-1/2", "zero", "eta", "eta", momentum="m", optimizer="sgd")
    law = law_of(subject, STABLE.bounded)
    assert isinstance(law, HorizonLaw)
    assert len(law.families) < 20
    lame = replace(law, families=tuple(each for each in law.families if str(each.cycle) != "2*m"))
    assert [each for point in PLACES for each in differences(subject, STABLE.bounded, lame, point)]


@pytest.mark.parametrize("quantities", BOUNDED, ids=["stable", "internally-stable"])
@pytest.mark.parametrize("optimizer", STEPS_ALONE)
@pytest.mark.parametrize("name", CATALOGUE)
def test_the_law_is_what_unrolling_gives(name: str, optimizer: str, quantities: tuple[str, ...]) -> None:
    subject = CATALOGUE[name].under(optimizer)
    law = law_of(subject, quantities)
    assert isinstance(law, HorizonLaw)
    assert isinstance(law.largest, RateLaw)
    assert not disagreements(subject, quantities, law)


@pytest.mark.slow
@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data())
def test_the_law_of_random_schemes(data: st.DataObject) -> None:
    subject = data.draw(schemes(), label="scheme")
    points = data.draw(places(subject, CALCULUS, POINTS), label="points")
    for quantities in BOUNDED:
        law = law_of(subject, quantities)
        if isinstance(law, HorizonLaw):
            assert not [each for point in points for each in differences(subject, quantities, law, point)]
        else:
            assert law in REASONS if subject.form("feedback") is None else law in (*REASONS, MULTIPLIES)


FORMULAS = {
    # scheme, quantities: formula, first step, limit, first step with the limit
    "init-a": ("-(2*T - 2)/(2*T - 1)", 1, "-1", None),
    "init-b": ("-3/2", 1, "-3/2", 1),
    "init-ab": ("-(2*T - 1)/(2*T)", 1, "-1", None),
    "lora-plus-a": ("-(3*T - 2)/(2*T - 1)", 1, "-3/2", None),
    "lora-plus-b": ("-3/2", 1, "-3/2", 1),
}


@pytest.mark.parametrize(("name", "row"), FORMULAS.items(), ids=FORMULAS)
def test_the_formulas_of_gradient_descent(name: str, row: tuple[str, int, str, int | None]) -> None:
    law = law_of(CATALOGUE[name].under("sgd"), STABLE.bounded)
    assert isinstance(law, HorizonLaw)
    assert isinstance(law.largest, RateLaw)
    found = law.largest
    assert (str(found), found.since, str(found.limit), found.attained_at) == row


@pytest.mark.parametrize("optimizer", STEPS_ALONE)
@pytest.mark.parametrize("name", CATALOGUE)
def test_the_limit_is_the_largest_rate_for_every_step_count(name: str, optimizer: str) -> None:
    subject = CATALOGUE[name].under(optimizer)
    law = law_of(subject, STABLE.bounded)
    assert isinstance(law, HorizonLaw)
    assert isinstance(law.largest, RateLaw)
    assert derived(subject).max_stable["eta"].exponent == law.largest.limit


@pytest.mark.parametrize(
    ("power", "feedback", "where"), [("0", "f", "f <= 0"), ("0", "0", "always"), ("-1/2", "f", "f <= 0")]
)
def test_a_feedback_that_is_not_felt(power: str, feedback: str, where: str) -> None:
    subject = fed(power, feedback)
    law = law_of(subject, STABLE.bounded)
    assert isinstance(law, HorizonLaw)
    assert (str(law.domain), bool(law.elsewhere)) == (where, where != "always")
    for point in ({"eta": Fraction(k, 12), "f": Fraction(f, 4)} for k in range(-24, 0) for f in (-5, -2, 0)):
        if law.domain.contains(point):
            assert stays(subject, point, 8) == [region_of(law, steps).contains(point) for steps in range(1, 9)]


def fed(scale_exponent: str, feedback: str) -> Scheme:
    return scheme("-1/2", "zero", "eta", "eta", scale=scale_exponent, feedback=feedback, optimizer="sgd")


def stays(subject: Scheme, point: Mapping[str, Fraction], upto: int) -> list[bool]:
    """Whether a run in numbers has stayed bounded, horizon by horizon."""
    fixed = subject.at({name: Affine.of(point[name]) for name in subject.free})
    sizes = [step.sizes["Z_B"].upper.at({}) for step in trajectory(lora_module(fixed), upto, fixed.domain).upto(upto)]
    return [all(size is None or size <= 0 for size in sizes[:steps]) for steps in range(1, upto + 1)]


def test_a_feedback_that_is_felt_is_another_law() -> None:
    """The negative control: outside its domain the law is not that of the numbers."""
    subject = fed("0", "f")
    law = law_of(subject, STABLE.bounded)
    assert isinstance(law, HorizonLaw)
    whole = replace(law, domain=subject.domain)
    points = [{"eta": Fraction(k, 12), "f": Fraction(1)} for k in range(-36, 0)]
    assert any(stays(subject, each, 8) != [region_of(whole, t).contains(each) for t in range(1, 9)] for each in points)


def test_a_feedback_that_makes_a_new_parity_is_felt() -> None:
    """B_0 and the output's curvature make updates of a kind that the linear part has not."""
    law = law_of(scheme("zero", "0", "eta", "eta", feedback="-1", optimizer="sgd"), STABLE.bounded)
    assert isinstance(law, str)


def test_a_rate_that_falls_at_every_other_step() -> None:
    """The small A_0 binds through Z_A alone, which grows once a turn of two steps."""
    subject = scheme("-3/2", "zero", "eta", "eta", scale="-1/2", fan_out="0", gradient="-1/2", optimizer="sgd")
    law = law_of(subject, INTERNALLY_STABLE.bounded)
    assert isinstance(law, HorizonLaw)
    assert isinstance(law.largest, RateLaw)
    assert str(law.largest) == "(T + 2)/(2*T) if T mod 2 = 0; (T + 1)/(2*T - 2) if T mod 2 = 1"
    assert (law.largest.since, law.largest.at(1), law.largest.limit) == (2, Fraction(7, 2), Fraction(1, 2))
    assert not disagreements(subject, INTERNALLY_STABLE.bounded, law)


def test_several_free_exponents_leave_the_families() -> None:
    subject = scheme("p", "q", "a", "b", scale="s", rank="k", optimizer="sgd")
    law = law_of(subject, STABLE.bounded)
    assert isinstance(law, HorizonLaw)
    assert law.largest == "not exactly one rate is free"
    assert {str(family.cycle) for family in law.families} == {"a + b + 2*s + 2"}
    assert not disagreements(subject, STABLE.bounded, law, upto=5)


def test_a_rate_with_a_floor_or_a_ceiling_of_its_own() -> None:
    capped = law_of(scheme("-1/2", "zero", "eta", "eta", optimizer="sgd", between=("eta <= -9/10",)), STABLE.bounded)
    assert isinstance(capped, HorizonLaw)
    assert isinstance(capped.largest, RateLaw)
    assert tuple(capped.largest.at(steps) for steps in (1, 5, 6)) == (
        Fraction(-9, 10),
        Fraction(-9, 10),
        Fraction(-10, 11),
    )
    held = law_of(scheme("-1/2", "zero", "eta", "eta", optimizer="sgd", between=("eta >= -1/2",)), STABLE.bounded)
    assert isinstance(held, HorizonLaw)
    assert held.largest == "no eta of the domain is stable for every number of steps"


def test_a_wrong_family_is_seen() -> None:
    """The negative control: one turn fewer, or a form that is 1/2 off, disagrees with the unrolled run."""
    subject = CATALOGUE["init-a"].under("sgd")
    law = law_of(subject, STABLE.bounded)
    assert isinstance(law, HorizonLaw)
    ((family),) = law.families
    lower = replace(family, base=family.base - Fraction(1, 2))
    missing = HorizonLaw(law.quantities, law.domain, (), law.largest)
    off = HorizonLaw(law.quantities, law.domain, (lower,), law.largest)
    other = HorizonLaw(
        law.quantities, law.domain, law_of(CATALOGUE["init-b"].under("sgd"), STABLE.bounded).families, ""
    )
    assert all(disagreements(subject, STABLE.bounded, wrong, upto=3) for wrong in (missing, off, other))
    assert family.is_turning


@pytest.mark.parametrize(
    ("exponents", "others"),
    [
        (("-1/2", "-1", "-1", "-1/4"), {"scale": "1/2", "momentum": "1/4", "epsilon": "1/2"}),
        (("-1/2", "1", "-1", "-1"), {"optimizer": "adam-clipped", "rank": "1/2", "momentum": "0"}),
    ],
    ids=["epsilon", "clipping"],
)
def test_what_the_first_steps_refute_is_not_stable_though_they_have_not_settled(
    exponents: tuple[str, str, str, str], others: dict[str, str]
) -> None:
    subject = scheme(*exponents, **others)
    found = derived(subject)
    assert found.run.settled_from is None and found.run.steps[0].sizes["Z_B"].lower.is_above(Exponent.of(0))
    assert all(each.holds is False for each in found.decisions.values())
    assert found.decisions["stable"].reason == "the first 5 steps are not bounded"

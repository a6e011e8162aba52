"""The largest rate as a function of T and of other free exponents, against the region of every horizon."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from fractions import Fraction
from functools import cache

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gamma_calc.algebra import Polyhedron, Region, nonpositive_region
from gamma_calc.analysis.bounded import bounded
from gamma_calc.analysis.conditions import STABLE
from gamma_calc.analysis.horizon import HorizonLaw, horizon_law
from gamma_calc.analysis.largest_rates import largest_rate
from gamma_calc.analysis.rate_law import RateLaw
from gamma_calc.calculus.policy import CALCULUS
from gamma_calc.calculus.recursion import trajectory
from gamma_calc.errors import BadInput
from gamma_calc.program.lora import lora_module
from gamma_calc.program.scheme import Scheme
from tests.analysis.brute_cases import places, schemes
from tests.schemes import scheme

POINTS = 30
EXAMPLES = 60 if os.environ.get("CI") else 10
LATE = 4000
"""A step so late that what tends to a limit without attaining it is near it."""

ROWS = {
    # scheme: formula, first step, limit, where some step attains it
    "scale": (
        scheme("-1/2", "zero", "eta", "eta", scale="s", optimizer="sgd"),
        ("min(-2*s, -((2*s + 2)*T - 2)/(2*T - 1))", 1, "min(-2*s, -s - 1)", "s >= 1"),
    ),
    "rank": (
        scheme("-1/2", "zero", "eta", "eta", rank="k", optimizer="sgd"),
        ("-(2*T + k - 2)/(2*T - 1)", 1, "-1", "k = 1"),
    ),
    "rank, B random": (
        scheme("zero", "-rank/2", "eta", "eta", rank="k", optimizer="sgd"),
        ("k/2 - 3/2", 2, "k/2 - 3/2", "k >= 0 and k <= 1"),
    ),
    "momentum": (scheme("-1/2", "zero", "eta", "eta", momentum="m", optimizer="sgd"), ("", 5, "-1", "never")),
    "decay": (
        scheme("-1/2", "zero", "eta", "eta", decay="l"),
        ("min(-1/2, -l/2, -(2*l*T - 3*l + 1)/(2*T - 1), -(2*l*T - l)/(2*T))", 2, "min(-1/2, -l)", "l <= 1/2"),
    ),
}


def law_of(subject: Scheme) -> HorizonLaw | str:
    bound = bounded(lora_module(subject), STABLE.bounded, subject.domain, None)
    return horizon_law(bound, STABLE.bounded, subject.rates, subject.free)


def joint(subject: Scheme) -> tuple[HorizonLaw, RateLaw]:
    law = law_of(subject)
    assert isinstance(law, HorizonLaw)
    assert isinstance(law.largest, RateLaw)
    return law, law.largest


@pytest.mark.parametrize(("subject", "row"), ROWS.values(), ids=ROWS)
def test_the_formulas(subject: Scheme, row: tuple[str, int, str, str]) -> None:
    _, found = joint(subject)
    assert (str(found), found.since, found.limit.value, str(found.attained)) == row


@pytest.mark.parametrize(("subject", "row"), ROWS.values(), ids=ROWS)
def test_the_limit_is_the_largest_rate_for_every_step_count(subject: Scheme, row: object) -> None:
    bound = bounded(lora_module(subject), STABLE.bounded, subject.domain, None)
    _, found = joint(subject)
    (rate,) = subject.rates
    assert found.limit == largest_rate(rate, bound.inner)


def rate_at(law: HorizonLaw, rate: str, steps: int, point: dict[str, Fraction]) -> Fraction | float | None:
    """The largest rate that the families leave after so many steps, at a point of the other exponents; None for none.

    Early steps may bound no rate at all.
    """
    corners = [corner for family in law.families for corner in family.corners(steps)]
    sides = [*corners, *(-form for form in (each.form for each in law.domain.inequalities))]
    lines = [(form.coefficient(rate), form.at({**point, rate: 0})) for form in sides]
    if any(rest > 0 for slope, rest in lines if not slope):
        return None
    top = min((-rest / slope for slope, rest in lines if slope > 0), default=math.inf)
    floor = max((-rest / slope for slope, rest in lines if slope < 0), default=-math.inf)
    return None if floor > top else top


def least(found: RateLaw, steps: int, others: dict[str, Fraction]) -> Fraction | float:
    """What the formula says of so many steps."""
    return min((form.at(others) for form in found.bounds(steps)), default=math.inf)


def mistakes(law: HorizonLaw, found: RateLaw, point: dict[str, Fraction]) -> list[str]:
    """Where the formula, the limit or the region that attains it differ from what the families give at a point."""
    others = {name: value for name, value in point.items() if name != found.rate}
    wrong = []
    for steps in range(1, 9):
        here = rate_at(law, found.rate, steps, others)
        if here is not None and found.cases and here != least(found, steps, others):
            wrong.append(f"T = {steps}: {here}")
        if here is None and found.valid_on.contains(others):
            wrong.append(f"T = {steps}: no rate is stable, inside {found.valid_on}")
    whole = (*range(1, 9), LATE, LATE + 1)
    if not found.valid_on.contains(others) and all(rate_at(law, found.rate, t, others) is not None for t in whole):
        wrong.append(f"some rate is stable at every T, outside {found.valid_on}")
    late = rate_at(law, found.rate, LATE, others)
    if late is not None and found.limit.bounds is not None and found.limit.valid_on.contains(others):
        limit = min(form.at(others) for form in found.limit.bounds)
        if not limit <= late <= limit + Fraction(1, 20) or (late == limit) != found.attained.contains(others):
            wrong.append(f"the limit {limit}, late {late}, attained {found.attained}")
    return wrong


@pytest.mark.parametrize(("subject", "row"), ROWS.values(), ids=ROWS)
def test_the_formula_is_what_the_families_leave(subject: Scheme, row: object) -> None:
    law, found = joint(subject)
    values = [Fraction(k, 4) for k in range(-6, 7)]
    points = [{name: value for name in subject.free} for value in values]
    assert not [each for point in points if law.domain.contains(point) for each in mistakes(law, found, point)]


@st.composite
def opposed(draw: st.DrawFn) -> Scheme:
    """A scheme with one free rate and others free beside it, often with one learning rate that falls with it."""
    return scheme(
        draw(st.sampled_from(("p", "zero", "-1/2", "q - 1"))),
        draw(st.sampled_from(("0", "q", "-p", "-1/2"))),
        draw(st.sampled_from(("a", "a + c", "2*a", "a - p"))),
        draw(st.sampled_from(("-a", "a", "c - a", "-2*a", "-1", "a + p"))),
        optimizer=draw(st.sampled_from(("sgd", "sgd", "adam", "sign"))),
        scale=draw(st.sampled_from(("0", "c", "-1/2"))),
        fan_out=draw(st.sampled_from(("1", "1/2"))),
        momentum=draw(st.sampled_from(("zero", "zero", "-1/2", "0"))),
        decay=draw(st.sampled_from(("zero", "zero", "zero", "-1", "-a"))),
        between=draw(st.sampled_from(((), (), ("a >= -2",), ("a <= 1", "p >= -3", "q >= -3", "c >= -3")))),
    )


@cache
def unrolled(subject: Scheme, steps: int) -> Polyhedron:
    """Where a run of so many steps, followed one by one, stays bounded."""
    run, region = trajectory(lora_module(subject), steps, subject.domain), subject.domain
    for step in run.upto(steps):
        region &= nonpositive_region(step.sizes["Z_B"].upper)
    return region


def is_formula(subject: Scheme, found: RateLaw, steps: int, others: dict[str, Fraction]) -> bool:
    """Whether the formula is the largest rate that so many steps, followed one by one, leave at a point."""
    largest = largest_rate(found.rate, unrolled(subject, steps))
    if largest.bounds is None or not largest.valid_on.contains(others):
        return False
    return min(form.at(others) for form in found.bounds(steps)) == min(form.at(others) for form in largest.bounds)


UNLUCKY = {
    "a floor that rises": scheme("p", "0", "a", "-a", optimizer="sgd", momentum="-1/2"),
    "a floor that stays": scheme("-1/2", "0", "a", "-a", optimizer="sign", scale="c", fan_out="1/2"),
}


@pytest.mark.parametrize("subject", UNLUCKY.values(), ids=UNLUCKY)
def test_there_is_no_formula_where_training_bounds_the_rate_from_below(subject: Scheme) -> None:
    law = law_of(subject)
    assert isinstance(law, HorizonLaw)
    assert law.largest == "training also bounds a from below"


@settings(max_examples=4 * EXAMPLES, deadline=None)
@given(st.data())
def test_a_formula_is_what_following_step_by_step_leaves_wherever_it_is_stated(data: st.DataObject) -> None:
    # A domain may have no point left, or speak of an exponent that the scheme has not.
    try:
        subject = data.draw(opposed(), label="scheme")
    except BadInput:
        return
    assume(len(subject.rates) == 1)
    law = law_of(subject)
    if not isinstance(law, HorizonLaw) or not isinstance(law.largest, RateLaw) or not law.largest.cases:
        return
    found = law.largest
    for point in data.draw(places(subject, CALCULUS, POINTS), label="points"):
        others = {name: value for name, value in point.items() if name != found.rate}
        if found.valid_on.contains(others) and law.domain == subject.domain:
            assert [is_formula(subject, found, steps, others) for steps in range(1, 7)] == [True] * 6


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data())
def test_random_schemes(data: st.DataObject) -> None:
    subject = data.draw(schemes(), label="scheme")
    assume(len(subject.rates) == 1)
    law = law_of(subject)
    if not isinstance(law, HorizonLaw) or not isinstance(law.largest, RateLaw):
        return
    for point in data.draw(places(subject, CALCULUS, POINTS), label="points"):
        if law.domain.contains(point):
            assert not mistakes(law, law.largest, point)


def test_a_first_step_may_bound_no_rate() -> None:
    """B moves only once A has left zero."""
    law = law_of(scheme("zero", "-1/2", "-1/2", "e", optimizer="sgd", momentum="b"))
    assert isinstance(law, HorizonLaw) and isinstance(law.largest, RateLaw)
    point = {"e": Fraction(0), "b": Fraction(0)}
    assert rate_at(law, "e", 1, point) == math.inf
    assert not mistakes(law, law.largest, point)


def test_a_wrong_formula_is_seen() -> None:
    """The negative controls: another scheme's formula, and a limit said to be attained."""
    law, found = joint(ROWS["scale"][0])
    _, other = joint(ROWS["rank"][0])
    point = {"s": Fraction(1, 4), "k": Fraction(0), "eta": Fraction(0)}
    assert not mistakes(law, found, point)
    assert mistakes(law, replace(found, cases=other.cases), point)
    assert mistakes(law, replace(found, attained=Region.of(law.domain)), point)

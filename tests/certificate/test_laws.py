"""Laws of certificates: what they say of later steps is what more steps show, and what the engine's laws say."""

from __future__ import annotations

import random
from collections.abc import Mapping
from fractions import Fraction
from functools import cache

import pytest

from gamma_calc.algebra import Affine
from gamma_calc.algebra.plain import forms
from gamma_calc.analysis.horizon import HorizonLaw
from gamma_calc.certificate.checker import CheckedRun, Family, Law
from gamma_calc.certificate.evidence import FoundProof
from gamma_calc.certificate.law_words import growth
from gamma_calc.certificate.parts import UPPER
from tests.analysis.test_horizon import region_of
from tests.certificate.certificates import CASES, derivation_of, written

MORE = 5
"""Steps beyond those of a certificate that a law is compared with."""
WITH_LAW = [
    name
    for name, scheme in CASES.items()
    if scheme.optimizer.name == "sgd" and not scheme.form("feedback") and name != "free-shape"
] + ["decay"]
Point = Mapping[str, Fraction]


@cache
def followed(name: str, more: int = 0) -> CheckedRun:
    """The first run of a certificate with its law, or with so many more steps instead."""
    data = written(name).data
    run = CheckedRun(data["premises"], FoundProof(), forms(data["runs"][0]["where"]), data["runs"][0]["steps"] + more)
    if not more:
        Law(run).read(data["runs"][0]["later"])
    return run


def points(name: str) -> list[Point]:
    choose, names = random.Random(2), CASES[name].free
    found = [{each: Fraction(choose.randint(-12, 8), choose.choice((3, 4, 5))) for each in names} for _ in range(8)]
    return [point for point in found if all(each.at(point) >= 0 for each in followed(name).domain)]


def value(family: Family, t: int, point: Point) -> Fraction | None:
    """The largest sum of a family after t steps."""

    def most(left: int, turns: tuple[tuple[Affine, int], ...]) -> Fraction:
        if not turns:
            return Fraction(0)
        (turn, steps), *others = turns
        return max(turn.at(point) * k + most(left - k * steps, tuple(others)) for k in range(left // steps + 1))

    base, length, turns = family
    return None if t < length else base.at(point) + most(t - length, turns)


def sizes(law: Law, t: int, point: Point) -> list[Fraction | None]:
    """The exponents of the parts after t steps."""
    found = [[value(each, t, point) for each in law.families.get(i, ())] for i in range(len(law.x))]
    return [max((each for each in every if each is not None), default=None) for every in found]


def quantity(law: Law, of: str, t: int, point: Point) -> Fraction | None:
    """The exponent of a quantity t steps and one more after the run."""
    parts, found = sizes(law, t, point), list[Fraction]()
    for piece in law.looked_at[of].bounds[UPPER]:
        factors = [parts[i] for i in law.factors(piece)]
        rest = sum((-law.x[i] for i in law.factors(piece)), piece)
        if all(each is not None for each in factors):
            found.append(rest.at(point) + sum(each for each in factors if each is not None))
    return max(found, default=None)


@pytest.mark.parametrize("name", WITH_LAW)
def test_a_law_is_what_more_steps_show(name: str) -> None:
    law, longer = followed(name).law, followed(name, MORE)
    assert law is not None and law.is_exact
    start = written(name).data["runs"][0]["steps"]
    for point in points(name):
        for t in range(MORE):
            for of, part in longer.steps[start + t].items():
                shown = max((piece.at(point) for piece in part.bounds[UPPER]), default=None)
                assert quantity(law, of, t, point) == shown, (of, start + t + 1, point)


@pytest.mark.parametrize("name", WITH_LAW)
def test_a_law_is_that_of_the_engine(name: str) -> None:
    run, theirs = followed(name), derivation_of(name).horizons["stable"]
    if not isinstance(theirs, HorizonLaw):
        pytest.xfail("the engine has no law")
    assert run.law is not None
    start = written(name).data["runs"][0]["steps"]
    for point in points(name):
        bounded = all(piece.at(point) <= 0 for step in run.steps[:start] for piece in step["Z_B"].bounds[UPPER])
        for t in range(2 * MORE):
            most = quantity(run.law, "Z_B", t, point)
            bounded = bounded and (most is None or most <= 0)
            region = region_of(theirs, start + t + 1)
            assert bounded == all(each.form.at(point) >= 0 for each in region.constraints), (start + t + 1, point)


@pytest.mark.parametrize("name", WITH_LAW)
def test_growth_is_that_of_the_engine(name: str) -> None:
    law = followed(name).law
    assert law is not None
    for of, theirs in derivation_of(name).growth.items():
        mine = growth(law, law.looked_at[of].bounds[UPPER])
        assert not isinstance(theirs, str)
        for point in points(name):
            assert max(each.at(point) for each in mine) == max(piece.at(point) for piece in theirs.pieces)


def test_momentum_has_a_law_of_several_cycles() -> None:
    law = followed("momentum-sgd").law
    assert law is not None
    turns = {turn for every in law.families.values() for _, _, cycles in every for turn in cycles}
    eta, m = Affine.symbol("eta"), Affine.symbol("m")
    assert turns == {(m, 1), (2 * eta + 2, 2), (2 * eta + m + 2, 3), (2 * eta + 2 * m + 2, 4)}

"""What keeps a largest stable rate from being a formula in the number of steps."""

from __future__ import annotations

from fractions import Fraction

import pytest

from gamma_calc.algebra import EVERYWHERE, Affine, Inequality, Polyhedron
from gamma_calc.analysis.horizon import family_rate_law
from gamma_calc.analysis.rate_law import RateLaw
from gamma_calc.maxplus.horizon_families import HorizonFamily

RATE = Affine.symbol("eta")


def turning(base: Affine, turn: Affine, period: Fraction = Fraction(1)) -> HorizonFamily:
    """A family that turns a cycle from step 1 on."""
    return HorizonFamily(base, cycle=turn, period=period)


NO_LAW = {
    "bounded-from-below": ((RATE, -RATE - 3), EVERYWHERE, "training also bounds eta from below"),
    "outside-the-domain": ((RATE + 1,), Polyhedron.of(Inequality(RATE)), "no eta of the domain is stable"),
    "always-positive": ((RATE, Affine.of(1)), EVERYWHERE, "nothing is stable from some step on"),
    "unbounded": ((Affine.of(-1),), EVERYWHERE, "nothing bounds eta from above"),
    "late": (
        (turning(RATE - 100, RATE + 1), RATE + Affine.of(1) / 2),
        EVERYWHERE,
        "the formula would hold only from step 202 on",
    ),
}


@pytest.mark.parametrize(("forms", "domain", "reason"), NO_LAW.values(), ids=NO_LAW)
def test_no_law(forms: tuple[Affine | HorizonFamily, ...], domain: Polyhedron, reason: str) -> None:
    families = [each if isinstance(each, HorizonFamily) else HorizonFamily(each) for each in forms]
    found = family_rate_law("eta", families, domain)
    assert isinstance(found, str) and found.startswith(reason)


FORMULAS = {
    "no-turn-is-the-largest": ((turning(2 * RATE + 1, RATE - 5),), "-1/2 (T >= 1); tends to -1/2"),
    "every-turn-is-the-largest": ((turning(2 * RATE + 1, RATE + 1),), "-(T)/(T + 1) (T >= 1); tends to -1"),
    "in-lowest-terms": ((turning(2 * RATE + 2, 2 * RATE + 4),), "-(2*T - 1)/(T) (T >= 1); tends to -2"),
    "turns-that-the-rate-is-not-in": ((turning(RATE, Affine.of(1)),), "-T + 1 (T >= 1); tends to -oo"),
    "three-turns-in-two-steps": (
        (turning(RATE, RATE + 1, Fraction(2, 3)),),
        "-(3*T - 4)/(3*T - 2) if T mod 2 = 0; -(3*T - 3)/(3*T - 1) if T mod 2 = 1 (T >= 1); tends to -1",
    ),
    "turns-that-take-over": (
        (turning(RATE - 3, RATE + 1), HorizonFamily(RATE + Affine.of(1) / 2)),
        f"-(T - 4)/(T) (T >= 8{''.join(f', -1/2 at T = {t}' for t in range(1, 8))}); tends to -1",
    ),
}


@pytest.mark.parametrize(("families", "formula"), FORMULAS.values(), ids=FORMULAS)
def test_a_law_is_the_least_of_the_extreme_exponents(families: tuple[HorizonFamily, ...], formula: str) -> None:
    found = family_rate_law("eta", families, EVERYWHERE)
    assert isinstance(found, RateLaw)
    assert found.statement == f"eta <= {formula}, which no T attains"
    for steps in range(1, 99):
        largest = found.at(steps)
        assert largest is not None
        asked = [form.at({"eta": largest}) for family in families for form in family.corners(steps)]
        assert max(asked) == 0

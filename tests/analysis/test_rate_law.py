"""What keeps a largest stable rate from being a formula in the number of steps."""

from __future__ import annotations

import pytest

from gamma_calc.algebra import EVERYWHERE, Affine, Inequality, Polyhedron
from gamma_calc.analysis.families import Family
from gamma_calc.analysis.rate_law import rate_law

RATE = Affine.symbol("eta")
NO_LAW = {
    "bounded-from-below": ((RATE, -RATE - 3), EVERYWHERE, "training also bounds eta from below"),
    "outside-the-domain": ((RATE + 1,), Polyhedron.of(Inequality(RATE)), "no eta of the domain is stable"),
    "always-positive": ((RATE, Affine.of(1)), EVERYWHERE, "nothing is stable from some step on"),
    "unbounded": ((Affine.of(-1),), EVERYWHERE, "nothing bounds eta from above"),
}


@pytest.mark.parametrize(("forms", "domain", "reason"), NO_LAW.values(), ids=NO_LAW)
def test_no_law(forms: tuple[Affine, ...], domain: Polyhedron, reason: str) -> None:
    found = rate_law("eta", tuple(map(Family.fixed, forms)), domain)
    assert isinstance(found, str) and found.startswith(reason)

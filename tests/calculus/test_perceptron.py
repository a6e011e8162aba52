"""The calculus beyond LoRA: the per-layer rates of a three-layer perceptron under Adam.

Everett et al., "Scaling Exponents Across Parameterizations and Optimizers", aligned updates: largest stable exponents
of (embedding, hidden, readout) are (0, -1, -1) in the standard and (-1/2, -1, -1/2) in the mu parametrisation. Their
omega = 1/2 lets the initial readout meet the change of its features as if it had not seen them.
"""

from __future__ import annotations

from fractions import Fraction

import pytest

from gamma_calc.algebra import EVERYWHERE, Affine, Polyhedron, at_most
from gamma_calc.analysis.bounded import bounded
from gamma_calc.calculus.policy import CALCULUS, Alignment, Policy
from gamma_calc.program.models import Perceptron
from gamma_calc.program.perceptron import perceptron
from gamma_calc.program.scheme import Scheme

FEATURES = ("h[1]", "h[2]", "f")
UNALIGNED_READOUT = Policy(((Alignment.DILUTED, Affine.of(Fraction(1, 2))),))

# multiplier and initial scale of each layer, as exponents of the width
STANDARD = (("0", "0"), ("0", "-1/2"), ("0", "-1/2"))
MU = (("1/2", "-1/2"), ("0", "-1/2"), ("-1/2", "-1/2"))


def stable_region(parametrisation: tuple[tuple[str, str], ...], policy: Policy) -> Polyhedron:
    layers = ("embedding", "hidden", "readout")
    exponents = {f"{name}.rate": name for name in layers}
    for name, (multiplier, initial) in zip(layers, parametrisation, strict=True):
        exponents |= {f"{name}.multiplier": multiplier, f"{name}.init": initial}
    subject = Scheme("perceptron", exponents, model=Perceptron(layers))
    found = bounded(perceptron(subject, Perceptron(layers)), FEATURES, EVERYWHERE, None, policy)
    assert found.is_exact
    return found.inner


def corner(region: Polyhedron) -> tuple[Fraction | None, ...]:
    """The largest value of each rate over the region."""
    return tuple(region.maximum(Affine.symbol(name)) for name in ("embedding", "hidden", "readout"))


@pytest.mark.parametrize(
    ("parametrisation", "expected"),
    [(STANDARD, ("0", "-1", "-1")), (MU, ("-1/2", "-1", "-1/2"))],
    ids=["standard", "mu"],
)
def test_largest_rates_of_everett(parametrisation: tuple[tuple[str, str], ...], expected: tuple[str, ...]) -> None:
    region = stable_region(parametrisation, UNALIGNED_READOUT)
    assert corner(region) == tuple(map(Fraction, expected))
    point = dict(zip(("embedding", "hidden", "readout"), map(Fraction, expected), strict=True))
    assert region.contains(point)


def test_mu_needs_no_such_assumption() -> None:
    assert stable_region(MU, CALCULUS) == stable_region(MU, UNALIGNED_READOUT)


def test_a_readout_that_has_seen_its_features_move_costs_the_standard_one_half() -> None:
    """Without the assumption the standard readout, n^(-1/2) an entry, aligns with features that moved because of it."""
    region = stable_region(STANDARD, CALCULUS)
    assert region.implies(at_most(Affine.symbol("embedding"), Fraction(-1, 2)))
    assert corner(region) == (Fraction(-1, 2), Fraction(-3, 2), Fraction(-1))

"""Where an exponent is at most zero, and where it is zero."""

from __future__ import annotations

from gamma_calc.algebra.exponent import Exponent
from gamma_calc.algebra.inequality import Equality, Inequality
from gamma_calc.algebra.polyhedron import Polyhedron
from gamma_calc.algebra.region import Region


def nonpositive_region(exponent: Exponent) -> Polyhedron:
    """The part of the domain where the exponent is at most 0.

    The exponent -oo has no domain: it is at most 0 everywhere.

    >>> from gamma_calc.algebra.affine import Affine
    >>> eta = Affine.symbol("eta")
    >>> print(nonpositive_region(Exponent.of(2 * eta + 1) | eta))
    eta <= -1/2
    """
    return exponent.domain & Polyhedron.of(*(Inequality(-piece) for piece in exponent.pieces))


def zero_region(exponent: Exponent) -> Region:
    """The part of the domain where the exponent is 0: some piece is 0 and no piece is positive.

    >>> from gamma_calc.algebra.affine import Affine
    >>> eta = Affine.symbol("eta")
    >>> print(zero_region(Exponent.of(2 * eta + 1) | eta))
    eta = -1/2
    """
    below = nonpositive_region(exponent)
    return Region(tuple(below & Polyhedron.of(Equality(piece)) for piece in exponent.pieces))

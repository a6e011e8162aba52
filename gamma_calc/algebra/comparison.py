"""Whether one maximum of affine forms is at most another everywhere on a domain: by points, then by an envelope.

Of the maxima that are compared on one domain most differ in few places. So the points at which one was found to be
larger than another are tried on the next two, and the envelope of both is asked for where no point tells them apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import lcm
from operator import mul

from gamma_calc.algebra.affine import Affine, integer_rows
from gamma_calc.algebra.cover import witness
from gamma_calc.algebra.envelope import upper_envelope
from gamma_calc.algebra.inequality import Inequality
from gamma_calc.algebra.polyhedron import Polyhedron


def is_at_most(left: Sequence[Affine], right: Sequence[Affine], domain: Polyhedron) -> bool:
    """Whether the largest of the left forms is at most the largest of the right ones at every point of a domain.

    Both are reduced modulo the domain's equalities.

    >>> x, zero = Affine.symbol("x"), Affine.of(0)
    >>> is_at_most([x], [zero, 2 * x], Polyhedron()), is_at_most([x], [2 * x], Polyhedron())
    (True, False)
    """
    others = frozenset(right)
    alone = [piece for piece in left if piece not in others]
    points = _telling_points(domain)
    if not alone or _is_larger_at_one(points, alone, right):
        return not alone
    for piece in upper_envelope((*alone, *right), domain):
        if piece not in others:
            points.insert(0, _point_above(piece, right, domain))
            return False
    return True


_Point = tuple[int, Mapping[str, int]]
"""A denominator, and the coordinates that are not 0 times it."""


@lru_cache(maxsize=256)
def _telling_points(domain: Polyhedron) -> list[_Point]:
    """Points of a domain that told two maxima apart, the newest first; who finds one puts it in."""
    return []


def _is_larger_at_one(points: Sequence[_Point], left: Sequence[Affine], right: Sequence[Affine]) -> bool:
    """Whether at one of the points the largest left form is above all right ones."""
    names, rows = integer_rows([*left, *right])
    for denominator, coordinates in points:
        vector = (denominator, *[coordinates.get(name, 0) for name in names])
        values = [sum(map(mul, row, vector)) for row in rows]
        if max(values[: len(left)]) > max(values[len(left) :]):
            return True
    return False


def _point_above(piece: Affine, others: Sequence[Affine], domain: Polyhedron) -> _Point:
    """A point of the domain at which a piece is above all others, as one that an envelope needs somewhere is."""
    found = witness([*domain.constraints, *(Inequality(piece - other, strict=True) for other in others)])
    assert found is not None
    denominator = lcm(*(value.denominator for value in found.values()))
    return denominator, {name: int(value * denominator) for name, value in found.items() if value}

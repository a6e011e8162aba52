"""Points of a domain, at which a claim about it is often refuted before its proof is looked for."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from math import lcm

from gamma_calc.algebra.affine import Row
from gamma_calc.algebra.polyhedron import Polyhedron

POINTS = 12
FARTHEST = 16
"""How far a point may be from the one inside, along any name."""


@lru_cache(maxsize=1024)
def witness_points(domain: Polyhedron, names: tuple[str, ...]) -> Sequence[Row]:
    """Some points of a domain that is not empty, by the names of forms that are reduced modulo it.

    Each is a row of integers, 1 and its coordinates times a common denominator, and the same in every process. It lies
    as far from a point inside as a random number, at most half of the way to where the domain ends.
    """
    draw = random.Random(0)
    inside = dict.fromkeys(names, Fraction(0)) | domain.point()
    found = [inside]
    while len(found) < POINTS:
        way = {name: Fraction(draw.randint(-FARTHEST, FARTHEST)) for name in inside}
        length = Fraction(1, draw.choice((1, 1, 4)))
        for each in domain.inequalities:
            slope = sum((way[name] * number for name, number in each.form.terms), Fraction(0))
            if slope < 0:
                length = min(length, each.form.at(inside) / -slope / 2)
        found.append({name: value + length * way[name] for name, value in inside.items()})
    return [_row([point[name] for name in names]) for point in found]


def _row(numbers: Sequence[Fraction]) -> Row:
    denominator = lcm(*(number.denominator for number in numbers))
    return (denominator, *(int(number * denominator) for number in numbers))

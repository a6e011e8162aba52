"""Points where a piece of a maximum leads, searched for in integers; what is not found is for a linear program.

A point of the domain where a piece leads proves it needed. With the names that the domain restricts held at one of its
points, the others are free, and a point of them, in homogeneous coordinates, is a vector that separates the piece from
all others: the perceptron looks for one (Rosenblatt, 1958).
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import mul, sub

from gamma_calc.algebra.affine import Row

TRIALS = 40
"""Corrections of a point before a piece is left to a linear program."""


def leaders(vectors: Sequence[Row]) -> set[int]:
    """Places of vectors, a constant and coefficients, that were found to be larger than all others at some point.

    >>> sorted(leaders([(1, 0), (0, 1), (0, -1)])), sorted(leaders([(0, 0), (0, 1), (0, -1)]))
    ([0, 1, 2], [1, 2])
    """
    found: set[int] = set()
    total = list(map(sum, zip(*vectors, strict=True)))
    for place, mine in enumerate(vectors):
        if place not in found:
            _search(place, [len(vectors) * a - b for a, b in zip(mine, total, strict=True)], vectors, found)
    return found


def _search(place: int, point: list[int], vectors: Sequence[Row], found: set[int]) -> None:
    """Move the point until a vector leads there, or for so many trials; every vector met in the lead is noted."""
    mine = vectors[place]
    for _ in range(TRIALS):
        point[0] = max(point[0], 1)
        values = [sum(map(mul, vector, point)) for vector in vectors]
        own, values[place] = values[place], min(values) - 1
        best = max(values)
        leader = values.index(best)
        if own > best:
            found.add(place)
            return
        if values.count(best) == 1 and own < best:
            found.add(leader)
        lead = list(map(sub, mine, vectors[leader]))
        if not any(lead):
            # The two differ only in what is held: no point of this kind tells them apart.
            return
        step = (best - own) // sum(map(mul, lead, lead)) + 1
        point = [a + step * b for a, b in zip(point, lead, strict=True)]

"""Cheap proofs, in integers, that a piece of a maximum is needed or not; what they leave open is for a linear program.

A point of the domain where a piece leads proves it needed. With the names that the domain restricts held at one of its
points, the others are free, and a point of them, in homogeneous coordinates, is a vector that separates the piece from
all others: the perceptron looks for one (Rosenblatt, 1958). And a piece that is nowhere above the average of two others
is not needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import lcm
from operator import add, mul, sub

from gamma_calc.algebra.affine import Affine

Row = tuple[int, ...]

TRIALS = 60
"""Corrections of a point before a piece is left to a linear program."""


def integer_rows(pieces: Sequence[Affine], names: Sequence[str]) -> list[Row]:
    """The constants and the coefficients of the names, all multiplied by one number that makes them integers."""
    factor = lcm(*(number.denominator for piece in pieces for number in (piece.constant, *(c for _, c in piece.terms))))
    places = {name: place for place, name in enumerate(names, 1)}
    rows = []
    for piece in pieces:
        row = [0] * (len(names) + 1)
        row[0] = piece.constant.numerator * (factor // piece.constant.denominator)
        for name, coefficient in piece.terms:
            row[places[name]] = coefficient.numerator * (factor // coefficient.denominator)
        rows.append(tuple(row))
    return rows


def without_averages(rows: Sequence[Row]) -> list[int]:
    """Places of the rows that are left when one after the other that is at most the average of two others goes.

    >>> without_averages([(0, 0), (0, 2), (-1, 1)])
    [0, 1]
    """
    left = list(range(len(rows)))
    for place in range(len(rows)):
        others = [rows[other] for other in left if other != place]
        if len(others) > 1 and _is_below_average(rows[place], others):
            left.remove(place)
    return left


def _is_below_average(row: Row, others: Sequence[Row]) -> bool:
    constants: dict[Row, int] = {}
    for other in others:
        constants[other[1:]] = max(other[0], constants.get(other[1:], other[0]))
    for other in others:
        mirrored = tuple(2 * mine - theirs for mine, theirs in zip(row[1:], other[1:], strict=True))
        if mirrored in constants and constants[mirrored] + other[0] >= 2 * row[0]:
            return True
    return False


def leads_somewhere(place: int, vectors: Sequence[Row]) -> bool:
    """Whether a point was found at which one vector, a constant and coefficients, is larger than each of the others.

    >>> leads_somewhere(0, [(1, 0), (0, 1), (0, -1)]), leads_somewhere(0, [(0, 0), (0, 1), (0, -1)])
    (True, False)
    """
    mine = vectors[place]
    leads = [tuple(map(sub, mine, other)) for at, other in enumerate(vectors) if at != place]
    leads.append((1, *[0] * (len(mine) - 1)))
    point = list(map(sum, zip(*leads, strict=True)))
    for _ in range(TRIALS):
        least, lagging = min((sum(map(mul, lead, point)), lead) for lead in leads)
        if least > 0:
            return True
        point = list(map(add, point, lagging))
    return False

"""Vertices, rays and lines of a polyhedron, by the double description method.

The points p of the polyhedron are the points (1, p) of a cone. The cone of a few independent inequalities is generated
by as many edges; each further inequality keeps the edges on its side and adds one between every two adjacent edges
that it separates (Motzkin et al., 1953). Two edges are adjacent where no third edge lies on every inequality that
both lie on. Edges are integer vectors; which inequalities an edge lies on is one integer, a bit each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

from gamma_calc.algebra.affine import Affine, Point
from gamma_calc.algebra.inequality import Constraint, Equality, Inequality, echelon, reduced

Row = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Generators:
    """A polyhedron as averages of vertices, plus nonnegative combinations of rays, plus combinations of lines."""

    vertices: tuple[Point, ...]
    rays: tuple[Point, ...]
    lines: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class _Edge:
    """A generator of the cone, and the inequalities that it lies on."""

    vector: Row
    tight: int


def generators(constraints: Sequence[Constraint]) -> Generators:
    """What generates the points that satisfy the constraints, the strict ones taken as weak.

    Where the polyhedron holds lines, vertices and rays are those of its slice on which the names that are free to
    move along the lines are 0.
    """
    names = sorted({name for constraint in constraints for name in constraint.free})
    directions = echelon(Equality(constraint.form.linear) for constraint in constraints) or ()
    moving = sorted(set(names) - {row.free[0] for row in directions})
    pins = [Equality(Affine.symbol(name)) for name in moving]
    solved = echelon([*(each for each in constraints if isinstance(each, Equality)), *pins])
    if solved is None:
        return Generators((), (), ())
    kept = [name for name in names if name not in {row.free[0] for row in solved}]
    forms = [reduced(each.form, solved) for each in constraints if isinstance(each, Inequality)]
    edges = _edges([_integers(form, kept) for form in forms], len(kept) + 1)
    vertices = [_vertex(edge.vector, names, kept, solved) for edge in edges if edge.vector[0]]
    rays = [_ray(edge.vector, names, kept, solved) for edge in edges if not edge.vector[0]]
    lines = [_direction(names, directions, name) for name in moving]
    return Generators(_points(vertices), _points(rays if vertices else ()), _points(lines if vertices else ()))


_Coordinates = tuple[tuple[str, Fraction], ...]


def _integers(form: Affine, names: Sequence[str]) -> Row:
    """The constant and the coefficients, times a positive number that makes them coprime integers."""
    numbers = [form.constant, *(form.coefficient(name) for name in names)]
    factor = lcm(*(number.denominator for number in numbers))
    return _coprime([int(number * factor) for number in numbers])


def _coprime(vector: Sequence[int]) -> Row:
    divisor = gcd(*vector) or 1
    return tuple(value // divisor for value in vector)


def _edges(inequalities: Iterable[Row], size: int) -> list[_Edge]:
    """The extreme rays of the cone where every row, and the first coordinate, is at least 0.

    Assumes:
        The rows, with the first coordinate, vanish together only at 0.
    """
    at_infinity = (1, *[0] * (size - 1))
    rows = [at_infinity, *sorted(set(inequalities) - {at_infinity, (0,) * size})]
    first = _independent(rows, size)
    order = [*first, *(index for index in range(len(rows)) if index not in first)]
    edges = _simplex([rows[index] for index in first])
    for place in range(size, len(order)):
        edges = _cut(edges, rows[order[place]], 1 << place, size - 2)
    return edges


def _independent(rows: Sequence[Row], size: int) -> list[int]:
    """The first rows that are linearly independent, as many as the space has dimensions."""
    chosen: list[int] = []
    reduced_rows: list[tuple[int, list[int]]] = []
    for index, row in enumerate(rows):
        rest = list(row)
        for lead, known in reduced_rows:
            if rest[lead]:
                factor = rest[lead]
                rest = [known[lead] * value - factor * other for value, other in zip(rest, known, strict=True)]
        lead_of_rest = next((place for place, value in enumerate(rest) if value), None)
        if lead_of_rest is not None:
            reduced_rows.append((lead_of_rest, list(_coprime(rest))))
            chosen.append(index)
        if len(chosen) == size:
            break
    return chosen


def _simplex(rows: Sequence[Row]) -> list[_Edge]:
    """The edges of the cone of independent rows: edge i lies on all of them but row i."""
    size = len(rows)
    table = [[*map(Fraction, row), *(Fraction(i == k) for k in range(size))] for i, row in enumerate(rows)]
    for column in range(size):
        pivot = next(i for i in range(column, size) if table[i][column])
        table[column], table[pivot] = table[pivot], table[column]
        table[column] = [value / table[column][column] for value in table[column]]
        for i in range(size):
            if i != column and table[i][column]:
                factor = table[i][column]
                table[i] = [a - factor * b for a, b in zip(table[i], table[column], strict=True)]
    every = (1 << size) - 1
    columns = ([line[size + i] for line in table] for i in range(size))
    return [_Edge(_whole(column), every & ~(1 << i)) for i, column in enumerate(columns)]


def _whole(vector: Sequence[Fraction]) -> Row:
    factor = lcm(*(value.denominator for value in vector))
    return _coprime([int(value * factor) for value in vector])


def _cut(edges: Sequence[_Edge], row: Row, bit: int, fewest: int) -> list[_Edge]:
    """The edges of the part of the cone on which one more row is at least 0.

    Args:
        edges: those of the cone so far.
        row: the inequality.
        bit: the one that stands for it.
        fewest: how many inequalities two adjacent edges share at least.
    """
    valued = [(sum(a * b for a, b in zip(row, edge.vector, strict=True)), edge) for edge in edges]
    kept = [edge if value else _Edge(edge.vector, edge.tight | bit) for value, edge in valued if value >= 0]
    below = [(value, edge) for value, edge in valued if value < 0]
    masks = [edge.tight for edge in edges]
    for high, above in valued:
        if high <= 0:
            continue
        for low, under in below:
            shared = above.tight & under.tight
            if shared.bit_count() >= fewest and sum(1 for mask in masks if mask & shared == shared) == 2:
                vector = [high * v - low * u for u, v in zip(above.vector, under.vector, strict=True)]
                kept.append(_Edge(_coprime(vector), shared | bit))
    return kept


def _vertex(vector: Row, names: Sequence[str], kept: Sequence[str], solved: Sequence[Equality]) -> _Coordinates:
    point = {name: Fraction(value, vector[0]) for name, value in zip(kept, vector[1:], strict=True)}
    for row in solved:
        name, leading = row.form.terms[0]
        point[name] = -(row.form - Affine.symbol(name) * leading).at(point) / leading
    return tuple((name, point[name]) for name in names)


def _ray(vector: Row, names: Sequence[str], kept: Sequence[str], solved: Sequence[Equality]) -> _Coordinates:
    linear = [Equality(row.form.linear) for row in solved]
    found = dict(_vertex((1, *vector[1:]), names, kept, linear))
    primitive = Affine(tuple(found.items()), Fraction(0)).primitive()
    return tuple((name, primitive.coefficient(name)) for name in names)


def _direction(names: Sequence[str], rows: Sequence[Equality], moving: str) -> _Coordinates:
    """The direction within the rows' solutions that moves one name and no other that leads no row."""
    motion = {moving: Fraction(1)}
    for row in rows:
        motion[row.free[0]] = -row.form.coefficient(moving) / row.form.terms[0][1]
    primitive = Affine(tuple(motion.items()), Fraction(0)).primitive()
    return tuple((name, primitive.coefficient(name)) for name in names)


def _points(found: Iterable[_Coordinates]) -> tuple[Point, ...]:
    return tuple(dict(coordinates) for coordinates in sorted(set(found)))

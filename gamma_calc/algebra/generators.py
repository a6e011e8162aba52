"""Vertices, rays and lines of a polyhedron: its points p are the points (1, p) of a cone, whose edges they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from gamma_calc.algebra.affine import Affine, Point, Row
from gamma_calc.algebra.epigraph import edges
from gamma_calc.algebra.inequality import Constraint, Equality, Inequality, echelon, reduced


@dataclass(frozen=True, slots=True)
class Generators:
    """A polyhedron as averages of vertices, plus nonnegative combinations of rays, plus combinations of lines."""

    vertices: tuple[Point, ...]
    rays: tuple[Point, ...]
    lines: tuple[Point, ...]


def generators(constraints: Sequence[Constraint]) -> Generators:
    """What generates the points that satisfy the constraints.

    Where the polyhedron holds lines, vertices and rays are those of its slice on which the names that are free to
    move along the lines are 0.

    Assumes:
        They are those of a canonical polyhedron, and none is strict.
    """
    names = sorted({name for constraint in constraints for name in constraint.free})
    directions = echelon(Equality(constraint.form.linear) for constraint in constraints) or ()
    moving = sorted(set(names) - {row.free[0] for row in directions})
    pins = [Equality(Affine.symbol(name)) for name in moving]
    solved = echelon([*(each for each in constraints if isinstance(each, Equality)), *pins])
    if solved is None:
        return Generators((), (), ())
    kept = [name for name in names if name not in {row.free[0] for row in solved}]
    sides = [Inequality(reduced(each.form, solved)) for each in constraints if isinstance(each, Inequality)]
    found = edges(kept, sides)
    vertices = [_vertex(vector, names, kept, solved) for vector in found if vector[0]]
    rays = [_ray(vector, names, kept, solved) for vector in found if not vector[0]]
    lines = [_direction(names, directions, name) for name in moving]
    return Generators(_points(vertices), _points(rays if vertices else ()), _points(lines if vertices else ()))


_Coordinates = tuple[tuple[str, Fraction], ...]


def _vertex(vector: Row, names: Sequence[str], kept: Sequence[str], solved: Sequence[Equality]) -> _Coordinates:
    point = {name: Fraction(value, vector[0]) for name, value in zip(kept, vector[1:], strict=True)}
    for row in solved:
        name, leading = row.form.terms[0]
        point[name] = -(row.form - Affine.symbol(name) * leading).at(point) / leading
    return tuple((name, point[name]) for name in names)


def _ray(vector: Row, names: Sequence[str], kept: Sequence[str], solved: Sequence[Equality]) -> _Coordinates:
    linear = [Equality(row.form.linear) for row in solved]
    return _coprime(_vertex((1, *vector[1:]), names, kept, linear), names)


def _direction(names: Sequence[str], rows: Sequence[Equality], moving: str) -> _Coordinates:
    """The direction within the rows' solutions that moves one name and no other that leads no row."""
    motion = {moving: Fraction(1)}
    for row in rows:
        motion[row.free[0]] = -row.form.coefficient(moving) / row.form.terms[0][1]
    return _coprime(tuple(motion.items()), names)


def _coprime(direction: _Coordinates, names: Sequence[str]) -> _Coordinates:
    """The direction in coprime integers, with the zeros of the other names."""
    primitive = Affine(direction, Fraction(0)).primitive()
    return tuple((name, primitive.coefficient(name)) for name in names)


def _points(found: Iterable[_Coordinates]) -> tuple[Point, ...]:
    return tuple(dict(coordinates) for coordinates in sorted(set(found)))

"""Vertices, rays and lines of a closed polyhedron, by trying which inequalities hold with equality."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from gamma_calc.algebra.affine import Affine, Point
from gamma_calc.algebra.elimination import echelon
from gamma_calc.algebra.inequality import Constraint, Equality, Inequality


@dataclass(frozen=True, slots=True)
class Generators:
    """A polyhedron as averages of vertices, plus nonnegative combinations of rays, plus combinations of lines."""

    vertices: tuple[Point, ...]
    rays: tuple[Point, ...]
    lines: tuple[Point, ...]


def generators(constraints: Sequence[Constraint]) -> Generators:
    """What generates the points that satisfy the constraints.

    Where the polyhedron holds lines, vertices and rays are those of its slice on which the names that are free to
    move along the lines are 0. The work grows as the number of ways to choose as many inequalities as the slice has
    dimensions, so this is for the few free exponents of a scheme.

    Assumes:
        The inequalities are not strict, and no inequality holds only as an equality.
    """
    names = sorted({name for constraint in constraints for name in constraint.free})
    directions = echelon(Equality(constraint.form.linear) for constraint in constraints) or ()
    moving = sorted(set(names) - {row.free[0] for row in directions})
    pins = [Equality(Affine.symbol(name)) for name in moving]
    equalities = [*(each for each in constraints if isinstance(each, Equality)), *pins]
    inequalities = [each for each in constraints if isinstance(each, Inequality)]
    dimension = len(names) - len(equalities)
    corners = (_corner(names, [*equalities, *tight]) for tight in _tight(inequalities, dimension))
    vertices = (
        corner for corner in corners if corner is not None and all(each.holds_at(dict(corner)) for each in inequalities)
    )
    rays = (ray for tight in _tight(inequalities, dimension - 1) for ray in _rays(names, [*equalities, *tight]))
    rays = (ray for ray in rays if all(each.form.linear.at(dict(ray)) >= 0 for each in inequalities))
    lines = (_direction(names, directions, name) for name in moving)
    return Generators(_points(vertices), _points(rays), _points(lines))


_Coordinates = tuple[tuple[str, Fraction], ...]


def _tight(inequalities: Sequence[Inequality], count: int) -> Iterator[list[Equality]]:
    """Each choice of that many inequalities, as equalities."""
    if count >= 0:
        for chosen in combinations(inequalities, count):
            yield [Equality(inequality.form) for inequality in chosen]


def _corner(names: Sequence[str], equalities: Sequence[Equality]) -> _Coordinates | None:
    """The one solution, if there is exactly one."""
    rows = echelon(equalities)
    if rows is None or len(rows) < len(names):
        return None
    return tuple((row.free[0], -row.form.constant / row.form.terms[0][1]) for row in rows)


def _rays(names: Sequence[str], equalities: Sequence[Equality]) -> Iterator[_Coordinates]:
    """Both directions of the line of solutions, if they form a line."""
    rows = echelon(Equality(equality.form.linear) for equality in equalities) or ()
    if len(rows) == len(names) - 1:
        (moving,) = set(names) - {row.free[0] for row in rows}
        direction = _direction(names, rows, moving)
        yield direction
        yield tuple((name, -value) for name, value in direction)


def _direction(names: Sequence[str], rows: Sequence[Equality], moving: str) -> _Coordinates:
    """The direction within the rows' solutions that moves one name and no other that leads no row."""
    motion = {moving: Fraction(1)}
    for row in rows:
        motion[row.free[0]] = -row.form.coefficient(moving) / row.form.terms[0][1]
    primitive = Affine(tuple(motion.items()), Fraction(0)).primitive()
    return tuple((name, primitive.coefficient(name)) for name in names)


def _points(found: Iterator[_Coordinates | None]) -> tuple[Point, ...]:
    return tuple(dict(coordinates) for coordinates in sorted({each for each in found if each is not None}))

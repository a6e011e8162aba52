"""The one union of polyhedra that is chosen for its set of points.

A set is put together from its parts in each of its flats (see `walls`). In a flat, hyperplanes, the *walls*, divide the
space into *cells*: the points that lie above, below or on each wall alike. From the walls that are essential to a part
(see `walls`) its members are made one after the other: take the first cell that holds points of the part outside the
members so far; relax its limits one by one, in order, as long as the faces that the cell lies in stay inside the part;
what has grown, with all of its faces that lie in the part, is the next member. In the end members that the others cover
are dropped, in the order in which they were made, and where a member leaves out a corner it leaves out a facet instead
if the others hold the rest of that.

A cell of which the set holds some points and not others needs more walls. They are taken from the first such cell among
it and those that it bounds, and everything starts again.

Why equal sets have one form: flats and their parts depend on the set alone, and each choice (walls, cells, limits,
faces) is the first in a fixed order that passes a test on a part itself, such as inclusion in it; how the set was
written enters nowhere.

Why it ends: through a point where the set changes along the cell from which walls are taken there is a largest flat
along which it does not change near by. A point of that flat off the affine hull of the cell would lie in a cell that
the first one bounds, and the set would change along that one too; but those come first, and are in the set or outside.
So the flat lies in the affine hull, and the new walls cut such flats out. They are finitely many, being intersections
of the hyperplanes of any description, and stay intersections of walls.

Why a set that one polyhedron describes has that one member: its facets are cut out by walls, a limit that stands for
one cannot be relaxed without leaving the set, and any other can, since the faces that hold the cell are in the set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import TypeAlias

from gamma_calc.algebra.affine import Affine
from gamma_calc.algebra.cover import Conditions, uncovered, value, witness
from gamma_calc.algebra.inequality import Constraint, Equality, Inequality
from gamma_calc.algebra.polyhedron import EVERYWHERE, Polyhedron
from gamma_calc.algebra.walls import counting, essential_walls, flats, is_along, ordered, thin_walls

Cell: TypeAlias = tuple[Constraint, ...]
"""A condition a wall, in the order of the walls: above it, below it, or on it."""

Walls: TypeAlias = tuple[Equality, ...]


@lru_cache(maxsize=1024)
def canonical_union(members: tuple[Polyhedron, ...]) -> tuple[Polyhedron, ...]:
    """The members, in the order of their text, that stand for the points of the given ones.

    Members that lie in different flats, as where one of several exponents is 0, cost milliseconds. Several in one flat
    take some hundred linear programs: 0.2 seconds for two polyhedra of ten inequalities in eight unknowns, ten for six.
    Nothing bounds it: whether a union covers a set, which is asked of every choice, can take time exponential in the
    number of members.

    >>> x = Affine.symbol("x")
    >>> canonical_union((Polyhedron.of(Inequality(x, strict=True)), Polyhedron.of(Equality(x))))
    (Polyhedron('x >= 0'),)
    """
    if len(members) < 2:
        return members
    made = [part & flat for flat in flats(members) for part in _made(tuple(sorted(counting(flat, members), key=str)))]
    return tuple(sorted(_plainer(_needed(made)), key=str))


@lru_cache(maxsize=1024)
def _made(members: tuple[Polyhedron, ...]) -> tuple[Polyhedron, ...]:
    """The members that stand for a set near each point of which there are points inside it."""
    if len(members) < 2:
        return members
    union = [member.constraints for member in members]
    walls = essential_walls(EVERYWHERE, members)
    made, mixed = _covering(union, walls)
    while mixed is not None:
        cell = Polyhedron.of(*mixed)
        walls = ordered({*walls, *(essential_walls(cell, members) or thin_walls(cell, members))})
        made, mixed = _covering(union, walls)
    return tuple(_needed(made))


def _covering(union: Sequence[Conditions], walls: Walls) -> tuple[list[Polyhedron], Cell | None]:
    """The members in the order in which they are made, up to a cell that needs more walls, if there is one."""
    made: list[Polyhedron] = []
    while (cell := _first_cell(union, [member.constraints for member in made], walls)) is not None:
        if uncovered(cell, union) is not None:
            return made, _first_mixed((), cell, union)
        made.append(_with_faces(_grown(cell, union), union))
    return made, None


def _needed(members: Sequence[Polyhedron]) -> list[Polyhedron]:
    """Those that are left when one after the other that the others cover goes: those that lie along it can."""
    left = list(members)
    for member in members:
        others = [other for other in left if other is not member]
        along = [other for other in others if is_along(member, other)]
        if along and uncovered(member.constraints, [other.constraints for other in along]) is None:
            left = others
    return left


def _plainer(members: Sequence[Polyhedron]) -> list[Polyhedron]:
    """The members, each without facets that the others hold where that saves saying which corners it leaves out."""
    found = list(members)
    for place, member in enumerate(members):
        others = [other.constraints for other in (*found[:place], *found[place + 1 :])]
        for side in member.inequalities if not member.is_closed else ():
            plainer = found[place] & Polyhedron.of(Inequality(side.form, strict=True))
            if len(plainer.constraints) < len(found[place].constraints):
                facet = [*found[place].constraints, Equality(side.form)]
                if uncovered(facet, others) is None:
                    found[place] = plainer
    return found


def _sides(wall: Equality) -> tuple[Constraint, Constraint, Constraint]:
    """Above, below and on a wall: the order in which cells come."""
    return Inequality(wall.form, strict=True), Inequality(-wall.form, strict=True), wall


def _first_cell(union: Sequence[Conditions], made: Sequence[Conditions], walls: Walls) -> Cell | None:
    """The first cell that holds a point of the union outside what is made."""
    point = _remaining((), union, made)
    if point is None:
        return None
    cell: Cell = ()
    for wall in walls:
        for side in _sides(wall):
            there = point if _is_on(side, point) else _remaining((*cell, side), union, made)
            if there is not None:
                cell, point = (*cell, side), there
                break
    return cell


def _remaining(cell: Cell, union: Sequence[Conditions], made: Sequence[Conditions]) -> Mapping[str, Fraction] | None:
    points = (uncovered([*cell, *member], made) for member in union)
    return next((point for point in points if point is not None), None)


def _is_on(side: Constraint, point: Mapping[str, Fraction]) -> bool:
    found = value(side.form, point)
    return found > 0 if isinstance(side, Inequality) else not found


def _first_mixed(before: Cell, after: Cell, union: Sequence[Conditions]) -> Cell | None:
    """The first cell, among those that the given one bounds and itself, that is neither in the union nor outside.

    Where the given one lies on a wall, they may lie anywhere; `before` holds the sides that were chosen already.
    """
    here = (*before, *(side for side in after if isinstance(side, Inequality)))
    is_met = any(witness([*here, *member]) is not None for member in union)
    if not is_met or uncovered(here, union) is None:
        return None
    if not after:
        return before
    first, *others = after
    sides = (first,) if isinstance(first, Inequality) else _sides(first)
    found = (_first_mixed((*before, side), tuple(others), union) for side in sides)
    return next((cell for cell in found if cell is not None), None)


def _grown(cell: Cell, union: Sequence[Conditions]) -> Conditions:
    """The limits of the cell that are left when all that can be are relaxed within the union, in order.

    A limit that the others imply is kept, for it may be needed when one of those goes. A relaxation that leads out of
    the union now does so later, when the limits are fewer.
    """
    limits: list[Constraint | None] = list(cell)
    waiting = [(place, *way) for place, side in enumerate(cell) for way in _relaxed(side)]
    while waiting:
        implied = []
        before = list(limits)
        for place, relaxed, gained in waiting:
            if limits[place] != cell[place]:
                continue
            rest = [each for each in (*limits[:place], relaxed, *limits[place + 1 :]) if each is not None]
            if all(witness([*rest, Inequality(form, strict=True)]) is None for form in gained):
                implied.append((place, relaxed, gained))
            elif all(uncovered([*rest, Inequality(form)], union) is None for form in gained):
                limits[place] = relaxed
        waiting = implied if limits != before else []
    return [each for each in limits if each is not None]


def _relaxed(side: Constraint) -> Iterator[tuple[Constraint | None, tuple[Affine, ...]]]:
    """What can stand for a limit that is relaxed, and forms that are positive only where that gains something."""
    if isinstance(side, Inequality):
        yield None, (-side.form,)
        return
    yield None, (side.form, -side.form)
    yield Inequality(side.form), (side.form,)
    yield Inequality(-side.form), (-side.form,)


def _with_faces(limits: Conditions, union: Sequence[Conditions]) -> Polyhedron:
    """The closure of what the limits describe, without its faces that do not lie in the union altogether.

    Facets are looked at one by one, then points that are left. No point of the closure that is not in the union has all
    limits positive; it leaves out the face on which those limits are 0 that are 0 there, by their sum.
    """
    rows = [each for each in limits if isinstance(each, Equality)]
    sides = [Inequality(each.form) for each in limits if isinstance(each, Inequality)]
    lacking = {side for side in sides if uncovered([*rows, *_facet(side, sides)], union) is not None}
    kept: list[Constraint] = [*rows, *(Inequality(side.form, side in lacking) for side in sides)]
    while (point := uncovered(kept, union)) is not None:
        kept.append(Inequality(sum(_tight(point, sides, kept, union), Affine.of(0)), strict=True))
    return Polyhedron.of(*kept)


def _facet(side: Inequality, sides: Sequence[Inequality]) -> Conditions:
    """Where one limit is 0 and all others are positive."""
    return [Equality(side.form), *(Inequality(each.form, strict=True) for each in sides if each != side)]


def _tight(
    point: Mapping[str, Fraction], sides: Sequence[Inequality], kept: Conditions, union: Sequence[Conditions]
) -> list[Affine]:
    """Limits that are 0 at a point that the union lacks: at one of a largest face of such points."""
    for side in sides:
        if not value(side.form, point):
            above = [each for each in sides if each == side or value(each.form, point) > 0]
            larger = uncovered([*kept, *(Inequality(each.form, strict=True) for each in above)], union)
            point = point if larger is None else larger
    return [side.form for side in sides if not value(side.form, point)]

"""The flats and the hyperplanes that a set needs, found from any union of polyhedra that describes it.

A flat is an affine subspace that the union is, near some of its points: a member's affine hull is one unless members of
larger hulls hold all but thin parts of it. In each flat those points of the union count that are limits of points near
which it is the flat. Flats and counting points depend on the set alone, and every point counts in one of them.

Within a cell (a relatively open polyhedron) a hyperplane is essential to a set where the set just above it, just below
it and on it are not the same, up to what has two dimensions less than the cell. That speaks of the set alone, though
only hyperplanes of the polyhedra can be essential. Off the essential ones, the set or its complement has at most two
dimensions less than the cell; the affine hulls of its largest parts, again, depend on the set alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from gamma_calc.algebra.affine import Affine
from gamma_calc.algebra.cover import Conditions, leftovers, uncovered
from gamma_calc.algebra.inequality import Equality, Inequality, echelon, reduced
from gamma_calc.algebra.polyhedron import Polyhedron

Members = Sequence[Polyhedron]


def flats(members: Members) -> tuple[Polyhedron, ...]:
    """The flats of a union of members that are not empty, the larger ones first.

    >>> x, y = Affine.symbol("x"), Affine.symbol("y")
    >>> parts = [Polyhedron.of(Inequality(x)), Polyhedron.of(Equality(y)), Polyhedron.of(Equality(x), Equality(y))]
    >>> [str(flat) for flat in flats(parts)]
    ['always', 'y = 0']
    """
    found = {_hull(member) for member in members if not _is_thin(member, members)}
    return tuple(sorted(found, key=lambda flat: (len(flat.equalities), str(flat))))


def counting(flat: Polyhedron, members: Members) -> tuple[Polyhedron, ...]:
    """The points of the union that count in a flat, as polyhedra in the names that its equalities leave free."""
    parts: dict[Polyhedron, None] = {}
    for member in members:
        if _hull(member) == flat:
            parts |= dict.fromkeys(_counting(member, members))
    left = [part for part in parts if not part.is_empty]
    largest = [part for part in left if not any(other is not part and other.includes(part) for other in left)]
    return tuple(Polyhedron(part.inequalities, beyond(part, flat)) for part in largest)


def _counting(member: Polyhedron, members: Members) -> Iterator[Polyhedron]:
    """The points of the union that are limits of points of a member near which the union is the member's hull."""
    larger = _larger(member, members)
    if member.is_closed and not larger:
        yield member
        return
    for part in leftovers(_inside(member), larger):
        limits = Polyhedron.of(*part).closure
        yield from (other & limits for other in members)


def beyond(part: Polyhedron, flat: Polyhedron) -> tuple[Equality, ...]:
    """The equalities of a part of a flat that are not the flat's own: an echelon form modulo those."""
    rows = echelon(Equality(reduced(row.form, flat.equalities)) for row in part.equalities)
    assert rows is not None  # the part is not empty
    return rows


def is_along(member: Polyhedron, other: Polyhedron) -> bool:
    """Whether the affine hull of the other one holds that of the member."""
    return all(reduced(row.form, member.equalities) == Affine.of(0) for row in other.equalities)


def _hull(member: Polyhedron) -> Polyhedron:
    return Polyhedron((), member.equalities)


def _is_thin(member: Polyhedron, members: Members) -> bool:
    """Whether larger members hold all of it but for thin parts: then their closures hold all of its inside."""
    larger = _larger(member, members)
    return bool(larger) and uncovered(_inside(member), larger) is None


def _inside(member: Polyhedron) -> Conditions:
    return [*member.equalities, *(Inequality(each.form, strict=True) for each in member.inequalities)]


def _larger(member: Polyhedron, members: Members) -> list[Conditions]:
    """The closures of the members whose hulls hold that of the member and more."""
    larger = (other for other in members if len(other.equalities) < len(member.equalities) and is_along(member, other))
    return [other.closure.constraints for other in larger]


def essential_walls(cell: Polyhedron, members: Members) -> tuple[Equality, ...]:
    """The hyperplanes that are essential to the union of the members within the cell, in canonical order.

    >>> from gamma_calc.algebra.affine import Affine
    >>> x = Affine.symbol("x")
    >>> parts = [Polyhedron.of(Inequality(x)), Polyhedron.of(Inequality(x - 1)), Polyhedron.of(Inequality(x + 1))]
    >>> [str(wall) for wall in essential_walls(Polyhedron(), parts)]
    ['x = -1']
    """
    parts = [part for part in (member & cell for member in members) if not part.is_empty]
    full = [part for part in parts if len(part.equalities) == len(cell.equalities)]
    flat = [(part, beyond(part, cell)[0]) for part in parts if len(part.equalities) == len(cell.equalities) + 1]
    candidates = {Equality(each.form) for part in full for each in part.inequalities} | {wall for _, wall in flat}
    cutting = (wall for wall in candidates if not (cell & Polyhedron.of(wall)).is_empty)
    return ordered(wall for wall in cutting if _is_essential(wall, cell, full, flat))


def thin_walls(cell: Polyhedron, members: Members) -> tuple[Equality, ...]:
    """Hyperplanes through the affine hulls of the largest thin parts, where no hyperplane is essential to the cell.

    The thin parts are those of the union, or, where it fills all but two dimensions less of the cell, of what it lacks.
    Each hull is cut out by the rows of its echelon form beyond the cell's own.
    """
    parts = [part for part in (member & cell for member in members) if not part.is_empty]
    if any(len(part.equalities) == len(cell.equalities) for part in parts):
        parts = [Polyhedron.of(*each) for each in leftovers(cell.constraints, [each.constraints for each in members])]
    fewest = min(len(part.equalities) for part in parts)
    return ordered({row for part in parts if len(part.equalities) == fewest for row in beyond(part, cell)})


def ordered(walls: Iterable[Equality]) -> tuple[Equality, ...]:
    """Hyperplanes by their names, then their coefficients, then their constants."""
    return tuple(sorted(walls, key=_order))


def _order(wall: Equality) -> tuple[tuple[str, ...], tuple[Fraction, ...], Fraction]:
    return wall.free, tuple(coefficient for _, coefficient in wall.form.terms), -wall.form.constant


def _is_essential(wall: Equality, cell: Polyhedron, full: Members, flat: Sequence[tuple[Polyhedron, Equality]]) -> bool:
    """Whether the traces from above, from below and on the wall differ in something of the wall's dimension."""
    above: list[Conditions] = []
    below: list[Conditions] = []
    on: list[Conditions] = []
    for part in full:
        others = [Inequality(each.form, True) for each in part.inequalities if Equality(each.form) != wall]
        own = next((each for each in part.inequalities if Equality(each.form) == wall), None)
        if own is None or own.form == wall.form:
            above.append(others)
        if own is None or own.form != wall.form:
            below.append(others)
        if own is None or not own.strict:
            on.append(others)
    on += [[Inequality(each.form, True) for each in part.inequalities] for part, hull in flat if hull == wall]
    here = (*cell.equalities, wall)
    return not all(
        _is_within(here, first, second) for first, second in ((above, below), (below, above), (on, above), (above, on))
    )


def _is_within(here: Conditions, inner: Sequence[Conditions], outer: Sequence[Conditions]) -> bool:
    """Whether a union of open sets lies in another one, up to what has a dimension less than they have."""
    closures = [[Inequality(each.form) for each in conditions if isinstance(each, Inequality)] for conditions in outer]
    return all(each in outer or uncovered([*here, *each], closures) is None for each in inner)

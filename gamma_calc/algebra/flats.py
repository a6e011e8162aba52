"""The flats of a union of polyhedra: the affine subspaces that it is, near some of its points.

A member's affine hull is a flat of the union unless members of larger hulls hold all but thin parts of it. In each flat
those points of the union count that are limits of points near which it is the flat. Flats and counting points depend on
the set alone, and every point of the set counts in one of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gamma_calc.algebra.affine import Affine
from gamma_calc.algebra.cover import Conditions, leftovers, uncovered
from gamma_calc.algebra.elimination import echelon, reduced
from gamma_calc.algebra.inequality import Equality, Inequality
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

"""The hyperplanes that a set needs: where it changes, found from any union of polyhedra that describes it.

Within a cell (a relatively open polyhedron) a hyperplane is essential to a set where the set just above it, just below
it and on it are not the same, up to what has two dimensions less than the cell. That speaks of the set alone, though
only hyperplanes of the polyhedra can be essential. Off the essential ones, the set or its complement has at most two
dimensions less than the cell; the affine hulls of its largest parts, again, depend on the set alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from gamma_calc.algebra.cover import Conditions, leftovers, uncovered
from gamma_calc.algebra.flats import beyond
from gamma_calc.algebra.inequality import Equality, Inequality
from gamma_calc.algebra.polyhedron import Polyhedron

Members = Sequence[Polyhedron]


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

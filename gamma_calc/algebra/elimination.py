"""Linear equations: the reduced row echelon form, and elimination of a name."""

from __future__ import annotations

from collections.abc import Iterable

from gamma_calc.algebra.affine import Affine
from gamma_calc.algebra.inequality import Equality


def echelon(equations: Iterable[Equality]) -> tuple[Equality, ...] | None:
    """The reduced row echelon form in name order, or None where the equations contradict each other.

    Each row is led by its first name, which occurs in no other row; rows are sorted by that name.

    >>> x, y = Affine.symbol("x"), Affine.symbol("y")
    >>> [str(row) for row in echelon([Equality(x + y - 1), Equality(x - y)])]
    ['x = 1/2', 'y = 1/2']
    """
    rows: list[Equality] = []
    for equation in equations:
        form = reduced(equation.form, rows)
        if form.is_constant:
            if form.constant:
                return None
            continue
        new = Equality(form)
        rows = [Equality(without(row.form, form.free[0], new)) for row in rows]
        rows.append(new)
    return tuple(sorted(rows, key=lambda row: row.free[0]))


def reduced(form: Affine, rows: Iterable[Equality]) -> Affine:
    """The form with the leading name of each row of an echelon form eliminated: the same values on their solutions."""
    for row in rows:
        form = without(form, row.free[0], row)
    return form


def without(form: Affine, name: str, equation: Equality) -> Affine:
    """The form less the multiple of the equation that makes the name vanish from it."""
    coefficient = form.coefficient(name)
    return form - equation.form * (coefficient / equation.form.coefficient(name)) if coefficient else form

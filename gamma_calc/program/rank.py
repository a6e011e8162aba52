"""How the rank of a matrix grows, by how it is written."""

from __future__ import annotations

from collections.abc import Iterable

from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import (
    Contraction,
    Entrywise,
    Expression,
    Named,
    Renamed,
    Scaled,
    Stopped,
    Sum,
    Transposed,
)
from gamma_calc.program.update_expressions import Kept, Memory


def growing_rank(node: Expression, rows: Axis, columns: Axis) -> tuple[Axis, ...]:
    """The axes with which the rank of a matrix may grow; none where it is fixed, as a sum of outer products of vectors.

    A product of rows and columns over an axis has at most the rank of that axis's coordinates. A memory is a sum of a
    fixed number of what it was made from. Of any other operation nothing is known but its own axes.
    """
    match node:
        case Memory():
            return ()
        case Named() | Transposed() | Scaled() | Stopped() | Kept():
            return growing_rank(node.operand, rows, columns)
        case Renamed(operand, old, new):
            return growing_rank(operand, *(old if axis == new else axis for axis in (rows, columns)))
        case Sum(summands):
            return _united(growing_rank(summand, rows, columns) for summand in summands)
        case Contraction(left, right) | Entrywise(left, right):
            over = node.over if isinstance(node, Contraction) else ()
            matrices = [side for side in (left, right) if {rows, columns} <= {*side.axes}]
            found = [growing_rank(matrix, rows, columns) for matrix in matrices]
            return _united((tuple(axis for axis in over if not axis.is_fixed), *found))
    return tuple(axis for axis in (rows, columns) if not axis.is_fixed)


def _united(parts: Iterable[tuple[Axis, ...]]) -> tuple[Axis, ...]:
    return tuple(dict.fromkeys(axis for part in parts for axis in part))

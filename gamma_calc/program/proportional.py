"""Proportion: the tensors of which a multiple, in place of the tensor, makes that multiple of a value.

(W V) x is proportional to W, and to V,   W x + V x to none,   (W x) / rms(W x) to none: it stays as it is.
"""

from __future__ import annotations

from collections.abc import Set

from gamma_calc.program.expressions import (
    Contraction,
    Entrywise,
    Expression,
    Merged,
    Named,
    Renamed,
    Scaled,
    Split,
    Sum,
    Trained,
    Transposed,
    operands_first,
)

Tensors = Set[Trained]


def proportional_to(value: Expression, tensors: Tensors) -> Tensors:
    """Those of some tensors that a value is proportional to, as it is written."""
    found, inside = dict[Expression, Tensors](), dict[Expression, Tensors]()
    for node in operands_first(value):
        own = {node} & tensors if isinstance(node, Trained) else set[Trained]()
        inside[node] = own.union(*(inside[each] for each in node.operands))
        match node:
            case Trained():
                found[node] = own
            case Contraction(left, right) | Entrywise(left, right):
                found[node] = (found[left] - inside[right]) | (found[right] - inside[left])
            case Sum(summands):
                found[node] = set(tensors).intersection(*(found[each] for each in summands))
            case Transposed() | Scaled() | Renamed() | Split() | Merged() | Named():
                found[node] = found[node.operand]
            case _:
                found[node] = set()
    return found[value]

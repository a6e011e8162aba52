"""Dependence: where a random tensor meets again, in a sum, what training has made from it.

    forward   Z[2] = Z[1] + B[1] A[1] Z[1],   Z_A[2] = A[2] Z[2]
    backward  B[1] moves along dZ[1], which holds A[2]^T B[2]^T dZ[2]

so A[2] meets, along the width, an input that knows it. The first layer's A meets the data alone, which know nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import (
    At,
    Contraction,
    Expression,
    Merged,
    Named,
    Renamed,
    Scaled,
    Split,
    Stopped,
    Sum,
    Trained,
    Transposed,
    operands_first,
)
from gamma_calc.program.program import Program
from gamma_calc.program.update_expressions import Kept, Memory

Place = tuple[str, Axis]
"""A tensor, and an axis of it."""


@lru_cache(maxsize=64)
def met_axes(program: Program) -> Mapping[str, frozenset[Axis]]:
    """By tensor, its growing axes along which some sum meets what may depend on the tensor's initial entries.

    A sum of the tensor itself, or of two values that both depend on it.
    """
    updates = program.updates.values()
    kept = {each.memory: each.operand for update in updates for each in update.memories}
    order = operands_first(*(part for each in updates for part in each.expressions), *program.quantities.values())
    depends = _dependences(program, order)
    axes = {tensor.name: tensor.axes for tensor in program.parameters}
    found: dict[str, set[Axis]] = {tensor.name: set() for tensor in program.parameters}
    for node in order:
        if isinstance(node, Contraction):
            for name in depends[node.left] & depends[node.right]:
                found[name].update(axis for axis in node.over if axis in axes[name] and not axis.is_fixed)
            for one, other in ((node.left, node.right), (node.right, node.left)):
                for name, axis in _entries(one, frozenset(node.over), kept):
                    if name in depends[other] and not axis.is_fixed:
                        found[name].add(axis)
    return {name: frozenset(axes) for name, axes in found.items()}


def _dependences(program: Program, order: Iterable[Expression]) -> Mapping[Expression, frozenset[str]]:
    """The tensors on whose initial entries a value may depend, at any step."""
    direct: dict[Expression, frozenset[str]] = {}
    for node in order:
        match node:
            case Trained(name) | At(Trained(name)) | Memory(_, Trained(name)):
                direct[node] = frozenset((name,))
            case _:
                direct[node] = frozenset[str]().union(*(direct[each] for each in node.operands))
    known = {tensor.name: frozenset((tensor.name,)) for tensor in program.parameters}
    steps = {
        tensor.name: frozenset[str]().union(*(direct[each] for each in update.expressions))
        for tensor, update in program.updates.items()
    }
    before = dict[str, frozenset[str]]()
    while before != known:
        before = known
        known = {name: found.union(*(before[each] for each in steps.get(name, ()))) for name, found in before.items()}
    return {node: frozenset[str]().union(*(known[name] for name in names)) for node, names in direct.items()}


def _entries(
    node: Expression,
    places: frozenset[Axis],
    kept: Mapping[Memory, Expression],
    seen: frozenset[Expression] = frozenset(),
) -> Iterator[Place]:
    """The tensors that are a term of a value themselves, up to a scalar, each with its axes at some of the value's."""
    match node:
        case Trained(name) | At(Trained(name)):
            yield from ((name, axis) for axis in places.intersection(node.axes))
        case Renamed(operand, old, new):
            yield from _entries(operand, _renamed(places, new, old), kept, seen)
        case Split(operand, axis):
            yield from _entries(operand, _renamed(places, node.growing, axis), kept, seen)
        case Merged(operand, _, _, axis):
            yield from _entries(operand, _renamed(places, axis, node.growing), kept, seen)
        case Named() | Transposed() | Scaled() | Stopped() | Kept():
            yield from _entries(node.operand, places, kept, seen)
        case Sum(summands):
            for summand in summands:
                yield from _entries(summand, places, kept, seen)
        case Memory() if node not in seen:
            yield from _entries(kept[node], places, kept, seen | {node})


def _renamed(places: frozenset[Axis], old: Axis, new: Axis) -> frozenset[Axis]:
    return frozenset(new if place is old else place for place in places)

"""Dependence: where a random tensor meets again, in a sum, what training has made from it.

    forward   Z[2] = Z[1] + B[1] A[1] Z[1],   Z_A[2] = A[2] Z[2]
    backward  B[1] moves along dZ[1], which holds A[2]^T B[2]^T dZ[2]

so A[2] meets, along the width, an input that knows it. The first layer's A meets the data alone, which know nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import or_

from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import (
    At,
    Contraction,
    Entrywise,
    Expression,
    InverseRms,
    Map,
    MapChange,
    Trained,
    operands_first,
    renaming,
)
from gamma_calc.program.program import Program
from gamma_calc.program.update_expressions import Memory


@dataclass(frozen=True, slots=True)
class Dependence:
    """The tensors on whose initial entries a value may depend, and those on which two factors of a product in it do."""

    on: frozenset[str] = frozenset()
    twice: frozenset[str] = frozenset()

    def __or__(self, other: Dependence) -> Dependence:
        return Dependence(self.on | other.on, self.twice | other.twice)

    def __mul__(self, other: Dependence) -> Dependence:
        return Dependence(self.on | other.on, self.twice | other.twice | self.on & other.on)


@lru_cache(maxsize=64)
def met_axes(program: Program) -> Mapping[str, frozenset[Axis]]:
    """By tensor, its growing axes along which the factors of some sum may depend on the tensor's initial entries twice.

    As W and W^T y do, or W x and W y, also where a sum takes (W x)_i (W y)_i against what knows nothing of W. An axis
    may be summed over under any name that the program has for it.
    """
    updates = program.updates.values()
    order = operands_first(*(part for each in updates for part in each.expressions), *program.quantities.values())
    depends, names = _dependences(program, order), axis_names(order)
    axes = {tensor.name: [axis for axis in tensor.axes if not axis.is_fixed] for tensor in program.parameters}
    found: dict[str, set[Axis]] = {name: set() for name in axes}
    for node in order:
        over, twice = _summed(node, depends)
        called = frozenset[Axis]().union(*(names.get(axis, {axis}) for axis in over))
        for name in twice:
            found[name].update(axis for axis in axes[name] if axis in called)
    return {name: frozenset(axes) for name, axes in found.items()}


def _summed(node: Expression, depends: Mapping[Expression, Dependence]) -> tuple[Iterable[Axis], Iterable[str]]:
    """The axes that an operation sums over, and the tensors on which the factors of the sum depend twice."""
    match node:
        case Contraction(left, right, over):
            return over, (depends[left] * depends[right]).twice
        case InverseRms(operand, axis):
            return (axis,), depends[operand].on
        case MapChange(InverseRms(operand, axis), change):
            return (axis,), (depends[operand] | depends[change]).on
    return (), ()


def axis_names(nodes: Iterable[Expression]) -> Mapping[Axis, set[Axis]]:
    """By axis, all names of it in some operations: what it is renamed to, and its part that grows where it is split.

    An axis that has one name only is left out.
    """
    found: dict[Axis, set[Axis]] = {}
    for one, other in filter(None, map(renaming, nodes)):
        alike = found.get(one, {one}) | found.get(other, {other})
        found |= dict.fromkeys(alike, alike)
    return found


def _dependences(program: Program, order: Iterable[Expression]) -> Mapping[Expression, Dependence]:
    """What every value may depend on, at any step."""
    initial = {tensor.name: Dependence(frozenset((tensor.name,))) for tensor in program.parameters}
    before, known = dict[str, Dependence](), initial
    values: dict[Expression, Dependence] = {}
    while before != known:
        before = known
        for node in order:
            values[node] = _of(node, values, known)
        steps = {
            tensor.name: reduce(or_, (values[each] for each in update.expressions))
            for tensor, update in program.updates.items()
        }
        known = {name: found | _mapped(steps[name]) if name in steps else found for name, found in before.items()}
    return values


def _of(node: Expression, values: Mapping[Expression, Dependence], known: Mapping[str, Dependence]) -> Dependence:
    match node:
        case Trained(name) | At(Trained(name)) | Memory(_, Trained(name)):
            return known[name]
        case Contraction(left, right) | Entrywise(left, right):
            return values[left] * values[right]
    whole = reduce(or_, (values[each] for each in node.operands), Dependence())
    return _mapped(whole) if isinstance(node, Map | MapChange) else whole


def _mapped(argument: Dependence) -> Dependence:
    """What a map makes of a sum: products of its terms."""
    return argument * argument

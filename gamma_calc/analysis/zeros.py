"""Where a ReLU sets entries to zero and what is added to it is smaller: there the smaller part decides the sign.

A map or a normalised step that goes by the sign of such a sum is not what the leading part makes of it: relu(W x) + V x
with a small V changes its sign, in half of the entries, with V x alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from gamma_calc.algebra import Polyhedron
from gamma_calc.analysis.points import EARLY
from gamma_calc.calculus.components import total
from gamma_calc.calculus.policy import Policy
from gamma_calc.calculus.recursion import ExponentStep, Trajectory, trajectory
from gamma_calc.calculus.size import Size
from gamma_calc.errors import TooLong, Unknown
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import (
    Contraction,
    Entrywise,
    Expression,
    MapChange,
    Merged,
    Movement,
    Named,
    Pointwise,
    Renamed,
    Scaled,
    Split,
    Stopped,
    Sum,
    Transposed,
    operands_first,
)
from gamma_calc.program.optimizers import Raw
from gamma_calc.program.program import Program

Zeros = frozenset[tuple[Expression, frozenset[Axis]]]
"""The arguments of ReLUs that are zero where a value is, each with the axes of the value along which they differ."""


def led_by_zeros(run: Trajectory) -> bool:
    """Whether a ReLU's output surely leads, in the first steps, a sum that a map or a step goes by the sign of.

    Other summands are smaller, and not zero where that one is.
    """
    return _is_led(run.program, run.domain, run.policy)


@lru_cache(maxsize=64)
def _is_led(program: Program, domain: Polyhedron, policy: Policy) -> bool:
    every = operands_first(*program.gradients.values())
    roots = [each.operand for each in every if isinstance(each, Pointwise) and _jumps(each)]
    if not roots:
        return False
    roots += () if isinstance(program.optimizer.step, Raw) else program.gradients.values()
    zeros = dict[Expression, Zeros]()
    for node in operands_first(*roots):
        zeros[node] = _zeros(node, zeros)
    sums = [found for found in _sums(roots, zeros) if len({*found.values()}) > 1]
    values = {f"{place}.{i}": each for place, found in enumerate(sums) for i, each in enumerate(found)}
    if not values:
        return False
    asked = Program(program.parameters, program.gradients, values, program.optimizer)
    try:
        steps = trajectory(asked, EARLY, domain, policy).steps
    except (TooLong, Unknown):
        return False
    return any(_leads(step, place, [*found.values()]) for step in steps for place, found in enumerate(sums))


def _leads(step: ExponentStep, place: int, zeros: list[Zeros]) -> bool:
    """Whether some summand is surely smaller than the largest ones, and not zero where all of these are."""
    sizes = [step.sizes[f"{place}.{i}"] for i in range(len(zeros))]
    whole = Size.largest(sizes)
    leading = [own for size, own in zip(sizes, zeros, strict=True) if not size.is_below(whole)]
    smaller = [own for size, own in zip(sizes, zeros, strict=True) if size.is_below(whole) and size != total(())]
    return any(not frozenset.intersection(*leading) <= own for own in smaller)


def _jumps(function: Pointwise) -> bool:
    """Whether it is a ReLU, or the slope of one."""
    return (function if function.is_bounded else function.derivative).is_step


def _sums(roots: list[Expression], zeros: Mapping[Expression, Zeros]) -> Iterator[Mapping[Expression, Zeros]]:
    """The sums that some values are made from, as the zeros of each summand that no sum over an axis takes away."""
    waiting, seen = [(root, frozenset[Axis]()) for root in roots], set[tuple[Expression, frozenset[Axis]]]()
    while waiting:
        node, over = waiting.pop()
        if (node, over) in seen or isinstance(node, Pointwise | MapChange):
            continue
        seen.add((node, over))
        match node:
            case Sum(summands):
                yield {each: frozenset(pair for pair in zeros[each] if not pair[1] & over) for each in summands}
            case Contraction():
                over |= {axis for axis in node.over if not axis.is_fixed}
            case Transposed() | Renamed() | Split() | Merged():
                over = frozenset(axis for axis in node.operand.axes if _moved(node, axis) in over)
        waiting += [(operand, over) for operand in node.operands]


def _zeros(node: Expression, known: Mapping[Expression, Zeros]) -> Zeros:
    """The zeros of a value, from those of its operands."""
    match node:
        case MapChange(Pointwise() as function) | (Pointwise() as function) if _jumps(function):
            argument = function.operand
            growing = frozenset(axis for axis in argument.axes if not axis.is_fixed)
            return known[argument] | ({(argument, growing)} if growing else frozenset())
        case Contraction(left, right, over):
            return frozenset(
                pair for pair in known[left] | known[right] if all(axis.is_fixed for axis in pair[1] & {*over})
            )
        case Entrywise(left, right):
            return known[left] | known[right]
        case Sum(summands):
            return frozenset.intersection(*(known[each] for each in summands))
        case Transposed(operand) | Renamed(operand) | Split(operand) | Merged(operand):
            return frozenset((of, frozenset(_moved(node, axis) for axis in at)) for of, at in known[operand])
        case Named(_, operand) | Scaled(_, _, operand) | Stopped(operand):
            return known[operand]
    return frozenset()


def _moved(node: Movement, axis: Axis) -> Axis:
    """What an axis of the operand is called in the value; of several, the one that grows."""
    match node:
        case Renamed(_, old, new) if axis == old:
            return new
        case Split(_, old, _, _) if axis == old:
            return node.growing
        case Merged(_, outer, inner, new) if axis in (outer, inner):
            return new
    return axis

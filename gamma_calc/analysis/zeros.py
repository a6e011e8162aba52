"""Where a ReLU sets entries to zero and what is added to it is smaller: there the smaller part decides the sign.

A map or a normalised step that goes by the sign of such a sum is not what the leading part makes of it: relu(W x) + V x
with a small V changes its sign, in half of the entries, with V x alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

from gamma_calc.algebra import Polyhedron
from gamma_calc.analysis.points import EARLY
from gamma_calc.calculus.assumptions import NO_CANCELLATION
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
    Merged,
    Named,
    Pointwise,
    Renamed,
    Scaled,
    Split,
    Stopped,
    Sum,
    Transposed,
    operands_first,
    renaming,
)
from gamma_calc.program.program import Program

Zeros = frozenset[tuple[Expression, frozenset[Axis]]]
"""The arguments of ReLUs that are negative where a value is zero, each with the growing axes along which it varies."""


def led_by_zeros(run: Trajectory) -> bool:
    """Whether a ReLU's output surely leads, in the first steps, a sum that a map or a step goes by the sign of.

    Other summands are smaller, and not zero where that one is. Without the assumption of no cancellation nothing leads.
    """
    return NO_CANCELLATION not in run.policy.without and _is_led(run.program, run.domain, run.policy)


@lru_cache(maxsize=64)
def _is_led(program: Program, domain: Polyhedron, policy: Policy) -> bool:
    every = operands_first(*program.gradients.values())
    roots = [each.operand for each in every if isinstance(each, Pointwise) and each.has_kink]
    if not roots:
        return False
    roots += () if program.optimizer.step.degree else program.gradients.values()
    zeros = dict[Expression, Zeros]()
    for node in operands_first(*roots):
        zeros[node] = _zeros(node, zeros)
    sums = [found for found in _sums(roots, zeros) if len({*found.values()}) > 1]
    values = {f"{place}.{i}": each for place, found in enumerate(sums) for i, each in enumerate(found)}
    if not values:
        return False
    try:
        steps = trajectory(replace(program, quantities=values, changes={}), EARLY, domain, policy).steps
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


def _sums(roots: list[Expression], zeros: Mapping[Expression, Zeros]) -> Iterator[Mapping[Expression, Zeros]]:
    """The sums that values are made from, as the zeros of each summand: those that no sum over an axis takes away."""
    waiting, seen = [(root, frozenset[Axis]()) for root in roots], set[tuple[Expression, frozenset[Axis]]]()
    while waiting:
        node, over = waiting.pop()
        if (node, over) in seen or isinstance(node, Pointwise):
            continue
        seen.add((node, over))
        if isinstance(node, Sum):
            yield {each: frozenset(pair for pair in zeros[each] if not pair[1] & over) for each in node.summands}
        if isinstance(node, Contraction):
            over |= {axis for axis in node.over if not axis.is_fixed}
        if (names := renaming(node)) is not None:
            old, new = names
            over = _renamed(over, new, old)
        waiting += [(operand, over) for operand in node.operands]


def _zeros(node: Expression, known: Mapping[Expression, Zeros]) -> Zeros:
    """The zeros of a value, from those of its operands: of a factor that is zero so is the product."""
    match node:
        case Pointwise(_, argument) if node.has_kink:
            growing = frozenset(axis for axis in argument.axes if not axis.is_fixed)
            return known[argument] | ({(argument, growing)} if growing and not node.is_absolute_value else frozenset())
        case Contraction(left, right, over):
            long = {axis for axis in over if not axis.is_fixed}
            return frozenset(pair for pair in known[left] | known[right] if not pair[1] & long)
        case Entrywise(left, right):
            return known[left] | known[right]
        case Sum(summands):
            return frozenset.intersection(*(known[each] for each in summands))
        case Named() | Scaled() | Stopped() | Transposed() | Renamed() | Split() | Merged():
            found, names = known[node.operand], renaming(node)
            return found if names is None else frozenset((of, _renamed(axes, *names)) for of, axes in found)
    return frozenset()


def _renamed(axes: frozenset[Axis], old: Axis, new: Axis) -> frozenset[Axis]:
    return frozenset(new if axis == old else axis for axis in axes)

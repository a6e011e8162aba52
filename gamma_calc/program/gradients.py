"""Reverse mode: the gradients of a loss as expressions, from one rule an operation.

A rule says what an operation v = f(x, y) makes of dL/dv for each of its operands. Going backwards through the graph and
adding up what reaches a node gives dL/dW for every trained tensor W; a residual stream, tied weights or several losses
need no rule of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from gamma_calc.algebra import Affine
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import (
    At,
    Contraction,
    Entrywise,
    Expression,
    InverseRms,
    Merged,
    Named,
    Pointwise,
    PowerOf,
    Renamed,
    Scaled,
    Softmax,
    Split,
    Stopped,
    Sum,
    Trained,
    Transposed,
    divided,
    operands_first,
)

Slopes = tuple[tuple[Expression, Expression], ...]
"""Operands, each with what an operation adds to the loss gradient there."""


def gradients(slopes: Mapping[Expression, Expression]) -> Mapping[Trained, Expression]:
    """The loss gradient at each trained tensor, from the loss gradients at some values, the loss's own arguments.

    Raises:
        TypeError: an operation on the way has no rule.
    """
    found = backward(slopes)
    return {node: slope for node, slope in found.items() if isinstance(node, Trained) and node.is_trained}


def backward(
    slopes: Mapping[Expression, Expression], asked: Iterable[Expression] = ()
) -> Mapping[Expression, Expression]:
    """The loss gradient at every value that depends on a trained tensor, from those at the loss's own arguments.

    Args:
        asked: values whose gradient is looked for though nothing below them may be trained.
    """
    arriving: dict[Expression, list[Expression]] = {value: [slope] for value, slope in slopes.items()}
    order = operands_first(*slopes)
    moving = _moving(order, asked)
    found: dict[Expression, Expression] = {}
    for node in reversed(order):
        if node not in arriving or node not in moving:
            continue
        found[node] = _added(node, arriving[node])
        for operand, slope in _rule(node)(node, found[node]):
            if operand in moving:
                arriving.setdefault(operand, []).append(slope)
    return found


def _added(node: Expression, slopes: list[Expression]) -> Expression:
    whole = slopes[0] if len(slopes) == 1 else Sum(tuple(slopes))
    return Named(f"d{node.name}", whole, is_cut=True) if isinstance(node, Named) and node.is_cut else whole


def _moving(order: list[Expression], asked: Iterable[Expression]) -> set[Expression]:
    """The nodes that change when some trained tensor does, or something that is asked for."""
    moving = set(asked)
    for node in order:
        tensor = node.tensor if isinstance(node, At) else node
        if (isinstance(tensor, Trained) and tensor.is_trained) or moving.intersection(node.operands):
            moving.add(node)
    return moving


def _rule(node: Expression) -> Callable[[Any, Expression], Slopes]:
    try:
        return RULES[type(node)]
    except KeyError:
        raise TypeError(f"no rule for the gradient through {type(node).__name__}") from None


def _softmax(node: Softmax, slope: Expression) -> Slopes:
    """p = softmax(v) changes by p (dv - sum p dv)."""
    mean = Scaled("-1", Affine.of(0), node.slope * Contraction(node, slope, (node.axis,)))
    return ((node.operand, Sum((_product(slope, node.slope, node.axes), mean))),)


def _inverse_rms(node: InverseRms, slope: Expression) -> Slopes:
    """r = (mean x^2)^(-1/2) changes by -r^3 x dx / n."""
    mean = divided(slope * (node * (node * node)), node.axis, "-")
    return ((node.operand, _product(mean, node.operand, node.operand.axes)),)


def _product(left: Expression, right: Expression, kept: tuple[Axis, ...]) -> Expression:
    """The product of two tensors, summed over every axis that is not kept; a scalar comes first."""
    if isinstance(left, Scaled):
        return replace(left, operand=_product(left.operand, right, kept))
    if isinstance(right, Scaled):
        return replace(right, operand=_product(left, right.operand, kept))
    over = tuple(axis for axis in left.axes if axis in right.axes and axis not in kept)
    return Contraction(left, right, over) if over else Entrywise(left, right)


RULES: Mapping[type[Expression], Callable[[Any, Expression], Slopes]] = MappingProxyType(
    {
        Trained: lambda node, slope: (),
        At: lambda node, slope: (),
        Stopped: lambda node, slope: (),
        Named: lambda node, slope: ((node.operand, slope),),
        Transposed: lambda node, slope: ((node.operand, slope.T),),
        Renamed: lambda node, slope: ((node.operand, Renamed(slope, node.new, node.old)),),
        Split: lambda node, slope: ((node.operand, Merged(slope, node.outer, node.inner, node.axis)),),
        Merged: lambda node, slope: ((node.operand, Split(slope, node.axis, node.outer, node.inner)),),
        Scaled: lambda node, slope: ((node.operand, replace(node, operand=slope)),),
        Sum: lambda node, slope: tuple((summand, slope) for summand in node.summands),
        Contraction: lambda node, slope: (
            (node.left, _product(slope, node.right.T, node.left.axes)),
            (node.right, _product(node.left.T, slope, node.right.axes)),
        ),
        Entrywise: lambda node, slope: (
            (node.left, _product(slope, node.right, node.left.axes)),
            (node.right, _product(node.left, slope, node.right.axes)),
        ),
        Pointwise: lambda node, slope: ((node.operand, _product(slope, node.derivative, node.axes)),),
        PowerOf: lambda node, slope: ((node.operand, _product(slope, node.derivative, node.axes)),),
        Softmax: _softmax,
        InverseRms: _inverse_rms,
    }
)
"""What each operation hands on to its operands."""

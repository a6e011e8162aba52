"""The change of a value over a step, as an expression: what a step changes of each operand, term by term.

A product changes by x y - x' y' = x (y - y') + (x - x') y', with x' and y' before the step and x and y after it. One
entry by entry changes by x' (y - y') + (x - x') y, with the factor that divides as y: so a norm divides what grows by
what it has become. A map changes by what it makes of its argument and of the argument's change together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache

from gamma_calc.program.expressions import (
    At,
    Contraction,
    Entrywise,
    Expression,
    Given,
    InverseRms,
    Map,
    MapChange,
    Merged,
    Moment,
    Named,
    PowerOf,
    Renamed,
    Scaled,
    Split,
    Stopped,
    Sum,
    Trained,
    Transposed,
    rewritten,
)


@lru_cache(maxsize=4096)
def difference(node: Expression) -> Expression | None:
    """The change of a value over step t, written in the tensors before, during and after it; None for no change.

    Raises:
        TypeError: an operation has no rule.
    """
    match node:
        case Given() | At(_, Moment.PREVIOUS):
            return None
        case Trained(is_trained=is_trained):
            return At(node, Moment.CHANGE) if is_trained else None
        case Sum(summands):
            return _sum(map(difference, summands))
        case Contraction(left, right, over):
            return _product(left, right, lambda x, y: Contraction(x, y, over))
        case Entrywise(left, right) if _divides(left) and not _divides(right):
            return _product(left, right, Entrywise)
        case Entrywise(left, right):
            return _product(right, left, lambda x, y: Entrywise(y, x))
    (operand,) = node.operands
    change = difference(operand)
    if change is None:
        return None
    match node:
        case Named(name, _, is_cut):
            return Named(f"Delta_{name}", change, is_cut)
        case Transposed() | Renamed() | Split() | Merged() | Stopped() | Scaled():
            return replace(node, operand=change)
        case Map():
            return MapChange(node, change)
    raise TypeError(f"no rule for the change of {type(node).__name__}")


def _divides(node: Expression) -> bool:
    """Whether a value is one over another one, or has it as a factor, whichever way its axes are written."""
    match node:
        case Named() | Stopped() | Scaled() | Transposed() | Renamed() | Split() | Merged():
            return _divides(node.operand)
        case Entrywise(left, right):
            return _divides(left) or _divides(right)
        case PowerOf(_, degree):
            return degree < 0
    return isinstance(node, InverseRms)


@lru_cache(maxsize=4096)
def after_step(node: Expression) -> Expression:
    """The same value in the tensors after the step."""
    return rewritten(node, lambda leaf: At(leaf, Moment.CURRENT) if isinstance(leaf, Trained) else leaf)


def before_step(node: Expression) -> Expression:
    """The same value in the tensors before the step."""

    def leaf(old: Expression) -> Expression:
        return old.tensor if isinstance(old, At) and old.moment is Moment.CURRENT else old

    return rewritten(node, leaf)


def _product(
    left: Expression, right: Expression, times: Callable[[Expression, Expression], Expression]
) -> Expression | None:
    first, second = difference(left), difference(right)
    return _sum(
        (
            None if second is None else times(after_step(left), second),
            None if first is None else times(first, right),
        )
    )


def _sum(parts: Iterable[Expression | None]) -> Expression | None:
    """The sum of what is there."""
    found = tuple(part for part in parts if part is not None)
    return None if not found else found[0] if len(found) == 1 else Sum(found)

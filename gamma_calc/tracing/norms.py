"""Norms: values over their size along a dimension, of a group, of each channel, or over all examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gamma_calc.errors import Unknown
from gamma_calc.program import network
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import Expression
from gamma_calc.tracing.capture import Operation, in_each
from gamma_calc.tracing.maps import inverse, power
from gamma_calc.tracing.pieces import moved, of_channels
from gamma_calc.tracing.translation import Beside, Entry, Translation
from gamma_calc.tracing.values import Value, flat


def norm(
    t: Translation, op: Operation, x: Any, order: Any = None, dim: Any = None, keepdim: bool = False, **options: Any
) -> Value:
    """The Euclidean norm along dimensions, or of all entries."""
    if order not in (None, 2):
        raise Unknown("a norm other than the Euclidean one")
    value = t.value(x)
    return power(t, op, t.layout.summed(value, value, value.places(dim), keepdim), 0.5)


def weight_normed(t: Translation, op: Operation, weight: Any, magnitude: Any, dim: int = 0) -> Value:
    """A matrix over its Euclidean norms along one dimension, times a magnitude each."""
    value = t.value(weight)
    if len(value.dims) != 2:
        raise Unknown("a weight norm of what is no matrix")
    length = norm(t, op, weight, 2, 1 - value.place(dim), keepdim=True)
    directions = t.layout.times(value, inverse(t, op, length))
    return t.layout.times(directions, t.value(magnitude))


def normed(
    t: Translation, op: Operation, x: Any, shape: Any, weight: Any = None, bias: Any = None, *rest: Any
) -> Value:
    """A layer norm, times a weight, plus a bias."""
    return moved(t, op, _normed(t, x, shape, weight, network.layer_norm), bias)


def rms_normed(t: Translation, op: Operation, x: Any, shape: Any, weight: Any = None, eps: Any = None) -> Value:
    """An RMS norm, times a weight."""
    return _normed(t, x, shape, weight, network.rms_norm)


def _normed(t: Translation, x: Any, shape: Any, weight: Any, norm: Callable[[Expression, Axis], Expression]) -> Value:
    """A norm along the last dimensions, times a weight, if there is one."""
    value = t.value(x)
    shapes = [t.layout.sizes(dim) for dim in value.dims]
    front = value.dims[: -len(shape)]
    value = t.layout.whole(Value(value.expression, (*front, flat(value.dims[len(front) :]))), len(front))
    (axis,) = value.dims[-1]
    value = t.layout.reshaped(value.written(norm(value.expression, axis)), shapes)
    return value if weight is None or t.number(weight) == 1 else t.layout.times(value, t.value(weight))


def group_normed(
    t: Translation, op: Operation, x: Any, groups: Any, weight: Any = None, bias: Any = None, *rest: Any
) -> Value:
    """A layer norm of each group of channels, times a weight and plus a bias of each channel."""
    assert op.shape is not None
    (batch, channels, *places), several = op.shape, in_each(groups)
    each = tuple(count // group for count, group in zip(channels, several, strict=True))
    beside = t.beside(x)
    if isinstance(beside, Beside) and isinstance(groups, int):
        beside = t.stacked(beside, groups)
    value = t.layout.reshaped(t.value(beside), [batch, several, each, *places])
    value = t.layout.reshaped(_normed(t, value, [each, *places], None, network.layer_norm), op.shape)
    return _of_each_channel(t, op, value, weight, bias)


def by_channel(*, over_examples: bool) -> Entry:
    """A norm of each channel, of every example by itself or over all of them."""

    def entry(
        t: Translation,
        op: Operation,
        x: Any,
        weight: Any,
        bias: Any,
        mean: Any,
        square: Any,
        is_own: bool,
        momentum: float,
        eps: float,
        *rest: Any,
    ) -> Value:
        value = t.value(x)
        found = _over_places(t, value, over_examples) if is_own else _by_statistics(t, op, value, mean, square, eps)
        return _of_each_channel(t, op, found, weight, bias)

    among = "its places and all examples" if over_examples else "its places"
    said = "or by running statistics, as in evaluation; times a weight, plus a bias."
    entry.__doc__ = f"Of each channel over {among}, {said}"
    return entry


batch_normed, instance_normed = by_channel(over_examples=True), by_channel(over_examples=False)


def _over_places(t: Translation, value: Value, over_examples: bool) -> Value:
    """A layer norm over the places of each channel, and over the examples where they are taken together."""
    batch, channels, *places = value.dims
    front, inside = ([channels], [batch, *places]) if over_examples else ([batch, channels], places)
    found = _normed(t, Value(value.expression, (*front, flat(inside))), [()], None, network.layer_norm)
    found = t.layout.reshaped(found, [t.layout.sizes(dim) for dim in (*front, *inside)])
    if not over_examples:
        return found
    channels, batch, *places = found.dims
    return Value(found.expression, (batch, channels, *places))


def _by_statistics(t: Translation, op: Operation, value: Value, mean: Any, square: Any, eps: float) -> Value:
    """A value less a mean of each channel, over the root of a mean square about it."""
    count, number = len(value.dims) - 2, t.number(square)
    if t.number(mean) != 0:
        value = t.layout.added(value, t.scaled(of_channels(t, mean, count), -1))
    if isinstance(number, int | float):
        return t.scaled(value, (number + eps) ** -0.5)
    squares = t.layout.added(of_channels(t, square, count), Value(t.scalar(eps), ()))
    return t.layout.times(value, power(t, op, squares, -0.5))


def _of_each_channel(t: Translation, op: Operation, value: Value, weight: Any, bias: Any) -> Value:
    """Times a weight and plus a bias of each channel, where there are any."""
    if weight is not None and t.number(weight) != 1:
        value = t.layout.times(value, of_channels(t, weight, len(value.dims) - 2))
    return moved(t, op, value, bias, len(value.dims) - 2)

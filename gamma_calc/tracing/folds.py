"""Folds: a function of two, made of all coordinates of a fixed dimension, one half of them against the other.

The largest of four is max(max(x_0, x_2), max(x_1, x_3)), and log(e^x + e^y) is x + log(1 + e^(y - x)).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch

from gamma_calc.errors import Unknown
from gamma_calc.tracing.capture import Operation
from gamma_calc.tracing.maps import larger, smaller, softplus
from gamma_calc.tracing.pieces import patches, taken
from gamma_calc.tracing.translation import Entry, Translation
from gamma_calc.tracing.values import Value

OfTwo = Callable[[Value, Value], Value]


def folded(t: Translation, op: Operation, value: Value, places: Sequence[int], of_two: OfTwo) -> Value:
    """What a function of two makes of all coordinates of some dimensions, each of one coordinate then.

    Raises:
        Unknown: one of them grows.
    """
    for place in places:
        value = t.layout.whole(value, place)
        if not all(map(t.axes.is_fixed, value.dims[place])):
            raise Unknown(f"all coordinates of {value.dims[place][0]}, which grows, one against the other")
        value = _folded(t, op, value, place, of_two)
    return value


def _folded(t: Translation, op: Operation, value: Value, place: int, of_two: OfTwo) -> Value:
    def part(start: int, end: int) -> Value:
        return taken(t, value, place, (range(start, end),) * 2, op.where)

    (count, *_) = t.layout.sizes(value.dims[place])
    if count == 1:
        return value
    half = count // 2
    found = _folded(t, op, of_two(part(0, half), part(half, 2 * half)), place, of_two)
    return of_two(found, part(2 * half, count)) if count % 2 else found


def extreme(of_two: Entry, said: str) -> Entry:
    """The largest or the smallest along fixed dimensions, or of all entries; where it is, may change."""

    def entry(
        t: Translation, op: Operation, x: Any, places: Any = None, keepdim: bool = False, **options: Any
    ) -> Value:
        return _along(t, op, x, places, keepdim, partial(of_two, t, op))

    entry.__doc__ = f"The {said} along fixed dimensions, or of all entries: half of them against the other half."
    return entry


most, least = extreme(larger, "largest"), extreme(smaller, "smallest")


def log_sum_exp(
    t: Translation, op: Operation, x: Any, places: Any = None, keepdim: bool = False, **options: Any
) -> Value:
    """log of the sum of e^x along fixed dimensions: x + log(1 + e^(y - x)), half of them against the other half."""

    def of_two(one: Value, other: Value) -> Value:
        apart = t.layout.added(other, t.scaled(one, -1))
        return t.joined(t.layout.added(one, softplus(t, op, apart)), op)

    return _along(t, op, x, places, keepdim, of_two)


def _along(t: Translation, op: Operation, x: Any, places: Any, keepdim: bool, of_two: OfTwo) -> Value:
    value = t.value(x)
    every = value.places(places)
    found = folded(t, op, value, every, of_two)
    dims = [dim for place, dim in enumerate(found.dims) if keepdim or place not in every]
    return Value(found.expression, tuple(dims))


def log_softmax(t: Translation, op: Operation, x: Any, place: int, *rest: Any, **options: Any) -> Value:
    """x less `logsumexp` along a fixed dimension."""
    value = t.value(x)
    return t.joined(t.layout.added(value, t.scaled(log_sum_exp(t, op, value, place, keepdim=True), -1)), op)


def pooled(
    t: Translation,
    op: Operation,
    x: Any,
    kernel: Any,
    stride: Any = (),
    padding: Any = 0,
    dilation: Any = 1,
    *rest: Any,
) -> Value:
    """The largest of each window of fixed places: half of them against the other half."""

    def windows(number: int, long: int) -> torch.Tensor:
        assert op.shape is not None
        (made, *_) = op.shape[number - int(op.kind[-2])]
        size, step, before, apart = (
            each if isinstance(each, int) else each[min(number, len(each) - 1)]
            for each in (kernel, stride or kernel, padding, dilation)
        )
        return torch.arange(made)[:, None] * step - before + torch.arange(size) * apart

    return _largest_of_windows(t, op, t.value(x), windows)


def pooled_to(t: Translation, op: Operation, x: Any, sizes: Any) -> tuple[Value, None]:
    """The largest of each of so many windows of fixed places."""

    def windows(number: int, long: int) -> torch.Tensor:
        made = sizes if isinstance(sizes, int) else sizes[min(number, len(sizes) - 1)]
        first, ends = torch.arange(made) * long // made, -(-torch.arange(1, made + 1) * long // made)
        return torch.minimum(first[:, None] + torch.arange(int((ends - first).max())), ends[:, None] - 1)

    return _largest_of_windows(t, op, t.value(x), windows), None


def _largest_of_windows(
    t: Translation, op: Operation, value: Value, windows: Callable[[int, int], torch.Tensor]
) -> Value:
    """The largest at some places of each of the last dimensions, as (window, place); those outside are left out."""
    count = int(op.kind[-2])
    for number in range(count):
        place = len(value.dims) - count + number
        (long, *_) = t.layout.sizes(value.dims[place])
        places = windows(number, long)
        inside = (places >= 0) & (places < long)
        first = places.gather(1, inside.int().argmax(1, keepdim=True))  # once more, in place of what is outside
        value = patches(t, op, value, place, torch.where(inside, places, first))
        value = folded(t, op, value, (place + 1,), partial(larger, t, op))
        value = value.with_dims(place + 1)
    return value

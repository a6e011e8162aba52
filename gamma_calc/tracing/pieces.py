"""Pieces: some coordinates of a dimension, values side by side, patches of a convolution."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from math import prod
from string import ascii_lowercase as LETTERS
from typing import Any

import torch

from gamma_calc.errors import Unknown
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import Contraction, Named, Ones
from gamma_calc.tracing.blocks import at_place, block, shared_part
from gamma_calc.tracing.capture import Across, Operation, Sizes, in_each
from gamma_calc.tracing.translation import Beside, Coordinates, Translation
from gamma_calc.tracing.values import Dimension, Value, flat


def sliced(
    t: Translation, op: Operation, x: Any, place: int = 0, start: Any = None, end: Any = None, step: int = 1
) -> Value | Beside:
    """Some coordinates of a dimension."""
    assert op.shape is not None
    place %= len(op.shape)
    source = t.capture.operation(x)
    if source is not None and source.is_random_buffer and not start:
        return shared_part(t, source, op, place)
    beside = t.beside(x)
    if not isinstance(beside, Beside):
        return _sliced(t, op, beside, place, start, step)
    if place == beside.place:
        raise Unknown(f"values side by side along {beside.axis}, which grows")
    return beside.each(lambda part: _sliced(t, op, part, place, start, step))


def _sliced(t: Translation, op: Operation, value: Value, place: int, start: Any, step: int) -> Value:
    """Some coordinates of a dimension, as many as the result has."""
    assert op.shape is not None
    if op.shape[place] == t.layout.sizes(value.dims[place]):
        return value
    rows = _counted_rows(start or 0, t.layout.sizes(value.dims[place]), op.shape[place], step)
    return taken(t, value, place, rows, op.where)


def selected(t: Translation, op: Operation, x: Any, place: int, index: Any) -> Value:
    """One coordinate of a dimension, which is no dimension any more."""
    value = t.value(x)
    place = value.place(place)
    found = taken(t, value, place, _counted_rows(index, t.layout.sizes(value.dims[place]), (1, 1)), op.where)
    return found.with_dims(place)


def _counted_rows(start: Any, sizes: Sizes, counts: Sizes, step: int = 1) -> Coordinates:
    """So many coordinates from a place on, in each twin; a place below 0 is counted from the end."""
    places = zip(in_each(start), sizes, strict=True)
    begins = (place if place >= 0 else max(place + size, 0) for place, size in places)
    return tuple(range(begin, begin + step * count, step) for begin, count in zip(begins, counts, strict=True))


def unbound(t: Translation, op: Operation, x: Any, place: int = 0) -> tuple[Value, ...]:
    """Every coordinate of a dimension of fixed size, one after the other."""
    value = t.value(x)
    count, *others = t.layout.sizes(value.dims[value.place(place)])
    if others != [count]:
        raise Unknown("a number of values that grows")
    return tuple(selected(t, op, x, place, index) for index in range(count))


def parts(t: Translation, op: Operation, x: Any, sizes: Any, place: int = 0) -> tuple[Value, ...]:
    """A dimension in pieces, one after the other; of values side by side, themselves."""
    beside = t.beside(x)
    if isinstance(beside, Beside):
        return _taken_apart(t, beside, _pieces(t.axes.sizes[beside.axis], sizes, op.kind), place)
    value = t.value(x)
    place = value.place(place)
    pieces = _in_a_row(_pieces(t.layout.sizes(value.dims[place]), sizes, op.kind))
    return tuple(taken(t, value, place, rows, op.where) for rows in pieces)


def _taken_apart(t: Translation, beside: Beside, pieces: Sequence[Sizes], place: int) -> tuple[Value, ...]:
    """Values side by side, of as many coordinates as some pieces, one by one."""
    (first, *_), rows = beside.parts[0], [rows for _, rows in beside.parts]
    if first.place(place) != beside.place or rows != [*_in_a_row(pieces)]:
        raise Unknown(f"pieces of values side by side along {beside.axis}, which grows, other than these")
    return tuple(value for value, _ in beside.parts)


def _in_a_row(sizes: Iterable[Sizes]) -> Iterator[Coordinates]:
    """The coordinates of pieces of some sizes, one after the other."""
    start = (0, 0)
    for size in sizes:
        end = (start[0] + size[0], start[1] + size[1])
        yield tuple(map(range, start, end))
        start = end


def _pieces(whole: Sizes, sizes: Any, kind: str) -> list[Sizes]:
    """The sizes of the pieces, in each twin: given, all of one size but the last, or a number of them."""
    if isinstance(sizes, tuple) and not isinstance(sizes, Across):
        return [*map(in_each, sizes)]
    if kind == "chunk":
        if isinstance(sizes, Across):
            raise Unknown("a number of pieces that grows")
        sizes = Across(-(-each // sizes) for each in whole)
    size = in_each(sizes)
    counts = {-(-each // part) for each, part in zip(whole, size, strict=True)}
    if len(counts) > 1:
        raise Unknown("a number of pieces that grows")
    count = counts.pop()
    last = tuple(each - part * (count - 1) for each, part in zip(whole, size, strict=True))
    return [*[size] * (count - 1), last]


def taken(t: Translation, value: Value, place: int, rows: Coordinates, where: str) -> Value:
    """Some coordinates of a dimension: of a fixed one by a sum against their indicators."""
    value, size = t.layout.whole(value, place), tuple(map(len, rows))
    if not value.dims[place]:
        return value
    (axis,) = value.dims[place]
    is_fixed = t.axes.is_fixed(axis)
    if is_fixed:
        t.axes.parts_of_fixed.add(size)
    if axis not in value.expression.axes:
        return value.with_dims(place, t.axes.dimension(size, value.axes, where))
    if not is_fixed:
        found = block(t, value, place, rows, where)
        return _summed_over(found, place) if set(size) == {1} else found
    (first, *_) = rows
    if len(first) == 1 and (alone := at_place(t, value.expression, axis, first.start)) is not None:
        return value.with_dims(place, ()).written(alone)
    new = t.axes.dimension(size, value.axes, where)
    name = f"take_{'_'.join((*_tag((*new, axis)), str(first.start), str(first.step)))}"
    return _times(t, value, place, name, torch.eye(t.axes.sizes[axis][0])[[*first]], new)


def _summed_over(value: Value, place: int) -> Value:
    """A dimension of one coordinate, which is none any more."""
    (axis,) = value.dims[place]
    return value.with_dims(place, ()).written(Contraction(value.expression, Ones.along(axis), (axis,)))


def _against(t: Translation, value: Value, place: int, chosen: Value) -> Value:
    """The sum over a dimension against data, whose last one it is; the others of the data are in its place."""
    t.picks[chosen.expression] = False
    letters, new = LETTERS[: len(value.dims)], LETTERS[len(value.dims) :][: len(chosen.dims) - 1]
    return t.layout.product(value, chosen, (letters, new + letters[place], letters.replace(letters[place], new)))


def _tag(axes: tuple[Axis, ...]) -> list[str]:
    return [str(axis).replace("[", "_").replace("]", "") for axis in axes]


def concatenated(t: Translation, op: Operation, values: Any, place: int = 0) -> Value | Beside:
    """Side by side: along a fixed dimension, the sum of each put in its place; else as a linear layer takes them."""
    every = [value for value in map(t.value, values) if all(t.layout.sizes(dim)[0] for dim in value.dims)]
    if len(every) == 1:  # the others are empty
        return every[0]
    place = every[0].place(place)
    assert op.shape is not None
    total = op.shape[place]
    new = t.axes.axis(total, [axis for value in every for axis in value.axes], op.where)
    if not t.axes.is_fixed(new):
        return _beside(t, every, place, new)
    rows = _in_a_row(t.layout.sizes(each.dims[place]) for each in every)
    return t.joined(t.layout.added(*(_put(t, *part, place, new) for part in zip(every, rows, strict=True))), op)


def _put(t: Translation, value: Value, rows: Coordinates, place: int, new: Axis) -> Value:
    """A value at some coordinates of a fixed dimension in place of its own, and zero at the others."""
    value = t.layout.whole(value, place)
    name = f"put_{'_'.join((*_tag((new, *value.dims[place])), str(rows[0].start), str(rows[0].step)))}"
    return _times(t, value, place, name, torch.eye(t.axes.sizes[new][0])[:, [*rows[0]]], (new,))


def _times(t: Translation, value: Value, place: int, name: str, matrix: torch.Tensor, new: Dimension) -> Value:
    """A matrix (new, old) of fixed numbers times a fixed dimension, which is whole."""
    old = tuple(t.axes.copy(axis, new) for axis in value.dims[place])
    return _against(t, value, place, Value(t.data(name, matrix, (*new, *old)), (new, old)))


def placed(
    t: Translation,
    op: Operation,
    x: Any,
    source: Any,
    place: int = 0,
    start: Any = None,
    end: Any = None,
    step: int = 1,
) -> Value:
    """Other numbers in place of some coordinates of a fixed dimension."""
    before, new = t.value(x), t.value(source)
    place = before.place(place)
    before = t.layout.whole(before, place)
    (axis,) = before.dims[place]
    if not t.axes.is_fixed(axis):
        raise Unknown(f"numbers put in place of some coordinates of {axis}, which grows")
    rows = _counted_rows(start or 0, t.axes.sizes[axis], t.layout.sizes(new.dims[place]), step)
    found = _put(t, new, rows, place, axis)
    if t.number(x) == 0:
        return found
    kept = torch.ones(t.axes.sizes[axis][0])
    kept[[*rows[0]]] = 0
    dims = tuple((axis,) if each == place else () for each in range(len(before.dims)))
    left = t.layout.times(before, Value(t.data(f"{op.name}_kept", kept, (axis,)), dims))
    return t.joined(t.layout.added(left, found), op)


def put_at(t: Translation, op: Operation, x: Any, place: int, index: Any, source: Any) -> Value | Beside:
    """Values in a row at fixed places of a dimension: where it grows, in several rows, side by side with zeros."""
    where = t.capture.operations[index.name].indices
    if t.number(x) != 0 or where is None or op.shape is None:
        raise Unknown("values put among others than zeros, or at places that training changes")
    place %= len(op.shape)
    whole, beside = op.shape[place], t.beside(source)
    new = t.axes.axis(whole, where=op.where)
    if t.axes.is_fixed(new):
        value = t.layout.whole(t.value(source), place)
        return _times(t, value, place, f"{op.name}_at", torch.eye(whole[0])[:, where[0]], (new,))
    parts = beside.parts if isinstance(beside, Beside) else ((beside, tuple(map(range, map(len, where)))),)
    found: list[tuple[Value, Coordinates]] = []
    end: Sizes = (0, 0)
    for value, rows in parts:
        at = tuple(_row(each[row.start : row.stop]) for each, row in zip(where, rows, strict=True))
        found += _zeros(t, value, place, tuple(range(before, row.start) for before, row in zip(end, at, strict=True)))
        found.append((value, at))
        end = tuple(row.stop for row in at)
    found += _zeros(t, value, place, tuple(map(range, end, whole)))
    return Beside(tuple(found), new, place)


def _row(places: torch.Tensor) -> range:
    """Places in a row."""
    first, count = int(places[0]), len(places)
    if not torch.equal(places, torch.arange(first, first + count)):
        raise Unknown("values put at places of a dimension that grows, which are not in a row")
    return range(first, first + count)


def _zeros(t: Translation, value: Value, place: int, rows: Coordinates) -> list[tuple[Value, Coordinates]]:
    """Zeros beside a value at some places; none where there are no such places."""
    counts = tuple(map(len, rows))
    if not any(counts):
        return []
    return [(value.with_dims(place, (t.axes.axis(counts, value.axes),)).written(t.scalar(0)), rows)]


def _beside(t: Translation, values: Sequence[Value], place: int, axis: Axis) -> Beside:
    """Values side by side along a dimension."""
    rows = _in_a_row(t.layout.sizes(each.dims[place]) for each in values)
    return Beside(tuple(zip(values, rows, strict=True)), axis, place)


def added_beside(t: Translation, op: Operation, *summands: Value | Beside) -> Beside | None:
    """Values side by side, each plus what stands at its coordinates of others; None where these have no such blocks.

    What has a name stays whole, as other operations may need it so.
    """
    first = next((each for each in summands if isinstance(each, Beside)), None)
    if first is None:
        return None
    count, rows = len(first.parts[0][0].dims), [rows for _, rows in first.parts]

    def parts_of(summand: Value | Beside) -> list[Value]:
        if isinstance(summand, Beside):
            if summand.place != first.place or [rows for _, rows in summand.parts] != rows:
                raise Unknown("values side by side at other coordinates")
            return [value for value, _ in summand.parts]
        place = first.place - count + len(summand.dims)
        if place < 0 or len(summand.dims[place]) != 1 or isinstance(summand.expression, Named):
            raise Unknown("what is no block of anything")
        return [block(t, summand, place, each, op.where) for each in rows]

    try:
        parts = [*map(parts_of, summands)]
    except Unknown:
        return None
    sums = (t.joined(t.layout.added(*each), op) for each in zip(*parts, strict=True))
    return Beside(tuple(zip(sums, rows, strict=True)), first.axis, first.place)


def stacked(t: Translation, op: Operation, values: Any, place: int = 0) -> Value | Beside:
    """Side by side along a dimension of their own, which is fixed."""
    assert op.shape is not None
    place %= len(op.shape)
    every = [t.value(each) for each in values]
    thin = [Value(each.expression, (*each.dims[:place], (), *each.dims[place:])) for each in every]
    return concatenated(t, op, thin, place)


def cumulated(t: Translation, op: Operation, x: Any, place: int, **options: Any) -> Value:
    """The sums of the first coordinates of a fixed dimension."""
    value = t.value(x)
    size, _ = t.layout.sizes(value.dims[place])
    return _in_order(t, op, value, value.place(place), torch.ones(size, size).tril())


def flipped(t: Translation, op: Operation, x: Any, places: Sequence[int]) -> Value:
    """Fixed dimensions in reversed order."""
    value = t.value(x)
    for place in map(value.place, places):
        size, _ = t.layout.sizes(value.dims[place])
        value = _in_order(t, op, value, place, torch.eye(size).flip(0))
    return value


def padded(
    t: Translation, op: Operation, x: Any, counts: Sequence[Any], mode: str = "constant", fill: Any = 0
) -> Value:
    """A number, or coordinates again, before and behind those of fixed dimensions, of which the last comes first."""
    value = t.value(x)
    if mode != "constant":
        return _at_places(t, op, value, len(counts) // 2)
    for number, (before, behind) in enumerate(zip(counts[::2], counts[1::2], strict=True), 1):
        if before or behind:
            place = value.place(-number)
            size, _ = t.layout.sizes(value.dims[place])
            rows = torch.nn.functional.pad(torch.eye(size), (0, 0, before, behind))
            value = _in_order(t, op, value, place, rows)
    return _filled(t, op, value, counts, fill) if fill else value


def _filled(t: Translation, op: Operation, value: Value, counts: Sequence[int], number: float) -> Value:
    """A number in place of the zeros that stand before and behind others."""
    pairs = [*zip(counts[::2], counts[1::2], strict=True)][::-1]
    dims = tuple(dim if any(pair) else () for dim, pair in zip(value.dims[-len(pairs) :], pairs, strict=True))
    inside = [t.layout.sizes(dim)[0] - sum(pair) if dim else 1 for dim, pair in zip(dims, pairs, strict=True)]
    numbers = torch.nn.functional.pad(torch.zeros(inside), tuple(counts), value=number)
    return t.joined(t.layout.added(value, Value(t.data(f"{op.name}_fill", numbers, flat(dims)), dims)), op)


def _in_order(t: Translation, op: Operation, value: Value, place: int, matrix: torch.Tensor) -> Value:
    """A matrix of fixed numbers times the coordinates of a fixed dimension, which have an order."""
    value = t.layout.whole(value, place)
    if not all(map(t.axes.is_fixed, value.dims[place])):
        raise Unknown(f"the coordinates of {value.dims[place][0]}, which grows, in order")
    new = t.axes.dimension((len(matrix),) * 2, value.axes, op.where)
    return _times(t, value, place, f"{op.name}_{place}", matrix, new)


def of_places(t: Translation, op: Operation, x: Any, *rest: Any, **options: Any) -> Value:
    """What is made of the places of each channel: means of some, numbers between them."""
    return _at_places(t, op, t.value(x), int(op.kind[-2]))


def _at_places(t: Translation, op: Operation, value: Value, count: int) -> Value:
    """What a linear operation makes of the last dimensions, so many, which are fixed: a matrix times them."""
    assert op.shape is not None
    front, places = value.dims[:-count], flat(value.dims[-count:])
    if not all(map(t.axes.is_fixed, places)) or any(len({*sizes}) > 1 for sizes in op.shape[-count:]):
        raise Unknown("places of a number that grows")
    shape = [t.layout.sizes(dim)[0] for dim in value.dims[-count:]]
    units = torch.eye(prod(shape), dtype=torch.double).reshape(-1, 1, *shape)
    made = getattr(torch.ops.aten, op.kind)(units, *op.arguments[1:], **op.options)
    found = _in_order(t, op, Value(value.expression, (*front, places)), len(front), made.flatten(1).T)
    return t.layout.reshaped(found, op.shape)


def convolved(
    t: Translation,
    op: Operation,
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: Any = 1,
) -> Value | Beside:
    """Patches against a weight, summed over all that a patch has of a group of channels."""
    assert op.shape is not None
    beside = t.beside(x)
    if isinstance(beside, Beside) and beside.place == 1 and groups == op.shape[1] and bias is None:
        return _convolved_beside(t, op, beside, weight, stride, padding, dilation)
    value, filters = t.value(x), t.value(weight)
    count = len(filters.dims) - 2
    if len(value.dims) != count + 2 or isinstance(padding, str):
        raise Unknown("a convolution of one example without a batch, or of a padding without a number")
    if isinstance(groups, int) and groups > 1 and len({*op.shape[1]}) > 1:
        return _convolved_groups(t, op, value, filters, bias, groups, (stride, padding, dilation))
    for place in range(count):
        step, before, apart = (each[place] if isinstance(each, tuple) else each for each in (stride, padding, dilation))
        kernel = t.layout.sizes(filters.dims[2 + place])[0]
        places = torch.arange(op.shape[2 + place][0])[:, None] * step + torch.arange(kernel) * apart - before
        value = patches(t, op, value, 2 + 2 * place, places)
    outer, inner = LETTERS[2 : 2 + count], LETTERS[2 + count : 2 + 2 * count]
    read = f"ayb{''.join(each for pair in zip(outer, inner, strict=True) for each in pair)}"
    filters, value = _grouped(t, filters, 0, groups), _grouped(t, value, 1, groups)
    found = t.layout.product(filters, value, (f"yzb{inner}", read, f"ayz{outer}"))
    return moved(t, op, t.joined(t.layout.reshaped(found, op.shape), op), bias, count)


def _convolved_groups(
    t: Translation, op: Operation, value: Value, filters: Value, bias: Any, groups: int, rest: tuple[Any, ...]
) -> Beside:
    """A few groups of channels, each convolved by itself, side by side."""
    batch, made, *places = op.shape or ((1, 1), (1, 1))
    inputs, outputs = ([*_in_a_row(_pieces(sizes, groups, "chunk"))] for sizes in (t.layout.sizes(value.dims[1]), made))
    found = []
    for read, written in zip(inputs, outputs, strict=True):
        part = replace(op, shape=(batch, tuple(map(len, written)), *places))
        own = taken(t, filters, 0, written, op.where)
        offset = None if bias is None or t.number(bias) == 0 else taken(t, t.value(bias), 0, written, op.where)
        of_group = convolved(t, part, taken(t, value, 1, read, op.where), own, offset, *rest)
        assert isinstance(of_group, Value)
        found.append(of_group)
    return _beside(t, found, 1, t.axes.axis(made, [axis for each in found for axis in each.axes], op.where))


def of_channels(t: Translation, vector: Any, count: int) -> Value:
    """One number a channel, for all of its places, which have so many dimensions."""
    value = t.value(vector)
    return Value(value.expression, (*value.dims, *[()] * count))


def moved(t: Translation, op: Operation, value: Value, bias: Any, count: int = 0) -> Value:
    """A value plus a bias, if there is one that is not zero; of each channel, whose places have so many dimensions."""
    if bias is None or t.number(bias) == 0:
        return value
    return t.joined(t.layout.added(value, of_channels(t, bias, count)), op)


def _grouped(t: Translation, value: Value, place: int, groups: Any) -> Value:
    """A dimension as so many groups, and the places in one."""
    shape, several = [t.layout.sizes(dim) for dim in value.dims], in_each(groups)
    each = tuple(count // group for count, group in zip(shape[place], several, strict=True))
    return t.layout.reshaped(value, [*shape[:place], several, each, *shape[place + 1 :]])


def _convolved_beside(
    t: Translation, op: Operation, beside: Beside, weight: Any, stride: Any, padding: Any, dilation: Any
) -> Beside:
    """Channels side by side, each convolved by itself."""
    filters, (batch, _, *places) = t.value(weight), op.shape or ((1, 1), (1, 1))

    def of_part(value: Value, rows: Coordinates) -> Value:
        channels = Across(map(len, rows))
        part = replace(op, shape=(batch, tuple(map(int, channels)), *places))
        own = block(t, filters, 0, rows, op.where)
        found = convolved(t, part, value, own, None, stride, padding, dilation, channels)
        assert isinstance(found, Value)
        return found

    return Beside(tuple((of_part(*part), part[1]) for part in beside.parts), beside.axis, beside.place)


def patches(t: Translation, op: Operation, value: Value, place: int, places: torch.Tensor) -> Value:
    """Entries at places (out, kernel) of a fixed dimension, and zero at places beyond it, in two new dimensions."""
    value = t.layout.whole(value, place)
    (size, *_) = t.layout.sizes(value.dims[place])
    if not all(map(t.axes.is_fixed, value.dims[place])):
        raise Unknown(f"windows along {value.dims[place][0]}, which grows")
    source = tuple(t.axes.copy(axis, value.axes) for axis in value.dims[place])
    new: list[Dimension] = []
    for each in places.shape:
        new.append(t.axes.dimension((each, each), (*value.axes, *source, *flat(new)), op.where))
    rows = (places[..., None] == torch.arange(size)).double()
    chosen = Value(t.data(f"{op.name}_patches_{place}", rows, (*flat(new), *source)), (*new, source))
    return _against(t, value, place, chosen)

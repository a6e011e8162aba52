"""Pieces: some coordinates of a dimension, values side by side, patches of a convolution."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from string import ascii_lowercase as LETTERS
from typing import Any

import torch

from gamma_calc.errors import Unknown
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import Contraction, Ones
from gamma_calc.tracing.blocks import block, shared_part
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
    begins = _counted(start or 0, t.layout.sizes(value.dims[place]))
    rows = zip(begins, op.shape[place], strict=True)
    return taken(t, value, place, tuple(range(first, first + step * count, step) for first, count in rows), op.where)


def narrowed(t: Translation, op: Operation, x: Any, place: int, start: Any, length: Any) -> Value | Beside:
    """Some coordinates of a dimension, in a row."""
    return sliced(t, op, x, place, start)


def selected(t: Translation, op: Operation, x: Any, place: int, index: Any) -> Value:
    """One coordinate of a dimension, which is no dimension any more."""
    value = t.value(x)
    place = value.place(place)
    starts = _counted(index, t.layout.sizes(value.dims[place]))
    found = taken(t, value, place, tuple(range(each, each + 1) for each in starts), op.where)
    return Value(found.expression, (*found.dims[:place], *found.dims[place + 1 :]))


def _counted(index: Any, sizes: Sizes) -> Sizes:
    """A place in each twin, counted from the front: one below 0 is counted from the end."""
    places = zip(in_each(index), sizes, strict=True)
    return tuple(place if place >= 0 else max(place + size, 0) for place, size in places)


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
        left: Dimension = () if set(size) == {1} else (t.axes.axis(size, value.axes, where),)
        return Value(value.expression, (*value.dims[:place], left, *value.dims[place + 1 :]))
    if not is_fixed:
        found = block(t, value, place, rows, where)
        return _summed_over(found, place) if set(size) == {1} else found
    (first, *_) = rows
    new: Dimension = () if set(size) == {1} else (t.axes.axis(size, value.axes, where),)
    name = f"take_{'_'.join((*_tag((*new, axis)), str(first.start), str(first.step)))}"
    return _times(t, value, place, name, torch.eye(t.axes.sizes[axis][0])[[*first]], new)


def _summed_over(value: Value, place: int) -> Value:
    """A dimension of one coordinate, which is none any more."""
    (axis,) = value.dims[place]
    left = Contraction(value.expression, Ones.along(axis), (axis,))
    return Value(left, (*value.dims[:place], (), *value.dims[place + 1 :]))


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
    begins = _counted(start or 0, t.axes.sizes[axis])
    counts = t.layout.sizes(new.dims[place])
    rows = tuple(range(first, first + step * count, step) for first, count in zip(begins, counts, strict=True))
    found = _put(t, new, rows, place, axis)
    if t.number(x) == 0:
        return found
    kept = torch.ones(t.axes.sizes[axis][0])
    kept[[*rows[0]]] = 0
    dims = tuple((axis,) if each == place else () for each in range(len(before.dims)))
    left = t.layout.times(before, Value(t.data(f"{op.name}_kept", kept, (axis,)), dims))
    return t.joined(t.layout.added(left, found), op)


def _beside(t: Translation, values: Sequence[Value], place: int, axis: Axis) -> Beside:
    """Values side by side along a dimension."""
    rows = _in_a_row(t.layout.sizes(each.dims[place]) for each in values)
    return Beside(tuple(zip(values, rows, strict=True)), axis, place)


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
    """Zeros before and behind the coordinates of fixed dimensions, of which the last comes first."""
    if mode != "constant" or fill not in (None, 0):
        raise Unknown("padding with other numbers than zeros")
    value = t.value(x)
    for number, (before, behind) in enumerate(zip(counts[::2], counts[1::2], strict=True), 1):
        if before or behind:
            place = value.place(-number)
            size, _ = t.layout.sizes(value.dims[place])
            rows = torch.nn.functional.pad(torch.eye(size), (0, 0, before, behind))
            value = _in_order(t, op, value, place, rows)
    return value


def _in_order(t: Translation, op: Operation, value: Value, place: int, matrix: torch.Tensor) -> Value:
    """A matrix of fixed numbers times the coordinates of a fixed dimension, which have an order."""
    value = t.layout.whole(value, place)
    if not all(map(t.axes.is_fixed, value.dims[place])):
        raise Unknown(f"the coordinates of {value.dims[place][0]}, which grows, in order")
    new: Dimension = () if len(matrix) == 1 else (t.axes.axis((len(matrix),) * 2, value.axes, op.where),)
    return _times(t, value, place, f"{op.name}_{place}", matrix, new)


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
    """Patches against a weight, summed over all that a patch has, or over its places alone, channel by channel."""
    assert op.shape is not None
    beside = t.beside(x)
    if isinstance(beside, Beside):
        if beside.place != 1 or groups != op.shape[1] or bias is not None:
            raise Unknown(f"a convolution of values side by side along {beside.axis}, which grows, or with a bias")
        return _convolved_beside(t, op, beside, weight, stride, padding, dilation)
    value, filters = t.value(x), t.value(weight)
    count = len(filters.dims) - 2
    if len(value.dims) != count + 2 or isinstance(padding, str):
        raise Unknown("a convolution of one example without a batch, or of a padding without a number")
    for place in range(count):
        step, before, apart = (each[place] if isinstance(each, tuple) else each for each in (stride, padding, dilation))
        kernel = t.layout.sizes(filters.dims[2 + place])[0]
        places = torch.arange(op.shape[2 + place][0])[:, None] * step + torch.arange(kernel) * apart - before
        value = _patches(t, op, value, 2 + 2 * place, places)
    outer, inner = LETTERS[2 : 2 + count], LETTERS[2 + count : 2 + 2 * count]
    patches = f"ab{''.join(each for pair in zip(outer, inner, strict=True) for each in pair)}"
    channels = t.layout.sizes(value.dims[1])
    if groups == 1:
        letters = (f"zb{inner}", patches, f"az{outer}")
    elif in_each(groups) == channels == op.shape[1]:
        filters = Value(filters.expression, (filters.dims[0], *filters.dims[2:]))
        letters = (f"b{inner}", patches, f"ab{outer}")
    else:
        raise Unknown(f"a convolution of {groups} groups of channels")
    found = t.joined(t.layout.product(filters, value, letters), op)
    if bias is None or t.number(bias) == 0:
        return found
    offset = t.value(bias)
    return t.joined(t.layout.added(found, Value(offset.expression, (*offset.dims, *[()] * count))), op)


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


def _patches(t: Translation, op: Operation, value: Value, place: int, places: torch.Tensor) -> Value:
    """Entries at places (out, kernel) of a fixed dimension, and zero at places beyond it, in two new dimensions."""
    value = t.layout.whole(value, place)
    (size, *_) = t.layout.sizes(value.dims[place])
    if not all(map(t.axes.is_fixed, value.dims[place])):
        raise Unknown(f"a convolution along {value.dims[place][0]}, which grows")
    source = tuple(t.axes.copy(axis, value.axes) for axis in value.dims[place])
    new: list[Dimension] = []
    for each in places.shape:
        new.append(() if each == 1 else (t.axes.axis((each, each), (*value.axes, *source, *flat(new)), op.where),))
    rows = (places[..., None] == torch.arange(size)).double()
    chosen = Value(t.data(f"{op.name}_patches_{place}", rows, (*flat(new), *source)), (*new, source))
    return _against(t, value, place, chosen)

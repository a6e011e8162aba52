"""Look-ups: rows of a table that tokens stand for, the largest entries, others at places: sums against indicators."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_lowercase as LETTERS
from typing import Any

import torch
from torch import Tensor

from gamma_calc.errors import Unknown
from gamma_calc.program.expressions import Stopped, Trained, nodes
from gamma_calc.tracing.capture import Across, Operation, Reference
from gamma_calc.tracing.folds import least, most
from gamma_calc.tracing.maps import larger, smaller
from gamma_calc.tracing.pieces import selected
from gamma_calc.tracing.translation import Translation
from gamma_calc.tracing.values import Dimension, Value, flat
from gamma_calc.tracing.weights import indicators, inner


def embedding(
    t: Translation, op: Operation, table: Any, places: Any, padding: int = -1, *rest: Any, **options: Any
) -> Value:
    """The rows of a table that fixed tokens stand for: a sum of the table against their indicators."""
    tokens = t.capture.operations[places.name]
    found = _looked_up(t, t.value(table), 0, (tokens,))
    is_learnt = any(isinstance(node, Trained) and node.is_trained for node in nodes(found.expression))
    is_padding = tokens.values[0] == padding if tokens.values else None
    if is_learnt and is_padding is not None and is_padding.any():
        found = _padded(t, op, found, is_padding)
    return inner(t, table, found)


def _padded(t: Translation, op: Operation, rows: Value, is_padding: Tensor) -> Value:
    """Rows of a table, through which no gradient goes where the token is the padding."""
    tokens = rows.dims[: is_padding.ndim]
    dims = (*tokens, *[()] * (len(rows.dims) - len(tokens)))
    kept, stopped = (
        Value(t.data(f"{op.name}_{name}", where, flat(tokens)), dims)
        for name, where in (("tokens", ~is_padding), ("padding", is_padding))
    )
    fixed = rows.written(Stopped(rows.expression))
    return t.layout.added(t.layout.times(rows, kept), t.layout.times(fixed, stopped))


def picked(t: Translation, op: Operation, x: Any, indices: tuple[Any, ...]) -> Value:
    """Entries at fixed places of fixed dimensions, such as the last token of each text: a sum against indicators."""
    places = [place for place, each in enumerate(indices) if each is not None]
    found = tuple(t.capture.operations[indices[place].name] for place in places)
    alone = found[0].indices
    if len(found) == 1 and alone and {each.numel() for each in alone} == {1}:
        one = selected(t, op, x, places[0], Across(int(each) for each in alone))
        return Value(one.expression, (*one.dims[: places[0]], *[()] * alone[0].ndim, *one.dims[places[0] :]))
    if places != [*range(places[0], places[-1] + 1)] or len({each.shape for each in found}) > 1:
        raise Unknown("entries at places in dimensions that are not side by side, or of several shapes")
    return _looked_up(t, t.value(x), places[0], found)


def picked_along(t: Translation, op: Operation, x: Any, place: int, index: Any) -> Value:
    """Entries at fixed places of a fixed dimension: a sum against indicators."""
    value = t.value(x)
    return _looked_up(t, value, value.place(place), (t.capture.operations[index.name],))


def largest(
    t: Translation, op: Operation, x: Any, count: int, place: int = -1, *rest: Any, **options: Any
) -> tuple[Value, None]:
    """The largest entries along a fixed dimension, such as a token's experts; which they are is held."""
    assert op.places is not None  # a choice has them
    return at_places(t, op, t.value(x), place, op.places), None


def maximum(
    t: Translation, op: Operation, x: Any, place: Any = None, keepdim: bool = False
) -> Value | tuple[Value, None]:
    """The largest entry along a fixed dimension as `amax`, but held where it is asked which; of two as `maximum`."""
    if isinstance(place, Reference):
        return larger(t, op, x, place)
    if op.places is None:
        found: Value = most(t, op, x, place, keepdim)
        return found if place is None else (found, None)
    value = t.value(x)
    places = op.places if keepdim else tuple(each.unsqueeze(place) for each in op.places)
    held, place = at_places(t, op, value, place, places), place % len(value.dims)
    return (held if keepdim else held.with_dims(place)), None


def minimum(
    t: Translation, op: Operation, x: Any, place: Any = None, keepdim: bool = False
) -> Value | tuple[Value, None]:
    """Of two values as `minimum`, else as `amin`."""
    if isinstance(place, Reference):
        return smaller(t, op, x, place)
    found = least(t, op, x, place, keepdim)
    return found if place is None else (found, None)


def gathered(t: Translation, op: Operation, x: Any, place: int, places: Any) -> Value:
    """Entries along a fixed dimension, at places of their own in each row."""
    where = t.capture.operations[places.name].indices
    if where is None:
        raise Unknown("entries at places that training changes")
    return at_places(t, op, t.value(x), place, where)


def scattered(t: Translation, op: Operation, x: Any, place: int, places: Any, source: Any) -> Value:
    """Other numbers at places of their own in each row of a fixed dimension."""
    where = t.capture.operations[places.name].indices
    if where is None or not isinstance(source, Reference):
        raise Unknown("numbers put at places that training changes, or one number at all of them")
    value, new = t.value(x), t.value(source)
    place = value.place(place)
    value, picks, (letters, of_rows, of_picks) = _picks(t, op, value, place, where)
    put = t.layout.product(new, picks, (of_rows, of_picks, letters))
    rest = torch.ones([t.layout.sizes(dim)[0] for dim in value.dims]).scatter(place, where[0], 0)
    kept = Value(t.data(f"{op.name}_kept", rest, value.axes), value.dims)
    return t.joined(t.layout.added(t.layout.times(value, kept), put), op)


def at_places(t: Translation, op: Operation, value: Value, place: int, places: Sequence[Tensor]) -> Value:
    """Entries along a dimension, at places in each row, of every twin: a sum against their indicators."""
    value, picks, (letters, of_rows, of_picks) = _picks(t, op, value, place % len(value.dims), places)
    return t.layout.product(value, picks, (letters, of_picks, of_rows))


def _picks(
    t: Translation, op: Operation, value: Value, place: int, places: Sequence[Tensor]
) -> tuple[Value, Value, tuple[str, str, str]]:
    """The indicators of places along a dimension, which is whole then, in each row.

    And the letters of the value, of the entries at the places, and of the indicators.
    """
    value = t.layout.whole(value, place)
    if not all(map(t.axes.is_fixed, value.dims[place])):
        raise Unknown(f"entries at places along {value.dims[place][0]}, which grows")
    front = value.with_dims(place).dims
    rows = tuple(t.layout.sizes(dim)[0] for dim in front)
    numbers = places[0].movedim(place, -1)
    if tuple(numbers.shape[:-1]) != rows:
        raise Unknown("entries at places in some of the rows")
    sizes = tuple(each.shape[place] for each in places)
    new = t.axes.dimension(sizes, value.axes, op.where)
    picks = indicators(t, op.name, (*front, new), [(numbers, value.dims[place])])
    letters = LETTERS[: len(value.dims)]
    beside, taken = letters.replace(letters[place], ""), letters[place]
    return value, picks, (letters, letters.replace(taken, "z"), f"{beside}z{taken}")


def _looked_up(t: Translation, value: Value, first: int, places: tuple[Operation, ...]) -> Value:
    """The entries at places in as many dimensions, from `first` on: a sum over them against indicators."""
    numbers = [each.indices[0] for each in places if each.indices]
    if len(numbers) < len(places):
        raise Unknown("a look-up by what training changes, or by no numbers")
    rows, copies = t.dims(places[0]), list[Dimension]()
    for place in range(first, first + len(places)):
        value = t.layout.whole(value, place)
        if not all(map(t.axes.is_fixed, value.dims[place])):
            raise Unknown(f"a look-up along {value.dims[place][0]}, which grows")
        taken_axes = (*value.axes, *flat(rows), *flat(copies))
        copies.append(tuple(t.axes.copy(axis, taken_axes) for axis in value.dims[place]))
    data = indicators(t, "_".join(each.name for each in places), rows, zip(numbers, copies, strict=True))
    t.picks[data.expression] = True
    letters, front = LETTERS[: len(value.dims)], LETTERS[len(value.dims) :][: len(rows)]
    before, over, after = letters[:first], letters[first : first + len(places)], letters[first + len(places) :]
    return t.layout.product(value, data, (letters, f"{front}{over}", f"{before}{front}{after}"))

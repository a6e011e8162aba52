"""Fan-in: the dimensions of a parameter that the operations on it sum over.

What only moves a parameter's dimensions, or picks some of its matrices, is followed to where these are multiplied.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

from gamma_calc.tracing.capture import PRODUCTS, SAME, VIEWS, Capture, Operation, Sizes, einsum_letters, references

Places = tuple[int | None, ...]
"""The dimension of the parameter that each dimension of a value is, or is a part of; None of one of its own."""

ALIKE = (*SAME, "detach", "getitem", "slice", "split", "split_with_sizes", "chunk")
ENTRYWISE = ("mul", "div", "neg", "set")
SUMS = ("add", "sub")


def summed_dimensions(capture: Capture, parameter: Operation) -> tuple[int, ...]:
    """The dimensions of a parameter that are summed over: none of a table that is looked up only."""
    assert parameter.shape is not None
    places = tuple(range(len(parameter.shape)))
    found = (tuple(place for place in each if place is not None) for each in _sums(capture, parameter, places))
    return max(found, key=len, default=places[-1:])


def _sums(capture: Capture, value: Operation, places: Places) -> Iterator[Places]:
    """The dimensions that each operation on a value sums over."""
    for user in capture.operations.values():
        for position, argument in enumerate(user.arguments):
            if value.name in references((argument,)):
                moved = _moved(capture, value, user, position, places)
                if moved is None:
                    yield _summed(value, user, position, places)
                else:
                    yield from _sums(capture, user, moved)


def _moved(capture: Capture, value: Operation, user: Operation, position: int, places: Places) -> Places | None:
    """The same dimensions as the next value has them; None where that is no other form of the same parameter."""
    rest: tuple[Any, ...] = user.arguments[1:]
    match user.kind:
        case "t" | "numpy_T":
            return places[::-1]
        case "transpose":
            order = [*range(len(places))]
            one, other = rest
            order[one], order[other] = order[other], order[one]
            return tuple(places[place] for place in order)
        case "permute":
            return tuple(places[place] for place in rest[0])
        case "select" | "unbind":
            dropped = (rest[0] if rest else 0) % len(places)
            return (*places[:dropped], *places[dropped + 1 :])
        case "index" if position == 0 and len(places) > 2 and len(rest[0]) == 1:
            rows = capture.operation(rest[0][0])
            return ((None,) * len(rows.shape) + places[1:]) if rows and rows.shape is not None else None
        case kind if kind in VIEWS:
            return _viewed(value.shape or (), places, user.shape or ())
        case kind if kind in SUMS:
            return None if any(_is_of_data(capture, each) for each in references(user.arguments)) else places
        case kind if kind in ALIKE or (kind in ENTRYWISE and user.shape == value.shape):
            return places
        case "addmm" | "baddbmm" if position == 0 and user.shape == value.shape:
            return places
    return None


def _is_of_data(capture: Capture, name: str) -> bool:
    """Whether a value is made from data: what is added to that, such as a table of positions, is no weight."""
    seen, waiting = {name}, [name]
    while waiting:
        operation = capture.operations[waiting.pop()]
        if operation.is_constant:
            return True
        new = set(references(operation.arguments)) - seen
        seen |= new
        waiting += new
    return False


def _viewed(old: tuple[Sizes, ...], places: Places, new: tuple[Sizes, ...]) -> Places | None:
    """The dimension that each dimension of a view is a part of; None where one is parts of several."""
    before = [prod(sizes[0] for sizes in old[:count]) for count in range(len(old) + 1)]
    found: list[int | None] = []
    for count, sizes in enumerate(new):
        start = prod(each[0] for each in new[:count])
        of = [place for place, low in enumerate(before[:-1]) if low <= start and start * sizes[0] <= before[place + 1]]
        if not of:
            return None
        found.append(places[of[-1]] if sizes[0] > 1 else None)
    return tuple(found)


def _summed(value: Operation, user: Operation, position: int, places: Places) -> Places:
    """The dimensions that an operation sums over."""
    match user.kind:
        case kind if kind in ("embedding", "index", *SUMS):
            return ()
        case "conv1d" | "conv2d" | "conv3d":
            return places[1:]
        case "einsum":
            words, out = einsum_letters(user.arguments[0])
            word = next(
                word
                for word, operand in zip(words, user.arguments[1], strict=True)
                if value.name in references((operand,))
            )
            return tuple(place for letter, place in zip(word, places, strict=False) if letter not in out)
        case kind if position - PRODUCTS.get(kind, position) == 1 and len(places) > 1:
            return (places[-2],)
    return places[-1:]

"""Products with weights: of a matrix, of one with an adapter inside, W + s B A, and of those of a stack of experts.

A random matrix is summed against its input as it is, before anything is picked or added: so it is known as one.
W + s B A times x is W x + s B (A x), and of a stack every matrix is multiplied before the products of the chosen ones
are picked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from gamma_calc.tracing.capture import Operation
from gamma_calc.tracing.parameters import AdapterFactor
from gamma_calc.tracing.translation import Beside, Translation
from gamma_calc.tracing.values import Dimension, Value, flat


def inner(t: Translation, factor: Any, value: Value) -> Value:
    """A Z of an adapter, by its name."""
    match t.adapter(factor):
        case AdapterFactor(module, "A"):
            return t.named(f"Z_A_{t.names[module]}", value)
    return value


def weighted(
    t: Translation,
    op: Operation,
    weight: Any,
    x: Value | Beside,
    times: Callable[[Any, Any], Value],
    *,
    is_left: bool = True,
) -> Value:
    """A weight times x, or x times a weight, where `times` multiplies by one matrix."""
    found = []
    for number, factors in _summands(t, weight):
        first, *others = factors[::-1] if is_left else factors
        value = times(first, x)
        adapter = t.adapter(first)
        if others and adapter is not None:  # Z_A is what lies between the factors, whichever of them comes first
            name, value = t.names[adapter.module], t.named(f"Z_A_{t.names[adapter.module]}", value)
            value = t.named(f"Z_B_{name}", t.scaled(times(others[0], value), number, "s"))
        found.append(value if others else inner(t, first, value))
    return found[0] if len(found) == 1 else t.joined(t.layout.added(*found), op)


def _summands(t: Translation, weight: Any) -> list[tuple[Any, tuple[Any, ...]]]:
    """The parts of a weight: a number, and what it multiplies, which is one matrix or the two factors of an adapter."""
    whole: list[tuple[Any, tuple[Any, ...]]] = [(1, (weight,))]
    match t.capture.operation(weight):
        case Operation(kind="set", arguments=(_, source)) | Operation(kind="to", arguments=(source, *_)):
            return _summands(t, source)
        case Operation(kind="baddbmm", arguments=(stack, one, other), options=options) if (
            t.adapter(one) and t.adapter(other) and options.get("beta", 1) == 1
        ):
            return [*_summands(t, stack), (options.get("alpha", 1), (one, other))]
        case Operation(kind="matmul", arguments=(one, other)) if t.adapter(one) and t.adapter(other):
            return [(1, (one, other))]
        case Operation(kind="mul", arguments=(matrix, scale)):
            ((number, factors), *others) = _summands(t, matrix)
            if len(factors) > 1 and not others and number == 1 and t.number(scale) is not None:
                return [(t.number(scale), factors)]
        case Operation(kind="add", arguments=(one, other), options=options) if not options:
            found = [*_summands(t, one), *_summands(t, other)]
            return found if any(len(factors) > 1 for _, factors in found) else whole
    return whole


def of_stack(t: Translation, op: Operation, x: Any, y: Any) -> Value | None:
    """A product with matrices that are picked from a stack, one for each row of the other operand.

    None where no operand is so picked.
    """
    for picks, other, is_left in ((x, y, True), (y, x, False)):
        places = _picked_places(t, picks, t.capture.operation(other))
        if places is not None:
            times = _times_picked(t, op, places, is_left=is_left)
            stack = t.capture.operations[picks.name].arguments[0]
            return weighted(t, op, stack, t.value(other), times, is_left=is_left)
    return None


def _picked_places(t: Translation, picks: Any, other: Operation | None) -> Tensor | None:
    """The places of matrices in a stack that are picked by a list of fixed numbers, one for each row of the other."""
    match t.capture.operation(picks), other:
        case Operation(kind="index", arguments=(_, (index,)), shape=(rows, _, _)), Operation(shape=(others, _, _)):
            indices = t.capture.operations[index.name].indices
            return indices[0] if rows == others and indices and indices[0].ndim == 1 else None
    return None


def _times_picked(t: Translation, op: Operation, places: Tensor, *, is_left: bool) -> Callable[[Any, Value], Value]:
    """The product of every matrix of a stack with the rows of a value, of which those at the places are picked."""
    stack, rows, every, chosen = ("eyx", "axz", "aeyz", "ayz") if is_left else ("exy", "azx", "aezy", "azy")

    def times(factor: Any, value: Value) -> Value:
        found = t.layout.product(t.value(factor), value, (stack, rows, every))
        row, along, *_ = found.dims
        picks = indicators(t, f"{op.name}_of_{factor.name}", (row,), [(places, along)])
        return t.layout.product(found, picks, (every, "ae", chosen))

    return times


def indicators(
    t: Translation, name: str, rows: tuple[Dimension, ...], places: Iterable[tuple[Tensor, Dimension]]
) -> Value:
    """For each of some rows, the indicator of a place in each of some dimensions."""
    number, count, dims = torch.zeros((), dtype=torch.long), 1, [*rows]
    for place, along in places:
        size, _ = t.layout.sizes(along)
        number, count, dims = number * size + place.flatten().long() % size, count * size, [*dims, along]
    shape = [t.axes.sizes[axis][0] for axis in flat(dims)]
    data = torch.nn.functional.one_hot(number, count).reshape(shape)
    return Value(t.data(name, data, flat(dims)), tuple(dims))

"""Operations: what each of ATen's means in the words of a program. One entry an operation.

An entry is a function of the translation, the operation and its arguments; it gives the value, or several. What only
moves data gives the same expression under other dimensions, so it changes no exponent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from math import sqrt
from types import MappingProxyType
from typing import Any

import torch

from gamma_calc.errors import Unknown
from gamma_calc.program import network
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import Expression, InverseRms, Pointwise, Power, Softmax, Stopped
from gamma_calc.tracing.blocks import block, shared_part
from gamma_calc.tracing.capture import SAME, VIEWS, Across, Operation, Reference, Sizes
from gamma_calc.tracing.lookups import embedding, gathered, largest, maximum, picked
from gamma_calc.tracing.parameters import Adapter
from gamma_calc.tracing.translation import Beside, Coordinates, Translation
from gamma_calc.tracing.values import ONE, Dimension, Value, flat
from gamma_calc.tracing.weights import of_stack, weighted

Entry = Callable[..., Any]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
NORMS = ("norm", "linalg_norm", "linalg_vector_norm")
EPSILON = 1e-4
"""A lower bound on a norm up to which it is read as what keeps a quotient finite."""


def _place(value: Value, dim: int) -> int:
    return dim % len(value.dims)


def same(t: Translation, op: Operation, x: Any, *rest: Any, **options: Any) -> Value | Beside:
    """The same value: another type, a copy, dropout in evaluation."""
    return t.beside(x)


def stopped(t: Translation, op: Operation, x: Any) -> Value:
    """No gradient goes through."""
    value = t.value(x)
    return value.written(Stopped(value.expression))


def reshaped(t: Translation, op: Operation, x: Any, *rest: Any, **options: Any) -> Value:
    """The same entries in order, in other dimensions."""
    assert op.shape is not None
    return t.layout.reshaped(t.value(x), op.shape)


def transposed(t: Translation, op: Operation, x: Any, one: int = 0, other: int = 1) -> Value:
    """Two dimensions change places."""
    value = t.value(x)
    dims = list(value.dims)
    one, other = _place(value, one), _place(value, other)
    dims[one], dims[other] = dims[other], dims[one]
    return Value(value.expression, tuple(dims))


def reversed_dimensions(t: Translation, op: Operation, x: Any) -> Value:
    """The dimensions in reversed order."""
    value = t.value(x)
    return Value(value.expression, value.dims[::-1])


def permuted(t: Translation, op: Operation, x: Any, order: tuple[int, ...]) -> Value:
    """The dimensions in another order."""
    value = t.value(x)
    return Value(value.expression, tuple(value.dims[place] for place in order))


def expanded(t: Translation, op: Operation, x: Any, *rest: Any, **options: Any) -> Value:
    """Repeated along dimensions of one coordinate, and along new ones."""
    value = t.value(x)
    assert op.shape is not None
    dims = [()] * (len(op.shape) - len(value.dims)) + list(value.dims)
    for place, sizes in enumerate(op.shape):
        if not dims[place] and set(sizes) != {1}:
            dims[place] = (t.axes.axis(sizes, (*value.axes, *flat(dims)), op.where),)
    return Value(value.expression, tuple(dims))


def product(t: Translation, op: Operation, x: Any, y: Any) -> Value:
    """Entry by entry; by a number, a scalar. VeRA's vectors multiply A Z, and B times that."""
    for one, other in ((x, y), (y, x)):
        number = t.number(other)
        if number is not None:
            value = t.value(one)
            scaled = t.scaled(value, number, _symbol(t, one))
            result = scaled if not isinstance(other, Reference) else t.layout.broadcast(scaled, t.value(other))[0]
            return _adapted(t, one, result)
    for factor, other in ((x, y), (y, x)):
        match t.adapter(factor):
            case Adapter(module, "d"):
                return t.layout.times(t.value(factor), t.named(f"Z_A_{t.names[module]}", t.value(other)))
            case Adapter(module, "b"):
                return t.named(f"Z_B_{t.names[module]}", t.layout.times(t.value(factor), t.value(other)))
    return t.layout.times(t.value(x), t.value(y))


def _symbol(t: Translation, factor: Any) -> str:
    return "s" if _outer_factor(t, factor) else ""


def _outer_factor(t: Translation, argument: Any) -> str:
    """The module of which a value is B A Z, or nothing."""
    operation = t.capture.operation(argument)
    if operation is not None and operation.kind == "mul":  # by a magnitude
        return next((module for each in operation.arguments if (module := _outer_factor(t, each))), "")
    if operation is None or operation.kind not in {"linear", "matmul", "mm"}:
        return ""
    found = [each for argument in operation.arguments if (each := t.adapter(argument)) is not None]
    return found[0].module if [each.factor for each in found] == ["B"] else ""


def _adapted(t: Translation, argument: Any, value: Value) -> Value:
    module = _outer_factor(t, argument)
    return t.named(f"Z_B_{t.names[module]}", value) if module else value


def quotient(t: Translation, op: Operation, x: Any, y: Any) -> Value:
    """By a number, a scalar; by data or a value, times its power -1."""
    number = t.number(y)
    if number is None:
        divisor = t.value(y)
        return t.layout.times(t.value(x), divisor.written(Power(divisor.expression, Fraction(-1))))
    inverse = Across(1 / each for each in number) if isinstance(number, Across) else 1 / number
    return t.scaled(t.value(x), inverse)


def added(t: Translation, op: Operation, x: Any, y: Any, *, alpha: float = 1) -> Value:
    """The sum; what is zero at both widths is left out."""
    values = [each for each in (x, y) if t.number(each) != 0]
    if len(values) == 1:
        left = t.scaled(t.value(y), alpha) if values[0] is y and alpha != 1 else t.value(values[0])
        return t.layout.broadcast(left, t.value(x if values[0] is y else y))[0]
    left, right = t.value(x), t.scaled(t.value(y), alpha)
    return t.joined(t.layout.added(left, right), op)


def subtracted(t: Translation, op: Operation, x: Any, y: Any, *, alpha: float = 1) -> Value:
    """The sum with what is taken away times -1."""
    return added(t, op, x, y, alpha=-alpha)


def negated(t: Translation, op: Operation, x: Any) -> Value:
    """Times -1."""
    return t.scaled(t.value(x), -1)


def power(t: Translation, op: Operation, x: Any, degree: Any) -> Value:
    """A fixed power."""
    if not isinstance(degree, int | float) or 2 * degree % 1:
        raise Unknown(f"a power of the degree {degree}")
    value = t.value(x)
    return value if degree == 1 else value.written(Power(value.expression, Fraction(degree)))


def squared(t: Translation, op: Operation, x: Any) -> Value:
    """The power 2 of every entry."""
    return power(t, op, x, 2)


def inverse(t: Translation, op: Operation, x: Any) -> Value:
    """The power -1 of every entry."""
    return power(t, op, x, -1)


def square_root(degree: Fraction) -> Entry:
    """A root, or one over it; of a mean of squares (and an epsilon) the inverse root mean square."""

    def entry(t: Translation, op: Operation, x: Any) -> Value:
        found = _mean_square(t, x) if degree < 0 else None
        if found is not None:
            value, place = found
            value = t.layout.whole(value, place)
            (axis,) = value.dims[place]
            dims = (*value.dims[:place], (), *value.dims[place + 1 :])
            return Value(InverseRms(value.expression, axis), dims)
        value = t.value(x)
        return value.written(Power(value.expression, degree))

    entry.__doc__ = f"The power {degree}" + (
        " of every entry." if degree > 0 else "; of a mean of squares, the inverse rms."
    )
    return entry


def _mean_square(t: Translation, argument: Any) -> tuple[Value, int] | None:
    """x and the dimension, of an operand that is the mean of x^2 along one, with or without a number beside it."""
    operation = t.capture.operation(argument)
    if operation is not None and operation.kind == "add" and t.number(operation.arguments[1]) is not None:
        operation = t.capture.operation(operation.arguments[0])
    if operation is None or operation.kind != "mean" or len(operation.arguments) < 3 or not operation.arguments[2]:
        return None
    squares, places = t.capture.operation(operation.arguments[0]), operation.arguments[1]
    if squares is None or len(places) != 1 or not _is_square(squares):
        return None
    value = t.value(squares.arguments[0])
    return value, _place(value, places[0])


def _is_square(operation: Operation) -> bool:
    """Whether an operation multiplies a value by itself, whatever way it is written."""
    first, *others = operation.arguments
    return {"pow": others == [2], "square": True, "mul": others == [first]}.get(operation.kind, False)


def averaged(t: Translation, op: Operation, x: Any, places: Any = None, keepdim: bool = False, **options: Any) -> Value:
    """The mean along dimensions, or all of them."""
    value = t.value(x)
    every = _places(value, places)
    for place in every:
        value = t.layout.whole(value, place)
        for axis in value.dims[place]:
            value = value.written(network.mean(value.expression, axis))
    dims = [() if place in every else dim for place, dim in enumerate(value.dims) if keepdim or place not in every]
    return Value(value.expression, tuple(dims))


def summed(t: Translation, op: Operation, x: Any, places: Any = None, keepdim: bool = False, **options: Any) -> Value:
    """The sum along dimensions, or all of them."""
    value = t.value(x)
    every = _places(value, places)
    letters = LETTERS[: len(value.dims)]
    left = "".join(letter for place, letter in enumerate(letters) if place not in every)
    found = t.layout.product(value, Value(ONE, ()), (letters, "", left))
    dims = iter(found.dims)
    kept = [() if place in every else next(dims) for place in range(len(value.dims))]
    return Value(found.expression, tuple(kept)) if keepdim else found


def _places(value: Value, places: Any) -> tuple[int, ...]:
    """One dimension or several; all of them where none is given."""
    if isinstance(places, int):
        return (_place(value, places),)
    return tuple(_place(value, place) for place in places or range(len(value.dims)))


def repeated(t: Translation, op: Operation, x: Any, count: Any, place: int | None = None, **options: Any) -> Value:
    """Every coordinate of a dimension a fixed number of times, side by side."""
    if not isinstance(count, int) or count < 1 or place is None:
        raise Unknown("repeated a number of times that grows or is not one for all, or along no dimension")
    value = t.value(x)
    if count == 1:
        return value
    place = _place(value, place)
    new = t.axes.axis((count, count), value.axes, op.where)
    return Value(value.expression, (*value.dims[:place], (*value.dims[place], new), *value.dims[place + 1 :]))


def norm(
    t: Translation, op: Operation, x: Any, order: Any = None, dim: Any = None, keepdim: bool = False, **options: Any
) -> Value:
    """The Euclidean norm along one dimension."""
    value = t.value(x)
    places = (dim,) if isinstance(dim, int) else tuple(dim or ())
    if order not in (None, 2) or len(places) != 1:
        raise Unknown("a norm other than the Euclidean one along a dimension")
    place, letters = _place(value, places[0]), LETTERS[: len(value.dims)]
    squares = t.layout.product(value, value, (letters, letters, letters.replace(letters[place], "")))
    dims = (*squares.dims[:place], (), *squares.dims[place:]) if keepdim else squares.dims
    return Value(Power(squares.expression, Fraction(1, 2)), dims)


def normed(
    t: Translation, op: Operation, x: Any, shape: Any, weight: Any = None, bias: Any = None, *rest: Any
) -> Value:
    """A layer norm, times a weight, plus a bias."""
    return _moved(t, op, _normed(t, x, shape, weight, network.layer_norm), bias)


def rms_normed(t: Translation, op: Operation, x: Any, shape: Any, weight: Any = None, eps: Any = None) -> Value:
    """An RMS norm, times a weight."""
    return _normed(t, x, shape, weight, network.rms_norm)


def _normed(t: Translation, x: Any, shape: Any, weight: Any, norm: Callable[[Expression, Axis], Expression]) -> Value:
    """A norm along the last dimension, times a weight, if there is one."""
    value = t.value(x)
    if len(shape) != 1:
        raise Unknown("a norm over several dimensions")
    value = t.layout.whole(value, len(value.dims) - 1)
    (axis,) = value.dims[-1]
    value = value.written(norm(value.expression, axis))
    return value if weight is None or t.number(weight) == 1 else t.layout.times(value, t.value(weight))


def _moved(t: Translation, op: Operation, value: Value, bias: Any) -> Value:
    """A value plus a bias, if there is one that is not zero."""
    return value if bias is None or t.number(bias) == 0 else t.joined(t.layout.added(value, t.value(bias)), op)


def linear(t: Translation, op: Operation, x: Any, weight: Any, bias: Any = None) -> Value:
    """W x, summed over the last dimension of both, plus a bias; of an identity, W itself."""
    if t.is_identity(x) and bias is None:
        return transposed(t, op, weight)
    assert op.shape is not None
    front = LETTERS[: len(op.shape) - 1]

    def times(factor: Any, value: Value | Beside) -> Value:
        matrix = t.value(factor)
        if isinstance(value, Value):
            return t.layout.product(matrix, value, ("zy", f"{front}y", f"{front}z"))
        blocks = (times(block(t, matrix, 1, rows, op.where), each) for each, rows in value.parts)
        return t.joined(t.layout.added(*blocks), op)

    return _moved(t, op, weighted(t, op, weight, t.beside(x), times), bias)


def matrix_product(t: Translation, op: Operation, x: Any, y: Any) -> Value:
    """Summed over the last dimension of one and the last but one of the other; dimensions in front are broadcast."""
    picked = of_stack(t, op, x, y)
    if picked is not None:
        return picked
    left, right = t.value(x), t.value(y)
    if min(len(left.dims), len(right.dims)) < 2:
        raise Unknown("a product with a vector")
    count = max(len(left.dims), len(right.dims)) - 2
    front = LETTERS[:count]
    first, second = front[count + 2 - len(left.dims) :], front[count + 2 - len(right.dims) :]
    operation = t.capture.operation(y)
    if operation is not None and operation.parameter:
        found = t.layout.product(right, left, (f"{second}yz", f"{first}xy", f"{front}xz"))
    else:
        found = t.layout.product(left, right, (f"{first}xy", f"{second}yz", f"{front}xz"))
    return t.joined(found, op)


def added_product(
    t: Translation, op: Operation, x: Any, one: Any, other: Any, *, alpha: float = 1, beta: float = 1
) -> Value:
    """A matrix product, or one for each of a stack, plus something, each times a number."""
    found = t.scaled(matrix_product(t, op, one, other), alpha)
    if beta in (0, 1):
        return _moved(t, op, found, x if beta else None)
    return t.joined(t.layout.added(found, t.scaled(t.value(x), beta)), op)


def put(t: Translation, op: Operation, x: Any, source: Any) -> Value:
    """What is put in the place of a tensor."""
    return t.value(source)


def einsum(t: Translation, op: Operation, equation: str, operands: Any, **options: Any) -> Value:
    """Of two operands, each letter once in each."""
    sides, _, out = equation.replace(" ", "").partition("->")
    words = sides.split(",")
    if len(words) != 2 or "." in equation or any(len(set(word)) < len(word) for word in words):
        raise Unknown(f"an einsum {equation}")
    left, right = map(t.value, operands)
    return t.joined(t.layout.product(left, right, (words[0], words[1], out)), op)


def mapped(function: str, said: str) -> Entry:
    """A scalar function entry by entry, and what it is called here."""

    def entry(t: Translation, op: Operation, x: Any, **options: Any) -> Value:
        value = t.value(x)
        return value.written(Pointwise(function, value.expression))

    entry.__doc__ = f"`{said}` of every entry."
    return entry


def rectified(t: Translation, op: Operation, x: Any, slope: float = 0.01) -> Value:
    """relu(x) less the slope times relu(-x)."""
    return t.layout.added(_relu(t.value(x)), t.scaled(_relu(negated(t, op, x)), -slope))


def magnitude(t: Translation, op: Operation, x: Any) -> Value:
    """relu(x) plus relu(-x)."""
    return rectified(t, op, x, -1)


def _relu(value: Value) -> Value:
    return value.written(network.relu(value.expression))


def exponential_linear(
    t: Translation, op: Operation, x: Any, alpha: float = 1, scale: float = 1, input_scale: float = 1
) -> Value:
    """x where it is positive, else e^x - 1."""
    if (alpha, scale, input_scale) != (1, 1, 1):
        raise Unknown(f"an ELU of the sizes {alpha}, {scale} and {input_scale}")
    value = t.value(x)
    return value.written(Pointwise("elu", value.expression))


def clamped(t: Translation, op: Operation, x: Any, least: Any = None, most: Any = None) -> Value:
    """Between fixed bounds: c times a map of x / c whose bound is 1, or relu; a tiny one below a norm is left out."""
    value, norm = t.value(x), t.capture.operation(x)
    match least, most:
        case float(low), None if 0 < low <= EPSILON and norm is not None and norm.kind in NORMS:
            return value
        case 0, None:
            return _relu(value)
        case int(low) | float(low), None if low < 0:
            return t.scaled(clamped(t, op, t.scaled(value, -1), None, -low), -1)
        case None, 0:
            return t.scaled(_relu(t.scaled(value, -1)), -1)
        case None, int(high) | float(high) if high > 0:
            return _within(t, value, "capped", high)
        case 0, int(high) | float(high) if high > 0:
            return _within(t, _relu(value), "hardtanh", high)
        case int(low) | float(low), int(high) | float(high) if low == -high < 0:
            return _within(t, value, "hardtanh", high)
    raise Unknown(f"a clamp to {least} and {most}")


def _within(t: Translation, value: Value, function: str, bound: float) -> Value:
    """The bound times a map of the value over it."""
    inner = t.scaled(value, 1 / bound)
    return t.scaled(inner.written(Pointwise(function, inner.expression)), bound)


def clamped_below(t: Translation, op: Operation, x: Any, least: Any) -> Value:
    """As `clamp` with a lower bound."""
    return clamped(t, op, x, least)


def clamped_above(t: Translation, op: Operation, x: Any, most: Any) -> Value:
    """As `clamp` with an upper bound."""
    return clamped(t, op, x, None, most)


def relu_to_six(t: Translation, op: Operation, x: Any) -> Value:
    """As `clamp` to 0 and 6."""
    return clamped(t, op, x, 0, 6)


def sigmoid(t: Translation, op: Operation, x: Any) -> Value:
    """(1 + tanh(x / 2)) / 2."""
    half = t.scaled(t.value(x), 0.5)
    moved = t.scaled(half.written(network.tanh(half.expression)), 0.5)
    return t.layout.added(Value(t.scalar(0.5), half.dims), moved)


def gelu(t: Translation, op: Operation, x: Any, *, approximate: str = "none") -> Value:
    """Of the normal distribution function, or by a hyperbolic tangent."""
    value = t.value(x)
    return value.written(network.gelu(value.expression, approximate))


def softmax(t: Translation, op: Operation, x: Any, place: int, *rest: Any, **options: Any) -> Value:
    """Along one dimension."""
    value = t.value(x)
    value = t.layout.whole(value, _place(value, place))
    (axis,) = value.dims[_place(value, place)]
    return value.written(Softmax(value.expression, axis))


def sliced(
    t: Translation, op: Operation, x: Any, place: int = 0, start: Any = None, end: Any = None, step: int = 1
) -> Value:
    """Some coordinates of a dimension."""
    assert op.shape is not None
    source = t.capture.operation(x)
    if source is not None and source.is_random_buffer and not start:
        return shared_part(t, source, op, place)
    value = t.value(x)
    place = _place(value, place)
    if op.shape[place] == t.layout.sizes(value.dims[place]):
        return value
    begin = start or 0
    begins = tuple(map(int, begin)) if isinstance(begin, Across) else (begin, begin)
    rows = zip(begins, op.shape[place], strict=True)
    return taken(t, value, place, tuple(range(first, first + step * count, step) for first, count in rows), op.where)


def selected(t: Translation, op: Operation, x: Any, place: int, index: Any) -> Value:
    """One coordinate of a dimension, which is no dimension any more."""
    value = t.value(x)
    place = _place(value, place)
    starts = tuple(map(int, index)) if isinstance(index, Across) else (index, index)
    found = taken(t, value, place, tuple(range(each, each + 1) for each in starts), op.where)
    return Value(found.expression, (*found.dims[:place], *found.dims[place + 1 :]))


def unbound(t: Translation, op: Operation, x: Any, place: int = 0) -> tuple[Value, ...]:
    """Every coordinate of a dimension of fixed size, one after the other."""
    value = t.value(x)
    count, *others = t.layout.sizes(value.dims[_place(value, place)])
    if others != [count]:
        raise Unknown("a number of values that grows")
    return tuple(selected(t, op, x, place, index) for index in range(count))


def parts(t: Translation, op: Operation, x: Any, sizes: Any, place: int = 0) -> tuple[Value, ...]:
    """A dimension in pieces, one after the other."""
    value = t.value(x)
    place = _place(value, place)
    pieces = _in_a_row(_pieces(t.layout.sizes(value.dims[place]), sizes, op.kind))
    return tuple(taken(t, value, place, rows, op.where) for rows in pieces)


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
        return [tuple(map(int, each)) if isinstance(each, Across) else (each, each) for each in sizes]
    if kind == "chunk":
        sizes = Across(-(-each // sizes) for each in whole)
    size = tuple(map(int, sizes)) if isinstance(sizes, Across) else (sizes, sizes)
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
    if axis not in value.expression.axes:
        left: Dimension = () if set(size) == {1} else (t.axes.axis(size, value.axes, where),)
        return Value(value.expression, (*value.dims[:place], left, *value.dims[place + 1 :]))
    if not axis.is_fixed or axis in t.axes.unexplained:
        return block(t, value, place, rows, where)
    (count, *_), (first, *_) = t.axes.sizes[axis], rows
    source = t.axes.copy(axis, ())
    new: Dimension = () if set(size) == {1} else (t.axes.axis(size, (*value.axes, source), where),)
    name = f"take_{'_'.join((*_tag((*new, source)), str(first.start), str(first.step)))}"
    chosen = Value(t.data(name, torch.eye(count)[[*first]], (*new, source)), (new, (source,)))
    letters = LETTERS[: len(value.dims)]
    return t.layout.product(value, chosen, (letters, f"z{letters[place]}", letters.replace(letters[place], "z")))


def _tag(axes: tuple[Axis, ...]) -> list[str]:
    return [str(axis).replace("[", "_").replace("]", "") for axis in axes]


def concatenated(t: Translation, op: Operation, values: Any, place: int = 0) -> Value | Beside:
    """Side by side: along a fixed dimension, the sum of each put in its place; else as a linear layer takes them."""
    every = [value for value in map(t.value, values) if all(t.layout.sizes(dim)[0] for dim in value.dims)]
    if len(every) == 1:  # the others are empty
        return every[0]
    place = _place(every[0], place)
    assert op.shape is not None
    total = op.shape[place]
    new = t.axes.axis(total, [axis for value in every for axis in value.axes], op.where)
    if not new.is_fixed or new in t.axes.unexplained:
        return _beside(t, every, place, new)
    placed, start = [], 0
    letters = LETTERS[: len(every[0].dims)]
    for value in every:
        value = t.layout.whole(value, place)
        size = t.layout.sizes(value.dims[place])
        old = t.axes.axis(size, (new,), op.where)
        rows = torch.eye(total[0])[:, start : start + size[0]]
        start += size[0]
        name = f"put_{'_'.join(map(str, (*_tag((new, old)), start - size[0])))}"
        if set(size) == {1}:
            chosen = Value(t.data(name, rows, (new,)), ((new,), ()))
        else:
            chosen = Value(t.data(name, rows, (new, old)), ((new,), (old,)))
        placed.append(
            t.layout.product(value, chosen, (letters, f"z{letters[place]}", letters.replace(letters[place], "z")))
        )
    return t.joined(t.layout.added(*placed), op)


def _beside(t: Translation, values: Sequence[Value], place: int, axis: Axis) -> Beside:
    """Values side by side along their last dimension."""
    if place < len(values[0].dims) - 1:
        raise Unknown(f"values side by side along {axis}, which grows")
    rows = _in_a_row(t.layout.sizes(each.dims[place]) for each in values)
    return Beside(tuple(zip(values, rows, strict=True)), axis)


def stacked(t: Translation, op: Operation, values: Any, place: int = 0) -> Value | Beside:
    """Side by side along a dimension of their own, which is fixed."""
    assert op.shape is not None
    place %= len(op.shape)
    every = [t.value(each) for each in values]
    thin = [Value(each.expression, (*each.dims[:place], (), *each.dims[place:])) for each in every]
    return concatenated(t, op, thin, place)


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
) -> Value:
    """Patches against a weight, summed over all that a patch has, or over its places alone, channel by channel."""
    value, filters = t.value(x), t.value(weight)
    assert op.shape is not None
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
    elif tuple(groups if isinstance(groups, Across) else (groups, groups)) == channels == op.shape[1]:
        filters = Value(filters.expression, (filters.dims[0], *filters.dims[2:]))
        letters = (f"b{inner}", patches, f"ab{outer}")
    else:
        raise Unknown(f"a convolution of {groups} groups of channels")
    found = t.joined(t.layout.product(filters, value, letters), op)
    if bias is None or t.number(bias) == 0:
        return found
    offset = t.value(bias)
    return t.joined(t.layout.added(found, Value(offset.expression, (*offset.dims, *[()] * count))), op)


def _patches(t: Translation, op: Operation, value: Value, place: int, places: torch.Tensor) -> Value:
    """Entries at places (out, kernel) of a fixed dimension, and zero at places beyond it, in two new dimensions."""
    value = t.layout.whole(value, place)
    (size, *_) = t.layout.sizes(value.dims[place])
    if any(not axis.is_fixed for axis in value.dims[place]):
        raise Unknown(f"a convolution along {value.dims[place][0]}, which grows")
    source = tuple(t.axes.copy(axis, value.axes) for axis in value.dims[place])
    new: list[Dimension] = []
    for each in places.shape:
        new.append(() if each == 1 else (t.axes.axis((each, each), (*value.axes, *source, *flat(new)), op.where),))
    rows = (places[..., None] == torch.arange(size)).double()
    chosen = Value(t.data(f"{op.name}_patches_{place}", rows, (*flat(new), *source)), (*new, source))
    letters = LETTERS[: len(value.dims)]
    return t.layout.product(value, chosen, (letters, f"yz{letters[place]}", letters.replace(letters[place], "yz")))


def item(t: Translation, op: Operation, values: Any, index: int) -> Any:
    """One of several values."""
    found = t.values[values.name]
    if not isinstance(found, tuple):
        raise Unknown("one of several values that are not known")
    return found[index]


def chosen(t: Translation, op: Operation, condition: Any, x: Any, y: Any) -> Value:
    """One value where a condition on the data holds, another one elsewhere: each times an indicator."""
    holds = t.capture.operations[condition.name]
    if not holds.is_constant or holds.values is None:
        raise Unknown("a choice by what training changes")
    dims = t.dims(holds)
    found = []
    for name, each, mask in ((f"{op.name}_if", x, holds.values[0]), (f"{op.name}_else", y, ~holds.values[0])):
        if t.number(each) != 0:
            found.append(t.layout.times(t.value(each), Value(t.data(name, mask, flat(dims)), dims)))
    return t.joined(t.layout.added(*found), op)


def filled(t: Translation, op: Operation, x: Any, condition: Any, number: Any) -> Value:
    """A number where a condition on the data holds."""
    return chosen(t, op, condition, number, x)


def attention(
    t: Translation,
    op: Operation,
    q: Any,
    k: Any,
    v: Any,
    mask: Any = None,
    dropout: float = 0,
    causal: bool = False,
    **options: Any,
) -> Value:
    """softmax(c q k^T + mask) v, c one over the root of the last size unless it is given."""
    query, key, value = map(t.value, (q, k, v))
    sizes = t.layout.sizes(query.dims[-1])
    scale = options.get("scale")
    if scale is None:
        scale = Across(1 / sqrt(each) for each in sizes) if len(set(sizes)) > 1 else 1 / sqrt(sizes[0])
    front = LETTERS[: len(query.dims) - 2]
    logits = t.joined(t.layout.product(query, key, (f"{front}xz", f"{front}yz", f"{front}xy")), op)
    logits = t.scaled(logits, scale)
    if causal:
        raise Unknown("a causal mask inside an attention; ask the model for eager attention")
    if mask is not None:
        logits = t.layout.added(logits, t.value(mask))
    weights = softmax(t, op, logits, -1)
    return t.joined(t.layout.product(weights, value, (f"{front}xy", f"{front}yz", f"{front}xz")), op)


ENTRIES: Mapping[str, Entry] = MappingProxyType(
    {
        **dict.fromkeys(SAME, same),
        **dict.fromkeys(VIEWS, reshaped),
        "detach": stopped,
        "transpose": transposed,
        "t": transposed,
        "numpy_T": reversed_dimensions,
        "permute": permuted,
        "expand": expanded,
        "expand_as": expanded,
        "slice": sliced,
        "select": selected,
        "unbind": unbound,
        "split": parts,
        "split_with_sizes": parts,
        "chunk": parts,
        "getitem": item,
        "cat": concatenated,
        "stack": stacked,
        "where": chosen,
        "masked_fill": filled,
        "gather": gathered,
        "embedding": embedding,
        "index": picked,
        "conv1d": convolved,
        "conv2d": convolved,
        "linear": linear,
        "matmul": matrix_product,
        "mm": matrix_product,
        "bmm": matrix_product,
        "addmm": added_product,
        "baddbmm": added_product,
        "set": put,
        "einsum": einsum,
        "scaled_dot_product_attention": attention,
        "add": added,
        "sub": subtracted,
        "neg": negated,
        "mul": product,
        "div": quotient,
        "pow": power,
        "square": squared,
        "reciprocal": inverse,
        "rsqrt": square_root(Fraction(-1, 2)),
        "sqrt": square_root(Fraction(1, 2)),
        "mean": averaged,
        "sum": summed,
        "topk": largest,
        "max": maximum,
        "repeat_interleave": repeated,
        "norm": norm,
        "linalg_norm": norm,
        "linalg_vector_norm": norm,
        "layer_norm": normed,
        "rms_norm": rms_normed,
        "softmax": softmax,
        "_softmax": softmax,
        "silu": mapped("silu", "silu"),
        "mish": mapped("mish", "mish"),
        "hardswish": mapped("hardswish", "hardswish"),
        "elu": exponential_linear,
        "relu": mapped("phi", "relu"),
        "leaky_relu": rectified,
        "abs": magnitude,
        "clamp": clamped,
        "clamp_min": clamped_below,
        "clamp_max": clamped_above,
        "hardtanh": clamped,
        "relu6": relu_to_six,
        "gelu": gelu,
        "tanh": mapped("tanh", "tanh"),
        "erf": mapped("erf", "erf"),
        "sigmoid": sigmoid,
    }
)
"""What each operation of ATen is translated by."""

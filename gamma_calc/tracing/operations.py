"""Operations: what each of ATen's means in the words of a program. One entry an operation.

An entry is a function of the translation, the operation and its arguments; it gives the value, or several. What only
moves data gives the same expression under other dimensions, so it changes no exponent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from itertools import permutations
from math import sqrt
from string import ascii_lowercase as LETTERS
from string import digits as DIGITS
from types import MappingProxyType
from typing import Any

import torch

from gamma_calc.errors import Unknown
from gamma_calc.program import network
from gamma_calc.program.expressions import InverseRms, Softmax, Stopped
from gamma_calc.tracing.blocks import block
from gamma_calc.tracing.capture import SAME, VIEWS, Across, Operation, Reference, in_each
from gamma_calc.tracing.folds import (
    least,
    log_softmax,
    log_sum_exp,
    most,
    pooled,
    pooled_to,
)
from gamma_calc.tracing.lookups import (
    at_places,
    embedding,
    gathered,
    largest,
    maximum,
    minimum,
    picked,
    picked_along,
    scattered,
)
from gamma_calc.tracing.maps import (
    above,
    below,
    clamped,
    clamped_above,
    exponential,
    exponential_less_one,
    exponential_linear,
    gelu,
    hard_tanh,
    inverse,
    inverted,
    is_square,
    larger,
    log_sigmoid,
    magnitude,
    mapped,
    not_above,
    not_below,
    power,
    rectified,
    rectified_by_channel,
    relu_to_six,
    scaled_exponential_linear,
    sigmoid,
    smaller,
    softplus,
    squared,
)
from gamma_calc.tracing.norms import (
    batch_normed,
    group_normed,
    instance_normed,
    norm,
    normed,
    rms_normed,
    weight_normed,
)
from gamma_calc.tracing.parameters import AdapterFactor
from gamma_calc.tracing.pieces import (
    added_beside,
    concatenated,
    convolved,
    cumulated,
    flipped,
    moved,
    of_places,
    padded,
    parts,
    placed,
    put_at,
    selected,
    sliced,
    stacked,
    unbound,
)
from gamma_calc.tracing.rotations import as_complex, as_real, turned
from gamma_calc.tracing.translation import Beside, BesideIdentity, Entry, Pairs, Translation
from gamma_calc.tracing.values import ONE, Value, flat
from gamma_calc.tracing.weights import of_stack, weighted


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
    one, other = value.place(one), value.place(other)
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
        if not dims[place]:
            dims[place] = t.axes.dimension(sizes, (*value.axes, *flat(dims)), op.where)
    return Value(value.expression, tuple(dims))


def product(t: Translation, op: Operation, x: Any, y: Any) -> Value | Beside | Pairs:
    """Entry by entry; by a number, a scalar. VeRA's vectors multiply A Z, and B times that."""
    if (pairs := turned(t, x, y)) is not None:
        return pairs
    for one, other in ((x, y), (y, x)):
        number = t.number(other)
        if number is not None:
            beside = t.beside(one)
            if isinstance(beside, Beside) and not isinstance(other, Reference):
                return beside.each(partial(t.scaled, number=number))
            module = _outer_factor(t, one)
            scaled = t.scaled(t.value(beside), number, "s" if module else "")
            result = scaled if not isinstance(other, Reference) else t.layout.broadcast(scaled, t.value(other))[0]
            return t.named(f"Z_B_{t.names[module]}", result) if module else result
    for factor, other in ((x, y), (y, x)):
        match t.adapter(factor):
            case AdapterFactor(module, "d"):
                return t.layout.times(t.value(factor), t.named(f"Z_A_{t.names[module]}", t.value(other)))
            case AdapterFactor(module, "b"):
                return t.named(f"Z_B_{t.names[module]}", t.layout.times(t.value(factor), t.value(other)))
    return t.layout.times(t.value(x), t.value(y))


def _outer_factor(t: Translation, argument: Any) -> str:
    """The module of which a value is B A Z, or nothing."""
    operation = t.capture.operation(argument)
    if operation is not None and operation.kind == "mul":  # by a magnitude
        return next((module for each in operation.arguments if (module := _outer_factor(t, each))), "")
    if operation is None or operation.kind not in {"linear", "matmul", "mm"}:
        return ""
    found = [each for argument in operation.arguments if (each := t.adapter(argument)) is not None]
    return found[0].module if [each.factor for each in found] == ["B"] else ""


def quotient(t: Translation, op: Operation, x: Any, y: Any) -> Value:
    """By a number, a scalar; by data or a value, times its power -1."""
    number = t.number(y)
    if number is None:
        divisor = inverse(t, op, y)
        return t.layout.times(t.value(x), divisor)
    if 0 in (number if isinstance(number, Across) else (number,)):
        raise Unknown("a quotient by zero")
    return t.scaled(t.value(x), Across(1 / each for each in number) if isinstance(number, Across) else 1 / number)


def added(t: Translation, op: Operation, x: Any, y: Any, *, alpha: float = 1) -> Value | Beside | BesideIdentity:
    """The sum; what is zero at both widths is left out. Of values side by side, of each with what stands there."""
    values = [each for each in (x, y) if t.number(each) != 0]
    if len(values) == 1:
        left = t.scaled(t.value(y), alpha) if values[0] is y and alpha != 1 else t.value(values[0])
        return t.layout.broadcast(left, t.value(x if values[0] is y else y))[0]
    for matrix, identity, number, signs in ((x, y, 1, alpha), (y, x, alpha, 1)):
        found = t.identity_and_ones(identity)
        if found is not None and not all(map(t.axes.is_fixed, (value := t.value(matrix)).axes)):
            own, rest = (_times(each, signs) for each in found)
            return BesideIdentity(t.scaled(value, number), (own, rest))
    one, other = t.beside(x), t.beside(y)
    other = other.each(partial(t.scaled, number=alpha)) if isinstance(other, Beside) else t.scaled(other, alpha)
    if (beside := added_beside(t, op, one, other)) is not None:
        return beside
    return t.joined(t.layout.added(t.value(one), t.value(other)), op)


def _times(number: float | Across, factor: float) -> float | Across:
    return Across(factor * each for each in number) if isinstance(number, Across) else factor * number


def subtracted(t: Translation, op: Operation, x: Any, y: Any, *, alpha: float = 1) -> Value | Beside | BesideIdentity:
    """The sum with what is taken away times -1."""
    return added(t, op, x, y, alpha=-alpha)


def subtracted_from(
    t: Translation, op: Operation, x: Any, y: Any, *, alpha: float = 1
) -> Value | Beside | BesideIdentity:
    """The second less the first."""
    return added(t, op, y, x, alpha=-alpha)


def negated(t: Translation, op: Operation, x: Any) -> Value:
    """Times -1."""
    return t.scaled(t.value(x), -1)


def root(t: Translation, op: Operation, x: Any) -> Value:
    """The power 1/2 of every entry."""
    return power(t, op, x, 0.5)


def inverse_root(t: Translation, op: Operation, x: Any) -> Value:
    """The power -1/2; of a mean of squares, the inverse rms."""
    found = _mean_square(t, x)
    if found is None:
        return power(t, op, x, -0.5)
    value, place = found
    value = t.layout.whole(value, place)
    (axis,) = value.dims[place]
    return value.with_dims(place, ()).written(InverseRms(value.expression, axis))


def powered(t: Translation, op: Operation, x: Any, degree: Any) -> Value:
    """A fixed power; that of degree -1/2 as `rsqrt`."""
    return inverse_root(t, op, x) if degree == -0.5 else power(t, op, x, degree)


def _mean_square(t: Translation, argument: Any) -> tuple[Value, int] | None:
    """x and the dimension, of an operand that is the mean of x^2 along one, with or without a number beside it."""
    operation = t.capture.operation(argument)
    if operation is not None and operation.kind == "add" and t.number(operation.arguments[1]) is not None:
        operation = t.capture.operation(operation.arguments[0])
    if operation is None or operation.kind != "mean" or len(operation.arguments) < 3 or not operation.arguments[2]:
        return None
    squares, places = t.capture.operation(operation.arguments[0]), operation.arguments[1]
    if squares is None or len(places) != 1 or not is_square(squares):
        return None
    value = t.value(squares.arguments[0])
    return value, value.place(places[0])


def averaged(t: Translation, op: Operation, x: Any, places: Any = None, keepdim: bool = False, **options: Any) -> Value:
    """The mean along dimensions, or all of them."""
    value = t.value(x)
    every = value.places(places)
    for place in every:
        value = t.layout.whole(value, place)
        for axis in value.dims[place]:
            value = value.written(network.mean(value.expression, axis))
    dims = [() if place in every else dim for place, dim in enumerate(value.dims) if keepdim or place not in every]
    return Value(value.expression, tuple(dims))


def variance(
    t: Translation,
    op: Operation,
    x: Any,
    places: Any = None,
    unbiased: bool = True,
    keepdim: bool = False,
    **options: Any,
) -> Value:
    """The mean of squares about the mean, along dimensions or all of them; n - 1 is read as n."""
    if isinstance(places, bool):  # of all entries, and whether it is unbiased
        places = None
    mean = averaged(t, op, x, places, keepdim=True)
    about = t.layout.added(t.value(x), t.scaled(mean, -1))
    return averaged(t, op, t.layout.times(about, about), places, keepdim)


def deviation(t: Translation, op: Operation, x: Any, *rest: Any, **options: Any) -> Value:
    """The root of `var`."""
    return root(t, op, variance(t, op, x, *rest, **options))


def summed(t: Translation, op: Operation, x: Any, places: Any = None, keepdim: bool = False, **options: Any) -> Value:
    """The sum along dimensions, or all of them."""
    value = t.value(x)
    return t.layout.summed(value, Value(ONE, ()), value.places(places), keepdim)


def repeated(t: Translation, op: Operation, x: Any, count: Any, place: int | None = None, **options: Any) -> Value:
    """Every coordinate of a dimension a fixed number of times, side by side."""
    value = t.value(x)
    if not isinstance(count, int | Across) or 0 in in_each(count) or place is None:
        raise Unknown("repeated a number of times that grows or is not one for all, or along no dimension")
    place = value.place(place)
    if isinstance(count, Across) and value.dims[place]:
        raise Unknown("repeated a number of times that grows")
    if count == 1:
        return value
    new = t.axes.axis(in_each(count), value.axes, op.where)
    return value.with_dims(place, (*value.dims[place], new))


def tiled(t: Translation, op: Operation, x: Any, counts: Sequence[Any]) -> Value:
    """The whole of some dimensions a fixed number of times, one after the other."""
    value = t.value(x)
    dims = [()] * (len(counts) - len(value.dims)) + list(value.dims)
    for place, count in enumerate(counts):
        times = in_each(count)
        if 0 in times:
            raise Unknown("repeated no times")
        if times != (1, 1):
            new = t.axes.axis(times, (*value.axes, *flat(dims)), op.where)
            if not t.axes.is_fixed(new):
                raise Unknown("repeated a number of times that grows")
            dims[place] = (new, *dims[place])
    return Value(value.expression, tuple(dims))


def with_identity(
    t: Translation, op: Operation, matrix: Any, other: Any, place: int, times: Callable[[Value], Value]
) -> Value | None:
    """The product of a matrix a I + b 11^T, or W + a I + b 11^T, with a value along a dimension: a x + b sum(x), + W x.

    None where the matrix is no such; `times` multiplies by W.
    """
    beside = t.values.get(matrix.name) if isinstance(matrix, Reference) else None
    found = beside.identity if isinstance(beside, BesideIdentity) else t.identity_and_ones(matrix)
    if found is None:
        return None
    value, (number, rest) = t.value(other), found
    parts = [t.scaled(value, number)]
    if rest != 0:
        along = value.place(max(place, -len(value.dims)))
        sums = t.layout.summed(value, Value(ONE, ()), (along,), True)
        parts.append(t.scaled(sums, rest))
    if isinstance(beside, BesideIdentity):
        parts.append(times(beside.matrix))
    return t.joined(t.layout.added(*parts), op)


def linear(t: Translation, op: Operation, x: Any, weight: Any, bias: Any = None) -> Value:
    """W x, summed over the last dimension of both, plus a bias; with an identity, the other one itself."""
    if t.is_identity(x) and bias is None:
        return transposed(t, op, weight)
    if (found := with_identity(t, op, weight, x, -1, lambda matrix: linear(t, op, x, matrix))) is not None:
        return moved(t, op, found, bias)
    assert op.shape is not None
    front = LETTERS[: len(op.shape) - 1]

    def times(factor: Any, value: Value | Beside) -> Value:
        matrix = t.value(factor)
        if isinstance(value, Value):
            return t.layout.product(matrix, value, ("zy", f"{front}y", f"{front}z"))
        if value.place != len(front):
            raise Unknown(f"values side by side along {value.axis}, which grows")
        blocks = (times(block(t, matrix, 1, rows, op.where), each) for each, rows in value.parts)
        return t.joined(t.layout.added(*blocks), op)

    return moved(t, op, weighted(t, op, weight, t.beside(x), times), bias)


def matrix_product(t: Translation, op: Operation, x: Any, y: Any) -> Value:
    """Summed over the last dimension of one and the last but one, or only one, of the other; others are broadcast.

    With an identity, the other one itself.
    """
    alone = with_identity(t, op, y, x, -1, lambda matrix: matrix_product(t, op, x, matrix))
    alone = alone or with_identity(t, op, x, y, -2, lambda matrix: matrix_product(t, op, matrix, y))
    if alone is not None:
        return alone
    picked = of_stack(t, op, x, y)
    if picked is not None:
        return picked
    left, right = t.value(x), t.value(y)
    counts = [max(len(each.dims) - 2, 0) for each in (left, right)]
    front = LETTERS[: max(counts)]
    rows, columns = "x" * (len(left.dims) > 1), "z" * (len(right.dims) > 1)
    first, second = (front[max(counts) - count :] for count in counts)
    one, other, made = f"{first}{rows}y", f"{second}y{columns}", f"{front}{rows}{columns}"
    operation = t.capture.operation(y)
    if operation is not None and operation.parameter:
        found = t.layout.product(right, left, (other, one, made))
    else:
        found = t.layout.product(left, right, (one, other, made))
    return t.joined(found, op)


def added_product(
    t: Translation, op: Operation, x: Any, one: Any, other: Any, *, alpha: float = 1, beta: float = 1
) -> Value:
    """A matrix product, or one for each of a stack, plus something, each times a number."""
    found = t.scaled(matrix_product(t, op, one, other), alpha)
    if beta in (0, 1):
        return moved(t, op, found, x if beta else None)
    return t.joined(t.layout.added(found, t.scaled(t.value(x), beta)), op)


def put(t: Translation, op: Operation, x: Any, source: Any) -> Value:
    """What is put in the place of a tensor, repeated along dimensions that it lacks."""
    return expanded(t, op, source)


def einsum(t: Translation, op: Operation, equation: str, operands: Any, **options: Any) -> Value:
    """One operand after the other, each letter once in each; what no later one has, nor the result, is summed over.

    An identity makes two letters one.
    """
    shapes = [t.capture.operations[each.name].shape or () for each in operands]
    words, out = _letters(equation, [*map(len, shapes)])
    others, words = _without_identities(t, operands, words, out)
    values = [*map(t.value, others)]
    if any(len({*word}) < len(word) for word in words):
        raise Unknown(f"an einsum {equation}, which has a letter twice in one operand")
    found, word = Value(ONE, ()), ""
    for place, (value, letters) in enumerate(zip(values, words, strict=True), 1):
        later = "".join((out, *words[place:]))
        left = "".join(each for each in dict.fromkeys(word + letters) if each in later)
        left = out if place == len(words) else left
        found, word = t.layout.product(found, value, (word, letters, left)), left
    return t.joined(found, op)


def _without_identities(
    t: Translation, operands: Sequence[Any], words: list[str], out: str
) -> tuple[Sequence[Any], list[str]]:
    """The operands and their letters, with one for the two of an identity where the result does not have both."""
    for place, operand in enumerate(operands):
        if t.is_identity(operand):
            left, others = ([*each[:place], *each[place + 1 :]] for each in (operands, words))
            for kept, gone in permutations(words[place]):
                merged = [each.replace(gone, kept) for each in others]
                is_there = any(kept in each for each in merged) and all(each.count(kept) < 2 for each in merged)
                if kept != gone and gone not in out and is_there:
                    return _without_identities(t, left, merged, out)
    return operands, words


def _letters(equation: str, counts: Sequence[int]) -> tuple[list[str], str]:
    """The letters of each operand's dimensions, and of the result's; those that "..." stands for are digits."""
    sides, arrow, out = equation.replace(" ", "").partition("->")
    words = sides.split(",")
    if not arrow:  # the letters that stand once, in their order
        every = "".join(words).replace(".", "")
        out = "...".join(("", "".join(sorted(each for each in every if every.count(each) == 1))))
    unnamed = [count - len(word.replace("...", "")) for word, count in zip(words, counts, strict=True)]
    digits = DIGITS[: max(unnamed)]
    rows = [digits[len(digits) - count :] for count in unnamed]
    return [word.replace("...", each) for word, each in zip(words, rows, strict=True)], out.replace("...", digits)


def softmax(t: Translation, op: Operation, x: Any, place: int, *rest: Any, **options: Any) -> Value:
    """Along one dimension."""
    value = t.value(x)
    value = t.layout.whole(value, value.place(place))
    (axis,) = value.dims[value.place(place)]
    return value.written(Softmax(value.expression, axis))


def likelihood(
    t: Translation, op: Operation, x: Any, target: Any, weight: Any = None, reduction: int = 1, ignored: int = -100
) -> Value:
    """Less the entries of fixed classes, along the second dimension or the only one: their mean, sum or each."""
    value, operation = t.value(x), t.capture.operations[target.name]
    place = min(1, len(value.dims) - 1)
    if weight is not None or operation.indices is None or any((each == ignored).any() for each in operation.indices):
        raise Unknown("weights of classes, classes that are left out, or ones that are not known")
    found = at_places(t, op, value, place, [each.unsqueeze(place) for each in operation.indices])
    found = found.with_dims(place)
    over: Sequence[Entry] = (same, averaged, summed)
    return t.scaled(over[reduction](t, op, found), -1)


def cross_entropy(
    t: Translation, op: Operation, x: Any, target: Any, weight: Any = None, *rest: Any, label_smoothing: float = 0
) -> Value:
    """`nll_loss` of `log_softmax`."""
    if label_smoothing or any(rest[2:]):
        raise Unknown("smoothed labels")
    value = t.value(x)
    return likelihood(t, op, log_softmax(t, op, value, min(1, len(value.dims) - 1)), target, weight, *rest[:2])


def item(t: Translation, op: Operation, values: Any, index: int) -> Any:
    """One of several values."""
    found = t.values[values.name]
    if not isinstance(found, tuple):
        raise Unknown("one of several values that are not known")
    return found[index]


def chosen(t: Translation, op: Operation, condition: Any, x: Any, y: Any) -> Value:
    """One value where a condition holds, another one elsewhere: each times an indicator."""
    holds = t.capture.operations[condition.name]
    if not holds.is_constant or holds.values is None:
        if holds.kind in NOT_STRICT:  # the other way round, what has to hold is that one is larger
            where, x, y = NOT_STRICT[holds.kind](t, op, *holds.arguments), y, x
        else:
            where = t.value(condition)
        either = ((x, where), (y, inverted(t, where)))
        return t.joined(t.layout.added(*(t.layout.times(t.value(each), mask) for each, mask in either)), op)
    dims = t.dims(holds)
    found = []
    others = [~each for each in holds.values]
    for name, each, masks in ((f"{op.name}_if", x, holds.values), (f"{op.name}_else", y, others)):
        if t.number(each) != 0:
            t.check_general(holds, masks, dims)
            found.append(t.layout.times(t.value(each), Value(t.data(name, masks[0], flat(dims)), dims)))
    return t.joined(t.layout.added(*found), op)


NOT_STRICT: Mapping[str, Entry] = {"le": above, "ge": below}
"""Conditions that hold where two are alike, and what holds where they do not."""


def filled(t: Translation, op: Operation, x: Any, condition: Any, number: Any) -> Value:
    """A number where a condition holds."""
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
    """softmax(c q k^T + mask) v, causal or not, c one over the root of the last size unless it is given."""
    query, key, value = map(t.value, (q, k, v))
    if options.get("enable_gqa"):
        key, value = (repeated(t, op, each, _groups(t, query, each), -3) for each in (key, value))
    sizes = t.layout.sizes(query.dims[-1])
    scale = options.get("scale")
    if scale is None:
        scale = Across(1 / sqrt(each) for each in sizes) if len(set(sizes)) > 1 else 1 / sqrt(sizes[0])
    front = LETTERS[: len(query.dims) - 2]
    logits = t.joined(t.layout.product(query, key, (f"{front}xz", f"{front}yz", f"{front}xy")), op)
    logits = t.scaled(logits, scale)
    if causal:
        logits = t.layout.added(logits, _later(t, op, logits))
    if mask is not None and t.number(mask) != 0:
        logits = t.layout.added(logits, t.value(mask))
    weights = softmax(t, op, logits, -1)
    return t.joined(t.layout.product(weights, value, (f"{front}xy", f"{front}yz", f"{front}xz")), op)


def _later(t: Translation, op: Operation, logits: Value) -> Value:
    """What is added to the logits of a query so that it reads no key behind its own place."""
    dims = logits.dims[-2:]
    if not all(map(t.axes.is_fixed, flat(dims))):
        raise Unknown("a causal mask over a number of tokens that grows")
    mask = torch.full([t.layout.sizes(dim)[0] for dim in dims], torch.finfo(torch.float).min).triu(1)
    return Value(t.data(f"{op.name}_mask", mask, flat(dims)), dims)


def _groups(t: Translation, query: Value, shared: Value) -> int | None:
    """How many heads of queries share one of keys; None where that is not one number."""
    counts = {
        Fraction(*each) for each in zip(*(t.layout.sizes(each.dims[-3]) for each in (query, shared)), strict=True)
    }
    count = counts.pop()
    return count.numerator if not counts and count.denominator == 1 else None


OF_PLACES = (
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "upsample_nearest1d",
    "upsample_nearest2d",
    "upsample_nearest3d",
    "upsample_linear1d",
    "upsample_bilinear2d",
    "upsample_bicubic2d",
)
"""Operations that make the places of a channel of others, as sums of them."""
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
        "narrow": sliced,
        "select": selected,
        "unbind": unbound,
        "split": parts,
        "split_with_sizes": parts,
        "chunk": parts,
        "getitem": item,
        "cat": concatenated,
        "stack": stacked,
        "cumsum": cumulated,
        "flip": flipped,
        "pad": padded,
        "where": chosen,
        "masked_fill": filled,
        "gather": gathered,
        "scatter": scattered,
        "embedding": embedding,
        "index": picked,
        "index_select": picked_along,
        "conv1d": convolved,
        "conv2d": convolved,
        "conv3d": convolved,
        **dict.fromkeys(OF_PLACES, of_places),
        **dict.fromkeys(("max_pool1d", "max_pool2d", "max_pool3d"), pooled),
        **dict.fromkeys(("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d"), pooled_to),
        "linear": linear,
        "matmul": matrix_product,
        "mm": matrix_product,
        "bmm": matrix_product,
        "mv": matrix_product,
        "dot": matrix_product,
        "addmm": added_product,
        "baddbmm": added_product,
        "set": put,
        "copy": put,
        "slice_scatter": placed,
        "index_copy": put_at,
        "einsum": einsum,
        "scaled_dot_product_attention": attention,
        "add": added,
        "sub": subtracted,
        "rsub": subtracted_from,
        "neg": negated,
        "mul": product,
        "view_as_complex": as_complex,
        "view_as_real": as_real,
        "div": quotient,
        "pow": powered,
        "square": squared,
        "reciprocal": inverse,
        "rsqrt": inverse_root,
        "sqrt": root,
        "mean": averaged,
        "sum": summed,
        "var": variance,
        "std": deviation,
        "topk": largest,
        "amax": most,
        "amin": least,
        "max": maximum,
        "maximum": larger,
        "min": minimum,
        "minimum": smaller,
        "gt": above,
        "ge": not_below,
        "lt": below,
        "le": not_above,
        "repeat": tiled,
        "repeat_interleave": repeated,
        "norm": norm,
        "linalg_norm": norm,
        "linalg_vector_norm": norm,
        "_weight_norm": weight_normed,
        "layer_norm": normed,
        "group_norm": group_normed,
        "instance_norm": instance_normed,
        "batch_norm": batch_normed,
        "rms_norm": rms_normed,
        "softmax": softmax,
        "_softmax": softmax,
        "logsumexp": log_sum_exp,
        "log_softmax": log_softmax,
        "nll_loss_nd": likelihood,
        "cross_entropy_loss": cross_entropy,
        "silu": mapped("silu", "silu"),
        "mish": mapped("mish", "mish"),
        "hardswish": mapped("hardswish", "hardswish"),
        "elu": exponential_linear,
        "celu": scaled_exponential_linear,
        "exp": exponential,
        "expm1": exponential_less_one,
        "softplus": softplus,
        "log_sigmoid": log_sigmoid,
        "relu": mapped("phi", "relu"),
        "leaky_relu": rectified,
        "prelu": rectified_by_channel,
        "abs": magnitude,
        "clamp": clamped,
        "clamp_min": clamped,
        "clamp_max": clamped_above,
        "hardtanh": hard_tanh,
        "relu6": relu_to_six,
        "gelu": gelu,
        "tanh": mapped("tanh", "tanh"),
        "erf": mapped("erf", "erf"),
        "sigmoid": sigmoid,
    }
)
"""What each operation of ATen is translated by."""
BY_PART = frozenset({"transpose", "permute", "silu", "relu", "gelu", "tanh", "sigmoid"})
"""Operations that are done with values side by side one by one."""

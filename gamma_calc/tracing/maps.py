"""Maps: scalar functions entry by entry, in the words of a program."""

from __future__ import annotations

from fractions import Fraction
from math import log
from typing import Any

import torch

from gamma_calc.errors import Unknown
from gamma_calc.program import network
from gamma_calc.program.expressions import Pointwise
from gamma_calc.tracing.capture import SAME, TRANSPOSES, VIEWS, Operation
from gamma_calc.tracing.translation import Entry, Translation
from gamma_calc.tracing.values import Value

NORMS = ("norm", "linalg_norm", "linalg_vector_norm")
SAME_SIGNS = (*SAME, *VIEWS, *TRANSPOSES, "select", "slice", "expand", "repeat")
"""Operations whose values have no sign that those of their first operand have not."""
NEVER_NEGATIVE = ("softplus", "sigmoid", "relu", "exp", "square", "abs", "softmax")
EPSILON = 1e-4
"""A lower bound on a norm up to which it is read as what keeps a quotient finite."""


def power(t: Translation, op: Operation, x: Any, degree: Any) -> Value:
    """A fixed power."""
    if not isinstance(degree, int | float) or 2 * degree % 1:
        raise Unknown(f"a power of the degree {degree}")
    value = t.value(x)
    return value if degree == 1 else value.written(network.power(value.expression, Fraction(degree)))


def squared(t: Translation, op: Operation, x: Any) -> Value:
    """The power 2 of every entry."""
    return power(t, op, x, 2)


def inverse(t: Translation, op: Operation, x: Any) -> Value:
    """The power -1 of every entry."""
    return power(t, op, x, -1)


def mapped(function: str, said: str) -> Entry:
    """A scalar function entry by entry, and what it is called here."""

    def entry(t: Translation, op: Operation, x: Any, **options: Any) -> Value:
        value = t.value(x)
        return value.written(Pointwise(function, value.expression))

    entry.__doc__ = f"`{said}` of every entry."
    return entry


def rectified(t: Translation, op: Operation, x: Any, slope: float = 0.01) -> Value:
    """relu(x) less the slope times relu(-x)."""
    return t.layout.added(_relu(t.value(x)), t.scaled(_relu(t.scaled(t.value(x), -1)), -slope))


def magnitude(t: Translation, op: Operation, x: Any) -> Value:
    """relu(x) plus relu(-x)."""
    return rectified(t, op, x, -1)


def _relu(value: Value) -> Value:
    return value.written(network.relu(value.expression))


def exponential_linear(
    t: Translation, op: Operation, x: Any, alpha: float = 1, scale: float = 1, input_scale: float = 1
) -> Value:
    """x where it is positive, else e^x - 1; times numbers, as for a SELU."""
    if input_scale != 1:
        raise Unknown(f"an ELU of {input_scale} times its argument")
    value = t.value(x)
    curved = value.written(Pointwise("elu", value.expression))
    if alpha != 1:
        curved = t.layout.added(t.scaled(curved, alpha), t.scaled(_relu(value), 1 - alpha))
    return t.scaled(curved, scale)


def softplus(t: Translation, op: Operation, x: Any, beta: float = 1, threshold: float = 20) -> Value:
    """log(1 + e^x): log 2 and a map that is zero at zero; of beta x, over beta."""
    inner = t.scaled(t.value(x), beta)
    moved = inner.written(Pointwise("softplus", inner.expression))
    return t.scaled(t.layout.added(Value(t.scalar(log(2)), inner.dims), moved), 1 / beta)


def log_sigmoid(t: Translation, op: Operation, x: Any) -> Value:
    """-log(1 + e^-x)."""
    return t.scaled(softplus(t, op, t.scaled(t.value(x), -1)), -1)


def exponential(t: Translation, op: Operation, x: Any) -> Value:
    """(1 + tanh(x / 2)) / (1 - tanh(x / 2)), of what is nowhere positive: no power of the width is as large as e^n."""
    if 1 in _signs(t, x):
        raise Unknown("e to the power of what may be positive")
    half = t.scaled(t.value(x), 0.5)
    bounded = half.written(network.tanh(half.expression))
    above, below = (t.layout.added(Value(t.scalar(1), half.dims), each) for each in (bounded, t.scaled(bounded, -1)))
    return t.layout.times(above, below.written(network.power(below.expression, Fraction(-1))))


def _signs(t: Translation, argument: Any) -> set[int]:
    """The signs that entries of an operand may have."""
    operation = t.capture.operation(argument)
    numbers = t.number(argument) if operation is None else operation.values if operation.is_constant else None
    if numbers is not None:
        every = [torch.as_tensor(each) for each in (numbers if isinstance(numbers, tuple) else (numbers,))]
        return {sign for sign in (1, -1) for each in every if bool((sign * each > 0).any())}
    match operation:
        case Operation(kind=kind, arguments=(operand, *_)) if kind in SAME_SIGNS:
            return _signs(t, operand)
        case Operation(kind=kind) if kind in NEVER_NEGATIVE:
            return {1}
        case Operation(kind="neg", arguments=(operand,)):
            return {-sign for sign in _signs(t, operand)}
        case Operation(kind="mul", arguments=(one, other)):
            return {mine * theirs for mine in _signs(t, one) for theirs in _signs(t, other)}
    return {1, -1}


def clamped(t: Translation, op: Operation, x: Any, least: Any = None, most: Any = None) -> Value:
    """Between fixed bounds: c times a map of x / c whose bound is 1, or relu; a tiny one below a norm is left out."""
    value = t.value(x)
    least, most = (each if each is None else t.number(each) for each in (least, most))
    match least, most:
        case float(low), None if 0 < low <= EPSILON and _is_length(t, x):
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


def _is_length(t: Translation, argument: Any) -> bool:
    """Whether an operand is a norm, or a mean of squares."""
    operation = t.capture.operation(argument)
    while operation is not None and operation.kind in SAME:
        operation = t.capture.operation(operation.arguments[0])
    if operation is not None and operation.kind == "mean":
        squares = t.capture.operation(operation.arguments[0])
        return squares is not None and is_square(squares)
    return operation is not None and operation.kind in NORMS


def is_square(operation: Operation) -> bool:
    """Whether an operation multiplies a value by itself, whatever way it is written."""
    first, *others = operation.arguments
    return {"pow": others == [2], "square": True, "mul": others == [first]}.get(operation.kind, False)


def _within(t: Translation, value: Value, function: str, bound: float) -> Value:
    """The bound times a map of the value over it."""
    inner = t.scaled(value, 1 / bound)
    return t.scaled(inner.written(Pointwise(function, inner.expression)), bound)


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

"""Maps: scalar functions entry by entry, in the words of a program."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import log
from typing import Any

import torch

from gamma_calc.errors import Unknown
from gamma_calc.program import network
from gamma_calc.program.expressions import Pointwise, Stopped
from gamma_calc.tracing.capture import SAME, Across, Operation
from gamma_calc.tracing.signs import signs
from gamma_calc.tracing.translation import Entry, Translation
from gamma_calc.tracing.values import Value

NORMS = ("norm", "linalg_norm", "linalg_vector_norm")
EPSILON = 1e-4
"""A lower bound on a norm up to which it is read as what keeps a quotient finite, and one on others as zero."""
LARGEST = torch.finfo(torch.half).max
"""What a bound has to be below, to be one: models write the largest number of a type for infinity."""


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
    """relu(x) and a slope times x - relu(x), which is the slope at zero, as torch has it."""
    value = t.value(x)
    return t.layout.added(_relu(value), t.scaled(_negative_part(t, value), slope))


def rectified_by_channel(t: Translation, op: Operation, x: Any, slopes: Any) -> Value:
    """As `leaky_relu`, of a slope for all or one a channel."""
    value, slope = t.value(x), t.value(slopes)
    along = slope.dims if len(value.dims) < 2 else (*slope.dims, *[()] * (len(value.dims) - 2))
    return t.layout.added(_relu(value), t.layout.times(Value(slope.expression, along), _negative_part(t, value)))


def magnitude(t: Translation, op: Operation, x: Any) -> Value:
    """The absolute value of every entry."""
    return _magnitude(t.value(x))


def _magnitude(value: Value) -> Value:
    return value.written(network.absolute(value.expression))


def _relu(value: Value) -> Value:
    return value.written(network.relu(value.expression))


def _negative_part(t: Translation, value: Value) -> Value:
    """x - relu(x): as -relu(-x), but with a slope of 1 at zero."""
    return t.layout.added(value, t.scaled(_relu(value), -1))


@cache
def slope_at_bound() -> float:
    """The slope that torch gives a clamp at its bound: 1 up to torch 2.13, 0 in 2.15."""
    zero = torch.zeros(1, requires_grad=True)
    (slope,) = torch.autograd.grad(zero.clamp(min=0).sum(), zero)
    return float(slope)


def _above_zero(t: Translation, value: Value) -> Value:
    """A clamp to what is not negative: relu(x), or x + relu(-x), which has a slope of 1 at zero."""
    return t.layout.added(value, _relu(t.scaled(value, -1))) if slope_at_bound() else _relu(value)


def _below_zero(t: Translation, value: Value) -> Value:
    """A clamp to what is not positive: -relu(-x), or x - relu(x), which has a slope of 1 at zero."""
    return _negative_part(t, value) if slope_at_bound() else t.scaled(_relu(t.scaled(value, -1)), -1)


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


def scaled_exponential_linear(t: Translation, op: Operation, x: Any, alpha: float = 1) -> Value:
    """alpha times an ELU of x / alpha."""
    return t.scaled(exponential_linear(t, op, t.scaled(t.value(x), 1 / alpha)), alpha)


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
    bounded, below = _half_exponent(t, x)
    return t.layout.times(t.layout.added(Value(t.scalar(1), bounded.dims), bounded), below)


def exponential_less_one(t: Translation, op: Operation, x: Any) -> Value:
    """2 tanh(x / 2) / (1 - tanh(x / 2)), of what is nowhere positive."""
    bounded, below = _half_exponent(t, x)
    return t.layout.times(t.scaled(bounded, 2), below)


def _half_exponent(t: Translation, x: Any) -> tuple[Value, Value]:
    """tanh(x / 2) and 1 / (1 - tanh(x / 2)), of what is nowhere positive."""
    if 1 in signs(t, x):
        raise Unknown("e to the power of what may be positive")
    half = t.scaled(t.value(x), 0.5)
    bounded = half.written(network.tanh(half.expression))
    below = t.layout.added(Value(t.scalar(1), half.dims), t.scaled(bounded, -1))
    return bounded, below.written(network.power(below.expression, Fraction(-1)))


def clamped(t: Translation, op: Operation, x: Any, least: Any = None, most: Any = None) -> Value:
    """Between fixed bounds: c times a map of x / c whose bound is 1; at a bound of 0 with the slope that torch has.

    A tiny bound below a norm is left out; one below a softplus is added to the relu of what is above it.
    """
    value = t.value(x)
    least, most = _bound(t, least, -1), _bound(t, most, 1)
    match least, most:
        case None, None:
            return value
        case float(low), None if 0 < low <= EPSILON and _is_length(t, x):
            return value
        case float(low), None if 0 < low < log(2) and _is_softplus(t, x):  # which is about log 2 where x vanishes
            floor, less = (Value(t.scalar(each), value.dims) for each in (low, -low))
            return t.layout.added(floor, _relu(t.layout.added(value, less)))
        case 0, None:
            return _above_zero(t, value)
        case int(low) | float(low), None if low < 0:
            return t.scaled(clamped(t, op, t.scaled(value, -1), None, -low), -1)
        case None, 0:
            return _below_zero(t, value)
        case None, int(high) | float(high) if -EPSILON <= high < 0:
            return t.scaled(_relu(t.scaled(value, -1)), -1)
        case None, int(high) | float(high) if high > 0:
            return _within(t, value, "capped", high)
        case 0, int(high) | float(high) if high > 0:
            return _within(t, _above_zero(t, value), "hardtanh", high)
        case int(low) | float(low), int(high) | float(high) if low == -high < 0:
            return _within(t, value, "hardtanh", high)
    raise Unknown(f"a clamp to {least} and {most}")


def _bound(t: Translation, bound: Any, sign: int) -> float | Across | None:
    """A lower bound of a clamp (-1) or an upper one; none where models write so large a number for infinity."""
    number = None if bound is None else t.number(bound)
    if bound is not None and number is None:
        raise Unknown("a clamp to what is no number")
    return None if isinstance(number, int | float) and sign * number >= LARGEST else number


def larger(t: Translation, op: Operation, x: Any, y: Any) -> Value:
    """The larger of two: half of x + y + |x - y|; of a number as `clamp`, but of 0, where the slope at 0 is 1/2."""
    x, y = _number_last(t, x, y)
    return clamped(t, op, x, y) if t.number(y) else _extreme(t, op, x, y, 1)


def smaller(t: Translation, op: Operation, x: Any, y: Any) -> Value:
    """The smaller of two: half of x + y - |x - y|; of a number as `maximum`."""
    x, y = _number_last(t, x, y)
    return clamped(t, op, x, None, y) if t.number(y) else _extreme(t, op, x, y, -1)


def _number_last(t: Translation, x: Any, y: Any) -> tuple[Any, Any]:
    return (x, y) if t.number(x) is None else (y, x)


def _extreme(t: Translation, op: Operation, x: Any, y: Any, sign: int) -> Value:
    apart = t.scaled(_magnitude(_difference(t, x, y)), sign)
    others = [] if t.number(y) == 0 else [t.value(y)]
    return t.joined(t.scaled(t.layout.added(t.value(x), *others, apart), 0.5), op)


def above(t: Translation, op: Operation, x: Any, y: Any) -> Value:
    """1 where one is larger than the other, else 0: the derivative of a ReLU of their difference."""
    if any(t.number(each) not in (None, 0) for each in (x, y)):
        raise Unknown("a comparison with a number other than 0")
    difference = _difference(t, x, y)
    return difference.written(Stopped(network.relu(difference.expression).derivative))


def below(t: Translation, op: Operation, x: Any, y: Any) -> Value:
    """As `gt` of the two in the other order."""
    return above(t, op, y, x)


def not_below(t: Translation, op: Operation, x: Any, y: Any) -> Value:
    """1 less `lt`."""
    return inverted(t, below(t, op, x, y))


def not_above(t: Translation, op: Operation, x: Any, y: Any) -> Value:
    """1 less `gt`."""
    return inverted(t, above(t, op, x, y))


def inverted(t: Translation, condition: Value) -> Value:
    """1 where a condition does not hold, else 0."""
    return t.layout.added(Value(t.scalar(1), condition.dims), t.scaled(condition, -1))


def _difference(t: Translation, x: Any, y: Any) -> Value:
    return t.value(x) if t.number(y) == 0 else t.layout.added(t.value(x), t.scaled(t.value(y), -1))


def _is_softplus(t: Translation, argument: Any) -> bool:
    operation = t.capture.behind(argument, SAME)
    return operation is not None and operation.kind == "softplus"


def _is_length(t: Translation, argument: Any) -> bool:
    """Whether an operand is a norm, or a mean of squares."""
    operation = t.capture.behind(argument, SAME)
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


def hard_tanh(t: Translation, op: Operation, x: Any, least: float = -1, most: float = 1) -> Value:
    """As `clamp`, but with a slope of 0 at a bound of 0."""
    return _within(t, _relu(t.value(x)), "hardtanh", most) if least == 0 < most else clamped(t, op, x, least, most)


def relu_to_six(t: Translation, op: Operation, x: Any) -> Value:
    """As `hardtanh` to 0 and 6."""
    return hard_tanh(t, op, x, 0, 6)


def sigmoid(t: Translation, op: Operation, x: Any) -> Value:
    """(1 + tanh(x / 2)) / 2."""
    half = t.scaled(t.value(x), 0.5)
    moved = t.scaled(half.written(network.tanh(half.expression)), 0.5)
    return t.layout.added(Value(t.scalar(0.5), half.dims), moved)


def gelu(t: Translation, op: Operation, x: Any, *, approximate: str = "none") -> Value:
    """Of the normal distribution function, or by a hyperbolic tangent."""
    value = t.value(x)
    return value.written(network.gelu(value.expression, approximate))

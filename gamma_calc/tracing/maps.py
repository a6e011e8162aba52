"""Maps: scalar functions entry by entry, in the words of a program."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from gamma_calc.errors import Unknown
from gamma_calc.program import network
from gamma_calc.program.expressions import Pointwise
from gamma_calc.tracing.capture import Operation
from gamma_calc.tracing.translation import Entry, Translation
from gamma_calc.tracing.values import Value

NORMS = ("norm", "linalg_norm", "linalg_vector_norm")
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

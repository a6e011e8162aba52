"""The numbers that the exact core accepts."""

from __future__ import annotations

from fractions import Fraction
from numbers import Rational

from gamma_calc.errors import Inexact, quoted


def exact(value: object) -> Fraction:
    """The value as a Fraction, or `Inexact` for anything that is not an exact rational number.

    Other exact rationals (an integer of numpy, a rational of sympy) are converted; a bool is refused,
    since it is nearly always a comparison that went astray.

    >>> exact(3)
    Fraction(3, 1)
    >>> exact(0.5)
    Traceback (most recent call last):
    ...
    gamma_calc.errors.Inexact: an exact number: found 'float 0.5', expected an int or a Fraction
    """
    if type(value) is Fraction:
        return value
    if type(value) is int:
        return Fraction(value)
    if isinstance(value, Rational) and not isinstance(value, bool):
        return Fraction(int(value.numerator), int(value.denominator))
    raise Inexact("an exact number", found=f"{type(value).__name__} {quoted(value)}", expected="an int or a Fraction")

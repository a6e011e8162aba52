"""Numbers that somebody gives: whole ones between bounds, and real ones that are positive, or not negative."""

from __future__ import annotations

import sys

from gamma_calc.errors import BadInput


def whole_number(asked: str, value: object, least: int = 1, most: int | None = None) -> int:
    """The value, if it is a whole number between two bounds.

    Raises:
        BadInput: it is none.
    """
    if type(value) is not int or value < least or (most is not None and value > most):
        upto = "" if most is None else f" to {most}"
        raise BadInput(asked, found=value, expected=f"a whole number from {least}{upto}")
    return value


def real_number(asked: str, value: object, *, is_positive: bool) -> float:
    """The value, if it is a positive number, or one from 0, that a float can hold.

    Raises:
        BadInput: it is none.
    """
    is_real = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= sys.float_info.max
    if not is_real or (is_positive and not value):
        raise BadInput(asked, found=value, expected="a positive number" if is_positive else "a number from 0")
    return float(value)  # type: ignore[arg-type]

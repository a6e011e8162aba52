"""Numbers that somebody gives: whole ones between bounds, and real ones that are positive, or not negative.

The bounds are those that a command and what it calls both know.
"""

from __future__ import annotations

import math
from numbers import Integral, Real

from gamma_calc.errors import BadInput

LONGEST = 64
"""Steps that are derived."""
MOST_SEEDS = 4096
LARGEST_WIDTH = 2**24
"""Of what is trained."""
LARGEST_SIZE = 10**18 - 1
"""A width or a rank that rates are carried to."""


def whole_number(asked: str, value: object, least: int = 1, most: int | None = None) -> int:
    """The value, if it is a whole number between two bounds.

    Raises:
        BadInput: it is none.
    """
    is_whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not is_whole or value < least or (most is not None and value > most):  # type: ignore[operator]
        upto = "" if most is None else f" to {most}"
        raise BadInput(asked, found=value, expected=f"a whole number from {least}{upto}")
    return int(value)  # type: ignore[call-overload, no-any-return]


def check_rank(rank: int, width: int, layer: str = "") -> None:
    """Refuse a rank that is larger than the width, the fan-in of a layer: B A has no more directions than that.

    Raises:
        BadInput: so it is.
    """
    if rank > width:
        of_layer = f" of {layer}, its fan-in" if layer else ""
        raise BadInput(f"rank: found r = {rank}, expected at most the width {width}{of_layer}; give a smaller r")


def real_number(asked: str, value: object, *, is_positive: bool) -> float:
    """The value, if it is a positive number, or one from 0, that a float can hold.

    Raises:
        BadInput: it is none.
    """
    try:
        number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    except OverflowError:
        number = math.inf
    if not 0 <= number < math.inf or (is_positive and not number):
        raise BadInput(asked, found=value, expected="a positive number" if is_positive else "a number from 0")
    return number

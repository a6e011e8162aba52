"""Affine forms as plain data, as certificates write them: a number as text for each name, the constant under "1"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

from gamma_calc.algebra.affine import Affine

Json = Any
Forms = tuple[Affine, ...]
MOST_FORMS = 64
"""Forms of a list that is read."""
_NUMBER = re.compile(r"(-?[0-9]{1,200})(?:/(0*[1-9][0-9]{0,199}))?", re.ASCII)


class TooMany(ValueError):
    """A list of more forms than are read."""


def rational(text: str) -> Fraction:
    """The number that P or P/Q writes.

    Raises:
        ValueError: the text is no such number, or has more than 200 digits.
    """
    if not (match := _NUMBER.fullmatch(text)):
        raise ValueError(f"found {text[:40]!r}, expected P or P/Q of at most 200 digits")
    return Fraction(int(match[1]), int(match[2] or 1))


def form(data: Mapping[str, str]) -> Affine:
    """The form with these coefficients.

    >>> print(form({"eta": "1/2", "1": "-1"}))
    eta/2 - 1
    """
    return _form(tuple(data.items()))


@lru_cache(maxsize=65536)
def _form(items: tuple[tuple[str, str], ...]) -> Affine:
    numbers = {name: rational(value) for name, value in items}
    constant = numbers.pop("1", Fraction(0))
    return Affine(tuple(numbers.items()), constant)


def forms(data: Json) -> Forms:
    """A list of forms.

    Raises:
        ValueError: it is no list, or, as TooMany, has more than 64 forms.
    """
    if type(data) is not list:
        raise ValueError("expected a list of forms")
    if len(data) > MOST_FORMS:
        raise TooMany(f"found {len(data)} forms, expected a list of at most {MOST_FORMS}")
    return tuple(map(form, data))

"""Reading one value of an experiment file: each reader takes a key and what stands there, and refuses in one line."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from fractions import Fraction
from typing import Any

from gamma_calc.errors import BadInput, nearest, quoted
from gamma_calc.numbers import whole_number
from gamma_calc.program.spec_file import check_names

MOST = 10**6
"""Of seeds, of steps, of values in a grid: more is a slip of the keyboard."""

LONGEST_NUMBER = 64
"""Characters of a number in a text."""

NUMBER = re.compile(r"[+-]?(?:[0-9]+/(?P<divisor>[0-9]+)|(?P<digits>[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)")

Reader = Callable[[str, Any], Any]
"""From a key and its value in the file to what is meant.

Raises:
    BadInput: the value is none that the key can have.
"""


def refused(key: str, value: Any, expected: str) -> BadInput:
    """What is said of a value that a key cannot have."""
    return BadInput(f"{key}: found {quoted(value)}, expected {expected}")


def word(choices: Collection[str], key: str, value: Any) -> str:
    """One of some words."""
    if not isinstance(value, str) or value not in choices:
        problem = refused(key, value, f"one of {', '.join(choices)}")
        raise BadInput(f"{problem}.{nearest(value, choices) if isinstance(value, str) else ''}")
    return value


def listed(read: Reader, key: str, value: Any, most: int = MOST) -> tuple[Any, ...]:
    """A list with something in it, and nothing twice but tables."""
    if not isinstance(value, list):
        raise refused(key, value, "a list")
    if not value:
        raise BadInput(f"{key}: the list is empty, so there is nothing to run")
    if len(value) > most:
        raise BadInput(f"{key}: {len(value)} entries, and the most is {most}")
    found = tuple(read(key, entry) for entry in value)
    for entry, count in Counter(entry for entry in found if not isinstance(entry, Mapping)).items():
        if count > 1:
            raise BadInput(f"{key}: {entry} stands there twice")
    return found


def number(key: str, value: Any) -> float:
    """A finite number: TOML's own, or an exact P/Q as a string."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        found = number_in(value) if isinstance(value, str) else float(value) if is_number else None
    except OverflowError:
        found = None
    if found is None:
        raise refused(key, value, 'a number, or a fraction such as "1/2"')
    if not math.isfinite(found):
        raise refused(key, value, "a finite number")
    return found


def number_in(text: str) -> float | None:
    """The number that a text writes in ASCII, as a decimal or as P/Q; None where it writes none, or 0 by its smallness.

    >>> number_in("2e-4"), number_in("1/8"), number_in("1e-999"), number_in("1/0")
    (0.0002, 0.125, None, None)
    """
    if len(text) > LONGEST_NUMBER or not (match := NUMBER.fullmatch(text.strip(" "))):
        return None
    if match["divisor"]:
        return float(Fraction(text)) if int(match["divisor"]) else None
    found = float(text)
    return found if found or not any(digit in match["digits"] for digit in "123456789") else None


def positive(key: str, value: Any) -> float:
    """A number above zero."""
    found = number(key, value)
    if found <= 0:
        raise refused(key, value, "a number above 0")
    return found


def not_negative(key: str, value: Any) -> float:
    """A number from zero on."""
    found = number(key, value)
    if found < 0:
        raise refused(key, value, "a number from 0 on")
    return found


GRID = ("from", "to", "per_octave")
"""The keys of a geometric grid; the last one is 1 where it is left out."""


def grid(key: str, value: Any) -> tuple[float, ...]:
    """A list of positive numbers, or a geometric grid, in increasing order."""
    if not isinstance(value, Mapping):
        return tuple(sorted(listed(positive, key, value)))
    check_names(key, value, GRID)
    for name in GRID[:2]:
        if name not in value:
            raise BadInput(f"{key}: the grid has no {name}; expected {{ from = LOW, to = HIGH, per_octave = COUNT }}")
    low, high = (positive(f"{key}.{name}", value[name]) for name in GRID[:2])
    per_octave = whole_number(f"{key}.per_octave", value.get("per_octave", 1), 1, 1000)
    if high < low:
        raise BadInput(f"{key}: the grid is empty: from {low:g} is above to {high:g}")
    if not math.isfinite(high / low):
        raise BadInput(f"{key}: from {low:g} to {high:g} is no range of learning rates")
    # A tolerance of rounding errors keeps an end that is a whole number of steps away.
    count = math.floor(per_octave * math.log2(high / low) * (1 + 1e-12) + 1e-12)
    return tuple(low * math.pow(2, step / per_octave) for step in range(count + 1))


def exact_values(key: str, value: Any) -> Mapping[str, Any]:
    """A table of exact values by name."""
    if not isinstance(value, Mapping):
        raise refused(key, value, 'a table such as { k = "1/2" }')
    for name, each in value.items():
        if isinstance(each, bool) or not isinstance(each, int | str):
            raise refused(f"{key}.{name}", each, 'an exact value such as "-1/2"')
    return value

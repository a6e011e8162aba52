"""The largest stable rate after T steps as a formula in T: the least of a few ratios that are linear in T.

For T steps, products of families ask that some exponents are at most 0: each family turned not at all, or as often as
there is time for. Where nothing but the rate is free each asks that a rate + b <= 0, with numbers a and b that are
affine in T along the steps of one remainder. So the rate -b/a of one of them is the largest where each other one, with
c and d, holds at it: a d - b c, a quadratic in T, is not positive. From some step on one is the least for good; before
it the rates are listed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm
from typing import TypeVar

from gamma_calc.algebra import Affine
from gamma_calc.algebra.affine import Row, integer_rows
from gamma_calc.algebra.notation import linear_latex, linear_text

LATEST = 64
"""The longest period of turns, and the latest step at which a formula begins to hold: the rates before are listed."""
MOST_DOUBLED = 12
"""How often the steps are doubled from which on it is tried whether one bound is the least for good."""
Entry = TypeVar("Entry")
Writer = Callable[[Iterable[tuple[str, Fraction]], Fraction], str]
Floors = Sequence[tuple[int | Fraction, int | Fraction]]
"""A number of turns: the sum over (offset, period) of floor((T - offset) / period)."""
Product = tuple[int, Affine, tuple[tuple[Affine, Floors], ...]]
"""Exponents of T steps, from a first T on: a base, and of each turn as many more as T steps have time for, or none."""
Line = tuple[int, int, int, int]
"""(a, b, u, v): after t more periods (a + u t) rate + b + v t must not be positive."""


@dataclass(frozen=True, slots=True)
class RateBound:
    """-(above + above_turn T)/(below + below_turn T) in lowest terms, the denominator positive where it is used."""

    above: int
    above_turn: int
    below: int
    below_turn: int

    @classmethod
    def of(cls, line: Line, steps: int, period: int) -> RateBound:
        """What a line asks of a rate that it holds down, t periods after some steps."""
        a, b, u, v = line
        numbers = (b * period - v * steps, v, a * period - u * steps, u)
        if u and v * a == b * u:
            numbers = (v, 0, u, 0)
        divisor = gcd(*numbers)
        return cls(*(number // divisor for number in numbers))

    def at(self, steps: int) -> Fraction:
        """The bound after so many steps."""
        return -Fraction(self.above + self.above_turn * steps, self.below + self.below_turn * steps)

    @property
    def is_constant(self) -> bool:
        """Whether it does not change with T."""
        return not self.below_turn and not self.above_turn

    @property
    def limit(self) -> Fraction | None:
        """What it tends to as T grows, None for -oo."""
        if self.below_turn:
            return -Fraction(self.above_turn, self.below_turn)
        return None if self.above_turn else self.at(0)

    def written(self, write: Writer, fraction: str) -> str:
        """A ratio of lines in T, a minus in front where it begins with one."""
        above = (self.above, self.above_turn)
        if not self.below_turn:
            return _linear(write, *(-Fraction(number, self.below) for number in above))
        is_negative = (self.above_turn or self.above) > 0
        numerator = _linear(write, *(Fraction(number if is_negative else -number) for number in above))
        denominator = _linear(write, Fraction(self.below), Fraction(self.below_turn))
        return "-" * is_negative + fraction.format(numerator, denominator)


@dataclass(frozen=True, slots=True)
class RateLaw:
    """The largest stable value of a rate after T steps, as a function of T.

    `cases` has the bound for each remainder of T by their number, from step `since` on. Before that the rates are those
    of `early`, one a step from step 1 on, None where any is stable. `limit` is what the rate falls to as T grows, None
    for -oo.
    """

    rate: str
    cases: tuple[RateBound, ...]
    since: int
    early: tuple[Fraction | None, ...]
    limit: Fraction | None

    @property
    def is_constant(self) -> bool:
        """Whether the formula does not change with T."""
        return len(self.cases) == 1 and self.cases[0].is_constant

    @property
    def attained_at(self) -> int | None:
        """The first step with the limit's value; None where every step count allows more."""
        steps = range(1, self.since + 1) if self.is_constant else ()
        return next((t for t in steps if self.at(t) == self.limit), None)

    def at(self, steps: int) -> Fraction | None:
        """The largest stable rate after so many steps, None where any is stable."""
        return self.early[steps - 1] if steps < self.since else self.cases[steps % len(self.cases)].at(steps)

    def __str__(self) -> str:
        texts = [bound.written(linear_text, "({})/({})") for bound in self.cases]
        if len(texts) == 1:
            return texts[0]
        return "; ".join(f"{text} if T mod {len(texts)} = {place}" for place, text in enumerate(texts))

    def latex(self) -> str:
        """The formula as LaTeX."""
        texts = [bound.written(linear_latex, r"\frac{{{}}}{{{}}}") for bound in self.cases]
        if len(texts) == 1:
            return texts[0]
        return r",\ ".join(rf"{text}\ \text{{if}}\ T \bmod {len(texts)} = {place}" for place, text in enumerate(texts))

    @property
    def statement(self) -> str:
        """The law in words: the formula, from which step on it holds, the rates before it, and what it tends to."""
        early = "".join(f", {'any' if each is None else each} at T = {t}" for t, each in enumerate(self.early, 1))
        limit = "-oo" if self.limit is None else self.limit
        return f"{self.rate} <= {self} (T >= {self.since}{early}); tends to {limit}, which no T attains"


def rate_law(rate: str, every: Collection[Product], least: Fraction | None = None) -> RateLaw | str:
    """The largest stable rate by number of steps, or why there is no formula.

    Args:
        rate: the one exponent that is free.
        every: what must not be positive.
        least: the least rate that is looked at, if there is one.
    """
    names, rows = integer_rows([form for _, base, turns in every for form in (base, *(turn for turn, _ in turns))])
    if not {*names} <= {rate}:
        return f"{rate} is not the only free exponent"
    period = lcm(*(steps.numerator for _, _, turns in every for _, floors in turns for _, steps in floors))
    if period > LATEST:
        return f"the formula would have {period} cases"
    left = iter(rows if names else [(*row, 0) for row in rows])
    asked = _Asked(
        rate, [(start, next(left), [(next(left), floors) for _, floors in turns]) for start, _, turns in every]
    )
    begun = max((start for start, _, _ in every), default=1)
    known: dict[int, tuple[int, RateBound]] = {}
    for start in range(begun, begun + period):
        found = asked.least_for_good(start, period)
        if isinstance(found, str):
            return found
        known[start % period] = found
    cases = shortest(tuple(known[place][1] for place in range(period)))
    since = max(since for since, _ in known.values())
    while since > 1 and asked.is_largest(cases[(since - 1) % len(cases)], since - 1):
        since -= 1
    if since > LATEST:
        return f"the formula would hold only from step {since} on"
    limit = next((bound for bound in cases if not bound.is_constant), cases[0]).limit
    if least is not None and (limit is None or limit < least):
        return f"no {rate} of the domain is stable for every number of steps"
    return RateLaw(rate, cases, since, tuple(map(asked.largest, range(1, since))), limit)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What must not be positive, in integers: a row (b, a) is the exponent a rate + b, times one number for all."""

    rate: str
    every: Sequence[tuple[int, Row, Sequence[tuple[Row, Floors]]]]

    def at(self, steps: int) -> list[Row]:
        """The extreme exponents of a run of so many steps."""
        found: list[Row] = []
        for start, base, turns in self.every:
            corners = [base] if start <= steps else []
            for (b, a), floors in turns:
                times = sum(int((steps - offset) // period) for offset, period in floors)
                corners += [(d + b * times, c + a * times) for d, c in corners]
            found += corners
        return found

    def largest(self, steps: int) -> Fraction | None:
        """The largest rate for so many steps, where none is negative that grows; None where nothing bounds it."""
        return min((Fraction(-b, a) for b, a in self.at(steps) if a), default=None)

    def is_largest(self, bound: RateBound, steps: int) -> bool:
        """Whether a bound is the largest rate for so many steps."""
        return bound.below + bound.below_turn * steps > 0 and bound.at(steps) == self.largest(steps)

    def least_for_good(self, start: int, period: int) -> tuple[int, RateBound] | str:
        """The bound that is the least along the steps of a remainder, and one of these from which on it is; or why not.

        Where it is not found it is because of what the lines are in the end, or it is too late.
        """
        steps, lines = start, list[Line]()
        for doubled in range(MOST_DOUBLED):
            steps = start + period * (2**doubled - 1)
            pairs = dict.fromkeys(zip(self.at(steps), self.at(steps + period), strict=True))
            lines = [(a, b, c - a, d - b) for (b, a), (d, c) in pairs]
            held = (line for line in lines if line[0] > 0)
            least = min(held, key=lambda line: Fraction(-line[1], line[0]), default=None)
            if least and all(_holds(line, least) for line in lines):
                return steps, RateBound.of(least, steps, period)
        if any((u or a) < 0 for a, _, u, _ in lines):
            return f"training also bounds {self.rate} from below"
        if any((v or b) > 0 for a, b, u, v in lines if not (a or u)):
            return "nothing is stable from some step on"
        if not any(a or u for a, _, u, _ in lines):
            return f"nothing bounds {self.rate} from above"
        return f"the formula would hold only from a step beyond {steps} on"


def shortest(cycle: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """The shortest part that the whole repeats.

    >>> shortest((1, 2, 1, 2))
    (1, 2)
    """
    sizes = (size for size in range(1, len(cycle) + 1) if len(cycle) % size == 0)
    return next(cycle[:size] for size in sizes if cycle[:size] * (len(cycle) // size) == cycle)


def _holds(line: Line, least: Line) -> bool:
    """Whether a line never falls with the rate, nor is positive where the least one is 0, as the powers of t tell."""
    (a, b, u, v), (x, y, p, q) = line, least
    return a >= 0 and u >= 0 and b * x <= a * y and b * p + v * x <= a * q + u * y and v * p <= u * q


def _linear(write: Writer, at_zero: Fraction, slope: Fraction) -> str:
    return write([("T", slope)] if slope else [], at_zero)

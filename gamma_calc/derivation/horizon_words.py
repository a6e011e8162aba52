"""The largest rate for which something stays bounded for T steps, as a formula in T, from a law that is proved.

For T steps, products of the law's families ask that some exponents are at most 0: each family turned not at all, or as
often as there is time for. Where nothing but the rate is free each asks that a rate + b <= 0, with numbers a and b that
are affine in T along the steps of one remainder. So the rate -b/a of one of them is the largest where each other one,
with c and d, holds at it: a d - b c, a quadratic in T, is not positive. That is worked out here from what the checker
has proved, and from nothing else: of the engine this takes the record that puts a formula into words, and no answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import lcm

from gamma_calc.algebra import EVERYWHERE, Affine, Region
from gamma_calc.algebra.affine import Row, integer_rows
from gamma_calc.analysis.largest_rates import LargestRate
from gamma_calc.analysis.rate_law import RateBound, RateLaw, StepLine
from gamma_calc.derivation.checker import LOWER, UPPER, CheckedRun, Law
from gamma_calc.maxplus.quasi_linear import shortest

LATEST = 64
"""The longest period of turns, the longest family, and the latest step at which a formula begins to hold."""
MOST_DOUBLED = 12
"""How often the steps are doubled from which on it is tried whether one bound is the least for good."""
MOST_PRODUCTS = 1000
"""Products of families beyond which no formula is looked for."""
Product = tuple[int, Affine, tuple[tuple[Affine, int, int], ...]]
"""Exponents of T steps, from a first T on: a base, and of each turn (turn, offset, period) as many more as T steps have
time for, floor((T - offset) / period), or none."""


def horizon_text(run: CheckedRun, rate: str, quantities: Sequence[str]) -> str:
    """Up to which rate quantities stay at most 0 for T steps, where a run's law proves a formula for it, or nothing.

    Assumes:
        What is looked at is known exactly, nothing but the rate is free, each family turns one cycle at most.
    """
    law = run.law
    if law is None or run.is_settled or run.where or not law.is_exact or any(each.free for each in run.domain):
        return ""
    bounds = [[step[of].bounds for of in quantities] for step in (*run.steps[:-1], law.looked_at)]
    if any({*each[LOWER]} != {*each[UPPER]} for sizes in bounds for each in sizes):
        return ""
    *early, last = ([piece for each in sizes for piece in each[UPPER]] for sizes in bounds)
    families = [family for piece in last for i in law.factors(piece) for family in law.families.get(i, [])]
    later = dict.fromkeys(_products(law, last, len(bounds)))
    if len(later) > MOST_PRODUCTS or any(length > LATEST or len(turns) > 1 for _, length, turns in families):
        return ""
    found = [(t, form, ()) for t, forms in enumerate(early, 1) for form in forms]
    formula = _formula(rate, [*found, *later])
    return formula.statement if formula and not formula.is_constant else ""


def _products(law: Law, pieces: Sequence[Affine], before: int) -> Iterator[Product]:
    """What the quantities are the largest of, one step after their families; so many steps come before these."""
    for piece in pieces:
        factors = law.factors(piece)
        rest = sum((-law.x[i] for i in factors), piece)
        for way in product(*(law.families.get(i, []) for i in factors)):
            start = before + max((length for _, length, _ in way), default=0)
            turns = [(turn, before + length, steps) for _, length, each in way for turn, steps in each]
            yield start, sum((base for base, _, _ in way), rest), tuple(sorted(turns, key=str))


def _formula(rate: str, every: Sequence[Product]) -> RateLaw | None:
    """The largest rate by the number of steps, if training bounds it from above alone and it is soon a formula."""
    names, rows = integer_rows([form for _, base, turns in every for form in (base, *(turn for turn, _, _ in turns))])
    period = lcm(*(steps for _, _, turns in every for _, _, steps in turns))
    if names != (rate,) or period > LATEST:
        return None
    left = iter(rows)
    asked = _Asked(
        rate,
        [(start, next(left), [(next(left), offset, steps) for _, offset, steps in turns]) for start, _, turns in every],
    )
    begun = max(start for start, _, _ in every)
    found = [asked.least_for_good(start, period) for start in range(begun, begun + period)]
    known = {since % period: (since, bound) for since, bound in filter(None, found)}
    if len(known) < period:
        return None
    cases = shortest(tuple((known[place][1],) for place in range(period)))
    since = max(since for since, _ in known.values())
    while since > 1 and asked.is_largest(cases[(since - 1) % len(cases)][0], since - 1):
        since -= 1
    if since > LATEST:
        return None
    early = tuple(_rate(rate, asked.largest(steps)) for steps in range(1, since))
    bound = next((bound for (bound,) in cases if not bound.is_constant), cases[0][0])
    limit = -bound.above_turn.constant / bound.below_turn if bound.below_turn else None
    return RateLaw(rate, (), cases, EVERYWHERE, since, early, _rate(rate, limit), Region.of())


def _rate(rate: str, value: Fraction | None) -> LargestRate:
    return LargestRate(rate, None if value is None else (Affine.of(value),), True, EVERYWHERE, "")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What must not be positive, in integers: a row (b, a) is the exponent a rate + b, times one number for all."""

    rate: str
    every: Sequence[tuple[int, Row, Sequence[tuple[Row, int, int]]]]

    def at(self, steps: int) -> list[Row]:
        """The extreme exponents of a run of so many steps."""
        found: list[Row] = []
        for start, base, turns in self.every:
            corners = [base] if start <= steps else []
            for (b, a), offset, period in turns:
                times = (steps - offset) // period
                corners += [(d + b * times, c + a * times) for d, c in corners]
            found += corners
        return found

    def largest(self, steps: int) -> Fraction | None:
        """The largest rate for so many steps, where none is negative that grows; None where nothing bounds it."""
        return min((Fraction(-b, a) for b, a in self.at(steps) if a), default=None)

    def is_largest(self, bound: RateBound, steps: int) -> bool:
        """Whether a bound is the largest rate for so many steps."""
        largest, below = self.largest(steps), bound.below + bound.below_turn * steps
        return below > 0 and largest is not None and bound.at(steps) == Affine.of(largest)

    def least_for_good(self, start: int, period: int) -> tuple[int, RateBound] | None:
        """The bound that is the least along the steps of a remainder, and one of these from which on it is."""
        for doubled in range(MOST_DOUBLED):
            steps = start + period * (2**doubled - 1)
            pairs = dict.fromkeys(zip(self.at(steps), self.at(steps + period), strict=True))
            # After t periods more, (a + u t) rate + b + v t must not be positive.
            lines = [(a, b, c - a, d - b) for (b, a), (d, c) in pairs]
            held = (line for line in lines if line[0] > 0)
            least = min(held, key=lambda line: Fraction(-line[1], line[0]), default=None)
            if least and all(_holds(line, least) for line in lines):
                form, slope = (Affine.symbol(self.rate) * x + y for x, y in (least[:2], least[2:]))
                line = StepLine(form - slope * Fraction(steps, period), slope / period)
                return steps, RateBound.of(line, self.rate)
        return None


def _holds(line: Sequence[int], least: Sequence[int]) -> bool:
    """Whether a line never falls with the rate, nor is positive where the least one is 0, as the powers of t tell."""
    (a, b, u, v), (x, y, p, q) = line, least
    return a >= 0 and u >= 0 and b * x <= a * y and b * p + v * x <= a * q + u * y and v * p <= u * q

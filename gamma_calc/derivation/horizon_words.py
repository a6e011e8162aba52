"""The largest rate for which something stays bounded for T steps, as a formula in T, from a law that is proved.

For T steps, products of the law's families ask that some lines, affine in the rate, are at most 0: each family turned
not at all, or as often as there is time for. Along T = first + j * period, j >= 0, these numbers of turns are affine in
j, and so each line is a form plus j times another. One of them is the formula if, where it is 0, no other is above 0: a
quadratic in j, which is at most 0 for every j if its coefficients are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import gcd, lcm

from gamma_calc.algebra.affine import Affine
from gamma_calc.derivation.checker import LOWER, UPPER, ZERO, Family, Law, Run

LATEST = 64
"""The largest step from which on a formula is looked for, and the longest period."""
MOST_PRODUCTS = 1000
"""Products of families beyond which no formula is looked for."""
Ratio = tuple[int, int, int, int]
"""p, q, u, v without a common divisor, for the rate -(p + q T)/(u + v T)."""


@dataclass(frozen=True, slots=True)
class Line:
    """start + j * growth, which has to be at most 0."""

    start: Affine
    growth: Affine

    def numbers(self, rate: str) -> tuple[tuple[Fraction, Fraction], ...]:
        """The coefficients of the rate and the constants, of the start and of the growth."""
        return tuple((each.coefficient(rate), each.constant) for each in (self.start, self.growth))

    def rises(self, rate: str) -> bool:
        """Whether a larger rate never makes it less."""
        return all(slope >= 0 for slope, _ in self.numbers(rate))

    def is_met_by(self, other: Line, rate: str) -> bool:
        """Whether it is at most 0 for every j at the rate where another one is 0."""
        (a, b), (c, d) = self.numbers(rate)
        (e, f), (g, h) = other.numbers(rate)
        return all(each <= 0 for each in (b * e - a * f, b * g + d * e - a * h - c * f, d * g - c * h))


@dataclass(frozen=True, slots=True)
class Horizon:
    """What bounds some quantities: the forms of each early step, and products of families at every later one, each with
    what a step adds to it; the families are as they are one step before."""

    rate: str
    early: tuple[tuple[Affine, ...], ...]
    products: tuple[tuple[Affine, tuple[Family, ...]], ...]

    @property
    def families(self) -> list[Family]:
        """The families of all products, each once."""
        return list(dict.fromkeys(family for _, families in self.products for family in families))

    @property
    def period(self) -> int:
        """Steps after which every cycle has turned a whole number of times."""
        return lcm(*(steps for _, _, turns in self.families for _, steps in turns))

    @property
    def start(self) -> int:
        """The first step at which all families are there."""
        return len(self.early) + 1 + max((length for _, length, _ in self.families), default=0)

    def lines(self, steps: int) -> list[Line]:
        """The lines from so many steps on, j being the periods that follow."""
        found = dict.fromkeys((form, ZERO) for forms in self.early[:steps] for form in forms)
        time = steps - len(self.early) - 1
        ends = {family: self.ends(family, time) for family in self.families if time >= 0}
        for rest, families in self.products if time >= 0 else ():
            for way in product(*(ends[family] for family in families)):
                found[sum((start for start, _ in way), rest), sum((growth for _, growth in way), ZERO)] = None
        return [Line(*each) for each in found]

    def ends(self, family: Family, time: int) -> list[tuple[Affine, Affine]]:
        """A family with no turn, and with as many as there is time for; nothing before it is there."""
        base, length, turns = family
        turned = [(base + turn * ((time - length) // each), turn * (self.period // each)) for turn, each in turns]
        return [(base, ZERO), *turned] if time >= length else []

    def largest(self, lines: Iterable[Line]) -> Fraction | None:
        """The largest rate by some lines at their start; None where every one will do."""
        numbers = [line.numbers(self.rate)[0] for line in lines]
        return min((-constant / slope for slope, constant in numbers if slope), default=None)

    def formula(self, steps: int) -> Ratio | None:
        """The largest rate at these steps and all that follow them by whole periods; None if no one line gives it."""
        lines = self.lines(steps)
        if not all(line.rises(self.rate) for line in lines):
            return None
        least = self.largest(lines)
        for line in lines:
            slope, constant = line.numbers(self.rate)[0]
            if slope and -constant / slope == least and all(other.is_met_by(line, self.rate) for other in lines):
                growth = line.growth / self.period
                return _ratio(line.start - growth * steps, growth, self.rate)
        return None


def horizon_text(run: Run, rate: str, quantities: Sequence[str]) -> str:
    """Up to which rate quantities stay at most 0 for T steps, where a run's law proves a formula for it, or nothing."""
    horizon = None if run.law is None or run.is_settled or run.where else _horizon(run, run.law, rate, quantities)
    if horizon is None or len(horizon.products) > MOST_PRODUCTS or horizon.period > LATEST:
        return ""
    for since in range(horizon.start, LATEST + 1):
        found = [horizon.formula(steps) for steps in range(since, since + horizon.period)]
        formulas = [each for each in found if each is not None]
        if len(formulas) == len(found):
            return _text(horizon, since, formulas)
    return ""


def _horizon(run: Run, law: Law, rate: str, quantities: Sequence[str]) -> Horizon | None:
    """What bounds the quantities; None where that is not known exactly, or not of the rate alone and single cycles."""
    sizes = [step[of].bounds for step in run.steps[:-1] for of in quantities]
    later = [law.looked_at[of].bounds for of in quantities]
    if not law.is_exact or any({*bounds[LOWER]} != {*bounds[UPPER]} for bounds in (*sizes, *later)):
        return None
    every = [family for families in law.families.values() for family in families]
    pieces = dict.fromkeys(piece for bounds in later for piece in bounds[UPPER])
    products = dict.fromkeys(
        (sum((-law.x[i] for i in law.factors(piece)), piece), tuple(sorted(way, key=str)))
        for piece in pieces
        for way in product(*(law.families.get(i, []) for i in law.factors(piece)))
    )
    forms = [*run.domain, *(form for bounds in sizes for form in bounds[UPPER]), *(rest for rest, _ in products)]
    forms += [form for base, _, turns in every for form in (base, *(turn for turn, _ in turns))]
    is_alone = not any(rate in each.free for each in run.domain) and {f for each in forms for f in each.free} <= {rate}
    if not is_alone or any(len(turns) > 1 for _, _, turns in every):
        return None
    early = [tuple(form for of in quantities for form in step[of].bounds[UPPER]) for step in run.steps[:-1]]
    return Horizon(rate, tuple(early), tuple(products))


def _ratio(start: Affine, slope: Affine, rate: str) -> Ratio:
    numbers = [start.constant, slope.constant, start.coefficient(rate), slope.coefficient(rate)]
    if numbers[0] * numbers[3] == numbers[1] * numbers[2]:  # the same for every T
        value = (numbers[0], numbers[2]) if numbers[2] else (numbers[1], numbers[3])
        numbers = [value[0], Fraction(0), value[1], Fraction(0)]
    factor = lcm(*(each.denominator for each in numbers))
    p, q, u, v = (int(each * factor) for each in numbers)
    divisor = gcd(p, q, u, v)
    return p // divisor, q // divisor, u // divisor, v // divisor


def _text(horizon: Horizon, since: int, formulas: Sequence[Ratio]) -> str:
    """The formulas, from the first step on that they give, and the rates of the steps before it."""
    period = len(formulas) if len({*formulas}) > 1 else 1
    by_place = {(since + i) % period: each for i, each in enumerate(formulas)}
    while since > 1 and _is_given(by_place[(since - 1) % period], since - 1, horizon.largest(horizon.lines(since - 1))):
        since -= 1
    early = [horizon.largest(horizon.lines(steps)) for steps in range(1, since)]
    before = "".join(f", {'any' if each is None else each} at T = {t}" for t, each in enumerate(early, 1))
    cases = [_shown(by_place[i]) + (f" if T mod {period} = {i}" if period > 1 else "") for i in range(period)]
    p, q, u, v = formulas[0]
    if not any(q or v for _, q, _, v in formulas):
        return ""  # no more than the region for every step count says
    limit = Fraction(-q, v) if v else "-oo" if q else Fraction(-p, u)
    return f"{horizon.rate} <= {'; '.join(cases)} (T >= {since}{before}); tends to {limit}, which no T attains"


def _is_given(formula: Ratio, steps: int, value: Fraction | None) -> bool:
    p, q, u, v = formula
    return u + v * steps > 0 and value == Fraction(-p - q * steps, u + v * steps)


def _shown(formula: Ratio) -> str:
    """The formula in T.

    >>> _shown((-2, 2, -1, 2))
    '-(2*T - 2)/(2*T - 1)'
    """
    p, q, u, v = formula
    above, below = (Affine((("T", Fraction(slope)),), Fraction(constant)) for constant, slope in ((p, q), (u, v)))
    if not v:
        return str(-above / u)
    is_turned = (q or p) > 0
    return f"{'-' if is_turned else ''}({above if is_turned else -above})/({below})"

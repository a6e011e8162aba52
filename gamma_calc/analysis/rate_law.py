"""The largest stable rate after T steps, as a formula in T: the least of a few ratios of linear functions of T.

After T steps a family of exponents asks that rate * (u + v T) + (p + q T) <= 0, so that the rate is at most
-(p + q T)/(u + v T). Two such ratios differ by a quadratic in T over a positive number, so from some step on one of
them is the least for good; where that is follows from the quadratic's roots, and before it the rate is listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cmp_to_key
from math import gcd, isqrt, lcm

from gamma_calc.algebra import Affine, Constraint, Equality, Inequality, Polyhedron
from gamma_calc.algebra.notation import linear_latex, linear_text, rational_latex
from gamma_calc.analysis.families import Family
from gamma_calc.analysis.turns import Writer, shortest

LISTED = 64
"""Steps before the formula whose rates are listed."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """-(p + q T)/(u + v T), with coprime integers and u + v T > 0 where it is used."""

    p: int
    q: int
    u: int
    v: int

    @classmethod
    def of(cls, *numbers: Fraction) -> Ratio:
        """The ratio with these four numbers, brought to coprime integers."""
        factor = lcm(*(number.denominator for number in numbers))
        whole = [int(number * factor) for number in numbers]
        divisor = gcd(*whole) or 1
        p, q, u, v = (number // divisor for number in whole)
        return cls(*(constant(p, q, u, v) or (p, q, u, v)))

    def at(self, steps: int) -> Fraction:
        """The value after so many steps."""
        return Fraction(-self.p - self.q * steps, self.u + self.v * steps)

    @property
    def limit(self) -> Fraction | None:
        """The value for T to infinity, None for -oo."""
        if self.v:
            return Fraction(-self.q, self.v)
        return None if self.q else Fraction(-self.p, self.u)

    @property
    def is_constant(self) -> bool:
        """Whether it does not change with T."""
        return not self.q and not self.v

    def __str__(self) -> str:
        if not self.v:
            return _linear(linear_text, Fraction(-self.p, self.u), Fraction(-self.q, self.u))
        sign, above, below = self._parts(linear_text)
        return f"{sign}({above})/({below})"

    def latex(self) -> str:
        """The formula as LaTeX."""
        if not self.v:
            return _linear(linear_latex, Fraction(-self.p, self.u), Fraction(-self.q, self.u))
        sign, above, below = self._parts(linear_latex)
        return rf"{sign}\frac{{{above}}}{{{below}}}"

    def _parts(self, write: Writer) -> tuple[str, str, str]:
        """A minus sign where the numerator then begins with none; the numerator and the denominator."""
        is_turned = (self.q or self.p) > 0
        sign = 1 if is_turned else -1
        above = _linear(write, Fraction(sign * self.p), Fraction(sign * self.q))
        return "-" if is_turned else "", above, _linear(write, Fraction(self.u), Fraction(self.v))


def constant(p: int, q: int, u: int, v: int) -> tuple[int, int, int, int] | None:
    """The numbers of the same ratio without T, where it does not depend on it."""
    if p * v != q * u or not (q or v):
        return None
    value = Fraction(p, u) if u else Fraction(q, v)
    return value.numerator, 0, value.denominator, 0


def _linear(write: Writer, at_zero: Fraction, slope: Fraction) -> str:
    return write([("T", slope)] if slope else [], at_zero)


@dataclass(frozen=True, slots=True)
class RateLaw:
    """The largest stable value of a rate after T steps.

    `formulas` has one ratio for each remainder of T by their number; they hold from step `since` on. Before that the
    rates are those of `early`, one a step from step 1 on (None: every value is stable so far). `attained_at` is the
    first step with the limit's value, None where every step count allows more.
    """

    rate: str
    formulas: tuple[Ratio, ...]
    since: int
    early: tuple[Fraction | None, ...]
    attained_at: int | None

    @property
    def limit(self) -> Fraction | None:
        """What the rate falls to as T grows: the largest one that is stable at every T; None for -oo."""
        return self.formulas[0].limit

    def at(self, steps: int) -> Fraction | None:
        """The largest stable rate after so many steps; None where every one is stable."""
        if steps < self.since:
            return self.early[steps - 1]
        return self.formulas[steps % len(self.formulas)].at(steps)

    def __str__(self) -> str:
        return self._cases([str(each) for each in self.formulas], "{} if T mod {} = {}", "; ")

    def latex(self) -> str:
        """The formula as LaTeX."""
        texts = [each.latex() for each in self.formulas]
        return self._cases(texts, r"{}\ \text{{if}}\ T \bmod {} = {}", r",\ ")

    def _cases(self, texts: Sequence[str], case: str, separator: str) -> str:
        if len(texts) == 1:
            return texts[0]
        return separator.join(case.format(text, len(texts), place) for place, text in enumerate(texts))

    @property
    def limit_latex(self) -> str:
        """The limit as LaTeX."""
        return r"-\infty" if self.limit is None else rational_latex(self.limit)


def rate_law(rate: str, every: Sequence[Family], domain: Polyhedron) -> RateLaw | str:
    """The largest stable rate by number of steps, or why there is no formula for it.

    Assumes:
        The rate is the only free exponent of the families and of the domain, which is closed.
    """
    fixed = [Line(-side, Affine.of(0)) for side in sides(domain) if side.coefficient(rate) < 0]
    period = lcm(*(len(turns.law.offsets) for each in every for _, turns in each.turns))
    lines = [[*lines_of(every, residue), *fixed] for residue in range(period)]
    for line in (line for cases in lines for line in cases):
        if line.direction(rate) < 0:
            return f"training also bounds {rate} from below"
        if not line.direction(rate) and line.ends_positive:
            return "nothing is stable from some step on"
    ratios = [[line.ratio(rate) for line in cases if line.direction(rate)] for cases in lines]
    if not all(ratios):
        return f"nothing bounds {rate} from above"
    begun = max([1, *(each.since for each in every), *(line.begins(rate) for cases in lines for line in cases)])
    found = _settled(rate, ratios, begun, [*every, *(Family.fixed(line.form) for line in fixed)])
    if isinstance(found, str):
        return found
    early = (form for steps in range(1, begun) for family in every for form in family.corners(steps))
    asked = [*(-side for side in sides(domain)), *early]
    if any(_is_out(form, rate, found.limit) for form in asked):
        return f"no {rate} of the domain is stable for every number of steps"
    return found


def _is_out(form: Affine, rate: str, limit: Fraction | None) -> bool:
    """Whether a form that must not be positive asks for more than the limit, or for what no rate gives."""
    coefficient = form.coefficient(rate)
    if coefficient < 0:
        return limit is None or form.at({rate: limit}) > 0
    return not coefficient and form.constant > 0


def sides(domain: Polyhedron) -> list[Affine]:
    """The forms that are at least 0 on a domain."""
    return [form for each in domain.constraints for form in _sides(each)]


def _sides(constraint: Constraint) -> tuple[Affine, ...]:
    return (constraint.form, -constraint.form) if isinstance(constraint, Equality) else (constraint.form,)


@dataclass(frozen=True, slots=True)
class Line:
    """form + slope * T, which has to be at most 0."""

    form: Affine
    slope: Affine

    def direction(self, rate: str) -> Fraction:
        """What the coefficient of the rate grows to have the sign of."""
        return self.slope.coefficient(rate) or self.form.coefficient(rate)

    def is_never_positive(self, domain: Polyhedron) -> bool:
        """Whether it is at most 0 on a domain at every T, as far as that is plain to see."""
        return all(domain.implies(Inequality(-each)) for each in (self.form + self.slope, self.slope))

    @property
    def ends_positive(self) -> bool:
        """Whether the constant is positive at some large T."""
        return self.slope.constant > 0 or (not self.slope.constant and self.form.constant > 0)

    def begins(self, rate: str) -> int:
        """A step from which the coefficient of the rate has its final sign, or, without one, the constant has."""
        before, growth = self.form.coefficient(rate), self.slope.coefficient(rate)
        if not growth and not before:
            before, growth = self.form.constant, self.slope.constant
        return max(1, int(-before / growth) + 1) if growth else 1

    def ratio(self, rate: str) -> Ratio:
        """The bound on the rate."""
        forms = (self.form, self.slope)
        return Ratio.of(*(form.constant for form in forms), *(form.coefficient(rate) for form in forms))


def lines_of(every: Iterable[Family], residue: int) -> Iterator[Line]:
    """The families' corners at steps with a remainder, from where their numbers of turns are regular."""
    for family in every:
        found = [Line(family.base, Affine.of(0))]
        for weight, turns in family.turns:
            law = turns.law
            offset = law.offsets[residue % len(law.offsets)]
            turned = [Line(line.form + weight * offset, line.slope + weight * law.slope) for line in found]
            found = list(dict.fromkeys((*found, *turned)))
        yield from found


def _settled(rate: str, ratios: Sequence[Sequence[Ratio]], begun: int, every: Sequence[Family]) -> RateLaw | str:
    """The ratios that are the least in the long run, and from which step on they are."""
    formulas, since = [], begun
    for cases in ratios:
        least = min(cases, key=cmp_to_key(_in_the_long_run))
        since = max([since, *(_last_above(least, other) + 1 for other in cases)])
        formulas.append(least)
    while since > 1 and _is_given(formulas[(since - 1) % len(formulas)], since - 1, _largest(rate, every, since - 1)):
        since -= 1
    if since > LISTED:
        return f"the formula would hold only from step {since} on"
    early = tuple(_largest(rate, every, steps) for steps in range(1, since))
    law = RateLaw(rate, shortest(tuple(formulas)), since, early, None)
    if not all(each.is_constant for each in formulas):
        return law
    return replace(law, attained_at=next(steps for steps in range(1, since + 1) if law.at(steps) == law.limit))


def _is_given(formula: Ratio, steps: int, value: Fraction | None) -> bool:
    return formula.u + formula.v * steps > 0 and formula.at(steps) == value


def _difference(first: Ratio, second: Ratio) -> tuple[int, int, int]:
    """The quadratic in T, highest power first, with the sign of the first ratio less the second."""
    return (
        second.q * first.v - first.q * second.v,
        second.p * first.v + second.q * first.u - first.p * second.v - first.q * second.u,
        second.p * first.u - first.p * second.u,
    )


def _in_the_long_run(first: Ratio, second: Ratio) -> int:
    """The sign of the first ratio less the second one for all large T."""
    leading = next((number for number in _difference(first, second) if number), 0)
    return (leading > 0) - (leading < 0)


def _last_above(least: Ratio, other: Ratio) -> int:
    """A step after which the first ratio, the lesser in the long run, is never above the second."""
    a, b, c = _difference(least, other)
    if not a:
        return max(0, c // -b) + 1 if b else 0
    discriminant = b * b - 4 * a * c
    return max(0, (b + isqrt(discriminant) + 1) // (-2 * a) + 1) if discriminant >= 0 else 0


def _largest(rate: str, every: Iterable[Family], steps: int) -> Fraction | None:
    """The largest stable rate after so many steps, as the families' corners have it."""
    forms = [form for family in every for form in family.corners(steps) if form.coefficient(rate) > 0]
    return min((-form.constant / form.coefficient(rate) for form in forms), default=None)

"""The largest stable rate after T steps as a formula in T: the least of a few ratios that are linear in T.

After T steps a family of exponents asks that rate * (u + v T) + (p + q T) <= 0, with p and q forms in the other free
exponents: the rate is at most -(p + q T)/(u + v T). Two such ratios differ by a quadratic in T over a positive number.
So where nothing but the rate is free, from some step on one of them is the least for good; before it the rate is
listed. As T grows each of these bounds tends to one without T.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

from gamma_calc.algebra import EVERYWHERE, Affine, Equality, Inequality, Polyhedron, Region
from gamma_calc.algebra.notation import linear_latex, linear_text, rational_latex
from gamma_calc.analysis.largest_rates import LargestRate, largest_rate
from gamma_calc.maxplus.horizon_families import HorizonFamily
from gamma_calc.maxplus.quasi_linear import Writer, shortest

LISTED = 64
"""Steps before the formula whose rates are listed."""
MOST_TRIED = 4096
"""Steps for which it is tried whether the formula already holds."""
MOST_BOUNDS = 8
"""Bounds beyond which a formula says no more than the families."""
NOTHING = Affine.of(0)


@dataclass(frozen=True, slots=True)
class RateBound:
    """-(above + above_turn T)/(below + below_turn T): forms over numbers, the denominator positive where it is used."""

    above: Affine
    above_turn: Affine
    below: Fraction
    below_turn: Fraction

    @classmethod
    def of(cls, line: StepLine, rate: str) -> RateBound:
        """What a line asks of a rate that it holds down, with whole numbers throughout."""
        above, above_turn = (form.substituted({rate: NOTHING}) for form in (line.form, line.slope))
        below, below_turn = (form.coefficient(rate) for form in (line.form, line.slope))
        numbers = [below, below_turn, *_numbers(above), *_numbers(above_turn)]
        factor = lcm(*(number.denominator for number in numbers))
        bound = cls(above * factor, above_turn * factor, below * factor, below_turn * factor)
        if not bound.below_turn or bound.drop != NOTHING:
            return bound
        value = bound.above / bound.below if bound.below else bound.above_turn / bound.below_turn
        return cls(value, NOTHING, Fraction(1), Fraction(0))

    def at(self, steps: int) -> Affine:
        """The bound after so many steps."""
        return -(self.above + self.above_turn * steps) / (self.below + self.below_turn * steps)

    @property
    def is_constant(self) -> bool:
        """Whether it does not change with T."""
        return not self.below_turn and self.above_turn == NOTHING

    @property
    def drop(self) -> Affine:
        """Positive where the bound falls with T, 0 where it stays, negative where it rises."""
        return self.above_turn * self.below - self.above * self.below_turn

    def is_above(self, other: RateBound, since: int, domain: Polyhedron) -> bool:
        """Whether the other bound is no larger at any step from `since` on, as the powers of T tell."""
        # With T = since + t: other.above * below - above * other.below, a polynomial in t.
        mine, theirs = (each.above + each.above_turn * since for each in (self, other))
        below, their_below = (each.below + each.below_turn * since for each in (self, other))
        powers = (
            theirs * below - mine * their_below,
            theirs * self.below_turn
            + other.above_turn * below
            - mine * other.below_turn
            - self.above_turn * their_below,
            other.above_turn * self.below_turn - self.above_turn * other.below_turn,
        )
        return all(domain.implies(Inequality(power)) for power in powers)

    def __str__(self) -> str:
        if not self.below_turn:
            return _sum(_times_steps(str(-self.above_turn / self.below), "*T"), str(-self.above / self.below))
        above = _sum(_times_steps(str(self.above_turn), "*T"), str(self.above))
        below = _sum(_times_steps(str(self.below_turn), "*T"), str(self.below))
        return f"-({above})/({below})"

    def latex(self) -> str:
        """The bound as LaTeX."""
        above = _sum(_times_steps(self.above_turn.latex(), r" \, T"), self.above.latex())
        below = _sum(_times_steps(rational_latex(self.below_turn), r" \, T"), rational_latex(self.below))
        return f"-({above})" if below == "1" else rf"-\frac{{{above}}}{{{below}}}"

    def ratio(self, write: Writer, fraction: str) -> str:
        """The bound without other exponents: a ratio of lines in T, a minus in front where it begins with one."""
        above, below = (self.above.constant, self.above_turn.constant), (self.below, self.below_turn)
        if not self.below_turn:
            return _linear(write, *(-number / self.below for number in above))
        is_negative = (above[1] or above[0]) > 0
        divisor = gcd(*(int(number) for number in (*above, *below)))
        numerator = _linear(write, *(number / (divisor if is_negative else -divisor) for number in above))
        return "-" * is_negative + fraction.format(numerator, _linear(write, *(number / divisor for number in below)))


@dataclass(frozen=True, slots=True)
class RateLaw:
    """The largest stable value of a rate after T steps, as a function of T and of the other free exponents.

    `others` are those exponents. `cases` has the bounds, of which the least counts, for each remainder of T by their
    number: one bound where nothing else is free. They hold from step `since` on, and on `valid_on`: there every T has
    some stable rate, and elsewhere some T has none. Before that the rates are those of `early`, one a step from step 1
    on. There are no cases where the bounds would be more than `MOST_BOUNDS`: the families are then the law. `limit` is
    what the rate falls to as T grows: the largest one that is stable at every T, -oo where it has no bounds; on
    `attained`, a region of the other exponents, some T has it already.
    """

    rate: str
    others: tuple[str, ...]
    cases: tuple[tuple[RateBound, ...], ...]
    valid_on: Polyhedron
    since: int
    early: tuple[LargestRate, ...]
    limit: LargestRate
    attained: Region

    @property
    def is_constant(self) -> bool:
        """Whether there is a formula, and it does not change with T."""
        return len(self.cases) == 1 and all(bound.is_constant for bound in self.cases[0])

    @property
    def attained_at(self) -> int | None:
        """The first step with the limit's value; None where no formula says so, or every step count allows more."""
        steps = range(1, self.since + 1) if self.is_constant else ()
        return next((t for t in steps if self.bounds(t) == self.limit.bounds), None)

    def bounds(self, steps: int) -> tuple[Affine, ...]:
        """The forms of which the least is the largest stable rate after so many steps; none where there is no formula.

        A step at which every rate is stable, or none, has none either.
        """
        if not self.cases:
            return ()
        if steps < self.since:
            return self.early[steps - 1].bounds or ()
        return tuple(bound.at(steps) for bound in self.cases[steps % len(self.cases)])

    def __str__(self) -> str:
        written = str if self.others else lambda bound: bound.ratio(linear_text, "({})/({})")
        texts = [_least([written(bound) for bound in bounds]) for bounds in self.cases]
        if len(texts) == 1:
            return texts[0]
        return "; ".join(f"{text} if T mod {len(texts)} = {place}" for place, text in enumerate(texts))

    def latex(self) -> str:
        """The formula as LaTeX."""
        written = RateBound.latex if self.others else lambda bound: bound.ratio(linear_latex, r"\frac{{{}}}{{{}}}")
        texts = [_least([written(bound) for bound in bounds], r"\min") for bounds in self.cases]
        if len(texts) == 1:
            return texts[0]
        return r",\ ".join(rf"{text}\ \text{{if}}\ T \bmod {len(texts)} = {place}" for place, text in enumerate(texts))

    @property
    def statement(self) -> str:
        """The law in words: the formula, from which step on it holds, the rates before it, and what it tends to."""
        early = "".join(f", {self._early(each)} at T = {t}" for t, each in enumerate(self.early, 1))
        where = "" if self.valid_on.is_everywhere else f" where {self.valid_on}"
        return f"{self.rate} <= {self}{where} (T >= {self.since}{early}); {self.tendency}"

    def _early(self, rate: LargestRate) -> str:
        return rate.value or (rate.reason if self.others else "any")

    @property
    def tendency(self) -> str:
        """What the largest rate tends to, in words."""
        if not self.others:
            return f"tends to {self.limit.value or '-oo'}, which no T attains"
        if self.limit.value is None:
            return f"for every step count: {self.limit.reason}"
        on = "" if self.limit.valid_on == self.valid_on else f" where {self.limit.valid_on}"
        where = "which no T attains" if self.attained.is_empty else f"which some T attains where {self.attained}"
        return f"the largest {self.rate} tends to {self.limit.value}{on}, {where}"


@dataclass(frozen=True, slots=True)
class StepLine:
    """form + slope * T, which has to be at most 0."""

    form: Affine
    slope: Affine

    def direction(self, rate: str) -> Fraction:
        """What the coefficient of the rate grows to have the sign of."""
        return self.slope.coefficient(rate) or self.form.coefficient(rate)

    def is_never_positive(self, domain: Polyhedron) -> bool:
        """Whether it is at most 0 on a domain at every T, as far as that is plain to see."""
        return all(domain.implies(Inequality(-each)) for each in (self.form + self.slope, self.slope))

    def begins(self, rate: str) -> int:
        """A step from which the coefficient of the rate has its final sign, or, without one, the constant has."""
        before, growth = self.form.coefficient(rate), self.slope.coefficient(rate)
        if not growth and not before:
            before, growth = self.form.constant, self.slope.constant
        return max(1, int(-before / growth) + 1) if growth else 1


def rate_law(rate: str, every: Sequence[HorizonFamily], domain: Polyhedron, others: tuple[str, ...]) -> RateLaw | str:
    """The largest stable rate by number of steps and by the other free exponents, or why there is no formula.

    Assumes:
        The rate and `others` are the free exponents of the families and of the domain, which is closed.
    """
    sides = [form for each in domain.constraints for form in each.sides]
    fixed = [StepLine(-side, NOTHING) for side in sides if side.coefficient(rate) < 0]
    period = lcm(*(len(turns.law.offsets) for each in every for _, turns in each.turns))
    lines = [[*dict.fromkeys(_lines(every, residue)), *fixed] for residue in range(period)]
    if any(line.direction(rate) < 0 and not line.is_never_positive(domain) for each in lines for line in each):
        return f"training also bounds {rate} from below"
    if not others and any(
        (line.slope.constant or line.form.constant) > 0 for each in lines for line in each if not line.direction(rate)
    ):
        return "nothing is stable from some step on"
    held = [[line for line in each if line.direction(rate) > 0] for each in lines]
    if not all(held):
        return f"nothing bounds {rate} from above"
    since = max([1, *(each.since for each in every), *(line.begins(rate) for each in held for line in each)])
    bounds = [tuple(dict.fromkeys(RateBound.of(line, rate) for line in each)) for each in held]
    least = None if others else [_last_least(each, since) for each in bounds]
    if least is not None:
        since = _first_given(rate, least, max(start for _, start in least), every, domain)
    if since > LISTED:
        return f"the formula would hold only from step {since} on"
    floors = [Affine.symbol(rate) - side / side.coefficient(rate) for side in sides if side.coefficient(rate) > 0]
    asked = (
        form
        for place, case in enumerate(lines)
        for form in _asked_of_others(case, rate, floors, since + (place - since) % period)
    )
    valid_on = domain.projected_out([rate]) & Polyhedron.of(*(Inequality(-form) for form in asked))
    if valid_on.is_empty:
        return f"no {rate} of the domain is stable for every number of steps"
    cases = shortest(tuple((bound,) for bound, _ in least)) if least else _cases(bounds, since, valid_on)
    early = tuple(largest_rate(rate, steps_region(every, domain, t)) for t in range(1, since)) if cases else ()
    limit = largest_rate(rate, limit_region(every, domain))
    first = [StepLine(form, NOTHING) for t in range(1, since) for family in every for form in family.corners(t)]
    met = [RateBound.of(line, rate) for line in first if line.direction(rate) > 0]
    attained = _attained(limit, dict.fromkeys(bound for each in (met, *bounds) for bound in each))
    return RateLaw(rate, others, cases, valid_on, since, early, limit, attained)


def _lines(every: Iterable[HorizonFamily], residue: int) -> Iterator[StepLine]:
    """The families' corners at steps with a remainder, from where their numbers of turns are regular."""
    for family in every:
        found = [StepLine(family.base, NOTHING)]
        for weight, turns in family.turns:
            law = turns.law
            offset = law.offsets[residue % len(law.offsets)]
            turned = [StepLine(line.form + weight * offset, line.slope + weight * law.slope) for line in found]
            found = list(dict.fromkeys((*found, *turned)))
        yield from found


def _last_least(bounds: Sequence[RateBound], since: int) -> tuple[RateBound, int]:
    """Of bounds without other exponents, the one that is the least for good, and the step from which powers tell it."""
    early, late = since - 1, since
    while len(least := _lowest(bounds, late, EVERYWHERE)) > 1:
        early, late = late, 2 * late
    while late - early > 1:
        middle = (early + late) // 2
        early, late = (early, middle) if len(_lowest(bounds, middle, EVERYWHERE)) == 1 else (middle, late)
    return least[0], late


def _first_given(
    rate: str, least: Sequence[tuple[RateBound, int]], since: int, every: Sequence[HorizonFamily], domain: Polyhedron
) -> int:
    """The first step from which on the bounds are the largest rate, which they are from a later one on.

    Of steps that are never listed not all are tried.
    """
    for steps in range(since - 1, max(0, since - MOST_TRIED), -1):
        bound, _ = least[steps % len(least)]
        is_bound = bound.below + bound.below_turn * steps > 0
        if not is_bound or largest_rate(rate, steps_region(every, domain, steps)).bounds != (bound.at(steps),):
            return steps + 1
    return max(1, since - MOST_TRIED)


def _asked_of_others(lines: Iterable[StepLine], rate: str, floors: Sequence[Affine], first: int) -> Iterator[Affine]:
    """What must not be positive for some rate to be stable at every T from a first one on.

    It is what lines without the rate say, and what those that hold it down say at the least rate of the domain. Both
    are affine in T, so they are never positive if they are not at first and do not grow.
    """
    for line in lines:
        if not line.direction(rate):
            yield from (line.form + line.slope * first, line.slope)
        elif line.direction(rate) > 0:
            for floor in floors:
                start, growth = (form.substituted({rate: floor}) for form in (line.form, line.slope))
                yield from (start + growth * first, growth)


def _cases(every: Sequence[Iterable[RateBound]], since: int, domain: Polyhedron) -> tuple[tuple[RateBound, ...], ...]:
    """The bounds that are needed by remainder of T, none where they are too many to read."""
    if any(sum(1 for _ in bounds) > 4 * MOST_BOUNDS for bounds in every):
        return ()
    cases = tuple(_lowest(bounds, since, domain) for bounds in every)
    return () if any(len(bounds) > MOST_BOUNDS for bounds in cases) else shortest(cases)


def limit_region(every: Iterable[HorizonFamily], domain: Polyhedron) -> Polyhedron:
    """Where the families are never positive, whatever T: at the first regular steps, and with no cycle that gains."""
    forms: dict[Affine, None] = {}
    for family in every:
        period = lcm(*(len(turns.law.offsets) for _, turns in family.turns))
        for steps in range(1, family.since + period):
            forms |= dict.fromkeys(family.corners(steps))
        forms |= dict.fromkeys(cycle for cycle, turns in family.turns if turns.law.slope)
    return domain & Polyhedron.of(*(Inequality(-form) for form in forms))


def steps_region(every: Iterable[HorizonFamily], domain: Polyhedron, steps: int) -> Polyhedron:
    """Where the families are not positive after so many steps."""
    corners = (corner for family in every for corner in family.corners(steps))
    return domain & Polyhedron.of(*(Inequality(-corner) for corner in corners))


def _lowest(bounds: Iterable[RateBound], since: int, domain: Polyhedron) -> tuple[RateBound, ...]:
    """The bounds that no other one is plainly below from some step on."""
    left: list[RateBound] = []
    for each in sorted(dict.fromkeys(bounds), key=lambda bound: (not bound.is_constant, str(bound))):
        if not any(each.is_above(other, since, domain) for other in left):
            left = [other for other in left if not other.is_above(each, since, domain)]
            left.append(each)
    return tuple(left)


def _attained(limit: LargestRate, bounds: Iterable[RateBound]) -> Region:
    """Where the limit is some step's value: where it is that of a bound that does not change with T there.

    At the limit no cycle gains and no family is positive. So where a bound with turns is met at some T, none of those
    turns adds anything, and it is met at every T.
    """
    if limit.bounds is None:
        return Region.of()
    members: dict[Polyhedron, None] = {}
    for bound in bounds:
        is_falling = bound.drop.is_constant and bound.drop != NOTHING
        if not is_falling and (bound.below_turn or bound.is_constant):
            form = -bound.above_turn / bound.below_turn if bound.below_turn else bound.at(0)
            members[_meets(limit, form) & Polyhedron.of(Equality(bound.drop))] = None
    return Region.of(*(member for member in members if not member.is_empty))


def _meets(limit: LargestRate, form: Affine) -> Polyhedron:
    """Where a form is no more than the limit, which is no more than any bound."""
    return limit.valid_on & Polyhedron.of(*(Inequality(bound - form) for bound in limit.bounds or ()))


def _numbers(form: Affine) -> Iterator[Fraction]:
    yield form.constant
    yield from (coefficient for _, coefficient in form.terms)


def _least(texts: Sequence[str], word: str = "min") -> str:
    return texts[0] if len(texts) == 1 else f"{word}({', '.join(texts)})"


def _times_steps(text: str, steps: str) -> str:
    """A form times T."""
    if text in ("1", "-1"):
        return text.removesuffix("1") + "T"
    return f"({text}){steps}" if " " in text else f"{text}{steps}"


def _sum(turned: str, still: str) -> str:
    """What goes with T and what does not, without what is 0."""
    texts = [text for text in (turned if not turned.startswith("0") else "0", still) if text != "0"]
    return " + ".join(texts).replace("+ -", "- ") or "0"


def _linear(write: Writer, at_zero: Fraction, slope: Fraction) -> str:
    return write([("T", slope)] if slope else [], at_zero)

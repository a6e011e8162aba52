"""The largest stable rate after T steps where other exponents are free, too: the least of a few ratios, linear in T.

After T steps a family of exponents asks that rate * (u + v T) + (p + q T) <= 0, with p and q forms in the other
exponents: the rate is at most -(p + q T)/(u + v T). As T grows each of these bounds tends to one without T.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from gamma_calc.algebra import Affine, Equality, Inequality, Polyhedron, Region
from gamma_calc.algebra.notation import rational_latex
from gamma_calc.analysis.families import Family
from gamma_calc.analysis.largest_rates import LargestRate, largest_rate
from gamma_calc.analysis.rate_law import LISTED, Line, lines_of, sides
from gamma_calc.analysis.turns import shortest

MOST_BOUNDS = 8
"""Bounds beyond which a formula says no more than the families."""


@dataclass(frozen=True, slots=True)
class RateBound:
    """-(above + above_turn T)/(below + below_turn T): forms over numbers, the denominator positive where it is used."""

    above: Affine
    above_turn: Affine
    below: Fraction
    below_turn: Fraction

    @classmethod
    def of(cls, line: Line, rate: str) -> RateBound:
        """What a line asks of a rate that it holds down, with coprime integers below."""
        forms, numbers = zip(*(_parted(form, rate) for form in (line.form, line.slope)), strict=True)
        factor = lcm(*(number.denominator for form in forms for number in _numbers(form)), *map(_denominator, numbers))
        return cls(*(form * factor for form in forms), *(number * factor for number in numbers))._reduced()

    def at(self, steps: int) -> Affine:
        """The bound after so many steps."""
        return -(self.above + self.above_turn * steps) / (self.below + self.below_turn * steps)

    @property
    def is_constant(self) -> bool:
        """Whether it does not change with T."""
        return not self.below_turn and self.above_turn == Affine.of(0)

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

    def _reduced(self) -> RateBound:
        """Without T where it cancels."""
        if not self.below_turn or self.drop != Affine.of(0):
            return self
        if self.below:
            return RateBound(self.above / self.below, Affine.of(0), Fraction(1), Fraction(0))
        return RateBound(self.above_turn / self.below_turn, Affine.of(0), Fraction(1), Fraction(0))

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


@dataclass(frozen=True, slots=True)
class JointRateLaw:
    """The largest stable value of a rate after T steps, as a function of T and of the other free exponents.

    `cases` has the bounds, of which the least counts, for each remainder of T by their number; they hold from step
    `since` on, and on `valid_on`: there every T has some stable rate, and elsewhere some T has none. Before that the
    rates are those of `early`, one a step from step 1 on. There are no cases where the bounds would be more than
    `MOST_BOUNDS`: the families are then the law. `limit` is what the rate falls to as T grows: the largest one that is
    stable at every T; on `attained`, a region of the other exponents, some T has it already.
    """

    rate: str
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
        texts = [_least([str(bound) for bound in bounds]) for bounds in self.cases]
        if len(texts) == 1:
            return texts[0]
        return "; ".join(f"{text} if T mod {len(texts)} = {place}" for place, text in enumerate(texts))

    def latex(self) -> str:
        """The formula as LaTeX."""
        texts = [_least([bound.latex() for bound in bounds], r"\min") for bounds in self.cases]
        if len(texts) == 1:
            return texts[0]
        return r",\ ".join(rf"{text}\ \text{{if}}\ T \bmod {len(texts)} = {place}" for place, text in enumerate(texts))


def joint_rate_law(rate: str, every: Sequence[Family], domain: Polyhedron) -> JointRateLaw | str:
    """The largest stable rate by number of steps and by the other free exponents, or why there is no formula."""
    fixed = [Line(-side, Affine.of(0)) for side in sides(domain) if side.coefficient(rate) < 0]
    period = lcm(*(len(turns.law.offsets) for each in every for _, turns in each.turns))
    lines = [[*lines_of(every, residue), *fixed] for residue in range(period)]
    if any(line.direction(rate) < 0 and not line.is_never_positive(domain) for each in lines for line in each):
        return f"training also bounds {rate} from below"
    held = [[line for line in each if line.direction(rate) > 0] for each in lines]
    if not all(held):
        return f"nothing bounds {rate} from above"
    since = max([1, *(each.since for each in every), *(line.begins(rate) for each in held for line in each)])
    if since > LISTED:
        return f"the formula would hold only from step {since} on"
    limit = largest_rate(rate, limit_region(every, domain))
    bounds = [dict.fromkeys(RateBound.of(line, rate) for line in each) for each in held]
    first = [Line(form, Affine.of(0)) for t in range(1, since) for family in every for form in family.corners(t)]
    asked = [
        *(RateBound.of(line, rate) for line in first if line.direction(rate) > 0),
        *(b for each in bounds for b in each),
    ]
    valid_on = domain.projected_out([rate]) & Polyhedron.of(
        *(
            Inequality(-form)
            for place, case in enumerate(lines)
            for form in _asked_of_others(case, rate, domain, since + (place - since) % period)
        )
    )
    if valid_on.is_empty:
        return f"no {rate} of the domain is stable for every number of steps"
    cases = _cases(bounds, since, valid_on)
    early = tuple(largest_rate(rate, _region(every, domain, steps)) for steps in range(1, since)) if cases else ()
    return JointRateLaw(rate, cases, valid_on, since, early, limit, _attained(limit, dict.fromkeys(asked)))


def _asked_of_others(lines: Iterable[Line], rate: str, domain: Polyhedron, first: int) -> Iterator[Affine]:
    """What must not be positive for some rate to be stable at every T from a first one on.

    It is what lines without the rate say, and what those that hold it down say at the least rate of the domain. Both
    are affine in T, so they are never positive if they are not at first and do not grow.
    """
    floors = [form for form in sides(domain) if form.coefficient(rate) > 0]
    least = [Affine.symbol(rate) - form / form.coefficient(rate) for form in floors]
    for line in lines:
        if not line.direction(rate):
            yield from (line.form + line.slope * first, line.slope)
        elif line.direction(rate) > 0:
            for floor in least:
                start, growth = (form.substituted({rate: floor}) for form in (line.form, line.slope))
                yield from (start + growth * first, growth)


def _cases(every: Sequence[Iterable[RateBound]], since: int, domain: Polyhedron) -> tuple[tuple[RateBound, ...], ...]:
    """The bounds that are needed by remainder of T, none where they are too many to read."""
    if any(sum(1 for _ in bounds) > 4 * MOST_BOUNDS for bounds in every):
        return ()
    cases = tuple(_lowest(bounds, since, domain) for bounds in every)
    return () if any(len(bounds) > MOST_BOUNDS for bounds in cases) else shortest(cases)


def limit_region(every: Iterable[Family], domain: Polyhedron) -> Polyhedron:
    """Where the families are never positive, whatever T: at the first regular steps, and with no cycle that gains."""
    forms: dict[Affine, None] = {}
    for family in every:
        period = lcm(*(len(turns.law.offsets) for _, turns in family.turns))
        for steps in range(1, family.since + period):
            forms |= dict.fromkeys(family.corners(steps))
        forms |= dict.fromkeys(cycle for cycle, turns in family.turns if turns.law.slope)
    return domain & Polyhedron.of(*(Inequality(-form) for form in forms))


def _region(every: Iterable[Family], domain: Polyhedron, steps: int) -> Polyhedron:
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
        is_falling = bound.drop.is_constant and bound.drop != Affine.of(0)
        if not is_falling and (bound.below_turn or bound.is_constant):
            form = -bound.above_turn / bound.below_turn if bound.below_turn else bound.at(0)
            members[_meets(limit, form) & Polyhedron.of(Equality(bound.drop))] = None
    return Region.of(*(member for member in members if not member.is_empty))


def _meets(limit: LargestRate, form: Affine) -> Polyhedron:
    """Where a form is no more than the limit, which is no more than any bound."""
    return limit.valid_on & Polyhedron.of(*(Inequality(bound - form) for bound in limit.bounds or ()))


def _parted(form: Affine, rate: str) -> tuple[Affine, Fraction]:
    return form.substituted({rate: Affine.of(0)}), form.coefficient(rate)


def _numbers(form: Affine) -> Iterator[Fraction]:
    yield form.constant
    yield from (coefficient for _, coefficient in form.terms)


def _denominator(number: Fraction) -> int:
    return number.denominator


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

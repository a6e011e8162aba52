"""What some quantities are made from by step T, for every T: forms that a run of T steps can turn a cycle on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from itertools import permutations
from math import ceil, floor, lcm

from gamma_calc.algebra import Affine
from gamma_calc.algebra.notation import linear_latex, linear_text
from gamma_calc.maxplus.graph import StepMap
from gamma_calc.maxplus.path_families import MOST_FAMILIES, NOTHING, Order, PathFamily, path_families
from gamma_calc.maxplus.path_products import few_turns, path_products


@dataclass(frozen=True, slots=True)
class HorizonFamily:
    """Exponents base + k cycle with 0 <= k <= floor((T - offset) / period), from step T = `start` on.

    A family that turns nothing has a cycle of weight 0. A period of 1/2 is two turns a step.
    """

    base: Affine
    start: int = 1
    cycle: Affine = NOTHING
    offset: Fraction = Fraction(1)
    period: Fraction = Fraction(1)
    mean: Affine = field(init=False, repr=False, compare=False)
    """What a step adds in the long run."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", self.cycle / self.period)

    def most(self, steps: int) -> int:
        """The most turns that a run of so many steps has room for."""
        return int((steps - self.offset) // self.period)

    def corners(self, steps: int) -> tuple[Affine, ...]:
        """The extreme exponents of a run of so many steps: all others lie between them."""
        if steps < self.start:
            return ()
        return (self.base, self.base + self.cycle * self.most(steps)) if self.is_turning else (self.base,)

    @property
    def is_turning(self) -> bool:
        """Whether it turns a cycle."""
        return self.cycle != NOTHING

    @property
    def most_text(self) -> str:
        """The most turns in T steps."""
        above, below = self._most
        text = linear_text(*above)
        return text if below == 1 else f"floor({f'({text})' if above[1] else text}/{below})"

    @property
    def most_latex(self) -> str:
        """The same as LaTeX."""
        above, below = self._most
        text = linear_latex(*above)
        return text if below == 1 else rf"\left\lfloor \frac{{{text}}}{{{below}}} \right\rfloor"

    @property
    def _most(self) -> tuple[tuple[list[tuple[str, Fraction]], Fraction], int]:
        below, slope = self.period.as_integer_ratio()
        return ([("T", Fraction(slope))], Fraction(floor(-slope * self.offset))), below

    def is_within(self, other: HorizonFamily, order: Order) -> bool:
        """Whether at every step and point the other family has an exponent that is as large as each of these.

        A period of both later a cycle has gained its mean as often. Where these have the larger mean they overtake, and
        elsewhere it is enough to compare the steps of one period.
        """
        if other.start > self.start or not order.is_at_most(self.mean, (NOTHING, other.mean)):
            return False
        steps = range(self.start, self.start + lcm(self.period.numerator, other.period.numerator))
        return all(order.is_at_most(form, other.corners(t)) for t in steps for form in self.corners(t))


def horizon_families(found: StepMap, names: Sequence[str], order: Order) -> list[HorizonFamily] | None:
    """The families whose exponents, at step T, some quantities are the largest of; None where they are too many."""
    families = path_families(found, order)
    if families is None:
        return None
    monomials = [monomial for name in names for monomial in found.quantities[name]]
    products = path_products(monomials, families, order)
    if products is None:
        return None
    # The monomial's factors are from before the step: T steps leave T - 1 of them for the paths.
    every = dict.fromkeys(family for each in products for family in _families(each, found.start + 1, order))
    return None if len(every) > MOST_FAMILIES else [*every]


def _families(paths: PathFamily, before: int, order: Order) -> Iterator[HorizonFamily]:
    """Paths with one cycle that they turn any number of times, and few turns of the others.

    At each point it is enough to turn one cycle of the largest mean, if that gains. If it has L edges, of L turns of
    others some take a multiple of L edges, and are better replaced.
    """
    means = {cycle: cycle.weight / cycle.length for cycle in paths.cycles}
    for cycle in sorted(paths.cycles, key=lambda each: -each.length):
        mean = means.pop(cycle)
        if not order.is_at_most(mean, (NOTHING, *means.values())):
            means[cycle] = mean
    if not means:
        yield HorizonFamily(paths.base, before + paths.length)
    for cycle in means:
        others = tuple(each for each in paths.cycles if each != cycle)
        for added, edges in few_turns(others, cycle.length - 1):
            start = before + paths.length + edges
            yield HorizonFamily(paths.base + added, start, cycle.weight, Fraction(start), Fraction(cycle.length))


def largest(every: Iterable[HorizonFamily], order: Order) -> tuple[HorizonFamily, ...]:
    """Few families with the same largest exponents, in a fixed order."""
    left: list[HorizonFamily] = []
    for each in sorted(every, key=lambda family: (family.start, not family.is_turning, *_texts(family))):
        if not any(each.is_within(other, order) for other in left):
            left = [other for other in left if not other.is_within(each, order)]
            left.append(each)
    while len(fewer := _fewer(left, order)) < len(left):
        left = fewer
    return tuple(sorted(left, key=_texts))


def _texts(family: HorizonFamily) -> tuple[str, str, Fraction]:
    return str(family.base), str(family.cycle), family.offset


def _fewer(every: Sequence[HorizonFamily], order: Order) -> list[HorizonFamily]:
    """The families with one instead of two or more, where it adds nothing that they have not."""
    left = [*every]
    for family, other in permutations(every, 2):
        if other.is_turning and not multiple(other.mean, family.mean):
            continue
        share = multiple(other.base - family.base, family.cycle)
        if share and family in left and other in left:
            one, parts = _joined(family, share, min(family.start, other.start))
            if all(any(part.is_within(each, order) for each in left) for part in parts):
                rest = [each for each in left if not each.is_within(one, order)]
                left = [*rest, one] if len(rest) + 1 < len(left) else left
    return left


def _joined(family: HorizonFamily, share: Fraction, start: int) -> tuple[HorizonFamily, list[HorizonFamily]]:
    """A family with the base to which some share of a turn leads, from a step on at the earliest, and what that adds.

    Its turns are the parts of a turn that the share is a number of. A share below 0 leads to an earlier base.
    """
    parts, earlier = share.denominator, max(0, -share.numerator)
    cycle, period = family.cycle / parts, family.period / parts
    base, offset = family.base - cycle * earlier, family.offset - period * earlier
    one = HorizonFamily(base, max(start, ceil(offset)), cycle, offset, period)
    added = [HorizonFamily(base + cycle * k, max(one.start, ceil(offset + period * k))) for k in range(earlier)]
    for k in range(1, parts):
        later = family.offset + period * k
        added.append(replace(family, base=family.base + cycle * k, start=max(one.start, ceil(later)), offset=later))
    return one, added


@lru_cache(maxsize=4096)
def multiple(form: Affine, of: Affine) -> Fraction | None:
    """How often one form goes into another, None where it is no multiple of it.

    >>> multiple(3 * Affine.symbol("x") - 3, Affine.symbol("x") - 1)
    Fraction(3, 1)
    """
    numbers = [(form.constant, of.constant), *((form.coefficient(name), of.coefficient(name)) for name in of.free)]
    ratio = next((mine / theirs for mine, theirs in numbers if theirs), Fraction(0))
    return ratio if of * ratio == form else None

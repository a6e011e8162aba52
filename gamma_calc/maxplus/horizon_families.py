"""What some quantities are made from by step T, for every T: forms that a run of T steps can turn cycles on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from gamma_calc.algebra import Affine, Inequality, Polyhedron
from gamma_calc.maxplus.graph import StepMap
from gamma_calc.maxplus.path_families import NOTHING, Order, path_families
from gamma_calc.maxplus.path_products import PathProduct, path_products, uncovered
from gamma_calc.maxplus.quasi_linear import FloorSum, Repetitions

MOST_CHOICES = 4096
"""Products of paths beyond which the families are not written out."""


@dataclass(frozen=True, slots=True)
class HorizonFamily:
    """Exponents base + k_1 cycle_1 + k_2 cycle_2 + ..., each k from the fewest to the most turns that T steps allow.

    Most families turn one cycle, or none: then `turns` is there once, with a cycle of weight 0.
    """

    base: Affine
    turns: tuple[tuple[Affine, Repetitions], ...]

    @classmethod
    def fixed(cls, base: Affine, start: int = 1) -> HorizonFamily:
        """One exponent, there from step `start` on."""
        return cls(base, ((NOTHING, Repetitions((FloorSum(0, (), start),))),))

    @property
    def start(self) -> int:
        """The first step with such an exponent."""
        return max(turns.start for _, turns in self.turns)

    @property
    def since(self) -> int:
        """The step from which the numbers of turns are what their closed forms say."""
        return max(turns.law.since for _, turns in self.turns)

    def corners(self, steps: int) -> tuple[Affine, ...]:
        """The extreme exponents of a run of so many steps: all others lie between them."""
        if steps < self.start:
            return ()
        found: tuple[Affine, ...] = (self.base,)
        for weight, turns in self.turns:
            numbers = dict.fromkeys((turns.least(steps), turns.most(steps)))
            found = tuple(form + weight * number for form in found for number in numbers)
        return tuple(dict.fromkeys(found))

    def is_never_positive(self, domain: Polyhedron) -> bool:
        """Whether none of its exponents can be positive, as far as that is plain to see: it turns no cycle."""
        is_still = all(weight == NOTHING for weight, _ in self.turns)
        return is_still and domain.implies(Inequality(-self.base))

    def is_within(self, other: HorizonFamily, domain: Polyhedron) -> bool:
        """Whether the other family's exponents are at least as large at every step, as far as that is plain to see."""
        if len(self.turns) > 1 or len(other.turns) > 1:
            return False
        ((weight, mine),), ((turn, theirs),) = self.turns, other.turns
        if weight not in (turn, NOTHING):
            return False
        lead = 0 if weight == turn else mine.law.slope
        return theirs.covers(mine) and not lead and domain.implies(Inequality(other.base - self.base))


def horizon_families(found: StepMap, names: Sequence[str], domain: Polyhedron) -> tuple[HorizonFamily, ...] | None:
    """The families whose exponents, at step T, some quantities are the largest of; None where they are too many."""
    order = Order(domain)
    families = path_families(found, order)
    if families is None:
        return None
    every = path_products((monomial for name in names for monomial in found.quantities[name]), families, order)
    choices = {choice: None for each in uncovered(every, order) for choice in _choices(each, found.start)}
    if len(choices) > MOST_CHOICES:
        return None
    still = (choice for each in every for choice in _choices(each, found.start) if not choice.floors)
    return largest(_gathered(choices, still), domain)


@dataclass(frozen=True, slots=True)
class _Choice:
    """What a product adds up to, and the floors of each cycle that its paths can turn."""

    base: Affine
    floors: tuple[tuple[Affine, tuple[tuple[int, int], ...]], ...]
    start: int


def _choices(paths: PathProduct, before: int) -> Iterator[_Choice]:
    """The product with one cycle for each factor that it turns any number of times, and few turns of its others."""
    for choice in paths.choices():
        for base, lengths in paths.with_remainders(choice):
            # The monomial's factors are from before the step: T steps leave T - 1 of them for the paths.
            offsets = [before + 1 + length for length in lengths]
            floors: dict[Affine, list[tuple[int, int]]] = {}
            for cycle, offset in zip(choice, offsets, strict=True):
                if cycle is not None:
                    floors.setdefault(cycle.weight, []).append((offset, cycle.length))
            ordered = sorted(floors.items(), key=lambda entry: str(entry[0]))
            parts = tuple((turn, tuple(sorted(each))) for turn, each in ordered)
            yield _Choice(base, parts, max(offsets, default=before + 1))


def _gathered(choices: Iterable[_Choice], more: Iterable[_Choice]) -> Iterator[HorizonFamily]:
    """The choices as families: those that differ by turns of the one cycle they turn are one family.

    More of them, which are not needed and turn nothing, only join a family: it then starts earlier.
    """
    rays: dict[Affine, list[tuple[Affine, list[FloorSum]]]] = {}
    fixed = list[_Choice]()
    for choice in sorted(dict.fromkeys(choices), key=lambda each: (each.start, str(each.base))):
        if len(choice.floors) == 1:
            ((turn, parts),) = choice.floors
            _enter(rays.setdefault(turn, []), turn, choice.base, parts, choice.start)
        elif choice.floors:
            members = [(turn, Repetitions((FloorSum(0, parts, choice.start),))) for turn, parts in choice.floors]
            yield HorizonFamily(choice.base, tuple(members))
        else:
            fixed.append(choice)
    for choice in fixed:
        if not any(_enter(ray, turn, choice.base, (), choice.start, is_new=False) for turn, ray in rays.items()):
            yield HorizonFamily.fixed(choice.base, choice.start)
    for choice in more:
        any(_enter(ray, turn, choice.base, (), choice.start, is_new=False) for turn, ray in rays.items())
    for turn, ray in rays.items():
        yield from (_family(base, turn, members) for base, members in ray)


def _enter(
    rays: list[tuple[Affine, list[FloorSum]]],
    turn: Affine,
    base: Affine,
    parts: tuple[tuple[int, int], ...],
    start: int,
    *,
    is_new: bool = True,
) -> bool:
    """Put a choice on the ray of a cycle that it lies on, or on a ray of its own; whether it lies on one."""
    for origin, members in rays:
        shift = multiple(base - origin, turn)
        if shift is not None and shift == int(shift):
            members.append(FloorSum(int(shift), parts, start))
            return True
    if is_new:
        rays.append((base, [FloorSum(0, parts, start)]))
    return False


def multiple(form: Affine, of: Affine) -> Fraction | None:
    """How often one form goes into another, None where it is no multiple of it.

    >>> multiple(3 * Affine.symbol("x") - 3, Affine.symbol("x") - 1)
    Fraction(3, 1)
    """
    numbers = [(form.constant, of.constant), *((form.coefficient(name), of.coefficient(name)) for name in of.free)]
    ratio = next((mine / theirs for mine, theirs in numbers if theirs), Fraction(0))
    return ratio if of * ratio == form else None


def _family(base: Affine, turn: Affine, members: Sequence[FloorSum]) -> HorizonFamily:
    """A ray as a family, counted from its lowest member; members that another one's turns hold are left out."""
    low = min(member.shift for member in members)
    lowered = [FloorSum(each.shift - low, each.parts, each.start) for each in members]
    kept = list[FloorSum]()
    for member in sorted(dict.fromkeys(lowered), key=lambda each: (each.start, each.shift, -each.slope)):
        if not any(Repetitions((other,)).covers(Repetitions((member,))) for other in kept):
            kept.append(member)
    return HorizonFamily(base + turn * low, ((turn, Repetitions(tuple(kept))),))


def largest(every: Iterable[HorizonFamily], domain: Polyhedron) -> tuple[HorizonFamily, ...]:
    """Those that no other one is plainly above, in a fixed order."""
    left: list[HorizonFamily] = []
    for each in sorted(every, key=lambda family: (family.start, str(family.base), str(family.turns))):
        if not any(each.is_within(other, domain) for other in left):
            left = [other for other in left if not other.is_within(each, domain)]
            left.append(each)
    return tuple(sorted(left, key=lambda family: (str(family.base), *(str(turn) for turn, _ in family.turns))))

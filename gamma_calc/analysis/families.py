"""What some quantities are made from by step T, for every T: forms that a run of T steps can turn cycles on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gamma_calc.algebra import Affine, Inequality, Polyhedron
from gamma_calc.analysis.turns import Floors, Turns
from gamma_calc.analysis.walked import Walked, uncovered, walked
from gamma_calc.calculus.loops import multiple
from gamma_calc.calculus.step_graph import StepMap
from gamma_calc.calculus.walks import walks_to

MOST_CHOICES = 4096
"""Products of walks beyond which the families are not written out."""


@dataclass(frozen=True, slots=True)
class Family:
    """Exponents base + k_1 cycle_1 + k_2 cycle_2 + ..., each k from the fewest to the most turns that T steps allow.

    Most families turn one cycle, or none: then `turns` is there once, with a cycle of weight 0.
    """

    base: Affine
    turns: tuple[tuple[Affine, Turns], ...]

    @classmethod
    def fixed(cls, base: Affine, start: int = 1) -> Family:
        """One exponent, there from step `start` on."""
        return cls(base, ((Affine.of(0), Turns((Floors(0, (), start),))),))

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
        is_still = all(weight == Affine.of(0) for weight, _ in self.turns)
        return is_still and domain.implies(Inequality(-self.base))

    def is_within(self, other: Family, domain: Polyhedron) -> bool:
        """Whether the other family's exponents are at least as large at every step, as far as that is plain to see."""
        if len(self.turns) > 1 or len(other.turns) > 1:
            return False
        ((weight, mine),), ((turn, theirs),) = self.turns, other.turns
        if weight not in (turn, Affine.of(0)):
            return False
        lead = 0 if weight == turn else mine.law.slope
        return theirs.covers(mine) and not lead and domain.implies(Inequality(other.base - self.base))


def families(found: StepMap, names: Sequence[str], domain: Polyhedron) -> tuple[Family, ...] | None:
    """The families whose exponents, at step T, some quantities are the largest of; None where they are too many."""
    walks = walks_to(found, domain)
    if walks is None:
        return None
    every = walked((monomial for name in names for monomial in found.quantities[name]), walks)
    choices = {choice: None for each in uncovered(every, domain) for choice in _choices(each, found.start)}
    if len(choices) > MOST_CHOICES:
        return None
    still = (choice for each in every for choice in _choices(each, found.start) if not choice.floors)
    return largest(_gathered(choices, still), domain)


@dataclass(frozen=True, slots=True)
class _Choice:
    """What a product adds up to, and the floors of each cycle that its walks can turn."""

    base: Affine
    floors: tuple[tuple[Affine, tuple[tuple[int, int], ...]], ...]
    start: int


def _choices(walks: Walked, before: int) -> Iterator[_Choice]:
    """The product with one loop for each factor that it turns any number of times, and few turns of its other ones."""
    for loops in walks.leading():
        for base, lengths in walks.with_remainders(loops):
            # The monomial's factors are from before the step: T steps leave T - 1 of them for the walks.
            offsets = [before + 1 + length for length in lengths]
            floors: dict[Affine, list[tuple[int, int]]] = {}
            for loop, offset in zip(loops, offsets, strict=True):
                if loop is not None:
                    floors.setdefault(loop.weight, []).append((offset, loop.period))
            ordered = sorted(floors.items(), key=lambda entry: str(entry[0]))
            parts = tuple((turn, tuple(sorted(each))) for turn, each in ordered)
            yield _Choice(base, parts, max(offsets, default=before + 1))


def _gathered(choices: Iterable[_Choice], more: Iterable[_Choice]) -> Iterator[Family]:
    """The choices as families: those that differ by turns of the one cycle they turn are one family.

    More of them, which are not needed and turn nothing, only join a family: it then starts earlier.
    """
    rays: dict[Affine, list[tuple[Affine, list[Floors]]]] = {}
    fixed = list[_Choice]()
    for choice in sorted(dict.fromkeys(choices), key=lambda each: (each.start, str(each.base))):
        if len(choice.floors) == 1:
            ((turn, parts),) = choice.floors
            _enter(rays.setdefault(turn, []), turn, choice.base, parts, choice.start)
        elif choice.floors:
            members = [(turn, Turns((Floors(0, parts, choice.start),))) for turn, parts in choice.floors]
            yield Family(choice.base, tuple(members))
        else:
            fixed.append(choice)
    for choice in fixed:
        if not any(_enter(ray, turn, choice.base, (), choice.start, is_new=False) for turn, ray in rays.items()):
            yield Family.fixed(choice.base, choice.start)
    for choice in more:
        any(_enter(ray, turn, choice.base, (), choice.start, is_new=False) for turn, ray in rays.items())
    for turn, ray in rays.items():
        yield from (_family(base, turn, members) for base, members in ray)


def _enter(
    rays: list[tuple[Affine, list[Floors]]],
    turn: Affine,
    base: Affine,
    parts: tuple[tuple[int, int], ...],
    start: int,
    *,
    is_new: bool = True,
) -> bool:
    """Put a choice on the ray of a cycle that it lies on, or on a ray of its own; whether it lies on one."""
    for origin, members in rays:
        shift = 0 if base == origin else multiple(base - origin, turn)
        if shift is not None and shift == int(shift):
            members.append(Floors(int(shift), parts, start))
            return True
    if is_new:
        rays.append((base, [Floors(0, parts, start)]))
    return False


def _family(base: Affine, turn: Affine, members: Sequence[Floors]) -> Family:
    """A ray as a family, counted from its lowest member; members that another one's turns hold are left out."""
    low = min(member.shift for member in members)
    lowered = [Floors(each.shift - low, each.parts, each.start) for each in members]
    kept = list[Floors]()
    for member in sorted(dict.fromkeys(lowered), key=lambda each: (each.start, each.shift, -each.slope)):
        if not any(Turns((other,)).covers(Turns((member,))) for other in kept):
            kept.append(member)
    return Family(base + turn * low, ((turn, Turns(tuple(kept))),))


def largest(every: Iterable[Family], domain: Polyhedron) -> tuple[Family, ...]:
    """Those that no other one is plainly above, in a fixed order."""
    left: list[Family] = []
    for each in sorted(every, key=lambda family: (family.start, str(family.base), str(family.turns))):
        if not any(each.is_within(other, domain) for other in left):
            left = [other for other in left if not other.is_within(each, domain)]
            left.append(each)
    return tuple(sorted(left, key=lambda family: (str(family.base), *(str(turn) for turn, _ in family.turns))))

"""How many turns of a cycle a run of T steps has room for: the largest of some sums of floors, in closed form."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import lcm
from typing import TypeVar

from gamma_calc.algebra.notation import linear_latex, linear_text

Entry = TypeVar("Entry")
Writer = Callable[[Iterable[tuple[str, Fraction]], Fraction], str]


@dataclass(frozen=True, slots=True)
class FloorSum:
    """shift + the sum over (offset, period) of floor((T - offset) / period), for T >= start."""

    shift: int
    parts: tuple[tuple[int, int], ...]
    start: int

    def at(self, steps: int) -> int:
        """The number for a run of `steps` steps, which is at least `start`."""
        return self.shift + sum((steps - offset) // period for offset, period in self.parts)

    @property
    def slope(self) -> Fraction:
        """What a step adds in the long run."""
        return sum((Fraction(1, period) for _, period in self.parts), Fraction(0))

    @property
    def period(self) -> int:
        """After so many steps the number has grown by as many slopes, exactly."""
        return lcm(*(period for _, period in self.parts))


@dataclass(frozen=True, slots=True)
class QuasiLinear:
    """slope * T + offsets[T mod period], for T >= since."""

    slope: Fraction
    offsets: tuple[Fraction, ...]
    since: int

    def at(self, steps: int) -> Fraction:
        """The number for a run of `steps` steps."""
        return self.slope * steps + self.offsets[steps % len(self.offsets)]

    @property
    def _floor(self) -> tuple[int, int] | None:
        """(a, o) such that floor((a T + o) / period) is the number; None where no such o is."""
        period = len(self.offsets)
        most = int(max(self.offsets) * period)
        step = int(self.slope * period)
        is_floor = all((step * t + most) // period == self.at(t) for t in range(period))
        return (step, most) if is_floor else None

    def __str__(self) -> str:
        return self._written(linear_text, "floor({}/{})", "{} if T mod {} = {}", "; ")

    def latex(self) -> str:
        """The number as LaTeX."""
        floor, case = r"\left\lfloor \frac{{{}}}{{{}}} \right\rfloor", r"{}\ \text{{if}}\ T \bmod {} = {}"
        return self._written(linear_latex, floor, case, r",\ ")

    def _written(self, linear: Writer, floor: str, case: str, separator: str) -> str:
        period = len(self.offsets)
        if period == 1:
            return linear([("T", self.slope)] if self.slope else [], self.offsets[0])
        if self._floor is not None:
            step, most = self._floor
            text = linear([("T", Fraction(step))], Fraction(most))
            return floor.format(text if not most or linear is linear_latex else f"({text})", period)
        cases = [linear([("T", self.slope)], offset) for offset in self.offsets]
        return separator.join(case.format(text, period, place) for place, text in enumerate(cases))


@dataclass(frozen=True, slots=True)
class Repetitions:
    """How often a cycle can have been turned by step T: from the least of the shifts to the largest of the sums.

    Of the members only those count that have started.
    """

    members: tuple[FloorSum, ...]

    @property
    def start(self) -> int:
        """The first step with any."""
        return min(member.start for member in self.members)

    def least(self, steps: int) -> int:
        """The fewest turns."""
        return min(member.shift for member in self.members if member.start <= steps)

    def most(self, steps: int) -> int:
        """The most turns."""
        return max(member.at(steps) for member in self.members if member.start <= steps)

    @property
    def law(self) -> QuasiLinear:
        """The most turns in closed form, from the first step at which it and the fewest turns have become regular."""
        return _law(self.members)

    def covers(self, other: Repetitions) -> bool:
        """Whether at every step these leave room for all of the other's turns."""
        end = max(self.law.since, other.law.since) + lcm(len(self.law.offsets), len(other.law.offsets))
        return (
            self.start <= other.start
            and self.law.slope >= other.law.slope
            and all(self.least(t) <= other.least(t) for t in range(other.start, end))
            and all(other.most(t) <= self.most(t) for t in range(other.start, end))
        )


@lru_cache(maxsize=1024)
def _law(members: tuple[FloorSum, ...]) -> QuasiLinear:
    slope = max(member.slope for member in members)
    leading = [member for member in members if member.slope == slope]
    period = lcm(*(member.period for member in leading))
    begun = max(member.start for member in members)

    def offset(steps: int) -> Fraction:
        return max(member.at(steps) - slope * steps for member in leading)

    by_residue = {steps % period: offset(steps) for steps in range(begun, begun + period)}
    offsets = shortest(tuple(by_residue[residue] for residue in range(period)))
    regular = begun + _lag(members, leading, slope, min(offsets))
    law, turns = QuasiLinear(slope, offsets, regular), Repetitions(members)
    low = min(member.shift for member in members)
    since = regular
    while since > turns.start and turns.most(since - 1) == law.at(since - 1) and turns.least(since - 1) == low:
        since -= 1
    return QuasiLinear(slope, offsets, since)


def shortest(cycle: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """The shortest part that the whole repeats.

    >>> shortest((1, 2, 1, 2))
    (1, 2)
    """
    sizes = (size for size in range(1, len(cycle) + 1) if len(cycle) % size == 0)
    return next(cycle[:size] for size in sizes if cycle[:size] * (len(cycle) // size) == cycle)


def _lag(members: Iterable[FloorSum], leading: list[FloorSum], slope: Fraction, lowest: Fraction) -> int:
    """Steps after which the members that grow more slowly have fallen behind for good."""
    lags = [0]
    for member in members:
        if member not in leading:
            # As no offset is below 0, a member is at most the line shift + its slope * T.
            lags.append(max(0, int((member.shift - lowest) / (slope - member.slope)) + 1))
    return max(lags)

"""Loops: what turns of cycles add to a walk, and when turns of some are as good as turns of others.

Source: Baccelli, Cohen, Olsder, Quadrat, "Synchronization and Linearity", chapter 3 (cycle mean).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from typing import TypeAlias

from gamma_calc.algebra import Affine, Inequality, Polyhedron

NOTHING = Affine.of(0)


@dataclass(frozen=True, slots=True)
class Loop:
    """What a turn of a cycle adds, and the edges that it takes."""

    weight: Affine
    period: int


Loops: TypeAlias = frozenset[Loop]
Room: TypeAlias = tuple[Loops, int]
"""Loops, and the edges that there are for turns of them."""
Free: TypeAlias = tuple[tuple[str, Fraction], ...]


def in_order(loops: Loops) -> list[Loop]:
    """The loops, short ones first, in an order that is the same in every process."""
    return sorted(loops, key=lambda loop: (loop.period, str(loop.weight)))


@dataclass(frozen=True, slots=True)
class Order:
    """Which sums are at least as large as which everywhere on a domain; what has been asked once is kept."""

    domain: Polyhedron
    _signs: dict[Affine, bool] = field(default_factory=dict)
    _turned: dict[Room, dict[Free, list[Affine]]] = field(default_factory=dict)
    _below: dict[tuple[Loops, Loops], bool] = field(default_factory=dict)
    _reduced: dict[Loops, Loops] = field(default_factory=dict)
    _bound: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_bound", frozenset(self.domain.free))

    def is_never_negative(self, form: Affine) -> bool:
        """Whether the form is at least 0 at every point of the domain."""
        if form not in self._signs:
            is_free = any(name not in self._bound for name in form.free)
            self._signs[form] = not is_free and self.domain.implies(Inequality(form))
        return self._signs[form]

    def is_reached(self, lead: Affine, rooms: Sequence[Room]) -> bool:
        """Whether turns of loops that have room make up for a lead."""
        if len(rooms) == 1:
            # On a name that the domain leaves free, forms in order have the same coefficient.
            made = self._sums(*rooms[0]).get(self._free(lead), ())
            return any(self.is_never_negative(turns - lead) for turns in made)
        (first, *others) = rooms
        made = [form for forms in self._sums(*first).values() for form in forms]
        return any(self.is_reached(lead - turns, others) for turns in made)

    def is_below(self, loops: Loops, others: Loops) -> bool:
        """Whether a turn of each loop is no more than some turns of the others, over as many edges."""
        if loops <= others:
            return True
        key = loops, others
        if key not in self._below:
            self._below[key] = all(self._is_turned(loop, others) for loop in loops - others)
        return self._below[key]

    def reduced(self, loops: Loops) -> Loops:
        """The loops without those that never gain, or are no more than turns of the rest."""
        if loops not in self._reduced:
            left = loops
            for loop in sorted(loops, key=lambda loop: (-loop.period, str(loop.weight))):
                rest = left - {loop}
                if self._is_turned(loop, rest):
                    left = rest
            self._reduced[loops] = left
        return self._reduced[loops]

    def _is_turned(self, loop: Loop, others: Loops) -> bool:
        return self.is_reached(loop.weight, ((others, loop.period),))

    def _free(self, form: Affine) -> Free:
        return tuple(term for term in form.terms if term[0] not in self._bound)

    def _sums(self, loops: Loops, room: int) -> dict[Free, list[Affine]]:
        """What turns of some loops can add up to, by what they do on the names that the domain leaves free."""
        key = loops, room
        if key not in self._turned:
            found: dict[Free, list[Affine]] = {}
            for form in dict.fromkeys(_sums(tuple(loops), room)):
                found.setdefault(self._free(form), []).append(form)
            self._turned[key] = found
        return self._turned[key]


def _sums(loops: Sequence[Loop], room: int) -> Iterator[Affine]:
    if not loops:
        yield NOTHING
        return
    (first, *others) = loops
    for turns in range(room // first.period + 1):
        yield from (first.weight * turns + rest for rest in _sums(others, room - turns * first.period))


def multiple(form: Affine, of: Affine) -> Fraction | None:
    """How often one form goes into another, None where it is no multiple of it.

    >>> multiple(3 * Affine.symbol("x") - 3, Affine.symbol("x") - 1)
    Fraction(3, 1)
    """
    numbers = [(form.constant, of.constant), *((form.coefficient(name), of.coefficient(name)) for name in of.free)]
    ratio = next((mine / theirs for mine, theirs in numbers if theirs), None)
    return ratio if ratio is not None and of * ratio == form else None


def remainders(loops: Loops, period: int) -> Iterator[tuple[Affine, int]]:
    """Turns of some loops that no turn of another one, of a period, could take the place of: their sum and their edges.

    Where that other loop has the largest mean, as many turns as make a multiple of its period are better replaced; of
    `period` turns some always do, so there are fewer.
    """
    ordered = in_order(loops)
    for numbers in product(range(period), repeat=len(ordered)):
        if sum(numbers) < period and not _has_multiple(numbers, ordered, period):
            turned = [loop.weight * number for number, loop in zip(numbers, ordered, strict=True)]
            yield (
                sum(turned, NOTHING),
                sum(number * loop.period for number, loop in zip(numbers, ordered, strict=True)),
            )


def _has_multiple(numbers: Sequence[int], loops: Sequence[Loop], period: int) -> bool:
    parts = product(*(range(number + 1) for number in numbers))
    sums = (sum(n * loop.period for n, loop in zip(part, loops, strict=True)) for part in parts if any(part))
    return any(length % period == 0 for length in sums)

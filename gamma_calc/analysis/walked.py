"""Products of walks: what a monomial of a step map's components is after any number of steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations, product

from gamma_calc.algebra import Affine, Polyhedron
from gamma_calc.algebra.affine import AffineLike
from gamma_calc.calculus.loops import Loop, Loops, Order, Room, in_order, remainders
from gamma_calc.calculus.step_graph import Monomial, Node
from gamma_calc.calculus.walks import Walks

Chosen = tuple[Loop | None, ...]
"""The loop that each factor turns any number of times, if any."""


@dataclass(frozen=True, slots=True)
class Walked:
    """A product of walks: each factor has its own length and turns its own loops, the base is that of all."""

    base: Affine
    factors: tuple[tuple[int, Loops], ...]

    @classmethod
    def of(cls, coefficient: Affine, walks: Iterable[Walks]) -> Walked:
        """The product, its factors in a fixed order."""
        every = tuple(walks)
        factors = sorted(((each.length, each.loops) for each in every), key=_text)
        return cls(sum((each.base for each in every), coefficient), tuple(factors))

    @property
    def length(self) -> int:
        """The edges of its longest walk."""
        return max((length for length, _ in self.factors), default=0)

    def turned(self, place: int, loop: Loop) -> Walked:
        """The product with one more turn of a loop of one factor."""
        length, loops = self.factors[place]
        return self._with(place, (length + loop.period, loops), loop.weight)

    def without(self, place: int, loop: Loop) -> Walked:
        """The product with a loop fewer for one factor."""
        length, loops = self.factors[place]
        return self._with(place, (length, loops - {loop}))

    def _with(self, place: int, factor: tuple[int, Loops], more: AffineLike = 0) -> Walked:
        return Walked(self.base + more, (*self.factors[:place], factor, *self.factors[place + 1 :]))

    def is_covered(self, other: Walked, order: Order) -> bool:
        """Whether at every number of steps the other product has one that is as large as each of these."""
        return any(
            rooms is not None and order.is_reached(self.base - other.base, rooms) for rooms in self._rooms(other, order)
        )

    def _rooms(self, other: Walked, order: Order) -> Iterator[list[Room] | None]:
        """What the other product's factors have room for, each against one of these; None where one does not fit."""
        mine: list[tuple[int, Loops]] = [*self.factors]
        # A factor too few never moves, once the others are there.
        mine += [(self.length, frozenset())] * (len(other.factors) - len(mine))
        for theirs in dict.fromkeys(permutations(other.factors)):
            pairs = list(zip(mine, theirs, strict=True)) if len(theirs) == len(mine) else []
            fits = all(a[0] >= b[0] and order.is_below(a[1], b[1]) for a, b in pairs)
            yield [(b[1], a[0] - b[0]) for a, b in pairs] if pairs and fits else None

    def leading(self) -> Iterator[Chosen]:
        """The choices of a loop for each factor, that of the largest mean at some point; None where none gains there.

        At a point the loops have one order: of two that two factors both have, both choose the same. A choice that
        turns fewer factors' loops is the other one without turns.
        """
        options: list[list[Loop | None]] = [[None, *in_order(loops)] for _, loops in self.factors]
        every = [chosen for chosen in product(*options) if self._is_consistent(chosen)]
        return (each for each in every if not any(_is_part(each, other) for other in every))

    def _is_consistent(self, chosen: Chosen) -> bool:
        """Whether there may be a point at which each factor's choice has the largest mean of its loops."""
        pairs = list(zip(chosen, (loops for _, loops in self.factors), strict=True))
        return not any(
            other is not None and other != loop and other in loops and (loop is None or loop in theirs)
            for loop, loops in pairs
            for other, theirs in pairs
        )

    def with_remainders(self, chosen: Chosen) -> Iterator[tuple[Affine, tuple[int, ...]]]:
        """The base and the lengths with a few turns of the loops that were not chosen."""
        options = [
            [(Affine.of(0), 0)] if loop is None else list(remainders(loops - {loop}, loop.period))
            for loop, (_, loops) in zip(chosen, self.factors, strict=True)
        ]
        for turned in product(*options):
            lengths = (length + more for (length, _), (_, more) in zip(self.factors, turned, strict=True))
            yield sum((form for form, _ in turned), self.base), tuple(lengths)


def _is_part(chosen: Chosen, other: Chosen) -> bool:
    return chosen != other and all(loop in (None, more) for loop, more in zip(chosen, other, strict=True))


def _text(factor: tuple[int, Loops]) -> tuple[int, list[str]]:
    length, loops = factor
    return length, sorted(f"{loop.weight}, {loop.period}" for loop in loops)


def walked(monomials: Iterable[Monomial], walks: Mapping[Node, Sequence[Walks]]) -> tuple[Walked, ...]:
    """The products of walks that the monomials are made from, short ones first."""
    every = (
        Walked.of(monomial.coefficient, chosen)
        for monomial in monomials
        for chosen in product(*(walks[factor] for factor in monomial.factors))
    )
    return tuple(sorted(dict.fromkeys(every), key=lambda each: (each.length, len(each.factors))))


def uncovered(every: Iterable[Walked], domain: Polyhedron) -> tuple[Walked, ...]:
    """Those that no other one covers, with the loops that they need."""
    order, left = Order(domain), list[Walked]()
    for each in every:
        if not any(each.is_covered(other, order) for other in left):
            left = [other for other in left if not other.is_covered(each, order)]
            left.append(each)
    return _slimmed(left, order)


def _slimmed(every: Sequence[Walked], order: Order) -> tuple[Walked, ...]:
    """The products without the loops of which one turn already makes them some of the others'."""
    left = list(every)
    for place, each in enumerate(every):
        others = [*left[:place], *left[place + 1 :]]
        for factor, (_, loops) in enumerate(each.factors):
            for loop in in_order(loops):
                if any(left[place].turned(factor, loop).is_covered(other, order) for other in others):
                    left[place] = left[place].without(factor, loop)
    return tuple(left)

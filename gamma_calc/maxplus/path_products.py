"""Products of path families: what a monomial of a step map's components is after any number of steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations, product

from gamma_calc.algebra import Affine
from gamma_calc.algebra.affine import AffineLike
from gamma_calc.maxplus.graph import Monomial, Node
from gamma_calc.maxplus.path_families import NOTHING, Budget, Cycle, Cycles, Order, PathFamily, in_order

Choice = tuple[Cycle | None, ...]
"""The cycle that each factor turns any number of times, if any."""
Factor = tuple[int, Cycles]
"""The edges of a path without turns, and the cycles that it has met, short ones first."""


@dataclass(frozen=True, slots=True)
class PathProduct:
    """A product of path families: each factor has its own length and turns its own cycles, the base is that of all."""

    base: Affine
    factors: tuple[Factor, ...]

    @classmethod
    def of(cls, coefficient: Affine, parts: Iterable[PathProduct]) -> PathProduct:
        """The product of some, its factors in a fixed order."""
        every = tuple(parts)
        factors = sorted((factor for each in every for factor in each.factors), key=_text)
        return cls(sum((each.base for each in every), coefficient), tuple(factors))

    @classmethod
    def alone(cls, family: PathFamily) -> PathProduct:
        """The product of one family."""
        return cls(family.base, ((family.length, in_order(family.cycles)),))

    @property
    def length(self) -> int:
        """The edges of its longest path."""
        return max((length for length, _ in self.factors), default=0)

    def turned(self, place: int, cycle: Cycle) -> PathProduct:
        """The product with one more turn of a cycle of one factor."""
        length, cycles = self.factors[place]
        return self._with(place, (length + cycle.length, cycles), cycle.weight)

    def without(self, place: int, cycle: Cycle) -> PathProduct:
        """The product with a cycle fewer for one factor."""
        length, cycles = self.factors[place]
        return self._with(place, (length, _rest(cycles, cycle)))

    def _with(self, place: int, factor: Factor, more: AffineLike = 0) -> PathProduct:
        return PathProduct(self.base + more, (*self.factors[:place], factor, *self.factors[place + 1 :]))

    def is_covered(self, other: PathProduct, order: Order) -> bool:
        """Whether at every number of steps the other product has one that is as large as each of these."""
        return any(order.is_reached(self.base - other.base, each) for each in self._budgets(other, order))

    def _budgets(self, other: PathProduct, order: Order) -> Iterator[list[Budget]]:
        """What the other product's factors can turn beside these, by each way to pair them that fits."""
        mine = [*self.factors]
        # A factor too few never moves, once the others are there.
        mine += [(self.length, ())] * (len(other.factors) - len(mine))
        if not mine or len(other.factors) != len(mine):
            return
        for theirs in dict.fromkeys(permutations(other.factors)):
            pairs = list(zip(mine, theirs, strict=True))
            if all(a[0] >= b[0] and order.is_below(a[1], b[1]) for a, b in pairs):
                yield [(b[1], a[0] - b[0]) for a, b in pairs]

    def choices(self) -> Iterator[Choice]:
        """The choices of a cycle for each factor, that of the largest mean at some point; None where none gains there.

        At a point the cycles have one order: of two that two factors both have, both choose the same. A choice that
        turns fewer factors' cycles is the other one without turns.
        """
        options: list[list[Cycle | None]] = [[None, *cycles] for _, cycles in self.factors]
        every = [choice for choice in product(*options) if self._is_consistent(choice)]
        return (each for each in every if not any(_is_part(each, other) for other in every))

    def _is_consistent(self, choice: Choice) -> bool:
        """Whether there may be a point at which each factor's choice has the largest mean of its cycles."""
        pairs = list(zip(choice, (cycles for _, cycles in self.factors), strict=True))
        return not any(
            other is not None and other != cycle and other in cycles and (cycle is None or cycle in theirs)
            for cycle, cycles in pairs
            for other, theirs in pairs
        )

    def with_remainders(self, choice: Choice) -> Iterator[tuple[Affine, tuple[int, ...]]]:
        """The base and the lengths with a few turns of the cycles that were not chosen."""
        options = [
            [(NOTHING, 0)] if cycle is None else list(remainders(_rest(cycles, cycle), cycle.length))
            for cycle, (_, cycles) in zip(choice, self.factors, strict=True)
        ]
        for turned in product(*options):
            lengths = (length + more for (length, _), (_, more) in zip(self.factors, turned, strict=True))
            yield sum((form for form, _ in turned), self.base), tuple(lengths)


def _rest(cycles: Cycles, cycle: Cycle) -> Cycles:
    return tuple(each for each in cycles if each != cycle)


def _is_part(choice: Choice, other: Choice) -> bool:
    return choice != other and all(cycle in (None, more) for cycle, more in zip(choice, other, strict=True))


def _text(factor: Factor) -> tuple[int, list[str]]:
    length, cycles = factor
    return length, sorted(f"{cycle.weight}, {cycle.length}" for cycle in cycles)


def remainders(cycles: Cycles, length: int) -> Iterator[tuple[Affine, int]]:
    """Turns of some cycles that no turn of another one, of a length, could take the place of: their sum and edges.

    Where that other cycle has the largest mean, as many turns as make a multiple of its length are better replaced; of
    `length` turns some always do, so there are fewer.
    """
    for numbers in product(range(length), repeat=len(cycles)):
        edges = [number * cycle.length for number, cycle in zip(numbers, cycles, strict=True)]
        if sum(numbers) < length and not _has_multiple(numbers, cycles, length):
            yield (
                sum((cycle.weight * number for number, cycle in zip(numbers, cycles, strict=True)), NOTHING),
                sum(edges),
            )


def _has_multiple(numbers: Sequence[int], cycles: Cycles, length: int) -> bool:
    parts = product(*(range(number + 1) for number in numbers))
    sums = (sum(n * cycle.length for n, cycle in zip(part, cycles, strict=True)) for part in parts if any(part))
    return any(edges % length == 0 for edges in sums)


def path_products(
    monomials: Iterable[Monomial], families: Mapping[Node, Sequence[PathFamily]], order: Order
) -> tuple[PathProduct, ...]:
    """The products of path families that the monomials are made from, short ones first."""
    needed = {node: _slimmed([PathProduct.alone(each) for each in known], order) for node, known in families.items()}
    every = (
        PathProduct.of(monomial.coefficient, chosen)
        for monomial in monomials
        for chosen in product(*(needed[factor] for factor in monomial.factors))
    )
    return tuple(sorted(dict.fromkeys(every), key=lambda each: (each.length, len(each.factors))))


def uncovered(every: Iterable[PathProduct], order: Order) -> tuple[PathProduct, ...]:
    """Those that no other one covers, with the cycles that they need."""
    left: list[PathProduct] = []
    for each in every:
        if not any(each.is_covered(other, order) for other in left):
            left = [other for other in left if not other.is_covered(each, order)]
            left.append(each)
    return _slimmed(left, order)


def _slimmed(every: Sequence[PathProduct], order: Order) -> tuple[PathProduct, ...]:
    """The products without the cycles of which one turn already makes them some of the others'."""
    left = list(every)
    for place, each in enumerate(every):
        others = [*left[:place], *left[place + 1 :]]
        for factor, (_, cycles) in enumerate(each.factors):
            for cycle in cycles:
                if any(left[place].turned(factor, cycle).is_covered(other, order) for other in others):
                    left[place] = left[place].without(factor, cycle)
    return tuple(left)

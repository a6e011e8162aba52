"""Products of path families are path families: what a monomial is after any number of steps.

Two paths of l and l' edges are both there after the larger of l and l' steps. So turns of the cycles of two paths, side
by side, are a turn of one cycle, of as many edges as those of the one path or of the other take, whichever are more. A
path that is shorter than the other by a gap has some turns ahead.

Few turns make all of them. Let the longest cycles of two paths have c and c' edges. Turns of the one that take as many
edges as turns of the other, or more, are sums of such turns, each of at most c' of the one and at most c of the other.

Source: Lambert, "Une borne pour les generateurs des solutions entieres positives d'une equation diophantienne
lineaire", 1987.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations_with_replacement

from gamma_calc.algebra import Affine
from gamma_calc.maxplus.graph import Monomial, Node
from gamma_calc.maxplus.path_families import MOST_FAMILIES, NOTHING, Cycle, Cycles, Order, PathFamily, in_order

EMPTY_PRODUCT = PathFamily(NOTHING, 0, ())


def path_products(
    monomials: Iterable[Monomial], families: Mapping[Node, Sequence[PathFamily]], order: Order
) -> list[PathFamily] | None:
    """The families that some monomials are made from; None where they are too many."""
    needed = {node: _slimmed(known, order) for node, known in families.items()}
    products: dict[tuple[Node, ...], list[PathFamily]] = {(): [EMPTY_PRODUCT]}
    every: list[PathFamily] = []
    for monomial in monomials:
        for place, factor in enumerate(monomial.factors, 1):
            if monomial.factors[:place] not in products:
                before = products[monomial.factors[: place - 1]]
                made = (each for one in before for other in needed[factor] for each in _product(one, other, order))
                products[monomial.factors[:place]] = _uncovered(made, order)
        found = products[monomial.factors]
        every += [PathFamily(each.base + monomial.coefficient, each.length, each.cycles) for each in found]
        if len(every) > MOST_FAMILIES:
            return None
    return _uncovered(every, order)


def few_turns(cycles: Cycles, most: int) -> Iterator[tuple[Affine, int]]:
    """What so many turns of some cycles add at most, none at first, and the edges that they take.

    >>> [(str(added), edges) for added, edges in few_turns((Cycle(Affine.symbol("x"), 2),), 2)]
    [('0', 0), ('x', 2), ('2*x', 4)]
    """
    for number in range(most + 1):
        for chosen in combinations_with_replacement(cycles, number):
            yield sum((cycle.weight for cycle in chosen), NOTHING), sum(cycle.length for cycle in chosen)


def _product(one: PathFamily, other: PathFamily, order: Order) -> Iterator[PathFamily]:
    """The products of the paths of two families."""
    short, long = sorted((one, other), key=lambda each: each.length)
    most, least = _longest(long.cycles), _longest(short.cycles)
    cycles = _side_by_side(short.cycles, long.cycles, order)
    for ahead, edges in few_turns(short.cycles, max(most, long.length - short.length)):
        for added, more in few_turns(long.cycles, least - 1):
            length = max(short.length + edges, long.length + more)
            yield PathFamily(short.base + long.base + ahead + added, length, cycles)


def _longest(cycles: Cycles) -> int:
    return max((cycle.length for cycle in cycles), default=1)


def _side_by_side(cycles: Cycles, others: Cycles, order: Order) -> Cycles:
    """Turns of some cycles beside turns of others, as cycles."""
    edges: dict[Affine, int] = {}
    for added, mine in few_turns(cycles, _longest(others)):
        for more, theirs in few_turns(others, _longest(cycles)):
            length = max(mine, theirs)
            if length:
                edges[added + more] = min(length, edges.get(added + more, length))
    kept: list[Cycle] = []
    for cycle in in_order(tuple(Cycle(weight, length) for weight, length in edges.items())):
        # What is a turn of one and a turn of another one is plain to see, and there is much of it.
        rests = ((edges.get(cycle.weight - part.weight), cycle.length - part.length) for part in kept)
        if not any(rest is not None and rest <= left for rest, left in rests):
            kept.append(cycle)
    return order.essential(tuple(kept))


def _uncovered(every: Iterable[PathFamily], order: Order) -> list[PathFamily]:
    """Those that no other one covers, short ones first, with the cycles that they need."""
    left: list[PathFamily] = []
    for each in sorted(dict.fromkeys(every), key=lambda family: family.length):
        if not any(each.is_covered(other, order) for other in left):
            left = [other for other in left if not other.is_covered(each, order)]
            left.append(each)
    return _slimmed(left, order)


def _slimmed(every: Sequence[PathFamily], order: Order) -> list[PathFamily]:
    """The families without the cycles of which one turn already makes them some of another one."""
    left = list(every)
    for place, each in enumerate(every):
        others = [*left[:place], *left[place + 1 :]]
        for cycle in each.cycles:
            base, length, cycles = left[place].base, left[place].length, left[place].cycles
            turned = PathFamily(base + cycle.weight, length + cycle.length, cycles)
            if any(turned.is_covered(other, order) for other in others):
                left[place] = PathFamily(base, length, tuple(one for one in cycles if one != cycle))
    return left

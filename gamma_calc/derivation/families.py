"""Finding the families of a law: what the parts of a state become in any number of steps, from one step's pieces.

What a part can be is pushed along the edges of a step until nothing new comes about: what an earlier family covers, by
turns of the cycles through the parts that it has passed, is dropped. A family passes a part again only if it has met
more cycles by then, so this ends. Where a step multiplies parts, cycles that gain are all that is looked for: each is
followed around and on to every part that it feeds. Whether a result is right is for the checker to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product

from gamma_calc.algebra import Affine
from gamma_calc.algebra.plain import Json
from gamma_calc.derivation.checker import LOWER, UPPER, ZERO, Family, Law
from gamma_calc.derivation.conclusions import form_json
from gamma_calc.derivation.inclusion import Inclusion

MOST_FAMILIES = 96
"""Families beyond which the search ends, and what was found is not claimed to be all."""
LONGEST = 4
"""Steps of a cycle beyond which it is not looked for where a step multiplies parts."""
Edge = tuple[int, int, Affine]
"""One step makes the second part at least as large as the first one times n^weight."""
Cycle = tuple[tuple[int, ...], tuple[Affine, ...]]
"""The parts that a closed walk passes, and what the edge from each adds."""
Found = list[tuple[int, Family]]
"""Families by the places of their parts."""


def law_json(law: Law, found: Found, quantities: Iterable[str], *, is_exact: bool) -> Json:
    """A law as a certificate writes it, and of which quantities it is asked when they stay at most 0.

    Where it is not exact, the products of the fewest parts that a quantity is at least show well enough that it grows.
    """
    numbers = {of: [len(law.factors(piece)) for piece in law.looked_at[of].bounds[LOWER]] for of in quantities}
    places = {
        of: [i for i, number in enumerate(every) if is_exact or number == min(filter(None, every), default=0)]
        for of, every in numbers.items()
    }
    families = [
        [part, form_json(base), length, [[form_json(turn), steps] for turn, steps in turns]]
        for part, (base, length, turns) in found
    ]
    return {"exact": is_exact, "quantities": places, "families": families}


def is_linear(law: Law) -> bool:
    """Whether no step multiplies parts, and no size is only a bound."""
    return all(
        {*part.bounds[LOWER]} == {*part.bounds[UPPER]} and all(len(law.factors(p)) < 2 for p in part.bounds[UPPER])
        for part in (*law.before, *law.after)
    )


def every_family(law: Law, inclusion: Inclusion) -> Found | None:
    """All families of the parts; None where they are too many."""
    edges = _edges(law)
    through = _through(_cycles(edges, len(law.x)), len(law.x), inclusion)
    fresh: Found = [(i, (piece, 0, ())) for i, part in enumerate(law.before) for piece in part.bounds[LOWER]]
    found: Found = []
    while fresh:
        pushed: Found = []
        for i, (base, length, met) in fresh:
            if inclusion.place((base, length, met), _of(found, i)) is not None:
                continue
            turns = tuple(dict.fromkeys((*met, *through[i])))
            found.append((i, (base, length, turns)))
            pushed += [(to, (base + more, length + 1, turns)) for source, to, more in edges if source == i]
        if len(found) > MOST_FAMILIES:
            return None
        fresh = pushed
    return _largest(found, inclusion)


def gaining_families(law: Law, cycles: Iterable[Cycle]) -> Found:
    """The sizes that parts have at first, and families that turn some cycles, at every part that they feed."""
    edges = _edges(law)
    found: Found = [(i, (piece, 0, ())) for i, part in enumerate(law.before) for piece in part.bounds[LOWER]]
    for nodes, weights in cycles:
        base, turns = law.before[nodes[0]].bounds[LOWER][0], ((sum(weights, ZERO), len(nodes)),)
        chain: Found = [(node, (sum(weights[:place], base), place, turns)) for place, node in enumerate(nodes)]
        for i, (start, length, _) in chain:
            for at, to, more in edges:
                if at == i and to not in {target for target, _ in chain}:
                    chain.append((to, (start + more, length + 1, turns)))
        found += chain
    return found


def gaining_cycles(law: Law, inclusion: Inclusion) -> list[Cycle]:
    """Short cycles that can gain, one of each weight."""
    found: dict[Affine, Cycle] = {}
    for nodes, weights in sorted(_cycles(_edges(law), len(law.x), LONGEST), key=lambda cycle: len(cycle[0])):
        weight = sum(weights, ZERO)
        if weight not in found and not inclusion.is_below(weight, ZERO):
            found[weight] = nodes, weights
    return list(found.values())


def _of(found: Found, part: int) -> list[Family]:
    return [family for i, family in found if i == part]


def _largest(found: Found, inclusion: Inclusion) -> Found:
    """Those that no other one covers."""
    left = list(found)
    for entry in found:
        others = [other for other in left if other is not entry]
        if inclusion.place(entry[1], _of(others, entry[0])) is not None:
            left = others
    return left


def _edges(law: Law) -> list[Edge]:
    """The edges of a step; of a product of parts, one for each, with the other ones as they are in the first state."""
    return list(dict.fromkeys(edge for target in range(len(law.x)) for edge in _into(law, target)))


def _into(law: Law, target: int) -> Iterator[Edge]:
    for piece in law.after[target].bounds[LOWER]:
        factors = law.factors(piece)
        rest = sum((-law.x[i] for i in factors), piece)
        for place, source in enumerate(factors):
            others = [law.before[i].bounds[LOWER] for i in (*factors[:place], *factors[place + 1 :])]
            for floors in product(*others):
                weight = sum(floors, rest)
                if (source, weight) != (target, ZERO):
                    yield source, target, weight


def _cycles(edges: Sequence[Edge], parts: int, longest: int | None = None) -> Iterator[Cycle]:
    """The elementary cycles, each once."""
    leaving = [[(target, weight) for source, target, weight in edges if source == i] for i in range(parts)]

    def onward(nodes: tuple[int, ...], weights: tuple[Affine, ...]) -> Iterator[Cycle]:
        for target, weight in leaving[nodes[-1]]:
            if target == nodes[0]:
                yield nodes, (*weights, weight)
            elif target > nodes[0] and target not in nodes and (longest is None or len(nodes) < longest):
                yield from onward((*nodes, target), (*weights, weight))

    return (cycle for start in range(parts) for cycle in onward((start,), ()))


def _through(cycles: Iterable[Cycle], parts: int, inclusion: Inclusion) -> list[list[tuple[Affine, int]]]:
    """By part, what a turn of each cycle through it adds that can gain, and in how many steps."""
    found: list[dict[tuple[Affine, int], None]] = [{} for _ in range(parts)]
    for nodes, weights in cycles:
        turn = sum(weights, ZERO), len(nodes)
        if not inclusion.is_below(turn[0], ZERO):
            for i in nodes:
                found[i][turn] = None
    return [list(each) for each in found]

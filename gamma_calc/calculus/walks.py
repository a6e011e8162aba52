"""Walks through a step map's graph: what a component is after any number of steps, in closed form.

After m steps a component is the largest of the walks of at most m edges that lead to it from a source. Where a walk
passes a node, it can turn every cycle through that node any number of times: so a walk stands for a whole family, its
own sum and edges with the *loops* that it has met. The families are found by induction over steps: each is pushed along
every edge, and what another one at that node covers, with its loops, is left out. That ends: a walk that comes back to
a node with no new loop is one turn of a cycle more than it was there before.

Nothing is lost: taking the closed parts out of a walk as long as it passes the same nodes leaves one that is pushed,
and each of them is a turn of a cycle through one of those nodes. Nothing is invented, for the same reason.

Source: Baccelli, Cohen, Olsder, Quadrat, "Synchronization and Linearity", chapter 3 (cycle mean, powers of a matrix).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gamma_calc.algebra import Affine, Polyhedron
from gamma_calc.calculus.loops import Loop, Loops, Order, in_order
from gamma_calc.calculus.step_graph import Edge, Node, StepMap

MOST_WALKS = 512
"""Walks of one component beyond which they are not written out."""


@dataclass(frozen=True, slots=True)
class Walks:
    """The walks that turn some loops, each any number of times: after m steps, those of at most m edges.

    Exponents: `base` is what a walk without turns adds up to, over `length` edges; a turn of a loop adds its weight
    over its period more.
    """

    base: Affine
    length: int
    loops: Loops

    def is_covered(self, other: Walks, order: Order) -> bool:
        """Whether each of these walks has one of the other's that is as large and no longer, and meets as much."""
        room = self.length - other.length
        return (
            room >= 0
            and order.is_below(self.loops, other.loops)
            and order.is_reached(self.base - other.base, ((other.loops, room),))
        )


def walks_to(found: StepMap, domain: Polyhedron) -> Mapping[Node, tuple[Walks, ...]] | None:
    """The walks from the sources to each node, none of which another one covers; None where they are too many."""
    order, leaving = Order(domain), _leaving(found)
    through = _through(found, order)
    known: dict[Node, list[Walks]] = {node: [] for node in found.nodes}
    fresh = deque(_begun(found, through))
    while fresh:
        node, walks = fresh.popleft()
        if not _entered(known[node], walks, order):
            continue
        if len(known[node]) > MOST_WALKS:
            return None
        for edge in leaving[node]:
            loops = order.reduced(walks.loops | through[edge.target])
            fresh.append((edge.target, Walks(walks.base + edge.weight, walks.length + 1, loops)))
    return {node: _slimmed(each, order) for node, each in known.items()}


def _leaving(found: StepMap) -> Mapping[Node, list[Edge]]:
    """The edges by source, those that stay where they are left out: they are loops and lead nowhere."""
    leaving: dict[Node, list[Edge]] = {node: [] for node in found.nodes}
    for edge in found.edges:
        if edge.source != edge.target:
            leaving[edge.source].append(edge)
    return leaving


def _through(found: StepMap, order: Order) -> Mapping[Node, Loops]:
    """The cycles through each node, as loops that may gain and are not turns of other ones."""
    loops: dict[Node, set[Loop]] = {node: set() for node in found.nodes}
    for cycle in found.cycles():
        for node in cycle.nodes:
            loops[node].add(Loop(cycle.weight, len(cycle.edges)))
    return {node: order.reduced(frozenset(each)) for node, each in loops.items()}


def _begun(found: StepMap, through: Mapping[Node, Loops]) -> Iterator[tuple[Node, Walks]]:
    for source in sorted(found.sources, key=lambda source: source.length):
        yield source.target, Walks(source.form, source.length, through[source.target])


def _entered(known: list[Walks], walks: Walks, order: Order) -> bool:
    """Enter some walks among those of a node, unless they are covered there; what they cover is left out."""
    if any(walks.is_covered(other, order) for other in known):
        return False
    known[:] = [other for other in known if not other.is_covered(walks, order)]
    known.append(walks)
    return True


def _slimmed(known: Sequence[Walks], order: Order) -> tuple[Walks, ...]:
    """The walks without the loops of which one turn already makes them some of the others'."""
    left = list(known)
    for place, walks in enumerate(known):
        others = [*left[:place], *left[place + 1 :]]
        for loop in in_order(walks.loops):
            turned = Walks(walks.base + loop.weight, walks.length + loop.period, left[place].loops)
            if any(turned.is_covered(other, order) for other in others):
                left[place] = replace(walks, loops=left[place].loops - {loop})
    return tuple(left)

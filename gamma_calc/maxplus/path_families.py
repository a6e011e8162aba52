"""Path families: what a component is after any number of steps, in closed form.

After m steps a component is the largest of the paths of at most m edges that lead to it from a source. Where a path
passes a node, it can go round every circuit through that node any number of times. So a path stands for a whole family:
its own sum and edges, with the *cycles* that it has met. One edge that adds 0 from a source u to x, and an edge from x
back to itself that adds w, make one family at x: u + k w for k >= 0 and 1 + k <= m.

The families are found by induction over steps: each is pushed along every edge, and what another one at that node
covers, with its cycles, is left out. That ends: a path that comes back to a node with no new cycle is one turn of a
cycle more than it was there before. Nothing is lost: taking the closed parts out of a path as long as it passes the
same nodes leaves one that is pushed, and each of them is a circuit through one of those nodes. Nothing is invented, for
the same reason.

Source: Baccelli, Cohen, Olsder, Quadrat, "Synchronization and Linearity", chapter 3 (cycle mean, powers of a matrix).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeAlias

from gamma_calc.algebra import Affine, Inequality, Polyhedron
from gamma_calc.maxplus.graph import Edge, Node, StepMap

NOTHING = Affine.of(0)
MOST_FAMILIES = 512
"""Families of one component beyond which they are not written out."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """What a turn of a circuit adds, and the edges that it takes."""

    weight: Affine
    length: int


Cycles: TypeAlias = tuple[Cycle, ...]
Free: TypeAlias = tuple[tuple[str, Fraction], ...]


def in_order(cycles: Cycles) -> Cycles:
    """The cycles, each once, short ones first."""
    return tuple(sorted(dict.fromkeys(cycles), key=lambda cycle: (cycle.length, str(cycle.weight))))


def turns(cycles: Cycles, edges: int) -> Iterator[tuple[tuple[int, ...], Affine]]:
    """How often each of some cycles can be turned within so many edges, few turns first, and what that adds.

    >>> x = Affine.symbol("x")
    >>> [(numbers, str(sum)) for numbers, sum in turns((Cycle(x, 1), Cycle(x + 1, 2)), 2)]
    [((0, 0), '0'), ((0, 1), 'x + 1'), ((1, 0), 'x'), ((2, 0), '2*x')]
    """
    if not cycles:
        yield (), NOTHING
        return
    (first, *others) = cycles
    for number in range(edges // first.length + 1):
        for rest, added in turns(tuple(others), edges - number * first.length):
            yield (number, *rest), first.weight * number + added


@dataclass(frozen=True, slots=True)
class Order:
    """Which sums are at least as large as which everywhere on a domain; what has been asked once is kept."""

    domain: Polyhedron
    _signs: dict[Affine, bool] = field(default_factory=dict)
    _sums: dict[tuple[Cycles, int], dict[Free, dict[Affine, None]]] = field(default_factory=dict)
    _below: dict[tuple[Cycles, Cycles], bool] = field(default_factory=dict)
    _essential: dict[Cycles, Cycles] = field(default_factory=dict)
    _covered: dict[tuple[Affine, ...], bool] = field(default_factory=dict)
    _bound: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_bound", frozenset(self.domain.free))

    def is_never_negative(self, form: Affine) -> bool:
        """Whether the form is at least 0 at every point of the domain."""
        if form not in self._signs:
            is_free = any(name not in self._bound for name in form.free)
            self._signs[form] = not is_free and self.domain.implies(Inequality(form))
        return self._signs[form]

    def is_at_most(self, form: Affine, tops: Iterable[Affine]) -> bool:
        """Whether a form is at most the largest of some at every point of the domain."""
        gaps = tuple(dict.fromkeys(top - form for top in tops))
        if gaps not in self._covered:
            above = Polyhedron.of(*(Inequality(-gap, strict=True) for gap in gaps))
            is_plain = any(gap.is_constant and gap.constant >= 0 for gap in gaps)
            self._covered[gaps] = is_plain or (self.domain & above).is_empty
        return self._covered[gaps]

    def is_reached(self, lead: Affine, cycles: Cycles, edges: int) -> bool:
        """Whether turns of cycles within so many edges add at least a lead."""
        # On a name that the domain leaves free, forms in order have the same coefficient.
        made = self._sums_within(cycles, edges).get(self._free(lead), ())
        return any(self.is_never_negative(added - lead) for added in made)

    def reaching(self, lead: Affine, cycles: Cycles, edges: int) -> tuple[int, ...] | None:
        """Numbers of turns within so many edges that add at least a lead: the evidence; None where none do."""
        made = turns(cycles, edges) if edges >= 0 else ()
        return next((numbers for numbers, added in made if self.is_never_negative(added - lead)), None)

    def is_below(self, cycles: Cycles, others: Cycles) -> bool:
        """Whether a turn of each cycle is no more than some turns of the others, over as many edges."""
        new = tuple(cycle for cycle in cycles if cycle not in others)
        if new and (new, others) not in self._below:
            self._below[new, others] = all(self._is_made_up(cycle, others) for cycle in new)
        return not new or self._below[new, others]

    def essential(self, cycles: Cycles) -> Cycles:
        """The cycles without those that never gain, or are no more than turns of the rest."""
        if cycles not in self._essential:
            left = cycles
            for cycle in sorted(cycles, key=lambda each: (-each.length, str(each.weight))):
                rest = tuple(each for each in left if each != cycle)
                left = rest if self._is_made_up(cycle, rest) else left
            self._essential[cycles] = left
        return self._essential[cycles]

    def _is_made_up(self, cycle: Cycle, others: Cycles) -> bool:
        return self.is_reached(cycle.weight, others, cycle.length)

    def _free(self, form: Affine) -> Free:
        return tuple(term for term in form.terms if term[0] not in self._bound)

    def _sums_within(self, cycles: Cycles, edges: int) -> dict[Free, dict[Affine, None]]:
        """What turns of some cycles can add up to, by what they do on the names that the domain leaves free."""
        key = cycles, edges
        if key not in self._sums:
            found: dict[Free, dict[Affine, None]] = {}
            for form in self._sums_by_turn(cycles, edges):
                found.setdefault(self._free(form), {})[form] = None
            self._sums[key] = found
        return self._sums[key]

    def _sums_by_turn(self, cycles: Cycles, edges: int) -> Iterator[Affine]:
        """The sums without a turn of the first cycle, and with one turn of it more than others."""
        if not cycles:
            yield NOTHING
            return
        first, *others = cycles
        for forms in self._sums_within(tuple(others), edges).values():
            yield from forms
        if first.length <= edges:
            for forms in self._sums_within(cycles, edges - first.length).values():
                yield from (first.weight + form for form in forms)


@dataclass(frozen=True, slots=True)
class PathFamily:
    """The paths that turn some cycles, each any number of times: after m steps, those of at most m edges.

    Exponents: `base` is what a path without turns adds up to, over `length` edges; a turn of a cycle adds its weight
    over its length more. The cycles are in the order in which the path meets them.
    """

    base: Affine
    length: int
    cycles: Cycles

    def is_covered(self, other: PathFamily, order: Order) -> bool:
        """Whether each of these paths has one of the other's that is as large and no longer, and meets as much."""
        edges = self.length - other.length
        return (
            edges >= 0
            and order.is_below(self.cycles, other.cycles)
            and order.is_reached(self.base - other.base, other.cycles, edges)
        )


def path_families(found: StepMap, order: Order) -> Mapping[Node, list[PathFamily]] | None:
    """The families from the sources to each node, none of which another one covers; None where they are too many."""
    leaving: dict[Node, list[Edge]] = {node: [] for node in found.nodes}
    for edge in found.edges:
        if edge.source != edge.target:  # an edge that stays where it is is a circuit and leads nowhere
            leaving[edge.source].append(edge)
    through = _through(found, order)
    known: dict[Node, list[PathFamily]] = {node: [] for node in found.nodes}
    sources = sorted(found.sources, key=lambda source: source.length)
    fresh = deque((each.target, PathFamily(each.form, each.length, through[each.target])) for each in sources)
    while fresh:
        node, family = fresh.popleft()
        if any(family.is_covered(other, order) for other in known[node]):
            continue
        known[node] = [*(other for other in known[node] if not other.is_covered(family, order)), family]
        if len(known[node]) > MOST_FAMILIES:
            return None
        for edge in leaving[node]:
            met = order.essential(tuple(dict.fromkeys((*family.cycles, *through[edge.target]))))
            fresh.append((edge.target, PathFamily(family.base + edge.weight, family.length + 1, met)))
    return known


def _through(found: StepMap, order: Order) -> Mapping[Node, Cycles]:
    """The circuits through each node, as cycles that may gain and are not turns of other ones."""
    cycles: dict[Node, dict[Cycle, None]] = {node: {} for node in found.nodes}
    for circuit in found.circuits():
        for node in circuit.nodes:
            cycles[node][Cycle(circuit.weight, len(circuit.edges))] = None
    return {node: order.essential(tuple(each)) for node, each in cycles.items()}

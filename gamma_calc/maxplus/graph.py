"""The graph of a max-plus affine map: components of a state, and what one step makes of each.

Source: Baccelli, Cohen, Olsder, Quadrat, "Synchronization and Linearity", chapters 2 and 3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import reduce
from itertools import product
from math import prod
from typing import Any, TypeAlias, TypeVar

from gamma_calc.algebra import Affine, Exponent


@dataclass(frozen=True, slots=True)
class Node:
    """A component of the state: what it is a part of, and its provenance, as a reading of a program knows them."""

    part: Any
    provenance: Any = None

    def __str__(self) -> str:
        return str(self.part)


Part = TypeVar("Part")
Step: TypeAlias = tuple[Node, Node]
"""What a component is made from, and the component."""


@dataclass(frozen=True, slots=True)
class Edge:
    """One step makes the target as large as n^weight times the source, or at most if it `is_bound`."""

    source: Node
    target: Node
    weight: Affine
    is_bound: bool = False


@dataclass(frozen=True, slots=True)
class Circuit:
    """A closed walk through the graph that visits no node twice; `weight` is what one turn adds to its exponents."""

    edges: tuple[Edge, ...]

    @property
    def weight(self) -> Affine:
        """The sum of the edges' weights."""
        return sum((edge.weight for edge in self.edges), Affine.of(0))

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes in the order of the path."""
        return tuple(edge.source for edge in self.edges)


@dataclass(frozen=True, slots=True)
class Monomial:
    """A product of components of the state before a step, times n^coefficient; a square names its factor twice."""

    coefficient: Affine
    factors: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """One step makes the target as large as a product of components, or at most if it `is_bound`."""

    target: Node
    monomial: Monomial
    is_bound: bool = False

    @property
    def edge(self) -> Edge:
        """The product of one component alone, as an edge."""
        (factor,) = self.monomial.factors
        return Edge(factor, self.target, self.monomial.coefficient, self.is_bound)

    def count(self, floors: Mapping[Node, tuple[Affine, ...]]) -> int:
        """How many `edges` there are."""
        sizes = [len(floors.get(factor, ())) for factor in self.monomial.factors]
        return sum(prod((*sizes[:place], *sizes[place + 1 :])) for place in range(len(sizes)))

    def edges(self, floors: Mapping[Node, tuple[Affine, ...]]) -> Iterator[Edge]:
        """Each factor's part in the product, with the other ones at their floors, if all of them have one."""
        factors = self.monomial.factors
        for place, source in enumerate(factors):
            others = (floors.get(factor, ()) for factor in (*factors[:place], *factors[place + 1 :]))
            for choice in product(*others):
                yield Edge(source, self.target, sum(choice, self.monomial.coefficient))


@dataclass(frozen=True, slots=True)
class PathStart:
    """What a component is made from: n^form, there `length` steps after step `start` of the map.

    Of length 0 it is what the component is to begin with; of length 1 it is what every step adds, whatever the state.
    """

    target: Node
    form: Affine
    length: int


@dataclass(frozen=True, slots=True)
class StepMap:
    """The graph of one step, and what each quantity is made from.

    `observed` gives, by quantity, the nodes that it grows with, in the same step or later; `quantities` the monomials
    that it is the largest of after a step, of those that are such a maximum. The map holds of every step after step
    `start` (0: of all), in whose state the components are what `sources` give; what a step adds whatever the state,
    such as a normalised step, is a source too and has no edge. `kept` are the nodes that no step makes smaller.
    Where `is_exact` is false, some edges are bounds from above: a cycle may then gain less than its weight. Where
    `is_known` is true, nothing at all is only a bound. `products` are what a step that is not linear over maximum and
    plus makes besides; a linear map has none.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    observed: Mapping[str, frozenset[Node]]
    quantities: Mapping[str, tuple[Monomial, ...]]
    sources: tuple[PathStart, ...]
    kept: frozenset[Node]
    start: int
    is_known: bool
    products: tuple[Product, ...] = ()

    @property
    def is_exact(self) -> bool:
        """Whether every cycle gains its weight."""
        return not any(edge.is_bound for edge in self.edges)

    @property
    def can_wait(self) -> bool:
        """Whether each walk from a source may come late: it waits at its kept source, or starts from a later step."""
        return all(source.length or source.target in self.kept for source in self.sources)

    @property
    def fed(self) -> frozenset[Node]:
        """The nodes that some quantity grows with."""
        return frozenset[Node]().union(*self.observed.values())

    @property
    def steps(self) -> frozenset[Step]:
        """The pairs of nodes between which there is an edge."""
        return frozenset((edge.source, edge.target) for edge in self.edges)

    def feeding(self, names: Iterable[str]) -> StepMap:
        """The part of the map that some quantities grow with: what happens elsewhere they never feel."""
        fed = frozenset[Node]().union(*(self.observed[name] for name in names))
        return replace(
            self,
            nodes=tuple(node for node in self.nodes if node in fed),
            edges=tuple(edge for edge in self.edges if edge.target in fed),
            products=tuple(each for each in self.products if each.target in fed),
            sources=tuple(source for source in self.sources if source.target in fed),
        )

    def circuits(self, longest: int | None = None) -> tuple[Circuit, ...]:
        """The elementary circuits of so many edges at most, each once."""
        steps = [(edge.source, edge.target, edge) for edge in self.edges]
        return tuple(map(Circuit, self._closed_paths(steps, longest)))

    def rounds(self) -> tuple[tuple[Node, ...], ...]:
        """The orders of nodes in which elementary cycles pass, each once."""
        return tuple(self._closed_paths([(source, target, source) for source, target in self.weights()]))

    def weights(self) -> Mapping[tuple[Node, Node], tuple[Affine, ...]]:
        """What the edges between two nodes add, by their ends."""
        found: dict[tuple[Node, Node], list[Affine]] = {}
        for edge in self.edges:
            found.setdefault((edge.source, edge.target), []).append(edge.weight)
        return {ends: tuple(forms) for ends, forms in found.items()}

    def _closed_paths(
        self, steps: Iterable[tuple[Node, Node, Part]], longest: int | None = None
    ) -> Iterator[tuple[Part, ...]]:
        """The closed paths that pass no node twice, each from its first node on: of its steps, what stands third."""
        places = {node: place for place, node in enumerate(self.nodes)}
        leaving: list[list[tuple[int, Part]]] = [[] for _ in self.nodes]
        for source, target, step in steps:
            leaving[places[source]].append((places[target], step))

        def onward(start: int, here: int, path: tuple[Part, ...], passed: int) -> Iterator[tuple[Part, ...]]:
            for target, step in leaving[here]:
                if target == start:
                    yield (*path, step)
                elif target > start and not passed >> target & 1 and (longest is None or len(path) + 1 < longest):
                    yield from onward(start, target, (*path, step), passed | 1 << target)

        for start in range(len(leaving)):
            yield from onward(start, start, (), 0)


def gain(nodes: Sequence[Node], largest: Mapping[tuple[Node, Node], Exponent]) -> Exponent:
    """The most that a turn through some nodes, in order, adds; `largest` is the most that a step between two does."""
    return reduce(Exponent.__add__, (largest[ends] for ends in zip(nodes, (*nodes[1:], nodes[0]), strict=True)))


def reachable(nodes: Iterable[Node], steps: AbstractSet[Step]) -> frozenset[Node]:
    """The nodes that can be reached from some, with those themselves."""
    found = frozenset(nodes)
    while more := frozenset(target for source, target in steps if source in found) - found:
        found |= more
    return found

"""The step map of a program as a max-plus affine map, where it is one.

Reading one training step from a state whose exponents are unknowns gives the next state in those unknowns. A raw step
keeps every monomial, so each new exponent is a maximum of sums of one unknown and a fixed form: a matrix over
(max, +), here a graph whose edges carry affine weights. A normalised step forgets its gradient's size and has no edges;
what it adds is a constant, which feeds the graph but closes no cycle. Weight decay and momentum have edges under any
step, from each part to itself.

Source: Baccelli, Cohen, Olsder, Quadrat, "Synchronization and Linearity", chapter 3 (cycle mean, Kleene star).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from gamma_calc.algebra import Affine, Exponent, Polyhedron
from gamma_calc.algebra.affine import auxiliary
from gamma_calc.calculus.interpreter import ExponentReading
from gamma_calc.calculus.policy import CALCULUS, Policy
from gamma_calc.calculus.provenance import Provenance
from gamma_calc.calculus.rules import Component, Term, total
from gamma_calc.calculus.size import Size
from gamma_calc.program.program import Program
from gamma_calc.program.reading import State, initial_state, training_step
from gamma_calc.program.terms import FormalSum, Part

CLOSURE = 16
"""Steps after which the kinds of components that a run makes are complete, or the search is given up."""


@dataclass(frozen=True, slots=True)
class Node:
    """A component of the state: a parity of a part of a trained tensor."""

    part: Part
    provenance: Provenance

    def __str__(self) -> str:
        return str(self.part)


@dataclass(frozen=True, slots=True)
class Edge:
    """One step makes the target as large as n^weight times the source, or at most if it `is_bound`."""

    source: Node
    target: Node
    weight: Affine
    is_bound: bool = False


@dataclass(frozen=True, slots=True)
class Cycle:
    """A closed walk through the graph that visits no node twice; `weight` is what one turn adds to its exponents."""

    edges: tuple[Edge, ...]

    @property
    def weight(self) -> Affine:
        """The sum of the edges' weights."""
        return sum((edge.weight for edge in self.edges), Affine.of(0))

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes in the order of the walk."""
        return tuple(edge.source for edge in self.edges)


@dataclass(frozen=True, slots=True)
class StepMap:
    """The graph of one step, and what each quantity is made from.

    `observed` gives, by quantity, the nodes that it grows with, in the same step or later. Parts add up, so that no
    node ever shrinks. What a step adds whatever the state, such as a normalised step, has no edge. Where `is_exact` is
    false, some edges are bounds from above: a cycle may then gain less than its weight.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    observed: Mapping[str, frozenset[Node]]

    @property
    def is_exact(self) -> bool:
        """Whether every cycle gains its weight."""
        return not any(edge.is_bound for edge in self.edges)

    def cycles(self) -> tuple[Cycle, ...]:
        """The elementary cycles, each once."""
        order = {node: index for index, node in enumerate(self.nodes)}
        return tuple(Cycle(path) for start in self.nodes for path in self._paths(start, start, (), order))

    def _paths(
        self, start: Node, here: Node, path: tuple[Edge, ...], order: Mapping[Node, int]
    ) -> Iterator[tuple[Edge, ...]]:
        """The walks from `here` back to `start` over nodes that come after it and were not visited."""
        visited = {edge.target for edge in path}
        for edge in self.edges:
            if edge.source != here or order[edge.target] < order[start] or edge.target in visited - {start}:
                continue
            if edge.target == start:
                yield (*path, edge)
            else:
                yield from self._paths(start, edge.target, (*path, edge), order)


@lru_cache(maxsize=64)
def step_map(
    program: Program, quantities: tuple[str, ...], domain: Polyhedron, policy: Policy = CALCULUS
) -> StepMap | None:
    """The step map of a program on a domain, and what `quantities` are made from; None where it is not linear."""
    program = replace(program, quantities={name: program.quantities[name] for name in quantities})
    state, t = _closed_state(program, domain, policy)
    if state is None:
        return None
    unknowns: dict[str, Node] = {}
    reading = ExponentReading(program.optimizer, domain, policy)
    step = training_step(program, reading, _symbolic(state, unknowns), t)
    edges: list[Edge] = []
    for target, size in _components(step.after):
        linear = _linear(size.upper, unknowns)
        if linear is None:
            return None
        sure = linear if size.is_exact else _linear(size.lower, unknowns) or []
        edges += [
            Edge(source, target, weight, is_bound=(source, weight) not in sure)
            for source, weight in linear
            if (source, weight) != (target, Affine.of(0))
        ]
    observed = {
        name: _feeding(_growing(total(_all(value)), unknowns), edges) for name, value in step.quantities.items()
    }
    return StepMap(tuple(unknowns.values()), tuple(edges), observed)


def _closed_state(program: Program, domain: Polyhedron, policy: Policy) -> tuple[State[Term] | None, int]:
    """A state with every kind of component that the run will ever have."""
    reading = ExponentReading(program.optimizer, domain, policy)
    state = initial_state(program, reading)
    for t in range(1, CLOSURE):
        reading.t = t
        after = training_step(program, reading, state, t).after
        if _kinds(after) == _kinds(state):
            return after, t + 1
        state = after
    return None, 0


def _kinds(state: State[Term]) -> frozenset[Node]:
    return frozenset(
        Node(label[-1], component.provenance) for value in state.values() for label, term in value for component in term
    )


def _symbolic(state: State[Term], unknowns: dict[str, Node]) -> State[Term]:
    """The state with an unknown for each exponent; the unknowns' names are entered in `unknowns`."""

    def unknown(part: Part, component: Component) -> Component:
        form = auxiliary(f"x{len(unknowns)}")
        unknowns[form.free[0]] = Node(part, component.provenance)
        return Component(Size.exactly(Exponent.of(form)), component.provenance)

    return {
        name: FormalSum(tuple((label, tuple(unknown(label[-1], each) for each in term)) for label, term in value))
        for name, value in state.items()
    }


def _components(state: State[Term]) -> Iterator[tuple[Node, Size]]:
    for value in state.values():
        for label, term in value:
            for component in term:
                yield Node(label[-1], component.provenance), component.size


def _linear(exponent: Exponent, unknowns: Mapping[str, Node]) -> list[tuple[Node, Affine]] | None:
    """The pieces with an unknown as its node and a weight each; None unless each is one unknown plus a form without."""
    found = []
    for piece in exponent.pieces:
        names = [name for name in piece.free if name in unknowns]
        if not names:
            continue
        if len(names) != 1 or piece.coefficient(names[0]) != 1:
            return None
        (name,) = names
        found.append((unknowns[name], piece.substituted({name: Affine.of(0)})))
    return found


def _growing(size: Size, unknowns: Mapping[str, Node]) -> frozenset[Node]:
    """The nodes with which an exponent grows without bound; it never falls with any of them."""
    names = {name for piece in size.upper.pieces for name in piece.free if piece.coefficient(name) > 0}
    return frozenset(unknowns[name] for name in names if name in unknowns)


def _feeding(nodes: frozenset[Node], edges: Sequence[Edge]) -> frozenset[Node]:
    """The nodes from which some of the given ones can be reached, with those themselves."""
    found, fresh = nodes, nodes
    while fresh:
        fresh = frozenset(edge.source for edge in edges if edge.target in fresh) - found
        found |= fresh
    return found


def _all(value: FormalSum[Term]) -> Iterator[Component]:
    return (component for _, term in value for component in term)

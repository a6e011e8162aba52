"""The step map of a program as a max-plus affine map, where it is one.

Reading one training step from a state whose exponents are unknowns gives the next state in those unknowns. A raw step
keeps every monomial, so each new exponent is a maximum of sums of one unknown and a fixed form: a matrix over
(max, +), here a graph whose edges carry affine weights. A normalised step forgets its gradient's size and has no edges;
what it adds is a constant, which feeds the graph but closes no cycle. Weight decay and momentum have edges under any
step, from each part to itself.

Source: Baccelli, Cohen, Olsder, Quadrat, "Synchronization and Linearity", chapter 3 (cycle mean, Kleene star).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

from gamma_calc.algebra import EVERYWHERE, Affine, Exponent, Inequality, Polyhedron
from gamma_calc.algebra.affine import auxiliary
from gamma_calc.calculus.interpreter import ExponentReading
from gamma_calc.calculus.monomials import Bounds, bounds, keeps_monomials, monomials_of
from gamma_calc.calculus.policy import CALCULUS, Policy
from gamma_calc.calculus.rules import Component, Term, total
from gamma_calc.calculus.size import Size
from gamma_calc.calculus.step_graph import Cycle, Edge, Monomial, Node, Product, Source, StepMap
from gamma_calc.program.program import Program
from gamma_calc.program.reading import State, Step, initial_state, training_step
from gamma_calc.program.terms import FormalSum, Part

__all__ = ["Cycle", "Edge", "Monomial", "Node", "Source", "StepMap", "step_map"]

NOTHING = Affine.of(0)
CLOSURE = 16
"""Steps after which the kinds of components that a run makes are complete, or the search is given up."""


@lru_cache(maxsize=64)
def step_map(
    program: Program, quantities: tuple[str, ...], domain: Polyhedron, policy: Policy = CALCULUS
) -> StepMap | None:
    """The step map of a program on a domain, and what `quantities` are made from; None where it is not linear."""
    found = product_map(program, quantities, domain, policy)
    return None if found is None or found.products else found


@lru_cache(maxsize=64)
def product_map(
    program: Program, quantities: tuple[str, ...], domain: Polyhedron, policy: Policy = CALCULUS
) -> StepMap | None:
    """The step map with the products of components that a step makes; None where some exponent is no such maximum."""
    step = _symbolic_step(program, quantities, domain, policy)
    if step is None:
        return None
    linear = [piece.edge for piece in step.pieces if len(piece.monomial.factors) == 1]
    return _started(step.graph(linear, [piece.product for piece in step.pieces if piece.is_product]), step.run)


def largest_values(
    found: StepMap, program: Program, domain: Polyhedron, steps: int, policy: Policy = CALCULUS
) -> Mapping[Node, Exponent] | None:
    """The largest exponent of each component in the first steps; None where the map does not know them all."""
    reading = ExponentReading(program.optimizer, domain, policy)
    state, nodes = initial_state(program, reading), {_parity(node): node for node in found.nodes}
    largest: dict[Node, Exponent] = {}
    for t in range(1, steps + 2):
        values = _values(state, nodes)
        if values is None:
            return None
        largest |= {node: value | largest[node] if node in largest else value for node, value in values.items()}
        reading.t = t
        state = training_step(program, reading, state, t).after
    return largest


@lru_cache(maxsize=64)
def minorant(
    program: Program, quantities: tuple[str, ...], domain: Polyhedron, policy: Policy = CALCULUS
) -> StepMap | None:
    """A linear map that a step which multiplies components never falls below; None where a step is no such product.

    Of a product of components, all but one are replaced by what they are at an early step, where no step makes them
    smaller; what is only bounded from above is left out. So where a cycle of this map gains, a run grows without bound.
    """
    step = _symbolic_step(program, quantities, domain, policy)
    if step is None:
        return None
    sure = [piece for piece in step.pieces if piece.is_sure]
    plain = [piece.edge for piece in sure if len(piece.monomial.factors) == 1]
    kept = step.graph(plain).kept
    floors = {node: size.lower.pieces for node, size in _components(step.run[-1].after) if node in kept}
    products = [piece for piece in sure if piece.is_product]
    below = dict.fromkeys(edge for piece in products for edge in piece.edges(floors))
    return step.graph([*plain, *below], [piece.product for piece in products], is_below=True)


@dataclass(frozen=True, slots=True)
class _SymbolicStep:
    """One step from unknown exponents, after the steps of a run that has every kind of component; by `pieces`."""

    run: Sequence[Step[Term]]
    sizes: Mapping[str, Bounds]
    unknowns: Mapping[str, Node]
    pieces: tuple[_Piece, ...]
    is_known: bool
    domain: Polyhedron

    def graph(self, edges: Sequence[Edge], products: Sequence[Product] = (), *, is_below: bool = False) -> StepMap:
        """The map with these edges, and these products beside them; one below the step has what is sure only."""
        short = {name: size for name, size in self.sizes.items() if size.is_short}
        sides = {name: size.lower if is_below else size.upper for name, size in short.items()}
        made = {name: monomials_of(side, self.unknowns) for name, side in sides.items()}
        kept = (e.target for e in edges if e.source == e.target and self.domain.implies(Inequality(e.weight)))
        drawn = [Edge(factor, each.target, NOTHING) for each in products for factor in each.monomial.factors]
        return StepMap(
            nodes=tuple(self.unknowns.values()),
            edges=tuple(edge for edge in edges if edge.source != edge.target or edge.weight != Affine.of(0)),
            observed={
                name: _feeding(_growing(each, self.unknowns), [*edges, *drawn]) for name, each in self.sizes.items()
            },
            quantities={name: monomials for name, monomials in made.items() if monomials is not None},
            sources=tuple(piece.source for piece in self.pieces if not piece.monomial.factors),
            kept=frozenset(kept),
            start=0,
            is_known=self.is_known,
            products=tuple(products),
        )


@lru_cache(maxsize=16)
def _symbolic_step(
    program: Program, quantities: tuple[str, ...], domain: Polyhedron, policy: Policy
) -> _SymbolicStep | None:
    """One step of a program, read from unknown exponents; None where some exponent is no maximum of products."""
    program = replace(program, quantities={name: program.quantities[name] for name in quantities})
    run = _closed_run(program, domain, policy)
    if run is None:
        return None
    unknowns: dict[str, Node] = {}
    reading = ExponentReading(program.optimizer, domain, policy)
    state = _marked if keeps_monomials(program.optimizer, policy) else _symbolic
    step = training_step(program, reading, state(run[-1].after, unknowns), len(run) + 1)
    sizes = {name: bounds(_all(value), domain) for name, value in step.quantities.items()}
    pieces: list[_Piece] = []
    after = {target: bounds(each, domain) for target, each in _by_node(step.after).items()}
    for target, size in after.items():
        upper, lower = (monomials_of(side, unknowns) for side in (size.upper, size.lower))
        if upper is None or not size.is_short:
            return None
        sure = frozenset(lower or ())
        pieces += [_Piece(target, each, each in sure) for each in upper]
    is_known = all(size.is_exact for size in (*after.values(), *sizes.values()))
    return _SymbolicStep(run, sizes, unknowns, tuple(pieces), is_known, domain)


@dataclass(frozen=True, slots=True)
class _Piece:
    """One way in which a component comes about; where it is not sure, a bound from above."""

    target: Node
    monomial: Monomial
    is_sure: bool

    @property
    def edge(self) -> Edge:
        """The piece of a component made from another one."""
        return Edge(self.monomial.factors[0], self.target, self.monomial.coefficient, is_bound=not self.is_sure)

    @property
    def is_product(self) -> bool:
        """Whether it multiplies components."""
        return len(self.monomial.factors) > 1

    @property
    def product(self) -> Product:
        """The piece of a component made from several ones."""
        return Product(self.target, self.monomial, is_bound=not self.is_sure)

    def edges(self, floors: Mapping[Node, tuple[Affine, ...]]) -> Iterator[Edge]:
        """Each factor's part in the piece, with the other ones at their floors, if all of them have one."""
        factors, weight = self.monomial.factors, self.monomial.coefficient
        for place, source in enumerate(factors):
            others = (floors.get(factor, ()) for factor in (*factors[:place], *factors[place + 1 :]))
            for choice in product(*others):
                yield Edge(source, self.target, sum(choice, weight))

    @property
    def source(self) -> Source:
        """The piece of a component that is made afresh."""
        return Source(self.target, self.monomial.coefficient, 1)


def _started(found: StepMap, steps: Sequence[Step[Term]]) -> StepMap:
    """The map with the earliest state from which it holds.

    The steps at hand are compared with what the map makes of them, parity by parity: in an early step a component may
    still lack a dependence that it will have, and gain otherwise. From the last step at hand on nothing changes.
    """
    nodes = {_parity(node): node for node in found.nodes}
    start = len(steps) - 1
    while start and _agrees(found, steps[start - 1], nodes):
        start -= 1
    before = _values(steps[start].before, nodes) or {}
    there = tuple(Source(node, piece, 0) for node, value in before.items() for piece in value.pieces)
    return replace(found, sources=(*there, *found.sources), start=start)


def _agrees(found: StepMap, step: Step[Term], nodes: Mapping[Node, Node]) -> bool:
    """Whether a step is what the map makes of the state before it."""
    before, after = _values(step.before, nodes), _values(step.after, nodes)
    if before is None or after is None or _advanced(found, before) != after:
        return False
    return all(
        _of(monomials, before) == total(_all(step.quantities[name])).upper
        for name, monomials in found.quantities.items()
    )


def _parity(node: Node) -> Node:
    return Node(node.part, node.provenance.parity)


def _values(state: State[Term], nodes: Mapping[Node, Node]) -> Mapping[Node, Exponent] | None:
    """The exponents of a state's components; None where one is of no parity that the map knows."""
    found = {_parity(node): size.upper for node, size in _components(state)}
    return {nodes[key]: value for key, value in found.items()} if set(found) <= set(nodes) else None


def _advanced(found: StepMap, values: Mapping[Node, Exponent]) -> Mapping[Node, Exponent]:
    """The exponents one step later, as the map has them."""
    pieces: dict[Node, list[Affine]] = {node: [*value.pieces] for node, value in values.items() if node in found.kept}
    for edge in found.edges:
        if edge.source in values:
            pieces.setdefault(edge.target, []).extend(piece + edge.weight for piece in values[edge.source].pieces)
    for source in found.sources:
        pieces.setdefault(source.target, []).append(source.form)
    for each in found.products:
        pieces.setdefault(each.target, []).extend(_of([each.monomial], values).pieces)
    domain = _domain(values)
    return {node: Exponent(tuple(forms), domain) for node, forms in pieces.items()}


def _of(monomials: Sequence[Monomial], values: Mapping[Node, Exponent]) -> Exponent:
    """The largest of some monomials in a state."""
    pieces = [
        sum(choice, monomial.coefficient)
        for monomial in monomials
        if all(factor in values for factor in monomial.factors)
        for choice in product(*(values[factor].pieces for factor in monomial.factors))
    ]
    return Exponent(tuple(dict.fromkeys(pieces)), _domain(values))


def _domain(values: Mapping[Node, Exponent]) -> Polyhedron:
    return next((value.domain for value in values.values()), EVERYWHERE)


def _closed_run(program: Program, domain: Polyhedron, policy: Policy) -> list[Step[Term]] | None:
    """The steps of a run, up to the first that starts from a state with every kind of component there will ever be."""
    reading = ExponentReading(program.optimizer, domain, policy)
    state, steps = initial_state(program, reading), list[Step[Term]]()
    for t in range(1, CLOSURE):
        reading.t = t
        steps.append(training_step(program, reading, state, t))
        if _kinds(steps[-1].after) == _kinds(state):
            return steps
        state = steps[-1].after
    return None


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

    return _with_components(state, unknown)


def _marked(state: State[Term], unknowns: dict[str, Node]) -> State[Term]:
    """The state with each component of size 1, made from itself; the marks' names are entered in `unknowns`."""

    def marked(part: Part, component: Component) -> Component:
        mark = f"x{len(unknowns)}"
        unknowns[auxiliary(mark).free[0]] = Node(part, component.provenance)
        return Component(Size.exactly(Exponent.of(0)), replace(component.provenance, made=(mark,)))

    return _with_components(state, marked)


def _with_components(state: State[Term], made: Callable[[Part, Component], Component]) -> State[Term]:
    return {
        name: FormalSum(tuple((label, tuple(made(label[-1], each) for each in term)) for label, term in value))
        for name, value in state.items()
    }


def _by_node(state: State[Term]) -> Mapping[Node, list[Component]]:
    """The components of a state by what they are of, whatever they are made from."""
    found: dict[Node, list[Component]] = {}
    for value in state.values():
        for label, term in value:
            for component in term:
                found.setdefault(Node(label[-1], component.provenance.unmarked), []).append(component)
    return found


def _components(state: State[Term]) -> Iterator[tuple[Node, Size]]:
    for value in state.values():
        for label, term in value:
            for component in term:
                yield Node(label[-1], component.provenance), component.size


def _growing(size: Bounds, unknowns: Mapping[str, Node]) -> frozenset[Node]:
    """The nodes with which an exponent grows without bound; it never falls with any of them."""
    names = {name for piece in size.upper for name in piece.free if piece.coefficient(name) > 0}
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

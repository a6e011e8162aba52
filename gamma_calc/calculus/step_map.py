"""The step map of a program as a max-plus affine map, where it is one.

Reading one training step from a state whose exponents are unknowns gives the next state in those unknowns. A raw step
keeps every monomial, so each new exponent is a maximum of sums of one unknown and a fixed form: a matrix over
(max, +), here a graph whose edges carry affine weights. A normalised step forgets its gradient's size and has no edges;
what it adds is a constant, which feeds the graph but closes no cycle. Weight decay and momentum have edges under any
step, from each part to itself.

Source: Baccelli, Cohen, Olsder, Quadrat, "Synchronization and Linearity", chapter 3 (cycle mean, Kleene star).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from gamma_calc.algebra import EVERYWHERE, Affine, Exponent, Polyhedron
from gamma_calc.calculus.components import Term, total
from gamma_calc.calculus.policy import CALCULUS, Policy
from gamma_calc.calculus.symbolic_step import by_node, components_of, symbolic_step
from gamma_calc.maxplus.graph import Edge, Monomial, Node, PathStart, Product, StepMap
from gamma_calc.program.program import Program
from gamma_calc.program.reading import State, Step

MOST_EDGES = 100_000
"""Edges of a map below a step beyond which it is not written out: a module with five free exponents and a momentum has
35 thousand, which take seconds; three layers whose scales are all free have 292 million."""


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
    step = symbolic_step(program, quantities, domain, policy)
    if step is None:
        return None
    linear, products = _by_degree(step.pieces)
    return _started(step.graph(linear, products), step.run)


@lru_cache(maxsize=64)
def minorant(
    program: Program, quantities: tuple[str, ...], domain: Polyhedron, policy: Policy = CALCULUS
) -> StepMap | None:
    """A linear map that a step which multiplies components never falls below; None where there is none, or it is long.

    Of a product of components, all but one are replaced by what they are at an early step, where no step makes them
    smaller; what is only bounded from above is left out. So where a cycle of this map gains, a run grows without bound.
    """
    step = symbolic_step(program, quantities, domain, policy)
    if step is None:
        return None
    plain, products = _by_degree([piece for piece in step.pieces if not piece.is_bound])
    kept = step.graph(plain).kept
    floors = {node: total(alike).lower.pieces for node, alike in by_node(step.run[-1].after).items() if node in kept}
    if sum(each.count(floors) for each in products) > MOST_EDGES:
        return None
    below = dict.fromkeys(edge for each in products for edge in each.edges(floors))
    return step.graph([*plain, *below], products, is_below=True)


def _by_degree(pieces: Iterable[Product]) -> tuple[list[Edge], list[Product]]:
    """The pieces made from one component, as edges, and those made from several."""
    made = [each for each in pieces if each.monomial.factors]
    products = [each for each in made if len(each.monomial.factors) > 1]
    return [each.edge for each in made if len(each.monomial.factors) == 1], products


def _started(found: StepMap, steps: Sequence[Step[Term]]) -> StepMap:
    """The map with the earliest state from which it holds.

    The steps at hand are compared with what the map makes of them, parity by parity: in an early step a component may
    still lack a dependence that it will have, and gain otherwise. From the last step at hand on nothing changes.
    """
    nodes = frozenset(found.nodes)
    start = len(steps) - 1
    while start and _agrees(found, steps[start - 1], nodes):
        start -= 1
    before = _values(steps[start].before, nodes) or {}
    there = tuple(PathStart(node, piece, 0) for node, value in before.items() for piece in value.pieces)
    return replace(found, sources=(*there, *found.sources), start=start)


def _agrees(found: StepMap, step: Step[Term], nodes: frozenset[Node]) -> bool:
    """Whether a step is what the map makes of the state before it."""
    before, after = _values(step.before, nodes), _values(step.after, nodes)
    if before is None or after is None or _advanced(found, before) != after:
        return False
    return all(
        _of(monomials, before) == total(components_of(step.quantities[name])).upper
        for name, monomials in found.quantities.items()
    )


def _values(state: State[Term], nodes: frozenset[Node]) -> Mapping[Node, Exponent] | None:
    """The exponents of a state's components; None where the map does not know one of them."""
    found = {node: total(alike).upper for node, alike in by_node(state).items()}
    return found if nodes.issuperset(found) else None


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
    domain = _domain(values)
    products: dict[tuple[Node, ...], Exponent] = {(): Exponent.of(0, domain)}

    def product_of(factors: tuple[Node, ...]) -> Exponent:
        if factors not in products:
            products[factors] = product_of(factors[:-1]) + values[factors[-1]]
        return products[factors]

    there = (monomial for monomial in monomials if all(factor in values for factor in monomial.factors))
    return Exponent.largest([product_of(each.factors) + Exponent.of(each.coefficient, domain) for each in there])


def _domain(values: Mapping[Node, Exponent]) -> Polyhedron:
    return next((value.domain for value in values.values()), EVERYWHERE)

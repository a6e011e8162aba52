"""Cycle times: the power of n that a step adds in the long run where nothing keeps a quantity bounded.

A component grows as the largest mean of the circuits that feed it, or not at all; a product as its factors together.

Where a step multiplies components, a linear map below it tells how fast they grow at least. Where a circuit of the map
below gains, all that it feeds grows without bound. A closed path along products then gains more at each turn than at
the one before, if one of its products has another factor that so grows and the rest of them have a floor:
x(t + turn) >= x(t) + constant + y(t) with y to infinity. What such a path feeds grows faster than any fixed power of n
a step.

Source: Baccelli, Cohen, Olsder, Quadrat, "Synchronization and Linearity", chapter 3 (cycle mean).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import product

from gamma_calc.algebra import EMPTY, Affine, Exponent, Inequality, Polyhedron
from gamma_calc.maxplus.graph import Circuit, Monomial, Node, Product, Step, StepMap, gain, reachable


def subcritical(found: StepMap, domain: Polyhedron) -> tuple[tuple[tuple[Node, ...], ...], Polyhedron]:
    """The ways round a map that feed what is looked at, by their nodes, and where none of them gains.

    Short ways come first: where they do not gain, few edges of the longer ones are still the largest somewhere.
    """
    rounds = tuple(nodes for nodes in found.rounds() if found.fed & set(nodes))
    region, largest = domain, {ends: Exponent(forms, domain) for ends, forms in found.weights().items()}
    for nodes in sorted(rounds, key=len):
        rest = region & Polyhedron.of(*(Inequality(-piece) for piece in gain(nodes, largest).pieces))
        if rest.is_empty:
            return rounds, EMPTY
        if rest != region:
            region, largest = rest, {ends: each.restricted(rest) for ends, each in largest.items()}
    return rounds, region


def growth(found: StepMap | None, name: str, domain: Polyhedron) -> Exponent | str:
    """The exponent that a quantity gains a step, on the average of many steps, or why it is not known."""
    if found is None:
        return "the step map is not linear over maximum and plus"
    part = found.feeding([name])
    if not found.is_known or not part.can_wait:
        return "some sizes are only bounded from above, or may shrink"
    if name not in part.quantities:
        return "it is no maximum of products of what the state holds"
    means = _means(part, part.circuits())
    choices = (product(*(means[factor] for factor in each.factors)) for each in part.quantities[name])
    sums = (sum(choice, Affine.of(0)) for every in choices for choice in every)
    return Exponent(tuple(dict.fromkeys(sums)), domain)


def _means(found: StepMap, circuits: Sequence[Circuit]) -> Mapping[Node, tuple[Affine, ...]]:
    """What each node can gain a step: nothing, or the mean of one of some circuits, from which it is reached."""
    means: dict[Node, dict[Affine, None]] = {node: {Affine.of(0): None} for node in found.nodes}
    steps = found.steps
    for circuit in circuits:
        for node in reachable(circuit.nodes, steps):
            means[node][circuit.weight / len(circuit.edges)] = None
    return {node: tuple(each) for node, each in means.items()}


@dataclass(frozen=True, slots=True)
class LeastGrowth:
    """What a quantity gains a step, on the average of many steps, as far as it is known.

    It gains nothing on `still`, more than any number where a form of `faster` is positive, and at least `least`, in
    which the circuits behind `faster` do not count.
    """

    least: Exponent
    faster: tuple[Affine, ...]
    still: Polyhedron

    def __str__(self) -> str:
        faster = " or ".join(str(Inequality(form, strict=True)) for form in self.faster if not form.is_constant)
        where = f" where {faster}" if faster else ""
        more = f", faster than any fixed power{where}" if self.faster else ""
        return f"at least {self.least}{more}{'' if self.still.is_empty else f', 0 where {self.still}'}"


def least_growth(whole: StepMap, below: StepMap, name: str, domain: Polyhedron, still: Polyhedron) -> LeastGrowth | str:
    """The exponent that a quantity gains a step at least, or why nothing is known of it.

    Args:
        whole: the step map with its products.
        below: a linear map that it never falls below.
        name: the quantity.
        domain: where the maps hold.
        still: where the exponents settle.
    """
    linear = frozenset(whole.edges)
    # Few circuits: of the products, only those edges that stay where they are.
    edges = tuple(edge for edge in below.edges if edge in linear or edge.source == edge.target)
    sure = replace(below, edges=edges)
    monomials = sure.quantities.get(name)
    if not monomials:
        return "some sizes are only bounded from above"
    faster, slower = _by_speed(sure, monomials)
    gained = {node: Exponent(each, domain) for node, each in _means(sure, slower).items() if node in sure.kept}
    products = dict.fromkeys(each.factors for each in monomials if set(each.factors) <= set(gained))
    nothing = Exponent.of(0, domain)
    least = [sum((gained[factor] for factor in factors), nothing) for factors in products]
    pieces = tuple(dict.fromkeys(piece for each in least for piece in each.pieces))
    return LeastGrowth(Exponent(pieces, domain), _alternatives(faster, domain), still)


def _alternatives(forms: Sequence[Affine], domain: Polyhedron) -> tuple[Affine, ...]:
    """The fewest forms of which one is positive where one of the given ones is; 1 where one always is."""
    none = domain & Polyhedron.of(*(Inequality(-form) for form in forms))
    if none.is_empty:
        return (Affine.of(1),)
    sides = [form for each in none.equalities for form in (each.form, -each.form)]
    sides += [each.form for each in none.inequalities]
    return tuple(-side for side in sides if not domain.implies(Inequality(side)))


def _by_speed(sure: StepMap, monomials: Sequence[Monomial]) -> tuple[tuple[Affine, ...], tuple[Circuit, ...]]:
    """What circuits gain that make a monomial grow faster than any fixed power of n a step, and the other circuits."""
    faster: dict[Affine, None] = {}
    slower: list[Circuit] = []
    known: dict[frozenset[Node], bool] = {}
    steps = sure.steps
    for circuit in sure.circuits():
        nodes = frozenset(circuit.nodes)
        if nodes not in known:
            growing = reachable(nodes, steps)
            alive = growing | sure.kept
            fast = _accelerated(sure.products, steps, growing, alive)
            known[nodes] = any(set(each.factors) & fast and set(each.factors) <= alive for each in monomials)
        if known[nodes]:
            faster[circuit.weight] = None
        else:
            slower.append(circuit)
    return tuple(faster), tuple(slower)


def _accelerated(
    products: Sequence[Product], steps: AbstractSet[Step], growing: frozenset[Node], alive: frozenset[Node]
) -> frozenset[Node]:
    """The nodes that a closed walk feeds which has a product with a factor of `growing` beside the one it came from."""
    plain, pushed = set(steps), set[Step]()
    for each in products:
        for place, factor in enumerate(each.monomial.factors):
            others = {*each.monomial.factors[:place], *each.monomial.factors[place + 1 :]}
            if others <= alive:
                plain.add((factor, each.target))
                pushed |= {(factor, each.target)} if others & growing else set()
    return reachable((target for source, target in pushed if source in reachable([target], plain)), plain)

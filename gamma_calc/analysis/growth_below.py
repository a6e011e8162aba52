"""How fast a quantity grows at least where a step multiplies components: by a linear map below the step.

Where a cycle of the map below gains, all that it feeds grows without bound. A closed walk along products then gains
more at each turn than at the one before, if one of its products has another factor that so grows and the rest of them
have a floor: x(t + turn) >= x(t) + constant + y(t) with y to infinity. What such a walk feeds grows faster than any
fixed power of n a step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from gamma_calc.algebra import EMPTY, Affine, Exponent, Inequality, Polyhedron
from gamma_calc.analysis.growth import means
from gamma_calc.calculus.recursion import Trajectory
from gamma_calc.calculus.step_graph import Cycle, Monomial, Node, Product, StepMap

Step = tuple[Node, Node]
"""What a component is made from, and the component."""


@dataclass(frozen=True, slots=True)
class LeastGrowth:
    """What a quantity gains a step, on the average of many steps, as far as it is known.

    It gains nothing on `still`, more than any number where a form of `faster` is positive, and at least `least`, in
    which the cycles behind `faster` do not count.
    """

    least: Exponent
    faster: tuple[Affine, ...]
    still: Polyhedron

    def __str__(self) -> str:
        faster = " or ".join(str(Inequality(form, strict=True)) for form in self.faster if not form.is_constant)
        where = f" where {faster}" if faster else ""
        more = f", faster than any fixed power{where}" if self.faster else ""
        return f"at least {self.least}{more}{'' if self.still.is_empty else f', 0 where {self.still}'}"


def growth_below(
    whole: StepMap, below: StepMap, names: Sequence[str], domain: Polyhedron, settled: Trajectory
) -> Mapping[str, LeastGrowth | str]:
    """The exponent that each quantity gains a step at least, or why nothing is known of it.

    Args:
        whole: the step map with its products.
        below: a linear map that it never falls below.
        names: the quantities.
        domain: where the maps hold.
        settled: the run on the region where the exponents settle.
    """
    sure = _plain(whole, below)
    still = EMPTY if settled.settled_from is None else settled.domain
    return {name: _least(sure, name, domain, still) for name in names}


def _plain(whole: StepMap, below: StepMap) -> StepMap:
    """The map below with few cycles: of the products, only those edges that stay where they are."""
    linear = frozenset(whole.edges)
    edges = tuple(edge for edge in below.edges if edge in linear or edge.source == edge.target)
    return replace(below, edges=edges)


def _least(sure: StepMap, name: str, domain: Polyhedron, still: Polyhedron) -> LeastGrowth | str:
    if not sure.quantities.get(name):
        return "some sizes are only bounded from above"
    monomials = sure.quantities[name]
    faster, slower = _by_speed(sure, monomials)
    gained = {node: Exponent(each, domain) for node, each in means(sure, slower).items() if node in sure.kept}
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


def _by_speed(sure: StepMap, monomials: Sequence[Monomial]) -> tuple[tuple[Affine, ...], tuple[Cycle, ...]]:
    """The gains of cycles that make a monomial grow faster than any fixed power of n a step, and the other cycles."""
    faster: dict[Affine, None] = {}
    slower: list[Cycle] = []
    known: dict[frozenset[Node], bool] = {}
    steps = {(edge.source, edge.target) for edge in sure.edges}
    for cycle in sure.cycles():
        nodes = frozenset(cycle.nodes)
        if nodes not in known:
            growing = _reached(nodes, steps)
            alive = growing | sure.kept
            fast = _accelerated(sure.products, steps, growing, alive)
            known[nodes] = any(set(each.factors) & fast and set(each.factors) <= alive for each in monomials)
        if known[nodes]:
            faster[cycle.weight] = None
        else:
            slower.append(cycle)
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
    return _reached((target for source, target in pushed if source in _reached([target], plain)), plain)


def _reached(nodes: Iterable[Node], steps: AbstractSet[Step]) -> frozenset[Node]:
    """The nodes that can be reached from some, with those themselves."""
    found = frozenset(nodes)
    while more := frozenset(target for source, target in steps if source in found) - found:
        found |= more
    return found

"""Where the products that a step makes are never felt as long as a run is bounded: there it runs as if linear.

While a quantity is at most n^0, so is each product of components that it is the largest of. A larger product that
contains it is then at most what is left of it. Where all that is left is no more than what the step makes anyhow, a
run that is bounded so far is that of the linear part of the map, and it leaves n^0 at the same step. The linear part
never exceeds the map, so the law of every horizon is its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from gamma_calc.algebra import Affine, Inequality, Polyhedron
from gamma_calc.maxplus.graph import Monomial, Node, StepMap

FEW = 2
"""Factors of the monomials that belong to the linear part."""

Left = tuple[Affine, tuple[Node, ...]]
"""What is left of a monomial: its coefficient and its factors."""


def linear_part(found: StepMap, names: Sequence[str]) -> StepMap:
    """The map without its products, with the quantities' monomials of few factors."""
    few = {name: tuple(each for each in found.quantities[name] if len(each.factors) <= FEW) for name in names}
    return replace(found, products=(), quantities={**found.quantities, **few})


def linear_region(found: StepMap, names: Sequence[str], domain: Polyhedron) -> Polyhedron:
    """A part of the domain on which the products are never felt while the quantities are bounded; it may be empty.

    Assumes:
        The sizes of the map are known and not only bounded.
    """
    bounded = tuple(dict.fromkeys(each for name in names for each in linear_part(found, names).quantities[name]))
    asked = [list(_against_edges(found, each.target, each.monomial, bounded)) for each in found.products]
    for name in names:
        many = (each for each in found.quantities[name] if len(each.factors) > FEW)
        asked += [list(_against_monomials(each, bounded)) for each in many]
    for alternatives in sorted(asked, key=len):
        domain &= _widest(alternatives, domain)
        if domain.is_empty:
            break
    return domain


def _against_edges(found: StepMap, target: Node, monomial: Monomial, bounded: Sequence[Monomial]) -> Iterator[Affine]:
    """Forms of which one has to be at least 0 for a product to be no more than some edge to its target."""
    for coefficient, factors in _left(monomial, bounded):
        if len(factors) == 1:
            yield from (
                edge.weight - coefficient for edge in found.edges if (edge.source, edge.target) == (factors[0], target)
            )
            if factors[0] == target and target in found.kept:
                yield -coefficient


def _against_monomials(monomial: Monomial, bounded: Sequence[Monomial]) -> Iterator[Affine]:
    """Forms of which one has to be at least 0 for a monomial to be no more than one of few factors."""
    for coefficient, factors in _left(monomial, bounded):
        same = (each for each in bounded if _without(each.factors, factors) == ())
        yield from (each.coefficient - coefficient for each in same)


def _left(monomial: Monomial, bounded: Sequence[Monomial]) -> Iterator[Left]:
    """What is left of a monomial without some that are at most 0."""
    fresh: dict[Left, None] = {(monomial.coefficient, monomial.factors): None}
    seen: set[Left] = set()
    while fresh:
        coefficient, factors = left = next(iter(fresh))
        del fresh[left]
        seen.add(left)
        yield left
        for each in bounded:
            rest = _without(factors, each.factors) if each.factors else None
            if rest is not None and (smaller := (coefficient - each.coefficient, rest)) not in seen:
                fresh[smaller] = None


def _without(factors: Sequence[Node], less: Sequence[Node]) -> tuple[Node, ...] | None:
    """The factors without others, a square being one twice; None where they are not among them."""
    rest = list(factors)
    for each in less:
        if each not in rest:
            return None
        rest.remove(each)
    return tuple(rest)


def _widest(alternatives: Iterable[Affine], domain: Polyhedron) -> Polyhedron:
    """The half-space of one alternative, which as much of the domain lies in as of any other if one has it all."""
    sides = [Polyhedron.of(Inequality(form)) for form in dict.fromkeys(alternatives)]
    best = Polyhedron.of(Inequality(Affine.of(-1)))
    for side in sides:
        if (domain & side).includes(domain & best):
            best = side
    return best

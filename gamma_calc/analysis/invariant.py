"""The inductive invariant behind a bound for every step count: bounds on the state that no step exceeds.

Where no cycle of the step map gains, walks that repeat a node are no larger than those that do not, so the simple paths
from the initial state bound every component at every step: the star of the matrix, applied to where training starts.
How the bounds were found does not matter: `is_inductive` adds up affine forms and believes nothing else.

Source: Baccelli, Cohen, Olsder, Quadrat, "Synchronization and Linearity", chapter 3 (star of a matrix).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from math import prod

from gamma_calc.algebra import Affine, Inequality, Polyhedron
from gamma_calc.calculus.step_graph import Edge, Monomial, Node, Product, Source, StepMap
from gamma_calc.calculus.walks import paths

NOTHING = Affine.of(0)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a form is at most a bound: it is the bound and some hypotheses, each as often as `turns` says.

    Where there are `shares`, the bound is an average of the claim's bounds with these weights.
    """

    bound: Affine
    turns: tuple[tuple[int, int | Fraction], ...] = ()
    shares: tuple[tuple[Affine, Fraction], ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """A form, and what it must not exceed: the largest of some bounds."""

    form: Affine
    bounds: tuple[Affine, ...]


@dataclass(frozen=True, slots=True)
class Invariant:
    """Bounds that hold of the first state, that a step keeps, and under which some quantities are at most 0.

    `hypotheses` are forms that are at most 0 on the region: the cycles' gains, and what the bounds make of the
    quantities, or what defines the region. `bounds` gives for each component the forms of which the largest bounds it.
    `reasons` prove the `claims`, one each in their order. `products` are what a step makes of several components, if it
    is not linear. The first state is that after step `start`: what the steps up to it do is there to be seen.
    """

    domain: Polyhedron
    hypotheses: tuple[Affine, ...]
    bounds: Mapping[Node, tuple[Affine, ...]]
    edges: tuple[Edge, ...]
    sources: tuple[Source, ...]
    monomials: tuple[Monomial, ...]
    reasons: tuple[Reason, ...]
    products: tuple[Product, ...] = ()
    start: int = 0

    @property
    def size(self) -> int:
        """The number of claims."""
        linear = len(self.sources) + sum(len(self.bounds[edge.source]) for edge in self.edges)
        made = (*self.monomials, *(each.monomial for each in self.products))
        return linear + sum(prod(len(self.bounds[factor]) for factor in each.factors) for each in made)

    def proved(self, reasons: tuple[Reason, ...]) -> Invariant:
        """The same claims with these reasons."""
        return replace(self, reasons=reasons)

    @property
    def region(self) -> Polyhedron:
        """Where the hypotheses hold: there the quantities stay bounded at every step."""
        return self.domain & Polyhedron.of(*(Inequality(-form) for form in self.hypotheses))

    def claims(self) -> Iterator[Claim]:
        """All that has to be true: of the first state and of what steps add afresh, of each edge, of each quantity."""
        for source in self.sources:
            yield Claim(source.form, self.bounds[source.target])
        for edge in self.edges:
            for form in self.bounds[edge.source]:
                yield Claim(form + edge.weight, self.bounds[edge.target])
        for each in self.products:
            for form in self._values(each.monomial):
                yield Claim(form, self.bounds[each.target])
        for monomial in self.monomials:
            for form in self._values(monomial):
                yield Claim(form, (NOTHING,))

    def _values(self, monomial: Monomial) -> Iterator[Affine]:
        """What the bounds make of a monomial."""
        for choice in product(*(self.bounds[factor] for factor in monomial.factors)):
            yield sum(choice, monomial.coefficient)


def is_inductive(invariant: Invariant) -> bool:
    """Whether the reasons prove every claim, and the claims speak of every component."""
    claims = tuple(invariant.claims())
    return len(claims) == len(invariant.reasons) and all(
        _is_proved(claim, reason, invariant.hypotheses) for claim, reason in zip(claims, invariant.reasons, strict=True)
    )


def _is_proved(claim: Claim, reason: Reason, hypotheses: Sequence[Affine]) -> bool:
    """A form is at most a bound plus multiples of what is at most 0, each at least 0 times."""
    if not _is_average(reason, claim.bounds) or any(times < 0 for _, times in reason.turns):
        return False
    return claim.form == sum((hypotheses[place] * times for place, times in reason.turns), reason.bound)


def _is_average(reason: Reason, bounds: Sequence[Affine]) -> bool:
    if not reason.shares:
        return reason.bound in bounds
    belongs = all(bound in bounds and weight >= 0 for bound, weight in reason.shares)
    average = sum((bound * weight for bound, weight in reason.shares), NOTHING)
    return belongs and sum(weight for _, weight in reason.shares) == 1 and average == reason.bound


def invariant(found: StepMap, names: Sequence[str], domain: Polyhedron) -> Invariant | None:
    """The invariant of a linear map that holds from the first step on, from its simple paths; None where it cannot be.

    Of sizes that are only bounded from above the bounds are bounds, too.
    """
    if found.start or found.products or not set(names) <= set(found.quantities):
        return None
    nodes = frozenset[Node]().union(*(found.observed[name] for name in names))
    sources = tuple(source for source in found.sources if source.target in nodes)
    edges = tuple(edge for edge in found.edges if edge.target in nodes)
    monomials = tuple(dict.fromkeys(monomial for name in names for monomial in found.quantities[name]))
    bounds = {
        node: tuple(dict.fromkeys(base for source in sources for base, _, _ in paths(found, source, node)))
        for node in found.nodes
        if node in nodes
    }
    gains = [cycle.weight for cycle in found.cycles() if nodes & set(cycle.nodes)]
    empty = Invariant(domain, (), bounds, edges, sources, monomials, ())
    claims = tuple(empty.claims())
    asked = [claim.form for claim in claims if claim.bounds == (NOTHING,)]
    hypotheses = tuple(dict.fromkeys((*gains, *asked)))
    places = {form: place for place, form in enumerate(hypotheses)}
    reasons = tuple(_reason(claim, places) for claim in claims)
    if None in reasons:
        return None
    return Invariant(domain, hypotheses, bounds, edges, sources, monomials, tuple(each for each in reasons if each))


def _reason(claim: Claim, places: Mapping[Affine, int]) -> Reason | None:
    """A bound that is the form itself, or that a hypothesis leads to."""
    if claim.form in claim.bounds:
        return Reason(claim.form)
    for bound in claim.bounds:
        lead = claim.form - bound
        if lead in places:
            return Reason(bound, ((places[lead], 1),))
    return None

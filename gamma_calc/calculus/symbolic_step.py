"""One training step read from unknown exponents: what it makes of each component, as maxima of products of unknowns.

The step is taken after the steps of a run that has every kind of component there will ever be. A raw one multiplies and
adds up, and does nothing else. So its terms can be told apart by the components that they are products of, each with an
exponent in the free exponents alone: the unknowns never enter a maximum until all is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial, reduce
from itertools import chain
from typing import TypeAlias

from gamma_calc.algebra import Affine, Exponent, Inequality, Polyhedron
from gamma_calc.algebra.affine import auxiliary
from gamma_calc.algebra.envelope import most_edges
from gamma_calc.calculus.components import Component, Term, total
from gamma_calc.calculus.interpreter import ExponentReading
from gamma_calc.calculus.policy import Policy
from gamma_calc.calculus.provenance import Provenance, Sight, common
from gamma_calc.calculus.recursion import MOST_NUMBERS, length
from gamma_calc.calculus.size import Size
from gamma_calc.errors import TooLong
from gamma_calc.maxplus.graph import Edge, Monomial, Node, PathStart, Product, StepMap, reachable
from gamma_calc.program.program import Program, with_quantities
from gamma_calc.program.reading import State, Step, initial_state, training_step
from gamma_calc.program.terms import FormalSum, Part

NOTHING = Affine.of(0)
CLOSURE = 16
"""Steps after which the kinds of components that a run makes are complete, or the search is given up."""
MOST_APPLICATIONS = 10_000
"""Rules applied in one step from unknown exponents beyond which it is not read: gradient descent in a stack multiplies
the unknowns of all its layers. Those that are read have 6 000."""
MOST_UNKNOWN = 2**12
"""Pieces of an exponent times its unknowns beyond which a step is not read: norms and softmaxes compare what all layers
made. Those that are read have 1 800."""
SMALL_EPIGRAPH = 256
"""Edges of an epigraph beyond which a step is not read. Those that are have a hundred; where a clipped norm brings all
unknowns of two adapters together there are thousands, and six minutes are not enough for linear programs instead."""

Made: TypeAlias = tuple[str, ...]
"""The unknowns of a product, sorted; a square names its factor twice."""

MOST_PIECES = 256
"""Pieces of a sum of products beyond which it is not asked which of them are needed."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """A size in unknowns: the needed pieces of its lower and of its upper bound, sorted by their text.

    Where they are too many to ask which are needed, `is_short` is false, and they are all there.
    """

    lower: tuple[Affine, ...]
    upper: tuple[Affine, ...]
    is_short: bool = True

    @property
    def is_exact(self) -> bool:
        """Whether the size is known, not only bounded from above."""
        return self.lower == self.upper


@dataclass(frozen=True, slots=True)
class SymbolicStep:
    """One step from unknown exponents, after the steps of a run that has every kind of component.

    `pieces` are the ways in which components come about: afresh, from one other, or as products of several.
    """

    run: Sequence[Step[Term]]
    sizes: Mapping[str, Bounds]
    unknowns: Mapping[str, Node]
    pieces: tuple[Product, ...]
    is_known: bool
    domain: Polyhedron

    def graph(self, edges: Sequence[Edge], products: Sequence[Product] = (), *, is_below: bool = False) -> StepMap:
        """The map with these edges, and these products beside them; one below the step has what is sure only."""
        short = {name: size for name, size in self.sizes.items() if size.is_short}
        sides = {name: size.lower if is_below else size.upper for name, size in short.items()}
        made = {name: _monomials_of(side, self.unknowns) for name, side in sides.items()}
        kept = (e.target for e in edges if e.source == e.target and self.domain.implies(Inequality(e.weight)))
        drawn = [Edge(factor, each.target, NOTHING) for each in products for factor in each.monomial.factors]
        back = {(edge.target, edge.source) for edge in (*edges, *drawn)}
        return StepMap(
            nodes=tuple(self.unknowns.values()),
            edges=tuple(edge for edge in edges if edge.source != edge.target or edge.weight != Affine.of(0)),
            observed={name: reachable(_growing(each, self.unknowns), back) for name, each in self.sizes.items()},
            quantities={name: monomials for name, monomials in made.items() if monomials is not None},
            sources=tuple(
                PathStart(each.target, each.monomial.coefficient, 1)
                for each in self.pieces
                if not each.monomial.factors
            ),
            kept=frozenset(kept),
            start=0,
            is_known=self.is_known,
            products=tuple(products),
        )


@lru_cache(maxsize=16)
def symbolic_step(
    program: Program, quantities: tuple[str, ...], domain: Polyhedron, policy: Policy
) -> SymbolicStep | None:
    """One step of a program, read from unknown exponents; None where some exponent is no maximum of products.

    None also where it is too long to read.
    """
    program = with_quantities(program, quantities)
    run = _closed_run(program, domain, policy)
    if run is None:
        return None
    read, before = partial(_read, program, domain, policy, len(run) + 1), by_node(run[-1].after)
    if any(_has_odd_parts(component) for alike in before.values() for component in alike):
        return None
    try:
        most, seen = _closed(
            read, run[-1].after, {each: _seen(alike, _either) for each, alike in before.items()}, _either
        )
        above = by_node(most.after)
        least = most
        if any(each.provenance.seen != seen[parity] for parity, alike in above.items() for each in alike):
            known = {each: _seen(before[each], _both) if each in before else any_of for each, any_of in seen.items()}
            least, _ = _closed(read, run[-1].after, known, _both)
    except TooLong:
        return None
    unknowns = {auxiliary(f"x{place}").free[0]: parity for place, parity in enumerate(seen)}
    sizes = {
        name: _between(components_of(least.quantities[name]), components_of(value), domain)
        for name, value in most.quantities.items()
    }
    below = by_node(least.after)
    after = {parity: _between(below.get(parity, ()), made, domain) for parity, made in above.items()}
    pieces: list[Product] = []
    for target, size in after.items():
        upper, lower = (_monomials_of(side, unknowns) for side in (size.upper, size.lower))
        if upper is None or not size.is_short:
            return None
        sure = frozenset(lower or ())
        pieces += [Product(target, each, is_bound=each not in sure) for each in upper]
    is_known = all(size.is_exact for size in (*after.values(), *sizes.values()))
    return SymbolicStep(run, sizes, unknowns, tuple(pieces), is_known, domain)


def _closed_run(program: Program, domain: Polyhedron, policy: Policy) -> list[Step[Term]] | None:
    """The steps of a run, up to the first that starts from a state with every parity there will ever be."""
    reading = ExponentReading(program, domain, policy)
    state, steps = initial_state(program, reading), list[Step[Term]]()
    for t in range(1, CLOSURE):
        if length(program, state) > MOST_NUMBERS:
            return None
        reading.t = t
        steps.append(training_step(program, reading, state, t))
        if set(by_node(steps[-1].after)) == set(by_node(state)):
            return steps
        state = steps[-1].after
    return None


Seen: TypeAlias = frozenset[Sight]


def _either(one: Seen, other: Seen) -> Seen:
    return Provenance(seen=one | other).seen


def _both(one: Seen, other: Seen) -> Seen:
    return common(one, other)


def _seen(alike: Iterable[Component], joined: Callable[[Seen, Seen], Seen]) -> Seen:
    return reduce(joined, (each.provenance.seen for each in alike))


def _closed(
    read: Callable[[State[Term], Mapping[Node, Seen]], Step[Term]],
    state: State[Term],
    seen: Mapping[Node, Seen],
    joined: Callable[[Seen, Seen], Seen],
) -> tuple[Step[Term], Mapping[Node, Seen]]:
    """A step of whose parities none has seen more, or less, than it had before; from the state's own on."""
    while True:
        step = read(state, seen)
        made = by_node(step.after)
        found = {parity: _seen(alike, joined) for parity, alike in made.items()}
        more = {**seen, **{parity: joined(seen.get(parity, each), each) for parity, each in found.items()}}
        if more == seen:
            return step, seen
        seen = more


def _read(
    program: Program, domain: Polyhedron, policy: Policy, t: int, state: State[Term], seen: Mapping[Node, Seen]
) -> Step[Term]:
    """Step t from a state with an unknown for each parity.

    Raises:
        TooLong: it takes too many applications of rules, or edges of an epigraph.
    """
    reading = ExponentReading(program, domain, policy)
    reading.trace.longest, reading.trace.most = MOST_APPLICATIONS, MOST_UNKNOWN
    unknown = _marked if _keeps_monomials(program, policy) else _symbolic
    found: dict[Part, list[Component]] = {}
    for place, (parity, each) in enumerate(seen.items()):
        found.setdefault(parity.part, []).append(unknown(f"x{place}", replace(parity.provenance, seen=each)))
    before = {name: value.mapped(lambda label, _: tuple(found[label[-1]])) for name, value in state.items()}
    limit = most_edges.set(SMALL_EPIGRAPH)
    try:
        return training_step(program, reading, before, t)
    finally:
        most_edges.reset(limit)


def _keeps_monomials(program: Program, policy: Policy) -> bool:
    """Whether a step only multiplies and adds, so that what its terms are made from can be kept apart.

    A normalised step compares sizes, and so does a norm; and without some assumptions a sum is as large as a term that
    leads, if one does.
    """
    return program.is_polynomial and not policy.without


def _has_odd_parts(component: Component) -> bool:
    """Whether parts of a component change their sign with something alone, and it does not: unknowns do not say so."""
    odd = {(flip.tensor, flip.at) for flip in component.provenance.odd}
    return any((sight.tensor, place) not in odd for sight in component.provenance.alone for place in sight.places)


def _symbolic(name: str, provenance: Provenance) -> Component:
    """A component with an unknown for its exponent."""
    return Component(Size.exactly(Exponent.of(auxiliary(name))), provenance)


def _marked(name: str, provenance: Provenance) -> Component:
    """A component of size 1, made from itself."""
    return Component(Size.exactly(Exponent.of(0)), replace(provenance, made=(name,)))


def _between(least: Iterable[Component], most: Iterable[Component], domain: Polyhedron) -> Bounds:
    """A size from below as some components have it, and from above as others."""
    lower, upper = (_bounds(each, domain) for each in (least, most))
    return Bounds(lower.lower, upper.upper, lower.is_short and upper.is_short)


def _bounds(components: Iterable[Component], domain: Polyhedron) -> Bounds:
    """The size of a sum of components, in the unknowns that they are made from."""
    every = tuple(components)
    if not any(each.provenance.made for each in every):
        size = total(every)
        return Bounds(size.lower.pieces, size.upper.pieces)
    is_exact = all(each.size.is_exact for each in every)
    upper = _largest(((each.size.upper, each.provenance.made) for each in every), domain)
    lower = upper if is_exact else _largest(((each.size.lower, each.provenance.made) for each in every), domain)
    is_short = sum(map(len, upper.values())) <= MOST_PIECES
    above = _pieces(upper, domain, is_short=is_short)
    return Bounds(above if is_exact else _pieces(lower, domain, is_short=is_short), above, is_short)


def _largest(products: Iterable[tuple[Exponent, Made]], domain: Polyhedron) -> Mapping[Made, list[Affine]]:
    """The pieces of the largest of some products, by what they are made from."""
    largest: dict[Made, list[Exponent]] = {}
    for exponent, made in products:
        largest.setdefault(made, []).append(exponent)
    return {
        made: [sum(map(auxiliary, made), domain.reduced(piece)) for piece in Exponent.largest(exponents).pieces]
        for made, exponents in largest.items()
    }


def _pieces(found: Mapping[Made, Sequence[Affine]], domain: Polyhedron, *, is_short: bool) -> tuple[Affine, ...]:
    every = tuple(chain(*found.values()))
    return Exponent(every, domain).pieces if is_short else tuple(sorted(every, key=str))


def _monomials_of(pieces: Sequence[Affine], unknowns: Mapping[str, Node]) -> tuple[Monomial, ...] | None:
    """The pieces as products of unknowns; None where some unknown has a power that is not a natural number."""
    found = []
    for piece in pieces:
        powers = {name: power for name, power in piece.terms if name in unknowns}
        if any(power < 0 or power.denominator > 1 for power in powers.values()):
            return None
        factors = tuple(unknowns[name] for name, power in powers.items() for _ in range(int(power)))
        found.append(Monomial(piece.substituted(dict.fromkeys(powers, Affine.of(0))), factors))
    return tuple(found)


def by_node(state: State[Term]) -> Mapping[Node, list[Component]]:
    """The components of a state by parity, whatever they are made from and have seen."""
    found: dict[Node, list[Component]] = {}
    for value in state.values():
        for label, term in value:
            for component in term:
                found.setdefault(Node(label[-1], component.provenance.unmarked.parity), []).append(component)
    return found


def _growing(size: Bounds, unknowns: Mapping[str, Node]) -> frozenset[Node]:
    """The nodes with which an exponent grows without bound; it never falls with any of them."""
    names = {name for piece in size.upper for name in piece.free if piece.coefficient(name) > 0}
    return frozenset(unknowns[name] for name in names if name in unknowns)


def components_of(value: FormalSum[Term]) -> Iterator[Component]:
    """The components of all terms of a sum."""
    return (component for _, term in value for component in term)

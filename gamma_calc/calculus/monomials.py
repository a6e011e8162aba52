"""What one step makes of unknown components: maxima of products of them, and which of the products are needed.

A raw step multiplies and adds up, and does nothing else. So its terms can be told apart by the components that they are
products of, each with an exponent in the free exponents alone: the unknowns never enter a maximum until all is read.

Then a product is needed where it lies above all others somewhere. A component that it lacks may be as small as one
likes; there the products that have it are no rivals. So its rivals are made from its own components or some of them,
and each question has few unknowns, however many the state has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gamma_calc.algebra import Affine, Exponent, Polyhedron
from gamma_calc.algebra.affine import auxiliary
from gamma_calc.calculus.policy import Policy
from gamma_calc.calculus.rules import Component, total
from gamma_calc.calculus.step_graph import Monomial, Node
from gamma_calc.program.optimizers import Moments, Optimizer


@dataclass(frozen=True, slots=True)
class Bounds:
    """A size in unknowns: the needed pieces of its lower and of its upper bound, sorted by their text."""

    lower: tuple[Affine, ...]
    upper: tuple[Affine, ...]

    @property
    def is_exact(self) -> bool:
        """Whether the size is known, not only bounded from above."""
        return self.lower == self.upper


def keeps_monomials(optimizer: Optimizer, policy: Policy) -> bool:
    """Whether a step only multiplies and adds, so that what its terms are made from can be kept apart.

    A normalised step compares sizes; and without some assumptions a sum is as large as a term that leads, if one does.
    """
    return not isinstance(optimizer.step, Moments) and not policy.without


def bounds(components: Iterable[Component], domain: Polyhedron) -> Bounds:
    """The size of a sum of components, in the unknowns that they are made from."""
    every = tuple(components)
    if not any(each.provenance.made for each in every):
        size = total(every)
        return Bounds(size.lower.pieces, size.upper.pieces)
    lower = _pieces(((each.size.lower, each.provenance.made) for each in every), domain)
    if all(each.size.is_exact for each in every):
        return Bounds(lower, lower)
    return Bounds(lower, _pieces(((each.size.upper, each.provenance.made) for each in every), domain))


def _pieces(products: Iterable[tuple[Exponent, tuple[str, ...]]], domain: Polyhedron) -> tuple[Affine, ...]:
    """The needed pieces of the largest of some products, each an exponent and the names of its unknowns."""
    largest: dict[tuple[str, ...], list[Exponent]] = {}
    for exponent, made in products:
        largest.setdefault(made, []).append(exponent)
    pieces: dict[frozenset[str], list[Affine]] = {}
    for made, exponents in largest.items():
        factors = sum(map(auxiliary, made), Affine.of(0))
        pieces.setdefault(frozenset(made), []).extend(
            domain.reduced(piece) + factors for piece in Exponent.largest(exponents).pieces
        )
    return _needed(pieces, domain)


def _needed(pieces: Mapping[frozenset[str], Sequence[Affine]], domain: Polyhedron) -> tuple[Affine, ...]:
    """The needed pieces of those with each set of unknowns, sets of few first."""
    kept: dict[frozenset[str], list[Affine]] = {}
    for support in sorted(pieces, key=len):
        rivals = [piece for other, each in kept.items() if other < support for piece in each]
        mine = set(pieces[support])
        found = Exponent((*rivals, *pieces[support]), domain).pieces
        kept[support] = [piece for piece in found if piece in mine]
    return tuple(sorted((piece for each in kept.values() for piece in each), key=str))


def monomials_of(pieces: Sequence[Affine], unknowns: Mapping[str, Node]) -> tuple[Monomial, ...] | None:
    """The pieces as products of unknowns; None where some unknown has a power that is not a natural number."""
    found = []
    for piece in pieces:
        powers = {name: power for name, power in piece.terms if name in unknowns}
        if any(power < 0 or power.denominator > 1 for power in powers.values()):
            return None
        factors = tuple(unknowns[name] for name, power in powers.items() for _ in range(int(power)))
        found.append(Monomial(piece.substituted(dict.fromkeys(powers, Affine.of(0))), factors))
    return tuple(found)

"""What one step makes of unknown components: maxima of products of them, and which of the products are needed.

A raw step multiplies and adds up, and does nothing else. So its terms can be told apart by the components that they are
products of, each with an exponent in the free exponents alone: the unknowns never enter a maximum until all is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

from gamma_calc.algebra import Affine, Exponent, Polyhedron
from gamma_calc.algebra.affine import auxiliary
from gamma_calc.calculus.components import Component, total
from gamma_calc.calculus.policy import Policy
from gamma_calc.maxplus.graph import Monomial, Node
from gamma_calc.program.program import Program

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


def keeps_monomials(program: Program, policy: Policy) -> bool:
    """Whether a step only multiplies and adds, so that what its terms are made from can be kept apart.

    A normalised step compares sizes, and so does a norm; and without some assumptions a sum is as large as a term that
    leads, if one does.
    """
    return program.is_polynomial and not policy.without


def bounds(components: Iterable[Component], domain: Polyhedron) -> Bounds:
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
        made: [domain.reduced(piece) + _product(made) for piece in Exponent.largest(exponents).pieces]
        for made, exponents in largest.items()
    }


def _pieces(found: Mapping[Made, Sequence[Affine]], domain: Polyhedron, *, is_short: bool) -> tuple[Affine, ...]:
    every = tuple(chain(*found.values()))
    return Exponent(every, domain).pieces if is_short else tuple(sorted(every, key=str))


def _product(made: Made) -> Affine:
    return sum(map(auxiliary, made), Affine.of(0))


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

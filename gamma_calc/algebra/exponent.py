"""Exponents: maxima of affine forms on a domain, the values that the calculus computes with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache, reduce
from importlib import import_module
from typing import Any, ClassVar, TypeAlias

from gamma_calc.algebra.affine import Affine, AffineLike
from gamma_calc.algebra.comparison import is_at_most
from gamma_calc.algebra.cover import witness
from gamma_calc.algebra.envelope import envelope_of_sum, upper_envelope
from gamma_calc.algebra.inequality import at_most
from gamma_calc.algebra.polyhedron import EVERYWHERE, Polyhedron
from gamma_calc.algebra.rational import exact
from gamma_calc.errors import BadInput

ExponentLike: TypeAlias = "AffineLike | Exponent"
"""What an operation on exponents accepts."""

_put = object.__setattr__


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Exponent:
    """The maximum of affine forms on a domain; without any form the exponent -oo of what vanishes.

    Canonical on construction: pieces are reduced modulo the domain's equalities, no piece is to spare, and they are
    sorted by their text. So == is equality of functions with their domains; -oo has no domain.
    `a + b` is the exponent of a product, `a | b` that of a sum whose leading terms do not cancel.

    Raises:
        BadInput: for pieces on an empty domain, where every function equals every other.

    >>> eta = Affine.symbol("eta")
    >>> print(Exponent.of(eta) | 0 | eta - 1)
    max(0, eta)
    >>> print((Exponent.of(eta) | 0) + (Exponent.of(eta) | 0))
    max(0, 2*eta)
    """

    pieces: tuple[Affine, ...] = ()
    domain: Polyhedron = EVERYWHERE
    _hash: int = field(default=0, init=False)

    __array_ufunc__: ClassVar[None] = None
    """Makes numpy's scalars leave the operation to this class, which refuses floats."""

    def __post_init__(self) -> None:
        pieces = tuple(Affine.of(piece) for piece in self.pieces)
        if pieces and self.domain.is_empty:
            raise BadInput("exponent on an empty domain", found=str(self.domain), expected="a domain with a point")
        _fill(self, upper_envelope(pieces, self.domain), self.domain)

    @classmethod
    def of(cls, value: ExponentLike, domain: Polyhedron = EVERYWHERE) -> Exponent:
        """The value as an exponent; one that is an exponent already is restricted to the domain."""
        if isinstance(value, Exponent):
            return value.restricted(domain)
        return _canonical((domain.reduced(value),), domain) if not domain.is_empty else cls((Affine.of(value),), domain)

    @classmethod
    def largest(cls, exponents: Iterable[Exponent]) -> Exponent:
        """The largest of some exponents on one domain, -oo for none: what `|` between them gives, found at once.

        >>> eta = Exponent.of(Affine.symbol("eta"))
        >>> print(Exponent.largest([eta, VANISHING, eta + 1, Exponent.of(0)]))
        max(0, eta + 1)
        """
        distinct = [each for each in dict.fromkeys(exponents) if each.pieces]
        if len(distinct) < 2:
            return distinct[0] if distinct else VANISHING
        domain = reduce(_common, (each.domain for each in distinct))
        most = max(distinct, key=lambda each: len(each.pieces))
        pieces = dict.fromkeys(piece for each in distinct for piece in each.pieces)
        if len(pieces) == len(most.pieces) and most.domain == domain:
            return most
        return _canonical(upper_envelope(tuple(pieces), domain), domain)

    @property
    def is_vanishing(self) -> bool:
        """Whether it is -oo."""
        return not self.pieces

    @property
    def is_constant(self) -> bool:
        """Whether it is one number, or -oo, on the whole domain."""
        return len(self.pieces) < 2 and not self.free

    @property
    def free(self) -> tuple[str, ...]:
        """The free exponents that occur in the pieces, sorted."""
        return _free(self.pieces)

    def at(self, point: Mapping[str, int | Fraction]) -> Fraction | None:
        """The value at a point, None for -oo."""
        return max((piece.at(point) for piece in self.pieces), default=None)

    def restricted(self, domain: Polyhedron) -> Exponent:
        """The same function where also the given domain holds.

        Raises:
            BadInput: where the two domains have no point in common.
        """
        common = self.domain & domain
        return self if common == self.domain else Exponent(self.pieces, common)

    def substituted(self, mapping: Mapping[str, AffineLike]) -> Exponent:
        """The exponent with each mapped name replaced, in the pieces and in the domain.

        Raises:
            BadInput: where the substitution leaves nothing of the domain.
        """
        domain = self.domain.substituted(mapping)
        if domain.is_empty and self.pieces:
            asked = ", ".join(f"{name} = {value}" for name, value in mapping.items())
            raise BadInput(f"substitution {asked}", expected=f"values in the domain {self.domain}")
        return Exponent(tuple(piece.substituted(mapping) for piece in self.pieces), domain)

    def scaled(self, factor: int | Fraction) -> Exponent:
        """The exponent of a positive power.

        Raises:
            BadInput: for a factor that is not positive, which would turn the maximum around.
        """
        by = exact(factor)
        if by <= 0:
            raise BadInput(f"multiple of the exponent {self}", found=str(by), expected="a positive factor")
        return Exponent(tuple(piece * by for piece in self.pieces), self.domain)

    def is_at_most(self, other: Exponent) -> bool:
        """Whether this exponent is at most the other one everywhere on their domain.

        >>> Exponent.of(Affine.symbol("x")).is_at_most(Exponent.of(Affine.symbol("x")) | 0)
        True
        """
        return self is other or _is_at_most(self, other)

    def is_above(self, other: Exponent) -> bool:
        """Whether this exponent is larger than the other one everywhere on their domain."""
        return self is not other and _is_above(self, other)

    def __add__(self, other: ExponentLike) -> Exponent:
        if not isinstance(other, Exponent):
            other = Exponent.of(other, self.domain)
        return _sum(self, other)

    __radd__ = __add__

    def __or__(self, other: ExponentLike) -> Exponent:
        if not isinstance(other, Exponent):
            other = Exponent.of(other, self.domain)
        return self if self is other else _maximum(self, other)

    __ror__ = __or__

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Exponent):
            return NotImplemented
        if self is other:
            return True
        return self._hash == other._hash and self.pieces == other.pieces and self.domain == other.domain

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[type[Exponent], tuple[tuple[Affine, ...], Polyhedron]]:
        return Exponent, (self.pieces, self.domain)

    def __str__(self) -> str:
        texts = [str(piece) for piece in self.pieces]
        if len(texts) < 2:
            return texts[0] if texts else "-oo"
        return f"max({', '.join(texts)})"

    def __repr__(self) -> str:
        on = "" if self.domain.is_everywhere else f", domain={str(self.domain)!r}"
        return f"Exponent({str(self)!r}{on})"

    def latex(self) -> str:
        r"""The exponent as LaTeX.

        >>> print((Exponent.of(Affine.symbol("eta")) | 0).latex())
        \max(0, \eta)
        """
        texts = [piece.latex() for piece in self.pieces]
        if len(texts) < 2:
            return texts[0] if texts else r"-\infty"
        return rf"\max({', '.join(texts)})"

    def sympy(self) -> Any:
        """The exponent as a sympy expression: a Max, or -oo.

        >>> (Exponent.of(Affine.symbol("eta") / 2) | 0).sympy()
        Max(0, eta/2)
        """
        return import_module("sympy").Max(*(piece.sympy() for piece in self.pieces))

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"


def _fill(exponent: Exponent, pieces: tuple[Affine, ...], domain: Polyhedron) -> None:
    _put(exponent, "pieces", pieces)
    _put(exponent, "domain", domain if pieces else EVERYWHERE)
    _put(exponent, "_hash", hash((pieces, exponent.domain)))


@lru_cache(maxsize=16384)
def _canonical(pieces: tuple[Affine, ...], domain: Polyhedron) -> Exponent:
    """The exponent of pieces that are canonical already; the same one for the same pieces."""
    exponent = object.__new__(Exponent)
    _fill(exponent, pieces, domain)
    return exponent


@lru_cache(maxsize=16384)
def _free(pieces: tuple[Affine, ...]) -> tuple[str, ...]:
    return tuple(sorted({name for piece in pieces for name in piece.free}))


@lru_cache(maxsize=16384)
def _sum(left: Exponent, right: Exponent) -> Exponent:
    """The exponent of a product. A single form moves all pieces alike, so that none of them becomes spare."""
    if not left.pieces or not right.pieces:
        return VANISHING
    domain = _common(left.domain, right.domain)
    if len(left.pieces) == 1:
        left, right = right, left
    if len(right.pieces) == 1 and left.domain == domain:
        by = domain.reduced(right.pieces[0])
        return _canonical(tuple(sorted([piece + by for piece in left.pieces], key=str)), domain)
    return _canonical(envelope_of_sum((left.pieces, right.pieces), domain), domain)


@lru_cache(maxsize=16384)
def _maximum(left: Exponent, right: Exponent) -> Exponent:
    return Exponent.largest((left, right))


@lru_cache(maxsize=16384)
def _is_at_most(left: Exponent, right: Exponent) -> bool:
    if not left.pieces or not right.pieces:
        return not left.pieces
    domain = _common(left.domain, right.domain)
    return is_at_most(left.restricted(domain).pieces, right.restricted(domain).pieces, domain)


@lru_cache(maxsize=16384)
def _is_above(left: Exponent, right: Exponent) -> bool:
    if not left.pieces or not right.pieces:
        return not right.pieces and bool(left.pieces)
    inside = _common(left.domain, right.domain).constraints
    claims = ([*inside, *(at_most(mine, theirs) for mine in left.pieces)] for theirs in right.pieces)
    return all(witness(claim) is None for claim in claims)


def _common(left: Polyhedron, right: Polyhedron) -> Polyhedron:
    if left.is_everywhere or left == right:
        return right
    if right.is_everywhere:
        return left
    raise BadInput(f"exponents with the domains {left} and {right}", expected="one domain for both")


VANISHING = Exponent()
"""The exponent -oo of a quantity that is exactly zero."""

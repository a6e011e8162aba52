"""Sizes: the exponent of a term, known exactly or only between two bounds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gamma_calc.algebra import Exponent
from gamma_calc.errors import Unknown
from gamma_calc.program.shared import Shared


@dataclass(frozen=True, slots=True, eq=False)
class Size(Shared):
    """Theta(n^upper) where `lower` and `upper` agree; otherwise between the two.

    Exponents: `lower` is a proved lower bound, `upper` a proved upper bound of gamma.
    """

    lower: Exponent
    upper: Exponent

    @classmethod
    def exactly(cls, exponent: Exponent) -> Size:
        """Theta(n^exponent)."""
        return cls(exponent, exponent)

    @classmethod
    def largest(cls, sizes: Iterable[Size]) -> Size:
        """The size of a sum of several quantities whose leading terms do not cancel; that of zero for none."""
        distinct = frozenset(sizes)
        return next(iter(distinct)) if len(distinct) == 1 else _largest(distinct)

    @property
    def is_exact(self) -> bool:
        """Whether the exponent is known, not only bounded from above."""
        return self.lower is self.upper or self.lower == self.upper

    @property
    def is_one_form(self) -> bool:
        """Whether one form says how large it is."""
        return self.is_exact and len(self.upper.pieces) == 1

    @property
    def inverse(self) -> Size:
        """The size of one over it, where one form says how large it is."""
        (form,) = self.upper.pieces
        return Size.exactly(Exponent.of(-form))

    @property
    def everywhere(self) -> Size:
        """The same numbers without a domain, of a size at a point of its free exponents."""
        lower, upper = (Exponent.largest(map(Exponent.of, side.pieces)) for side in (self.lower, self.upper))
        return Size(lower, upper)

    def is_at_most(self, other: Size) -> bool:
        """Whether it is at most the least that another may be; what may be absent, at most the most of the other."""
        return _is_at_most(self, other)

    def is_below(self, other: Size) -> bool:
        """Whether it is surely smaller than another."""
        return other.lower.is_above(self.upper)

    def __add__(self, other: Size) -> Size:
        """The size of a product."""
        return _sum(self, other)

    def __or__(self, other: Size) -> Size:
        """The size of a sum whose leading terms do not cancel."""
        return Size.largest((self, other))

    def __str__(self) -> str:
        return str(self.upper) if self.is_exact else f"<= {self.upper}"

    def latex(self) -> str:
        """The exponent as LaTeX; a bound carries its sign."""
        return self.upper.latex() if self.is_exact else rf"\le {self.upper.latex()}"

    def sympy(self) -> Any:
        """The exponent as a sympy expression.

        Raises:
            Unknown: only bounds of it are known.
        """
        if not self.is_exact:
            raise Unknown(f"the exponent is only known to be {self}; `upper.sympy()` is that bound")
        return self.upper.sympy()


@lru_cache(maxsize=65536)
def _is_at_most(one: Size, other: Size) -> bool:
    return one.upper.is_at_most(other.upper if one.lower.is_vanishing else other.lower)


@lru_cache(maxsize=65536)
def _sum(one: Size, other: Size) -> Size:
    lower = one.lower + other.lower
    return Size(lower, lower if one.is_exact and other.is_exact else one.upper + other.upper)


@lru_cache(maxsize=65536)
def _largest(sizes: frozenset[Size]) -> Size:
    lower = Exponent.largest(each.lower for each in sizes)
    if all(each.is_exact for each in sizes):
        return Size(lower, lower)
    return Size(lower, Exponent.largest(each.upper for each in sizes))

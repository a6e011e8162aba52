"""The largest stable learning rates: the supremum of one free rate, or the frontier of two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from importlib import import_module
from typing import Any

from gamma_calc.algebra import Affine, Equality, Exponent, Polyhedron, Region


@dataclass(frozen=True, slots=True)
class LargestRate:
    """The supremum of a rate over the stable region.

    Exponents: the value is the minimum of the affine forms in `bounds`, on the region `valid_on` of the other free
    exponents; None where the rate has no upper bound, nothing is stable, or the region is unknown: `reason` says which.
    """

    rate: str
    bounds: tuple[Affine, ...] | None
    attained: bool
    valid_on: Polyhedron
    reason: str

    @property
    def value(self) -> str | None:
        """The value as text: a rational, an affine form, or a min of affine forms."""
        if self.bounds is None:
            return None
        texts = [str(bound) for bound in self.bounds]
        return texts[0] if len(texts) == 1 else f"min({', '.join(texts)})"

    @property
    def exponent(self) -> Fraction | None:
        """The value where it is a single rational."""
        if self.bounds is None or len(self.bounds) != 1 or not self.bounds[0].is_constant:
            return None
        return self.bounds[0].constant

    def sympy(self) -> Any:
        """The value as a sympy expression, a Min where there are several bounds; None where there is no value.

        >>> LargestRate("eta", (Affine.of(-1), Affine.symbol("k") / 2), True, Polyhedron(), "").sympy()
        Min(-1, k/2)
        """
        return None if self.bounds is None else import_module("sympy").Min(*(bound.sympy() for bound in self.bounds))

    def __repr__(self) -> str:
        said = (self.value, None if self.attained else self.reason)
        return f"<largest stable {self.rate}: {', '.join(filter(None, said))}>"

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"

    def latex(self) -> str:
        """The value as LaTeX."""
        if self.bounds is None:
            return r"\text{none}"
        texts = [bound.latex() for bound in self.bounds]
        return texts[0] if len(texts) == 1 else rf"\min({', '.join(texts)})"


@dataclass(frozen=True, slots=True)
class FrontierPiece:
    """A piece of the frontier of two rates: where one inequality of the stable region is tight.

    `endpoints` are its ends, exact, where nothing but the rates is free; an edge with one endpoint goes on for ever.
    """

    line: Equality
    where: Polyhedron
    endpoints: tuple[Mapping[str, Fraction], ...]


def largest_rate(rate: str, stable: Polyhedron) -> LargestRate:
    """The supremum of a free rate over a stable region, as a min of affine forms in the other exponents.

    A constraint c * rate + rest >= 0 with c < 0 bounds the rate from above by rest / -c; the region's shadow on the
    other exponents is where the bounds hold. A region that is not closed need not hold them: its supremum is attained
    where every point of the shadow has one of the bounds above it.
    """
    if stable.is_empty:
        return LargestRate(rate, None, False, stable, "no value of the free exponents is stable")
    shadow = stable.projected_out([rate])
    sides = [form for constraint in stable.constraints for form in constraint.sides]
    bounds = [Affine.symbol(rate) - side / side.coefficient(rate) for side in sides if side.coefficient(rate) < 0]
    if not bounds:
        return LargestRate(rate, None, False, shadow, f"nothing bounds {rate} from above")
    negated = Exponent(tuple(-bound for bound in bounds), shadow)
    least = tuple(sorted((-piece for piece in negated.pieces), key=str))
    if stable.is_closed:
        return LargestRate(rate, least, True, shadow, "the stable region is closed, so its supremum is attained")
    tops = Region(tuple(stable & Polyhedron.of(Equality(Affine.symbol(rate) - bound)) for bound in least))
    attained = tops.projected_out([rate]).includes(shadow)
    reason = "the stable region holds its supremum" if attained else "the domain leaves out where it would be attained"
    return LargestRate(rate, least, attained, shadow, reason)


def at_largest(domain: Polyhedron, largest: Mapping[str, LargestRate]) -> Polyhedron | None:
    """Where in a domain each rate has its largest stable value; None where one has no number, or is not attained."""
    for rate, found in largest.items():
        if found.exponent is None or not found.attained:
            return None
        domain &= Polyhedron.of(Equality(Affine.symbol(rate) - found.exponent))
    return domain


def frontier(rates: tuple[str, str], stable: Polyhedron) -> tuple[FrontierPiece, ...]:
    """The edges of the stable region beyond which raising some rate breaks stability, in a fixed order.

    An edge that a strict inequality of the domain leaves out is none; an end that it leaves out still is one.
    """
    edges = []
    for inequality in stable.inequalities:
        if any(inequality.form.coefficient(rate) < 0 for rate in rates):
            line = Equality(inequality.form)
            where = stable & Polyhedron.of(line)
            if not where.is_empty:
                edges.append(FrontierPiece(line, where, _ends(where.closure) if set(stable.free) <= set(rates) else ()))
    return tuple(edges)


def _ends(edge: Polyhedron) -> tuple[Mapping[str, Fraction], ...]:
    """The endpoints of a one-dimensional polyhedron."""
    ends = []
    for inequality in edge.inequalities:
        end = edge & Polyhedron.of(Equality(inequality.form))
        if not end.is_empty and end.point() not in ends:
            ends.append(end.point())
    return tuple(ends)

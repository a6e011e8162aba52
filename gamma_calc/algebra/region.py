"""Regions: finite unions of polyhedra."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from gamma_calc.algebra.affine import AffineLike
from gamma_calc.algebra.cover import leftovers, uncovered
from gamma_calc.algebra.exponent import Exponent
from gamma_calc.algebra.inequality import Equality, Inequality
from gamma_calc.algebra.polyhedron import Polyhedron
from gamma_calc.algebra.union import canonical_union


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Region:
    """The points of any of the polyhedra; == is equality of sets, and equal sets print alike.

    On construction empty members and members inside another one are dropped and the rest is sorted. That is cheap, and
    canonical for one member; of several, `irredundant` finds the canonical ones, which is what is printed.

    >>> from gamma_calc.algebra.affine import Affine
    >>> from gamma_calc.algebra.inequality import Equality, Inequality
    >>> x = Affine.symbol("x")
    >>> print(Region.of(Polyhedron.of(Inequality(x - 1)), Polyhedron.of(Inequality(-x)), Polyhedron.of(Equality(x))))
    x <= 0 or x >= 1
    """

    members: tuple[Polyhedron, ...] = ()

    def __post_init__(self) -> None:
        distinct = list(dict.fromkeys(member for member in self.members if not member.is_empty))
        largest = [
            member
            for member in distinct
            if not any(other is not member and other.includes(member) for other in distinct)
        ]
        object.__setattr__(self, "members", tuple(sorted(largest, key=str)))

    @classmethod
    def of(cls, *members: Polyhedron) -> Region:
        """The union of the polyhedra."""
        return cls(members)

    @property
    def is_empty(self) -> bool:
        """Whether it has no point."""
        return not self.members

    @property
    def is_everywhere(self) -> bool:
        """Whether every point belongs to it."""
        return self.includes(Polyhedron())

    @property
    def free(self) -> tuple[str, ...]:
        """The free exponents that it restricts, sorted."""
        return tuple(sorted({name for member in self.members for name in member.free}))

    def contains(self, point: Mapping[str, int | Fraction]) -> bool:
        """Whether the point belongs to a member."""
        return any(member.contains(point) for member in self.members)

    def includes(self, other: Region | Polyhedron) -> bool:
        """Whether every point of the other region belongs to this one, be it to several members in turn.

        >>> from gamma_calc.algebra import Affine, Inequality
        >>> x = Affine.symbol("x")
        >>> halves = Region.of(Polyhedron.of(Inequality(x)), Polyhedron.of(Inequality(-x)))
        >>> halves.includes(Polyhedron())
        True
        """
        union = [member.constraints for member in self.members]
        return all(uncovered(member.constraints, union) is None for member in _region(other).members)

    def complement(self) -> Region:
        """The points of no member, in parts that do not overlap.

        >>> from gamma_calc.algebra import Affine, Inequality
        >>> x = Affine.symbol("x")
        >>> print(Region.of(Polyhedron.of(Inequality(x), Inequality(1 - x))).complement())
        x < 0 or x > 1
        """
        parts = leftovers((), [member.constraints for member in self.members])
        return Region(tuple(Polyhedron.of(*part) for part in parts))

    def difference(self, other: Region | Polyhedron) -> Region:
        """The points of this region that do not belong to the other one."""
        return self & _region(other).complement()

    __sub__ = difference

    def projected_out(self, names: Sequence[str]) -> Region:
        """The shadow: what the other free exponents can be, for some values of the named ones."""
        return Region(tuple(member.projected_out(names) for member in self.members))

    def irredundant(self) -> Region:
        """The same points in the members that are chosen for them, none of which the others cover; see `union`.

        >>> from gamma_calc.algebra import Affine, Inequality
        >>> x = Affine.symbol("x")
        >>> print(Region.of(Polyhedron.of(Inequality(x)), Polyhedron.of(Inequality(-x, strict=True))).irredundant())
        always
        """
        return self if len(self.members) < 2 else Region(canonical_union(self.members))

    def convex(self) -> Polyhedron | None:
        """The polyhedron with the same points, or None where the region is not convex.

        >>> from gamma_calc.algebra import Affine, Inequality
        >>> x = Affine.symbol("x")
        >>> print(Region.of(Polyhedron.of(Inequality(x), Inequality(1 - x)), Polyhedron.of(Inequality(x - 1))).convex())
        x >= 0
        """
        if len(self.members) < 2:
            return self.members[0] if self.members else None
        sides = dict.fromkeys(side for member in self.members for side in member.inequalities)
        common = (side for side in sides if all(member.implies(side) for member in self.members))
        around = Polyhedron.of(*common)
        return around if self.includes(around) else None

    def substituted(self, mapping: Mapping[str, AffineLike]) -> Region:
        """The points whose images under the substitution lie here."""
        return Region(tuple(member.substituted(mapping) for member in self.members))

    def __or__(self, other: Region | Polyhedron) -> Region:
        return Region((*self.members, *_region(other).members))

    __ror__ = __or__

    def __and__(self, other: Region | Polyhedron) -> Region:
        return Region(tuple(mine & theirs for mine in self.members for theirs in _region(other).members))

    __rand__ = __and__

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Region):
            return NotImplemented
        if self.members == other.members or len(self.members) + len(other.members) < 3:
            return self.members == other.members
        return self.includes(other) and other.includes(self)

    def __hash__(self) -> int:
        return hash(self.irredundant().members)

    def __str__(self) -> str:
        members = self.irredundant().members
        if len(members) < 2:
            return str(members[0]) if members else "never"
        texts = (f"({member})" if len(member.constraints) > 1 else str(member) for member in members)
        return " or ".join(texts)

    def __repr__(self) -> str:
        return f"Region({str(self)!r})"

    def latex(self) -> str:
        """The alternatives as LaTeX."""
        members = self.irredundant().members
        if len(members) < 2:
            return members[0].latex() if members else r"\text{never}"
        texts = (f"({member.latex()})" if len(member.constraints) > 1 else member.latex() for member in members)
        return r"\ \text{or}\ ".join(texts)

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"


def _region(value: Region | Polyhedron) -> Region:
    return Region((value,)) if isinstance(value, Polyhedron) else value


NOWHERE = Region()
"""No point."""


def nonpositive_region(exponent: Exponent) -> Polyhedron:
    """The part of the domain where the exponent is at most 0.

    The exponent -oo has no domain: it is at most 0 everywhere.

    >>> from gamma_calc.algebra.affine import Affine
    >>> eta = Affine.symbol("eta")
    >>> print(nonpositive_region(Exponent.of(2 * eta + 1) | eta))
    eta <= -1/2
    """
    return exponent.domain & Polyhedron.of(*(Inequality(-piece) for piece in exponent.pieces))


def zero_region(exponent: Exponent) -> Region:
    """The part of the domain where the exponent is 0: some piece is 0 and no piece is positive.

    >>> from gamma_calc.algebra.affine import Affine
    >>> eta = Affine.symbol("eta")
    >>> print(zero_region(Exponent.of(2 * eta + 1) | eta))
    eta = -1/2
    """
    below = nonpositive_region(exponent)
    return Region(tuple(below & Polyhedron.of(Equality(piece)) for piece in exponent.pieces))

"""Regions: finite unions of polyhedra."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from gamma_calc.algebra.affine import Affine, AffineLike
from gamma_calc.algebra.cover import leftovers, uncovered, value
from gamma_calc.algebra.exponent import Exponent
from gamma_calc.algebra.inequality import Constraint, Equality, Inequality
from gamma_calc.algebra.polyhedron import EMPTY, Polyhedron


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Region:
    """The points of any of the polyhedra; == is equality of sets.

    On construction empty members and members inside another one are dropped and the rest is sorted. That is cheap. What
    is printed are the fewer and larger members that `irredundant` finds: one where the region is convex; of several,
    they may depend on how the region was put together.

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

        >>> x = Affine.symbol("x")
        >>> halves = Region.of(Polyhedron.of(Inequality(x)), Polyhedron.of(Inequality(-x)))
        >>> halves.includes(Polyhedron())
        True
        """
        union = [member.constraints for member in self.members]
        return all(uncovered(member.constraints, union) is None for member in _region(other).members)

    def complement(self) -> Region:
        """The points of no member, in parts that do not overlap.

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
        """The same points in members that are as large as their sides allow, none of which the others cover.

        >>> x = Affine.symbol("x")
        >>> print(Region.of(Polyhedron.of(Inequality(x)), Polyhedron.of(Inequality(-x, strict=True))).irredundant())
        always
        """
        whole = self.convex()
        return Region(_plainest(self.members) if whole is None else (whole,))

    def convex(self) -> Polyhedron | None:
        """The polyhedron with the same points, `EMPTY` where there is none; None where the region is not convex.

        >>> x = Affine.symbol("x")
        >>> print(Region.of(Polyhedron.of(Inequality(x), Inequality(1 - x)), Polyhedron.of(Inequality(x - 1))).convex())
        x >= 0
        """
        return _convex(self.members)

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
        return hash(self.is_empty)  # equal sets may have other members

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


@lru_cache(maxsize=1024)
def _convex(members: tuple[Polyhedron, ...]) -> Polyhedron | None:
    """The polyhedron with the same points, or None.

    Its closure is where the sides hold that all members have in common. It lacks a point together with the face that
    the point is in: where the sum is 0 of the sides that are 0 there.
    """
    if len(members) < 2:
        return members[0] if members else EMPTY
    union = [member.constraints for member in members]
    forms = dict.fromkeys(form for each in union for constraint in each for form in constraint.sides)
    common = [form for form in forms if all(member.implies(Inequality(form)) for member in members)]
    kept = [Inequality(form) for form in common]
    while (point := uncovered(kept, union)) is not None:
        face = (form for form in common if not value(form, point))
        kept.append(Inequality(sum(face, Affine.of(0)), strict=True))
        if not all(member.implies(kept[-1]) for member in members):
            return None
    return Polyhedron.of(*kept)


@lru_cache(maxsize=1024)
def _plainest(members: tuple[Polyhedron, ...]) -> tuple[Polyhedron, ...]:
    """Members for the same points that cannot be grown any more, none of which the others cover."""
    grown = sorted({_grown(each, members) for each in members}, key=lambda each: (-len(each.constraints), str(each)))
    for member in tuple(grown):
        others = [other for other in grown if other is not member]
        if uncovered(member.constraints, [other.constraints for other in others]) is None:
            grown = others
    found = tuple(sorted(grown, key=str))
    return found if found == members else _plainest(found)


def _grown(member: Polyhedron, members: Sequence[Polyhedron]) -> Polyhedron:
    """A member without those of its sides, or with weaker ones, that it does not need to stay inside the union.

    Sides of the others that hold on it step in for its own: where they cut a polyhedron, the cut goes.
    """
    union = [each.constraints for each in members]
    sides = (side for each in members for side in each.inequalities if member.implies(side))
    left = list(dict.fromkeys((*member.constraints, *sides)))
    for side in member.constraints:
        rest = [each for each in left if each != side]
        weaker = next((each for each in _weaker(side) if uncovered([*rest, *each], union) is None), [side])
        left = [*rest, *weaker]
    return Polyhedron.of(*left)


def _weaker(side: Constraint) -> list[list[Constraint]]:
    """What can stand for a side: nothing, or less than it says."""
    if isinstance(side, Equality):
        return [[], [Inequality(side.form)], [Inequality(-side.form)]]
    return [[], [Inequality(side.form)]] if side.strict else [[]]


NOWHERE = Region()
"""No point."""


def nonpositive_region(exponent: Exponent) -> Polyhedron:
    """The part of the domain where the exponent is at most 0.

    The exponent -oo has no domain: it is at most 0 everywhere.

    >>> eta = Affine.symbol("eta")
    >>> print(nonpositive_region(Exponent.of(2 * eta + 1) | eta))
    eta <= -1/2
    """
    return exponent.domain & Polyhedron.of(*(Inequality(-piece) for piece in exponent.pieces))


def zero_region(exponent: Exponent) -> Region:
    """The part of the domain where the exponent is 0: some piece is 0 and no piece is positive.

    >>> eta = Affine.symbol("eta")
    >>> print(zero_region(Exponent.of(2 * eta + 1) | eta))
    eta = -1/2
    """
    below = nonpositive_region(exponent)
    return Region(tuple(below & Polyhedron.of(Equality(piece)) for piece in exponent.pieces))

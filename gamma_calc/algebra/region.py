"""Regions: finite unions of polyhedra."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from gamma_calc.algebra.affine import Affine, AffineLike, auxiliary
from gamma_calc.algebra.answer import Optimal
from gamma_calc.algebra.inequality import Constraint, Inequality
from gamma_calc.algebra.linear_program import maximum
from gamma_calc.algebra.polyhedron import Polyhedron

_MARGIN = auxiliary("margin")


@dataclass(frozen=True, slots=True, repr=False)
class Region:
    """The points of any of the polyhedra.

    On construction empty members and members inside another one are dropped and the rest is sorted, so equal
    collections print alike. Different collections can still cover the same points: `includes`, both ways, decides.

    >>> from gamma_calc.algebra.inequality import Equality
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
        return all(_is_covered(member.constraints, self.members) for member in _region(other).members)

    def complement(self) -> Region:
        """The points of no member, in parts that do not overlap.

        >>> x = Affine.symbol("x")
        >>> print(Region.of(Polyhedron.of(Inequality(x), Inequality(1 - x))).complement())
        x < 0 or x > 1
        """
        left = [Polyhedron()]
        for member in self.members:
            left = [rest for part in left for rest in _outside(part, member) if not rest.is_empty]
        return Region(tuple(left))

    def difference(self, other: Region | Polyhedron) -> Region:
        """The points of this region that do not belong to the other one."""
        return self & _region(other).complement()

    __sub__ = difference

    def projected_out(self, names: Sequence[str]) -> Region:
        """The shadow: what the other free exponents can be, for some values of the named ones."""
        return Region(tuple(member.projected_out(names) for member in self.members))

    def irredundant(self) -> Region:
        """The same points with fewer members: two are joined where their union is convex, covered ones dropped.

        >>> x = Affine.symbol("x")
        >>> print(Region.of(Polyhedron.of(Inequality(x)), Polyhedron.of(Inequality(-x, strict=True))).irredundant())
        always
        """
        members = list(self.members)
        while (joined := _joined(members)) is not None:
            members = joined
        for member in tuple(members):
            others = [other for other in members if other is not member]
            if _is_covered(member.constraints, others):
                members = others
        return Region(tuple(members))

    def substituted(self, mapping: Mapping[str, AffineLike]) -> Region:
        """The points whose images under the substitution lie here."""
        return Region(tuple(member.substituted(mapping) for member in self.members))

    def __or__(self, other: Region | Polyhedron) -> Region:
        return Region((*self.members, *_region(other).members))

    __ror__ = __or__

    def __and__(self, other: Region | Polyhedron) -> Region:
        return Region(tuple(mine & theirs for mine in self.members for theirs in _region(other).members))

    __rand__ = __and__

    def __str__(self) -> str:
        if len(self.members) < 2:
            return str(self.members[0]) if self.members else "never"
        texts = (f"({member})" if len(member.constraints) > 1 else str(member) for member in self.members)
        return " or ".join(texts)

    def __repr__(self) -> str:
        return f"Region({str(self)!r})"

    def latex(self) -> str:
        """The alternatives as LaTeX."""
        if len(self.members) < 2:
            return self.members[0].latex() if self.members else r"\text{never}"
        texts = (f"({member.latex()})" if len(member.constraints) > 1 else member.latex() for member in self.members)
        return r"\ \text{or}\ ".join(texts)

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"


def _region(value: Region | Polyhedron) -> Region:
    return Region((value,)) if isinstance(value, Polyhedron) else value


def _is_covered(conditions: Sequence[Constraint], members: Sequence[Polyhedron]) -> bool:
    """Whether all points that satisfy the conditions lie in the members.

    What the first member leaves over splits into parts that satisfy its first inequalities and violate the next one.
    """
    if not _is_satisfiable(conditions):
        return True
    if not members:
        return False
    inside = list(conditions)
    for inequality in _inequalities(members[0]):
        if not _is_covered([*inside, inequality.negated], members[1:]):
            return False
        inside.append(inequality)
    return True


def _inequalities(member: Polyhedron) -> Iterable[Inequality]:
    for equality in member.equalities:
        yield Inequality(equality.form)
        yield Inequality(-equality.form)
    yield from member.inequalities


def _outside(part: Polyhedron, member: Polyhedron) -> Iterator[Polyhedron]:
    """What a member leaves of a part: the first inequalities hold, and the next one is violated."""
    for inequality in _inequalities(member):
        yield part & Polyhedron.of(inequality.negated)
        part &= Polyhedron.of(inequality)


def _joined(members: Sequence[Polyhedron]) -> list[Polyhedron] | None:
    """The members with the first two replaced by their union that have a convex one; None where no two have.

    A convex union is what the inequalities of either that hold on both describe (Bemporad, Fukuda and Torrisi, 2001).
    """
    for first, second in combinations(members, 2):
        common = [each for each in _inequalities(first) if second.implies(each)]
        common += [each for each in _inequalities(second) if first.implies(each)]
        hull = Polyhedron.of(*common)
        if _is_covered(hull.constraints, (first, second)):
            return [hull, *(member for member in members if member not in (first, second))]
    return None


def _is_satisfiable(conditions: Sequence[Constraint]) -> bool:
    """Whether all conditions hold at some point: the strict ones with a margin."""
    slackened = [
        Inequality(each.form - _MARGIN) if isinstance(each, Inequality) and each.strict else each for each in conditions
    ]
    answer = maximum(_MARGIN, [*slackened, Inequality(Affine.of(1) - _MARGIN)])
    return isinstance(answer, Optimal) and answer.value > 0


NOWHERE = Region()
"""No point."""

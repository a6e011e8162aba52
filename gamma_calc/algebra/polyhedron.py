"""Polyhedra of free exponents: finite conjunctions of affine inequalities, weak or strict, and equalities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

from gamma_calc.algebra.affine import Affine, AffineLike
from gamma_calc.algebra.conjunction import FALSE, canonical, may_follow
from gamma_calc.algebra.cover import witness
from gamma_calc.algebra.generators import Generators, generators
from gamma_calc.algebra.inequality import Constraint, Equality, Inequality, reduced, without
from gamma_calc.algebra.linear_program import Optimal, maximum
from gamma_calc.errors import BadInput

_put = object.__setattr__


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Polyhedron:
    """The points that satisfy every inequality and equality: canonical, so that == is equality of sets.

    On construction hidden equalities are found and brought into reduced row echelon form in name order; the
    inequalities are reduced modulo them, freed of redundant ones, and sorted. The empty set is one value, `EMPTY`.

    >>> a, b = Affine.symbol("a"), Affine.symbol("b")
    >>> print(Polyhedron.of(Inequality(-a - b - 1), Inequality(a + b + 1), Inequality(-b), Inequality(1 - b)))
    a + b = -1 and b <= 0
    >>> print(Polyhedron.of(Inequality(a, strict=True), Inequality(a + 1), Inequality(b)))
    a > 0 and b >= 0
    """

    inequalities: tuple[Inequality, ...] = ()
    equalities: tuple[Equality, ...] = ()
    _hash: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        inequalities, equalities = canonical(tuple(self.inequalities), tuple(self.equalities))
        _put(self, "inequalities", inequalities)
        _put(self, "equalities", equalities)
        _put(self, "_hash", hash((inequalities, equalities)))

    @classmethod
    def of(cls, *constraints: Constraint) -> Polyhedron:
        """The points that satisfy all the constraints."""
        return cls(
            tuple(constraint for constraint in constraints if isinstance(constraint, Inequality)),
            tuple(constraint for constraint in constraints if isinstance(constraint, Equality)),
        )

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """The equalities, then the inequalities."""
        return (*self.equalities, *self.inequalities)

    @property
    def free(self) -> tuple[str, ...]:
        """The free exponents that it restricts, sorted."""
        return tuple(sorted({name for constraint in self.constraints for name in constraint.free}))

    @property
    def is_empty(self) -> bool:
        """Whether no point satisfies the constraints."""
        return self.inequalities == (FALSE,)

    @property
    def is_closed(self) -> bool:
        """Whether no inequality is strict."""
        return not any(inequality.strict for inequality in self.inequalities)

    @property
    def closure(self) -> Polyhedron:
        """The set with its edge: each strict inequality made weak.

        >>> Polyhedron.of(Inequality(Affine.symbol("x"), strict=True)).closure
        Polyhedron('x >= 0')
        """
        if self.is_closed:
            return self
        return Polyhedron(tuple(Inequality(each.form) for each in self.inequalities), self.equalities)

    @property
    def is_everywhere(self) -> bool:
        """Whether every point satisfies the constraints."""
        return not self.inequalities and not self.equalities

    def contains(self, point: Mapping[str, int | Fraction]) -> bool:
        """Whether the point, which gives every free exponent a value, satisfies the constraints."""
        return all(constraint.holds_at(point) for constraint in self.constraints)

    def intersection(self, other: Polyhedron) -> Polyhedron:
        """The points of both."""
        if other.is_everywhere or self == other:
            return self
        return other if self.is_everywhere else Polyhedron.of(*self.constraints, *other.constraints)

    __and__ = intersection

    def implies(self, constraint: Constraint) -> bool:
        """Whether the constraint holds at every point; true of the empty set.

        >>> x = Affine.symbol("x")
        >>> Polyhedron.of(Inequality(x - 1)).implies(Inequality(x, strict=True))
        True
        """
        if self.is_empty:
            return True
        if isinstance(constraint, Equality):
            return self.reduced(constraint.form) == Affine.of(0)
        least = self.minimum(constraint.form)
        if least is None or least < 0:
            return False
        if least > 0 or not constraint.strict:
            return True
        # The bound 0 is met on the closure: the claim holds where that face is left out.
        return not self.is_closed and (self & Polyhedron.of(Equality(constraint.form))).is_empty

    def includes(self, other: Polyhedron) -> bool:
        """Whether every point of the other one belongs to this one."""
        return all(other.implies(constraint) for constraint in self.constraints)

    def reduced(self, form: AffineLike) -> Affine:
        """The form that agrees with the given one on this set and is the same for all that do so.

        Assumes:
            The set is not empty.

        >>> a, b = Affine.symbol("a"), Affine.symbol("b")
        >>> Polyhedron.of(Equality(a + b + 1)).reduced(2 * a + b)
        Affine('-b - 2')
        """
        return reduced(Affine.of(form), self.equalities)

    def maximum(self, form: AffineLike) -> Fraction | None:
        """The least upper bound of the form here, None where it grows without bound.

        The form attains it where the set is closed; on another set, perhaps only on its closure.

        Raises:
            BadInput: where the set is empty.
        """
        if self.is_empty:
            raise BadInput(f"greatest value of {form}", found=str(self), expected="a domain that is not empty")
        return _greatest(self.closure, self.reduced(form))

    def minimum(self, form: AffineLike) -> Fraction | None:
        """The greatest lower bound of the form here, None where it falls without bound."""
        greatest = self.maximum(-Affine.of(form))
        return None if greatest is None else -greatest

    def substituted(self, mapping: Mapping[str, AffineLike]) -> Polyhedron:
        """The points whose images under the substitution lie here."""
        if not any(name in mapping for name in self.free):
            return self
        return Polyhedron.of(*(constraint.substituted(mapping) for constraint in self.constraints))

    def projected_out(self, names: Iterable[str]) -> Polyhedron:
        """The shadow: what the other free exponents can be, for some values of the named ones.

        An equality that holds the name eliminates it; otherwise by Fourier and Motzkin.

        >>> x, y = Affine.symbol("x"), Affine.symbol("y")
        >>> print(Polyhedron.of(Inequality(y - x), Inequality(1 - y)).projected_out(["y"]))
        x <= 1
        """
        shadow = self
        for name in names:
            shadow = Polyhedron.of(*_shadow(shadow, name))
        return shadow

    def point(self) -> dict[str, Fraction]:
        """A point of the relative interior: every inequality holds strictly there.

        Raises:
            BadInput: where the set is empty.
        """
        if self.is_empty:
            raise BadInput("point of a polyhedron", found=str(self), expected="a polyhedron that is not empty")
        return dict(_inner_point(self))

    def vertices(self) -> tuple[dict[str, Fraction], ...]:
        """The corners, of the closure, of a slice that every line inside the set crosses; see `generators`.

        >>> Polyhedron.of(Inequality(Affine.symbol("x"))).vertices()
        ({'x': Fraction(0, 1)},)
        """
        return tuple(dict(each) for each in _generators(self).vertices)

    def rays(self) -> tuple[dict[str, Fraction], ...]:
        """The directions of the slice's unbounded edges, in coprime integers."""
        return tuple(dict(each) for each in _generators(self).rays)

    def lines(self) -> tuple[dict[str, Fraction], ...]:
        """Directions that span the lines inside the set.

        The closure is what averages of `vertices`, plus nonnegative combinations of `rays`, plus any combinations of
        `lines` reach; free exponents that it does not restrict move freely and are not listed.
        """
        return tuple(dict(each) for each in _generators(self).lines)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Polyhedron):
            return NotImplemented
        if self is other:
            return True
        return self._hash == other._hash and self.constraints == other.constraints

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[type[Polyhedron], tuple[tuple[Inequality, ...], tuple[Equality, ...]]]:
        return Polyhedron, (self.inequalities, self.equalities)

    def __str__(self) -> str:
        if self.is_everywhere:
            return "always"
        return "never" if self.is_empty else " and ".join(str(constraint) for constraint in self.constraints)

    def __repr__(self) -> str:
        return f"Polyhedron({str(self)!r})"

    def latex(self) -> str:
        r"""The conditions as LaTeX.

        >>> print(Polyhedron.of(Inequality(Affine.symbol("rank"))).latex())
        \mathrm{rank} \ge 0
        """
        if self.is_everywhere or self.is_empty:
            return rf"\text{{{self}}}"
        return r"\ \text{and}\ ".join(constraint.latex() for constraint in self.constraints)

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"


@lru_cache(maxsize=8192)
def _greatest(domain: Polyhedron, form: Affine) -> Fraction | None:
    """The greatest value on a closed domain that is not empty; the form is reduced modulo the domain's equalities."""
    if form.is_constant:
        return form.constant
    falling = Inequality(-form)
    if not may_follow(falling, domain.inequalities):
        return None
    for facet in domain.inequalities:
        if facet.form.terms == falling.form.terms:
            # Every inequality of a canonical domain is attained.
            return form.constant - facet.form.constant * form.terms[0][1] / facet.form.terms[0][1]
    answer = maximum(form, domain.inequalities)
    return answer.value if isinstance(answer, Optimal) else None


@lru_cache(maxsize=1024)
def _inner_point(domain: Polyhedron) -> Mapping[str, Fraction]:
    point = witness([*(Inequality(each.form, strict=True) for each in domain.inequalities), *domain.equalities])
    assert point is not None  # the domain is not empty
    return {name: point[name] for name in domain.free}


@lru_cache(maxsize=1024)
def _generators(domain: Polyhedron) -> Generators:
    return generators(domain.closure.constraints)


def _shadow(domain: Polyhedron, name: str) -> Iterable[Constraint]:
    """Constraints on the other names that hold exactly where some value of this one satisfies the domain's."""
    solving = next((row for row in domain.equalities if name in row.free), None)
    if solving is not None:
        rows = (Equality(without(row.form, name, solving)) for row in domain.equalities)
        return (*rows, *(Inequality(without(each.form, name, solving), each.strict) for each in domain.inequalities))
    below = [each for each in domain.inequalities if each.form.coefficient(name) > 0]
    above = [each for each in domain.inequalities if each.form.coefficient(name) < 0]
    pairs = (_without(name, lower, upper) for lower in below for upper in above)
    return (*domain.equalities, *(each for each in domain.inequalities if name not in each.free), *pairs)


def _without(name: str, lower: Inequality, upper: Inequality) -> Inequality:
    """What a bound from below and one from above say of the other names; strict where either is."""
    least, greatest = (each.form / each.form.coefficient(name) for each in (lower, upper))
    return Inequality(least - greatest, lower.strict or upper.strict)


EVERYWHERE = Polyhedron()
"""All points."""

EMPTY = Polyhedron((FALSE,))
"""No point."""

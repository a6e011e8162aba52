"""Affine inequalities and equalities, canonical up to positive (or nonzero) factors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, TypeAlias

from gamma_calc.algebra.affine import Affine, AffineLike
from gamma_calc.algebra.notation import linear_latex, linear_text, rational_latex

Constraint: TypeAlias = "Inequality | Equality"
"""One condition of a conjunction."""


@dataclass(frozen=True, slots=True)
class Inequality:
    """The condition form >= 0, or form > 0 where it is strict.

    The form is scaled on construction to coprime integer coefficients, so that == is equality of half-spaces.

    >>> eta = Affine.symbol("eta")
    >>> print(Inequality(-2 * eta - 1))
    eta <= -1/2
    >>> Inequality(eta / 3) == Inequality(eta)
    True
    """

    form: Affine
    strict: bool = False

    @property
    def sides(self) -> tuple[Affine, ...]:
        """The forms that it makes at least 0."""
        return (self.form,)

    def __post_init__(self) -> None:
        object.__setattr__(self, "form", Affine.of(self.form).primitive())

    @property
    def free(self) -> tuple[str, ...]:
        """The free exponents that occur."""
        return self.form.free

    @property
    def negated(self) -> Inequality:
        """What holds exactly where this does not."""
        return Inequality(-self.form, not self.strict)

    def holds_at(self, point: Mapping[str, int | Fraction]) -> bool:
        """Whether the point satisfies the condition."""
        value = self.form.at(point)
        return value > 0 if self.strict else value >= 0

    def substituted(self, mapping: Mapping[str, AffineLike]) -> Inequality:
        """The condition with each mapped name replaced."""
        return Inequality(self.form.substituted(mapping), self.strict)

    def __str__(self) -> str:
        form, relation = self._displayed()
        return f"{linear_text(form.terms, Fraction(0))} {relation} {-form.constant}"

    def latex(self) -> str:
        r"""The condition as LaTeX.

        >>> print(Inequality(-Affine.symbol("eta") - Fraction(1, 2)).latex())
        \eta \le -\frac{1}{2}
        """
        form, relation = self._displayed()
        sign = {"<=": r"\le", ">=": r"\ge"}.get(relation, relation)
        return f"{linear_latex(form.terms, Fraction(0))} {sign} {rational_latex(-form.constant)}"

    def _displayed(self) -> tuple[Affine, str]:
        """The form with a positive leading coefficient, and the relation in which it then stands to 0."""
        is_turned = bool(self.form.terms) and self.form.terms[0][1] < 0
        relation = ("<" if is_turned else ">") + ("" if self.strict else "=")
        return (-self.form if is_turned else self.form), relation


@dataclass(frozen=True, slots=True)
class Equality:
    """The condition form = 0, with coprime integer coefficients of which the first is positive.

    >>> print(Equality(Affine.symbol("x") / -2 + 1))
    x = 2
    """

    form: Affine
    strict: ClassVar[bool] = False

    def __post_init__(self) -> None:
        form = Affine.of(self.form).primitive()
        leading = form.terms[0][1] if form.terms else form.constant
        object.__setattr__(self, "form", -form if leading < 0 else form)

    @property
    def sides(self) -> tuple[Affine, ...]:
        """The forms that it makes at least 0: both of them 0."""
        return self.form, -self.form

    @property
    def free(self) -> tuple[str, ...]:
        """The free exponents that occur."""
        return self.form.free

    def holds_at(self, point: Mapping[str, int | Fraction]) -> bool:
        """Whether the point satisfies the condition."""
        return not self.form.at(point)

    def substituted(self, mapping: Mapping[str, AffineLike]) -> Equality:
        """The condition with each mapped name replaced."""
        return Equality(self.form.substituted(mapping))

    def __str__(self) -> str:
        return f"{linear_text(self.form.terms, Fraction(0))} = {-self.form.constant}"

    def latex(self) -> str:
        """The condition as LaTeX."""
        return f"{linear_latex(self.form.terms, Fraction(0))} = {rational_latex(-self.form.constant)}"


def at_most(left: AffineLike, right: AffineLike) -> Inequality:
    """The condition left <= right.

    >>> print(at_most(Affine.symbol("x"), 1))
    x <= 1
    """
    return Inequality(Affine.of(right) - left)


def at_least(left: AffineLike, right: AffineLike) -> Inequality:
    """The condition left >= right."""
    return at_most(right, left)


def equal(left: AffineLike, right: AffineLike) -> Equality:
    """The condition left = right."""
    return Equality(Affine.of(left) - right)


def echelon(equations: Iterable[Equality]) -> tuple[Equality, ...] | None:
    """The reduced row echelon form in name order, or None where the equations contradict each other.

    Each row is led by its first name, which occurs in no other row; rows are sorted by that name.

    >>> x, y = Affine.symbol("x"), Affine.symbol("y")
    >>> [str(row) for row in echelon([Equality(x + y - 1), Equality(x - y)])]
    ['x = 1/2', 'y = 1/2']
    """
    rows: list[Equality] = []
    for equation in equations:
        form = reduced(equation.form, rows)
        if form.is_constant:
            if form.constant:
                return None
            continue
        new = Equality(form)
        rows = [Equality(without(row.form, form.free[0], new)) for row in rows]
        rows.append(new)
    return tuple(sorted(rows, key=lambda row: row.free[0]))


def reduced(form: Affine, rows: Iterable[Equality]) -> Affine:
    """The form with the leading name of each row of an echelon form eliminated: the same values on their solutions."""
    for row in rows:
        form = without(form, row.free[0], row)
    return form


def without(form: Affine, name: str, equation: Equality) -> Affine:
    """The form less the multiple of the equation that makes the name vanish from it."""
    coefficient = form.coefficient(name)
    return form - equation.form * (coefficient / equation.form.coefficient(name)) if coefficient else form

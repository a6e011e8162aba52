"""Exact linear programs in free variables, by an integer simplex method.

The dictionary writes each basic quantity as an integer row over the nonbasic ones, all divided by one common
denominator. A pivot divides exactly (Edmonds, Bareiss), so no fraction is ever reduced. The quantities are the
constraints' forms (the slacks) and the variables. Variables are made basic first and then never leave, which turns
the problem into one over slacks alone. Feasibility and optimality follow by Bland's least-index rules, which cannot
cycle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from gamma_calc.algebra.affine import Affine, Point
from gamma_calc.algebra.inequality import Constraint, Equality
from gamma_calc.errors import BadInput


@dataclass(frozen=True, slots=True)
class Optimal:
    """The maximum is attained.

    Args:
        value: the maximum.
        point: where it is attained.
        multipliers: one for each constraint, at least 0 for inequalities, such that the combination of the
            constraints' forms is identically `value` minus the objective.
    """

    value: Fraction
    point: Point
    multipliers: tuple[Fraction, ...]


@dataclass(frozen=True, slots=True)
class Unbounded:
    """The objective grows without bound from `point` along `ray`."""

    point: Point
    ray: Point


@dataclass(frozen=True, slots=True)
class Infeasible:
    """No point satisfies the constraints: their combination with these multipliers is a negative constant."""

    multipliers: tuple[Fraction, ...]


Answer: TypeAlias = Optimal | Unbounded | Infeasible
"""What a linear program can answer."""


def maximum(objective: Affine, constraints: Sequence[Constraint]) -> Answer:
    """The maximum of the objective where all constraints hold, with its certificate.

    Args:
        objective: an affine form.
        constraints: equalities and inequalities that are not strict.

    Returns:
        `Optimal`, `Unbounded` or `Infeasible`; multipliers are in the order of the constraints.

    Raises:
        BadInput: for a strict inequality, whose supremum need not be attained.

    >>> from gamma_calc.algebra.inequality import at_most
    >>> x = Affine.symbol("x")
    >>> maximum(2 * x, [at_most(x, 3)])
    Optimal(value=Fraction(6, 1), point={'x': Fraction(3, 1)}, multipliers=(Fraction(2, 1),))
    """
    for constraint in constraints:
        if constraint.strict:
            raise BadInput("constraint of a linear program", found=str(constraint), expected="<=, >= or =")
    return _Dictionary(objective, constraints).answer()


class _Dictionary:
    """The simplex method's table.

    basic[i] = (rows[i][0] + sum over k of rows[i][k] nonbasic[k]) / denominator; the objective's row is last.

    A slack is known by its index, variable number v by -1 - v, and column 0 is the constant's.
    """

    def __init__(self, objective: Affine, constraints: Sequence[Constraint]) -> None:
        forms = [constraint.form for constraint in constraints]
        self.names = sorted({name for form in (*forms, objective) for name in form.names})
        self.factors = [form.denominator for form in (*forms, objective)]
        self.rows = [form.row_over(self.names) for form in (*forms, objective)]
        self.fixed = {i for i, constraint in enumerate(constraints) if isinstance(constraint, Equality)}
        self.count = len(forms)
        self.basic = list(range(self.count))
        self.nonbasic = [self.count, *(-1 - v for v in range(len(self.names)))]
        self.denominator = 1

    def answer(self) -> Answer:
        """The maximum, with its certificate."""
        contradiction = self._settled_equalities()
        if contradiction is None:
            self._settle_variables()
            contradiction = self._settled_signs()
        return contradiction or self._climbed()

    def _pivot(self, r: int, k: int) -> None:
        """Exchange basic[r] with nonbasic[k]."""
        pivot_row, old = self.rows[r], self.denominator
        pivot = pivot_row[k]
        sign = 1 if pivot > 0 else -1
        for i, row in enumerate(self.rows):
            if i == r:
                continue
            lift = row[k]
            if lift:
                self.rows[i] = [sign * (pivot * a - lift * b) // old for a, b in zip(row, pivot_row, strict=True)]
                self.rows[i][k] = sign * lift
            else:
                self.rows[i] = [sign * pivot * a // old for a in row]
        self.rows[r] = [-sign * b for b in pivot_row]
        self.rows[r][k] = sign * old
        self.basic[r], self.nonbasic[k] = self.nonbasic[k], self.basic[r]
        self.denominator = sign * pivot

    def _settled_equalities(self) -> Infeasible | None:
        """Make the slacks of the equalities nonbasic, where they stay at 0."""
        for r in sorted(self.fixed):
            row = self.rows[r]
            k = next((k for k in range(1, len(row)) if row[k] and self.nonbasic[k] < 0), None)
            if k is not None:
                self._pivot(r, k)
            elif row[0]:
                return self._contradiction(r, -1 if row[0] > 0 else 1)
        return None

    def _settle_variables(self) -> None:
        """Make every variable basic that some constraint restricts."""
        for k in range(1, len(self.nonbasic)):
            if self.nonbasic[k] < 0:
                slacks = (r for r, basic in enumerate(self.basic) if basic >= 0 and self.rows[r][k])
                r = next(slacks, None)
                if r is not None:
                    self._pivot(r, k)

    def _settled_signs(self) -> Infeasible | None:
        """Make every slack at least 0: the first violated one leaves the basis, the first helpful one enters it."""
        while True:
            violated = [r for r in self._slack_rows() if self.rows[r][0] < 0]
            if not violated:
                return None
            r = min(violated, key=self.basic.__getitem__)
            helpful = [k for k in self._slack_columns() if self.rows[r][k] > 0]
            if not helpful:
                return self._contradiction(r, 1)
            self._pivot(r, min(helpful, key=self.nonbasic.__getitem__))

    def _climbed(self) -> Optimal | Unbounded:
        """From a feasible dictionary, Bland's rule to the maximum or to a ray."""
        while True:
            goal = self.rows[-1]
            for k in range(1, len(goal)):
                if goal[k] and self.nonbasic[k] < 0:
                    return self._ray(k, 1 if goal[k] > 0 else -1)
            rising = [k for k in self._slack_columns() if goal[k] > 0]
            if not rising:
                return self._optimum()
            k = min(rising, key=self.nonbasic.__getitem__)
            falling = [r for r in self._slack_rows() if self.rows[r][k] < 0]
            if not falling:
                return self._ray(k, 1)
            self._pivot(min(falling, key=lambda r: (Fraction(self.rows[r][0], -self.rows[r][k]), self.basic[r])), k)

    def _slack_rows(self) -> list[int]:
        # The slack of a redundant equality may be among them: its row is 0 wherever a pivot could use it.
        return [r for r, basic in enumerate(self.basic) if basic >= 0]

    def _slack_columns(self) -> list[int]:
        return [k for k, nonbasic in enumerate(self.nonbasic) if k and nonbasic >= 0 and nonbasic not in self.fixed]

    def _point(self) -> dict[str, Fraction]:
        return self._variables({}, column=0)

    def _variables(self, start: dict[str, Fraction], column: int, sign: int = 1) -> dict[str, Fraction]:
        values = {name: Fraction(0) for name in self.names} | start
        for r, basic in enumerate(self.basic):
            if basic < 0:
                values[self.names[-1 - basic]] = Fraction(sign * self.rows[r][column], self.denominator)
        return values

    def _ray(self, k: int, sign: int) -> Unbounded:
        moved = self.nonbasic[k]
        start = {self.names[-1 - moved]: Fraction(sign)} if moved < 0 else {}
        return Unbounded(self._point(), self._variables(start, k, sign))

    def _optimum(self) -> Optimal:
        factor = self.factors[-1] * self.denominator
        multipliers = [Fraction(0)] * self.count
        for k, slack in enumerate(self.nonbasic):
            if k and slack >= 0:
                multipliers[slack] = Fraction(-self.rows[-1][k] * self.factors[slack], factor)
        return Optimal(Fraction(self.rows[-1][0], factor), self._point(), tuple(multipliers))

    def _contradiction(self, r: int, sign: int) -> Infeasible:
        """Row r says that its slack, less a nonnegative combination of the others, is a negative constant."""
        multipliers = [Fraction(0)] * self.count
        multipliers[self.basic[r]] = Fraction(sign * self.denominator * self.factors[self.basic[r]])
        for k, slack in enumerate(self.nonbasic):
            if k and slack >= 0:
                multipliers[slack] = Fraction(-sign * self.rows[r][k] * self.factors[slack])
        return Infeasible(tuple(multipliers))

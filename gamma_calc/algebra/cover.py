"""What a union of polyhedra leaves of the points that satisfy some conditions.

Conditions are sequences of constraints, and so are the members of a union: nothing has to be canonical here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TypeAlias

from gamma_calc.algebra.affine import Affine, auxiliary
from gamma_calc.algebra.inequality import Constraint, Inequality
from gamma_calc.algebra.linear_program import Infeasible, Optimal, maximum

Conditions: TypeAlias = Sequence[Constraint]

_MARGIN = auxiliary("margin")
_NOTHING = Affine.of(0)


def value(form: Affine, point: Mapping[str, Fraction]) -> Fraction:
    """The value at a point, where a name that the point does not give is 0."""
    return form.constant + sum(coefficient * point.get(name, 0) for name, coefficient in form.terms)


def witness(conditions: Conditions) -> Mapping[str, Fraction] | None:
    """A point where all conditions hold, the strict ones with a margin; None where there is none.

    >>> x = Affine.symbol("x")
    >>> witness([Inequality(x, strict=True), Inequality(-x)]) is None
    True
    """
    if not any(each.strict for each in conditions):
        found = maximum(_NOTHING, conditions)
        return None if isinstance(found, Infeasible) else found.point
    slackened = [Inequality(each.form - _MARGIN) if each.strict else each for each in conditions]
    answer = maximum(_MARGIN, [*slackened, Inequality(1 - _MARGIN)])
    return answer.point if isinstance(answer, Optimal) and answer.value > 0 else None


def uncovered(conditions: Conditions, members: Sequence[Conditions]) -> Mapping[str, Fraction] | None:
    """A point where all conditions hold and that no member holds; None where the members cover them.

    Of the points that satisfy the conditions one is looked at. A member that holds it leaves over parts that satisfy
    its first inequalities and violate the next one, for the other members to cover.

    >>> x = Affine.symbol("x")
    >>> uncovered([], [[Inequality(x)], [Inequality(-x)]]) is None
    True
    """
    point = witness(conditions)
    if point is None:
        return None
    for place, member in enumerate(members):
        if _holds(member, point):
            others = [*members[:place], *members[place + 1 :]]
            found = (uncovered(part, others) for part in outside(conditions, member))
            return next((each for each in found if each is not None), None)
    return point


def leftovers(conditions: Conditions, members: Sequence[Conditions]) -> Iterator[Conditions]:
    """Conditions of parts, none empty and no two overlapping, that make up what the members leave over.

    >>> x = Affine.symbol("x")
    >>> [[str(each) for each in part] for part in leftovers([Inequality(x)], [[Inequality(x - 1)]])]
    [['x >= 0', 'x < 1']]
    """
    if witness(conditions) is None:
        return
    for place, member in enumerate(members):
        if witness([*conditions, *member]) is not None:
            for part in outside(conditions, member):
                yield from leftovers(part, members[place + 1 :])
            return
    yield conditions


def outside(conditions: Conditions, member: Conditions) -> Iterator[Conditions]:
    """What a member leaves over, in parts: its first inequalities hold, and the next one is violated."""
    inside = list(conditions)
    for inequality in (Inequality(side, each.strict) for each in member for side in each.sides):
        if not _is_among(inequality, inside):
            yield [*inside, inequality.negated]
            inside.append(inequality)


def _is_among(inequality: Inequality, conditions: Conditions) -> bool:
    """Whether one of the conditions, by itself, says as much."""
    for each in conditions:
        for form in each.sides:
            if form.terms == inequality.form.terms:
                excess = inequality.form.constant - form.constant
                if excess > 0 or (not excess and (each.strict or not inequality.strict)):
                    return True
    return False


def _holds(member: Conditions, point: Mapping[str, Fraction]) -> bool:
    found = ((value(side, point), each.strict) for each in member for side in each.sides)
    return all(number > 0 if is_strict else number >= 0 for number, is_strict in found)

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import event, given

from gamma_calc.algebra import (
    Affine,
    Constraint,
    Equality,
    Inequality,
    Infeasible,
    Optimal,
    Unbounded,
    at_least,
    at_most,
    maximum,
)
from gamma_calc.errors import BadInput
from tests.algebra.judge import is_proved
from tests.algebra.oracle import conjunction, is_satisfiable, linear
from tests.algebra.strategies import A, B, affines, constraints

X = tuple(Affine.symbol(f"x{i}") for i in range(1, 8))


def nonnegative(count: int) -> list[Constraint]:
    return [Inequality(x) for x in X[:count]]


BEALE = [
    at_most(X[0] / 4 - 60 * X[1] - X[2] / 25 + 9 * X[3], 0),
    at_most(X[0] / 2 - 90 * X[1] - X[2] / 50 + 3 * X[3], 0),
    at_most(X[2], 1),
    *nonnegative(4),
]
KLEE_MINTY = [at_most(X[0], 5), at_most(4 * X[0] + X[1], 25), at_most(8 * X[0] + 4 * X[1] + X[2], 125), *nonnegative(3)]
CHVATAL = [at_most(X[0] / 2 - 11 * X[1] / 2 - 5 * X[2] / 2 + 9 * X[3], 0)]
CHVATAL += [at_most(X[0] / 2 - 3 * X[1] / 2 - X[2] / 2 + X[3], 0), at_most(X[0], 1), *nonnegative(4)]


@pytest.mark.parametrize(
    ("objective", "given_constraints", "value"),
    [
        # Beale's example: the largest-coefficient rule cycles on it.
        (3 * X[0] / 4 - 150 * X[1] + X[2] / 50 - 6 * X[3], BEALE, Fraction(1, 20)),
        # Chvatal's example: six degenerate pivots lead back to the start under the largest-coefficient rule.
        (10 * X[0] - 57 * X[1] - 9 * X[2] - 24 * X[3], CHVATAL, Fraction(1)),
        # The same two in orders on which a wrong index rule cycles: last instead of least entering, then leaving.
        (3 * X[0] / 4 - 150 * X[1] + X[2] / 50 - 6 * X[3], [BEALE[i] for i in (2, 5, 3, 0, 1, 4, 6)], Fraction(1, 20)),
        (10 * X[0] - 57 * X[1] - 9 * X[2] - 24 * X[3], [CHVATAL[i] for i in (1, 2, 6, 0, 4, 3, 5)], Fraction(1)),
        # Klee and Minty's cube in three dimensions.
        (4 * X[0] + 2 * X[1] + X[2], KLEE_MINTY, Fraction(125)),
        (A, [Equality(2 * A - 1)], Fraction(1, 2)),
        (A + B, [Equality(A - B), Equality(A - B), at_most(B, 3)], Fraction(6)),
        (Affine.of(7), [], Fraction(7)),
        (A + B, [at_most(A + B, Fraction(1, 3))], Fraction(1, 3)),
    ],
    ids=[
        "beale",
        "chvatal",
        "beale-reordered",
        "chvatal-reordered",
        "klee-minty",
        "point",
        "repeated-equality",
        "nothing",
        "free-direction",
    ],
)
def test_known_maxima(objective: Affine, given_constraints: list[Constraint], value: Fraction) -> None:
    answer = maximum(objective, given_constraints)
    assert isinstance(answer, Optimal)
    assert answer.value == value
    assert is_proved(answer, objective, given_constraints)


@pytest.mark.parametrize(
    ("objective", "given_constraints", "kind"),
    [
        (A, [], Unbounded),
        (-A, [at_most(A, 3)], Unbounded),
        (A - B, [Equality(A + B)], Unbounded),
        (A, [at_most(A, 0), at_least(A, 1)], Infeasible),
        (A, [Equality(A), Equality(A - 1)], Infeasible),
        (A, [Equality(A - B), Equality(B - A - 1)], Infeasible),
        (B, [Inequality(Affine.of(-2))], Infeasible),
        (B, [at_least(A, B + 1), at_least(B, A + 1)], Infeasible),
    ],
)
def test_known_refusals(objective: Affine, given_constraints: list[Constraint], kind: type) -> None:
    answer = maximum(objective, given_constraints)
    assert isinstance(answer, kind)
    assert is_proved(answer, objective, given_constraints)


@given(affines, constraints)
def test_every_answer_proves_itself_and_agrees_with_z3(objective: Affine, given_constraints: list[Constraint]) -> None:
    answer = maximum(objective, given_constraints)
    event(type(answer).__name__)
    assert is_proved(answer, objective, given_constraints)
    holds = conjunction(given_constraints)
    assert isinstance(answer, Infeasible) != is_satisfiable(holds)
    if isinstance(answer, Optimal):
        assert not is_satisfiable(holds, linear(objective) > linear(Affine.of(answer.value)))
        assert is_satisfiable(holds, linear(objective) == linear(Affine.of(answer.value)))
    if isinstance(answer, Unbounded):
        assert is_satisfiable(holds, linear(objective) > 1000)


@given(affines, constraints)
def test_the_judge_refuses_tampered_answers(objective: Affine, given_constraints: list[Constraint]) -> None:
    answer = maximum(objective, given_constraints)
    if isinstance(answer, Optimal):
        forged = [
            replace(answer, value=answer.value + 1),
            replace(answer, multipliers=(*answer.multipliers, Fraction(0))),
        ]
        for i, constraint in enumerate(given_constraints):
            if not constraint.form.is_constant or constraint.form.constant:
                changed = [*answer.multipliers]
                changed[i] += 1
                forged.append(replace(answer, multipliers=tuple(changed)))
    elif isinstance(answer, Unbounded):
        forged = [replace(answer, ray={name: -value for name, value in answer.ray.items()})]
        forged += [Infeasible(tuple(Fraction(0) for _ in given_constraints))]
    else:
        forged = [Infeasible(tuple(-multiplier for multiplier in answer.multipliers))]
        forged += [Infeasible(tuple(Fraction(0) for _ in given_constraints))]
    assert not any(is_proved(each, objective, given_constraints) for each in forged)


def test_the_judge_refuses_wrong_signs_and_outside_points() -> None:
    box = [at_most(A, 1), at_least(A, 0)]
    assert is_proved(Optimal(Fraction(1), {"a": Fraction(1)}, (Fraction(1), Fraction(0))), A, box)
    assert not is_proved(Optimal(Fraction(2), {"a": Fraction(2)}, (Fraction(2), Fraction(1))), A, box)
    # 0 - a is -1 times the form of a >= 0: the right sum with a sign that an inequality does not allow.
    assert not is_proved(Optimal(Fraction(0), {"a": Fraction(0)}, (Fraction(0), Fraction(-1))), A, box)
    assert not is_proved(Unbounded({"a": Fraction(0)}, {"a": Fraction(1)}), A, box)
    assert not is_proved(Infeasible((Fraction(-1), Fraction(-2))), A, box)
    # Along this ray the objective grows, but a = 0 is left behind.
    assert not is_proved(
        Unbounded({"a": Fraction(0), "b": Fraction(0)}, {"a": Fraction(1), "b": Fraction(1)}), B, [Equality(A)]
    )


def test_strict_inequalities_have_no_maximum() -> None:
    with pytest.raises(BadInput, match="a > 0"):
        maximum(-A, [Inequality(A, strict=True)])

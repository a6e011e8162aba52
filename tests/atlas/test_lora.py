"""Preconditioned steps of rank one, and the gradient at an input of an adapter, each beside a twin that differs."""

from __future__ import annotations

from dataclasses import replace

from gamma_calc.algebra import Affine, Exponent, Region
from gamma_calc.atlas.families.lora import SUBJECTS, invariant
from gamma_calc.atlas.questions import Question, QuestionKind, Subject, answer_to
from gamma_calc.calculus.recursion import trajectory
from gamma_calc.program.expressions import PowerOf, Trained
from gamma_calc.program.network import axis, contract, data, named, parameter
from gamma_calc.program.optimizers import ONE, Gradients, Optimizer, Raw, Update, named_optimizer
from gamma_calc.program.problem import Problem, program_of
from gamma_calc.program.update_expressions import Larger, Scalar

EFFICIENT, LARGEST = Question(QuestionKind.REGION, "efficient", steps=4), Question(QuestionKind.LARGEST, "c")


def under_descent(subject: Subject) -> Subject:
    return replace(subject, scheme=replace(subject.scheme, optimizer=named_optimizer("sgd")))


def test_without_its_inverse_gram_matrices_no_single_rate_of_rank_one_is_efficient() -> None:
    preconditioned = SUBJECTS["rank-one"]
    assert answer_to(EFFICIENT, preconditioned) != Region()
    assert answer_to(EFFICIENT, under_descent(preconditioned)) == Region()


def test_invariant_steps_do_not_feel_how_large_the_first_factor_is() -> None:
    """B = 0, so another A is another way to write one adapter; under descent it is another run."""
    subjects = [Subject("", invariant(entries).scheme) for entries in ("-1", "-1/2", "0")]
    at_largest = [Question(QuestionKind.EXPONENT, f"delta_{factor}", at=(("c", Affine.of(0)),)) for factor in "AB"]
    for subject in subjects:
        assert [answer_to(each, subject) for each in (LARGEST, *at_largest)] == [Exponent.of(0)] * 3
    under = [answer_to(replace(LARGEST, steps=3), under_descent(each)) for each in subjects]
    assert len(set(map(str, under))) == len(under)


def test_a_multiplier_of_one_over_the_rank_lets_the_gradient_at_the_input_vanish() -> None:
    asked = [Question(QuestionKind.EXPONENT, "gradient of v", steps=2, at=(("s", Affine.of(s)),)) for s in (-1, 0)]
    assert [answer_to(each, SUBJECTS["at-the-input"]) for each in asked] == [Exponent.of(-1), Exponent.of(1)]


def test_the_larger_of_a_number_and_a_sum_of_squares_is_as_large_as_both_together() -> None:
    """A sum of labelled parts is a scalar like any other."""

    def divided(is_sum: bool) -> Optimizer:
        def update(weight: Trained, gradients: Gradients) -> Update:
            square, number = contract(weight, weight, *weight.axes), Scalar("k", Affine.of(-3))
            return Update(gradients[weight] * PowerOf(number + square if is_sum else Larger(number, square), -ONE))

        return Optimizer("divided", Raw(), update)

    n = axis("width", 1)
    output = named("f", parameter("a", n, init="0", rate="-1") @ data("x", n, axis("batch")))
    problems = [Problem("divided", output, optimizer=divided(is_sum)) for is_sum in (True, False)]
    runs = [trajectory(program_of(each.scheme), 1) for each in problems]
    assert [run.steps[0].sizes["Delta_f"].upper for run in runs] == [Exponent.of(-1)] * 2

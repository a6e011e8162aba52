"""Steps in norms: at a fixed rank preconditioned steps go from gradient descent to orthogonalised ones."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import log2

import pytest
import torch

from gamma_calc.algebra import Affine, Exponent
from gamma_calc.atlas.families.norms import SUBJECTS, preconditioned
from gamma_calc.atlas.families.width import NO_MULTIPLIER, ORTHOGONALISED
from gamma_calc.atlas.perceptrons import perceptron
from gamma_calc.atlas.questions import Question, QuestionKind, answer_to
from gamma_calc.errors import BadInput
from gamma_calc.program.optimizers import Optimizer, named_optimizer

LAYERS = ("embedding", "hidden", "readout")


def largest(layer: str, optimizer: Optimizer) -> object:
    subject = perceptron("", *NO_MULTIPLIER, optimizer=optimizer)
    return answer_to(Question(QuestionKind.LARGEST, layer, steps=2), subject)


@pytest.mark.parametrize("layer", LAYERS)
def test_preconditioning_goes_from_gradient_descent_to_orthogonalised_steps(layer: str) -> None:
    assert largest(layer, preconditioned(Fraction(0))) == largest(layer, named_optimizer("sgd"))
    assert largest(layer, preconditioned(Fraction(1, 2))) == largest(layer, ORTHOGONALISED)


def test_k_fac_divides_by_its_two_factors() -> None:
    """(delta delta^T)^+ delta x^T (x x^T)^+ = (delta^+)^T x^+ with a batch of fixed size, delta = 1/n and x = 1."""
    sizes, batch, entries = (256, 512, 1024, 2048), 3, []
    for n in sizes:
        random = torch.Generator().manual_seed(n)
        delta, x = (torch.randn(n, batch, generator=random, dtype=torch.float64) for _ in range(2))
        step = torch.linalg.pinv(delta / n).T @ torch.linalg.pinv(x)
        entries.append(float(step.square().mean().sqrt()))
    rates = tuple((layer, Affine.of(0)) for layer in LAYERS)
    derived = answer_to(Question(QuestionKind.EXPONENT, "change of W_2", steps=1, at=rates), SUBJECTS["k-fac"])
    assert derived == Exponent.of(-1) and abs(log2(entries[-1] / entries[0]) / 3 + 1) < 0.05


def test_one_block_is_the_whole_matrix_and_a_block_of_one_entry_is_an_entry() -> None:
    """Shampoo with e_L + e_R = 1/4 in n^u blocks: at u = 2 an entry is divided by the root of its size."""
    asked = [Question(QuestionKind.LARGEST, "c", steps=3, at=(("u", Affine.of(u)),)) for u in (0, 2)]
    found = [answer_to(each, SUBJECTS["shampoo-in-blocks"]) for each in asked]
    assert found == [Exponent.of(0), Exponent.of(Fraction(-1, 2))]


def test_a_curvature_that_is_larger_than_the_gradient_leaves_sophia_its_size() -> None:
    """At h = n^-2 every ratio is clipped, as in sign descent; at h of size 1 it is a gradient."""
    sophia = SUBJECTS["sophia"]
    beside = {**sophia.scheme.exponents, "epsilon": Affine.of(0)}
    question = Question(QuestionKind.LARGEST, "hidden")
    large = replace(sophia, scheme=replace(sophia.scheme, exponents=beside))
    assert [answer_to(question, each) for each in (sophia, large)] == [Exponent.of(-1), Exponent.of(0)]


def test_no_preconditioning_is_another_optimiser() -> None:
    assert largest("embedding", preconditioned(Fraction(0))) != largest("embedding", ORTHOGONALISED)
    assert largest("hidden", preconditioned(Fraction(1, 2))) != largest("hidden", named_optimizer("adam"))


@pytest.mark.parametrize(
    ("quantity", "expected"), [("W_1", 0), ("norm of W_1", Fraction(1, 2)), ("norm of W_2", Fraction(1, 2))]
)
def test_a_norm_counts_entries(quantity: str, expected: Fraction) -> None:
    assert answer_to(Question(QuestionKind.EXPONENT, quantity, steps=0), SUBJECTS["mup"]) == Exponent.of(expected)


def test_a_norm_of_nothing_is_refused() -> None:
    with pytest.raises(BadInput, match="W_4"):
        answer_to(Question(QuestionKind.EXPONENT, "norm of W_4"), SUBJECTS["mup"])


def test_a_step_of_full_rank_has_larger_entries_than_one_of_rank_one() -> None:
    """The same factor 0.2 sqrt(max) in front of both, in a square matrix at a rate of size 1."""
    at_one = (("c", Affine.of(0)), ("p", Affine.of(1)), ("q", Affine.of(1)))
    full = answer_to(
        Question(QuestionKind.EXPONENT, "change of W", steps=1, at=at_one), SUBJECTS["matrix-of-full-rank"]
    )
    rates = tuple((layer, Affine.of(0)) for layer in LAYERS)
    one = answer_to(Question(QuestionKind.EXPONENT, "change of W_2", steps=1, at=rates), SUBJECTS["muon-rms"])
    assert (full, one) == (Exponent.of(0), Exponent.of(Fraction(-1, 2)))

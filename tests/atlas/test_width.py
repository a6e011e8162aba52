"""Many tokens: the step of a matrix, made from all of them, meets one of them as a walk; made from a few, aligned."""

from __future__ import annotations

from fractions import Fraction
from math import log2

import pytest
import torch

from gamma_calc.atlas.comparison import is_same
from gamma_calc.atlas.families.width import SUBJECTS
from gamma_calc.atlas.questions import Question, QuestionKind, answer_to

WIDTHS = (64, 1024)


def moved(width: int, tokens: int) -> float:
    """How much one step of sign descent at a rate 1 changes what a matrix makes of its tokens: root mean square."""
    random = torch.Generator().manual_seed(width)
    rows, slopes = (torch.randn(tokens, width, generator=random) for _ in range(2))
    return float((torch.sign(slopes.T @ rows) @ rows.T).square().mean().sqrt())


@pytest.mark.parametrize(
    ("subject", "tokens", "expected"),
    [("matrix-of-few", (3, 3), "-1"), ("matrix-of-many", WIDTHS, "-1/2")],
)
def test_a_matrix_bears_a_larger_rate_of_many_tokens(subject: str, tokens: tuple[int, int], expected: str) -> None:
    assert is_same(expected, answer_to(Question(QuestionKind.LARGEST, "c"), SUBJECTS[subject]))
    low, high = (moved(width, count) for width, count in zip(WIDTHS, tokens, strict=True))
    assert abs(log2(high / low) / log2(WIDTHS[1] / WIDTHS[0]) + Fraction(expected)) < 0.05

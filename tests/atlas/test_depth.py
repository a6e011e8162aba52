"""Depth: groups of blocks answer as one after another do, in the rules and in trained residual networks."""

from __future__ import annotations

import pytest
import torch

from gamma_calc.atlas.comparison import is_same
from gamma_calc.atlas.families.depth import residual
from gamma_calc.atlas.questions import Question, QuestionKind, answer_to

DEPTHS = (16, 32, 64, 128)
WIDTH, SEEDS, STEPS = 32, 16, 2


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_the_number_of_groups_changes_no_region(groups: int) -> None:
    one = residual("", groups=groups)
    assert is_same("alpha >= 1/2 and alpha + gamma >= 1", answer_to(Question(QuestionKind.REGION, "stable"), one))
    two = residual("", matrices=2, groups=groups, between=("alpha < 1", "gamma > 0"))
    expected = "alpha >= 1/2 and alpha < 1 and gamma > 0 and alpha + gamma >= 1"
    assert is_same(expected, answer_to(Question(QuestionKind.REGION, "stable"), two))


def slope(alpha: float, gamma: float, matrices: int) -> float:
    """The slope in log L of how much steps of sign descent at a rate L^-gamma change the end of the stream.

    Blocks read one after another, s <- s + L^-alpha W phi(s) or s + L^-alpha W_2 phi(W_1 phi(s)).
    """
    x = torch.log2(torch.tensor(DEPTHS, dtype=torch.float64))
    y = torch.stack([0.5 * torch.log2(_change(L, alpha, gamma, matrices).square().mean()) for L in DEPTHS])
    return float(((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum())


def _change(depth: int, alpha: float, gamma: float, matrices: int) -> torch.Tensor:
    """What training changes of the stream. Shapes: weights [matrices, L, seeds, n, n], stream [seeds, n, 1]."""
    random = torch.Generator().manual_seed(depth)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=random, dtype=torch.float64)

    first, readout = normal(SEEDS, WIDTH, 1), normal(SEEDS, WIDTH, 1) / WIDTH
    weights = (normal(matrices, depth, SEEDS, WIDTH, WIDTH) * (2 / WIDTH) ** 0.5).requires_grad_()

    def end() -> torch.Tensor:
        stream = first
        for block in weights.unbind(1):
            branch = stream
            for weight in block:
                branch = weight @ torch.relu(branch)
            stream = stream + depth**-alpha * branch
        return stream

    start = end().detach()
    for _ in range(STEPS):
        (gradient,) = torch.autograd.grad((readout * end()).sum(), weights)
        with torch.no_grad():
            weights -= 0.5 / WIDTH * depth**-gamma * torch.sign(gradient)
    return end().detach() - start


@pytest.mark.parametrize(
    ("alpha", "gamma", "matrices"),
    [(0.5, 0.5, 1), (0.75, 0.25, 1), (0.5, 0.5, 2), (0.75, 0.25, 2), (1.0, 0.0, 2)],
)
def test_blocks_one_after_another_move_the_stream_as_derived(alpha: float, gamma: float, matrices: int) -> None:
    assert abs(slope(alpha, gamma, matrices) - (1 - alpha - gamma)) < 0.1


def test_other_rates_do_not() -> None:
    """Adam's rate without a factor for the depth, at a multiplier L^(-1/2): the stream moves by L^(1/2) and more."""
    assert slope(0.5, 0.0, 1) > 0.4 and slope(0.75, 0.75, 2) < -0.4

"""The student against autograd, torch's AdamW and its own definition with the n x n matrix."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy import stats

from gamma_calc.errors import BadInput
from gamma_calc.program.optimizers import Moments, Raw
from gamma_calc.simulation import teacher_student as module
from gamma_calc.simulation.sampling import symmetric_roots
from gamma_calc.simulation.teacher_student import (
    FrozenStudent,
    StudentConfiguration,
    forward,
    gradients,
    random_image,
)

ADAM = Moments(Fraction(9, 10), Fraction(999, 1000), Fraction(1, 10**8))
SMALL = StudentConfiguration(
    width=24,
    initial_A=24**-0.5,
    initial_B=0.3,
    eta_A=(1e-2, 1e-3, 3e-2),
    eta_B=(1e-2, 2e-3, 1e-2),
    optimizer=ADAM,
    steps=12,
    runs=2,
    points=40,
    test_points=10,
    record_every=5,
    dtype="float64",
)


def drawn(seed: int = 0) -> tuple[FrozenStudent, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    return FrozenStudent(draw(20, 9).relu(), draw(20, 9), draw(9), draw(20)), draw(3, 4, 9), draw(3, 9, 4)


def test_gradients_are_autograds() -> None:
    data, a, b = drawn()
    found = gradients(data, forward(data, a, b), b)
    a.requires_grad_()
    b.requires_grad_()
    hidden = data.frozen + torch.einsum("lnr,lrm,pm->lpn", b, a, data.features)
    loss = ((hidden.relu() @ data.readout - data.targets).square().mean(dim=-1) / 2).sum()
    torch.testing.assert_close(forward(data, a, b).loss.sum(), loss, rtol=1e-12, atol=0)
    # Sums of 180 products of size one in float64.
    for ours, theirs in zip(found, torch.autograd.grad(loss, (a, b)), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_training_is_torchs_adamw(weight_decay: float) -> None:
    configuration = replace(SMALL, weight_decay=weight_decay)
    measured = module.teacher_student(configuration)
    points, targets = module._teacher(configuration)
    for run in range(configuration.runs):
        features, frozen, readout, a_0, b_0 = (
            None if array is None else torch.from_numpy(array)
            for array in module._drawn_student(configuration, run, points)
        )
        assert None not in (features, frozen, readout, a_0, b_0)
        y = torch.from_numpy(targets)
        for index, (eta_a, eta_b) in enumerate(zip(configuration.eta_A, configuration.eta_B, strict=True)):
            a, b = a_0.clone().requires_grad_(), b_0.clone().requires_grad_()  # type: ignore[union-attr]
            groups = [{"params": [a], "lr": eta_a}, {"params": [b], "lr": eta_b}]
            optimizer = torch.optim.AdamW(groups, weight_decay=weight_decay)
            for t in range(configuration.steps + 1):
                z_b = features @ a.T @ b.T  # type: ignore[operator]
                residual = (frozen + z_b).relu() @ readout - y
                loss = residual[:40].square().mean() / 2
                if t in measured.steps:
                    row = measured.steps.index(t)
                    found = (measured.training_loss, measured.test_loss, measured.Z_B)
                    slow = (loss, residual[40:].square().mean() / 2, z_b[:40].square().mean().sqrt())
                    for ours, theirs in zip(found, slow, strict=True):
                        # Twelve steps of Adam from gradients that agree to 1e-13.
                        torch.testing.assert_close(ours[row, index, run], theirs.detach(), rtol=1e-9, atol=1e-12)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    assert measured.steps == (0, 5, 10, 12)


def test_rates_and_pieces_change_nothing() -> None:
    whole, pieces = module.teacher_student(SMALL), module.teacher_student(SMALL, memory=1)
    torch.testing.assert_close(pieces.training_loss, whole.training_loss, rtol=1e-9, atol=0)
    alone = module.teacher_student(replace(SMALL, eta_A=SMALL.eta_A[1:2], eta_B=SMALL.eta_B[1:2]))
    torch.testing.assert_close(alone.Z_B[:, 0], whole.Z_B[:, 1], rtol=1e-9, atol=0)


def test_the_frozen_part_has_the_law_of_a_random_matrix() -> None:
    """Given H, the rows of W_h H are normal with covariance H^T H / n: whitened, they are iid N(0, 1)."""
    rng = np.random.default_rng(0)
    features = np.maximum(rng.standard_normal((4, 3)) @ rng.standard_normal((3, 3000)), 0.0)
    direct = rng.standard_normal((3000, 3000)) / np.sqrt(3000) @ features.T
    root, inverse = symmetric_roots(features @ features.T / 3000)
    np.testing.assert_allclose(root @ inverse, np.eye(4), atol=1e-9)
    for image in (random_image(features, rng), direct.T):
        white = inverse @ image
        assert stats.kstest(white.ravel(), "norm").pvalue > 1e-4
        # Six correlations of 3000 pairs, each with a standard deviation of 3000^-1/2.
        assert np.abs(np.corrcoef(white)[np.triu_indices(4, 1)]).max() < 4.5 / np.sqrt(3000)


def test_training_learns() -> None:
    measured = module.teacher_student(replace(SMALL, steps=200, record_every=200))
    assert bool((measured.training_loss[-1] < measured.training_loss[0] / 2).all())


def test_init_a_starts_from_a_zero_output() -> None:
    measured = module.teacher_student(replace(SMALL, initial_B=None, optimizer=Raw(), steps=1, record_every=1))
    assert not measured.Z_B[0].any()
    assert measured.Z_A[0].all()
    assert torch.equal(measured.Z_A[0], measured.Z_A[1])
    assert measured.Z_B[1].all()


def test_unpaired_rates_are_refused() -> None:
    with pytest.raises(BadInput, match="learning rates"):
        replace(SMALL, eta_A=(1e-3,))

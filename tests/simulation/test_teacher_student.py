"""The student against autograd, torch's AdamW and its own definition with the n x n matrix."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy import stats

from gamma_calc.program.optimizers import Moments, Raw
from gamma_calc.simulation.student_data import (
    FrozenStudent,
    Student,
    StudentConfiguration,
    drawn_student,
    drawn_teacher,
    random_image,
    symmetric_root,
)
from gamma_calc.simulation.student_plain import forward, gradients
from gamma_calc.simulation.teacher_student import teacher_student

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


def student_of(configuration: StudentConfiguration, run: int = 0) -> Student:
    return drawn_student(configuration, run, drawn_teacher(configuration), torch.float64, torch.device("cpu"))


@pytest.mark.parametrize("is_plain", [True, False], ids=["plain", "compiled"])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_training_is_torchs_adamw(weight_decay: float, is_plain: bool) -> None:
    configuration = replace(SMALL, weight_decay=weight_decay)
    measured = teacher_student(configuration, is_plain=is_plain)
    for run in range(configuration.runs):
        student = student_of(configuration, run)
        for index, (eta_a, eta_b) in enumerate(zip(configuration.eta_A, configuration.eta_B, strict=True)):
            a, b = student.initial_A.clone().requires_grad_(), student.initial_B.clone().requires_grad_()
            groups = [{"params": [a], "lr": eta_a}, {"params": [b], "lr": eta_b}]
            optimizer = torch.optim.AdamW(groups, weight_decay=weight_decay)
            for t in range(configuration.steps + 1):
                looks = [look(data, a, b) for data in (student.training, student.held_out)]
                if t in configuration.recorded_steps:
                    row = configuration.recorded_steps.index(t)
                    found = (measured.training_loss, measured.test_loss, measured.Z_B)
                    slow = (looks[0][0], looks[1][0], looks[0][1])
                    for ours, theirs in zip(found, slow, strict=True):
                        # Twelve steps of Adam from gradients that agree to 1e-13.
                        torch.testing.assert_close(ours[row, index, run], theirs.detach(), rtol=1e-9, atol=1e-12)
                optimizer.zero_grad()
                looks[0][0].backward()
                optimizer.step()
    assert configuration.recorded_steps == (0, 5, 10, 12)


def look(data: FrozenStudent, a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss and the root mean square of Z_B."""
    z_b = data.features @ a.T @ b.T
    residual = (data.frozen + z_b).relu() @ data.readout - data.targets
    return residual.square().mean() / 2, z_b.square().mean().sqrt()


def test_rates_and_pieces_change_nothing() -> None:
    whole, pieces = (teacher_student(SMALL, memory=memory, is_plain=True) for memory in (2**30, 1))
    torch.testing.assert_close(pieces.training_loss, whole.training_loss, rtol=1e-9, atol=0)
    alone = teacher_student(replace(SMALL, eta_A=SMALL.eta_A[1:2], eta_B=SMALL.eta_B[1:2]), is_plain=True)
    torch.testing.assert_close(alone.Z_B[:, 0], whole.Z_B[:, 1], rtol=1e-9, atol=0)


def test_the_frozen_part_has_the_law_of_a_random_matrix() -> None:
    """Given H, the rows of W_h H are normal with covariance H^T H / n: whitened, they are iid N(0, 1)."""
    rng = np.random.default_rng(0)
    features = np.maximum(rng.standard_normal((4, 3)) @ rng.standard_normal((3, 3000)), 0.0)
    direct = rng.standard_normal((3000, 3000)) / np.sqrt(3000) @ features.T
    root = symmetric_root(features @ features.T / 3000)
    inverse = np.linalg.inv(root)
    np.testing.assert_allclose(root @ inverse, np.eye(4), atol=1e-9)
    for image in (random_image(root, 3000, rng), direct):
        assert_white(image @ inverse)


def test_a_drawn_student_has_its_law() -> None:
    """F - Y_in is W_h H with the covariance of the student's own features, on training and test points together."""
    configuration = replace(SMALL, width=32000, points=2, test_points=1)
    student = student_of(configuration)
    features, frozen = (
        torch.cat([getattr(student.training, name), getattr(student.held_out, name)]).numpy()
        for name in ("features", "frozen")
    )
    _, outputs = drawn_teacher(configuration)
    # Where a unit is active at all points its feature is its Y_in.
    seen = (features > 0).all(axis=0)
    assert seen.sum() > 400
    inverse = np.linalg.inv(symmetric_root(features @ features.T / configuration.width))
    white = (frozen - features)[:, seen].T @ inverse
    assert stats.kstest(white.ravel(), "norm").pvalue > 1e-4
    # A mean of k products of two iid standard normal numbers deviates by at most (2 / k)^(1/2).
    assert np.abs(white.T @ white / len(white) - np.eye(3)).max() < 4.5 * (2 / len(white)) ** 0.5
    assert np.array_equal(student.training.targets.numpy(), outputs[:2])
    # Second moments 1/n, 1/n and the configuration's; a mean of k squares has a relative deviation of (2 / k)^(1/2).
    for values, size in (
        (student.training.readout, configuration.width**-0.5),
        (student.initial_A, SMALL.initial_A),
        (student.initial_B, SMALL.initial_B),
    ):
        assert size is not None
        assert abs(values.square().mean().item() / size**2 - 1) < 4.5 * (2 / values.numel()) ** 0.5


def test_features_of_low_rank_have_images_of_low_rank() -> None:
    """Fewer units than points: W_h H lies in the span of H, to the root of the rounding error of its square."""
    student = student_of(replace(SMALL, width=6))
    features, frozen = (getattr(student.training, name).numpy() for name in ("features", "frozen"))
    points, _ = drawn_teacher(replace(SMALL, width=6))
    span = np.concatenate([features, points[: len(features)]], axis=1)
    fitted = span @ np.linalg.lstsq(span, frozen, rcond=None)[0]
    np.testing.assert_allclose(fitted, frozen, atol=1e-6)
    assert np.linalg.matrix_rank(span) < len(span)


def test_widths_share_their_first_units_where_they_are_paired() -> None:
    narrow, wide, apart = (
        student_of(replace(SMALL, width=n, is_paired=paired)) for n, paired in ((24, True), (48, True), (48, False))
    )
    assert torch.equal(wide.initial_B[:24], narrow.initial_B)
    assert torch.equal(wide.training.features[:, :24], narrow.training.features)
    torch.testing.assert_close(wide.training.readout[:24] * 2**0.5, narrow.training.readout)
    assert not torch.isclose(apart.training.readout[:24], wide.training.readout[:24]).any()
    assert torch.equal(apart.training.targets, wide.training.targets)
    assert not torch.isclose(student_of(SMALL, run=1).initial_B, narrow.initial_B).any()


def assert_white(white: np.ndarray) -> None:
    """Rows of four iid standard normal numbers."""
    assert stats.kstest(white.ravel(), "norm").pvalue > 1e-4
    # Six correlations of 3000 pairs, each with a standard deviation of 3000^-1/2.
    assert np.abs(np.corrcoef(white.T)[np.triu_indices(4, 1)]).max() < 4.5 / np.sqrt(3000)


def test_training_learns() -> None:
    measured = teacher_student(replace(SMALL, steps=200, record_every=200))
    assert bool((measured.training_loss[-1] < measured.training_loss[0] / 2).all())


def test_init_a_starts_from_a_zero_output() -> None:
    measured = teacher_student(replace(SMALL, initial_B=None, optimizer=Raw(), steps=1, record_every=1))
    assert not measured.Z_B[0].any()
    assert measured.Z_A[0].all()
    assert torch.equal(measured.Z_A[0], measured.Z_A[1])
    assert measured.Z_B[1].all()

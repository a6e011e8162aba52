"""The student in plain tensor operations, on any device: the twin that the compiled loops are held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from gamma_calc.simulation.steps import GradientStep, mean_square
from gamma_calc.simulation.student_data import FrozenStudent, Student, StudentConfiguration


class StudentMeasurement(NamedTuple):
    """What one experiment recorded: losses, and root mean squares over entries and training points.

    Shapes: [T, L, S] in float64, each.
    """

    Z_A: Tensor
    Z_B: Tensor
    training_loss: Tensor
    test_loss: Tensor


RECORDED = StudentMeasurement._fields


@dataclass(frozen=True, slots=True)
class Forward:
    """The student's values on a set of points.

    Shapes: Z_A [L, N, r], Z_B [L, N, n], is_active [L, N, n], residual [L, N].
    """

    Z_A: Tensor
    Z_B: Tensor
    is_active: Tensor
    residual: Tensor

    @property
    def loss(self) -> Tensor:
        """Half the mean squared residual, [L]."""
        return self.residual.double().square().mean(dim=-1) / 2


def forward(data: FrozenStudent, a: Tensor, b: Tensor) -> Forward:
    """The student with adapters A [L, r, n] and B [L, n, r]."""
    z_a = data.features @ a.mT
    z_b = z_a @ b.mT
    hidden = data.frozen + z_b
    is_active = hidden > 0
    return Forward(z_a, z_b, is_active, hidden.clamp_(min=0) @ data.readout - data.targets)


def gradients(data: FrozenStudent, values: Forward, b: Tensor) -> tuple[Tensor, Tensor]:
    """The gradients of the loss with respect to A [L, r, n] and B [L, n, r]."""
    residual = values.residual / values.residual.shape[-1]
    d_hidden = values.is_active * data.readout * residual.unsqueeze(-1)
    return (d_hidden @ b).mT @ data.features, d_hidden.mT @ values.Z_A


class FactorCopies:
    """A factor of each copy, one a learning rate, and the step that moves it.

    Shapes: values [L, ...].
    Source of the heavy ball, m = beta m + G in place of the gradient G: Polyak, "Some methods of speeding up the
    convergence of iteration methods" (1964).
    """

    def __init__(self, initial: Tensor, eta: tuple[float, ...], configuration: StudentConfiguration) -> None:
        self.values, self.eta = initial.repeat(len(eta), 1, 1), initial.new_tensor(eta).view(-1, 1, 1)
        self.kept = 1 - self.eta * configuration.weight_decay
        self.step, self.beta = GradientStep(configuration.optimizer), configuration.momentum
        self.momentum = torch.zeros_like(self.values) if self.beta else None

    def move(self, gradient: Tensor, t: int) -> None:
        """Take step t = 1, 2, ... along a gradient laid out as the values are."""
        if self.momentum is not None:
            gradient = self.momentum.mul_(self.beta).add_(gradient)
        step = self.step.processed(gradient, t)
        self.values.mul_(self.kept).addcmul_(self.eta, step, value=-1)


class PlainTraining:
    """Copies of one student, one a learning rate, trained by `forward` and `gradients`."""

    def __init__(self, student: Student, configuration: StudentConfiguration) -> None:
        self.student = student
        self.a = FactorCopies(student.initial_A, configuration.eta_A, configuration)
        self.b = FactorCopies(student.initial_B, configuration.eta_B, configuration)
        self.values = forward(student.training, self.a.values, self.b.values)

    def record(self) -> Tensor:
        """Each copy as it stands, [len(RECORDED), L] in float64."""
        values = self.values
        held_out = forward(self.student.held_out, self.a.values, self.b.values)
        sizes = mean_square(values.Z_A).sqrt(), mean_square(values.Z_B).sqrt()
        return torch.stack([*sizes, values.loss, held_out.loss])

    def move(self, t: int) -> None:
        """Take step t = 1, 2, ..."""
        found = gradients(self.student.training, self.values, self.b.values)
        for factor, gradient in zip((self.a, self.b), found, strict=True):
            factor.move(gradient, t)
        self.values = forward(self.student.training, self.a.values, self.b.values)


def bytes_per_rate(configuration: StudentConfiguration) -> int:
    """Activations, their mask, the gradient of the hidden layer and one temporary of each point and unit."""
    return 4 * configuration.points * configuration.width * configuration.item

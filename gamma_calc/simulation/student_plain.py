"""The student in plain tensor operations, on any device: the twin that the compiled loops are held against.

What is recorded of it: all root mean squares come from Grams of the rank's size. With B [n, r] and z = A H [r, N]

    |B z|^2 = <B^T B, z z^T>,

and with the change of step t stacked below what it changed, the Grams of [B, dB] and of [z; dz] hold, block by block,

    delta_1 = B dz,    delta_2 = dB z,    delta_3 = dB dz,    Delta Z_B = B dz + dB (z + dz),

all of B and z being those before the step. So no array of all units and points is formed, and a record costs little
beside a step. The Grams are accumulated in float64. The changes are differences of what is stored: in float32 a change
that is a share c of what it changes is known to about 2^-24 / c.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from gamma_calc.simulation.steps import GradientStep, mean_square
from gamma_calc.simulation.student_data import FrozenStudent, Student, StudentConfiguration


class StudentMeasurement(NamedTuple):
    """What one experiment recorded: losses, and root mean squares over entries and training points.

    Delta_Z_B and its parts delta_1, delta_2, delta_3 are changes of the last step before a record, zero at step 0.

    Shapes: [T, L, S] in float64, each.
    """

    Z_A: Tensor
    Z_B: Tensor
    training_loss: Tensor
    test_loss: Tensor
    A: Tensor
    B: Tensor
    Delta_Z_B: Tensor
    delta_1: Tensor
    delta_2: Tensor
    delta_3: Tensor


RECORDED = StudentMeasurement._fields


@dataclass(frozen=True, slots=True)
class State:
    """The factor B and the features z = A H on the training points of L copies, as they stood at some step.

    Shapes: b [L, n, r], z [L, r, N].
    """

    b: Tensor
    z: Tensor

    def copied(self) -> State:
        """The same, out of reach of what training goes on to write."""
        return State(self.b.clone(), self.z.clone())

    def changes(self, after: State) -> Tensor:
        """Delta Z_B, delta_1, delta_2, delta_3 from this state to the next one, as root mean squares, [4, L]."""
        # One copy at a time: what is formed in float64 is then small enough to stay in the cache.
        pairs = zip(self.b, self.z, after.b, after.z, strict=True)
        grams = [_grams(*(each.double() for each in pair)) for pair in pairs]
        gram_b, gram_z = (torch.stack(each) for each in zip(*grams, strict=True))
        r = self.b.shape[-1]
        old, new, both = slice(0, r), slice(r, 2 * r), slice(0, 2 * r)
        blocks = ((both, both), (old, old), (new, slice(2 * r, 3 * r)), (new, old))
        squares = [(gram_b[:, of_b, of_b] * gram_z[:, of_z, of_z]).sum(dim=(1, 2)) for of_b, of_z in blocks]
        # A square that rounding left below zero is zero.
        return (torch.stack(squares).clamp(min=0) / (self.b.shape[-2] * self.z.shape[-1])).sqrt()


def record(before: State | None, now: State, a: Tensor, outputs: tuple[Tensor, Tensor, Tensor, Tensor]) -> Tensor:
    """One record of L copies, [len(RECORDED), L] in float64.

    Shapes: a, which is A or its transpose, [L, n, r]; outputs, which are Z_A, Z_B and the two losses, [L] each.

    Args:
        before: the state one step earlier; None before the first step, where nothing has changed yet.
    """
    sizes = [mean_square(each).sqrt() for each in (a, now.b)]
    changes = outputs[0].new_zeros(4, len(now.z)) if before is None else before.changes(now)
    return torch.stack([*outputs, *sizes, *changes])


def _grams(b: Tensor, z: Tensor, new_b: Tensor, new_z: Tensor) -> tuple[Tensor, Tensor]:
    """The Grams of [B, dB], and of dz, the features of afterwards and those of before.

    The first 2 r rows of the second stand against those of the first.

    Shapes: b, new_b [n, r]; z, new_z [r, N]; returns [2 r, 2 r] and [3 r, 3 r].
    """
    factors, features = torch.cat([b.T, (new_b - b).T]), torch.cat([new_z - z, new_z, z])
    return factors @ factors.T, features @ features.T


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

    @property
    def state(self) -> State:
        """What the changes of a later record count from."""
        return State(self.b.values, self.values.Z_A.mT)

    def record(self, before: State | None = None) -> Tensor:
        """Each copy as it stands; see `record`."""
        values = self.values
        held_out = forward(self.student.held_out, self.a.values, self.b.values)
        sizes = mean_square(values.Z_A).sqrt(), mean_square(values.Z_B).sqrt()
        return record(before, self.state, self.a.values, (*sizes, values.loss, held_out.loss))

    def move(self, t: int) -> None:
        """Take step t = 1, 2, ..."""
        found = gradients(self.student.training, self.values, self.b.values)
        for factor, gradient in zip((self.a, self.b), found, strict=True):
            factor.move(gradient, t)
        self.values = forward(self.student.training, self.a.values, self.b.values)


def bytes_per_rate(configuration: StudentConfiguration) -> int:
    """Activations, their mask, the gradient of the hidden layer and one temporary of each point and unit."""
    return 4 * configuration.points * configuration.width * configuration.item

"""The student in plain tensor operations, on any device: the twin that the compiled loops are held against."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from gamma_calc.simulation.steps import GradientStep, HeavyBall, mean_square
from gamma_calc.simulation.student_data import FrozenStudent, Student, StudentConfiguration
from gamma_calc.simulation.student_records import State, record


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


class PlainTraining:
    """Copies of one student, one a learning rate, trained by `forward` and `gradients`."""

    def __init__(self, student: Student, configuration: StudentConfiguration) -> None:
        self.student, self.decay = student, configuration.weight_decay
        etas = configuration.eta_A, configuration.eta_B
        self.a, self.b = (part.repeat(len(etas[0]), 1, 1) for part in (student.initial_A, student.initial_B))
        self.eta = tuple(self.a.new_tensor(eta).view(-1, 1, 1) for eta in etas)
        self.steps = tuple(GradientStep(configuration.optimizer) for _ in etas)
        self.balls = tuple(HeavyBall(configuration.momentum) for _ in etas)
        self.values = forward(student.training, self.a, self.b)

    @property
    def state(self) -> State:
        """What the changes of a later record count from."""
        return State(self.b, self.values.Z_A.mT)

    def record(self, before: State | None = None) -> Tensor:
        """Each copy as it stands; see `student_records.record`."""
        values = self.values
        held_out = forward(self.student.held_out, self.a, self.b)
        sizes = mean_square(values.Z_A).sqrt(), mean_square(values.Z_B).sqrt()
        return record(before, self.state, self.a, (*sizes, values.loss, held_out.loss))

    def move(self, t: int) -> None:
        """Take step t = 1, 2, ..."""
        found = gradients(self.student.training, self.values, self.b)
        parts = zip((self.a, self.b), self.eta, found, self.balls, self.steps, strict=True)
        for tensor, eta, gradient, ball, step in parts:
            tensor.mul_(1 - eta * self.decay).sub_(eta * step.processed(ball.rolled(gradient), t))
        self.values = forward(self.student.training, self.a, self.b)


def bytes_per_rate(configuration: StudentConfiguration) -> int:
    """Activations, their mask, the gradient of the hidden layer and one temporary of each point and unit."""
    return 4 * configuration.points * configuration.width * configuration.item

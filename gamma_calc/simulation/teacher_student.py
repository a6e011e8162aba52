"""A student network fine-tuned by a LoRA module on a teacher's outputs under the squared loss.

    Y_in = W_in x,    Y_h = Y_in + (W_h + B A) phi(Y_in),    Y_out = W_out phi(Y_h),    phi = ReLU,

and only A and B are trained, by the full batch. With H = phi(Y_in) all that is frozen is F = Y_in + W_h H, computed
once; W_h enters only through W_h H, whose rows are iid N(0, H^T H / n), so no n x n matrix is drawn or multiplied.

Under a squared loss the residual changes sign along training, so sign steps undo each other: the exponents of the
linear loss (`probe`) are not expected to show here, which is why this is a separate experiment.

Source: Hayou, Ghosh, Yu, "The Impact of Initialization on LoRA Finetuning Dynamics" (arXiv 2406.08447), the synthetic
experiment: the model, its sizes and the optimiser. The variances of the frozen weights (1 / fan-in) are ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gamma_calc.errors import BadInput
from gamma_calc.program.optimizers import Moments, Raw
from gamma_calc.simulation.devices import resolved_device, resolved_dtype
from gamma_calc.simulation.sampling import DATA_DIMENSION, Array, symmetric_roots
from gamma_calc.simulation.steps import GradientStep, mean_square

MEMORY_BOUND = 2**30
"""Bytes that the activations of the rates trained at once may take."""

TEACHER_RANK = 20
TEACHER_WIDTH = 1000
TRAINING_POINTS = 1000
TEST_POINTS = 100
STUDENT_RANK = 4


@dataclass(frozen=True, slots=True)
class StudentConfiguration:
    """All that one teacher-student experiment at one width depends on.

    Args:
        initial_A, initial_B: root mean squares of the initial entries; None for zero.
        eta_A, eta_B: the learning rates, in pairs.
        weight_decay: decoupled: A and B shrink by 1 - eta weight_decay before each step.
        record_every: steps between records; step 0 and the last step are always recorded.
    """

    width: int
    initial_A: float | None
    initial_B: float | None
    eta_A: tuple[float, ...]
    eta_B: tuple[float, ...]
    optimizer: Raw | Moments
    steps: int
    runs: int = 1
    weight_decay: float = 0.0
    rank: int = STUDENT_RANK
    points: int = TRAINING_POINTS
    test_points: int = TEST_POINTS
    record_every: int = 1
    dtype: str = "float32"
    device: str = "cpu"
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.eta_A) != len(self.eta_B):
            found = f"{len(self.eta_A)} and {len(self.eta_B)}"
            raise BadInput("learning rates of A and B", found=found, expected="as many of one as of the other")

    @property
    def recorded_steps(self) -> tuple[int, ...]:
        """The steps after which the student is looked at."""
        return tuple(t for t in range(self.steps + 1) if t % self.record_every == 0 or t == self.steps)


@dataclass(frozen=True, slots=True)
class FrozenStudent:
    """What training does not change, on one set of points, with the points along the first axis.

    Shapes: features H^T [N, n], frozen F^T [N, n], readout W_out [n], targets [N].
    """

    features: Tensor
    frozen: Tensor
    readout: Tensor
    targets: Tensor


@dataclass(frozen=True, slots=True)
class StudentMeasurement:
    """What one experiment recorded; Z_A and Z_B are root mean squares over entries and training points.

    Shapes: steps [T]; Z_A, Z_B, training_loss, test_loss [T, L, S] in float64.
    """

    configuration: StudentConfiguration
    steps: tuple[int, ...]
    Z_A: Tensor
    Z_B: Tensor
    training_loss: Tensor
    test_loss: Tensor


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


def teacher_student(configuration: StudentConfiguration, *, memory: int = MEMORY_BOUND) -> StudentMeasurement:
    """Train students that differ in learning rate and run, and record them along the way.

    The teacher and its points depend on the seed alone; the student's weights on the seed, the run and the width. The
    rates of one run are trained together, as many at a time as keep within `memory` bytes.

    Raises:
        BadInput: the device or the dtype is not available.
    """
    device = resolved_device(configuration.device, configuration.dtype)
    dtype = resolved_dtype(configuration.dtype)
    points, targets = _teacher(configuration)
    # Activations, their mask, the gradient of the hidden layer and one temporary of each point and unit.
    rate_bytes = 4 * configuration.points * configuration.width * dtype.itemsize
    count = max(1, memory // rate_bytes)
    runs: list[Tensor] = []
    for run in range(configuration.runs):
        arrays = _drawn_student(configuration, run, points)
        weights = [None if array is None else torch.from_numpy(array).to(device, dtype) for array in arrays]
        y = torch.from_numpy(targets).to(device, dtype)
        rates = range(0, len(configuration.eta_A), count)
        runs.append(torch.cat([_trained(configuration, weights, y, slice(at, at + count)) for at in rates], dim=-1))
    z_a, z_b, training_loss, test_loss = torch.stack(runs, dim=-1).unbind(dim=0)
    return StudentMeasurement(configuration, configuration.recorded_steps, z_a, z_b, training_loss, test_loss)


def _generator(configuration: StudentConfiguration, *key: int) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(configuration.seed, spawn_key=key)))


def _teacher(configuration: StudentConfiguration) -> tuple[Array, Array]:
    """Points x [N, d] for training then test, and the teacher's outputs [N]; the teacher's W_h is zero."""
    rng = _generator(configuration, 0)
    n, r = TEACHER_WIDTH, TEACHER_RANK
    x = rng.standard_normal((configuration.points + configuration.test_points, DATA_DIMENSION))
    first = x @ (rng.standard_normal((DATA_DIMENSION, n)) / math.sqrt(DATA_DIMENSION))
    z_a = np.maximum(first, 0.0) @ (rng.standard_normal((n, r)) / math.sqrt(n))
    hidden = first + z_a @ (rng.standard_normal((r, n)) / math.sqrt(r))
    return x, np.maximum(hidden, 0.0) @ (rng.standard_normal(n) / math.sqrt(n))


def random_image(features: Array, rng: np.random.Generator) -> Array:
    """H^T W^T for a square W with iid N(0, 1 / n) entries, drawn from its exact law given H without drawing W.

    Shapes: features H^T [N, n]; returns [N, n].
    """
    points, n = features.shape
    root, _ = symmetric_roots(features @ features.T / n)
    return np.asarray(root @ rng.standard_normal((points, n)))


def _drawn_student(
    configuration: StudentConfiguration, run: int, points: Array
) -> tuple[Array, Array, Array, Array | None, Array | None]:
    """H^T and F^T on all points, W_out, A_0 and B_0 of one run."""
    rng = _generator(configuration, 1, run, configuration.width)
    n, r = configuration.width, configuration.rank
    first = points @ (rng.standard_normal((DATA_DIMENSION, n)) / math.sqrt(DATA_DIMENSION))
    features = np.maximum(first, 0.0)
    frozen = first + random_image(features, rng)
    readout = rng.standard_normal(n) / math.sqrt(n)
    sizes = ((configuration.initial_A, (r, n)), (configuration.initial_B, (n, r)))
    a, b = (None if size is None else size * rng.standard_normal(shape) for size, shape in sizes)
    return features, frozen, readout, a, b


def _trained(
    configuration: StudentConfiguration, weights: list[Tensor | None], targets: Tensor, rates: slice
) -> Tensor:
    """Z_A, Z_B, training and test loss at each record, [4, T, L]."""
    features, frozen, readout, a_0, b_0 = weights
    if features is None or frozen is None or readout is None:
        raise ValueError("a student needs features, a frozen part and a readout.")
    split = configuration.points
    data = FrozenStudent(features[:split], frozen[:split], readout, targets[:split])
    held_out = FrozenStudent(features[split:], frozen[split:], readout, targets[split:])
    eta_a, eta_b = (features.new_tensor(eta[rates]) for eta in (configuration.eta_A, configuration.eta_B))
    n, r = configuration.width, configuration.rank
    a = (features.new_zeros(r, n) if a_0 is None else a_0).repeat(len(eta_a), 1, 1)
    b = (features.new_zeros(n, r) if b_0 is None else b_0).repeat(len(eta_b), 1, 1)
    steps = GradientStep(configuration.optimizer), GradientStep(configuration.optimizer)
    records: list[Tensor] = []
    for t in range(configuration.steps + 1):
        values = forward(data, a, b)
        if t in configuration.recorded_steps:
            rms = (mean_square(values.Z_A).sqrt(), mean_square(values.Z_B).sqrt())
            records.append(torch.stack([*rms, values.loss, forward(held_out, a, b).loss]))
        if t < configuration.steps:
            found = gradients(data, values, b)
            for tensor, eta, gradient, step in zip((a, b), (eta_a, eta_b), found, steps, strict=True):
                rate = eta.view(-1, 1, 1)
                tensor.mul_(1 - rate * configuration.weight_decay)
                tensor.sub_(rate * step.processed(gradient, t + 1))
    return torch.stack(records, dim=1)

"""What a teacher-student experiment is, and teachers and students drawn from their exact laws.

The frozen n x n weight W_h, iid N(0, 1/n), enters the student only through W_h H. Given the features H its rows are
iid N(0, H^T H / n), so they are drawn from that law, a block of units at a time: no n x n matrix is drawn, stored or
multiplied, and beside the frozen part itself, 2 n N numbers, memory does not grow with the width. H^T H has rank at
most n, so the root of the covariance is taken through its eigenvectors.

Streams: numpy's SFC64 seeded by SeedSequence(seed, spawn_key=(role, run, width)), width 0 for what is paired; a run
does not depend on which others are drawn with it. Where runs are paired over widths, a run's units are drawn one after
the other from the same streams at every width, so that a narrow student's input weights, readout and adapters, up to
their scale, are the first rows of a wide one's. The law at each single width does not know of that.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gamma_calc.errors import BadInput
from gamma_calc.program.optimizers import Moments, Raw, check_step
from gamma_calc.simulation.devices import resolved_dtype

Array = NDArray[np.float64]

DATA_DIMENSION = 5
"""Hayou, Ghosh, Yu, arXiv 2406.08447, the synthetic experiment, as all sizes here but the student's."""
TRAINING_POINTS = 1000
TEST_POINTS = 100
STUDENT_RANK = 4
TEACHER_RANK = 20
TEACHER_WIDTH = 1000

UNITS_AT_A_TIME = 1024
"""Units drawn at once, in float64."""


class Role(IntEnum):
    """What a stream is used for; the values are part of the seeding, so they are never changed."""

    A = 3
    B = 4
    INPUTS = 5
    READOUT = 6
    DATA = 7
    FEATURES = 9


def stream(seed: int, role: Role, run: int, width: int) -> np.random.Generator:
    """The random stream of a role in a run at a width; that of width 0 is for all widths."""
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=(int(role), run, width))))


@dataclass(frozen=True, slots=True)
class StudentConfiguration:
    """All that one teacher-student experiment at one width depends on.

    Args:
        initial_A, initial_B: root mean squares of the initial entries; None for zero.
        eta_A, eta_B: the learning rates, in pairs.
        weight_decay: decoupled: A and B shrink by 1 - eta weight_decay before each step.
        momentum: beta of the undamped heavy ball: a step is taken along m = beta m + G in place of the gradient G.
        record_every: steps between records; step 0 and the last step are always recorded.
        first: the number of the first run; run k is the same whatever runs are trained beside it.
        is_paired: whether a run's first units and weights at a width are those that it has at every larger one.
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
    momentum: float = 0.0
    rank: int = STUDENT_RANK
    points: int = TRAINING_POINTS
    test_points: int = TEST_POINTS
    record_every: int = 1
    dtype: str = "float32"
    device: str = "cpu"
    seed: int = 0
    is_paired: bool = True
    first: int = 0

    def __post_init__(self) -> None:
        check_step(self.optimizer)
        if self.momentum and isinstance(self.optimizer, Moments) and self.optimizer.has_memory:
            raise BadInput(
                "momentum: this optimiser already steps along a running mean of its gradients; a heavy ball goes with"
                " one that has no memory: sgd or sign"
            )

    @property
    def item(self) -> int:
        """Bytes of a number."""
        return resolved_dtype(self.dtype).itemsize

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
class Student:
    """One run's student before training: the frozen part on training and on test points, and the adapter.

    Shapes: initial_A [r, n], initial_B [n, r].
    """

    training: FrozenStudent
    held_out: FrozenStudent
    initial_A: Tensor
    initial_B: Tensor


def blocks(length: int, size: int) -> Iterator[slice]:
    """Consecutive pieces of at most `size` of a range that starts at 0.

    >>> [(piece.start, piece.stop) for piece in blocks(5, 2)]
    [(0, 2), (2, 4), (4, 5)]
    """
    return (slice(start, min(start + size, length)) for start in range(0, length, size))


def drawn_teacher(configuration: StudentConfiguration) -> tuple[Array, Array]:
    """Points x [N, d] for training then test, and the teacher's outputs [N]; the teacher's W_h is zero.

    They depend on the seed alone.
    """
    rng = stream(configuration.seed, Role.DATA, 0, 0)
    n, r = TEACHER_WIDTH, TEACHER_RANK
    x = rng.standard_normal((configuration.points + configuration.test_points, DATA_DIMENSION))
    first = x @ (rng.standard_normal((DATA_DIMENSION, n)) / math.sqrt(DATA_DIMENSION))
    z_a = np.maximum(first, 0.0) @ (rng.standard_normal((n, r)) / math.sqrt(n))
    hidden = first + z_a @ (rng.standard_normal((r, n)) / math.sqrt(r))
    return x, np.maximum(hidden, 0.0) @ (rng.standard_normal(n) / math.sqrt(n))


def symmetric_root(gram: Array) -> Array:
    """The symmetric root of a positive semidefinite matrix.

    Eigenvalues below the rounding error of the largest count as zero, so a singular matrix is no special case.
    """
    values, vectors = np.linalg.eigh(gram)
    threshold = values[-1] * len(values) * np.finfo(np.float64).eps
    roots = np.sqrt(np.where(values > threshold, values, 0.0))
    return np.asarray((vectors * roots) @ vectors.T)


def random_image(root: Array, units: int, rng: np.random.Generator) -> Array:
    """Rows of W H for a W of `units` rows with iid N(0, 1/n) entries, from their exact law given H.

    Shapes: root, the symmetric root of H^T H / n [N, N]; returns [units, N].
    """
    return np.asarray(rng.standard_normal((units, len(root))) @ root)


def drawn_student(
    configuration: StudentConfiguration,
    run: int,
    teacher: tuple[Array, Array],
    dtype: torch.dtype,
    device: torch.device,
) -> Student:
    """The student of one run, on the points of a teacher."""
    points, outputs = teacher
    n, r = configuration.width, configuration.rank

    def drawn(role: Role) -> np.random.Generator:
        return stream(configuration.seed, role, run, 0 if configuration.is_paired else n)

    into = drawn(Role.INPUTS).standard_normal((n, DATA_DIMENSION)) / math.sqrt(DATA_DIMENSION)
    features, frozen = (torch.empty(len(points), n, dtype=dtype, device=device) for _ in range(2))
    gram = np.zeros((len(points), len(points)))
    for units in blocks(n, UNITS_AT_A_TIME):
        block = np.maximum(points @ into[units].T, 0.0)
        gram += block @ block.T / n
        features[:, units] = torch.from_numpy(block)
    root = symmetric_root(gram)
    rng = drawn(Role.FEATURES)
    for units in blocks(n, UNITS_AT_A_TIME):
        image = random_image(root, units.stop - units.start, rng)
        frozen[:, units] = torch.from_numpy(points @ into[units].T + image.T)

    def weights(role: Role, size: float | None, columns: int) -> torch.Tensor:
        if size is None:
            return torch.zeros(n, columns, dtype=dtype, device=device)
        return torch.from_numpy(size * drawn(role).standard_normal((n, columns))).to(device, dtype)

    readout = weights(Role.READOUT, 1 / math.sqrt(n), 1).squeeze(1)
    targets = torch.from_numpy(outputs).to(device, dtype)
    training, held_out = (
        FrozenStudent(features[part], frozen[part], readout, targets[part])
        for part in (slice(configuration.points), slice(configuration.points, None))
    )
    a, b = weights(Role.A, configuration.initial_A, r), weights(Role.B, configuration.initial_B, r)
    return Student(training, held_out, a.mT.contiguous(), b)

"""What a teacher-student experiment is: its configuration, what training does not change, and what it records."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from gamma_calc.errors import BadInput
from gamma_calc.program.optimizers import Moments, Raw, check_step
from gamma_calc.simulation.devices import resolved_dtype

TRAINING_POINTS = 1000
TEST_POINTS = 100
STUDENT_RANK = 4


@dataclass(frozen=True, slots=True)
class StudentShape:
    """What the memory that a student takes in training depends on; `item` is the bytes of a number."""

    width: int
    points: int
    rank: int
    item: int
    device: str


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
        if len(self.eta_A) != len(self.eta_B):
            found = f"{len(self.eta_A)} and {len(self.eta_B)}"
            raise BadInput("learning rates of A and B", found=found, expected="as many of one as of the other")
        if not self.eta_A:
            raise BadInput("learning rates of A and B", found="none", expected="at least one of each")
        for name in ("width", "runs", "rank", "points", "test_points", "record_every"):
            if getattr(self, name) < 1:
                raise BadInput(name, found=str(getattr(self, name)), expected="a positive integer")
        for name in ("weight_decay", "momentum"):
            if not 0 <= getattr(self, name) < math.inf:
                raise BadInput(name, found=str(getattr(self, name)), expected="a finite number from 0 on")
        if self.momentum and isinstance(self.optimizer, Moments) and self.optimizer.has_memory:
            raise BadInput(
                "momentum: this optimiser already steps along a running mean of its gradients; a heavy ball goes with"
                " one that has no memory: sgd or sign"
            )

    @property
    def shape(self) -> StudentShape:
        """The sizes of the student, where its training points are."""
        return StudentShape(self.width, self.points, self.rank, resolved_dtype(self.dtype).itemsize, self.device)

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

    @property
    def shape(self) -> StudentShape:
        """The sizes of the student, where its training points are."""
        (points, width), a = self.training.features.shape, self.initial_A
        return StudentShape(width, points, len(a), a.element_size(), a.device.type)


@dataclass(frozen=True, slots=True)
class Rates:
    """How the copies of a student that are trained together differ, and how they move.

    Shapes: eta_A, eta_B [L].
    """

    eta_A: tuple[float, ...]
    eta_B: tuple[float, ...]
    optimizer: Raw | Moments
    weight_decay: float = 0.0
    momentum: float = 0.0


class Training(Protocol):
    """L copies of one student in training."""

    def record(self) -> Tensor:
        """What `student_records.RECORDED` names, of each copy as it stands, [len(RECORDED), L] in float64."""

    def remember(self) -> None:
        """Keep what the changes of the next record count from; due before a step after which there is a record."""

    def move(self, t: int) -> None:
        """Take step t = 1, 2, ..."""


@dataclass(frozen=True, slots=True)
class StudentMeasurement:
    """What one experiment recorded: losses, and root mean squares over entries and training points.

    Delta_Z_B and its parts delta_1, delta_2, delta_3 are changes of the last step before a record, zero at step 0.

    Shapes: steps [T]; all others [T, L, S] in float64.
    """

    configuration: StudentConfiguration
    steps: tuple[int, ...]
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


def blocks(length: int, size: int) -> Iterator[slice]:
    """Consecutive pieces of at most `size` of a range that starts at 0.

    >>> [(piece.start, piece.stop) for piece in blocks(5, 2)]
    [(0, 2), (2, 4), (4, 5)]
    """
    return (slice(start, min(start + size, length)) for start in range(0, length, size))

"""One student at one width with one initialisation: its optimal learning rate, and what training at it looks like."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gamma_calc.experiment.reproduction_plan import Plan, student
from gamma_calc.program.optimizers import Moments
from gamma_calc.simulation.optima import (
    STEP,
    Health,
    OptimalRate,
    half_octave_grid,
    is_shifted,
    optimal_rate,
    refinement,
    run_health,
)
from gamma_calc.simulation.teacher_student import StudentConfiguration, teacher_student

Array = NDArray[np.float64]

HALF_RANGE = 1.5
"""Octaves of the half-octave grid on either side of the first look's lowest loss."""

LONGEST_EXTENSION = 3
"""How often a grid whose lowest point is its last is made longer."""

RECORDS = 50
"""Points of the curves along training."""

NEGLIGIBLE = Fraction(1, 2**20)
"""The share to which epsilon is brought down to see whether it matters."""

EARLY_STEPS = 10
"""The steps after which that is looked at. Later on training amplifies any difference, rounding included. And the root
of the second moment, nearly a plain mean over so few steps, can fall below its early value by no more than the root of
their number."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Losses after training over rates.

    Shapes: log2_rate [L] increasing; training_loss, test_loss, health [L, S].
    """

    log2_rate: Array
    training_loss: Array
    test_loss: Array
    health: NDArray[np.object_]

    @property
    def is_usable(self) -> NDArray[np.bool_]:
        """Which runs say something of the optimum."""
        return np.asarray(self.health == Health.SOUND)

    @property
    def optimum(self) -> OptimalRate:
        """The rate with the lowest training loss."""
        return optimal_rate(self.log2_rate, self.training_loss, self.is_usable)

    def joined(self, other: Grid) -> Grid:
        """Both grids as one."""
        order = np.argsort(np.concatenate([self.log2_rate, other.log2_rate]))
        columns = ("log2_rate", "training_loss", "test_loss", "health")
        return Grid(*(np.concatenate([getattr(self, name), getattr(other, name)])[order] for name in columns))


@dataclass(frozen=True, slots=True)
class Evolution:
    """Training at the best rate.

    Shapes: steps [T]; Z_A, Z_B, training_loss, test_loss [T, S].
    """

    steps: tuple[int, ...]
    Z_A: Array
    Z_B: Array
    training_loss: Array
    test_loss: Array


@dataclass(frozen=True, slots=True)
class StudentStudy:
    """What was found at one width; `optimum` is fitted on `grid`, and `evolution` is at the mean of it."""

    scheme: str
    width: int
    grid: Grid
    optimum: OptimalRate
    evolution: Evolution
    is_shaped_by_epsilon: bool


def first_look(plan: Plan, scheme: str, width: int) -> StudentConfiguration:
    """The coarse grid with one seed: more rates side by side than any other training of a study."""
    low, high = plan.scanned
    return replace(student(plan, scheme, width, np.arange(low, high + 1.0)), runs=1)


def student_study(plan: Plan, scheme: str, width: int) -> StudentStudy:
    """Look for the optimal rate on a coarse grid with one seed, then on finer ones with all; then train there.

    The loss that is minimised is the training loss after the last step.
    """
    scan = _grid(first_look(plan, scheme, width))
    usable = np.where(scan.is_usable, scan.training_loss, np.inf)[:, 0]
    grid = _grid(student(plan, scheme, width, half_octave_grid(float(scan.log2_rate[usable.argmin()]), HALF_RANGE)))
    for _ in range(LONGEST_EXTENSION):
        if not grid.optimum.is_at_edge.any():
            break
        grid = grid.joined(_grid(student(plan, scheme, width, _beyond(grid))))
    finer = refinement(grid.optimum, grid.log2_rate)
    if len(finer):
        grid = grid.joined(_grid(student(plan, scheme, width, finer)))
    optimum = grid.optimum
    best = student(plan, scheme, width, np.array([optimum.mean]))
    found = teacher_student(replace(best, record_every=max(1, plan.steps // RECORDS)))
    columns = (found.Z_A, found.Z_B, found.training_loss, found.test_loss)
    evolution = Evolution(found.steps, *(_values(column)[:, 0] for column in columns))
    return StudentStudy(scheme, width, grid, optimum, evolution, is_shaped_by_epsilon(best))


def _grid(configuration: StudentConfiguration) -> Grid:
    found = teacher_student(configuration)
    loss, test, moved = (_values(each) for each in (found.training_loss, found.test_loss, found.Z_B))
    health = run_health(loss[0], loss[-1], np.abs(moved[-1] - moved[0]))
    return Grid(np.log2(configuration.eta_A), loss[-1], test[-1], health)


def _beyond(grid: Grid) -> Array:
    """An octave more on the side, or the sides, where some run has its lowest loss at the last rate."""
    lowest = np.where(grid.is_usable, grid.training_loss, np.inf).argmin(axis=0)
    further = STEP * np.arange(1, 3)
    sides = []
    if (lowest == 0).any():
        sides.append(grid.log2_rate[0] - further)
    if (lowest == len(grid.log2_rate) - 1).any():
        sides.append(grid.log2_rate[-1] + further)
    return np.sort(np.concatenate(sides)) if sides else grid.log2_rate[:1] - STEP


def is_shaped_by_epsilon(best: StudentConfiguration) -> bool:
    """Whether the loss of some run at the best rate is another one early on with a negligible epsilon."""
    rule = best.optimizer
    if not isinstance(rule, Moments) or not rule.epsilon:
        return False
    early = replace(best, steps=EARLY_STEPS, record_every=EARLY_STEPS)
    other = replace(early, optimizer=replace(rule, epsilon=rule.epsilon * NEGLIGIBLE))
    return is_shifted(*(_values(teacher_student(each).training_loss)[-1, 0] for each in (early, other)))


def _values(tensor: Tensor) -> Array:
    return np.asarray(tensor.cpu().numpy(), dtype=np.float64)

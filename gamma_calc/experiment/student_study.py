"""One student at one width with one initialisation: its optimal learning rate, and what training at it looks like.

Training amplifies rounding. Other loops, or another machine, sum in another order, and the loss after training is so
rough a function of everything that it changes by one per cent in the middle, and in a few runs by a factor of six. So
training at the optimal rate is repeated at rates that are as good, and at a rate that differs by rounding alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from gamma_calc.experiment.reproduction_plan import ReproductionPlan, student
from gamma_calc.experiment.study import Asking
from gamma_calc.experiment.sweep_run import Planned, Run, StudentRun, parameters
from gamma_calc.program.catalogue import catalogue_scheme
from gamma_calc.program.optimizers import Moments
from gamma_calc.simulation.optima import (
    STEP,
    Health,
    OptimalRate,
    half_octave_grid,
    optimal_rate,
    refinement,
    run_health,
)
from gamma_calc.simulation.store import Arrays
from gamma_calc.simulation.student_data import StudentConfiguration
from gamma_calc.simulation.student_plain import RECORDED
from gamma_calc.simulation.teacher_student import loops_in_use

Array = NDArray[np.float64]

HALF_RANGE = 1.5
"""Octaves of the half-octave grid on either side of the first look's lowest loss."""

LONGEST_EXTENSION = 3
"""How often a grid whose lowest point is its last is made longer."""

RECORDS = 50
"""Points of the curves along training."""

NEGLIGIBLE = Fraction(1, 2**20)
"""The share to which epsilon is brought down to see whether it matters."""

NEIGHBOURS = tuple(k / 64 for k in (-4, -3, -2, -1, 1, 2, 3, 4))
"""log2 of rates over the optimal one at which training is repeated: nearer than the optimal rate is known, and so near
that the loss is the same but for its roughness."""

REPETITIONS = 1 + len(NEIGHBOURS)
"""Trainings that are as good as each other, that at the optimal rate being the first."""

ROUNDING = 2.0**-22
"""log2 of a rate over another that differs from it by rounding: a few times the spacing of float32."""

EARLY_STEPS = 10
"""The steps after which that is looked at. Later on training amplifies any difference, rounding included. And the root
of the second moment, nearly a plain mean over so few steps, can fall below its early value by no more than the root of
their number."""

EPSILON_SHIFT = 0.001
"""A loss that moves early on by more than this share when epsilon is made negligible is shaped by epsilon. float32
rounds a mean of a thousand squares to about 1e-6 of it."""


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


REPEATED = ("Z_A", "training_loss", "test_loss")


@dataclass(frozen=True, slots=True)
class StudentStudy:
    """What was found at one width; `optimum` is fitted on `grid`, and `evolution` is at the mean of it.

    Shapes: evolution, what is recorded after each of the T steps, [T, S] each; repeated, the last row of Z_A,
    training_loss and test_loss of each repetition, [REPETITIONS, S] each, the first of which is that of `evolution`;
    twin_loss, the training loss after training at a rate that differs by rounding, [S].
    """

    scheme: str
    width: int
    grid: Grid
    optimum: OptimalRate
    steps: tuple[int, ...]
    evolution: Mapping[str, Array]
    repeated: Mapping[str, Array]
    twin_loss: Array
    is_shaped_by_epsilon: bool

    @property
    def rounding(self) -> Array:
        """The standard deviation to which rounding brings log2 of a run's loss after training, [S]."""
        return np.asarray(np.abs(np.log2(self.twin_loss / self.repeated["training_loss"][0])) / np.sqrt(2))

    def repetition(self, number: int) -> StudentStudy:
        """The study as it might have been by other loops or on another machine; number 0 is the study itself.

        The losses of the grid, which are trained once, are moved at random by as much as rounding moves them.
        """
        if number == 0:
            return self
        moves = np.random.default_rng((self.width, number)).standard_normal(self.grid.training_loss.shape)
        losses = self.grid.training_loss * np.exp2(np.nan_to_num(self.rounding) * moves)
        last = {name: values[number : number + 1] for name, values in self.repeated.items()}
        ends = {name: np.concatenate([self.evolution[name][:-1], values]) for name, values in last.items()}
        optimum = optimal_rate(self.grid.log2_rate, losses, self.grid.is_usable)
        return replace(self, optimum=optimum, evolution={**self.evolution, **ends})


def first_look(plan: ReproductionPlan, scheme: str, width: int) -> StudentConfiguration:
    """The coarse grid with one seed: more rates side by side than any other training of a study."""
    low, high = plan.scanned
    return replace(student(plan, scheme, width, np.arange(low, high + 1.0)), runs=1)


def student_study(plan: ReproductionPlan, scheme: str, width: int) -> Asking[StudentStudy]:
    """Look for the optimal rate on a coarse grid with one seed, then on finer ones with all; then train there.

    The loss that is minimised is the training loss after the last step.
    """
    scan = yield from _grid(scheme, first_look(plan, scheme, width))
    usable = np.where(scan.is_usable, scan.training_loss, np.inf)[:, 0]
    middle = half_octave_grid(float(scan.log2_rate[usable.argmin()]), HALF_RANGE)
    grid = yield from _grid(scheme, student(plan, scheme, width, middle))
    for _ in range(LONGEST_EXTENSION):
        if not grid.optimum.is_at_edge.any():
            break
        grid = grid.joined((yield from _grid(scheme, student(plan, scheme, width, _beyond(grid)))))
    finer = refinement(grid.optimum, grid.log2_rate)
    if len(finer):
        grid = grid.joined((yield from _grid(scheme, student(plan, scheme, width, finer))))
    optimum = grid.optimum
    best = student(plan, scheme, width, np.array([optimum.mean]))
    along = replace(best, record_every=max(1, plan.steps // RECORDS))
    again = student(plan, scheme, width, optimum.mean + np.array([ROUNDING, *NEIGHBOURS]))
    found, near, *early = yield from _trained(scheme, (along, again, *early_looks(best)))
    evolution = {name: found[name][:, 0] for name in RECORDED}
    repeated = {name: np.concatenate([found[name][-1], near[name][-1, 1:]]) for name in REPEATED}
    twin = near["training_loss"][-1, 0]
    steps, is_shaped = along.recorded_steps, is_shaped_by_epsilon(early)
    return StudentStudy(scheme, width, grid, optimum, steps, evolution, repeated, twin, is_shaped)


def planned_run(run: Run, scheme: str, width: int, rates: tuple[float, ...], work: int, seed: int = 0) -> Planned:
    """A run with its key, which stands for the loops too: a result never has the rounding of two."""
    text, optimizer = parameters(run, loops=loops_in_use()), catalogue_scheme(scheme).optimizer.name
    return Planned(scheme, optimizer, width, rates, range(seed, seed + 1), run, text, work)


def _trained(scheme: str, asked: Sequence[StudentConfiguration]) -> Asking[list[Arrays]]:
    """What each of some trainings measured, by name; they are carried out a run a seed.

    Shapes: each array [T, L, S].
    """
    runs = [StudentRun(replace(each, runs=1, first=seed)) for each in asked for seed in range(each.runs)]
    settings = [(run, run.configuration) for run in runs]
    found = iter((yield [planned_run(run, scheme, c.width, c.eta_A, run.work, c.first) for run, c in settings]))
    seeds = [[next(found) for _ in range(each.runs)] for each in asked]
    return [{name: np.concatenate([one[name] for one in each], axis=-1) for name in each[0]} for each in seeds]


def _grid(scheme: str, configuration: StudentConfiguration) -> Asking[Grid]:
    (found,) = yield from _trained(scheme, (configuration,))
    loss, moved = found["training_loss"], found["Z_B"]
    health = run_health(loss[0], loss[-1], np.abs(moved[-1] - moved[0]))
    return Grid(np.log2(configuration.eta_A), loss[-1], found["test_loss"][-1], health)


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


def early_looks(best: StudentConfiguration) -> tuple[StudentConfiguration, ...]:
    """Early training at the best rate, as it is and with a negligible epsilon; nothing where there is no epsilon."""
    rule = best.optimizer
    if not isinstance(rule, Moments) or not rule.epsilon:
        return ()
    early = replace(best, steps=EARLY_STEPS, record_every=EARLY_STEPS)
    return early, replace(early, optimizer=replace(rule, epsilon=rule.epsilon * NEGLIGIBLE))


def is_shaped_by_epsilon(early: Sequence[Arrays]) -> bool:
    """Whether a negligible epsilon makes some early loss at the best rate another one; one not finite counts so."""
    if not early:
        return False
    loss, without = (each["training_loss"][-1, 0] for each in early)
    return not bool((np.abs(loss - without) <= EPSILON_SHIFT * np.abs(loss)).all())

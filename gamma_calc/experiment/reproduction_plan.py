"""What the reproduction of the teacher-student experiment trains, and on how much."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from gamma_calc.algebra import Affine
from gamma_calc.experiment.setup import size_of
from gamma_calc.program.catalogue import catalogue_scheme
from gamma_calc.program.scheme import INITIAL, RATES, Scheme
from gamma_calc.simulation.student_data import StudentConfiguration

INITS = ("init-a", "init-b")
"""The two initialisations that the paper compares, by their names in the catalogue; the first is said to be better."""

OFFSETS = tuple(Fraction(k, 2) for k in range(-2, 5))
"""b - a along the lines in the plane of (eta_A, eta_B) = (n^a, n^b) on which the stability edge is looked for."""


@dataclass(frozen=True, slots=True)
class ReproductionPlan:
    """The sizes of a reproduction.

    Args:
        widths: of the optimal rate and the losses; the first and the last are those of the evolution figure.
        runs: seeds at each width.
        scanned: log2 of the lowest and the highest rate of the first look, an octave apart, with one seed.
        edge_widths, edge_runs, edge_steps, edge_points: of the student's stability edge.
        far_widths, far_runs: of the module's stability edge, on a population.
        bound: the root mean square of Z_B beyond which a run counts as unbounded.
    """

    name: str
    widths: tuple[int, ...]
    runs: int
    steps: int
    points: int
    test_points: int = 100
    rank: int = 4
    scanned: tuple[int, int] = (-13, -2)
    edge_widths: tuple[int, ...] = tuple(2**k for k in range(4, 11))
    edge_runs: int = 5
    edge_steps: int = 8
    edge_points: int = 100
    far_widths: tuple[int, ...] = tuple(2**k for k in range(30, 61, 6))
    far_runs: int = 5
    offsets: tuple[Fraction, ...] = OFFSETS
    bound: float = 1.0
    seed: int = 0


FULL = ReproductionPlan("full", tuple(2**k for k in range(7, 14)), runs=16, steps=200, points=1000)
"""The paper's sizes. Its number of steps is not known to us; 200 full-batch steps take the loss down by a factor of ten
or more at every width."""

QUICK = ReproductionPlan(
    "quick", tuple(2**k for k in range(5, 12)), runs=5, steps=100, points=200, offsets=OFFSETS[::2], far_runs=3
)
"""The same questions on narrower students, fewer points and fewer steps."""


def two_rates(name: str) -> Scheme:
    """A scheme of the catalogue with each learning rate a free exponent of its own."""
    scheme = catalogue_scheme(name)
    return Scheme(scheme.name, {**scheme.exponents, **{key: Affine.symbol(key) for key in RATES}}, scheme.optimizer)


def student(
    plan: ReproductionPlan, name: str, width: int, log2_rates: NDArray[np.float64], offset: float = 0.0
) -> StudentConfiguration:
    """The student at one width with the initialisation of a scheme, eta_B being n^offset times eta_A."""
    scheme = catalogue_scheme(name)
    powers = [size_of(scheme.exponents[key]) for key in INITIAL]
    sizes = [None if power is None else power.at(width, plan.rank) for power in powers]
    eta_a = np.exp2(log2_rates)
    return StudentConfiguration(
        width=width,
        initial_A=sizes[0],
        initial_B=sizes[1],
        eta_A=tuple(eta_a.tolist()),
        eta_B=tuple((eta_a * width**offset).tolist()),
        optimizer=scheme.simple_step("a student"),
        steps=plan.steps,
        runs=plan.runs,
        rank=plan.rank,
        points=plan.points,
        test_points=plan.test_points,
        record_every=plan.steps,
        seed=plan.seed,
    )

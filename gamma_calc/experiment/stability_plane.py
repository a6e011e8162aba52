"""The stability edge over the plane of (eta_A, eta_B) = (n^a, n^b), measured along the lines b = a + offset.

Raising both rates along such a line leaves the stable region once, whatever the region's corners. Twice measured: on
the module under the linear loss, by a population at widths far beyond any machine, which is what the theory speaks of;
and on the student under the squared loss for a few steps, which is what people train.

An edge is found run by run, by bisection on a logarithmic scale: each run has its own bracket, and one call answers for
all runs at all distinct middles of brackets, since a simulation trains every run at every rate that it is given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from gamma_calc.algebra import Affine, Polyhedron
from gamma_calc.analysis.conditions import STABLE
from gamma_calc.analysis.derivation import derived
from gamma_calc.errors import Unknown
from gamma_calc.experiment.reproduction_plan import ReproductionPlan, student, two_rates
from gamma_calc.experiment.setup import Settings, network_experiment
from gamma_calc.program.scheme import RATES
from gamma_calc.simulation.population import population_sizes
from gamma_calc.simulation.slopes import SlopeEstimate, slope_estimate
from gamma_calc.simulation.teacher_student import teacher_student

Array = NDArray[np.float64]

IsBounded = Callable[[Array], NDArray[np.bool_]]
"""From log2 of some rates [L] to whether each run stays bounded at each of them, [L, runs]."""

PRECISION = 1 / 16
"""Octaves; over six octaves of width it can move a slope by 1 / 100 at most, and by far less once runs are averaged."""


@dataclass(frozen=True, slots=True)
class StabilityEdge:
    """log2 of the largest bounded rate of each run, to within half the precision.

    Shapes: log2_rate, is_below, is_above [runs]. A run that is unbounded already at the lowest rate is below; one that
    is bounded still at the highest is above. Neither has an edge that was found.
    """

    log2_rate: Array
    is_below: NDArray[np.bool_]
    is_above: NDArray[np.bool_]

    @property
    def is_missing(self) -> NDArray[np.bool_]:
        """Which runs have their edge outside the range that was searched."""
        return self.is_below | self.is_above


def stability_edge(is_bounded: IsBounded, low: float, high: float, *, precision: float = PRECISION) -> StabilityEdge:
    """The edge of each run between two rates, given as log2.

    Assumes: a run that is bounded at a rate is bounded at every lower one; where that fails, some edge is found.

    >>> edge = stability_edge(lambda rates: rates[:, None] <= np.array([-3.0, 9.0]), -8, 0, precision=1 / 64)
    >>> bool(abs(edge.log2_rate[0] + 3) <= 1 / 64), edge.is_above.tolist()
    (True, [False, True])
    """
    ends = is_bounded(np.array([low, high]))
    below, above = np.full(ends.shape[1], low), np.full(ends.shape[1], high)
    for _ in range(math.ceil(math.log2((high - low) / precision))):
        middle = (below + above) / 2
        rates, place = np.unique(middle, return_inverse=True)
        fits = is_bounded(rates)[place, np.arange(len(middle))]
        below, above = np.where(fits, middle, below), np.where(fits, above, middle)
    return StabilityEdge((below + above) / 2, ~ends[0], ends[1])


def edge_exponent(
    widths: Sequence[int], edges: Sequence[StabilityEdge], *, is_paired: bool, seed: int = 0
) -> SlopeEstimate:
    """The exponent of the edge in the width; runs without an edge are left out and named."""
    squares = np.stack([np.exp2(2 * edge.log2_rate) for edge in edges])
    missing = np.stack([edge.is_missing for edge in edges])
    return slope_estimate(widths, squares, missing, is_paired=is_paired, seed=seed)


FAR, STUDENT = "module, far out", "student"
"""The experiments whose edges are measured."""

SLOPES = (-2.5, 1.0)
"""Edges are looked for between these powers of the width, and a few octaves beyond for constants."""

MARGIN = 6.0

STUDENT_PRECISION = 1 / 8
"""Octaves; the edges of a student's runs differ by more than this."""


@dataclass(frozen=True, slots=True)
class EdgePoint:
    """The measured edge on one line: the exponent a of eta_A there; that of eta_B is a + offset.

    `predicted` is where the line leaves the exact stable region.
    """

    scheme: str
    experiment: str
    offset: Fraction
    predicted: Fraction
    estimate: SlopeEstimate


def stable_region(scheme: str) -> Polyhedron:
    """The exact stable region of a scheme in the two rates."""
    decision = derived(two_rates(scheme)).decisions[STABLE.name]
    if len(decision.region.members) != 1:
        raise Unknown(f"{scheme}: the stable region in the two rates is not known: {decision.reason}")
    return decision.region.members[0]


def predicted_edge(region: Polyhedron, offset: Fraction) -> Fraction:
    """The largest a with (a, a + offset) in the region."""
    a, b = RATES
    found = region.substituted({b: Affine.symbol(a) + offset}).maximum(Affine.symbol(a))
    if found is None:
        raise Unknown(f"nothing bounds the rates along b = a + {offset}")
    return found


def far_edge(plan: ReproductionPlan, scheme: str, offset: Fraction, width: int) -> StabilityEdge:
    """The module's edge at one width on a population, run by run."""
    at_one = two_rates(scheme).at(dict.fromkeys(RATES, 0))
    settings = Settings(seeds=plan.far_runs, steps=plan.edge_steps, seed=plan.seed)
    experiment = replace(network_experiment(at_one, settings, Fraction(1)), widths=(width,))

    def is_bounded(log2_rates: Array) -> NDArray[np.bool_]:
        found = []
        for eta in np.exp2(log2_rates).tolist():
            rates = {RATES[0]: eta, RATES[1]: eta * width ** float(offset)}
            measured = population_sizes(replace(experiment, prefactors={**experiment.prefactors, **rates})).mean_square
            steps = [measured[t, "Z_B", None][0] for t in range(1, plan.edge_steps + 1)]
            found.append((np.sqrt(steps) <= plan.bound).all(axis=0))
        return np.array(found)

    return _edge(is_bounded, width)


def student_edge(plan: ReproductionPlan, scheme: str, offset: Fraction, width: int) -> StabilityEdge:
    """The student's edge at one width: Z_B bounded over the first steps of training."""
    small = replace(plan, steps=plan.edge_steps, points=plan.edge_points, runs=plan.edge_runs, test_points=1)

    def is_bounded(log2_rates: Array) -> NDArray[np.bool_]:
        configuration = replace(student(small, scheme, width, log2_rates, float(offset)), record_every=1)
        z_b = teacher_student(configuration).Z_B.cpu().numpy()
        started = z_b[:1]
        return np.asarray(((z_b - started) <= plan.bound).all(axis=0))

    return _edge(is_bounded, width, STUDENT_PRECISION)


def _edge(is_bounded: IsBounded, width: int, precision: float = PRECISION) -> StabilityEdge:
    return stability_edge(is_bounded, *search_range(width), precision=precision)


def search_range(width: int) -> tuple[float, float]:
    """log2 of the least and the largest rate of A between which an edge is looked for."""
    octaves = np.log2(width)
    return SLOPES[0] * octaves - MARGIN, SLOPES[1] * octaves + MARGIN


def edge_point(
    scheme: str, experiment: str, offset: Fraction, widths: tuple[int, ...], edges: list[StabilityEdge], seed: int
) -> EdgePoint:
    """The exponent of the edge on one line beside its prediction."""
    estimate = edge_exponent(widths, edges, is_paired=experiment == FAR, seed=seed)
    return EdgePoint(scheme, experiment, offset, predicted_edge(stable_region(scheme), offset), estimate)

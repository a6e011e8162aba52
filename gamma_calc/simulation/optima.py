"""The optimal learning rate of each run: the minimum of a smooth fit through the losses on a grid of rates.

log2 of the loss is fitted by a parabola in log2 of the rate, over the points within `REACH` octaves of the lowest one.
A parabola through a few points near a minimum is the least that is smooth; it reads the optimum to a fraction of the
grid's step, where the lowest point itself could not do better than the step. A grid is refined by adding points near
the fitted minima and fitting again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from gamma_calc.simulation.slopes import SlopeEstimate, mean_and_half_width, slope_estimate

Array = NDArray[np.float64]

STEP = 0.5
"""Octaves between the rates of a grid."""

REACH = 1.25
"""Octaves on either side of the lowest point that the fit takes in: five points of a half-octave grid."""

LEAST_POINTS = 4
"""A parabola through three points has no residual left to be smooth."""

DECIMALS = 9
"""Of log2 of a rate: the last digits of a fit depend on where its numbers lie in memory, and what is trained at the
optimum is known again by its rate."""


class Health(Enum):
    """What may be wrong with a run, or with the optimum that it has among the rates it was given."""

    SOUND = "sound"
    DIVERGED = "diverged"
    UNDERFLOWED = "underflowed"
    EPSILON = "hit epsilon"
    GRID_EDGE = "sat at the grid's edge"


def run_health(initial: Array, final: Array, moved: Array) -> NDArray[np.object_]:
    """What became of runs: their loss before and after training, and how far their output moved.

    A run has diverged where its loss is not finite or has not fallen below its start; underflowed where its output did
    not move at all.

    Shapes: all [..., runs]; returns `Health`, the same.

    >>> run_health(np.ones(3), np.array([0.5, np.nan, 1.0]), np.array([1.0, 1.0, 0.0])).tolist()
    [<Health.SOUND: 'sound'>, <Health.DIVERGED: 'diverged'>, <Health.UNDERFLOWED: 'underflowed'>]
    """
    found = np.full(np.broadcast_shapes(initial.shape, final.shape), Health.SOUND, dtype=object)
    found[~(final < initial)] = Health.DIVERGED
    found[np.broadcast_to(moved == 0, found.shape)] = Health.UNDERFLOWED
    return found


@dataclass(frozen=True, slots=True)
class OptimalRate:
    """log2 of the rate with the lowest loss, run by run.

    Shapes: log2_rate [runs], the minimum of the fit; is_at_edge [runs], whether the lowest point is an end of the grid,
    so that the minimum may lie beyond. Beside a rate that is not usable it does not: that one is no better.
    """

    log2_rate: Array
    is_at_edge: NDArray[np.bool_]

    @property
    def mean(self) -> float:
        """The mean over runs."""
        return float(self.log2_rate.mean())

    @property
    def half_width(self) -> float:
        """Half of the 95 % interval of the mean, by Student's law over runs; infinite with a single run."""
        return float(mean_and_half_width(self.log2_rate)[1]) if len(self.log2_rate) > 1 else float("inf")


def optimal_rate(log2_rates: Array, losses: Array, is_usable: NDArray[np.bool_], reach: float = REACH) -> OptimalRate:
    """The optimal rate of each run on a grid.

    Args:
        reach: octaves on either side of the lowest point that the fit takes in; a coarse grid needs more.

    Shapes: log2_rates [L] increasing, losses and is_usable [L, runs]. Runs that diverged or underflowed are no points.
    """
    columns = [_minimum(log2_rates, losses[:, run], is_usable[:, run], reach) for run in range(losses.shape[1])]
    rate, at_edge = (np.array(each) for each in zip(*columns, strict=True))
    return OptimalRate(rate, at_edge.astype(np.bool_))


def _minimum(rates: Array, losses: Array, is_usable: NDArray[np.bool_], reach: float) -> tuple[float, bool]:
    x, y = rates[is_usable], np.log2(losses[is_usable])
    if not len(x):
        return float("nan"), True
    lowest = int(y.argmin())
    # A rate that diverged bounds the minimum from above as a higher loss would: only the grid's own ends are edges.
    at_edge = bool(x[lowest] == rates[0] or x[lowest] == rates[-1])
    near = np.abs(x - x[lowest]) <= reach
    if near.sum() < LEAST_POINTS:
        return float(x[lowest]), at_edge
    curvature, slope, _ = np.polyfit(x[near] - x[lowest], y[near], 2)
    if curvature <= 0:
        return float(x[lowest]), at_edge
    shift = float(np.clip(-slope / (2 * curvature), (x[near] - x[lowest]).min(), (x[near] - x[lowest]).max()))
    return round(float(x[lowest] + shift), DECIMALS), at_edge


def half_octave_grid(centre: float, octaves: float) -> Array:
    """log2 of the rates half an octave apart within some octaves of a centre.

    >>> half_octave_grid(-3.2, 1.0).tolist()
    [-4.0, -3.5, -3.0, -2.5, -2.0]
    """
    middle, count = round(centre / STEP) * STEP, round(octaves / STEP)
    return np.asarray(middle + STEP * np.arange(-count, count + 1))


def refinement(optimum: OptimalRate, rates: Array) -> Array:
    """Rates a quarter of an octave apart about the mean optimum that the grid does not hold yet."""
    middle = round(optimum.mean / (STEP / 2)) * STEP / 2
    wanted = middle + STEP / 2 * np.arange(-2, 3)
    return np.asarray([rate for rate in wanted if np.abs(rates - rate).min() > STEP / 8])


def optimal_rate_exponent(widths: Sequence[int], optima: Sequence[OptimalRate], *, seed: int = 0) -> SlopeEstimate:
    """The exponent of the optimal rate in the width, widths being independent; runs at a grid's edge are left out."""
    squares = np.stack([np.exp2(2 * each.log2_rate) for each in optima])
    at_edge = np.stack([each.is_at_edge for each in optima])
    return slope_estimate(widths, squares, at_edge, is_paired=False, seed=seed)

"""The stability edge: the largest learning rate at which something stays bounded, run by run, by bisection.

Rates are halved on a logarithmic scale. Each run has its own bracket; one call answers for all runs at all distinct
middles of brackets, since a simulation trains every run at every rate that it is given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gamma_calc.errors import BadInput
from gamma_calc.simulation.slopes import SlopeEstimate, slope_estimate

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
    precision: float

    @property
    def is_missing(self) -> NDArray[np.bool_]:
        """Which runs have their edge outside the range that was searched."""
        return self.is_below | self.is_above


def stability_edge(is_bounded: IsBounded, low: float, high: float, *, precision: float = PRECISION) -> StabilityEdge:
    """The edge of each run between two rates, given as log2.

    Assumes: a run that is bounded at a rate is bounded at every lower one; where that fails, some edge is found.

    Raises:
        BadInput: the range is empty.

    >>> edge = stability_edge(lambda rates: rates[:, None] <= np.array([-3.0, 9.0]), -8, 0, precision=1 / 64)
    >>> bool(abs(edge.log2_rate[0] + 3) <= 1 / 64), edge.is_above.tolist()
    (True, [False, True])
    """
    if not low < high:
        raise BadInput("range of rates for a stability edge", found=f"2^{low:g} to 2^{high:g}", expected="low < high")
    ends = is_bounded(np.array([low, high]))
    below, above = np.full(ends.shape[1], low), np.full(ends.shape[1], high)
    for _ in range(math.ceil(math.log2((high - low) / precision))):
        middle = (below + above) / 2
        rates, place = np.unique(middle, return_inverse=True)
        fits = is_bounded(rates)[place, np.arange(len(middle))]
        below, above = np.where(fits, middle, below), np.where(fits, above, middle)
    return StabilityEdge((below + above) / 2, ~ends[0], ends[1], precision)


def edge_exponent(
    widths: Sequence[int], edges: Sequence[StabilityEdge], *, is_paired: bool, seed: int = 0
) -> SlopeEstimate:
    """The exponent of the edge in the width; runs without an edge are left out and named."""
    squares = np.stack([np.exp2(2 * edge.log2_rate) for edge in edges])
    missing = np.stack([edge.is_missing for edge in edges])
    return slope_estimate(widths, squares, missing, is_paired=is_paired, seed=seed)

"""What an undecided slope would need: the runs at the same widths, or the widths at as many runs.

Runs: the half-width of K runs is t(K - 1) s / K^(1/2), with t Student's quantile and s known from the runs at hand.
Widths: with equal weights a slope over W widths, d octaves apart, has a standard deviation proportional to
(d^2 W (W^2 - 1) / 12)^(-1/2), the root of the square sum of the centred log2 widths.
What drift adds to an interval is no noise: no number of runs removes it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from gamma_calc.simulation.slopes import MINIMUM_RUNS, MINIMUM_WIDTHS, SlopeEstimate, student_quantile

MOST_RUNS = 2**20
MOST_WIDTHS = 128


@dataclass(frozen=True, slots=True)
class Needed:
    """The runs, or the widths at the same spacing, that would bring the half-width down; None where none would."""

    half_width: float
    runs: int | None
    widths: int | None

    def __str__(self) -> str:
        ways = []
        if self.runs is not None:
            ways.append(f"about {self.runs} seeds at these widths")
        if self.widths is not None:
            ways.append(f"about {self.widths} widths at as many seeds")
        if not ways:
            return f"no number of seeds brings the half-width to {self.half_width:.3f}: the slope drifts with the width"
        return f"a half-width of {self.half_width:.3f} needs {' or '.join(ways)}"


def needed(estimate: SlopeEstimate, half_width: float) -> Needed:
    """What it takes to know the slope to within a half-width.

    >>> known = SlopeEstimate((1, 2, 4, 8, 16, 32), 5, -0.5, (-0.7, -0.3), 0.2, 0.2)
    >>> str(needed(known, 0.1))
    'a half-width of 0.100 needs about 13 seeds at these widths or about 10 widths at as many seeds'
    """
    room = half_width - estimate.drift_excess
    if not room > 0 or estimate.runs < 2:
        return Needed(half_width, None, None)
    spread = estimate.sampling_half_width * math.sqrt(estimate.runs) / student_quantile(estimate.runs - 1)
    return Needed(half_width, runs_needed(spread, room), _widths(estimate, room))


def runs_needed(spread: float, room: float) -> int | None:
    """The least number of runs of this spread whose mean has a half-width of at most `room`; None where none will do.

    By doubling and then halving: the half-width falls with every run."""

    def suffices(runs: int) -> bool:
        return student_quantile(runs - 1) * spread <= room * math.sqrt(runs)

    high = MINIMUM_RUNS
    while not suffices(high):
        high *= 2
        if high > MOST_RUNS:
            return None
    low = max(MINIMUM_RUNS - 1, high // 2)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high


def _widths(estimate: SlopeEstimate, room: float) -> int | None:
    def precision(widths: int) -> float:
        return math.sqrt(widths * (widths**2 - 1))

    wanted = precision(len(estimate.widths)) * estimate.sampling_half_width / room
    return next((count for count in range(MINIMUM_WIDTHS, MOST_WIDTHS) if precision(count) >= wanted), None)


def power_statement(estimate: SlopeEstimate, boundary: float) -> str:
    """What would tell the slope from a boundary that its interval holds.

    Raises:
        ValueError: there is no slope.
    """
    if estimate.slope is None:
        raise ValueError("there is no slope to tell from a boundary.")
    distance = abs(estimate.slope - boundary)
    return f"to tell {estimate.slope:.3f} from {boundary:g}, {needed(estimate, distance)}"

"""Local slopes and where they run to."""

from __future__ import annotations

import numpy as np
import pytest

from gamma_calc.errors import BadInput
from gamma_calc.simulation.slopes import extrapolated_slope, local_slopes

WIDTHS = [2**k for k in range(7, 14)]


def crossover(runs: int, noise: float, seed: int = 0) -> np.ndarray:
    """Squares of 1 + 0.2 n^(1/2), whose slope nears 1/2 from below."""
    n = np.array(WIDTHS, dtype=np.float64)[:, None]
    factor = np.exp2(noise * np.random.default_rng(seed).standard_normal((len(WIDTHS), runs)))
    return np.asarray((1 + 0.2 * n**0.5) ** 2 * factor)


def test_local_slopes_rise_towards_the_exponent() -> None:
    slopes = [slope for slope, _ in local_slopes(WIDTHS, crossover(3, 0.0))]
    assert slopes == sorted(slopes)
    assert slopes[0] < 0.4 < slopes[-1] < 0.5


def test_extrapolation_is_nearer_than_the_last_local_slope() -> None:
    squares = crossover(3, 0.0)
    found, _ = extrapolated_slope(WIDTHS, squares)
    last = local_slopes(WIDTHS, squares)[-1][0]
    # What the fit leaves out is of second order in n^(-1/2): a tenth of the first order at the widths' middle.
    assert abs(found - 0.5) < abs(last - 0.5) / 2


def test_intervals_cover() -> None:
    """A pure power: 95 % intervals of 5 runs miss it in 5 % of 200 experiments, and in 12 % with odds below 1e-4."""
    missed = 0
    for seed in range(200):
        noise = np.random.default_rng(seed).standard_normal((len(WIDTHS), 5))
        found, half_width = extrapolated_slope(WIDTHS, np.exp2(0.1 * noise))
        missed += abs(found) > half_width
    assert missed <= 24


def test_too_few_widths_are_refused() -> None:
    with pytest.raises(BadInput, match="at least 4"):
        extrapolated_slope([2, 4, 8], np.ones((3, 3)))

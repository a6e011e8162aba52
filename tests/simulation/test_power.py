"""What would settle a slope: the promise is kept when that many runs are made."""

from __future__ import annotations

import numpy as np
import pytest

from gamma_calc.experiment.claims import power_statement
from gamma_calc.simulation.slopes import SlopeEstimate, slope_estimate
from gamma_calc.simulation.verdicts import runs_needed

WIDTHS = [2**k for k in range(7, 13)]


def noisy(widths: list[int], runs: int, seed: int, noise: float = 0.6) -> SlopeEstimate:
    rng = np.random.default_rng(seed)
    logs = rng.standard_normal((len(widths), runs)) * noise - np.log2(widths)[:, None]
    return slope_estimate(widths, np.exp2(logs), is_paired=False, resamples=400)


def test_the_runs_that_are_asked_for_suffice_on_average() -> None:
    target = 0.02
    first = [noisy(WIDTHS, 8, seed) for seed in range(30)]
    runs = int(np.median([runs_needed(each.spread, target - each.drift_excess) or 0 for each in first]))
    assert runs > 8
    half_widths = [noisy(WIDTHS, runs, 100 + seed).sampling_half_width for seed in range(30)]
    # A half-width of eight runs is itself uncertain by a quarter; the median of thirty of them by 6 %.
    assert np.median(half_widths) == pytest.approx(target, rel=0.25)


def test_drift_is_not_cured_by_runs() -> None:
    drifting = SlopeEstimate((1, 2, 4), 5, -0.5, (-0.7, -0.3), 0.2, 0.05)
    assert runs_needed(drifting.spread, 0.1 - drifting.drift_excess) is None
    statements = [power_statement(-0.5, end, drifting.spread, drifting.drift_excess) for end in (-0.6, -0.7)]
    assert statements[0] == "no number of seeds tells -0.5 from -0.6"
    assert statements[1].startswith("to tell -0.5 from -0.7 at this spread")

"""Slopes on synthetic data whose slope, noise and curvature are known."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from gamma_calc.simulation.slopes import (
    MINIMUM_RUNS,
    Array,
    mean_and_half_width,
    slope_estimate,
    student_quantile,
)
from gamma_calc.simulation.verdicts import Verdict, verdict

WIDTHS = [2**k for k in range(7, 14)]
N = np.array(WIDTHS, dtype=np.float64)[:, None]


def noisy(slope: float, runs: int, rng: np.random.Generator, *, common: bool, spread: float = 0.3) -> Array:
    """Mean squares n^(2 slope) times lognormal factors, shared over widths or not."""
    shape = (1 if common else len(WIDTHS), runs)
    return np.asarray(N ** (2 * slope) * np.exp(spread * rng.standard_normal(shape)))


@pytest.mark.parametrize("slope", [-1.0, -0.5, 0.0, 0.5])
@pytest.mark.parametrize("is_paired", [True, False])
def test_exact_powers_have_their_slope(slope: float, is_paired: bool) -> None:
    estimate = slope_estimate(WIDTHS, np.repeat(N ** (2 * slope), 8, axis=1), is_paired=is_paired)
    assert estimate.slope == pytest.approx(slope, abs=1e-12)
    assert estimate.half_width == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("prefactor", [1.0, 3.0, 0.7, 1e-150])
@pytest.mark.parametrize("slope", [-1.5, -1.0, -0.5, -0.25, 0.5])
def test_the_interval_of_an_exact_power_holds_it(slope: float, prefactor: float) -> None:
    """However its logarithms are rounded."""
    for widths in (WIDTHS, [3 * width for width in WIDTHS], [5 * width - 1 for width in WIDTHS]):
        squares = np.array([[(prefactor * n**slope) ** 2] * 8 for n in widths])
        if np.isfinite(squares).all() and squares.all():
            interval = slope_estimate(widths, squares).interval
            assert interval is not None and interval[0] <= slope <= interval[1]


def test_noise_that_all_widths_share_drops_out_of_a_paired_slope() -> None:
    data = noisy(-0.5, 16, np.random.default_rng(0), common=True, spread=2.0)
    assert slope_estimate(WIDTHS, data).half_width < 1e-12
    assert slope_estimate(WIDTHS, data, is_paired=False).half_width > 0.1


@pytest.mark.parametrize("is_paired", [True, False])
def test_the_interval_covers_the_slope_as_often_as_it_says(is_paired: bool) -> None:
    runs, repeats, rng = 32, 400, np.random.default_rng(1)
    inside = 0
    for repeat in range(repeats):
        data = noisy(-0.5, runs, rng, common=False)
        if is_paired:
            data = data * np.exp(rng.standard_normal(runs))
        estimate = slope_estimate(WIDTHS, data, is_paired=is_paired, seed=repeat % 8, resamples=300)
        assert estimate.slope is not None
        inside += abs(estimate.slope + 0.5) <= estimate.sampling_half_width
    # Three binomial standard deviations about 95 %, and one percent for weights that come from the same 32 runs.
    margin = 3 * math.sqrt(0.95 * 0.05 / repeats)
    assert 0.95 - margin - 0.01 <= inside / repeats <= 0.95 + margin


def test_a_crossover_widens_the_interval_by_its_drift() -> None:
    exact = np.repeat(1 + 64 / N, 8, axis=1)
    estimate = slope_estimate(WIDTHS, exact)
    assert estimate.sampling_half_width == pytest.approx(0, abs=1e-12)
    assert estimate.half_width == pytest.approx(abs(estimate.upper_slope - estimate.lower_slope))
    assert estimate.drift_excess > 0.01
    noise = noisy(0.0, 16, np.random.default_rng(3), common=False)
    assert slope_estimate(WIDTHS, noise, is_paired=False).drift_excess == 0


def test_noisy_widths_weigh_less_but_never_nothing() -> None:
    rng = np.random.default_rng(4)
    data = np.repeat(N**0.0, 16, axis=1) * (1 + 1e-3 * rng.standard_normal((7, 16)))
    data[0] *= np.exp(2 * rng.standard_normal(16))
    estimate = slope_estimate(WIDTHS, data, is_paired=False)
    plain = np.polyfit(np.log2(WIDTHS), np.log2(data.mean(axis=1)) / 2, 1)[0]
    assert estimate.slope is not None
    assert abs(estimate.slope) < abs(plain) / 2
    assert math.isfinite(estimate.half_width)


def test_zeros_are_told_apart_from_powers() -> None:
    data = np.repeat(N**-1.0, 8, axis=1)
    assert slope_estimate(WIDTHS, 0 * data).is_zero
    assert slope_estimate(WIDTHS, 0 * data).slope is None
    half = data.copy()
    half[:3] = 0
    mixed = slope_estimate(WIDTHS, half)
    assert not mixed.is_zero
    assert mixed.slope is None
    # Zero in some runs only is no obstacle: squares are averaged before the logarithm.
    some = data.copy()
    some[:, ::2] = 0
    assert slope_estimate(WIDTHS, some).slope == pytest.approx(-0.5, abs=1e-12)
    assert (slope_estimate(WIDTHS, some).nonzero, slope_estimate(WIDTHS, data).nonzero) == (4, 8)


def test_excluded_runs_are_named_and_never_fitted() -> None:
    data = np.repeat(N**-1.0, 8, axis=1)
    excluded = np.zeros(data.shape, dtype=bool)
    data[2, 5], excluded[2, 5] = np.inf, True
    data[6, 1], excluded[6, 1] = np.nan, True
    for is_paired, runs in ((True, 6), (False, 7)):
        estimate = slope_estimate(WIDTHS, data, excluded, is_paired=is_paired)
        assert estimate.slope == pytest.approx(-0.5, abs=1e-12)
        assert estimate.excluded == ((WIDTHS[2], 5), (WIDTHS[6], 1))
        assert estimate.runs == runs


@pytest.mark.parametrize(
    ("widths", "runs", "word"),
    [
        (WIDTHS[:5], 8, "5 widths"),
        ([128, 192, 256, 384, 512, 1024, 2048], 8, "span"),
        (WIDTHS, MINIMUM_RUNS - 1, "runs"),
        (WIDTHS[:1], 8, "1 width,"),
    ],
    ids=["five widths", "short span", "few runs", "one width"],
)
def test_what_is_missing_is_said(widths: list[int], runs: int, word: str) -> None:
    assert word in slope_estimate(widths, np.ones((len(widths), runs))).shortfall


@pytest.mark.parametrize("runs", [3, 5])
@pytest.mark.parametrize("is_paired", [True, False])
def test_the_interval_is_student_s(is_paired: bool, runs: int) -> None:
    """Of one fluctuating width the slope is linear in its logarithm: its interval is known but for the resampling."""
    data = np.repeat(N**-1.0, runs, axis=1)
    data[-1] *= 1 + 1e-3 * np.random.default_rng(6).standard_normal(runs)
    estimate = slope_estimate(WIDTHS, data, is_paired=is_paired, resamples=100_000)
    # The weights: a width whose variance is the largest counts a tenth of the others.
    weight = np.array([10.0] * 6 + [1.0])
    x = np.log2(WIDTHS) - (weight @ np.log2(WIDTHS)) / weight.sum()
    share = weight[-1] * x[-1] / (weight @ x**2)
    spread = data[-1].std(ddof=1) / data[-1].mean() / (2 * math.log(2)) / math.sqrt(runs)
    expected = stats.t.ppf(0.975, runs - 1) * share * spread
    # A standard deviation of 100,000 draws is known to 0.25 %, of three runs' resamples with their tails to 1 %.
    assert estimate.sampling_half_width == pytest.approx(expected, rel=0.01)


def test_resamples_without_a_size_at_some_width_are_left_out() -> None:
    """Two of five runs are zero at one width: a resample of those alone has no logarithm there."""
    data = np.repeat(N**-1.0, 5, axis=1)
    data[2, :2] = 0.0
    for is_paired in (True, False):
        estimate = slope_estimate(WIDTHS, data, is_paired=is_paired)
        assert estimate.slope is not None
        assert math.isfinite(estimate.half_width) and estimate.half_width > 0


@pytest.mark.parametrize("is_paired", [True, False])
@pytest.mark.parametrize("others", range(MINIMUM_RUNS))
def test_a_slope_that_rests_on_few_of_many_runs_refutes_nothing(others: int, is_paired: bool) -> None:
    """The rest of 32 runs are zero: resampling them does not move the slope, however far chance moved it."""
    for seed in range(30):
        data = np.zeros((len(WIDTHS), 32))
        data[:, : others + 1] = np.random.default_rng(seed).chisquare(5, (len(WIDTHS), others + 1)) / N
        estimate = slope_estimate(WIDTHS, data, is_paired=is_paired)
        assert (estimate.slope is None) is (others + 1 < MINIMUM_RUNS)
        assert not estimate.is_zero and verdict(Fraction(-1, 2), estimate).verdict is not Verdict.FAIL
        assert verdict(None, estimate).verdict is Verdict.FAIL  # which says that all runs are zero


@pytest.mark.parametrize("largest", [1e-200, 1.7e308])
def test_sizes_whose_squares_or_sums_are_no_floats_are_fitted(largest: float) -> None:
    """The squares of mean squares of 1e-200 are zero in a float, and the sum of two of 1.7e308 is infinite."""
    data = noisy(-0.5, 16, np.random.default_rng(7), common=False)
    data /= data.max()
    extreme, plain = slope_estimate(WIDTHS, largest * data), slope_estimate(WIDTHS, data)
    assert extreme.slope == pytest.approx(plain.slope, abs=1e-9)
    assert extreme.half_width == pytest.approx(plain.half_width, rel=1e-9)


def test_a_run_that_is_not_finite_is_excluded() -> None:
    data = noisy(-0.5, 16, np.random.default_rng(7), common=False)
    infinite = data.copy()
    infinite[-1, 3] = np.inf
    found = slope_estimate(WIDTHS, infinite)
    assert found.excluded == ((WIDTHS[-1], 3),)
    assert found.slope == slope_estimate(WIDTHS, np.delete(data, 3, axis=1)).slope


def test_the_seed_decides_the_interval() -> None:
    data = noisy(-0.5, 16, np.random.default_rng(5), common=False)
    first, again, other = (slope_estimate(WIDTHS, data, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.slope == other.slope
    assert first.half_width != other.half_width


@pytest.mark.parametrize("degrees", [3, 7, 15, 31, 1000])
def test_student_quantile(degrees: int) -> None:
    assert student_quantile(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=1.5e-3)


def test_means_have_student_s_intervals_too() -> None:
    """Three runs have two degrees of freedom: with three, an interval is a quarter too narrow."""
    runs = np.array([1.0, 2.0, 4.0])
    expected = stats.t.ppf(0.975, 2) * runs.std(ddof=1) / math.sqrt(3)
    assert float(mean_and_half_width(runs)[1]) == pytest.approx(expected, rel=1e-3)

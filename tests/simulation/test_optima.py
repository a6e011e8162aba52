"""The optimal rate: found where a smooth loss has its minimum, and flagged where no grid holds it."""

from __future__ import annotations

import numpy as np
import pytest

from gamma_calc.simulation.optima import (
    Health,
    OptimalRate,
    half_octave_grid,
    optimal_rate,
    optimal_rate_exponent,
    refinement,
    run_health,
)

GRID = half_octave_grid(-6.0, 2.0)


def found_at(*minima: float, tilt: float = 0.0) -> OptimalRate:
    x = GRID[:, None] - np.array(minima)
    return optimal_rate(GRID, np.exp2(0.7 * x**2 + tilt * x**3 - 3), np.ones(x.shape, np.bool_))


def test_a_parabola_is_found_exactly() -> None:
    found = found_at(-6.13, -5.5, -6.9)
    np.testing.assert_allclose(found.log2_rate, [-6.13, -5.5, -6.9], atol=1e-9)
    assert not found.is_at_edge.any()


def test_a_skew_moves_the_optimum_by_less_than_the_step() -> None:
    # The cubic part shifts a fitted vertex by about tilt * reach^2 / curvature: 0.05 * 1.25^2 / 0.7 = 0.11.
    assert found_at(-6.2, tilt=0.05).log2_rate[0] == pytest.approx(-6.2, abs=0.15)


def test_a_minimum_beyond_the_grid_sits_at_its_edge() -> None:
    assert found_at(-12.0, -6.0, 1.0).is_at_edge.tolist() == [True, False, True]


def test_diverged_rates_are_no_points_and_no_edge() -> None:
    losses = np.exp2(0.7 * (GRID[:, None] + 6.4) ** 2)
    losses[-3:] = np.nan
    found = optimal_rate(GRID, losses, np.isfinite(losses))
    assert found.log2_rate[0] == pytest.approx(-6.4, abs=1e-9)
    assert not found.is_at_edge.any()
    falling = optimal_rate(GRID, np.where(np.isnan(losses), np.nan, np.exp2(-GRID[:, None])), np.isfinite(losses))
    assert falling.log2_rate[0] == GRID[-4] and not falling.is_at_edge.any()
    nothing = optimal_rate(GRID, losses, np.zeros(losses.shape, np.bool_))
    assert np.isnan(nothing.log2_rate).all()
    assert nothing.is_at_edge.all()


def test_runs_are_told_apart() -> None:
    final = np.array([0.1, 2.0, 1.0, np.inf])
    health = run_health(np.ones(4), final, np.array([1.0, 1.0, 0.0, np.inf]))
    assert health.tolist() == [Health.SOUND, Health.DIVERGED, Health.UNDERFLOWED, Health.DIVERGED]


def test_a_refinement_adds_quarters_near_the_optimum_only() -> None:
    added = refinement(found_at(-6.1), GRID)
    assert added.tolist() == [-6.25, -5.75]


def test_the_exponent_of_optima_leaves_out_runs_at_an_edge() -> None:
    widths = [2**k for k in range(7, 14)]
    jitter = np.array([0.0, 0.02, -0.02, 0.01, 5.0])
    optima = [OptimalRate(-0.75 * k + jitter, np.array([False, False, False, False, True])) for k in range(7, 14)]
    estimate = optimal_rate_exponent(widths, optima)
    assert estimate.slope == pytest.approx(-0.75, abs=1e-9)
    assert len(estimate.excluded) == 7
    assert optima[0].half_width > 0

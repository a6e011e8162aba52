"""The table of verdicts, and what an inconclusive one says would settle it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from gamma_calc.simulation.slopes import SlopeEstimate, slope_estimate
from gamma_calc.simulation.verdicts import Verdict, verdict

WIDTHS = tuple(2**k for k in range(7, 14))
HALF = Fraction(-1, 2)
P, F, I = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE  # noqa: E741


def measured(slope: float, half_width: float, *, excess: float = 0.0, drift: float = 0.0) -> SlopeEstimate:
    return SlopeEstimate(
        WIDTHS,
        16,
        slope,
        (slope - half_width, slope + half_width),
        half_width,
        half_width - excess,
        slope - drift / 2,
        slope + drift / 2,
    )


ZERO = SlopeEstimate(WIDTHS, 16, is_zero=True)
MIXED = SlopeEstimate(WIDTHS, 16)
FEW = SlopeEstimate(WIDTHS[:5], 16, -0.5, (-0.5, -0.5), 0.0, shortfall="5 widths")
TABLE = {
    "on the spot": (HALF, measured(-0.5, 0.01), False, P),
    "near and sharp": (HALF, measured(-0.46, 0.045), False, P),
    "near but blunt": (HALF, measured(-0.46, 0.06), False, I),
    "off but within reach": (HALF, measured(-0.42, 0.04), False, I),
    "off": (HALF, measured(-0.3, 0.04), False, F),
    "off below": (HALF, measured(-0.7, 0.04), False, F),
    "off but very blunt": (HALF, measured(0.0, 0.46), False, I),
    "zero as predicted": (None, ZERO, False, P),
    "not zero": (None, measured(-3.0, 0.01), False, F),
    "zero at some widths, predicted zero": (None, MIXED, False, F),
    "zero but predicted finite": (HALF, ZERO, False, F),
    "zero at some widths": (HALF, MIXED, False, I),
    "bound met from below": (HALF, measured(-2.0, 0.04), True, P),
    "bound met though blunt": (HALF, measured(-2.0, 0.9), True, P),
    "bound neither met nor broken": (HALF, measured(-0.5, 0.2), True, I),
    "bound touched": (HALF, measured(-0.46, 0.04), True, P),
    "bound broken": (HALF, measured(-0.3, 0.04), True, F),
    "bound met by zero": (HALF, ZERO, True, P),
    "few widths": (HALF, FEW, False, I),
    "few widths, predicted zero": (None, FEW, False, I),
}


@pytest.mark.parametrize(("predicted", "estimate", "upper", "expected"), TABLE.values(), ids=TABLE)
def test_verdict(predicted: Fraction | None, estimate: SlopeEstimate, upper: bool, expected: Verdict) -> None:
    judgement = verdict(predicted, estimate, upper=upper)
    assert judgement.verdict is expected, judgement.reason
    assert judgement.reason


@pytest.mark.parametrize(
    ("estimate", "runs"),
    [
        # t(K - 1) / K^(1/2) has to fall by 0.05 / 0.08 from t(15) / 4 = 0.533: to 0.333, which 38 runs have.
        (measured(-0.5, 0.08), 38),
        # By 0.02 / 0.04, to 0.266: what drift adds stays.
        (measured(-0.5, 0.07, excess=0.03), 57),
        # By 0.05 / 0.2 from t(2) / 3^(1/2) = 2.484: a few runs more do most of it, for t(2) is twice t(12).
        (replace(measured(-0.5, 0.2), runs=3), 13),
        # By 0.05 / 0.08 from t(7) / 8^(1/2) = 0.836: 17 runs that are not zero, of which every other one is.
        (replace(measured(-0.5, 0.08), nonzero=8), 34),
    ],
    ids=["blunt", "drift", "three runs", "half of them zero"],
)
def test_the_runs_that_are_offered_have_the_half_width_that_is_missing(estimate: SlopeEstimate, runs: int) -> None:
    assert f"about {runs} runs" in verdict(HALF, estimate).reason


def test_runs_that_would_settle_do_settle() -> None:
    n = np.array(WIDTHS, dtype=np.float64)[:, None]
    rng = np.random.default_rng(0)
    data = n**-1.0 * np.exp(0.9 * rng.standard_normal((len(n), 2000)))
    blunt = slope_estimate(WIDTHS, data[:, :16], is_paired=False)
    reason = verdict(HALF, blunt).reason
    assert "runs at these widths would settle it" in reason
    runs = int(reason.split("about ")[1].split()[0])
    # The number comes from a half-width of sixteen runs, known to a fifth or so: twice the runs leave room for that.
    assert verdict(HALF, slope_estimate(WIDTHS, data[:, : 2 * runs], is_paired=False)).verdict is Verdict.PASS


def test_widths_that_would_settle_do_settle() -> None:
    """A crossover n^0 + 16 n^-1/2 under the root: the widths offered bring the slope to its limit."""

    def crossover(low: int, high: int) -> SlopeEstimate:
        widths = tuple(2**k for k in range(low, high + 1))
        n = np.array(widths, dtype=np.float64)[:, None]
        return slope_estimate(widths, np.repeat(1 + 16 / n**0.5, 8, axis=1))

    early = verdict(Fraction(0), crossover(7, 13))
    assert early.verdict is not Verdict.PASS
    estimate = crossover(8, 14)
    reason = verdict(Fraction(0), estimate).reason
    assert verdict(Fraction(0), estimate).verdict is Verdict.INCONCLUSIVE
    low, high = (int(word.removeprefix("2^")) for word in reason.split() if word.startswith("2^"))
    assert verdict(Fraction(0), crossover(low, high)).verdict is Verdict.PASS


def test_a_wrong_prediction_fails_and_noise_settles_nothing() -> None:
    n, rng = np.array(WIDTHS, dtype=np.float64)[:, None], np.random.default_rng(1)
    data = n**-1.0 * np.exp(0.3 * rng.standard_normal((len(n), 16)))
    estimate = slope_estimate(WIDTHS, data, is_paired=False)
    assert verdict(HALF, estimate).verdict is Verdict.PASS
    for wrong in (Fraction(0), Fraction(-1), None):
        assert verdict(wrong, estimate).verdict is Verdict.FAIL
    noise = n**-1.0 * np.exp(2 * rng.standard_normal((len(n), 8)))
    assert verdict(HALF, slope_estimate(WIDTHS, noise, is_paired=False)).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(("slope", "runs"), [(-0.04, 30), (-0.06, 21)])
def test_a_slope_below_a_bound_needs_less(slope: float, runs: int) -> None:
    """Half of its interval has to be no wider than what lies between it and the bound, and the tolerance."""
    blunt = replace(measured(slope, 0.2), runs=8, nonzero=8)
    assert f"about {runs} runs" in verdict(Fraction(0), blunt, upper=True).reason

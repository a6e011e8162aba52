"""Predicted against measured: whether a slope confirms an exponent, refutes it, or settles nothing.

The rule is fixed beforehand and knows no quantity: PASS where the slope is within the tolerance of the prediction and
known to within the tolerance; FAIL where the prediction lies outside the interval by more than the tolerance;
otherwise INCONCLUSIVE, with the runs or the widths that would settle it. Every report says it in the words of `RULE`.

Why a tolerance: at finite widths lower-order terms bend every slope a little, and with enough runs the interval is
narrower than that. To ask that it holds the prediction would refute every asymptotic law in the end.

What an undecided slope needs: the half-width of K runs is t(K - 1) s / K^(1/2), with t Student's quantile and s known
from the runs at hand. What drift adds to an interval is no noise: no number of runs removes it.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from types import MappingProxyType

from gamma_calc.simulation.slopes import MINIMUM_RUNS, SlopeEstimate, student_quantile

TOLERANCE = 0.05

RULE: Mapping[str, str] = MappingProxyType(
    {
        "PASS": f"the slope is within {TOLERANCE:g} of the prediction, and half of its 95 % interval is at most that",
        "FAIL": f"the prediction lies outside the 95 % interval by more than {TOLERANCE:g}",
        "INCONCLUSIVE": "neither of these",
    }
)
"""What each verdict on a slope says."""

RULES = tuple(f"{word}: {text}." for word, text in RULE.items())
"""The same in sentences."""

EXCEPTIONS = "A prediction <= c is tested from above only; one of -oo has to be exactly zero in every run."
DRIFT = (
    "An interval of a PASS may miss the prediction, by less than the tolerance: lower-order terms bend slopes at finite"
    " widths, the less the larger the width, and one interval in twenty misses by chance."
)


class Verdict(Enum):
    """What a measurement says about a prediction."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and the reason for it: the numbers, where they say it all, and what else there is to say."""

    verdict: Verdict
    remark: str
    numbers: str = ""

    @property
    def reason(self) -> str:
        """The whole of it."""
        return "; ".join(filter(None, (self.numbers, self.remark)))


def verdict(predicted: Fraction | None, estimate: SlopeEstimate, *, upper: bool = False) -> Judgement:
    """Whether an estimate confirms a predicted exponent.

    Args:
        predicted: None for -oo, which has to be exactly zero.
        upper: whether the prediction only bounds the exponent from above; it is then tested from above only.
    """
    if estimate.shortfall:
        return Judgement(Verdict.INCONCLUSIVE, estimate.shortfall)
    if predicted is None:
        if estimate.is_zero:
            return Judgement(Verdict.PASS, "exactly zero in every run, as predicted")
        return Judgement(Verdict.FAIL, "predicted to vanish, and is not exactly zero")
    if estimate.is_zero and upper:
        return Judgement(Verdict.PASS, f"exactly zero in every run, below the bound {predicted}")
    if estimate.is_zero:
        return Judgement(Verdict.FAIL, f"predicted {predicted}, and exactly zero in every run")
    if estimate.slope is None or estimate.interval is None:
        return Judgement(
            Verdict.INCONCLUSIVE,
            f"at some width fewer than {MINIMUM_RUNS} runs are not exactly zero",
        )
    return _judged_slope(float(predicted), estimate.slope, estimate.interval, estimate, upper)


def _judged_slope(
    predicted: float, slope: float, interval: tuple[float, float], estimate: SlopeEstimate, upper: bool
) -> Judgement:
    low, high = interval
    facts = f"measured {slope:.3f} in [{low:.3f}, {high:.3f}], predicted {'at most ' if upper else ''}{predicted:.3f}"
    if low - predicted > TOLERANCE or (not upper and predicted - high > TOLERANCE):
        return Judgement(Verdict.FAIL, "", facts)
    slopes = (slope, estimate.lower_slope, estimate.upper_slope)
    error, below, above = (each - predicted if upper else abs(each - predicted) for each in slopes)
    is_near = error <= TOLERANCE
    is_sharp = estimate.half_width <= TOLERANCE or (upper and high - predicted <= TOLERANCE)
    if is_near and is_sharp:
        return Judgement(Verdict.PASS, "", facts)
    return Judgement(Verdict.INCONCLUSIVE, _settling(error, below, above, estimate), facts)


def _settling(error: float, below: float, above: float, estimate: SlopeEstimate) -> str:
    """The runs at these widths, or the widths, that would settle an inconclusive slope.

    Runs: beside the excess of the drift, the sampling half-width has to be at most the tolerance (where the slope is
    near, for PASS; more below a bound) or the distance beyond the tolerance (for FAIL). As many of them are taken to be
    zero as here. Widths: the errors of the lower and the upper half give the factor by which it falls in an octave.

    Args:
        error, below, above: by how much the prediction is missed at all widths, and at the lower and the upper half of
            them; less than nothing below a bound.
        estimate: the slope.
    """
    target = TOLERANCE - min(error, 0) if error <= TOLERANCE else error - TOLERANCE
    ways = [_enough_runs(target, estimate), _enough_widths(error, below, above, estimate)]
    return " or ".join(way for way in ways if way) or "neither more runs nor, by its trend, more widths would settle it"


def _enough_runs(target: float, estimate: SlopeEstimate) -> str:
    needed = runs_needed(estimate.spread, target - estimate.drift_excess)
    if needed is None:
        return ""
    return f"about {math.ceil(needed * estimate.runs / estimate.counted)} runs at these widths would settle it"


def _enough_widths(error: float, below: float, above: float, estimate: SlopeEstimate) -> str:
    first, last = (math.log2(width) for width in (estimate.widths[0], estimate.widths[-1]))
    excess = max(error, estimate.drift_excess)
    if not 0 < above < below or excess <= TOLERANCE / 2:
        return ""
    octaves = math.ceil((last - first) / 2 * math.log(2 * excess / TOLERANCE) / math.log(below / above))
    return f"at its trend widths 2^{first + octaves:.3g} to 2^{last + octaves:.3g} would"


MOST_RUNS = 2**20


def runs_needed(spread: float, room: float) -> int | None:
    """The least number of runs of this spread whose mean has a half-width of at most `room`; None where none will do.

    The half-width falls with every run."""
    counts = range(MINIMUM_RUNS, MOST_RUNS + 1)
    place = bisect_left(counts, True, key=lambda runs: student_quantile(runs - 1) * spread <= room * math.sqrt(runs))
    return counts[place] if place < len(counts) else None

"""The published claims, each beside what was measured, and a verdict that follows from an interval alone.

The interval is over seeds, with a margin for what other loops or another machine do to the same seeds: each claim is
judged on every repetition of a study, and the margin is how far two such measurements lie apart with 95 % confidence.
What rounding can undo is then neither confirmed nor refuted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gamma_calc.experiment.claims import POSITIVE, Claim, Interval
from gamma_calc.experiment.reproduction import Reproduction
from gamma_calc.experiment.reproduction_plan import INITS
from gamma_calc.experiment.student_study import REPETITIONS, StudentStudy
from gamma_calc.simulation.optima import optimal_rate_exponent
from gamma_calc.simulation.slopes import SlopeEstimate, slope_estimate, student_quantile
from gamma_calc.simulation.verdicts import power_statement

Array = NDArray[np.float64]

ABOUT = 0.1
"""How far from a published exponent "about" is taken to reach."""

RATE_RANGES = {INITS[0]: (-1.0, -0.5), INITS[1]: (-1.0 - ABOUT, -1.0 + ABOUT)}
"""The exponents of the optimal rate that are claimed."""

Measured = Mapping[str, Any]
"""The value, the interval, the detail and the shortfall of a claim."""


@dataclass(frozen=True, slots=True)
class Published:
    """A claim as it was published, and how it is measured.

    Args:
        quantity: what is measured of it, in words.
        wanted: the open range in which the claim puts that.
        averaged: how many trainings at the optimal rate its number is a mean of; 1 for what the grid says, which is
            trained once.
    """

    statement: str
    quantity: str
    wanted: Interval
    measured: Callable[[Reproduction, Interval], Measured]
    averaged: int = 1

    def judged(self, found: Reproduction) -> Claim:
        """The claim beside what was found."""
        return Claim(self.statement, self.quantity, self.wanted, **self.measured(found, self.wanted))


def claims(found: Reproduction) -> tuple[Claim, ...]:
    """The claims of the synthetic experiment, judged."""
    again = [found.repetition(number) for number in range(REPETITIONS)]
    return tuple(covering([each.judged(one) for one in again], each.averaged) for each in CLAIMS)


def covering(repetitions: Sequence[Claim], averaged: int) -> Claim:
    """One claim from its repetitions: their mean, or the first alone, with a margin at either end of the interval.

    Where an end is x with a standard deviation s over repetitions, a mean of k of them here and one elsewhere differ by
    sqrt(2 / k) s; Student's quantile makes that the margin.
    """
    first, intervals = repetitions[0], tuple(each.interval for each in repetitions)
    count, ends = len(repetitions), np.array(intervals)
    values = np.array([each.value for each in repetitions])
    centre, value = (ends.mean(axis=0), values.mean()) if averaged > 1 else (ends[0], values[0])
    margin = student_quantile(count - 1) * math.sqrt(2 / averaged) * ends.std(axis=0, ddof=1)
    low, high = (float(end) for end in centre + margin * (-1, 1))
    short = next((each.shortfall for each in repetitions if each.shortfall), "")
    claim = replace(first, value=float(value), interval=(low, high), shortfall=short, repetitions=intervals)
    alone = replace(claim, interval=(float(centre[0]), float(centre[1])))
    if claim.outcome is alone.outcome or short:
        return claim
    words = f"{alone.outcome.value} but for a margin of {margin.max():.2g} for other loops and machines"
    return replace(claim, detail="; ".join(filter(None, (words, first.detail))))


def rate_exponent(studies: Sequence[StudentStudy], seed: int) -> SlopeEstimate:
    """The exponent of the optimal rate in the width."""
    return optimal_rate_exponent([study.width for study in studies], [study.optimum for study in studies], seed=seed)


def feature_exponent(
    value: Callable[[StudentStudy], Array], studies: Sequence[StudentStudy], seed: int
) -> SlopeEstimate:
    """The exponent of a root mean square in the width."""
    squares = np.stack([value(study) ** 2 for study in studies])
    return slope_estimate([study.width for study in studies], squares, is_paired=False, seed=seed)


def _log(study: StudentStudy, loss: str) -> Array:
    return np.asarray(np.log2(getattr(study.evolution, loss)[-1]))


def _growth(study: StudentStudy) -> Array:
    return np.asarray(np.log2(study.evolution.Z_A[-1] / study.evolution.Z_A[0]))


def _between(
    difference: Callable[[StudentStudy, StudentStudy], Array],
) -> Callable[[Reproduction, Interval], Measured]:
    """A difference between the first initialisation and the second, at every width."""

    def measured(found: Reproduction, wanted: Interval) -> Measured:
        pairs = zip(*(found.of(scheme) for scheme in INITS), strict=True)
        return _compared([difference(first, second) for first, second in pairs], found.plan.widths)

    return measured


def _over_widths(
    scheme: str, exponent: Callable[[Sequence[StudentStudy], int], SlopeEstimate]
) -> Callable[[Reproduction, Interval], Measured]:
    """The exponent of something in the width under one initialisation; where it is undecided, what would decide it."""

    def measured(found: Reproduction, wanted: Interval) -> Measured:
        estimate = exponent(found.of(scheme), found.plan.seed)
        if estimate.slope is None or estimate.interval is None:
            return {"value": math.nan, "interval": (math.nan, math.nan), "shortfall": estimate.shortfall}
        low, high = estimate.interval
        detail = "; ".join(power_statement(estimate, end) for end in wanted if low < end < high)
        return {"value": estimate.slope, "interval": (low, high), "detail": detail, "shortfall": estimate.shortfall}

    return measured


def _compared(differences: Sequence[Array], widths: Sequence[int]) -> Measured:
    """The mean over widths of differences; seeds of one width are paired between the inits."""
    usable = [row[np.isfinite(row)] for row in differences]
    runs = min(len(row) for row in usable)
    if runs < 2:
        short = f"{runs} seeds have a finite value at some width, and at least 2 are needed"
        return {"value": math.nan, "interval": (math.nan, math.nan), "shortfall": short}
    means = np.array([row.mean() for row in usable])
    variances = np.array([row.var(ddof=1) / len(row) for row in usable])
    # As many degrees of freedom as one width has: fewer than the widths have together, so the interval errs wide.
    half = student_quantile(runs - 1) * math.sqrt(variances.sum()) / len(usable)
    value = float(means.mean())
    detail = ", ".join(f"n = {width}: {mean:.2f}" for width, mean in zip(widths, means, strict=True))
    return {"value": value, "interval": (value - half, value + half), "detail": detail}


CLAIMS = (
    Published(
        "The optimal learning rate of Init[A] is larger than that of Init[B].",
        "log2 of the ratio of the optimal rates, mean over widths",
        POSITIVE,
        _between(lambda a, b: a.optimum.log2_rate - b.optimum.log2_rate),
    ),
    Published(
        "The optimal rate of Init[A] lies between n^-1 and n^-1/2: it is o(n^-1/2).",
        "exponent of Init[A]'s optimal rate",
        RATE_RANGES[INITS[0]],
        _over_widths(INITS[0], rate_exponent),
    ),
    Published(
        "The optimal rate of Init[B] is about n^-1.",
        "exponent of Init[B]'s optimal rate",
        RATE_RANGES[INITS[1]],
        _over_widths(INITS[1], rate_exponent),
    ),
    Published(
        "Init[A] learns better than Init[B], each at its optimal rate.",
        "log2 of Init[B]'s final training loss over Init[A]'s, mean over widths",
        POSITIVE,
        _between(lambda a, b: _log(b, "training_loss") - _log(a, "training_loss")),
        REPETITIONS,
    ),
    Published(
        "Init[A] learns better than Init[B] on the test points too, each at its optimal rate.",
        "log2 of Init[B]'s final test loss over Init[A]'s, mean over widths",
        POSITIVE,
        _between(lambda a, b: _log(b, "test_loss") - _log(a, "test_loss")),
        REPETITIONS,
    ),
    Published(
        "|Z_A| grows with the width under Init[A].",
        "exponent of |Z_A| after training with Init[A] at its optimal rate",
        POSITIVE,
        _over_widths(INITS[0], partial(feature_exponent, lambda study: study.evolution.Z_A[-1])),
        REPETITIONS,
    ),
    Published(
        "|Z_A| grows along training under Init[A].",
        "log2 of |Z_A| after training over |Z_A| before, at the largest width",
        POSITIVE,
        lambda found, wanted: _compared([_growth(found.of(INITS[0])[-1])], found.plan.widths[-1:]),
        REPETITIONS,
    ),
)
"""The claims of the synthetic experiment (Hayou, Ghosh, Yu, arXiv 2406.08447)."""

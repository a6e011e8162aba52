"""The published claims, each beside what was measured, and a verdict that follows from an interval alone.

The interval is over seeds, with a margin for what other loops or another machine do to the same seeds: each claim is
judged on every repetition of a study, and the margin is how far two such measurements lie apart with 95 % confidence.
What rounding can undo is then neither confirmed nor refuted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from gamma_calc.experiment.claims import POSITIVE, Interval, MeasuredClaim, positive_claim, power_statement
from gamma_calc.experiment.reproduction import Reproduction
from gamma_calc.experiment.reproduction_plan import INITS
from gamma_calc.experiment.student_study import REPETITIONS, StudentStudy
from gamma_calc.simulation.optima import optimal_rate_exponent
from gamma_calc.simulation.slopes import SlopeEstimate, slope_estimate, student_quantile

ABOUT = 0.1
"""How far from a published exponent "about" is taken to reach."""

RATE_RANGES = {INITS[0]: (-1.0, -0.5), INITS[1]: (-1.0 - ABOUT, -1.0 + ABOUT)}
"""The exponents of the optimal rate that are claimed."""


def claims(found: Reproduction) -> tuple[MeasuredClaim, ...]:
    """The claims of the synthetic experiment (Hayou, Ghosh, Yu, arXiv 2406.08447), judged.

    The grid is trained once, and at the optimal rate each seed is trained as often as there are repetitions.
    """
    again = [found.repetition(number) for number in range(REPETITIONS)]
    on_grid, at_optimum = (zip(*map(of, again), strict=True) for of in (_on_the_grid, _at_the_optimum))
    return (*(covering(each, 1) for each in on_grid), *(covering(each, REPETITIONS) for each in at_optimum))


def _on_the_grid(found: Reproduction) -> Iterator[MeasuredClaim]:
    """What is claimed of the optimal rates."""
    first, second = (found.of(scheme) for scheme in INITS)
    moved = [a.optimum.log2_rate - b.optimum.log2_rate for a, b in zip(first, second, strict=True)]
    yield positive_claim(
        "The optimal learning rate of Init[A] is larger than that of Init[B].",
        "log2 of the ratio of the optimal rates, mean over widths",
        moved,
        found.plan.widths,
    )
    statements = (
        (first, "Init[A]", "The optimal rate of Init[A] lies between n^-1 and n^-1/2: it is o(n^-1/2)."),
        (second, "Init[B]", "The optimal rate of Init[B] is about n^-1."),
    )
    for studies, init, statement in statements:
        wanted, measured = RATE_RANGES[studies[0].scheme], rate_exponent(studies, found.plan.seed)
        yield _slope_claim(statement, f"exponent of {init}'s optimal rate", wanted, measured)


def _at_the_optimum(found: Reproduction) -> Iterator[MeasuredClaim]:
    """What is claimed of training at the optimal rate."""
    first, second = (found.of(scheme) for scheme in INITS)
    widths = found.plan.widths

    for points, where in (("training", ""), ("test", " on the test points too")):
        loss = f"{points}_loss"
        logs = ([np.log2(study.evolution[loss][-1]) for study in studies] for studies in (first, second))
        yield positive_claim(
            f"Init[A] learns better than Init[B]{where}, each at its optimal rate.",
            f"log2 of Init[B]'s final {points} loss over Init[A]'s, mean over widths",
            [b - a for a, b in zip(*logs, strict=True)],
            widths,
        )
    features = [study.evolution["Z_A"] for study in first]
    squares = np.stack([each[-1] ** 2 for each in features])
    yield _slope_claim(
        "|Z_A| grows with the width under Init[A].",
        "exponent of |Z_A| after training with Init[A] at its optimal rate",
        POSITIVE,
        slope_estimate(widths, squares, is_paired=False, seed=found.plan.seed),
    )
    yield positive_claim(
        "|Z_A| grows along training under Init[A].",
        "log2 of |Z_A| after training over |Z_A| before, at the largest width",
        [np.log2(features[-1][-1] / features[-1][0])],
        widths[-1:],
    )


def covering(repetitions: Sequence[MeasuredClaim], averaged: int) -> MeasuredClaim:
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


def _slope_claim(statement: str, quantity: str, wanted: Interval, estimate: SlopeEstimate) -> MeasuredClaim:
    """The claim that an exponent in the width lies in a range; where it is undecided, with what would decide it."""
    if estimate.slope is None or estimate.interval is None:
        nothing = (math.nan, math.nan)
        return MeasuredClaim(statement, quantity, wanted, math.nan, nothing, shortfall=estimate.shortfall)
    low, high = estimate.interval
    detail = "; ".join(
        power_statement(estimate.slope, end, estimate.spread, estimate.drift_excess)
        for end in wanted
        if low < end < high
    )
    return MeasuredClaim(statement, quantity, wanted, estimate.slope, (low, high), detail, estimate.shortfall)

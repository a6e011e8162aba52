"""Deciding far out what the reachable widths do not confirm.

A row that is not PASS at the widths that were trained is followed on a population (`simulation.population`) at widths
up to 2^60, where every crossover lies behind. It keeps what was measured, says in its reason what decided it, and has
the population's numbers beside. A row that lacks widths or runs is left as it is: that is the user's choice, not a
crossover.

What a population confirms is PASS. Mean squares of terms are sums of powers of n with positive coefficients, whose
slopes are at most the largest power: so a slope above a prediction refutes it at any width. One below it refutes it
where the program has no step function; else it may lack the answer of one, which a population has not got, and is FAIL
where the trained widths and the population have the same slope. A slope that is known no better than the tolerance
refutes nothing. What is left is INCONCLUSIVE. Without a population a slope below a prediction refutes nothing either:
what leads may not lead yet, so that no prediction that is too large can FAIL, and every one that is too small can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from gamma_calc.experiment.prediction import Prediction
from gamma_calc.experiment.verdicts import Judged, VerdictRow, judged
from gamma_calc.simulation.population import PopulationMeasurement, population_refusal, population_sizes
from gamma_calc.simulation.program_sizes import ProgramExperiment
from gamma_calc.simulation.slopes import MINIMUM_RUNS
from gamma_calc.simulation.verdicts import TOLERANCE, Judgement, Verdict

FAR_WIDTHS = tuple(2**k for k in range(30, 61, 5))
"""At 2^30 a crossover between half powers of n is 2^15 behind; lower terms then move a slope by under 1e-4."""

POPULATIONS = 128
"""Runs on a population, of which those are judged that have no sign that differs between widths."""

_far_population = lru_cache(maxsize=4)(population_sizes)
"""The experiment at far widths: once for all predictions that are judged by it."""


def settled(
    rows: Sequence[VerdictRow], predictions: Sequence[Prediction], experiment: ProgramExperiment
) -> tuple[VerdictRow, ...]:
    """The rows of a network with what is not PASS decided by a population at far widths, where there is one."""
    if not any(map(_has_open, rows)):
        return tuple(rows)
    far = _far(experiment)
    if refusal := population_refusal(far):
        return tuple(row.changed(lambda each, _: _without_population(each, refusal)) for row in rows)
    least, most = (width.bit_length() - 1 for width in (FAR_WIDTHS[0], FAR_WIDTHS[-1]))
    measurement, words = _far_population(far), f"a population at widths 2^{least} to 2^{most}"
    return tuple(
        _row_by_population(row, prediction, measurement, words)
        for row, prediction in zip(rows, predictions, strict=True)
    )


def far_refusal(experiment: ProgramExperiment) -> str:
    """Why an experiment has no population at far widths, or nothing where it has one."""
    return population_refusal(_far(experiment))


def _far(experiment: ProgramExperiment) -> ProgramExperiment:
    return replace(experiment, widths=FAR_WIDTHS, runs=POPULATIONS, dtype="float64", device="cpu")


def _row_by_population(
    row: VerdictRow, prediction: Prediction, measurement: PopulationMeasurement, words: str
) -> VerdictRow:
    if not _has_open(row):
        return row
    smooth = measurement.smooth(row.t)
    is_smooth = int((~smooth.is_excluded.any(axis=0)).sum()) >= MINIMUM_RUNS
    (other,) = judged(row.scheme, [prediction], smooth if is_smooth else measurement)
    sides = {"above": is_smooth, "below": is_smooth and not measurement.has_steps}
    return row.changed(
        lambda near, term: _by_population(near, other.terms[term] if term else other.leading, words, **sides)
    )


def _by_population(near: Judged, far: Judged, words: str, *, above: bool, below: bool) -> Judged:
    """The verdict by a population.

    `above` and `below` say whether its slope by itself refutes a prediction that it is above, or below.
    """
    if not _is_open(near) or near.predicted.exponent is None or near.estimate.is_zero:
        return near  # what is exactly zero, or is not, is no matter of widths
    # Its runs and widths are fixed: what would settle it by more of them is nothing that a user could ask for.
    reason = _both(words, far.judgement.numbers or far.judgement.remark, near.judgement.reason)
    found = far.judgement.verdict
    is_above = far.measured is not None and far.measured > (far.predicted.exponent or 0)
    # Else it is FAIL where both measurements contradict the prediction by the same slope.
    agree = (
        near.judgement.verdict is Verdict.FAIL
        and near.measured is not None
        and far.measured is not None
        and abs(near.measured - far.measured) <= TOLERANCE
    )
    is_refuted = agree or (above if is_above else below)
    is_blunt = far.estimate.half_width > TOLERANCE
    if found is Verdict.FAIL and (is_blunt or not is_refuted):
        found = Verdict.INCONCLUSIVE
    if found is Verdict.INCONCLUSIVE:
        return replace(near, judgement=Judgement(found, f"not decided by {reason}"))
    return replace(near, judgement=Judgement(found, f"decided by {reason}"), far=far.estimate)


def _without_population(near: Judged, refusal: str) -> Judged:
    """What is left of a verdict where there are no far widths."""
    predicted, measured = near.predicted.exponent, near.measured
    is_below = predicted is not None and measured is not None and measured < predicted
    if near.judgement.verdict is not Verdict.FAIL or not is_below:
        return near
    why = f"what leads may not lead yet, and there is no population at far widths: {refusal}"
    return replace(near, judgement=Judgement(Verdict.INCONCLUSIVE, f"{near.judgement.reason}; {why}"))


def _both(words: str, far: str, near: str) -> str:
    """What is found far out and at the trained widths, said once where it is the same."""
    if far == near:
        return f"{words}, and at the trained widths: {far}"
    return f"{words}: {far}; at the trained widths: {near}"


def _is_open(each: Judged) -> bool:
    """Whether farther widths may say more."""
    return each.judgement.verdict is not Verdict.PASS and not each.estimate.shortfall


def _has_open(row: VerdictRow) -> bool:
    return any(map(_is_open, row.judged))

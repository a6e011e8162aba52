"""Deciding by the exact law what the reachable widths do not confirm.

Where a row is not PASS at the widths that were trained, the same experiment is drawn from its exact law at widths up to
2^60, where every crossover lies behind. A prediction that the law confirms is PASS: the trained widths were too small
to see it. One that it contradicts is FAIL. Such a row keeps what was measured, says in its reason what decided it, and
has the law's numbers beside. A row that lacks widths or runs is left as it is: that is the user's choice, not a
crossover. The law knows no epsilon, so what it decides rests on assumption A7 as the prediction does.

A network is followed on a population (`simulation.population`) in place of a law. What that confirms is PASS. Mean
squares of terms are sums of powers of n with positive coefficients, whose slopes are at most the largest power: so a
slope above a prediction refutes it at any width, and one below may be that of a part that is overtaken later, or lack
the answer of a step function, which a population has not got. From below it is FAIL where the trained widths and the
population have the same slope; else, and where there is no population, it is INCONCLUSIVE.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from gamma_calc.experiment.prediction import Prediction
from gamma_calc.experiment.verdicts import Judged, VerdictRow, judged
from gamma_calc.program.optimizers import Moments
from gamma_calc.simulation.adapter_module import Term
from gamma_calc.simulation.exact_law import SMALLEST_WIDTH, exact_law, law_refusal
from gamma_calc.simulation.population import PopulationMeasurement, population_refusal, population_sizes
from gamma_calc.simulation.probe import ProbeConfiguration
from gamma_calc.simulation.program_sizes import ProgramExperiment
from gamma_calc.simulation.slopes import MINIMUM_RUNS
from gamma_calc.simulation.verdicts import TOLERANCE, Judgement, Verdict

FAR_WIDTHS = tuple(2**k for k in range(30, 61, 5))
"""At 2^30 a crossover between half powers of n is 2^15 behind; lower terms then move a slope by under 1e-4."""

POPULATIONS = 128
"""Runs on a population, of which those are judged that have no sign that differs between widths."""

_far_law = lru_cache(maxsize=4)(exact_law)
_far_population = lru_cache(maxsize=4)(population_sizes)
"""The experiment at far widths: once for all predictions that are judged by it."""

NEAR_WIDTHS = tuple(2**k for k in range(14, 24))
"""Where a rank that grows with the width leaves no farther ones; those with too large a rank are dropped."""


def settled(
    rows: Sequence[VerdictRow], predictions: Sequence[Prediction], configuration: ProbeConfiguration
) -> tuple[VerdictRow, ...]:
    """The rows with what is not PASS decided by the exact law, where it has something to say."""
    if not any(map(_has_open, rows)):
        return tuple(rows)
    far = far_configuration(configuration)
    if far is None:
        return tuple(rows)
    measurement = _far_law(far)
    samples = far.samples
    words = f"decided by the exact law at widths {_ends(far.widths)}, {samples} sample{'' if samples == 1 else 's'}"

    def settled_row(row: VerdictRow, other: VerdictRow) -> VerdictRow:
        return row.changed(lambda near, term: _settled(near, _far(other, term), words))

    return tuple(map(settled_row, rows, judged(rows[0].scheme, predictions, measurement)))


def far_configuration(configuration: ProbeConfiguration) -> ProbeConfiguration | None:
    """The experiment at far widths with the samples for which its law is known; None where it is not known.

    The predictions hold for any fixed batch, so a normalised step is followed with one sample.
    """
    samples = 1 if isinstance(configuration.optimizer, Moments) else configuration.samples
    for widths in (FAR_WIDTHS, NEAR_WIDTHS):
        far = replace(configuration, widths=widths, samples=samples)
        while len(far.widths) > 1 and law_refusal(far):
            far = replace(far, widths=far.widths[:-1])
        if len(far.widths) >= 6 and far.widths[-1] >= 2**6 * max(far.widths[0], SMALLEST_WIDTH):
            return None if _is_special(far) else far
    return None


def settled_by_population(
    rows: Sequence[VerdictRow], predictions: Sequence[Prediction], experiment: ProgramExperiment
) -> tuple[VerdictRow, ...]:
    """The rows of a network with what is not PASS decided by a population at far widths, where there is one."""
    if not any(map(_has_open, rows)):
        return tuple(rows)
    far = replace(experiment, widths=FAR_WIDTHS, runs=POPULATIONS, dtype="float64", device="cpu")
    if refusal := population_refusal(far):
        return tuple(row.changed(lambda each, _: _without_population(each, refusal)) for row in rows)
    measurement, words = _far_population(far), f"a population at widths {_ends(FAR_WIDTHS)}"
    return tuple(
        _row_by_population(row, prediction, measurement, words)
        for row, prediction in zip(rows, predictions, strict=True)
    )


def _row_by_population(
    row: VerdictRow, prediction: Prediction, measurement: PopulationMeasurement, words: str
) -> VerdictRow:
    if not _has_open(row):
        return row
    smooth = measurement.smooth(row.t)
    is_smooth = int((~smooth.is_excluded.any(axis=0)).sum()) >= MINIMUM_RUNS
    (other,) = judged(row.scheme, [prediction], smooth if is_smooth else measurement)
    return row.changed(lambda near, term: _by_population(near, _far(other, term), words, is_smooth))


def _by_population(near: Judged, far: Judged, words: str, is_smooth: bool) -> Judged:
    if not _is_open(near) or near.predicted.exponent is None or near.estimate.is_zero:
        return near  # what is exactly zero, or is not, is no matter of widths
    reason = _both(words, far.judgement.reason, near.judgement.reason)
    found = far.judgement.verdict
    is_above = far.measured is not None and far.measured > (far.predicted.exponent or 0)
    # From below it is FAIL where both measurements contradict the prediction by the same slope.
    agree = (
        near.judgement.verdict is Verdict.FAIL
        and near.measured is not None
        and far.measured is not None
        and abs(near.measured - far.measured) <= TOLERANCE
    )
    if found is Verdict.FAIL and not (is_smooth and is_above) and not agree:
        found = Verdict.INCONCLUSIVE
    if found is Verdict.INCONCLUSIVE:
        return replace(near, judgement=Judgement(found, f"not decided by {reason}"))
    return replace(near, judgement=Judgement(found, f"decided by {reason}"), law=far.estimate)


def _without_population(near: Judged, refusal: str) -> Judged:
    """What is left of a verdict where there are no far widths."""
    predicted, measured = near.predicted.exponent, near.measured
    is_below = predicted is not None and measured is not None and measured < predicted
    if near.judgement.verdict is not Verdict.FAIL or not is_below:
        return near
    why = f"what leads may not lead yet, and there is no population at far widths: {refusal}"
    return replace(near, judgement=Judgement(Verdict.INCONCLUSIVE, f"{near.judgement.reason}; {why}"))


def _is_special(far: ProbeConfiguration) -> bool:
    """Whether one sample is a case of its own: exact signs, both factors random and trained, and a growing rank.

    There y and x keep exact ratios to their first values, and the predicted exponents are only bounds from above.
    """
    rule = far.optimizer
    is_sign = isinstance(rule, Moments) and not rule.has_memory
    both = far.A is not None and far.B is not None and far.trains_A and far.trains_B
    return is_sign and both and far.rank != 0


def _ends(widths: tuple[int, ...]) -> str:
    return " to ".join(f"2^{width.bit_length() - 1}" for width in (widths[0], widths[-1]))


def _settled(near: Judged, far: Judged, words: str) -> Judged:
    if not _is_open(near) or far.judgement.verdict is Verdict.INCONCLUSIVE:
        return near
    reason = _both(words, far.judgement.reason, near.judgement.reason)
    return replace(near, judgement=Judgement(far.judgement.verdict, reason), law=far.estimate)


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


def _far(other: VerdictRow, term: Term | None) -> Judged:
    return other.terms[term] if term else other.leading

"""Deciding by the exact law what the reachable widths do not confirm.

Where a row is not PASS at the widths that were trained, the same experiment is drawn from its exact law at widths up to
2^60, where every crossover lies behind. A prediction that the law confirms is PASS: the trained widths were too small
to see it. One that it contradicts is FAIL. Such a row keeps what was measured, says in its reason what decided it, and
has the law's numbers beside. A row that lacks widths or runs is left as it is: that is the user's choice, not a
crossover. The law knows no epsilon, so what it decides rests on assumption A7 as the prediction does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from gamma_calc.experiment.prediction import Prediction
from gamma_calc.experiment.verdicts import Judged, Row, judged
from gamma_calc.program.optimizers import Moments
from gamma_calc.simulation.exact_law import SMALLEST_WIDTH, exact_law, law_refusal
from gamma_calc.simulation.probe import ProbeConfiguration, ProbeMeasurement
from gamma_calc.simulation.verdicts import Judgement, Verdict

FAR_WIDTHS = tuple(2**k for k in range(30, 61, 5))
"""At 2^30 a crossover between half powers of n is 2^15 behind; lower terms then move a slope by under 1e-4."""

NEAR_WIDTHS = tuple(2**k for k in range(14, 24))
"""Where a rank that grows with the width leaves no farther ones; those with too large a rank are dropped."""


def settled(
    rows: Sequence[Row], predictions: Sequence[Prediction], configuration: ProbeConfiguration
) -> tuple[Row, ...]:
    """The rows with what is not PASS decided by the exact law, where it has something to say."""
    if not any(_is_open(each) for row in rows for each in (row.leading, *row.terms.values())):
        return tuple(rows)
    far = far_configuration(configuration)
    if far is None:
        return tuple(rows)
    measurement = _far_measurement(far)
    name, words = rows[0].scheme, _words(measurement)
    return tuple(
        _settled_row(row, other, words) for row, other in zip(rows, judged(name, predictions, measurement), strict=True)
    )


@lru_cache(maxsize=4)
def _far_measurement(far: ProbeConfiguration) -> ProbeMeasurement:
    """The experiment drawn from its law at far widths: once for all predictions that are judged by it."""
    return exact_law(far)


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


def _is_special(far: ProbeConfiguration) -> bool:
    """Whether one sample is a case of its own: exact signs, both factors random and trained, and a growing rank.

    There y and x keep exact ratios to their first values, and the predicted exponents are only bounds from above.
    """
    rule = far.optimizer
    is_sign = isinstance(rule, Moments) and not rule.has_memory
    both = far.A is not None and far.B is not None and far.trains_A and far.trains_B
    return is_sign and both and far.rank != 0


def _words(measurement: ProbeMeasurement) -> str:
    widths = measurement.configuration.widths
    ends = " to ".join(f"2^{width.bit_length() - 1}" for width in (widths[0], widths[-1]))
    samples = measurement.configuration.samples
    return f"decided by the exact law at widths {ends}, {samples} {'sample' if samples == 1 else 'samples'}"


def _settled_row(row: Row, other: Row, words: str) -> Row:
    terms = {term: _settled(each, other.terms[term], words) for term, each in row.terms.items()}
    return replace(row, leading=_settled(row.leading, other.leading, words), terms=terms)


def _settled(near: Judged, far: Judged, words: str) -> Judged:
    if not _is_open(near) or far.judgement.verdict is Verdict.INCONCLUSIVE:
        return near
    reason = f"{words}: {far.judgement.reason}; at the trained widths: {near.judgement.reason}"
    return replace(near, judgement=Judgement(far.judgement.verdict, reason), law=far.estimate)


def _is_open(each: Judged) -> bool:
    """Whether farther widths may say more."""
    return each.judgement.verdict is not Verdict.PASS and not each.estimate.shortfall

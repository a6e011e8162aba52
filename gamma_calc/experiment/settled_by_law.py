"""Deciding by the exact law what the reachable widths leave open.

Where a row is INCONCLUSIVE at the widths that were trained, the same experiment is drawn from its exact law at widths
up to 2^60, where every crossover lies behind. What is decided there says so, in its reason and with the numbers that
it was decided by. A row that lacks widths or runs is left as it is: that is the user's choice, not a crossover.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gamma_calc.experiment.prediction import Prediction
from gamma_calc.experiment.verdicts import Judged, Row, judged
from gamma_calc.program.optimizers import Moments
from gamma_calc.simulation.adapter_module import Term
from gamma_calc.simulation.exact_law import SMALLEST_WIDTH, exact_law, law_refusal
from gamma_calc.simulation.probe import ProbeConfiguration, ProbeMeasurement
from gamma_calc.simulation.verdicts import Judgement, Verdict

FAR_WIDTHS = tuple(2**k for k in range(30, 61, 5))
"""At 2^30 a crossover between half powers of n is 2^15 behind; lower terms then move a slope by under 1e-4."""

NEAR_WIDTHS = tuple(2**k for k in range(14, 24))
"""Where a rank that grows with the width leaves no farther ones; those with too large a rank are dropped."""

CLEAR_OF_EPSILON = 1000
"""As far as gradients have to lie above epsilon for the law, which takes it as zero, to be within 0.1 %."""


def settled(
    rows: Sequence[Row], predictions: Sequence[Prediction], configuration: ProbeConfiguration
) -> tuple[Row, ...]:
    """The rows with what is INCONCLUSIVE for want of width decided by the exact law, where it has something to say."""
    can_cancel = configuration.feedback is not None
    if not any(_is_open(each, can_cancel) for row in rows for each in (row.leading, *row.terms.values())):
        return tuple(rows)
    far = far_configuration(configuration)
    if far is None:
        return tuple(rows)
    measurement = exact_law(far)
    if measurement.epsilon_ratio.min() < CLEAR_OF_EPSILON:
        return tuple(rows)
    name = rows[0].scheme
    return tuple(
        _settled_row(row, other, _words(measurement), can_cancel)
        for row, other in zip(rows, judged(name, predictions, measurement), strict=True)
    )


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


def _settled_row(row: Row, other: Row, words: str, can_cancel: bool) -> Row:
    def settled(near: Judged, far: Judged) -> Judged:
        return _settled(near, far, words) if _is_open(near, can_cancel) else near

    terms: Mapping[Term, Judged] = {term: settled(each, other.terms[term]) for term, each in row.terms.items()}
    return replace(row, leading=settled(row.leading, other.leading), terms=terms)


def _settled(near: Judged, far: Judged, words: str) -> Judged:
    if far.judgement.verdict is Verdict.INCONCLUSIVE:
        return near
    reason = f"{words}: {far.judgement.reason}; at the trained widths: {near.judgement.reason}"
    return replace(far, judgement=Judgement(far.judgement.verdict, reason))


def _is_open(each: Judged, can_cancel: bool) -> bool:
    """Whether farther widths may say more; where terms cancel, a slope is steeper near their crossover than beyond."""
    open_verdicts = (Verdict.INCONCLUSIVE, Verdict.FAIL) if can_cancel else (Verdict.INCONCLUSIVE,)
    return each.judgement.verdict in open_verdicts and not each.estimate.shortfall

"""The published claims on language models beside what was measured, judged by intervals fixed beforehand.

Every measurement is a mean over seeds of a number that both initialisations give together, so what a seed draws for
both (the head, the batches) drops out of it. The rate at which a scheme is compared is chosen on the validation part,
and the comparison is made on the test part.
"""

from __future__ import annotations

import numpy as np

from gamma_calc.experiment.claims import Array, MeasuredClaim, positive_claim
from gamma_calc.huggingface.language.study import Curves, LanguageStudy


def claims(found: LanguageStudy) -> tuple[MeasuredClaim, ...]:
    """The claims of the experiment, judged."""
    first, second = found.curves
    return (
        positive_claim(
            "The optimal learning rate of Init[A] is larger than that of Init[B].",
            "log2 of the ratio of the rates with the lowest validation loss, mean over seeds",
            [first.optimum.log2_rate - second.optimum.log2_rate],
            shortfall=_edge_shortfall(found),
        ),
        positive_claim(
            "Init[A] does better than Init[B] on the test part, each at its best rate.",
            _SCORE[found.is_classification],
            [_score(found, first) - _score(found, second)],
        ),
        positive_claim(
            "Internal features grow along training under Init[A] at its best rate.",
            "log2 of |Z_A| after training over |Z_A| before, mean over layers and seeds",
            [_log_feature(found, first, -1) - _log_feature(found, first, 0)],
        ),
        positive_claim(
            "Internal features end up larger under Init[A] than under Init[B], each at its best rate.",
            "log2 of |Z_A| after training under Init[A] over that under Init[B], mean over layers and seeds",
            [_log_feature(found, first, -1) - _log_feature(found, second, -1)],
        ),
    )


_SCORE = {
    True: "test accuracy of Init[A] less that of Init[B], in percentage points, mean over seeds",
    False: "log of Init[B]'s test perplexity over Init[A]'s, mean over seeds",
}


def _edge_shortfall(found: LanguageStudy) -> str:
    """Why the optima are not known: those that sit at the end of a grid may lie anywhere beyond it."""
    words = []
    for curves in found.curves:
        at_edge = int(curves.optimum.is_at_edge.sum())
        if at_edge:
            words.append(f"{at_edge} of {found.plan.seeds} optima of {curves.scheme} sit at the grid's edge")
    return "; ".join(words)


def _score(found: LanguageStudy, curves: Curves) -> Array:
    """The test score at the best rate, larger being better: accuracy in percent, or the log of 1 / perplexity."""
    best = found.best(curves)
    return np.asarray(100 * curves.test_right[best] if found.is_classification else -curves.test_loss[best])


def _log_feature(found: LanguageStudy, curves: Curves, record: int) -> Array:
    """log2 of |Z_A| at the best rate at one of the recorded steps, mean over layers, [seeds]; nan where it is zero."""
    sizes = curves.Z_A[found.best(curves), :, record]
    return np.asarray(np.log2(np.where(sizes > 0, sizes, np.nan)).mean(axis=-1))

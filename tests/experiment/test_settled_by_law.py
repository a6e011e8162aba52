"""Rows that the trained widths leave open, decided by the exact law, and those that it leaves alone."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from gamma_calc import crosscheck
from gamma_calc.experiment.prediction import Predicted, Prediction, at_largest_rate, predictions
from gamma_calc.experiment.settled_by_law import FAR_WIDTHS, far_configuration, settled
from gamma_calc.experiment.setup import Settings, configuration
from gamma_calc.experiment.verdicts import judged, worst
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.simulation.probe import ProbeConfiguration, probe
from gamma_calc.simulation.verdicts import Verdict

WIDTHS = tuple(2**k for k in range(5, 12))
INIT_AB = at_largest_rate(CATALOGUE["init-ab"])
CONFIGURATION = configuration(INIT_AB, Settings(widths=WIDTHS, seeds=8, steps=2, device="cpu"), Fraction(1, 8))
"""With so small a prefactor some terms cross over above these widths."""


def test_what_the_widths_leave_open_is_decided_far_out() -> None:
    predicted = predictions(INIT_AB, 2)
    rows = judged("init-ab", predicted, probe(CONFIGURATION))
    still_open = [row for row in rows if row.verdict is Verdict.INCONCLUSIVE]
    assert still_open
    found = settled(rows, predicted, CONFIGURATION)
    assert worst(row.verdict for row in found) is Verdict.PASS
    for before, after in zip(rows, found, strict=True):
        pairs = [(before.leading, after.leading), *((before.terms[term], after.terms[term]) for term in before.terms)]
        for old, new in pairs:
            if old.judgement.verdict is Verdict.INCONCLUSIVE:
                assert new.judgement.reason.startswith("decided by the exact law at widths 2^30 to 2^60, 1 sample")
                assert old.judgement.reason in new.judgement.reason
                assert new.estimate == old.estimate
                assert new.law is not None and new.law.widths == FAR_WIDTHS
            else:
                assert new == old


def shifted(right: Predicted) -> Predicted:
    return Predicted(None if right.exponent is None else right.exponent + Fraction(1, 4))


def test_a_wrong_prediction_is_refuted_far_out() -> None:
    predicted = predictions(INIT_AB, 2)
    rows = judged("init-ab", predicted, probe(CONFIGURATION))
    wrong = tuple(
        Prediction(
            each.quantity, each.t, shifted(each.total), {term: shifted(size) for term, size in each.terms.items()}
        )
        for each in predicted
    )
    # The rows stay open as the right predictions left them; the law then meets the wrong ones.
    assert worst(row.verdict for row in settled(rows, wrong, CONFIGURATION)) is Verdict.FAIL


def test_too_few_widths_are_not_made_up_for() -> None:
    found = crosscheck("init-a", settings=Settings(widths=(64, 128, 256), seeds=4, steps=1, device="cpu"))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert all("widths" in row.reason for row in found.rows)


@pytest.mark.parametrize(
    ("change", "samples"),
    [({}, 1), ({"optimizer": configuration(INIT_AB.under("sgd"), Settings(), Fraction(1)).optimizer}, 2)],
    ids=["adam", "sgd"],
)
def test_the_far_experiment_has_the_samples_whose_law_is_known(change: dict[str, object], samples: int) -> None:
    far = far_configuration(replace(CONFIGURATION, **change))  # type: ignore[arg-type]
    assert far is not None
    assert (far.samples, far.widths) == (samples, FAR_WIDTHS)


@pytest.mark.parametrize("change", [{"data": "teacher-student"}, {"rank": Fraction(1)}])
def test_where_no_law_is_known_rows_stay_open(change: dict[str, object]) -> None:
    configured: ProbeConfiguration = replace(CONFIGURATION, **change)  # type: ignore[arg-type]
    assert far_configuration(configured) is None
    rows = judged("init-ab", predictions(INIT_AB, 2), probe(CONFIGURATION))
    assert settled(rows, predictions(INIT_AB, 2), configured) == rows

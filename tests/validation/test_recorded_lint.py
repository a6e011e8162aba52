"""The recorded sweep of lint's claims: what it compared with is what lint derives today, and every slope met it."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from validation.lint_sweep import BOUND, predicted
from validation.lint_sweep import ROWS as SWEPT

ROOT = Path(__file__).resolve().parents[2]
RECORDED = json.loads((ROOT / "validation/lint.json").read_text(encoding="utf-8"))
ROWS = RECORDED["rows"]


@pytest.mark.slow
def test_the_recorded_predictions_are_derived_today() -> None:
    assert {row.title: str(predicted(row)) for row in SWEPT} == {title: row["predicted"] for title, row in ROWS.items()}


@pytest.mark.parametrize("title", ROWS)
def test_the_recorded_slope_met_its_prediction(title: str) -> None:
    assert abs(ROWS[title]["slope"] - Fraction(ROWS[title]["predicted"])) <= BOUND


def test_the_page_shows_the_record() -> None:
    page = (ROOT / "docs/lint.md").read_text(encoding="utf-8")
    for title, row in ROWS.items():
        assert f"| {title} | {row['predicted']} | {row['slope']:.3f} |" in page


def test_a_control_that_must_not_grow_is_told_from_what_grows() -> None:
    assert abs(ROWS["A Z at the start, `true`"]["slope"]) < 0.1 < ROWS["A Z at the start, `gaussian`"]["slope"]

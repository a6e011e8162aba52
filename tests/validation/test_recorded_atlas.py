"""The recording of the atlas speaks of the engine as it is: what decides each claim, and what is derived of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gamma_calc.atlas.comparison import atlas
from gamma_calc.atlas.measurement import SETTINGS, trial_of
from gamma_calc.simulation.verdicts import RULE, TOLERANCE
from validation.atlas import FOLDER, page

DATA: dict[str, Any] = json.loads((FOLDER / "atlas.json").read_text(encoding="utf-8"))


def test_the_page_is_made_from_the_data() -> None:
    assert DATA["rule"] == {"tolerance": TOLERANCE, **RULE}
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == page(DATA)


@pytest.mark.slow
def test_what_is_recorded_is_what_a_run_decides_today() -> None:
    trials = {row: trial for row in atlas() if (trial := trial_of(row, SETTINGS.steps)) is not None}
    today = {row.claim.id: (str(row.answer), trial.quantity, trial.t) for row, trial in trials.items()}
    assert today == {name: (row["derived"], row["quantity"], row["t"]) for name, row in DATA["rows"].items()}


def test_nothing_is_refuted_and_most_is_decided() -> None:
    verdicts = [row["verdict"] for row in DATA["rows"].values()]
    assert "FAIL" not in verdicts and verdicts.count("PASS") > 3 * verdicts.count("INCONCLUSIVE")

"""What is recorded in validation/ speaks of the engine as it is: same schemes, same predictions, all confirmed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gamma_calc.experiment.prediction import pinned, predictions
from gamma_calc.program.catalogue import CATALOGUE

VALIDATION = Path(__file__).resolve().parents[2] / "validation"
FOLDERS = ("crosscheck", "crosscheck-sgd")


def recorded(folder: str) -> Any:
    return json.loads((VALIDATION / folder / "crosscheck.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_recorded_predictions_are_those_of_today(folder: str) -> None:
    data = recorded(folder)
    for entry in data["schemes"]:
        scheme = pinned(CATALOGUE[entry["scheme"]].under(entry["optimizer"]))
        today = {(each.quantity, each.t): str(each.total) for each in predictions(scheme, data["settings"]["steps"])}
        rows = [row for row in data["quantities"] if row["scheme"] == entry["scheme"]]
        assert {(row["quantity"], row["t"]): row["predicted"] for row in rows} == today


@pytest.mark.parametrize("folder", FOLDERS)
def test_recorded_verdicts_and_where_they_came_from(folder: str) -> None:
    data = recorded(folder)
    assert data["verdict"] == "PASS"
    assert data["control"]["verdict"] == "FAIL"
    assert {"command", "date", "python", "torch", "numpy", "machine", "device"} <= data["environment"].keys()
    for row in data["quantities"]:
        if row["measured"] is not None:
            low, high = row["ci"]
            assert abs(row["measured"] - number(row["predicted"])) <= 0.05
            assert (high - low) / 2 <= 0.05


def number(text: str) -> float:
    numerator, _, denominator = text.partition("/")
    return int(numerator) / int(denominator or 1)

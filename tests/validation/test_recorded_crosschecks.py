"""What is recorded in validation/ speaks of the engine as it is: same schemes, same predictions, all confirmed."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from gamma_calc import crosscheck
from gamma_calc.experiment.prediction import at_largest_rate, predictions
from gamma_calc.experiment.setup import Settings
from gamma_calc.experiment.verdict_page import NOTHING
from gamma_calc.experiment.verdicts import FEWEST_PLACES, number, worst
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.simulation.slopes import SlopeEstimate
from gamma_calc.simulation.verdicts import RULE, TOLERANCE, Verdict, verdict

VALIDATION = Path(__file__).resolve().parents[2] / "validation"
FOLDERS = ("crosscheck", "crosscheck-sgd")


def recorded(folder: str) -> Any:
    return json.loads((VALIDATION / folder / "crosscheck.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_recorded_predictions_are_those_of_today(folder: str) -> None:
    data = recorded(folder)
    for entry in data["schemes"]:
        scheme = at_largest_rate(CATALOGUE[entry["scheme"]].under(entry["optimizer"]))
        today = {(each.quantity, each.t): str(each.total) for each in predictions(scheme, data["settings"]["steps"])}
        rows = [row for row in data["quantities"] if row["scheme"] == entry["scheme"]]
        assert {(row["quantity"], row["t"]): row["predicted"] for row in rows} == today


@pytest.mark.parametrize("folder", FOLDERS)
def test_recorded_verdicts_follow_from_the_recorded_numbers(folder: str) -> None:
    data = recorded(folder)
    assert data["rule"] == {"tolerance": TOLERANCE, **RULE}
    for row in data["quantities"]:
        found = [again(each) for each in (row, *row["terms"])]
        assert [each.value for each in found[1:]] == [term["verdict"] for term in row["terms"]]
        assert worst(found).value == row["verdict"] == Verdict.PASS.value
        assert row["in_ci"] == (
            None if row["ci"] is None else row["ci"][0] <= Fraction(row["predicted"]) <= row["ci"][1]
        )
        if row["ci"] is not None:
            assert again(row, shift=Fraction(1, 4)) is again(row, shift=Fraction(-1, 4)) is Verdict.FAIL


@pytest.mark.parametrize("folder", FOLDERS)
def test_recorded_numbers_are_measured_again(folder: str) -> None:
    """The first two steps of the first scheme, at every width and with the same seeds."""
    data = recorded(folder)
    entry, settings = data["schemes"][0], data["settings"]
    known = {name: settings[name] for name in ("seeds", "dtype", "seed")}
    found = crosscheck(
        entry["scheme"],
        optimizer=entry["optimizer"],
        settings=Settings(widths=tuple(settings["widths"]), steps=2, device="cpu", **known),
    )
    rows = {(row["scheme"], row["quantity"], row["t"]): row for row in data["quantities"]}
    for row in found.rows:
        before = rows[row.scheme, row.quantity, row.t]
        assert row.leading.measured == pytest.approx(before["measured"], abs=1e-4)
        assert list(row.leading.estimate.interval or ()) == pytest.approx(before["ci"] or [], abs=1e-4)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_recording_says_where_it_came_from_and_its_pages_show_it(folder: str) -> None:
    data = recorded(folder)
    assert data["control"]["verdict"] == "FAIL"
    assert {"command", "date", "python", "torch", "numpy", "machine", "device"} <= data["environment"].keys()
    report = (VALIDATION / folder / "report.md").read_text(encoding="utf-8")
    assert data["summary"].partition(": ")[2] in report.replace("\\", "")
    for row in data["quantities"]:
        cells = f"| {row['quantity']} | {row['t']} | {row['verdict']} | {row['predicted']} |"
        # More places than three where fewer would put a prediction inside of its interval.
        assert any(
            f"{cells} {number(row['measured'], places, NOTHING)} |" in report for places in range(FEWEST_PLACES, 6)
        )


def again(entry: Any, shift: Fraction = Fraction(0)) -> Verdict:
    """Today's verdict on recorded numbers, beside a prediction that is moved."""
    exponent = None if entry["predicted"] == "-oo" else Fraction(entry["predicted"]) + shift
    if entry["measured"] is None:
        return verdict(exponent, SlopeEstimate((128, 8192), 32, is_zero=True)).verdict
    low, high = entry["ci"]
    half = (high - low) / 2
    found = SlopeEstimate((128, 8192), 32, entry["measured"], (low, high), half, half)
    return verdict(exponent, found, upper=entry["upper"]).verdict

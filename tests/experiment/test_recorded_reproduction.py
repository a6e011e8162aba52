"""The recorded reproduction: complete, judged by its own intervals, and beside what the engine predicts today."""

from __future__ import annotations

import json
import math
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from gamma_calc.experiment.claims import MeasuredClaim
from gamma_calc.experiment.reproduction_plan import FULL, INITS
from gamma_calc.experiment.stability_plane import STUDENT, predicted_edge, stable_region
from validation.redrawn import student_drawings

FOLDER = Path(__file__).resolve().parents[2] / "validation" / "teacher-student"


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))
    return found


def number(value: float | None, absent: float) -> float:
    return absent if value is None else value


def test_it_is_the_full_plan_with_all_that_makes_it_again(recorded: dict[str, Any]) -> None:
    plan = recorded["plan"]
    assert (plan["name"], plan["widths"], plan["runs"], plan["seed"]) == (
        "full",
        list(FULL.widths),
        FULL.runs,
        FULL.seed,
    )
    assert recorded["environment"].keys() >= {"command", "time", "python", "torch", "numpy", "gamma_calc", "machine"}
    assert [(each["scheme"], each["width"]) for each in recorded["studies"]] == [
        (s, n) for s in INITS for n in FULL.widths
    ]


def test_outcomes_follow_from_the_recorded_intervals(recorded: dict[str, Any]) -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    for each in recorded["claims"]:
        low, high = (number(end, math.nan) for end in each["ci"])
        wanted = each["wanted"][0], number(each["wanted"][1], math.inf)
        claim = MeasuredClaim(each["claim"], each["quantity"], wanted, number(each["measured"], math.nan), (low, high))
        assert claim.outcome.value == each["outcome"]
        assert f"**{each['outcome'].capitalize()}.** {each['claim']}" in page


def test_recorded_edges_stand_beside_todays_predictions(recorded: dict[str, Any]) -> None:
    edges, law = recorded["edges"], "exact law of the module"  # as it was recorded; today a population
    assert {(each["experiment"], each["scheme"]) for each in edges} == {(e, s) for e in (law, STUDENT) for s in INITS}
    for each in edges:
        predicted = predicted_edge(stable_region(each["scheme"]), Fraction(each["offset"]))
        assert each["predicted"] == str(predicted)
        if each["experiment"] == law:
            # At widths up to 2^60; 0.05 is the tolerance of every cross-check.
            assert abs(each["measured"] - predicted) <= 0.05


def test_figures_are_there(recorded: dict[str, Any]) -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\]\((.*?)\.png\)", page)) == {path.stem for path in FOLDER.glob("*.svg")}
    assert {path.stem for path in FOLDER.glob("*.svg")} == set(student_drawings(recorded))

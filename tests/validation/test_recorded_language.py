"""The recorded experiments with language models: large enough, and judged by their own intervals."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from gamma_calc.experiment.reproduction_claims import Claim
from gamma_calc.huggingface.language.settings import SCHEMES

VALIDATION = Path(__file__).resolve().parents[2] / "validation"
FOLDERS = sorted(path.parent for name in ("llama", "roberta") for path in VALIDATION.glob(f"{name}*/results.json"))


def test_both_experiments_are_recorded() -> None:
    assert {"llama", "roberta"} <= {folder.name for folder in FOLDERS}


@pytest.fixture(params=FOLDERS, ids=[folder.name for folder in FOLDERS])
def folder(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


def recorded(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return found


def number(value: float | None) -> float:
    return math.nan if value is None else value


def test_it_has_three_seeds_and_six_rates_a_scheme_at_least(folder: Path) -> None:
    found = recorded(folder)
    assert [each["scheme"] for each in found["schemes"]] == list(SCHEMES)
    for each in found["schemes"]:
        assert len(each["log2_rate"]) >= 6
        assert all(len(row) == found["plan"]["seeds"] >= 3 for row in each["test_loss"])
    assert found["environment"].keys() >= {"command", "time", "python", "torch", "transformers", "peft", "machine"}


def test_outcomes_follow_from_the_recorded_intervals(folder: Path) -> None:
    page = (folder / "README.md").read_text(encoding="utf-8")
    for each in recorded(folder)["claims"]:
        interval = number(each["ci"][0]), number(each["ci"][1])
        claim = Claim(
            each["claim"], each["quantity"], (each["wanted"][0], math.inf), number(each["measured"]), interval
        )
        if "grid's edge" not in each["reason"] and "every seed gives" not in each["reason"]:
            assert claim.outcome.value == each["outcome"]
        assert f"**{each['outcome'].capitalize()}.** {each['claim']}" in page


def test_figures_are_there_and_nobody_s_paths_are_not(folder: Path) -> None:
    assert {path.stem for path in folder.glob("*.svg")} == {"rates", "features"}
    text = (folder / "results.json").read_text(encoding="utf-8") + (folder / "README.md").read_text(encoding="utf-8")
    assert not any(word in text for word in ("/home/", "/tmp/", "@localhost"))

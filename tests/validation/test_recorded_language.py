"""The recorded experiments with language models: large enough, and judged by their own intervals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gamma_calc.experiment.claims import positive_claim
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


def test_it_has_three_seeds_and_six_rates_a_scheme_at_least(folder: Path) -> None:
    found = recorded(folder)
    assert [each["scheme"] for each in found["schemes"]] == list(SCHEMES)
    for each in found["schemes"]:
        assert len(each["log2_rate"]) >= 6
        assert all(len(row) == found["plan"]["seeds"] >= 3 for row in each["test_loss"])
    assert found["environment"].keys() >= {"command", "time", "python", "torch", "transformers", "peft", "machine"}


def test_outcomes_follow_from_the_recorded_numbers(folder: Path) -> None:
    """Each claim is judged again from what the seeds gave; an optimum at a grid's edge leaves its claim undecided."""
    found, page = recorded(folder), (folder / "README.md").read_text(encoding="utf-8")
    first, second = found["schemes"]
    at_edge = any(first["is_at_grid_edge"] + second["is_at_grid_edge"])
    features = [np.array(each["Z_A_at_best_rate"]) for each in (first, second)]
    is_classification = found["experiment"] == "roberta"
    values = (
        np.array(first["log2_optimal_rate"]) - np.array(second["log2_optimal_rate"]),
        score(first, is_classification) - score(second, is_classification),
        np.log2(features[0][:, -1] / features[0][:, 0]),
        np.log2(features[0][:, -1] / features[1][:, -1]),
    )
    for index, (each, seeds) in enumerate(zip(found["claims"], values, strict=True)):
        shortfall = "an edge" if at_edge and not index else ""
        again = positive_claim(each["claim"], each["quantity"], [seeds], shortfall=shortfall)
        assert again.outcome.value == each["outcome"]
        assert [again.value, *again.interval] == pytest.approx([each["measured"], *each["ci"]], rel=1e-3, abs=1e-3)
        assert f"**{each['outcome'].capitalize()}.** {each['claim']}" in page


def score(scheme: dict[str, Any], is_classification: bool) -> NDArray[np.float64]:
    """The test score of each seed at the best rate: accuracy in percent, or the log of 1 / perplexity."""
    best = scheme["log2_rate"].index(scheme["log2_best_rate"])
    return np.array(
        100 * np.array(scheme["test_right"][best]) if is_classification else -np.array(scheme["test_loss"][best])
    )


def test_figures_are_there_and_nobody_s_paths_are_not(folder: Path) -> None:
    assert {path.stem for path in folder.glob("*.svg")} == {"rates", "scores", "features-Z_A", "features-Z_B"}
    text = (folder / "results.json").read_text(encoding="utf-8") + (folder / "README.md").read_text(encoding="utf-8")
    assert not any(word in text for word in ("/home/", "/tmp/", "@localhost"))

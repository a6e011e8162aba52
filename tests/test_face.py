"""Every question of the command line has its name in Python, and its answer shows itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import gamma_calc
from gamma_calc import compare, crosscheck, derive, diff, explore, exponents, lint, region, transfer, verify
from gamma_calc.cli.answering import QUESTIONS
from gamma_calc.cli.main import main

CONFIG = {"peft_type": "LORA", "r": 16, "init_lora_weights": True, "target_modules": ["q_proj"]}
ANSWERS = {
    "exponents": lambda: exponents("init-a"),
    "derive": lambda: derive("init-a"),
    "region": lambda: region("init-a", "efficient"),
    "compare": lambda: compare("init-a", "init-b"),
    "diff": lambda: diff("init-a", "init-b"),
    "transfer": lambda: transfer("init-a", learning_rate=2e-4, from_width=2048, to_width=8192),
    "lint": lambda: lint(CONFIG),
    "crosscheck": lambda: crosscheck("init-a", settings=gamma_calc.Settings(widths=(64, 128), seeds=2)),
}
"""What answers at once."""


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_shows_itself(name: str) -> None:
    found: Any = ANSWERS[name]()
    assert json.loads(json.dumps(found.json()))["schema"] == 1
    assert str(found) and len(repr(found)) < 4000 and "mappingproxy" not in repr(found)
    assert found._repr_html_().startswith("<")
    latex = found._repr_latex_() if hasattr(found, "_repr_latex_") else "$$"
    assert latex.startswith("$$") and latex.endswith("$$")


def test_a_certificate_is_verified(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    assert main(["derive", "init-b", "--certificate", str(path)]) == 0
    found = verify(path)
    assert found.is_valid and found.json()["valid"] and str(found).endswith("The certificate proves all of this.")


def test_every_question_of_schemes_and_files_has_its_name() -> None:
    others = {"schemes", "model", "tune", "reproduce", "atlas", "completion", "runs"}
    """CATALOGUE, the names of gamma_calc.huggingface, commands alone, and stored_runs."""
    assert set(QUESTIONS) - others <= set(gamma_calc.__all__)
    assert explore("init-a").title == "init-a under adam"

"""The page of classes that are traced has each of them, and says of a few what is found today."""

from __future__ import annotations

from pathlib import Path

import pytest
import transformers

from gamma_calc.document.tables import markdown_table
from validation.classes import PAGE, classes, reason

ROOT = Path(__file__).resolve().parents[2]
TEXT = PAGE.read_text(encoding="utf-8")
TRACED = TEXT.split("are traced:\n\n")[1].partition("\n")[0].split(", ")


def test_every_class_has_its_place() -> None:
    """Every one that transformers had when the page was written; a later release may have more."""
    others = [line.split(" | ")[0].removeprefix("| ") for line in TEXT.splitlines() if line.startswith("| ")][2:]
    every = sorted([*TRACED, *others])
    if f"with transformers {transformers.__version__};" in TEXT:
        assert every == classes()
    counts = f"{len(TRACED)} of {len(every)} are traced"
    assert counts in TEXT
    assert counts in (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert f"{len(TRACED)} are traced" in (ROOT / "docs" / "model.md").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["MistralForCausalLM", "Gemma4ForConditionalGeneration", "FalconForCausalLM"])
def test_a_class_has_its_line(name: str) -> None:
    why = reason(name)
    assert (name in TRACED) is (not why)
    assert not why or markdown_table([["class", "why not"], [name, why]]).splitlines()[-1] in TEXT

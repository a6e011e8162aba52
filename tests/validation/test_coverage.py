"""The page of families is the one of today; what has no rule is refused by name."""

from __future__ import annotations

import pytest

from gamma_calc.derivation.tables import markdown_table
from validation.coverage import HEAD, MODELS, PAGE, covered, rows_of

LINES = PAGE.read_text(encoding="utf-8").splitlines()


def lines(rows: list[list[str]]) -> list[str]:
    return markdown_table([[], *rows]).splitlines()[2:]


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow]) for name in MODELS])
def test_a_family_has_its_lines(name: str) -> None:
    assert lines([*rows_of(name)]) == [line for line in LINES if line.startswith(f"| {name} |")]


@pytest.mark.parametrize("name", ["GPT-2", "Falcon"])
def test_a_family_with_adapters_on_attention(name: str) -> None:
    model = MODELS[name]
    found = covered(model, list(model.attention))
    assert not found.unknown
    assert lines([[name, ", ".join(model.attention), *found.cells]])[0] in LINES


def test_the_page_has_these_families_and_no_others() -> None:
    assert "\n".join(LINES).startswith(HEAD)
    assert [line.split(" | ")[0].removeprefix("| ") for line in LINES[len(HEAD.splitlines()) + 2 :: 2]] == [*MODELS]

"""The page of families is the one of today; what has no rule is refused by name."""

from __future__ import annotations

import pytest

from gamma_calc.document.tables import markdown_table
from validation.coverage import HEAD, MODELS, PAGE, covered, rows_of

LINES = PAGE.read_text(encoding="utf-8").splitlines()


def lines(rows: list[list[str]]) -> list[str]:
    return markdown_table([[], *rows]).splitlines()[2:]


def without_count(line: str) -> tuple[str, ...]:
    """The cells of a line but its number of operations, which goes by torch."""
    cells = line.split(" | ")
    return (*cells[:4], *cells[5:])


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow]) for name in MODELS])
def test_a_family_has_its_lines(name: str) -> None:
    known = [line for line in LINES if line.startswith(f"| {name} |")]
    assert [*map(without_count, lines([*rows_of(name)]))] == [*map(without_count, known)]


@pytest.mark.parametrize("name", ["GPT-2", "Falcon"])
def test_a_family_with_adapters_on_attention(name: str) -> None:
    model = MODELS[name]
    found = covered(model, list(model.attention))
    assert not found.unknown
    (line,) = lines([[name, ", ".join(model.attention), *found.cells]])
    assert without_count(line) in map(without_count, LINES)


def test_the_page_has_these_families_and_no_others() -> None:
    assert "\n".join(LINES).startswith(HEAD)
    assert [line.split(" | ")[0].removeprefix("| ") for line in LINES[len(HEAD.splitlines()) + 2 :: 2]] == [*MODELS]

"""The page of families is the one of today; what has no rule is refused by name."""

from __future__ import annotations

import pytest

from gamma_calc.derivation.tables import markdown_table
from validation.coverage import MODELS, PAGE, covered, page


@pytest.mark.slow
def test_the_page_is_the_one_of_today() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("name", ["GPT-2", "Falcon"])
def test_a_family_has_its_line(name: str) -> None:
    model = MODELS[name]
    found = covered(model, list(model.attention))
    assert found.unknown[:1] == (("slice",) if name == "Falcon" else ())
    line = markdown_table([[], [name, ", ".join(model.attention), *found.cells]]).splitlines()[-1]
    assert line in PAGE.read_text(encoding="utf-8")


def test_every_family_has_two_lines() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    assert all(sum(line.startswith(f"| {name} |") for line in lines) == 2 for name in MODELS)

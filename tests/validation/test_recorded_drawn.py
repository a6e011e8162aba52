"""The recording of networks drawn at random: the same seeds draw the same networks, and the page is its."""

from __future__ import annotations

import json
from typing import Any

from gamma_calc.simulation.verdicts import RULE, TOLERANCE
from validation.drawn import DRAWN, FOLDER, Drawing, page

DATA: dict[str, Any] = json.loads((FOLDER / "drawn.json").read_text(encoding="utf-8"))


def test_the_page_is_made_from_the_data() -> None:
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == page(DATA)
    assert DATA["rule"] == {"tolerance": TOLERANCE, **RULE}


def test_the_seeds_draw_what_is_recorded() -> None:
    assert [*DATA["networks"]] == [str(seed) for seed in DRAWN]
    for seed, row in DATA["networks"].items():
        drawing = Drawing(int(seed))
        problem = drawing.problem(int(seed))
        assert (drawing.words, problem.scheme.optimizer.name) == (row["operations"], row["optimizer"])


def test_each_control_fails() -> None:
    assert all(row["control"] == "FAIL" for row in DATA["networks"].values())

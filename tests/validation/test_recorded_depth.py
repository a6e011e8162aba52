"""The recording of LoRA in depth speaks of the engine as it is, and its controls show that it can tell."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest

from gamma_calc.calculus.recursion import trajectory
from gamma_calc.program.problem import program_of
from gamma_calc.simulation.verdicts import RULE, TOLERANCE
from validation.depth import DEPTHS, FOLDER, GROWING, SCHEMES, page, scheme

DATA: dict[str, Any] = json.loads((FOLDER / "depth.json").read_text(encoding="utf-8"))
STACKS = {(row["scheme"], row["depth"]): row for row in DATA["stacks"]}


def test_the_page_is_made_from_the_data() -> None:
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == page(DATA)
    assert DATA["rule"] == {"tolerance": TOLERANCE, **RULE}


@pytest.mark.parametrize(("name", "depth"), [(name, depth) for depth in DEPTHS for name in SCHEMES])
def test_recorded_exponents_are_those_of_today(name: str, depth: int) -> None:
    sizes = trajectory(program_of(scheme(name, depth)), 4).upto(4)[-1].sizes
    rows = STACKS[name, depth]["features"]
    assert {f"{row['feature']}[{row['layer']}]": row["predicted"] for row in rows} == {
        key: str(size) for key, size in sizes.items() if key.partition("[")[0] in ("Z_A", "Z_B", "dZ")
    }


def test_nothing_is_refuted_and_every_control_is() -> None:
    assert all(row["verdicts"]["FAIL"] == 0 and row["control"] == "FAIL" for row in STACKS.values())
    assert [row["verdict"] for row in DATA["cut"]] == ["FAIL", "FAIL"]


@pytest.mark.parametrize("stack", STACKS.values(), ids=map(str, STACKS))
def test_one_module_is_refuted_where_layers_feel_each_other_and_nowhere_else(stack: dict[str, Any]) -> None:
    for row in stack["features"]:
        is_alike = Fraction(row["predicted"]) == Fraction(row["one_module"]["predicted"])
        assert is_alike or stack["scheme"] == GROWING
        if row["verdict"] == "PASS":
            assert row["one_module"]["verdict"] == ("PASS" if is_alike else "FAIL")

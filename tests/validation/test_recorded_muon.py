"""The recording of Muon on adapters speaks of the engine as it is; one module's exponents fail in a stack."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest

from gamma_calc.calculus.recursion import trajectory
from gamma_calc.program.problem import program_of
from gamma_calc.simulation.verdicts import RULE, TOLERANCE
from validation.muon import FOLDER, ROWS, page, scheme

DATA: dict[str, Any] = json.loads((FOLDER / "muon.json").read_text(encoding="utf-8"))
STACKS = {(row["init"], row["optimizer"], row["rate"], row["depth"]): row for row in DATA["stacks"]}


def test_the_page_is_made_from_the_data() -> None:
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == page(DATA)
    assert DATA["rule"] == {"tolerance": TOLERANCE, **RULE} and list(STACKS) == list(ROWS)


@pytest.mark.parametrize("row", ROWS)
def test_recorded_exponents_are_those_of_today(row: tuple[str, str, str, int]) -> None:
    sizes = trajectory(program_of(scheme(*row)), 4).upto(4)[-1].sizes
    for each in STACKS[row]["features"]:
        assert each["predicted"] == str(sizes[f"{each['feature']}[{each['layer']}]"])


def test_nothing_is_refuted_and_every_control_is() -> None:
    assert all(row["verdicts"]["FAIL"] == 0 and row["control"] == "FAIL" for row in STACKS.values())
    for stack in STACKS.values():
        for row in stack["features"]:
            is_alike = Fraction(row["predicted"]) == Fraction(row["one_module"]["predicted"])
            assert is_alike or (stack["init"], stack["optimizer"]) == ("Init[A]", "muon")
            assert row["one_module"]["verdict"] == ("PASS" if is_alike else "FAIL")

"""The measured edges of whole models speak of the engine as it is, and refute one module's where it is another."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import pytest

from gamma_calc.algebra import Exponent
from gamma_calc.analysis.derivation import derived
from gamma_calc.calculus import interpreter
from gamma_calc.calculus.provenance import DEPTH
from gamma_calc.calculus.recursion import trajectory
from gamma_calc.calculus.size import Size
from gamma_calc.program.problem import program_of
from validation.edges import EIGHT, FOLDER, JUDGED, RECORDED, SETTINGS, Setting, edge, page

DATA: list[dict[str, Any]] = json.loads(RECORDED.read_text(encoding="utf-8"))


def test_the_page_is_made_from_the_data() -> None:
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == page(DATA)
    assert [row["setting"] for row in DATA] == [each.words for each in SETTINGS]


@pytest.mark.slow
@pytest.mark.parametrize(("setting", "row"), list(zip(SETTINGS, DATA, strict=True)), ids=lambda each: str(each)[:60])
def test_recorded_edges_are_those_of_today(setting: Setting, row: dict[str, Any]) -> None:
    """Under LoRA+ each of L adapters in a row makes n^(1/2 + b) more of what it meets, at the rate n^b of B.

    So they are stable where (L - 1)(1/2 + b) + b <= 0, and what the last one reads is n^(7/16) at the edge of eight.
    """
    assert (row["network"], row["module"]) == (str(setting.network), str(setting.module))
    if setting is EIGHT:
        found = derived(setting.whole)
        regions = {name: str(each) for name, each in found.decisions.items()}
        assert regions == {"stable": "eta <= -23/16", "internally_stable": "eta <= -3/2", "feature_learning": "never"}
        assert found.at_max["Z_A_down_proj[2]"] == Size.exactly(Exponent.of(Fraction(7, 16)))


@pytest.fixture
def remember() -> Iterator[Callable[[int], None]]:
    """Sets how many sums back of earlier steps a run remembers; what was derived with another number is forgotten."""

    def set_depth(depth: int) -> None:
        patch.setattr(interpreter, "DEPTH", depth)
        forget()

    def forget() -> None:
        for name, module in list(sys.modules.items()):
            if name.startswith("gamma_calc.calculus."):
                for each in vars(module).values():
                    getattr(each, "cache_clear", lambda: None)()

    with pytest.MonkeyPatch.context() as patch:
        yield set_depth
    forget()


@pytest.mark.slow
def test_one_sum_of_earlier_steps_tells_all_and_none_too_little(remember: Callable[[int], None]) -> None:
    """At the rate of one module, far above the edge; slopes that are recorded there at large n bear out one sum."""
    program, sizes = program_of(EIGHT.whole.at({"eta": EIGHT.module})), []
    for depth in (0, DEPTH, 3):
        remember(depth)
        sizes.append([step.sizes for step in trajectory(program, 4).steps])
    none, one, more = sizes
    assert none != one == more


def test_one_modules_edge_is_refuted_where_the_network_has_another() -> None:
    """With eight adapters in a row the widths do not reach the law, and that row FAILs as it came out."""
    seen = {}
    for row, setting in zip(DATA, SETTINGS, strict=True):
        assert [each["bound"] for each in row["bounds"]] == list(setting.bounds)
        found = next(each for each in row["bounds"] if each["bound"] == JUDGED)
        seen[tuple(row["setting"])] = tuple(found["verdicts"])
    assert seen == {
        ("lora-plus-a", "query, value", "2"): ("PASS", "FAIL"),
        ("lora-plus-a", "all linear", "1"): ("PASS", "FAIL"),
        ("lora-plus-a", "all linear", "2"): ("FAIL", "FAIL"),
        ("lora-plus-b", "all linear", "2"): ("PASS", "PASS"),
        ("init-a", "all linear", "2"): ("PASS", "PASS"),
    }


@pytest.mark.parametrize("guess", [2.0**-9, 0.3, 5.0])
def test_an_edge_is_found_from_either_side(guess: float) -> None:
    assert edge(lambda k: 3 * k**2, 1.0, guess) == pytest.approx(math.sqrt(1 / 3))
    assert edge(lambda k: 3 * k**2 + k**8, 1.0, guess) == pytest.approx(0.574, abs=0.003)

"""The numbers of README and of docs/results.md are those of the records; the pictures are of engine and records."""

from __future__ import annotations

import json
import re
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from docs import figures
from gamma_calc.report.figure import PHONE_WIDTH
from tests.docs.pages import ROOT

README, RESULTS = (ROOT / name for name in ("README.md", "docs/results.md"))


def recorded(name: str) -> Any:
    return json.loads((ROOT / name).read_text(encoding="utf-8"))


def verdicts(name: str) -> Counter[str]:
    return Counter(row["verdict"] for row in recorded(f"validation/{name}.json")["quantities"])


def words(page: Path) -> str:
    return " ".join(page.read_text(encoding="utf-8").split())


def test_families() -> None:
    both = verdicts("families/llama") + verdicts("families/roberta")
    assert not both["FAIL"]
    said = f"{both['PASS']} of their {both.total()} exponents are confirmed and {both['INCONCLUSIVE']} left open"
    assert said in words(RESULTS)


@pytest.mark.parametrize("page", [README, RESULTS], ids=lambda page: page.name)
def test_crosscheck(page: Path) -> None:
    found = verdicts("crosscheck/crosscheck")
    assert set(found) == {"PASS"} == set(verdicts("crosscheck-sgd/crosscheck"))
    assert f"All {found['PASS']} exponents of the" in words(page)


def test_depth() -> None:
    stacks = recorded("validation/depth/depth.json")["stacks"]
    assert all(each["verdicts"]["FAIL"] == each["verdicts"]["INCONCLUSIVE"] == 0 for each in stacks)
    assert f"all {sum(each['verdicts']['PASS'] for each in stacks)} of" in words(README)
    (stack,) = (each for each in stacks if (each["scheme"], each["depth"]) == ("LoRA+ from Init[A]", 2))
    slopes = {each["feature"]: each["measured"] for each in stack["features"] if each["layer"] == 2}
    sizes = [f"{slopes[name]:.2f}" for name in ("Z_A", "Z_B")]
    assert "slopes of {} for A Z and {} for B A Z in the second layer".format(*sizes) in words(README)
    assert "slopes of {} for Z_A and {} for Z_B in the second layer".format(*sizes) in words(RESULTS)


def test_teacher_and_student() -> None:
    outcomes = Counter(each["outcome"] for each in recorded("validation/teacher-student/results.json")["claims"])
    assert outcomes == {"confirmed": 6, "undecided": 1}
    assert "Of the paper's seven claims on its teacher and student six are confirmed, one is undecided" in words(README)
    assert "six of seven claims are confirmed and one is undecided" in words(RESULTS)


def test_atlas() -> None:
    book = (ROOT / "derivations/atlas/README.md").read_text(encoding="utf-8")
    ((claims, sources, agree, differ, missing),) = re.findall(
        "(\\d+) claims of (\\d+) sources: (\\d+) ✓, (\\d+) ≠, (\\d+) ○", book
    )
    assert f"Of {claims} published exponents and conditions {differ} differ" in words(README)
    said = (
        f"{claims} claims of {sources} sources, of which {agree} agree, {differ} differ and {missing} are out of scope"
    )
    assert said in words(RESULTS)


def test_speed() -> None:
    found = recorded("benchmarks/recorded.json")
    (case,) = (each for each in found["cases"] if each["n"] == 4096)
    said = f"{case['ratios']['plain']:.0f} times faster a configuration-step than plain torch autograd and"
    assert f"{said} {case['ratios']['peft']:.0f} times faster than PEFT's layer" in words(RESULTS)
    assert f"at {case['times_floor']:.2f} times the machine's arithmetic floor" in words(RESULTS)
    network, student = found["growth"]
    elsewhere = ", on another machine," if network.get("machine", found["machine"]) != found["machine"] else ""
    said = f"{network['exponent']:.2f} for the reading of one adapter from 2^14 to 2^20{elsewhere} and"
    assert f"{said} {student['exponent']:.2f} for teacher and student" in words(RESULTS)
    peak = max(each["peak_bytes_so_far"][-1] for each in found["growth"]) / 2**30
    assert f"at most {peak:.1f} GiB" in words(RESULTS)


def test_pictures() -> None:
    rows = {scheme: figures.module_rows(scheme) for scheme in ("init-a", "init-b", "lora-plus-a")}
    for row in (row for panel in rows.values() for row in panel):
        assert abs(float(Fraction(row.derived)) - row.measured) <= 0.05
    inner, idle = rows["init-a"][0], rows["init-b"][3]
    assert f"{inner.derived} and {inner.measured:.2f} for the inner features of Init[A]" in words(README)
    assert f"{idle.derived} and {idle.measured:.2f} for B's part under Init[B]" in words(README)
    deep = figures.depth_rows("LoRA+ from Init[A]", ("-1/2", "zero"))
    assert [row.derived for row in deep] == ["0", "0", "1/2", "1/2", "1/2", "0"]


def test_every_picture_has_a_form_that_fits_a_telephone() -> None:
    for name in figures.FIGURES.keys() - figures.WIDE.keys():
        (width,) = re.findall(r'<svg [^>]*width="([0-9.]+)pt"', (ROOT / f"docs/images/{name}.svg").read_text("utf-8"))
        assert float(width) <= 72 * (PHONE_WIDTH + 0.2)


def test_every_picture_is_there() -> None:
    assert {path.stem for path in (ROOT / "docs/images").iterdir()} == set(figures.FIGURES)

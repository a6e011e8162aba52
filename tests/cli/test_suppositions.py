"""The options with which assumptions are taken away or alignments set, on every question that has them."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from gamma_calc import derive
from gamma_calc.algebra import Affine
from gamma_calc.analysis.published import published_points
from gamma_calc.calculus.policy import Alignment, Policy
from gamma_calc.cli.main import main
from tests.schemes import scheme


def told(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    assert main(words) == status
    return capsys.readouterr().out


def answered(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> Any:
    return json.loads(told(capsys, *words, "--json", status=status))


def test_derive_without_an_assumption(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(told(capsys, "derive", "init-a", "--without", "A5", "--json", status=3))
    assert found["without"] == ["A5"]
    assert "A5" not in [each["key"] for each in found["assumptions"]]
    assert found["conditions"]["stable"]["status"] == "unknown"
    assert "delta_1" in found["steps"][1]["upper"]


def test_a_measured_alignment_is_the_decimal_that_it_prints() -> None:
    by_text, by_number = (derive("init-a", align={"aligned": value}) for value in ("0.97", 0.97))
    assert by_number.json() == by_text.json() and by_number.json()["align"] == {"aligned": "97/100"}


def test_derive_under_a_free_alignment(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(told(capsys, "derive", "init-a", "--align", "aligned=alpha", "--json"))
    assert found["align"] == {"aligned": "alpha"}
    assert found["free"] == ["eta", "alpha"]
    assert found["max_stable"]["eta"]["value"] == "-alpha/2"
    there = json.loads(told(capsys, "derive", "init-a", "--align", "aligned=alpha", "--at", "alpha=3/4", "--json"))
    assert there["max_stable"]["eta"]["value"] == "-3/8"


@pytest.mark.parametrize("words", ["derive init-a", "compare init-b init-a", "region init-a"])
def test_an_alignment_is_not_called_as_a_rate(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words.split(), "--align", "aligned=eta"]) == 2
    said = capsys.readouterr().err
    assert "an alignment: found 'eta', expected a number, or a name that is no free exponent of init-" in said


CARRIED = ("--lr", "1e-3", "--from-width", "64", "--to-width", "1024")
QUESTIONS = (
    ("exponents", "init-a"),
    ("derive", "init-a"),
    ("region", "init-a"),
    ("compare", "init-a", "init-b"),
    ("diff", "init-a", "init-b"),
    ("transfer", "init-a", *CARRIED),
    ("crosscheck", "init-a"),
)
"""Every question that reads a scheme in exponents."""

REFUSED = {
    "an indispensable assumption": (("--without", "A1"), "without A1"),
    "no assumption": (("--without", "A0"), "A3"),
    "no kind of sum": (("--align", "alligned=1"), "aligned"),
    "no alignment": (("--align", "aligned=2"), "1/2 to 1"),
    "no pair": (("--align", "aligned"), "KIND=VALUE"),
    "a kind twice": (("--align", "aligned=1", "--align", "aligned=1/2"), "twice"),
    "a power of ten": (("--align", "aligned=75e-2"), "aligned"),
    "a reserved name": (("--align", "aligned=rank"), "rank"),
    "a value outside": (("--align", "aligned=alpha", "--at", "alpha=0"), "1/2 to 1"),
    "a name that is free nowhere": (("--align", "aligned=alpha", "--at", "beta=0"), "beta"),
}


@pytest.mark.parametrize(("words", "complaint"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda words: words[0])
def test_what_is_refused(
    capsys: pytest.CaptureFixture[str], question: tuple[str, ...], words: tuple[str, ...], complaint: str
) -> None:
    assert main([*question, *words]) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert len(error.splitlines()) == 1


def test_exponents_are_bounds_without_an_assumption(capsys: pytest.CaptureFixture[str]) -> None:
    found = answered(capsys, "exponents", "init-a", "--without", "A5")
    assert found["without"] == ["A5"]
    assert "Z_A" in found["steps"][1]["upper"]
    text = told(capsys, "exponents", "init-a", "--align", "aligned=u")
    assert text.startswith("init-a under adam, aligned sums u; free: eta, u\n")


def test_schemes_are_compared_under_one_alignment(capsys: pytest.CaptureFixture[str]) -> None:
    found = answered(capsys, "compare", "init-a", "init-b", "--align", "aligned=u", "--at", "u=1/2")
    assert [each["max_stable"]["eta"]["value"] for each in found["schemes"]] == ["-1/4", "-1/2"]
    assert [each["align"] for each in found["schemes"]] == [{"aligned": "1/2"}] * 2
    text = told(capsys, "compare", "init-a", "init-b", "--without", "A5", status=3)
    assert text.splitlines()[-1].startswith("without A5: ")


def test_a_free_alignment_is_an_axis_of_the_region(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawing = tmp_path / "u.svg"
    found = answered(capsys, "region", "init-a", "--align", "aligned=u", "--plot", str(drawing))
    assert (found["free"], found["align"]) == (["eta", "u"], {"aligned": "u"})
    assert found["polyhedra"][0]["vertices"] == [{"eta": "-1/2", "u": "1"}, {"eta": "-1/4", "u": "1/2"}]
    assert drawing.stat().st_size > 0
    text = told(capsys, "region", "init-a", "--without", "A5", status=3)
    assert text.startswith("init-a under adam, without A5: stable unknown: ")


def test_published_schemes_are_drawn_where_the_alignment_puts_them() -> None:
    subject = scheme("-1/2", "zero", "a", "b")
    at_half = Policy(((Alignment.ALIGNED, Affine.of(Fraction(1, 2))),))
    (init_a, _) = published_points(subject, at_half)
    assert (init_a.name, set(init_a.point.values())) == ("init-a", {Fraction(-1, 4)})
    assert published_points(subject, Policy(((Alignment.ALIGNED, Affine.symbol("u")),))) == ()


def test_the_edge_that_rates_are_carried_along_moves(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("transfer", "init-a", *CARRIED, "--align", "aligned=u")
    found = answered(capsys, *words, "--at", "u=1/2")
    assert found["exponent"]["eta_A"] == {"width": "-1/4", "rank": None}
    assert found["eta_A"] == pytest.approx(1e-3 / 2)
    assert main(words) == 2
    assert "--at u=1" in capsys.readouterr().err
    assert main(["transfer", "init-a", *CARRIED, "--without", "A5"]) == 3
    assert "unknown" in capsys.readouterr().err


QUICK = ("--widths", "64,128,256,512,1024,4096", "--seeds", "6", "--steps", "2")


def test_bounds_pass_and_a_false_alignment_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "out"
    found = answered(capsys, "crosscheck", "init-a", *QUICK, "--without", "A5", "--out", str(folder))
    assert (found["verdict"], found["without"]) == ("PASS", ["A5"])
    assert "Everett" in (folder / "derivations" / "init-a-adam.md").read_text(encoding="utf-8")
    assert "without A5: " in (folder / "report.md").read_text(encoding="utf-8")
    found = answered(capsys, "crosscheck", "init-a", *QUICK, "--align", "aligned=1/2", status=1)
    failed = {(each["quantity"], each["t"]) for each in found["quantities"] if each["verdict"] == "FAIL"}
    assert ("Z_A", 2) in failed and ("Z_A", 1) not in failed
    assert main(["crosscheck", "init-a", *QUICK, "--align", "aligned=u"]) == 2
    assert "--at u=1" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--without", "--align"])
def test_lint_says_why_it_supposes_nothing(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "adapter_config.json", option, "A5"]) == 2
    assert f"{option}: what lint finds was measured where all assumptions hold" in capsys.readouterr().err

"""`gamma-calc diff`, and the options with which assumptions are taken away."""

from __future__ import annotations

import json

import pytest

from gamma_calc.cli.main import main


def told(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    assert main(words) == status
    return capsys.readouterr().out


def test_two_schemes(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(told(capsys, "diff", "init-a", "init-b", "--json"))
    assert found["max_stable"] == {"eta": {"first": "-1/2", "second": "-1"}}
    assert found["conditions"]["efficient"]["second"]["region"] == "never"
    assert found["parting"]["line"] == 1
    assert (found["parting"]["first"]["rule"], found["parting"]["second"]["rule"]) == ("initial", "zero")
    assert found["symmetry"] is None


def test_the_same_scheme(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, "diff", "init-a", "init-a")
    assert "nothing changes" in text
    assert text.endswith("the same dynamics up to a symmetry: the identity\n")


def test_without_an_assumption(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, "diff", "init-a", "init-a", "--second-without", "A5", status=3)
    assert "first:  gamma[(U_B^1).T dZ] = eta + 1 by aligned sum\n" in text
    assert "second: gamma[(U_B^1).T dZ] <= eta + 1 by aligned sum, bounded\n" in text


def test_another_optimizer(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, "diff", "init-a", "init-a", "--second-optimizer", "sgd")
    assert text.splitlines()[:2] == ["init-a under adam", "init-a under sgd"]


def test_derive_without_an_assumption(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(told(capsys, "derive", "init-a", "--without", "A5", "--json", status=3))
    assert found["without"] == ["A5"]
    assert "A5" not in [each["key"] for each in found["assumptions"]]
    assert found["conditions"]["stable"]["status"] == "unknown"
    assert "delta_1" in found["steps"][1]["upper"]


def test_derive_under_a_free_alignment(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(told(capsys, "derive", "init-a", "--align", "aligned=alpha", "--json"))
    assert found["align"] == {"aligned": "alpha"}
    assert found["free"] == ["eta", "alpha"]
    assert found["max_stable"]["eta"]["value"] == "-alpha/2"
    there = json.loads(told(capsys, "derive", "init-a", "--align", "aligned=alpha", "--at", "alpha=3/4", "--json"))
    assert there["max_stable"]["eta"]["value"] == "-3/8"


REFUSED = {
    "an indispensable assumption": (("--without", "A1"), "without A1"),
    "no assumption": (("--without", "A0"), "A3"),
    "no kind of sum": (("--align", "alligned=1"), "aligned"),
    "no alignment": (("--align", "aligned=2"), "1/2 to 1"),
    "no pair": (("--align", "aligned"), "KIND=VALUE"),
    "a kind twice": (("--align", "aligned=1", "--align", "aligned=1/2"), "twice"),
    "a decimal": (("--align", "aligned=0.75"), "aligned"),
    "a reserved name": (("--align", "aligned=rank"), "rank"),
    "a value outside": (("--align", "aligned=alpha", "--at", "alpha=0"), "1/2 to 1"),
    "a name that is free nowhere": (("--align", "aligned=alpha", "--at", "beta=0"), "beta"),
}


@pytest.mark.parametrize(("words", "complaint"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("question", [("derive", "init-a"), ("diff", "init-a", "init-b")], ids=lambda words: words[0])
def test_what_is_refused(
    capsys: pytest.CaptureFixture[str], question: tuple[str, ...], words: tuple[str, ...], complaint: str
) -> None:
    assert main([*question, *words]) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert len(error.splitlines()) == 1

"""`gamma-calc diff`, and the options with which assumptions are taken away."""

from __future__ import annotations

import json

import pytest

from gamma_calc.cli.main import main
from gamma_calc.derivation.diff import diff


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


def test_the_second_may_suppose_nothing_of_what_the_first_does() -> None:
    both = {"without": ["A5"], "align": {"aligned": "alpha"}}
    found = diff("init-a", "init-a", **both, second_without=(), second_align={}).json()
    assert found["first"] == "init-a under adam, without A5, aligned sums alpha"
    assert found["second"] == "init-a under adam"
    assert diff("init-a", "init-a", **both).json()["second"] == found["first"]


def test_another_optimizer(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, "diff", "init-a", "init-a", "--second-optimizer", "sgd")
    assert text.splitlines()[:2] == ["init-a under adam", "init-a under sgd"]

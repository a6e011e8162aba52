"""`gamma-calc diff`, and the options with which assumptions are taken away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gamma_calc.cli.main import main
from gamma_calc.derivation.diff import _plain, diff
from tests.derivation.schemes import STACK


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


def test_a_condition_that_one_of_two_has_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack = tmp_path / "stack.toml"
    stack.write_text(STACK, encoding="utf-8")
    found = json.loads(told(capsys, "diff", "init-a", str(stack), "--json"))["conditions"]["gradient_stable"]
    assert "first" not in found and found["second"]["status"] == "free"
    line = next(line for line in told(capsys, "diff", "init-a", str(stack)).splitlines() if "gradient_stable" in line)
    assert line.split()[1] == "-"


def test_the_same_scheme(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, "diff", "init-a", "init-a")
    assert "nothing changes" in text
    assert text.endswith("the same dynamics up to a symmetry: the identity\n")


def test_without_an_assumption(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, "diff", "init-a", "init-a", "--second-without", "A5", status=3)
    assert "first:  gamma[(U_B^1).T dZ] = eta + 1 by aligned sum\n" in text
    assert "second: gamma[(U_B^1).T dZ] <= eta + 1 by aligned sum, bounded\n" in text


def test_a_norm_in_one_of_two_stacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain, normed = tmp_path / "plain.toml", tmp_path / "normed.toml"
    normed.write_text(STACK.replace("depth = 3", "depth = 1"), encoding="utf-8")
    plain.write_text(normed.read_text(encoding="utf-8").replace("norm = true", ""), encoding="utf-8")
    text = told(capsys, "diff", str(plain), str(normed), "--at", "eta=-1")
    assert "second: gamma[rms(Z)^-1] = 0 by inverse root mean square\n" in text


@pytest.mark.parametrize(
    ("latex", "typed"),
    [
        (r"\Delta Z_{B,2}^{1} \thinspace \Delta_{\lambda} A_{0}", "dZ_B,2^1 Delta_lambda A_0"),
        (r"\mathrm{softmax}(Z_{\mathrm{rank}}) \odot \phi'(h_{1})", "softmax(Z_rank) * phi'(h_1)"),
        (r"\tfrac{1}{2} (\lVert G_{A}, G_{B} \rVert)^{-1}", "1/2 (||G_A, G_B||)^-1"),
        (r"\lvert \mathrm{x\_\_y} \rvert^{1/2} \max(\eta, [Z]_{U})", "|x__y|^(1/2) max(eta, [Z]_U)"),
        (r"\overline{Z_{A}} \sigma", "overline(Z_A) sigma"),
    ],
)
def test_a_formula_is_typed(latex: str, typed: str) -> None:
    assert _plain(latex) == typed


def test_the_second_may_suppose_nothing_of_what_the_first_does() -> None:
    both = {"without": ["A5"], "align": {"aligned": "alpha"}}
    found = diff("init-a", "init-a", **both, second_without=(), second_align={}).json()
    assert found["first"] == "init-a under adam, without A5, aligned sums alpha"
    assert found["second"] == "init-a under adam"
    assert diff("init-a", "init-a", **both).json()["second"] == found["first"]


def test_another_optimizer(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(capsys, "diff", "init-a", "init-a", "--second-optimizer", "sgd")
    assert text.splitlines()[:2] == ["init-a under adam", "init-a under sgd"]

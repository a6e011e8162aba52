"""Every word that an answer prints is in the glossary."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gamma_calc import exponents
from gamma_calc.analysis.conditions import conditions_of
from gamma_calc.calculus.assumptions import ASSUMPTIONS
from gamma_calc.cli.main import main
from gamma_calc.program.problem import Problem
from gamma_calc.program.spec_file import scheme_from
from gamma_calc.simulation.optima import Health
from tests.docs.pages import ROOT

TEXT = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
HEADINGS = set(re.findall(r"^### (.*)$", TEXT, re.M))
STACK = '[model]\nkind = "lora-stack"\ndepth = 2\n[exponents]\nA = "-1/2"\nB = "zero"\neta_A = "a"\neta_B = "b"\n'
PERCEPTRON = '[model]\nkind = "perceptron"\nlayers = ["W_1", "W_2", "W_3"]\n[exponents]\n' + "".join(
    f'[parameters.W_{each}]\ninit = "-1/2"\nrate = "eta"\n' for each in (1, 2, 3)
)
SPECS = ("init-a", "init-b", "lora-plus-a", "lora-fa", "dora", "vera", "stack.toml", "perceptron.toml")


@pytest.fixture(autouse=True)
def specs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("stack.toml").write_text(STACK, encoding="utf-8")
    Path("perceptron.toml").write_text(PERCEPTRON, encoding="utf-8")


@pytest.mark.parametrize("spec", SPECS)
def test_every_quantity_and_condition_is_there(spec: str) -> None:
    model = scheme_from(spec).model
    parameters = set(model.parameters) if isinstance(model, Problem) else set()
    names = {name.partition("[")[0] for name in exponents(spec, steps=2)[2].sizes}
    names = {name for name in names if name not in parameters and not re.fullmatch("W_[0-9]", name)}
    names = {"delta_NAME" if name.removeprefix("delta_") in parameters else name for name in names}
    assert names | {condition.name for condition in conditions_of(model)} <= HEADINGS


def test_every_assumption_is_there_in_its_own_words() -> None:
    words = " ".join(TEXT.split())
    for assumption in ASSUMPTIONS:
        assert f"### {assumption.key} {assumption.text}" in words


ANSWERS = (
    "derive init-a --optimizer sgd",
    "derive init-a --at eta=-1/2 --without A5",
    "derive lora-fa",
    "derive stack.toml",
    "derive perceptron.toml",
    "exponents dora",
)


@pytest.mark.parametrize("words", ANSWERS)
def test_every_label_of_an_answer_is_there(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What stands before a colon: `undertrained: B`."""
    main(words.split())
    for label in re.findall("^([a-z_]+(?: [a-zA-Z]+)*?)(?: eta[a-zA-Z_]*)?: ", capsys.readouterr().out, re.M):
        assert label in HEADINGS or f"`{re.sub('^[a-z]+_', '', label)}`" in TEXT, label


def test_no_word_is_there_twice() -> None:
    assert len(HEADINGS) == len(re.findall("^### ", TEXT, re.M))


def test_the_words_of_training_are_there() -> None:
    assert {each.value for each in (Health.SOUND, Health.DIVERGED)} <= {*HEADINGS, *re.findall(r"\*(\w+)\*", TEXT)}

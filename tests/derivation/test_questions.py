"""Answers as scripts and notebooks see them: short in a prompt, a table in print, escaped and typeset elsewhere."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from gamma_calc import derive, diff, explore, exponents, region
from gamma_calc.cli.main import main
from gamma_calc.derivation.questions import Derived, Exponents
from gamma_calc.program.scheme import Scheme
from tests.explorer.examples import beside_a_frozen_part
from tests.schemes import STEPS_ALONE, scheme

SUBJECTS = {
    "one-rate": scheme("-1/2", "zero", "eta", "eta"),
    "two-rates": scheme("-1/2", "zero", "a", "b"),
    "rank": scheme("zero", "-rank/2", "eta", "eta", rank="rho"),
    "momentum-and-decay": scheme("-1/2", "zero", "eta", "eta", momentum="m", decay="l"),
    "feedback": scheme("-1/2", "zero", "eta", "eta", feedback="f"),
    "nothing-free": scheme("-1/2", "zero", "-1/2", "-1/2"),
}


@pytest.mark.parametrize("optimizer", STEPS_ALONE)
@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
def test_every_face_of_every_answer(subject: Scheme, optimizer: str) -> None:
    for found in (derive(subject, optimizer=optimizer), exponents(subject, optimizer=optimizer)):
        assert len(repr(found)) < 100 and f"under {optimizer}" in repr(found)
        assert found._repr_latex_().startswith("$$") and found._repr_latex_().endswith("$$")
        is_derived = isinstance(found, Derived)
        rows = 1 + len(found.conditions) + len(found.max_stable) if is_derived else len(found.rows)
        assert found._repr_html_().count("<tr>") == rows and len(str(found).splitlines()) > rows


def test_print_shows_the_exponents_of_each_step() -> None:
    assert str(exponents("init-a", steps=1)).splitlines() == [
        "init-a under adam; free: eta",
        "t  A     B    Z_A  Z_B  Delta_Z_B  delta_1  delta_2  delta_3",
        "1  -1/2  eta  0    eta  eta        -oo      eta      -oo",
    ]


def test_a_largest_rate_that_is_not_known_is_not_none() -> None:
    unknown, unbounded = derive("init-a", without=["A5"]), derive(scheme("-1/2", "zero", "-3", "-3", rank="rho"))
    assert "largest stable eta: unknown (" in str(unknown) and r"\text{unknown}" in unknown._repr_latex_()
    assert "unknown" not in str(unbounded)
    empty = derive(scheme("1", "1", "eta", "eta"))
    assert empty.largest("eta") == "none"


@pytest.mark.parametrize("answer", [derive, exponents])
def test_print_shows_what_the_command_shows(
    answer: Callable[[str], Derived | Exponents], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([answer.__name__, "init-a"]) == 0
    assert capsys.readouterr().out == f"{answer('init-a')}\n"


@pytest.mark.parametrize(
    "answer",
    [
        lambda: derive("init-a"),
        lambda: derive("init-a", steps=2, without=["A5"], align={"aligned": "3/4"}),
        lambda: derive(beside_a_frozen_part(), optimizer="sgd"),
        lambda: exponents("init-a", at={"eta": "-1/2"}),
        lambda: region("init-a", "efficient"),
        lambda: diff("init-a", "init-b"),
        lambda: explore("init-a", "init-b"),
    ],
)
def test_an_answer_travels_to_another_process(answer: Callable[[], object]) -> None:
    found = answer()
    for copied in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found)):
        assert copied == found and str(copied) == str(found)


def test_exponents_that_grow_too_long_travel_as_far_as_they_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gamma_calc.calculus.recursion.MOST_WRITTEN", 8)
    found = exponents(scheme("-1/2", "q", "a", "b"), steps=9, optimizer="sgd")
    assert found.unknown and pickle.loads(pickle.dumps(found)) == found


@pytest.mark.parametrize(("steps", "words"), [("all", "every fixed number of steps"), (1, "1 step"), (2, "2 steps")])
def test_for_how_many_steps_it_is(steps: Any, words: str) -> None:
    found = derive("init-a", steps=steps)
    assert f"init-a under adam, for {words}\n" in str(found)
    assert f"be trained for {words}, with" in found.markdown()


def test_what_an_answer_holds_is_short_in_a_prompt() -> None:
    found = derive("init-a")
    assert repr(found.max_stable) == "{'eta': <largest stable eta: -1/2>}"
    assert "eta: the stable region is unknown" in repr(derive("init-a", without=["A5"]).max_stable)
    assert repr(found.conditions["efficient"]) == "<efficient: eta = -1/2>"
    assert repr(derive("init-a", without=["A5"]).conditions["stable"]) == "<stable: unknown>"


def test_the_steps_of_an_answer_are_gone_through_in_order() -> None:
    assert [step.t for step in exponents("init-a", steps=3)] == [1, 2, 3]


def test_html_is_escaped() -> None:
    assert "&lt;= -1/2" in derive("init-a")._repr_html_()


def test_what_is_printed_says_under_which_assumptions() -> None:
    for found in (derive("init-a", without=["A5"]), exponents("init-a", without=["A5"])):
        assert "without A5" in str(found)
        assert "init-a under adam, without A5" in repr(found)

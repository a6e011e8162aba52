from __future__ import annotations

import pickle

import pytest

from gamma_calc.errors import LONGEST_MESSAGE, QUOTED, BadInput, GammaCalcError, Inexact, Unknown, nearest, quoted


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (BadInput("steps are missing"), "steps are missing"),
        (BadInput("steps", found="x"), "steps: found 'x'"),
        (BadInput("steps", expected="an integer"), "steps: expected an integer"),
        (BadInput("steps", found="x", expected="an integer"), "steps: found 'x', expected an integer"),
        (BadInput("optimizer", found="adm", choices=("adam", "sgd")), "optimizer: found 'adm'. Did you mean 'adam'?"),
        (BadInput("optimizer", found="zzz", choices=("adam", "sgd")), "optimizer: found 'zzz'"),
        (Inexact("rate", found="float 0.5"), "rate: found 'float 0.5'"),
        (Unknown("no rule applies"), "no rule applies"),
    ],
)
def test_each_error_is_one_message_and_survives_a_pickle(error: GammaCalcError, message: str) -> None:
    assert str(error) == message
    copied = pickle.loads(pickle.dumps(error))
    assert type(copied) is type(error)
    assert str(copied) == message
    assert vars(copied) == vars(error)


def test_a_float_is_bad_input_and_a_type_error() -> None:
    assert issubclass(Inexact, BadInput)
    assert issubclass(Inexact, TypeError)
    assert not issubclass(Unknown, BadInput)


def test_quotes_are_short_and_on_one_line() -> None:
    assert quoted("a\nb") == r"'a\nb'"
    assert len(quoted("x" * 10_000)) == QUOTED + len("''...")
    assert len(str(BadInput("text", found="(" * 100_000))) < 2 * QUOTED


def test_the_nearest_choice_is_offered_only_when_near() -> None:
    assert nearest("init_a", ["init-a", "lora-plus-a"]) == " Did you mean 'init-a'?"
    assert nearest("unlike", ["init-a", "lora-plus-a"]) == ""
    assert nearest("anything", []) == ""


def test_a_message_is_one_printable_line_of_bounded_length() -> None:
    assert str(BadInput("a\nb\x1b[31m\u202e")) == r"a\nb\x1b[31m\u202e"
    long = str(BadInput(f"/{'d' * 5000}/mine.toml: no such file"))
    assert long.startswith("/ddd") and long.endswith("mine.toml: no such file") and " ... " in long
    assert len(long) < LONGEST_MESSAGE + 10


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "True"), (10**5000, "an integer of thousands of digits"), ([10**5000], "a value with an integer of")],
    ids=["truth", "integer", "list"],
)
def test_any_value_can_be_quoted(value: object, text: str) -> None:
    assert quoted(value).startswith(text)

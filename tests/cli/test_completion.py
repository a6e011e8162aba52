"""The scripts complete what the command line takes, in the shells that are there."""

from __future__ import annotations

import subprocess

import pytest

from gamma_calc.cli.answering import parsers
from gamma_calc.cli.main import main


def script(capsys: pytest.CaptureFixture[str], shell: str) -> str:
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("der", ["derive"]),
        ("derive --al", ["--allow-code", "--align"]),
        ("derive init-", ["init-a", "init-b", "init-ab"]),
        ("verify init-", []),
        ("no-question --al", []),
    ],
)
def test_bash_offers_what_begins_so(capsys: pytest.CaptureFixture[str], typed: str, offered: list[str]) -> None:
    words = ["gamma-calc", *typed.split()]
    asked = f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _gamma_calc"
    code = "\n".join([script(capsys, "bash"), asked, 'printf "%s\\n" "${COMPREPLY[@]}"'])
    done = subprocess.run(["bash", "--norc", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == offered and not done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_question_and_option_is_there(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    text = script(capsys, shell)
    for name, parser in parsers()[1].items():
        (line,) = (each for each in text.splitlines() if f"*:{name})" in each or f"from {name}'" in each)
        assert {option for action in parser._actions for option in action.option_strings} <= set(
            line.replace('"', " ").replace("'", " ").split()
        )

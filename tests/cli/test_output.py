"""An output that is closed, full or cut short: one message at most, and never a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

QUESTIONS = {
    "text": ("derive", "init-a"),
    "json": ("schemes", "--json"),
    "long": ("exponents", "init-a", "--steps", "9"),
}


def asked(words: tuple[str, ...], redirection: str) -> subprocess.CompletedProcess[str]:
    """The question asked by a shell that redirects its output."""
    command = f'"$0" -m gamma_calc "$@" {redirection}'
    return subprocess.run(["/bin/sh", "-c", command, sys.executable, *words], capture_output=True, text=True)


@pytest.mark.parametrize("words", QUESTIONS.values(), ids=QUESTIONS)
def test_a_full_output_is_said_in_one_line(words: tuple[str, ...]) -> None:
    found = asked(words, ">/dev/full")
    assert found.returncode == 2
    assert found.stderr == "gamma-calc: cannot write the answer: No space left on device\n"


@pytest.mark.parametrize("words", QUESTIONS.values(), ids=QUESTIONS)
def test_a_closed_output_keeps_the_exit_status(words: tuple[str, ...]) -> None:
    found = asked(words, ">&-")
    assert (found.returncode, found.stderr) == (0, "")


def test_a_closed_output_keeps_the_status_of_bad_input() -> None:
    found = asked(("derive", "init-c"), ">&-")
    assert found.returncode == 2
    assert found.stderr.startswith("gamma-calc: unknown scheme")


def test_a_document_can_go_to_the_standard_output(tmp_path: Path) -> None:
    found = asked(("derive", "init-a", "--json", "--markdown", "/dev/stdout"), f"> {tmp_path / 'all'}")
    assert (found.returncode, found.stderr) == (0, "")
    assert "init-a" in (tmp_path / "all").read_text()

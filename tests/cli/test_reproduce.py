"""The command line of the reproduction: what it refuses, before anything is trained."""

from __future__ import annotations

import pytest

from gamma_calc.cli.main import main


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["reproduce", "teacher-studnet"], "Did you mean 'teacher-student'?"),
        (["reproduce"], "EXPERIMENT"),
        (["reproduce", "teacher-student", "--workers", "0"], "--workers: found '0'"),
        (["reproduce", "teacher-student", "--out", "/dev/null/x"], "cannot write into the folder"),
    ],
)
def test_bad_input_is_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1

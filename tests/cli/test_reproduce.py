"""The command line of the reproduction: what it refuses, before anything is trained."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from gamma_calc.cli.main import main


def test_a_full_disk_is_told_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(total=2**40, free=2**20))
    for experiment in ("teacher-student", "llama"):
        assert main(["reproduce", experiment, "--out", str(tmp_path / "new" / "folder")]) == 2
        assert list(tmp_path.iterdir()) == []
        error = capsys.readouterr().err
        assert "1 MiB left, and results may take 16 MiB" in error and error.count("\n") == 1


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

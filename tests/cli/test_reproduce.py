"""The command line of the reproduction: what it refuses, before anything is trained."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from gamma_calc.cli.main import main
from gamma_calc.experiment import reproduction_plan, study
from gamma_calc.experiment.sweep_run import StudentRun
from gamma_calc.simulation.store import Arrays, Store
from tests.experiment.reproduction_runs import TINY


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
        (["reproduce", "teacher-student", "--store", "/nowhere/runs.sqlite"], "there is no folder /nowhere"),
    ],
)
def test_bad_input_is_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.slow
def test_ctrl_c_says_what_is_kept_and_the_same_command_does_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured, left = StudentRun.measured, [20]

    def until(run: StudentRun) -> Arrays:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return measured(run)

    monkeypatch.setattr(reproduction_plan, "QUICK", TINY)
    monkeypatch.setattr(StudentRun, "measured", until)
    out = tmp_path / "here"
    words = ["reproduce", "teacher-student", "--quick", "--workers", "1", "--out", str(out)]
    assert main(words) == 130
    printed = capsys.readouterr()
    with Store(out / "runs.sqlite") as store:
        kept = len(store.keys)
    assert kept >= 20 and printed.out == "" and printed.err.count("\n") == 1
    assert f"interrupted; {kept} runs of " in printed.err
    assert f"are in {out / 'runs.sqlite'}, and the same command does the rest" in printed.err
    assert not (out / "results.json").exists()
    left[0] = -1
    assert main(words) == 0
    assert (out / "results.json").exists()


def test_ctrl_c_before_any_run_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(reproduction_plan, "QUICK", TINY)
    monkeypatch.setattr(study, "run_missing", interrupted)
    words = ["reproduce", "teacher-student", "--quick", "--workers", "1", "--out", str(tmp_path / "new" / "folder")]
    assert main(words) == 130
    said = "gamma-calc: interrupted; no run is finished: the same command does the rest\n"
    assert capsys.readouterr().err == said
    assert list(tmp_path.iterdir()) == []

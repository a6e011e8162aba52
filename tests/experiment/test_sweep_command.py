"""gamma-calc sweep: its answers, its progress, and its one line for bad input."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from gamma_calc.cli.main import main
from gamma_calc.cli.progress import Lines
from tests.experiment.sweep_runs import sweep_answer

pytestmark = pytest.mark.usefixtures("one_thread")


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_command_answers_as_promised(tmp_path: Path, tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = tmp_path / "s"
    status, first = sweep_answer(capsys, tiny, "--store", store)
    assert status == 0 and first["schema"] == 1 and first["store"] == str(store) and first["failed"] == []
    assert first["runs"] == {"total": 24, "done_before": 0, "done_now": 24, "done_elsewhere": 0, "failed": 0}
    status, second = sweep_answer(capsys, tiny, "--store", store)
    assert status == 0 and second["runs"] == {**first["runs"], "done_before": 24, "done_now": 0}  # type: ignore[dict-item]
    assert main(["sweep", str(tiny), "--store", str(store)]) == 0
    assert capsys.readouterr().out == f"24 of 24 runs in {store}: 24 before, 0 now\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["--executor", "threads"], "--executor: found 'threads', expected one of", id="executor"),
        pytest.param(["--executor", "spawn:0"], "--executor: found 'spawn:0'", id="no-workers"),
        pytest.param(["--executor", "spawn:x"], "--executor: found 'spawn:x'", id="worker-count"),
        pytest.param(["--executor", "dask://"], "--executor: found 'dask://'", id="no-host"),
        pytest.param(["--store", "{folder}/none/s"], "there is no folder", id="no-folder"),
        pytest.param(["--store", "{folder}/tiny.toml"], "is not a store", id="no-store"),
    ],
)
def test_bad_input_is_one_line(
    tmp_path: Path, tiny: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    given = [word.format(folder=tmp_path) for word in words]
    store = [] if "--store" in given else ["--store", str(tmp_path / "s")]
    assert main(["sweep", str(tiny), *store, *given]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_an_unreachable_cluster_is_refused(
    tmp_path: Path, tiny: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gamma_calc.experiment.executors.PATIENCE", 1)
    address = f"dask://127.0.0.1:{closed_port()}"
    assert main(["sweep", str(tiny), "--store", str(tmp_path / "s"), "--executor", address]) == 2
    error = capsys.readouterr().err
    assert "no dask scheduler answers at" in error and "Traceback" not in error


def test_progress_without_a_terminal_is_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    lines = Lines("run", lambda: now[0])
    for at, done in ((0, 10), (1, 11), (31, 72), (40, 73), (100, 210)):
        now[0] = at
        lines(done, 1000)
    assert capsys.readouterr().err == (
        "72 of 1000 runs, 2 a second, about 0:07:44 left\n210 of 1000 runs, 2 a second, about 0:06:35 left\n"
    )

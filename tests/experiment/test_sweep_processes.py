"""A pool of spawned processes: workers that die, and those of a parent that does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path

import pytest

from gamma_calc.experiment import sweep
from gamma_calc.experiment.executors import Processes, named_executors
from gamma_calc.experiment.sweep import run_missing
from gamma_calc.simulation.store import Store
from tests.experiment.sweep_runs import ROOT, TINY, Deadly, held_back, placed, smalls, wait_until

pytestmark = pytest.mark.usefixtures("one_thread")


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_a_spawned_worker_that_dies_is_replaced_and_a_deadly_run_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "TRIES", 1)
    folder = tmp_path / "always"
    folder.mkdir()
    always = placed(Deadly(str(folder), 99))
    with Store(tmp_path / "s") as store:
        outcome = run_missing([always, *smalls(3)], store, named_executors("spawn:1"))
        threads = [record.arrays["threads"] for record in store.records(run.key for run in smalls(3))]
    assert outcome.done_now == 3 and [each.run for each in outcome.failed] == [always]
    assert "its worker died" in outcome.failed[0].reason
    assert threads == [1, 1, 1]


@pytest.mark.slow
def test_workers_leave_with_a_killed_parent(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from gamma_calc.experiment.executors import named_executors\n"
        "from gamma_calc.experiment.sweep import run_missing\nfrom gamma_calc.simulation.store import Store\n"
        "from tests.experiment.sweep_runs import Slow, placed\n"
        "with Store(Path(sys.argv[1]) / 's') as store:\n"
        "    run_missing([placed(Slow(sys.argv[2]))], store, named_executors('spawn:1'))\n"
    )
    folder = tmp_path / "workers"
    folder.mkdir()
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(folder)], cwd=ROOT)
    try:
        wait_until(lambda: bool(list(folder.iterdir())))
        worker = int(next(folder.iterdir()).name)
        assert is_alive(worker) and worker != parent.pid
    finally:
        parent.kill()
        parent.wait()
    wait_until(lambda: not is_alive(worker), 20)


def count(path: Path) -> int:
    with Store(path) as store:
        return len(store.keys)


def test_a_worker_never_hears_of_a_ctrl_c_not_even_while_it_starts() -> None:
    before = held_back()
    with Processes(1, mp_context=get_context("spawn")) as pool:
        assert signal.SIGINT in pool.submit(held_back).result(60)
    assert held_back() == before and signal.SIGINT not in before


def test_ctrl_c_says_how_to_go_on(tmp_path: Path) -> None:
    file, store = tmp_path / "sweep.toml", tmp_path / "s"
    file.write_text(TINY.format(seeds=400))
    # Processes in the background of a shell start with SIGINT ignored; a terminal's do not.
    code = (
        "import signal, sys\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from gamma_calc.cli.main import main\nsys.exit(main(sys.argv[1:]))"
    )
    words = ["sweep", str(file), "--store", str(store), "--executor", "spawn:1"]
    command = [sys.executable, "-c", code, *words]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            wait_until(lambda: store.exists() and count(store) > 0, 120)
            os.killpg(process.pid, signal.SIGINT)
            _, error = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert error.startswith("gamma-calc: interrupted; ") and error.endswith("and the same command does the rest\n")
    assert error.count("\n") == 1

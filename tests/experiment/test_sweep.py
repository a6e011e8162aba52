from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import torch

from gamma_calc.cli.main import main
from gamma_calc.cli.sweep import _Lines
from gamma_calc.errors import BadInput
from gamma_calc.experiment.executors import Immediate, made_by, named_executors
from gamma_calc.experiment.sweep import BREAKS, TRIES, carried_out, measured
from gamma_calc.experiment.sweep_file import sweep_from_file
from gamma_calc.experiment.sweep_plan import Planned, planned
from gamma_calc.experiment.sweep_run import KERNELS
from gamma_calc.simulation.store import Store
from tests.experiment.sweep_runs import Deadly, Raising, Small, placed, sweep_telling

ROOT = Path(__file__).parents[2]
KILLS = 24
TINY = """
experiment = "probe"
schemes = ["init-a", "init-b"]
widths = [8, 16]
prefactors = [1, 2]
seeds = {seeds}
steps = 1
device = "cpu"
seeds_per_run = 1
rates_per_run = 1
"""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY.format(seeds=3))
    return path


def smalls(count: int) -> list[Planned]:
    return [placed(Small(number), number) for number in range(count)]


# The loop.


def test_only_what_is_missing_is_done(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    with Store(tmp_path / "s") as store:
        first = carried_out(smalls(3), store)
        second = carried_out(smalls(5), store, progress=lambda *counts: told.append(counts))
        third = carried_out(smalls(5), store)
        assert {run.key for run in smalls(5)} == store.keys
    assert (first.done_before, first.done_now) == (0, 3)
    assert (second.done_before, second.done_now) == (3, 2) and told == [(3, 5), (4, 5), (5, 5)]
    assert (third.done_before, third.done_now) == (5, 0) and third.is_complete


def test_in_this_process_a_run_has_one_thread_and_leaves_the_setting_as_it_was(tmp_path: Path) -> None:
    torch.set_num_threads(2)
    with Store(tmp_path / "s") as store:
        carried_out(smalls(1), store)
        assert [record.arrays["threads"] for record in store.records(store.keys)] == [1]
    assert torch.get_num_threads() == 2


def test_any_executor_will_do(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        outcome = carried_out(smalls(20), store, made_by(lambda: ThreadPoolExecutor(4), at_once=8))
        assert outcome.done_now == 20 == len(store.keys)
        for run in smalls(20):
            record = store.get(run.key)
            assert record is not None and record.arrays["number"] == run.seeds.start


def test_a_run_that_raises_is_tried_again_and_named_and_harms_no_other(tmp_path: Path) -> None:
    bad = placed(Raising(ArithmeticError))
    with Store(tmp_path / "s") as store:
        outcome = carried_out([*smalls(4), bad], store)
    assert outcome.done_now == 4 and not outcome.is_complete
    assert [(each.run, each.reason) for each in outcome.failed] == [(bad, "ArithmeticError: as told")]


def test_a_run_that_breaks_its_executor_is_found_among_others(tmp_path: Path) -> None:
    bad, opened = placed(Raising(BrokenProcessPool)), []

    def make() -> Immediate:
        opened.append(1)
        return Immediate()

    with Store(tmp_path / "s") as store:
        outcome = carried_out([*smalls(40), bad], store, made_by(make, at_once=4))
    assert outcome.done_now == 40 and [each.run for each in outcome.failed] == [bad]
    assert "its worker died" in outcome.failed[0].reason
    assert TRIES < len(opened) <= TRIES + 2


def test_executors_that_always_break_are_given_up(tmp_path: Path) -> None:
    bad = [placed(Raising(BrokenProcessPool), number) for number in range(BREAKS)]
    with Store(tmp_path / "s") as store, pytest.raises(BadInput, match=f"broke {BREAKS} times"):
        carried_out(bad, store, made_by(Immediate, at_once=BREAKS))


def test_what_the_machine_lacks_ends_the_sweep_at_once(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store, pytest.raises(BadInput, match="as told"):
        carried_out([placed(Raising(BadInput))], store)


def test_a_worker_with_other_kernels_is_refused() -> None:
    with pytest.raises(BadInput, match="install the same gamma_calc"):
        measured(Small(0), KERNELS + 1)


def test_ctrl_c_keeps_what_is_finished(tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with Store(tmp_path / "s") as store:
        with pytest.raises(KeyboardInterrupt):
            carried_out(smalls(6), store, progress=interrupt)
        assert len(store.keys) == 3
        assert carried_out(smalls(6), store).done_now == 3


# A pool of spawned processes.


def test_a_spawned_worker_that_dies_is_replaced_and_a_deadly_run_named(tmp_path: Path) -> None:
    folders = [tmp_path / "once", tmp_path / "always"]
    for folder in folders:
        folder.mkdir()
    once, always = (placed(Deadly(str(folder), deaths)) for folder, deaths in zip(folders, (1, 99), strict=True))
    with Store(tmp_path / "s") as store:
        outcome = carried_out([*smalls(3), once, always], store, named_executors("spawn:1"))
        threads = [record.arrays["threads"] for record in store.records(run.key for run in smalls(3))]
    assert outcome.done_now == 4 and [each.run for each in outcome.failed] == [always]
    assert "its worker died" in outcome.failed[0].reason
    assert threads == [1, 1, 1]


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_workers_leave_with_a_killed_parent(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from gamma_calc.experiment.executors import named_executors\n"
        "from gamma_calc.experiment.sweep import carried_out\nfrom gamma_calc.simulation.store import Store\n"
        "from tests.experiment.sweep_runs import Slow, placed\n"
        "with Store(Path(sys.argv[1]) / 's') as store:\n"
        "    carried_out([placed(Slow(sys.argv[2]))], store, named_executors('spawn:1'))\n"
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


# Kills at any moment, and several processes.


@pytest.fixture(scope="module")
def start() -> Iterator[Callable[[Path, Path], tuple[BaseProcess, Connection]]]:
    """Start a process on a sweep; the server that forks it has loaded everything, so that it starts at once."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(ROOT)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.experiment.sweep_runs"])

    def started(file: Path, store: Path) -> tuple[BaseProcess, Connection]:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=sweep_telling, args=(file, store, theirs))
        process.start()
        theirs.close()
        return process, ours

    yield started
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


def last_told(pipe: Connection) -> tuple[int, int] | None:
    """The last whole message of a process that has ended."""
    last = None
    try:
        while pipe.poll():
            last = pipe.recv()
    except EOFError:
        pass
    pipe.close()
    return last


def test_a_kill_at_any_moment_loses_no_finished_run_and_leaves_no_half_run(
    tmp_path: Path, start: Callable[[Path, Path], tuple[BaseProcess, Connection]]
) -> None:
    file, path, rng = tmp_path / "sweep.toml", tmp_path / "killed", random.Random(0)
    file.write_text(TINY.format(seeds=80))
    runs = planned(sweep_from_file(file))
    kills, between, known = 0, 0, 0
    for attempt in range(4 * KILLS):
        process, pipe = start(file, path)
        told = None
        if attempt % 2:  # after a run has landed, however long the process took to start
            while (told is None or told[0] <= known) and pipe.poll(60):
                told = pipe.recv()
            time.sleep(rng.uniform(0, 0.04))
        else:
            time.sleep(rng.uniform(0, 0.3))
        process.kill()
        process.join()
        was_killed = process.exitcode == -signal.SIGKILL
        process.close()
        told = last_told(pipe) or told
        with Store(path) as store:  # which checks every row
            held = len(store.keys)
        assert held >= max(known, told[0] if told else 0)
        between += known < held
        known = held
        kills += was_killed and held < len(runs)
        if kills == KILLS:
            break
        if held == len(runs):  # a fast machine: go on with a new store
            path, known = tmp_path / f"killed {attempt}", 0
    assert kills >= 20 and between >= 5, "the kills did not hit a sweep at work"
    with Store(path) as killed, Store(tmp_path / "whole") as whole:
        outcome = carried_out(runs, killed)
        assert outcome.is_complete and outcome.done_before == known
        carried_out(runs, whole)
        assert killed.keys == whole.keys == {run.key for run in runs}
        for run in runs:
            one, other = killed.get(run.key), whole.get(run.key)
            assert one is not None and other is not None and list(one.arrays) == list(other.arrays)
            assert all(one.arrays[name].tobytes() == other.arrays[name].tobytes() for name in one.arrays)


def test_two_processes_share_a_store(
    tmp_path: Path, start: Callable[[Path, Path], tuple[BaseProcess, Connection]]
) -> None:
    file, path = tmp_path / "sweep.toml", tmp_path / "shared"
    file.write_text(TINY.format(seeds=20))
    both = [start(file, path) for _ in range(2)]
    done = []
    for process, pipe in both:
        process.join()
        assert process.exitcode == 0
        process.close()
        done.append(last_told(pipe) or (0, 0))
    with Store(path) as store:
        assert len(store.keys) == len(planned(sweep_from_file(file))) == sum(now for now, _ in done)


# The command.


def sweep_answer(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, dict[str, object]]:
    status = main(["sweep", *map(str, words), "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_the_command_answers_as_promised(tmp_path: Path, tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = tmp_path / "s"
    status, first = sweep_answer(capsys, tiny, "--store", store)
    assert status == 0 and first["schema"] == 1 and first["store"] == str(store) and first["failed"] == []
    assert first["runs"] == {"total": 24, "done_before": 0, "done_now": 24, "done_elsewhere": 0, "failed": 0}
    status, second = sweep_answer(capsys, tiny, "--store", store)
    assert status == 0 and second["runs"] == {**first["runs"], "done_before": 24, "done_now": 0}  # type: ignore[dict-item]
    assert main(["sweep", str(tiny), "--store", str(store)]) == 0
    assert capsys.readouterr().out == f"24 of 24 runs in {store}: 24 before, 0 now\n"


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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


def test_ctrl_c_says_how_to_go_on(tmp_path: Path) -> None:
    file, store = tmp_path / "sweep.toml", tmp_path / "s"
    file.write_text(TINY.format(seeds=2500))
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


def count(path: Path) -> int:
    with Store(path) as store:
        return len(store.keys)


def test_progress_without_a_terminal_is_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    lines = _Lines(lambda: now[0])
    for at, done in ((0, 10), (1, 11), (31, 72), (40, 73), (100, 210)):
        now[0] = at
        lines(done, 1000)
    assert capsys.readouterr().err == (
        "72 of 1000 runs, 2 a second, about 0:07:44 left\n210 of 1000 runs, 2 a second, about 0:06:35 left\n"
    )


# A dask cluster.


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    dask = pytest.importorskip("dask", reason="dask is missing: pip install 'gamma-calc[dask]'")
    distributed = pytest.importorskip("distributed", reason="dask is missing: pip install 'gamma-calc[dask]'")
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(ROOT)
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as opened,
    ):
        yield opened.scheduler_address.replace("tcp://", "dask://")
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


def test_a_cluster_does_a_sweep(tmp_path: Path, tiny: Path, cluster: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, answer = sweep_answer(capsys, tiny, "--store", tmp_path / "s", "--executor", cluster)
    assert status == 0 and answer["runs"]["done_now"] == 24  # type: ignore[index]


def test_a_cluster_replaces_a_dead_worker_and_names_a_deadly_run(tmp_path: Path, cluster: str) -> None:
    folders = [tmp_path / "once", tmp_path / "always"]
    for folder in folders:
        folder.mkdir()
    once, always = (placed(Deadly(str(folder), deaths)) for folder, deaths in zip(folders, (1, 99), strict=True))
    with Store(tmp_path / "s") as store:
        outcome = carried_out([*smalls(3), once], store, named_executors(cluster))
        assert outcome.is_complete
        outcome = carried_out([always], store, named_executors(cluster))
    assert [each.run for each in outcome.failed] == [always] and "KilledWorker" in outcome.failed[0].reason

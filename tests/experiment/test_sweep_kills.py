"""Kills at any moment, and several processes on one store."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from gamma_calc.experiment.sweep import run_missing
from gamma_calc.experiment.sweep_file import sweep_from_file
from gamma_calc.experiment.sweep_plan import planned_runs
from gamma_calc.simulation.store import Store
from tests.experiment.sweep_runs import ROOT, TINY, sweep_telling

pytestmark = pytest.mark.usefixtures("one_thread")

KILLS = 24


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


@pytest.mark.slow
def test_a_kill_at_any_moment_loses_no_finished_run_and_leaves_no_half_run(
    tmp_path: Path, start: Callable[[Path, Path], tuple[BaseProcess, Connection]]
) -> None:
    file, path, rng = tmp_path / "sweep.toml", tmp_path / "killed", random.Random(0)
    file.write_text(TINY.format(seeds=80))
    runs = planned_runs(sweep_from_file(file))
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
        outcome = run_missing(runs, killed)
        assert outcome.is_complete and outcome.done_before == known
        run_missing(runs, whole)
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
        assert len(store.keys) == len(planned_runs(sweep_from_file(file))) == sum(now for now, _ in done)

"""A reproduction that is killed at any moment goes on where it was."""

from __future__ import annotations

import multiprocessing
import random
import signal
import time
from pathlib import Path

import pytest

from gamma_calc.experiment.reproduction import reproduction
from gamma_calc.simulation.store import Store
from tests.experiment.reproduction_runs import TINY, reproduction_telling
from tests.experiment.sweep_runs import ROOT

KILLS = 2
"""The moments of a kill are those of a sweep (test_sweep_kills); here it is the studies that go on."""


def test_a_kill_loses_no_finished_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.experiment.reproduction_runs"])
    path, rng, known = tmp_path / "runs.sqlite", random.Random(0), 0
    for _ in range(KILLS):
        told, theirs = context.Pipe(duplex=False)
        process = context.Process(target=reproduction_telling, args=(path, theirs))
        process.start()
        theirs.close()
        last = 0
        while last <= known and told.poll(60):  # after something new has landed
            last = told.recv()
        time.sleep(rng.uniform(0, 0.1))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL, "it had ended before it was killed"
        with Store(path) as store:  # which checks every row
            assert len(store.keys) >= last > known
            known = len(store.keys)
    with Store(path) as store, Store(tmp_path / "whole.sqlite") as whole:
        assert known < len(reproduced(whole)) == len(reproduced(store))
        for key in whole.keys:
            one, other = store.get(key), whole.get(key)
            assert one is not None and other is not None
            assert all(one.arrays[name].tobytes() == other.arrays[name].tobytes() for name in other.arrays)


def reproduced(store: Store) -> frozenset[str]:
    reproduction(TINY, store, workers=1)
    return store.keys

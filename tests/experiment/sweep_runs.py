"""Runs that only the tests need, in a module that spawned workers can import."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch

from gamma_calc.cli.main import main
from gamma_calc.errors import BadInput
from gamma_calc.experiment.executors import Crew, Executors
from gamma_calc.experiment.sweep import run_missing
from gamma_calc.experiment.sweep_file import Sweep, sweep_from_file
from gamma_calc.experiment.sweep_plan import planned_runs
from gamma_calc.experiment.sweep_run import Planned, Run, parameters
from gamma_calc.simulation.store import Arrays, Store

ROOT = Path(__file__).parents[2]
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


@dataclass(frozen=True, slots=True)
class Small:
    """Gives its number and the threads that torch has."""

    number: int
    memory: int = 0
    device: str = "cpu"

    def measured(self) -> Arrays:
        return {"number": np.array([float(self.number)]), "threads": np.array([float(torch.get_num_threads())])}


@dataclass(frozen=True, slots=True)
class Deadly:
    """Kills its worker the first `deaths` times, which it counts in a folder."""

    folder: str
    deaths: int
    memory: int = 0
    device: str = "cpu"

    def measured(self) -> Arrays:
        count = len(list(Path(self.folder).iterdir()))
        if count < self.deaths:
            (Path(self.folder) / str(count)).touch()
            os._exit(9)
        return {"number": np.array([float(count)])}


@dataclass(frozen=True, slots=True)
class Raising:
    """Raises what it is told to."""

    kind: type[Exception]
    memory: int = 0
    device: str = "cpu"

    def measured(self) -> Arrays:
        raise self.kind("as told")


@dataclass(frozen=True, slots=True)
class Breaking:
    """Breaks its executor the first `times` times, which it counts in a folder."""

    folder: str
    number: int
    times: int
    memory: int = 0
    device: str = "cpu"

    def measured(self) -> Arrays:
        tries = len(list(Path(self.folder).glob(f"{self.number}-*")))
        (Path(self.folder) / f"{self.number}-{tries}").touch()
        if tries < self.times:
            raise BrokenProcessPool("as told")
        return {"number": np.array([float(tries)])}


@dataclass(frozen=True, slots=True)
class Slow:
    """Leaves a file with its worker's number, then sleeps."""

    folder: str
    memory: int = 0
    device: str = "cpu"

    def measured(self) -> Arrays:
        (Path(self.folder) / str(os.getpid())).touch()
        time.sleep(60)
        raise BadInput("nobody stopped it")


def placed(run: Run, number: int = 0) -> Planned:
    """A run at a place of no consequence."""
    text = parameters_of(run)
    return Planned("s", "o", 2, (1.0,), range(number, number + 1), run, text)


def parameters_of(run: Run) -> str:
    return f"raises {run.kind.__name__}" if isinstance(run, Raising) else parameters(run)


def sweep_telling(file: Path, store: Path, told: Connection) -> None:
    """Carry out a sweep and tell after each run how many are done of how many; at the end, how many were done here."""
    runs = planned_runs(sweep_from_file(file))
    torch.set_num_threads(1)
    with Store(store) as opened:
        outcome = run_missing(runs, opened, progress=lambda done, total: told.send((done, total)))
    told.send((outcome.done_now, outcome.done_elsewhere))
    told.close()


def smalls(count: int) -> list[Planned]:
    return [placed(Small(number), number) for number in range(count)]


def held_back() -> set[int]:
    """The signals that this process does not hear of."""
    return set(signal.pthread_sigmask(signal.SIG_BLOCK, ()))


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def sweep_answer(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, dict[str, object]]:
    status = main(["sweep", *map(str, words), "--json"])
    return status, json.loads(capsys.readouterr().out)


def sweep_from_text(text: str) -> Sweep:
    with TemporaryDirectory() as folder:
        (path := Path(folder) / "sweep.toml").write_text(text)
        return sweep_from_file(path)


def made_by(make: Callable[[], Executor], at_once: int) -> Executors:
    """The executors that a callable makes, such as a class of executors itself."""

    @contextmanager
    def opened() -> Iterator[Crew]:
        executor = make()
        try:
            yield Crew(executor, at_once)
        finally:
            executor.shutdown(wait=True, cancel_futures=True)

    return opened

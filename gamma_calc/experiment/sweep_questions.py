"""What is asked of a sweep: to do what is missing of it, and what a store holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from gamma_calc.document.tables import Shown, text_table
from gamma_calc.errors import BadInput
from gamma_calc.experiment.executors import named_executors
from gamma_calc.experiment.study import Interrupted
from gamma_calc.experiment.sweep import SweepOutcome, run_missing
from gamma_calc.experiment.sweep_file import Sweep, sweep_from_file
from gamma_calc.experiment.sweep_plan import planned_runs
from gamma_calc.experiment.sweep_run import Planned
from gamma_calc.files import is_there, path_of
from gamma_calc.simulation.program_sizes import Progress
from gamma_calc.simulation.store import Store

SHOWN = 10
"""Failed runs that the text names; the plain data name all."""


@dataclass(frozen=True, slots=True, repr=False)
class Swept(Shown):
    """What became of the runs of a sweep, and the store that keeps them."""

    store: Path
    outcome: SweepOutcome

    def json(self) -> dict[str, Any]:
        """The answer as plain data."""
        found = self.outcome
        return {
            "schema": 1,
            "store": str(self.store),
            "runs": {
                "total": found.total,
                "done_before": found.done_before,
                "done_now": found.done_now,
                "done_elsewhere": found.done_elsewhere,
                "failed": len(found.failed),
            },
            "failed": [{"run": str(each.run), "key": each.run.key, "reason": each.reason} for each in found.failed],
        }

    def __str__(self) -> str:
        found = self.outcome
        kept = found.total - len(found.failed)
        elsewhere = f", {found.done_elsewhere} by another process" if found.done_elsewhere else ""
        done = f"{found.done_before} before, {found.done_now} now{elsewhere}"
        lines = [f"{kept} of {found.total} runs in {self.store}: {done}"]
        if found.failed:
            lines.append(f"{len(found.failed)} failed; the same command tries them again:")
            lines += [f"  {each.run}: {each.reason}" for each in found.failed[:SHOWN]]
            lines += [f"  and {len(found.failed) - SHOWN} more (--json)"] if len(found.failed) > SHOWN else []
        return "\n".join(lines)


def sweep(
    asked: Sweep | Path | str, store: Path | str, *, executor: str = "in-process", progress: Progress | None = None
) -> Swept:
    """Do what is missing of a sweep; interrupted at any moment, it leaves every finished run in the store.

    Args:
        asked: a sweep, or the TOML file that says what to run.
        store: the file that keeps finished runs; made where there is none.
        executor: in-process, spawn, spawn:K, dask://HOST:PORT or tls://HOST:PORT.
        progress: called once at the start and after each run with the runs done and those in all.

    Raises:
        BadInput: the file or the executor cannot be understood, or as `run_missing`.
        Interrupted: Ctrl-C.
    """
    executors = named_executors(executor)
    runs, path = _planned(asked), path_of("a store", store)
    with Store(path) as opened:
        try:
            return Swept(path, run_missing(runs, opened, executors, progress))
        except KeyboardInterrupt:
            raise Interrupted(sum(run.key in opened for run in runs), len(runs)) from None


@dataclass(frozen=True, slots=True)
class Cell:
    """The runs of one scheme under one optimiser at one width, 0 for that of a model which is trained as it is.

    `missing` is None where no sweep says what there is.
    """

    scheme: str
    optimizer: str
    width: int
    rates: tuple[float, float]
    seeds: tuple[int, int]
    done: int
    missing: int | None


@dataclass(frozen=True, slots=True, repr=False)
class StoredRuns(Shown):
    """What a store holds; `others` counts its runs that are none of the sweep's."""

    store: Path
    cells: tuple[Cell, ...]
    others: int = 0

    @property
    def done(self) -> int:
        """Finished runs, those of others not counted."""
        return sum(each.done for each in self.cells)

    @property
    def missing(self) -> int | None:
        """What is left to do; None where no sweep says what there is."""
        known = [each.missing for each in self.cells if each.missing is not None]
        return sum(known) if known and len(known) == len(self.cells) else None

    def json(self) -> dict[str, Any]:
        """The answer as plain data."""
        runs = {"done": self.done, "missing": self.missing, "others": self.others}
        return {"schema": 1, "store": str(self.store), "runs": runs, "cells": [asdict(each) for each in self.cells]}

    def __str__(self) -> str:
        missing = "" if self.missing is None else f", {self.missing} missing"
        others = f", {self.others} of other sweeps" if self.others else ""
        columns = ("scheme", "optimizer", "width", "rates", "seeds", "done", "missing")
        count = len(columns) - (self.missing is None)
        rows = [columns[:count], *(tuple(_words(each))[:count] for each in self.cells)]
        return f"{self.done} runs in {self.store}{missing}{others}\n{text_table(rows)}"


def _words(cell: Cell) -> Iterator[str]:
    low, high = (f"{rate:.4g}" for rate in cell.rates)
    first, last = cell.seeds
    yield from (cell.scheme, cell.optimizer, str(cell.width or "its own"))
    yield low if low == high else f"{low} to {high}"
    yield str(first) if first == last else f"{first} to {last}"
    yield from (str(cell.done), str(cell.missing))


def stored_runs(store: Path | str, asked: Sweep | Path | str | None = None) -> StoredRuns:
    """What is in a store, and with a sweep, what of that is done and missing. Nothing is run.

    Raises:
        BadInput: there is no such store, or nothing in its file, or the sweep cannot be understood.
    """
    path = path_of("a store", store)
    if not is_there(path):  # also of a name that no file can have
        raise BadInput(f"the store {path}: there is no such file")
    if path.is_file() and not path.stat().st_size:  # which a store to write to may be
        raise BadInput(f"the store {path}: it is empty; gamma-calc sweep FILE --store {path} fills one")
    with Store(path) as opened:
        labels = opened.labels
    if asked is None:
        return StoredRuns(path, tuple(_cells((label, True) for label in labels.values())))
    runs = _planned(asked)
    wanted = {run.key: run.label for run in runs}
    counted = tuple(_cells(((label, key in labels) for key, label in wanted.items()), is_whole=True))
    return StoredRuns(path, counted, len(labels.keys() - wanted.keys()))


def _planned(asked: Sweep | Path | str) -> tuple[Planned, ...]:
    return planned_runs(asked if isinstance(asked, Sweep) else sweep_from_file(path_of("a sweep", asked)))


def _cells(runs: Iterable[tuple[str, bool]], *, is_whole: bool = False) -> Iterator[Cell]:
    """The cells of some runs, each by its label and whether it is done."""
    read = sorted(((json.loads(label), done) for label, done in runs), key=lambda run: _place(run[0]))
    for (scheme, optimizer, width), found in groupby(read, key=lambda run: _place(run[0])):
        here = list(found)
        rates, seeds = ([each for label, _ in here for each in label[name]] for name in ("rates", "seeds"))
        done = sum(is_done for _, is_done in here)
        ends = (min(rates), max(rates)), (min(seeds), max(seeds))
        yield Cell(scheme, optimizer, width, *ends, done, len(here) - done if is_whole else None)


def _place(label: dict[str, Any]) -> tuple[str, str, int]:
    return label["scheme"], label["optimizer"], label["width"]

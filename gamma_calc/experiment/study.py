"""A study: it asks for runs, is sent what they measured, and asks on until it has what it set out to find.

Who carries the runs out, and where, is not its concern: a study is a generator. Every run is kept in a store as soon as
it is finished, so that the same call does only what is missing: Ctrl-C or a kill loses what is under way.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Generic, TypeVar

from gamma_calc.errors import BadInput
from gamma_calc.experiment.executors import Crew, in_process, spawned
from gamma_calc.experiment.sweep import run_missing
from gamma_calc.experiment.sweep_run import Planned
from gamma_calc.simulation.program_sizes import Progress
from gamma_calc.simulation.store import Arrays, Store

T = TypeVar("T")
Asking = Generator[Sequence[Planned], Sequence[Arrays], T]
"""Yields runs, is sent what each of them measured, and returns what it found."""


class Interrupted(Exception):
    """Ctrl-C, with what is finished by then of what was asked for so far; it is all in the store."""

    def __init__(self, done: int, total: int) -> None:
        super().__init__(f"{done} of {total}")
        self.done, self.total = done, total


class Study(Generic[T]):
    """A study on its way: the runs it waits for, and in the end what it found.

    Args:
        work: about all that there is to do for it, in the unit of `Planned.work`.
    """

    def __init__(self, asking: Asking[T], work: int) -> None:
        self.asking, self.work, self.done = asking, work, 0
        self.asked: Sequence[Planned] = ()
        self.missing: set[str] = set()
        self.found: T | None = None

    def next_runs(self, store: Store) -> list[Planned]:
        """Ask on until a run is missing in the store; return those that are."""
        while not self.missing:
            answers = [record.arrays for record in store.records([run.key for run in self.asked])]
            try:
                self.asked = self.asking.send(answers) if self.asked else next(self.asking)
            except StopIteration as end:
                self.found, self.done = end.value, self.work
                return []
            self.missing = {run.key for run in self.asked if run.key not in store}
            self._count(run for run in self.asked if run.key not in self.missing)
        return [run for run in self.asked if run.key in self.missing]

    def runs_after(self, run: Planned, store: Store) -> list[Planned]:
        """What is asked for once a run is in the store."""
        if run.key not in self.missing:
            return []
        self.missing.remove(run.key)
        self._count([run])
        return [] if self.missing else self.next_runs(store)

    def _count(self, runs: Iterable[Planned]) -> None:
        """Count what is done: never all of it before something was found."""
        self.done = min(self.done + sum(run.work for run in runs), self.work * 99 // 100)


def finish(studies: Sequence[Study[Any]], store: Store, *, workers: int = 1, progress: Progress | None = None) -> None:
    """Bring studies to their end: carry out what they ask for and the store does not hold yet.

    Args:
        workers: processes of one thread; with one, everything runs in this process.
        progress: called with the work done and the work in all.

    Raises:
        BadInput: a run failed.
        Interrupted: Ctrl-C.
    """
    asked: list[Planned] = []

    def told(runs: list[Planned]) -> list[Planned]:
        asked.extend(runs)
        if progress is not None:
            progress(sum(each.done for each in studies), sum(each.work for each in studies))
        return runs

    def follow(run: Planned) -> list[Planned]:
        return told([each for study in studies for each in study.runs_after(run, store)])

    try:
        first = told([run for study in studies for run in study.next_runs(store)])
        outcome = run_missing(first, store, lambda: _crew(workers), None, follow)
    except KeyboardInterrupt:
        raise Interrupted(sum(each.key in store for each in asked), len(asked)) from None
    if outcome.failed:
        run, reason = outcome.failed[0].run, outcome.failed[0].reason
        where = f"{run.scheme}, rate {run.rates[0]:.3g}, seed {run.seeds[0]}"
        raise BadInput(f"{len(outcome.failed)} runs failed, the first one {where}: {reason}")


@contextmanager
def _crew(workers: int) -> Iterator[Crew]:
    """Workers that are not asked for memory: an experiment asks before it loads or draws anything."""
    with in_process() if workers == 1 else spawned(workers) as crew:
        yield replace(crew, memory=None)

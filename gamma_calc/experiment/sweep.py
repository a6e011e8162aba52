"""Carrying out the runs of a sweep: only those that are missing, each kept as soon as it is finished.

The order is shuffled. Two processes that share a store then seldom work on the same run, since each looks before it
starts one; and the runs done so far are a fair sample of those to come, which makes the time left an honest guess.

A worker that dies takes all runs with it that its executor held, and none can tell which of them killed it. They are
tried again one at a time; a run that has then killed its worker `TRIES` times is named and left out.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from gamma_calc.errors import BadInput
from gamma_calc.experiment.executors import Crew, Executors, in_process
from gamma_calc.experiment.sweep_run import KERNELS, Planned, Run, check_memory
from gamma_calc.simulation.program_sizes import Progress
from gamma_calc.simulation.store import Arrays, Record, Store

TRIES = 3
"""Times that a run is tried before it is named as failed."""

BREAKS = 12
"""Times in a row that an executor may break with no run finished in between: then it is not the runs."""

BROKEN = (BrokenExecutor, CancelledError)

WHOLE = 10**6
"""The parts that the work of one of several experiments is counted in, whatever it is."""


def part(progress: Progress | None, index: int, count: int) -> Progress | None:
    """The progress of one of several experiments, as progress of all."""
    if progress is None:
        return None
    return lambda done, total: progress(index * WHOLE + done * WHOLE // total, count * WHOLE)


Follow = Callable[[Planned], Sequence[Planned]]
"""Called with a run that is in the store now; returns the runs that it leads to."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A run that could not be carried out, and why."""

    run: Planned
    reason: str


@dataclass(frozen=True, slots=True)
class SweepOutcome:
    """What became of a sweep's runs; `done_elsewhere` counts those that another process finished meanwhile."""

    total: int
    done_before: int
    done_now: int
    done_elsewhere: int
    failed: tuple[Failed, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every run of the sweep is in the store."""
        return self.total == self.done_before + self.done_now + self.done_elsewhere


def run_missing(
    runs: Sequence[Planned],
    store: Store,
    executors: Executors = in_process,
    progress: Progress | None = None,
    follow: Follow | None = None,
) -> SweepOutcome:
    """Carry out the runs that a store does not hold yet.

    Interrupted at any moment, it leaves every finished run in the store, and the same call does the rest.

    Args:
        progress: called once at the start and after each run.
        follow: called after each run; what it returns is carried out too.

    Raises:
        BadInput: a run does not fit into memory, no worker can be had, or the store can no longer be written.
    """
    work = _Work(runs, store, executors, progress, follow)
    work.finish()
    return work.outcome


def measured(run: Run, kernels: int) -> Arrays:
    """What a worker does with a run that is to be kept as one of these kernels."""
    if kernels != KERNELS:
        raise BadInput(
            f"a worker has version {KERNELS} of the kernels, and this process {kernels}: install the same gamma_calc"
        )
    return run.measured()


class _Work:
    """The runs of one sweep on their way from missing to finished or failed."""

    def __init__(
        self,
        runs: Sequence[Planned],
        store: Store,
        executors: Executors,
        progress: Progress | None,
        follow: Follow | None,
    ) -> None:
        finished = store.keys
        missing = [run for run in runs if run.key not in finished]
        random.shuffle(missing)
        self.total, self.done_before = len(runs), len(runs) - len(missing)
        self.waiting, self.suspects = deque(missing), deque[Planned]()
        self.under_way: dict[Future[Arrays], Planned] = {}
        self.tries = Counter[str]()
        self.done_now, self.done_elsewhere, self.breaks = 0, 0, 0
        self.failed: list[Failed] = []
        self.store, self.executors = store, executors
        self.progress = progress or (lambda done, total: None)
        self.follow = follow or (lambda run: ())
        self.progress(self.done_before, self.total)

    @property
    def outcome(self) -> SweepOutcome:
        return SweepOutcome(self.total, self.done_before, self.done_now, self.done_elsewhere, tuple(self.failed))

    @property
    def _is_over(self) -> bool:
        return not (self.waiting or self.suspects or self.under_way)

    def finish(self) -> None:
        """Work until nothing is left, with one executor after the other as long as they break."""
        while not self._is_over:
            with ExitStack() as stack:
                crew = stack.enter_context(self.executors())
                check_memory([*self.waiting, *self.suspects], crew.memory, crew.device_memory)
                try:
                    while not self._is_over:
                        self._submit(crew)
                        self._settle(crew)
                except BROKEN as problem:
                    self._broke(problem)
                finally:
                    self._keep_finished()

    def _submit(self, crew: Crew) -> None:
        """Hand out runs: as many as the crew takes, or a suspect by itself."""
        queue = self.suspects or self.waiting
        limit = 1 if self.suspects else crew.at_once
        while queue and len(self.under_way) < limit:
            run = queue[0]
            if run.key in self.store:
                self.done_elsewhere += 1
                self._go_on_from(run)
            else:
                self.under_way[crew.executor.submit(measured, run.run, KERNELS)] = run
            queue.popleft()

    def _settle(self, crew: Crew) -> None:
        """Wait for a run, and keep it, try it again, or give it up."""
        done, _ = wait(self.under_way, return_when=FIRST_COMPLETED)
        for future in done:
            problem = future.exception()
            if isinstance(problem, BROKEN):
                raise problem
            run = self.under_way.pop(future)
            if problem is None:
                self._keep(run, future.result())
            elif isinstance(problem, BadInput):
                raise problem
            else:
                self._tried(run, self.waiting, _words(problem), is_last=isinstance(problem, crew.given_up))

    def _keep(self, run: Planned, arrays: Arrays) -> None:
        is_new = self.store.add(Record(run.key, run.label, run.parameters, arrays))
        self.done_now, self.done_elsewhere = self.done_now + is_new, self.done_elsewhere + (not is_new)
        self.breaks = 0
        self._go_on_from(run)

    def _go_on_from(self, run: Planned) -> None:
        further = self.follow(run)
        self.total += len(further)
        self.waiting.extend(further)
        self._tell()

    def _keep_finished(self) -> None:
        """Keep what was finished but not yet looked at, when the work ends before its time."""
        for future in [each for each in self.under_way if each.done()]:
            if not future.cancelled() and future.exception() is None:
                self._keep(self.under_way.pop(future), future.result())

    def _broke(self, problem: BaseException) -> None:
        """The executor is lost with all that it held."""
        self._keep_finished()
        self.breaks += 1
        if self.breaks >= BREAKS:
            raise BadInput(
                f"the workers broke {BREAKS} times with no run finished in between, so it is hardly the runs"
                f" ({_words(problem)}); every finished run is kept"
            ) from None
        lost = list(self.under_way.values())
        self.under_way.clear()
        if len(lost) == 1:
            self._tried(lost[0], self.suspects, f"its worker died ({_words(problem)})")
        else:
            self.suspects.extend(lost)

    def _tried(self, run: Planned, again: deque[Planned], reason: str, *, is_last: bool = False) -> None:
        self.tries[run.key] += 1
        if is_last or self.tries[run.key] >= TRIES:
            self.failed.append(Failed(run, reason))
            self._tell()
        else:
            again.append(run)

    def _tell(self) -> None:
        self.progress(self.done_before + self.done_now + self.done_elsewhere + len(self.failed), self.total)


def _words(problem: Any) -> str:
    """An exception in a line."""
    text = " ".join(str(problem).split())
    return f"{type(problem).__name__}: {text[:200]}" if text else type(problem).__name__

"""Experiments whose runs land in a store, so that the same call does only what is missing.

Every run is kept as soon as it is finished: Ctrl-C or a kill loses what is under way and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from gamma_calc.errors import BadInput
from gamma_calc.experiment.executors import Crew, Executors, in_process, spawned
from gamma_calc.experiment.sweep import Follow, Progress, carried_out
from gamma_calc.experiment.sweep_plan import Planned
from gamma_calc.simulation.store import Store


class Interrupted(Exception):
    """Ctrl-C, with what is finished by then of what was asked for so far; it is all in the store."""

    def __init__(self, done: int, total: int) -> None:
        super().__init__(f"{done} of {total}")
        self.done, self.total = done, total


def crew_of(workers: int) -> Executors:
    """Processes of one thread; a single one is this process.

    It is not asked for memory: an experiment asks before it loads or draws anything, once for all its runs.
    """

    @contextmanager
    def opened() -> Iterator[Crew]:
        with in_process() if workers == 1 else spawned(workers) as crew:
            yield replace(crew, memory=None)

    return opened


def finish(
    runs: Sequence[Planned],
    store: Store,
    executors: Executors,
    progress: Progress | None = None,
    follow: Follow | None = None,
) -> None:
    """Carry out what a store does not hold yet, and what that leads to.

    Raises:
        BadInput: a run failed.
        Interrupted: Ctrl-C.
    """
    asked = list(runs)

    def followed(run: Planned) -> Sequence[Planned]:
        further = () if follow is None else follow(run)
        asked.extend(further)
        return further

    try:
        outcome = carried_out(runs, store, executors, progress, followed)
    except KeyboardInterrupt:
        raise Interrupted(sum(each.key in store for each in asked), len(asked)) from None
    if outcome.failed:
        first = outcome.failed[0]
        where = f"{first.run.scheme}, rate {first.run.rates[0]:.3g}, seed {first.run.seeds[0]}"
        raise BadInput(f"{len(outcome.failed)} runs failed, the first one {where}: {first.reason}")

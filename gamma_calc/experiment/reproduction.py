"""The teacher-student experiment of Hayou, Ghosh and Yu, made again: everything that is trained for it.

One seed of one width under one initialisation at a few rates is a run, kept in a store as soon as it is finished; so is
a stability edge at one width. What a study asks for next depends on what it has been told, so runs lead to runs.

Source: Hayou, Ghosh, Yu, "The Impact of Initialization on LoRA Finetuning Dynamics" (arXiv 2406.08447), the synthetic
experiment.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product

import numpy as np

from gamma_calc.experiment.reproduction_plan import INITS, Plan
from gamma_calc.experiment.resumable import crew_of, finish
from gamma_calc.experiment.stability_plane import LAW, STUDENT, EdgePoint, edge_point, law_edge, student_edge
from gamma_calc.experiment.student_study import REPETITIONS, StudentStudy, first_look, student_study
from gamma_calc.experiment.sweep_memory import available_memory, check_students
from gamma_calc.experiment.sweep_plan import Planned
from gamma_calc.experiment.sweep_run import StudentRun, key_of, parameters
from gamma_calc.simulation.edges import StabilityEdge
from gamma_calc.simulation.probe import Progress
from gamma_calc.simulation.store import Arrays, Store
from gamma_calc.simulation.student_data import StudentConfiguration
from gamma_calc.simulation.teacher_student import loops_in_use

STEPS_OF_A_SEARCH = 9
"""About as often is a bracket halved in the search for an edge, with a rate for each run."""

GRIDS = 16 + REPETITIONS
"""About as many rates are trained in a study with all seeds."""


@dataclass(frozen=True, slots=True)
class Reproduction:
    """All that was measured, how long it took, and on what."""

    plan: Plan
    studies: tuple[StudentStudy, ...]
    edges: tuple[EdgePoint, ...]
    seconds: float
    workers: int
    loops: str

    def of(self, scheme: str) -> tuple[StudentStudy, ...]:
        """The studies of one initialisation, from narrow to wide."""
        return tuple(study for study in self.studies if study.scheme == scheme)

    def repetition(self, number: int) -> Reproduction:
        """All of it as it might have been by other loops or on another machine."""
        return replace(self, studies=tuple(study.repetition(number) for study in self.studies))


@dataclass(frozen=True, slots=True)
class EdgeRun:
    """The stability edge of one experiment at one width, on one line of the plane of rates."""

    plan: Plan
    scheme: str
    experiment: str
    offset: Fraction
    width: int

    @property
    def memory(self) -> int:
        """Little: the widths and the points of an edge are few."""
        return 0

    @property
    def device(self) -> str:
        """Where it is trained."""
        return "cpu"

    @property
    def work(self) -> int:
        """About how much there is to do, in entries updated."""
        plan, halvings = self.plan, STEPS_OF_A_SEARCH * self.plan.edge_steps
        if self.experiment == LAW:
            return halvings * plan.law_runs**2 * max(plan.edge_widths)
        return halvings * plan.edge_runs**2 * plan.edge_points * self.width

    def measured(self) -> Arrays:
        """The edge's fields; truth is 1."""
        measuring = {LAW: law_edge, STUDENT: student_edge}[self.experiment]
        edge = measuring(self.plan, self.scheme, self.offset, self.width)
        found = {"log2_rate": edge.log2_rate, "is_below": edge.is_below, "is_above": edge.is_above}
        return {name: np.asarray(each, dtype=np.float64) for name, each in found.items()} | {
            "precision": np.array([edge.precision])
        }


def reproduction(plan: Plan, store: Store, *, workers: int = 2, progress: Progress | None = None) -> Reproduction:
    """Measure everything that the plan asks for, or what of it is missing in a store.

    Args:
        workers: processes of one thread; with one, everything runs in this process.
        progress: called with the work done and the work in all.

    Raises:
        BadInput: the widest students do not fit into the memory of this machine, or a run failed.
        Interrupted: Ctrl-C.
    """
    start = time.monotonic()
    students = (first_look(plan, scheme, width) for scheme in INITS for width in plan.widths)
    check_students(students, available_memory(), workers)
    work = _Work(plan, store, progress)
    finish(work.begun(), store, crew_of(workers), follow=work.followed)
    studies = [study.found for study in work.studies.values() if study.found is not None]
    return Reproduction(plan, tuple(studies), work.edges(), time.monotonic() - start, workers, loops_in_use())


class _Work:
    """All studies and edges of a plan on their way."""

    def __init__(self, plan: Plan, store: Store, progress: Progress | None) -> None:
        self.plan, self.store = plan, store
        self.studies = {cell: _Study(plan, *cell, store) for cell in product(INITS, plan.widths)}
        self.edge_runs = {run.key: run for run in _edge_runs(plan)}
        self.edges_left = {key for key in self.edge_runs if key not in store}
        self.progress = progress or (lambda done, total: None)

    def begun(self) -> list[Planned]:
        """The runs to begin with that the store lacks: those that come first, and those that its runs lead to."""
        first = [run for study in self.studies.values() for run in study.next_runs()]
        self._tell()
        return first + [run for key, run in self.edge_runs.items() if key in self.edges_left]

    def followed(self, run: Planned) -> list[Planned]:
        """The runs that a finished one leads to."""
        self.edges_left.discard(run.key)
        further = [] if run.key in self.edge_runs else self.studies[run.scheme, run.width].runs_after(run.key)
        self._tell()
        return further

    def _tell(self) -> None:
        works = {key: _work_of(run) for key, run in self.edge_runs.items()}
        done = sum(work for key, work in works.items() if key not in self.edges_left)
        studies = self.studies.values()
        self.progress(done + sum(each.done for each in studies), sum(works.values()) + sum(e.work for e in studies))

    def edges(self) -> tuple[EdgePoint, ...]:
        """The edges of each line, read from the store."""
        lines: dict[tuple[str, str, Fraction], dict[int, StabilityEdge]] = {}
        for key, planned in self.edge_runs.items():
            (record,), run = self.store.records([key]), planned.run
            assert isinstance(run, EdgeRun)
            found = record.arrays
            edge = StabilityEdge(
                found["log2_rate"],
                found["is_below"].astype(np.bool_),
                found["is_above"].astype(np.bool_),
                float(found["precision"][0]),
            )
            lines.setdefault((run.experiment, run.scheme, run.offset), {})[run.width] = edge
        return tuple(
            edge_point(scheme, experiment, offset, tuple(edges), list(edges.values()), self.plan.seed)
            for (experiment, scheme, offset), edges in sorted(lines.items())
        )


class _Study:
    """One study on its way: what it waits for, and in the end what it found.

    `work` is about all that there is to do for it, and `done` about how much of that is.
    """

    def __init__(self, plan: Plan, scheme: str, width: int, store: Store) -> None:
        self.scheme, self.width, self.store = scheme, width, store
        self.steps = student_study(plan, scheme, width)
        self.found: StudentStudy | None = None
        self.asked: list[list[Planned]] = []
        self.missing: set[str] = set()
        self.work = width * plan.points * plan.steps * plan.runs * GRIDS
        self.trained = 0

    @property
    def done(self) -> int:
        """All of the work where something was found, else what was trained, and never all of it."""
        return self.work if self.found is not None else min(self.trained, self.work * 99 // 100)

    def runs_after(self, key: str) -> list[Planned]:
        """What is asked for once the run under a key is in the store."""
        if key not in self.missing:
            return []
        self.missing.remove(key)
        self.trained += next(_work_of(each) for part in self.asked for each in part if each.key == key)
        return [] if self.missing else self.next_runs()

    def next_runs(self) -> list[Planned]:
        """Ask on until a run is missing in the store; return those that are."""
        while True:
            try:
                asked = self.steps.send(self._answers()) if self.asked else next(self.steps)
            except StopIteration as end:
                self.found = end.value
                return []
            self.asked = [list(self._seeds(each)) for each in asked]
            runs = [run for part in self.asked for run in part]
            missing = [run for run in runs if run.key not in self.store]
            self.trained += sum(_work_of(run) for run in runs) - sum(_work_of(run) for run in missing)
            self.missing = {run.key for run in missing}
            if missing:
                return missing

    def _seeds(self, configuration: StudentConfiguration) -> Iterator[Planned]:
        """A training of several seeds as runs of one."""
        for seed in range(configuration.runs):
            yield _planned(StudentRun(replace(configuration, runs=1, first=seed)), self.scheme, self.width)

    def _answers(self) -> tuple[Arrays, ...]:
        """What was measured in the trainings asked for, with the seeds along the last axis."""
        parts = [list(self.store.records([run.key for run in part])) for part in self.asked]
        return tuple(
            {name: np.concatenate([each.arrays[name] for each in part], axis=-1) for name in part[0].arrays}
            for part in parts
        )


def _edge_runs(plan: Plan) -> Iterator[Planned]:
    for scheme, offset in product(INITS, plan.offsets):
        for experiment, widths in ((LAW, plan.law_widths), (STUDENT, plan.edge_widths)):
            for width in widths:
                yield _planned(EdgeRun(plan, scheme, experiment, offset, width), scheme, width)


def _planned(run: StudentRun | EdgeRun, scheme: str, width: int) -> Planned:
    """A run with its key, which stands for the loops too: a result never has the rounding of two."""
    text = parameters(run, loops=loops_in_use())
    rates = run.configuration.eta_A if isinstance(run, StudentRun) else (2.0 ** float(run.offset),)
    seed = run.configuration.first if isinstance(run, StudentRun) else 0
    return Planned(scheme, "adam", width, rates, range(seed, seed + 1), run, text, key_of(text))


def _work_of(planned: Planned) -> int:
    """About how much there is to do in a run, in entries updated."""
    run = planned.run
    if isinstance(run, EdgeRun):
        return run.work
    assert isinstance(run, StudentRun)
    each = run.configuration
    return each.width * each.points * each.steps * len(each.eta_A)

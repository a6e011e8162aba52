"""The teacher-student experiment of Hayou, Ghosh and Yu, made again: everything that is trained for it.

One seed of one width under one initialisation at a few rates is a run, kept in a store as soon as it is finished; so is
a stability edge at one width. What a study asks for next depends on what it has been told, so runs lead to runs.

Source: Hayou, Ghosh, Yu, "The Impact of Initialization on LoRA Finetuning Dynamics" (arXiv 2406.08447), the synthetic
experiment.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from typing import ClassVar

import numpy as np

from gamma_calc.experiment.reproduction_plan import INITS, ReproductionPlan
from gamma_calc.experiment.stability_plane import (
    FAR,
    STUDENT,
    EdgePoint,
    StabilityEdge,
    edge_point,
    far_edge,
    search_range,
    student_edge,
)
from gamma_calc.experiment.student_study import REPETITIONS, StudentStudy, first_look, planned_run, student_study
from gamma_calc.experiment.study import Asking, Study, finish
from gamma_calc.experiment.sweep_run import available_memory, check_workers
from gamma_calc.simulation.program_sizes import Progress
from gamma_calc.simulation.store import Arrays, Store
from gamma_calc.simulation.teacher_student import loops_in_use, run_memory

STEPS_OF_A_SEARCH = 9
"""About as often is a bracket halved in the search for an edge, with a rate for each run."""

EDGE = ("log2_rate", "is_below", "is_above")
"""The arrays of an edge."""

GRIDS = 16 + REPETITIONS
"""About as many rates are trained in a study with all seeds."""


@dataclass(frozen=True, slots=True)
class Reproduction:
    """All that was measured, how long it took, and on what."""

    plan: ReproductionPlan
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

    plan: ReproductionPlan
    scheme: str
    experiment: str
    offset: Fraction
    width: int

    memory: ClassVar[int] = 0
    """Little: the widths and the points of an edge are few."""
    device: ClassVar[str] = "cpu"

    @property
    def work(self) -> int:
        """About how much there is to do, in entries updated."""
        plan, halvings = self.plan, STEPS_OF_A_SEARCH * self.plan.edge_steps
        if self.experiment == FAR:
            return halvings * plan.far_runs**2 * max(plan.edge_widths)
        return halvings * plan.edge_runs**2 * plan.edge_points * self.width

    @property
    def rates(self) -> tuple[float, ...]:
        """The least and the largest rate of A between which it looks."""
        return tuple(np.exp2(search_range(self.width)).tolist())

    def measured(self) -> Arrays:
        """The edge's fields; truth is 1."""
        measuring = {FAR: far_edge, STUDENT: student_edge}[self.experiment]
        edge = measuring(self.plan, self.scheme, self.offset, self.width)
        return {name: np.asarray(getattr(edge, name), dtype=np.float64) for name in EDGE}


def reproduction(
    plan: ReproductionPlan, store: Store, *, workers: int = 2, progress: Progress | None = None
) -> Reproduction:
    """Measure everything that the plan asks for, or what of it is missing in a store.

    Args:
        workers: processes of one thread; with one, everything runs in this process.
        progress: called with the work done and the work in all.

    Raises:
        BadInput: the widest students do not fit into the memory of this machine, or a run failed.
        Interrupted: Ctrl-C.
    """
    start = time.monotonic()
    needs = {f"width {n}": max(run_memory(first_look(plan, scheme, n)) for scheme in INITS) for n in plan.widths}
    check_workers(needs, available_memory(), workers)
    work = plan.points * plan.steps * plan.runs * GRIDS
    studies = [Study(student_study(plan, scheme, n), n * work) for scheme in INITS for n in plan.widths]
    edges = [_edge(plan, *line) for line in product((FAR, STUDENT), INITS, plan.offsets)]
    finish([*studies, *edges], store, workers=workers, progress=progress)
    seconds, found = time.monotonic() - start, tuple(each.found for each in studies if each.found is not None)
    points = tuple(each.found for each in edges if each.found is not None)
    return Reproduction(plan, found, points, seconds, workers, loops_in_use())


def _edge(plan: ReproductionPlan, experiment: str, scheme: str, offset: Fraction) -> Study[EdgePoint]:
    """The edge on one line, a run a width."""
    widths = plan.far_widths if experiment == FAR else plan.edge_widths
    edge_runs = [EdgeRun(plan, scheme, experiment, offset, width) for width in widths]
    runs = [planned_run(run, scheme, run.width, run.rates, run.work) for run in edge_runs]

    def asking() -> Asking[EdgePoint]:
        found = [[each[name] for name in EDGE] for each in (yield runs)]
        edges = [StabilityEdge(rate, below != 0, above != 0) for rate, below, above in found]
        return edge_point(scheme, experiment, offset, widths, edges, plan.seed)

    return Study(asking(), sum(run.work for run in runs))

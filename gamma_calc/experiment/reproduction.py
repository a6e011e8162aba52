"""The teacher-student experiment of Hayou, Ghosh and Yu, made again: everything that is trained for it.

Every width of every initialisation, and every line of the plane of rates, is a task of its own; tasks go to processes
of one thread each, which beat one process of as many threads on models of this size.

Source: Hayou, Ghosh, Yu, "The Impact of Initialization on LoRA Finetuning Dynamics" (arXiv 2406.08447), the synthetic
experiment.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

from gamma_calc.experiment.executors import spawned
from gamma_calc.experiment.reproduction_plan import INITS, Plan
from gamma_calc.experiment.stability_plane import LAW, STUDENT, EdgePoint, edge_point, law_edge, student_edge
from gamma_calc.experiment.student_study import StudentStudy, first_look, student_study
from gamma_calc.experiment.sweep_memory import available_memory, check_students
from gamma_calc.simulation.probe import Progress

Result = StudentStudy | EdgePoint


@dataclass(frozen=True, slots=True)
class Reproduction:
    """All that was measured, and how long it took."""

    plan: Plan
    studies: tuple[StudentStudy, ...]
    edges: tuple[EdgePoint, ...]
    seconds: float
    workers: int

    def of(self, scheme: str) -> tuple[StudentStudy, ...]:
        """The studies of one initialisation, from narrow to wide."""
        return tuple(study for study in self.studies if study.scheme == scheme)


@dataclass(frozen=True, slots=True)
class Task:
    """Something to measure, and about how much work it is."""

    work: int
    measured: Callable[[], Result]


def reproduction(plan: Plan, *, workers: int = 2, progress: Progress | None = None) -> Reproduction:
    """Measure everything that the plan asks for.

    Args:
        workers: processes of one thread; with one, everything runs in this process.
        progress: called with the work done and the work in all.

    Raises:
        BadInput: the widest students do not fit into the memory of this machine.
    """
    start = time.monotonic()
    students = (first_look(plan, scheme, width) for scheme in INITS for width in plan.widths)
    check_students(students, available_memory(), workers)
    tasks = sorted(_tasks(plan), key=lambda task: -task.work)
    total, done, results = sum(task.work for task in tasks), 0, []
    for work, result in _answers(tasks, workers):
        results.append(result)
        done += work
        if progress is not None:
            progress(done, total)
    studies = [result for result in results if isinstance(result, StudentStudy)]
    edges = [result for result in results if isinstance(result, EdgePoint)]
    return Reproduction(
        plan,
        tuple(sorted(studies, key=lambda study: (study.scheme, study.width))),
        tuple(sorted(edges, key=lambda edge: (edge.experiment, edge.scheme, edge.offset))),
        time.monotonic() - start,
        workers,
    )


def _tasks(plan: Plan) -> Iterator[Task]:
    student_work = sum(plan.edge_widths) * plan.edge_points * plan.edge_runs * plan.edge_steps // 4
    for scheme in INITS:
        for width in plan.widths:
            work = width * plan.points * plan.runs * plan.steps // 8
            yield Task(work, partial(student_study, plan, scheme, width))
        for offset in plan.offsets:
            yield Task(student_work, partial(measured_edge, plan, scheme, STUDENT, offset))
            yield Task(student_work // 8, partial(measured_edge, plan, scheme, LAW, offset))


def measured_edge(plan: Plan, scheme: str, experiment: str, offset: Fraction) -> EdgePoint:
    """The stability edge of one experiment along one line of the plane of rates."""
    measuring, widths = {LAW: (law_edge, plan.law_widths), STUDENT: (student_edge, plan.edge_widths)}[experiment]
    edges = [measuring(plan, scheme, offset, width) for width in widths]
    return edge_point(scheme, experiment, offset, widths, edges, plan.seed)


def _answers(tasks: list[Task], workers: int) -> Iterator[tuple[int, Result]]:
    """The results as they come, each with its work."""
    if workers == 1:
        yield from ((task.work, task.measured()) for task in tasks)
        return
    with spawned(workers) as crew:
        works: dict[Future[Result], int] = {crew.executor.submit(task.measured): task.work for task in tasks}
        while works:
            for future in wait(works, return_when=FIRST_COMPLETED).done:
                yield works.pop(future), future.result()

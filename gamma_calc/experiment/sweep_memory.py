"""Whether the runs of a sweep fit where they are to be carried out, asked before the first one starts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from gamma_calc.errors import BadInput
from gamma_calc.experiment.sweep_plan import Planned
from gamma_calc.experiment.sweep_run import probe_memory
from gamma_calc.simulation.probe import ProbeConfiguration
from gamma_calc.simulation.student_data import StudentConfiguration
from gamma_calc.simulation.teacher_student import run_memory

PROGRAM = 2**28
"""Bytes that the program itself takes with its libraries: about a quarter of a GiB."""

NOTHING: Mapping[int, str] = MappingProxyType({})


def check_memory(runs: Sequence[Planned], available: int | None, device: int | None = None) -> None:
    """See that the largest of some runs fits into the memory that one run may take.

    Args:
        available: bytes on the machine, None where that is not known.
        device: bytes on the accelerator, of which those runs need as much that compute there.

    Raises:
        BadInput: it does not; the message says how much it needs.
    """
    _check(runs, available, "")
    _check([run for run in runs if run.run.device != "cpu"], device, " on the device")


def _check(runs: Sequence[Planned], available: int | None, where: str) -> None:
    if available is None or not runs:
        return
    largest = max(runs, key=lambda run: run.run.memory)
    needed = largest.run.memory + PROGRAM
    if needed > available:
        fits = [run.width for run in runs if run.run.memory + PROGRAM <= available]
        hint = f"width {max(fits)} fits" if fits else "no width of the sweep fits"
        raise BadInput(
            f"width {largest.width} needs about {_gibibytes(needed)} for a run ({largest}), and there are"
            f" {_gibibytes(available)} for each{where}: {hint}; take fewer workers (spawn:1), a smaller rates_per_run"
            " or seeds_per_run, or a larger machine"
        )


def check_widths(experiment: ProbeConfiguration, available: int | None) -> None:
    """See that an experiment at several widths, of which one run is in memory at a time, fits at the largest.

    Raises:
        BadInput: it does not; the message says how much it needs.
    """
    shapes = {n: experiment.shape_at(n) for n in experiment.widths}
    for shape in shapes.values():
        experiment.sizes_at(shape)  # a size beyond the range of floats is told before anything is trained
    training = {n: experiment.training_at(shape) for n, shape in shapes.items()}
    needs = {n: probe_memory(shape, experiment.dtype, training[n]) + PROGRAM for n, shape in shapes.items()}
    _check_largest(needs, available, {n: f", of rank {shape.rank}" for n, shape in shapes.items()})


def check_students(students: Iterable[StudentConfiguration], available: int | None, workers: int) -> None:
    """See that as many students as there are workers fit side by side at the largest width.

    Raises:
        BadInput: they do not; the message says how much one needs.
    """
    needs: dict[int, int] = {}
    for each in students:
        needs[each.width] = max(needs.get(each.width, 0), run_memory(each) + PROGRAM)
    share = None if available is None else available // workers
    _check_largest(needs, share, shared=_shared(workers))


def check_model(name: str, needed: int, available: int | None, workers: int) -> None:
    """See that as many runs with a model as there are workers fit side by side.

    Args:
        needed: bytes of one run.

    Raises:
        BadInput: they do not.
    """
    if available is None or needed + PROGRAM <= available // workers:
        return
    fits_alone = needed + PROGRAM <= available
    advice = "take fewer workers" if fits_alone else "take a smaller model, smaller sizes, or a larger machine"
    raise BadInput(
        f"a run with the model {name} needs about {_gibibytes(needed + PROGRAM)}, and there are"
        f" {_gibibytes(available // workers)}{_shared(workers)}: {advice}"
    )


def _shared(workers: int) -> str:
    return f" for each of {workers} workers" if workers > 1 else ""


def _check_largest(
    needs: Mapping[int, int], available: int | None, notes: Mapping[int, str] = NOTHING, shared: str = ""
) -> None:
    """Compare the bytes that the widths need with those that there are."""
    width = max(needs, key=lambda n: needs[n])
    if available is None or needs[width] <= available:
        return
    fits = [n for n, needed in needs.items() if needed <= available]
    advice = "; take fewer workers" if shared else ""
    raise BadInput(
        f"width {width} needs about {_gibibytes(needs[width])}{notes.get(width, '')}, and there are"
        f" {_gibibytes(available)}{shared}: {f'width {max(fits)} fits' if fits else 'none of the widths fits'}{advice}"
    )


def available_memory(root: Path = Path("/")) -> int | None:
    """Bytes that can still be taken on this machine, within the limit of its container; None where it does not say."""
    found = [bytes_ for bytes_ in (_free(root), _left_in_container(root)) if bytes_ is not None]
    return min(found, default=None)


def _free(root: Path) -> int | None:
    try:
        for line in (root / "proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return None
    except OSError:
        # Elsewhere the physical memory is an upper bound.
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else None


def _left_in_container(root: Path) -> int | None:
    group = root / "sys/fs/cgroup"
    try:
        limit, used = ((group / name).read_text().strip() for name in ("memory.max", "memory.current"))
    except OSError:
        return None
    return None if limit == "max" else max(0, int(limit) - int(used))


def _gibibytes(count: int) -> str:
    return f"{count / 2**30:.3g} GiB"

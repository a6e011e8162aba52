"""Whether the runs of a sweep fit where they are to be carried out, asked before the first one starts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from gamma_calc.errors import BadInput
from gamma_calc.experiment.sweep_run import Planned, probe_memory
from gamma_calc.simulation.probe import ProbeConfiguration
from gamma_calc.simulation.program_sizes import ProgramExperiment

PROGRAM = 2**28
"""Bytes that the program itself takes with its libraries: about a quarter of a GiB."""

ADVICE = "take smaller sizes, fewer workers or a larger machine"
OF_A_SWEEP = "take fewer workers (spawn:1), a smaller rates_per_run or seeds_per_run, or a larger machine"


def check_memory(runs: Sequence[Planned], available: int | None, device: int | None = None) -> None:
    """See that the largest of some runs fits into the memory that one run may take.

    Args:
        available: bytes on the machine, None where that is not known.
        device: bytes on the accelerator, of which those runs need as much that compute there.
    """
    on_device = [run for run in runs if run.run.device != "cpu"]
    for some, memory, where in ((runs, available, " for each"), (on_device, device, " for each on the device")):
        if memory is not None:
            needs = {f"width {run.width}": run.run.memory for run in sorted(some, key=lambda run: run.run.memory)}
            check_fit(needs, memory, where, OF_A_SWEEP)


def check_widths(experiment: ProbeConfiguration, available: int | None) -> None:
    """See that an experiment at several widths, of which one run is in memory at a time, fits at the largest."""
    shapes = [experiment.shape_at(width) for width in experiment.widths]
    for shape in shapes:
        experiment.sizes_at(shape)  # a size beyond the range of floats is told before anything is trained
    needs = [probe_memory(shape, experiment.dtype, experiment.training_at(shape)) for shape in shapes]
    names = (f"width {shape.width} (rank {shape.rank})" for shape in shapes)
    check_fit(dict(zip(names, needs, strict=True)), available)


def check_network(experiment: ProgramExperiment, available: int | None) -> None:
    """As `check_widths`, for a network."""
    for width in experiment.widths:
        experiment.check_sizes(width)
    check_fit({f"width {width}": experiment.memory_at(width) for width in experiment.widths}, available)


def check_workers(needs: Mapping[str, int], available: int | None, workers: int) -> None:
    """See that as many runs as there are workers fit side by side; as `check_fit`."""
    share = None if available is None else available // workers
    check_fit(needs, share, f" for each of {workers} workers" if workers > 1 else "")


def check_fit(needs: Mapping[str, int], available: int | None, where: str = "", advice: str = ADVICE) -> None:
    """See that what needs most fits, with the program beside it.

    Args:
        needs: bytes by what needs them.
        available: bytes that there are, None where that is not known; `where` says for what.

    Raises:
        BadInput: it does not; the message says how much it needs, and what would fit.
    """
    fits = [name for name, needed in needs.items() if available is None or needed + PROGRAM <= available]
    if available is None or len(fits) == len(needs):
        return
    largest = max(needs, key=lambda name: needs[name])
    hint = f"{max(fits, key=lambda name: needs[name])} fits; " if fits else ""
    raise BadInput(
        f"{largest} needs about {_gibibytes(needs[largest] + PROGRAM)}, and there are {_gibibytes(available)}{where}:"
        f" {hint}{advice}"
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

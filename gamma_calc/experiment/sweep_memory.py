"""Whether the runs of a sweep fit where they are to be carried out, asked before the first one starts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from gamma_calc.errors import BadInput
from gamma_calc.experiment.sweep_plan import Planned
from gamma_calc.experiment.sweep_run import probe_memory
from gamma_calc.simulation.probe import ProbeConfiguration

PROGRAM = 2**28
"""Bytes that the program itself takes with its libraries: about a quarter of a GiB."""


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
    needs = {n: probe_memory(experiment.shape_at(n), experiment.dtype) + PROGRAM for n in experiment.widths}
    width = max(needs, key=lambda n: needs[n])
    if available is None or needs[width] <= available:
        return
    fits = [n for n, needed in needs.items() if needed <= available]
    raise BadInput(
        f"width {width} needs about {_gibibytes(needs[width])}, of rank {experiment.shape_at(width).rank}, and there"
        f" are {_gibibytes(available)}: " + (f"width {max(fits)} fits" if fits else "none of the widths fits")
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

"""What this machine can do at best: the rates that a floor is made of."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from pathlib import Path

import torch

MATRIX = 2048
COPIED_BYTES = 2**28


def seconds(work: Callable[[], object]) -> float:
    """The wall time of a piece of work."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def multiplication_rate() -> float:
    """Floating-point operations a second of a float32 matrix product on all of torch's threads."""
    left, right, out = (torch.ones(MATRIX, MATRIX) for _ in range(3))
    return 2 * MATRIX**3 / seconds(lambda: torch.mm(left, right, out=out))


def copy_rate() -> float:
    """Bytes a second that a copy reads and writes, far outside the caches."""
    source, target = (torch.ones(COPIED_BYTES // 4) for _ in range(2))
    return 2 * COPIED_BYTES / seconds(lambda: target.copy_(source))


def description() -> dict[str, object]:
    """What the figures of a run depend on."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        cpu = names[0] if names else cpu
    return {"cpu": cpu, "torch": torch.__version__, "python": platform.python_version()}

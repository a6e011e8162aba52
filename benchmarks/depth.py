"""Time stacks of adapters by their depth: python -m benchmarks.depth [--rounds 3] [--out FILE].

Exponents at a point until they settle, of plain stacks and of stacks with frozen weights, ReLU and norms; then
`derive`, with one rate free and with two. In processor time, with empty caches, the least of several rounds: what else
the machine does can only add to it. `growth` is the power of the depth by which time grew since half that depth.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from math import log2
from pathlib import Path

from benchmarks.symbolic import forget, milliseconds
from gamma_calc.analysis.derivation import derived
from gamma_calc.calculus.recursion import Trajectory, trajectory
from gamma_calc.program.models import LoraStack
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.stack import lora_stack

DEPTHS = {"plain": (1, 2, 4, 8, 16, 32), "frozen, ReLU, norm": (1, 2, 4, 8)}
LONGEST = 64
# A, B, eta_A, eta_B
POINTS = {"init-a": ("-1/2", "zero", "-1/2", "-1/2"), "lora-plus-a": ("-1/2", "zero", "-1", "0")}
FREE = {"one rate": ("a", "a"), "two rates": ("a", "b")}
INITS = {"init-a": ("-1/2", "zero"), "init-b": ("zero", "0"), "init-ab": ("-1/2", "-1/2")}
REGIONS = {"one rate": (3,), "two rates": (2, 3)}


def stack(depth: int, kind: str, exponents: Sequence[str]) -> Scheme:
    """The scheme of a stack under Adam."""
    forms = dict(zip(("A", "B", "eta_A", "eta_B"), exponents, strict=True))
    full = kind != "plain"
    return Scheme("stack", forms, model=LoraStack(depth, full, "phi" if full else None, full))


def least(work: Callable[[], object], rounds: int) -> float:
    """Seconds that the work takes with empty caches, in the quickest of some rounds."""
    found = []
    for _ in range(rounds):
        forget()
        found.append(milliseconds(work) / 1e3)
    return min(found)


def settled(scheme: Scheme) -> Trajectory:
    """The run at a point, up to the step from which nothing changes."""
    assert isinstance(scheme.model, LoraStack)
    return trajectory(lora_stack(scheme, scheme.model), LONGEST)


def depth_figures(rounds: int) -> list[dict[str, object]]:
    """Seconds and rule applications of a run at a point, by kind of stack and depth."""
    found: list[dict[str, object]] = []
    for kind, depths in DEPTHS.items():
        for point, exponents in POINTS.items():
            before: float | None = None
            for depth in depths:
                scheme = stack(depth, kind, exponents)
                seconds = least(lambda scheme=scheme: settled(scheme), rounds)
                growth = None if before is None else log2(seconds / before)
                count = len(settled(scheme).applications)
                found.append({"kind": kind, "at": point, "depth": depth, "seconds": seconds, "growth": growth})
                found[-1]["applications"] = count
                before = seconds
    return found


def region_figures(rounds: int) -> list[dict[str, object]]:
    """Seconds of `derive` for every step count, by init, kind of stack, free rates and depth."""
    found: list[dict[str, object]] = []
    for free, depths in REGIONS.items():
        for kind in DEPTHS:
            for init, entries in INITS.items():
                for depth in depths:
                    scheme = stack(depth, kind, (*entries, *FREE[free]))
                    seconds = least(lambda scheme=scheme: derived(scheme), rounds)
                    decided = not derived(scheme).is_unknown
                    found.append({"kind": kind, "at": f"{init}, {free}", "depth": depth, "seconds": seconds})
                    found[-1]["decided"] = decided
    return found


def table(figures: Sequence[dict[str, object]]) -> str:
    """The figures side by side, a line each."""
    header = ("kind", "at", "depth", "seconds", "growth", "applications", "decided")
    rows = [header, *(tuple(_cell(each.get(name)) for name in header) for each in figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)


def main() -> int:
    """Print the figures as a table, and write them where asked to."""
    parser = argparse.ArgumentParser(prog="benchmarks.depth", description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=3, metavar="K", help="rounds of which the quickest counts")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the figures as JSON")
    arguments = parser.parse_args()
    figures = {"schema": 1, "depth": depth_figures(arguments.rounds), "regions": region_figures(arguments.rounds)}
    print(table(figures["depth"]), table(figures["regions"]), sep="\n\n")
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

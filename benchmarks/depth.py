"""Time stacks of adapters by their depth: python -m benchmarks.depth [--rounds 3] [--out FILE].

Exponents at a point until they settle, and `derive` for every step count with one rate free and with two; of plain
stacks and of `full` ones, with frozen weights, ReLU and norms. In processor time, with empty caches, the least of
several rounds: what else the machine does can only add to it. `growth` is the power of the depth by which time grew
since the row before.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from math import log
from pathlib import Path
from typing import TypeVar

from benchmarks.symbolic import forget, milliseconds
from gamma_calc.analysis.derivation import derived
from gamma_calc.calculus.recursion import Trajectory, trajectory
from gamma_calc.program.models import LoraStack
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.stack import lora_stack

Answer = TypeVar("Answer")
Row = tuple[str, ...]
LONGEST = 64
INITS = {"init-a": ("-1/2", "zero"), "init-b": ("zero", "0"), "init-ab": ("-1/2", "-1/2")}
# kind, init, eta_A, eta_B: depths
POINTS: Mapping[tuple[str, str, str, str], Sequence[int]] = {
    ("plain", "init-a", "-1/2", "-1/2"): (1, 2, 4, 8, 16, 32),
    ("plain", "init-a", "-1", "0"): (1, 2, 4, 8, 16),
    ("full", "init-a", "-1/2", "-1/2"): (1, 2, 4, 8),
    ("full", "init-a", "-1", "0"): (1, 2, 4, 8),
}
REGIONS: Mapping[tuple[str, str, str, str], Sequence[int]] = {
    ("plain", "init-a", "a", "a"): (3,),
    **{("plain", init, "a", "b"): (2, 3, 4) for init in ("init-a", "init-b")},
    ("plain", "init-ab", "a", "b"): (2,),
    **{("full", init, "a", "b"): (2, 3) for init in ("init-a", "init-b")},
}
HEADER = ("kind", "init", "eta_A", "eta_B", "depth", "seconds", "growth", "rules", "decided")


def stack(depth: int, kind: str, init: str, eta_a: str, eta_b: str) -> Scheme:
    """The scheme of a stack under Adam."""
    forms = dict(zip(("A", "B", "eta_A", "eta_B"), (*INITS[init], eta_a, eta_b), strict=True))
    is_full = kind == "full"
    return Scheme("stack", forms, model=LoraStack(depth, is_full, "relu" if is_full else "none", is_full))


def least(work: Callable[[], Answer], rounds: int) -> tuple[float, Answer]:
    """Seconds that the work takes with empty caches, in the quickest of some rounds, and its answer."""
    answers, found = list[Answer](), list[float]()
    for _ in range(rounds):
        forget()
        found.append(milliseconds(lambda: answers.append(work())) / 1e3)
    return min(found), answers[-1]


def settled(scheme: Scheme) -> Trajectory:
    """The run at a point, up to the step from which nothing changes."""
    assert isinstance(scheme.model, LoraStack)
    return trajectory(lora_stack(scheme, scheme.model), LONGEST)


def figures(rounds: int) -> Iterator[Row]:
    """A row for each stack: seconds, and for a point the rules that were applied."""
    for key, depths in POINTS.items():
        before: tuple[int, float] | None = None
        for depth in depths:
            scheme = stack(depth, *key)
            seconds, run = least(partial(settled, scheme), rounds)
            growth = "" if before is None else f"{log(seconds / before[1]) / log(depth / before[0]):.1f}"
            yield (*key, str(depth), f"{seconds:.2f}", growth, str(len(run.applications)), "")
            before = depth, seconds
    for key, depths in REGIONS.items():
        for depth in depths:
            scheme = stack(depth, *key)
            seconds, answer = least(partial(derived, scheme), rounds)
            yield (*key, str(depth), f"{seconds:.2f}", "", "", "no" if answer.is_unknown else "yes")


def main() -> int:
    """Print the figures as a table, and write them where asked to."""
    parser = argparse.ArgumentParser(prog="benchmarks.depth", description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=3, metavar="K", help="rounds of which the quickest counts")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the figures as JSON")
    arguments = parser.parse_args()
    rows = list[Row]()
    for row in chain([HEADER], figures(arguments.rounds)):
        rows.append(row)
        print("".join(cell.ljust(9) for cell in row).rstrip(), flush=True)
    if arguments.out is not None:
        found = {"schema": 1, "rows": [dict(zip(HEADER, row, strict=True)) for row in rows[1:]]}
        arguments.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The time of one step of one configuration: by the kernel, which trains all of them together, and by the baselines.

A round times each of them once, one after the other, so that whatever else the machine does falls on all alike; a time
is the median over rounds. The floor is the larger of the arithmetic of the step's five products of size r n N, ten
operations each r n N, at the highest rate of a matrix product seen in any round, and of the bytes of the two arrays
that a step has to read once for all configurations, at the highest rate of a copy.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from statistics import median
from typing import Any

import torch

from benchmarks.baselines import Baseline, Problem, has_peft, plain, random_problem, through_peft
from benchmarks.machine import copy_rate, multiplication_rate, seconds
from gamma_calc.program.optimizers import Moments
from gamma_calc.simulation.student_data import StudentConfiguration, blocks
from gamma_calc.simulation.student_kernel import CompiledTraining, TiledStudent

ADAM = Moments(Fraction(9, 10), Fraction(999, 1000), Fraction(1, 10**8))
SMALLEST_RATE, RATE_RATIO = 1e-5, 2**0.5

AGREEMENT_WIDTH, AGREEMENT_SAMPLES, AGREEMENT_STEPS = 200, 300, 5
AGREEMENT = 1e-9
"""Relative: five steps of Adam from float64 gradients that agree to about 1e-13, small ones among them less well."""


@dataclass(frozen=True, slots=True)
class Case:
    """One setting to be timed."""

    n: int
    samples: int = 1000
    rank: int = 4
    configurations: int = 16
    rounds: int = 7
    steps: int = 5

    @property
    def rates(self) -> tuple[float, ...]:
        """The learning rates of the configurations."""
        return tuple(SMALLEST_RATE * RATE_RATIO**k for k in range(self.configurations))


class Kernel:
    """The kernel on all configurations, a piece of them on each thread."""

    def __init__(self, problem: Problem, rates: tuple[float, ...], threads: int) -> None:
        tiled = TiledStudent(problem.student())
        pieces = blocks(len(rates), -(-len(rates) // threads))
        self.trainings = [
            CompiledTraining(tiled, StudentConfiguration(tiled.width, None, None, rates[p], rates[p], ADAM, 1))
            for p in pieces
        ]
        self.pool = ThreadPoolExecutor(threads)
        self.t = count(1)

    def step(self, steps: int) -> None:
        """Take some steps of every configuration."""
        times = [next(self.t) for _ in range(steps)]
        list(self.pool.map(lambda training: [training.move(t) for t in times], self.trainings))

    def losses(self) -> list[float]:
        """The training loss of each configuration."""
        return [loss for training in self.trainings for loss in training.record()[2].tolist()]


def disagreement(case: Case) -> float:
    """The largest relative difference of the losses after some steps, over configurations and ways to train them."""
    problem = random_problem(AGREEMENT_WIDTH, AGREEMENT_SAMPLES, case.rank, torch.float64)
    kernel = Kernel(problem, case.rates, threads=1)
    kernel.step(AGREEMENT_STEPS)
    worst = 0.0
    for rate, loss in zip(case.rates, kernel.losses(), strict=True):
        for build in _builders().values():
            baseline = build(problem, rate)
            for _ in range(AGREEMENT_STEPS):
                baseline.step()
            worst = max(worst, abs(baseline.loss() - loss) / loss)
    return worst


def timed(case: Case) -> dict[str, Any]:
    """The measured case, as it is written down; times in milliseconds for one step of one configuration."""
    threads = torch.get_num_threads()
    problem = random_problem(case.n, case.samples, case.rank, torch.float32)
    kernel = Kernel(problem, case.rates, threads)
    baselines = {name: build(problem, case.rates[0]) for name, build in _builders().items()}
    kernel.step(1)
    work: dict[str, Callable[[], object]] = {name: baseline.step for name, baseline in baselines.items()}
    times: dict[str, list[float]] = {name: [] for name in ("kernel", *work)}
    flops, copies = [], []
    for step in work.values():
        step()
    for _ in range(case.rounds):
        # Operations of one thread each for the kernel's own threads, all threads for the others.
        torch.set_num_threads(1)
        times["kernel"].append(seconds(lambda: kernel.step(case.steps)) / (case.steps * case.configurations))
        torch.set_num_threads(threads)
        for name, step in work.items():
            times[name].append(seconds(step))
        flops.append(multiplication_rate())
        copies.append(copy_rate())
    sizes = case.n * case.samples
    arithmetic = 10 * case.rank * sizes / max(flops)
    reading = 2 * sizes * 4 / case.configurations / max(copies)
    floor = max(arithmetic, reading)
    own = median(times["kernel"])
    return {
        "name": "adapter-step",
        "n": case.n,
        "samples": case.samples,
        "rank": case.rank,
        "configurations": case.configurations,
        "ratios": {name: median(values) / own for name, values in times.items() if name != "kernel"},
        "times_floor": own / floor,
        "milliseconds": {
            "floor": 1e3 * floor,
            **{name: {"median": 1e3 * median(each), "least": 1e3 * min(each)} for name, each in times.items()},
        },
        "rates": {"flops": max(flops), "bytes": max(copies)},
    }


def _builders() -> dict[str, Callable[..., Baseline]]:
    return {"plain": plain, **({"peft": through_peft} if has_peft() else {})}

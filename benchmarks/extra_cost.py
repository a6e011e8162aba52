"""What momentum and decay cost the adapter kernel, beside reading the program: python -m benchmarks.extra_cost.

Processor time on one thread, the least of several runs of each in turn, with every term of every quantity measured.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping

import torch

from gamma_calc.program.optimizers import OPTIMIZERS
from gamma_calc.simulation.adapter_kernel import measured_training
from gamma_calc.simulation.adapter_module import AdapterModule, Extra, Training
from gamma_calc.simulation.program_training import program_training
from gamma_calc.simulation.sampling import Shape, Sizes, sampled_module

Way = Callable[[AdapterModule, Training], object]

ROUNDS = 5
STEPS = 4
EXTRAS: Mapping[str, Extra | None] = {
    "plain": None,
    "momentum": Extra(momentum=0.9),
    "decay": Extra(decay_A=0.1, decay_B=0.1),
    "both": Extra(0.9, 0.1, 0.1),
}


def main() -> None:
    """Time one run of four steps and two samples, in both ways."""
    parser = argparse.ArgumentParser(prog="benchmarks.extra_cost", description=main.__doc__)
    parser.add_argument("--width", type=int, default=2**16, metavar="N")
    n = parser.parse_args().width
    torch.set_num_threads(1)
    module = sampled_module(Shape(n, 5, n), Sizes(A=n**-0.5, B=None, gradient=1.0, scale=1.0), "random", 0, range(1))
    for optimizer in ("adam", "sgd"):
        for name, extra in EXTRAS.items():
            training = Training((n**-0.5,), (n**-0.5,), OPTIMIZERS[optimizer].step, STEPS, extra=extra)
            rounds = [
                [seconds(way, module, training) for way in (measured_training, program_training)] for _ in range(ROUNDS)
            ]
            fast, slow = (min(times) for times in zip(*rounds, strict=True))
            times = f"{1e3 * fast:.0f} ms, reading the program {1e3 * slow:.0f} ms"
            print(f"n={n} {optimizer}, {name}: {times}, {slow / fast:.1f} times as long")


def seconds(way: Way, module: AdapterModule, training: Training) -> float:
    """Processor time of one run."""
    started = time.process_time()
    way(module, training)
    return time.process_time() - started


if __name__ == "__main__":
    main()

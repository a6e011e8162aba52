"""How time and memory grow with the width: of a step of the teacher-student kernel, and of the reading of a network.

Time is the processor time of one thread, and of several repeats of each width the least: growth is a property of the
work, and what else the machine does can only add to it. The exponent is the least-squares slope of log time on log
width.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from gamma_calc.experiment.prediction import at_largest_rate
from gamma_calc.experiment.setup import Settings, network_experiment
from gamma_calc.program.catalogue import catalogue_scheme
from gamma_calc.program.optimizers import Moments
from gamma_calc.simulation.program_sizes import program_sizes
from gamma_calc.simulation.student_data import StudentConfiguration, drawn_student, drawn_teacher
from gamma_calc.simulation.student_kernel import CompiledTraining, TiledStudent

ADAM = Moments(Fraction(9, 10), Fraction(999, 1000), Fraction(1, 10**8))
ROUNDS = 5
RATES = (1e-3,) * 4
STEPS = 4

Step = Callable[[], object]


def student_step(width: int) -> Step:
    """One step of four teacher-student configurations of the paper's size, in float32."""
    configuration = StudentConfiguration(width, width**-0.5, None, RATES, RATES, ADAM, steps=1)
    teacher = drawn_teacher(configuration)
    student = drawn_student(configuration, 0, teacher, torch.float32, torch.device("cpu"))
    training = CompiledTraining(TiledStudent(student), configuration)
    return lambda: training.move(1)


def network_run(width: int) -> Step:
    """A run of one adapter for four steps with every term measured, in float64."""
    settings = Settings((width,), seeds=1, steps=STEPS)
    experiment = network_experiment(at_largest_rate(catalogue_scheme("init-a")), settings, Fraction(1))
    return lambda: program_sizes(experiment)


def growth(name: str, step_at: Callable[[int], Step], widths: tuple[int, ...]) -> dict[str, Any]:
    """Times in milliseconds and memory at each width, with the exponent of time."""
    least, peaks = [], []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for width in widths:
        step = step_at(width)
        step()
        least.append(min(_processor_seconds(step) for _ in range(ROUNDS)))
        peaks.append(_peak_bytes())
        del step
    torch.set_num_threads(threads)
    slope = float(np.polyfit(np.log2(widths), np.log2(least), 1)[0])
    return {
        "name": name,
        "widths": list(widths),
        "milliseconds": [1e3 * each for each in least],
        "exponent": slope,
        "peak_bytes_so_far": peaks,
    }


def _processor_seconds(step: Step) -> float:
    start = time.process_time()
    step()
    return time.process_time() - start


def _peak_bytes() -> int:
    """The most memory that this process has had so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak

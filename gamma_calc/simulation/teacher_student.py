"""A student network fine-tuned by a LoRA module on a teacher's outputs under the squared loss.

    Y_in = W_in x,    Y_h = Y_in + (W_h + B A) phi(Y_in),    Y_out = W_out phi(Y_h),    phi = ReLU,

and only A and B are trained, by the full batch. With H = phi(Y_in) all that is frozen is F = Y_in + W_h H, computed
once and from its exact law. Students that differ in learning rate are trained together: on a CPU
by compiled loops (`student_kernel`), elsewhere and at large ranks in plain tensor operations (`student_plain`). The two
agree to rounding.

Memory grows as n N, linearly in the width: F and H of training and test points in the chosen format, twice where the
loops have them in their own layout. That is 16 n N bytes in float32, 0.54 GiB at n = 2^15 and the paper's number of
points, and beside it what the rates in training add, which `memory` bounds.

Under a squared loss the residual changes sign along training, so sign steps undo each other: the exponents of the
linear loss (`probe`) are not expected to show here, which is why this is a separate experiment.

Source: Hayou, Ghosh, Yu, "The Impact of Initialization on LoRA Finetuning Dynamics" (arXiv 2406.08447), the synthetic
experiment: the model, its sizes and the optimiser. The variances of the frozen weights (1 / fan-in) are ours.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import torch
from torch import Tensor

from gamma_calc.simulation import student_plain
from gamma_calc.simulation.devices import one_thread, resolved_device, resolved_dtype
from gamma_calc.simulation.student_data import Student, StudentConfiguration, blocks, drawn_student, drawn_teacher
from gamma_calc.simulation.student_plain import PlainTraining, StudentMeasurement

try:
    from gamma_calc.simulation import student_code, student_kernel
    from gamma_calc.simulation.student_kernel import CompiledTraining
except ImportError:
    # llvmlite is not there, and the plain operations do the same more slowly.
    HAS_LOOPS = False
else:
    HAS_LOOPS = True

MEMORY_BOUND = 2**30
"""Bytes that the activations of the rates trained at once may take."""

RATES_AT_A_TIME = 16
"""Rates that one thread trains together; more would only push the activities out of the caches."""


def teacher_student(
    configuration: StudentConfiguration, *, memory: int = MEMORY_BOUND, is_plain: bool = False
) -> StudentMeasurement:
    """Train students that differ in learning rate and run, and record them along the way.

    The teacher and its points depend on the seed alone; the student's weights on the seed, the run and the width. The
    rates of one run are trained together, on as many threads as torch has, as many at a time as keep within `memory`
    bytes.

    Args:
        is_plain: whether to keep to plain tensor operations where the compiled loops would do.
    """
    device = resolved_device(configuration.device, configuration.dtype)
    dtype, configuration = resolved_dtype(configuration.dtype), replace(configuration, device=device.type)
    teacher = drawn_teacher(configuration)
    runs = [
        _trained(configuration, drawn_student(configuration, run, teacher, dtype, device), memory, is_plain)
        for run in range(configuration.first, configuration.first + configuration.runs)
    ]
    return StudentMeasurement(*torch.stack(runs, dim=-1))


def run_memory(configuration: StudentConfiguration) -> int:
    """Bytes of one run: the frozen part on all points in two layouts, the roots that it is drawn with, and the rates'
    own, at least those of one rate and at most `MEMORY_BOUND`."""
    points, width = configuration.points + configuration.test_points, configuration.width
    frozen = 4 * points * width * configuration.item + 4 * points**2 * torch.float64.itemsize
    rate = _bytes_per_rate(configuration, _has_loops(configuration))
    return frozen + max(rate, min(MEMORY_BOUND, rate * len(configuration.eta_A)))


def _bytes_per_rate(configuration: StudentConfiguration, is_compiled: bool) -> int:
    return student_kernel.bytes_per_rate(configuration) if is_compiled else student_plain.bytes_per_rate(configuration)


def loops_in_use() -> str:
    """What trains students on this machine's processor, in words. Other loops sum in another order, so they round in
    another way, which many steps amplify."""
    steps = f"operations of torch {torch.__version__}"
    return f"{student_code.compiler()}, with steps by {steps}" if HAS_LOOPS else f"plain {steps}"


def _has_loops(configuration: StudentConfiguration) -> bool:
    return HAS_LOOPS and student_kernel.is_compilable(configuration)


def _trained(configuration: StudentConfiguration, student: Student, memory: int, is_plain: bool) -> Tensor:
    """All that is recorded of one run at each record, [len(RECORDED), T, L]."""
    is_compiled = not is_plain and _has_loops(configuration)
    count = max(1, memory // _bytes_per_rate(configuration, is_compiled))
    if not is_compiled:
        pieces = _pieces(configuration, count)
        return torch.cat([_records(each, PlainTraining(student, each)) for each in pieces], dim=-1)
    tiled = student_kernel.TiledStudent(student)

    def records(piece: StudentConfiguration) -> Tensor:
        return _records(piece, CompiledTraining(tiled, piece))

    threads = min(torch.get_num_threads(), count, len(configuration.eta_A))
    size = min(-(-len(configuration.eta_A) // threads), count // threads, RATES_AT_A_TIME)
    with one_thread(), ThreadPoolExecutor(threads) as pool:
        return torch.cat(list(pool.map(records, _pieces(configuration, size))), dim=-1)


def _pieces(configuration: StudentConfiguration, size: int) -> list[StudentConfiguration]:
    """The experiment for some of its rates at a time."""
    eta_a, eta_b = configuration.eta_A, configuration.eta_B
    return [replace(configuration, eta_A=eta_a[k], eta_B=eta_b[k]) for k in blocks(len(eta_a), size)]


def _records(configuration: StudentConfiguration, training: PlainTraining | CompiledTraining) -> Tensor:
    """The records of one piece of rates, [len(RECORDED), T, L]."""
    records, recorded = [training.record()], set(configuration.recorded_steps)
    for t in range(1, configuration.steps + 1):
        training.move(t)
        if t in recorded:
            records.append(training.record())
    return torch.stack(records, dim=1)

"""Adapters that feel each other: the exponents of a stack, derived, against the slopes of its sizes, measured."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from gamma_calc.calculus.recursion import trajectory
from gamma_calc.program.lora import lora_module
from gamma_calc.program.models import LoraStack as Stack
from gamma_calc.program.program import Program
from gamma_calc.program.stack import lora_stack
from gamma_calc.simulation.population import population_sizes
from gamma_calc.simulation.program_sizes import ProgramExperiment, ProgramMeasurement, program_sizes
from tests.schemes import scheme
from validation.depth import with_the_path_cut

STEPS = 3
SEEDS = 24
TOLERANCE = 0.2
"""Of a slope between 2^8 and 2^10, where a matrix grows both ways: neighbouring exponents are 1/4 or 1/2 apart. A part
that is n^(1/4) below another there still bends the slope by 1/4 * 0.2, and medians of 40 seeds leave a deviation of
0.05 on it."""
SHAPES = {
    "plain": Stack(2),
    "norm": Stack(2, has_norm=True),
    "frozen weights": Stack(2, True),
    "ReLU": Stack(2, True, "relu"),
}
"""Three layers have crossovers that no width of a training reaches."""
QUANTITIES = ("Z_A", "Z_B", "Delta_Z_B", "dZ")

SCHEMES = {
    "Init[A], one rate": ("-1/2", "zero", "-1/2", "-1/2"),
    "Init[B], one rate": ("zero", "0", "-1", "-1"),
    "LoRA+ from Init[A]": ("-1/2", "zero", "-1", "0"),
    "LoRA+ from Init[B]": ("zero", "0", "-1", "0"),
    "LoRA+ from A_0 = 1/n": ("-1", "zero", "-1", "0"),
    "(-3/4, -1/4) from Init[A]": ("-1/2", "zero", "-3/4", "-1/4"),
}


SLOW = ("(-3/4, -1/4) from Init[A]",)
"""Where parts are n^(1/4) apart: their slopes at widths that can be trained are only bounded, by the larger part's."""
FAR = (2**40, 2**50)
"""Widths of a population: there what is n^(1/4) below another part is 2^10 below it."""

Slopes = dict[tuple[int, str], float]


def slopes_of(measurement: ProgramMeasurement) -> Slopes:
    """The slope of the median root mean square of each quantity between two widths, at each step."""
    narrow, wide = measurement.configuration.widths
    medians = {
        (t, name): np.median(square, axis=1)
        for (t, name, term), square in measurement.mean_square.items()
        if term is None and name.partition("[")[0] in QUANTITIES
    }
    return {key: math.log2(high / low) / 2 / math.log2(wide / narrow) for key, (low, high) in medians.items()}


def far_slopes(program: Program) -> Slopes:
    """The same on a population."""
    return slopes_of(population_sizes(ProgramExperiment(program, FAR, SEEDS, STEPS, ("Z",))))


def mismatches(derived: Program, slopes: Slopes, tolerance: float = 0.02) -> list[tuple[int, str, str, float]]:
    """The quantities of a step whose slope is not the exponent derived."""
    return [
        (step.t, name, str(size), round(slopes[step.t, name], 2))
        for step in trajectory(derived, STEPS).upto(STEPS)
        for name, size in step.sizes.items()
        if (step.t, name) in slopes and abs(slopes[step.t, name] - float(Fraction(str(size)))) > tolerance
    ]


def stack(name: str, shape: Stack, optimizer: str = "sign") -> Program:
    return lora_stack(scheme(*SCHEMES[name], optimizer=optimizer), shape)


@pytest.mark.parametrize("name", SCHEMES)
def test_slopes_are_the_exponents_derived(name: str) -> None:
    program = stack(name, Stack(2))
    assert not mismatches(program, far_slopes(program))


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["sign", "adam"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("name", SCHEMES)
def test_slopes_are_the_exponents_derived_in_every_shape(name: str, shape: Stack, optimizer: str) -> None:
    program = stack(name, shape, optimizer)
    if not shape.is_frozen:
        assert not mismatches(program, far_slopes(program))
        return
    slopes = slopes_of(program_sizes(ProgramExperiment(program, (2**8, 2**10), 40, STEPS)))
    wrong = mismatches(program, slopes, TOLERANCE)
    if name in SLOW:
        wrong = [each for each in wrong if each[3] > Fraction(each[2])]
    assert not wrong


def test_growth_comes_by_the_upper_initial_factor() -> None:
    """What lower layers learn grows in an upper one because its A_0 is what they have learnt from."""
    program = stack("LoRA+ from Init[A]", Stack(2))
    cut = with_the_path_cut(program)
    slopes = far_slopes(cut)
    assert abs(slopes[STEPS, "Z_A[2]"]) < TOLERANCE
    assert abs(slopes[STEPS, "Z_B[2]"]) < TOLERANCE
    assert {name for t, name, *_ in mismatches(program, slopes) if t == STEPS} >= {"Z_A[2]", "Z_B[2]"}


def test_one_module_does_not_speak_for_the_second_layer() -> None:
    alone = trajectory(lora_module(scheme(*SCHEMES["LoRA+ from Init[A]"], optimizer="sign")), STEPS).last.sizes
    slopes = far_slopes(stack("LoRA+ from Init[A]", Stack(2)))
    for quantity in ("Z_A", "Z_B"):
        assert str(alone[quantity]) == "0"
        assert abs(slopes[STEPS, f"{quantity}[1]"]) < TOLERANCE
        assert slopes[STEPS, f"{quantity}[2]"] > TOLERANCE

"""Random tensors of three axes: what a sum over slices leaves is aligned with what met them, and nothing is guessed."""

from __future__ import annotations

from itertools import pairwise

import pytest

from gamma_calc import exponents
from gamma_calc.calculus.recursion import trajectory
from gamma_calc.errors import Unknown
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import Expression
from gamma_calc.program.network import axis, contract, data, named, parameter, relu, renamed
from gamma_calc.program.problem import Problem, program_of

OUT, WIDTH, INPUTS, TAPS, BATCH = axis("out", 1), axis("width", 1), axis("inputs"), axis("taps"), axis("batch")
FIRST = parameter("A", WIDTH, INPUTS, init="0", rate="eta")
KERNEL = parameter("W", OUT, WIDTH, TAPS, init="-1/2")
READOUT = parameter("o", OUT, init="-1/2")
WINDOWS = data("x", INPUTS, TAPS, BATCH)
BELOW = {
    "taps with the width": contract(READOUT, contract(KERNEL, contract(FIRST, WINDOWS, INPUTS), WIDTH, TAPS), OUT),
    "from the readout": contract(contract(READOUT, KERNEL, OUT), contract(FIRST, WINDOWS, INPUTS), WIDTH, TAPS),
    "behind a map": contract(READOUT, relu(contract(KERNEL, relu(contract(FIRST, WINDOWS, INPUTS)), WIDTH, TAPS)), OUT),
}


@pytest.mark.parametrize("output", BELOW.values(), ids=BELOW)
@pytest.mark.parametrize(("optimizer", "change"), [("adam", "-1/2"), ("sgd", "-1")])
def test_the_layer_below_a_convolution_changes_the_output_along_the_readout(
    output: Expression, optimizer: str, change: str
) -> None:
    """A's gradient is a sum over taps; trained in torch, its step at n^(-1) moves the output by n^-0.49 under Adam."""
    problem = Problem("convolution", named("f", output), efficient=("A",))
    sizes = exponents(problem, steps=1, at={"eta": -1}, optimizer=optimizer)[1].sizes
    assert str(sizes["delta_A"]) == change


MANY = axis("taps", "1/2")
SLICES = parameter("W", OUT, WIDTH, MANY, init="-3/4")
GROWN = contract(FIRST, data("x", INPUTS, MANY, BATCH), INPUTS)
AGAIN = {
    "at once": contract(READOUT, contract(SLICES, GROWN, WIDTH, MANY), OUT),
    "one after the other": contract(
        contract(READOUT, contract(SLICES, contract(FIRST, data("x", INPUTS, BATCH), INPUTS), WIDTH), OUT),
        data("c", MANY),
        MANY,
    ),
}


@pytest.mark.parametrize("output", AGAIN.values(), ids=AGAIN)
def test_what_was_met_over_two_axes_that_grow_is_not_guessed(output: Expression) -> None:
    problem = Problem("convolution", named("f", output), efficient=("A",))
    with pytest.raises(Unknown, match="W meets again what it met in sums over out and taps, which grow"):
        exponents(problem, steps=1, at={"eta": -1})


def test_nothing_is_met_again_from_the_readout_on() -> None:
    output = contract(contract(READOUT, SLICES, OUT), GROWN, WIDTH, MANY)
    problem = Problem("convolution", named("f", output), efficient=("A",))
    assert str(exponents(problem, steps=1, at={"eta": -1})[1].sizes["delta_A"]) == "-1/2"


def quadratic_form(*names: Axis) -> Expression:
    """|W x|^2 of a W whose outputs have been called by several names, one after the other."""
    tensor: Expression = parameter("V", names[0], WIDTH, init="0")
    for old, new in pairwise(names):
        tensor = renamed(tensor, old, new)
    x = data("x", WIDTH)
    return contract(contract(tensor, contract(tensor, x, WIDTH), names[-1]), x, WIDTH)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_an_axis_that_was_renamed_twice_is_met_again(count: int) -> None:
    beside = contract(parameter("t", OUT, init="zero", rate="-1"), data("h", OUT), OUT)
    form = quadratic_form(*(axis(name, 1) for name in "abc"[:count]))
    found = trajectory(program_of(Problem("form", named("F", form + beside)).scheme), 1)
    assert str(found.steps[0].sizes["F"]) == "2"

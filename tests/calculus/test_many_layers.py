"""A gradient that came down through many random matrices meets each of them again on the way up."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from gamma_calc.calculus.recursion import Trajectory, trajectory
from gamma_calc.derivation.questions import derive
from gamma_calc.program.expressions import Expression
from gamma_calc.program.network import axis, data, named, parameter, relu, renamed
from gamma_calc.program.problem import Problem, program_of

WIDTH, OUT, BATCH, OUTPUTS = axis("width", 1), axis("out", 1), axis("batch"), axis("outputs")
Z = data("Z", WIDTH, BATCH)


def through(
    first: Expression, layers: int, function: Callable[[Expression], Expression], *, is_tied: bool = False
) -> Expression:
    """A readout of a value, over some frozen layers."""
    value = first
    for k in range(layers):
        value = function(renamed(parameter("W" if is_tied else f"W{k}", OUT, WIDTH, init="-1/2") @ value, OUT, WIDTH))
    return named("f", parameter("R", OUTPUTS, WIDTH, init="-1/2") @ value)


def run(output: Expression, optimizer: str) -> Trajectory:
    return trajectory(program_of(Problem("network", output, optimizer=optimizer).scheme), 2)


@pytest.mark.parametrize("layers", [1, 4, 5, 9])
@pytest.mark.parametrize("function", [lambda value: value, relu], ids=["linear", "relu"])
@pytest.mark.parametrize(("optimizer", "change"), [("sgd", "0"), ("adam", "1/2")])
def test_the_first_layer_changes_the_output_as_much_whatever_is_above(
    layers: int, function: Callable[[Expression], Expression], optimizer: str, change: str
) -> None:
    first = renamed(parameter("W_1", OUT, WIDTH, init="-1/2", rate="-1") @ Z, OUT, WIDTH)
    steps = run(through(function(first), layers, function), optimizer).steps
    assert [str(step.sizes["Delta_f"]) for step in steps] == [change, change]


@pytest.mark.parametrize("layers", [1, 5, 9])
@pytest.mark.parametrize("function", [lambda value: value, relu], ids=["linear", "relu"])
@pytest.mark.parametrize(("optimizer", "region"), [("sgd", "eta <= -1"), ("adam", "eta <= -3/2")])
def test_so_its_largest_stable_rate_is_the_same(
    layers: int, function: Callable[[Expression], Expression], optimizer: str, region: str
) -> None:
    first = renamed(parameter("W_1", OUT, WIDTH, init="-1/2", rate="eta") @ Z, OUT, WIDTH)
    output = through(function(first), layers, function)
    found = derive(Problem("network", output, optimizer=optimizer, stable=("f",)))
    assert found.json()["conditions"]["stable"]["region"] == region


@pytest.mark.parametrize("is_tied", [False, True])
@pytest.mark.parametrize("layers", [0, 2, 3, 6])
def test_so_does_an_adapter_of_growing_rank(layers: int, *, is_tied: bool) -> None:
    rank = axis("rank", 1)
    a, b = parameter("A", rank, WIDTH, init="-1/2", rate="-3/2"), parameter("B", OUT, rank, init="-1/2")
    adapted = renamed(b @ (a @ Z), OUT, WIDTH)
    for step in run(through(adapted, layers, lambda value: value, is_tied=is_tied), "sgd").steps:
        assert str(step.sizes["Delta_f"]) == "-1/2"


def test_the_first_of_many_layers_in_numbers() -> None:
    """A step of size 1/n along the sign of the gradient of the lowest of seven matrices, seen at the output."""
    draw, means = np.random.default_rng(11), {}
    for n in (2**6, 2**9):
        found = []
        for _ in range(24):
            above = draw.standard_normal((6, n, n)) / np.sqrt(n)
            z, gradient = draw.standard_normal(n), draw.standard_normal(n) / np.sqrt(n)
            for matrix in reversed(above):
                gradient = matrix.T @ gradient
            found.append(gradient @ np.sign(np.outer(gradient, z)) @ z / n)
        means[n] = np.mean(found)
    assert abs(np.log2(means[2**9] / means[2**6]) / 3 - 0.5) < 0.1

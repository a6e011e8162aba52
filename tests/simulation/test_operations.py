"""Every operation of a network against plain torch: its value, its gradient, and its change over a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from gamma_calc import Problem
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import Expression
from gamma_calc.program.network import (
    axis,
    data,
    gelu,
    layer_norm,
    mean,
    merge,
    named,
    parameter,
    power,
    relu,
    rms_norm,
    silu,
    softmax,
    split,
    stop_gradient,
    tanh,
)
from gamma_calc.program.terms import Label, is_initial
from gamma_calc.simulation.population import Population
from gamma_calc.simulation.torch_reading import TorchReading
from tests.simulation.problem_runs import gradient, runs, tensors, whole

SIZES = {"width": 6, "also": 6, "heads": 2, "head": 3, "token": 4, "batch": 2}
n, m, heads, head = axis("width", 1), axis("also", 1), axis("heads"), axis("head", 1)
token, batch = axis("token"), axis("batch")
W = parameter("W", m, n, init=0, rate="eta")
H = W @ data("x", n, token, batch)  # also, token, batch
Build = Callable[[Expression], Expression]
Function = Callable[[Tensor], Tensor]


def of_heads(h: Tensor) -> Tensor:
    return h.unflatten(1, (2, 3))


CASES: dict[str, tuple[Build, Function]] = {
    "relu": (relu, torch.relu),
    "silu": (silu, torch.nn.functional.silu),
    "tanh": (tanh, torch.tanh),
    "gelu": (gelu, torch.nn.functional.gelu),
    "gelu by a tanh": (
        lambda h: gelu(h, "tanh"),
        lambda h: torch.nn.functional.gelu(h, approximate="tanh"),
    ),
    "softmax over tokens": (lambda h: softmax(h, token), lambda h: h.softmax(2)),
    "softmax over features": (lambda h: softmax(h, m), lambda h: h.softmax(1)),
    "a square": (lambda h: power(h, 2), lambda h: h**2),
    "a root of what is positive": (lambda h: power(softmax(h, token), "1/2"), lambda h: h.softmax(2).sqrt()),
    "one over what is positive": (
        lambda h: power(softmax(softmax(h, token), token), -1),
        lambda h: 1 / h.softmax(2).softmax(2),
    ),
    "mean": (lambda h: mean(h, m), lambda h: h.mean(1)),
    "mean over tokens": (lambda h: mean(h, token), lambda h: h.mean(2)),
    "rms norm": (lambda h: rms_norm(h, m), lambda h: h / h.square().mean(1, keepdim=True).sqrt()),
    "layer norm": (
        lambda h: layer_norm(h, m),
        lambda h: (h - h.mean(1, keepdim=True)) / h.var(1, keepdim=True, unbiased=False).sqrt(),
    ),
    "stop-gradient": (lambda h: h * stop_gradient(h), lambda h: h * h.detach()),
    "heads": (
        lambda h: softmax(split(h, m, heads, head), heads) * split(relu(h), m, heads, head),
        lambda h: of_heads(h).softmax(1) * of_heads(h.relu()),
    ),
    "heads, taken together": (
        lambda h: merge(relu(split(h, m, heads, head)), heads, head, n),
        lambda h: h.relu(),
    ),
}


@pytest.mark.parametrize(("build", "function"), CASES.values(), ids=CASES)
def test_an_operation_is_what_torch_makes_of_it(build: Build, function: Function) -> None:
    problem = Problem("operation", named("f", named("inner", build(H))))
    found = tensors(problem, SIZES)
    for step, before, after in runs(problem, SIZES, found, {}):
        weight = before["W"].clone().requires_grad_()
        values = [function(torch.einsum("smn,sntb->smtb", each, found["x"])) for each in (weight, after["W"])]
        (values[0] * found["df"]).sum().backward()
        assert weight.grad is not None
        torch.testing.assert_close(gradient(step, "W", weight), weight.grad, rtol=1e-12, atol=1e-11)
        torch.testing.assert_close(whole(step.quantities["f"], values[1]), values[1], rtol=1e-12, atol=1e-12)
        change = values[1] - values[0].detach()
        torch.testing.assert_close(whole(step.quantities["Delta_f"], change), change, rtol=1e-12, atol=1e-12)


class EachOnce(Population):
    """A population with as many kinds as there are coordinates."""

    counts: ClassVar[Mapping[Axis, Tensor]] = {}


def learnt(problem: Problem, rate: float, read: type[TorchReading]) -> Mapping[tuple[int, str, Label], Tensor]:
    """What two steps change, term by term, over the rate."""
    steps = runs(problem, SIZES, tensors(problem, SIZES), {}, steps=2, rate=rate, read=read)
    return {
        (step.t, name, label): term / rate
        for step, _, _ in steps
        for name, value in step.quantities.items()
        for label, term in value
        if name.startswith("Delta_") or not is_initial(label)
    }


@pytest.mark.parametrize("build", [build for build, _ in CASES.values()], ids=CASES)
def test_a_population_changes_in_proportion_to_steps_that_rounding_would_hide(build: Build) -> None:
    """Of a difference that is 2^-30 of a value rounding takes a part 2^-23, and of one that is 2^-60 all."""
    problem = Problem("operation", named("f", named("inner", build(H))))
    visible, hidden = learnt(problem, 2.0**-30, TorchReading), learnt(problem, 2.0**-60, EachOnce)
    of_first_order = {key: term for key, term in visible.items() if bool(term.abs().max() > 2.0**-10)}
    assert of_first_order
    for key, term in of_first_order.items():
        torch.testing.assert_close(hidden[key], term, rtol=0, atol=1e-3 * float(term.abs().max()), msg=str(key))


@pytest.mark.parametrize("build", [build for build, _ in CASES.values()], ids=CASES)
@pytest.mark.parametrize("rate", [2.0**-10, 2.0**-16, 1.0])
def test_a_population_changes_as_any_run_where_nothing_is_hidden(build: Build, rate: float) -> None:
    problem = Problem("operation", named("f", named("inner", build(H))))
    plain, population = learnt(problem, rate, TorchReading), learnt(problem, rate, EachOnce)
    for key, term in plain.items():
        torch.testing.assert_close(population[key], term, rtol=0, atol=1e-8 * float(term.abs().max()), msg=str(key))

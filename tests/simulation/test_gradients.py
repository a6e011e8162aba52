"""The gradients, changes and terms of every program against plain torch: autograd and a forward pass written out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce

import pytest
import torch
from torch import Tensor

from gamma_calc.algebra import Affine
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import (
    Contraction,
    Expression,
    Given,
    Named,
    Scaled,
    Sum,
    Trained,
    leaves,
    rewritten,
)
from gamma_calc.program.gradients import backward
from gamma_calc.program.lora import lora_module
from gamma_calc.program.models import LoraStack as Stack
from gamma_calc.program.models import Perceptron
from gamma_calc.program.optimizers import named_optimizer, times
from gamma_calc.program.perceptron import perceptron
from gamma_calc.program.program import Program
from gamma_calc.program.reading import Step
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.stack import lora_stack
from gamma_calc.program.terms import FormalSum
from gamma_calc.simulation.torch_reading import TorchReading, trained_in_torch
from tests.schemes import scheme

STEPS, RATE, ENTRIES, TOLERANCE = 4, 0.05, 0.4, 1e-12
SIZES = {"width": 8, "out": 8, "rank": 3, "batch": 2, "inputs": 4, "outputs": 3, "hidden_1": 7, "hidden_2": 7}
SCALARS = {"-1/|width|": -1 / SIZES["width"], "s": 0.5, "kappa": 0.3, "c_1": 0.7, "c_2": 1.3, "c_3": 0.9}
SEEDS = 2

Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class Case:
    """A program beside its forward pass and its loss in plain torch."""

    program: Program
    loss: Callable[[Weights], Tensor]
    forward: Callable[[Weights], Mapping[str, Tensor]]


def module_case(**others: str) -> Case:
    subject = scheme("-1/2", "-1/2", "-1", "-1", optimizer="sgd", **others)

    def forward(w: Weights) -> Mapping[str, Tensor]:
        z_a = w["A"] @ w["Z"]
        return {"Z_A": z_a, "Z_B": SCALARS["s"] * (w["B"] @ z_a)}

    def loss(w: Weights) -> Tensor:
        z_b = forward(w)["Z_B"]
        quadratic = SCALARS["kappa"] / 2 * z_b.square().sum() if "feedback" in others else 0.0
        return (w["dZ"] * z_b).sum() + quadratic

    return Case(lora_module(subject), loss, forward)


def perceptron_case() -> Case:
    model = Perceptron(("W_1", "W_2", "W_3"))
    subject = Scheme("perceptron", dict.fromkeys(model.required, 0), "sgd", model=model)

    def forward(w: Weights) -> Mapping[str, Tensor]:
        h_1 = SCALARS["c_1"] * (w["W_1"] @ w["x"])
        h_2 = SCALARS["c_2"] * (w["W_2"] @ torch.relu(h_1))
        return {"h[1]": h_1, "h[2]": h_2, "f": SCALARS["c_3"] * (w["W_3"] @ torch.relu(h_2))}

    return Case(perceptron(subject, model), lambda w: (w["chi"] * forward(w)["f"]).sum(), forward)


def stack_case(stack: Stack, init: tuple[str, str]) -> Case:
    subject = scheme(*init, "-1", "0", optimizer="sgd")

    def forward(w: Weights) -> Mapping[str, Tensor]:
        stream, found = w["Z"], dict[str, Tensor]()
        for layer in range(1, stack.depth + 1):
            source = stream * stream.square().mean(dim=-2, keepdim=True).rsqrt() if stack.has_norm else stream
            z_a = w[f"A[{layer}]"] @ source
            z_b = SCALARS["s"] * (w[f"B[{layer}]"] @ z_a)
            h = w[f"W[{layer}]"] @ source + z_b if stack.is_frozen else z_b
            stream = stream + (torch.relu(h) if stack.map == "relu" else h)
            found |= {f"Z_A[{layer}]": z_a, f"Z_B[{layer}]": z_b, f"z[{layer}]": stream}
        return found

    return Case(lora_stack(subject, stack), lambda w: (w["dZ"] * forward(w)[f"z[{stack.depth}]"]).sum(), forward)


STACKS = {
    f"L={depth} {'frozen' if is_frozen else 'plain'} {function} {'norm' if has_norm else ''} init {init}": (
        Stack(depth, is_frozen, function, has_norm),
        init,
    )
    for depth in (1, 2, 3)
    for has_norm in (False, True)
    for is_frozen in (False, True)
    for function in ("none", "relu")
    for init in (("-1/2", "zero"), ("zero", "0"), ("-1/2", "-1/2"))
}
CASES = {
    "module": module_case(),
    "module with feedback": module_case(feedback="0"),
    "perceptron": perceptron_case(),
    **{name: stack_case(*each) for name, each in STACKS.items()},
}


def tensors(program: Program) -> dict[str, Tensor]:
    """Every given and initial tensor, for several seeds; what starts at zero is zero."""
    generator = torch.Generator().manual_seed(3)
    found = {}
    given = (leaf for leaf in leaves(*program.gradients.values()) if isinstance(leaf, Given))
    for leaf in (*program.parameters, *given):
        shape = (SEEDS, *(SIZES[axis.name] for axis in leaf.axes))
        value = ENTRIES * torch.randn(shape, generator=generator, dtype=torch.float64)
        is_zero = isinstance(leaf, Trained) and leaf.initial is None
        found[leaf.name] = torch.zeros_like(value) if is_zero else value
    return found


def whole(value: FormalSum[Tensor], like: Tensor) -> Tensor:
    return reduce(torch.add, (term for _, term in value), torch.zeros_like(like))


def steps(case: Case) -> tuple[Weights, list[tuple[Step[Tensor], Weights, Weights]]]:
    """The given tensors, and each step with the weights before and after it."""
    data = tensors(case.program)
    names = [each.name for each in case.program.parameters]
    optimizer = case.program.optimizer
    run = trained_in_torch(case.program, TorchReading(optimizer, data, dict.fromkeys(names, RATE), SCALARS), STEPS)
    return data, [
        (step, *({name: whole(state[name], data[name]) for name in names} for state in (step.before, step.after)))
        for step in run
    ]


def assert_near(found: Tensor, expected: Tensor, what: object) -> None:
    error = (found - expected).abs().amax()
    assert error <= TOLERANCE * max(1.0, float(expected.abs().amax())), (what, float(error))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_gradients_are_those_of_autograd(case: Case) -> None:
    data, run = steps(case)
    for step, before, _ in run:
        weights = {name: value.clone().requires_grad_() for name, value in before.items()}
        case.loss(data | weights).backward()
        for tensor in case.program.parameters:
            if tensor.is_trained:
                gradient = weights[tensor.name].grad
                assert gradient is not None
                moved = whole(step.changes[tensor.name], gradient)
                assert_near(moved / -RATE, gradient, (step.t, tensor.name))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_terms_add_up_to_a_forward_pass(case: Case) -> None:
    data, run = steps(case)
    for step, before, after in run:
        now, then = case.forward(data | after), case.forward(data | before)
        for name, expected in now.items():
            if name in step.quantities:
                assert_near(whole(step.quantities[name], expected), expected, (step.t, name))
        for name in (name for name in step.quantities if name.startswith("Delta_")):
            value = name.removeprefix("Delta_")
            assert_near(whole(step.quantities[name], now[value]), now[value] - then[value], (step.t, name))


X, Y, K = (Axis(name, Affine.of(0)) for name in "xyk")
LEFT, RIGHT = Given("left", (X, Y, K), Affine.of(0)), Given("right", (K, Y, X), Affine.of(0))
WEIGHT = Given("weight", (Y,), Affine.of(0))
OPERATIONS: Mapping[str, tuple[Expression, str]] = {
    "a sum in the order of its first": (Sum((LEFT, RIGHT)), "xyk"),
    "a sum over one axis, two kept": (Contraction(LEFT, RIGHT, (K,)), "xy"),
    "a sum over two axes, one kept": (Contraction(LEFT, RIGHT, (K, X)), "y"),
    "an axis that is broadcast": (RIGHT * WEIGHT, "kyx"),
    "a cut": (Named("cut", LEFT + RIGHT, is_cut=True), "xyk"),
}


@pytest.mark.parametrize(("node", "axes"), OPERATIONS.values(), ids=OPERATIONS)
def test_axes_stand_in_the_order_of_the_node(node: Expression, axes: str) -> None:
    assert "".join(map(str, node.axes)) == axes
    size = {"x": 2, "y": 3, "k": 4}
    data = {each.name: torch.randn(SEEDS, *(size[str(axis)] for axis in each.axes)) for each in (LEFT, RIGHT, WEIGHT)}
    optimizer = named_optimizer("sgd")
    (step,) = trained_in_torch(Program((), {}, {"value": node}, optimizer), TorchReading(optimizer, data, {}, {}), 1)
    left, right, weight = data["left"], data["right"].permute(0, 3, 2, 1), data["weight"][:, None, :, None]
    expected = {
        Sum: left + right,
        Named: left + right,
        Contraction: (left * right).sum(dim=[1 + "xyk".index(axis) for axis in "xyk" if axis not in axes]),
    }.get(type(node), (right * weight).permute(0, 3, 2, 1))
    torch.testing.assert_close(whole(step.quantities["value"], expected), expected)


def test_a_fixed_number_stays_in_front_of_a_gradient_and_of_what_is_rewritten() -> None:
    n = Axis("n", Affine.of(1))
    weight = Trained("W", (n,), Affine.of(0), Affine.of(0))
    fifth = times(Fraction(1, 5), weight)
    slopes = backward({fifth: Given("g", (n,), Affine.of(0))})
    for scaled in (rewritten(fifth, lambda leaf: leaf), slopes[weight]):
        assert isinstance(scaled, Scaled) and scaled.value == Fraction(1, 5)

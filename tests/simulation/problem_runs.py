"""Training a problem in torch at some sizes, to be compared with plain torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce

import torch
from torch import Tensor

from gamma_calc import Problem
from gamma_calc.program.expressions import Given, Ones, Scaled, Trained, divisor, nodes
from gamma_calc.program.problem import program_of
from gamma_calc.program.program import Program
from gamma_calc.program.reading import Step
from gamma_calc.program.terms import FormalSum
from gamma_calc.simulation.torch_reading import TorchReading, trained_in_torch

RATE, SEEDS = 0.05, 2

Tensors = Mapping[str, Tensor]


def program(problem: Problem) -> Program:
    """Under gradient descent, whose step shows the gradient."""
    return program_of(problem.scheme.under("sgd"))


def tensors(problem: Problem, sizes: Mapping[str, int]) -> dict[str, Tensor]:
    """A value for each leaf of a problem's program, for several seeds; what starts at zero is zero."""
    generator = torch.Generator().manual_seed(1)
    written = program(problem)
    leaves = dict.fromkeys(node for node in nodes(*written.gradients.values(), *written.quantities.values()))
    found: dict[str, Tensor] = {}
    for leaf in (*written.parameters, *leaves):
        if isinstance(leaf, Given | Trained) and not isinstance(leaf, Ones) and leaf.name not in found:
            shape = (SEEDS, *(sizes[axis.name] for axis in leaf.axes))
            drawn = torch.randn(shape, generator=generator, dtype=torch.float64)
            found[leaf.name] = 0 * drawn if isinstance(leaf, Trained) and leaf.initial is None else drawn
    return found


def runs(
    problem: Problem,
    sizes: Mapping[str, int],
    data: Tensors,
    scalars: Mapping[str, float],
    steps: int = 3,
    rate: float = RATE,
    read: type[TorchReading] = TorchReading,
) -> Iterator[tuple[Step[Tensor], Tensors, Tensors]]:
    """The steps of a run, each with the parameters before it and after it."""
    written = program(problem)
    every = nodes(*written.gradients.values(), *written.quantities.values())
    known = {node.symbol: _scalar(node, sizes, scalars) for node in every if isinstance(node, Scaled)}
    rates = {weight.name: rate for weight in written.parameters if weight.is_trained}
    reading = read(written.optimizer, data, rates, known, sizes=sizes)
    for step in trained_in_torch(written, reading, steps):
        states = [
            {w.name: whole(state[w.name], data[w.name]) for w in written.parameters}
            for state in (step.before, step.after)
        ]
        yield step, states[0], states[1]


def _scalar(node: Scaled, sizes: Mapping[str, int], scalars: Mapping[str, float]) -> float:
    axis = divisor(node)
    if axis is not None:
        return (-1 if node.symbol.startswith("-") else 1) / sizes[axis]
    return -1.0 if node.symbol == "-1" else scalars[node.symbol]


def whole(value: FormalSum[Tensor], like: Tensor) -> Tensor:
    """The sum of the terms."""
    return reduce(torch.add, (term for _, term in value), torch.zeros_like(like))


def gradient(step: Step[Tensor], name: str, like: Tensor) -> Tensor:
    """The gradient that a step of gradient descent shows."""
    return whole(step.changes[name], like) / -RATE

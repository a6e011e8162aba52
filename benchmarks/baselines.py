"""One student trained by autograd, as a user writes it, and the same with PEFT's LoRA layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import torch
from torch import Tensor, nn

from gamma_calc.simulation.student_data import FrozenStudent, Student

DATA_DIMENSION = 5
TEST_POINTS = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """A student with its n x n frozen weight in full, which the baselines multiply and the kernel never sees.

    Shapes: points x [N, d], into W_in [n, d], hidden W_h [n, n], readout W_out [n], targets [N], initial_A [r, n],
    initial_B [n, r].
    """

    points: Tensor
    into: Tensor
    hidden: Tensor
    readout: Tensor
    targets: Tensor
    initial_A: Tensor
    initial_B: Tensor

    def student(self) -> Student:
        """The same student as the kernels take it, tested on the first of its own training points."""
        first = self.points @ self.into.T
        features = first.relu()
        frozen = first + features @ self.hidden.T
        training, held_out = (
            FrozenStudent(features[part], frozen[part], self.readout, self.targets[part])
            for part in (slice(None), slice(TEST_POINTS))
        )
        return Student(training, held_out, self.initial_A, self.initial_B)


def random_problem(width: int, samples: int, rank: int, dtype: torch.dtype) -> Problem:
    """A student with both factors of its adapter away from zero, so that all gradients are at work."""
    generator = torch.Generator().manual_seed(width)

    def draw(*shape: int, fan_in: int = 1) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=dtype).div_(fan_in**0.5)

    return Problem(
        points=draw(samples, DATA_DIMENSION),
        into=draw(width, DATA_DIMENSION, fan_in=DATA_DIMENSION),
        hidden=draw(width, width, fan_in=width),
        readout=draw(width, fan_in=width),
        targets=draw(samples),
        initial_A=draw(rank, width, fan_in=width),
        initial_B=draw(width, rank, fan_in=rank),
    )


class FrozenModel(nn.Module):
    """Y_out = W_out phi(Y_in + W_h phi(Y_in)) with nothing to train."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.hidden: nn.Module
        self.into, self.hidden, self.out = (
            _frozen(weight) for weight in (problem.into, problem.hidden, problem.readout.unsqueeze(0))
        )

    def forward(self, x: Tensor) -> Tensor:
        """The output at points [N, d], [N]."""
        first = self.into(x)
        output: Tensor = self.out((first + self.hidden(first.relu())).relu())
        return output.squeeze(-1)


class LoraLinear(nn.Module):
    """W + B A as a layer."""

    def __init__(self, layer: nn.Module, a: Tensor, b: Tensor) -> None:
        super().__init__()
        self.layer, self.a, self.b = layer, nn.Parameter(a.clone()), nn.Parameter(b.clone())

    def forward(self, z: Tensor) -> Tensor:
        """The layer's output at rows z."""
        output: Tensor = self.layer(z) + z @ self.a.T @ self.b.T
        return output


@dataclass(frozen=True, slots=True)
class Baseline:
    """A model in training: one step of it, and its loss."""

    step: Callable[[], object]
    loss: Callable[[], float]


def plain(problem: Problem, rate: float) -> Baseline:
    """The model with a LoRA layer written by hand."""
    model = FrozenModel(problem)
    model.hidden = LoraLinear(model.hidden, problem.initial_A, problem.initial_B)
    return _training(model, problem, rate)


def has_peft() -> bool:
    """Whether PEFT can be imported."""
    return find_spec("peft") is not None


def through_peft(problem: Problem, rate: float) -> Baseline:
    """The model with PEFT's LoRA layer."""
    import peft

    rank = len(problem.initial_A)
    configuration = peft.LoraConfig(r=rank, lora_alpha=rank, target_modules=["hidden"], lora_dropout=0.0, bias="none")
    model = peft.get_peft_model(FrozenModel(problem), configuration)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                parameter.copy_(problem.initial_A if "lora_A" in name else problem.initial_B)
    return _training(model, problem, rate)


def _frozen(weight: Tensor) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
    layer.weight = nn.Parameter(weight, requires_grad=False)
    return layer


def _training(model: nn.Module, problem: Problem, rate: float) -> Baseline:
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=rate, weight_decay=0.0)

    def loss() -> Tensor:
        error: Tensor = model(problem.points) - problem.targets
        return error.square().mean() / 2

    def step() -> None:
        optimizer.zero_grad()
        torch.autograd.backward(loss())
        optimizer.step()

    def value() -> float:
        with torch.no_grad():
            return loss().item()

    return Baseline(step, value)

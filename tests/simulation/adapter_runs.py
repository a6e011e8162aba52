"""LoRA modules with numbers of one's own, trained by reading their program: all pairs of seeds and rates at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gamma_calc.algebra import Affine
from gamma_calc.program.lora import lora_module
from gamma_calc.program.optimizers import Moments, Optimizer, Raw
from gamma_calc.program.program import Program
from gamma_calc.program.scheme import INITIAL, Scheme
from gamma_calc.simulation.program_sizes import Key, measured
from gamma_calc.simulation.torch_reading import TorchReading

SCALE, STEPS, SEEDS = 0.7, 4, 3
RATES = ((0.3, 0.05), (0.02, 0.4), (0.1, 0.1))
UNIT = Affine.of(0)
"""Exponents say nothing here: sizes come from the numbers."""


@dataclass(frozen=True)
class Modules:
    """Shapes: inputs [S, n, N], gradients [S, m, N], A [S, r, n], B [S, m, r]; None for zero."""

    inputs: Tensor
    gradients: Tensor
    A: Tensor | None
    B: Tensor | None

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        found = {"Z": self.inputs, "dZ": self.gradients, "A": self.A, "B": self.B}
        return {name: value for name, value in found.items() if value is not None}

    def seed(self, index: int) -> Modules:
        return Modules(*(None if each is None else each[index : index + 1] for each in self._all))  # type: ignore[arg-type]

    def to(self, *where: torch.device | torch.dtype) -> Modules:
        return Modules(*(None if each is None else each.to(*where) for each in self._all))  # type: ignore[arg-type, call-overload]

    @property
    def _all(self) -> tuple[Tensor | None, ...]:
        return self.inputs, self.gradients, self.A, self.B


@dataclass(frozen=True)
class Beside:
    """What a training adds to plain steps under a linear loss: numbers, None for what it does not."""

    momentum: float | None = None
    decay_A: float | None = None
    decay_B: float | None = None
    feedback: float | None = None


@dataclass(frozen=True)
class Training:
    rule: Raw | Moments
    rates: tuple[tuple[float, float], ...] = RATES
    steps: int = STEPS
    trains: tuple[bool, bool] = (True, True)
    beside: Beside = Beside()
    scale: float = SCALE

    def but(self, **changes: object) -> Training:
        return replace(self, **changes)  # type: ignore[arg-type]


def modules(shape: tuple[int, int, int, int], *, has_a: bool = True, has_b: bool = True, seed: int = 0) -> Modules:
    """Modules with entries of size one; shape is (n, m, r, N)."""
    n, m, r, samples = shape
    generator = torch.Generator().manual_seed(seed)

    def draw(*sizes: int) -> Tensor:
        return torch.randn(SEEDS, *sizes, generator=generator, dtype=torch.float64)

    z, dz, a, b = draw(n, samples), draw(m, samples), draw(r, n), draw(m, r)
    return Modules(z, dz, a if has_a else None, b if has_b else None)


def program(batch: Modules, training: Training) -> Program:
    beside = training.beside
    present = {
        **{name: UNIT if name in batch.tensors else None for name in INITIAL},
        **{"momentum": beside.momentum, "decay": beside.decay_A, "feedback": beside.feedback},
    }
    return lora_module(
        Scheme(
            "module",
            {"eta_A": UNIT, "eta_B": UNIT, **{key: None if value is None else UNIT for key, value in present.items()}},
            Optimizer("module", training.rule),
            frozenset(name for name, trains in zip(INITIAL, training.trains, strict=True) if trains),
        )
    )


def reading(batch: Modules, training: Training) -> TorchReading:
    """Of all runs in one axis, those of the first rates first."""
    seeds, beside = len(batch.inputs), training.beside
    numbers = {
        "s": training.scale,
        "kappa": beside.feedback,
        "lambda_A": beside.decay_A,
        "lambda_B": beside.decay_B,
        **{f"beta_{name}": beside.momentum for name in INITIAL},
    }
    like = batch.inputs
    columns = zip(INITIAL, zip(*training.rates, strict=True), strict=True)
    return TorchReading(
        Optimizer("module", training.rule),
        {name: each.repeat(len(training.rates), 1, 1) for name, each in batch.tensors.items()},
        {
            name: torch.tensor(etas, dtype=like.dtype, device=like.device).repeat_interleave(seeds)
            for name, etas in columns
        },
        {name: value for name, value in numbers.items() if value is not None},
    )


def trained(batch: Modules, training: Training) -> tuple[Mapping[Key, Tensor], Tensor]:
    """Mean squares, and which runs have underflowed, [rates, seeds]."""
    squares, underflowed = measured(program(batch, training), training.steps, reading(batch, training))
    shape = len(training.rates), len(batch.inputs)
    return {key: each.view(shape) for key, each in squares.items()}, underflowed.view(shape)


def mean_squares(batch: Modules, training: Training) -> Mapping[Key, Tensor]:
    return trained(batch, training)[0]


def has_diverged(squares: Mapping[Key, Tensor]) -> Sequence[Sequence[bool]]:
    found: list[list[bool]] = (~torch.stack(list(squares.values())).isfinite().all(dim=0)).tolist()
    return found

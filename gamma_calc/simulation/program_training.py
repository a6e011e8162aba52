"""Training steps of many LoRA modules at once, by reading their program: for what the kernel does not speak of.

The kernel (`adapter_kernel`) has the steps of a linear loss written out. A loss that feeds back stands in the program,
and the program is what is run here: slower, and right for whatever the program says, so the kernel is held against it.
Tensors carry the axes of seeds and of learning rates in front of those that the program knows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from gamma_calc.algebra import Affine
from gamma_calc.program.lora import lora_module
from gamma_calc.program.models import EXTRA
from gamma_calc.program.optimizers import Moments, Optimizer
from gamma_calc.program.program import Program
from gamma_calc.program.reading import Step
from gamma_calc.program.scheme import INITIAL, Scheme
from gamma_calc.program.terms import FormalSum
from gamma_calc.simulation.adapter_module import AdapterMeasurement, AdapterModule, Key, Training, terms_of
from gamma_calc.simulation.steps import epsilon_ratio, is_nonzero, mean_square
from gamma_calc.simulation.torch_reading import TorchReading, trained_in_torch

UNIT = Affine.of(0)
"""Exponents say nothing here: sizes come from the module and its training."""

MORE_MEMORY = 4
"""How many times the kernel's memory a run takes: every term of every quantity of a step is held at once."""


def program_of(module: AdapterModule, training: Training) -> Program:
    """The program that a training of a module runs."""
    initial = dict(zip(INITIAL, (module.initial_A, module.initial_B), strict=True))
    extra = dict.fromkeys(EXTRA) if training.extra is None else training.extra.coefficients
    present = {name: None if value is None else UNIT for name, value in {**initial, **extra}.items()}
    is_trained = dict(zip(INITIAL, (training.trains_A, training.trains_B), strict=True))
    return lora_module(
        Scheme(
            "module",
            {**present, "eta_A": UNIT, "eta_B": UNIT},
            Optimizer("module", training.optimizer),
            frozenset(name for name, trains in is_trained.items() if trains),
        )
    )


def program_training(module: AdapterModule, training: Training) -> AdapterMeasurement:
    """The run of every pair of learning rates on every module.

    A run has underflowed where the square of a term that is not zero is, or a step made from a gradient that is not.
    """
    shape = (module.seeds, len(training.eta_A))
    reading, measured = _reading(module, training, shape), dict[Key, Tensor]()
    underflowed = torch.zeros(shape, dtype=torch.bool, device=module.inputs.device)
    ratio = torch.full(shape, math.inf, dtype=torch.float64, device=module.inputs.device)
    for step in trained_in_torch(program_of(module, training), reading, training.steps):
        measured |= _measured(step, training, shape, underflowed)
        ratio = _epsilon_ratio(module, reading, ratio)
    finite = torch.stack([value.isfinite() for value in measured.values()]).all(dim=0)
    return AdapterMeasurement({key: value.mT for key, value in measured.items()}, ~finite.mT, underflowed.mT, ratio.mT)


def _epsilon_ratio(module: AdapterModule, reading: TorchReading, so_far: Tensor) -> Tensor:
    """The smallest ratio of a second moment's root to the epsilon beside it, up to this step."""
    rows = {"A": module.inputs.shape[1], "B": module.gradients.shape[1]}
    for name, step in reading.steps.items():
        if isinstance(step.rule, Moments) and step.root_square is not None:
            so_far = epsilon_ratio(step.root_square, module.rank * rows[name], float(step.rule.epsilon), so_far)
    return so_far


def _reading(module: AdapterModule, training: Training, shape: tuple[int, int]) -> TorchReading:
    """The program's tensors, over all seeds and rates, and its numbers."""
    given = {"Z": module.inputs, "dZ": module.gradients, "A": module.initial_A, "B": module.initial_B}
    tensors = {
        name: value.unsqueeze(1).expand(*shape, *value.shape[1:]) for name, value in given.items() if value is not None
    }
    z = module.inputs
    rates = (torch.tensor(eta, dtype=z.dtype, device=z.device) for eta in (training.eta_A, training.eta_B))
    extra = training.extra
    scalars = {"s": module.scale}
    if extra is not None:
        scalars |= {} if extra.feedback is None else {"kappa": extra.feedback}
        scalars |= {} if extra.momentum is None else {f"beta_{name}": extra.momentum for name in INITIAL}
        pairs = zip(INITIAL, (extra.decay_A, extra.decay_B), strict=True)
        scalars |= {f"lambda_{name}": value for name, value in pairs if value is not None}
    return TorchReading(
        Optimizer("module", training.optimizer),
        tensors,
        {name: rate.view(1, -1, 1, 1) for name, rate in zip(INITIAL, rates, strict=True)},
        scalars,
    )


def _measured(
    step: Step[Tensor], training: Training, shape: tuple[int, int], underflowed: Tensor
) -> Mapping[Key, Tensor]:
    """The mean squares of a step, by quantity and term; notes what was rounded to zero."""

    def noted(tensor: Tensor) -> Tensor:
        mean = mean_square(tensor)
        underflowed.logical_or_((mean == 0) & is_nonzero(tensor))
        return mean

    zero, found = torch.zeros(shape, dtype=torch.float64, device=underflowed.device), dict[Key, Tensor]()
    for quantity, value in step.quantities.items():
        terms = {tuple(map(str, label)): term for label, term in value}
        for term in terms_of(quantity, has_decay=training.has_decay):
            found[step.t, quantity, term] = noted(terms[term]) if term in terms else zero
        found[step.t, quantity, None] = noted(_whole(value)) if terms else zero
    return found


def _whole(value: FormalSum[Tensor]) -> Tensor:
    first, *others = (term for _, term in value)
    return sum(others, start=first)

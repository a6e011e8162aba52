"""The Trainer's own optimisers: each name is read or refused, and its Adafactor leaves out the tensor's size."""

from __future__ import annotations

import torch
from transformers.optimization import Adafactor
from transformers.training_args import OptimizerNames

from gamma_calc.errors import BadInput
from gamma_calc.program.optimizers import named_optimizer
from gamma_calc.simulation.steps import GradientStep

OTHERS = {"adagrad", "ademamix", "galore", "lomo", "adalomo", "grokadamw", "schedule", "apollo", "stable"}


def test_every_name_of_the_trainer_is_read_or_refused() -> None:
    for name in OptimizerNames:
        try:
            named_optimizer(name.value)
        except BadInput:
            assert OTHERS & set(name.value.split("_")), name.value


def test_the_trainers_adafactor_is_the_unscaled_one() -> None:
    """With the options that the Trainer gives it."""
    weight = torch.nn.Parameter(torch.randn(4, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
    theirs = Adafactor([weight], lr=0.1, scale_parameter=False, relative_step=False)
    ours, expected = GradientStep(named_optimizer("adafactor-unscaled").step), weight.detach().clone()
    for t in (1, 2, 3):
        weight.grad = torch.randn(weight.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(t))
        expected -= 0.1 * ours.processed(weight.grad, t)
        theirs.step()
        torch.testing.assert_close(weight.detach(), expected)

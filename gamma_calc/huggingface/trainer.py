"""A callback that holds a Trainer to the scheme it was given."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from gamma_calc.errors import BadInput
from gamma_calc.huggingface.rates import parameter_groups
from gamma_calc.program.selection import Spec


class SchemeCallback(TrainerCallback):  # type: ignore[misc]  # the base is not annotated
    """Checks, when training begins, that the Trainer's optimiser has the rates of the scheme.

    A Trainer that is given no optimiser builds its own with one rate for all; PEFT's LoRA+ helper has its own ratio and
    decay. The arguments are those of `parameter_groups`.

    Raises:
        BadInput: when training begins, a parameter has another rate than the scheme's.
    """

    def __init__(self, scheme: Spec, learning_rate: float, **options: Any) -> None:
        self.scheme = scheme
        self.learning_rate = learning_rate
        self.options = options

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Compare the rates."""
        model, optimizer = kwargs["model"], kwargs["optimizer"]
        check_rates(optimizer, model, parameter_groups(model, self.scheme, self.learning_rate, **self.options))


def check_rates(optimizer: torch.optim.Optimizer, model: nn.Module, groups: list[dict[str, Any]]) -> None:
    """Hold an optimiser's rates, those before any schedule, to the groups'.

    Raises:
        BadInput: a parameter has another rate, or is not optimised.
    """
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found = {
        id(parameter): float(group.get("initial_lr", group["lr"]))
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
    for group in groups:
        for parameter in group["params"]:
            rate = found.get(id(parameter))
            if rate != group["lr"]:
                name = names.get(id(parameter), group["name"])
                seen = "no rate: it is not optimised" if rate is None else f"{rate:g}"
                advice = "give the Trainer optimizers=(scheme_optimizer(model, ...), None)"
                raise BadInput(
                    f"learning rate of {name}: found {seen}, expected {group['lr']:g} ({group['name']}); {advice}"
                )

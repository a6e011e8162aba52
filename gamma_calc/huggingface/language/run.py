"""One run: a scheme, a rate and a seed, from the initialisation to the losses after training.

What a seed draws (the head, the factors, the batches) does not depend on the scheme or the rate, so runs of one seed
are paired. All layers have the same rate, the head its own.
"""

from __future__ import annotations

import json
import math
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from gamma_calc.errors import BadInput
from gamma_calc.experiment.sweep_run import plain
from gamma_calc.huggingface.adapters import Adapter, lora_adapters, trained_beside
from gamma_calc.huggingface.initialisation import init_lora_
from gamma_calc.huggingface.language.model_source import ModelSource
from gamma_calc.huggingface.language.settings import LanguageTraining, Plan
from gamma_calc.huggingface.language.task import Batch, Task, run_memory, task
from gamma_calc.huggingface.rates import scheme_optimizer
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.spec_file import scheme_from_text
from gamma_calc.simulation.store import Array, Arrays

LOOP = 1
"""Raised when the numbers that some run gives change: results of earlier loops are then made anew."""

RECORDS = 6
"""How often the sizes of the features are looked at along training, first and last step included."""

WARM_UP = 0.06


@dataclass(frozen=True, slots=True)
class LanguageRun:
    """One run, as a worker is sent it.

    Args:
        digest: of the tokens; a worker with other data refuses.
        scheme: a name of the catalogue, or a spec as text.
    """

    plan: Plan
    source: ModelSource
    digest: str
    scheme: str
    log2_rate: float
    seed: int

    @property
    def memory(self) -> int:
        """Bytes: those of a run with its model."""
        return run_memory(self.plan, self.source)

    device: ClassVar[str] = "cpu"

    @property
    def parameters(self) -> str:
        """Everything that determines the run, as JSON: neither a path nor a name that a user gave."""
        model: Any = plain(self.plan.building) if self.source.is_built else self.source.digest
        return json.dumps(
            {
                "loop": LOOP,
                "experiment": self.plan.experiment,
                "model": model,
                "data": self.digest,
                "training": {
                    **plain(self.plan.training),
                    "is": "Training",
                },  # what it was called when runs were first stored
                "scheme": self.scheme,
                "log2_rate": self.log2_rate,
                "seed": self.seed,
            },
            sort_keys=True,
            separators=(",", ":"),
        )

    def measured(self) -> Arrays:
        """Losses and shares of right predictions before and after training, and the sizes of the features along it.

        Shapes: validation_loss, test_loss, validation_right, test_right [2]; training_loss [steps]; steps [records];
        Z_A, Z_B [records, adapters], root mean squares over the tokens of a held-out batch.
        """
        ready = task(self.plan, self.source)
        if ready.digest != self.digest:
            raise BadInput(f"--data {self.plan.data}: the texts here are not those that the runs were planned with")
        initialise(ready.model, self.scheme, self.seed)
        # With B A = 0 only a head makes a difference.
        known = self.scheme, self.seed if trained_beside(ready.model, lora_adapters(ready.model)) else None
        if known not in ready.untrained:
            ready.untrained[known] = _judged(ready)
        before = ready.untrained[known]
        losses, steps, sizes = _trained(ready, self.plan.training, self.scheme, 2.0**self.log2_rate, self.seed)
        after = _judged(ready)
        found = {name: np.array([before[name], after[name]]) for name in before}
        return {**found, "training_loss": losses, "steps": steps, **sizes}


def scheme_called(word: str) -> Scheme:
    """The scheme of a name of the catalogue, or of a spec as text."""
    return CATALOGUE[word] if word in CATALOGUE else scheme_from_text(word)


def initialise(model: nn.Module, scheme: str, seed: int) -> None:
    """Draw the head and the factors anew, the head the same for every scheme."""
    generator = torch.Generator().manual_seed(seed)
    size = float(getattr(getattr(model, "config"), "initializer_range", 0.02))  # noqa: B009
    with torch.no_grad():
        for parameter in trained_beside(model, lora_adapters(model)).values():
            if parameter.ndim > 1:
                parameter.copy_(size * torch.randn(parameter.shape, generator=generator))
            else:
                parameter.zero_()
    init_lora_(model, scheme_called(scheme), generator=generator)


def optimizer_at(ready: Task, training: LanguageTraining, scheme: str, rate: float) -> torch.optim.Optimizer:
    """The scheme's optimiser at one rate in all layers, that of a classifier's head apart."""
    rates = {"learning_rate_b": training.ratio * rate, "other_learning_rate": training.head_rate}
    return scheme_optimizer(ready.model, scheme_called(scheme), rate, base_model=ready.model, **rates)


def _trained(
    ready: Task, training: LanguageTraining, scheme: str, rate: float, seed: int
) -> tuple[Array, Array, dict[str, Array]]:
    model, adapters = ready.model, lora_adapters(ready.model)
    optimizer = optimizer_at(ready, training, scheme, rate)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _share(step, training))
    probed = ready.probe()
    looks = np.unique(np.linspace(0, training.steps, RECORDS).round().astype(int))
    losses, rows = [], [feature_sizes(model, adapters, probed)]
    for step, batch in enumerate(ready.batches(training.steps, training.batch, seed), 1):
        optimizer.zero_grad(set_to_none=True)
        loss = model(**batch).loss
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(float(loss.detach()))
        if not math.isfinite(losses[-1]):
            break
        if step in looks:
            rows.append(feature_sizes(model, adapters, probed))
    losses += [math.nan] * (training.steps - len(losses))
    rows += [np.full_like(rows[0], np.nan)] * (len(looks) - len(rows))
    sizes = np.stack(rows)
    return np.array(losses), looks.astype(np.float64), {"Z_A": sizes[:, 0], "Z_B": sizes[:, 1]}


def _share(step: int, training: LanguageTraining) -> float:
    """The rate at a step (from 0) as a share of the largest."""
    if not training.is_linear:
        return 1.0
    rising = max(1, round(WARM_UP * training.steps))
    return min((step + 1) / rising, max(0.0, (training.steps - step) / max(1, training.steps - rising)))


@torch.no_grad()
def _judged(ready: Task) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in ("validation", "test"):
        sums: Array = np.zeros(3)
        for batch in ready.held_out(part):
            inputs = {name: tensor for name, tensor in batch.items() if name != "labels"}
            sums += ready.score(ready.model(**inputs), batch)
        found |= {f"{part}_loss": sums[0] / sums[2], f"{part}_right": sums[1] / sums[2]}
    return found


@torch.no_grad()
def feature_sizes(model: nn.Module, adapters: tuple[Adapter, ...], batch: Batch) -> Array:
    """Root mean squares of Z_A and Z_B of every adapter over the tokens of a batch, padding left out.

    `huggingface.Probe` is no help here: it watches steps, on some positions of what is trained on. This looks at the
    model as it stands, before the first step too, on all tokens of a batch that is the same for every run.

    Shapes: returns [2, adapters].
    """
    inputs = {name: tensor for name, tensor in batch.items() if name != "labels"}
    is_text, sizes = batch["attention_mask"].bool(), np.full((2, len(adapters)), math.nan)

    def note(row: int, column: int, scale: float, module: nn.Module, inputs: Any, output: Tensor) -> None:
        sizes[row, column] = scale * float(output[is_text].double().square().mean().sqrt())

    with ExitStack() as hooks:
        for column, each in enumerate(adapters):
            hooks.enter_context(each.lora_A.register_forward_hook(partial(note, 0, column, 1.0)))
            hooks.enter_context(each.lora_B.register_forward_hook(partial(note, 1, column, each.scale)))
        model(**inputs)
    return sizes

"""Watching the LoRA layers of a model while it trains, by hooks that are gone afterwards."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor, nn

from gamma_calc.errors import BadInput
from gamma_calc.huggingface.adapters import Adapter, lora_adapters
from gamma_calc.huggingface.block_products import (
    DOUBLE,
    OF_ONE_FACTOR,
    SINGLE,
    WITHOUT_DECAY,
    Quantity,
    combined_squares,
    product_squares,
    table,
)
from gamma_calc.numbers import whole_number

KINDS = {"independent": "A_0", "aligned": "U_A"}
"""The part of A whose sum over the width, against the input, is taken to be of each kind."""


@dataclass(frozen=True, slots=True)
class Observation:
    """Mean squares over entries (and, for what depends on the batch, over samples) after step t.

    `mean_square` has every quantity and term under the names of `block_products.TERMS`, all on the input Z
    of step t. `input` is Z's, `output_gradient` that of dL/dZbar, sample by sample; `gradient_A`, `gradient_B` those of
    the raw gradients. `epsilon_ratio` is the smaller ratio of a non-zero raw gradient's root mean square to its
    factor's epsilon: where it is not large, a normalised step is not one. It is inf without an epsilon.
    """

    layer: str
    t: int
    fan_in: int
    mean_square: Mapping[Quantity, float]
    input: float
    output_gradient: float
    gradient_A: float
    gradient_B: float
    epsilon_ratio: float

    @property
    def alignment(self) -> Mapping[str, float]:
        """log_n of the growth of each part's sum over the width: rms(P Z) = rms(P) rms(Z) n^alignment.

        1/2 is an independent sum and 1 the most there is, a sum of terms that all agree. A part that is zero has none.
        """
        found = {}
        for part in KINDS.values():
            size = self.mean_square["A", (part,)] * self.input
            total = self.mean_square["Z_A", (part,)]
            if size > 0 and total > 0 and self.fan_in > 1:
                found[part] = math.log(total / size) / (2 * math.log(self.fan_in))
        return found


SAMPLES = 64
"""Positions of a batch, at even distances, that are measured: enough for a mean, few enough to cost little."""


Groups = Mapping[int, Mapping[str, Any]]
"""The optimiser's group of each parameter, by the parameter's id."""


class Probe:
    """Records, after every step of an optimiser, what the theory speaks of: one `Observation` a layer.

    All of step t is measured on the inputs of its (last) forward pass, with the weights before and after the step. A
    forward pass without gradients is not looked at. Parameters are neither touched nor tagged;
    leaving the context removes every hook and drops the copies of the factors that it held.

    Used as in docs/train.md:

        with Probe(model, optimizer) as probe:
            train()
        probe.observations[-1].alignment  # such as {'A_0': 0.51, 'U_A': 0.98}

    Args:
        samples: the most positions of a batch that are measured.

    Raises:
        BadInput: as `lora_adapters`, or the optimiser does not hold the factors.
    """

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer, *, samples: int = SAMPLES) -> None:
        whole_number("samples", samples)
        if not isinstance(optimizer, torch.optim.Optimizer):
            raise BadInput(
                "optimizer", found=type(optimizer).__name__, expected="the torch.optim.Optimizer that trains it"
            )
        groups = {id(parameter): group for group in optimizer.param_groups for parameter in group["params"]}
        adapters = lora_adapters(model)
        if not any(id(factor) in groups for each in adapters for factor in (each.A, each.B)):
            raise BadInput("the optimiser holds none of the model's LoRA factors")
        self._watches = [_Watch(each, samples, groups) for each in adapters]
        self._optimizer = optimizer
        self._hooks = ExitStack()
        self._seen: list[tuple[Adapter, int, Tensor]] = []
        self._t = 0

    def __enter__(self) -> Self:
        for watch in self._watches:
            watch.begin()
            self._hooks.enter_context(watch.adapter.lora_A.register_forward_hook(watch.saw_input))
            self._hooks.enter_context(watch.adapter.lora_B.register_forward_hook(watch.saw_output))
        self._hooks.enter_context(self._optimizer.register_step_post_hook(self._stepped))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hooks.close()
        for watch in self._watches:
            watch.end()

    @property
    def observations(self) -> tuple[Observation, ...]:
        """Everything seen so far, step by step."""
        return tuple(_observation(adapter, t, values.tolist()) for adapter, t, values in self._seen)

    @property
    def alignments(self) -> Mapping[str, float]:
        """The alignments of independent and aligned sums as measured in the last step: the mean over layers.

        They are rounded to hundredths and kept within [1/2, 1], as `--align` takes them; a kind that is nowhere to be
        measured has none. They are those of one width, where a constant factor c counts as log c / log n.
        """
        last = [each.alignment.items() for each in self.observations if each.t == self._t]
        return mean_alignments(pair for each in last for pair in each)

    def _stepped(self, *_: Any) -> None:
        self._t += 1
        for watch in self._watches:
            values = watch.measured()
            if values is not None:
                self._seen.append((watch.adapter, self._t, values))


def mean_alignments(measured: Iterable[tuple[str, float]]) -> Mapping[str, float]:
    """The alignments of independent and aligned sums, as `--align` takes them, from those of parts of A."""
    found = defaultdict[str, list[float]](list)
    for part, alignment in measured:
        found[part].append(alignment)
    means = {kind: sum(found[part]) / len(found[part]) for kind, part in KINDS.items() if part in found}
    return {kind: min(1.0, max(0.5, round(mean, 2))) for kind, mean in means.items()}


class _Watch:
    """One layer: its factors before the step, and what its last forward and backward pass saw."""

    def __init__(self, adapter: Adapter, samples: int, groups: Groups) -> None:
        self.adapter = adapter
        self.samples = samples
        self.groups = [groups.get(id(factor), {}) for factor in (adapter.A, adapter.B)]
        device = adapter.A.device
        self.epsilons = torch.tensor([float(group.get("eps", 0.0)) for group in self.groups], device=device).double()
        self.single = [table([each for each in SINGLE if each[0] == name]).to(device) for name in OF_ONE_FACTOR]
        self.double = table(DOUBLE).to(device)
        self.initial: list[Tensor] = []
        self.before: list[Tensor] = []
        self.input: Tensor | None = None
        self.slope: Tensor | None = None

    def begin(self) -> None:
        self.initial = [factor.detach().clone() for factor in (self.adapter.A, self.adapter.B)]
        self.before = [factor.clone() for factor in self.initial]

    def end(self) -> None:
        self.initial, self.before = [], []
        self.input = self.slope = None

    def saw_input(self, module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        if torch.is_grad_enabled():
            self.input, self.slope = self._sampled(inputs[0]), None

    def saw_output(self, module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        if output.requires_grad:
            output.register_hook(self.saw_slope)  # type: ignore[no-untyped-call]

    def saw_slope(self, slope: Tensor) -> None:
        """The gradient with respect to B Z_A: s dL/dZbar."""
        self.slope = self._sampled(slope)

    def _sampled(self, tensor: Tensor) -> Tensor:
        rows = tensor.detach().flatten(0, -2)
        return rows[:: -(-len(rows) // self.samples)]

    @torch.no_grad()
    def measured(self) -> Tensor | None:
        """The numbers of an observation, in the order in which it is read back; None before a forward pass."""
        if self.input is None:
            return None
        factors = (self.adapter.A.detach(), self.adapter.B.detach())
        parts = zip(self.initial, self.before, factors, self.groups, strict=True)
        each = [_blocks(*one) for one in parts]
        is_decayed = any(_decay(group) != 1 for group in self.groups)
        blocks = [torch.stack(one if is_decayed else one[:WITHOUT_DECAY]).float() for one in each]
        for before, now in zip(self.before, factors, strict=True):
            before.copy_(now)
        found = torch.cat([self._squares(self.input, *blocks), self._gradients()])
        self.input = self.slope = None
        return found

    def _squares(self, z: Tensor, a: Tensor, b: Tensor) -> Tensor:
        """The mean squares of `SINGLE` and `DOUBLE`. Shapes: z [samples, n], a [blocks, r, n], b [blocks, m, r]."""
        rank, fan_out = self.adapter.rank, self.adapter.fan_out
        products = (z.float() @ a.flatten(0, 1).mT).view(-1, len(a), rank).transpose(0, 1)
        columns = b.transpose(0, 1).reshape(fan_out, -1)
        singles = [combined_squares(blocks, table) for blocks, table in zip((a, products, b), self.single, strict=True)]
        gram = (columns.mT @ columns).double()
        doubles = product_squares(products.double(), gram, self.double, fan_out) * self.adapter.scale**2
        return torch.cat([*(each.double() for each in singles), doubles])

    def _gradients(self) -> Tensor:
        """The mean squares of Z, of dL/dZbar, and of both raw gradients; and the epsilon ratio."""
        scale = self.adapter.scale**2
        tensors = (self.input, self.slope, self.adapter.A.grad, self.adapter.B.grad)
        z, slope, a, b = (
            torch.zeros((), dtype=torch.float64, device=self.adapter.A.device)
            if tensor is None
            else tensor.float().square().mean().double()
            for tensor in tensors
        )
        sizes = torch.stack([a, b]).sqrt()
        ratio = torch.where((sizes > 0) & (self.epsilons > 0), sizes / self.epsilons, math.inf).min()
        return torch.stack([z, slope / scale, a, b, ratio])


def _decay(group: Mapping[str, Any]) -> float:
    """What decoupled weight decay multiplies a parameter by, as AdamW computes it."""
    return float(1 - group["lr"] * group["weight_decay"]) if group.get("decoupled_weight_decay") else 1.0


def _blocks(initial: Tensor, before: Tensor, now: Tensor, group: Mapping[str, Any]) -> tuple[Tensor, ...]:
    """The blocks of a factor in the order of `block_products`; the initial part decays in place.

    It is multiplied as the optimiser multiplies the factor, so that a step without a gradient leaves exactly zero.
    """
    updates, change = before - initial, now - before
    if (decay := _decay(group)) == 1:
        return initial, updates, change, torch.zeros_like(initial)
    first = initial.clone()
    lost = initial.mul_(decay) - first
    return first, updates, change - lost, lost


def _observation(adapter: Adapter, t: int, values: list[float]) -> Observation:
    keys = (*SINGLE, *DOUBLE)
    return Observation(adapter.name, t, adapter.fan_in, dict(zip(keys, values, strict=False)), *values[len(keys) :])

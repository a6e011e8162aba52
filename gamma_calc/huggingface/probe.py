"""Watching the LoRA layers of a model while it trains, by hooks that are gone afterwards."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
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


Group = Mapping[str, Any]
"""A group of an optimiser's parameters, with its rate and weight decay."""

Decay = Callable[[Tensor, float, float], Tensor]
"""What weight decay makes in place of a parameter, by the rate and the decay."""

DECAYS: tuple[Decay, ...] = (
    lambda parameter, rate, decay: parameter.mul_(1 - rate * decay),
    lambda parameter, rate, decay: parameter.add_(decay * parameter, alpha=-rate),
)
"""The same as AdamW, and as SGD without momentum, computes it, to the last bit."""


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
        BadInput: as `lora_adapters`, the optimiser does not hold the factors, or what its weight decay does is not to
            be found out.
    """

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer, *, samples: int = SAMPLES) -> None:
        whole_number("samples", samples)
        if not isinstance(optimizer, torch.optim.Optimizer):
            raise BadInput(
                "optimizer", found=type(optimizer).__name__, expected="the torch.optim.Optimizer that trains it"
            )
        groups = {id(parameter): group for group in optimizer.param_groups for parameter in group["params"]}
        adapters = lora_adapters(model)
        if not any(id(factor) in groups for each in adapters for factor in each.factors.values()):
            raise BadInput("the optimiser holds none of the model's LoRA factors")
        decays = {id(group): _decay(optimizer, group) for group in optimizer.param_groups if group["params"]}
        self._watches = [_Watch(each, samples, groups, decays) for each in adapters]
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

    def __init__(
        self, adapter: Adapter, samples: int, groups: Mapping[int, Group], decays: Mapping[int, Decay | None]
    ) -> None:
        """Groups by the parameters', decays by the groups' ids."""
        self.adapter = adapter
        self.samples = samples
        self.groups = [groups.get(id(factor), {}) for factor in adapter.factors.values()]
        self.decays = [decays.get(id(group)) for group in self.groups]
        device = adapter.A.device
        self.epsilons = torch.tensor([float(group.get("eps", 0.0)) for group in self.groups], device=device).double()
        self.single = [table([each for each in SINGLE if each[0] == name]).to(device) for name in OF_ONE_FACTOR]
        self.double = table(DOUBLE).to(device)
        self.initial: list[Tensor] = []
        self.before: list[Tensor] = []
        self.input: Tensor | None = None
        self.slope: Tensor | None = None

    def begin(self) -> None:
        self.initial = [factor.detach().clone() for factor in self.adapter.factors.values()]
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
        factors = [factor.detach() for factor in self.adapter.factors.values()]
        used = [
            each if group.get("weight_decay") else None for group, each in zip(self.groups, self.decays, strict=True)
        ]
        each = [_blocks(*one) for one in zip(self.initial, self.before, factors, self.groups, used, strict=True)]
        blocks = [torch.stack(one if any(used) else one[:WITHOUT_DECAY]).float() for one in each]
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


def _decay(optimizer: torch.optim.Optimizer, group: Group) -> Decay | None:
    """What weight decay makes of a parameter apart from the step; None where it is a part of the step.

    Such are the L2 penalty of Adam, and one that goes through a momentum. A group may say it, as torch's AdamW has
    them do; else an optimiser of its kind does, by what it makes of a parameter without a gradient.

    Raises:
        BadInput: there is weight decay, and no such optimiser can be made.
    """
    if "decoupled_weight_decay" in group:
        return DECAYS[0] if group["decoupled_weight_decay"] else None
    try:
        return _tried(type(optimizer), group)
    except Exception as problem:  # whatever an optimiser raises that is made otherwise
        if not group.get("weight_decay"):
            return None
        found = f"{type(optimizer).__name__} with weight decay, which cannot be tried ({type(problem).__name__})"
        expected = 'groups that say whether it is apart from the step: group["decoupled_weight_decay"] = True or False'
        raise BadInput(f"optimizer: found {found}, expected {expected}") from None


TRIAL_RATE, TRIAL_DECAY, TRIAL_STEPS = 0.1, 0.3, 2
"""Of two steps, the second shows a momentum."""


def _tried(kind: Any, group: Group) -> Decay | None:
    """The one of `DECAYS` that steps without a gradient come to."""
    start = torch.linspace(1, 2, 16, device=group["params"][0].device).view(4, 4)
    parameter = nn.Parameter(start.clone())
    parameter.grad = torch.zeros_like(start)
    options = {**group, "params": [parameter], "lr": TRIAL_RATE, "weight_decay": TRIAL_DECAY}
    trial, expected = kind([options], lr=TRIAL_RATE), {decay: start.clone() for decay in DECAYS}
    for _ in range(TRIAL_STEPS):
        trial.step()
        for decay, value in expected.items():
            decay(value, TRIAL_RATE, TRIAL_DECAY)
    nearest = min(DECAYS, key=lambda decay: float((expected[decay] - parameter.detach()).abs().sum()))
    return nearest if torch.allclose(expected[nearest], parameter.detach()) else None


def _blocks(initial: Tensor, before: Tensor, now: Tensor, group: Group, decay: Decay | None) -> tuple[Tensor, ...]:
    """The blocks of a factor in the order of `block_products`; the initial part decays in place.

    It decays as the optimiser has the factor decay, so that a step without a gradient leaves exactly zero.
    """
    updates, change = before - initial, now - before
    if decay is None:
        return initial, updates, change, torch.zeros_like(initial)
    first = initial.clone()
    lost = decay(initial, float(group["lr"]), float(group["weight_decay"])) - first
    return first, updates, change - lost, lost


def _observation(adapter: Adapter, t: int, values: list[float]) -> Observation:
    keys = (*SINGLE, *DOUBLE)
    return Observation(adapter.name, t, adapter.fan_in, dict(zip(keys, values, strict=False)), *values[len(keys) :])

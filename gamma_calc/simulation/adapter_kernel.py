"""Training steps of many LoRA modules at once, with the terms of every sum kept apart.

The module is Z_B = s B A Z under the linear loss <dZ, Z_B>, with Z and dZ held fixed. With x = A Z and y = B^T dZ
its gradients are

    G_A = s y Z^T    and    G_B^T = s x dZ^T,

so A against Z and B^T against dZ are the same thing twice: a factor [r, k] that meets the rest of the module only
through its product with data [k, N]. One class handles both, B is held transposed, and no m x n matrix is formed.

A_t = A_0 + U_A and B_t = B_0 + U_B are never added up where they are used: each product is a sum of terms labelled by
the parts it multiplies ("A_0" the initial part, "U_A" the updates so far, "dA" this step's change), in the order in
which the product is written. A part that is identically zero is absent, so exact zeros stay exact.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gamma_calc.program.optimizers import Moments, Raw
from gamma_calc.simulation.adapter_module import (
    TERMS,
    AdapterMeasurement,
    AdapterModule,
    Key,
    Term,
    Training,
    joined,
)
from gamma_calc.simulation.program_training import MORE_MEMORY, program_training
from gamma_calc.simulation.steps import GradientStep, is_nonzero, mean_square

Parts = dict[Term, Tensor]
"""A sum with its terms apart; a term that is identically zero is absent."""

MEMORY_BOUND = 2**30
"""Bytes that the state and the temporaries of one piece of a batch may take."""

CPU_WORKING_SET = 2**25
"""The same bound on a CPU, where pieces that stay near the caches are several times faster than large ones."""


def measured_training(module: AdapterModule, training: Training, *, memory: int = MEMORY_BOUND) -> AdapterMeasurement:
    """The run of every pair of learning rates on every module, in pieces of rates and seeds within `memory` bytes.

    Plain steps under a linear loss run here; what else a training asks for, its program runs.
    """
    if training.extra is not None:
        memory = memory // MORE_MEMORY
    bound = min(memory, CPU_WORKING_SET) if module.inputs.device.type == "cpu" else memory
    runs = max(1, bound // _bytes_per_run(module))
    rates = min(runs, len(training.eta_A))
    return joined([_in_pieces(module, piece, runs // rates) for piece in training.pieces(rates)], dim=0)


def _in_pieces(module: AdapterModule, training: Training, seeds: int) -> AdapterMeasurement:
    pieces = [module.piece(slice(start, start + seeds)) for start in range(0, module.seeds, seeds)]
    if training.extra is not None:
        return joined([program_training(piece, training) for piece in pieces], dim=1)
    return joined([_Run(piece, training).measurement() for piece in pieces], dim=1)


def _bytes_per_run(module: AdapterModule) -> int:
    """Updates, gradient, two moments and two temporaries of each factor; the terms of Z_B with their sum."""
    (_, n, samples), m = module.inputs.shape, module.gradients.shape[1]
    entries = 6 * module.rank * (n + m) + 6 * m * samples
    return int(entries) * module.inputs.element_size()


class _Factor:
    """One factor, its data, and its products with them; A against Z, or B^T against dZ.

    Shapes: data X [S, k, N]; parts of the factor [S, L, r, k] and of its product with X [S, L, r, N], where the
    initial part has L = 1.
    """

    def __init__(self, name: str, initial: Tensor | None, data: Tensor, rates: Tensor, rule: Raw | Moments) -> None:
        self.initial, self.updates, self.change = (f"{name}_0",), (f"U_{name}",), (f"d{name}",)
        self.data = data.unsqueeze(1)
        self.rates = rates.view(1, -1, 1, 1)
        self.step = GradientStep(rule)
        self.parts: Parts = {} if initial is None else {self.initial: initial.unsqueeze(1)}
        self.products = {label: _contracted(part, self.data) for label, part in self.parts.items()}
        self.moved: Parts = {}
        self.moved_products: Parts = {}

    def prepare(self, other: Tensor | None, scale: float, t: int) -> Tensor | None:
        """Find this step's change from the other factor's whole product [S, L, r, N]; return where it underflowed."""
        self.moved, self.moved_products = {}, {}
        if other is None:
            return None
        other = other.expand(-1, self.rates.shape[1], -1, -1)
        gradient = _contracted(other, self.data.mT).mul_(scale)
        step = self.step.processed(gradient, t)
        has_gradient, has_data = is_nonzero(gradient), is_nonzero(other) & is_nonzero(self.data)
        change = step * -self.rates
        self.moved = {self.change: change}
        self.moved_products = {self.change: _contracted(change, self.data)}
        return (has_data & ~has_gradient) | (has_gradient & ~is_nonzero(change))

    def move(self) -> None:
        """Add this step's change to the updates."""
        for sums, change in ((self.parts, self.moved), (self.products, self.moved_products)):
            for part in change.values():
                sums[self.updates] = sums[self.updates].add_(part) if self.updates in sums else part.clone()


class _Run:
    """One piece of a batch in training."""

    def __init__(self, module: AdapterModule, training: Training) -> None:
        self.training, self.scale = training, module.scale
        z, dz, b_0 = module.inputs, module.gradients, module.initial_B
        eta_a, eta_b = (torch.tensor(eta, dtype=z.dtype, device=z.device) for eta in (training.eta_A, training.eta_B))
        self.a = _Factor("A", module.initial_A, z, eta_a, training.optimizer)
        self.b = _Factor("B", None if b_0 is None else b_0.mT, dz, eta_b, training.optimizer)
        self.shape = (module.seeds, len(training.eta_A))
        self.mean_square: dict[Key, Tensor] = {}
        self.underflowed = torch.zeros(self.shape, dtype=torch.bool, device=z.device)

    def measurement(self) -> AdapterMeasurement:
        for t in range(1, self.training.steps + 1):
            self._take_step(t)
        measured = {key: value.mT for key, value in self.mean_square.items()}
        finite = torch.stack([value.isfinite() for value in measured.values()]).all(dim=0)
        ratio = torch.full(self.shape, math.inf, dtype=torch.float64, device=self.underflowed.device)
        for factor in (self.a, self.b):
            if factor.step.epsilon_ratio is not None:
                ratio = torch.minimum(ratio, factor.step.epsilon_ratio)
        return AdapterMeasurement(measured, ~finite, self.underflowed.mT, ratio.mT)

    def _take_step(self, t: int) -> None:
        a, b = self.a, self.b
        x, y = _total(a.products), _total(b.products)
        for factor, other, trains in ((a, y, self.training.trains_A), (b, x, self.training.trains_B)):
            underflowed = factor.prepare(other if trains else None, self.scale, t)
            if underflowed is not None:
                self.underflowed |= underflowed
        self._record_changes(t)
        a.move()
        b.move()
        for quantity, parts in (("A", a.parts), ("B", b.parts), ("Z_A", a.products)):
            self._record(t, quantity, parts)
        self._record(t, "Z_B", self._outputs(b.parts, a.products), self.scale)

    def _record_changes(self, t: int) -> None:
        a, b = self.a, self.b
        deltas = {
            "delta_1": self._outputs(b.parts, a.moved_products),
            "delta_2": self._outputs(b.moved, a.products),
            "delta_3": self._outputs(b.moved, a.moved_products),
        }
        totals: Parts = {}
        for name, parts in deltas.items():
            total = _total(parts)
            if total is not None:
                totals[name,] = total
            self._record(t, name, parts, self.scale, total)
            for term in TERMS[name]:
                self.mean_square[t, "Delta_Z_B", term] = self.mean_square[t, name, term]
        self.mean_square[t, "Delta_Z_B", None] = self._noted(_total(totals), self.scale)

    @staticmethod
    def _outputs(left: Parts, right: Parts) -> Parts:
        """The terms of (B A Z)^T, [S, L, N, m] each, for parts of B^T [S, L, r, m] and of A Z [S, L, r, N]."""
        return {b + a: _contracted(x.mT, v) for b, v in left.items() for a, x in right.items()}

    def _record(self, t: int, quantity: str, parts: Parts, scale: float = 1.0, total: Tensor | None = None) -> None:
        for term in TERMS[quantity]:
            self.mean_square[t, quantity, term] = self._noted(parts.get(term), scale)
        if len(parts) == 1:
            (only,) = parts
            self.mean_square[t, quantity, None] = self.mean_square[t, quantity, only]
        else:
            self.mean_square[t, quantity, None] = self._noted(_total(parts) if total is None else total, scale)

    def _noted(self, tensor: Tensor | None, scale: float) -> Tensor:
        """The mean square [S, L] of scale times a tensor; notes where it vanishes though the tensor does not."""
        if tensor is None:
            return torch.zeros(self.shape, dtype=torch.float64, device=self.underflowed.device)
        mean = mean_square(tensor) * scale**2
        if bool((mean == 0).any()):
            self.underflowed |= (mean == 0) & is_nonzero(tensor)
        return mean.expand(self.shape)


def _contracted(left: Tensor, right: Tensor) -> Tensor:
    """The matrix products of two batches whose second axis is L or 1; a right factor shared by all L is not copied.

    Shapes: left [S, L, p, q], right [S, L, q, k]; returns [S, L, p, k].
    """
    if right.shape[1] > 1:
        return torch.matmul(left, right)
    seeds, rates, rows, columns = left.shape
    folded = torch.bmm(left.reshape(seeds, rates * rows, columns), right.squeeze(1))
    return folded.view(seeds, rates, rows, -1)


def _total(parts: Parts) -> Tensor | None:
    """The sum of the terms, or None where all are identically zero."""
    summands = list(parts.values())
    if not summands:
        return None
    total = summands[0]
    for summand in summands[1:]:
        total = total + summand
    return total

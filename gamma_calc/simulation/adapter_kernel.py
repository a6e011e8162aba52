"""Training steps of many LoRA modules at once, with the terms of every sum kept apart.

The module is Z_B = s B A Z under the linear loss <dZ, Z_B>, with Z and dZ held fixed. With x = A Z and y = B^T dZ
its gradients are

    G_A = s y Z^T    and    G_B^T = s x dZ^T,

so A against Z and B^T against dZ are the same thing twice: a factor that meets the rest of the module only through its
product with data. One class handles both (`adapter_factor`), B is held transposed, and no m x n matrix is formed.

A_t = A_0 + U_A and B_t = B_0 + U_B are never added up where they are used: each product is a sum of terms labelled by
the parts it multiplies ("A_0" the initial part, "U_A" the updates so far, "dA" this step's change, "dA_0" and "dU_A"
what weight decay changes of the other two), in the order in which the product is written. A part that is identically
zero is absent, so exact zeros stay exact.

A step goes once over A and once over B, a block of columns at a time, and measures everything on the way: Z_B and its
changes need all of A Z, but of B the same block only.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gamma_calc.simulation.adapter_factor import Factor, FactorBlock, Moves, Parts, contracted
from gamma_calc.simulation.adapter_module import (
    TERMS,
    AdapterMeasurement,
    AdapterModule,
    Extra,
    Key,
    Training,
    joined,
    terms_of,
)
from gamma_calc.simulation.program_training import MORE_MEMORY, program_training
from gamma_calc.simulation.sampling import Shape
from gamma_calc.simulation.square_sums import Place, SquareSums

CHANGE = "Delta_Z_B"
DELTAS = ("delta_1", "delta_2", "delta_3")
SCALED = ("Z_B", CHANGE, *DELTAS)
"""The quantities that s multiplies; it is left out of their products and put in at the end."""

MEMORY_BOUND = 2**30
"""Bytes that the state and the temporaries of one piece of a batch may take."""

CPU_WORKING_SET = 2**25
"""The same bound on a CPU, where pieces that stay near the caches are several times faster than large ones."""

CPU_BLOCK = 2**20
"""Bytes of a block of one part of a factor on a CPU: a handful of them is what a step works on at any moment. Smaller
ones would spend the time on starting operations."""


def measured_training(
    module: AdapterModule, training: Training, *, memory: int = MEMORY_BOUND, block: int = CPU_BLOCK
) -> AdapterMeasurement:
    """The run of every pair of learning rates on every module, in pieces of rates and seeds within `memory` bytes.

    Every step under a linear loss runs here; a loss that feeds back is left to the program.

    Args:
        block: bytes of a block of columns; off a CPU, where there is no cache to keep to, a factor is one block.
    """
    if training.has_feedback:
        memory = memory // MORE_MEMORY
    is_cpu = module.inputs.device.type == "cpu"
    bound = min(memory, CPU_WORKING_SET) if is_cpu else memory
    (_, n, samples), m = module.inputs.shape, module.gradients.shape[1]
    shape = Shape(n, module.rank, m, samples)
    runs = max(1, bound // bytes_per_run(shape, module.inputs.element_size(), training))
    rates = min(runs, len(training.eta_A))
    block = block if is_cpu else memory
    return joined([_in_pieces(module, piece, runs // rates, block) for piece in training.pieces(rates)], dim=0)


def _in_pieces(module: AdapterModule, training: Training, seeds: int, block: int) -> AdapterMeasurement:
    pieces = [module.piece(slice(start, start + seeds)) for start in range(0, module.seeds, seeds)]
    if training.has_feedback:
        return joined([program_training(piece, training) for piece in pieces], dim=1)
    return joined([_Run(piece, training, block).measurement() for piece in pieces], dim=1)


def bytes_per_run(shape: Shape, item: int, training: Training) -> int:
    """Both parts, two moments and two temporaries of each factor; the terms of Z_B with their sum.

    A momentum is one more tensor of each factor, and weight decay two more temporaries and the terms that it adds.
    Where a factor is cut into blocks the temporaries are smaller, so this is a bound from above. Where the loss feeds
    back the program takes `MORE_MEMORY` times as much.

    Args:
        item: bytes of a number.
    """
    tensors = 6 + training.has_momentum + 2 * training.has_decay
    terms = 6 + len(terms_of(CHANGE, has_decay=training.has_decay)) - len(terms_of(CHANGE, has_decay=False))
    entries = tensors * shape.rank * (shape.width + shape.out) + terms * shape.out * shape.samples
    return entries * item


class _Run:
    """One piece of a batch in training."""

    def __init__(self, module: AdapterModule, training: Training, block: int) -> None:
        self.training, self.scale = training, module.scale
        z, dz, b_0 = module.inputs, module.gradients, module.initial_B
        moves_a, moves_b = _moves(training, z)
        self.shape = (module.seeds, len(training.eta_A))
        columns = max(1, block // (math.prod(self.shape) * module.rank * z.element_size()))
        self.a = Factor("A", module.initial_A, z, moves_a, columns)
        self.b = Factor("B", None if b_0 is None else b_0.mT, dz, moves_b, columns)
        self.mean_square: dict[Key, Tensor] = {}
        self.underflowed = torch.zeros(self.shape, dtype=torch.bool, device=z.device)
        self.zero = torch.zeros(self.shape, dtype=torch.float64, device=z.device)
        self.scales = dict.fromkeys(SCALED, self.scale)

    def measurement(self) -> AdapterMeasurement:
        for t in range(1, self.training.steps + 1):
            self._take_step(t)
        measured = {key: value.mT for key, value in self.mean_square.items()}
        finite = torch.stack(list(measured.values())).isfinite().all(dim=0)
        ratio = torch.full(self.shape, math.inf, dtype=torch.float64, device=self.zero.device)
        for factor in (self.a, self.b):
            if factor.epsilon_ratio is not None:
                ratio = torch.minimum(ratio, factor.epsilon_ratio)
        return AdapterMeasurement(measured, ~finite, self.underflowed.mT, ratio.mT)

    def _take_step(self, t: int) -> None:
        a, b, trains = self.a, self.b, self.training
        x, y = _total(a.products), _total(b.products)
        before, sums = a.products, SquareSums(self.shape)
        for block in a.prepared(y if trains.trains_A else None, self.scale, t):
            a.move(block)
            sums.add(_terms("A", block.parts))
        a.move_products()
        for block in b.prepared(x if trains.trains_B else None, self.scale, t):
            changes = self._changes(block, before)
            b.move(block)
            outputs = _outputs(block.parts, a.products)
            sums.add(changes | _terms("B", block.parts) | _terms("Z_B", outputs))
        b.move_products()
        sums.add(_terms("Z_A", a.products))
        self._record(t, sums)

    def _changes(self, block: FactorBlock, products: Parts) -> dict[Place, Tensor]:
        """What a block of B has to do with the change of Z_B; `products` are those of A before the step."""
        deltas = {
            "delta_1": _outputs(block.parts, self.a.moved_products),
            "delta_2": _outputs(block.moved, products),
            "delta_3": _outputs(block.moved, self.a.moved_products),
        }
        found: dict[Place, Tensor] = {}
        totals: Parts = {}
        for name, parts in deltas.items():
            whole = _total(parts)
            found |= _terms(name, parts, whole)
            if whole is not None:
                totals[name,] = whole
        whole = _total(totals)
        return found if whole is None else {**found, (CHANGE, None): whole}

    def _record(self, t: int, sums: SquareSums) -> None:
        for factor in (self.a, self.b):
            if factor.underflowed is not None:
                self.underflowed |= factor.underflowed
        found = dict[Place, Tensor]()
        for place, mean, has_vanished in sums.means(self.scales):
            found[place] = mean
            self.underflowed |= has_vanished
        for quantity in TERMS:
            terms = terms_of(quantity, has_decay=self.training.has_decay)
            present = [found[quantity, term] for term in terms if (quantity, term) in found]
            whole = present[0] if len(present) == 1 else self.zero
            for term in terms:
                self.mean_square[t, quantity, term] = found.get((quantity, term), self.zero)
            self.mean_square[t, quantity, None] = found.get((quantity, None), whole)
        for delta in DELTAS:
            for term in terms_of(delta, has_decay=self.training.has_decay):
                self.mean_square[t, CHANGE, term] = self.mean_square[t, delta, term]


def _moves(training: Training, like: Tensor) -> list[Moves]:
    """How A and B move, their rates on the device of a tensor; a frozen factor does not decay."""
    extra = training.extra or Extra()
    factors = (
        (training.eta_A, extra.decay_A if training.trains_A else None),
        (training.eta_B, extra.decay_B if training.trains_B else None),
    )
    return [
        Moves(torch.tensor(eta, dtype=like.dtype, device=like.device), training.optimizer, extra.momentum or 0.0, decay)
        for eta, decay in factors
    ]


def _terms(quantity: str, parts: Parts, whole: Tensor | None = None) -> dict[Place, Tensor]:
    """The terms of a quantity and, where there are several, their sum, which may be known already."""
    found: dict[Place, Tensor] = {(quantity, term): part for term, part in parts.items()}
    if len(parts) > 1:
        whole = _total(parts) if whole is None else whole
        assert whole is not None
        found[quantity, None] = whole
    return found


def _outputs(left: Parts, right: Parts) -> Parts:
    """The terms of B A Z, [S, L, m, N] each, for parts of B^T [S, L, r, m] and of A Z [S, L, r, N]."""
    return {b + a: contracted(x.mT, v) for b, v in left.items() for a, x in right.items()}


def _total(parts: Parts) -> Tensor | None:
    """The sum of the terms, or None where all are identically zero."""
    summands = list(parts.values())
    return sum(summands[1:], start=summands[0]) if summands else None

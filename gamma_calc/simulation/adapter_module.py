"""Many LoRA modules trained at once by reading their program, with the terms of every sum kept apart.

Tensors carry the axes of seeds and of learning rates in front of those that the program knows. A part that is
identically zero is absent, so exact zeros stay exact.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gamma_calc.algebra import Affine
from gamma_calc.program.lora import lora_module
from gamma_calc.program.optimizers import Moments, Optimizer, Raw, check_step
from gamma_calc.program.program import Program
from gamma_calc.program.reading import Step
from gamma_calc.program.scheme import INITIAL, Scheme
from gamma_calc.program.terms import Kind, Part
from gamma_calc.simulation.steps import is_nonzero, mean_square
from gamma_calc.simulation.torch_reading import TorchReading, total, trained_in_torch

Term = tuple[str, ...]
"""The parts that a term multiplies, in the order of the product."""

Key = tuple[int, str, Term | None]
"""A step, a quantity, and one of its terms; None stands for their sum."""

Terms = tuple[Term, ...]


def _by_quantity(change_a: Terms, change_b: Terms) -> Mapping[str, Terms]:
    """The terms of each quantity, by those of dA and of dB."""
    a: Terms = (("A_0",), ("U_A",))
    b: Terms = (("B_0",), ("U_B",))
    products = {"Z_B": (b, a), "delta_1": (b, change_a), "delta_2": (change_b, a), "delta_3": (change_b, change_a)}
    found = {name: tuple(x + y for x in left for y in right) for name, (left, right) in products.items()}
    changes = found["delta_1"] + found["delta_2"] + found["delta_3"]
    return {"A": a, "B": b, "Z_A": a, **found, "Delta_Z_B": changes}


TERMS = _by_quantity((("dA",),), (("dB",),))
"""The terms of each quantity; in delta_1 and delta_2 the parts U_A, U_B are those before the step."""

DECAYED_TERMS = _by_quantity((("dA",), ("dA_0",), ("dU_A",)), (("dB",), ("dB_0",), ("dU_B",)))
"""The same under weight decay, where dA_0 and dU_A are what it changes of the initial part and of the updates."""


def terms_of(quantity: str, *, has_decay: bool) -> Terms:
    """The terms of a quantity."""
    return (DECAYED_TERMS if has_decay else TERMS)[quantity]


BATCH = 2
"""The default number of samples: enough that sums of signs do not cancel. More only widen the relative fluctuations of
Z^T Z / n, about (N / n)^(1/2), and put off the width from which an aligned sum of n signs stands clear of its noise."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a module: A is [rank, width], B is [out, rank]."""

    width: int
    rank: int
    out: int
    samples: int = BATCH


@dataclass(frozen=True, slots=True)
class AdapterModule:
    """S LoRA modules of one shape, one a seed; an initial value of None is zero.

    Shapes: inputs Z [S, n, N], gradients dZ [S, m, N], initial_A [S, r, n], initial_B [S, m, r].
    """

    inputs: Tensor
    gradients: Tensor
    initial_A: Tensor | None
    initial_B: Tensor | None
    rank: int
    scale: float = 1.0

    @property
    def seeds(self) -> int:
        """The number of modules in the batch."""
        return int(self.inputs.shape[0])

    def piece(self, seeds: slice) -> AdapterModule:
        """The modules of some of the seeds, as views."""
        a, b = self.initial_A, self.initial_B
        return replace(
            self,
            inputs=self.inputs[seeds],
            gradients=self.gradients[seeds],
            initial_A=None if a is None else a[seeds],
            initial_B=None if b is None else b[seeds],
        )


@dataclass(frozen=True, slots=True)
class Extra:
    """What a training adds to plain steps under a linear loss; None for what it does not.

    m_t = momentum m_{t-1} + G in place of the gradient G; W_t = W_{t-1} - eta decay W_{t-1} - eta g; dZ + feedback Z_B
    in place of dZ.
    """

    momentum: float | None = None
    decay_A: float | None = None
    decay_B: float | None = None
    feedback: float | None = None

    @property
    def coefficients(self) -> Mapping[str, float | None]:
        """The coefficients by the keys of a scheme."""
        return {"momentum": self.momentum, "decay": self.decay_A, "feedback": self.feedback}


@dataclass(frozen=True, slots=True)
class Training:
    """How L copies of each module are trained: the learning rates, the step, and which factors move.

    Shapes: eta_A [L], eta_B [L].
    """

    eta_A: tuple[float, ...]
    eta_B: tuple[float, ...]
    optimizer: Raw | Moments
    steps: int
    trains_A: bool = True
    trains_B: bool = True
    extra: Extra = Extra()

    def __post_init__(self) -> None:
        check_step(self.optimizer)

    def pieces(self, rates: int) -> list[Training]:
        """The same training for at most `rates` learning rates at a time."""
        cuts = [slice(start, start + rates) for start in range(0, len(self.eta_A), rates)]
        return [replace(self, eta_A=self.eta_A[cut], eta_B=self.eta_B[cut]) for cut in cuts]


@dataclass(frozen=True, slots=True)
class AdapterMeasurement:
    """Mean squares over entries and samples of every quantity and term, after every step t = 1, 2, ...

    Shapes: each mean square [L, S] in float64; diverged, underflowed [L, S] bool; epsilon_ratio [L, S].

    A run has diverged where a mean square is not finite. It has underflowed where something that is not zero was
    rounded to zero: a gradient of non-zero data, the step made from a gradient, or the square of a term.
    `epsilon_ratio` is the smallest ratio, over steps and factors with a non-zero gradient, of the root mean square of
    the second-moment root to epsilon; where it is not large, the normalised step is not one.
    """

    mean_square: Mapping[Key, Tensor]
    diverged: Tensor
    underflowed: Tensor
    epsilon_ratio: Tensor


def joined(pieces: Sequence[AdapterMeasurement], dim: int) -> AdapterMeasurement:
    """The measurements of several sets of learning rates (dim 0) or of seeds (dim 1) as one."""
    if len(pieces) == 1:
        return pieces[0]
    return AdapterMeasurement(
        {key: torch.cat([piece.mean_square[key] for piece in pieces], dim) for key in pieces[0].mean_square},
        torch.cat([piece.diverged for piece in pieces], dim),
        torch.cat([piece.underflowed for piece in pieces], dim),
        torch.cat([piece.epsilon_ratio for piece in pieces], dim),
    )


UNIT = Affine.of(0)
"""Exponents say nothing here: sizes come from the module and its training."""

MEMORY_BOUND = 2**30
"""Bytes that the state and the temporaries of one piece of a batch may take."""

CPU_WORKING_SET = 2**26
"""The same bound on a CPU, where pieces that stay near the caches are several times faster than large ones."""


def measured_training(module: AdapterModule, training: Training, *, memory: int = MEMORY_BOUND) -> AdapterMeasurement:
    """The run of every pair of learning rates on every module, in pieces of rates and seeds within `memory` bytes.

    A run has underflowed where the square of a term that is not zero is, or a step of data that are not: the program
    leaves out the steps that vanish.
    """
    bound = min(memory, CPU_WORKING_SET) if module.inputs.device.type == "cpu" else memory
    (_, n, samples), m = module.inputs.shape, module.gradients.shape[1]
    shape = Shape(n, module.rank, m, samples)
    runs = max(1, bound // bytes_per_run(shape, module.inputs.element_size(), training))
    rates = min(runs, len(training.eta_A))
    seeds = runs // rates
    pieces = [module.piece(slice(start, start + seeds)) for start in range(0, module.seeds, seeds)]
    rows = [[_trained(piece, some) for piece in pieces] for some in training.pieces(rates)]
    return joined([joined(row, dim=1) for row in rows], dim=0)


def bytes_per_run(shape: Shape, item: int, training: Training) -> int:
    """What a run holds at once, in the most that was seen: the terms of all values of a step.

    Of each factor that is both parts, two moments, the gradient with its terms, and what a step makes of them; a
    momentum, weight decay and feedback add to it. Of the output it is the terms of Z_B and of its change.

    Args:
        item: bytes of a number.
    """
    momentum, decay, feedback = (value is not None for value in training.extra.coefficients.values())
    tensors, terms = 13 + 4 * momentum + 10 * decay + 20 * feedback, 64 if decay else 24
    return (tensors * shape.rank * (shape.width + shape.out) + terms * shape.out * shape.samples) * item


def _program(module: AdapterModule, training: Training) -> Program:
    """The program that a training of a module runs."""
    initial = dict(zip(INITIAL, (module.initial_A, module.initial_B), strict=True))
    present = {
        name: None if value is None else UNIT for name, value in {**initial, **training.extra.coefficients}.items()
    }
    is_trained = dict(zip(INITIAL, (training.trains_A, training.trains_B), strict=True))
    return lora_module(
        Scheme(
            "module",
            {**present, "eta_A": UNIT, "eta_B": UNIT},
            Optimizer("module", training.optimizer),
            frozenset(name for name, trains in is_trained.items() if trains),
        )
    )


def _trained(module: AdapterModule, training: Training) -> AdapterMeasurement:
    """The run of every pair of learning rates on every module, all at once."""
    shape = (module.seeds, len(training.eta_A))
    reading, measured = _reading(module, training, shape), dict[Key, Tensor]()
    underflowed = torch.zeros(shape, dtype=torch.bool, device=module.inputs.device)
    has_data = (is_nonzero(module.inputs) & is_nonzero(module.gradients)).unsqueeze(1)
    ratio = torch.full(shape, math.inf, dtype=torch.float64, device=module.inputs.device)
    for step in trained_in_torch(_program(module, training), reading, training.steps):
        measured |= _measured(step, training, underflowed)
        for tensor, change in step.changes.items():
            if (moved := change.get((Part(tensor, Kind.CHANGE),))) is not None:
                underflowed |= has_data & ~is_nonzero(moved)
        ratio = _epsilon_ratio(module, reading, ratio)
    finite = torch.stack(list(measured.values())).isfinite().all(dim=0)
    return AdapterMeasurement({key: value.mT for key, value in measured.items()}, ~finite.mT, underflowed.mT, ratio.mT)


def _epsilon_ratio(module: AdapterModule, reading: TorchReading, so_far: Tensor) -> Tensor:
    """The smallest ratio of a second moment's root to the epsilon beside it, up to this step; a root of 0 has none."""
    rows = {"A": module.inputs.shape[1], "B": module.gradients.shape[1]}
    for name, step in reading.steps.items():
        if isinstance(step.rule, Moments) and step.rule.epsilon and (square := step.root_square) is not None:
            ratio = (square / (module.rank * rows[name])).sqrt() / float(step.rule.epsilon)
            so_far = torch.minimum(so_far, torch.where(ratio == 0, math.inf, ratio))
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
    scalars |= {} if extra.feedback is None else {"kappa": extra.feedback}
    scalars |= {} if extra.momentum is None else {f"beta_{name}": extra.momentum for name in INITIAL}
    pairs = zip(INITIAL, (extra.decay_A, extra.decay_B), strict=True)
    scalars |= {f"lambda_{name}": value for name, value in pairs if value is not None}
    learning_rates = {name: rate.view(1, -1, 1, 1) for name, rate in zip(INITIAL, rates, strict=True)}
    return TorchReading(Optimizer("module", training.optimizer), tensors, learning_rates, scalars)


def _measured(step: Step[Tensor], training: Training, underflowed: Tensor) -> Mapping[Key, Tensor]:
    """The mean squares of a step, by quantity and term; notes what was rounded to zero."""

    def noted(tensor: Tensor) -> Tensor:
        mean = mean_square(tensor)
        if mean.device.type != "cpu" or not bool(mean.all()):
            underflowed.logical_or_((mean == 0) & is_nonzero(tensor))
        return mean

    # A term of a part of a change is a term of the change: the same tensor.
    tensors = {id(term): term for value in step.quantities.values() for _, term in value}
    known = {place: noted(term) for place, term in tensors.items()}
    zero = torch.zeros(underflowed.shape, dtype=torch.float64, device=underflowed.device)
    found: dict[Key, Tensor] = {}
    for quantity, value in step.quantities.items():
        terms = {tuple(map(str, label)): known[id(term)] for label, term in value}
        for term in terms_of(quantity, has_decay=training.extra.decay_A is not None):
            found[step.t, quantity, term] = terms.get(term, zero)
        summed = noted(total(term for _, term in value)) if len(terms) > 1 else None
        found[step.t, quantity, None] = next(iter(terms.values()), zero) if summed is None else summed
    return found

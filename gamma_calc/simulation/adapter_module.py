"""What a batch of LoRA modules is, how it is trained, and what is measured of it.

Everything here is data; `adapter_training` computes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gamma_calc.errors import BadInput
from gamma_calc.program.optimizers import Moments, Raw, check_step

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

    def __post_init__(self) -> None:
        (seeds, n, samples), (_, m, _) = self.inputs.shape, self.gradients.shape
        expected = {
            "gradients": (self.gradients, (seeds, m, samples)),
            "initial_A": (self.initial_A, (seeds, self.rank, n)),
            "initial_B": (self.initial_B, (seeds, m, self.rank)),
        }
        for name, (tensor, shape) in expected.items():
            if tensor is not None and tuple(tensor.shape) != shape:
                raise BadInput(f"shape of {name}", found=str(tuple(tensor.shape)), expected=str(shape))

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

    def __post_init__(self) -> None:
        if (self.decay_A is None) is not (self.decay_B is None):
            raise BadInput("weight decay", found="one factor's", expected="both factors' or none")

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
    extra: Extra | None = None

    @property
    def has_momentum(self) -> bool:
        """Whether steps are taken along a momentum in place of the gradient."""
        return self.extra is not None and self.extra.momentum is not None

    @property
    def has_decay(self) -> bool:
        """Whether weights decay."""
        return self.extra is not None and self.extra.decay_A is not None

    @property
    def has_feedback(self) -> bool:
        """Whether the loss gradient depends on the output."""
        return self.extra is not None and self.extra.feedback is not None

    def __post_init__(self) -> None:
        check_step(self.optimizer)
        if len(self.eta_A) != len(self.eta_B):
            found = f"{len(self.eta_A)} and {len(self.eta_B)}"
            raise BadInput("learning rates of A and B", found=found, expected="as many of one as of the other")

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

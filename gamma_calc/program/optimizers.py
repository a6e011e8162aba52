"""Update rules: how a raw gradient G becomes the processed gradient g of W_t = W_{t-1} - eta g.

Two families cover the optimisers in use. A raw step keeps the size of the gradient; a normalised step divides it by a
running second moment, which leaves entries of size one. Sign descent is the normalised step without memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

from gamma_calc.errors import BadInput


@dataclass(frozen=True, slots=True)
class Raw:
    """g = G."""

    @property
    def degree(self) -> int:
        """The power with which g grows with all gradients of a run."""
        return 1


@dataclass(frozen=True, slots=True)
class Moments:
    """g = m / (sqrt(v) + epsilon), m and v the bias-corrected running means of G and G^2 (Adam); 0/0 is 0.

    With beta1 = beta2 = epsilon = 0 this is sign(G).
    """

    beta1: Fraction
    beta2: Fraction
    epsilon: Fraction

    @property
    def has_memory(self) -> bool:
        """Whether earlier gradients enter the step."""
        return bool(self.beta1 or self.beta2)

    @property
    def degree(self) -> int:
        """The power with which g grows with all gradients of a run, epsilon being negligible."""
        return 0


def check_step(step: object) -> None:
    """Refuse an update rule of a kind that has no theory and no training here, rather than take it for another.

    Raises:
        BadInput: the step is of no known kind.
    """
    if not isinstance(step, Raw | Moments):
        raise BadInput("update rule", found=type(step).__name__, expected=f"{Raw.__name__} or {Moments.__name__}")


@dataclass(frozen=True, slots=True)
class Optimizer:
    """An update rule under the name that a spec calls it by.

    Raises:
        BadInput: the update rule is of no known kind.
    """

    name: str
    step: Raw | Moments

    def __post_init__(self) -> None:
        check_step(self.step)


OPTIMIZERS: Mapping[str, Optimizer] = MappingProxyType(
    {
        optimizer.name: optimizer
        for optimizer in (
            Optimizer("adam", Moments(Fraction(9, 10), Fraction(999, 1000), Fraction(1, 10**8))),
            Optimizer("sign", Moments(Fraction(0), Fraction(0), Fraction(0))),
            Optimizer("sgd", Raw()),
        )
    }
)
"""The update rules that a spec can name; Adam with the defaults of its authors (Kingma and Ba, 2015)."""


def named_optimizer(name: str) -> Optimizer:
    """The optimiser called `name`.

    Raises:
        BadInput: no optimiser has that name.
    """
    if not isinstance(name, str) or name not in OPTIMIZERS:
        raise BadInput("optimizer", found=name, expected=f"one of {', '.join(OPTIMIZERS)}", choices=OPTIMIZERS)
    return OPTIMIZERS[name]

"""The reference experiment of a sweep: one module at several widths and rates.

The loss is linear in the output: dZ keeps its direction and its size, so the residual never changes sign and sign steps
never undo each other. A squared loss is another experiment (`teacher_student`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from gamma_calc.errors import BadInput
from gamma_calc.program.optimizers import Moments, Raw
from gamma_calc.simulation.adapter_module import (
    BATCH,
    Extra,
    Shape,
    Training,
)
from gamma_calc.simulation.sampling import BASE_RANK, Sizes, rounded_rank

Progress = Callable[[int, int], None]
"""Called with the number of runs done and the number of runs in all."""


class BeyondFloats(BadInput):
    """A power of the width is too large or too small for a float."""


@dataclass(frozen=True, slots=True)
class Power:
    """The number k n^width r^rank, which stands for an exponent at a finite width n and rank r.

    The factor k moves the crossovers of sums, never an exponent.
    """

    width: Fraction = Fraction(0)
    rank: Fraction = Fraction(0)
    factor: Fraction = Fraction(1)

    def at(self, width: int, rank: int) -> float:
        """The number at a width and a rank.

        Raises:
            BeyondFloats: it is too large or too small for a float.

        >>> Power(Fraction(-1, 2), Fraction(1)).at(256, 5)
        0.3125
        """
        try:
            found = float(self.factor) * (math.pow(width, self.width) * math.pow(rank, self.rank))
        except OverflowError:
            found = math.inf
        if not 0 < found < math.inf:
            power = f"n^({self.width})" + (f" r^({self.rank})" if self.rank else "")
            raise BeyondFloats(
                f"{power} at n = {width}, r = {rank} is beyond the range of floats: no experiment has it; expected"
                " exponents nearer to 0"
            )
        return found


UNIT = Power()


Rates = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ProbeConfiguration:
    """What a scheme says of a reference experiment.

    Args:
        A, B: sizes of the initial entries; None for zero.
        fan_out: the size m of the output axis, rounded.
        rank: the exponent of the rank in the width; `base_rank` multiplies it.
        data: "random" or "teacher-student".
        momentum, decay, feedback: beta, lambda and kappa; None for none.
    """

    A: Power | None
    B: Power | None
    eta_A: Power
    eta_B: Power
    optimizer: Raw | Moments
    scale: Power = UNIT
    gradient: Power = UNIT
    fan_out: Power = Power(Fraction(1))
    rank: Fraction = Fraction(0)
    base_rank: int = BASE_RANK
    trains_A: bool = True
    trains_B: bool = True
    data: str = "random"
    samples: int = BATCH
    momentum: Power | None = None
    decay: Power | None = None
    feedback: Power | None = None

    def shape_at(self, width: int) -> Shape:
        """The sizes of the module at a width."""
        rank = rounded_rank(width, float(self.rank), self.base_rank)
        return Shape(width, rank, max(1, round(self.fan_out.at(width, rank))), self.samples)

    def sizes_at(self, shape: Shape) -> Sizes:
        """The sizes of the entries at a width."""
        n, r = shape.width, shape.rank
        a, b = (None if power is None else power.at(n, r) for power in (self.A, self.B))
        return Sizes(a, b, self.gradient.at(n, r), self.scale.at(n, r))

    def training_at(self, shape: Shape, etas: tuple[Rates, Rates], steps: int) -> Training:
        """The training at some rates of A and of B."""
        n, r = shape.width, shape.rank
        momentum, decay, feedback = (
            None if power is None else power.at(n, r) for power in (self.momentum, self.decay, self.feedback)
        )
        extra = Extra(momentum, decay, decay, feedback)
        return Training(*etas, self.optimizer, steps, self.trains_A, self.trains_B, extra)

"""What is seen of one LoRA layer at one step, as plain numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from gamma_calc.huggingface.block_products import Quantity

SUMMED = {"A_0": ("A", "Z_A"), "U_A": ("A", "Z_A")}
"""The parts of A whose sums over the width are measured: the names under which their entries and their sums stand."""


@dataclass(frozen=True, slots=True)
class Observation:
    """Mean squares over entries (and, for what depends on the batch, over samples) after step t.

    `mean_square` has every quantity and term under the names of `simulation.adapter_module.TERMS`, all on the input Z
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
        for part, (entries, sums) in SUMMED.items():
            size = self.mean_square[entries, (part,)] * self.input
            total = self.mean_square[sums, (part,)]
            if size > 0 and total > 0 and self.fan_in > 1:
                found[part] = math.log(total / size) / (2 * math.log(self.fan_in))
        return found

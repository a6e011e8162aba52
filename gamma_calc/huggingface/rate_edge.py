"""The learning rate at which a configuration leaves its stable region, at one width.

Exponents know no constants. The engine derives the edge with the width n, the rank r, the scale s and the LoRA+ ratio
as powers of their own, such as (n r s)^(-1/2) for Init[A]; here every constant before such a product is taken as 1, but
for one of the initial entries that is known. How far that is from what layers of PEFT do is measured in docs/lint.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from gamma_calc.algebra import Affine
from gamma_calc.huggingface.adapter_config import AdapterConfig
from gamma_calc.huggingface.implemented_scheme import KAPPA, LAMBDA, RHO, SIGMA, sure_rates
from gamma_calc.program.optimizers import OPTIMIZERS, Moments

LETTERS: Mapping[str, str] = {RHO: "r", SIGMA: "s", LAMBDA: "ratio", KAPPA: "c"}
"""What is typed for r = n^rho, s = n^sigma, the ratio of B's rate to A's, and the constant of the initial entries."""


@dataclass(frozen=True, slots=True)
class RateEdge:
    """The least of the bounds on A's rate, and that bound as a product of powers."""

    rate: float
    law: str


def rate_edge(config: AdapterConfig, optimizer: str, width: int, ratio: float = 1.0) -> RateEdge | None:
    """The edge at one width; None where the exponents are unknown, or a step is not of size one in every entry."""
    rule = OPTIMIZERS[optimizer]
    if config.variants or not config.scale > 0 or not isinstance(rule.step, Moments):
        return None
    sizes = {RHO: config.rank, SIGMA: config.scale, LAMBDA: ratio, KAPPA: config.initialisation.constant}
    logarithms = {name: math.log(size) for name, size in sizes.items()}

    def logarithm(form: Affine) -> float:
        others = sum(float(form.coefficient(name)) * logarithms[name] for name in form.free)
        return float(form.constant) * math.log(width) + others

    least = min(sure_rates(config, optimizer), key=logarithm, default=None)
    return None if least is None else RateEdge(math.exp(logarithm(least)), _typed(least, sizes))


def _typed(form: Affine, sizes: Mapping[str, float]) -> str:
    """The product of powers that an exponent of n stands for, one factor a letter: n^(-1/2) r^(-1/2)."""
    powers = [("n", form.constant)] if form.constant else []
    powers += [(LETTERS[name], form.coefficient(name)) for name in LETTERS if sizes[name] != 1 and name in form.free]
    return " ".join(f"{letter}^({power})" for letter, power in powers) or "1"

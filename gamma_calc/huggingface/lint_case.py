"""A configuration, the use that is made of it, and what its exponents are: what every check of lint looks at."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from gamma_calc.algebra import Affine
from gamma_calc.derivation.alpha import AlphaReading
from gamma_calc.huggingface.adapter_config import OTHERS, AdapterConfig
from gamma_calc.huggingface.implemented_scheme import KAPPA, LAMBDA, RHO, SIGMA, StableEdge, sure_rates
from gamma_calc.huggingface.initial_factors import Start
from gamma_calc.program.optimizers import OPTIMIZERS, Moments

LETTERS: Mapping[str, str] = {RHO: "r", SIGMA: "s", LAMBDA: "ratio", KAPPA: "c"}
"""What is typed for r = n^rho, s = n^sigma, the ratio of B's rate to A's, and the constant of the initial entries."""


LARGEST_LOGARITHM = 700.0
"""Of a number that a float can hold."""


@dataclass(frozen=True, slots=True)
class RateEdge:
    """The largest stable rate of A at one width, as a number and as a product of powers, and which layers bear no more.

    `layers` are None where all have one rank and one alpha; `rank` and `scale` are theirs.
    """

    rate: float
    law: str
    layers: str | None
    rank: int
    scale: float


def rate_edge(config: AdapterConfig, optimizer: str, width: int, ratio: float = 1.0) -> RateEdge | None:
    """The edge at one width; None where the exponents are unknown, or a step is not of size one in every entry.

    Exponents know no constants. The engine derives the edge with the width n, the rank r, the scale s and the LoRA+
    ratio as powers of their own, such as (n r s)^(-1/2) for Init[A]; here every constant before such a product is taken
    as 1, but for one of the initial entries that is known. How far that is from what layers of PEFT do is measured in
    docs/lint.md. One rate trains all layers, so the edge is that of the layers which bear least.
    """
    sizes = _sizes(config, ratio)
    bounds = [
        (_logarithm(form, width, sizes[name]), name, form) for form in _bounds(config, optimizer) for name in sizes
    ]
    if not bounds:
        return None
    least, name, form = min(bounds, key=lambda bound: bound[0])
    layers, size = (name or OTHERS) if config.has_patterns else None, config.linear_sizes[name]
    return RateEdge(math.exp(least), _typed(form, sizes[name]), layers, size[0], config.scale_of(size))


def ratio_at_edge(config: AdapterConfig, optimizer: str, width: int, learning_rate: float) -> float | None:
    """The LoRA+ ratio at which a rate of A is just at the edge; None where there is none, or the edge is not known.

    A bound n^c r^k s^e ratio^(-p) is met at a ratio of (n^c r^k s^e / rate)^(1/p), and the first to be met is the edge.
    Where a bound that no ratio moves lies below the rate already, there is no such ratio.
    """
    kinds, rate = _sizes(config, 1.0).values(), math.log(learning_rate)
    over = [
        (_logarithm(form, width, sizes) - rate, float(form.coefficient(LAMBDA)))
        for form in _bounds(config, optimizer)
        for sizes in kinds
    ]
    met = min((above / -power for above, power in over if power < 0), default=math.inf)
    is_edge = met < LARGEST_LOGARITHM and all(above + power * met >= 0 for above, power in over if power >= 0)
    return math.exp(met) if is_edge else None


def _bounds(config: AdapterConfig, optimizer: str) -> tuple[Affine, ...]:
    """Forms whose least is the edge; none where that is not known."""
    if not isinstance(OPTIMIZERS[optimizer].step, Moments):
        return ()
    return sure_rates(config, optimizer, of_embedding=config.has_only_embeddings)


def _sizes(config: AdapterConfig, ratio: float) -> Mapping[str, Mapping[str, float]]:
    """What the powers are of, for each kind of layers that trains."""
    constant = 1.0 if config.has_only_embeddings else config.initialisation.constant
    return {
        name: {RHO: size[0], SIGMA: abs(config.scale_of(size)), LAMBDA: ratio, KAPPA: constant}
        for name, size in config.linear_sizes.items()
        if size[1]
    }


def _logarithm(form: Affine, width: int, sizes: Mapping[str, float]) -> float:
    """That of the product of powers that an exponent of n stands for."""
    others = sum(float(form.coefficient(name)) * math.log(sizes[name]) for name in form.free)
    return float(form.constant) * math.log(width) + others


def _typed(form: Affine, sizes: Mapping[str, float]) -> str:
    """The product of powers that an exponent of n stands for, one factor a letter: n^(-1/2) r^(-1/2)."""
    powers = [("n", form.constant)] if form.constant else []
    powers += [(LETTERS[name], form.coefficient(name)) for name in LETTERS if sizes[name] != 1 and name in form.free]
    return " ".join(f"{letter}^({power})" for letter, power in powers) or "1"


LINEAR, EMBEDDING = "peft.toml", "peft-embedding.toml"
"""The names under which the specs are written."""

MEASURED = "docs/lint.md"
"""Where it stands how something was measured that no spec derives."""


class Severity(Enum):
    """Error: training fails, or nothing is trained. Warning: likely not what was meant. Info: worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Case:
    """A configuration and how it is going to be trained; None for what was not said.

    `linear` is None where the sizes depend on data, the equations are others, or there is no linear layer; `embedding`
    likewise. `rate_edge` is where the stable rates end at the width, `ratio_at_edge` the LoRA+ ratio at which
    they end at the rate.
    """

    config: AdapterConfig
    linear: StableEdge | None
    embedding: StableEdge | None
    optimizer: str
    alpha: AlphaReading
    learning_rate: float | None
    loraplus_ratio: float | None
    width: int | None
    weight_decay: float | None
    rate_edge: RateEdge | None = None
    ratio_at_edge: float | None = None

    @property
    def position(self) -> float | None:
        """The rate over that edge, where both are known."""
        found, rate = self.rate_edge, self.learning_rate
        return None if found is None or rate is None else rate / found.rate

    @property
    def has_small_tensors(self) -> bool:
        """Whether one-dimensional tensors are trained."""
        config = self.config
        return config.is_dora or config.trains_biases or bool(config.trained_whole)

    @property
    def edge(self) -> StableEdge | None:
        """That of the linear layers; of the embeddings, where there are no others."""
        return self.embedding if self.config.has_only_embeddings else self.linear

    @property
    def start(self) -> Start | None:
        """What these layers add to the output before the first step; None where PEFT makes no adapter of them."""
        start = self.config.initialisation
        if not self.config.has_only_embeddings:
            return start.start
        return None if start.of_embedding is None else start.of_embedding.start

    @property
    def has_known_start(self) -> bool:
        """Whether the sizes of their factors follow from the configuration alone."""
        start = self.config.initialisation
        return start.of_embedding is not None if self.config.has_only_embeddings else start.is_known

    @property
    def is_rate_unused(self) -> bool:
        """Whether PEFT's LoRA+ optimiser trains all of them at another rate than is given."""
        return self.config.has_only_embeddings and self.loraplus_ratio is not None


@dataclass(frozen=True, slots=True)
class Check:
    """One finding; a common one is made of nearly every configuration."""

    id: str
    severity: Severity
    applies: Callable[[Case], bool]
    text: Callable[[Case], str]
    derivation: str
    is_common: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found in one configuration."""

    id: str
    severity: Severity
    text: str
    derivation: str
    is_common: bool


def power(base: str, exponent: Fraction | Affine | str) -> str:
    """A power as it is typed."""
    return f"{base}^({exponent})"

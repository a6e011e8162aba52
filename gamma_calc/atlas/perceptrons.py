"""Perceptrons of three layers as papers on parametrisations have them: an embedding, a hidden layer and a readout.

    f = c_3 W_3 phi(h[2]),  h[2] = c_2 W_2 phi(h[1]),  h[1] = c_1 W_1 x

The entries of W_l start at n^init, its learning rate is n^rate and c_l = n^multiplier; in the letters of abc papers
multiplier = -a, init = -b and rate = -c.
"""

from __future__ import annotations

from typing import Any

from gamma_calc.atlas.questions import Subject
from gamma_calc.calculus.policy import CALCULUS, Policy
from gamma_calc.program.models import INIT, MULTIPLIER, RATE, Perceptron
from gamma_calc.program.optimizers import Optimizer
from gamma_calc.program.scheme import Scheme

LAYERS = ("W_1", "W_2", "W_3")
PER_LAYER = ("embedding", "hidden", "readout")
"""One free rate a layer."""
NTK = (("0", "-1/2", "-1/2"), ("0", "0", "0"))
STANDARD = (("0", "0", "0"), ("0", "-1/2", "-1/2"))
MUP = (("1/2", "0", "-1/2"), ("-1/2", "-1/2", "-1/2"))
OUTPUT_MULTIPLIER = (("0", "0", "-1"), ("0", "-1/2", "0"))
"""muP with a multiplier 1/n at the output, as Tensor Programs IVb and table 8 of V have it."""
NO_MULTIPLIER = (("0", "0", "0"), ("0", "-1/2", "-1"))
"""muP without multipliers, as table 3 of Tensor Programs V has it."""
GLOBAL = ("c", "c", "c")
"""One free rate."""

Three = tuple[str, str, str]


def perceptron(
    words: str,
    multipliers: Three,
    inits: Three,
    rates: tuple[str | None, ...] = PER_LAYER,
    *,
    optimizer: str | Optimizer = "adam",
    between: tuple[str, ...] = (),
    policy: Policy = CALCULUS,
    **beside: Any,
) -> Subject:
    """A perceptron with a multiplier, an init and a rate for each layer; one without a rate is not trained.

    `beside` are exponents of its update rule, such as a decay.
    """
    columns = {MULTIPLIER: multipliers, INIT: inits, RATE: rates}
    exponents: dict[str, Any] = {
        f"{layer}.{key}": value
        for key, values in columns.items()
        for layer, value in zip(LAYERS, values, strict=True)
        if value is not None
    }
    scheme = Scheme(
        "perceptron",
        {**exponents, **beside},
        optimizer,
        between=between,
        model=Perceptron(LAYERS),
        frozen=frozenset(layer for layer, rate in zip(LAYERS, rates, strict=True) if rate is None),
    )
    return Subject(words, scheme, policy)

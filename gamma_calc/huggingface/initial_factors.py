"""How large the factors of an adapter start under each value of PEFT's init_lora_weights.

The sizes are exponents of the width n and the rank r: read from PEFT 0.21 (tuners/lora/layer.py), and held by a test
that measures each row on real layers. A layer's fan-in and fan-out are both taken to be of order n.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial

PISSA_ITERATIONS = re.compile(r"pissa_niter_[0-9]{1,9}")


class Start(Enum):
    """What the adapter adds to the model's output before the first step."""

    NOTHING = "one factor is zero"
    CANCELLED = "the product of the factors is zero, or is taken out of the base weights"
    SOMETHING = "the product of the factors is left in the output"


@dataclass(frozen=True, slots=True)
class EmbeddingStart:
    """What PEFT starts an embedding's adapter from: the entries of A_0 and B_0 as exponents, and in words."""

    a: str
    b: str
    spread: str
    start: Start = Start.NOTHING


B_DRAWN = EmbeddingStart("zero", "0", "A = 0 and B normal with standard deviation 1 (r times the variance of Init[B])")
BOTH_DRAWN = EmbeddingStart("0", "0", "A and B normal with standard deviation 1", Start.SOMETHING)
B_TRAINED = EmbeddingStart("zero", "-1/2", "A = 0 and B the last singular vectors of the table")
B_MINOR = replace(B_TRAINED, spread=f"{B_TRAINED.spread}, frozen")
FROZEN = " and frozen"


@dataclass(frozen=True, slots=True)
class Initialisation:
    """One option of init_lora_weights.

    Exponents: `a` and `b` are those of the entries of A_0 and B_0 as a spec writes them ("zero" for a factor that
    starts at zero), in which the word `scale` stands for the exponent of s; None where they depend on data. `spread`
    says how the entries are drawn, `rewrites_base` whether the base weights change, `is_b_frozen` whether B is frozen,
    `constant` what stands before the powers of n and r in both factors, where it is far from 1, `needs_even_rank` and
    `needs_positive_scale` what r and s have to be, `needs_weight` whether PEFT looks at the weight of a layer for them,
    which a stack of experts has not, `is_b_of_fan_out` whether B's power of n is one of the fan-out, `of_embedding`
    what an embedding's adapter starts from, None where PEFT makes none.
    """

    option: bool | str
    a: str | None
    b: str | None
    spread: str
    start: Start = Start.NOTHING
    rewrites_base: bool = False
    is_b_frozen: bool = False
    constant: float = 1.0
    needs_even_rank: bool = False
    needs_positive_scale: bool = False
    needs_weight: bool = False
    is_b_of_fan_out: bool = False
    of_embedding: EmbeddingStart | None = B_DRAWN

    @property
    def name(self) -> str:
        """The option as a word."""
        return json.dumps(self.option).strip('"')

    @property
    def is_known(self) -> bool:
        """Whether the sizes follow from the configuration alone."""
        return self.a is not None


FROM_BASE = partial(Initialisation, start=Start.CANCELLED, rewrites_base=True, needs_weight=True)
"""Factors that are taken out of the base weights."""
INITIALISATIONS = (
    Initialisation(True, "-1/2", "zero", "A uniform on +-n^(-1/2), B zero"),
    Initialisation(
        "gaussian",
        "-rank",
        "zero",
        "A normal with standard deviation 1/r at every width, B zero",
    ),
    Initialisation(
        False,
        "-1/2",
        "-rank/2",
        "A uniform on +-n^(-1/2), B uniform on +-r^(-1/2)",
        start=Start.SOMETHING,
        of_embedding=BOTH_DRAWN,
    ),
    Initialisation(
        "orthogonal",
        "0",
        "0",
        "entries of standard deviation 0.07 at every width and rank, with B A = 0",
        start=Start.CANCELLED,
        constant=0.07,
        needs_even_rank=True,
        needs_weight=True,
    ),
    FROM_BASE(
        "pissa",
        "-1/2 - scale/2",
        "-1/2 - scale/2",
        "the leading singular directions of W, each factor with the root of its singular values over s",
        needs_positive_scale=True,
        is_b_of_fan_out=True,
    ),
    FROM_BASE(
        "olora",
        "-1/2",
        "-1/2",
        "B the first columns of Q and A the first rows of R in W = Q R",
        is_b_of_fan_out=True,
    ),
    Initialisation(
        "mica",
        "zero",
        "-1/2",
        f"A zero, B the last left singular vectors of W{FROZEN}",
        is_b_frozen=True,
        of_embedding=B_MINOR,
        needs_weight=True,
        is_b_of_fan_out=True,
    ),
    Initialisation("eva", None, None, "A from the activations, B zero"),
    FROM_BASE("corda", None, None, "from the covariance of activations"),
    FROM_BASE("loftq", None, None, "from the error of quantisation", of_embedding=None),
    FROM_BASE("lora_ga", None, None, "from gradients"),
)

ANY_CASE = ("gaussian", "olora", "mica")
"""Options that PEFT compares without regard to case where it draws A and B; of MiCA it freezes B under "mica" alone."""


def initialisation(value: object) -> Initialisation | None:
    """The option that a value of init_lora_weights chooses, None where PEFT would not understand it."""
    if value is None or isinstance(value, bool):
        return next(each for each in INITIALISATIONS if each.option is bool(value))
    if not isinstance(value, str):
        return None
    word = value.lower() if value.lower() in ANY_CASE else value
    word = "pissa" if PISSA_ITERATIONS.fullmatch(word) else word
    found = next((each for each in INITIALISATIONS if each.option == word), None)
    if found is None or not found.is_b_frozen or word == value:
        return found
    return replace(
        found, option=value, is_b_frozen=False, spread=found.spread.removesuffix(FROZEN), of_embedding=B_TRAINED
    )

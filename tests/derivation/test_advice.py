"""The sentence that says what to do follows from what was derived."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gamma_calc import CATALOGUE, Scheme, derive
from gamma_calc.derivation.advice import advice
from gamma_calc.program.models import LoraStack, Perceptron
from gamma_calc.program.spec_file import scheme_from_text
from tests.explorer.examples import gated

TWO = Scheme("two", {"A": "-1/2", "B": "zero", "eta_A": "a", "eta_B": "b"}, model=LoraStack(2))


STARVED = """
[model]
kind = "lora-stack"
depth = 2
[exponents]
A = "-1/2"
B = "zero"
eta_A = "a"
eta_B = "b"
[parameters."A[1]"]
rate = "-2"
[parameters."B[1]"]
rate = "-2"
"""


def perceptron(*inits: str) -> Scheme:
    """Three layers whose last one is small."""
    layers = ("W_1", "W_2", "W_3")
    exponents = {f"{name}.{key}": "eta" for name in layers for key in ("rate",)}
    exponents |= {f"{name}.init": init for name, init in zip(layers, ("0", *inits), strict=True)}
    return Scheme("perceptron", {**exponents, "W_3.multiplier": "-1/2"}, model=Perceptron(layers))


def frozen(scheme: Scheme, name: str) -> Scheme:
    exponents = {key: form for key, form in scheme.exponents.items() if key != f"{name}.rate"}
    return replace(scheme, exponents=exponents, frozen=frozenset({name}))


CASES: dict[str, tuple[Any, dict[str, Any], str]] = {
    "grows": (
        "init-a",
        {},
        "Use init-a under adam with a learning rate of n^(-1/2): both factors learn, and Z_A grows like n^(1/2).",
    ),
    "idle": (
        "init-b",
        {},
        "B hardly learns under init-b under adam, with a learning rate of n^(-1): its part of the change "
        "falls like n^(-1).",
    ),
    "alone": (
        "lora-plus-a",
        {},
        "Use lora-plus-a under adam with learning rates of n^(-1) for A and n^0 for B: both factors learn, "
        "but two such adapters on one residual stream are not stable there.",
    ),
    "deep": (
        "lora-plus-b",
        {},
        "Use lora-plus-b under adam with learning rates of n^(-1) for A and n^0 for B: both factors learn.",
    ),
    "small": (
        "init-a",
        {"at": {"eta": "-1"}},
        "init-a under adam hardly learns with a learning rate of n^(-1): its output's change falls like n^(-1).",
    ),
    "large": (
        "init-a",
        {"at": {"eta": "-1/4"}},
        "init-a under adam is not stable with a learning rate of n^(-1/4).",
    ),
    "zero": (
        "init-a",
        {"steps": 1},
        "A hardly learns within 1 step under init-a under adam, with a learning rate of n^0: its part of the change "
        "is zero.",
    ),
    "one feature": (
        perceptron("-1/2", "-1/2"),
        {},
        "Not every feature learns under perceptron under adam, with a learning rate of n^(-1): Delta_h[1] falls like "
        "n^(-1).",
    ),
    "nothing": (
        Scheme("still", {"A": "-1/2", "B": "zero"}, trained=frozenset()),
        {},
        "still under adam trains no factor: its output stays as it is.",
    ),
    "one": (
        "lora-fa",
        {},
        "Use lora-fa under adam with a learning rate of n^0: B learns.",
    ),
    "many": (
        TWO,
        {},
        "For two under adam choose a + b = -1 and b <= -1/2: every factor learns.",
    ),
    "never": (
        "rslora",
        {"optimizer": "sgd"},
        "For rslora under sgd stay within 2*eta - rho <= -2 and rho >= 0 and rho <= 1: it is stable there, "
        "and its output hardly changes.",
    ),
    "not every feature": (
        frozen(frozen(TWO, "A[1]"), "B[1]"),
        {},
        "For two under adam stay within a + b <= -1 and b <= 0: it is stable there, but not every feature learns: "
        "Delta_Z_B[1] is zero.",
    ),
    "starved features": (
        scheme_from_text(STARVED, default_name="starved"),
        {},
        "For starved under adam stay within a + b <= -1 and b <= 0: it is stable there, but not every feature learns: "
        "Delta_Z_B[1] falls as n grows.",
    ),
    "everywhere": (
        Scheme("still", {"A": "zero", "B": "zero", "eta_A": "eta", "eta_B": "eta"}),
        {},
        "still under adam is stable at every rate, and its output never moves.",
    ),
    "not settled": (
        Scheme("eps", {"A": "-1/2", "B": "zero", "eta_A": "eta", "eta_B": "eta", "epsilon": "e"}),
        {"at": {"eta": "-1/2"}},
        "eps under adam is stable at every e; what learns there is not known: where e >= 5/12 and e <= 1/2, the "
        "exponents have not settled within 5 steps.",
    ),
    "two of three": (
        frozen(gated().scheme, "g"),
        {},
        "Use gated under adam with learning rates of n^(-1) for A and n^0 for B: A and B learn.",
    ),
    "unknown in e": (
        Scheme("eps", {"A": "-1/2", "B": "zero", "eta_A": "eta", "eta_B": "eta", "epsilon": "e"}),
        {},
        "Where eps under adam is stable is not known: where e - eta >= 8/9 and e - eta <= 1 and 6*e - 5*eta >= 5, the "
        "exponents have not settled within 5 steps; on the whole domain it surely holds where e >= 0 and e - eta >= 1. "
        "To ask at one e: --at e=P/Q.",
    ),
    "unknown at a rate": (
        Scheme("eps", {"A": "-1/2", "B": "zero", "eta_A": "eta", "eta_B": "eta", "epsilon": "1/2"}),
        {},
        "Where eps under adam is stable is not known: the exponents have not settled within 5 steps. "
        "To ask at one eta: --at eta=P/Q.",
    ),
    "unknown": (
        "init-a",
        {"without": ["A5"]},
        "Where init-a under adam, without A5 is stable is not known: some sizes are only bounded from above: "
        "it holds where eta <= -1/2, and beyond that can hold only where eta <= -1/4.",
    ),
}


@pytest.mark.parametrize(("spec", "asked", "said"), CASES.values(), ids=CASES)
def test_advice(spec: Any, asked: dict[str, Any], said: str) -> None:
    assert advice(derive(spec, **asked).derivation) == said


@pytest.mark.parametrize("name", CATALOGUE)
def test_it_does_not_depend_on_the_name(name: str) -> None:
    scheme = CATALOGUE[name]
    other = advice(derive(replace(scheme, name="another")).derivation)
    assert advice(derive(scheme).derivation) == other.replace("another", name)

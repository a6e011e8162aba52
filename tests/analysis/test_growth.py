"""What a step adds in the long run, against runs of many steps in plain numbers."""

from __future__ import annotations

from fractions import Fraction
from math import lcm

import pytest

from gamma_calc.algebra import EVERYWHERE, VANISHING, Affine, Exponent
from gamma_calc.analysis.bounded import bounded
from gamma_calc.analysis.conditions import INTERNALLY_STABLE
from gamma_calc.analysis.derivation import derived
from gamma_calc.calculus.recursion import trajectory
from gamma_calc.maxplus.cycle_time import growth
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.lora import lora_module
from gamma_calc.program.scheme import Scheme
from tests.schemes import scheme

STEPS = 24
CASES = {
    **{name: each.under("sgd") for name, each in CATALOGUE.items()},
    "momentum": scheme("-1/2", "-1/2", "eta", "eta", momentum="0", optimizer="sgd"),
    "decay": scheme("-1/2", "zero", "eta", "eta", decay="1/2", optimizer="sgd"),
    "sign with decay": scheme("-1/2", "zero", "eta", "eta", decay="1/2", optimizer="sign"),
}


def gained(subject: Scheme, name: str, steps: int) -> Fraction:
    """What a quantity gains in the last steps of a long run, where nothing is free."""
    run = trajectory(lora_module(subject), STEPS, subject.domain).upto(STEPS)
    last, before = (run[place].sizes[name].upper.pieces[0].constant for place in (-1, -1 - steps))
    return last - before


@pytest.mark.parametrize("rate", ["-2", "-3/4", "0", "1/2"])
@pytest.mark.parametrize("subject", CASES.values(), ids=CASES)
def test_the_slope_of_a_long_run(subject: Scheme, rate: str) -> None:
    found = derived(subject).growth
    at = {"eta": Fraction(rate)}
    bound = bounded(lora_module(subject), INTERNALLY_STABLE.bounded, subject.domain, None)
    period = lcm(*(len(cycle.edges) for cycle in ([] if bound.map is None else bound.map.circuits())))
    assert set(found) == {"Z_A", "Z_B"}
    for name, gain in found.items():
        assert isinstance(gain, Exponent)
        fixed = subject.at({"eta": Affine.of(at["eta"])})
        assert gained(fixed, name, period) == period * (gain.at(at) or 0)


@pytest.mark.parametrize("optimizer", ["adam", "sign"])
def test_what_settles_does_not_grow(optimizer: str) -> None:
    found = derived(CATALOGUE["init-a"].under(optimizer)).growth
    assert found == dict.fromkeys(("Z_B", "Z_A"), Exponent.of(0, CATALOGUE["init-a"].domain))


def test_what_is_zero_does_not_grow_at_all() -> None:
    subject = scheme("zero", "zero", "eta", "eta", optimizer="sgd")
    assert derived(subject).growth == dict.fromkeys(("Z_B", "Z_A"), VANISHING)


def test_what_is_not_known_says_so() -> None:
    assert growth(None, "Z_B", EVERYWHERE) == "the step map is not linear over maximum and plus"

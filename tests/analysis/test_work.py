"""How much work a derivation takes where a step multiplies components, by processor time: it ends for any spec."""

from __future__ import annotations

import time

import pytest

from benchmarks.symbolic import forget
from gamma_calc.analysis.decision import Status
from gamma_calc.analysis.derivation import derived
from gamma_calc.calculus.recursion import MOST_WRITTEN, trajectory
from gamma_calc.derivation.questions import exponents
from gamma_calc.program.lora import lora_module
from gamma_calc.program.models import LoraStack, Perceptron
from gamma_calc.program.optimizers import OPTIMIZERS
from gamma_calc.program.scheme import Scheme
from tests.schemes import scheme


def slowness() -> float:
    """How much slower than the machine of the bounds below this one is, at a fixed piece of Python; at least 1."""
    begun, total = time.process_time(), 0
    for each in range(2_000_000):
        total += each
    return max(1.0, (time.process_time() - begun) / 0.1)


SECONDS = 15 * slowness()
"""Processor time that none of these may take: some five times what they do, and far below what they once did."""


STABLE = "eta <= -1 and eta + f <= -1"


@pytest.mark.parametrize(
    ("rank", "region"), [("1", STABLE), pytest.param("k", f"{STABLE} and k >= 0 and k <= 1", marks=pytest.mark.slow)]
)
def test_feedback_at_a_growing_rank_is_answered(rank: str, region: str) -> None:
    forget()
    begun = time.process_time()
    found = derived(scheme("-1/2", "-1/2", "eta", "eta", optimizer="sgd", rank=rank, feedback="f"))
    assert time.process_time() - begun < SECONDS
    assert str(found.decisions["stable"]) == region
    assert found.is_unknown == ("too long to follow" in found.decisions["stable"].reason)


def test_a_run_that_is_too_long_is_not_followed_and_others_are() -> None:
    subject = scheme("-1/2", "-1/2", "eta", "eta", optimizer="sgd", rank="k", feedback="f")
    run = trajectory(lora_module(subject), 5, subject.domain, most=54)
    assert len(run.steps) == 3 and run.settled_from is None
    assert len(trajectory(lora_module(subject), 2, subject.domain, most=54).steps) == 2


FREE = ("p", "q", "a", "b")
STILL = {"momentum": "0", "decay": "0", "feedback": "0"}


EXTRA = [{}, *({name: "x"} for name in (*STILL, "scale"))]


@pytest.mark.parametrize(
    "extra", [pytest.param(each, marks=pytest.mark.slow if each else (), id=str(each)) for each in EXTRA]
)
def test_five_free_exponents_under_a_raw_step_are_answered(extra: dict[str, str]) -> None:
    subject = scheme(*FREE, optimizer="sgd", **STILL | extra)
    forget()
    begun = time.process_time()
    found = exponents(subject)
    derived(subject)
    assert time.process_time() - begun < SECONDS
    assert len(found.steps) >= 2
    assert ("too long to write out" in found.unknown) == (len(found.steps) < 4)


@pytest.mark.parametrize("fan_out", ["0", "1"])
def test_a_momentum_that_no_step_multiplies_does_not_end_a_run(fan_out: str) -> None:
    """Under a normalised step it is what is long, and goes into nothing else."""
    forget()
    begun = time.process_time()
    found = derived(scheme(*FREE, fan_out=fan_out, **STILL))
    assert time.process_time() - begun < SECONDS
    assert not found.run.cut and not found.is_unknown


def test_three_layers_with_free_scales_are_unknown() -> None:
    """A map below their step would have 292 million edges."""
    layers = ("1", "2", "3")
    scales = {f"{each}.{kind}": f"-{kind[0]}_{each}" for each in layers for kind in ("init", "multiplier")}
    rates = {f"{each}.rate": "0" for each in layers}
    forget()
    begun = time.process_time()
    found = derived(Scheme("abc", scales | rates, OPTIMIZERS["sgd"], model=Perceptron(layers)))
    assert time.process_time() - begun < 3 * SECONDS
    assert found.decisions["stable"].status is Status.UNKNOWN
    assert "too long to follow" in found.decisions["stable"].reason


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("extra", [("momentum", "decay", "feedback"), ("momentum", "gradient", "fan_out")], ids=str)
def test_nine_free_exponents_are_decided_or_unknown(optimizer: str, extra: tuple[str, ...]) -> None:
    forget()
    begun = time.process_time()
    derived(scheme(*FREE, optimizer=optimizer, scale="s", rank="k", **{name: f"x_{name}" for name in extra}))
    assert time.process_time() - begun < 4 * SECONDS


@pytest.mark.slow
def test_a_step_that_is_too_long_to_write_out_is_unknown() -> None:
    subject = scheme(*FREE, optimizer="sgd", **STILL | {"momentum": "m"})
    run = trajectory(lora_module(subject), 3, subject.domain)
    assert [step.t for step in run.steps] == [1, 2] and run.settled_from is None
    assert max(each.subject.t for each in run.applications) == 2
    assert f"step 3 has an exponent of more than {MOST_WRITTEN} numbers" in run.cut
    assert {each.status for each in derived(subject, 3).decisions.values()} == {Status.UNKNOWN}
    assert not trajectory(lora_module(subject), 2, subject.domain).cut
    assert not derived(subject, 2).is_unknown


def test_a_run_with_few_numbers_is_not_cut() -> None:
    subject = scheme("-1/2", "zero", "eta", "eta", optimizer="sgd")
    assert not exponents(subject, steps=64).unknown
    assert len(exponents(subject, steps=64).steps) == 64


def test_a_clipped_norm_of_two_adapters_is_answered() -> None:
    """It brings all unknowns of a step together; what is left out of that is decided on the parts of the domain."""
    rates = {"A": "-1/2", "B": "zero", "eta_A": "eta", "eta_B": "eta"}
    forget()
    begun = time.process_time()
    found = derived(Scheme("clipped", rates, OPTIMIZERS["sgd-clipped"], model=LoraStack(2)))
    assert time.process_time() - begun < 2 * SECONDS
    assert {name: str(each) for name, each in found.decisions.items()} == {
        "stable": "eta <= 0",
        "internally_stable": "eta <= -1/2",
        "gradient_stable": "eta <= 0",
        "feature_learning": "eta = 0",
        "efficient": "eta = 0",
    }


@pytest.mark.slow
def test_three_adapters_with_maps_and_norms_are_decided() -> None:
    forms = {"A": "-1/2", "B": "zero", "eta_A": "a", "eta_B": "b"}
    found = derived(Scheme("stack", forms, model=LoraStack(3, is_frozen=True, map="relu", has_norm=True)))
    assert not found.is_unknown
    assert str(found.decisions["stable"]) == "a + b <= -1 and a + 3*b <= -2 and b <= -1/3"
    assert str(found.decisions["internally_stable"]) == "a <= -1 and b <= -1/2"

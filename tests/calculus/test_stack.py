"""Adapters on one residual stream: what one module's theory leaves out, in exponents.

The closed form, for A_0 = n^p, B_0 = 0, scale n^0: Z_A of layer l is max(p + 1/2, a + 1) + (l-1) max(0, b + 1 + p) as
long as the layers below are stable, and the stack is stable iff b + Z_A <= 0 in its last layer; a, b are the exponents
of eta_A and eta_B.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest

from gamma_calc.algebra import Affine, Exponent, Polyhedron
from gamma_calc.algebra.text import parsed_inequality
from gamma_calc.calculus.recursion import Trajectory, trajectory
from gamma_calc.program.lora import lora_module
from gamma_calc.program.models import LoraStack as Stack
from gamma_calc.program.program import with_quantities
from gamma_calc.program.stack import lora_stack
from tests.schemes import scheme

STEPS = 10
STACKS = {
    "plain": Stack(2),
    "frozen": Stack(2, is_frozen=True),
    "relu": Stack(2, is_frozen=True, map="relu"),
    "norm": Stack(2, has_norm=True),
    "all": Stack(2, is_frozen=True, map="relu", has_norm=True),
}
INIT_A, INIT_B, SMALL_A = ("-1/2", "zero"), ("zero", "0"), ("-1", "zero")

# init, eta_A, eta_B: Z_A and Z_B of layer 1, then of layer 2; dL/dZ below the upper adapter
CASES = {
    "init-a": (INIT_A, "-1/2", "-1/2", "1/2 0", "1/2 0", "0"),
    "init-b": (INIT_B, "-1", "-1", "0 0", "0 0", "0"),
    "lora+ from init-a": (INIT_A, "-1", "0", "0 0", "1/2 1/2", "1/2"),
    "lora+ from init-b": (INIT_B, "-1", "0", "0 0", "0 0", "0"),
    "lora+ from a small A": (SMALL_A, "-1", "0", "0 0", "0 0", "0"),
    "between, from init-a": (INIT_A, "-3/4", "-1/4", "1/4 0", "1/2 1/4", "1/4"),
}


def settled(init: tuple[str, str], a: str, b: str, stack: Stack, optimizer: str = "adam") -> Trajectory:
    run = trajectory(lora_stack(scheme(*init, a, b, optimizer=optimizer), stack), STEPS)
    assert run.settled_from is not None
    return run


def sizes(run: Trajectory, *names: str) -> str:
    return " ".join(str(run.last.sizes[name]) for name in names)


def test_a_state_that_turns_between_two_has_settled() -> None:
    """Every second step brings a part of B[1] under the parity of a larger one, and no exponent changes by it."""
    domain = Polyhedron.of(*parsed_inequality("a <= -1"), *parsed_inequality("b <= -1/2"))
    program = lora_stack(scheme(*INIT_A, "a", "b"), Stack(3, is_frozen=True, map="relu", has_norm=True))
    run = trajectory(with_quantities(program, ("Z_A[3]", "Z_B[3]")), STEPS, domain)
    settled_from, period, *last = run.settled_from, run.period, *(step.sizes for step in run.steps[-2:])
    assert settled_from and period == 2 and last[0] == last[1]


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
@pytest.mark.parametrize(("init", "a", "b", "lower", "upper", "slope"), CASES.values(), ids=CASES)
def test_two_adapters(init: tuple[str, str], a: str, b: str, lower: str, upper: str, slope: str, stack: Stack) -> None:
    run = settled(init, a, b, stack)
    assert sizes(run, "Z_A[1]", "Z_B[1]") == lower
    assert sizes(run, "Z_A[2]", "Z_B[2]") == upper
    assert sizes(run, "dZ[1]") == slope


@pytest.mark.parametrize("name", ["adam", "sign", "sgd"])
@pytest.mark.parametrize("init", [INIT_A, INIT_B])
def test_one_adapter_is_one_module(init: tuple[str, str], name: str) -> None:
    subject = scheme(*init, "-3/4", "-3/4", optimizer=name)
    module, stack = trajectory(lora_module(subject), 4).upto(4), trajectory(lora_stack(subject, Stack(1)), 4).upto(4)
    for one, other in zip(module, stack, strict=True):
        assert one.sizes == {key: other.sizes[f"{key}[1]"] for key in one.sizes}


GRID = list(product(("-1/2", "-1", "-3/4"), ("-1", "-3/4", "-1/2"), ("-1", "-1/2", "-1/4", "0")))


@pytest.mark.parametrize(("p", "a", "b"), GRID)
def test_the_closed_form(p: str, a: str, b: str) -> None:
    run = settled((p, "zero"), a, b, Stack(3))
    start, rate_a, rate_b = map(Fraction, (p, a, b))
    first, gain = max(start + Fraction(1, 2), rate_a + 1), max(Fraction(0), rate_b + 1 + start)
    inner, is_stable = first, True
    for layer in (1, 2, 3):
        if is_stable:
            assert run.last.sizes[f"Z_A[{layer}]"].upper == Exponent.of(Affine.of(inner))
        is_stable = is_stable and rate_b + inner <= 0
        inner += gain
    last = run.last.sizes["Z_B[3]"].upper
    assert (first + rate_b + 2 * gain <= 0) == last.is_at_most(Exponent.of(0))


def test_a_norm_in_front_of_each_module_caps_what_its_features_gain() -> None:
    """Without one Z_A of layer l is n^((l-1)/2) under the rates of LoRA+ from Init[A]."""
    plain, normed = (settled(INIT_A, "-1", "0", Stack(4, has_norm=has_norm)) for has_norm in (False, True))
    layers = [f"Z_A[{layer}]" for layer in (1, 2, 3, 4)]
    assert sizes(plain, *layers) == "0 1/2 1 3/2"
    assert sizes(normed, *layers) == "0 1/2 1/2 1/2"

"""Where a ReLU is zero beside something smaller: what is derived is too small there, and a caveat says so."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from gamma_calc import Problem, derive
from gamma_calc.certificate.certificate import certificate
from gamma_calc.errors import Unknown
from gamma_calc.program.expressions import Expression
from gamma_calc.program.models import LoraStack
from gamma_calc.program.network import absolute, axis, data, gelu, named, parameter, relu, stop_gradient
from gamma_calc.program.scheme import Scheme

WIDTH, HIDDEN = axis("width", 1), axis("hidden", 1)


def gated(
    entries: str, *, phi: Callable[[Expression], Expression] = relu, beside: bool = True, optimizer: str = "adam"
) -> Problem:
    """t (b * (phi(W x) + V x)), and what training makes of b there along V x."""
    w, v = parameter("W", HIDDEN, WIDTH, init="-1/2"), parameter("V", HIDDEN, WIDTH, init=entries)
    b, x, t = parameter("b", HIDDEN, init="zero", rate="eta"), data("x", WIDTH), data("t", HIDDEN)
    small = v @ x

    def along(value: Expression) -> Expression:
        return t @ (stop_gradient(b) * value)

    inner = phi(w @ x) + small if beside else phi(w @ x + small)
    y = named("y", along(small))
    f = named("f", t @ (b * inner) + y)
    return Problem("gated", f, stable=("y",), learning=("y",), efficient=("b",), optimizer=optimizer)


CASES = {
    "smaller beside a relu": (gated("-3/4"), True),
    "as large": (gated("-1/2"), False),
    "larger": (gated("-1/4"), False),
    "inside": (gated("-3/4", beside=False), False),
    "a map without zeros": (gated("-3/4", phi=gelu), False),
    "an absolute value": (gated("-3/4", phi=absolute), False),
    "a step that goes by no sign": (gated("-3/4", optimizer="sgd"), False),
}


@pytest.mark.parametrize("name", CASES)
def test_a_caveat_says_where_a_relu_leads_and_is_zero(name: str) -> None:
    problem, is_open = CASES[name]
    found = derive(problem)
    assert any("a ReLU leads a sum" in each for each in found.derivation.caveats) == is_open
    if is_open:
        with pytest.raises(Unknown, match="no certificate covers a ReLU that is zero where smaller"):
            certificate(found.derivation)


@pytest.mark.parametrize("is_frozen", [False, True])
def test_a_stack_has_its_stream_beside_each_relu(is_frozen: bool) -> None:
    forms = {"A": "-1/2", "B": "zero", "eta_A": "a", "eta_B": "a"}
    stack = Scheme("stack", forms, model=LoraStack(2, is_frozen=is_frozen, map="relu"))
    assert not derive(stack).derivation.caveats


def test_what_is_smaller_decides_the_sign_of_half_the_entries() -> None:
    """With eta = n^(-1) what b makes along V x is n^(-1/4), and n^(-1/2) is derived."""
    rng = np.random.default_rng(0)

    def along(n: int) -> float:
        t, h, v = rng.standard_normal((3, n))
        small = v * n**-0.25
        step = np.sign(t * (np.maximum(h, 0) + small)) / n
        return abs(float(t @ (step * small)))

    widths = [2**12, 2**20]
    sizes = [np.median([along(n) for _ in range(16)]) for n in widths]
    slope = np.log2(sizes[1] / sizes[0]) / 8
    assert slope == pytest.approx(-0.25, abs=0.05)
    told, bound = (
        derive(gated("-3/4"), at={"eta": "-1"}, without=without).derivation.run.last.sizes["y"]
        for without in ([], ["A4"])
    )
    assert (str(told), str(bound)) == ("-1/2", "<= -1/4")

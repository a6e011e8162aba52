"""What a checker knows where an assumption is missing: no more than what holds of every network where it is false."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from gamma_calc import Problem
from gamma_calc.analysis.derivation import derived
from gamma_calc.calculus.assumptions import dispensable
from gamma_calc.calculus.policy import Policy
from gamma_calc.certificate.certificate import certificate
from gamma_calc.certificate.checker import CheckedRun, Law
from gamma_calc.certificate.evidence import FoundProof
from gamma_calc.certificate.parts import LOWER, UPPER
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.network import axis, data, named, parameter, scaled

WIDE = {"axes": {"j": {"1": "1"}}, "domain": [], "align": {}, "next": {}, "conditions": {}, "factors": {}}


def assigned(name: str, kind: str, *of: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "is": kind, "of": [*of], **more}


def normalised(of: str, *, epsilon: bool = False) -> dict[str, Any]:
    return assigned("u", "normalised", of, by={}, epsilon=epsilon)


def run(without: str, start: str, *step: dict[str, Any], steps: int = 1, **more: Any) -> CheckedRun:
    """The steps of a network of vectors of width n, random but for m and x; of z is asked."""
    given = {name: {"size": [{}], "random": [] if name in "mx" else ["j"]} for name in start}
    every = {**WIDE, "without": without.split(), "start": given, "step": [*step], "quantities": {"z": "z"}, **more}
    return CheckedRun(every, FoundProof(), (), steps)


CORRELATED = (
    assigned("g", "sum", "a", "b", "c"),
    assigned("ab", "entrywise", "a", "b"),
    assigned("abc", "entrywise", "ab", "c"),
    assigned("z", "product", "u", "abc", over="j"),
)


@pytest.mark.parametrize(("without", "epsilon"), [("A9", False), ("A7 A9", True)])
def test_without_a9_the_sign_of_three_parts_knows_of_their_product(without: str, epsilon: bool) -> None:
    """Of u = sign(a + b + c) the sum of u a b c has a slope of 0.94 from n = 64 to 2048."""
    given, *rest = CORRELATED
    (step,) = run(without, "abc", given, normalised("g", epsilon=epsilon), *rest).steps
    assert max(each.constant for each in step["z"].bounds[UPPER]) == 1


CANCELLED = {
    "a gradient of two terms": (
        "x",
        (assigned("g", "sum", "x", "more"), normalised("g"), assigned("z", "scaled", "u", by={})),
    ),
    "a random tensor and what it is times one": (
        "vw",
        (
            assigned("s", "normalised", "v", by={}, epsilon=False),
            assigned("ss", "entrywise", "s", "s"),
            assigned("wss", "entrywise", "w", "ss"),
            assigned("z", "sum", "wss", "w"),
        ),
    ),
    "ReLU of what has one sign": (
        "x",
        (assigned("xx", "entrywise", "x", "x"), assigned("z", "map", "xx", beside=[], degree=1)),
    ),
}


@pytest.mark.parametrize("name", CANCELLED)
def test_without_a4_nothing_is_sure_of_what_may_be_zero(name: str) -> None:
    start, step = CANCELLED[name]
    twice = [assigned("more", "scaled", "x", by={})] if start == "x" else []
    assert run("A4", start, *twice, *step).steps[0]["z"].bounds[LOWER] == ()


def test_without_a4_a_step_along_what_may_be_zero_may_be_zero() -> None:
    """The loss reads g x + k g x with a k of size n^0, which may be -1."""
    width = axis("width", 1)
    x = data("x", width, axis("batch"))
    g = parameter("g", width, init="zero", rate="eta")
    problem = Problem("twice", named("f", g @ x + scaled("k", "0", g @ x)))
    found = derived(problem.scheme, None, Policy(without=dispensable(["A4"])))
    assert found.run.upto(1)[0].sizes["g"].lower.is_vanishing
    assert any(each.startswith("step 1: g <= eta, f <= eta + 1") for each in certificate(found).data["conclusions"])


@pytest.mark.parametrize(("without", "largest"), [("", Fraction(1, 2)), ("A8", 1)])
def test_without_a8_a_step_may_go_on_along_what_is_gone(without: str, largest: Fraction) -> None:
    """g = m x + n^(-1/2) r where m is there at the first step only: Adam's second one still goes along x."""
    step = (
        assigned("mx", "entrywise", "m", "x"),
        assigned("rest", "scaled", "r", by={"1": "-1/2"}),
        assigned("g", "sum", "mx", "rest"),
        normalised("g", epsilon=True),
        assigned("z", "product", "u", "x", over="j"),
        assigned("gone", "sum"),
    )
    second = run(without, "mxr", *step, steps=2, next={"m": "gone"}).steps[1]
    assert max(each.constant for each in second["z"].bounds[UPPER]) == largest


def test_a_law_without_a8_is_sure_of_no_step_along_what_changes() -> None:
    """x may have been larger at an earlier step: of a running mean of it alone there is no bound from below."""
    moved = (assigned("more", "scaled", "x", by={"eta": "1"}), assigned("x'", "sum", "x", "more"))
    step = (*moved, normalised("x", epsilon=True), assigned("z", "sum", "u"))
    for without, is_sure in (("", True), ("A8", False)):
        found = Law(run(without, "x", *step, next={"x": "x'"}))
        assert bool(found.looked_at["z"].bounds[LOWER]) is is_sure


def test_the_words_of_a_law_say_what_is_only_bounded() -> None:
    """Without A5 the sums of init-a are known from above; under AdamW its law is exact."""
    found = derived(CATALOGUE["init-a"].under("adamw"), None, Policy(without=dispensable(["A5"])))
    said = [each for each in certificate(found).data["conclusions"] if each.startswith(("one step", "growth"))]
    assert [line.count(f"{name} <= max(") for line in said for name in ("Z_B", "Z_A")] == [1, 1, 1, 1]
    known = certificate(derived(CATALOGUE["init-a"].under("adamw"))).data["conclusions"]
    assert not any("<=" in each for each in known if each.startswith(("one step", "growth")))

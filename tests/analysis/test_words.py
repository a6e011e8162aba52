"""What a derivation says beside its regions: reasons, caveats, and what is frozen on purpose."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from gamma_calc import Problem, exponents
from gamma_calc.algebra import Affine
from gamma_calc.analysis.derivation import derived
from gamma_calc.calculus.assumptions import dispensable
from gamma_calc.calculus.policy import CALCULUS, Policy
from gamma_calc.program.adapters import ADAPTERS
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.models import LoraStack
from gamma_calc.program.network import axis, data, layer_norm, named, parameter
from gamma_calc.program.scheme import Scheme
from tests.schemes import scheme

RATES = {"A": "-1/2", "B": "zero", "eta_A": "eta", "eta_B": "eta"}
STACK = Scheme("stack", RATES, model=LoraStack(2, has_norm=True))
WITHOUT_A4 = Policy((), dispensable(["A4"]))


def test_what_is_known_of_an_unknown_region_is_said_plainly() -> None:
    found = derived(CATALOGUE["init-a"], None, Policy((), dispensable(["A5"]))).decisions
    bounded = "some sizes are only bounded from above: "
    assert found["stable"].reason == (
        f"{bounded}it holds where eta <= -1/2, and beyond that can hold only where eta <= -1/4"
    )
    assert found["efficient"].reason == (
        "stable, which it asks for, is not known: it is proved nowhere, and can hold only where"
        " eta >= -1/2 and eta <= -1/4"
    )


def test_a_rate_without_a_bound_from_above_may_have_one_from_below() -> None:
    subject = replace(scheme("zero", "-1/2", "-a", "-a"), trained=frozenset("A"))
    found = derived(subject)
    assert str(found.decisions["stable"]) == "a >= 1/2"
    assert found.max_stable["a"].reason == "nothing bounds a from above"


@pytest.mark.parametrize("name", ["A", "B"])
def test_a_frozen_factor_is_not_undertrained_and_the_reason_says_that_it_is_frozen(name: str) -> None:
    found = derived(replace(CATALOGUE["init-ab"], trained=frozenset("AB") - {name}))
    assert found.undertrained == ()
    efficient = found.decisions["efficient"]
    assert efficient.region.is_empty and efficient.frozen == (name,)
    assert efficient.reason == f"{name} is frozen, and the condition asks that both factors learn"
    assert found.decisions["feature_learning"].frozen == ()


def test_the_reason_names_the_parameters_where_more_than_two_are_asked_for() -> None:
    dora = ADAPTERS["dora"]().scheme
    exponents = {key: form for key, form in dora.exponents.items() if key != "m.rate"}
    found = derived(replace(dora, exponents=exponents, frozen=frozenset("m")))
    assert found.decisions["efficient"].reason == "m is frozen, and the condition asks that all of A, B, m learn"


def test_a_trained_factor_that_contributes_nothing_is_undertrained() -> None:
    found = derived(CATALOGUE["init-b"])
    assert found.undertrained == ("B",)
    assert found.decisions["efficient"].frozen == ()


CAVEATS = {
    "feedback": (scheme("-1/2", "zero", "eta", "eta", optimizer="sign", feedback="0"), "its loss feeds back"),
    "decay": (
        scheme("-1/2", "zero", "eta", "eta", optimizer="sign", decay="1"),
        "where eta > -1, its decay turns the sign of a factor",
    ),
    "small decay": (scheme("-1/2", "zero", "-1", "-1", optimizer="sign", decay="1"), ""),
    "decay within the domain": (
        scheme("-1/2", "zero", "eta", "eta", optimizer="sign", decay="1", between=("eta <= -1",)),
        "",
    ),
    "memory": (scheme("-1/2", "zero", "eta", "eta", decay="1"), ""),
    "neither": (CATALOGUE["init-a"], ""),
}


@pytest.mark.parametrize(("subject", "caveat"), CAVEATS.values(), ids=CAVEATS)
def test_a_scheme_whose_steps_may_undo_each_other_says_so(subject: Scheme, caveat: str) -> None:
    found = derived(subject, None, CALCULUS).caveats
    assert [each.startswith(caveat) and "A4 may then be false" in each for each in found] == [True] * bool(caveat)
    assert derived(subject, 3, WITHOUT_A4).caveats == ()


@pytest.mark.parametrize(("rate", "is_grown"), [("0", True), ("-1/4", True), ("-1/2", False), ("-1", False)])
def test_a_norm_of_what_has_grown_says_that_it_takes_changes_away(rate: str, is_grown: bool) -> None:
    found = derived(STACK.at({"eta": Fraction(rate)})).caveats
    assert [each.startswith("from step 2 on a norm is taken of what has outgrown its start") for each in found] == (
        [True] * is_grown
    )
    assert derived(STACK).caveats == ()


def embedded(decay: str, *, has_data: bool = False) -> Scheme:
    """A readout of the layer norm of an embedding, and perhaps of data beside it, which no decay shrinks."""
    n, inputs, out, batch = axis("width", 1), axis("inputs"), axis("outputs"), axis("batch")
    features = parameter("E", n, inputs, init="0", rate="eta") @ data("x", inputs, batch)
    normed = layer_norm(features + data("b", n, batch) if has_data else features, n)
    plain = Problem("embedded", named("y", parameter("V", out, n, init="-1/2") @ normed)).scheme.under("adamw")
    return replace(plain, exponents=plain.exponents | {"decay": Affine.of(Fraction(decay))})


@pytest.mark.parametrize(
    ("decay", "has_data", "is_led"), [("1", False, True), ("1/2", False, True), ("0", False, False), ("1", True, False)]
)
def test_a_norm_of_what_a_decay_shrinks_says_that_it_takes_that_away(decay: str, has_data: bool, is_led: bool) -> None:
    """Where a decay of n shrinks E by a factor at n^(-1), y changes by n^(-1/2), which is what the step alone does."""
    subject = embedded(decay, has_data=has_data).at({"eta": -1})
    found = derived(subject).caveats
    assert [each.startswith("at step 1 a decay leads the change of what a norm is taken of") for each in found] == (
        [True] * is_led
    )


def test_an_exponent_that_is_otherwise_between_two_ties_says_so() -> None:
    """For 0 < a < 1/2 the even part of a ReLU's change is n^(2 (a - 1/2)), delta_0 n^(3 a - 3/2) and n^(a - 1)."""
    forms = {"A": "-1/2", "B": "-1", "eta_A": "a", "eta_B": "-a - 1"}
    stack = Scheme("stack", forms, model=LoraStack(2, is_frozen=True, map="relu")).under("muon-original")
    (caveat,) = exponents(stack, steps=1).json()["caveats"]
    assert caveat.startswith("where a = 1/8, delta_0[2] is n^(-7/8) and not n^(-3/4)")
    for a in (Fraction(1, 8), Fraction(3, 8)):
        (size,) = exponents(stack, steps=1, at={"a": a})[1].sizes["delta_0[2]"].upper.pieces
        assert size.constant == max(3 * a - Fraction(3, 2), a - 1)

"""Deriving without some assumptions: what is left contains what the assumptions give, and is marked as a bound."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import combinations

import pytest

from gamma_calc.algebra import Affine, Exponent
from gamma_calc.calculus.assumptions import ASSUMPTIONS, Assumption, dispensable
from gamma_calc.calculus.components import Component, total
from gamma_calc.calculus.policy import CALCULUS, Alignment, Policy
from gamma_calc.calculus.provenance import Provenance, Random
from gamma_calc.calculus.recursion import Trajectory, trajectory
from gamma_calc.calculus.rulebook import rulebook
from gamma_calc.calculus.rules import CONTRACTIONS, INITIAL, SUM
from gamma_calc.calculus.size import Size
from gamma_calc.errors import BadInput
from gamma_calc.program.axes import Axis
from gamma_calc.program.lora import lora_module
from gamma_calc.program.models import LoraStack
from gamma_calc.program.network import axis, contract, data, named, parameter
from gamma_calc.program.optimizers import OPTIMIZERS
from gamma_calc.program.problem import Problem, program_of
from gamma_calc.program.scheme import Scheme
from tests.schemes import scheme

STEPS = 3
POINTS = [{"eta": Fraction(value)} for value in ("-3/2", "-1", "-1/2", "-1/4", "1/3")]
CAN_GO = [assumption for assumption in ASSUMPTIONS if not assumption.indispensable]
SCHEMES = {
    "init-a": scheme("-1/2", "zero", "eta", "eta"),
    "init-b-sgd": scheme("zero", "-rank/2", "eta", "eta", optimizer="sgd"),
    "both": scheme("-1/2", "-1/2", "eta", "eta"),
    "both at a growing rank": scheme("-1/2", "-1/2", "eta", "eta", rank="1/2", optimizer="sign"),
    "both at a growing rank-sgd": scheme("-1/2", "-1/2", "eta", "eta", rank="1/2", optimizer="sgd"),
}


def read_twice() -> Problem:
    """A layer that reads V (x + b a x): its normalised step follows V x, and hardly V b a x."""
    n, out, hidden, rank = axis("n", 1), axis("out", 1), axis("hidden", 1), axis("rank", "1/2")
    x = data("x", n, axis("batch"))
    a, b = parameter("a", rank, n, init=-1, rate="-1/4"), parameter("b", n, rank, init=0, rate="-3/2")
    v, w = parameter("V", hidden, n, init="-1/2"), parameter("W", out, hidden, init=-1, rate="-3/4")
    read = contract(parameter("U", axis("last", 1), out, init="-1/2"), w @ (v @ (x + b @ (a @ x))), out)
    return Problem("read twice", named("f", read))


DECAYING = scheme("-1/2", "-1", "1/4", "-3/2", decay="1", rank="1/4")
CURVED = Scheme(
    "curved",
    {"A": "-1", "B": "zero", "eta_A": "0", "eta_B": "-3/4", "decay": "1/2"},
    OPTIMIZERS["momentum"],
    model=LoraStack(2, is_frozen=True, map="relu"),
)
APART: dict[str, tuple[Scheme, str]] = {
    "a part of a sum that may cancel is not as large as the largest": (DECAYING, "A4"),
    "what a map makes of parts of which none surely leads": (CURVED, "A3"),
    "a step along what may have cancelled need not have seen it": (read_twice().scheme, "A4"),
}


def run_of(subject: Scheme, policy: Policy = CALCULUS) -> Trajectory:
    return trajectory(lora_module(subject), STEPS, subject.domain & policy.domain, policy)


def without(*keys: str) -> Policy:
    return Policy(without=dispensable(keys))


def size(run: Trajectory, t: int, quantity: str) -> Size:
    return run.upto(STEPS)[t - 1].sizes[quantity]


def holds(bounds: Size, value: Size, point: dict[str, Fraction]) -> bool:
    """Whether the bounds hold all that the value allows."""
    least, most = (bounds.lower.at(point), value.lower.at(point)), (value.upper.at(point), bounds.upper.at(point))
    return all(low is None or (high is not None and low <= high) for low, high in (least, most))


@pytest.mark.parametrize("subject", SCHEMES.values(), ids=SCHEMES)
@pytest.mark.parametrize("count", [1, 2, len(CAN_GO)])
def test_taking_assumptions_away_never_contradicts_them(subject: Scheme, count: int) -> None:
    known = run_of(subject)
    for lost in combinations(CAN_GO, count):
        left = run_of(subject, Policy(without=frozenset(lost)))
        for step, other in zip(known.upto(STEPS), left.upto(STEPS), strict=True):
            for name, value in step.sizes.items():
                assert all(holds(other.sizes[name], value, point) for point in POINTS), (lost, step.t, name)


@pytest.mark.parametrize(("subject", "key"), APART.values(), ids=APART)
def test_no_part_is_known_to_be_larger_than_with_the_assumption(subject: Scheme, key: str) -> None:
    known, left = (trajectory(program_of(subject), STEPS, subject.domain, each) for each in (CALCULUS, without(key)))
    assert all(part.size.lower.is_at_most(part.size.upper) for each in left.applications for part in each.conclusion)
    for step, other in zip(known.upto(STEPS), left.upto(STEPS), strict=True):
        for name, terms in step.terms.items():
            assert all(holds(other.terms[name][label], value, {}) for label, value in terms.items()), (step.t, name)


@pytest.mark.parametrize("subject", SCHEMES.values(), ids=SCHEMES)
@pytest.mark.parametrize("alignment", ["1/2", "2/3", "1"])
def test_without_a5_any_alignment_is_possible(subject: Scheme, alignment: str) -> None:
    coefficient = Affine.of(Fraction(alignment))
    set_to = run_of(subject, Policy(((Alignment.ALIGNED, coefficient),)))
    left = run_of(subject, without("A5", "A9"))
    for step, other in zip(set_to.upto(STEPS), left.upto(STEPS), strict=True):
        for name, value in step.sizes.items():
            assert all(holds(other.sizes[name], value, point) for point in POINTS), (step.t, name)


@pytest.mark.parametrize(
    ("keys", "t", "quantity", "lower", "upper"),
    [
        pytest.param((), 1, "Z_A", "0", "0", id="with all of them"),
        pytest.param(("A3",), 1, "Z_A", "0", "1/2", id="A_0 Z may be aligned"),
        pytest.param(("A3", "A4"), 1, "Z_A", "-oo", "1/2", id="A_0 Z may cancel"),
        pytest.param(("A4",), 1, "Z_A", "0", "0", id="independent summands do not cancel"),
        pytest.param(("A4",), 1, "B", "-oo", "eta", id="the batch's gradients may cancel, and then there is no step"),
        pytest.param(("A4",), 2, "B", "-oo", "eta", id="two steps of one size may cancel"),
        pytest.param(("A5",), 2, "delta_1", "2*eta + 1/2", "2*eta + 1", id="an update against its data"),
        pytest.param(("A6",), 1, "B", "-oo", "eta", id="a step is at most its rate"),
        pytest.param(("A8",), 2, "B", "eta", "eta", id="a step of one parity forgets"),
    ],
)
def test_what_is_left_of_init_a(keys: tuple[str, ...], t: int, quantity: str, lower: str, upper: str) -> None:
    found = size(run_of(SCHEMES["init-a"], without(*keys)), t, quantity)
    assert (str(found.lower), str(found.upper)) == (lower, upper)


@pytest.mark.parametrize("optimizer", ["rmsprop", "adafactor-unscaled"])
def test_without_its_memory_s_law_a_step_without_momentum_is_only_bounded(optimizer: str) -> None:
    """Its newest gradient may be smaller than what it is divided by; of Adam both are made from the same ones."""
    subject = scheme("-1/2", "zero", "eta", "eta", optimizer=optimizer)
    found = size(run_of(subject, without("A8")), 2, "B")
    assert (str(found.lower), str(found.upper)) == ("-oo", "eta")


@pytest.mark.parametrize(("gradient", "twin"), [("2", "adam"), ("-2", "sgd")])
def test_with_a_constant_epsilon_adam_is_itself_or_gradient_descent(gradient: str, twin: str) -> None:
    """Far above epsilon a normalised step forgets the gradient's size; far below it, it is a raw step."""
    exponents = ("-1/2", "zero", "-1", "-1")
    adam = run_of(scheme(*exponents, gradient=gradient), without("A7"))
    other = run_of(scheme(*exponents, gradient=gradient, optimizer=twin))
    for step, expected in zip(adam.upto(STEPS), other.upto(STEPS), strict=True):
        assert step.sizes == expected.sizes


def test_where_the_gradient_may_pass_epsilon_a_step_is_only_bounded() -> None:
    found = size(run_of(SCHEMES["init-a"], without("A7")), 2, "delta_1")
    assert (str(found.lower), str(found.upper)) == ("-oo", "2*eta + 1")


def test_parities_share_a_step_out_only_on_their_assumptions() -> None:
    subject = scheme("-1/2", "-1/2", "-1", "-1", rank="1/2", optimizer="sign")
    known = size(run_of(subject), 2, "delta_3")
    assert known.is_exact
    for key in ("A3", "A9"):
        assert not size(run_of(subject, without(key)), 2, "delta_3").is_exact
    assert size(run_of(subject, without("A8")), 2, "delta_3").upper.at({}) >= known.upper.at({})


def test_parities_cancel_only_without_symmetry_and_with_cancellation() -> None:
    width = Axis("width", Affine.of(1))
    exact = Size.exactly(Exponent.of(0))
    parities = [Component(exact, Provenance.of(Random(name, (width,)))) for name in ("V", "W")]
    for keys, is_exact in ((("A3",), True), (("A4",), True), (("A3", "A4"), False)):
        assert all(each.size.is_exact is is_exact for each in rulebook(without(*keys)).gathered(parities))


def test_what_is_fresh_no_more_or_of_either_sign_cancels_too() -> None:
    """w s s of a sign s is w, and ReLU of - x x is zero."""
    width = Axis("width", Affine.of(1))
    w = Provenance.of(Random("W", (width,)))
    for other in (replace(w, fresh=None), w.even_and_odd):
        parts = [Component(Size.exactly(Exponent.of(0)), each) for each in (w, other)]
        assert not any(each.size.is_exact for each in rulebook(without("A4")).gathered(parts))


def test_a_sum_that_may_cancel_is_exact_where_one_term_leads() -> None:
    rule = rulebook(without("A4")).sum
    one, small, other = ((Component(Size.exactly(Exponent.of(size)), Provenance()),) for size in (1, 0, 1))
    assert total(rule.conclude(one, small)) == Size.exactly(Exponent.of(1))
    assert str(total(rule.conclude(one, small, other))) == "<= 1"


def test_a_rule_that_lost_an_assumption_does_not_name_it() -> None:
    for assumption in CAN_GO:
        run = run_of(SCHEMES["both at a growing rank"], Policy(without=frozenset((assumption,))))
        assert all(assumption not in each.rule.assumptions for each in run.applications)


def test_the_whole_calculus_is_left_as_it_is() -> None:
    rules = rulebook(CALCULUS)
    assert (rules.initial, rules.sum) == (INITIAL, SUM)
    assert rules.contractions == CONTRACTIONS


@pytest.mark.parametrize("assumption", [each for each in ASSUMPTIONS if each.indispensable], ids=lambda each: each.key)
def test_some_assumptions_cannot_go(assumption: Assumption) -> None:
    with pytest.raises(BadInput, match=f"without {assumption.key}"):
        dispensable([assumption.key])
    with pytest.raises(BadInput, match=f"without {assumption.key}"):
        Policy(without=frozenset((assumption,)))


def test_an_unknown_assumption_is_named() -> None:
    with pytest.raises(BadInput, match=r"'A33'.*A3"):
        dispensable(["A33"])


def test_a_set_alignment_needs_no_ground() -> None:
    policy = Policy(((Alignment.ALIGNED, Affine.of(1)),), dispensable(["A5"]))
    assert size(run_of(SCHEMES["init-a"], policy), 3, "Z_B") == size(run_of(SCHEMES["init-a"]), 3, "Z_B")


def test_an_alignment_is_set_once() -> None:
    with pytest.raises(BadInput, match="twice"):
        Policy(((Alignment.ALIGNED, Affine.of(1)), (Alignment.ALIGNED, Affine.symbol("alpha"))))


def test_bounds_that_exclude_a_value_are_seen() -> None:
    exact, loose = (size(run_of(SCHEMES["init-a"], policy), 2, "delta_1") for policy in (CALCULUS, without("A5")))
    point = POINTS[0]
    assert holds(loose, exact, point)
    assert not holds(exact, loose, point)


def test_a_fixed_sum_has_no_alignment_to_set() -> None:
    with pytest.raises(BadInput, match="fixed number"):
        Policy(((Alignment.FIXED, Affine.of(1)),))


def test_a_small_gradient_is_felt_by_a_step_that_forgets() -> None:
    """Below epsilon a step is linear in its gradient; without A8 earlier gradients, which may be larger, count too."""
    subject = scheme("-1/2", "zero", "eta", "eta", gradient="-1/2")
    eta = Affine.symbol("eta")
    small, large = Exponent.of(eta - Fraction(1, 2)), Exponent.of(eta)
    assert size(run_of(subject, without("A7")), 1, "B") == Size.exactly(small)
    assert size(run_of(subject, without("A8")), 1, "B") == Size.exactly(large)
    assert size(run_of(subject, without("A7", "A8")), 1, "B") == Size(Exponent(()), large)


def test_a_momentum_that_outgrows_epsilon_has_not_settled_before() -> None:
    """The entries of m_t grow as n^(g + (t - 1)/2), which decides at t = 5 that they are above a constant epsilon."""
    moving = scheme("-1/2", "zero", "eta", "eta", gradient="g", momentum="1/2", between=("-2 <= g", "g <= 0"))
    subject = replace(moving, trained=frozenset("B"))
    run = trajectory(lora_module(subject), 6, subject.domain, without("A7"))
    sizes = [step.sizes["B"] for step in run.upto(6)]
    assert sizes[2] == sizes[3] and not sizes[3].is_exact
    assert sizes[4] == sizes[5] == Size.exactly(Exponent.of(Affine.symbol("eta"), subject.domain))


def test_without_a9_the_sign_of_three_parts_knows_of_their_product() -> None:
    """A later sum may meet the product of three parts, with whose sign that of their sum is correlated."""
    width = Axis("width", Affine.of(1))
    parts = [Component(Size.exactly(Exponent.of(0)), Provenance.of(Random(name, (width,)))) for name in "UVW"]
    for count in (2, 3):
        rule = rulebook(without("A9")).normalised_step(OPTIMIZERS["sign"].step, has_parities=True, has_epsilon=False)
        made = rule.conclude(Exponent.of(0), tuple(parts[:count]))
        unknown = [each.provenance for each in made if each.provenance.mixed]
        assert [len(each.mixed) for each in unknown] == ([3] if count == 3 else [])

"""Decisions on one free rate, held to runs at points and made again at the ties of maps and between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest

from gamma_calc import Problem, derive
from gamma_calc.algebra import EMPTY, NOWHERE, Affine, Equality, Inequality, Polyhedron, Region, at_most
from gamma_calc.analysis import cells, points
from gamma_calc.analysis.bounded import bounded, run_of
from gamma_calc.analysis.cells import decision_by_parts, faces, joint_decision
from gamma_calc.analysis.conditions import STABLE, conditions_of
from gamma_calc.analysis.decision import Decision, Status
from gamma_calc.analysis.points import best_bound, is_borne_out
from gamma_calc.analysis.ties import ties
from gamma_calc.calculus.components import ONE
from gamma_calc.calculus.policy import CALCULUS
from gamma_calc.program.expressions import Expression, InverseRms
from gamma_calc.program.models import LoraStack
from gamma_calc.program.network import (
    axis,
    contract,
    data,
    named,
    parameter,
    power,
    relu,
    rms_norm,
    softmax,
    stop_gradient,
)
from gamma_calc.program.optimizers import OPTIMIZERS
from gamma_calc.program.problem import program_of
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.transformer import Adapters, transformer

ETA = Affine.symbol("eta")
EXPONENTS = {"A": "-1/2", "B": "zero", "eta_A": "eta", "eta_B": "eta + 1"}
STACK = Scheme("LoRA+", EXPONENTS, OPTIMIZERS["adam"], model=LoraStack(2, is_frozen=True, map="relu", has_norm=True))
PROGRAM, CONDITION = program_of(STACK), conditions_of(STACK.model)[0]
DOMAIN, ASKED = STACK.domain, (Region.of(STACK.domain), 3, CALCULUS)


@pytest.fixture(scope="module")
def found() -> Decision:
    assert CONDITION.name == STABLE.name
    bound = bounded(PROGRAM, CONDITION.bounded, DOMAIN, *ASKED[1:])
    return decision_by_parts(PROGRAM, CONDITION, bound, *ASKED, STACK.free)


def test_ties_and_what_is_between_them_give_the_edge_of_two_layers(found: Decision) -> None:
    apart = faces(PROGRAM, CONDITION, *ASKED)
    assert 1 < len(apart) <= 3
    assert str(joint_decision(CONDITION, apart, is_free=True)) == str(found) == "eta <= -5/4"


def test_what_bounds_leave_open_at_a_point_is_read_with_more_components_apart() -> None:
    """Two blocks of a transformer are not stable there: what shows it has seen more than the larger parts beside it."""
    problem = transformer(2, Adapters(on=("q", "k", "down"), rates=("eta", "eta + 1")))
    program, condition = program_of(problem.scheme), conditions_of(problem.scheme.model)[0]
    asked = Polyhedron.of(Equality(ETA + Fraction(9, 8))), 2, CALCULUS
    open_bound = bounded(program, condition.bounded, *asked)
    assert open_bound.inner.is_empty and not open_bound.outer.is_empty
    best = best_bound(program, condition, *asked)
    assert best.inner.is_empty and best.outer.is_empty
    assert best is not open_bound and best.run.domain == open_bound.run.domain


def test_what_is_decided_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Polyhedron.of(Equality(ETA + Fraction(5, 4))), 3, CALCULUS
    runs = list[tuple[object, ...]]()
    monkeypatch.setattr(points, "bounded", lambda *given: runs.append(given) or bounded(*given))  # type: ignore[func-returns-value]
    assert not best_bound(PROGRAM, CONDITION, *asked).inner.is_empty
    assert len(runs) == 1


def test_a_region_is_confirmed_where_its_largest_rate_is_the_edge(found: Decision) -> None:
    assert is_borne_out(PROGRAM, found, *ASKED, ("eta",))
    for wrong in (Fraction(-3, 2), Fraction(-1)):
        made = replace(found, region=Region.of(Polyhedron.of(at_most(ETA, wrong))))
        assert not is_borne_out(PROGRAM, made, *ASKED, ("eta",))


@pytest.mark.parametrize("largest", [Fraction(-2), Fraction(-5, 4)])
def test_where_a_domain_ends_nothing_need_be_at_an_edge(found: Decision, largest: Fraction) -> None:
    domain = Polyhedron.of(at_most(ETA, largest))
    made = replace(found, region=Region.of(domain))
    assert is_borne_out(PROGRAM, made, Region.of(domain), *ASKED[1:], ("eta",))


def test_that_it_holds_nowhere_is_not_taken_from_a_run_with_ties(found: Decision) -> None:
    bound = bounded(PROGRAM, CONDITION.bounded, DOMAIN, *ASKED[1:])
    made = decision_by_parts(PROGRAM, CONDITION, replace(bound, inner=EMPTY, outer=EMPTY), *ASKED, STACK.free)
    assert (made.status, made.region) == (found.status, found.region)


def test_on_a_domain_without_small_rates_it_holds_nowhere(found: Decision) -> None:
    domain = Polyhedron.of(at_most(Affine.of(-1), ETA))
    bound = bounded(PROGRAM, CONDITION.bounded, domain, *ASKED[1:])
    made = decision_by_parts(PROGRAM, CONDITION, bound, Region.of(domain), *ASKED[1:], STACK.free)
    assert (made.status, made.region) == (found.status, NOWHERE)


def test_what_holds_nowhere_is_so_at_the_ties_and_between_them_too() -> None:
    """From above nothing of the last layer's change is n^0 where the stack is stable, so no tie is looked at."""
    learning = conditions_of(STACK.model)[-2]
    assert learning.reached == ("Delta_Z_B[1]", "Delta_Z_B[2]")
    apart = faces(PROGRAM, learning, Region.of(Polyhedron.of(at_most(ETA, Fraction(-5, 4)))), *ASKED[1:])
    assert not apart
    assert joint_decision(learning, apart, is_free=True).region.is_empty


def test_where_a_part_is_open_it_is_said_where_it_surely_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was decided on the domain is not borne out at a point, and of a part between ties too little is known."""
    apart = faces(PROGRAM, CONDITION, *ASKED)
    there, *others = (each for each in apart if not each.inner.is_empty)
    open_part = replace(bounded(PROGRAM, CONDITION.bounded, Polyhedron.of(at_most(Affine.of(0), ETA)), 3), inner=EMPTY)
    found = (there, *others, replace(open_part, outer=open_part.run.domain))
    monkeypatch.setattr(cells, "is_borne_out", lambda *_: False)
    monkeypatch.setattr(cells, "faces", lambda *_: found)
    made = decision_by_parts(
        PROGRAM, CONDITION, bounded(PROGRAM, CONDITION.bounded, DOMAIN, *ASKED[1:]), *ASKED, STACK.free
    )
    assert made.status is Status.UNKNOWN and made.possible is not None
    assert made.possible.includes(there.inner) and made.possible.includes(open_part.run.domain)
    assert made.reason.startswith("where eta >= 0, ")
    assert made.reason.endswith("on the whole domain it surely holds where eta <= -5/4")


def _random_b(rate_of_a: str = "eta", rate_of_b: str = "eta") -> Problem:
    """R relu(x + B A x), whose B is random and whose A starts at zero."""
    n, out = axis("width", 1), axis("out", 1)
    a, b = parameter("A", n, init="zero", rate=rate_of_a), parameter("B", out, init="0", rate=rate_of_b)
    h = named("h", data("x", out, axis("batch")) + b * (a @ data("Z", n, axis("batch"))))
    return Problem("random B", named("f", parameter("R", out, init="-1/2") @ relu(h)))


@pytest.mark.parametrize(("optimizer", "told"), [("adam", "eta <= -3/2"), ("sgd", "eta <= -2")])
def test_what_is_n0_from_the_start_is_no_edge(optimizer: str, told: str) -> None:
    """While the rate is free R seems to meet what its updates have made of B.

    At n^(-1) the output's change is n^0, which is measured too.
    """
    found = derive(_random_b(), optimizer=optimizer).derivation
    assert (str(found.bounds["f",].inner), str(found.decisions["stable"].region)) == (told, "eta <= -1")
    assert (found.max_stable["eta"].exponent, found.at_max["f"], found.at_max["Delta_f"]) == (-1, ONE, ONE)


def test_a_region_of_two_rates_is_held_to_points_at_its_sides() -> None:
    """On the whole domain its sides are others than at points, and on the faces between ties."""
    problem = _random_b("a", "b")
    found = derive(problem).derivation
    stable = found.decisions["stable"]
    assert str(stable.region) == "a <= -1 and a + b <= -3/2"
    told = replace(stable, region=Region.of(found.bounds["f",].inner))
    learning = replace(found.decisions["feature_learning"], region=NOWHERE)
    program, domain, asked = program_of(problem.scheme), Region.of(problem.scheme.domain), (None, CALCULUS, ("a", "b"))
    assert told.region != stable.region
    assert is_borne_out(program, stable, domain, *asked)
    assert not is_borne_out(program, told, domain, *asked)
    assert not is_borne_out(program, learning, stable.region, *asked)


def _relus(a: str = "-1/2", b: str = "0", *, is_frozen: bool = False) -> Scheme:
    """Two layers of adapters under relu at one rate, both factors random."""
    exponents = {"A": a, "B": b, "eta_A": "a", "eta_B": "a"}
    return Scheme("relus", exponents, OPTIMIZERS["adam"], model=LoraStack(2, map="relu", is_frozen=is_frozen))


PINNED = replace(_relus(), exponents={**_relus().exponents, "A[2].rate": Affine.of(-1)})
"""At every rate of the others A[2] moves Z_B[2] by n^0."""


def _read_from_a_softmax() -> Problem:
    """P softmax(D x), each layer with a rate of its own: which part of D x leads depends on D's."""
    inputs, hidden, batch = axis("n", 1), axis("m", 1), axis("batch")
    logits = parameter("D", hidden, inputs, init="-1/2", rate="a") @ data("x", inputs, batch)
    readout = parameter("P", axis("out"), hidden, init="-1/2", rate="b")
    return Problem("shares", named("f", readout @ softmax(logits, batch)))


def _adapted_between() -> Problem:
    """P relu(B A D x), where A and D learn at one rate and P at another."""
    inputs, hidden, outputs, batch = axis("n", 1), axis("q", 1), axis("m", 1), axis("batch")
    below = parameter("D", hidden, inputs, init="-1/2", rate="a") @ data("x", inputs, batch)
    learned = parameter("A", axis("rank"), hidden, init="-1/2", rate="a") @ below
    raised = relu(parameter("B", outputs, axis("rank"), init="-1/2", rate="-1") @ learned)
    return Problem("between", named("f", parameter("P", axis("out"), outputs, init="-1/2", rate="c") @ raised))


READ, BETWEEN = _read_from_a_softmax(), _adapted_between()
REGIONS: dict[str, tuple[Scheme | Problem, str, str, dict[tuple[str, ...], bool]]] = {
    "an edge that another term reaches": (PINNED, "stable", "a <= -1", {("-1",): True, ("-999/1000",): False}),
    "what is reached at one rate alone": (PINNED, "feature_learning", "a = -1", {("-1",): True, ("-5/4",): False}),
    "what is reached on another edge too": (
        *(_relus(b="c"), "feature_learning"),
        "(a + c = -1 and c >= -1/2 and c <= 0) or (a = -1/2 and c <= -1/2)",
        {("-3/4", "-1/4"): True, ("-1", "0"): True, ("-1", "-1/4"): False, ("-1/2", "-1"): True},
    ),
    "what no run on the whole domain bears": (
        *(READ, "stable", "a <= -3/2 and b <= -1"),
        {("-3/2", "-1"): True, ("-1", "-1"): False, ("-3/2", "-1/2"): False},
    ),
    "what is reached where a run on the whole domain says that it is not": (
        *(BETWEEN, "feature_learning"),
        "(a + c = -2 and c >= -1 and c <= -1/2) or (a = -1 and c <= -1) or (c = -1/2 and a <= -3/2)",
        {("-1", "-5"): True, ("-5/4", "-3/4"): True, ("-2", "-1/2"): True, ("-5/4", "-1"): False},
    ),
}


@pytest.mark.parametrize("name", REGIONS)
def test_a_region_is_that_of_runs_at_points(name: str) -> None:
    """On the whole domain a part of what relu is taken of is taken for larger than it is."""
    subject, condition, region, held = REGIONS[name]
    found = derive(subject).derivation
    assert str(found.decisions[condition].region) == region
    for values, is_held in held.items():
        at = dict(zip(sorted(found.free), values, strict=True))
        assert derive(subject, at=at).conditions[condition].holds is is_held


@pytest.mark.slow
def test_the_gradient_of_a_frozen_stack_is_stable_as_far_as_at_points() -> None:
    found = derive(_relus(b="c", is_frozen=True)).conditions["gradient_stable"]
    assert str(found.region) == "a <= -1/2 and a + 2*c <= -3/2 and c <= -1/4"


def test_what_ties_leave_wrong_of_exponents_is_said() -> None:
    """Exponents while the rate is free, growth and the laws of horizons come from the run that points refute."""
    found = derive(_random_b()).derivation
    (caveat,) = found.caveats
    assert caveat.startswith("where eta = ") and "Delta_f is n^(" in caveat
    (law,), (growth,) = found.horizons.values(), found.growth.values()
    assert law == growth and "which part of a map leads depends on what is free" in str(law)
    at_a_point = derive(_random_b(), at={"eta": -1}).derivation
    assert not at_a_point.caveats and at_a_point.decisions["stable"].holds


def test_what_ties_leave_wrong_is_found_far_out_too() -> None:
    """Where both rates are small the readout is n^0; near b = 0 its own part hides what the softmax is told to make."""
    (caveat,) = derive(READ).derivation.caveats
    assert caveat.startswith("where a = -2 and b = -8, f is n^(0) and not n^(1/2)")


@pytest.mark.slow
def test_where_stability_is_not_known_nothing_is_told_to_be_reached_nowhere() -> None:
    """Three rates have too many ties. At points more learns than a run on the whole domain says."""
    inputs, outputs, batch, rank = axis("n", 1), axis("m", 1), axis("batch"), axis("rank")
    x = data("x", inputs, batch)
    adapted = parameter("B", outputs, rank, init="-1/2", rate="b") @ (
        parameter("A", rank, inputs, init="-1/2", rate="a") @ x
    )
    whole = named("h", relu(adapted + parameter("W", outputs, inputs, init="-1/2", rate="c") @ x))
    readout = parameter("P", axis("out"), outputs, init="-1/2") @ whole
    problem = Problem("three", named("f", readout), internally_stable=("h",), efficient=("A", "B"))
    found, at = derive(problem).conditions, {"a": Fraction(-3, 4), "b": Fraction(-3, 4), "c": Fraction(-5)}
    assert all(each.holds for each in derive(problem, at=at).conditions.values())
    assert all(each.status is Status.UNKNOWN or each.region.contains(at) for each in found.values())


def test_a_change_of_which_a_bound_may_cancel_the_rest_is_only_bounded() -> None:
    """The direction of W + B A is that of B A where B is large, and the norm takes what is too much."""
    inputs, outputs, rank = axis("width", 1), axis("out", 1), axis("rank")
    w = parameter("W", outputs, inputs, init="-1/2")
    a = parameter("A", rank, inputs, init="0", rate="eta")
    b = parameter("B", outputs, rank, init="zero", rate="eta")
    shrunk = power(InverseRms(w, inputs), -1) * stop_gradient(InverseRms(w + b @ a, inputs))
    found = derive(Problem("direction", named("Z_B", shrunk * (b @ (a @ data("Z", inputs, axis("batch")))))), steps=1)
    regions = {name: str(each.region) for name, each in found.derivation.decisions.items()}
    assert regions == {"stable": "always", "feature_learning": "eta >= -1/2"}


S, N, TOKEN = Affine.symbol("s"), axis("n", 1), axis("token")
SMALL, LARGE = ((Inequality(-S, strict=True), Inequality(S + 1)), (Inequality(S, strict=True), Inequality(1 - S)))
TIED: dict[str, tuple[Callable[[Expression], Expression], str, tuple[Inequality, ...], set[str]]] = {
    "relu": (relu, "-1/2", SMALL, {"-s - 1/2"}),
    "softmax": (lambda parts: softmax(parts, TOKEN), "-1/2", SMALL, set()),
    "softmax of what grows": (lambda parts: softmax(parts, TOKEN), "1/2", LARGE, {"-s + 1/2"}),
    "norm": (lambda parts: rms_norm(data("x", N, TOKEN) + parts, N), "-1/2", SMALL, set()),
}


@pytest.mark.parametrize(("function", "other", "domain", "forms"), TIED.values(), ids=TIED)
def test_where_two_small_parts_are_of_one_size_a_softmax_and_a_norm_have_no_tie(
    function: Callable[[Expression], Expression], other: str, domain: tuple[Inequality, ...], forms: set[str]
) -> None:
    """A softmax makes of each small part what it is, and a norm tells only the largest one."""
    parts = parameter("P", N, TOKEN, init="s") + parameter("Q", N, TOKEN, init=other)
    output = contract(contract(function(parts), data("y", TOKEN), TOKEN), parameter("v", N, init="0", rate="-9"), N)
    run = run_of(program_of(Problem("tied", named("f", output)).scheme), Polyhedron.of(*domain), 1)
    assert {str(form) for _, form in ties(run, run.domain)} == forms

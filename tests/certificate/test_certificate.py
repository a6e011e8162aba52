"""Certificates: what the checker accepts is what the engine says."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest

from gamma_calc import Problem
from gamma_calc.algebra import Affine
from gamma_calc.analysis.derivation import Derivation, derived
from gamma_calc.calculus.policy import CALCULUS, Policy
from gamma_calc.certificate import checker
from gamma_calc.certificate.certificate import Certificate, certificate
from gamma_calc.certificate.checker import ProofSteps, verified
from gamma_calc.certificate.verification import verification
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.network import axis, data, named, parameter, renamed
from tests.certificate.certificates import (
    CASES,
    POLICIES,
    claimed,
    derivation_of,
    every_case,
    is_same_region,
    read_back,
    written,
)
from tests.schemes import STEPS_ALONE

UNDER_POLICIES = ("init-a-adam", "init-b-sign", "init-a-sgd", "init-ab-adam")


def differing_sizes(found: Certificate, derivation: Derivation) -> Iterator[str]:
    """Sizes that the checker finds otherwise than the engine, in the runs that the certificate has."""
    data = json.loads(found.text())
    runs = verified(data, ProofSteps(data["proof"]))
    for run, theirs in zip(runs, next(iter(derivation.bounds.values())).runs, strict=False):
        # What a law adds behind the steps of a run that does not settle is no step.
        known = run.steps if run.law is None or run.is_settled else run.steps[:-1]
        for mine, step in zip(known, theirs.steps, strict=False):
            for name, size in step.sizes.items():
                if {*mine[name].bounds[0]} != {*size.lower.pieces} or {*mine[name].bounds[1]} != {*size.upper.pieces}:
                    yield f"step {step.t}, {name}"


def unproved(derivation: Derivation, conclusions: tuple[str, ...]) -> Iterator[str]:
    """What a derivation decides and conclusions do not say, of conditions and of largest rates.

    What is decided apart on parts of the domain has no certificate.
    """
    for condition, decision in derivation.decisions.items():
        if decision.status.value == "unknown" or decision.runs:
            continue
        (line,) = (line for line in conclusions if line.startswith(f"{condition} ("))
        said, _, onset = line.partition(": ")[2].partition(", from step ")
        is_due = bool(decision.condition.reached) and decision.onset is not None
        if (
            "(every step)" not in line
            or not is_same_region(said, decision.region, derivation.scheme.free)
            or is_due != onset.startswith(f"{decision.onset} on")
        ):
            yield line
    rates = {} if derivation.decisions["stable"].runs else derivation.max_stable
    for name, rate in rates.items():
        said = f"largest stable {name}: {rate.value}"
        if rate.value is not None and not any(line.startswith(said) for line in conclusions):
            yield said


@every_case
def test_a_certificate_proves_what_the_engine_says(name: str) -> None:
    found = read_back(written(name))
    assert found.first_failure is None
    assert found.conclusions == claimed(written(name))
    assert not list(unproved(derivation_of(name), found.conclusions))


VARIANTS: dict[str, tuple[dict[str, Affine], Policy]] = {
    "momentum": ({"momentum": Affine.symbol("m")}, CALCULUS),
    "decay": ({"decay": Affine.symbol("l")}, CALCULUS),
    "feedback": ({"feedback": Affine.symbol("f")}, CALCULUS),
    "without A7": ({}, POLICIES["A7"]),
    "without A3": ({}, POLICIES["A3"]),
}
LONG = {(name, "sgd", "feedback") for name in ("init-ab", "init-b", "lora-plus-b")}
"""Of which a proof of what later steps do takes 5 to 17 seconds of processor time."""
GRID = [
    pytest.param(*case, marks=pytest.mark.slow if case in LONG else ())
    for case in product(CATALOGUE, STEPS_ALONE, VARIANTS)
]


@pytest.mark.parametrize(("name", "under", "variant"), GRID)
def test_all_that_is_decided_is_proved(name: str, under: str, variant: str) -> None:
    more, policy = VARIANTS[variant]
    base = CATALOGUE[name].under(under)
    derivation = derived(replace(base, exponents={**base.exponents, **more}), None, policy)
    found = read_back(certificate(derivation))
    assert found.first_failure is None
    assert not list(unproved(derivation, found.conclusions))


@every_case
def test_the_checker_replays_what_the_engine_derives(name: str) -> None:
    assert not list(differing_sizes(written(name), derivation_of(name)))


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", UNDER_POLICIES)
def test_a_certificate_under_other_assumptions(name: str, policy: str) -> None:
    derivation = derived(CASES[name], None, POLICIES[policy])
    found = certificate(derivation)
    checked = read_back(found)
    assert checked.first_failure is None and checked.conclusions == claimed(found)
    for key in policy.split() if policy.startswith("A") else ():
        assert f"without {key}" in checked.setting
    assert not list(differing_sizes(found, derivation))
    for condition, decision in derivation.decisions.items():
        (line,) = (line for line in checked.conclusions if line.startswith(f"{condition} ("))
        if "unknown" not in line and "every step" in line:
            assert decision.status.value != "unknown" and ("never" in line) == decision.region.is_empty


@pytest.mark.parametrize(
    ("name", "conclusion"),
    [
        ("decay", "stable (every step): eta + l <= 0 and eta <= -1/2"),
        ("decay", "growth per step: Z_B max(0, 2*eta + 2*l), Z_A max(0, eta + l)"),
        ("decay-sgd", "stable (every step): eta + l <= 0 and eta <= -1"),
        ("momentum-sgd", "stable (every step): eta <= -1 and m <= 0"),
        ("momentum-sgd", "largest stable eta: -1, where m <= 0"),
    ],
)
def test_update_rules_with_more_parts_are_data(name: str, conclusion: str) -> None:
    assert conclusion in read_back(written(name)).conclusions


def test_a_momentum_that_keeps_growing_without_being_felt_leaves_nothing_open() -> None:
    found = read_back(written("momentum-sign")).conclusions
    assert "stable (every step): eta <= -1/2" in found
    assert any(
        "m_B max(2*m + k*(m) for k <= t, eta + 1 + k*(m) for k <= t, k*(m) for k <= t)" in line
        for line in found
        if line.startswith("t steps")
    )


def test_a_network_without_a_rank_has_a_domain() -> None:
    wide, out, batch = axis("width", 1), axis("out", 1), axis("batch")
    value = parameter("W", out, wide, init="-1/2", rate="eta") @ data("Z", wide, batch)
    found = certificate(derived(Problem("linear", named("Y", value), between=("eta <= 0",)).scheme))
    assert read_back(found).first_failure is None
    assert found.data["premises"]["domain"] == [{"eta": "-1"}]


def test_what_came_down_through_many_layers_is_known_on_the_way_up() -> None:
    """Of seven layers the lowest is trained: that the output grows with eta + 1 only cannot be stated."""
    wide, out, batch, outputs = axis("width", 1), axis("out", 1), axis("batch"), axis("outputs")
    value = data("Z", wide, batch)
    for k in range(7):
        matrix = parameter(f"W{k}", out, wide, init="-1/2", rate=None if k else "eta")
        value = renamed(matrix @ value, out, wide)
    output = named("f", parameter("R", outputs, wide, init="-1/2") @ value)
    found = certificate(derived(Problem("deep", output, stable=("f",)).scheme))
    assert "largest stable eta: -3/2" in read_back(found).conclusions
    forged = copy.deepcopy(found.data)
    (stated,) = (each for each in forged["proof"] if each["of"] == "step 1, f")
    stated["value"] = [{}, {"1": "1", "eta": "1"}]
    failure = verification(forged).first_failure
    assert failure is not None and failure.startswith("step 1, f: eta + 3/2 <= max(0, eta + 1) is not proved")


def test_what_is_not_proved_is_called_unknown() -> None:
    found = claimed(certificate(derived(CASES["init-a-adam"], None, POLICIES["A7"])))
    assert "stable (every step): unknown; surely eta <= -1/2; at most eta <= 0" in found


def test_an_assumption_cannot_be_smuggled_away() -> None:
    data = copy.deepcopy(written("init-a-adam").data)
    data["premises"]["without"] = ["A5"]
    found = verification(data)
    assert found.first_failure is not None and "is not proved" in found.first_failure


def test_the_frontier_of_two_rates_is_proved() -> None:
    found = read_back(written("two-rates")).conclusions
    assert {line for line in found if line.startswith("frontier")} == {
        "frontier of a, b: a + b = -1 and b <= 0",
        "frontier of a, b: a <= -1 and b = 0",
    }


def test_the_invariant_and_the_cycle_of_gradient_descent_are_proved() -> None:
    found = read_back(written("init-a-sgd")).conclusions
    assert "growth per step: Z_B max(0, 2*eta + 2), Z_A max(0, eta + 1)" in found
    assert "where eta <= -1, invariant of every step from 3 on: U_A 2*eta + 1, U_B eta" in found
    assert "stable (every step): eta <= -1" in found


def test_the_published_answers() -> None:
    found = read_back(written("init-a-adam")).conclusions
    assert "stable (every step): eta <= -1/2" in found
    assert "feature_learning (every step): eta = -1/2, from step 2 on" in found
    assert "efficient (every step): eta = -1/2, from step 3 on" in found
    assert "largest stable eta: -1/2" in found
    assert "undertrained: B" in read_back(written("init-b-adam")).conclusions
    assert "undertrained (steps 1 to 1): A" in read_back(certificate(derived(CATALOGUE["init-a"], 1))).conclusions


@every_case
def test_a_certificate_of_some_steps_only(name: str) -> None:
    found = certificate(derived(CASES[name], 2))
    checked = read_back(found)
    assert checked.first_failure is None and checked.conclusions == claimed(found)


@pytest.mark.parametrize(
    ("most", "steps"), [pytest.param(850, 5, id="steps-at-hand"), pytest.param(200, 1, id="first")]
)
def test_what_is_too_long_to_prove_of_every_step_is_that_of_fewer_steps(
    most: int, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checker, "MOST_WORK", most)
    fewer = derived(CASES["init-a-sgd"], steps)
    found = certificate(derivation_of("init-a-sgd"))
    assert found.data == certificate(fewer).data and read_back(found).first_failure is None
    assert found.left_open == tuple(fewer.decisions) and not certificate(fewer).left_open
    said = claimed(found)
    assert f"stable (steps 1 to {steps}): {fewer.decisions['stable'].region}" in said
    assert f"largest stable eta (steps 1 to {steps}): {fewer.max_stable['eta'].value}" in said


@pytest.mark.parametrize("under", STEPS_ALONE)
@pytest.mark.parametrize("name", CATALOGUE)
def test_a_certificate_costs_little(name: str, under: str) -> None:
    scheme, writing, checking = CATALOGUE[name].under(under), list[float](), list[float]()
    for _ in range(3):
        start = time.process_time()
        found = certificate(derived(scheme))
        writing.append(time.process_time() - start)
        data = json.loads(found.text())
        start = time.process_time()
        verification(data)
        checking.append(time.process_time() - start)
    assert min(writing) < 0.2 and min(checking) < 0.05

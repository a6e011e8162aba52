"""The JSON of exponents and derivations: keys, types and spelling."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from gamma_calc.algebra import Affine, parsed_exponent
from gamma_calc.analysis.conditions import CONDITIONS
from gamma_calc.analysis.derivation import derived
from gamma_calc.calculus.assumptions import dispensable
from gamma_calc.calculus.policy import Policy
from gamma_calc.calculus.recursion import trajectory
from gamma_calc.derivation.as_json import derivation_json, exponents_json
from gamma_calc.program.catalogue import CATALOGUE, catalogue_scheme
from gamma_calc.program.lora import lora_module
from tests.derivation.schemes import derivation

QUANTITIES = ("A", "B", "Z_A", "Z_B", "Delta_Z_B", "delta_1", "delta_2", "delta_3")
STATUSES = {"decided", "free", "unknown"}


def steps_are_well_formed(answer: dict[str, Any], horizon: int) -> None:
    assert answer["schema"] == 1
    assert [step["t"] for step in answer["steps"]] == list(range(1, horizon + 1))
    for step in answer["steps"]:
        assert set(step) == {"t", "upper", *QUANTITIES}
        assert set(step["upper"]) <= set(QUANTITIES)
        for name in QUANTITIES:
            assert str(parsed_exponent(step[name])) == step[name]


@pytest.mark.parametrize("name", CATALOGUE)
@pytest.mark.parametrize("horizon", [1, 3, 7])
def test_exponents(name: str, horizon: int) -> None:
    scheme = catalogue_scheme(name)
    run = trajectory(lora_module(scheme), horizon, scheme.domain)
    answer = exponents_json(scheme, run, run.upto(horizon))
    assert answer["scheme"] == name and answer["optimizer"] == "adam" and answer["free"] == ["eta"]
    steps_are_well_formed(answer, horizon)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("name", CATALOGUE)
def test_derivation(name: str, optimizer: str) -> None:
    found = derivation(name, optimizer)
    answer = derivation_json(found)
    assert json.loads(json.dumps(answer)) == answer
    steps_are_well_formed(answer, max(4, len(found.run.steps)))
    assert list(answer["conditions"]) == [condition.name for condition in CONDITIONS]
    for condition in answer["conditions"].values():
        assert set(condition) == {"region", "onset", "holds", "status", "reason"}
        assert condition["status"] in STATUSES and isinstance(condition["region"], str)
        assert condition["onset"] is None or isinstance(condition["onset"], int)
    assert set(answer["max_stable"]["eta"]) == {"value", "attained", "valid_on", "reason"}
    assert set(answer["at_max"]) == set(QUANTITIES)
    assert set(answer["undertrained"]) <= {"A", "B"}
    assert answer["frontier"] is None
    assert all(re.fullmatch(r"A\d+", each["key"]) for each in answer["assumptions"])


def test_the_trace_comes_whole_and_in_order() -> None:
    found = derivation("init-a", "adam")
    rules = derivation_json(found)["rules"]
    assert [rule["rule"] for rule in rules] == [each.rule.name for each in found.run.applications]
    assert [rule["t"] for rule in rules] == sorted(rule["t"] for rule in rules)
    assert {key for rule in rules for key in rule["assumptions"]} == {each.key for each in found.assumptions}
    assert {rule["conclusion"] for rule in rules if rule["subject"] == r"\Delta A_{1}"} == {"-oo"}


def test_the_unknown_has_no_onset_and_does_not_hold() -> None:
    unknown = derived(catalogue_scheme("init-a"), policy=Policy(without=dispensable(["A5"])))
    condition = derivation_json(unknown)["conditions"]["stable"]
    assert condition["region"] == "unknown" and condition["status"] == "unknown"
    assert condition["onset"] is None and condition["holds"] is None
    assert "bounded from above" in condition["reason"]


def test_a_point_is_decided() -> None:
    answer = derivation_json(derived(catalogue_scheme("init-a").at({"eta": Affine.of(-1)})))
    assert answer["free"] == [] and answer["max_stable"] == {}
    assert {name: each["holds"] for name, each in answer["conditions"].items()} == {
        "stable": True,
        "internally_stable": True,
        "feature_learning": False,
        "efficient": False,
    }


def test_a_frozen_factor_is_not_undertrained() -> None:
    assert derivation_json(derivation("frozen"))["undertrained"] == []


def test_two_rates_have_a_frontier() -> None:
    (edge, *_) = derivation_json(derivation("six free", "", 2))["frontier"]
    assert set(edge) == {"line", "where", "endpoints"}


def test_bounds_are_listed_as_upper() -> None:
    found = derivation("parities")
    answer = derivation_json(found)
    steps_are_well_formed(answer, max(4, len(found.run.steps)))
    assert any(step["upper"] for step in answer["steps"])
    assert any(rule["upper"] for rule in answer["rules"])


def test_the_run_that_every_step_count_rests_on_is_given_beside_the_one_on_the_whole_domain() -> None:
    """Gradient descent settles only where no cycle gains; a normalised step settles on the whole domain."""
    (settled,) = derivation_json(derived(CATALOGUE["init-a"].under("sgd")))["runs"]
    assert (settled["where"], settled["settled_from"]) == ("eta <= -1", 3)
    assert settled["rules"] and all(rule["t"] <= 3 for rule in settled["rules"])
    assert derivation_json(derived(CATALOGUE["init-a"]))["runs"] == []

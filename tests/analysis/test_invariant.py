"""The inductive invariant: proved piece by piece, of the spectral argument's region, and false when tampered with."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings

from gamma_calc.algebra import Affine
from gamma_calc.analysis.bounded import bounded
from gamma_calc.analysis.conditions import STABLE
from gamma_calc.analysis.derivation import BOUNDS, derived
from gamma_calc.analysis.invariant import Invariant, Reason, invariant, is_inductive
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.lora import lora_module
from gamma_calc.program.scheme import Scheme
from tests.analysis.test_brute_force import schemes
from tests.schemes import scheme


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_invariant_proves_the_region(name: str) -> None:
    found = derived(CATALOGUE[name].under("sgd"))
    assert set(found.invariants) == {condition.name for condition in BOUNDS}
    for condition in BOUNDS:
        proof = found.invariants[condition.name]
        assert is_inductive(proof)
        assert proof.region == found.bounds[condition.bounded].inner


@settings(max_examples=8, deadline=None)
@given(schemes())
def test_the_invariants_of_random_schemes(subject: Scheme) -> None:
    bound = bounded(lora_module(subject), STABLE.bounded, subject.domain, None)
    found = None if bound.map is None else invariant(bound.map, STABLE.bounded, subject.domain)
    if found is not None:
        assert is_inductive(found)
        assert not bound.is_final or found.region == bound.inner


def proof() -> Invariant:
    (found,) = (derived(scheme("-1/2", "zero", "a", "b", optimizer="sgd")).invariants[each] for each in ("stable",))
    return found


def test_a_settled_run_needs_none() -> None:
    assert not derived(CATALOGUE["init-a"]).invariants


def test_a_bound_that_is_too_low_is_seen() -> None:
    found = proof()
    for node in found.bounds:
        lowered = {**found.bounds, node: tuple(form - Fraction(1, 2) for form in found.bounds[node])}
        assert not is_inductive(replace(found, bounds=lowered))


def test_an_edge_that_gains_more_is_seen() -> None:
    found = proof()
    for place, edge in enumerate(found.edges):
        edges = (*found.edges[:place], replace(edge, weight=edge.weight + 1), *found.edges[place + 1 :])
        assert not is_inductive(replace(found, edges=edges))


def test_a_missing_or_a_wrong_reason_is_seen() -> None:
    found = proof()
    assert not is_inductive(replace(found, reasons=found.reasons[:-1]))
    turned = next(place for place, reason in enumerate(found.reasons) if reason.turns)
    for wrong in (Reason(found.reasons[turned].bound), Reason(Affine.of(7)), Reason(Affine.of(0), ((0, -1),))):
        reasons = (*found.reasons[:turned], wrong, *found.reasons[turned + 1 :])
        assert not is_inductive(replace(found, reasons=reasons))


def test_a_hypothesis_left_out_is_seen() -> None:
    found = proof()
    for place, form in enumerate(found.hypotheses):
        hypotheses = (*found.hypotheses[:place], form - 1, *found.hypotheses[place + 1 :])
        assert not is_inductive(replace(found, hypotheses=hypotheses))


FED = {
    "free": scheme("-1/2", "zero", "eta", "eta", feedback="f", optimizer="sgd"),
    "two rates": scheme("-1/2", "zero", "a", "b", feedback="0", optimizer="sgd"),
    "large B": scheme("zero", "0", "eta", "eta", feedback="0", optimizer="sgd"),
}


@pytest.mark.parametrize("subject", FED.values(), ids=FED)
def test_what_a_run_with_feedback_settles_to_is_inductive(subject: Scheme) -> None:
    found = derived(subject)
    assert set(found.invariants) == {condition.name for condition in BOUNDS}
    for condition in BOUNDS:
        proof = found.invariants[condition.name]
        assert proof.products
        assert is_inductive(proof)
        assert proof.region == found.bounds[condition.bounded].inner


def test_a_product_that_gains_more_is_seen() -> None:
    found = derived(FED["free"]).invariants["stable"]
    for place, each in enumerate(found.products):
        larger = replace(each, monomial=replace(each.monomial, coefficient=each.monomial.coefficient + 3))
        products = (*found.products[:place], larger, *found.products[place + 1 :])
        assert not is_inductive(replace(found, products=products))
    for node in found.bounds:
        lowered = {**found.bounds, node: tuple(form - Fraction(1, 2) for form in found.bounds[node])}
        assert not is_inductive(replace(found, bounds=lowered))
    assert not is_inductive(replace(found, hypotheses=tuple(form - 1 for form in found.hypotheses)))


def test_shares_that_are_no_average_are_seen() -> None:
    found = derived(FED["free"]).invariants["stable"]
    place = next(place for place, reason in enumerate(found.reasons) if reason.shares)
    reason = found.reasons[place]
    for shares in (((Affine.of(9), Fraction(1)),), tuple((form, weight * 2) for form, weight in reason.shares)):
        reasons = (*found.reasons[:place], replace(reason, shares=shares), *found.reasons[place + 1 :])
        assert not is_inductive(replace(found, reasons=reasons))

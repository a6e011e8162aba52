"""Rates carried from one width and rank to another: by hand, and by a module that is trained at both."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy
import pytest
import torch

from gamma_calc.algebra import parsed_affine
from gamma_calc.analysis.derivation import derived
from gamma_calc.analysis.edge_law import edge_laws
from gamma_calc.derivation.alpha import alpha_named
from gamma_calc.derivation.transfer import (
    MODULE_ALONE,
    NETWORK_ALONE,
    STACK,
    Place,
    TransferLaw,
    transfer,
    transfer_law,
)
from gamma_calc.errors import BadInput, Unknown
from gamma_calc.program.adapters import dora, vera
from gamma_calc.program.models import LoraStack
from gamma_calc.program.network import axis, data, named, parameter
from gamma_calc.program.problem import Problem
from gamma_calc.program.scheme import Scheme
from tests.schemes import scheme

GO = {"learning_rate": 2e-4, "from_width": 768, "to_width": 4096}


def test_init_a_by_hand() -> None:
    found = transfer("init-a", **GO, from_rank=8, to_rank=64, alpha="proportional")
    assert found.rates["eta_A"] == pytest.approx(2e-4 * (768 / 4096) ** 0.5 * (8 / 64) ** 0.5, rel=1e-12)
    assert found.rates["eta_B"] == found.rates["eta_A"]
    assert found.json()["exponent"]["eta_A"] == {"width": "-1/2", "rank": "-1/2"}


RANKS = {"from_rank": 8, "to_rank": 64}
POWERS = {
    # what is said of s: the power of r in Init[A]'s largest rate, -(1 - k)/2 for s = r^(-k)
    "kept": ("0", {"alpha": "fixed"}, "0", "-rank"),
    "in-proportion": ("0", {"alpha": "proportional"}, "-1/2", "0"),
    "kept-under-rslora": ("0", {"alpha": "fixed", "is_rank_stabilised": True}, "-1/4", "-rank/2"),
    "by-the-scale": ("-rank", {}, "0", "-rank"),
    "by-a-root": ("-rank/2", {}, "-1/4", "-rank/2"),
    "by-a-scale-without-the-rank": ("0", {}, "-1/2", "0"),
}


@pytest.mark.parametrize(("scale", "said", "power", "form"), POWERS.values(), ids=POWERS)
def test_the_power_of_the_rank_follows_alpha(scale: str, said: dict[str, Any], power: str, form: str) -> None:
    found = transfer(scheme("-1/2", "zero", "eta", "eta", scale=scale), **GO, **RANKS, **said)
    data = found.json()
    assert data["exponent"]["eta_A"] == {"width": "-1/2", "rank": power}
    assert (data["scale"], data["alpha"]) == (form, said.get("alpha"))
    assert any("from rank to rank" in note or "at both ranks" in note for note in found.notes)


def test_where_nothing_says_what_alpha_does_both_answers_are_given() -> None:
    found, kept = (transfer("init-a", **GO, **RANKS, **said) for said in ({}, {"alpha": "fixed"}))
    assert found.otherwise == kept.rates != found.rates
    assert f"(--alpha fixed) it is eta_A {kept.rates['eta_A']:g}, eta_B" in found.notes[-1]
    assert kept.otherwise is None and kept.json()["if_alpha_is_fixed"] is None
    same_rank = transfer("init-a", **GO, from_rank=8, to_rank=8)
    assert same_rank.otherwise is None and same_rank.notes == found.notes[:2]


def test_numbers_may_be_numpy_s() -> None:
    places = {"from_width": numpy.int64(512), "to_width": numpy.int32(2048)}
    found = transfer("init-a", learning_rate=numpy.float32(2e-4), **places)
    assert str(found) == str(transfer("init-a", from_width=512, to_width=2048, learning_rate=2e-4))
    assert type(found.start.width) is int


def test_each_rate_of_lora_plus_follows_its_own_exponent() -> None:
    found = transfer("lora-plus-a", **GO, learning_rate_b=3.2e-3)
    assert found.rates == {"eta_A": pytest.approx(2e-4 * 768 / 4096), "eta_B": 3.2e-3}
    assert not any("ratio" in note for note in found.notes)


def test_one_rate_for_two_laws_is_pointed_out() -> None:
    found = transfer("lora-plus-a", **GO)
    assert found.given == {"eta_A": 2e-4, "eta_B": 2e-4}
    assert "ratio" in found.notes[-1]


@pytest.mark.parametrize("name", ["init-a", "init-b", "lora-plus-a", "lora-plus-b"])
@pytest.mark.parametrize(("alpha", "scales"), [("fixed", (2, 0.5)), ("proportional", (2, 2))])
def test_a_law_by_s_is_that_of_an_alpha_that_moves_it_so(name: str, alpha: str, scales: tuple[float, float]) -> None:
    read = transfer_law(name, with_rank=True, alpha=alpha_named(alpha))
    followed = transfer_law(name, with_rank=True, with_scale=True)
    places = [(256, 8), (1024, 32)]
    start, end = (Place(n, r, scale=s) for (n, r), s in zip(places, scales, strict=True))
    for rate in ("eta_A", "eta_B"):
        expected = read.multiplier(rate, *(Place(n, r) for n, r in places))
        assert followed.multiplier(rate, start, end) == pytest.approx(expected)


def test_a_law_by_s_ends_where_another_begins() -> None:
    """From Init[A] the edge is (n r s)^(-1/2) up to r s = n, and (r s)^(-1) beyond."""
    law = transfer_law("init-a", with_rank=True, with_scale=True)
    below, at, beyond = (Place(64, 8, scale=s) for s in (1, 8, 64))
    assert law.multiplier("eta_A", below, at) == pytest.approx(8**-0.5)
    assert law.multiplier("eta_A", at, beyond) == pytest.approx(1 / 8)
    with pytest.raises(Unknown, match=r"rank 8, s = 1 to width 64, rank 8, s = 64: .*sigma = log\(s\)/log\(width\)"):
        law.multiplier("eta_A", below, beyond)
    with pytest.raises(BadInput, match=r"s: found 0\.0, expected a positive number"):
        Place(64, 8, scale=0.0)


@pytest.mark.parametrize("scale", ["-rank", "1/2", "k"])
def test_a_scheme_that_says_how_s_goes_has_no_law_by_s(scale: str) -> None:
    with pytest.raises(BadInput, match='expected "0": s is followed'):
        transfer_law(scheme("-1/2", "zero", "-1", "-1", scale=scale), with_rank=True, with_scale=True)


def test_to_the_same_place_nothing_changes() -> None:
    same = {"learning_rate": 0.1, "from_width": 64, "to_width": 64, "from_rank": 4, "to_rank": 4}
    assert set(transfer("init-a", **same).rates.values()) == {0.1}


def test_two_moves_are_one() -> None:
    law = transfer_law("init-a", with_rank=True)
    a, b, c = Place(64, 4), Place(256, 16), Place(1024, 8)
    there = law.multiplier("eta_A", a, b) * law.multiplier("eta_A", b, c)
    assert there == pytest.approx(law.multiplier("eta_A", a, c), rel=1e-12)


def test_a_kink_between_the_places_is_unknown() -> None:
    law = transfer_law("lora-plus-a", with_rank=True, optimizer="sgd")
    assert law.multiplier("eta_A", Place(256, 16), Place(256, 4)) == 1
    assert law.multiplier("eta_A", Place(256, 16), Place(256, 64)) == pytest.approx(1 / 4)
    with pytest.raises(Unknown, match="one power law does not reach"):
        law.between(Place(256, 4), Place(256, 64))


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no-rate": ({"learning_rate": 0}, "positive"),
    "negative": ({"learning_rate": -1e-3}, "positive"),
    "nan": ({"learning_rate": math.nan}, "positive"),
    "text": ({"learning_rate": "1e-3"}, "positive"),
    "width": ({"to_width": 0}, "whole number"),
    "half": ({"from_width": 10.5}, "whole number"),
    "truth": ({"from_width": True}, "whole number"),
    "one-rank": ({"from_rank": 8}, "both or neither"),
    "large-rank": ({"from_rank": 8, "to_rank": 8192}, "at most the width"),
    "alpha": ({**RANKS, "alpha": "keep"}, "expected fixed or proportional"),
    "alpha-without-ranks": ({"alpha": "fixed"}, "no ranks"),
    "underflow": ({"learning_rate": 5e-324}, "range"),
}


@pytest.mark.parametrize(("changed", "expected"), REFUSED.values(), ids=REFUSED)
def test_refusals(changed: dict[str, Any], expected: str) -> None:
    with pytest.raises(BadInput) as refused:
        transfer("init-a", **{**GO, **changed})
    assert expected in str(refused.value)


def test_a_rate_for_a_frozen_factor_is_refused() -> None:
    law = transfer_law("init-a", at={"eta": "-1/2"})
    with pytest.raises(BadInput, match="eta_A, eta_B"):
        law.multiplier("eta", Place(2), Place(4))


def test_a_scale_that_says_it_takes_no_alpha() -> None:
    with pytest.raises(BadInput, match="its scale, -rank, says how s goes with the rank"):
        transfer(scheme("-1/2", "zero", "eta", "eta", scale="-rank"), **GO, **RANKS, alpha="fixed")


LED = {
    # A_0, B_0, both rates, the optimiser: whether two on one residual stream bear them
    "init-a": ("-1/2", "zero", "-1/2", "-1/2", "adam", True),
    "loraplus-from-init-a": ("-1/2", "zero", "-1", "0", "adam", False),
    "half-way": ("-1/2", "zero", "-3/4", "-1/4", "adam", False),
    "loraplus-from-a-small-init": ("-1", "zero", "-1", "0", "adam", True),
    "loraplus-from-init-b": ("zero", "0", "-1", "0", "adam", True),
    "loraplus-under-adafactor": ("-1/2", "zero", "-1", "0", "adafactor", False),
    "loraplus-clipped": ("-1/2", "zero", "-1", "0", "adam-clipped", True),
    "init-a-under-muon": ("-1/2", "zero", "0", "0", "muon", False),
    "init-a-under-sgd": ("-1/2", "zero", "-1", "-1", "sgd", True),
}


@pytest.mark.parametrize(("a", "b", "rate_a", "rate_b", "optimizer", "is_borne"), LED.values(), ids=LED)
def test_what_one_module_bears_is_not_advised_to_a_stack(
    a: str, b: str, rate_a: str, rate_b: str, optimizer: str, *, is_borne: bool
) -> None:
    """What is said is what the stack of two derives, under each optimiser."""
    subject = scheme(a, b, rate_a, rate_b, optimizer=optimizer)
    notes = transfer(subject, **GO).notes
    assert MODULE_ALONE in notes and (STACK in notes) is not is_borne
    keys = {key: form for key, form in subject.exponents.items() if key in LoraStack(2).keys}
    stack = derived(replace(subject, exponents=keys, model=LoraStack(2)))
    assert stack.decisions["stable"].holds is is_borne


def test_a_frozen_b_says_nothing_of_a_stack() -> None:
    frozen = replace(scheme("-1/2", "0", "-1", "0"), trained=frozenset({"A"}))
    assert STACK not in transfer(frozen, **GO).notes


def features(n: int, r: int, rate: float, seed: int) -> torch.Tensor:
    """Z_B after three sign steps from Init[A] with scale 1 and a fixed loss gradient, one input."""
    make = torch.Generator().manual_seed(seed)
    a = torch.randn(r, n, generator=make, dtype=torch.float64) / n**0.5
    b = torch.zeros(n, r, dtype=torch.float64)
    z, dz = torch.randn(2, n, generator=make, dtype=torch.float64)
    for _ in range(3):
        step_b, step_a = torch.outer(dz, a @ z).sign(), torch.outer(b.T @ dz, z).sign()
        a, b = a - rate * step_a, b - rate * step_b
    return b @ (a @ z)


def growth(n: int, m: int, r: int, q: int, multiplier: float) -> float:
    """How much larger Z_B is at (m, q) than at (n, r), with the rate carried over by a multiplier."""
    start, rate = range(6), 4 / (n * r) ** 0.5
    small = torch.stack([features(n, r, rate, seed) for seed in start]).square().mean().sqrt()
    large = torch.stack([features(m, q, rate * multiplier, seed) for seed in start]).square().mean().sqrt()
    return float(large / small)


@pytest.mark.parametrize(("n", "m", "r", "q"), [(512, 2048, 9, 9), (1024, 1024, 9, 81), (512, 2048, 81, 9)])
def test_a_module_at_the_carried_rate_keeps_its_features(n: int, m: int, r: int, q: int) -> None:
    law = transfer_law("init-a", with_rank=True, optimizer="sign")
    multiplier = law.multiplier("eta_A", Place(n, r), Place(m, q))
    assert growth(n, m, r, q, multiplier) == pytest.approx(1, abs=0.25)


def test_without_the_carry_the_features_move() -> None:
    assert growth(512, 2048, 9, 9, 1) > 3
    assert growth(1024, 1024, 9, 81, 1) > 6


def test_a_rank_that_surely_grows_is_not_1() -> None:
    growing = scheme("-1/2", "zero", "eta", "eta", rank="rho", between=("0 < rank",))
    law = TransferLaw(growing, edge_laws(growing, with_rank=True))
    assert law.between(Place(128, 4), Place(256, 8)).exponents["eta_A"] == parsed_affine("-rho/2 - 1/2")
    with pytest.raises(Unknown, match="rho > 0 and rho <= 1"):
        law.between(Place(128, 1), Place(256, 8))


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0, 32.0])
def test_a_scale_is_a_constant_where_another_power_of_n_has_no_law(scale: float) -> None:
    """Two random factors leave n^0 at first: an s that grew with n would be stable nowhere, and s = 2 is a constant."""
    both = Scheme("both", {"A": "-1/2", "B": "-rank/2", "eta_A": "eta", "eta_B": "eta"})
    law = transfer_law(both, with_scale=True)
    assert law.multiplier("eta_A", Place(2048, 16, scale=scale), Place(2048, 64, scale=scale / 4)) == pytest.approx(4)


def test_a_stack_carries_its_own_edge() -> None:
    """LoRA+ on two adapters: -5/4 for A and -1/4 for B, where one module has -1 and 0."""
    exponents = {"A": "-1/2", "B": "zero", "eta_A": "eta", "eta_B": "eta + 1"}
    found = transfer(Scheme("pair", exponents, model=LoraStack(2)), **GO, learning_rate_b=2e-2)
    factor = found.end.width / found.start.width
    assert found.rates == pytest.approx(
        {"eta_A": GO["learning_rate"] * factor ** (-5 / 4), "eta_B": 2e-2 * factor ** (-1 / 4)}
    )
    assert NETWORK_ALONE in found.notes and MODULE_ALONE not in found.notes


def test_every_parameter_of_a_network_has_its_rate() -> None:
    found = transfer(dora(), at={"eta_m": "-1/2"}, **GO)
    answer = found.json()
    assert list(found.rates) == ["A.rate", "B.rate", "m.rate"]
    smaller = GO["learning_rate"] * (GO["from_width"] / GO["to_width"]) ** 0.5
    assert [answer[key] for key in found.rates] == pytest.approx([smaller] * 3)
    assert answer["to"]["m.rate"] == answer["m.rate"]


def test_b_has_a_rate_of_its_own_in_any_network() -> None:
    found = transfer(dora(), at={"eta_m": "-1/2"}, **GO, learning_rate_b=3e-3)
    assert found.given["B.rate"] == 3e-3 and found.given["A.rate"] == GO["learning_rate"]


def test_rslora_asks_what_alpha_does_from_rank_to_rank() -> None:
    with pytest.raises(BadInput, match=r"from rank 2 to 8: alpha: found 'none', expected alpha=\"fixed\" or"):
        transfer("init-a", **GO, from_rank=2, to_rank=8, is_rank_stabilised=True)


def readout() -> Problem:
    width = axis("width", 1)
    return Problem("readout", named("y", parameter("w", width, init="-1/2", rate="eta") @ data("x", width)))


NETWORKS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "two rates": (dora(), {}, "eta and eta_m are free"),
    "no B": (vera(), {"learning_rate_b": 1e-3}, "no B is trained"),
    "no scale": (vera(), {**RANKS, "alpha": "fixed"}, "it has no scale"),
    "no rank": (readout(), RANKS, "no axis of the name rank"),
}


@pytest.mark.parametrize(("network", "changed", "expected"), NETWORKS.values(), ids=NETWORKS)
def test_what_a_network_cannot_be_asked(network: Any, changed: dict[str, Any], expected: str) -> None:
    with pytest.raises(BadInput) as refused:
        transfer(network, **{**GO, **changed})
    assert expected in str(refused.value)

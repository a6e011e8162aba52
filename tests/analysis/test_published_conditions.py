"""The conditions and largest rates that the papers state, found by the engine."""

from __future__ import annotations

import pytest

from gamma_calc.algebra import parsed_affine
from gamma_calc.analysis.decision import Status
from gamma_calc.analysis.derivation import derived
from tests.schemes import scheme

INIT_A = ("-1/2", "zero", "c", "c")
INIT_B = ("zero", "-rank/2", "c", "c")
INIT_A_TWO = ("-1/2", "zero", "a", "b")
INIT_B_TWO = ("zero", "-rank/2", "a", "b")

# condition: (region, onset)
ONE_RATE = {
    "init-a": (
        INIT_A,
        {
            "stable": ("c <= -1/2", 1),
            "internally_stable": ("c <= -1", 1),
            "feature_learning": ("c = -1/2", 2),
            "efficient": ("c = -1/2", 3),
        },
    ),
    "init-b": (
        INIT_B,
        {
            "stable": ("c <= -1", 1),
            "internally_stable": ("c <= -1", 1),
            "feature_learning": ("c = -1", 1),
            "efficient": ("never", None),
        },
    ),
    "init-a-two": (
        INIT_A_TWO,
        {"stable": ("a + b <= -1 and b <= 0", 1), "efficient": ("a + b = -1 and b <= 0", 3)},
    ),
    "init-b-two": (
        INIT_B_TWO,
        {"stable": ("a <= -1 and a + b <= -1", 1), "efficient": ("a + b = -1 and b >= 0", 3)},
    ),
    # Beyond Zero Initialization: a + b = -1, gamma[B_0] <= b, gamma[A_0] + 1/2 <= a + 1.
    "any-init": (
        ("p", "q", "a", "b"),
        {"efficient": ("a + b = -1 and b + p <= -1/2 and b - q >= 0", 2)},
    ),
}


@pytest.mark.parametrize("optimizer", ["adam", "sign"])
@pytest.mark.parametrize(("form", "expected"), ONE_RATE.values(), ids=ONE_RATE)
def test_regions(form: tuple[str, str, str, str], expected: dict[str, tuple[str, int | None]], optimizer: str) -> None:
    found = derived(scheme(*form, optimizer=optimizer)).decisions
    assert {name: (str(found[name]), found[name].onset) for name in expected} == expected
    assert all(found[name].status is Status.FREE for name in expected)


@pytest.mark.parametrize(
    ("form", "others", "between", "value", "valid_on"),
    [
        (INIT_A, {}, (), "-1/2", "always"),
        (INIT_B, {}, (), "-1", "always"),
        (("p", "q", "c", "c"), {}, (), "min(-1/2, -p - 1/2, -q - 1)", "p + q <= -1/2"),
        # muA: Init[A] with s = r^-k, here r = n^rho and k = 1/2; -1/2 - (1 - k) rho / 2.
        (INIT_A, {"rank": "rho", "scale": "-rank/2", "optimizer": "sign"}, (), "-rho/4 - 1/2", "rho >= 0 and rho <= 1"),
        (INIT_B, {"rank": "rho", "optimizer": "sign"}, (), "-1", "rho >= 0 and rho <= 1"),
    ],
    ids=["init-a", "init-b", "any-init", "scale-by-rank", "init-b-any-rank"],
)
def test_largest_stable_rate(
    form: tuple[str, str, str, str], others: dict[str, str], between: tuple[str, ...], value: str, valid_on: str
) -> None:
    largest = derived(scheme(*form, between=between, **others)).max_stable["c"]
    assert (largest.value, str(largest.valid_on), largest.attained) == (value, valid_on, True)


def test_what_holds_at_the_largest_rate() -> None:
    init_a, init_b = derived(scheme(*INIT_A)), derived(scheme(*INIT_B))
    assert (str(init_a.at_max["Z_A"]), str(init_a.at_max["Z_B"]), init_a.undertrained) == ("1/2", "0", ())
    assert (str(init_b.at_max["delta_1"]), str(init_b.at_max["delta_2"]), init_b.undertrained) == ("0", "-1", ("B",))
    assert str(derived(scheme("-1/2", "zero", "-1", "-1")).run.last.sizes["Z_B"]) == "-1"


def test_the_inits_meet_in_lora_plus() -> None:
    regions = [derived(scheme(*form)).decisions["efficient"].region for form in (INIT_A_TWO, INIT_B_TWO)]
    both = regions[0] & regions[1]
    assert str(both) == "a = -1 and b = 0"


def test_frontier_of_two_rates() -> None:
    edges = derived(scheme(*INIT_A_TWO)).frontier
    assert edges is not None
    assert [str(edge.where) for edge in edges] == ["a + b = -1 and b <= 0", "b = 0 and a <= -1"]
    assert all(edge.endpoints == ({"a": -1, "b": 0},) for edge in edges)


def test_no_single_rate_trains_the_toy_of_lora_plus_efficiently() -> None:
    """LoRA+, toy model with scalar b: no rate n^c makes all three deltas of order one."""
    for c in ("-1/2", "-1", "0", "-3/4"):
        assert derived(scheme("-1/2", "zero", c, c, fan_out="0", optimizer="sgd")).decisions["efficient"].holds is False
    assert derived(scheme("-1/2", "zero", "-1", "0", fan_out="0", optimizer="sgd")).decisions["efficient"].holds is True


def test_a_frozen_pair_has_no_largest_rate() -> None:
    from dataclasses import replace

    frozen = replace(scheme(*INIT_A), trained=frozenset())
    largest = derived(frozen).max_stable["c"]
    assert largest.value is None
    assert "nothing bounds" in largest.reason


def test_nothing_stable_has_no_largest_rate() -> None:
    largest = derived(scheme("0", "0", "c", "c")).max_stable["c"]
    assert largest.value is None
    assert "no value" in largest.reason


def test_a_finite_horizon_binds_less_than_every_step() -> None:
    """Gradient descent: each further step narrows the stable region, towards the limit that no horizon reaches."""
    values = []
    for horizon in (1, 2, 3, 4, 5):
        bound = derived(scheme(*INIT_A, optimizer="sgd"), horizon).max_stable["c"].bounds
        assert bound is not None
        values.append(bound[0].constant)
    assert values == sorted(values, reverse=True)
    assert all(value > -1 for value in values)
    assert values[0] == parsed_affine("0").constant


SGD = {
    "init-a": (INIT_A, "c <= -1", "-1"),
    "init-b": (INIT_B, "c <= -3/2", "-3/2"),
    "init-a-two": (INIT_A_TWO, "a + b <= -2 and b <= 0", None),
    "init-ab": (("-1/2", "-1/2", "c", "c"), "c <= -1", "-1"),
    "large-scale": (("-1/2", "zero", "c", "c"), "c <= -4", "-4"),
}


@pytest.mark.parametrize(("form", "region", "value"), SGD.values(), ids=SGD)
def test_gradient_descent_for_every_step_count(form: tuple[str, str, str, str], region: str, value: str | None) -> None:
    """The cycle U_A -> U_B -> U_A gains eta_A + eta_B + 2 scale + 1 + fan_out + 2 gradient a turn."""
    others = {"scale": "2"} if region == "c <= -4" else {}
    found = derived(scheme(*form, optimizer="sgd", **others))
    assert str(found.decisions["stable"]) == region
    assert (found.max_stable["c"].value if value else None) == value


def test_a_large_scale_makes_the_first_step_bind() -> None:
    """With s = n^2 and A_0 = n^-2 the first step of B allows less than the cycle: the answer is the intersection."""
    first = derived(scheme("-1/2", "zero", "a", "b", scale="2", optimizer="sgd"), 1).decisions["stable"].region
    every = derived(scheme("-1/2", "zero", "a", "b", scale="2", optimizer="sgd")).decisions["stable"].region
    assert str(first) == "b <= -4"
    assert str(every) == "a + b <= -6 and b <= -4"


@pytest.mark.parametrize("point", ["-2", "-1", "-3/4", "-1/2", "0"])
def test_a_point_is_decided_as_its_region_says(point: str) -> None:
    region = derived(scheme(*INIT_A, optimizer="sgd")).decisions["stable"].region
    there = derived(scheme(*INIT_A, optimizer="sgd").at({"c": parsed_affine(point)})).decisions["stable"]
    assert there.status is Status.DECIDED
    assert there.holds is region.contains({"c": parsed_affine(point).constant})

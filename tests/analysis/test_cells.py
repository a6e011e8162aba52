"""Stacks with free rates: the regions that one run cannot decide, cell by cell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gamma_calc.algebra import Affine, Inequality, Polyhedron, Region
from gamma_calc.analysis.cells import cells, joint_decision
from gamma_calc.analysis.conditions import FEATURE_LEARNING
from gamma_calc.analysis.decision import Status
from gamma_calc.analysis.derivation import derived
from gamma_calc.calculus.policy import CALCULUS
from gamma_calc.program.catalogue import catalogue_scheme
from gamma_calc.program.models import LoraStack
from gamma_calc.program.problem import program_of
from gamma_calc.program.scheme import Scheme


def stack(depth: int, a: str, b: str, **exponents: str) -> Scheme:
    forms = {"A": "-1/2", "B": "zero", "eta_A": a, "eta_B": b} | exponents
    return Scheme("stack", forms, model=LoraStack(depth))


@pytest.mark.parametrize(
    ("depth", "region"),
    [
        (1, "a + b <= -1 and b <= 0"),
        (2, "a + b <= -1 and a + 2*b <= -3/2 and b <= -1/4"),
        (3, "a + b <= -1 and a + 3*b <= -2 and b <= -1/3"),
    ],
)
def test_the_stable_region_from_init_a(depth: int, region: str) -> None:
    """b + max(0, a + 1) + (L - 1) max(0, b + 1/2) <= 0; at a = -1 b is at most -(L - 1)/(2 L)."""
    assert str(derived(stack(depth, "a", "b")).decisions["stable"]) == region


def test_a_norm_leaves_the_stable_region_as_it_is() -> None:
    normed = replace(stack(2, "a", "b"), model=LoraStack(2, has_norm=True))
    assert derived(normed).decisions["stable"].region == derived(stack(2, "a", "b")).decisions["stable"].region


def test_only_single_rates_and_smaller_ones_of_b_are_efficient_in_depth() -> None:
    """One module is efficient on all of a + b = -1, b <= 0."""
    found = derived(stack(2, "a", "b")).decisions
    assert str(found["efficient"]) == "a + b = -1 and b <= -1/2"
    assert str(found["gradient_stable"]) == "a + b <= -1 and b <= -1/2"


def test_lora_plus_from_init_a_pays_with_every_layer() -> None:
    """eta_B = n eta_A: one module bears n^(-1), two layers n^(-5/4), three n^(-4/3); and not all layers learn."""
    rates = [derived(stack(depth, "eta", "eta + 1")).max_stable["eta"].value for depth in (1, 2, 3)]
    assert rates == ["-1", "-5/4", "-4/3"]
    assert str(derived(stack(2, "eta", "eta + 1")).decisions["feature_learning"]) == "never"


@pytest.mark.parametrize("start", [{"A": "-1"}, {"A": "zero", "B": "0"}], ids=["a small A_0", "Init[B]"])
def test_two_ways_out(start: dict[str, str]) -> None:
    found = derived(stack(2, "eta", "eta + 1", **start))
    assert found.max_stable["eta"].value == "-1"
    assert str(found.decisions["efficient"]) == "eta = -1"


def test_cells_agree_with_runs_at_points() -> None:
    """What is decided cell by cell is what a run says at each point of a grid."""
    subject = stack(2, "a", "b")
    regions = {name: decision.region for name, decision in derived(subject).decisions.items()}
    for i in range(-6, 1):
        for j in range(-6, 1):
            point = {"a": Affine.of(i) / 4, "b": Affine.of(j) / 4}
            there = derived(subject.at(point))
            for name, decision in there.decisions.items():
                at = {key: value.constant for key, value in point.items()}
                assert decision.holds == regions[name].contains(at), (name, at)


def test_two_layers_of_two_random_factors() -> None:
    """With B_0 = n^q and A_0 = n^p: max(q, b) + max(p + 1/2, a + 1) + max(0, b + p + 1) <= 0, here at p = q = -1/2."""
    found = derived(stack(2, "a", "b", B="-1/2")).decisions
    assert str(found["stable"]) == "a <= -1/2 and a + 2*b <= -3/2 and b <= -1/4"
    assert str(found["efficient"]) == "a = -1/2 and b = -1/2"


def test_a_rectified_stack_that_starts_at_zero_never_moves() -> None:
    """phi'(0) = 0: no gradient reaches a factor, unless a frozen weight or B_0 moves h away from zero."""
    found = derived(replace(stack(2, "a", "b"), model=LoraStack(2, map="relu")))
    assert str(found.decisions["stable"]) == "always"
    assert str(found.decisions["feature_learning"]) == "never"


@pytest.mark.slow
def test_gradient_descent_in_a_stack_of_three_ends() -> None:
    """A step multiplies the unknowns of all layers: two are decided, three are told to be too long."""
    assert derived(replace(stack(2, "eta", "eta"), optimizer="sgd")).max_stable["eta"].value == "-1"
    found = derived(replace(stack(3, "eta", "eta"), optimizer="sgd")).decisions["stable"]
    assert found.status is Status.UNKNOWN and "settled" in found.reason


def test_what_has_to_be_reached_is_known_of_a_cell_that_its_first_steps_leave_empty() -> None:
    program = program_of(catalogue_scheme("init-a"))
    above = Region.of(Polyhedron.of(Inequality(Affine.symbol("eta") - 1)))
    found = joint_decision(FEATURE_LEARNING, cells(program, FEATURE_LEARNING, above, None, CALCULUS), is_free=True)
    assert found.status is Status.FREE and found.region.is_empty

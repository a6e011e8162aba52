"""Which components a sum needs: the reading without the others is the reading with all of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.symbolic import forget
from gamma_calc.algebra import Affine, Exponent
from gamma_calc.calculus import components, interpreter, rules
from gamma_calc.calculus.components import Component, by_parity, gathered, total
from gamma_calc.calculus.policy import summations
from gamma_calc.calculus.provenance import Flip, Provenance, Random, contracted
from gamma_calc.calculus.recursion import Trajectory, trajectory
from gamma_calc.calculus.size import Size
from gamma_calc.program.axes import Axis
from gamma_calc.program.models import LoraStack
from gamma_calc.program.stack import lora_stack
from tests.schemes import scheme

STEPS = 4
STACKS = {
    "plain": LoraStack(3),
    "norm": LoraStack(3, has_norm=True),
    "relu": LoraStack(2, is_frozen=True, map="relu"),
    "all": LoraStack(2, is_frozen=True, map="relu", has_norm=True),
}
# A, B, eta_A, eta_B, optimiser
POINTS = {
    "init-a": ("-1/2", "zero", "-1/2", "-1/2", "adam"),
    "lora+": ("-1/2", "zero", "-1", "0", "adam"),
    "init-b": ("zero", "0", "-1", "-3/4", "adam"),
    "both": ("-1/2", "-1/4", "-3/4", "-1/2", "adam"),
    "raw": ("-1/2", "-1/2", "-1/4", "-1", "sgd"),
}


def read(point: tuple[str, str, str, str, str], stack: LoraStack) -> Trajectory:
    forget()
    return trajectory(lora_stack(scheme(*point[:4], optimizer=point[4]), stack), STEPS)


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
def test_the_reading_is_that_with_every_component(
    monkeypatch: pytest.MonkeyPatch, point: tuple[str, str, str, str, str], stack: LoraStack
) -> None:
    fewer = read(point, stack)
    monkeypatch.setattr(Provenance, "is_within", lambda one, other: one is other)
    for module in (interpreter, rules):
        monkeypatch.setattr(module, "summed_pairs", lambda left, right, over, policy: product(left, right))
    every = read(point, stack)
    forget()
    assert len(fewer.applications) <= len(every.applications)
    assert [step.sizes for step in fewer.upto(STEPS)] == [step.sizes for step in every.upto(STEPS)]


@pytest.mark.parametrize("kind", ["plain", "all"])
@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
def test_where_few_parities_are_kept_apart_sizes_are_bounded(
    monkeypatch: pytest.MonkeyPatch, point: tuple[str, str, str, str, str], kind: str
) -> None:
    """Never told smaller than they may be, nor larger from below."""
    stack = STACKS[kind]
    every = read(point, stack)
    monkeypatch.setattr(components, "MOST_PARITIES", 2)
    fewer = read(point, stack)
    forget()
    for one, other in zip(fewer.upto(STEPS), every.upto(STEPS), strict=True):
        for name, size in other.sizes.items():
            assert size.upper.is_at_most(one.sizes[name].upper) and one.sizes[name].lower.is_at_most(size.lower)


@pytest.mark.parametrize("kind", ["plain", "all"])
@pytest.mark.parametrize(("point", "power"), [("init-a", 2), ("lora+", 2.5)])
def test_the_work_grows_as_a_small_power_of_the_depth(point: str, power: float, kind: str) -> None:
    """Rule applications at twice the depth; with every component they are 5 to 12 times as many.

    With LoRA+'s rates what each layer adds has a size of its own, and is kept apart in all layers after it; and so is
    the part that it has in the slopes of maps.
    """
    less, more = (
        len(read(POINTS[point], replace(STACKS[kind], depth=depth)).applications) / depth**power for depth in (3, 6)
    )
    assert more < 1.2 * less


WIDTH, RANK = Axis("width", Affine.of(1)), Axis("rank", Affine.symbol("k"))
FLIPS = [Flip(Random(name, (axis,)), axis, axis) for name in "UV" for axis in (WIDTH, RANK)]
TENSORS = [Provenance.of(Random(name, (WIDTH, RANK))) for name in "UV"]
FACTORS = [Provenance(), *(Provenance.of(Random(name, (RANK,))) for name in "xy")]
PRODUCTS = [sight for tensor in TENSORS for each in FACTORS for sight in contracted(tensor, each, (RANK,)).alone]
"""What is seen of U and V along the width after a sum with each of the factors."""


@st.composite
def provenances(draw: st.DrawFn) -> Provenance:
    odd, mixed = (draw(st.frozensets(st.sampled_from(FLIPS))) for _ in range(2))
    itself = draw(st.frozensets(st.sampled_from([sight for tensor in TENSORS for sight in tensor.seen])))
    products = draw(st.frozensets(st.sampled_from(PRODUCTS)))
    alone = draw(st.frozensets(st.sampled_from(sorted(products, key=id)))) if products else products
    return Provenance(None, odd - mixed, mixed, itself | products, alone=alone)


@given(provenances(), provenances(), st.sampled_from([*TENSORS, Provenance()]), provenances())
def test_no_sum_gains_more_on_what_is_within(
    one: Provenance, more: Provenance, tensor: Provenance, factor: Provenance
) -> None:
    """`more` is made to hold `one`: what it mixes and has seen is added to."""
    alone = one.alone if more.alone else more.alone
    wider = Provenance(None, one.odd - more.flips, one.mixed | more.flips, one.seen | more.seen, alone=alone)
    assert one.is_within(wider)
    for other in (tensor, factor):
        for part in summations(one, other, (WIDTH,)):
            assert any(
                each.gain.constant >= part.gain.constant and part.provenance.is_within(each.provenance)
                for each in summations(wider, other, (WIDTH,))
            )


@given(st.lists(st.tuples(provenances(), st.integers(-3, 0)), min_size=8, max_size=24))
def test_what_stands_for_many_parities_holds_them(found: list[tuple[Provenance, int]]) -> None:
    every = gathered(Component(Size.exactly(Exponent.of(size)), provenance) for provenance, size in found)
    with patch.object(components, "MOST_PARITIES", 6):
        fewer = gathered(every)
    components._fewer_parities.cache_clear()
    assert len(fewer) <= max(6, len(by_parity(fewer))) and total(fewer).upper == total(every).upper
    assert total(fewer).lower == total(every).lower
    for one in every:
        assert any(
            one.provenance.is_within(other.provenance) and one.size.upper.is_at_most(other.size.upper)
            for other in fewer
        )


def test_a_component_is_not_within_one_that_is_as_odd_as_it_is_even() -> None:
    odd, even = Provenance(odd=frozenset(FLIPS[:1])), Provenance()
    assert not odd.is_within(even) and not even.is_within(odd)

"""Repetitions of cycles: which leave room for which, at every step and not only at the first ones."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gamma_calc.maxplus.quasi_linear import FloorSum, Repetitions

LATE = 120
"""A step by which cycles of these periods have overtaken any head start that they can."""

EVERY_STEP = Repetitions((FloorSum(0, ((1, 1),), 1),))
EVERY_OTHER = Repetitions((FloorSum(0, ((1, 2),), 1),))
TEN_AT_ONCE = Repetitions((FloorSum(0, (), 1), FloorSum(10, (), 1)))


def test_what_grows_covers_what_grows_more_slowly() -> None:
    assert EVERY_STEP.covers(EVERY_OTHER)
    assert not EVERY_OTHER.covers(EVERY_STEP)
    assert EVERY_STEP.covers(EVERY_STEP)


def test_a_head_start_does_not_last() -> None:
    assert TEN_AT_ONCE.most(2) > EVERY_STEP.most(2) and TEN_AT_ONCE.most(20) < EVERY_STEP.most(20)
    assert not TEN_AT_ONCE.covers(EVERY_STEP)
    assert not EVERY_STEP.covers(TEN_AT_ONCE)


@st.composite
def floors(draw: st.DrawFn) -> FloorSum:
    parts = tuple(draw(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3)), max_size=2)))
    start = max([1, *(offset for offset, _ in parts)]) + draw(st.integers(0, 2))
    return FloorSum(draw(st.integers(0, 3)), parts, start)


turns = st.lists(floors(), min_size=1, max_size=3).map(lambda members: Repetitions(tuple(members)))


@settings(max_examples=400)
@given(turns, turns)
def test_covering_is_room_for_all_turns_at_every_step(mine: Repetitions, other: Repetitions) -> None:
    steps = range(other.start, LATE)
    has_room = mine.start <= other.start and all(
        mine.least(t) <= other.least(t) and other.most(t) <= mine.most(t) for t in steps
    )
    assert mine.covers(other) == has_room


@given(turns)
def test_the_closed_form_is_the_most_turns_from_its_first_step_on(each: Repetitions) -> None:
    assert all(each.law.at(t) == each.most(t) for t in range(max(each.start, each.law.since), LATE))

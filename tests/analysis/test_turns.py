"""Turns of cycles: which leave room for which, at every step and not only at the first ones."""

from __future__ import annotations

from gamma_calc.analysis.turns import Floors, Turns

EVERY_STEP = Turns((Floors(0, ((1, 1),), 1),))
EVERY_OTHER = Turns((Floors(0, ((1, 2),), 1),))
TEN_AT_ONCE = Turns((Floors(0, (), 1), Floors(10, (), 1)))


def test_what_grows_covers_what_grows_more_slowly() -> None:
    assert EVERY_STEP.covers(EVERY_OTHER)
    assert not EVERY_OTHER.covers(EVERY_STEP)
    assert EVERY_STEP.covers(EVERY_STEP)


def test_a_head_start_does_not_last() -> None:
    assert TEN_AT_ONCE.most(2) > EVERY_STEP.most(2) and TEN_AT_ONCE.most(20) < EVERY_STEP.most(20)
    assert not TEN_AT_ONCE.covers(EVERY_STEP)
    assert not EVERY_STEP.covers(TEN_AT_ONCE)

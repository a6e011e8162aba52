"""Placing text: no closer than the gap, no farther than need be."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamma_calc.report.layout import fitted, spread, text_width, tick_step, wrapped

HEIGHT, GAP = 10.0, 1.0
ROUNDING = 1e-9


@given(st.lists(st.floats(-5, 15), max_size=9))
def test_spread_keeps_gap_bounds_and_order(wanted: list[float]) -> None:
    placed = spread(wanted, GAP, 0.0, HEIGHT)
    assert all(-ROUNDING <= place <= HEIGHT + ROUNDING for place in placed)
    assert all(after - before >= GAP - ROUNDING for before, after in pairwise(sorted(placed)))
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    assert [placed[i] for i in order] == sorted(placed)


@given(st.lists(st.integers(0, 4), max_size=5, unique=True))
def test_spread_moves_nothing_that_has_room(places: list[int]) -> None:
    wanted = [2.0 * place for place in places]
    assert spread(wanted, GAP, 0.0, HEIGHT) == pytest.approx(wanted)


def test_spread_shrinks_the_gap_where_there_is_no_room() -> None:
    assert spread([5.0] * 21, GAP, 0.0, HEIGHT) == pytest.approx([i / 2 for i in range(21)])


def test_text_is_cut_and_broken_to_fit() -> None:
    text = "U_B U_A and a good deal more than fits"
    assert text_width(fitted(text, 8, 1.0), 8) <= 1.0
    assert fitted(text, 8, 100.0) == text
    lines = wrapped(f"{text} {'x' * 99}", 8, 1.0)
    assert len(lines) > 2 and all(text_width(line, 8) <= 1.0 for line in lines)
    assert " ".join(wrapped(text, 8, 1.0)) == text


@given(st.floats(0, 2000), st.integers(1, 6))
def test_ticks_are_few(span: float, most: int) -> None:
    assert span / tick_step(span, most) <= most

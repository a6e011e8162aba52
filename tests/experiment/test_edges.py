"""The stability edge: found where it is planted, named where it is missing, and where the theory puts it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from gamma_calc.experiment.stability_plane import StabilityEdge, edge_exponent, stability_edge

Array = NDArray[np.float64]
PLANTED = np.array([-7.3, -2.0, -5.01])


def bounded_below(edges: Array, calls: list[int]) -> Array:
    def is_bounded(rates: Array) -> NDArray[np.bool_]:
        calls.append(len(rates))
        return np.asarray(rates[:, None] <= edges)

    return is_bounded  # type: ignore[return-value]


def test_each_run_has_the_edge_that_was_planted() -> None:
    calls: list[int] = []
    found = stability_edge(bounded_below(PLANTED, calls), -10, 0, precision=1 / 32)  # type: ignore[arg-type]
    assert np.abs(found.log2_rate - PLANTED).max() <= 1 / 64
    assert not found.is_missing.any()
    # 10 octaves halved down to 1/32 take nine rounds, of at most one rate a run; and the two ends.
    assert len(calls) == 10
    assert max(calls) <= len(PLANTED)


def test_a_run_without_an_edge_is_named_and_not_fitted() -> None:
    def edges(shift: float) -> StabilityEdge:
        planted = np.array([shift, shift + 0.1, shift + 0.2, shift - 0.1, 99.0])
        return stability_edge(bounded_below(planted, []), -30, 5)  # type: ignore[arg-type]

    widths = [2**k for k in range(7, 14)]
    found = [edges(-0.5 * k) for k in range(7, 14)]
    assert found[0].is_above.tolist() == [False] * 4 + [True]
    estimate = edge_exponent(widths, found, is_paired=True)
    # A sixteenth of an octave on every edge, over six octaves.
    assert estimate.slope == pytest.approx(-0.5, abs=1 / 64)
    assert {run for _, run in estimate.excluded} == {4}
    below = stability_edge(bounded_below(np.array([-50.0]), []), -30, 5)  # type: ignore[arg-type]
    assert below.is_below.all()

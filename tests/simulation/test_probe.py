"""The reference experiment: its sizes, and slopes known in closed form; the engine's own predictions are not used."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from gamma_calc.program.optimizers import Moments, Raw
from gamma_calc.simulation.probe import Power, ProbeConfiguration, probe
from gamma_calc.simulation.slopes import slope_estimate
from gamma_calc.simulation.verdicts import Verdict, verdict

SIGN = Moments(Fraction(0), Fraction(0), Fraction(0))
HALF, ONE = Fraction(1, 2), Fraction(1)
CONFIGURATION = ProbeConfiguration(
    widths=tuple(2**k for k in range(4, 11)),
    runs=16,
    steps=2,
    A=Power(-HALF),
    B=None,
    eta_A=Power(-ONE),
    eta_B=Power(-HALF),
    optimizer=SIGN,
    seed=3,
)


def test_sizes_follow_their_exponents() -> None:
    configuration = replace(
        CONFIGURATION,
        A=Power(-HALF, -ONE),
        B=Power(Fraction(0), -HALF),
        rank=HALF,
        base_rank=3,
        fan_out=Power(HALF),
        scale=Power(rank=-ONE),
        eta_A=Power(-ONE, factor=Fraction(4)),
    )
    shape = configuration.shape_at(256)
    assert (shape.width, shape.rank, shape.out) == (256, 48, 16)
    sizes = configuration.sizes_at(shape)
    assert pytest.approx(1 / 16 / 48) == sizes.A
    assert pytest.approx(48**-0.5) == sizes.B
    assert sizes.scale == pytest.approx(1 / 48)
    training = configuration.training_at(shape)
    assert training.eta_A == (4 / 256,)
    assert training.eta_B == (1 / 16,)


def test_first_sign_step_has_its_closed_form() -> None:
    """With B_0 = 0: U_B = -eta_B sign(..) exactly, U_A = 0, and delta_2 is all that happens at t = 1."""
    measured = probe(CONFIGURATION)
    n = np.array(CONFIGURATION.widths, dtype=np.float64)[:, None]
    # 2^-53 a rounding in the sum of some thousand equal squares, pairwise: far below 1e-12.
    np.testing.assert_allclose(measured.mean_square[1, "B", ("U_B",)], np.repeat(1 / n, 16, axis=1), rtol=1e-12)
    assert not measured.mean_square[1, "A", ("U_A",)].any()
    assert not measured.mean_square[1, "Delta_Z_B", ("U_B", "dA")].any()
    np.testing.assert_array_equal(
        measured.mean_square[1, "Delta_Z_B", None], measured.mean_square[1, "delta_2", ("dB", "A_0")]
    )
    assert not measured.is_excluded.any()


EXPECTED = {
    # Sums over the width: independent adds 1/2, aligned adds 1 (THEORY: rules); sizes of the configuration above.
    (1, "Z_A", ("A_0",)): Fraction(0),
    (1, "delta_2", ("dB", "A_0")): -HALF,
    (2, "Z_A", ("U_A",)): Fraction(0),
    (2, "delta_1", ("U_B", "dA")): -HALF,
    (2, "A", ("A_0",)): -HALF,
    (1, "delta_3", ("dB", "dA")): None,
}


def test_slopes_are_those_of_the_central_limit_and_the_law_of_large_numbers() -> None:
    measured = probe(CONFIGURATION)
    wrong = 0
    for key, predicted in EXPECTED.items():
        estimate = slope_estimate(CONFIGURATION.widths, measured.mean_square[key], measured.is_excluded)
        assert verdict(predicted, estimate).verdict is Verdict.PASS, (key, verdict(predicted, estimate).reason)
        wrong += verdict(Fraction(1, 4), estimate).verdict is Verdict.FAIL
    assert wrong == len(EXPECTED)


def test_pairing_sharpens_the_slope_of_an_independent_sum() -> None:
    widths = {}
    for is_paired in (True, False):
        configuration = replace(CONFIGURATION, steps=1, is_paired=is_paired)
        found = probe(configuration).mean_square[1, "Z_A", ("A_0",)]
        widths[is_paired] = slope_estimate(configuration.widths, found, is_paired=is_paired).half_width
    assert widths[True] < widths[False] / 2


@pytest.mark.parametrize("changes", [{"memory": 1}, {"memory": 2**22}], ids=str)
def test_pieces_change_nothing(changes: dict[str, int]) -> None:
    calls: list[tuple[int, int]] = []
    whole = probe(replace(CONFIGURATION, optimizer=Raw()))
    pieces = probe(replace(CONFIGURATION, optimizer=Raw()), lambda done, total: calls.append((done, total)), **changes)
    for key, value in whole.mean_square.items():
        # Batched products may add in another order.
        np.testing.assert_allclose(pieces.mean_square[key], value, rtol=1e-10)
    total = 16 * sum(CONFIGURATION.widths)
    assert calls[-1] == (total, total)
    # Wide runs take longer than narrow ones: half of the work is done when the widest width begins.
    assert {16 * sum(CONFIGURATION.widths[:k]) for k in range(1, 8)} <= {done for done, _ in calls}
    assert calls == sorted(calls)


def test_seeds_repeat_and_differ() -> None:
    key = (2, "Z_B", None)
    first, again, other = (probe(replace(CONFIGURATION, seed=seed)).mean_square[key] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.isclose(first, other).any()
    more = probe(replace(CONFIGURATION, seed=1, runs=20)).mean_square[key]
    np.testing.assert_allclose(more[:, :16], first, rtol=1e-10)

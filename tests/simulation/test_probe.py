"""The reference experiment of a sweep: its sizes."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from gamma_calc.program.optimizers import Moments
from gamma_calc.simulation.probe import Power, ProbeConfiguration

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

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
    A=Power(-HALF),
    B=None,
    eta_A=Power(-ONE),
    eta_B=Power(-HALF),
    optimizer=SIGN,
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
    )
    shape = configuration.shape_at(256)
    assert (shape.width, shape.rank, shape.out) == (256, 48, 16)
    sizes = configuration.sizes_at(shape)
    assert pytest.approx(1 / 16 / 48) == sizes.A
    assert pytest.approx(48**-0.5) == sizes.B
    assert sizes.scale == pytest.approx(1 / 48)
    training = replace(configuration, momentum=Power(-HALF)).training_at(shape, ((1.0,), (2.0,)), 3)
    assert (training.eta_A, training.eta_B, training.steps) == ((1.0,), (2.0,), 3)
    assert (training.extra.momentum, training.extra.decay_A, training.extra.feedback) == (1 / 16, None, None)

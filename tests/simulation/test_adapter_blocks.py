"""What no cut of the width into blocks may change, and the sums of squares that blocks are added up in."""

from __future__ import annotations

import pytest
import torch

from gamma_calc.program.optimizers import Moments, Raw
from gamma_calc.simulation import adapter_kernel
from gamma_calc.simulation.adapter_kernel import measured_training
from gamma_calc.simulation.adapter_module import Extra
from gamma_calc.simulation.square_sums import SquareSums
from tests.simulation.test_adapter_kernel import COARSE_ADAM, SEEDS, SIGN, module, training

DOUBLE = 8
COLUMN = 3 * SEEDS * 3 * DOUBLE
"""Bytes of one column of three rows, of all seeds at three learning rates."""


@pytest.mark.parametrize("columns", [1, 5, 16, 19])
@pytest.mark.parametrize("rule", [Raw(), SIGN, COARSE_ADAM], ids=["raw", "sign", "adam"])
@pytest.mark.parametrize("extra", [None, Extra(0.9, 0.1, 0.3)], ids=["plain", "momentum and decay"])
@pytest.mark.parametrize(("has_a", "has_b"), [(True, True), (True, False), (False, True)])
def test_blocks_change_nothing(
    columns: int, rule: Raw | Moments, extra: Extra | None, has_a: bool, has_b: bool
) -> None:
    """Sums of 19 terms in another order, amplified over four steps by a few units each."""
    batch = module((19, 11, 3, 5), has_a=has_a, has_b=has_b)
    run = training(rule, extra=extra)
    whole, cut = (measured_training(batch, run, block=size) for size in (2**30, columns * COLUMN))
    for key, value in whole.mean_square.items():
        torch.testing.assert_close(cut.mean_square[key], value, rtol=1e-10, atol=0)
    torch.testing.assert_close(cut.epsilon_ratio, whole.epsilon_ratio, rtol=1e-10, atol=0)
    assert torch.equal(cut.underflowed, whole.underflowed) and not cut.underflowed.any()


def test_the_blocks_are_as_wide_as_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the comparison above would be of one block with itself."""
    made: list[int] = []
    factor = adapter_kernel.Factor

    class Counted(factor):  # type: ignore[misc, valid-type]
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)
            made.append(len(self.blocks))

    monkeypatch.setattr(adapter_kernel, "Factor", Counted)
    measured_training(module((19, 11, 3, 5)), training(SIGN), block=5 * COLUMN)
    assert made == [4, 3]


@pytest.mark.parametrize(
    ("data_size", "rule", "eta"),
    [(1e-200, SIGN, 1e-3), (1e-100, Raw(), 1e-300), (1.0, SIGN, 1e-200)],
    ids=["gradient", "step", "square"],
)
def test_an_underflow_in_blocks_is_named(data_size: float, rule: Raw | Moments, eta: float) -> None:
    batch = module((8, 6, 3, 2), has_a=False)
    batch.inputs.mul_(data_size)
    batch.gradients.mul_(data_size)
    rates = training(rule, eta_A=(eta,), eta_B=(eta,), steps=1)
    assert measured_training(batch, rates, block=COLUMN).underflowed.all()


def test_a_block_of_zeros_is_no_underflow() -> None:
    """One block vanishes and another does not; what is zero in all of them is zero and has lost nothing."""
    sums = SquareSums((1, 2))
    tiny, one, zero = (torch.full((1, 2, 3, 4), value, dtype=torch.float64) for value in (1e-200, 1.0, 0.0))
    for first, second, third in ((tiny, zero, tiny), (one, zero, zero)):
        sums.add({("A", None): first, ("B", None): second, ("Z_A", None): third})
    found = {quantity: (mean, lost) for (quantity, _), mean, lost in sums.means({"A": 2.0})}
    # Twelve ones of 24 entries, times the scale squared, through one square root and back.
    torch.testing.assert_close(found["A"][0], torch.full((1, 2), 2.0, dtype=torch.float64), rtol=1e-15, atol=0)
    assert not found["A"][1].any()
    assert not found["B"][0].any() and not found["B"][1].any()
    assert not found["Z_A"][0].any() and found["Z_A"][1].all()

"""Batches: what is derived of sums over samples and steps is what noisy steps do, and in another regime it is not."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch

from gamma_calc.algebra import Affine, Exponent
from gamma_calc.atlas.families.batch import SUBJECTS
from gamma_calc.atlas.questions import Question, QuestionKind, answer_to

SAMPLES, SEEDS = 2**12, 64


def largest(subject: str, quantity: str, steps: int) -> Fraction:
    """The largest rate, in the size of the batch."""
    found = answer_to(
        Question(QuestionKind.LARGEST, "c", bounded=(quantity,), steps=steps, per="beta"), SUBJECTS[subject]
    )
    assert isinstance(found, Exponent)
    (form,) = found.pieces
    return form.constant


def slope(sizes: torch.Tensor, values: torch.Tensor) -> float:
    """That of log2 values against log2 sizes."""
    x, y = torch.log2(sizes), torch.log2(values)
    return float(((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum())


def moved(batch: int, signal: float, *, is_sign: bool) -> torch.Tensor:
    """How far all samples once move a weight at a rate 1: root mean square over runs."""
    random = torch.Generator().manual_seed(batch)
    noise = torch.randn(SEEDS, SAMPLES // batch, generator=random, dtype=torch.float64)
    gradients = signal + noise / batch**0.5
    return (torch.sign(gradients) if is_sign else gradients).sum(1).square().mean().sqrt()


REGIMES = {
    "sgd-drift": (range(5), SAMPLES**-0.25),
    "sgd-diffusion": (range(5), 0.0),
    "adam-drift": (range(5), SAMPLES**-0.25),
}


def moved_slope(powers: range, signal: float, *, is_sign: bool) -> float:
    batches = [2**k for k in powers]
    values = torch.stack([moved(batch, signal, is_sign=is_sign) for batch in batches])
    return slope(torch.tensor(batches, dtype=torch.float64), values)


@pytest.mark.parametrize("subject", REGIMES)
def test_rates_keep_what_a_run_does(subject: str) -> None:
    measured = moved_slope(*REGIMES[subject], is_sign=subject.startswith("adam"))
    assert abs(measured + largest(subject, "Delta_moved", 1)) < 0.05


def test_where_signals_lead_each_step_another_rate_does() -> None:
    """Sign descent with batches so large that every step has the sign of its signal: the rule is the linear one."""
    assert moved_slope(range(8, 12), SAMPLES**-0.25, is_sign=True) < -0.9


def cost_over_gain(batch: int, signal: float, entries: int) -> torch.Tensor:
    """Of a step of sign descent at a rate 1, on a loss curved along the vector of ones."""
    random = torch.Generator().manual_seed(batch)
    noise = torch.randn(4096, entries, generator=random)
    sums = torch.sign(signal + noise / batch**0.5).sum(1).double()
    return sums.square().mean() / (signal * sums.mean())


@pytest.mark.parametrize(
    ("subject", "powers", "signal", "entries"),
    [("small-batches", range(4), 2.0**-7, 256), ("large-batches", range(3, 7), 2.0**-5, 2048)],
)
def test_a_step_costs_as_much_as_it_gains(subject: str, powers: range, signal: float, entries: int) -> None:
    batches = [2**k for k in powers]
    values = torch.stack([cost_over_gain(batch, signal, entries) for batch in batches])
    assert abs(slope(torch.tensor(batches, dtype=torch.float64), values) + largest(subject, "ratio", 0)) < 0.1


def relative_step(share: float) -> torch.Tensor:
    """One over the size of a weight that loses a share in each of many independent steps of size 1."""
    random = torch.Generator().manual_seed(round(1 / share))
    weight = torch.zeros(4096, dtype=torch.float64)
    for _ in range(round(4 / share)):
        weight = (1 - share) * weight + torch.randn(4096, generator=random, dtype=torch.float64)
    return 1 / weight.square().mean().sqrt()


def test_steps_relative_to_a_weight_that_decay_holds() -> None:
    shares = torch.tensor([2.0**-k for k in range(3, 9)], dtype=torch.float64)
    at_rate_one = (("c", Affine.of(0)),)
    derived = answer_to(
        Question(QuestionKind.EXPONENT, "relative", steps=0, at=at_rate_one, per="k"), SUBJECTS["balanced"]
    )
    measured = slope(shares, torch.stack([relative_step(float(share)) for share in shares]))
    assert derived == Exponent.of(Fraction(1, 2)) and abs(measured - 0.5) < 0.05

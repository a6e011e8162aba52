"""The batched training against a slow module written from the definition, and its promises of zeros and batches."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from torch import Tensor

from gamma_calc.program.optimizers import Moments, Raw
from gamma_calc.simulation.adapter_module import TERMS, AdapterModule, Training, measured_training
from gamma_calc.simulation.steps import GradientStep
from tests.simulation import reference

SIGN = Moments(Fraction(0), Fraction(0), Fraction(0))
ADAM = Moments(Fraction(9, 10), Fraction(999, 1000), Fraction(1, 10**8))
COARSE_ADAM = Moments(Fraction(1, 2), Fraction(3, 4), Fraction(1))
RULES: dict[str, tuple[Raw | Moments, Callable[[], reference.Rule]]] = {
    "raw": (Raw(), reference.raw),
    "sign": (SIGN, reference.sign),
    "adam": (ADAM, lambda: reference.adam(0.9, 0.999, 1e-8)),
    "adam with an epsilon that counts": (COARSE_ADAM, lambda: reference.adam(0.5, 0.75, 1.0)),
}
RATES = ((0.3, 0.05), (0.02, 0.4), (0.1, 0.1))
SCALE, STEPS, SEEDS = 0.7, 4, 3
# Odd ranks: an even one lets sums of signs cancel, and then only rounding is left to compare.
SHAPES = {"n > m": (19, 11, 3, 5), "n < m, one sample": (6, 13, 5, 1), "m = 1": (9, 1, 3, 4)}


def module(shape: tuple[int, int, int, int], *, has_a: bool = True, has_b: bool = True, seed: int = 0) -> AdapterModule:
    """Modules with entries of size one; shape is (n, m, r, N)."""
    n, m, r, samples = shape
    generator = torch.Generator().manual_seed(seed)

    def draw(*sizes: int) -> Tensor:
        return torch.randn(SEEDS, *sizes, generator=generator, dtype=torch.float64)

    z, dz, a, b = draw(n, samples), draw(m, samples), draw(r, n), draw(m, r)
    return AdapterModule(z, dz, a if has_a else None, b if has_b else None, r, SCALE)


def training(rule: Raw | Moments, **changes: object) -> Training:
    settings = {"eta_A": tuple(a for a, _ in RATES), "eta_B": tuple(b for _, b in RATES), "steps": STEPS} | changes
    return Training(optimizer=rule, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(
    ("has_a", "has_b", "trains"),
    [(True, True, (True, True)), (True, False, (True, True)), (False, True, (True, True)), (True, True, (False, True))],
    ids=["both random", "B zero", "A zero", "A frozen"],
)
def test_training_is_the_definition(
    rule: tuple[Raw | Moments, Callable[[], reference.Rule]],
    shape: tuple[int, int, int, int],
    has_a: bool,
    has_b: bool,
    trains: tuple[bool, bool],
) -> None:
    batch = module(shape, has_a=has_a, has_b=has_b)
    fast = measured_training(batch, training(rule[0], trains_A=trains[0], trains_B=trains[1]))
    n, m, r, _ = shape
    for seed in range(SEEDS):
        a = torch.zeros(r, n, dtype=torch.float64) if batch.initial_A is None else batch.initial_A[seed]
        b = torch.zeros(m, r, dtype=torch.float64) if batch.initial_B is None else batch.initial_B[seed]
        for index, rates in enumerate(RATES):
            rules = (rule[1](), rule[1]())
            z, dz = batch.inputs[seed], batch.gradients[seed]
            slow = reference.trained(z, dz, a, b, SCALE, rates, rules, STEPS, trains)
            assert slow.keys() == fast.mean_square.keys()
            # Both sum some hundred products in other orders: 1e-13 relative to the largest term, times four steps'
            # amplification of a few units each.
            for key, expected in slow.items():
                terms = [slow[key[0], key[1], term] for term in TERMS[key[1]]]
                found = float(fast.mean_square[key][index, seed])
                assert math.isclose(found, expected, rel_tol=1e-10, abs_tol=1e-10 * max(terms)), key
    assert not fast.diverged.any()
    assert not fast.underflowed.any()


def test_sign_is_moments_without_memory() -> None:
    generator = torch.Generator().manual_seed(3)
    powers = torch.randint(-300, 300, (2, 1, 3, 50), generator=generator).double()
    gradient = torch.randn(2, 1, 3, 50, generator=generator, dtype=torch.float64) * 10.0**powers
    gradient[0, 0, 0, :5] = 0
    step = GradientStep(SIGN)
    for t in (1, 2, 3):
        assert torch.equal(step.processed(gradient * t, t), torch.sign(gradient))


def test_an_epsilon_below_the_number_range_is_none() -> None:
    gradient = torch.tensor([[0.0, 2.0, -3.0]])
    for epsilon in (Fraction(0), Fraction(1, 10**60)):
        assert GradientStep(replace(SIGN, epsilon=epsilon)).processed(gradient, 1).tolist() == [[0.0, 1.0, -1.0]]


def test_adam_is_torchs_adam() -> None:
    generator = torch.Generator().manual_seed(1)
    ours, theirs, second = GradientStep(ADAM), reference.adam(0.9, 0.999, 1e-8), 0.0
    for t in range(1, 30):
        gradient = torch.randn(2, 3, 4, 5, generator=generator, dtype=torch.float64) * 1e-6
        torch.testing.assert_close(ours.processed(gradient, t), theirs(gradient, t), rtol=1e-12, atol=1e-12)
        second = 0.999 * second + 0.001 * gradient.square().sum(dim=(-2, -1))
        torch.testing.assert_close(ours.root_square, second / (1 - 0.999**t), rtol=1e-12, atol=0)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_batches_and_pieces_change_nothing(rule: tuple[Raw | Moments, object]) -> None:
    batch = module((16, 12, 3, 4))
    whole = measured_training(batch, training(rule[0]))
    pieces = measured_training(batch, training(rule[0]), memory=1)
    single = measured_training(batch.piece(slice(1, 2)), training(rule[0], eta_A=(RATES[2][0],), eta_B=(RATES[2][1],)))
    for key, value in whole.mean_square.items():
        # A batched product may add in another order; 1e-13 relative at these sizes, amplified over four steps.
        torch.testing.assert_close(pieces.mean_square[key], value, rtol=1e-10, atol=0)
        torch.testing.assert_close(single.mean_square[key][0, 0], value[2, 1], rtol=1e-10, atol=0)


def test_what_is_identically_zero_is_exactly_zero() -> None:
    fast = measured_training(module((16, 12, 3, 4), has_b=False), training(ADAM)).mean_square
    for key in [(1, "delta_1", None), (1, "delta_3", None), (2, "Z_B", ("B_0", "A_0")), (4, "B", ("B_0",))]:
        assert not fast[key].any(), key
    for key in [(1, "delta_2", None), (2, "delta_1", None), (2, "delta_3", None)]:
        assert fast[key].all(), key


@pytest.mark.parametrize("memory", [1, 2**30])
def test_a_diverged_run_is_named_and_the_others_go_on(memory: int) -> None:
    rates = training(Raw(), eta_A=(1e-3, 1e200), eta_B=(1e-3, 1e200))
    fast = measured_training(module((16, 12, 3, 4)), rates, memory=memory)
    assert fast.diverged.tolist() == [[False] * SEEDS, [True] * SEEDS]
    assert all(value[0].isfinite().all() for value in fast.mean_square.values())


@pytest.mark.parametrize(
    ("data_size", "rule", "eta"),
    [(1e-200, SIGN, 1e-3), (1e-100, Raw(), 1e-300), (1.0, SIGN, 1e-200)],
    ids=["gradient", "step", "square"],
)
def test_an_underflow_is_named(data_size: float, rule: Raw | Moments, eta: float) -> None:
    """U_A or its square is rounded to zero, by one cause at a time, though no rule says that it vanishes."""
    batch = module((8, 6, 3, 2), has_a=False)
    batch.inputs.mul_(data_size)
    batch.gradients.mul_(data_size)
    fast = measured_training(batch, training(rule, eta_A=(eta,), eta_B=(eta,), steps=1))
    assert not fast.mean_square[1, "A", ("U_A",)].any()
    assert fast.underflowed.all()
    assert not measured_training(module((8, 6, 3, 2), has_a=False), training(rule)).underflowed.any()


def test_epsilon_ratio_warns_where_epsilon_counts() -> None:
    batch = module((16, 12, 3, 4))
    idle = replace(batch, gradients=torch.zeros_like(batch.gradients))
    for each in (batch, idle):
        assert torch.isinf(measured_training(each, training(SIGN)).epsilon_ratio).all()
    small = Moments(ADAM.beta1, ADAM.beta2, Fraction(1, 10**8))
    large = Moments(ADAM.beta1, ADAM.beta2, Fraction(1))
    ratios = [measured_training(batch, training(rule, steps=1)).epsilon_ratio for rule in (small, large)]
    torch.testing.assert_close(ratios[0], ratios[1] * 1e8, rtol=1e-12, atol=0)
    # The gradients here are sums of a few numbers of size one.
    assert bool((ratios[1] > 0.1).all())
    assert bool((ratios[1] < 100).all())


def test_float32_follows_float64() -> None:
    batch = module((64, 48, 3, 4))
    single = AdapterModule(
        batch.inputs.float(), batch.gradients.float(), batch.initial_A.float(), batch.initial_B.float(), 3, SCALE
    )  # type: ignore[union-attr]
    slow, fast = measured_training(batch, training(COARSE_ADAM)), measured_training(single, training(COARSE_ADAM))
    for key, value in slow.mean_square.items():
        # 2^-24 a rounding, sums of 64 terms, a few units of amplification; mean squares are kept in float64.
        torch.testing.assert_close(fast.mean_square[key], value, rtol=1e-4, atol=1e-12)

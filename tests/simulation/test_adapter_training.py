"""Many modules trained at once against a slow one written from the definition, and the promises of zeros and runs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest
import torch

from gamma_calc.program.optimizers import Moments, Raw
from gamma_calc.simulation.steps import GradientStep
from tests.simulation import reference
from tests.simulation.adapter_runs import RATES, SEEDS, Beside, Training, has_diverged, mean_squares, modules, trained

SIGN = Moments(Fraction(0), Fraction(0), Fraction(0))
ADAM = Moments(Fraction(9, 10), Fraction(999, 1000), Fraction(1, 10**8))
COARSE_ADAM = Moments(Fraction(1, 2), Fraction(3, 4), Fraction(1))
Rule = tuple[Raw | Moments, Callable[[], reference.Rule]]
RULES: dict[str, Rule] = {
    "raw": (Raw(), reference.raw),
    "sign": (SIGN, reference.sign),
    "adam": (ADAM, lambda: reference.adam(0.9, 0.999, 1e-8)),
    "adam with an epsilon that counts": (COARSE_ADAM, lambda: reference.adam(0.5, 0.75, 1.0)),
}
# Odd ranks: an even one lets sums of signs cancel, and then only rounding is left to compare.
SHAPES = {"n > m": (19, 11, 3, 5), "n < m, one sample": (6, 13, 5, 1), "m = 1": (9, 1, 3, 4)}
PLAIN = {
    "both random": (True, True, (True, True)),
    "B zero": (True, False, (True, True)),
    "A zero": (False, True, (True, True)),
    "A frozen": (True, True, (False, True)),
}
BESIDE = {
    "momentum": Beside(momentum=0.5),
    "decay": Beside(decay_A=0.7, decay_B=0.2),
    "feedback": Beside(feedback=0.3),
    "all": Beside(0.9, 0.1, 0.1, 0.05),
}


def check(rule: Rule, shape: tuple[int, int, int, int], training: Training, *, has_a: bool, has_b: bool) -> None:
    """The training of all runs is that of each by the definition; what the program leaves out is zero."""
    batch, beside = modules(shape, has_a=has_a, has_b=has_b), training.beside
    fast, underflowed = trained(batch, training)
    n, m, r, _ = shape
    decays = None if beside.decay_A is None or beside.decay_B is None else (beside.decay_A, beside.decay_B)
    for seed in range(SEEDS):
        a = torch.zeros(r, n, dtype=torch.float64) if batch.A is None else batch.A[seed]
        b = torch.zeros(m, r, dtype=torch.float64) if batch.B is None else batch.B[seed]
        for index, rates in enumerate(training.rates):
            plain = rule[1](), rule[1]()
            rules = plain
            if beside.momentum is not None:
                rules = tuple(reference.heavy_ball(beside.momentum, each) for each in plain)  # type: ignore[assignment]
            data = batch.inputs[seed], batch.gradients[seed], a, b
            numbers = (training.scale, rates, rules, training.steps, training.trains, decays, beside.feedback or 0.0)
            slow = reference.trained(*data, *numbers)
            assert slow.keys() >= fast.keys()
            # Both sum some hundred products in other orders: 1e-13 relative to the largest term, times four steps'
            # amplification of a few units each.
            for key, expected in slow.items():
                size = max(value for (t, name, term), value in slow.items() if (t, name) == key[:2] and term)
                found = float(fast[key][index, seed]) if key in fast else 0.0
                assert math.isclose(found, expected, rel_tol=1e-10, abs_tol=1e-10 * size), key
    assert not any(map(any, has_diverged(fast)))
    assert not underflowed.any()


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(("has_a", "has_b", "trains"), PLAIN.values(), ids=PLAIN)
def test_training_is_the_definition(
    rule: Rule, shape: tuple[int, int, int, int], has_a: bool, has_b: bool, trains: tuple[bool, bool]
) -> None:
    check(rule, shape, Training(rule[0], trains=trains), has_a=has_a, has_b=has_b)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("beside", BESIDE.values(), ids=BESIDE)
@pytest.mark.parametrize(("has_a", "has_b"), [(True, True), (True, False), (False, True)])
def test_what_is_added_to_plain_steps_is_the_definition(rule: Rule, beside: Beside, has_a: bool, has_b: bool) -> None:
    check(rule, SHAPES["n > m"], Training(rule[0], beside=beside), has_a=has_a, has_b=has_b)


def test_the_decay_is_that_of_adamw() -> None:
    """A factor without a gradient shrinks by 1 - eta lambda a step, as in torch.optim.AdamW."""
    batch = modules(SHAPES["n > m"], has_b=False)
    training = Training(ADAM, beside=Beside(decay_A=0.7, decay_B=0.7), trains=(True, False))
    found = mean_squares(batch, training)
    assert batch.A is not None
    for index, (eta, _) in enumerate(RATES):
        parameter = torch.nn.Parameter(batch.A[0].clone())
        optimizer = torch.optim.AdamW([parameter], lr=eta, weight_decay=0.7)
        for t in range(1, training.steps + 1):
            parameter.grad = torch.zeros_like(parameter)
            optimizer.step()
            expected = parameter.detach().square().mean()
            torch.testing.assert_close(found[t, "A", None][index, 0], expected, rtol=1e-12, atol=0.0)


def test_the_momentum_is_that_of_torch() -> None:
    """The heavy ball of torch.optim.SGD, on the loss <dZ, s B A Z>."""
    batch, (eta, _) = modules(SHAPES["n > m"]), RATES[2]
    assert batch.A is not None and batch.B is not None
    training = Training(Raw(), ((eta, eta),), beside=Beside(momentum=0.9))
    found = mean_squares(batch, training)
    a, b = (torch.nn.Parameter(each[0].clone()) for each in (batch.A, batch.B))
    optimizer = torch.optim.SGD([a, b], lr=eta, momentum=0.9)
    for t in range(1, training.steps + 1):
        optimizer.zero_grad()
        (batch.gradients[0] * (training.scale * b @ a @ batch.inputs[0])).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        for name, value in (("A", a), ("B", b)):
            expected = value.detach().square().mean()
            torch.testing.assert_close(found[t, name, None][0, 0], expected, rtol=1e-12, atol=0.0)


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
    ours, theirs = GradientStep(ADAM), reference.adam(0.9, 0.999, 1e-8)
    for t in range(1, 30):
        gradient = torch.randn(2, 3, 4, 5, generator=generator, dtype=torch.float64) * 1e-6
        torch.testing.assert_close(ours.processed(gradient, t), theirs(gradient, t), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("beside", [Beside(), *BESIDE.values()], ids=["plain", *BESIDE])
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_run_is_the_same_beside_others(rule: Rule, beside: Beside) -> None:
    batch, training = modules((16, 12, 3, 4)), Training(rule[0], beside=beside)
    whole, single = mean_squares(batch, training), mean_squares(batch.seed(1), training.but(rates=RATES[2:]))
    for key, value in whole.items():
        # A batched product may add in another order; 1e-13 relative at these sizes, amplified over four steps.
        torch.testing.assert_close(single[key][0, 0], value[2, 1], rtol=1e-10, atol=0)


def test_what_is_identically_zero_is_left_out() -> None:
    fast = mean_squares(modules((16, 12, 3, 4), has_b=False), Training(ADAM))
    assert not fast.keys() & {
        (1, "delta_1", None),
        (1, "delta_3", None),
        (2, "Z_B", ("B_0", "A_0")),
        (4, "B", ("B_0",)),
    }
    for key in [(1, "delta_2", None), (2, "delta_1", None), (2, "delta_3", None)]:
        assert fast[key].all(), key  # type: ignore[index]


@pytest.mark.parametrize("beside", [Beside(), *BESIDE.values()], ids=["plain", *BESIDE])
def test_a_diverged_run_is_named_and_the_others_go_on(beside: Beside) -> None:
    training = Training(Raw(), ((1e-3, 1e-3), (1e200, 1e200)), beside=beside)
    fast = mean_squares(modules((16, 12, 3, 4)), training)
    assert has_diverged(fast) == [[False] * SEEDS, [True] * SEEDS]


@pytest.mark.parametrize("beside", [Beside(), Beside(momentum=0.5)], ids=["plain", "momentum"])
@pytest.mark.parametrize(
    ("data_size", "rule", "eta"),
    [(1e-200, SIGN, 1e-3), (1e-100, Raw(), 1e-300), (1.0, SIGN, 1e-200)],
    ids=["gradient", "step", "square"],
)
def test_an_underflow_is_named(data_size: float, rule: Raw | Moments, eta: float, beside: Beside) -> None:
    """U_A or its square is rounded to zero, by one cause at a time, though no rule says that it vanishes."""
    batch = modules((8, 6, 3, 2), has_a=False)
    small = replace(batch, inputs=data_size * batch.inputs, gradients=data_size * batch.gradients)
    squares, underflowed = trained(small, Training(rule, ((eta, eta),), steps=1, beside=beside))
    assert not squares[1, "A", ("U_A",)].any()
    assert underflowed.all()
    assert not trained(batch, Training(rule, beside=beside))[1].any()


@pytest.mark.parametrize("beside", BESIDE.values(), ids=BESIDE)
def test_a_run_leaves_its_numbers_as_they_were(beside: Beside) -> None:
    """One seed and one rate: a part of a factor could be the tensor that was handed over, and a decay change it."""
    batch = modules(SHAPES["n > m"]).seed(0)
    assert batch.A is not None and batch.B is not None
    before = batch.A.clone(), batch.B.clone()
    mean_squares(batch, Training(Raw(), RATES[2:], beside=beside))
    assert torch.equal(batch.A, before[0]) and torch.equal(batch.B, before[1])


def test_float32_follows_float64() -> None:
    batch = modules((64, 48, 3, 4))
    slow, fast = (mean_squares(each, Training(COARSE_ADAM)) for each in (batch, batch.to(torch.float32)))
    for key, value in slow.items():
        # 2^-24 a rounding, sums of 64 terms, a few units of amplification; mean squares are kept in float64.
        torch.testing.assert_close(fast[key], value, rtol=1e-4, atol=1e-12)

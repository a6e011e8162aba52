"""Momentum, weight decay and feedback of the adapter training, against the definition and against torch."""

from __future__ import annotations

import math

import pytest
import torch

from gamma_calc.program.optimizers import Raw
from gamma_calc.simulation.adapter_module import Extra, measured_training, terms_of
from tests.simulation import reference
from tests.simulation.test_adapter_training import (
    ADAM,
    RATES,
    RULES,
    SCALE,
    SEEDS,
    SHAPES,
    SIGN,
    STEPS,
    module,
    training,
)

EXTRAS = {
    "momentum": Extra(momentum=0.5),
    "decay": Extra(decay_A=0.7, decay_B=0.2),
    "feedback": Extra(feedback=0.3),
    "all": Extra(0.9, 0.1, 0.1, 0.05),
}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("extra", EXTRAS.values(), ids=EXTRAS)
@pytest.mark.parametrize(("has_a", "has_b"), [(True, True), (True, False), (False, True)])
def test_what_is_added_to_plain_steps_is_the_definition(
    rule: tuple[object, object], extra: Extra, has_a: bool, has_b: bool
) -> None:
    batch = module(SHAPES["n > m"], has_a=has_a, has_b=has_b)
    found = measured_training(batch, training(rule[0], extra=extra))  # type: ignore[arg-type]
    n, m, r, _ = SHAPES["n > m"]
    for seed in range(SEEDS):
        a = torch.zeros(r, n, dtype=torch.float64) if batch.initial_A is None else batch.initial_A[seed]
        b = torch.zeros(m, r, dtype=torch.float64) if batch.initial_B is None else batch.initial_B[seed]
        for index, rates in enumerate(RATES):
            slow = reference.trained(
                batch.inputs[seed],
                batch.gradients[seed],
                a,
                b,
                SCALE,
                rates,
                _rules(rule, extra),
                STEPS,
                decays=None if extra.decay_A is None or extra.decay_B is None else (extra.decay_A, extra.decay_B),
                feedback=extra.feedback or 0.0,
            )
            assert slow.keys() == found.mean_square.keys()
            for (t, quantity, term), expected in slow.items():
                size = max(slow[t, quantity, each] for each in terms_of(quantity, has_decay=extra.decay_A is not None))
                measured = float(found.mean_square[t, quantity, term][index, seed])
                assert math.isclose(measured, expected, rel_tol=1e-10, abs_tol=1e-10 * size), (t, quantity, term)


def _rules(rule: tuple[object, object], extra: Extra) -> tuple[reference.Rule, reference.Rule]:
    plain = rule[1](), rule[1]()  # type: ignore[operator]
    if extra.momentum is None:
        return plain
    return reference.heavy_ball(extra.momentum, plain[0]), reference.heavy_ball(extra.momentum, plain[1])


def test_the_decay_is_that_of_adamw() -> None:
    """A factor without a gradient shrinks by 1 - eta lambda a step, as in torch.optim.AdamW."""
    batch = module(SHAPES["n > m"], has_b=False)
    found = measured_training(batch, training(ADAM, extra=Extra(decay_A=0.7, decay_B=0.7), trains_B=False))
    assert batch.initial_A is not None
    for index, (eta, _) in enumerate(RATES):
        parameter = torch.nn.Parameter(batch.initial_A[0].clone())
        optimizer = torch.optim.AdamW([parameter], lr=eta, weight_decay=0.7)
        for t in range(1, STEPS + 1):
            parameter.grad = torch.zeros_like(parameter)
            optimizer.step()
            expected = parameter.detach().square().mean()
            torch.testing.assert_close(found.mean_square[t, "A", None][index, 0], expected, rtol=1e-12, atol=0.0)


def test_the_momentum_is_that_of_torch() -> None:
    """The heavy ball of torch.optim.SGD, on the loss <dZ, s B A Z>."""
    batch, (eta, _) = module(SHAPES["n > m"]), RATES[2]
    assert batch.initial_A is not None and batch.initial_B is not None
    found = measured_training(batch, training(Raw(), extra=Extra(momentum=0.9), eta_A=(eta,), eta_B=(eta,)))
    a, b = (torch.nn.Parameter(each[0].clone()) for each in (batch.initial_A, batch.initial_B))
    optimizer = torch.optim.SGD([a, b], lr=eta, momentum=0.9)
    for t in range(1, STEPS + 1):
        optimizer.zero_grad()
        (batch.gradients[0] * (SCALE * b @ a @ batch.inputs[0])).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        for name, value in (("A", a), ("B", b)):
            expected = value.detach().square().mean()
            torch.testing.assert_close(found.mean_square[t, name, None][0, 0], expected, rtol=1e-12, atol=0.0)


@pytest.mark.parametrize("extra", EXTRAS.values(), ids=EXTRAS)
def test_batches_and_pieces_change_nothing(extra: Extra) -> None:
    batch = module((16, 12, 3, 4))
    whole, pieces = (measured_training(batch, training(SIGN, extra=extra), memory=memory) for memory in (2**30, 1))
    for key, value in whole.mean_square.items():
        # A batched product may add in another order; 1e-13 relative at these sizes, amplified over four steps.
        torch.testing.assert_close(pieces.mean_square[key], value, rtol=1e-10, atol=0)


@pytest.mark.parametrize("extra", EXTRAS.values(), ids=EXTRAS)
def test_a_diverged_run_and_an_underflow_are_named(extra: Extra) -> None:
    batch = module((16, 12, 3, 4))
    found = measured_training(batch, training(Raw(), extra=extra, eta_A=(1e-3, 1e200), eta_B=(1e-3, 1e200)))
    assert found.diverged.tolist() == [[False] * SEEDS, [True] * SEEDS]
    tiny = measured_training(batch, training(SIGN, extra=extra, eta_A=(1e-200,), eta_B=(1e-200,), steps=1))
    assert tiny.underflowed.all()


def test_a_gradient_that_is_rounded_to_zero_is_named_under_momentum() -> None:
    batch = module((8, 6, 3, 2))
    batch.inputs.mul_(1e-200)
    batch.gradients.mul_(1e-200)
    assert measured_training(batch, training(Raw(), extra=EXTRAS["momentum"])).underflowed.all()


@pytest.mark.parametrize("extra", EXTRAS.values(), ids=EXTRAS)
def test_a_run_leaves_its_module_as_it_was(extra: Extra) -> None:
    """One seed and one rate: then a part of a factor could be the module's own tensor, and a decay change it."""
    batch = module(SHAPES["n > m"]).piece(slice(0, 1))
    assert batch.initial_A is not None and batch.initial_B is not None
    before = batch.initial_A.clone(), batch.initial_B.clone()
    measured_training(batch, training(Raw(), extra=extra, eta_A=(0.1,), eta_B=(0.1,)))
    assert torch.equal(batch.initial_A, before[0]) and torch.equal(batch.initial_B, before[1])

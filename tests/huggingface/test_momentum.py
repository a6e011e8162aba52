"""A momentum on PEFT's layers is the program's where torch has that rule, and is refused with a reason where not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn

from gamma_calc.errors import BadInput
from gamma_calc.huggingface import (
    CoordinateLayout,
    coordinate_check,
    init_lora_,
    lora_adapters,
    parameter_groups,
    scheme_optimizer,
)
from gamma_calc.program.scheme import Scheme
from tests.huggingface.models import wrapped
from tests.schemes import scheme
from tests.simulation import reference
from tests.simulation.adapter_runs import Beside, Modules, Training, mean_squares

WIDTH, RANK, SAMPLES, STEPS = 12, 3, 5, 6
RATE, BETA = 0.02, 0.7


class Module(nn.Module):
    """The module of the theory: fixed inputs, and a fixed gradient on the outputs."""

    def __init__(self, width: int = WIDTH, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1000 * width + seed)
        self.linear = nn.Linear(width, width, bias=False)
        self.z, self.slope = (torch.randn(SAMPLES, width, generator=generator) for _ in range(2))

    def forward(self) -> Tensor:
        return (self.linear(self.z.to(self.linear.weight.dtype)) * self.slope).sum()


def module(width: int = WIDTH, seed: int = 0) -> nn.Module:
    return get_peft_model(Module(width, seed), LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules=["linear"]))


def heavy(optimizer: str, momentum: str = "0") -> Scheme:
    return scheme("-1/2", "0", "-1", "-1", optimizer=optimizer, momentum=momentum)


def sizes(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[tuple[float, float]]:
    """The mean squares of A and B after each step."""
    (each,) = lora_adapters(model)
    found = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        model().backward()
        optimizer.step()
        found.append((float(each.A.detach().square().mean()), float(each.B.detach().square().mean())))
    return found


def read(model: nn.Module, subject: Scheme, momentum: float | None) -> list[tuple[float, float]]:
    """The same by reading the program, from the factors as they stand."""
    (each,), base = lora_adapters(model), Module()
    data = (tensor.double().mT[None] for tensor in (base.z, base.slope))
    factors = (factor.detach().clone()[None] for factor in (each.A, each.B))
    rule: Any = subject.optimizer.step
    found = mean_squares(
        Modules(*data, *factors), Training(rule, ((RATE, RATE),), STEPS, (True, True), Beside(momentum), each.scale)
    )
    return [(float(found[t, "A", None]), float(found[t, "B", None])) for t in range(1, STEPS + 1)]


def drawn(subject: Scheme) -> nn.Module:
    return init_lora_(module().double(), subject, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("optimizer", "momentum"), [("sgd", BETA), ("sgd", None), ("adam", None), ("sign", None)], ids=str
)
def test_torchs_optimiser_and_the_program_are_one(optimizer: str, momentum: float | None) -> None:
    subject = heavy(optimizer) if momentum else scheme("-1/2", "0", "-1", "-1", optimizer=optimizer)
    model = drawn(subject)
    expected = read(model, subject, momentum)
    options = {} if momentum is None else {"momentum": momentum}
    found = sizes(model, scheme_optimizer(model, subject, RATE, base_width=WIDTH, **options))
    # Gradients that agree to 1e-13; where Adam divides by their size, that is magnified by some units a step.
    torch.testing.assert_close(torch.tensor(found), torch.tensor(expected), rtol=1e-10, atol=0.0)


@pytest.mark.parametrize("optimizer", ["adam", "sign"])
def test_no_betas_of_adamw_are_a_momentum_in_front_of_it(optimizer: str) -> None:
    """The reason for the refusal: the averages of AdamW differ, whichever of its betas has the momentum."""
    subject = heavy(optimizer)
    rule: Any = subject.optimizer.step
    expected = torch.tensor(read(drawn(subject), subject, BETA))
    for betas in ((BETA, float(rule.beta2)), (BETA, BETA), (float(rule.beta1), BETA)):
        model = drawn(subject)
        (each,) = lora_adapters(model)
        found = sizes(model, torch.optim.AdamW([each.A, each.B], lr=RATE, betas=betas, eps=1e-30, weight_decay=0.0))
        assert not torch.allclose(torch.tensor(found), expected, rtol=1e-3, atol=0.0)


def test_the_reading_in_front_of_adam_is_that_of_its_definition() -> None:
    """What the refusal speaks of is no artefact of the reading: torch's Adam, given m in place of G, agrees with it."""
    subject = heavy("adam")
    model = drawn(subject)
    (each,), expected = lora_adapters(model), read(model, subject, BETA)
    rules = [reference.heavy_ball(BETA, reference.adam(0.9, 0.999, 1e-8)) for _ in range(2)]
    for t, (a, b) in enumerate(expected, 1):
        model.zero_grad()
        model().backward()
        with torch.no_grad():
            for factor, rule in zip((each.A, each.B), rules, strict=True):
                assert factor.grad is not None
                factor.sub_(RATE * rule(factor.grad, t))
        assert float(each.A.detach().square().mean()) == pytest.approx(a, rel=1e-10)
        assert float(each.B.detach().square().mean()) == pytest.approx(b, rel=1e-10)


def test_a_momentum_follows_its_exponent_from_the_base() -> None:
    subject = heavy("sgd", "-1/2")
    model = init_lora_(wrapped(), subject)
    groups = parameter_groups(model, subject, 1e-3, base_width=64, momentum=0.4)
    assert {group["momentum"] for group in groups} == {0.8}  # (16 / 64)^(-1/2)
    assert all("momentum" not in group for group in parameter_groups(model, subject, 1e-3, base_width=64))


@pytest.mark.parametrize(
    ("subject", "options", "message"),
    [
        pytest.param(heavy("adam"), {"momentum": 0.9}, "in front of the normalised step of adam", id="adam"),
        pytest.param(heavy("sign"), {"momentum": 0.9}, "no betas of AdamW", id="sign"),
        pytest.param(heavy("sgd"), {}, "say which one it is at the base width", id="not said"),
        pytest.param(heavy("sgd"), {"momentum": 0.9, "weight_decay": 0.1}, "torch's SGD has it go", id="decay"),
        pytest.param(heavy("sgd"), {"momentum": 0}, "momentum: found 0, expected a positive number", id="zero"),
        pytest.param(scheme("-1/2", "0", "-1", "-1", optimizer="sgd"), {"momentum": 0.9}, "leave it out", id="none"),
        pytest.param(scheme("-1/2", "0", "-1", "-1"), {"momentum": 0.9}, "has no momentum", id="plain adam"),
    ],
)
def test_refusals(subject: Scheme, options: dict[str, float], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        scheme_optimizer(init_lora_(wrapped(), subject), subject, 1e-3, base_width=16, **options)


@pytest.mark.filterwarnings("ignore:nothing is settled")
def test_a_family_is_trained_with_the_momentum_that_is_given() -> None:
    """The first step is the same with and without one, the second is not."""
    layout = CoordinateLayout((8, 16, 32), seeds=2, steps=2)
    plain, moved = (
        coordinate_check(module, lambda model, seed: model(), subject, layout=layout, momentum=momentum)
        for subject, momentum in ((scheme("-1/2", "0", "-1", "-1", optimizer="sgd"), None), (heavy("sgd"), 0.5))
    )
    (before,), (after,) = (check.layers for check in (plain, moved))
    for t, is_same in ((1, True), (2, False)):
        pair = (each.measurement.mean_square[t, "A", ("U_A",)] for each in (before, after))
        assert np.array_equal(*pair) is is_same

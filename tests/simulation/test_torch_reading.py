"""A program that is read for one run, and for many at once, gives the same terms to float64 rounding."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gamma_calc.program.lora import lora_module
from gamma_calc.program.scheme import Scheme
from gamma_calc.simulation.adapter_module import TERMS, AdapterModule, Training, measured_training
from gamma_calc.simulation.torch_reading import TorchReading, trained_in_torch
from tests.schemes import scheme

STEPS, WIDTH, OUT, RANK, SAMPLES, SCALE = 4, 24, 17, 3, 5, 0.5
RATES = {"A": 0.03, "B": 0.2}

SCHEMES = {
    "init-a": scheme("-1/2", "zero", "eta", "eta"),
    "init-b": scheme("zero", "0", "eta", "eta"),
    "init-ab": scheme("-1/2", "-1/2", "eta", "eta"),
}


def tensors(subject: Scheme) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(7)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    found = {"Z": draw(WIDTH, SAMPLES), "dZ": draw(OUT, SAMPLES), "A": draw(RANK, WIDTH), "B": draw(OUT, RANK)}
    return {name: value for name, value in found.items() if name not in "AB" or subject.form(name) is not None}


@pytest.mark.parametrize("optimizer", ["adam", "sign", "sgd"])
@pytest.mark.parametrize("name", SCHEMES)
def test_one_run_against_many(name: str, optimizer: str) -> None:
    subject = SCHEMES[name].under(optimizer)
    values = tensors(subject)
    reading = TorchReading(subject.optimizer, values, RATES, {"s": SCALE})
    slow = list(trained_in_torch(lora_module(subject), reading, STEPS))

    module = AdapterModule(
        values["Z"][None],
        values["dZ"][None],
        values["A"][None] if "A" in values else None,
        values["B"][None] if "B" in values else None,
        RANK,
        SCALE,
    )
    fast = measured_training(module, Training((RATES["A"],), (RATES["B"],), subject.optimizer.step, STEPS))
    for step in slow:
        for quantity, value in step.quantities.items():
            terms = {tuple(map(str, label)): term for label, term in value}
            for key in TERMS[quantity]:
                expected = terms[key].square().mean() if key in terms else torch.zeros((), dtype=torch.float64)
                measured = fast.mean_square[step.t, quantity, key][0, 0]
                torch.testing.assert_close(measured, expected, rtol=1e-10, atol=0.0)
            if terms:
                whole = torch.stack(list(terms.values())).sum(dim=0).square().mean()
                torch.testing.assert_close(fast.mean_square[step.t, quantity, None][0, 0], whole, rtol=1e-8, atol=1e-14)


def test_twin_sees_a_wrong_rate() -> None:
    subject = SCHEMES["init-a"]
    values = tensors(subject)
    right, wrong = (
        list(trained_in_torch(lora_module(subject), TorchReading(subject.optimizer, values, rates, {"s": SCALE}), 2))
        for rates in (RATES, {**RATES, "A": 0.031})
    )
    key = right[1].quantities["Z_A"].terms[-1][0]
    assert not torch.equal(right[1].quantities["Z_A"].get(key), wrong[1].quantities["Z_A"].get(key))  # type: ignore[arg-type]

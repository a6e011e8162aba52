"""Update rules in torch: each is torch's own optimiser, or its published formula, step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
import torch
from torch import Tensor

from gamma_calc.program.lora import lora_module
from gamma_calc.program.optimizers import OPTIMIZERS
from gamma_calc.program.scheme import Scheme
from gamma_calc.simulation.steps import GradientStep, orthogonalised
from gamma_calc.simulation.torch_reading import TorchReading, trained_in_torch
from tests.schemes import scheme

STEPS, WIDTH, OUT, RANK, SAMPLES, SCALE, RATE = 5, 24, 17, 3, 5, 0.5, 0.03
START = ("-1/2", "-1/2", "eta", "eta")


def tensors(size: float) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(7)
    shapes = {"Z": (WIDTH, SAMPLES), "dZ": (OUT, SAMPLES), "A": (RANK, WIDTH), "B": (OUT, RANK)}
    found = {name: torch.randn(*shape, generator=generator, dtype=torch.float64) for name, shape in shapes.items()}
    return found | {"dZ": size * found["dZ"]}


def read(subject: Scheme, values: Mapping[str, Tensor], scalars: Mapping[str, float]) -> list[dict[str, Tensor]]:
    """A and B after each step, as the reading of the program has them."""
    numbers = {f"{key}_{name}": value for key, value in scalars.items() for name in "AB"}
    reading = TorchReading(subject.optimizer, values, dict.fromkeys("AB", RATE), {"s": SCALE, **numbers})
    return [
        {name: sum(term for _, term in step.after[name]) for name in "AB"}  # type: ignore[misc]
        for step in trained_in_torch(lora_module(subject), reading, STEPS)
    ]


Make = Callable[[list[Tensor]], torch.optim.Optimizer]


def trained(values: Mapping[str, Tensor], make: Make, clip: float | None = None) -> list[dict[str, Tensor]]:
    """A and B after each step of an optimiser of torch on the same linear loss."""
    a, b = (values[name].clone().requires_grad_() for name in "AB")
    optimizer, found = make([a, b]), []
    for _ in range(STEPS):
        optimizer.zero_grad()
        (values["dZ"] * (SCALE * b @ (a @ values["Z"]))).sum().backward()
        if clip is not None:
            torch.nn.utils.clip_grad_norm_([a, b], clip)
        optimizer.step()
        found.append({"A": a.detach().clone(), "B": b.detach().clone()})
    return found


MUONS: Mapping[str, str | None] = {"muon-rms": "match_rms_adamw", "muon-original": None}
"""What torch's Muon is asked for to be one of ours; None is its default."""


def exact_muon(monkeypatch: pytest.MonkeyPatch, adjusted: str | None) -> Make:
    """torch's Muon, with its iteration in the precision of the gradient in place of bfloat16."""
    module = torch.optim._muon

    def iterated(gradient: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float) -> Tensor:
        return orthogonalised(gradient, steps, *coefficients)

    monkeypatch.setattr(module, "_zeropower_via_newtonschulz", iterated)
    return lambda parameters: torch.optim.Muon(parameters, lr=RATE, weight_decay=0.0, adjust_lr_fn=adjusted)


TORCH: Mapping[str, tuple[str, dict[str, str], dict[str, float], Make]] = {
    "momentum": ("momentum", {}, {"beta": 0.9}, lambda p: torch.optim.SGD(p, RATE, momentum=0.9)),
    "nesterov": ("nesterov", {}, {"beta": 0.9}, lambda p: torch.optim.SGD(p, RATE, momentum=0.9, nesterov=True)),
    "adamw": ("adamw", {}, {"lambda": 0.2}, lambda p: torch.optim.AdamW(p, RATE, weight_decay=0.2)),
    "epsilon": ("adam", {"epsilon": "0"}, {"epsilon": 2.0}, lambda p: torch.optim.Adam(p, RATE, eps=2.0)),
    "rmsprop": ("rmsprop", {}, {}, lambda p: torch.optim.Adam(p, RATE, betas=(0.0, 0.99))),
    "adafactor": ("adafactor", {}, {"floor": 1e-3}, lambda p: torch.optim.Adafactor(p, RATE, foreach=False)),
}
"""An optimiser, what a spec says beside it, the numbers, and the same of torch."""


@pytest.mark.parametrize(("name", "beside", "numbers", "make"), TORCH.values(), ids=TORCH)
def test_a_rule_is_torchs(name: str, beside: dict[str, str], numbers: dict[str, float], make: Make) -> None:
    values = tensors(1.0)
    subject = scheme(*START, optimizer=name, **beside)
    torch.testing.assert_close(read(subject, values, numbers), trained(values, make), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", MUONS)
def test_muon_is_torchs(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    values = tensors(1.0)
    found = read(scheme(*START, optimizer=name), values, {"beta": 0.95})
    torch.testing.assert_close(found, trained(values, exact_muon(monkeypatch, MUONS[name])), rtol=1e-10, atol=1e-14)


def test_the_default_of_torchs_muon_is_not_the_spectral_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of A, which is wide, torch's default makes the steps no less."""
    values = tensors(1.0)
    found = read(scheme(*START, optimizer="muon"), values, {"beta": 0.95})
    with pytest.raises(AssertionError):
        torch.testing.assert_close(found, trained(values, exact_muon(monkeypatch, None)))


def test_spectral_and_matched_muon_differ_by_their_scalars() -> None:
    values = tensors(1.0)
    spectral, matched = (
        read(scheme(*START, optimizer=name), values, {"beta": 0.95})[0] for name in ("muon", "muon-rms")
    )
    ratios = {"A": (RANK / WIDTH) ** 0.5 / (0.2 * WIDTH**0.5), "B": (OUT / RANK) ** 0.5 / (0.2 * OUT**0.5)}
    for name, ratio in ratios.items():
        torch.testing.assert_close(spectral[name] - values[name], ratio * (matched[name] - values[name]))


@pytest.mark.parametrize("name", ["sgd-clipped", "adam-clipped"])
@pytest.mark.parametrize("size", [1e5, 1e-5], ids=["clipped", "untouched"])
def test_clipping_is_torchs(name: str, size: float) -> None:
    """Far from the 1e-6 that torch adds to the norm."""
    make: Mapping[str, Make] = {
        "sgd-clipped": lambda p: torch.optim.SGD(p, RATE),
        "adam-clipped": lambda p: torch.optim.Adam(p, RATE, eps=1e-8),
    }
    values = tensors(size)
    found = read(scheme(*START, optimizer=name), values, {})
    torch.testing.assert_close(found, trained(values, make[name], clip=1.0), rtol=1e-10, atol=1e-14)


def test_a_wrong_number_is_seen() -> None:
    values = tensors(1.0)
    found = read(scheme(*START, optimizer="nesterov"), values, {"beta": 0.9})
    for wrong in (
        lambda p: torch.optim.SGD(p, RATE, momentum=0.9),
        lambda p: torch.optim.SGD(p, RATE, momentum=0.91, nesterov=True),
    ):
        assert not torch.allclose(found[-1]["A"], trained(values, wrong)[-1]["A"], rtol=1e-4)


def test_orthogonalising_brings_every_singular_value_to_about_one() -> None:
    draw = torch.randn(2, 3, 40, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    step = GradientStep(OPTIMIZERS["muon"].step)
    for direction in (draw, draw.mT, 1e-20 * draw):
        values = torch.linalg.svdvals(step.processed(direction, 1))
        assert values.min() > 0.6 and values.max() < 1.3


def test_a_trailing_part_of_its_own_rank_is_brought_up_too() -> None:
    """Why A10 is assumed: beside u v^T a part n^(-1/4) u' v'^T keeps its share only where it has no rank of its own."""
    step, shares = GradientStep(OPTIMIZERS["muon"].step), []
    for width in (2**6, 2**10):
        u, v = (torch.linalg.qr(_draw(width, 2))[0] for _ in range(2))
        leading, trailing = (torch.outer(u[:, k], v[:, k]) for k in (0, 1))
        found = step.processed(leading + width**-0.25 * trailing, 1)
        shares.append(float((found * trailing).sum()))
    assert shares[1] / shares[0] > 0.75  # 1/2 where the share is n^(-1/4)


def _draw(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64)

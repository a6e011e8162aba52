"""Stacks of matrices, those that are picked from them, and other sums and products, beside autograd."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from torch.nn.functional import linear

from gamma_calc import derive, exponents, traced
from gamma_calc.errors import BadInput
from tests.tracing.built import INPUTS, PLACES, Built, Forward, N, check_gradients, found


def mixture(count: int, *, is_left: bool = True, **options: bool) -> Forward:
    """As many experts a token, of those that a router likes."""

    def forward(m: Built, z: Tensor) -> Tensor:
        weights, places = linear(z, m.gate).softmax(-1).topk(count, dim=-1, **options)
        picks, rows = m.w[places.flatten()], z.repeat_interleave(count, dim=0)
        y = (picks @ rows.unsqueeze(-1)).squeeze(-1) if is_left else (rows.unsqueeze(1) @ picks).squeeze(1)
        return linear((y * weights.reshape(-1, 1)).view(len(z), count, -1).sum(1), m.last)

    return forward


def of_one(m: Built, z: Tensor) -> Tensor:
    weight, place = linear(z, m.gate).softmax(-1).topk(1)
    return linear(torch.bmm(m.w[place.squeeze(-1)], z.unsqueeze(-1)).squeeze(-1) * weight.squeeze(-1)[:, None], m.last)


def doubled_in_place(m: Built, z: Tensor) -> Tensor:
    found = linear(z, m.gate)
    found.view(-1).mul_(2)
    return linear(found, m.last)


def written_in_place(m: Built, z: Tensor) -> Tensor:
    found, features = z.new_zeros(5, 4), linear(z, m.gate)
    found[:, :2] = features[:, 2:]
    return linear(found, m.last)


Dims = Mapping[str, tuple[int, ...]]
STACK: Dims[str, tuple[int, ...]] = {"w": (4, N, N), "last": (2, N)}
ROUTED: Dims = {"gate": (4, N), **STACK}
NET: Mapping[str, tuple[Forward, Dims]] = {
    "two experts": (mixture(2), ROUTED),
    "on the right": (mixture(2, is_left=False), ROUTED),
    "the least liked": (mixture(2, largest=False), ROUTED),
    "in any order": (mixture(2, sorted=False), ROUTED),
    "one": (mixture(1), ROUTED),
    "one, as a vector": (of_one, ROUTED),
    "all": (mixture(4), ROUTED),
    "the largest, wherever they are": (
        lambda m, z: linear(linear(z, m.gate).topk(2)[0], m.last),
        {"gate": (4, N), "last": (2, 2)},
    ),
    "entries at places in each row": (
        lambda m, z: linear(linear(z, m.gate).gather(1, torch.stack([PLACES, 3 - PLACES], 1)), m.last),
        {"gate": (4, N), "last": (2, 2)},
    ),
    "some entries left out": (
        lambda m, z: linear(linear(z, m.gate).masked_fill(PLACES[:, None] > torch.arange(4), 0.0), m.last),
        {"gate": (4, N), "last": (2, 4)},
    ),
    "a part that is written in place": (written_in_place, {"gate": (4, N), "last": (2, 4)}),
    "a view that is changed in place": (doubled_in_place, {"gate": (4, N), "last": (2, 4)}),
    "rows as many as matrices": (
        lambda m, z: linear(torch.bmm(m.w[PLACES], z.unsqueeze(-1)).squeeze(-1), m.last),
        {"w": (5, N, N), "last": (2, N)},
    ),
    "places from the end": (
        lambda m, z: linear(torch.bmm(m.w[PLACES - 4], z.unsqueeze(-1)).squeeze(-1), m.last),
        STACK,
    ),
    "places of two dimensions": (
        lambda m, z: linear((m.w[torch.stack([PLACES, PLACES])] @ z[:, :, None]).sum((0, 3)), m.last),
        STACK,
    ),
    "one matrix, many rows": (lambda m, z: linear((m.w[PLACES[:1]] @ z.t()).sum(-1), m.last), STACK),
    "many matrices, one row": (lambda m, z: linear((m.w[PLACES] @ z[:1, :, None]).squeeze(-1), m.last), STACK),
    "rows of features": (lambda m, z: linear(z[PLACES] @ m.w, m.last), {"w": (N, N), "last": (2, N)}),
    "a product and a sum, times numbers": (
        lambda m, z: torch.addmm(m.gate, z, m.w, alpha=2, beta=0.5),
        {"gate": (2,), "w": (N, 2)},
    ),
    "the same of each of a stack": (
        lambda m, z: torch.bmm(torch.baddbmm(m.w, m.gate, m.last, alpha=3, beta=0.5)[PLACES], z.unsqueeze(-1)),
        {"gate": (4, N, 2), "w": (4, N, N), "last": (4, 2, N)},
    ),
    "the mean and the sum of all": (
        lambda m, z: (
            linear(z, m.last) * z.mean() * torch.sum(z, dim=(), keepdim=True) + z.repeat_interleave(1, 0).sum()
        ),
        {"last": (2, N)},
    ),
}


@pytest.mark.parametrize("name", NET)
def test_gradients_are_those_of_autograd(name: str) -> None:
    forward, shapes = NET[name]
    check_gradients(found(forward, **shapes))


def test_a_rule_is_not_asked_what_it_does_not_know() -> None:
    rounded = found(lambda m, z: torch.div(z, 2, rounding_mode="floor"))
    assert [(each.operation, each.reason) for each in rounded.unknown] == [
        ("div", "no rule for this operation as it is called: got an unexpected keyword argument 'rounding_mode'")
    ]


def test_a_size_that_depends_on_values_is_refused() -> None:
    def forward(m: Built, z: Tensor) -> Any:
        return z.repeat_interleave(torch.tensor([1, 2, 1, 2, 1]), dim=0)

    with pytest.raises(BadInput, match=r"a size that depends on the values of the inputs .*test_stacks.py:\d+"):
        found(forward)


class Experts(nn.Module):
    """A stack whose matrices stand on the right of their rows; PEFT's A acts on its last dimension all the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.randn(4, width, width))

    def forward(self, z: Tensor) -> Tensor:
        return torch.bmm(z.unsqueeze(1), self.w[PLACES])


def of_right(width: int) -> tuple[nn.Module, Mapping[str, Any]]:
    model = nn.Sequential(nn.Linear(3, width, bias=False), Experts(width))
    config = LoraConfig(r=2, target_parameters=["1.w"])
    return get_peft_model(model, config), {"input": INPUTS["x"]}  # type: ignore[arg-type]


def test_what_lies_between_the_factors_is_looked_at_whichever_comes_first() -> None:
    of_width = traced(of_right, scheme="init-a")
    assert of_width.problem is not None
    sizes = exponents(of_width.problem, steps=2, at={"eta": "-1/2"})[2].sizes
    assert [str(sizes[f"{each}_w[2]"]) for each in ("Z_A", "Z_B")] == ["1/2", "0"]
    check_gradients(traced(of_right, scheme="init-ab"))


class Convolutions(nn.Module):
    """A trained convolution below a frozen one."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(5, width, 3, padding=1, bias=False)
        self.second = nn.Conv1d(width, width, 3, padding=1, bias=False).requires_grad_(False)
        self.readout = nn.Linear(width, 1, bias=False).requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.readout(self.second(self.first(x).relu()).relu().mean(-1))


@pytest.mark.parametrize(("optimizer", "rate"), [("adam", "-1/2"), ("sgd", "0")])
def test_a_convolution_learns_as_a_matrix_does(optimizer: str, rate: str) -> None:
    """Trained at n^(-1) under Adam, the output moves with a slope of -0.48, and at n^0 under sgd with one of 0.05."""
    found = traced(lambda width: (Convolutions(width), {"x": torch.ones(2, 5, 8)}), optimizer=optimizer)
    assert found.problem is not None
    assert str(derive(found.problem).max_stable["eta"].value) == rate

"""Small modules of one function: features of the width behind a matrix, and what is made of them with others."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from gamma_calc import Traced, traced
from tests.tracing.gradients import both

N = 0
"""The width, in a shape."""
INPUTS = {"x": torch.arange(15.0).reshape(5, 3).sin()}
PLACES = torch.tensor([2, 0, 1, 1, 3])
Forward = Callable[["Built", Tensor], Tensor]


class Built(nn.Module):
    """Features of the width behind `first`, one matrix or a stack of them, and the output that a function makes."""

    first: nn.Parameter
    last: nn.Parameter
    w: nn.Parameter
    gate: nn.Parameter

    def __init__(self, width: int, forward: Forward, **shapes: tuple[int, ...]) -> None:
        super().__init__()
        self.made = forward
        for name, shape in {"first": (N, 3), **shapes}.items():
            start = torch.randn([size or width for size in shape], generator=torch.Generator().manual_seed(0))
            setattr(self, name, nn.Parameter(start))

    def forward(self, x: Tensor) -> Tensor:
        return self.made(self, linear(x, self.first))


def found(forward: Forward, **shapes: tuple[int, ...]) -> Traced:
    return traced(lambda width: (Built(width, forward, **shapes), INPUTS))


def check_gradients(built: Traced) -> None:
    assert not built.unknown
    for _, derived, expected in both(built):
        torch.testing.assert_close(derived, expected, rtol=1e-8, atol=1e-10)

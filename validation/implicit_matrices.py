"""Frozen matrices of N(0, 1/n) that are never stored, so that whole networks can be measured at widths of 2^17.

A square matrix of independent Gaussians is U S V^T in law: U and V are rotations drawn evenly, and the singular values
S follow the quarter circle. Here a rotation is a random choice of signs and a cosine transform, and S stands in an
order of its own between the two. A product costs n log n and a matrix keeps 4 n numbers. Entries are Gaussian only in
the limit, as every sum over the width is; `tests/validation/test_implicit_matrices.py` holds the two laws together.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from scipy.fft import dct, idct
from torch import Tensor, nn
from transformers.models.gpt2 import modeling_gpt2
from transformers.pytorch_utils import Conv1D

from validation.architectures import FamilyShape, family_model

ODDS = 2**12 + 1
"""Places at which the quarter circle's distribution is inverted."""


def quarter_circle(width: int) -> Tensor:
    """The singular values of a square matrix of N(0, 1/n) as its limit has them: evenly spaced quantiles.

    Source: Marchenko and Pastur 1967, at ratio one: density (4 - s^2)^(1/2) / pi on [0, 2].
    """
    places = np.linspace(0.0, 2.0, ODDS)
    odds = (places * np.sqrt(4 - places**2) + 4 * np.arcsin(places / 2)) / (2 * np.pi)
    found = np.interp((np.arange(width) + 0.5) / width, odds, places)
    return torch.from_numpy(found * np.sqrt(width / np.square(found).sum())).float()


def _signs(width: int) -> Tensor:
    return torch.randint(2, (width,)).float() * 2 - 1


def _cosines(values: Tensor) -> Tensor:
    return torch.from_numpy(dct(values.numpy(), norm="ortho"))


def _back(values: Tensor) -> Tensor:
    return torch.from_numpy(idct(values.numpy(), norm="ortho"))


class _Product(torch.autograd.Function):
    """x -> U S V^T x over the last axis, with U, S and V from signs, an order and singular values."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, matrix: Matrix) -> Tensor:
        ctx.matrix = matrix
        turned = _cosines(values.detach() * matrix.right)[..., matrix.order] * matrix.singular
        return _back(turned) * matrix.left

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None]:
        matrix = ctx.matrix
        turned = _cosines(slopes[0] * matrix.left) * matrix.singular
        spread = torch.empty_like(turned)
        spread[..., matrix.order] = turned
        return _back(spread) * matrix.right, None


class Matrix:
    """A square matrix, drawn from torch's generator."""

    def __init__(self, width: int, singular: Tensor) -> None:
        self.singular = singular
        self.left, self.right, self.order = _signs(width), _signs(width), torch.randperm(width)

    def __call__(self, values: Tensor) -> Tensor:
        """Its product with the last axis of some values."""
        product: Tensor = _Product.apply(values, self)  # type: ignore[no-untyped-call]
        return product


def _implied(module: Any, width: int, fan_out: int, singular: Tensor, weight: tuple[int, int]) -> None:
    """Give a layer its blocks in place of a weight, which is a single zero however often it is read."""
    module.blocks = [Matrix(width, singular) for _ in range(fan_out // width)]
    module.weight = nn.Parameter(torch.zeros(()).expand(weight), requires_grad=False)
    module._is_hf_initialized = module.weight._is_hf_initialized = True  # else transformers draws a weight


def _classes(width: int) -> tuple[type, type]:
    """Layers whose matrix is implied where it maps the width to itself, or to a multiple of it."""
    singular = quarter_circle(width)

    class Linear(nn.Linear):
        def __init__(self, fan_in: int, fan_out: int, bias: bool = True, **rest: Any) -> None:
            is_implied = fan_in == width and fan_out % width == 0
            super().__init__(fan_in, 1 if is_implied else fan_out, bias, **rest)
            if is_implied:
                self.out_features = fan_out
                self.register_parameter("bias", nn.Parameter(torch.zeros(fan_out)) if bias else None)
                _implied(self, width, fan_out, singular, (fan_out, fan_in))

        def forward(self, values: Tensor) -> Tensor:
            if not hasattr(self, "blocks"):
                return super().forward(values)
            blocks: Any = self.blocks
            product = torch.cat([block(values) for block in blocks], dim=-1)
            return product if self.bias is None else product + self.bias

    class Transposed(Conv1D):  # type: ignore[misc]
        def __init__(self, fan_out: int, fan_in: int) -> None:
            super().__init__(1, fan_in)
            self.nf, self.bias = fan_out, nn.Parameter(torch.zeros(fan_out))
            _implied(self, fan_in, fan_out, singular, (fan_in, fan_out))

        def forward(self, values: Tensor) -> Tensor:
            return torch.cat([block(values) for block in self.blocks], dim=-1) + self.bias

    return Linear, Transposed


@contextmanager
def implied(width: int) -> Iterator[None]:
    """Models built inside have implied matrices."""
    linear, transposed = _classes(width)
    with patch.object(nn, "Linear", linear), patch.object(modeling_gpt2, "Conv1D", transposed):
        yield


def wide_model(name: str, width: int, seed: int, shape: FamilyShape | None = None) -> Any:
    """`family_model` with implied matrices."""
    with implied(width):
        return family_model(name, width, seed, shape)

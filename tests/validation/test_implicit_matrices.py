"""Matrices that are never stored have the law of those that are."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from validation.architectures import FamilyShape, linear_readout
from validation.implicit_matrices import Matrix, quarter_circle, wide_model
from validation.networks import FAMILIES

WIDTH = 512


@pytest.fixture
def matrix() -> Matrix:
    torch.manual_seed(0)
    return Matrix(WIDTH, quarter_circle(WIDTH))


def entries(matrix: Matrix) -> Tensor:
    return matrix(torch.eye(WIDTH)).T


def test_entries_are_gaussian_and_singular_values_on_the_quarter_circle(matrix: Matrix) -> None:
    found = entries(matrix)
    torch.manual_seed(1)
    stored = torch.randn(WIDTH, WIDTH) / math.sqrt(WIDTH)
    assert torch.allclose(torch.linalg.svdvals(found), torch.linalg.svdvals(stored), atol=0.05)
    assert float(found.square().mean()) * WIDTH == pytest.approx(1, abs=1e-3)
    assert float((found * math.sqrt(WIDTH)).pow(4).mean()) == pytest.approx(3, abs=0.3)


def test_an_orthogonal_matrix_would_not_have_them(matrix: Matrix) -> None:
    """The negative control: all singular values one, which W W^T x would show."""
    torch.manual_seed(1)
    stored = torch.linalg.svdvals(torch.randn(WIDTH, WIDTH) / math.sqrt(WIDTH))
    assert not torch.allclose(torch.linalg.svdvals(entries(Matrix(WIDTH, torch.ones(WIDTH)))), stored, atol=0.05)


def test_the_gradient_passes_through_the_transpose(matrix: Matrix) -> None:
    x, slope = torch.randn(3, WIDTH, requires_grad=True), torch.randn(3, WIDTH)
    matrix(x).backward(slope)  # type: ignore[no-untyped-call]
    assert x.grad is not None and torch.allclose(x.grad, slope @ entries(matrix), atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_stores_no_square_matrix_and_trains_its_adapters(family: str) -> None:
    model = wide_model(family, 1024, 0, FamilyShape(rank=2))
    linear_readout(model, 0, FamilyShape(rank=2)).backward()  # type: ignore[no-untyped-call]
    stored = {each.untyped_storage().data_ptr(): each.untyped_storage().nbytes() for each in model.parameters()}
    assert max(stored.values()) <= 4 * 1024 * 1024 / 8
    assert all(each.grad is not None for each in model.parameters() if each.requires_grad)

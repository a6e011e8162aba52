"""The law of paired draws: each matrix stays iid normal, and its product with the data is the same at every width."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import stats

from gamma_calc.simulation.adapter_module import Shape
from gamma_calc.simulation.sampling import (
    DATA,
    Array,
    Role,
    Sizes,
    Streams,
    conditioned,
    rounded_rank,
    sampled_module,
    symmetric_roots,
)

SIGNIFICANCE = 1e-4
"""The chance that a right sampler fails one of these tests; the seeds are fixed, so it is drawn once."""

SIZES = Sizes(A=0.25, B=2.0, gradient=0.5, scale=0.1)


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("shape", [Shape(12, 3, 7, 4), Shape(3, 2, 2, 5), Shape(6, 3, 1, 2)], ids=str)
def test_initial_matrices_are_iid_normal(data: str, shape: Shape) -> None:
    runs = range(600)
    module = sampled_module(shape, SIZES, data, seed=5, runs=runs)
    for matrix, size in ((module.initial_A, SIZES.A), (module.initial_B, SIZES.B)):
        assert matrix is not None
        assert size is not None
        entries = matrix.flatten(1).numpy() / size
        assert stats.kstest(entries.ravel(), "norm").pvalue > SIGNIFICANCE
        # Independence of entries, through all pairs: under the law, runs times the sum of squared correlations over
        # pairs is chi-squared to first order.
        correlation = entries.T @ entries / len(runs)
        pairs = correlation[np.triu_indices(entries.shape[1], 1)]
        assert stats.chi2.sf(len(runs) * (pairs**2).sum(), max(len(pairs), 1)) > SIGNIFICANCE
        # A second, sharper look at the direction that is replaced: random projections of rows and columns.
        projected = entries @ np.random.default_rng(0).standard_normal((entries.shape[1], 1))
        assert stats.kstest(projected.ravel() / projected.std(), "norm").pvalue > SIGNIFICANCE


def test_initial_matrix_is_independent_of_the_data() -> None:
    """The norm of A_0 Z / |Z| with one sample is that of r normal numbers, whatever Z is."""
    module = sampled_module(Shape(9, 3, 4, 1), SIZES, "random", seed=2, runs=range(800))
    assert module.initial_A is not None
    product = (module.initial_A @ module.inputs).squeeze(-1) / (SIZES.A or 0.0)
    squares = (product.square().sum(1) / module.inputs.square().sum((1, 2))).numpy()
    assert stats.kstest(squares, "chi2", args=(3,)).pvalue > SIGNIFICANCE
    assert abs(stats.spearmanr(squares, module.inputs.square().sum((1, 2)).numpy()).pvalue) > SIGNIFICANCE


@pytest.mark.parametrize("data", DATA)
def test_products_are_paired_over_widths(data: str) -> None:
    """A_0 Z = sigma X (Z^T Z)^(1/2) and B_0^T dZ = sigma Y (dZ^T dZ)^(1/2) with the same X, Y at both widths."""
    modules = [sampled_module(Shape(n, 3, n + 5, 4), SIZES, data, seed=7, runs=[4]) for n in (16, 64)]
    normal = Streams(7, 4, 0).paired(Role.PRODUCT_A).standard_normal((3, 4))
    for module in modules:
        assert module.initial_A is not None
        assert module.initial_B is not None
        for factor, given, role in (
            (module.initial_A[0], module.inputs[0], Role.PRODUCT_A),
            (module.initial_B[0].T, module.gradients[0], Role.PRODUCT_B),
        ):
            size = SIZES.A if role is Role.PRODUCT_A else SIZES.B
            normal = Streams(7, 4, 0).paired(role).standard_normal((3, 4))
            root, _ = symmetric_roots((given.T @ given).numpy())
            np.testing.assert_allclose((factor @ given).numpy(), (size or 0.0) * normal @ root, rtol=1e-10, atol=1e-10)


def test_a_run_does_not_depend_on_the_others() -> None:
    shape = Shape(10, 3, 6, 2)
    many, one = (sampled_module(shape, SIZES, "random", seed=1, runs=runs) for runs in (range(5), [3]))
    for left, right in (
        (many.inputs, one.inputs),
        (many.gradients, one.gradients),
        (many.initial_A, one.initial_A),
        (many.initial_B, one.initial_B),
    ):
        assert left is not None
        assert right is not None
        assert torch.equal(left[3], right[0])


def test_growing_rank_extends_the_paired_rows() -> None:
    small, large = (Streams(3, 0, 0).paired(Role.PRODUCT_A).standard_normal((rank, 4)) for rank in (3, 7))
    assert np.array_equal(small, large[:3])
    assert [rounded_rank(n, 0.5, 5) for n in (16, 64)] == [20, 40]
    assert rounded_rank(128, 0.0) % 2 == 1


def test_singular_data_are_no_special_case() -> None:
    rng = np.random.default_rng(0)
    data = rng.standard_normal((8, 1)) @ rng.standard_normal((1, 3))
    rest, product = rng.standard_normal((2, 8)), rng.standard_normal((2, 3))
    root, inverse = symmetric_roots(data.T @ data)
    matrix = conditioned(rest, product, data)
    np.testing.assert_allclose(matrix @ data, product @ root, atol=1e-12)
    np.testing.assert_allclose(root @ inverse @ root, root, atol=1e-12)
    # Outside the span of the data the matrix is what it was.
    outside = np.eye(8) - np.outer(data[:, 0], data[:, 0]) / (data[:, 0] @ data[:, 0])
    np.testing.assert_allclose(matrix @ outside, rest @ outside, atol=1e-12)


@pytest.mark.parametrize(("name", "make"), DATA.items(), ids=DATA)
def test_data_have_entries_of_size_one(name: str, make: Callable[[Streams, Shape], tuple[Array, Array]]) -> None:
    draws = [make(Streams(0, run, 400), Shape(400, 3, 300, 8)) for run in range(200)]
    for side in (0, 1):
        squares = np.array([(draw[side] ** 2).mean() for draw in draws])
        error = squares.std() / np.sqrt(len(squares))
        # Four standard errors: a right mean fails once in sixteen thousand.
        assert abs(squares.mean() - 1) <= 4 * error + 1e-12, name


def test_random_gradients_have_one_size() -> None:
    module = sampled_module(Shape(10, 3, 50, 4), SIZES, "random", seed=1, runs=range(20))
    assert set(module.gradients.abs().unique().tolist()) == {0.5}
    # A sum of 4000 signs: five standard deviations.
    assert abs(float(module.gradients.sign().sum())) < 5 * np.sqrt(4000)

"""General position: whether data are what they are read as, dense, with entries Theta(1) at every width.

Two widths tell. Their root mean squares agree to within what so many entries tell, where data are n^0. A vector of unit
length, an identity matrix, and one that is zero but for a band are none of these, and no rule knows what they are.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from gamma_calc.tracing.initial_sizes import SURE
from gamma_calc.tracing.sizes import ROUNDING

FEWEST = 8
"""Coordinates along a dimension, such as heads, of which fewer tell nothing."""
LARGEST = 1e4
"""What is larger hides something: it is a mask."""
QUARTER = 0.25
"""The power of the width up to which root mean squares of numbers that are not random are told to be of one size.

Sines of places times frequencies have 0.735 at one width and 0.675 at another, and are n^0.
"""
SHARE = 0.8
"""How much smaller the share of large entries may be at the larger width: that of a diagonal is 35/55."""


def what_is_not_general(values: Sequence[Tensor], growing: Collection[int]) -> str:
    """What is said of data that are not in general position; nothing of those that are.

    Args:
        values: in two twins.
        growing: their dimensions that grow.
    """
    is_small = any(each.shape[place] < FEWEST for each in values for place in growing)
    if not growing or is_small or any(each.is_meta or not each.numel() for each in values):
        return ""
    first, second = squares = [_squares(each) for each in values]
    sizes = [math.sqrt(float(each.mean())) for each in squares]
    if not all(sizes):
        return f"entries of {sizes[0]:.3g} at one width and {sizes[1]:.3g} at another" if any(sizes) else ""
    errors = [_error(each, growing) for each in squares]
    apart, lengths = math.log(sizes[1] / sizes[0]), [math.sqrt(float(each.sum())) for each in squares]
    growth = max(math.log(values[1].shape[place] / values[0].shape[place]) for place in growing)
    if abs(apart) > max(SURE * math.hypot(*errors), QUARTER * growth):
        return f"entries of {sizes[0]:.3g} at one width and {sizes[1]:.3g} at another, which are no n^0"
    noise = [SURE / math.sqrt(2 * each.numel()) for each in squares]  # of normal entries
    is_unit = all(abs(math.log(length)) < each for length, each in zip(lengths, noise, strict=True))
    if is_unit or math.isclose(*lengths, rel_tol=ROUNDING):
        return f"entries of {sizes[0]:.3g} and {sizes[1]:.3g} whose norm is {lengths[0]:.3g} at every width"
    counts = [int(each.count_nonzero()) for each in squares]
    if counts[0] == counts[1] < first.numel():
        return f"{counts[0]} entries that are not zero, at every width"
    if len(growing) > 1 and _share(second) < SHARE * _share(first):
        return "a matrix whose rows have few large entries, such as a diagonal"
    return ""


def identity_and_ones(values: Sequence[Tensor]) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """The numbers a and b, in each twin, of matrices a I + b 11^T; None of any others.

    >>> identity_and_ones([torch.eye(3) - torch.ones(3, 3)])
    ((1.0,), (-1.0,))
    """
    squares = [each for each in values if each.ndim == 2 and each.shape[0] == each.shape[1] > 1 and not each.is_meta]
    found = [*map(_diagonal_and_rest, squares)]
    if not found or len(found) < len(values) or None in found:
        return None
    on, off = zip(*(each for each in found if each is not None), strict=True)
    return tuple(_near(one - other) for one, other in zip(on, off, strict=True)), off


def _diagonal_and_rest(matrix: Tensor) -> tuple[float, float] | None:
    """The number on the diagonal of a matrix, and that beside it; None where there are several."""
    on, off = float(matrix[0, 0]), float(matrix[0, 1])
    expected = torch.full_like(matrix, off)
    expected.fill_diagonal_(on)
    return (on, off) if torch.equal(matrix, expected) else None


def _near(number: float) -> float:
    """The whole number that a number is up to rounding, or itself."""
    return float(round(number)) if abs(number - round(number)) < ROUNDING else number


def _squares(value: Tensor) -> Tensor:
    size = value.abs() if value.is_complex() else value.double().abs()
    return size.double().clamp(max=LARGEST).square()


def _error(squares: Tensor, growing: Collection[int]) -> float:
    """The standard error of the logarithm of a root mean square: that of a mean over each dimension that grows."""
    variance = 0.0
    for place in growing:
        others = [each for each in range(squares.ndim) if each != place]
        slices = squares.mean(others) if others else squares
        variance += float(slices.var()) / len(slices)
    return math.sqrt(variance) / (2 * float(squares.mean()))


def _share(squares: Tensor) -> float:
    """(mean of x^2)^2 / mean of x^4: the share of entries that are large, 1/3 of normal ones."""
    return float(squares.mean().square() / squares.square().mean())

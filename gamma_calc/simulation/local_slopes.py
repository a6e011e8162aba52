"""Slopes between neighbouring widths, and the slope that they run to.

A quantity whose parts have exponents c and c - g has local slopes that run to c like n^-g. Fitting

    y(n) = a + c log2 n + b n^-g

with a known gap g takes the approach out of the slope: c is the extrapolated slope. The fit is linear in a, c and b, so
its interval is that of any linear functional of y.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gamma_calc.errors import BadInput
from gamma_calc.simulation.slopes import RESAMPLES, student_quantile

Array = NDArray[np.float64]

LEAST_WIDTHS = 4
"""Three numbers are fitted."""


@dataclass(frozen=True, slots=True)
class LocalSlope:
    """The slope between two neighbouring widths with half of its 95 % interval."""

    lower: int
    upper: int
    slope: float
    half_width: float


@dataclass(frozen=True, slots=True)
class Extrapolation:
    """The slope at infinite width, if the next exponent lies `gap` below the leading one."""

    slope: float
    half_width: float
    gap: float


def local_slopes(
    widths: Sequence[int], mean_square: Array, *, is_paired: bool = True, seed: int = 0
) -> tuple[LocalSlope, ...]:
    """The slopes of 1/2 log2 of the mean over runs, width by width.

    Shapes: mean_square [widths, runs], positive.

    >>> [each.slope for each in local_slopes([2, 4, 16], np.array([[4.0] * 3, [16.0] * 3, [64.0] * 3]))]
    [1.0, 0.5]
    """
    x = np.log2(widths)
    rows = np.diff(np.eye(len(x)), axis=0) / np.diff(x)[:, None]
    values, half_widths = _functional(rows, mean_square, is_paired, seed)
    return tuple(
        LocalSlope(lower, upper, float(value), float(half))
        for lower, upper, value, half in zip(widths[:-1], widths[1:], values, half_widths, strict=True)
    )


def extrapolated_slope(
    widths: Sequence[int], mean_square: Array, *, gap: float = 0.5, is_paired: bool = True, seed: int = 0
) -> Extrapolation:
    """The slope that the local slopes run to.

    Shapes: mean_square [widths, runs], positive.

    Raises:
        BadInput: fewer than four widths.

    >>> n = 2.0 ** np.arange(5, 12)
    >>> round(extrapolated_slope([int(w) for w in n], np.tile(n[:, None] ** 1.0 * 4 ** n[:, None] ** -0.5, 3)).slope, 9)
    0.5
    """
    if len(widths) < LEAST_WIDTHS:
        raise BadInput("widths to extrapolate from", found=str(len(widths)), expected=f"at least {LEAST_WIDTHS}")
    n = np.asarray(widths, dtype=np.float64)
    design = np.stack([np.ones_like(n), np.log2(n), n**-gap], axis=1)
    values, half_widths = _functional(np.linalg.pinv(design)[1:2], mean_square, is_paired, seed)
    return Extrapolation(float(values[0]), float(half_widths[0]), gap)


def _functional(rows: Array, mean_square: Array, is_paired: bool, seed: int) -> tuple[Array, Array]:
    """Linear functionals of y and half of their 95 % intervals, by resampling runs."""
    runs = mean_square.shape[1]
    rng = np.random.default_rng(seed)
    if is_paired:
        shares = rng.multinomial(runs, np.full(runs, 1 / runs), size=RESAMPLES) / runs
        means = shares @ mean_square.T
    else:
        shares = rng.multinomial(runs, np.full(runs, 1 / runs), size=(RESAMPLES, len(mean_square))) / runs
        means = np.einsum("bwr,wr->bw", shares, mean_square)
    spread = (np.log2(means) / 2 @ rows.T).std(axis=0)
    stretch = student_quantile(runs - 1) * math.sqrt(runs / (runs - 1))
    return rows @ (np.log2(mean_square.mean(axis=1)) / 2), stretch * spread

"""The slope of a measured quantity in log2 of the width, with an interval that owns up to its curvature.

y(n) = 1/2 log2 of the mean over runs of the mean squares: squares are averaged, never logarithms run by run, since a
quantity with a finite exponent may be exactly zero in some runs. The slope is the weighted least-squares slope of y on
log2 n, each width weighted by the inverse of the bootstrap variance of its y. That is taken in closed form, so that the
slope does not depend on the seed: the variance of a mean is that of the sample over S, and the logarithm divides it by
the squared mean. A width with less than a tenth of the largest variance counts as if it had a tenth, or one lucky width
would carry the fit. With correlated widths this is still unbiased, only not optimal.

The interval is slope +- t s, s the bootstrap standard deviation of the slope over resampled runs (times
sqrt(S / (S - 1)): the bootstrap's variance is that of a sample divided by S) and t Student's 97.5 % point with S - 1
degrees of freedom; percentiles of so few runs would cover too little. S counts the runs that are not exactly zero, at
the width with the fewest: what rests on one run of many has no spread to resample. Runs are resampled within each
width, in one of two ways. Unpaired widths are independent samples, and each draws its own. Paired runs share their
randomness over widths, so all widths draw the same runs: the noise that a run carries through every width is then
common to y(n) and drops out of the slope, as it does in the estimate itself; independent draws would put it back and
call every paired experiment several times noisier than it is.

A power law has one slope. Where those of the lower and the upper half of the widths differ by more than the 95 %
half-width of that difference, the interval is widened by the excess. Where runs do not differ at all, it is as wide as
what the arithmetic leaves open.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Array = NDArray[np.float64]

MINIMUM_WIDTHS = 6
MINIMUM_OCTAVES = 6
MINIMUM_RUNS = 3
"""With fewer runs than this a spread is not worth the name; Student's quantile makes up for few above it."""

MINIMUM_FOR_HALVES = 3
"""Widths from which either half of them has a slope of its own."""

RESAMPLES = 1000
"""The standard deviation of a bootstrap is then known to 1 / sqrt(2 * 1000), about 2 %."""

WEIGHT_RATIO = 10.0
"""The most that one width may count against another."""

ROUNDING = 2.0**-41
"""The least half-width, 5e-13: in double precision a mean square is known to about 1e-13 of it, and no slope better.

A sign step makes entries of exactly n^(-1/2), whose slope is -0.4999999999999999 in all runs."""


@dataclass(frozen=True, slots=True)
class SlopeEstimate:
    """A slope with its 95 % interval, or the reason why there is none.

    Args:
        slope: None where nothing can be fitted: too few widths, or too few runs that are not zero at one of them.
        half_width: half of `interval`: sampling_half_width, widened by the excess of the drift, which is upper_slope
            less lower_slope: the slopes of the two halves of the widths; `ROUNDING` at least.
        is_zero: whether the quantity is exactly zero in every run that is fitted.
        shortfall: why the data cannot settle anything, or empty.
        excluded: the runs that were not fitted, as (width, run).
        nonzero: the runs that are not exactly zero at the width with the fewest, which is what the interval rests on;
            None for all.
    """

    widths: tuple[int, ...]
    runs: int
    slope: float | None = None
    interval: tuple[float, float] | None = None
    half_width: float = math.nan
    sampling_half_width: float = math.nan
    lower_slope: float = math.nan
    upper_slope: float = math.nan
    is_zero: bool = False
    shortfall: str = ""
    excluded: tuple[tuple[int, int], ...] = ()
    nonzero: int | None = None

    @property
    def counted(self) -> int:
        """The runs whose number the interval goes by."""
        return self.runs if self.nonzero is None else self.nonzero

    @property
    def spread(self) -> float:
        """The standard deviation of the slope of a single run that counts: that of the mean of K is by K^(1/2) less."""
        return self.sampling_half_width * math.sqrt(self.counted) / student_quantile(self.counted - 1)

    @property
    def drift_excess(self) -> float:
        """How much of the half-width is curvature; more runs do not remove it."""
        return self.half_width - self.sampling_half_width


def slope_estimate(
    widths: Sequence[int],
    mean_square: Array,
    is_excluded: NDArray[np.bool_] | None = None,
    *,
    is_paired: bool = True,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> SlopeEstimate:
    """The slope of 1/2 log2 of the mean of `mean_square` on log2 of the width.

    Shapes: mean_square [widths, runs], is_excluded the same. What is not finite is excluded too. A paired run that is
    excluded at one width is left out at all of them, so that every width is the mean of the same runs.

    >>> widths = [2**k for k in range(7, 14)]
    >>> slope_estimate(widths, np.array([[n**-1.0] * 8 for n in widths])).slope
    -0.5
    """
    # A sum of terms may be no float where each of them is one.
    excluded = ~np.isfinite(mean_square) | (False if is_excluded is None else is_excluded)
    named = tuple((widths[row], int(run)) for row, run in np.argwhere(excluded))
    if is_paired:
        excluded = np.broadcast_to(excluded.any(axis=0), excluded.shape)
    samples = [row[~out] for row, out in zip(mean_square, excluded, strict=True)]
    runs = min(len(sample) for sample in samples)
    # A run that is zero at a width says nothing of how far chance moves the size there.
    nonzero = min(int(np.count_nonzero(sample)) for sample in samples)
    known = SlopeEstimate(
        tuple(widths),
        runs,
        is_zero=runs > 0 and not any(sample.any() for sample in samples),
        shortfall=shortfall(widths, runs),
        excluded=named,
        nonzero=nonzero,
    )
    if nonzero < MINIMUM_RUNS or len(widths) < MINIMUM_FOR_HALVES:
        return known
    means = _resampled_means(samples, is_paired, resamples, seed)
    return _fitted(known, samples, means)


def student_quantile(degrees: int) -> float:
    """The 97.5 % point of Student's law.

    >>> round(student_quantile(15), 4)
    2.1314
    """
    return float(stdtrit(degrees, 0.975))


def mean_and_half_width(rows: Array) -> tuple[Array, Array]:
    """The mean over the last axis and half of its 95 % interval, by Student's law; 0 for a single run.

    Shapes: rows [..., runs]; returns [...] each.
    """
    runs = rows.shape[-1]
    if runs < 2:
        return rows.mean(axis=-1), np.zeros(rows.shape[:-1])
    return rows.mean(axis=-1), student_quantile(runs - 1) * rows.std(axis=-1, ddof=1) / math.sqrt(runs)


def shortfall(widths: Sequence[int], runs: int) -> str:
    """What is missing before a slope may be judged; nothing where nothing is."""
    octaves = math.log2(widths[-1] / widths[0])
    if runs < MINIMUM_RUNS:
        return f"{runs} runs are left to fit, and at least {MINIMUM_RUNS} are needed"
    if len(widths) < MINIMUM_WIDTHS:
        return f"{len(widths)} width{'' if len(widths) == 1 else 's'}, and at least {MINIMUM_WIDTHS} are needed"
    if octaves < MINIMUM_OCTAVES:
        return f"widths span 2^{octaves:.2g}, and at least 2^{MINIMUM_OCTAVES} is needed"
    return ""


def _resampled_means(samples: list[Array], is_paired: bool, resamples: int, seed: int) -> Array:
    """The mean at each width of resampled runs, [resamples, widths]."""
    if is_paired:
        return _frequencies((len(samples[0]),), resamples, seed)[0] @ np.stack(samples, axis=1)
    every = _frequencies(tuple(map(len, samples)), resamples, seed)
    return np.stack([each @ sample for each, sample in zip(every, samples, strict=True)], axis=1)


@lru_cache(maxsize=16)
def _frequencies(runs: tuple[int, ...], resamples: int, seed: int) -> tuple[Array, ...]:
    """How often each run occurs in each resample, as fractions: an array [resamples, runs] for each number of runs.

    Every quantity of an experiment is resampled alike.
    """
    rng = np.random.default_rng(seed)
    return tuple(rng.multinomial(count, np.full(count, 1 / count), size=resamples) / count for count in runs)


def _fitted(known: SlopeEstimate, samples: list[Array], resampled: Array) -> SlopeEstimate:
    # A resample made only of runs in which the quantity is zero has no logarithm: it says nothing about the others.
    resampled = resampled[(resampled > 0).all(axis=1)]
    mean = np.array([_mean(sample) for sample in samples])
    # Each sample by its mean, for the squares of large and small numbers are no floats.
    variance = np.array([(sample / of_all).var() / len(sample) for sample, of_all in zip(samples, mean, strict=True)])
    x, y, ys = np.log2(known.widths), np.log2(mean) / 2, np.log2(resampled) / 2
    functional = _functionals(x, variance)
    slope, lower, upper = (float(value) for value in functional @ y)
    slopes = ys @ functional.T
    stretch = student_quantile(known.counted - 1) * math.sqrt(known.counted / (known.counted - 1))
    sampling = stretch * float(slopes[:, 0].std())
    of_drift = stretch * float((slopes[:, 2] - slopes[:, 1]).std())
    half_width = max(ROUNDING, sampling + max(0.0, abs(upper - lower) - of_drift))
    return replace(
        known,
        slope=slope,
        interval=(slope - half_width, slope + half_width),
        half_width=half_width,
        sampling_half_width=sampling,
        lower_slope=lower,
        upper_slope=upper,
    )


def _mean(sample: Array) -> float:
    """The mean; over a power of two, for the sum of large numbers is no float."""
    _, exponent = np.frexp(sample.max())
    return float(np.ldexp(np.ldexp(sample, -exponent).mean(), exponent))


def _functionals(x: Array, variance: Array) -> Array:
    """The linear maps from y to its slope over all widths, the lower half and the upper half, [3, widths].

    An odd number of widths gives its middle one to both halves.
    """
    largest = float(variance.max())
    weight = 1 / np.maximum(variance, largest / WEIGHT_RATIO) if largest > 0 else np.ones_like(x)
    half, place = (len(x) + 1) // 2, np.arange(len(x))
    rows = []
    for is_used in (place >= 0, place < half, place >= len(x) - half):
        w = weight * is_used
        centred = x - (w @ x) / w.sum()
        rows.append(w * centred / (w @ centred**2))
    return np.stack(rows)

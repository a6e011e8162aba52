"""The axes of a module on a few coordinates, drawn from the law that their products with each other have.

The pair (q, l) is drawn from n half-normal entries up to `DIRECT_ENTRIES`; above that from the normal law with their
covariance. By Berry and Esseen that law is wrong by O(n^(-1/2)) in distribution, on fluctuations that are O(n^(-1/2))
of q and l themselves: O(1 / n) of their values, under 1e-4 there. Scalar products of sign vectors are drawn in the same
way, exactly up to `DIRECT_ENTRIES`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gamma_calc.errors import BadInput
from gamma_calc.program.optimizers import Moments, Raw
from gamma_calc.simulation.sampling import Array, Role, Shape, Streams, symmetric_roots

DIRECT_ENTRIES = 2**16
"""Up to here sums over an axis are drawn entry by entry."""

COORDINATES = 16
"""d of an axis whose entries vary, under a normalised step. d positive numbers have (sum)^2 between 1 and d times their
square sum, so this holds every Z with |Z|_1^2 >= n |Z|^2 / 16. A normal Z has 2 / pi there; one that falls below 1 / 16
in `SMALLEST_WIDTH` entries or more is rarer than 1e-20, and is refused."""


@dataclass(frozen=True, slots=True)
class CompressedAxis:
    """An axis of a given size on a few coordinates.

    Shapes: data [d, N]. `stretch` multiplies the learning rate of the factor along this axis.
    """

    data: Array
    size: int
    stretch: float = 1.0

    @property
    def rest(self) -> int:
        """The columns of the factor that nothing moves."""
        return self.size - len(self.data)


def compressed_axes(streams: Streams, shape: Shape, optimizer: Raw | Moments) -> tuple[CompressedAxis, CompressedAxis]:
    """The input axis with Z and the output axis with dZ of entries +-1, for the directions that a step moves along."""
    inputs, outputs = streams.fresh(Role.INPUTS), streams.fresh(Role.GRADIENTS)
    match optimizer:
        case Raw():
            z = symmetric_roots(normal_gram(inputs, shape.width, shape.samples))[0]
            dz = symmetric_roots(sign_gram(outputs, shape.out, shape.samples))[0]
            return CompressedAxis(z, shape.width), CompressedAxis(dz, shape.out)
        case Moments():
            square, absolute = half_normal_sums(inputs, shape.width)
            z = positive_entries(square, absolute, shape.width)
            unit = np.full((1, 1), math.sqrt(shape.out))
            return (
                CompressedAxis(z, shape.width, math.sqrt(shape.width / len(z))),
                CompressedAxis(unit, shape.out, math.sqrt(shape.out)),
            )


def normal_gram(rng: np.random.Generator, entries: int, samples: int) -> Array:
    """X^T X of an iid standard normal X [entries, samples], which is Wishart."""
    root = gram_root(rng, samples, entries)
    return np.asarray(root @ root.T)


def gram_root(rng: np.random.Generator, rows: int, columns: int) -> Array:
    """A [rows, rows] matrix whose Gram matrix has the law of that of an iid standard normal [rows, columns] matrix.

    Source: Bartlett's decomposition of a Wishart matrix; fewer columns than rows are drawn as they are.

    >>> gram_root(np.random.default_rng(0), 2, 1)[:, 1]
    array([0., 0.])
    """
    root = np.zeros((rows, rows))
    if columns < rows:
        root[:, :columns] = rng.standard_normal((rows, columns))
        return root
    below = np.tril_indices(rows, -1)
    root[below] = rng.standard_normal(len(below[0]))
    # chi-square as twice a gamma: its shape may be any float, so no width is too large for it.
    root[np.diag_indices(rows)] = np.sqrt(2.0 * rng.standard_gamma((columns - np.arange(rows)) / 2.0))
    return root


def sign_gram(rng: np.random.Generator, entries: int, samples: int) -> Array:
    """S^T S of a matrix S [entries, samples] of fair signs."""
    if entries <= DIRECT_ENTRIES:
        signs = np.where(rng.integers(0, 2, (entries, samples), dtype=np.int8), 1.0, -1.0)
        return np.asarray(signs.T @ signs)
    # Off the diagonal the products are sums of pairwise uncorrelated fair signs: normal, and independent in the limit.
    gram = np.zeros((samples, samples))
    gram[np.tril_indices(samples, -1)] = math.sqrt(entries) * rng.standard_normal(samples * (samples - 1) // 2)
    return gram + gram.T + entries * np.eye(samples)


def half_normal_sums(rng: np.random.Generator, entries: int) -> tuple[float, float]:
    """The square sum and the absolute sum of iid standard normal entries, from their joint law."""
    if entries <= DIRECT_ENTRIES:
        values = rng.standard_normal(entries)
        return float(values @ values), float(np.abs(values).sum())
    # h half-normal: E h = c = (2 / pi)^(1/2), E h^2 = 1, E h^3 = 2 c, E h^4 = 3.
    c = math.sqrt(2.0 / math.pi)
    first, second = rng.standard_normal(2)
    square = math.sqrt(2.0) * first
    absolute = c / math.sqrt(2.0) * first + math.sqrt(1.0 - 1.5 * c**2) * second
    return entries + math.sqrt(entries) * square, c * entries + math.sqrt(entries) * absolute


def positive_entries(square: float, absolute: float, entries: int) -> Array:
    """`COORDINATES` positive numbers with a given square sum, and the sum that `absolute` becomes under the stretch.

    All but the first are equal: with mean u and spread v they are u + (d - 1)^(1/2) v and u - (d - 1)^(-1/2) v.

    Shapes: returns [d, 1].

    Raises:
        BadInput: no positive numbers have these sums.
    """
    d = COORDINATES
    mean = absolute / math.sqrt(d * entries)
    spread = math.sqrt(max(0.0, square / d - mean**2))
    found = np.full((d, 1), mean - spread / math.sqrt(d - 1))
    found[0] = mean + spread * math.sqrt(d - 1)
    if found.min() <= 0:
        raise BadInput(f"|Z|_1 = {absolute:g} is too small beside |Z| = {math.sqrt(square):g} for {entries} entries")
    return found

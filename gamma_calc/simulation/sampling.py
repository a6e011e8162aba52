"""Random LoRA modules whose runs are paired over widths, every draw from its exact law.

The limit of a module is ruled by two small matrices, A_0 Z and B_0^T dZ. A run draws them from the same standard
normal numbers at every width, so that its randomness largely cancels from a slope in the width; all else is fresh.
The law at each single width stays what it was: with an orthonormal basis Q of the span of the data,

    A_0 = sigma (G + (X - G Q) Q^T),    G and X iid N(0, 1) and independent of the data,

replaces the part G Q of an iid matrix, which is iid N(0, 1) and independent of the rest, by X of the same law.
Q = Z C^-1 with C = (Z^T Z)^(1/2), the symmetric root: then A_0 Z = sigma X C, and C tends to its limit with the width,
as a root that depends on the order or the signs of eigenvectors would not.

Streams: numpy's SFC64 seeded by SeedSequence(seed, spawn_key=(role, run, width)), width 0 for the paired draws. Streams
of different keys are independent, a run does not depend on which others are drawn with it, and a rank that grows with
the width extends the paired rows that a smaller width has. Draws are made in float64, then rounded to the dtype.

The default rank is odd: with one sample, delta_3 under sign descent is a sum of r signs, which an even r can make
exactly zero where its exponent is finite. Several samples avoid that too, but not where their gradients are parallel.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray

from gamma_calc.simulation.adapter_module import AdapterModule, Shape

Array = NDArray[np.float64]

BASE_RANK = 5
"""The rank of a module whose rank has exponent 0, and the rank at width 1 of one whose rank grows."""

DATA_DIMENSION = 5
"""The dimension of the teacher-student data (Hayou, Ghosh, Yu, arXiv 2406.08447, the synthetic experiment)."""


class Role(IntEnum):
    """What a stream is used for; the values are part of the seeding, so they are never changed."""

    PRODUCT_A = 1
    PRODUCT_B = 2
    REST_A = 3
    REST_B = 4
    INPUTS = 5
    GRADIENTS = 6
    DATA = 7
    RESIDUALS = 8
    FEATURES = 9


@dataclass(frozen=True, slots=True)
class Streams:
    """The random streams of one run at one width."""

    seed: int
    run: int
    width: int
    is_paired: bool = True

    def fresh(self, role: Role) -> np.random.Generator:
        """The stream of a role at this width alone."""
        return self._keyed(role, self.width)

    def paired(self, role: Role) -> np.random.Generator:
        """The stream of a role that is the same at every width, where runs are paired."""
        return self._keyed(role, 0 if self.is_paired else self.width)

    def _keyed(self, role: Role, width: int) -> np.random.Generator:
        sequence = np.random.SeedSequence(self.seed, spawn_key=(int(role), self.run, width))
        return np.random.Generator(np.random.SFC64(sequence))


@dataclass(frozen=True, slots=True)
class Sizes:
    """Root mean squares of the entries of A_0 and B_0 (None for zero) and of dZ, and the scale s."""

    A: float | None
    B: float | None
    gradient: float
    scale: float


def rounded_rank(width: int, exponent: float, base: int = BASE_RANK) -> int:
    """The rank at a width: base n^exponent to the nearest integer, at least 1.

    >>> rounded_rank(128, 0), rounded_rank(256, 1 / 2, base=1)
    (5, 16)
    """
    return max(1, round(base * math.pow(width, exponent)))


def random_data(streams: Streams, shape: Shape) -> tuple[Array, Array]:
    """Z iid N(0, 1), and dZ of random signs: entries of one fixed size.

    Shapes: returns [n, N] and [m, N].
    """
    z = streams.fresh(Role.INPUTS).standard_normal((shape.width, shape.samples))
    signs = streams.fresh(Role.GRADIENTS).integers(0, 2, (shape.out, shape.samples), dtype=np.int8)
    return z, np.where(signs, 1.0, -1.0)


def teacher_student_data(streams: Streams, shape: Shape) -> tuple[Array, Array]:
    """Z = ReLU(W_in x) with x in R^5, and dZ = w c 1{Y > 0}: a readout w behind a ReLU, times the samples' residuals c.

    Y is W_h Z for a frozen W_h of variance 1/n, drawn from its exact law given Z: rows N(0, Z^T Z / n). x and c are the
    same at every width. Scaled so that the entries of Z and dZ have second moment about 1.

    Shapes: returns [n, N] and [m, N].
    """
    x = streams.paired(Role.DATA).standard_normal((DATA_DIMENSION, shape.samples)) / math.sqrt(DATA_DIMENSION)
    residuals = streams.paired(Role.RESIDUALS).standard_normal(shape.samples)
    into = streams.fresh(Role.INPUTS).standard_normal((shape.width, DATA_DIMENSION))
    z = math.sqrt(2.0) * np.maximum(into @ x, 0.0)
    root, _ = symmetric_roots(z.T @ z / shape.width)
    features = streams.fresh(Role.FEATURES).standard_normal((shape.out, shape.samples)) @ root
    readout = streams.fresh(Role.GRADIENTS).standard_normal((shape.out, 1))
    dz = math.sqrt(2.0) * readout * residuals * (features > 0)
    return z, np.asarray(dz, dtype=np.float64)


DATA: Mapping[str, Callable[[Streams, Shape], tuple[Array, Array]]] = MappingProxyType(
    {"random": random_data, "teacher-student": teacher_student_data}
)
"""The kinds of Z and dZ that a module can be given."""


def symmetric_roots(gram: Array) -> tuple[Array, Array]:
    """The symmetric root of a positive semidefinite matrix, and its pseudo-inverse.

    Eigenvalues below the rounding error of the largest count as zero, so a singular matrix is no special case.
    """
    values, vectors = np.linalg.eigh(gram)
    threshold = values[-1] * len(values) * np.finfo(np.float64).eps
    is_kept = values > threshold
    roots = np.sqrt(np.where(is_kept, values, 0.0))
    inverse = np.where(is_kept, 1.0 / np.where(is_kept, roots, 1.0), 0.0)
    return (vectors * roots) @ vectors.T, (vectors * inverse) @ vectors.T


def conditioned(rest: Array, product: Array, data: Array) -> Array:
    """An iid standard normal matrix F with F X = P (X^T X)^(1/2), made from iid normal `rest` and P = `product`.

    Shapes: rest [r, k], product [r, N], data X [k, N]; returns [r, k].
    Assumes: rest, product and data are independent.
    """
    _, inverse = symmetric_roots(data.T @ data)
    basis = data @ inverse
    found = np.asarray((product - rest @ basis) @ basis.T)
    found += rest
    return found


def sampled_module(
    shape: Shape,
    sizes: Sizes,
    data: str,
    seed: int,
    runs: Sequence[int],
    *,
    dtype: torch.dtype = torch.float64,
    device: torch.device | None = None,
) -> AdapterModule:
    """The modules of some runs of a seeded experiment at one width.

    Args:
        data: a key of `DATA`.
        runs: the numbers of the runs; each is the same whichever others are drawn with it.
    """
    draws = [_drawn(Streams(seed, run, shape.width), shape, sizes, data) for run in runs]
    z, dz, a, b = (_stacked(tensors, dtype, device) for tensors in zip(*draws, strict=True))
    assert z is not None and dz is not None  # every run has data
    return AdapterModule(z, dz, a, None if b is None else b.mT, shape.rank, sizes.scale)


Draw = tuple[Array, Array, Array | None, Array | None]
"""Z, dZ, A_0 and B_0^T of one run."""


def _drawn(streams: Streams, shape: Shape, sizes: Sizes, data: str) -> Draw:
    z, dz = DATA[data](streams, shape)
    a = _factor(streams, shape, sizes.A, z, Role.PRODUCT_A, Role.REST_A)
    b = _factor(streams, shape, sizes.B, dz, Role.PRODUCT_B, Role.REST_B)
    return z, sizes.gradient * dz, a, b


def _factor(streams: Streams, shape: Shape, size: float | None, data: Array, product: Role, rest: Role) -> Array | None:
    """A factor with entries of some size, None for zero."""
    if size is None:
        return None
    found = conditioned(
        streams.fresh(rest).standard_normal((shape.rank, len(data))),
        streams.paired(product).standard_normal((shape.rank, shape.samples)),
        data,
    )
    found *= size
    return found


def _stacked(arrays: Sequence[Array | None], dtype: torch.dtype, device: torch.device | None) -> torch.Tensor | None:
    present = [array for array in arrays if array is not None]
    if not present:
        return None
    # A single large array is not copied.
    whole = present[0][np.newaxis] if len(present) == 1 else np.stack(present)
    return torch.from_numpy(whole).to(device=device, dtype=dtype)

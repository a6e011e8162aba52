"""The exact law of the reference experiment at any width: the module compressed onto a few coordinates.

A meets the rest of the module through A Z, and moves along a few directions D: its updates are C D^T. Take an
orthonormal basis of R^n whose first d vectors span a space that holds Z and D. In it Z and D live on d coordinates;
there A_0 is an iid normal [r, d] matrix; and its other n - d columns, which nothing ever moves, enter every measured
square through their Gram matrix alone, whose law is Wishart_r(n - d). Its Bartlett root stands in for them, [r, r].
The same goes for B^T, dZ and the output axis. So a module of any width becomes one of width d + r, with the same law of
every mean square at every step, and it is trained as the dense module is. What is exact:

- A raw step, any number of samples N: D = Z, so d = N, and only Z^T Z ~ Wishart_N(n) has to be drawn.
- A normalised step without epsilon, one sample: G_A = s y Z^T makes every entry of the processed gradient a function
  of the history of y_i alone, times sign(Z_j). So D = sign(Z), and with q = |Z|^2 and l = |Z|_1 the vector Z is
  compressed to positive entries whose signs all move together: d entries of sum l (d / n)^(1/2) and square sum q. They
  have the products of Z and sign(Z) with each other and themselves where eta_A is stretched by (n / d)^(1/2). dZ has
  entries of one size, so it needs one coordinate.

A weight decay scales each coordinate alike, and a momentum stays in the span that its gradients have, with one sign of
Z_j beside a function of y_i: neither changes what is exact. A loss that feeds back adds multiples of B's own columns to
G_B: under a raw step the other columns of B^T are then mixed along the rank, in the module and in its Bartlett root
alike. A normalised step follows their signs: refused.

With several samples a normalised step follows sign(Z y_i), directions that change with y_i and are not fixed: refused.
Epsilon is taken as zero. A step m / (v^(1/2) + epsilon) differs from m / v^(1/2) by less than epsilon / v^(1/2) of it;
`epsilon_ratio` keeps a lower bound of v^(1/2) / epsilon in root mean square, by which a reader can judge that.

The pair (q, l) is drawn from n half-normal entries up to `DIRECT_ENTRIES`; above that from the normal law with their
covariance. By Berry and Esseen that law is wrong by O(n^(-1/2)) in distribution, on fluctuations that are O(n^(-1/2))
of q and l themselves: O(1 / n) of their values, under 1e-4 there. Scalar products of sign vectors are drawn in the same
way, exactly up to `DIRECT_ENTRIES`.

A run draws A_0 Z and B_0^T dZ from the numbers that `probe` draws them from, so the two experiments are paired.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from gamma_calc.errors import BadInput
from gamma_calc.program.optimizers import Moments, Raw
from gamma_calc.simulation.adapter_module import (
    AdapterMeasurement,
    AdapterModule,
    Shape,
    Training,
    measured_training,
)
from gamma_calc.simulation.probe import BeyondFloats, ProbeConfiguration, ProbeMeasurement, probe_measurement
from gamma_calc.simulation.sampling import Array, Role, Streams, conditioned, module_of, symmetric_roots

LARGEST_WIDTH = 2**60
SMALLEST_WIDTH = 32
LARGEST_RANK = 512
"""The compressed factors have r + d columns; beyond this rank they are no longer small."""

NO_EPSILON = Fraction(1, 2**200)
"""The factor by which epsilon is scaled down: too small to move a float64, and large enough to have its ratio noted."""


@dataclass(frozen=True, slots=True)
class CompressedModule:
    """Modules on compressed axes, which stand for modules of the axes' sizes.

    `axes` are the input and the output axis of any one of the modules: sizes and stretches are the same for all.
    """

    module: AdapterModule
    axes: tuple[CompressedAxis, CompressedAxis]

    def trained(self, training: Training) -> AdapterMeasurement:
        """What training measures, with means taken over the axes that the compressed ones stand for."""
        z, dz = self.axes
        share_a, share_b = self.module.inputs.shape[1] / z.size, self.module.gradients.shape[1] / dz.size
        found = measured_training(self.module, _stretched(training, z.stretch, dz.stretch))
        share = {"A": share_a, "Z_A": 1.0}
        squares = {key: square * share.get(key[1], share_b) for key, square in found.mean_square.items()}
        ratio = found.epsilon_ratio * float(NO_EPSILON) * math.sqrt(min(share_a, share_b))
        return replace(found, mean_square=squares, epsilon_ratio=ratio)


def law_refusal(configuration: ProbeConfiguration) -> str:
    """Why the experiment has no exact law here, or nothing where it has one.

        >>> from gamma_calc.program.optimizers import OPTIMIZERS
    >>> from gamma_calc.simulation.probe import Power
    >>> one = Power()
        >>> law_refusal(ProbeConfiguration((64,), 1, 1, one, None, one, one, OPTIMIZERS["sign"].step))
        'a normalised step on 2 samples moves along directions that change; its exact law is known for one sample'
    """
    try:
        shapes = [configuration.shape_at(width) for width in configuration.widths]
        for shape in shapes:
            configuration.sizes_at(shape)
            configuration.training_at(shape)
    except BeyondFloats as problem:
        return str(problem)
    is_normalised = isinstance(configuration.optimizer, Moments)
    if configuration.data != "random":
        return f"the exact law is known for random data, not for {configuration.data} data"
    if is_normalised and configuration.samples > 1:
        return (
            f"a normalised step on {configuration.samples} samples moves along directions that change; its exact law is"
            " known for one sample"
        )
    if is_normalised and configuration.feedback is not None:
        return "a normalised step on a loss that feeds back moves B along directions that change; its law is not known"
    if configuration.widths[-1] > LARGEST_WIDTH or max(shape.out for shape in shapes) > LARGEST_WIDTH:
        return f"the exact law is drawn for axes of at most 2^{math.log2(LARGEST_WIDTH):g} entries"
    if configuration.widths[0] < max(SMALLEST_WIDTH, configuration.samples):
        return f"the exact law is drawn for widths of at least {max(SMALLEST_WIDTH, configuration.samples)}"
    if min(shape.out for shape in shapes) < configuration.samples:
        return f"the exact law needs an output axis of at least {configuration.samples} entries, one a sample"
    if shapes[-1].rank > LARGEST_RANK:
        return (
            f"the exact law is drawn for ranks of at most {LARGEST_RANK}, and the largest width has {shapes[-1].rank}"
        )
    return ""


def exact_law(configuration: ProbeConfiguration) -> ProbeMeasurement:
    """What `probe` measures, drawn from its law, at any width and at the cost of the rank alone.

    Raises:
        BadInput: the experiment has no exact law here; the message says why.
    """
    refusal = law_refusal(configuration)
    if refusal:
        raise BadInput(refusal)
    shapes = map(configuration.shape_at, configuration.widths)
    rows = [law_module(configuration, shape).trained(configuration.training_at(shape)) for shape in shapes]
    return probe_measurement(configuration, rows)


def law_module(configuration: ProbeConfiguration, shape: Shape) -> CompressedModule:
    """All runs of the experiment at one width, compressed; they can be trained at any rates."""
    sizes, draws = configuration.sizes_at(shape), []
    for run in range(configuration.runs):
        streams = Streams(configuration.seed, run, shape.width, configuration.is_paired)
        axes = z, dz = compressed_axes(streams, shape, configuration.optimizer)
        a = _factor(streams, shape.rank, sizes.A, z, Role.PRODUCT_A, Role.REST_A)
        b = _factor(streams, shape.rank, sizes.B, dz, Role.PRODUCT_B, Role.REST_B)
        draws.append((_padded(z.data, shape.rank), sizes.gradient * _padded(dz.data, shape.rank), a, b))
    return CompressedModule(module_of(draws, shape.rank, sizes.scale), axes)


def _factor(
    streams: Streams, rank: int, size: float | None, axis: CompressedAxis, product: Role, rest: Role
) -> Array | None:
    """A factor with entries of some size on the compressed axis, [r, d + r]; None for zero."""
    if size is None:
        return None
    rng = streams.fresh(rest)
    paired = streams.paired(product).standard_normal((rank, axis.data.shape[1]))
    inside = conditioned(rng.standard_normal((rank, len(axis.data))), paired, axis.data)
    return size * np.concatenate([inside, gram_root(rng, rank, axis.rest)], axis=1)


def _stretched(training: Training, stretch_a: float, stretch_b: float) -> Training:
    """The training on compressed axes: rates stretched, and epsilon out of the way."""
    rule, extra = training.optimizer, training.extra
    if extra.decay_A is not None and extra.decay_B is not None:
        # The decay of a step is eta lambda, which no stretch of eta may change.
        extra = replace(extra, decay_A=extra.decay_A / stretch_a, decay_B=extra.decay_B / stretch_b)
    return replace(
        training,
        eta_A=tuple(stretch_a * eta for eta in training.eta_A),
        eta_B=tuple(stretch_b * eta for eta in training.eta_B),
        optimizer=replace(rule, epsilon=rule.epsilon * NO_EPSILON) if isinstance(rule, Moments) else rule,
        extra=extra,
    )


def _padded(data: Array, rank: int) -> Array:
    """The data on all coordinates of its factor: zero on those that nothing moves."""
    return np.concatenate([data, np.zeros((rank, data.shape[1]))])


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
            root = gram_root(inputs, shape.samples, shape.width)  # of Z^T Z, which is Wishart
            z = symmetric_roots(root @ root.T)[0]
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
    """
    d = COORDINATES
    mean = absolute / math.sqrt(d * entries)
    spread = math.sqrt(max(0.0, square / d - mean**2))
    found = np.full((d, 1), mean - spread / math.sqrt(d - 1))
    found[0] = mean + spread * math.sqrt(d - 1)
    if found.min() <= 0:
        raise BadInput(f"|Z|_1 = {absolute:g} is too small beside |Z| = {math.sqrt(square):g} for {entries} entries")
    return found

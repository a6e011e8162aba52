"""A third reading of the LoRA module under gradient descent: every vector in coordinates, and one table of products.

Under a linear or quadratic loss every vector over the rank axis is a combination of x = A_0 Z, y = B_0^T dZ and
M x, where M = B_0^T B_0, and every vector over the outputs one of dZ, B_0 x and B_0 y: M has its leading eigenvalues at
n^(2b + max(fan_out, rank)), so that its higher powers are multiples of M. What the products of these vectors are
follows from M and from the laws of A_0 and B_0 alone; no parity and no alignment is spoken of. Coordinates add up
without cancelling.

    entries    x: a + 1/2;  y: b + d + f/2;  M x: 2b + x + max(f, (f + r)/2)
               dZ: d;  B_0 x: b + x + r/2;  B_0 y: b + y + max(r/2, r - f/2)
    products   x.x = 2x + r;  y.y = 2y + r;  x.y = x + y + r/2;  x.Mx = |B_0 x|^2 = 2b + 2x + f + r
               and the rest by moving M and B_0 from one side to the other

with a, b, d the exponents of A_0, B_0, dZ, and r, f those of the rank and of the outputs. A scheme may feed back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from tests.analysis.brute import HALF, Numbers, Run, Size, largest, unrolled

Vector = dict[str, Fraction]
"""The exponent of each coordinate that is not zero."""

Matrix = dict[tuple[str, str], Fraction]
"""The same for outer products of an output vector and a rank vector."""


@dataclass(frozen=True)
class Table:
    """The sizes and products of the vectors that occur."""

    entries: dict[str, Fraction]
    products: dict[frozenset[str], Fraction]
    pushed: dict[str, Vector]
    """B_0 times a rank vector."""
    pulled: dict[str, Vector]
    """B_0 transposed times an output vector."""

    @classmethod
    def of(cls, scheme: Numbers) -> Table:
        r, f, d = scheme.rank, scheme.fan_out, scheme.gradient
        most, zero = max(r, f), Fraction(0)
        entries, products = {"dZ": d}, {frozenset(["dZ"]): 2 * d + f}
        pushed: dict[str, Vector] = {}
        pulled: dict[str, Vector] = {}
        if scheme.a is not None:
            x = scheme.a + HALF
            entries["x"], products[frozenset("x")] = x, 2 * x + r
        if scheme.b is not None:
            b, y = scheme.b, scheme.b + d + f / 2
            eigen = 2 * b + most
            yy = 2 * y + r
            entries |= {"y": y, "By": b + y + max(r / 2, r - f / 2)}
            products |= {frozenset("y"): yy, frozenset(["dZ", "By"]): yy, frozenset(["By"]): eigen + yy}
            pushed["y"], pulled["dZ"], pulled["By"] = {"By": zero}, {"y": zero}, {"y": eigen}
        if scheme.a is not None and scheme.b is not None:
            xy, xmx = x + y + r / 2, 2 * b + 2 * x + f + r
            entries |= {"Mx": 2 * b + x + max(f, (f + r) / 2), "Bx": b + x + r / 2}
            products |= {frozenset("xy"): xy, frozenset(["x", "Mx"]): xmx, frozenset(["Mx"]): eigen + xmx}
            products |= {frozenset(["Mx", "y"]): eigen + xy, frozenset(["dZ", "Bx"]): xy}
            products |= {frozenset(["Bx"]): xmx, frozenset(["Bx", "By"]): eigen + xy}
            pushed |= {"x": {"Bx": zero}, "Mx": {"Bx": eigen}}
            pulled["Bx"] = {"Mx": zero}
        return cls(entries, products, pushed, pulled)

    def product(self, left: Vector, right: Vector) -> Size:
        """The product of two vectors of one space."""
        return largest(*(p + q + self.products[frozenset([i, j])] for i, p in left.items() for j, q in right.items()))

    def size(self, vector: Vector) -> Size:
        """The exponent of the entries."""
        return largest(*(size + self.entries[name] for name, size in vector.items()))

    def matrix_size(self, matrix: Matrix) -> Size:
        """The exponent of the entries of a sum of outer products."""
        return largest(*(size + self.entries[u] + self.entries[v] for (u, v), size in matrix.items()))


def scaled(vector: dict[object, Fraction], by: Size) -> dict[object, Fraction]:
    """The vector, or matrix, times a power of the width; times zero it is zero."""
    return {} if by is None else {name: size + by for name, size in vector.items()}


def summed(*vectors: dict[object, Fraction]) -> dict[object, Fraction]:
    """The sum of vectors, or matrices."""
    names = {name for vector in vectors for name in vector}
    return {name: max(vector[name] for vector in vectors if name in vector) for name in names}


@dataclass(frozen=True)
class Factor:
    """B = initial B_0 + updates, or a change of it; A likewise, with a rank vector p that stands for p Z^T."""

    initial: Size
    updates: dict[object, Fraction] = field(default_factory=dict)
    momentum: dict[object, Fraction] = field(default_factory=dict)

    def moved(self, gradient: dict[object, Fraction], rate: Fraction, scheme: Numbers) -> tuple[Factor, Factor]:
        """The factor after a step, and the change that the step is."""
        if scheme.momentum is not None:
            gradient = summed(scaled(self.momentum, scheme.momentum), gradient)
        less = None if scheme.decay is None else rate + scheme.decay
        initial = None if self.initial is None or less is None else self.initial + less
        change = Factor(initial, summed(scaled(gradient, rate), scaled(self.updates, less)))
        after = Factor(largest(self.initial, initial), summed(self.updates, change.updates), gradient)
        return after, change


def against_input(a: Factor) -> Vector:
    """A Z, with Z Z^T the width."""
    own = {} if a.initial is None else {"x": a.initial}
    return summed(own, scaled(a.updates, Fraction(1)))


def over_rank(b: Factor, z_a: Vector, table: Table, scheme: Numbers) -> Vector:
    """s B z, for a rank vector z."""
    parts = [] if b.initial is None else [scaled(table.pushed[name], size + b.initial) for name, size in z_a.items()]
    for (u, v), size in b.updates.items():
        by = table.product({v: size}, z_a)
        parts.append({} if by is None else {u: by})
    return scaled(summed(*parts), scheme.scale)


def over_outputs(b: Factor, slope: Vector, table: Table, scheme: Numbers) -> Vector:
    """s B^T d, for an output vector d."""
    parts = [] if b.initial is None else [scaled(table.pulled[name], size + b.initial) for name, size in slope.items()]
    for (u, v), size in b.updates.items():
        by = table.product({u: size}, slope)
        parts.append({} if by is None else {v: by})
    return scaled(summed(*parts), scheme.scale)


def run(scheme: Numbers, horizon: int) -> Run:
    """The exponents at steps 1 to `horizon`."""
    assert scheme.is_raw, "only gradient descent stays within these vectors"
    table, zero = Table.of(scheme), Fraction(0)
    start = Factor(None if scheme.a is None else zero), Factor(None if scheme.b is None else zero)
    return unrolled(lambda factors: step(*factors, table, scheme), start, horizon)


def step(a: Factor, b: Factor, table: Table, scheme: Numbers) -> tuple[tuple[Factor, Factor], dict[str, Size]]:
    """One step of training, and the exponents of its quantities."""
    z_a = against_input(a)
    slope = summed({"dZ": Fraction(0)}, scaled(over_rank(b, z_a, table, scheme), scheme.feedback))
    after_a, after_b, step_a, step_b = a, b, Factor(None), Factor(None)
    if "A" in scheme.trained:
        after_a, step_a = a.moved(over_outputs(b, slope, table, scheme), scheme.eta_a, scheme)
    if "B" in scheme.trained:
        outer = {(u, v): p + q + scheme.scale for u, p in slope.items() for v, q in z_a.items()}
        after_b, step_b = b.moved(outer, scheme.eta_b, scheme)
    return (after_a, after_b), _sizes((b, step_b, after_b), (a, step_a, after_a), table, scheme)


def _sizes(
    bs: tuple[Factor, Factor, Factor], moments: tuple[Factor, Factor, Factor], table: Table, scheme: Numbers
) -> dict[str, Size]:
    """The exponents of a step's quantities from each factor before it, its change, and after it."""
    (before, change, after), (z, moved, z_after) = bs, map(against_input, moments)
    a = moments[-1]
    deltas = [table.size(over_rank(*pair, table, scheme)) for pair in ((before, moved), (change, z), (change, moved))]
    return {
        "A": largest(None if a.initial is None else a.initial + scheme.a, table.size(a.updates)),
        "B": largest(None if after.initial is None else after.initial + scheme.b, table.matrix_size(after.updates)),
        "Z_A": table.size(z_after),
        "Z_B": table.size(over_rank(after, z_after, table, scheme)),
        "Delta_Z_B": largest(*deltas),
        "delta_1": deltas[0],
        "delta_2": deltas[1],
        "delta_3": deltas[2],
    }

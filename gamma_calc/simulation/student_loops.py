"""The loops over units and points of a student's training step, as vector code.

With h = F + B z at a unit j and a point i, a its activity 1{h > 0}, w the readout and e the residual over the number of
points, a step needs

    output_i = sum_j w_j a_ji h_ji,    Q_i = sum_j a_ji w_j B_j,    G_B[j] = w_j sum_i a_ji e_i z_i,

and G_A = sum_i e_i Q_i H_i^T, z = A H, which are matrix products. Q needs no residual, so it is summed in the same pass
as the output. What the second pass needs of the first is the activity alone, one bit a unit and point. For a vector of
points at rank r the two passes are r + 1 fused products, r + 1 masked sums and r masked sums, where the five products
of the step count 5 r multiplications and 5 r additions.

Points are the lanes: a tile is `vectors` registers of them, held for a whole block of units together with the tile's
sums. Every array is padded to whole tiles of points and whole blocks of units, in such a way that the padding is never
active or adds zero. What a loop reads next of a large array it asks for while it computes, each rate for a share.

Shapes: L rates, T tiles of v registers of W lanes, K blocks of U units, n = K U, points P = T v W; frozen and features
[K, T, U, v W], readout [n]; A^T, B, w B and the gradients of A^T and B [L, n, r]; z, Q, e z and e Q [L, r, P], outputs
[L, P]; activity [L, K, T, U, v] in masks of W bits; `weights`, the readout repeated r times and one more register
behind it, [n r + W].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

from gamma_calc.simulation.student_code import Code, Function, Lanes, nested, this_machine

GREATEST_RANK = 8
"""The largest rank whose sums fit the registers of one tile; above it matrix products are as good."""

BLOCK = 48
"""U, the units of a block, which are whole groups: every rate but the first reads a tile of their frozen part from the
first-level cache. Were it a power of two, all tiles of a group would meet in a few sets of that cache."""

WORKING_REGISTERS = 4
"""Registers that the forward loop needs beside the ones it holds: two coefficients, h and one to spare."""


@dataclass(frozen=True, slots=True)
class StudentLoops:
    """The compiled loops at one rank and float size, and the shape of the blocks that they work on.

    Args:
        lanes: W, the floats of a register.
        vectors: v, the registers of a tile.
        mask_bytes: bytes of one mask.
    """

    forward: Function
    projection: Function
    gradient_A: Function
    gradient_B: Function
    lanes: int
    vectors: int
    mask_bytes: int

    @property
    def tile(self) -> int:
        """The points of one tile."""
        return self.lanes * self.vectors


@cache
def student_loops(rank: int, item_bytes: int) -> StudentLoops:
    """The loops at a rank, compiled when they are first asked for.

    Args:
        item_bytes: 4 for float32, 8 for float64.
    """
    machine = this_machine()
    lanes = machine.register_bytes // item_bytes
    vectors = max(1, (machine.registers - WORKING_REGISTERS) // (2 * rank + 1))
    forward, projection, gradient_a, gradient_b = (
        build(rank, vectors, item_bytes) for build in (_forward, _projection, _gradient_a, _gradient_b)
    )
    return StudentLoops(forward, projection, gradient_a, gradient_b, lanes, vectors, Code.bytes_of_mask(lanes))


class _Layout:
    """Where the arrays of a loop have what: `place` numbers a tile, `vector` a register of it."""

    def __init__(self, code: Code, rank: int, vectors: int) -> None:
        self.code, self.rank, self.vectors = code, rank, vectors
        self.rates, self.blocks, self.tiles = code.sizes
        self.units = code.index((self.blocks, BLOCK))
        self.tile = vectors * code.lanes
        self.points = code.index((self.tiles, self.tile))

    def output(self, rate: Any, place: Any, vector: int) -> Any:
        """In an array [L, P]."""
        return self.code.index((rate, self.points), (place, self.tile), vector * self.code.lanes)

    def row(self, rate: Any, k: int, place: Any, vector: int) -> Any:
        """In row k of an array [L, r, P]."""
        code = self.code
        return code.index((rate, self.points, self.rank), (self.points, k), (place, self.tile), vector * code.lanes)

    def entry(self, rate: Any, block: Any, unit: Any, k: int = 0) -> Any:
        """In an array [L, n, r]."""
        return self.code.index((rate, self.units, self.rank), (block, BLOCK, self.rank), (unit, self.rank), k)

    def tiled(self, block: Any, place: Any, unit: Any, vector: int = 0) -> Any:
        """In an array [K, T, U, v W]."""
        rows = self.code.index((block, self.tiles, BLOCK), (place, BLOCK), unit)
        return self.code.index((rows, self.tile), vector * self.code.lanes)

    def mask(self, rate: Any, block: Any, place: Any, unit: Any, vector: int) -> Any:
        """In the activity [L, K, T, U, v]."""
        rows = self.code.index((rate, self.tiles, self.units), (block, self.tiles, BLOCK), (place, BLOCK), unit)
        return self.code.index((rows, self.vectors), vector)


def _forward(rank: int, vectors: int, item_bytes: int) -> Function:
    """forward(L, K, T; ...): add Q and the outputs up over the units."""
    names = ("frozen", "readout", "B", "wB", "z", "Q", "outputs", "activity")
    code = Code(("rates", "blocks", "tiles"), names, item_bytes)
    frozen, readout, b, wb, z, q, outputs, activity = code.arrays
    at = _Layout(code, rank, vectors)
    zero = code.filled(0.0)

    def at_tile(block: Any, place: Any, rate: Any) -> None:
        factors = [[code.loaded(z, at.row(rate, k, place, v)) for k in range(rank)] for v in range(vectors)]

        def at_unit(unit: Any, sums: Sequence[Lanes]) -> list[Lanes]:
            row, weighted = (
                [code.spread(array, at.entry(rate, block, unit, k)) for k in range(rank)] for array in (b, wb)
            )
            weight = code.spread(readout, code.index((block, BLOCK), unit))
            results: list[Lanes] = []
            for vector, factor in enumerate(factors):
                hidden = code.loaded(frozen, at.tiled(block, place, unit, vector))
                for b_k, z_k in zip(row, factor, strict=True):
                    hidden = hidden + b_k * z_k
                is_active = hidden > zero
                code.store_mask(is_active, activity, at.mask(rate, block, place, unit, vector))
                *before, output = sums[len(results) : len(results) + rank + 1]
                results += [is_active.choice(q_k + wb_k, q_k) for q_k, wb_k in zip(before, weighted, strict=True)]
                results.append(is_active.choice(output + weight * hidden, output))
            return results

        targets: list[tuple[Any, Any]] = []
        for vector in range(vectors):
            targets += [(q, at.row(rate, k, place, vector)) for k in range(rank)]
            targets.append((outputs, at.output(rate, place, vector)))
        _add_sums(at, frozen, (block, place, rate), targets, at_unit)

    nested(code, (at.blocks, at.tiles, at.rates), at_tile)
    return code.compiled()


def _projection(rank: int, vectors: int, item_bytes: int) -> Function:
    """projection(L, K, T; ...): add z = A H up over the units."""
    code = Code(("rates", "blocks", "tiles"), ("features", "A", "z"), item_bytes)
    features, a, z = code.arrays
    at = _Layout(code, rank, vectors)

    def at_tile(block: Any, place: Any, rate: Any) -> None:
        def at_unit(unit: Any, sums: Sequence[Lanes]) -> list[Lanes]:
            row = [code.spread(a, at.entry(rate, block, unit, k)) for k in range(rank)]
            inputs = [code.loaded(features, at.tiled(block, place, unit, vector)) for vector in range(vectors)]
            return [before + a_k * h for before, (h, a_k) in zip(sums, product(inputs, row), strict=True)]

        targets = [(z, at.row(rate, k, place, vector)) for vector in range(vectors) for k in range(rank)]
        _add_sums(at, features, (block, place, rate), targets, at_unit)

    nested(code, (at.blocks, at.tiles, at.rates), at_tile)
    return code.compiled()


def _add_sums(
    at: _Layout,
    tiled: Any,
    indices: tuple[Any, Any, Any],
    targets: Sequence[tuple[Any, Any]],
    at_unit: Callable[[Any, Sequence[Lanes]], list[Lanes]],
) -> None:
    """Add the sums over the units of a block to arrays at indices, and bring the tiles that follow into the cache.

    Sums of one block are added up apart: sums of sums of n terms lose less to rounding than sums of n terms.

    Args:
        tiled: the large array that is read; each unit at each rate asks for another register of what follows.
        indices: block, place and rate.
    """
    code, (block, place, rate) = at.code, indices
    following = at.tiled(block, code.index(place, 1), 0)

    def at_unit_and_ahead(unit: Any, sums: Sequence[Lanes]) -> list[Lanes]:
        code.prefetch(tiled, code.index(following, (rate, BLOCK * code.lanes), (unit, code.lanes)), code.item_bytes)
        return at_unit(unit, sums)

    sums = code.loop(code.index(BLOCK), [code.filled(0.0)] * len(targets), at_unit_and_ahead)
    for total, (array, index) in zip(sums, targets, strict=True):
        code.store(code.loaded(array, index) + total, array, index)


def _gradient_a(rank: int, vectors: int, item_bytes: int) -> Function:
    """gradient_A(L, K, T; ...): the gradient of A from that of z."""
    code = Code(("rates", "blocks", "tiles"), ("dz", "features", "gradient"), item_bytes)
    dz, features, gradient = code.arrays
    at = _Layout(code, rank, vectors)
    sums = _GroupSums(at)

    def at_group(block: Any, number: Any, rate: Any) -> None:
        def added(place: Any, vector: int, before: list[Lanes]) -> list[Lanes]:
            following = code.index(sums.members(number)[-1], 1, rate)
            code.prefetch(features, at.tiled(block, place, following, vector), code.item_bytes)
            slopes = [code.loaded(dz, at.row(rate, k, place, vector)) for k in range(rank)]
            inputs = [code.loaded(features, at.tiled(block, place, unit, vector)) for unit in sums.members(number)]
            return [value + d * h for value, (h, d) in zip(before, product(inputs, slopes), strict=True)]

        for part, total in enumerate(sums.over_points(added)):
            sums.store(total, gradient, rate, block, number, part)

    # A group's features stay in the first-level cache for all rates.
    nested(code, (at.blocks, sums.groups, at.rates), at_group)
    return code.compiled()


def _gradient_b(rank: int, vectors: int, item_bytes: int) -> Function:
    """gradient_B(L, K, T; ...): the gradient of B from the activity."""
    code = Code(("rates", "blocks", "tiles"), ("ez", "activity", "weights", "gradient"), item_bytes)
    ez, activity, weights, gradient = code.arrays
    at = _Layout(code, rank, vectors)
    sums = _GroupSums(at)

    def at_group(rate: Any, block: Any, number: Any) -> None:
        def added(place: Any, vector: int, before: list[Lanes]) -> list[Lanes]:
            units = sums.members(number)
            following = at.mask(rate, code.index(block, 1), place, units[0], vector)
            code.prefetch(activity, following, code.bytes_of_mask(code.lanes))
            terms = [code.loaded(ez, at.row(rate, k, place, vector)) for k in range(rank)]
            masks = [code.loaded_mask(activity, at.mask(rate, block, place, unit, vector)) for unit in units]
            return [m.choice(value + e, value) for value, (m, e) in zip(before, product(masks, terms), strict=True)]

        for part, total in enumerate(sums.over_points(added)):
            weight = code.loaded(weights, sums.index(0, block, number, part))
            sums.store(total * weight, gradient, rate, block, number, part)

    # A rate's e z stays in the first-level cache for all groups.
    nested(code, (at.rates, at.blocks, sums.groups), at_group)
    return code.compiled()


class _GroupSums:
    """Sums over all points, for a group of a block's units whose sums at all ranks fill a register where they can."""

    def __init__(self, at: _Layout) -> None:
        self.at, self.code = at, at.code
        self.group = 1 << (max(1, self.code.lanes // at.rank).bit_length() - 1)
        self.size = self.group * at.rank
        self.groups = self.code.index(BLOCK // self.group)

    def members(self, number: Any) -> list[Any]:
        """The units of a group."""
        return [self.code.index((number, self.group), member) for member in range(self.group)]

    def over_points(self, added: Callable[[Any, int, list[Lanes]], list[Lanes]]) -> list[Lanes]:
        """The finished sums of a group, in the order of an array [n, r], in registers."""
        code = self.code

        def at_tile(place: Any, sums: Sequence[Lanes]) -> list[Lanes]:
            results = list(sums)
            for vector in range(self.at.vectors):
                results = added(place, vector, results)
            return results

        sums = code.loop(self.at.tiles, [code.filled(0.0)] * self.size, at_tile)
        return [_lane_sums(code, sums[start : start + code.lanes]) for start in range(0, self.size, code.lanes)]

    def index(self, rate: Any, block: Any, number: Any, part: int) -> Any:
        """Where one of the registers of a group is in an array [L, n, r]."""
        return self.code.index(self.at.entry(rate, block, self.members(number)[0]), part * self.code.lanes)

    def store(self, total: Lanes, array: Any, rate: Any, block: Any, number: Any, part: int) -> None:
        """Write one of the registers of a group to an array [L, n, r]."""
        count = min(self.code.lanes, self.size - part * self.code.lanes)
        self.code.store_first(count, total, array, self.index(rate, block, number, part))


def _lane_sums(code: Code, registers: Sequence[Lanes]) -> Lanes:
    """The sum over the lanes of each register, one a lane."""
    rest = [*registers, *[code.filled(0.0)] * (code.lanes - len(registers))]
    while len(rest) > 1:
        rest = [left.pair_sums(right) for left, right in zip(rest[::2], rest[1::2], strict=True)]
    return rest[0]

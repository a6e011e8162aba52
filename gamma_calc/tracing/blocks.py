"""Blocks: some coordinates of an axis that grows, such as the queries in a fused projection, as tensors of their own.

A block of rows of a random matrix is a random matrix, and its rows are trained like those of one. So what is taken of
a value is taken of the parameters that its axis comes from; two blocks have no row in common, or one is refused. Of a
frozen matrix that layers of several sizes share, each size has the first rows or columns.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from gamma_calc.errors import Unknown
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import (
    Contraction,
    Entrywise,
    Expression,
    Given,
    Merged,
    Named,
    Ones,
    Renamed,
    Scaled,
    Split,
    Sum,
    Trained,
    nodes,
)
from gamma_calc.program.shared import parts
from gamma_calc.tracing.capture import Operation
from gamma_calc.tracing.names import distinct, numbered
from gamma_calc.tracing.sizes import ZERO
from gamma_calc.tracing.translation import Coordinates, Translation
from gamma_calc.tracing.values import ONE, Value, flat, product_of, widened

SCATTERED = -1
"""In place of the dimension of a matrix that is cut into blocks, where both are."""


def block(t: Translation, value: Value, place: int, taken: Coordinates, where: str) -> Value:
    """Some coordinates of a dimension, of one axis.

    Raises:
        Unknown: the axis does not come from parameters, or a part of the block is already part of another one.
    """
    value = t.layout.whole(value, place)
    (axis,) = value.dims[place]
    new = t.axes.axis(tuple(map(len, taken)), _axes(value.expression), where)
    taking = _Taking(t, taken, new, where)
    return value.with_dims(place, (new,)).written(taking.of(value.expression, axis))


def _axes(expression: Expression) -> set[Axis]:
    """The axes of all that an expression is made of."""
    return {axis for node in nodes(expression) for axis in node.axes}


def coordinates(tensor: Tensor, place: int, taken: range) -> Tensor:
    """Some coordinates of a dimension of a tensor, as a view of it."""
    return tensor[(slice(None),) * place + (slice(taken.start, taken.stop, taken.step),)]


def at_place(t: Translation, node: Expression, axis: Axis, place: int) -> Expression | None:
    """What values along an axis are at one place of it, where they were put each at one; None where they were not."""

    def at(node: Expression) -> Expression | None:
        """The value there; None where that is zero."""
        if axis not in node.axes:
            return node
        match node:
            case Given() if node in t.units:
                return ONE if t.units[node] == place else None
            case Ones():
                return ONE
            case Scaled(symbol, exponent, operand):
                return None if (found := at(operand)) is None else Scaled(symbol, exponent, found)
            case Entrywise(left, right):
                one, other = at(left), at(right)
                return None if one is None or other is None else product_of(one, other)
            case Sum(summands):
                there = [found for each in summands if (found := at(each)) is not None]
                return Sum(tuple(there)) if len(there) > 1 else there[0] if there else None
        raise LookupError

    try:
        return at(node)
    except LookupError:
        return None


def shared_part(t: Translation, shared: Operation, operation: Operation, place: int) -> Value:
    """The first coordinates of a random matrix that layers share, as a matrix of their own.

    Parts of different sizes have entries in common. Nothing relates the coordinates of a size to those of another one
    but sums against matrices, so no two of these entries are ever summed beside each other.

    Raises:
        Unknown: another part has entries of another size.
    """
    dims = t.dims(operation)
    assert operation.shape is not None and shared.values is not None
    init, size = t.inits.of(shared, dims), operation.shape[place]
    if t.shared.setdefault(init.name, init) != init:
        raise Unknown(f"parts of {init.name} whose sizes grow by different powers of the width")
    name = _called(t, init.name, place, tuple(map(range, size)))
    t.leaves[init.name], t.blocks[name] = shared.parameter, (init.name, place, range(size[0]))
    t.tensors[name] = shared.values[0].double().narrow(place, 0, size[0])
    return Value(Trained(name, flat(dims), init.initial, ZERO, is_trained=False), dims)


def _called(t: Translation, name: str, place: int, taken: Coordinates) -> str:
    """What a block of a leaf, or of a named value, is called: numbered as they are met."""
    known = t.taken.setdefault(name, {})
    if (place, taken) not in known:
        blocks = [block for of_one in t.taken.values() for block in of_one.values()]
        names = {*t.inits.names.values(), *t.tensors, *t.features, *blocks}
        known[place, taken] = distinct(numbered(name, len(known) + 1), names)
    return known[place, taken]


class _Taking:
    """One block of an expression; what lacks the axis stays as it is."""

    def __init__(self, t: Translation, taken: Coordinates, new: Axis, where: str) -> None:
        self.t, self.taken, self.new, self.where = t, taken, new, where
        self.known: dict[Expression, Expression] = {}

    def of(self, node: Expression, axis: Axis) -> Expression:
        if axis not in node.axes:
            return node
        if node not in self.known:
            self.known[node] = self._of(node, axis)
        return self.known[node]

    def _of(self, node: Expression, axis: Axis) -> Expression:
        match node:
            case Ones():
                return Ones.along(self.new)
            case Given() | Trained() | Named():
                return self._piece(node, axis)
            case Renamed(operand, old, new) if new is axis:
                return self.of(operand, old)
            case Split(operand, old, outer, inner) if axis is outer:
                return self._of_outer(operand, old, inner)
            case Merged(operand, outer, inner) if axis is node.axis and self.t.axes.is_fixed(outer):
                return self._of_merged(operand, outer, inner)
            case Split() | Merged() if axis not in node.operand.axes:
                raise Unknown(f"some coordinates of {axis}, which is several axes or a part of one")
        rebuilt: Any = type(node)(*(self._part(each, axis) for each in parts(node)))
        if axis in rebuilt.axes:
            raise Unknown(f"some coordinates of {axis}")
        assert isinstance(rebuilt, Expression)
        return rebuilt

    def _of_outer(self, operand: Expression, old: Axis, inner: Axis) -> Expression:
        """Some of the rows that an axis is split into, such as the heads of queries: the coordinates of these."""
        if any(row.step != 1 for row in self.taken):
            raise Unknown(f"some coordinates of {old}, which are not in a row")
        counts = self.t.axes.sizes[inner]
        rows = tuple(range(row.start * count, row.stop * count) for row, count in zip(self.taken, counts, strict=True))
        new = self.t.axes.axis(tuple(map(len, rows)), {*_axes(operand), self.new, inner}, self.where)
        return Split(_Taking(self.t, rows, new, self.where).of(operand, old), new, self.new, inner)

    def _of_merged(self, operand: Expression, outer: Axis, inner: Axis) -> Expression:
        """The coordinates along one axis at one of a few places of another, such as the queries beside keys."""
        count, places = self.t.axes.sizes[inner], range(self.t.axes.sizes[outer][0])
        of_place = {tuple(range(each * size, (each + 1) * size) for size in count): each for each in places}
        if self.taken not in of_place:
            raise Unknown(f"some coordinates of {inner} at some places of {outer}, other than all at one")
        place = of_place[self.taken]
        if (alone := at_place(self.t, operand, outer, place)) is not None:
            return Renamed(alone, inner, self.new) if inner in alone.axes else alone
        here = self.t.data(f"{outer}_{place}", torch.eye(len(places))[place], (outer,))
        self.t.picks[here] = False
        found = Contraction(widened(operand, (outer,)), here, (outer,))
        return Renamed(found, inner, self.new) if inner in found.axes else found

    def _part(self, each: Any, axis: Axis) -> Any:
        if isinstance(each, Expression):
            return self.of(each, axis)
        if each is axis:
            raise Unknown(f"some coordinates of {axis} of a value that is made along it")
        return tuple(self._part(one, axis) for one in each) if isinstance(each, tuple) else each

    def _piece(self, node: Given | Trained | Named, axis: Axis) -> Expression:
        """A block of what has a name: the one that is known, where it was taken before, along the axis of this one."""
        key = node, axis, self.taken
        if key not in self.t.pieces:
            self.t.pieces[key] = self._new_piece(node, node.axes.index(axis), axis), self.new
        found, own = self.t.pieces[key]
        return found if own is self.new else Renamed(found, own, self.new)

    def _new_piece(self, node: Given | Trained | Named, place: int, axis: Axis) -> Expression:
        if isinstance(node, Named):
            name = _called(self.t, node.name, place, self.taken)
            found = Named(name, self.of(node.operand, axis), node.is_cut)
            self.t.features[name] = found
            return found
        rows, others = self.taken[0], self.t.taken.get(node.name, ())
        if any(along != place or not set(rows).isdisjoint(other[0]) for along, other in others):
            raise Unknown(f"overlapping blocks of {node.name}")
        name = _called(self.t, node.name, place, self.taken)
        self.t.tensors[name] = coordinates(self.t.tensors[node.name], place, rows)
        self.t.blocks[name], self.t.lines[name] = (node.name, place, rows), self.where
        self.t.axes.blocks.setdefault(node.shape[place], []).append(self.new)
        axes = tuple(self.new if each is axis else each for each in node.shape)
        taken = type(node)(name, axes, *parts(node)[2:])
        if not isinstance(taken, Trained):
            return taken
        whole, along = taken.block or (node.name, place)
        start = None if taken.start is None else self.of(taken.start, axis)
        return replace(taken, start=start, block=(whole, place if along == place else SCATTERED))

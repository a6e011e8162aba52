"""Values of a forward pass: an expression, and which of its axes each dimension of the tensor is.

Data movement (view, transpose, split into heads, broadcast) only says anew which dimension is what, so it changes no
exponent. A dimension that is several axes at once, the last one running fastest, is not merged before something needs
it whole; one along which nothing changes is no axis of the expression, and is written out where a sum needs it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from string import ascii_lowercase as LETTERS
from typing import Any

from gamma_calc.algebra import Affine
from gamma_calc.errors import BadInput, Unknown
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import (
    Contraction,
    Entrywise,
    Expression,
    Merged,
    Ones,
    Renamed,
    Scaled,
    Split,
    Sum,
    Trained,
    nodes,
)
from gamma_calc.tracing.capture import Sizes
from gamma_calc.tracing.sizes import Axes

Dimension = tuple[Axis, ...]


def flat(dims: Iterable[Dimension]) -> Dimension:
    """The axes of all dimensions, in order."""
    return tuple(axis for dim in dims for axis in dim)


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor of the forward pass; a dimension of one coordinate has no axis."""

    expression: Expression
    dims: tuple[Dimension, ...]

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Those of all dimensions."""
        return flat(self.dims)

    def place(self, dim: int) -> int:
        """The number of a dimension, which may be counted from the last one."""
        return dim % len(self.dims)

    def places(self, dims: Any) -> tuple[int, ...]:
        """The numbers of one dimension or several; of all of them where none is given."""
        if isinstance(dims, int):
            return (self.place(dims),)
        return tuple(self.place(dim) for dim in dims or range(len(self.dims)))

    def with_dims(self, place: int, *dims: Dimension) -> Value:
        """The same expression, with other dimensions in place of one, or with none."""
        return Value(self.expression, (*self.dims[:place], *dims, *self.dims[place + 1 :]))

    def written(self, expression: Expression) -> Value:
        """The same dimensions of another expression."""
        return Value(expression, self.dims)


class AxisLayout:
    """What is done with values of some axes before an operation is written."""

    def __init__(self, axes: Axes) -> None:
        self.axes = axes

    def sizes(self, dim: Dimension) -> Sizes:
        """The number of coordinates of a dimension in each twin."""
        every = [self.axes.sizes[axis] for axis in dim] or [(1, 1)]
        return tuple(map(prod, zip(*every, strict=True)))

    def whole(self, value: Value, place: int) -> Value:
        """The value with one axis for a dimension.

        Raises:
            Unknown: the axes of the dimension do not go together as one, or are those of another in another order.
        """
        while len(value.dims[place]) > 1:
            *before, outer, inner = value.dims[place]
            if self._is_shuffled(value.expression, outer, inner):
                raise Unknown(
                    f"a shuffle: {outer} and {inner} as one axis in another order than before, which is not told apart"
                )
            axis = self.axes.axis(self.sizes((outer, inner)), value.axes)
            expression = value.expression
            if outer in expression.axes or inner in expression.axes:
                try:
                    expression = Merged(widened(expression, (outer, inner)), outer, inner, axis)
                except BadInput as problem:
                    raise Unknown(str(problem)) from None
            value = value.with_dims(place, (*before, axis)).written(expression)
        return value

    def renamed(self, value: Value, names: Mapping[Axis, Axis]) -> Value:
        """The value with other axes of the same sizes, all at once."""
        moves = {old: new for old, new in names.items() if old is not new}
        clashing = [new for new in moves.values() if new in value.axes]
        for new in clashing:
            if new in moves:  # it moves on itself: aside first
                aside = self.axes.copy(new, (*value.axes, *moves.values()))
                value = self.renamed(value, {new: aside})
                moves[aside] = moves.pop(new)
            else:
                value = self.renamed(value, {new: self.axes.copy(new, (*value.axes, *moves.values()))})
        expression = value.expression
        for old, new in moves.items():
            if old in expression.axes:
                expression = Renamed(expression, old, new)
        return Value(expression, tuple(tuple(moves.get(axis, axis) for axis in dim) for dim in value.dims))

    def reshaped(self, value: Value, shape: Sequence[Sizes]) -> Value:
        """The same entries in order, in other dimensions; axes are split where they have to be."""
        waiting = [*value.axes]
        expression = value.expression
        dims: list[Dimension] = []
        for sizes in shape:
            dim: list[Axis] = []
            while (found := self.sizes(tuple(dim))) != sizes:
                if not waiting:
                    raise Unknown(f"a view of {value.dims} as {shape}")
                wanted = tuple(whole // part for whole, part in zip(sizes, found, strict=True))
                axis = waiting.pop(0)
                if all(whole % part == 0 for whole, part in zip(wanted, self.axes.sizes[axis], strict=True)):
                    dim.append(axis)
                    continue
                taken = (*value.axes, *dim, *waiting, *expression.axes, *(each for part in dims for each in part))
                inner_sizes = tuple(a // b for a, b in zip(self.axes.sizes[axis], wanted, strict=True))
                outer = self.axes.axis(wanted, taken)
                inner = self.axes.axis(inner_sizes, (*taken, outer))
                if self.sizes((outer, inner)) != self.axes.sizes[axis] or outer.size + inner.size != axis.size:
                    raise Unknown(f"a view that cuts {axis} across")
                if axis in expression.axes:
                    expression = Split(expression, axis, outer, inner)
                dim.append(outer)
                waiting.insert(0, inner)
            dims.append(tuple(dim))
        return Value(expression, tuple(dims))

    def product(self, left: Value, right: Value, letters: tuple[str, str, str]) -> Value:
        """An einsum of two values: the product, summed over the letters that the result lacks.

        The result is called by the axes of the left value.
        """
        first, second, out = letters
        left, right = self._beside(left, right, first, second)
        dims = dict(zip(second, right.dims, strict=True)) | {
            letter: dim for letter, dim in zip(first, left.dims, strict=True) if dim or letter not in second
        }
        over = tuple(axis for letter in dims if letter not in out for axis in dims[letter])
        if over:
            sides = (widened(left.expression, over), widened(right.expression, over))
            expression: Expression = Contraction(*sides, over)
        else:
            expression = product_of(left.expression, right.expression)
        return Value(expression, tuple(dims[letter] for letter in out))

    def summed(self, left: Value, right: Value, places: Collection[int], keepdim: bool) -> Value:
        """The sum of products along dimensions of the left value; the right one has the same, or is a number."""
        letters = LETTERS[: len(left.dims)]
        out = "".join(letter for place, letter in enumerate(letters) if place not in places)
        found = self.product(left, right, (letters, letters[: len(right.dims)], out))
        dims = iter(found.dims)
        kept = tuple(() if place in places else next(dims) for place in range(len(left.dims)))
        return Value(found.expression, kept) if keepdim else found

    def broadcast(self, left: Value, right: Value) -> tuple[Value, Value]:
        """Two values with as many dimensions, and the same axes where both have some."""
        count = max(len(left.dims), len(right.dims))
        left, right = (Value(each.expression, ((),) * (count - len(each.dims)) + each.dims) for each in (left, right))
        left, right = self._beside(left, right, LETTERS[:count], LETTERS[:count])
        dims = tuple(one or other for one, other in zip(left.dims, right.dims, strict=True))
        return replace(left, dims=dims), replace(right, dims=dims)

    def times(self, left: Value, right: Value) -> Value:
        """The product entry by entry."""
        left, right = self.broadcast(left, right)
        return left.written(product_of(left.expression, right.expression))

    def added(self, *values: Value) -> Value:
        """The sum, the same axes throughout."""
        first, *others = values
        for each in others:
            left, right = self.broadcast(first, each)
            kept = tuple(axis for axis in left.axes if axis in {*left.expression.axes, *right.expression.axes})
            first = left.written(Sum((widened(left.expression, kept), widened(right.expression, kept))))
        return first

    def _beside(self, left: Value, right: Value, first: str, second: str) -> tuple[Value, Value]:
        """Two values whose dimensions of one letter have one axis, and that share no other axis."""
        for place, letter in enumerate(first):
            if letter in second:
                other = second.index(letter)
                if left.dims[place] and right.dims[other] and not self._alike(left.dims[place], right.dims[other]):
                    left, right = self.whole(left, place), self.whole(right, other)
        names: dict[Axis, Axis] = {}
        for place, letter in enumerate(second):
            mine = left.dims[first.index(letter)] if letter in first else ()
            if mine and right.dims[place]:
                names |= dict(zip(right.dims[place], mine, strict=True))
        for axis in right.axes:
            if axis not in names and axis in left.axes:
                names[axis] = self.axes.copy(axis, (*left.axes, *right.axes, *names.values()))
        return left, self.renamed(right, names)

    def _is_shuffled(self, expression: Expression, outer: Axis, inner: Axis) -> bool:
        """Whether two axes, one of which grows, are parts of one in which the second was the outer one."""
        if all(map(self.axes.is_fixed, (outer, inner))):
            return False
        return any(isinstance(each, Split) and (each.outer, each.inner) == (inner, outer) for each in nodes(expression))

    def _alike(self, one: Dimension, other: Dimension) -> bool:
        return [self.axes.sizes[axis] for axis in one] == [self.axes.sizes[axis] for axis in other]


def widened(expression: Expression, axes: Iterable[Axis]) -> Expression:
    """The expression with some axes, those that it lacks by ones."""
    for axis in axes:
        if axis not in expression.axes:
            expression = product_of(expression, Ones.along(axis))
    return expression


ONE = Ones("one", (), Affine.of(0))
"""The number 1."""
NOTHING = Trained("zero", (), None, Affine.of(0), is_trained=False)
"""The number 0: what starts at zero and stays there."""


def product_of(left: Expression, right: Expression) -> Expression:
    """The product; by a number, a scalar."""
    for one, other in ((left, right), (right, left)):
        if one is ONE:
            return other
        if isinstance(one, Scaled) and one.operand is ONE:
            return Scaled(one.symbol, one.exponent, other)
    return Entrywise(left, right)

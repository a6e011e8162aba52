"""The order of products: of three factors, no two matrices are multiplied where a vector is there.

    (V W) x = V (W x),   (g * W) x = g * (W x),   (W + B A) x = W x + B (A x),   (W * b a^T) x = b * (W (a * x))

Each is one value, written in two ways. V and W are random matrices, which a sum knows again; V W is none. A matrix has
more axes that grow than a vector.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import Contraction, Entrywise, Expression, Named, Renamed, Scaled, Sum, Transposed


def vectors_first(node: Expression) -> Expression:
    """A contraction with a product of matrices as one with each of its factors; any other operation as it is."""
    if not isinstance(node, Contraction):
        return node
    vector, matrix = sorted((node.left, node.right), key=lambda each: _growing(each.axes))
    is_product = _growing(vector.axes) < _growing(matrix.axes)
    return (_taken_apart(matrix, vector, node.over) if is_product else None) or node


def _times(matrix: Expression, vector: Expression, over: tuple[Axis, ...]) -> Expression:
    return vectors_first(Contraction(matrix, vector, over))


def _taken_apart(matrix: Expression, vector: Expression, over: tuple[Axis, ...]) -> Expression | None:
    """A matrix times a vector, factor by factor; None where the matrix is no product of two."""
    match matrix:
        case Named(_, operand) | Transposed(operand):
            return _taken_apart(operand, vector, over)
        case Scaled(operand=operand):
            found = _taken_apart(operand, vector, over)
            return found and replace(matrix, operand=found)
        case Sum(summands):
            parts = [_taken_apart(each, vector, over) for each in summands]
            every = zip(parts, summands, strict=True)
            return Sum(tuple(part or _times(each, vector, over) for part, each in every)) if any(parts) else None
        case Renamed(_, old, new) if new in over or new not in vector.axes:
            return _beside(vector, (old,), lambda vector: _of_renamed(matrix, vector, over))
        case Contraction(left, right, inner) if _growing(matrix.axes) > 1:
            return _beside(
                vector,
                inner,
                lambda vector: (
                    _of_product(matrix, left, right, vector, over) or _of_product(matrix, right, left, vector, over)
                ),
            )
        case Entrywise(left, right) if _growing(matrix.axes) > 1:
            return _of_entries(left, right, vector, over) or _of_entries(right, left, vector, over)
    return None


def _beside(
    vector: Expression, hidden: Iterable[Axis], found: Callable[[Expression], Expression | None]
) -> Expression | None:
    """What is found with a vector whose axes do not bear the names of some others, under its own names again."""
    for axis in hidden:
        if axis in vector.axes:
            other = Axis(f"{axis}'", axis.size)
            while other in vector.axes:
                other = Axis(f"{other}'", axis.size)
            inside = _beside(Renamed(vector, axis, other), hidden, found)
            return inside and Renamed(inside, other, axis)
    return found(vector)


def _of_renamed(matrix: Renamed, vector: Expression, over: tuple[Axis, ...]) -> Expression | None:
    operand, old, new = matrix.operand, matrix.old, matrix.new
    if new in over:
        summed = tuple(old if axis == new else axis for axis in over)
        return _taken_apart(operand, Renamed(vector, new, old), summed)
    found = _taken_apart(operand, vector, over)
    return found and Renamed(found, old, new)


def _of_product(
    matrix: Contraction, first: Expression, second: Expression, vector: Expression, over: tuple[Axis, ...]
) -> Expression | None:
    """V (W x)."""
    is_met = set(over) <= set(second.axes) and set(over).isdisjoint(first.axes)
    if not is_met or not _is_smaller((*second.axes, *vector.axes), over, matrix):
        return None
    return _times(first, _times(second, vector, over), matrix.over)


def _of_entries(first: Expression, second: Expression, vector: Expression, over: tuple[Axis, ...]) -> Expression | None:
    """The product of two, entry by entry, times a vector: g * (W x), or W (g * x) of a g along the inputs.

    Of a sum in the place of g each summand so; of B A, which has both axes, sum_k B_k * (W (A_k * x)).
    """
    matrix = first * second
    if not set(over) <= set(second.axes):
        return None
    if set(over).isdisjoint(first.axes):
        is_smaller = _is_smaller((*second.axes, *vector.axes), over, matrix)
        return first * _times(second, vector, over) if is_smaller else None
    if _is_smaller((*first.axes, *vector.axes), (), matrix):
        return _times(second, first * vector, over)
    match first:
        case Named(_, operand) | Transposed(operand):
            return _of_entries(operand, second, vector, over)
        case Scaled(operand=operand):
            found = _of_entries(operand, second, vector, over)
            return found and replace(first, operand=found)
        case Renamed(operand, old, new) if old not in (*second.axes, *vector.axes):
            summed = tuple(old if axis == new else axis for axis in over)
            second, vector = (Renamed(each, new, old) if new in each.axes else each for each in (second, vector))
            found = _of_entries(operand, second, vector, summed)
            return found and (Renamed(found, old, new) if old in found.axes else found)
        case Sum(summands):
            parts = [_of_entries(each, second, vector, over) for each in summands]
            every = zip(parts, summands, strict=True)
            return (
                Sum(tuple(part or _times(each * second, vector, over) for part, each in every)) if any(parts) else None
            )
        case Entrywise(left, right):
            return _of_entries(left, right * second, vector, over) or _of_entries(right, left * second, vector, over)
        case Contraction(over=inner):
            return _beside(vector, inner, lambda vector: _of_outer(first, second, vector, over))
    return None


def _of_outer(factor: Contraction, second: Expression, vector: Expression, over: tuple[Axis, ...]) -> Expression | None:
    """sum_k B_k * (W (A_k * x))."""
    for outer, own in ((factor.left, factor.right), (factor.right, factor.left)):
        is_met = set(over) <= set(own.axes) and set(over).isdisjoint(outer.axes)
        if is_met and _is_smaller((*own.axes, *vector.axes), (), factor):
            return Contraction(outer, _times(second, own * vector, over), factor.over)
    return None


def _is_smaller(axes: Iterable[Axis], over: tuple[Axis, ...], matrix: Expression) -> bool:
    """Whether what a sum leaves of some axes are fewer that grow than a matrix has."""
    return _growing(axis for axis in axes if axis not in over) < _growing(matrix.axes)


def _growing(axes: Iterable[Axis]) -> int:
    return len({axis for axis in axes if not axis.is_fixed})

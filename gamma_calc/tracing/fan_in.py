"""Fan-in: the dimensions of a matrix that a network sums over, read off what its forward pass is translated to.

A matrix is followed through what moves its axes, takes parts of them or changes its entries one by one, to the sums
over them. A row that is looked up in a table is no matrix any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import (
    Contraction,
    Expression,
    Given,
    Merged,
    Ones,
    Renamed,
    Split,
    Sum,
    Trained,
    operands_first,
    rewritten,
)
from gamma_calc.program.product_order import vectors_first
from gamma_calc.tracing.translation import Translation

Form = tuple[Trained, Mapping[Axis, tuple[Axis, ...]]]
"""A matrix that a value is another form of, and the axes of it that each axis of the value is, or is a part of."""


def summed_dimensions(t: Translation, output: Expression) -> dict[str, tuple[int, ...]]:
    """The dimensions of each parameter that are summed over, the most at once; none of one that is looked up in."""
    shapes = {each.parameter: each.shape or () for each in t.capture.operations.values()}
    forms, made_of_data = dict[Expression, list[Form]](), set[Expression]()
    found: dict[str, tuple[int, bool, tuple[int, ...]]] = {}
    # As what is derived takes products: (V W) x is a sum over the columns of W, and one over those of V.
    for node in operands_first(rewritten(output, lambda leaf: leaf, operation=vectors_first)):
        is_data = isinstance(node, Given) and not isinstance(node, Ones) and t.picks.get(node, True)
        if is_data or not made_of_data.isdisjoint(node.operands):
            made_of_data.add(node)
        is_feature = isinstance(node, Sum) and node in made_of_data  # such as what a table of positions is added to
        forms[node] = [] if is_feature else [*_forms(t, node, forms)]
        if isinstance(node, Contraction) and _pick(t, node) is None:
            is_weighed = not any(isinstance(each, Ones) for each in node.operands)  # and no mean of the matrix itself
            for leaf, axes in (form for operand in node.operands for form in forms[operand]):
                name = t.source(leaf.name)
                dims = [place for place, sizes in enumerate(shapes[name]) if set(sizes) != {1}]
                summed = {dims[leaf.shape.index(own)] for axis in node.over for own in axes.get(axis, ())}
                sums = (len(summed), is_weighed, tuple(sorted(summed)))
                found[name] = max(found.get(name, (0, False, ())), sums, key=lambda each: each[:2])
    return {name: places for name, (_, _, places) in found.items()}


def _forms(t: Translation, node: Expression, known: Mapping[Expression, list[Form]]) -> Iterator[Form]:
    """The matrices that a value is another form of."""
    before: dict[Axis, tuple[Axis, ...]] = {}
    is_looked_up = False
    match node:
        case Trained():
            yield node, {axis: (axis,) for axis in node.axes}
        case Contraction():
            pick = _pick(t, node)
            if pick is None:
                return
            is_looked_up = t.picks[_data(pick)]
            before = {} if is_looked_up else {axis: node.over for axis in pick.axes}
        case Renamed(_, old, new):
            before = {new: (old,)}
        case Split(_, axis, outer, inner):
            before = {outer: (axis,), inner: (axis,)}
        case Merged(_, outer, inner, axis):
            before = {axis: (outer, inner)}
    for leaf, axes in (form for operand in node.operands for form in known[operand]):
        own = {axis: [each for old in before.get(axis, (axis,)) for each in axes.get(old, ())] for axis in node.axes}
        kept = {axis: tuple(each) for axis, each in own.items() if each}
        if len(kept) > is_looked_up:  # of a matrix, a row is none
            yield leaf, kept


def _pick(t: Translation, node: Contraction) -> Expression | None:
    """The operand that is data with which a sum takes parts of an axis, if one is."""
    return next((each for each in node.operands if _data(each) in t.picks), None)


def _data(node: Expression) -> Expression:
    """Some data, whatever their axes are called."""
    while isinstance(node, Renamed):
        node = node.operand
    return node

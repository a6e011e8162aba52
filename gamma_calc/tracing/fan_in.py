"""Fan-in: the dimensions of a matrix that a network sums over, read off what its forward pass is translated to.

A matrix is followed through what moves its axes, takes parts of them or changes its entries one by one, to the sums
over them, and through a product with another one, M A or A M, over an axis that does not grow. A row that is looked up
in a table is no matrix any more, and neither is what a matrix is divided by.

What counts is its use as a matrix, sum_j W_ij x_j of an x that is made from the inputs, or as a table. A sum of W
alone, such as its norm, a mean or a penalty, is none: it says how large W is where there is no other.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping

from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import (
    Contraction,
    Entrywise,
    Expression,
    Given,
    InverseRms,
    Merged,
    Ones,
    PowerOf,
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
Rank = tuple[bool, int, bool]
"""Whether a sum is a use of a matrix, over how many of its dimensions it is, and whether it has weights."""


def summed_dimensions(t: Translation, output: Expression) -> dict[str, tuple[int, ...]]:
    """The dimensions of each parameter that are summed over, the most at once; none of one that is looked up in."""
    shapes = {each.parameter: each.shape or () for each in t.capture.operations.values()}
    forms = dict[Expression, list[Form]]()
    of_data, of_inputs, of_parameters = set[Expression](), set[Expression](), set[Expression]()
    found: dict[str, tuple[Rank, tuple[int, ...]]] = {}

    def count(leaf: Trained, own: Iterable[Axis], *, is_use: bool, is_weighed: bool) -> None:
        name = t.source(leaf.name)
        dims = [place for place, sizes in enumerate(shapes[name]) if set(sizes) != {1}]
        summed = tuple(sorted({dims[leaf.shape.index(axis)] for axis in own}))
        ranked = ((is_use, len(summed), is_weighed), summed)
        found[name] = max(found.get(name, ranked), ranked, key=lambda each: each[0])

    # As what is derived takes products: (V W) x is a sum over the columns of W, and one over those of V.
    for node in operands_first(rewritten(output, lambda leaf: leaf, operation=vectors_first)):
        is_data = isinstance(node, Given) and not isinstance(node, Ones) and t.picks.get(node, True)
        if is_data or not of_data.isdisjoint(node.operands):
            of_data.add(node)
        if node in t.inputs or t.picks.get(node, False) or not of_inputs.isdisjoint(node.operands):
            of_inputs.add(node)
        elif isinstance(node, Trained) or not of_parameters.isdisjoint(node.operands):
            of_parameters.add(node)
        is_feature = isinstance(node, Sum) and node in of_data  # such as what a table of positions is added to
        every = _forms(t, node, forms, of_parameters)
        forms[node] = [form for form in every if not is_feature or _is_square(form[0])]
        if not isinstance(node, Contraction):
            continue
        met = [form for operand in node.operands for form in forms[operand]]
        pick = _pick(t, node)
        if pick is None:
            factors, is_weighed = [*_factors(node)], not any(isinstance(each, Ones) for each in node.operands)
            for leaf, axes in met:
                used = _used(leaf, node.over, factors, forms, of_inputs)
                own = {each for axis in used or node.over for each in axes.get(axis, ())}
                count(leaf, own, is_use=bool(used), is_weighed=is_weighed)
        elif t.picks[_data(pick)]:
            kept = {leaf for leaf, _ in forms[node]}
            for leaf in {leaf for leaf, _ in met} - kept:
                count(leaf, (), is_use=True, is_weighed=True)
    return {name: places for name, (_, places) in found.items()}


def _used(
    leaf: Trained,
    over: tuple[Axis, ...],
    factors: Iterable[Expression],
    forms: Mapping[Expression, list[Form]],
    of_inputs: Container[Expression],
) -> tuple[Axis, ...]:
    """The axes over which a sum of products takes a matrix, once, with what is made from the inputs."""
    is_own = {each: any(form is leaf for form, _ in forms[each]) for each in factors}
    if sum(is_own[each] for each in factors) != 1:
        return ()
    others = [each for each in factors if not is_own[each] and each in of_inputs]
    return tuple(axis for axis in over if any(axis in each.axes for each in others))


def _factors(node: Expression) -> Iterator[Expression]:
    """What a sum of products, or a product, multiplies."""
    match node:
        case Contraction(left, right) | Entrywise(left, right):
            for each in (left, right):
                yield from _factors(each) if isinstance(each, Entrywise) else (each,)


def _is_square(leaf: Trained) -> bool:
    """Whether two of its axes grow: what is added to features of fixed tokens has one."""
    return sum(not axis.is_fixed for axis in leaf.shape) > 1


def _forms(
    t: Translation, node: Expression, known: Mapping[Expression, list[Form]], of_parameters: set[Expression]
) -> Iterator[Form]:
    """The matrices that a value is another form of."""
    before: dict[Axis, tuple[Axis, ...]] = {}
    is_looked_up = False
    match node:
        case Trained():
            yield node, {axis: (axis,) for axis in node.axes}
        case InverseRms():
            return
        case PowerOf(degree=degree) if degree < 0:
            return
        case Contraction():
            pick = _pick(t, node)
            is_of_parameters = all(each in of_parameters or _is_plain(t, each) for each in node.operands)
            if pick is not None:
                is_looked_up = t.picks[_data(pick)]
                before = {} if is_looked_up else {axis: node.over for axis in pick.axes}
            elif not is_of_parameters or not all(axis.is_fixed for axis in node.over):
                return
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


def _is_plain(t: Translation, factor: Expression) -> bool:
    """Whether a sum against this is a plain sum, and surely not one against data of ones."""
    return isinstance(factor, Ones) and not t.has_ones


def _pick(t: Translation, node: Contraction) -> Expression | None:
    """The operand that is data with which a sum takes parts of an axis, if one is."""
    return next((each for each in node.operands if _data(each) in t.picks), None)


def _data(node: Expression) -> Expression:
    """Some data, whatever their axes are called."""
    while isinstance(node, Renamed):
        node = node.operand
    return node

"""Translation: a captured forward pass as an expression, one operation after the other.

What every operation means stands in `operations`; here is what they share: leaves, scalars, names, cuts. An operation
that no rule translates is kept by its name and its line; what follows goes on from data of its shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache
from math import copysign, isinf, lcm
from string import ascii_lowercase as LETTERS
from typing import Any

import torch
from torch import Tensor
from torch.export.graph_signature import InputKind

from gamma_calc.errors import Unknown
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import (
    Contraction,
    Entrywise,
    Expression,
    Given,
    Map,
    Named,
    Scaled,
    Sum,
    Trained,
)
from gamma_calc.tracing.capture import SAME, TRANSPOSES, VIEWS, Across, Capture, Operation, Reference, Sizes
from gamma_calc.tracing.general_position import identity_and_ones, what_is_not_general
from gamma_calc.tracing.names import distinct
from gamma_calc.tracing.parameters import AdapterFactor, Init, Inits
from gamma_calc.tracing.sizes import ZERO, Axes, SizeClasses
from gamma_calc.tracing.values import NOTHING, ONE, AxisLayout, Dimension, Value, flat, product_of, widened

MOVES = (*TRANSPOSES, *VIEWS, *SAME)
"""What a factor is still known behind."""
Entry = Callable[..., Any]
"""What an operation is translated by: a function of the translation, the operation and its arguments."""

AS_PARAMETER = "a frozen nn.Parameter is read as random, with a size that inits= may say"
"""What is said of data that are not in general position."""
Coordinates = tuple[range, ...]
"""Some of the coordinates of a dimension, in each of the twins."""
MOST_TERMS = 2
"""Terms of a value, beyond which a sum of two that training changes is a cut point."""


@dataclass(frozen=True, slots=True)
class Missing:
    """An operation that no rule translates, and the line of the model's source that does it."""

    operation: str
    where: str
    reason: str


@dataclass(frozen=True, slots=True)
class Beside:
    """Values side by side along a dimension, which grows, each with the coordinates that it is at.

    A weight times them, where it is their last one, is the sum of its blocks times each.
    """

    parts: tuple[tuple[Value, Coordinates], ...]
    axis: Axis
    place: int

    def each(self, done: Callable[[Value], Value]) -> Beside:
        """What is done with each of them, where that leaves their dimension as it is."""
        made = [(done(value), rows) for value, rows in self.parts]
        dims = [value.dims[self.place] for value, _ in self.parts]
        places = {found.dims.index(dim) for (found, _), dim in zip(made, dims, strict=True) if dim in found.dims}
        if len(places) != 1:
            raise Unknown(f"values side by side along {self.axis}, which grows")
        return Beside(tuple(made), self.axis, places.pop())


@dataclass(frozen=True, slots=True)
class Pairs:
    """Complex numbers: a value whose last dimension has their two parts."""

    value: Value


@dataclass(frozen=True, slots=True)
class BesideIdentity:
    """A matrix plus a I + b 11^T, of which products are known: W x + a x + b sum(x)."""

    matrix: Value
    identity: tuple[float | Across, float | Across]


@dataclass
class Translation:
    """The forward pass so far.

    `tensors` are the values of leaves in the first twin, with the axes of the leaf in order, and `scalars` those of
    scalars by symbol; `leaves` says what the model calls the parameter of each leaf. `blocks`, `taken` and `pieces` are
    those of `blocks.py`, and `lines` the lines of the model's source that take them; `features` are the named values;
    `shared` says how matrices start of which layers have parts; `picks` are data that a sum against takes parts of a
    dimension with, and whether they look up rows of a table, `units` those that are one at a place of an axis and zero
    at the others, and `inputs` those that an input goes into; `has_ones` says that some are one number everywhere, a
    sum against which looks like a plain one.
    """

    capture: Capture
    family: SizeClasses
    inits: Inits
    names: Mapping[str, str]
    values: dict[str, Any] = field(default_factory=dict)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    scalars: dict[str, float] = field(default_factory=dict)
    leaves: dict[str, str] = field(default_factory=dict)
    blocks: dict[str, tuple[str, int, range]] = field(default_factory=dict)
    lines: dict[str, str] = field(default_factory=dict)
    taken: dict[str, dict[tuple[int, Coordinates], str]] = field(default_factory=dict)
    pieces: dict[tuple[Expression, Axis, Coordinates], tuple[Expression, Axis]] = field(default_factory=dict)
    unknown: list[Missing] = field(default_factory=list)
    features: dict[str, Named] = field(default_factory=dict)
    shared: dict[str, Init] = field(default_factory=dict)
    picks: dict[Expression, bool] = field(default_factory=dict)
    units: dict[Expression, int] = field(default_factory=dict)
    inputs: set[Expression] = field(default_factory=set)
    has_ones: bool = False

    def __post_init__(self) -> None:
        self.axes = Axes(self.family)
        self.layout = AxisLayout(self.axes)
        self.symbols: dict[tuple[Any, ...], str] = {}
        self.data_names: dict[tuple[str, Dimension], str] = {}

    def source(self, leaf: str) -> str:
        """What the model calls the parameter of a leaf, or of the leaf that it is a block of."""
        while leaf in self.blocks:
            leaf = self.blocks[leaf][0]
        return self.leaves[leaf]

    def value(self, argument: Any) -> Value:
        """An operand as a value.

        Raises:
            Unknown: it is several side by side, not all of one size, or complex numbers.
        """
        if isinstance(argument, Value):
            return argument
        if not isinstance(argument, Reference | Beside):
            return Value(self.scalar(argument), ())
        found = argument if isinstance(argument, Beside) else self.values.get(argument.name)
        if found is None:
            assert isinstance(argument, Reference)
            operation = self.capture.operations[argument.name]
            found = self.constant(operation) if operation.is_constant else self.parameter(operation)
            self.values[argument.name] = found
        if isinstance(found, Beside):
            return self.stacked(found)
        if isinstance(found, Pairs):
            raise Unknown("complex numbers, of which only products with data are known")
        if isinstance(found, BesideIdentity):
            raise Unknown("a matrix plus an identity, of which only products are known")
        assert isinstance(found, Value)
        return found

    def beside(self, argument: Any) -> Value | Beside:
        """An operand as a value, or as several side by side."""
        found = self.values.get(argument.name) if isinstance(argument, Reference) else argument
        return found if isinstance(found, Beside) else self.value(argument)

    def stacked(self, beside: Beside, multiple: int = 1) -> Value:
        """Values side by side along two axes: which of some runs, all of one length, and where in it.

        A value is one run or several in a row. The number of all is a multiple of the one that is asked for.

        Raises:
            Unknown: the share of a value in all of them goes by the width.
        """
        place, values = beside.place, [value for value, _ in beside.parts]
        sizes, whole = [self.layout.sizes(value.dims[place]) for value in values], self.axes.sizes[beside.axis]
        shares = [{*map(Fraction, each, whole)} for each in sizes]
        count = lcm(multiple, *(share.denominator for each in shares for share in each))
        if any(len(each) > 1 for each in shares) or any(size % count for size in whole):
            raise Unknown(f"values side by side along {beside.axis}, which grows")
        which = self.axes.axis((count, count), [axis for value in values for axis in value.axes])
        length = tuple(size // count for size in whole)
        every, start = [], 0
        for value, (share,) in zip(values, shares, strict=True):
            every.append(self._run(value, place, which, range(start, start := start + int(share * count)), length))
        return self.layout.added(*every)

    def _run(self, value: Value, place: int, which: Axis, rows: range, length: Sizes) -> Value:
        """A value as runs at some places of an axis, and zero at the others."""
        units = torch.eye(self.axes.sizes[which][0])
        if len(rows) == 1:
            here = self.data(f"{which}_{rows.start}", units[rows.start], (which,))
            self.units[here] = rows.start
            return value.with_dims(place, (which, *value.dims[place])).written(product_of(value.expression, here))
        shape = [self.layout.sizes(dim) for dim in value.dims]
        value = self.layout.reshaped(value, [*shape[:place], (len(rows),) * 2, length, *shape[place + 1 :]])
        value = self.layout.whole(value, place)
        (own,) = value.dims[place]
        here = self.data(f"{which}_{rows.start}_{rows.stop}", units[:, rows.start : rows.stop], (which, own))
        self.picks[here] = False
        letters = LETTERS[: len(value.dims)]
        sides = (letters, f"z{letters[place]}", letters.replace(letters[place], "z"))
        moved = self.layout.product(value, Value(here, ((which,), (own,))), sides)
        runs = flat(moved.dims[place : place + 2])
        return Value(moved.expression, (*moved.dims[:place], runs, *moved.dims[place + 2 :]))

    def number(self, argument: Any) -> float | Across | None:
        """A number, or a tensor that training does not change and that repeats one; None for anything else."""
        if isinstance(argument, int | float | Across):
            return argument
        operation = self.capture.operation(argument)
        return None if operation is None or not operation.is_constant else _repeated(operation.values or ())

    def constant(self, operation: Operation) -> Value:
        """Data: what depends on no parameter."""
        number = self.number(Reference(operation.name))
        dims = self.dims(operation)
        if number is not None:
            self.has_ones |= bool(flat(dims))
            return Value(self.scalar(number), dims)
        values = operation.values
        assert values is not None
        self.check_general(operation, values, dims)
        found = self.data(operation.name, values[0], flat(dims))
        if InputKind.USER_INPUT in operation.made_from:
            self.inputs.add(found)
        return Value(found, dims)

    def check_general(self, operation: Operation, values: Sequence[Tensor], dims: Sequence[Dimension]) -> None:
        """That a buffer, or what a line of the model makes, is in general position, as data are taken to be.

        Raises:
            Unknown: it is not.
        """
        if operation.made_from.isdisjoint((InputKind.USER_INPUT, InputKind.PARAMETER)):
            growing = [place for place, dim in enumerate(dims) if not all(map(self.axes.is_fixed, dim))]
            said = what_is_not_general(values, growing)
            if said:
                raise Unknown(f"data, which are read as dense and n^0, of {said}; {AS_PARAMETER}")

    def dims(self, operation: Operation) -> tuple[Dimension, ...]:
        """New dimensions for the value of an operation, of one axis each."""
        found: list[tuple[Axis, ...]] = []
        assert operation.shape is not None
        for sizes in operation.shape:
            found.append(self.axes.dimension(sizes, flat(found), operation.where))
        return tuple(found)

    def data(self, name: str, value: Tensor, axes: tuple[Axis, ...]) -> Given:
        """A tensor that training does not change, with entries Theta(1); one of other axes has another name."""
        name = self.data_names.setdefault((name, axes), distinct(name, self.tensors))
        self.tensors[name] = value.detach().double().reshape([self.axes.sizes[axis][0] for axis in axes])
        return Given(name, axes, ZERO)

    def scalar(self, number: float | Across) -> Expression:
        """A number as an expression without axes; an infinite one as the largest there is, which masks as well."""
        if isinstance(number, float) and isinf(number):
            number = copysign(torch.finfo(torch.float).max, number)
        return ONE if number == 1 else self.scaled_expression(ONE, number)

    def scaled_expression(self, expression: Expression, number: float | Across, symbol: str = "") -> Expression:
        """A number times an expression; its exponent is found by comparing the twins."""
        if number == 1:
            return expression
        if number == 0:
            self.tensors[NOTHING.name] = torch.zeros((), dtype=torch.double)
            return product_of(NOTHING, expression)
        power = self.family.power(tuple(number)) if isinstance(number, Across) else ZERO
        value = number[0] if isinstance(number, Across) else float(number)
        key = (symbol, number, type(number))
        name = self.symbols.get(key)
        if name is None:
            taken = set(self.symbols.values())
            stem = symbol or "c"
            spellings = [*([symbol] if symbol else []), *(f"{stem}[{k}]" for k in range(1, 1000))]
            name = next(each for each in spellings if each not in taken)
            self.symbols[key] = name
            self.scalars[name] = value
        return Scaled(name, power, expression)

    def scaled(self, value: Value, number: float | Across, symbol: str = "") -> Value:
        """A number times a value."""
        return value.written(self.scaled_expression(value.expression, number, symbol))

    def parameter(self, operation: Operation) -> Value:
        """A parameter that is random, zero, or trained: a trained vector is given, and what training adds."""
        dims = self.dims(operation)
        init = self.inits.of(operation, dims)
        assert operation.values is not None
        leaf = Trained(init.name, flat(dims), init.initial, init.rate or ZERO, is_trained=init.rate is not None)
        start = operation.values[0].double().reshape([self.axes.sizes[axis][0] for axis in leaf.shape])
        self.leaves[init.name] = operation.parameter
        if not init.is_given:
            self.tensors[init.name] = start
            return Value(leaf, dims)
        self.tensors[init.name] = torch.zeros_like(start)
        number = _repeated(operation.values)
        if number == 0:
            return Value(leaf, dims)
        if number is None or start.numel() == 1:  # one coordinate repeats nothing
            beside: Expression = self.data(f"{init.name}_0", start, leaf.shape)
        else:
            beside = self.scalar(number)
        leaf = replace(leaf, start=widened(beside, leaf.shape))
        return self.layout.added(Value(beside, dims), Value(leaf, dims))

    def identity_and_ones(self, argument: Any) -> tuple[float | Across, float | Across] | None:
        """The numbers a and b where an operand is a I + b 11^T and does not change, and a is not zero; else None."""
        operation = self.capture.operation(argument)
        if operation is None or not operation.is_constant or operation.values is None:
            return None
        found = identity_and_ones(operation.values)
        if found is None or 0 in found[0]:
            return None
        first, second = (each[0] if len({*each}) == 1 else Across(each) for each in found)
        return first, second

    def is_identity(self, argument: Any) -> bool:
        """Whether an operand is an identity matrix that does not change."""
        return self.identity_and_ones(argument) == (1, 0)

    def adapter(self, argument: Any) -> AdapterFactor | None:
        """Which factor of an adapter an operand is, or is the transpose of, if it is one."""
        operation = self.capture.behind(argument, MOVES)
        return None if operation is None else self.inits.adapters.get(operation.parameter)

    def named(self, name: str, value: Value, *, cut: bool = False) -> Value:
        """A value that is looked at."""
        name = distinct(name, self.features)
        found = Named(name, value.expression, cut)
        self.features[name] = found
        return value.written(found)

    def joined(self, value: Value, operation: Operation) -> Value:
        """A value, as a cut point of its own where it has more terms than two: they would multiply with depth."""
        if len(terms(value.expression)) <= MOST_TERMS:
            return value
        return self.named(self.names.get(operation.module, "h"), value, cut=True)

    def missing(self, operation: Operation, reason: str) -> Any:
        """What stands for the value of an operation that no rule translates."""
        self.unknown.append(Missing(operation.kind, operation.where, reason))
        if operation.shape is None:
            return None
        dims = self.dims(operation)
        shape = [sizes[0] for sizes in operation.shape]
        return Value(self.data(operation.name, torch.zeros(shape), flat(dims)), dims)


def _repeated(values: tuple[Any, ...]) -> float | Across | None:
    """The number that the entries of a tensor are, all of one twin's alike; None where they are not."""
    if not values or not all(isinstance(each, Tensor) and each.numel() for each in values):
        return None
    firsts = [float(each.flatten()[0]) for each in values]
    if not all(bool((each == each.flatten()[0]).all()) for each in values):
        return None
    return firsts[0] if len(set(firsts)) == 1 else Across(firsts)


@cache
def terms(node: Expression) -> frozenset[tuple[str, ...]]:
    """The terms of a value, as the readings keep them apart: one a combination of the parts that it multiplies."""
    match node:
        case Trained(name, _, initial):
            parts = [(f"{name}_0",)] if initial is not None else []
            return frozenset([*parts, (f"U_{name}",)] if node.is_trained else parts)
        case Named(name, _, True):
            return frozenset([(name,), (f"U_{name}",)])
        case Map():
            return frozenset([(str(id(node)),), (f"U_{id(node)}",)]) if node.keeps_parts else frozenset([()])
        case Contraction(left, right) | Entrywise(left, right):
            return frozenset(one + other for one in terms(left) for other in terms(right))
        case Sum(summands):
            return frozenset().union(*map(terms, summands))
    return terms(node.operands[0]) if node.operands else frozenset([()])

"""Expressions: the equations of a program, as a graph of operations over tensors with named axes.

A graph says what is multiplied, summed and mapped, not in what sense: a reading (`reading.py`) gives it one, in
exponents, torch tensors, or LaTeX. Nodes are hash-consed: the same operation on the same operands is the same node, so
a value that is used twice is computed once, and a deep network is no larger than its layers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any, ClassVar
from weakref import WeakValueDictionary

from gamma_calc.algebra import Affine
from gamma_calc.errors import BadInput
from gamma_calc.program.axes import Axis
from gamma_calc.program.terms import Kind, Part


class Moment(Enum):
    """When a trained tensor is looked at, relative to step t."""

    PREVIOUS = "before the step"
    CHANGE = "the step itself"
    CURRENT = "after the step"


class HashConsed(type):
    """Makes equal nodes one object, each with the axes of its value."""

    known: ClassVar[WeakValueDictionary[tuple[Any, ...], Expression]] = WeakValueDictionary()

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """The node, new or known."""
        node = super().__call__(*args, **kwargs)
        object.__setattr__(node, "axes", node._axes())
        key = (cls, *_parts(node))
        return HashConsed.known.setdefault(key, node)


class Expression(metaclass=HashConsed):
    """Anything with axes. `left @ right` sums over the one shared axis; `left * right` multiplies entry by entry.

    `axes` are those of the value, in the order in which it is written.
    """

    __slots__ = ("__weakref__", "axes")
    axes: tuple[Axis, ...]

    @property
    def operands(self) -> tuple[Expression, ...]:
        """The expressions this one is built from, in the order in which they are written."""
        return self._operands()

    def _axes(self) -> tuple[Axis, ...]:
        raise NotImplementedError

    def _operands(self) -> tuple[Expression, ...]:
        return ()

    @property
    def T(self) -> Transposed:
        """The transpose: the same value, its axes written in reverse."""
        return Transposed(self)

    def __matmul__(self, other: Expression) -> Contraction:
        shared = tuple(axis for axis in self.axes if axis in other.axes)
        if len(shared) != 1:
            found = f"{_listed(shared)} in {_listed(self.axes)} and {_listed(other.axes)}"
            raise BadInput(f"left @ right sums over one shared axis, found {found}; contract names those that it sums")
        return Contraction(self, other, shared)

    def __mul__(self, other: Expression) -> Entrywise:
        return Entrywise(self, other)

    def __add__(self, other: Expression) -> Sum:
        return Sum((self, other))


@dataclass(frozen=True, slots=True, eq=False)
class Given(Expression):
    """A tensor that training does not change: data, a frozen weight, the loss gradient of a linear loss.

    Exponents: `exponent` is that of its entries.
    """

    name: str
    shape: tuple[Axis, ...]
    exponent: Affine

    def _axes(self) -> tuple[Axis, ...]:
        return self.shape


@dataclass(frozen=True, slots=True, eq=False)
class Trained(Expression):
    """A parameter W: where it starts and how it moves. As an expression it is W before the step.

    W_t = W_{t-1} - eta_W lambda W_{t-1} - eta_W g, with g made from the momentum m_t = beta m_{t-1} + G in place of the
    raw gradient G.

    Exponents: `initial` is that of the entries of W_0, iid with a symmetric law (None: W_0 = 0); `learning_rate` that
    of eta_W; `momentum` and `decay` those of beta and lambda (None: no momentum, no decay). A frozen parameter
    (`is_trained` false) keeps its initial value.
    """

    name: str
    shape: tuple[Axis, ...]
    initial: Affine | None
    learning_rate: Affine
    is_trained: bool = True
    momentum: Affine | None = None
    decay: Affine | None = None

    @property
    def has_momentum(self) -> bool:
        """Whether steps are taken with a momentum in place of the gradient."""
        return self.is_trained and self.momentum is not None

    @property
    def has_decay(self) -> bool:
        """Whether a step shrinks or turns what the tensor holds, its initial part included."""
        return self.is_trained and self.decay is not None

    def _axes(self) -> tuple[Axis, ...]:
        return self.shape


@dataclass(frozen=True, slots=True, eq=False)
class At(Expression):
    """A trained tensor at a moment of step t: W_{t-1}, W_t - W_{t-1} or W_t."""

    tensor: Trained
    moment: Moment

    def _axes(self) -> tuple[Axis, ...]:
        return self.tensor.axes


class Unary(Expression):
    """An expression of one operand, with the operand's axes."""

    __slots__ = ()
    operand: Expression

    def _axes(self) -> tuple[Axis, ...]:
        return self.operand.axes

    def _operands(self) -> tuple[Expression, ...]:
        return (self.operand,)


@dataclass(frozen=True, slots=True, eq=False)
class Transposed(Unary):
    """The same value with its axes written in reverse."""

    operand: Expression

    def _axes(self) -> tuple[Axis, ...]:
        return self.operand.axes[::-1]


@dataclass(frozen=True, slots=True, eq=False)
class Scaled(Unary):
    """A scalar n^exponent in front of an expression; `symbol` is how the scalar is written."""

    symbol: str
    exponent: Affine
    operand: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Renamed(Unary):
    """The same value with one axis under another name, such as the outputs of a layer as the inputs of the next.

    Raises:
        BadInput: the operand lacks the axis or has one of the new name already, or the sizes differ.
    """

    operand: Expression
    old: Axis
    new: Axis

    def __post_init__(self) -> None:
        axes = self.operand.axes
        if self.old not in axes or self.new in axes:
            raise BadInput(f"renaming {self.old} to {self.new}: the value has the axes {_listed(axes)}")
        if self.old.size != self.new.size:
            raise BadInput(f"renaming {self.old} to {self.new}: n^({self.old.size}) is not n^({self.new.size})")

    def _axes(self) -> tuple[Axis, ...]:
        return tuple(self.new if axis == self.old else axis for axis in self.operand.axes)


@dataclass(frozen=True, slots=True, eq=False)
class Contraction(Expression):
    """The sum, over axes that both have, of the products of two tensors; any other axis that both have is kept.

    Raises:
        BadInput: one of them lacks an axis that is summed over.
    """

    left: Expression
    right: Expression
    over: tuple[Axis, ...]

    def __post_init__(self) -> None:
        for axis in self.over:
            if axis not in self.left.axes or axis not in self.right.axes:
                sides = f"{_listed(self.left.axes)} and {_listed(self.right.axes)}"
                raise BadInput(f"a contraction over {axis} needs it on both sides, found {sides}")

    def _axes(self) -> tuple[Axis, ...]:
        return _united(axis for axis in (*self.left.axes, *self.right.axes) if axis not in self.over)

    def _operands(self) -> tuple[Expression, ...]:
        return (self.left, self.right)


@dataclass(frozen=True, slots=True, eq=False)
class Entrywise(Expression):
    """The entry-by-entry product of two tensors; an axis that one of them lacks is broadcast."""

    left: Expression
    right: Expression

    def _axes(self) -> tuple[Axis, ...]:
        return _united((*self.left.axes, *self.right.axes))

    def _operands(self) -> tuple[Expression, ...]:
        return (self.left, self.right)


@dataclass(frozen=True, slots=True, eq=False)
class Sum(Expression):
    """A sum of a fixed number of tensors with the same axes.

    Raises:
        BadInput: their axes differ.
    """

    summands: tuple[Expression, ...]

    def __post_init__(self) -> None:
        kinds = {frozenset(summand.axes): summand.axes for summand in self.summands}
        if len(kinds) != 1:
            raise BadInput(f"a sum needs the same axes throughout, found {' and '.join(map(_listed, kinds.values()))}")

    def _axes(self) -> tuple[Axis, ...]:
        return self.summands[0].axes

    def _operands(self) -> tuple[Expression, ...]:
        return self.summands


@dataclass(frozen=True, slots=True, eq=False)
class Pointwise(Unary):
    """A fixed scalar function applied entry by entry, with a value Theta(1) where its argument is Theta(1).

    `is_bounded` marks a map whose value is Theta(1) whatever its argument (the derivative of ReLU); any other one is
    taken as positively homogeneous of degree one (ReLU). Neither is odd, so neither keeps a sign symmetry.
    """

    function: str
    operand: Expression
    is_bounded: bool = False

    @property
    def derivative(self) -> Pointwise:
        """The derivative of the map, at the same argument."""
        return Pointwise(f"{self.function}'", self.operand, is_bounded=True)

    def part(self, kind: Kind) -> Part:
        """What the map makes of the initial parts of its argument, or how the updates change it."""
        return Part(f"{self.function}({self.operand.name})" if isinstance(self.operand, Named) else self.function, kind)


@dataclass(frozen=True, slots=True, eq=False)
class InverseRms(Unary):
    """One over the root mean square of a tensor along an axis: what an RMS norm multiplies its input by.

    Raises:
        BadInput: the operand lacks the axis.
    """

    operand: Expression
    axis: Axis

    def __post_init__(self) -> None:
        if self.axis not in self.operand.axes:
            raise BadInput(f"a mean along {self.axis}: the value has the axes {_listed(self.operand.axes)}")

    def _axes(self) -> tuple[Axis, ...]:
        return tuple(axis for axis in self.operand.axes if axis != self.axis)


@dataclass(frozen=True, slots=True, eq=False)
class InverseRmsChange(Expression):
    """What a change of its argument makes of one over a root mean square along an axis."""

    argument: Expression
    change: Expression
    axis: Axis

    def _axes(self) -> tuple[Axis, ...]:
        return tuple(axis for axis in self.argument.axes if axis != self.axis)

    def _operands(self) -> tuple[Expression, ...]:
        return (self.argument, self.change)


@dataclass(frozen=True, slots=True, eq=False)
class MapChange(Expression):
    """What a change of its argument makes of a map: phi(v + change) - phi(v)."""

    function: str
    argument: Expression
    change: Expression

    def _axes(self) -> tuple[Axis, ...]:
        return self.argument.axes

    def _operands(self) -> tuple[Expression, ...]:
        return (self.argument, self.change)

    @property
    def part(self) -> Part:
        """The one term of the value."""
        return Pointwise(self.function, self.argument).part(Kind.CHANGE)


@dataclass(frozen=True, slots=True, eq=False)
class Named(Unary):
    """An expression that the paper has a name for.

    At a cut, the terms of the value are brought together: those made from initial parts alone are one, and all that
    training has changed is the other. So terms do not multiply from one layer to the next.
    """

    name: str
    operand: Expression
    is_cut: bool = False

    def part(self, kind: Kind) -> Part:
        """What is left of the terms at a cut."""
        return Part(self.name, kind)


def nodes(*roots: Expression) -> Iterator[Expression]:
    """The nodes that some expressions are built from, each once, in the order in which they are first written."""
    seen: set[Expression] = set()
    waiting = list(reversed(roots))
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            yield node
            waiting += reversed(node.operands)


def rewritten(
    root: Expression,
    leaf: Callable[[Expression], Expression],
    axis: Callable[[Axis], Axis] = lambda axis: axis,
    scalar: Callable[[str, Affine], Affine] = lambda symbol, exponent: exponent,
) -> Expression:
    """An expression with other tensors in place of its own, and other axes and exponents of scalars if they are given.

    A tensor that `leaf` puts in place of another one has the new axes already.
    """
    known: dict[Expression, Expression] = {}

    def of(value: Any) -> Any:
        match value:
            case tuple():
                return tuple(map(of, value))
            case Expression():
                return known[value]
            case Axis():
                return axis(value)
        return value

    for node in operands_first(root):
        if not node.operands:
            known[node] = leaf(node)
        elif isinstance(node, Scaled):
            known[node] = Scaled(node.symbol, scalar(node.symbol, node.exponent), known[node.operand])
        else:
            known[node] = type(node)(*map(of, _parts(node)))
    return known[root]


def operands_first(*roots: Expression) -> list[Expression]:
    """The nodes that some expressions are built from, each once and after its operands."""
    order: dict[Expression, None] = {}
    waiting = [(root, False) for root in reversed(roots)]
    while waiting:
        node, is_ready = waiting.pop()
        if is_ready:
            order[node] = None
        elif node not in order:
            waiting += [(node, True), *((operand, False) for operand in reversed(node.operands))]
    return list(order)


def leaves(*roots: Expression) -> Iterator[Expression]:
    """The tensors of some expressions, each once, from left to right."""
    return (node for node in nodes(*roots) if not node.operands)


def _parts(node: Any) -> tuple[Any, ...]:
    """What a node is built from, in the order of its fields."""
    return tuple(getattr(node, field.name) for field in fields(node))


def _united(axes: Iterable[Axis]) -> tuple[Axis, ...]:
    return tuple(dict.fromkeys(axes))


def _listed(axes: tuple[Axis, ...]) -> str:
    return ", ".join(map(str, axes)) or "none"

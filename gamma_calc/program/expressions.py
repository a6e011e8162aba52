"""Expressions: the equations of a program, as a graph of operations over tensors with named axes.

A graph says what is multiplied, summed and mapped, not in what sense: a reading (`reading.py`) gives it one, in
exponents, torch tensors, or LaTeX. Nodes are hash-consed: the same operation on the same operands is the same node, so
a value that is used twice is computed once, and a deep network is no larger than its layers.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Any, ClassVar, NoReturn, TypeAlias

from gamma_calc.algebra import Affine
from gamma_calc.errors import BadInput, quoted
from gamma_calc.program.axes import Axis
from gamma_calc.program.shared import Shared, Sharing, parts
from gamma_calc.program.terms import Kind, Label, Part


class Moment(Enum):
    """When a trained tensor is looked at, relative to step t."""

    PREVIOUS = "before the step"
    CHANGE = "the step itself"
    CURRENT = "after the step"


class HashConsed(Sharing):
    """Makes equal nodes one object, each with the axes of its value and its operands."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """The node, new or known."""
        node = super().__call__(*args, **kwargs)
        object.__setattr__(node, "axes", node._axes())
        object.__setattr__(node, "operands", node._operands())
        return node


class Expression(Shared, metaclass=HashConsed):
    """Anything with axes. `left @ right` sums over the one shared axis; `left * right` multiplies entry by entry.

    `axes` are those of the value, in the order in which it is written; `operands` the expressions that it is built
    from, in the order in which they are written.
    """

    __slots__ = ("axes", "operands")
    axes: tuple[Axis, ...]
    operands: tuple[Expression, ...]

    def _axes(self) -> tuple[Axis, ...]:
        raise NotImplementedError

    def _operands(self) -> tuple[Expression, ...]:
        return ()

    @property
    def T(self) -> Transposed:
        """The transpose: the same value, its axes written in reverse."""
        return Transposed(self)

    def __matmul__(self, other: Expression) -> Contraction:
        _check_operand("@", other)
        shared = tuple(axis for axis in self.axes if axis in other.axes)
        if len(shared) != 1:
            found = f"{_listed(shared)} in {_listed(self.axes)} and {_listed(other.axes)}"
            raise BadInput(f"left @ right sums over one shared axis, found {found}; contract names those that it sums")
        return Contraction(self, other, shared)

    def __mul__(self, other: Expression) -> Entrywise:
        _check_operand("*", other)
        return Entrywise(self, other)

    def __add__(self, other: Expression) -> Sum:
        _check_operand("+", other)
        return Sum((self, other))

    def _unwritten(self, other: object = None) -> NoReturn:
        raise BadInput(OPERATORS)

    __radd__ = __rmul__ = __sub__ = __rsub__ = __neg__ = __truediv__ = __rtruediv__ = __pow__ = _unwritten


OPERATORS = (
    "expressions have @, * and + among each other: a fixed number times A is scaled('c', 0, A), a difference A + "
    "scaled('c', 0, B), a quotient A * power(B, -1), and A squared power(A, 2)"
)
"""What is written in place of Python's other operators."""


def _check_operand(operator: str, other: object) -> None:
    if not isinstance(other, Expression):
        raise BadInput(f"an expression {operator} {quoted(other)}: {OPERATORS}")


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
class Ones(Given):
    """The tensor of ones: a sum against it is a plain sum over an axis."""

    @classmethod
    def along(cls, axis: Axis) -> Ones:
        """That of one axis."""
        return cls(f"1_{axis}", (axis,), Affine.of(0))


@dataclass(frozen=True, slots=True, eq=False)
class Trained(Expression):
    """A parameter W: where it starts and how it moves. As an expression it is W before the step.

    W_t = W_{t-1} - eta_W lambda W_{t-1} - eta_W g, with g made from the momentum m_t = beta m_{t-1} + G in place of the
    raw gradient G.

    Exponents: `initial` is that of the entries of W_0, iid with a symmetric law (None: W_0 = 0); `learning_rate` that
    of eta_W; `momentum` and `decay` those of beta and lambda (None: no momentum, no decay); `epsilon` that of what a
    normalised step adds to its denominator (None: negligible), `floor` that of the least size that Adafactor takes a
    tensor to have (None: none). A frozen parameter (`is_trained` false) keeps its initial value.

    `start` is data that a trained vector starts from (None: none); they stand beside it wherever it is used. A decay
    shrinks both, and its root mean square is that of both. `block` is the matrix that it is a block of, and the
    dimension along which that is cut (None: it is whole): an orthogonalised step is one of all blocks together.
    """

    name: str
    shape: tuple[Axis, ...]
    initial: Affine | None
    learning_rate: Affine
    is_trained: bool = True
    momentum: Affine | None = None
    decay: Affine | None = None
    epsilon: Affine | None = None
    floor: Affine | None = None
    start: Expression | None = None
    block: tuple[str, int] | None = None

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
    """A scalar n^exponent in front of an expression; `symbol` is how it is written, `value` a fixed number's."""

    symbol: str
    exponent: Affine
    operand: Expression
    value: Fraction | None = None


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
class Stopped(Unary):
    """The same value, through which no gradient goes."""

    operand: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Split(Unary):
    """The same value with one axis as two, such as features as heads and what each head has: i = (outer, inner).

    Raises:
        BadInput: the operand lacks the axis, the sizes do not multiply to its own, or both parts grow.
    """

    operand: Expression
    axis: Axis
    outer: Axis
    inner: Axis

    def __post_init__(self) -> None:
        _check_parts(f"splitting {self.axis} into {self.outer} and {self.inner}", self)
        if self.axis not in self.operand.axes:
            raise BadInput(f"splitting {self.axis}: the value has the axes {_listed(self.operand.axes)}")

    def _axes(self) -> tuple[Axis, ...]:
        parts = {self.axis: (self.outer, self.inner)}
        return tuple(part for axis in self.operand.axes for part in parts.get(axis, (axis,)))

    @property
    def growing(self) -> Axis:
        """The part that grows as the axis does."""
        return self.inner if self.outer.is_fixed else self.outer


@dataclass(frozen=True, slots=True, eq=False)
class Merged(Unary):
    """The same value with two axes as one: what `Split` takes apart.

    Raises:
        BadInput: the operand lacks one of the axes, or the sizes do not multiply to that of the one.
    """

    operand: Expression
    outer: Axis
    inner: Axis
    axis: Axis

    def __post_init__(self) -> None:
        _check_parts(f"merging {self.outer} and {self.inner} into {self.axis}", self)
        for part in (self.outer, self.inner):
            if part not in self.operand.axes:
                raise BadInput(f"merging {part}: the value has the axes {_listed(self.operand.axes)}")

    def _axes(self) -> tuple[Axis, ...]:
        return tuple(self.axis if axis == self.outer else axis for axis in self.operand.axes if axis != self.inner)

    @property
    def growing(self) -> Axis:
        """The part that grows as the axis does."""
        return self.inner if self.outer.is_fixed else self.outer


def _check_parts(what: str, node: Split | Merged) -> None:
    if node.outer.size + node.inner.size != node.axis.size:
        sizes = f"n^({node.outer.size}) times n^({node.inner.size}) is not n^({node.axis.size})"
        raise BadInput(f"{what}: {sizes}")
    if not (node.outer.is_fixed or node.inner.is_fixed):
        raise BadInput(f"{what}: both grow, and sums over one of two axes that grow together have no rule here")


Movement: TypeAlias = Transposed | Renamed | Split | Merged
"""What leaves every number as it is, and calls or orders axes otherwise."""


def renaming(node: Expression) -> tuple[Axis, Axis] | None:
    """An axis of the operand, and what the value calls it instead; of one in two parts, the part that grows."""
    match node:
        case Renamed(_, old, new):
            return old, new
        case Split(_, axis):
            return axis, node.growing
        case Merged(_, _, _, axis):
            return node.growing, axis
    return None


class Map(Unary):
    """A function of a whole value: it has no term for each of the value's terms.

    Where it `keeps_parts`, what it makes of the initial ones is a term, and the change that the others bring another.
    """

    __slots__ = ()

    @property
    def word(self) -> str:
        """What the function is called."""
        raise NotImplementedError

    @property
    def keeps_parts(self) -> bool:
        """Whether its value has a part that is made from initial parts alone."""
        return False

    @property
    def is_zero_at_zero(self) -> bool:
        """Whether it maps zero to zero."""
        return False

    def part(self, kind: Kind) -> Part:
        """What the map makes of the initial parts of its argument, or how the updates change it."""
        return Part(f"{self.word}({self.operand.name})" if isinstance(self.operand, Named) else self.word, kind)


SATURATING_FUNCTIONS = frozenset({"tanh", "tanh'", "hardtanh", "hardtanh'", "erf", "erf'"})
"""The scalar functions that stay bounded where their argument grows, and their derivatives, which vanish there.

The functions are odd, so that they keep the sign symmetries of their whole argument, and their derivatives even.
"""

CURVED_FUNCTIONS = frozenset({"silu", "mish", "hardswish", "elu", "softplus", "gelu", "gelu_tanh"})
"""The scalar functions that have a slope at zero and a curvature: of what vanishes each is a line, and a parabola.

That of an ELU stands on one side only: half of it, and v |v|, which is as odd as v is and smaller.
"""

STEP_FUNCTIONS = frozenset({"phi'", "abs'"})
"""The scalar functions that jump at zero, and are zero there: the derivatives of ReLU and of the absolute value."""


@dataclass(frozen=True, slots=True, eq=False)
class Pointwise(Map):
    """A fixed scalar function applied entry by entry, with a value Theta(1) where its argument is Theta(1).

    `is_bounded` marks a map whose value is Theta(1) whatever its argument (the derivative of ReLU); any other one is
    taken as positively homogeneous of degree one (ReLU), a saturating one (tanh) where its argument does not grow. A
    saturating one is odd, and the absolute value even; no other is read so, and none of these keeps a sign symmetry.
    """

    function: str
    operand: Expression
    is_bounded: bool = False

    @property
    def word(self) -> str:
        """The name of the function."""
        return self.function

    @property
    def keeps_parts(self) -> bool:
        """As far as it is homogeneous."""
        return not self.is_bounded

    @property
    def is_zero_at_zero(self) -> bool:
        """Every map here does; of the derivatives, those that jump there."""
        return not self.is_bounded or self.is_step

    @property
    def is_step(self) -> bool:
        """Whether it jumps at zero."""
        return self.function in STEP_FUNCTIONS

    @property
    def has_kink(self) -> bool:
        """Whether it, or what it is the derivative of, is ReLU or the absolute value."""
        return (self if self.is_bounded else self.derivative).is_step

    @property
    def is_absolute_value(self) -> bool:
        """Whether it, or what it is the derivative of, is the absolute value."""
        return self.function.rstrip("'") == "abs"

    @property
    def is_curved(self) -> bool:
        """Whether it, or what it is the derivative of, is a line and a parabola where its argument vanishes."""
        return self.function.rstrip("'") in CURVED_FUNCTIONS

    @property
    def is_saturating(self) -> bool:
        """Whether only a bound is known of it where its argument grows."""
        return self.function in SATURATING_FUNCTIONS

    @property
    def derivative(self) -> Pointwise:
        """The derivative of the map, at the same argument."""
        return Pointwise(f"{self.function}'", self.operand, is_bounded=True)


@dataclass(frozen=True, slots=True, eq=False)
class PowerOf(Map):
    """factor v^degree, entry by entry, of a value that is nowhere negative unless the degree is a natural number."""

    operand: Expression
    degree: Fraction
    factor: Fraction = Fraction(1)

    @property
    def word(self) -> str:
        """The degree, as it is written."""
        return f"^{self.degree}"

    @property
    def is_zero_at_zero(self) -> bool:
        """Where the degree is positive."""
        return self.degree > 0

    @property
    def derivative(self) -> PowerOf:
        """The derivative, at the same argument."""
        return PowerOf(self.operand, self.degree - 1, self.factor * self.degree)


@dataclass(frozen=True, slots=True, eq=False)
class Softmax(Map):
    """e^v over its sum along an axis.

    `is_slope` marks it as a factor of its own slope, p (dv - sum p dv), which vanishes where one entry is all.

    Raises:
        BadInput: the operand lacks the axis.
    """

    operand: Expression
    axis: Axis
    is_slope: bool = False
    word: ClassVar[str] = "softmax"

    @property
    def slope(self) -> Softmax:
        """The softmax of the same logits, as a factor of its slope."""
        return Softmax(self.operand, self.axis, is_slope=True)

    def __post_init__(self) -> None:
        _check_along("a softmax", self.axis, self.operand)


@dataclass(frozen=True, slots=True, eq=False)
class InverseRms(Map):
    """One over the root mean square of a tensor along an axis: what an RMS norm multiplies its input by.

    Raises:
        BadInput: the operand lacks the axis.
    """

    operand: Expression
    axis: Axis
    word: ClassVar[str] = "rms"

    def __post_init__(self) -> None:
        _check_along("a mean", self.axis, self.operand)

    def _axes(self) -> tuple[Axis, ...]:
        return tuple(axis for axis in self.operand.axes if axis != self.axis)


def _check_along(what: str, axis: Axis, operand: Expression) -> None:
    if axis not in operand.axes:
        raise BadInput(f"{what} along {axis}: the value has the axes {_listed(operand.axes)}")


@dataclass(frozen=True, slots=True, eq=False)
class MapChange(Expression):
    """What a change of its argument makes of a map: f(v + change) - f(v), with f(v) the map."""

    map: Map
    change: Expression

    @property
    def argument(self) -> Expression:
        """v."""
        return self.map.operand

    def _axes(self) -> tuple[Axis, ...]:
        return self.map.axes

    def _operands(self) -> tuple[Expression, ...]:
        return (self.map.operand, self.change)

    @property
    def label(self) -> Label:
        """Of the one term of the value."""
        return (self.map.part(Kind.CHANGE),) if self.map.keeps_parts else ()


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


def divided(value: Expression, axis: Axis, sign: str = "") -> Scaled:
    """A value over the number of coordinates of an axis."""
    return Scaled(f"{sign}1/|{axis}|", -axis.size, value)


def divisor(scalar: Scaled) -> str | None:
    """The axis by whose number of coordinates a scalar divides, by name; None for any other scalar.

    >>> divisor(divided(Given("x", (), Affine.of(0)), Axis("width", Affine.of(1)), "-"))
    'width'
    """
    return scalar.symbol.partition("1/|")[2].removesuffix("|") or None


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
    scalar: Callable[[Scaled], Affine] = lambda node: node.exponent,
    operation: Callable[[Expression], Expression] = lambda node: node,
) -> Expression:
    """An expression with other tensors in place of its own, and other axes and exponents of scalars if they are given.

    A tensor that `leaf` puts in place of another one has the new axes already. `operation` is given each operation as
    it is built from its new operands.
    """
    known: dict[Expression, Expression] = {}

    def of(value: Any) -> Any:
        match value:
            case tuple():
                return tuple(map(of, value))
            case Expression():  # the map of a change is no operand, and its own operand is known
                return known[value] if value in known else rebuilt(value)
            case Axis():
                return axis(value)
        return value

    def rebuilt(node: Expression) -> Expression:
        rebuilt_node: Expression = type(node)(*map(of, parts(node)))
        return rebuilt_node

    for node in operands_first(root):
        if not node.operands:
            known[node] = leaf(node)
        elif isinstance(node, Scaled):
            known[node] = operation(Scaled(node.symbol, scalar(node), known[node.operand], node.value))
        else:
            known[node] = operation(rebuilt(node))
    return known[root]


def operands_first(*roots: Expression, known: Container[Expression] = ()) -> list[Expression]:
    """The nodes that some expressions are built from, each once and after its operands, those known left out."""
    order: dict[Expression, None] = {}
    waiting = [(root, False) for root in reversed(roots)]
    while waiting:
        node, is_ready = waiting.pop()
        if is_ready:
            order[node] = None
        elif node not in order and node not in known:
            waiting += [(node, True), *((operand, False) for operand in reversed(node.operands))]
    return list(order)


def leaves(*roots: Expression) -> Iterator[Expression]:
    """The tensors of some expressions, each once, from left to right."""
    return (node for node in nodes(*roots) if not node.operands)


def _united(axes: Iterable[Axis]) -> tuple[Axis, ...]:
    return tuple(dict.fromkeys(axes))


def _listed(axes: tuple[Axis, ...]) -> str:
    return ", ".join(map(str, axes)) or "none"

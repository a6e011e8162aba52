"""Expressions: the equations of a program, as immutable trees over tensors with named axes.

A tree says what is multiplied, summed and mapped; it does not say in what sense. A reading (`reading.py`) gives it one:
exponents, torch tensors, or LaTeX.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from gamma_calc.algebra import Affine
from gamma_calc.program.axes import Axis
from gamma_calc.program.terms import Kind, Part


class Moment(Enum):
    """When a trained tensor is looked at, relative to step t."""

    PREVIOUS = "before the step"
    CHANGE = "the step itself"
    CURRENT = "after the step"


class Expression:
    """Anything with axes. `left @ right` sums over the one shared axis; `left * right` multiplies entry by entry."""

    __slots__ = ()

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of the value, in the order in which it is written."""
        return self._axes()

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
        shared = [axis for axis in self.axes if axis in other.axes]
        if len(shared) != 1:
            raise ValueError(f"a contraction needs one shared axis, found {[str(axis) for axis in shared]}")
        return Contraction(self, other, shared[0])

    def __mul__(self, other: Expression) -> Entrywise:
        return Entrywise(self, other)

    def __add__(self, other: Expression) -> Sum:
        return Sum((self, other))


@dataclass(frozen=True, slots=True)
class Given(Expression):
    """A tensor that training does not change: data, a frozen weight, the loss gradient of a linear loss.

    Exponents: `exponent` is that of its entries.
    """

    name: str
    shape: tuple[Axis, ...]
    exponent: Affine

    def _axes(self) -> tuple[Axis, ...]:
        return self.shape


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Transposed(Unary):
    """The same value with its axes written in reverse."""

    operand: Expression

    def _axes(self) -> tuple[Axis, ...]:
        return self.operand.axes[::-1]


@dataclass(frozen=True, slots=True)
class Scaled(Unary):
    """A scalar n^exponent in front of an expression; `symbol` is how the scalar is written."""

    symbol: str
    exponent: Affine
    operand: Expression


@dataclass(frozen=True, slots=True)
class Contraction(Expression):
    """The sum over one shared axis of the products of two tensors."""

    left: Expression
    right: Expression
    axis: Axis

    def _axes(self) -> tuple[Axis, ...]:
        return tuple(axis for axis in (*self.left.axes, *self.right.axes) if axis != self.axis)

    def _operands(self) -> tuple[Expression, ...]:
        return (self.left, self.right)


@dataclass(frozen=True, slots=True)
class Entrywise(Expression):
    """The entry-by-entry product of two tensors with the same axes."""

    left: Expression
    right: Expression

    def __post_init__(self) -> None:
        if set(self.left.axes) != set(self.right.axes):
            raise ValueError("an entrywise product needs the same axes on both sides")

    def _axes(self) -> tuple[Axis, ...]:
        return self.left.axes

    def _operands(self) -> tuple[Expression, ...]:
        return (self.left, self.right)


@dataclass(frozen=True, slots=True)
class Sum(Expression):
    """A sum of a fixed number of tensors with the same axes."""

    summands: tuple[Expression, ...]

    def _axes(self) -> tuple[Axis, ...]:
        return self.summands[0].axes

    def _operands(self) -> tuple[Expression, ...]:
        return self.summands


@dataclass(frozen=True, slots=True)
class Pointwise(Unary):
    """A fixed scalar function applied entry by entry, with a value Theta(1) where its argument is Theta(1).

    `is_bounded` marks a map whose value is Theta(1) whatever its argument (the derivative of ReLU); any other one is
    taken as positively homogeneous of degree one (ReLU). Neither is odd, so neither keeps a sign symmetry.
    """

    function: str
    operand: Expression
    is_bounded: bool = False

    def part(self, kind: Kind) -> Part:
        """What the map makes of the initial parts of its argument, or how the updates change it."""
        return Part(f"{self.function}({self.operand.name})" if isinstance(self.operand, Named) else self.function, kind)


@dataclass(frozen=True, slots=True)
class Named(Unary):
    """An expression that the paper has a name for; readings evaluate it once a step."""

    name: str
    operand: Expression


def leaves(expression: Expression) -> Iterator[Expression]:
    """The tensors of an expression, from left to right."""
    if not expression.operands:
        yield expression
    for operand in expression.operands:
        yield from leaves(operand)

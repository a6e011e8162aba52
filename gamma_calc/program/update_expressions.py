"""What update rules are written in beside gradients: memories, and scalars made from whole tensors.

A memory is a tensor that a rule keeps from step to step, zero at the start. A scalar has no axes: a number, a count of
coordinates, a Frobenius norm, and what is made of these.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from gamma_calc.algebra import Affine
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import Expression, Trained, Unary
from gamma_calc.program.terms import Kind, Part


@dataclass(frozen=True, slots=True, eq=False)
class Memory(Expression):
    """A tensor that an update rule keeps of a parameter, before the step."""

    name: str
    tensor: Trained

    @property
    def part(self) -> Part:
        """The one term of its value; a state holds it under the text of this part."""
        return Part(f"{self.name}_{self.tensor.name}", Kind.MEMORY)

    def _axes(self) -> tuple[Axis, ...]:
        return self.tensor.axes


@dataclass(frozen=True, slots=True, eq=False)
class Kept(Unary):
    """A memory after the step: the terms of its new value, brought together as one."""

    memory: Memory
    operand: Expression


def running_mean(tensor: Trained, direction: Expression) -> Kept:
    """The mean that a normalised step goes along, where its newest direction is not all that counts of it."""
    return Kept(Memory("M", tensor), direction)


@dataclass(frozen=True, slots=True, eq=False)
class Scalar(Expression):
    """A number n^exponent, which is written as `symbol`; `value` is a fixed number's."""

    symbol: str
    exponent: Affine
    value: Fraction | None = None

    def _axes(self) -> tuple[Axis, ...]:
        return ()


class OfTensors(Expression):
    """A scalar made from tensors or other scalars."""

    __slots__ = ()

    def _axes(self) -> tuple[Axis, ...]:
        return ()


@dataclass(frozen=True, slots=True, eq=False)
class Count(OfTensors):
    """The number of coordinates of an axis of a tensor, to a power."""

    tensor: Expression
    axis: Axis
    power: Fraction

    def _operands(self) -> tuple[Expression, ...]:
        return (self.tensor,)


@dataclass(frozen=True, slots=True, eq=False)
class Norm(OfTensors):
    """The root of the sum of squares of all entries of some tensors."""

    tensors: tuple[Expression, ...]

    def _operands(self) -> tuple[Expression, ...]:
        return self.tensors


@dataclass(frozen=True, slots=True, eq=False)
class Larger(OfTensors):
    """The larger of two scalars that are not negative."""

    left: Expression
    right: Expression

    def _operands(self) -> tuple[Expression, ...]:
        return (self.left, self.right)

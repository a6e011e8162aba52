"""Reading a program in torch, for any program; axes in front of those that it knows repeat the run.

Terms are tensors under the labels that the exponent reading uses. Axes are contracted by name, so the equations of a
program are all there is; nothing here knows a module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial, reduce
from itertools import islice
from math import log
from types import MappingProxyType

import torch
from torch import Tensor

from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import (
    Contraction,
    Entrywise,
    Expression,
    Given,
    InverseRms,
    Map,
    MapChange,
    Merged,
    Movement,
    Ones,
    Pointwise,
    PowerOf,
    Scaled,
    Softmax,
    Split,
    Trained,
    Transposed,
)
from gamma_calc.program.optimizers import Moments, Optimizer
from gamma_calc.program.program import Program
from gamma_calc.program.reading import Beside, Step, training
from gamma_calc.program.terms import FormalSum, Kind, Label, Part, is_initial
from gamma_calc.program.update_expressions import Count, Larger, Norm, Scalar
from gamma_calc.simulation.steps import GradientStep

FUNCTIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "phi": torch.relu,
    "abs": torch.abs,
    "silu": torch.nn.functional.silu,
    "mish": torch.nn.functional.mish,
    "hardswish": torch.nn.functional.hardswish,
    "elu": torch.nn.functional.elu,
    "softplus": lambda x: torch.nn.functional.softplus(x) - log(2),
    "capped": partial(torch.clamp, max=1),
    "hardtanh": torch.nn.functional.hardtanh,
    "tanh": torch.tanh,
    "erf": torch.erf,
    "gelu": torch.nn.functional.gelu,
    "gelu_tanh": partial(torch.nn.functional.gelu, approximate="tanh"),
}
"""The scalar maps that a program can name; their derivatives have a prime behind the name."""


def _pointwise(function: str, x: Tensor) -> Tensor:
    """A scalar map of every entry, or its derivative there."""
    if not function.endswith("'"):
        return FUNCTIONS[function](x)
    with torch.enable_grad():
        inside = x.detach().requires_grad_()
        (slope,) = torch.autograd.grad(FUNCTIONS[function.removesuffix("'")](inside).sum(), inside)
    return slope


class TorchReading:
    """The reading of a program in tensors.

    Args:
        tensors: a value for each given tensor and each non-zero initial one (under its parameter's name), with the axes
            in the order of the program. Axes in front of them, the same for all, repeat the run.
        learning_rates: eta of each trained parameter; a tensor has the axes in front.
        scalars: the value of each scalar symbol; and of `beta_W`, `lambda_W`, `epsilon_W` and `floor_W` of each
            parameter W that has a momentum, a decay, an epsilon or a floor.
        sizes: the number of coordinates of axes, where an operation asks for it: it splits one, or sums against ones.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        tensors: Mapping[str, Tensor],
        learning_rates: Mapping[str, float | Tensor],
        scalars: Mapping[str, float],
        *,
        sizes: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self.tensors = tensors
        self.learning_rates = learning_rates
        self.scalars = scalars
        self.sizes = sizes
        self.optimizer = optimizer
        self.steps: dict[str, GradientStep] = {}

    def given(self, tensor: Given) -> Tensor:
        """The data handed over."""
        return self._like(torch.ones, tensor.axes) if isinstance(tensor, Ones) else self.tensors[tensor.name]

    def initial(self, tensor: Trained) -> Tensor | None:
        """The initial value handed over; none for a parameter that starts at zero."""
        return None if tensor.initial is None else self.tensors[tensor.name]

    def moved(self, node: Movement, term: Tensor) -> Tensor:
        """The axes in reverse, two flattened, or one unflattened by how many coordinates its part of fixed size has."""
        axes = node.operand.axes
        match node:
            case Transposed():
                return self.arranged(axes, node.axes, term)
            case Split(_, axis, outer, inner):
                sizes = [self.sizes[part.name] if part != node.growing else -1 for part in (outer, inner)]
                return torch.unflatten(term, axes.index(axis) - len(axes), sizes)
            case Merged(_, outer, inner, axis):
                beside = tuple(part for each in node.axes for part in ((outer, inner) if each == axis else (each,)))
                place = beside.index(outer) - len(beside)
                return self.arranged(axes, beside, term).flatten(place, place + 1)
        return term

    def arranged(self, old: tuple[Axis, ...], new: tuple[Axis, ...], term: Tensor) -> Tensor:
        """The axes in another order; those in front of them, over which a run is repeated, stay where they are."""
        repeated = term.ndim - len(old)
        return term.permute(*range(repeated), *(repeated + old.index(axis) for axis in new))

    def scaled(self, node: Scaled, label: Label, term: Tensor) -> Tensor:
        """The scalar's value times the term."""
        return (self.scalars[node.symbol] if node.value is None else float(node.value)) * term

    def contracted(self, node: Contraction, label: Label, left: Tensor, right: Tensor) -> Tensor:
        """The sum over the axes of the node."""
        return _product(node, left, right)

    def entrywise(self, node: Entrywise, label: Label, left: Tensor, right: Tensor) -> Tensor:
        """The product entry by entry, an axis that one side lacks being broadcast."""
        return _product(node, left, right)

    def added(self, node: Expression, label: Label, left: Tensor, right: Tensor) -> Tensor:
        """The sum."""
        return left + right

    def collected(self, node: Expression, label: Label, terms: Sequence[Tensor]) -> Tensor:
        """The sum."""
        return total(terms)

    def say_as_much_together(self, terms: Sequence[Tensor]) -> bool:
        """Numbers add up."""
        return True

    def mapped(self, node: Map, argument: FormalSum[Tensor]) -> FormalSum[Tensor]:
        """The map of the whole; where it keeps parts, of the initial ones, and what the updates change of that."""
        whole = self._function(node, self._whole(node.operand, argument))
        if not node.keeps_parts:
            return FormalSum((((), whole),))
        initial = FormalSum(tuple((label, term) for label, term in argument if is_initial(label)))
        first, second = (node.part(Kind.INITIAL),), (node.part(Kind.UPDATE),)
        if initial.is_zero:
            return FormalSum(((second, whole),))
        if len(initial.terms) == len(argument.terms):
            return FormalSum(((first, whole),))
        start = self._function(node, self._whole(node.operand, initial))
        return FormalSum(((first, start), (second, whole - start)))

    def map_change(self, node: MapChange, argument: FormalSum[Tensor], change: FormalSum[Tensor]) -> Tensor:
        """f(v + change) - f(v)."""
        before = self._whole(node.argument, argument)
        after = before + total(term for _, term in change)
        return self._function(node.map, after) - self._function(node.map, before)

    def _function(self, node: Map, value: Tensor) -> Tensor:
        match node:
            case Pointwise(function):
                return _pointwise(function, value)
            case PowerOf(_, degree, factor):
                return float(factor) * value.pow(float(degree))
            case Softmax(operand, axis):
                return value.softmax(dim=dimension(operand, axis))
            case InverseRms(operand, axis):
                return self.mean(value.square(), operand, axis).rsqrt()
        raise TypeError(f"no function for {type(node).__name__}")

    def mean(self, value: Tensor, node: Expression, axis: Axis) -> Tensor:
        """The mean of a node's value along one of its axes."""
        return value.mean(dim=dimension(node, axis))

    def _whole(self, node: Expression, value: FormalSum[Tensor]) -> Tensor:
        """The sum of the terms of a value."""
        if not value.is_zero:
            return total(term for _, term in value)
        return self._like(torch.zeros, node.axes)

    def _like(self, make: Callable[..., Tensor], axes: tuple[Axis, ...]) -> Tensor:
        """A tensor with some axes, of the kind of the others."""
        other = next(iter(self.tensors.values()))
        return make([self.sizes[axis.name] for axis in axes], dtype=other.dtype, device=other.device)

    def scalar(self, node: Scalar) -> Tensor:
        """The scalar's value."""
        like = next(iter(self.tensors.values()))
        return torch.as_tensor(self.scalars[node.symbol] if node.value is None else float(node.value)).to(like)

    def count(self, node: Count, tensor: FormalSum[Tensor]) -> Tensor:
        """By the shape."""
        _, term = next(iter(tensor))
        return term.new_tensor(float(term.shape[dimension(node.tensor, node.axis)])) ** float(node.power)

    def norm(self, node: Norm, tensors: Sequence[FormalSum[Tensor]]) -> Tensor | None:
        """By the definition, over the axes that the program knows."""
        squares = [
            total(term for _, term in value).square().sum(dim=tuple(range(-len(tensor.axes), 0)))
            for tensor, value in zip(node.tensors, tensors, strict=True)
            if not value.is_zero
        ]
        return total(squares).sqrt() if squares else None

    def larger(self, node: Larger, left: Tensor, right: Tensor) -> Tensor:
        """The maximum."""
        return torch.maximum(left, right)

    def change(
        self,
        tensor: Trained,
        direction: FormalSum[Tensor],
        factor: Tensor | None,
        t: int,
        beside: Beside[Tensor] = (),
    ) -> Tensor | None:
        """Minus the learning rate times the processed direction, and the scalar in front of it."""
        if direction.is_zero:
            return None
        whole = total(term for _, term in direction)
        if tensor.name not in self.steps:
            rule = self.optimizer.step
            if tensor.epsilon is not None and isinstance(rule, Moments):
                rule = replace(rule, epsilon=Fraction(self.scalars[f"epsilon_{tensor.name}"]))
            self.steps[tensor.name] = GradientStep(rule)
        others = [total(term for _, term in value) for _, value in beside if not value.is_zero]
        if others and tensor.block is not None:
            along = tensor.block[1] - len(tensor.axes)
            together = self.steps[tensor.name].processed(torch.cat((whole, *others), dim=along), t)
            step = -self._rate(tensor) * together.narrow(along, 0, whole.shape[along])
        else:
            step = -self._rate(tensor) * self.steps[tensor.name].processed(whole, t)
        return step if factor is None else _in_front(factor, tensor) * step

    def decayed(self, tensor: Trained, part: Part, *terms: Tensor) -> Tensor:
        """Minus the learning rate times the decay's coefficient times the part."""
        return -self._rate(tensor) * self.scalars[f"lambda_{tensor.name}"] * total(terms)

    def _rate(self, tensor: Trained) -> float | Tensor:
        rate = self.learning_rates[tensor.name]
        return _in_front(rate, tensor) if isinstance(rate, Tensor) else rate

    def accumulated(self, tensor: Trained, part: Part, terms: tuple[Tensor, ...]) -> Tensor:
        """The sum."""
        return total(terms)


def trained_in_torch(program: Program, reading: TorchReading, steps: int) -> Iterator[Step[Tensor]]:
    """The first steps of a run, every quantity with its terms apart."""
    return islice(training(program, reading), steps)


def dimension(node: Expression, axis: Axis) -> int:
    """Where an axis of a node is in its tensor, behind the axes over which a run is repeated."""
    return node.axes.index(axis) - len(node.axes)


def _in_front(factor: Tensor, tensor: Expression) -> Tensor:
    """A number for each repetition of a run, as a factor of values with the axes of a tensor."""
    return factor.reshape(*factor.shape, *(1 for _ in tensor.axes))


def total(terms: Iterable[Tensor]) -> Tensor:
    """The sum of some terms."""
    return reduce(torch.add, terms)


def flattened(value: Tensor) -> Tensor:
    """The entries of each run in one row, [runs, entries]; a number has one."""
    return value.reshape(len(value), -1)


def _product(node: Contraction | Entrywise, left: Tensor, right: Tensor) -> Tensor:
    """The product of two values, summed over the axes that the node has not."""
    letters: dict[Axis, str] = {}
    for axis in (*node.left.axes, *node.right.axes):
        letters.setdefault(axis, chr(ord("a") + len(letters)))
    first, second, out = ("".join(letters[axis] for axis in each.axes) for each in (node.left, node.right, node))
    return torch.einsum(f"...{first},...{second}->...{out}", left, right)

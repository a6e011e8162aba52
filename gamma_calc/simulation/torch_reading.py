"""Reading a program in torch: the slow twin of the kernels, for any program, one run at a time.

Terms are tensors under the labels that the exponent reading uses. Axes are contracted by name, so the equations of a
program are all there is; nothing here knows a module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from itertools import islice
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
    InverseRmsChange,
    MapChange,
    Named,
    Pointwise,
    Renamed,
    Scaled,
    Trained,
    Transposed,
)
from gamma_calc.program.optimizers import Optimizer
from gamma_calc.program.program import Program
from gamma_calc.program.reading import Step, training
from gamma_calc.program.terms import FormalSum, Kind, Label, Part, is_initial
from gamma_calc.simulation.steps import GradientStep

FUNCTIONS: Mapping[str, Callable[[Tensor], Tensor]] = {"phi": torch.relu, "phi'": lambda x: (x > 0).to(x.dtype)}
"""The scalar maps that a program can name: ReLU and its derivative."""
NOTHING: Mapping[str, float] = MappingProxyType({})


class TorchReading:
    """The reading of a program in tensors.

    Args:
        tensors: a value for each given tensor and each non-zero initial one (under its parameter's name), with the axes
            in the order of the program. Axes in front of them, the same for all, repeat the run.
        learning_rates: eta of each trained parameter; a tensor differs along the axes in front.
        scalars: the value of each scalar symbol.
        momenta: beta of each trained parameter that has a momentum.
        decays: lambda of each trained parameter whose weights decay.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        tensors: Mapping[str, Tensor],
        learning_rates: Mapping[str, float | Tensor],
        scalars: Mapping[str, float],
        *,
        momenta: Mapping[str, float] = NOTHING,
        decays: Mapping[str, float] = NOTHING,
    ) -> None:
        self.tensors = tensors
        self.learning_rates = learning_rates
        self.scalars = scalars
        self.momenta = momenta
        self.decays = decays
        self.steps = {name: GradientStep(optimizer.step) for name in learning_rates}

    def given(self, tensor: Given) -> Tensor:
        """The data handed over."""
        return self.tensors[tensor.name]

    def initial(self, tensor: Trained) -> Tensor | None:
        """The initial value handed over; none for a parameter that starts at zero."""
        return None if tensor.initial is None else self.tensors[tensor.name]

    def transposed(self, node: Transposed, label: Label, term: Tensor) -> Tensor:
        """The axes in reverse."""
        return self.arranged(node.operand.axes, node.axes, term)

    def arranged(self, old: tuple[Axis, ...], new: tuple[Axis, ...], term: Tensor) -> Tensor:
        """The axes in another order; those in front of them, over which a run is repeated, stay where they are."""
        repeated = term.ndim - len(old)
        return term.permute(*range(repeated), *(repeated + old.index(axis) for axis in new))

    def renamed(self, node: Renamed, label: Label, term: Tensor) -> Tensor:
        """The same tensor."""
        return term

    def scaled(self, node: Scaled, label: Label, term: Tensor) -> Tensor:
        """The scalar's value times the term."""
        return self.scalars[node.symbol] * term

    def contracted(self, node: Contraction, label: Label, left: Tensor, right: Tensor) -> Tensor:
        """The sum over the axes of the node."""
        return torch.einsum(_einsum(node.left, node.right, node), left, right)

    def entrywise(self, node: Entrywise, label: Label, left: Tensor, right: Tensor) -> Tensor:
        """The product entry by entry, an axis that one side lacks being broadcast."""
        return torch.einsum(_einsum(node.left, node.right, node), left, right)

    def added(self, node: Expression, label: Label, left: Tensor, right: Tensor) -> Tensor:
        """The sum."""
        return left + right

    def collected(self, node: Named, label: Label, terms: Sequence[Tensor]) -> Tensor:
        """The sum."""
        return _total(terms)

    def pointwise(self, node: Pointwise, argument: FormalSum[Tensor]) -> FormalSum[Tensor]:
        """The map of the initial parts, and what the updates change of it; every map here is zero at zero."""
        if argument.is_zero:
            return FormalSum()
        function = FUNCTIONS[node.function]
        value = function(_total(term for _, term in argument))
        if node.is_bounded:
            return FormalSum((((), value),))
        initial = [term for label, term in argument if is_initial(label)]
        if not initial or len(initial) == len(argument.terms):
            return FormalSum((((node.part(Kind.INITIAL if initial else Kind.UPDATE),), value),))
        start = function(_total(initial))
        return FormalSum((((node.part(Kind.INITIAL),), start), ((node.part(Kind.UPDATE),), value - start)))

    def inverse_rms(self, node: InverseRms, argument: FormalSum[Tensor]) -> Tensor:
        """By the definition."""
        return _inverse_rms(_total(term for _, term in argument), node.operand, node.axis)

    def inverse_rms_change(
        self, node: InverseRmsChange, argument: FormalSum[Tensor], change: FormalSum[Tensor]
    ) -> Tensor | None:
        """With the change, less without it."""
        if change.is_zero:
            return None
        start = _total(term for _, term in argument)
        moved = start + _total(term for _, term in change)
        before, after = (_inverse_rms(value, node.argument, node.axis) for value in (start, moved))
        return after - before

    def map_change(self, node: MapChange, argument: FormalSum[Tensor], change: FormalSum[Tensor]) -> Tensor | None:
        """phi(v + change) - phi(v)."""
        if change.is_zero:
            return None
        function, moved = FUNCTIONS[node.function], _total(term for _, term in change)
        if argument.is_zero:
            return function(moved)
        before = _total(term for _, term in argument)
        return function(before + moved) - function(before)

    def momentum(self, tensor: Trained, so_far: FormalSum[Tensor], gradient: FormalSum[Tensor]) -> Tensor | None:
        """beta times the momentum so far, with the gradient added."""
        terms = [self.momenta[tensor.name] * term for _, term in so_far] + [term for _, term in gradient]
        return _total(terms) if terms else None

    def change(self, tensor: Trained, gradient: FormalSum[Tensor], t: int) -> Tensor | None:
        """Minus the learning rate times the processed gradient."""
        if gradient.is_zero:
            return None
        raw = _total(term for _, term in gradient)
        return -self.learning_rates[tensor.name] * self.steps[tensor.name].processed(raw, t)

    def decayed(self, tensor: Trained, part: Part, term: Tensor) -> Tensor:
        """Minus the learning rate times the decay's coefficient times the part."""
        return -self.learning_rates[tensor.name] * self.decays[tensor.name] * term

    def accumulated(self, tensor: Trained, part: Part, terms: tuple[Tensor, ...]) -> Tensor:
        """The sum."""
        return _total(terms)


def trained_in_torch(program: Program, reading: TorchReading, steps: int) -> Iterator[Step[Tensor]]:
    """The first steps of a run, every quantity with its terms apart."""
    return islice(training(program, reading), steps)


def _inverse_rms(value: Tensor, node: Expression, axis: Axis) -> Tensor:
    return value.square().mean(dim=node.axes.index(axis) - len(node.axes)).rsqrt()


def _total(terms: Iterable[Tensor]) -> Tensor:
    return reduce(torch.add, terms)


def _einsum(left: Expression, right: Expression, result: Expression) -> str:
    letters: dict[Axis, str] = {}
    for axis in (*left.axes, *right.axes):
        letters.setdefault(axis, chr(ord("a") + len(letters)))
    words = ("".join(letters[axis] for axis in each.axes) for each in (left, right, result))
    first, second, out = words
    return f"...{first},...{second}->...{out}"

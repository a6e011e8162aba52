"""The sizes of a program's values, measured: the twin in numbers of what the calculus derives, for any program.

A program says with which power of the width each tensor, rate and scalar grows, and that is all a run needs besides the
width: an axis of size n^1 has n coordinates, random entries are k n^e times a standard normal, a rate is k n^e.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import torch
from torch import Tensor

from gamma_calc.algebra import Affine
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import Given, Ones, Scaled, Trained, divisor, nodes
from gamma_calc.program.optimizers import Moments, Optimizer
from gamma_calc.program.program import Program
from gamma_calc.program.terms import FormalSum, Label
from gamma_calc.simulation.torch_reading import TorchReading, trained_in_torch


@dataclass(frozen=True, slots=True)
class Numbers:
    """What exponents leave open: the number of coordinates of fixed axes, and prefactors.

    `prefactors` are those of the entries of a tensor, of its rate under `eta_` and its name, likewise of its `beta_`,
    `lambda_`, `epsilon_` and `floor_`, and of scalars; 1 where none is given. `mean` is that of given entries; with
    mean zero they are independent of a map of random features, and sums of the two are smaller than in general.
    """

    fixed: Mapping[str, int]
    seeds: int
    steps: int
    mean: float = 0.0
    prefactors: Mapping[str, float] = field(default_factory=dict)


Key = tuple[int, str, Label | None]
"""A step, a quantity, and a term of it; None for the whole quantity."""


def measured_sizes(program: Program, widths: Sequence[int], numbers: Numbers) -> Iterator[Mapping[Key, Tensor]]:
    """The mean squares over entries at each width, one a seed; those that are zero throughout are left out.

    Widths share their randomness: a narrow run has the first coordinates of the widest one.
    """
    normal = _normal(program, max(widths), numbers)
    for width in widths:
        yield dict(_measured(program, _reading(program, width, numbers, normal), numbers.steps))


def _measured(program: Program, reading: TorchReading, steps: int) -> Iterator[tuple[Key, Tensor]]:
    for step in trained_in_torch(program, reading, steps):
        for name, value in step.quantities.items():
            for label, term in value:
                yield (step.t, name, label), _mean_square(term)
            if not value.is_zero:
                yield (step.t, name, None), _mean_square(_whole(value))


def _mean_square(term: Tensor) -> Tensor:
    return term.square().mean(dim=tuple(range(1, term.ndim)))


def _whole(value: FormalSum[Tensor]) -> Tensor:
    first, *others = (term for _, term in value)
    return sum(others, start=first)


def _reading(program: Program, width: int, numbers: Numbers, normal: Mapping[str, Tensor]) -> TorchReading:
    def power(name: str, exponent: Affine) -> float:
        return numbers.prefactors.get(name, 1.0) * math.pow(width, Fraction(str(exponent)))

    def cut(leaf: Given | Trained) -> Tensor:
        return normal[leaf.name][(slice(None), *(slice(_coordinates(axis, width, numbers)) for axis in leaf.axes))]

    tensors = {leaf.name: cut(leaf) for leaf in _givens(program)}
    data = [tensors[leaf.name].flatten(2) for leaf in _givens(program) if _is_of_one_growing_axis(leaf.axes)]
    for leaf in program.parameters:
        if leaf.initial is not None:
            tensors[leaf.name] = power(leaf.name, leaf.initial) * _paired(leaf, cut(leaf), data)
    tensors |= {leaf.name: power(leaf.name, leaf.exponent) * tensors[leaf.name] for leaf in _givens(program)}
    rates = {each.name: power(f"eta_{each.name}", each.learning_rate) for each in program.parameters if each.is_trained}
    written = tuple(nodes(*program.gradients.values(), *program.quantities.values()))
    sizes = {axis.name: _coordinates(axis, width, numbers) for node in written for axis in node.axes}

    def scalar(node: Scaled) -> float:
        axis = divisor(node)
        size = power(node.symbol, node.exponent) if axis is None else 1 / sizes[axis]
        return -size if node.symbol.startswith("-") else size

    scalars = {node.symbol: scalar(node) for node in written if isinstance(node, Scaled)}
    for tensor in program.parameters:
        forms = {"beta": tensor.momentum, "lambda": tensor.decay, "epsilon": tensor.epsilon, "floor": tensor.floor}
        present = {f"{key}_{tensor.name}": form for key, form in forms.items() if form is not None}
        scalars |= {name: power(name, form) for name, form in present.items()}
    return TorchReading(_without_epsilon(program.optimizer), tensors, rates, scalars, sizes=sizes)


def _is_of_one_growing_axis(axes: tuple[Axis, ...]) -> bool:
    """Whether the first axis grows and there are others, all of fixed size."""
    return len(axes) > 1 and [axis.is_fixed for axis in axes] == [False, *[True] * (len(axes) - 1)]


def _paired(leaf: Trained, entries: Tensor, data: Sequence[Tensor]) -> Tensor:
    """The same law, with sums against the data that are the same at every width but for the data's own.

    Given H [n, m], the rows of X H with X standard normal are those of G L^T, L L^T = H^T H, with G standard normal: so
    G is drawn once, and the part of X in the span of H is replaced.
    """
    growing = [place for place, axis in enumerate(leaf.axes, start=1) if not axis.is_fixed]
    alike = [each for each in data if len(growing) == 1 and each.shape[1] == entries.shape[growing[0]]]
    if not alike:
        return entries
    columns = torch.cat(alike, dim=2)
    rows = entries.movedim(growing[0], -1)
    generator = torch.Generator().manual_seed(zlib.crc32(leaf.name.encode()))
    shared = torch.randn(*rows.shape[:-1], columns.shape[2], generator=generator, dtype=rows.dtype)
    gram = columns.mT @ columns
    missing = shared @ torch.linalg.cholesky(gram).mT - rows @ columns
    moved: Tensor = rows + torch.linalg.solve(gram, missing, left=False) @ columns.mT
    return moved.movedim(-1, growing[0])


def _without_epsilon(optimizer: Optimizer) -> Optimizer:
    """The exponents take Adam's epsilon to be negligible, and at no width is zero too large."""
    step = optimizer.step
    return replace(optimizer, step=replace(step, epsilon=Fraction(0))) if isinstance(step, Moments) else optimizer


def _normal(program: Program, width: int, numbers: Numbers) -> Mapping[str, Tensor]:
    """Standard normals; given tensors of one shape are correlated, for nothing says that they are not."""
    generator = torch.Generator().manual_seed(0)

    def drawn(axes: tuple[Axis, ...]) -> Tensor:
        shape = (numbers.seeds, *(_coordinates(axis, width, numbers) for axis in axes))
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    initial = {tensor.name: drawn(tensor.axes) for tensor in program.parameters if tensor.initial is not None}
    shared = {leaf.axes: drawn(leaf.axes) for leaf in _givens(program)}
    given = {
        leaf.name: (shared[leaf.axes] + drawn(leaf.axes)) / math.sqrt(2) + numbers.mean for leaf in _givens(program)
    }
    return initial | given


def _givens(program: Program) -> Iterator[Given]:
    written = nodes(*program.gradients.values(), *program.quantities.values())
    return (leaf for leaf in written if isinstance(leaf, Given) and not isinstance(leaf, Ones))


def _coordinates(axis: Axis, width: int, numbers: Numbers) -> int:
    return numbers.fixed[axis.name] if axis.is_fixed else round(math.pow(width, Fraction(str(axis.size))))

"""The sizes of a program's values, measured: the twin in numbers of what the calculus derives, for any program.

A program says with which power of the width each tensor, rate and scalar grows, and that is all a run needs besides the
width: an axis of size n^1 has n coordinates, random entries are k n^e times a standard normal, a rate is k n^e.

Data are in general position, as the theory takes them: tensors over the same axes are correlated, and inputs have a
mean. Inputs of mean zero would be orthogonal to a map of random features, and sums of the two smaller than in general.
The loss gradient has mean zero. With a mean, a linear loss of a ReLU is curved on average, and a large step is undone
by the next: that is not as assumption A4 has it. Over a batch that grows it has a part that all samples share, as
they do of one loss: that is what a sum over them is aligned with.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache, reduce
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gamma_calc.algebra import Affine
from gamma_calc.errors import BadInput
from gamma_calc.program.axes import Axis
from gamma_calc.program.dependence import axis_names
from gamma_calc.program.expressions import (
    At,
    Expression,
    Given,
    Map,
    Named,
    Ones,
    Renamed,
    Scaled,
    Split,
    Trained,
    Transposed,
    divisor,
    nodes,
)
from gamma_calc.program.models import MASKED
from gamma_calc.program.optimizers import Moments, Optimizer
from gamma_calc.program.program import Program
from gamma_calc.program.terms import Kind, Part
from gamma_calc.program.update_expressions import Scalar
from gamma_calc.simulation.axis_sizes import AxisSizes
from gamma_calc.simulation.devices import resolved_device, resolved_dtype
from gamma_calc.simulation.power import Power
from gamma_calc.simulation.steps import mean_square
from gamma_calc.simulation.torch_reading import TorchReading, flattened, total, trained_in_torch

Term = tuple[str, ...]
"""The parts that a term multiplies, in the order of the product."""

Key = tuple[int, str, Term | None]
"""A step, a quantity, and one of its terms; None for the whole quantity."""

Array = NDArray[np.float64]

Progress = Callable[[int, int], None]
"""Called with how much is done, that of before included, and how much there is in all."""

Reduced = Callable[[Tensor, tuple[Axis, ...]], Tensor]
"""The mean square over the entries of a value with these axes, [runs]."""

MEAN = 0.5
"""The mean of the entries of an input, of variance one."""
MEMORY_BOUND = 2**28
"""Bytes that the runs which are trained together may take."""
VIEWS = At, Named, Renamed, Split, Transposed
"""Operations whose value is that of their operand."""
TERMS, WITH_DECAY = 5, 7
"""How many tensors of its size a value of a step stands for: its terms, and what is made on the way. By measuring what
stacks of three and six adapters take, with maps and without: the most was 4.6, and 6.7 under weight decay."""


Read = TypeVar("Read", bound=TorchReading)


@lru_cache(maxsize=64)
def _written(program: Program) -> tuple[Expression, ...]:
    return tuple(nodes(*program.gradients.values(), *program.quantities.values()))


@lru_cache(maxsize=64)
def _axis_sizes(program: Program, first: tuple[tuple[str, int], ...]) -> AxisSizes:
    return AxisSizes(_written(program), dict(first))


@lru_cache(maxsize=64)
def _samples(program: Program) -> frozenset[Axis]:
    """The growing axes that no parameter has, under any name: those of a batch."""
    names = axis_names(_written(program))
    features = {name for each in program.parameters for axis in each.axes for name in names.get(axis, {axis})}
    return frozenset(axis for node in _written(program) for axis in node.axes if not axis.is_fixed) - features


@dataclass(frozen=True, slots=True)
class ProgramExperiment:
    """All that the runs of a program depend on.

    `inputs` names the data that have a mean. `prefactors` are the k of a tensor's entries under its name, of its rate
    under `eta_` and the name, likewise of its `beta_`, `lambda_`, `epsilon_` and `floor_`, and of scalars under their
    symbol; 1 where none is given. `first` is how many coordinates axes have at width 1, where not as all others do.
    `data` are those that are the same in every run, repeated along axes that grow; all others are drawn. A run has the
    same randomness at every width: a narrow one has the first coordinates of the widest one.
    """

    program: Program
    widths: tuple[int, ...]
    runs: int
    steps: int
    inputs: tuple[str, ...] = ()
    prefactors: Mapping[str, float] = field(default_factory=dict, hash=False)
    first: Mapping[str, int] = field(default_factory=dict, hash=False)
    data: Mapping[str, Tensor] = field(default_factory=dict, hash=False, compare=False)
    dtype: str = "float64"
    device: str = "cpu"
    seed: int = 0

    @property
    def givens(self) -> tuple[Given, ...]:
        """The data."""
        return tuple(node for node in self.written if isinstance(node, Given) and not isinstance(node, Ones))

    @property
    def drawn(self) -> tuple[Trained, ...]:
        """The parameters that start at random."""
        return tuple(tensor for tensor in self.program.parameters if tensor.initial is not None)

    @property
    def tensors(self) -> tuple[Given | Trained, ...]:
        """Both: what a run draws."""
        return (*self.givens, *self.drawn)

    @property
    def written(self) -> tuple[Expression, ...]:
        """What gradients and quantities are made of, each node once."""
        return _written(self.program)

    @property
    def axis_sizes(self) -> AxisSizes:
        """How many coordinates axes have."""
        return _axis_sizes(self.program, tuple(self.first.items()))

    @property
    def reduced(self) -> Reduced:
        """What is measured of a term."""
        is_masked = any(bool((tensor == float(MASKED)).any()) for tensor in self.data.values())
        return _mean_square_beside_a_mask if is_masked else _mean_square

    def coordinates(self, axis: Axis, width: int) -> int:
        """How many coordinates an axis has."""
        return self.axis_sizes.at(axis, width)

    def size(self, name: str, exponent: Affine, width: int) -> float:
        """k n^exponent."""
        return self.prefactors.get(name, 1.0) * Power(Fraction(str(exponent))).at(width, 1)

    def reading(self, width: int, normal: Mapping[str, Tensor], read: type[Read], factor: float | Tensor = 1.0) -> Read:
        """The program in numbers at a width, with these entries before they are sized; every rate times `factor`."""
        tensors = {leaf.name: self.size(leaf.name, leaf.exponent, width) * normal[leaf.name] for leaf in self.givens}
        for leaf in self.drawn:
            assert leaf.initial is not None
            tensors[leaf.name] = self.size(leaf.name, leaf.initial, width) * normal[leaf.name]

        sizes = {axis.name: self.coordinates(axis, width) for node in self.written for axis in node.axes}

        def scalar(node: Scaled) -> float:
            axis = divisor(node)
            size = self.size(node.symbol, node.exponent, width) if axis is None else 1 / sizes[axis]
            return -size if node.symbol.startswith("-") else size

        scalars = {
            node.symbol: scalar(node) for node in self.written if isinstance(node, Scaled) and node.value is None
        }
        for each in self.program.parameters:
            forms = {"beta": each.momentum, "lambda": each.decay, "epsilon": each.epsilon}
            present = {f"{key}_{each.name}": form for key, form in forms.items() if form is not None}
            scalars |= {name: self.size(name, form, width) for name, form in present.items()}
        rules = (part for update in self.program.updates.values() for part in update.expressions)
        numbers = [node for node in nodes(*rules) if isinstance(node, Scalar) and node.value is None]
        scalars |= {node.symbol: self.size(node.symbol, node.exponent, width) for node in numbers}
        rates = {
            each.name: self.size(f"eta_{each.name}", each.learning_rate, width) * factor
            for each in self.program.parameters
            if each.is_trained
        }
        return read(_without_epsilon(self.program.optimizer), tensors, rates, scalars, sizes=sizes)

    def check_sizes(self, width: int) -> None:
        """See that every size at a width is a float."""
        for node in self.axis_sizes.splits:
            outer, inner, whole = (self.coordinates(axis, width) for axis in (node.outer, node.inner, node.axis))
            if outer * inner != whole:
                expected = f"a multiple of {self.axis_sizes.step}"
                raise BadInput(f"width of a network whose {node.axis} is split", found=width, expected=expected)
        self.reading(width, {leaf.name: torch.ones(()) for leaf in self.tensors}, TorchReading)

    def memory_at(self, width: int) -> int:
        """Bytes that a run takes: every value of a step, with its terms, is held at once."""
        own = (node for node in self.written if not isinstance(node, VIEWS))
        written = (*own, *self.program.parameters, *self.program.parameters)
        entries = sum(math.prod(self.coordinates(axis, width) for axis in node.axes) for node in written)
        terms = WITH_DECAY if any(each.decay is not None for each in self.program.parameters) else TERMS
        return int(terms * entries * resolved_dtype(self.dtype).itemsize)


@dataclass(frozen=True, slots=True)
class ProgramMeasurement:
    """What the runs of a program measured.

    Shapes: each mean square [widths, runs], of all terms that some run has; diverged, underflowed [widths, runs].
    """

    configuration: ProgramExperiment
    mean_square: Mapping[Key, Array]
    diverged: NDArray[np.bool_]
    underflowed: NDArray[np.bool_]

    @property
    def is_excluded(self) -> NDArray[np.bool_]:
        """Which runs are never fitted."""
        return self.diverged | self.underflowed


def program_sizes(experiment: ProgramExperiment, progress: Progress | None = None) -> ProgramMeasurement:
    """Train at every width, some runs at a time within `MEMORY_BOUND`, and measure each term after each step.

    Raises:
        BadInput: the device or the dtype is not available.
        BeyondFloats: a size is too large or too small for a float.
    """
    widest, total, reduced = experiment.widths[-1], sum(experiment.widths) * experiment.runs, experiment.reduced
    pieces, done = [], 0
    for runs in _pieces(range(experiment.runs), experiment.memory_at(widest)):
        normal = _normal(experiment, widest, runs)
        rows = []
        for width in experiment.widths:
            reading = experiment.reading(width, _cut(experiment, width, normal), TorchReading)
            rows.append(measured(experiment.program, experiment.steps, reading, reduced))
            done += width * len(runs)
            if progress is not None:
                progress(done, total)
        pieces.append(rows)
    return joined(experiment, [[piece[place] for piece in pieces] for place in range(len(experiment.widths))])


def sizes_at_rates(experiment: ProgramExperiment, factors: Sequence[float], first: int = 0) -> ProgramMeasurement:
    """What the runs first, first + 1, ... measure at one width, with every learning rate times each of some factors.

    Shapes: each mean square [1, factors, runs]; diverged, underflowed the same.
    """
    (width,) = experiment.widths
    pieces = []
    for runs in _pieces(range(first, first + experiment.runs), len(factors) * experiment.memory_at(width)):
        repeated = torch.tensor(factors, dtype=resolved_dtype(experiment.dtype)).repeat_interleave(len(runs))
        factor = repeated.to(resolved_device(experiment.device, experiment.dtype))
        reading = experiment.reading(width, drawn_tensors(experiment, width, runs), TorchReading, factor)
        reading.tensors = {
            name: each.repeat(len(factors), *(1 for _ in each.shape[1:])) for name, each in reading.tensors.items()
        }
        squares, underflowed = measured(experiment.program, experiment.steps, reading, experiment.reduced)
        shape = len(factors), len(runs)
        pieces.append(({key: each.view(shape) for key, each in squares.items()}, underflowed.view(shape)))
    return joined(experiment, [pieces])


def _pieces(runs: range, memory: int) -> Iterator[range]:
    """The runs in pieces that are trained together, where one takes so many bytes."""
    count = max(1, MEMORY_BOUND // memory)
    return (runs[start : start + count] for start in range(0, len(runs), count))


Row = tuple[Mapping[Key, Tensor], Tensor]
"""What some runs measured at a width: mean squares [runs] in float64, and which runs have underflowed [runs]."""


def _mean_square(term: Tensor, axes: tuple[Axis, ...]) -> Tensor:
    return mean_square(flattened(term).unsqueeze(1))


def _mean_square_beside_a_mask(term: Tensor, axes: tuple[Axis, ...]) -> Tensor:
    """The same, what a mask hides counting as zero."""
    return _mean_square(term.where(term > MASKED / 2, 0), axes)


def measured(program: Program, steps: int, reading: TorchReading, reduced: Reduced = _mean_square) -> Row:
    """The mean squares of every term after every step; terms that are zero throughout are left out.

    A run has underflowed where something that is not zero is rounded to zero: the square of a term, or, in a program
    without maps, the first step of a tensor, for the program leaves out those that vanish. Later steps may cancel.
    """
    found, underflowed, moved = dict[Key, Tensor](), list[Tensor](), set[str]()
    has_maps = any(isinstance(node, Map) for node in _written(program))
    for step in trained_in_torch(program, reading, steps):
        known: dict[int, Tensor] = {}  # a term of a part of a change is a term of the change: the same tensor
        for name, value in step.quantities.items():
            axes = program.quantities[name].axes
            for label, term in value:
                if id(term) not in known:
                    of_runs = _of_runs(term, axes)
                    known[id(term)] = square = reduced(of_runs, axes)
                    if square.device.type != "cpu" or not bool(square.all()):
                        underflowed.append((square == 0) & _is_nonzero(of_runs))
                found[step.t, name, tuple(map(str, label))] = known[id(term)]
            if not value.is_zero:
                found[step.t, name, None] = reduced(_of_runs(total(term for _, term in value), axes), axes)
        for tensor in step.changes.keys() - moved:
            move = step.changes[tensor].get((Part(tensor, Kind.CHANGE),))
            if move is not None:
                moved.add(tensor)
                underflowed += [] if has_maps else [~_is_nonzero(move)]
    nowhere = torch.zeros_like(max(found.values(), key=len), dtype=torch.bool)
    return {key: each.expand_as(nowhere) for key, each in found.items()}, reduce(torch.logical_or, underflowed, nowhere)


def joined(experiment: ProgramExperiment, rows: Sequence[Sequence[Row]]) -> ProgramMeasurement:
    """The rows of all widths, each in pieces over the runs, as one measurement."""

    def whole(tensors: Callable[[Row], Tensor]) -> NDArray[Any]:
        return torch.stack([torch.cat([tensors(piece) for piece in row], dim=-1) for row in rows]).cpu().numpy()

    keys = list(rows[0][0][0])
    squares = whole(lambda row: torch.stack([row[0][key].double() for key in keys])).swapaxes(0, 1)
    diverged, underflowed = ~np.isfinite(squares).all(axis=0), whole(lambda row: row[1])
    return ProgramMeasurement(experiment, dict(zip(keys, squares, strict=True)), diverged, underflowed & ~diverged)


def _of_runs(term: Tensor, axes: tuple[Axis, ...]) -> Tensor:
    """A term with its runs in front; what is made of ones alone is there once for all."""
    return term if term.ndim > len(axes) else term.unsqueeze(0)


def _is_nonzero(term: Tensor) -> Tensor:
    """Whether any entry is not zero, [runs]."""
    return (flattened(term) != 0).any(dim=1)


def _without_epsilon(optimizer: Optimizer) -> Optimizer:
    """The exponents take Adam's epsilon to be negligible, and at no width is zero too large."""
    step = optimizer.step
    return replace(optimizer, step=replace(step, epsilon=Fraction(0))) if isinstance(step, Moments) else optimizer


def generator(experiment: ProgramExperiment, name: str, run: int) -> np.random.Generator:
    """The stream of a tensor in a run, whichever others are drawn."""
    key = (zlib.crc32(name.encode()), run)
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(experiment.seed, spawn_key=key)))


def drawn_entries(
    experiment: ProgramExperiment, run: int, shape: Callable[[Axis], int]
) -> Iterator[tuple[str, Tensor]]:
    """The entries of a run's tensors: normal ones of variance one, inputs with a mean.

    Data over the same axes are correlated; the network's own are as they are. Of the others, what is no input has a
    part that is the same for all samples of a batch that grows.
    """
    for tensor in experiment.drawn:
        entries = generator(experiment, tensor.name, run).standard_normal(tuple(map(shape, tensor.axes)))
        yield tensor.name, torch.as_tensor(entries)
    batch = _samples(experiment.program)
    for leaf in experiment.givens:
        shapes = tuple(map(shape, leaf.axes))
        if leaf.name in experiment.data:
            yield leaf.name, _repeated(leaf, experiment.data[leaf.name], shapes)
            continue
        words = (f"data over {', '.join(map(str, leaf.axes))}", leaf.name)
        shared, own = (generator(experiment, word, run).standard_normal(shapes) for word in words)
        entries = (shared + own) / math.sqrt(2)
        if leaf.name in experiment.inputs:
            entries = entries + MEAN
        elif not batch.isdisjoint(leaf.axes):
            of_all = tuple(1 if axis in batch else size for axis, size in zip(leaf.axes, shapes, strict=True))
            common = generator(experiment, f"all samples of {leaf.name}", run).standard_normal(of_all)
            entries = (entries + math.sqrt(3) * common) / 2
        yield leaf.name, torch.as_tensor(entries)


def _repeated(leaf: Given, tensor: Tensor, shape: Sequence[int]) -> Tensor:
    """Data along axes that grow as often as it takes, and of the last time no more than it takes."""
    assert all(size == count for axis, size, count in zip(leaf.axes, shape, tensor.shape, strict=True) if axis.is_fixed)
    often = tensor.repeat([-(-size // count) for size, count in zip(shape, tensor.shape, strict=True)])
    return often[tuple(map(slice, shape))]


def drawn_tensors(experiment: ProgramExperiment, width: int, runs: range) -> Mapping[str, Tensor]:
    """The entries of each tensor at one width, before they are sized; paired with those at another."""
    return _cut(experiment, width, _normal(experiment, width, runs))


def _normal(experiment: ProgramExperiment, width: int, runs: range) -> Mapping[str, Tensor]:
    """The entries of each tensor at the widest width, and for those that are paired the sums against the data."""

    def shape(axis: Axis) -> int:
        return experiment.coordinates(axis, width)

    def drawn(run: int) -> Mapping[str, Tensor]:
        found = dict(drawn_entries(experiment, run, shape))
        for leaf in experiment.drawn:
            place = _growing(leaf)
            if place is not None and (partners := _partners(experiment, leaf.axes[place])):
                samples = sum(math.prod(map(shape, each.axes[1:])) for each in partners)
                rest = (shape(axis) for index, axis in enumerate(leaf.axes) if index != place)
                sums = generator(experiment, f"sums of {leaf.name}", run).standard_normal((*rest, samples))
                found[f"sums of {leaf.name}"] = torch.from_numpy(sums)
        return found

    draws = [drawn(run) for run in runs]
    return {name: torch.stack([draw[name] for draw in draws]) for name in draws[0]}


def _cut(experiment: ProgramExperiment, width: int, normal: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The first coordinates of each tensor, as the width has them."""
    device, dtype = resolved_device(experiment.device, experiment.dtype), resolved_dtype(experiment.dtype)

    def cut(leaf: Given | Trained) -> Tensor:
        return normal[leaf.name][(slice(None), *(slice(experiment.coordinates(axis, width)) for axis in leaf.axes))]

    found = {leaf.name: cut(leaf) for leaf in experiment.givens}
    for leaf in experiment.drawn:
        entries, place = cut(leaf), _growing(leaf)
        if place is not None and (partners := _partners(experiment, leaf.axes[place])):
            data = torch.cat([found[each.name].flatten(2) for each in partners], dim=2)
            entries = _paired(entries, place + 1, data, normal[f"sums of {leaf.name}"])
        found[leaf.name] = entries
    return {name: tensor.to(device=device, dtype=dtype) for name, tensor in found.items()}


def _growing(leaf: Trained) -> int | None:
    """The place of the one axis that grows with the width."""
    growing = [place for place, axis in enumerate(leaf.axes) if not axis.is_fixed]
    return growing[0] if len(growing) == 1 else None


def _partners(experiment: ProgramExperiment, axis: Axis) -> tuple[Given, ...]:
    """The data [n, ...] along axes of a size, which a tensor along such an axis may be summed against."""
    return tuple(
        each
        for each in experiment.givens
        if len(each.axes) > 1 and each.axes[0].size == axis.size and all(axis.is_fixed for axis in each.axes[1:])
    )


def _paired(entries: Tensor, place: int, data: Tensor, sums: Tensor) -> Tensor:
    """The same law, with sums against the data that are the same at every width but for the data's own.

    Given H [n, m], the rows of X H with X standard normal are those of G L^T, L L^T = H^T H, with G standard normal: so
    G is drawn once, and the part of X in the span of H is replaced. With a rank of H below m nothing is.

    Shapes: entries [runs, .., n, ..], data [runs, n, m], sums [runs, .., m].
    """
    runs, n, m = data.shape
    gram = data.mT @ data
    if n < m or bool((torch.linalg.matrix_rank(gram, hermitian=True) < m).any()):
        return entries
    last = entries.movedim(place, -1)
    rows = last.reshape(runs, -1, n)
    missing = sums.reshape(runs, -1, m) @ torch.linalg.cholesky(gram).mT - rows @ data
    moved: Tensor = rows + torch.linalg.solve(gram, missing, left=False) @ data.mT
    return moved.reshape(last.shape).movedim(-1, place)

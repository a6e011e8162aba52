"""A program at any width, on a population: coordinates of few kinds, each of which occurs many times.

Training treats the coordinates of an axis alike. Two of them that start alike (in every tensor along the axis) stay
alike, so a run whose coordinates are of m kinds is a run of width m in which a sum over the axis counts each kind as
often as it occurs. Nothing is approximated in that. With n coordinates drawn from m kinds that are equally likely, a
kind occurs n/m + (n/m)^(1/2) eta times, eta a standard normal (a multinomial's law, to 1 / (n/m)^(1/2) of eta): so a
width of 2^60 costs no more than one of m.

The kinds of an axis are K draws of all tensors along it, each taken with every choice of sign of each tensor that
starts at random, 2^F K in all. So each of those tensors has iid entries of a symmetric law, independent of the data and
of the signs of the others: what the theory asks of it. Then sums that the theory calls aligned grow like n, and those
that it calls centred like n^(1/2), because only the eta are left of them.

    width n              kinds: (z, a), (z, -a), (z', a'), (z', -a'), ...       2 K of them, each about n / 2K times

What the population leaves out: a step function (the sign in a normalised step, the derivative of ReLU) of an argument
with a density at zero answers a small change of its argument, of relative size e, by a part e. With finitely many kinds
it answers by no part at all, or one kind crosses zero and answers by far too much. So a run in which any such sign
differs from one width to another is flagged; and where the answer leads, a run that is not is below the theory.

At such widths a step may be smaller beside a value than what a float rounds. So the change that it makes of a map is no
difference of two floats: the mean value theorem has it as a product, f(v + d) - f(v) = f'(v + d/2) d (1 + O(d^2)).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import (
    Contraction,
    Expression,
    InverseRms,
    Map,
    MapChange,
    Pointwise,
    PowerOf,
    Renamed,
    Softmax,
    Trained,
)
from gamma_calc.program.optimizers import Moments, Raw
from gamma_calc.program.reading import Beside
from gamma_calc.program.terms import FormalSum, Label, is_initial
from gamma_calc.simulation.power import BeyondFloats
from gamma_calc.simulation.program_sizes import (
    ProgramExperiment,
    ProgramMeasurement,
    drawn_entries,
    generator,
    joined,
    measured,
)
from gamma_calc.simulation.torch_reading import TorchReading, dimension, flattened, total

DRAWS = 8
"""K: enough for data of several samples in general position."""
MOST_SIGNS = 8
"""Tensors along an axis that start at random; 2^8 K kinds are as many as a narrow run has coordinates."""
SMALLEST_WIDTH = 2**24
"""From here on a kind occurs often enough for its count to be normal, whatever the kinds."""
SMALL_CHANGE = 2.0**-16
"""Of the argument of a map, relative to the scale on which the map bends. Below it the product misses the change by
about a part 2^-32 at most; above it rounding takes about a part 2^-36 from the difference."""


def population_refusal(experiment: ProgramExperiment) -> str:
    """Why an experiment has no population here, or nothing where it has one."""
    program = experiment.program
    if not isinstance(program.optimizer.step, Raw | Moments) or program.takes_norms:
        return f"a step of {program.optimizer.name} is not taken entry by entry"
    if any(not node.axis.is_fixed for node in experiment.axis_sizes.splits):
        return "an axis that grows is split"
    if any(isinstance(node, Softmax) and not node.axis.is_fixed for node in experiment.written):
        return "a softmax sums over an axis that grows"
    groups = _groups(experiment)
    signs = {group: 0 for group in set(groups.values())}
    for leaf in experiment.tensors:
        growing = [axis for axis in leaf.axes if not axis.is_fixed]
        if len(growing) > 1:
            return f"{leaf.name} grows along two axes"
        if growing and isinstance(leaf, Trained):
            signs[groups[growing[0]]] += 1
    if max(signs.values(), default=0) > MOST_SIGNS:
        return f"{max(signs.values())} tensors start at random along one axis, and at most {MOST_SIGNS} are followed"
    if experiment.widths[0] < SMALLEST_WIDTH:
        return f"a population stands for widths of at least {SMALLEST_WIDTH}"
    try:
        for width in experiment.widths:
            experiment.check_sizes(width)
    except BeyondFloats as problem:
        return str(problem)
    return ""


@dataclass(frozen=True, slots=True)
class PopulationMeasurement(ProgramMeasurement):
    """What a population measured; `crossed` are the runs in which a sign differs between widths by a step.

    Shapes: crossed [1 + steps, runs]. `has_steps`: whether there are step functions, so that signs could differ.
    """

    crossed: NDArray[np.bool_]
    has_steps: bool

    def smooth(self, t: int) -> PopulationMeasurement:
        """Without the runs in which a sign differs between widths by step t."""
        return replace(self, diverged=self.diverged | self.crossed[t])


def population_sizes(experiment: ProgramExperiment) -> PopulationMeasurement:
    """What `program_sizes` measures, at widths that no memory holds."""
    axes = _groups(experiment)
    kinds = {group: _kinds(experiment, axes, group) for group in dict.fromkeys(axes.values())}
    normal, etas = _drawn(experiment, axes, kinds)
    rows, signs = [], []
    for width in experiment.widths:
        counts = {axis: _counts(experiment, axis, width, etas[group]) for axis, group in axes.items()}
        reading = experiment.reading(width, normal, Population)
        reading.counts = counts
        reading.sizes = {**reading.sizes, **{axis.name: each.shape[1] for axis, each in counts.items()}}
        rows.append([measured(experiment.program, experiment.steps, reading, reading.mean_square)])
        signs.append(reading.signs)
    found, crossed = joined(experiment, rows), torch.zeros((experiment.steps + 1, experiment.runs), dtype=torch.bool)
    for first, *others in zip(*signs, strict=True):
        for other in others:
            crossed[first[0] :] |= (first[1] != other[1]).any(dim=1)
    return PopulationMeasurement(
        experiment, found.mean_square, found.diverged, found.underflowed, crossed.numpy(), any(signs)
    )


class Population(TorchReading):
    """The reading of a program on kinds of coordinates.

    `counts` [runs, kinds] says how often each kind of a growing axis occurs; `signs` collects those of the arguments
    of step functions, with the step that has been taken when they are asked for.
    """

    counts: Mapping[Axis, Tensor]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.signs: list[tuple[int, Tensor]] = []
        self.t = 0

    def contracted(self, node: Contraction, label: Label, left: Tensor, right: Tensor) -> Tensor:
        """The sum over the axes of the node, each kind as often as it occurs."""
        return super().contracted(node, label, self._counted(left, node.left.axes, node.over), right)

    def mean(self, value: Tensor, node: Expression, axis: Axis) -> Tensor:
        """The mean along an axis, each kind as often as it occurs."""
        if axis not in self.counts:
            return super().mean(value, node, axis)
        summed = self._counted(value, node.axes, (axis,)).sum(dim=node.axes.index(axis) - len(node.axes))
        return summed / self.counts[axis].sum(dim=1).view(-1, *(1,) * (summed.ndim - 1))

    def mapped(self, node: Map, argument: FormalSum[Tensor]) -> FormalSum[Tensor]:
        """As without counts; the sign of a step function's argument is noted, and no change is lost in rounding."""
        if isinstance(node, Pointwise) and node.is_step and not argument.is_zero:
            self.signs.append((self.t, _sign(argument)))
        found = super().mapped(node, argument)
        if len(found.terms) < 2:
            return found
        start, (label, difference) = found
        before, change = (
            total(term for label, term in argument if is_initial(label) is of_initial) for of_initial in (True, False)
        )
        return FormalSum((start, (label, self._changed(node, before, change, difference))))

    def map_change(self, node: MapChange, argument: FormalSum[Tensor], change: FormalSum[Tensor]) -> Tensor:
        """f(v + change) - f(v), not lost in rounding where the change is small."""
        before, moved = self._whole(node.argument, argument), total(term for _, term in change)
        return self._changed(node.map, before, moved, super().map_change(node, argument, change))

    def _changed(self, node: Map, before: Tensor, change: Tensor, difference: Tensor) -> Tensor:
        """f(v + d) - f(v): the difference of the two where d is large beside v, else a product with d."""
        middle = before + change / 2
        match node:
            case InverseRms(operand, axis):  # 1/s - 1/r is (r^2 - s^2) / (r s (r + s)), and r^2 - s^2 a mean
                r, s = (1 / self._function(node, value) for value in (before, before + change))
                return self.mean(-2 * middle * change, operand, axis) / (r * s * (r + s))
            case Softmax(operand, axis):
                place, p = dimension(operand, axis), self._function(node, middle)
                is_small = change.abs().amax(dim=place, keepdim=True) < SMALL_CHANGE
                return torch.where(is_small, p * (change - (p * change).sum(dim=place, keepdim=True)), difference)
            case Pointwise(is_bounded=False) | PowerOf():
                is_small = change.abs() < SMALL_CHANGE * before.abs()
                return torch.where(is_small, self._function(node.derivative, middle) * change, difference)
        return difference

    def change(
        self,
        tensor: Trained,
        direction: FormalSum[Tensor],
        factor: Tensor | None,
        t: int,
        beside: Beside[Tensor] = (),
    ) -> Tensor | None:
        """As without counts; a normalised step is a step function at first, and has one in its memory ever after."""
        self.t = t
        if isinstance(self.optimizer.step, Moments) and not direction.is_zero:
            self.signs.append((t, _sign(direction)))
        return super().change(tensor, direction, factor, t, beside)

    def mean_square(self, term: Tensor, axes: tuple[Axis, ...]) -> Tensor:
        """The mean square over the entries, each kind as often as it occurs."""
        square = flattened(self._counted(term.square(), axes, axes)).sum(dim=1)
        for axis, coordinates in zip(axes, term.shape[1:], strict=True):
            square = square / (self.counts[axis].sum(dim=1) if axis in self.counts else coordinates)
        return square

    def _counted(self, value: Tensor, axes: tuple[Axis, ...], over: tuple[Axis, ...]) -> Tensor:
        for axis in over:
            if axis in self.counts:
                counts, place = self.counts[axis], axes.index(axis)
                value = value * counts.view(len(counts), *(1,) * place, -1, *(1,) * (len(axes) - place - 1))
        return value


def _sign(value: FormalSum[Tensor]) -> Tensor:
    return flattened(torch.sign(total(term for _, term in value)))


def _groups(experiment: ProgramExperiment) -> Mapping[Axis, Axis]:
    """For each growing axis the first one that is another name of it: outputs of a layer are inputs of the next."""
    groups: dict[Axis, Axis] = {}
    for node in (*experiment.written, *experiment.program.parameters):
        for axis in node.axes:
            if not axis.is_fixed:
                groups.setdefault(axis, axis)
    for node in experiment.written:
        if isinstance(node, Renamed) and node.old in groups:
            one, other = groups[node.old], groups[node.new]
            groups = {axis: one if group == other else group for axis, group in groups.items()}
    return groups


def _kinds(experiment: ProgramExperiment, axes: Mapping[Axis, Axis], group: Axis) -> Mapping[str, Tensor]:
    """The sign of each tensor in each of the combinations, by name, [2^F]."""
    names = [leaf.name for leaf in experiment.drawn if any(axes.get(axis) == group for axis in leaf.axes)]
    signs = torch.tensor(list(itertools.product((1.0, -1.0), repeat=len(names))), dtype=torch.float64)
    return {"": torch.ones(len(signs), dtype=torch.float64)} | {name: signs[:, i] for i, name in enumerate(names)}


def _drawn(
    experiment: ProgramExperiment, axes: Mapping[Axis, Axis], kinds: Mapping[Axis, Mapping[str, Tensor]]
) -> tuple[Mapping[str, Tensor], Mapping[Axis, Tensor]]:
    """The entries of every tensor on its kinds, and for each group of axes how the counts of its kinds fall."""

    def shape(axis: Axis) -> int:
        return experiment.coordinates(axis, 1) if axis.is_fixed else DRAWS

    def spread(name: str, tensor: Tensor, along: tuple[Axis, ...]) -> Tensor:
        for place, axis in enumerate(along):
            if not axis.is_fixed:
                signs = kinds[axes[axis]]
                tensor = torch.cat([sign * tensor for sign in signs.get(name, signs[""])], dim=place)
        return tensor

    draws, falls = [], []
    for run in range(experiment.runs):
        found = dict(drawn_entries(experiment, run, shape))
        draws.append({leaf.name: spread(leaf.name, found[leaf.name], leaf.axes) for leaf in experiment.tensors})
        etas = {}
        for group, signs in kinds.items():
            eta = generator(experiment, f"counts of {group}", run).standard_normal(DRAWS * len(signs[""]))
            etas[group] = torch.from_numpy(eta - eta.mean())
        falls.append(etas)
    normal = {name: torch.stack([draw[name] for draw in draws]) for name in draws[0]}
    return normal, {group: torch.stack([fall[group] for fall in falls]) for group in kinds}


def _counts(experiment: ProgramExperiment, axis: Axis, width: int, eta: Tensor) -> Tensor:
    """How often each kind of an axis occurs, [runs, kinds]."""
    share = experiment.coordinates(axis, width) / eta.shape[1]
    return share + math.sqrt(share) * eta

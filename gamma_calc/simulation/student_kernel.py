"""The student trained by the compiled loops of `student_loops`, on one thread of a CPU.

Each step reads the two large arrays for all learning rates together, a block of units at a time: the frozen part F
once, in the forward loop, and the features H twice, for the gradient of A and for z = A H with the new A. Of the points
and units of a step only their activity is kept, one bit each.

Memory: 2 n N numbers for F and H in the layout of the loops, shared by all rates; a rate adds n N bits and a few n r
and N r numbers. The mean square of Z_B = B z needs no pass either: with Grams of size r, |B z|^2 = <B^T B, z z^T>.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gamma_calc.simulation.student_code import Function
from gamma_calc.simulation.student_data import FrozenStudent, Student, StudentConfiguration, blocks
from gamma_calc.simulation.student_loops import BLOCK, GREATEST_RANK, StudentLoops, student_loops
from gamma_calc.simulation.student_plain import FactorCopies


def is_compilable(configuration: StudentConfiguration) -> bool:
    """Whether the loops apply: on a CPU, up to a rank."""
    return configuration.device == "cpu" and configuration.rank <= GREATEST_RANK


def bytes_per_rate(configuration: StudentConfiguration) -> int:
    """The activity of a rate, its parameters, gradients, momentum and moments, and what its records have in float64."""
    points, n, r = configuration.points, configuration.width, configuration.rank
    records = (n + points) * r * torch.float64.itemsize
    return points * n // 8 + (2 * 8 * n * r + 5 * points * r) * configuration.item + records


class TiledPoints:
    """The frozen part on one set of points in the layout of the loops, padded to whole tiles and blocks.

    A padded unit has F = -1 and zero features, readout and B, a padded point F = -1 and zero features: neither is ever
    active, unless a value it meets is already nan.

    Shapes: frozen, features [K, T, U, tile], readout [n], targets [P].
    """

    def __init__(self, data: FrozenStudent, loops: StudentLoops) -> None:
        self.loops = loops
        self.points, width = data.features.shape
        self.blocks = -(-width // BLOCK)
        self.units = self.blocks * BLOCK
        self.tiles = -(-self.points // loops.tile)
        self.padded_points = self.tiles * loops.tile
        self.readout, self.targets = data.readout.new_zeros(self.units), data.targets.new_zeros(self.padded_points)
        self.readout[:width], self.targets[: self.points] = data.readout, data.targets
        self.features, self.frozen = (
            self._tiled(part, pad) for part, pad in ((data.features, 0.0), (data.frozen, -1.0))
        )

    def _tiled(self, values: Tensor, padding: float) -> Tensor:
        tiled = values.new_empty(self.blocks, self.tiles, BLOCK, self.loops.tile)
        for block, units in zip(tiled, blocks(values.shape[1], BLOCK), strict=True):
            padded = values.new_full((self.padded_points, BLOCK), padding)
            padded[: self.points, : units.stop - units.start] = values[:, units]
            block.copy_(padded.view(self.tiles, -1, BLOCK).mT)
        return tiled


class TiledStudent:
    """A student in the layout of the loops; what copies of it with different learning rates share."""

    def __init__(self, student: Student) -> None:
        self.rank, self.width = student.initial_A.shape
        self.loops = student_loops(self.rank, student.initial_A.element_size())
        self.training = TiledPoints(student.training, self.loops)
        self.held_out = TiledPoints(student.held_out, self.loops)
        self.initial_A, self.initial_B = (
            values.new_zeros(self.training.units, self.rank) for values in (student.initial_A, student.initial_B)
        )
        self.initial_A[: self.width], self.initial_B[: self.width] = student.initial_A.mT, student.initial_B


class _Pass:
    """The values of L copies on one set of points. Shapes: z, Q [L, r, P], outputs [L, P]."""

    def __init__(self, data: TiledPoints, rates: int, rank: int) -> None:
        self.data = data
        self.z, self.q = (data.frozen.new_zeros(rates, rank, data.padded_points) for _ in range(2))
        self.outputs = data.frozen.new_zeros(rates, data.padded_points)
        masks = rates * data.tiles * data.units * data.loops.vectors
        self.activity = torch.empty(masks * data.loops.mask_bytes, dtype=torch.uint8)

    def run(self, a: Tensor, b: Tensor, weighted_b: Tensor) -> None:
        """Find z, the residual as outputs, Q and the activity."""
        for total in (self.z, self.q, self.outputs):
            total.zero_()
        data = self.data
        self._add(data.loops.projection, (data.features, a, self.z))
        self._add(
            data.loops.forward,
            (data.frozen, data.readout, b, weighted_b, self.z, self.q, self.outputs, self.activity),
        )
        self.outputs.sub_(data.targets)

    def _add(self, loop: Function, arrays: tuple[Tensor, ...]) -> None:
        loop(len(self.z), self.data.blocks, self.data.tiles, *(array.data_ptr() for array in arrays))

    @property
    def loss(self) -> Tensor:
        """Half the mean squared residual, [L]."""
        return self.outputs[:, : self.data.points].double().square().mean(dim=-1) / 2


class CompiledTraining:
    """Copies of one student, one a learning rate, trained by the compiled loops.

    Shapes: A^T and B [L, n, r].
    """

    def __init__(self, student: TiledStudent, configuration: StudentConfiguration) -> None:
        self.student, loops = student, student.loops
        count, rank, data = len(configuration.eta_A), student.rank, student.training
        self.a = FactorCopies(student.initial_A, configuration.eta_A, configuration)
        self.b = FactorCopies(student.initial_B, configuration.eta_B, configuration)
        # The loops read whole registers, beyond the last entry where a group of units does not fill one.
        self.weights = torch.cat([data.readout.repeat_interleave(rank), data.readout.new_zeros(loops.lanes)])
        self.gradient, self.weighted_b = (torch.empty_like(self.b.values) for _ in range(2))
        self.values, self.held_out = (_Pass(points, count, rank) for points in (data, student.held_out))
        self._run()

    def _run(self) -> None:
        torch.mul(self.b.values, self.student.training.readout.unsqueeze(-1), out=self.weighted_b)
        self.values.run(self.a.values, self.b.values, self.weighted_b)

    def record(self) -> Tensor:
        """Each copy as it stands; see `PlainTraining.record`."""
        data, rank, n = self.student.training, self.student.rank, self.student.width
        self.held_out.run(self.a.values, self.b.values, self.weighted_b)
        z, b = self.values.z[..., : data.points].double(), self.b.values.double()
        gram = z @ z.mT
        z_a = gram.diagonal(dim1=-2, dim2=-1).sum(dim=-1) / (data.points * rank)
        z_b = ((b.mT @ b) * gram).sum(dim=(-2, -1)).clamp(min=0) / (data.points * n)
        return torch.stack([z_a.sqrt(), z_b.sqrt(), self.values.loss, self.held_out.loss])

    def move(self, t: int) -> None:
        """Take step t = 1, 2, ..."""
        values, data, loops = self.values, self.student.training, self.student.loops
        residual = values.outputs.div_(data.points).unsqueeze(1)
        dz, ez = values.q.mul_(residual), values.z.mul_(residual)
        for function, arrays, factor in (
            (loops.gradient_A, (dz, data.features), self.a),
            (loops.gradient_B, (ez, values.activity, self.weights), self.b),
        ):
            addresses = [array.data_ptr() for array in (*arrays, self.gradient)]
            function(len(ez), data.blocks, data.tiles, *addresses)
            factor.move(self.gradient, t)
        self._run()

"""Teachers and students drawn from their exact laws.

The frozen n x n weight W_h, iid N(0, 1/n), enters the student only through W_h H. Given the features H its rows are
iid N(0, H^T H / n), so they are drawn from that law, a block of units at a time: no n x n matrix is drawn, stored or
multiplied, and beside the frozen part itself, 2 n N numbers, memory does not grow with the width. H^T H has rank at
most n, so the root of the covariance is taken through its eigenvectors.

Streams are those of `sampling.Streams`. Where runs are paired over widths, a run's units are drawn one after the other
from the same streams at every width, so that a narrow student's input weights, readout and adapters, up to their
scale, are the first rows of a wide one's. The law at each single width does not know of that.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from gamma_calc.simulation.sampling import DATA_DIMENSION, Array, Role, Streams, symmetric_roots
from gamma_calc.simulation.student_data import FrozenStudent, Student, StudentConfiguration, blocks

TEACHER_RANK = 20
TEACHER_WIDTH = 1000

UNITS_AT_A_TIME = 1024
"""Units drawn at once, in float64."""


def drawn_teacher(configuration: StudentConfiguration) -> tuple[Array, Array]:
    """Points x [N, d] for training then test, and the teacher's outputs [N]; the teacher's W_h is zero.

    They depend on the seed alone.
    """
    rng = Streams(configuration.seed, 0, 0).paired(Role.DATA)
    n, r = TEACHER_WIDTH, TEACHER_RANK
    x = rng.standard_normal((configuration.points + configuration.test_points, DATA_DIMENSION))
    first = x @ (rng.standard_normal((DATA_DIMENSION, n)) / math.sqrt(DATA_DIMENSION))
    z_a = np.maximum(first, 0.0) @ (rng.standard_normal((n, r)) / math.sqrt(n))
    hidden = first + z_a @ (rng.standard_normal((r, n)) / math.sqrt(r))
    return x, np.maximum(hidden, 0.0) @ (rng.standard_normal(n) / math.sqrt(n))


def random_image(root: Array, units: int, rng: np.random.Generator) -> Array:
    """Rows of W H for a W of `units` rows with iid N(0, 1/n) entries, from their exact law given H.

    Shapes: root, the symmetric root of H^T H / n [N, N]; returns [units, N].
    """
    return np.asarray(rng.standard_normal((units, len(root))) @ root)


def drawn_student(
    configuration: StudentConfiguration,
    run: int,
    teacher: tuple[Array, Array],
    dtype: torch.dtype,
    device: torch.device,
) -> Student:
    """The student of one run, on the points of a teacher."""
    points, outputs = teacher
    n, r, streams = (
        configuration.width,
        configuration.rank,
        Streams(configuration.seed, run, configuration.width, configuration.is_paired),
    )
    into = streams.paired(Role.INPUTS).standard_normal((n, DATA_DIMENSION)) / math.sqrt(DATA_DIMENSION)
    features, frozen = (torch.empty(len(points), n, dtype=dtype, device=device) for _ in range(2))
    gram = np.zeros((len(points), len(points)))
    for units in blocks(n, UNITS_AT_A_TIME):
        block = np.maximum(points @ into[units].T, 0.0)
        gram += block @ block.T / n
        features[:, units] = torch.from_numpy(block)
    root, _ = symmetric_roots(gram)
    rng = streams.paired(Role.FEATURES)
    for units in blocks(n, UNITS_AT_A_TIME):
        image = random_image(root, units.stop - units.start, rng)
        frozen[:, units] = torch.from_numpy(points @ into[units].T + image.T)

    def weights(role: Role, size: float | None, columns: int) -> torch.Tensor:
        if size is None:
            return torch.zeros(n, columns, dtype=dtype, device=device)
        return torch.from_numpy(size * streams.paired(role).standard_normal((n, columns))).to(device, dtype)

    readout = weights(Role.GRADIENTS, 1 / math.sqrt(n), 1).squeeze(1)
    targets = torch.from_numpy(outputs).to(device, dtype)
    training, held_out = (
        FrozenStudent(features[part], frozen[part], readout, targets[part])
        for part in (slice(configuration.points), slice(configuration.points, None))
    )
    a, b = weights(Role.REST_A, configuration.initial_A, r), weights(Role.REST_B, configuration.initial_B, r)
    return Student(training, held_out, a.mT.contiguous(), b)

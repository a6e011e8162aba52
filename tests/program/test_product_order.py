"""Products of matrices with a vector: taken from the vector on, with the same value, and otherwise left as they are."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import pytest
import torch

from gamma_calc import crosscheck, derive
from gamma_calc.calculus.recursion import trajectory
from gamma_calc.experiment.setup import Settings
from gamma_calc.program.expressions import Expression, InverseRms, Ones, nodes
from gamma_calc.program.network import axis, contract, data, named, parameter, relu, renamed
from gamma_calc.program.optimizers import named_optimizer, times
from gamma_calc.program.problem import Problem, program_of
from gamma_calc.program.product_order import vectors_first
from gamma_calc.program.program import Program
from gamma_calc.simulation.torch_reading import TorchReading, trained_in_torch
from gamma_calc.simulation.verdicts import Verdict

N, M, TOP, RANK, BATCH = axis("n", 1), axis("m", 1), axis("top", 1), axis("rank"), axis("batch")
SIZES = {"n": 4, "m": 5, "top": 3, "rank": 2, "batch": 6, "most": 2, "n2": 4, "t": 2}
U, V, W, B, A = (
    data("U", axis("most", 1), TOP),
    data("V", TOP, M),
    data("W", M, N),
    data("B", M, RANK),
    data("A", RANK, N),
)
X, OF_RANK = data("x", N, BATCH), data("y", N, RANK)
OUTPUTS, INPUTS, MASK = data("g", M), data("h", N), data("mask", M, N)
THIRD = Fraction(1, 3)
S = times(THIRD, B @ A)

TAKEN: Mapping[str, tuple[Expression, Expression]] = {
    "of two matrices": ((V @ W) @ X, V @ (W @ X)),
    "from the left": (X @ (V @ W), V @ (W @ X)),
    "of three": (((U @ V) @ W) @ INPUTS, U @ (V @ (W @ INPUTS))),
    "named": (named("M", V @ W) @ X, V @ (W @ X)),
    "with a scalar": (S @ X, times(THIRD, B @ (A @ X))),
    "with an adapter": ((W + S) @ X, W @ X + times(THIRD, B @ (A @ X))),
    "data at outputs": ((OUTPUTS * W) @ X, OUTPUTS * (W @ X)),
    "data at inputs": ((W * INPUTS) @ X, W @ (INPUTS * X)),
    "a norm of the weight": ((W * InverseRms(W, N)) @ X, InverseRms(W, N) * (W @ X)),
    "times an outer product": ((W * (OUTPUTS * INPUTS)) @ X, OUTPUTS * (W @ (INPUTS * X))),
    "times an adapter": ((W * S) @ X, times(THIRD, contract(B, W @ (A * X), RANK))),
    "times a sum": ((W * (B @ A + MASK)) @ X, contract(B, W @ (A * X), RANK) + (MASK * W) @ X),
    "transposed": ((V @ W).T @ data("z", TOP), W @ (V @ data("z", TOP))),
}


def value_of(node: Expression) -> torch.Tensor:
    """The value of a node at random data, its axes by name."""
    generator = torch.Generator().manual_seed(0)
    leaves = sorted({(each.name, each.axes) for each in nodes(node) if not each.operands}, key=lambda each: each[0])
    drawn = {
        name: torch.randn(1, *(SIZES[str(axis)] for axis in axes), generator=generator, dtype=torch.float64)
        for name, axes in leaves
    }
    optimizer = named_optimizer("sgd")
    (step,) = trained_in_torch(Program((), {}, {"value": node}, optimizer), TorchReading(optimizer, drawn, {}, {}), 1)
    ((_, value), *others) = step.quantities["value"].terms
    for _, each in others:
        value = value + each
    order = sorted(range(len(node.axes)), key=lambda place: str(node.axes[place]))
    return value.permute(0, *(1 + place for place in order))


@pytest.mark.parametrize(("written", "taken"), TAKEN.values(), ids=TAKEN)
def test_a_matrix_is_multiplied_by_no_matrix_where_a_vector_is_there(written: Expression, taken: Expression) -> None:
    assert vectors_first(written) is taken


RENAMED: Mapping[str, Expression] = {
    "times an adapter by another name": (renamed(W, N, axis("n2", 1)) * renamed(B @ A, N, axis("n2", 1)))
    @ renamed(X, N, axis("n2", 1)),
    "times an adapter of a rank that the vector has": contract(W * (B @ A), OF_RANK, N),
    "a name that the vector has": contract(B @ A, OF_RANK, N),
    "the summed axis by another name": contract(
        renamed(V @ W, N, axis("n2", 1)), renamed(X, N, axis("n2", 1)), axis("n2", 1)
    ),
    "an output by a name of the product": contract(renamed(V @ W, TOP, M), X, N),
    "an adapter's own output by another name": contract(
        renamed(contract(data("C", axis("t"), M, RANK), A, RANK), axis("t"), axis("most")) * W, INPUTS, N
    ),
    "two adapters of a rank that the vector has": contract(W * (B @ A) * (data("B2", M, RANK) @ A), OF_RANK, N),
    "an output by a name of the vector": renamed(data("P", RANK, TOP, M) @ W, RANK, axis("t")) @ OF_RANK,
}


@pytest.mark.parametrize("written", [*RENAMED.values(), *(pair[0] for pair in TAKEN.values())])
def test_the_value_is_the_same(written: Expression) -> None:
    taken = vectors_first(written)
    assert taken is not written
    torch.testing.assert_close(value_of(taken), value_of(written))


LEFT: Mapping[str, Expression] = {
    "a vector's own products": A @ (OUTPUTS @ W * X),
    "a map": relu(V @ W) @ X,
    "an adapter whose own output the vector has": contract(
        renamed(contract(data("C", axis("t"), M, RANK), A, RANK), axis("t"), axis("most"))
        * data("D", axis("most"), M, N),
        data("y", N, axis("t")),
        N,
    ),
    "entries of two matrices": (MASK * W) @ X,
    "two matrices": V @ W,
    "data along a batch": W @ (X * data("c", BATCH)),
}


@pytest.mark.parametrize("written", LEFT.values(), ids=LEFT)
def test_other_products_are_left_as_they_are(written: Expression) -> None:
    assert vectors_first(written) is written


def test_a_named_product_is_looked_at_as_it_is_written() -> None:
    a, b = parameter("A", RANK, N, init="-1/2", rate="-1/2"), parameter("B", M, RANK, init="zero", rate="-1/2")
    w, top = parameter("W", M, N, init="-1/2"), parameter("V", TOP, M, init="-1/2")
    output = named("f", top @ (named("M", w + b @ a) @ data("x", N, BATCH)))
    program = program_of(Problem("merged", output).scheme)
    (step, *_) = trajectory(program, 1).steps
    assert [*step.sizes] == ["A", "B", "M", "f", "Delta_M", "Delta_f"]
    assert str(step.sizes["M"]) == "-1/2"


def test_what_multiplies_a_random_matrix_entry_by_entry_leaves_it_random() -> None:
    """HiRA: measured in plain torch at 256 to 2048, 8 seeds, by sign descent: Delta_f -0.01 to 0.01 at eta = 0."""
    b, w = parameter("B", M, RANK, init="zero", rate="eta"), parameter("W", M, N, init="-1/2")
    a, ones = parameter("A", RANK, N, init="0", rate="eta"), Ones.along(M) * Ones.along(N)
    hira = Problem("hira", named("f", (w * named("M", ones + b @ a)) @ data("x", N, BATCH)))
    assert [str(bound) for bound in derive(hira).max_stable["eta"].bounds] == ["0"]
    found = crosscheck(hira, settings=Settings(tuple(2**k for k in range(4, 11)), seeds=8, steps=2))
    assert found.verdict is Verdict.PASS

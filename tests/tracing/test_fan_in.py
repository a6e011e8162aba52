"""The fan-in of a matrix: what the operations on it sum over, wherever its dimensions are moved before."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from gamma_calc import exponents, traced
from tests.tracing.built import INPUTS, PLACES, Built, Forward, N, check_gradients, found


@pytest.mark.parametrize(
    ("forward", "shape"),
    [
        (lambda m, z: m.w @ z.t(), (7, N)),
        (lambda m, z: m.w.t() @ z.t(), (N, 7)),
        (lambda m, z: torch.einsum("xy,tx->ty", m.w, z), (N, 7)),
        (lambda m, z: torch.einsum("xy, tx", m.w, z), (N, 7)),
        (lambda m, z: torch.einsum("txy,tx->ty", m.w[PLACES], z), (4, N, 7)),
        (lambda m, z: torch.einsum("kyx,x->ky", m.w[PLACES], z[0]), (4, 7, N)),
        (lambda m, z: z @ m.w[2], (4, N, 7)),
        (lambda m, z: sum((z @ each for each in m.w.unbind(0)), z.sum()), (4, N, 7)),
        (lambda m, z: torch.bmm(z.unsqueeze(1), (2 * m.w)[PLACES]), (4, N, 7)),
        (lambda m, z: torch.bmm(m.w[PLACES], z.unsqueeze(-1)), (4, 7, N)),
        (lambda m, z: linear(z, m.w.view(4, 7, -1)[1]), (28, N)),
        (lambda m, z: linear(z, m.w + 3 * m.w.abs()), (7, N)),
    ],
)
def test_the_fan_in_is_what_is_summed_over(forward: Forward, shape: tuple[int, ...]) -> None:
    of_width = found(forward, w=shape)
    check_gradients(of_width)
    assert {each.source: str(each.initial) for each in of_width.parameters}["w"] == "-1/2"


ALONE: Mapping[str, tuple[Forward, dict[str, tuple[int, ...]]]] = {
    "over its norm": (lambda m, z: linear(z, m.w / m.w.square().sum().sqrt()), {"w": (N, N)}),
    "over its norm, written as a product": (lambda m, z: linear(z, m.w / (m.w * m.w).sum().sqrt()), {"w": (N, N)}),
    "over the norm of it and an adapter": (
        lambda m, z: linear(z, (w := m.w + m.b @ m.a) / w.norm(dim=1, keepdim=True)),
        {"w": (N, N), "a": (3, N), "b": (N, 3)},
    ),
    "standardised": (
        lambda m, z: linear(z, (m.w - m.w.mean(1, keepdim=True)) / m.w.var(1, keepdim=True).sqrt()),
        {"w": (N, N)},
    ),
    "beside a penalty": (lambda m, z: linear(z, m.w).sum() + m.w.square().sum(), {"w": (N, N)}),
    "beside a penalty of its rows' norms": (
        lambda m, z: linear(z, m.w).sum() + (m.g * m.w).square().sum(),
        {"w": (N, N), "g": (N, 1)},
    ),
    "beside its sum with weights": (
        lambda m, z: linear(z, m.w).sum() + (m.w * torch.ones_like(m.w).cumsum(0).sin()).sum(),
        {"w": (7, N)},
    ),
    "beside a sum of its rows": (lambda m, z: linear(z, m.w) + m.w.sum(1), {"w": (N, N)}),
    "beside its Gram matrix": (lambda m, z: linear(z, m.w).sum() + (m.w.T @ m.w).square().sum(), {"w": (N, N)}),
    "written as a sum": (lambda m, z: (z[:, None] * m.w).sum(-1) + m.w.square().sum(), {"w": (N, N)}),
    "plus an identity": (lambda m, z: z @ (torch.eye(z.shape[1]) + m.w).T, {"w": (N, N)}),
    "plus data": (
        lambda m, z: linear(z, m.w + (torch.arange(z.shape[1])[:, None] * torch.arange(z.shape[1])).sin()),
        {"w": (N, N)},
    ),
    "of convolutions": (
        lambda m, z: torch.conv1d(z.T[None], m.w / m.w.norm(dim=(1, 2), keepdim=True)),
        {"w": (N, N, 2)},
    ),
    "of experts": (
        lambda m, z: torch.bmm(m.w[PLACES], z.unsqueeze(-1)).sum() + m.w.square().sum(),
        {"w": (4, N, N)},
    ),
}


@pytest.mark.parametrize(("forward", "shapes"), ALONE.values(), ids=ALONE)
def test_a_sum_of_a_matrix_alone_is_no_fan_in(forward: Forward, shapes: dict[str, tuple[int, ...]]) -> None:
    of_width = found(forward, **shapes)
    assert not of_width.unknown
    assert {each.source: str(each.initial) for each in of_width.parameters}["w"] == "-1/2"


@pytest.mark.parametrize(
    "forward",
    [
        lambda m, z: z * m.w[PLACES] + m.w.square().sum(),
        lambda m, z: z * (m.w / m.w.norm(dim=1, keepdim=True))[PLACES],
    ],
)
def test_a_norm_of_a_table_is_no_fan_in(forward: Forward) -> None:
    of_table = found(forward, w=(4, N))
    assert {each.source: str(each.initial) for each in of_table.parameters}["w"] == "0"


def test_what_is_summed_alone_in_every_use_is_of_the_size_that_says() -> None:
    of_width = found(lambda m, z: z.sum() + m.w.sum(1).relu().sum(), w=(7, N))
    assert {each.source: str(each.initial) for each in of_width.parameters}["w"] == "-1/2"


SMALL: Mapping[str, tuple[Forward, dict[str, tuple[int, ...]]]] = {
    "another": (lambda m, z: linear(z, m.m @ m.w), {"m": (4, 7), "w": (7, N)}),
    "another, behind it": (lambda m, z: z @ (m.w @ m.m), {"m": (7, 4), "w": (N, 7)}),
    "another and an adapter": (lambda m, z: linear(z, m.b @ (m.m @ m.w)), {"b": (N, 7), "m": (7, 7), "w": (7, N)}),
    "another, under a ReLU": (lambda m, z: linear(z, (m.m @ m.w).relu()), {"m": (4, 7), "w": (7, N)}),
    "one of rows that sum to one": (lambda m, z: linear(z, m.m.softmax(-1) @ m.w), {"m": (4, 7), "w": (7, N)}),
    "none, in a mean of several": (lambda m, z: linear(z, m.w.mean(0)), {"w": (4, 7, N)}),
    "a diagonal one": (lambda m, z: linear(z, torch.diag(m.d) @ m.w), {"d": (7,), "w": (7, N)}),
    "a vector of weights of several": (
        lambda m, z: linear(z, torch.einsum("k,kij->ij", m.d, m.w)),
        {"d": (4,), "w": (4, 7, N)},
    ),
    "another, over its norm": (
        lambda m, z: linear(z, (w := m.m @ m.w) / w.norm(dim=1, keepdim=True)),
        {"m": (4, 7), "w": (7, N)},
    ),
    "a tall one, of which a Kronecker product is made": (
        lambda m, z: linear(torch.cat([z, z], 1), torch.kron(m.m, m.b @ m.w)),
        {"m": (2, 2), "b": (N, 7), "w": (7, N)},
    ),
}


@pytest.mark.parametrize(("forward", "shapes"), SMALL.values(), ids=SMALL)
def test_a_product_with_a_small_matrix_leaves_a_fan_in(forward: Forward, shapes: dict[str, tuple[int, ...]]) -> None:
    of_width = found(forward, **shapes)
    check_gradients(of_width)
    assert {each.source: str(each.initial) for each in of_width.parameters}["w"] == "-1/2"


def test_matrices_side_by_side_meet_features_side_by_side() -> None:
    beside = found(lambda m, z: linear(torch.cat([z, 2 * z], 1), torch.cat([m.v, m.w], 1)), v=(7, N), w=(7, N))
    check_gradients(beside)
    assert {str(each.initial) for each in beside.parameters if each.source in ("v", "w")} == {"-1/2"}


class Gated(nn.Module):
    """Features of one input, gated by what a matrix makes of another one."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.gate, self.last = (nn.Linear(*sizes) for sizes in ((3, width), (3, width), (width, 2)))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.last(self.first(x) * self.gate(y))  # type: ignore[no-any-return]


@pytest.mark.parametrize("y", [torch.arange(3.0).cos(), torch.ones(3)], ids=["numbers", "ones"])
def test_what_a_matrix_makes_of_three_numbers_is_no_matrix(y: Tensor) -> None:
    """What follows sums over the gated features, the gate over three: a sum against ones is one against an input."""
    gated = traced(lambda width: (Gated(width), INPUTS | {"y": y}))
    assert {each.source: str(each.initial) for each in gated.parameters}["gate.weight"] == "0"


@pytest.mark.parametrize("numbers", [torch.arange(3.0).cos(), torch.ones(3)], ids=["numbers", "ones"])
def test_what_a_matrix_makes_of_a_constant_is_no_matrix(numbers: Tensor) -> None:
    gated = found(lambda m, z: (z * linear(numbers, m.w)) @ m.last, w=(N, 3), last=(N, 2))
    assert {each.source: str(each.initial) for each in gated.parameters}["w"] == "0"


SHAPES = {"v": (N, N), "w": (N, N), "a": (3, N), "b": (N, 3), "c": (3, 3)}
ALIKE: Mapping[str, tuple[Forward, Forward]] = {
    "a product of two": (
        lambda m, z: linear(adapted(m, z), m.v @ m.w),
        lambda m, z: linear(linear(adapted(m, z), m.w), m.v),
    ),
    "an adapter with a matrix between": (
        lambda m, z: linear(z, m.v + m.b @ (m.c @ m.a)),
        lambda m, z: linear(z, m.v) + linear(linear(linear(z, m.a), m.c), m.b),
    ),
    "merged once": (lambda m, z: linear(z, m.v + m.b @ m.a), lambda m, z: adapted(m, z)),
    "merged twice": (
        lambda m, z: linear(linear(z, m.v + m.b @ m.a), m.v + m.b @ m.a),
        lambda m, z: adapted(m, adapted(m, z)),
    ),
}


def weight_normed(m: Built, z: Tensor) -> Tensor:
    return linear(adapted(m, z), torch._weight_norm(m.w, m.g, 0))


def test_a_weight_norm_is_read_as_its_matrix_and_magnitudes() -> None:
    shapes = {**SHAPES, "g": (N, 1)}
    check_gradients(found(weight_normed, **shapes))
    apart, whole = (
        traced(lambda width, f=forward: (Built(width, f, **shapes), INPUTS), rates="-1", inits={"b": "zero"})
        for forward in (lambda m, z: m.g.T * linear(adapted(m, z), m.w / m.w.norm(dim=1, keepdim=True)), weight_normed)
    )
    assert apart.problem is not None and whole.problem is not None
    told = [
        [step.sizes[each.output.name] for step in exponents(each, steps=3).steps]
        for each in (apart.problem, whole.problem)
    ]
    assert told[0] == told[1]


def adapted(m: Built, z: Tensor) -> Tensor:
    return linear(z, m.v) + linear(linear(z, m.a), m.b)


@pytest.mark.parametrize(("product", "chain"), ALIKE.values(), ids=ALIKE)
def test_a_product_of_matrices_is_read_as_the_chain_of_them(product: Forward, chain: Forward) -> None:
    told = []
    for forward in (product, chain):
        of_width = traced(lambda width, f=forward: (Built(width, f, **SHAPES), INPUTS), rates="-1", inits={"b": "zero"})
        assert of_width.problem is not None
        steps = exponents(of_width.problem, steps=3).steps
        output = of_width.problem.output.name
        told.append(
            (
                {each.source: str(each.initial) for each in of_width.parameters},
                [(str(step.sizes[output]), str(step.sizes[f"Delta_{output}"])) for step in steps],
            )
        )
    assert told[0] == told[1]


def test_what_is_added_to_a_matrix_is_no_feature() -> None:
    of_sum = found(lambda m, z: z @ (m.w + 1 + m.first @ m.gate), w=(N, 7), gate=(3, 7))
    check_gradients(of_sum)
    assert {each.source: str(each.initial) for each in of_sum.parameters}["w"] == "-1/2"


def test_rows_that_are_looked_up_have_a_fan_in_of_one() -> None:
    of_table = found(lambda m, z: z * m.w[PLACES], w=(4, N))
    assert {each.source: str(each.initial) for each in of_table.parameters}["w"] == "0"


@pytest.mark.parametrize("shape", [(5, N), (1, 5, N)])
def test_a_table_that_is_added_to_features_is_no_weight(shape: tuple[int, ...]) -> None:
    """A table of positions, as that of a vision transformer: what follows sums over the features, not over it."""
    of_positions = found(lambda m, z: (z + m.w).reshape(5, -1) @ m.last, w=shape, last=(N, 2))
    initial = {each.source: str(each.initial) for each in of_positions.parameters}
    assert (initial["w"], initial["last"]) == ("0", "-1/2")

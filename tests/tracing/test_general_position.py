"""Data in general position: an identity is read as one, and what is not dense and n^0 at two widths is refused."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from gamma_calc import exponents, traced
from gamma_calc.errors import BadInput
from gamma_calc.tracing.general_position import what_is_not_general
from gamma_calc.tracing.twins import WIDTHS
from tests.tracing.built import INPUTS, Built, Forward, N, check_gradients, found
from tests.tracing.gradients import both


def identity(z: Tensor) -> Tensor:
    return torch.eye(z.shape[1], dtype=z.dtype)


PRODUCTS: dict[str, tuple[Forward, Forward]] = {
    "on the right": (lambda m, z: z @ identity(z), lambda m, z: z),
    "on the left": (lambda m, z: (identity(z) @ z.T).T, lambda m, z: z),
    "times a vector": (lambda m, z: (identity(z) @ z[0])[None], lambda m, z: z[:1]),
    "as a weight": (lambda m, z: linear(z, 2 * identity(z), m.b), lambda m, z: 2 * z + m.b),
    "of an einsum": (lambda m, z: torch.einsum("ij,bj->bi", identity(z), z), lambda m, z: z),
    "between two of an einsum": (
        lambda m, z: torch.einsum("bi,ij,bj->b", z, identity(z), z)[:, None] * m.b / z.shape[1],
        lambda m, z: z.square().mean(1, keepdim=True) * m.b,
    ),
    "less the mean": (
        lambda m, z: z @ (identity(z) - z.new_ones(z.shape[1], z.shape[1]) / z.shape[1]),
        lambda m, z: z - z.mean(1, keepdim=True),
    ),
    "plus a matrix": (lambda m, z: z @ (identity(z) + m.v).T, lambda m, z: z + linear(z, m.v)),
    "plus a matrix, as a weight": (
        lambda m, z: linear(z, m.v + 2 * identity(z), m.b),
        lambda m, z: 2 * z + linear(z, m.v, m.b),
    ),
    "less a matrix, on the left": (lambda m, z: ((identity(z) - m.v) @ z.T).T, lambda m, z: z - linear(z, m.v)),
    "taken from a matrix, times a vector": (
        lambda m, z: ((m.v - identity(z)) @ z[0])[None],
        lambda m, z: linear(z[:1], m.v) - z[:1],
    ),
    "plus ones and a matrix": (
        lambda m, z: z @ (identity(z) - z.new_ones(z.shape[1], z.shape[1]) / z.shape[1] + 2 * m.v),
        lambda m, z: z - z.mean(1, keepdim=True) + 2 * z @ m.v,
    ),
    "and ones, on the left": (
        lambda m, z: ((3 * identity(z) + 1 / z.shape[1]) @ z.T).T,
        lambda m, z: 3 * z + z.mean(1, keepdim=True),
    ),
}


@pytest.mark.parametrize(("product", "alone"), PRODUCTS.values(), ids=PRODUCTS)
def test_a_product_with_an_identity_is_the_value_itself(product: Forward, alone: Forward) -> None:
    told = []
    for forward in (product, alone):
        shapes = {"w": (N, N), "v": (N, N), "b": (N,), "last": (2, N)}
        of_width = found(lambda m, z, f=forward: linear(f(m, linear(z, m.w)), m.last), **shapes)
        assert not of_width.unknown
        for _, derived, expected in both(of_width):
            torch.testing.assert_close(derived, expected, rtol=1e-6, atol=1e-6)
        assert of_width.problem is not None
        steps = exponents(of_width.problem, steps=2, at={"eta": "-1/4"}).steps
        told.append([step.sizes[name] for step in steps for name in ("output", "Delta_output")])
    assert told[0] == told[1]


def test_of_a_matrix_plus_an_identity_only_products_are_known() -> None:
    (missing, *_) = found(lambda m, z: linear(z, (m.v + identity(z)).relu()), v=(N, N)).unknown
    assert missing.reason == "a matrix plus an identity, of which only products are known"


def test_an_identity_of_a_fixed_size_is_data() -> None:
    check_gradients(found(lambda m, z: (z @ z.T / z.shape[1] + torch.eye(5, dtype=z.dtype)).relu() @ z))


def test_a_matrix_that_starts_as_an_identity_is_refused() -> None:
    def of_width(width: int) -> tuple[nn.Module, dict[str, Tensor]]:
        built = Built(width, lambda m, z: linear(z, m.w), w=(N, N))
        nn.init.eye_(built.w)
        return built, INPUTS

    with pytest.raises(BadInput, match="Built: w starts as an identity, and would be read as random"):
        traced(of_width)
    assert {each.source: str(each.initial) for each in traced(of_width, inits={"w": "-1/2"}).parameters}["w"] == "-1/2"


def drawn(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(shape[-1]))


Data = Callable[[int], Tensor]
GENERAL: dict[str, Data] = {
    "sines whose frequencies go by the width": (
        lambda n: torch.outer(torch.arange(3.0), 9.0 ** torch.linspace(0, 1, n)).sin() * n**-0.1
    ),
    "normal": lambda n: drawn(n, n),
    "uniform": lambda n: torch.rand(n, n, generator=torch.Generator().manual_seed(n)),
    "of one size everywhere": lambda n: 0.02 * drawn(5, n),
    "a normal vector": drawn,
    "signs": lambda n: drawn(n).sign(),
    "half of them": lambda n: drawn(n, n) > 0,
    "the lower triangle": lambda n: torch.ones(n, n).tril(),
    "all but the diagonal": lambda n: 1 - torch.eye(n),
    "a line": lambda n: torch.linspace(0, 1, n),
    "slopes of ALiBi": lambda n: 2.0 ** (-8 / n * torch.arange(1.0, n + 1)),
    "positions": lambda n: (torch.arange(5)[:, None] * 100.0 ** (-torch.arange(n) / n)).sin(),
    "one vector many times": lambda n: drawn(n).expand(n, n),
    "a mask": lambda n: torch.zeros(5, n).masked_fill(drawn(5, n) > 0, -math.inf),
    "of a fixed size": lambda n: torch.eye(5),
    "of few heads": lambda n: torch.tensor([0.1, 0.04]) if n == WIDTHS[0] else torch.tensor([0.5, 0.3, 0.1, 0.04]),
}
NOT_GENERAL: dict[str, tuple[Data, str]] = {
    "an identity": (torch.eye, "entries of 0.169 at one width and 0.135 at another"),
    "rows of one": (lambda n: torch.eye(n)[:5], "whose norm is 2.24 at every width"),
    "a large identity": (lambda n: n**0.5 * torch.eye(n), "few large entries"),
    "a large identity and noise": (lambda n: n**0.5 * torch.eye(n) + drawn(n, n), "few large entries"),
    "a permutation": (lambda n: torch.eye(n).flip(0), "entries of 0.169"),
    "a band": (lambda n: torch.ones(n, n).tril(1).triu(-1), "entries of"),
    "orthogonal": (lambda n: torch.linalg.qr(drawn(n, n))[0], "entries of 0.169"),
    "normal, by fan-in": (lambda n: drawn(n, n) / n**0.5, "which are no n^0"),
    "means of rows before": (lambda n: torch.ones(n, n).tril().cumsum(0).reciprocal().tril(), "entries of"),
    "a unit vector": (lambda n: drawn(n) / drawn(n).norm(), "whose norm is 1 at every width"),
    "of about unit length": (lambda n: drawn(n) / n**0.5, "at every width"),
    "of one place": (lambda n: n**0.5 * torch.eye(n)[0], "1 entries that are not zero"),
    "numbers in order": (lambda n: torch.arange(float(n)), "entries of"),
    "zero at one width": (lambda n: torch.zeros(n) if n == WIDTHS[0] else drawn(n), "entries of 0 at one width"),
}


def said_of(data: Data) -> str:
    values = [data(width) for width in WIDTHS]
    growing = [
        place for place, sizes in enumerate(zip(*(each.shape for each in values), strict=True)) if len({*sizes}) > 1
    ]
    return what_is_not_general(values, growing)


@pytest.mark.parametrize("data", GENERAL.values(), ids=GENERAL)
def test_data_in_general_position(data: Data) -> None:
    assert said_of(data) == ""


@pytest.mark.parametrize(("data", "said"), NOT_GENERAL.values(), ids=NOT_GENERAL)
def test_data_that_are_in_no_general_position(data: Data, said: str) -> None:
    assert said in said_of(data)


class Buffered(Built):
    """The features, and a buffer beside them."""

    def __init__(self, width: int, data: Data, forward: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__(width, lambda m, z: linear(forward(z, self.get_buffer("data")), m.last), last=(2, N))
        self.register_buffer("data", data(width))


REFUSED: dict[str, tuple[Data, Callable[[Tensor, Tensor], Tensor]]] = {
    "a product": (lambda n: torch.eye(n).flip(0), lambda z, data: z @ data),
    "entry by entry": (lambda n: drawn(n) / drawn(n).norm(), lambda z, data: z * data),
    "a sum": (torch.arange, lambda z, data: z + data),
    "where it holds": (
        lambda n: torch.eye(n) > 0,
        lambda z, data: torch.where(data, z[0][:, None], z[0]),
    ),
}


@pytest.mark.parametrize(("data", "forward"), REFUSED.values(), ids=REFUSED)
def test_a_buffer_in_no_general_position_is_refused(data: Data, forward: Callable[[Tensor, Tensor], Tensor]) -> None:
    of_width = traced(lambda width: (Buffered(width, data, forward), INPUTS))
    (missing,) = of_width.unknown
    assert "data, which are read as dense and n^0" in missing.reason and "nn.Parameter" in missing.reason


def test_of_no_entries_nothing_is_said() -> None:
    assert not what_is_not_general([torch.empty(35, 0), torch.empty(55, 0)], [0])


def test_a_frozen_parameter_of_the_same_numbers_is_read() -> None:
    def of_width(width: int) -> tuple[nn.Module, dict[str, Tensor]]:
        built = Built(width, lambda m, z: linear(z, m.w), w=(N, N))
        built.w = nn.Parameter(drawn(width, width) / width**0.5, requires_grad=False)
        return built, INPUTS

    assert {each.source: str(each.initial) for each in traced(of_width).parameters}["w"] == "-1/2"


OF_INPUTS: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "as they are": (lambda x: x, "0"),
    "over the root of the width": (lambda x: x / x.shape[1] ** 0.5, "-1/2"),
    "times a vector of unit length": (lambda x: (x * (x.new_ones(x.shape[1]) / x.shape[1] ** 0.5)).relu(), "-1/2"),
    "brought to unit length": (lambda x: x / x.norm(dim=1, keepdim=True), "-1/2"),
    "as shares": (lambda x: x.softmax(1), "-1"),
    "less their mean": (lambda x: x - x.mean(1, keepdim=True), "0"),
    "by an operation without a rule": (lambda x: x.sin(), "0"),
}


@pytest.mark.parametrize(("made", "size"), OF_INPUTS.values(), ids=OF_INPUTS)
def test_what_is_made_of_an_input_that_grows_has_the_size_that_rules_give_it(
    made: Callable[[Tensor], Tensor], size: str
) -> None:
    class Readout(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.last = nn.Linear(width, 2, bias=False)

        def forward(self, x: Tensor) -> Tensor:
            read: Tensor = self.last(made(x))
            return read

    problem = traced(lambda width: (Readout(width), {"x": drawn(3, width)}), rates="eta").problem
    assert problem is not None
    assert str(exponents(problem, steps=1, at={"eta": -4})[1].sizes["output"]) == size

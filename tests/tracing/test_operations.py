"""Operations on features of the width: what each is read as has the gradients that autograd finds."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch.nn import functional

from gamma_calc import derive, exponents, traced
from gamma_calc.errors import BadInput
from gamma_calc.program.expressions import Given, nodes
from tests.tracing.built import INPUTS, Built, Forward, N, check_gradients, found

MAPS: dict[str, Forward] = {
    "square": lambda net, f: f.square(),
    "reciprocal": lambda net, f: (f.square() + 1).reciprocal(),
    "in place": lambda net, f: (f * 1).mul_(3).add_(f).relu_(),
    "abs": lambda net, f: f.abs(),
    "leaky relu": lambda net, f: functional.leaky_relu(f, 0.2),
    "elu": lambda net, f: functional.elu(f),
    "selu": lambda net, f: functional.selu(f),
    "celu": lambda net, f: functional.celu(f, 0.25),
    "softplus": lambda net, f: functional.softplus(f, beta=2) + functional.logsigmoid(f),
    "a decay": lambda net, f: (-functional.softplus(f)[:, None].repeat(1, 2, 1) * torch.tensor(0.7)).exp()[:, 1],
    "mish": lambda net, f: functional.mish(f),
    "erf": lambda net, f: f.erf(),
    "hardswish": lambda net, f: functional.hardswish(3 * f),
    "clamp": lambda net, f: f.clamp(-0.7, 0.7),
    "clamp above": lambda net, f: f.clamp(max=0.4),
    "clamp below": lambda net, f: f.clamp(min=-0.4),
    "clamp at zero": lambda net, f: f.clamp(min=0) - f.clamp_max(0) * 2 + f.clamp(0, 0.3) - f.clamp_min(0),
    "hardtanh": lambda net, f: functional.hardtanh(f),
    "relu6": lambda net, f: functional.relu6(9 * f),
    "rms norm": lambda net, f: functional.rms_norm(f, f.shape[-1:]),
    "rms norm by a square": lambda net, f: f * torch.rsqrt(f.square().mean(-1, keepdim=True)),
    "rms norm by a product": lambda net, f: f * torch.rsqrt((f * f).mean(-1, keepdim=True)),
    "layer norm by a deviation": lambda net, f: (f - f.mean(-1, keepdim=True)) / f.std(-1, False, keepdim=True),
    "layer norm by a variance": lambda net, f: f * torch.rsqrt(f.var(-1, correction=0, keepdim=True)),
    "by the variance of all": lambda net, f: f / (f.var(False) + 0.5),
    "less": lambda net, f: (1 - f) * torch.rsub(f, f.square(), alpha=3),
    "other names": lambda net, f: torch.multiply(f.clip(-1, 1), torch.special.expit(f)).swapaxes(0, 1).mT,
    "between two": lambda net, f: torch.lerp(f, f.relu(), 0.25).addcmul(f, f, value=2),
    "the least of a mean of squares": lambda net, f: f / f.square().mean(-1, keepdim=True).clamp(min=1e-5).sqrt(),
    "length": lambda net, f: functional.normalize(f, dim=-1),
    "norm": lambda net, f: f * f.norm(dim=-1, keepdim=True) + f.norm(dim=0) + f[None].norm(dim=(0, 1)) * f.norm(),
    "the larger and the smaller": lambda net, f: torch.maximum(f, f.square()) + 3 * torch.min(f, f.square()),
    "a number and a value": lambda net, f: torch.maximum(f.new_tensor(-0.25), f) * torch.min(f.new_zeros(()), f),
    "by the sign": lambda net, f: torch.where(f > 0, f.square(), 0.1 * f) + torch.where(f <= 0, f, 0.0),
    "where one is larger": lambda net, f: (f < f.square()) * f + (f.square() <= f).float() * f.square(),
    "without bounds": lambda net, f: torch.max(f, torch.tensor(torch.finfo(f.dtype).min)).clamp(-1e30, 1e30) * f,
    "xIELU": lambda net, f: torch.where(f > 0, f.square(), torch.expm1(torch.min(f, torch.tensor(0.0))) - f) + f,
    "no less than a floor": lambda net, f: functional.softplus(3 * f).clamp(min=0.25) * f,
    "above a threshold": lambda net, f: functional.threshold(f, 0, 0) * f,
    "prelu": lambda net, f: functional.prelu(f, f.new_full((1,), 0.25)),
    "a slope each": lambda net, f: functional.prelu(f.T, torch.arange(5, dtype=f.dtype)).T,
}


@pytest.mark.parametrize("forward", MAPS.values(), ids=MAPS)
def test_entry_by_entry(forward: Forward) -> None:
    check_gradients(found(lambda net, f: forward(net, f) @ net.last, last=(N, 2)))


AT_ZERO: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "relu": torch.relu,
    "relu6": functional.relu6,
    "hardtanh": lambda f: functional.hardtanh(f, 0, 1),
    "abs": torch.abs,
    "leaky relu": functional.leaky_relu,
    "prelu": lambda f: functional.prelu(f, f.new_full((1,), 0.25)),
    "elu": functional.elu,
    "clamp below": lambda f: f.clamp(min=0),
    "clamp above": lambda f: f.clamp(max=0),
    "clamp": lambda f: f.clamp(0, 1),
    "the larger": lambda f: torch.maximum(f, torch.tensor(0.0)),
    "the smaller": lambda f: torch.minimum(f, 3 * f),
    "by the sign": lambda f: torch.where(f > 0, f, 0.0),
    "by the sign, or zero": lambda f: torch.where(f >= 0, f, 0.0),
    "a threshold": lambda f: functional.threshold(f, 0, 0),
    "a cube": lambda f: f**3,
}


@pytest.mark.parametrize("function", AT_ZERO.values(), ids=AT_ZERO)
def test_what_starts_at_zero_moves_where_autograd_has_a_slope_there(
    function: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    at_zero = torch.zeros(1, requires_grad=True)
    (slope,) = torch.autograd.grad(function(at_zero).sum(), at_zero)

    def wide(width: int) -> tuple[Built, dict[str, torch.Tensor]]:
        return Built(width, lambda net, f: function(f @ net.w) @ net.last, w=(N, N), last=(N, 2)), INPUTS

    built = traced(wide, inits={"w": "zero"}, rates={"w": "-1", "last": "-1", "first": "-1"})
    assert built.problem is not None
    found = exponents(built.problem, steps=2)[2].sizes["Delta_output"]
    assert (str(found) != "-oo") == bool(slope)


def put_together(net: Built, f: torch.Tensor) -> torch.Tensor:
    """Keys as DeepSeek's attention makes them: a part of each head's own, and one that all heads have."""
    own, common = (f @ net.last).unflatten(-1, (2, 2)), f @ net.w
    keys = own.new_empty(*own.shape[:-1], 5)
    keys[..., :2] = own
    keys[..., 2:] = common[:, None]
    return keys


def replaced(net: Built, f: torch.Tensor) -> torch.Tensor:
    """Some of a few values replaced by others, which stand in every other place."""
    few = f @ net.last
    left = few.clone()
    left[:, 1::2] = few[:, :2].square()
    return left


def turned(net: Built, f: torch.Tensor) -> torch.Tensor:
    """Pairs of features turned by the place of their token, as DeepSeek's and Llama 4's are."""
    angles = torch.polar(torch.ones(5, 2), torch.arange(10.0).reshape(5, 2))
    pairs = torch.view_as_complex((f @ net.last).reshape(5, 2, 2))
    return torch.view_as_real(angles * pairs).flatten(1) * (f @ net.last)


def chosen_places(net: Built, f: torch.Tensor) -> torch.Tensor:
    """The two largest of a few numbers where they were, and none elsewhere."""
    few = f @ net.last
    largest, places = few.topk(2, -1)
    return torch.full_like(few, float("-inf")).scatter(-1, places, largest).sigmoid() * few


SUMS: dict[str, tuple[Forward, dict[str, tuple[int, ...]]]] = {
    "put into what is empty": (put_together, {"last": (N, 4), "w": (N, 3)}),
    "put in the place of others": (replaced, {"last": (N, 4)}),
    "put among ones": (
        lambda net, f: torch.slice_scatter(f.new_ones(5, 4), (f @ net.last)[:, 2:], 1, 1, 3) * (f @ net.last),
        {"last": (N, 4)},
    ),
    "turned by data": (turned, {"last": (N, 4)}),
    "put where they were": (chosen_places, {"last": (N, 4)}),
    "without what is masked": (
        lambda net, f: (f @ net.last).masked_fill(torch.eye(5)[:, :4] > 0, float("-inf")).softmax(-1),
        {"last": (N, 4)},
    ),
    "the largest of a few": (lambda net, f: (f @ net.last).max(-1, keepdim=True).values * f, {"last": (N, 4)}),
    "the largest, without its dimension": (lambda net, f: (f @ net.last).max(dim=0).values, {"last": (N, 4)}),
    "some in a row": (lambda net, f: f.narrow(0, -3, 2) @ net.last, {"last": (N, 2)}),
    "some by their places": (lambda net, f: f.index_select(0, torch.tensor([2, 0, 2])) @ net.last, {"last": (N, 2)}),
    "one feature beside all": (
        lambda net, f: ((f @ net.w)[:, :1] + f.relu()) @ net.last,
        {"w": (N, N), "last": (N, 2)},
    ),
    "attention to what was before": (
        lambda net, f: functional.scaled_dot_product_attention(f, f.relu(), f @ net.last, is_causal=True),
        {"last": (N, 2)},
    ),
    "every other": (lambda net, f: (f @ net.w)[:, ::2] * (f @ net.w)[:, 1::2], {"w": (N, 2 * 70)}),
    "the whole three times": (
        lambda net, f: (f.repeat(2, 3, 1).reshape(2, 3, -1, f.shape[1]) * net.gate) @ net.last,
        {"gate": (2, 3, 1, 1), "last": (N, 4)},
    ),
    "sums of the first": (lambda net, f: (f @ net.last).cumsum(-1) * (f @ net.last).cumsum(0), {"last": (N, 4)}),
    "reversed": (lambda net, f: (f @ net.last).flip(0, -1) * (f @ net.last).roll(1, 0), {"last": (N, 4)}),
    "zeros around": (lambda net, f: functional.pad(f @ net.last, (1, 2, 0, 3)).square(), {"last": (N, 4)}),
    "a lower triangle": (lambda net, f: (f @ net.last).tril() + (f @ net.last).triu(1).square(), {"last": (N, 4)}),
    "a gated half": (lambda net, f: functional.glu(f @ net.last), {"last": (N, 4)}),
    "products of two rows": (lambda net, f: (torch.outer(f[0], f[1]) @ net.last).sum(0), {"last": (N, 2)}),
    "one above the other": (
        lambda net, f: torch.vstack([f @ net.last, torch.inner(f, net.last.T)]),
        {"last": (N, 2)},
    ),
    "angles": (
        lambda net, f: functional.cosine_similarity(f @ net.last, (f @ net.last).relu() + 1, dim=-1),
        {"last": (N, 4)},
    ),
    "beside nothing": (lambda net, f: torch.cat([torch.zeros(0), f @ net.last], -1), {"last": (N, 4)}),
    "a vector behind a matrix": (lambda net, f: f.relu() @ net.gate, {"gate": (N,)}),
    "a vector in front of one": (lambda net, f: net.gate @ torch.stack([f.T.relu(), f.T]), {"gate": (N,)}),
    "a vector behind a vector": (lambda net, f: f[0].relu() @ net.gate * torch.mv(f, net.gate), {"gate": (N,)}),
    "a quarter of a power": (lambda net, f: f @ net.last / len(f.T) ** 0.25, {"last": (N, 4)}),
    "an einsum without its result": (
        lambda net, f: torch.einsum("zj, jb", f, net.last) @ net.w,
        {"last": (N, 2), "w": (5, 3)},
    ),
    "an einsum of one operand": (lambda net, f: torch.einsum("ij->j", f)[:, None] * torch.einsum("ij->ji", f), {}),
    "an einsum of three": (
        lambda net, f: torch.einsum("bsd,rd,or->bso", f.relu()[None], net.w, net.last),
        {"w": (4, N), "last": (2, 4)},
    ),
    "an einsum of dimensions without letters": (
        lambda net, f: torch.einsum("...d,d...->...", f, f.T) * torch.einsum("i...,ij->...j", f.T, net.last).T,
        {"last": (N, 2)},
    ),
    "a norm of groups": (
        lambda net, f: functional.group_norm((f @ net.w).T[None], 2, net.gate, net.gate + 1, 1e-15)[0].T @ net.last,
        {"w": (N, 8), "gate": (8,), "last": (8, 2)},
    ),
    "a norm of each channel": (
        lambda net, f: functional.group_norm(f.T[None], f.shape[1], eps=1e-15)[0].T @ net.last,
        {"last": (N, 2)},
    ),
    "a norm along two dimensions": (
        lambda net, f: functional.layer_norm(f, f.shape, net.gate[:, None].expand_as(f), eps=1e-15) @ net.last,
        {"gate": (5,), "last": (N, 2)},
    ),
    "convolution of a volume": (
        lambda net, f: functional.conv3d(f.T.reshape(1, -1, 5, 1, 1), net.last, padding=(1, 0, 0), stride=2),
        {"last": (2, N, 3, 1, 1)},
    ),
    "convolution of groups": (
        lambda net, f: functional.conv1d(
            functional.conv1d((f @ net.w).T[None], net.last, groups=2), net.gate, groups=2
        ),
        {"w": (N, 8), "last": (6, 4, 2), "gate": (2, 3, 2)},
    ),
    "convolution of a volume of groups": (
        lambda net, f: functional.conv3d(
            functional.conv3d((f @ net.w).T.reshape(1, 8, 5, 1, 1), net.last, stride=2, groups=2), net.gate
        ),
        {"w": (N, 8), "last": (6, 4, 2, 1, 1), "gate": (2, 6, 2, 1, 1)},
    ),
    "means of places": (
        lambda net, f: functional.adaptive_avg_pool1d(functional.avg_pool2d((f @ net.last)[None], (2, 3), 1), 1),
        {"last": (N, 4)},
    ),
    "the largest of windows": (
        lambda net, f: functional.max_pool2d((f @ net.last)[None].square() - 1, (3, 2), (2, 1), 1),
        {"last": (N, 4)},
    ),
    "the largest of so many windows": (
        lambda net, f: (
            functional.adaptive_max_pool1d((f @ net.last).T[None], 3)
            + (f @ net.last).max() * (f @ net.last).min() * (f @ net.last).min(1).values.sum()
        ),
        {"last": (N, 4)},
    ),
    "the largest and the least": (
        lambda net, f: f.amax(0, keepdim=True) * f.amin(0) @ net.last + (f @ net.last).amax((0, 1)),
        {"last": (N, 2)},
    ),
    "the logarithm of a softmax": (
        lambda net, f: functional.log_softmax(f @ net.last, -1) * torch.logsumexp(f @ net.last, (0, 1), keepdim=True),
        {"last": (N, 3)},
    ),
    "cross entropy": (
        lambda net, f: (
            functional.cross_entropy(f @ net.last, torch.tensor([2, 0, 1, 1, 0]))
            + functional.nll_loss((f @ net.last)[:, :, None], torch.tensor([[1], [0], [2], [1], [0]]), reduction="sum")
        ),
        {"last": (N, 3)},
    ),
    "a norm by running statistics": (
        lambda net, f: functional.batch_norm(
            functional.batch_norm(f @ net.last, f.new_zeros(3), f.new_ones(3))[:, :, None],
            torch.arange(3, dtype=f.dtype),
            torch.arange(1, 4, dtype=f.dtype),
            net.gate,
            net.gate,
        ),
        {"last": (N, 3), "gate": (3,)},
    ),
    "a norm over examples": (
        lambda net, f: (
            functional.batch_norm(f[:, :, None], None, None, net.gate, training=True, eps=1e-15)[:, :, 0] @ net.last
        ),
        {"last": (N, 3), "gate": (N,)},
    ),
    "a norm of the places of each channel": (
        lambda net, f: functional.instance_norm(f.T[None], weight=net.gate, eps=1e-15)[0].T @ net.last,
        {"last": (N, 3), "gate": (N,)},
    ),
    "numbers between places": (
        lambda net, f: functional.interpolate(functional.interpolate(f.T[None], 7), 3, mode="linear")[0].T @ net.last,
        {"last": (N, 2)},
    ),
    "ones around": (
        lambda net, f: functional.pad(
            functional.pad(f, (0, 0, 1, 2), value=1.0) @ net.last, (2, -1), value=0.5
        ).square(),
        {"last": (N, 4)},
    ),
    "a mirrored edge": (
        lambda net, f: functional.pad(f.T, (2, 1), mode="reflect").T @ net.last,
        {"last": (N, 2)},
    ),
    "convolution": (lambda net, f: functional.conv1d(f.T[None], net.last, padding=1, stride=2), {"last": (4, N, 3)}),
    "convolution of what is convolved": (
        lambda net, f: functional.conv1d(functional.conv1d(f.T[None], net.w).relu(), net.last, net.gate, dilation=2),
        {"w": (N, N, 2), "last": (2, N, 2), "gate": (2,)},
    ),
    "convolution of each channel": (
        lambda net, f: functional.conv1d(f.T[None], net.w, padding=2, groups=f.shape[1]).sum(2) @ net.last,
        {"w": (N, 1, 3), "last": (N, 2)},
    ),
    "convolution of an image": (
        lambda net, f: functional.conv2d(f.T.reshape(1, -1, 5, 1) * net.gate, net.last, padding=1),
        {"gate": (1, 1, 1, 4), "last": (2, N, 3, 2)},
    ),
}


@pytest.mark.parametrize(("forward", "shapes"), SUMS.values(), ids=SUMS)
def test_along_dimensions(forward: Forward, shapes: dict[str, tuple[int, ...]]) -> None:
    check_gradients(found(forward, **shapes))


@pytest.mark.parametrize("more", [0, 3])
def test_a_matrix_times_features_side_by_side_is_a_sum_of_its_blocks(more: int) -> None:
    def side_by_side(net: Built, f: torch.Tensor) -> torch.Tensor:
        every = [f, (f @ net.w).relu(), *([net.gate.expand(5, more)] if more else [])]
        return functional.linear(functional.dropout(torch.cat(every, -1), training=False), net.last)

    def wide(width: int) -> tuple[Built, dict[str, torch.Tensor]]:
        return Built(width, side_by_side, w=(N, N), gate=(3,), last=(2, 2 * width + more)), INPUTS

    check_gradients(traced(wide))


def test_features_side_by_side_are_as_many_along_an_axis_of_their_own() -> None:
    """As the biases of queries, keys and values are, of which keys have none, beside one matrix of all three."""

    def projected(net: Built, f: torch.Tensor) -> torch.Tensor:
        bias = torch.cat([net.gate, torch.zeros_like(net.gate), net.gate * 2])
        q, k, v = functional.linear(f, net.w, bias).reshape(5, 3, -1).unbind(1)
        return torch.cat([q * k, v]).square() @ net.last

    def wide(width: int) -> tuple[Built, dict[str, torch.Tensor]]:
        return Built(width, projected, w=(3 * width, N), gate=(N,), last=(N, 2)), INPUTS

    check_gradients(traced(wide))


def test_where_no_gradient_is_taken_none_goes() -> None:
    """As autograd has it, of a part in a part too; a type of its own changes nothing."""

    def partly(net: Built, f: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            fixed = f @ net.w
            with torch.enable_grad():
                learnt = fixed.square() @ net.last
            scaled = learnt * 2
        with torch.autocast("cpu", enabled=False):
            return learnt + scaled + (f * fixed + f @ net.w) @ net.last

    check_gradients(found(partly, w=(N, N), last=(N, 2)))


def test_a_block_is_called_as_nothing_else_is() -> None:
    """Two blocks of one matrix beside others whose names end as theirs would."""

    class Numbered(torch.nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.first = torch.nn.Linear(3, 2 * width, bias=False)
            self.first_1 = torch.nn.Linear(width, width, bias=False)
            self.first_2 = torch.nn.Linear(width, 2, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            one, other = self.first(x).chunk(2, -1)
            return self.first_2(self.first_1(one) * other)

    built = traced(lambda width: (Numbered(width), INPUTS))
    check_gradients(built)
    assert len({each.name for each in built.parameters}) == 4


@pytest.mark.parametrize("power", ["1", "-1/2", "1/4", "2", "-1/3", "2/3", "3/2", "5/6", "-7/8", "11/8", "-3"])
def test_a_number_that_is_a_rational_power_of_the_width(power: str) -> None:
    built = found(lambda net, f: f @ net.last * (0.7 * f.shape[-1] ** float(Fraction(power))), last=(N, 2))
    assert built.problem is not None
    (exponent,) = (str(each) for name, each in built.problem.exponents.items() if name.startswith("c["))
    assert exponent == power


@pytest.mark.parametrize("power", [0.37, 1 / 3 + 1e-8, 1 / 7, 3.1])
def test_a_number_that_is_near_a_rational_power_is_none(power: float) -> None:
    (missing,) = found(lambda net, f: f @ net.last * f.shape[-1] ** power, last=(N, 2)).unknown
    assert missing.reason.endswith("no power of one size")


def looped_attention(net: Built, f: torch.Tensor) -> torch.Tensor:
    for _ in range(2):
        q, k, v = functional.linear(f, net.w).chunk(3, -1)
        f = f + torch.softmax(q @ k.T / f.shape[-1], -1) @ v
    return f @ net.last


def gated_twice(net: Built, f: torch.Tensor) -> torch.Tensor:
    for _ in range(2):
        f = functional.glu(functional.linear(f, net.w[: 2 * f.shape[-1]]), -1)
    return f @ net.last


def gated_recurrence(net: Built, f: torch.Tensor) -> torch.Tensor:
    h = torch.zeros_like(f[0])
    for token in f:
        update, new = functional.linear(h, net.w[: 2 * len(h)], net.gate).chunk(2)
        h = h * torch.sigmoid(update) + torch.tanh(new + token)
    return h @ net.last


def halves_of_halves(net: Built, f: torch.Tensor) -> torch.Tensor:
    for _ in range(2):
        one, other = functional.linear(f, net.w).split([f.shape[-1], 2 * f.shape[-1]], -1)
        f = one + torch.mul(*other.chunk(2, -1))
    return f @ net.last


@pytest.mark.parametrize("forward", [looped_attention, gated_twice, gated_recurrence, halves_of_halves])
def test_a_block_that_is_taken_again_is_the_same_parameter(forward: Forward) -> None:
    def wide(width: int) -> tuple[Built, dict[str, torch.Tensor]]:
        return Built(width, forward, w=(3 * width, N), gate=(2 * width,), last=(N, 2)), INPUTS

    built = traced(wide)
    check_gradients(built)
    names = [each.name for each in built.parameters]
    assert len({*names}) == len(names) <= 7


def test_a_gated_recurrence_of_torch_itself() -> None:
    class Recurrent(torch.nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.inner = torch.nn.GRU(3, width, batch_first=True)
            self.last = torch.nn.Linear(width, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.last(self.inner(x)[0])  # type: ignore[no-any-return]

    check_gradients(traced(lambda width: (Recurrent(width), {"x": INPUTS["x"][None, :3]})))


def test_rows_and_columns_of_one_matrix_overlap() -> None:
    def crossed(net: Built, f: torch.Tensor) -> torch.Tensor:
        half = f.shape[-1]
        return (f @ net.w[:half] @ net.w[:, :half]) @ net.last

    def wide(width: int) -> tuple[Built, dict[str, torch.Tensor]]:
        return Built(width, crossed, w=(2 * width, 2 * width), last=(N, 2)), INPUTS

    (missing,) = traced(wide).unknown
    assert missing.reason == "overlapping blocks of W_w"


def test_a_part_of_what_was_put_side_by_side_is_that_part_alone() -> None:
    """What is learnt of queries is not read of keys, though both stand in one value."""

    class Fused(torch.nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.q, self.k = (torch.nn.Linear(3, width, bias=False) for _ in range(2))
            self.k.requires_grad_(False)
            self.last = torch.nn.Linear(width, 2, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            both = torch.cat([self.q(x), self.k(x)], -1) * torch.tensor(2.0)
            q, k = both.reshape(len(x), 2, -1).unbind(1)
            return self.last(q * k)  # type: ignore[no-any-return]

    built = traced(lambda width: (Fused(width), INPUTS))
    check_gradients(built)
    assert built.problem is not None
    output = built.problem.output
    assert not any(isinstance(node, Given) and str(node.name).startswith("size_2_") for node in nodes(output))


def test_what_is_beside_something_added_to_one_matrix_is_taken_apart_again() -> None:
    """Adapters of queries and values added to a fused projection, as in many a model written by hand."""

    def projected(net: Built, f: torch.Tensor) -> torch.Tensor:
        own = functional.linear(f, net.gate)
        q, k, v = (functional.linear(f, net.w) + torch.cat([own, torch.zeros_like(own), own * 2], -1)).chunk(3, -1)
        return (q * k + v.square()) @ net.last

    def wide(width: int) -> tuple[Built, dict[str, torch.Tensor]]:
        return Built(width, projected, w=(3 * width, N), gate=(N, N), last=(N, 2)), INPUTS

    check_gradients(traced(wide))


def test_channels_side_by_side_are_normed_in_groups_and_convolved() -> None:
    """As in the half of a U-Net that goes up: what it skipped to, beside what is twice as wide; a group has of both."""

    def normed(net: Built, f: torch.Tensor) -> torch.Tensor:
        both = torch.cat([f.T[None], functional.conv1d(f.T[None], net.w, padding=1).relu()], 1)
        both = functional.silu(functional.group_norm(both, 2, eps=1e-15))
        return functional.conv1d(both, net.last, net.k)

    def wide(width: int) -> tuple[Built, dict[str, torch.Tensor]]:
        shapes = {"w": (4 * width, 2 * width, 3), "last": (2, 6 * width, 1), "k": (2,), "first": (2 * width, 3)}
        return Built(width, normed, **shapes), INPUTS

    check_gradients(traced(wide))


def test_groups_of_channels_are_put_at_their_places_of_a_fused_projection() -> None:
    """As LitGPT's adapters of queries and values are: the rows of keys between them have none."""

    def projected(net: Built, f: torch.Tensor) -> torch.Tensor:
        width = f.shape[1]
        few = functional.conv1d((f @ net.last).T[None], net.gate, net.k, groups=2).transpose(1, 2)
        places = torch.cat([torch.arange(width), torch.arange(2 * width, 3 * width)])
        few = few.new_zeros(1, 5, 3 * width).index_copy(2, places, few) * 3
        q, k, v = (functional.linear(f[None], net.w) + few).chunk(3, -1)
        return (q * k + v.square()) @ net.last

    def wide(width: int) -> tuple[Built, dict[str, torch.Tensor]]:
        shapes = {"w": (3 * width, N), "gate": (2 * width, 2, 1), "k": (2 * width,), "last": (N, 4)}
        return Built(width, projected, **shapes), INPUTS

    check_gradients(traced(wide))


def test_features_side_by_side_are_convolved_and_taken_apart_again() -> None:
    """As queries, keys and values of a recurrence are: over the tokens, each feature by itself."""

    def convolved(net: Built, f: torch.Tensor) -> torch.Tensor:
        both = torch.cat([f[None], (f @ net.w).relu()[None]], -1).transpose(1, 2)
        moved = functional.silu(functional.conv1d(both, net.gate, padding=2, groups=both.shape[1]))[:, :, :5]
        one, other = moved.transpose(1, 2).split(f.shape[1], -1)
        return (one * other) @ net.last

    def wide(width: int) -> tuple[Built, dict[str, torch.Tensor]]:
        return Built(width, convolved, w=(N, N), gate=(2 * width, 1, 3), last=(N, 2)), INPUTS

    check_gradients(traced(wide))


def test_every_other_row_is_a_block() -> None:
    """Rows of a matrix that stand side by side know nothing of each other: a sum of their products is a random walk."""

    def products(net: Built, f: torch.Tensor) -> torch.Tensor:
        both = f @ net.w
        return (both[:, ::2] * both[:, 1::2]).sum(-1)

    def wide(width: int) -> tuple[Built, dict[str, torch.Tensor]]:
        return Built(width, products, w=(N, 2 * width)), INPUTS

    built = traced(wide, inits={"w": "-1/2"})
    assert built.problem is not None
    assert str(exponents(built.problem, steps=1, at={"eta": -9})[1].sizes["output"]) == "1/2"


@pytest.mark.parametrize(
    "taken",
    [
        lambda h, n: h[:, n:] * h[:, n:],
        lambda h, n: h[:, n:] * h[:, -n:],
        lambda h, n: h[:, -5 * n :][:, n:] * h[:, -n:],
    ],
)
def test_a_block_counted_from_the_end_is_the_one_counted_from_the_front(
    taken: Callable[[torch.Tensor, int], torch.Tensor],
) -> None:
    """Squares add up to n; the products with another block would be a random walk."""

    def wide(width: int) -> tuple[Built, dict[str, torch.Tensor]]:
        def squares(net: Built, f: torch.Tensor) -> torch.Tensor:
            return taken(f @ net.w, width).sum(-1, keepdim=True)

        return Built(width, squares, w=(N, 2 * width)), INPUTS

    built = traced(wide, inits={"w": "-1/2"})
    check_gradients(built)
    assert built.problem is not None
    assert str(exponents(built.problem, steps=1, at={"eta": -9})[1].sizes["output"]) == "1"


def test_one_coordinate_counted_from_the_end_is_one_of_them() -> None:
    built = found(lambda net, f: (f @ net.w)[:, -1] * f.T, w=(N, N))
    (width,) = {axis.sizes[0] for axis in built.axes if axis.name == "width"}
    assert [rows for *_, rows in built.blocks.values()] == [range(width - 1, width)]


def test_a_norm_by_hand_is_the_norm() -> None:
    """A deviation over n - 1 differs by a factor that goes to 1, and no exponent does."""

    def by_hand(net: Built, f: torch.Tensor) -> torch.Tensor:
        return (f - f.mean(-1, keepdim=True)) / f.std(-1, keepdim=True)

    norms = by_hand, lambda net, f: functional.layer_norm(f, f.shape[-1:])
    built = [found(lambda net, f, norm=norm: norm(net, f) @ net.last, last=(N, 2)).problem for norm in norms]
    first, second = (exponents(each, steps=2, at={"eta": "-3/2"})[2].sizes for each in built if each is not None)
    assert first["Delta_output"] == second["Delta_output"] and str(first["Delta_output"]) == "-1/2"


@pytest.mark.parametrize(
    ("forward", "size"),
    [
        (lambda net, f: (f @ net.last) * 0.0, "-oo"),
        (lambda net, f: (f @ net.last) / float("inf"), "-oo"),
        (lambda net, f: (f @ net.last) * 0 + (f @ net.last).relu() * torch.zeros(2) + f @ net.last, "0"),
    ],
)
def test_what_is_times_zero_is_zero(forward: Forward, size: str) -> None:
    built = found(forward, last=(N, 2))
    check_gradients(built)
    assert built.problem is not None and "zero" not in [each.name for each in built.parameters]
    assert str(exponents(built.problem, steps=1, at={"eta": -9})[1].sizes["output"]) == size


def heads(net: Built, f: torch.Tensor) -> torch.Tensor:
    """Attention in which two heads of queries share one of keys."""
    q, k, v = ((f @ each).reshape(1, 5, -1, 4).transpose(1, 2) for each in (net.q, net.k, net.v))
    shared = functional.scaled_dot_product_attention(q, k, v, enable_gqa=True)
    return shared.transpose(1, 2).reshape(5, -1) @ net.last


def test_heads_of_queries_share_keys() -> None:
    check_gradients(found(heads, q=(N, 16), k=(N, 8), v=(N, 8), last=(16, 2)))

    def wide(width: int, keys: int | None = None) -> tuple[Built, dict[str, torch.Tensor]]:
        few, many = 4 * (keys or width), 8 * width
        return Built(width, heads, q=(N, many), k=(N, few), v=(N, few), last=(many, 2)), INPUTS

    check_gradients(traced(wide))
    (missing,) = traced(lambda width: wide(width, 2)).unknown
    assert missing.reason.startswith("repeated a number of times that grows")


def test_heads_in_a_row_are_a_block_of_a_fused_projection() -> None:
    """Heads of queries beside one of keys, as in Falcon; every other head is none."""

    def wide(width: int, *, more: int, step: int) -> tuple[Built, dict[str, torch.Tensor]]:
        def taken(net: Built, f: torch.Tensor) -> torch.Tensor:
            heads = (f @ net.w).reshape(5, -1, 4)
            return (heads[:, : step * width : step] * heads[:, [-1]]).flatten(1) @ net.last

        return Built(width, taken, w=(N, 4 * (step * width + more)), last=(4 * width, 2)), INPUTS

    check_gradients(traced(lambda width: wide(width, more=1, step=1)))
    reasons = [each.reason for each in traced(lambda width: wide(width, more=1, step=2)).unknown]
    assert any(each.endswith("which are not in a row") for each in reasons)


def test_axes_that_do_not_go_together_are_said_of_their_operation() -> None:
    """Sizes of the width and of seven more, which no axis explains, as one dimension."""

    def outer(net: Built, f: torch.Tensor) -> torch.Tensor:
        return (f[:, :, None] * (f @ net.w)[:, None, :]).reshape(5, -1) @ net.last

    def wide(width: int) -> tuple[Built, dict[str, torch.Tensor]]:
        return Built(width, outer, w=(N, width + 7), last=(width * (width + 7), 2)), INPUTS

    (missing,) = traced(wide).unknown
    assert missing.operation == "matmul" and missing.reason.startswith("merging width and size_")


def test_a_parameter_that_is_taken_whole_and_in_part_is_refused_with_the_line_that_takes_a_part() -> None:
    (missing,) = found(lambda net, f: (f[:, :1] + f) @ net.last, last=(N, 2)).unknown
    assert missing.reason.endswith("is used as a whole and in blocks") and "built.py" in missing.where


def half_replaced(net: Built, f: torch.Tensor) -> torch.Tensor:
    """The first features in place of the last."""
    left = f.clone()
    left[:, -2:] = f[:, :2]
    return left


def shuffled(net: Built, f: torch.Tensor) -> torch.Tensor:
    """Features times others of them: read as a square, a sum of n of them would be n for n^(1/2)."""
    return f * f.view(5, 5, -1).mT.reshape(5, -1)


REFUSED: dict[str, Forward] = {
    "a causal mask over a number of tokens that grows": lambda net, f: functional.scaled_dot_product_attention(
        f.T, f.T, f.T, is_causal=True
    ),
    "a quotient by zero": lambda net, f: f / 0,
    "a clamp to 0.5 and None": lambda net, f: f.clamp(min=0.5),
    "e to the power of what may be positive": lambda net, f: (0.5 * f).exp(),
    "the coordinates of width, which grows, in order": lambda net, f: f.flip(-1),
    "a clamp to -1 and 2": lambda net, f: f.clamp(-1, 2),
    "a clamp to 100000.0 and None": lambda net, f: f.clamp(min=1e5),
    "entries at places along width, which grows": lambda net, f: f.scatter(1, torch.zeros(5, 1).long(), f[:, :1]),
    "entries at places in some of the rows": lambda net, f: f.T.scatter(1, torch.zeros(1, 1).long(), f.T[:1, :1]),
    "a clamp to what is no number": lambda net, f: torch.clamp(f, f.square(), None),
    "an ELU of 2 times its argument": lambda net, f: torch.ops.aten.elu(f, 1, 1, 2),
    "values side by side along size_40_60, which grows": lambda net, f: torch.cat([f, torch.ones(5, 5)], -1).relu(),
    "values side by side along width_x3, which grows": lambda net, f: torch.cat([f, f, f], -1)[:, 1:],
    "pieces of values side by side along width_x4, which grows, other than these": lambda net, f: torch.cat(
        [f] * 4, -1
    ).split(2 * f.shape[1], -1)[0],
    "numbers put in place of some coordinates of width, which grows": half_replaced,
    "repeated a number of times that grows": lambda net, f: f.repeat(1, f.shape[1]).relu(),
    "all coordinates of width, which grows, one against the other": lambda net, f: f.max(),
    "weights of classes, classes that are left out, or ones that are not known": lambda net, f: functional.nll_loss(
        f.mean(1, True).expand(5, 3), torch.tensor([0, 1, -100, 0, 1])
    ),
    "smoothed labels": lambda net, f: functional.cross_entropy(
        f.mean(1, True).expand(5, 3), torch.tensor([0, 1, 1, 0, 1]), label_smoothing=0.1
    ),
    "a comparison with a number other than 0": lambda net, f: torch.where(f > 0.5, f, f.square()),
    "complex numbers, of which only products with data are known": lambda net, f: torch.view_as_real(
        torch.view_as_complex(torch.stack([f, f], -1)) ** 2
    ),
    "an einsum ii->i, which has a letter twice in one operand": lambda net, f: torch.einsum("ii->i", f[:, :5]),
    "a list whose length grows": lambda net, f: f.split([5] * (f.shape[1] // 5) + [f.shape[1] % 5], -1)[0],
    "a number of pieces that grows": lambda net, f: f.chunk(f.shape[1] // 5, -1)[0],
    "a shuffle: width_x1_5 and size_5[2] as one axis in another order than before, which is not told apart": shuffled,
    "windows along width, which grows": lambda net, f: functional.conv1d(f[:, None], net.last),
}


@pytest.mark.parametrize(("reason", "forward"), REFUSED.items(), ids=REFUSED)
def test_what_has_no_rule_says_why(reason: str, forward: Forward) -> None:
    assert reason in [each.reason for each in found(forward, last=(2, 1, 1)).unknown]


LARGEST: dict[str, tuple[Callable[[torch.Tensor], torch.Tensor], str]] = {
    "amax": (lambda f: f.amax(-1), "1"),
    "max": (lambda f: f.max(-1).values, "1"),
    "which it is": (lambda f: torch.mul(*f.max(-1)), "1/2"),
}


@pytest.mark.parametrize(("largest", "size"), LARGEST.values(), ids=LARGEST)
def test_the_largest_entry_is_a_maximum_unless_it_is_asked_which(
    largest: Callable[[torch.Tensor], torch.Tensor], size: str
) -> None:
    """A sum of n maxima is n, and n^(1/2) where they are held at the places that they start with."""
    traced = found(lambda net, f: largest(f.view(5, 5, -1).mT).sum(-1, keepdim=True))
    assert traced.problem is not None
    assert str(exponents(traced.problem, steps=1, at={"eta": -2})[1].sizes["output"]) == size
    assert len(traced.held) == (size == "1/2")


def test_what_is_left_of_a_state_is_a_power_of_e_of_nothing_positive() -> None:
    """The decay from each token to the last one, as in the chunks of a Mamba; of the signs of sums no more is known."""

    def decays(net: Built, f: torch.Tensor) -> torch.Tensor:
        sums = (-functional.softplus(f @ net.last)).masked_fill(torch.eye(5)[:, :2] > 0, -1.0).cumsum(0)
        return (sums[-1:] - sums).exp() + functional.pad(sums, (0, 0, 1, 0))[:5].exp()

    check_gradients(found(decays, last=(N, 2)))
    backwards = found(lambda net, f: (f.cumsum(0)[-1:] - f.cumsum(0)).exp() @ net.last, last=(N, 2))
    assert [each.operation for each in backwards.unknown] == ["exp"]


def test_what_was_found_is_no_problem_but_has_one() -> None:
    one: Any = found(lambda net, f: f @ net.last, last=(N, 2))
    with pytest.raises(BadInput, match=r"a Scheme or a Problem, which its \.problem is"):
        derive(one)

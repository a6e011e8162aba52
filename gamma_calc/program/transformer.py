"""A transformer with LoRA on some of its projections, as a problem: attention, gated MLP, norms, residual stream.

    u = norm(z)                  q, k, v = W u + s B A u, heads of n^heads, each of the rest
    a = softmax(c q k^T) v       z <- z + W_o a (+ s B A a)
    g = silu(W_g u') * (W_u u')  z <- z + W_d g (+ s B A g),  u' = norm(z)
    f = R norm(z)

Exponents: pretrained weights are frozen, iid of variance 1/fan_in, so entries n^(-1/2); the embedding has entries
Theta(1); tokens, samples, vocabulary and outputs are of fixed size. The readout's are n^(-1/2) or, for a readout that
what training changes is not aligned with, n^-1.

Measured: slopes of every exponent of two blocks with adapters on v, but for the second block's logits under rates that
are not stable, which are derived n^(1/2) larger than they are found.

Assumes: SiLU is read as homogeneous of degree one, see `network.silu`; the causal mask leaves out some of a fixed
number of terms, and no exponent depends on it.

Source: Touvron et al., "LLaMA" (arXiv:2302.13971), for the block; Yang et al., "Tensor Programs V" (arXiv:2203.03466),
for logits divided by the head's size d in place of its root.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gamma_calc.errors import BadInput
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import Expression
from gamma_calc.program.network import (
    Power,
    axis,
    contract,
    data,
    layer_norm,
    merge,
    named,
    parameter,
    renamed,
    rms_norm,
    scaled,
    silu,
    softmax,
    split,
)
from gamma_calc.program.problem import Problem

PROJECTIONS = ("q", "k", "v", "o", "gate", "up", "down")
NORMS: Mapping[str, Callable[[Expression, Axis], Expression]] = MappingProxyType({"rms": rms_norm, "layer": layer_norm})
PRETRAINED = "-1/2"
WIDTH, OUT, HIDDEN = axis("width", 1), axis("out", 1), axis("hidden", 1)
TOKEN, KEY, SAMPLE = axis("token"), axis("key"), axis("batch")


@dataclass(frozen=True, slots=True)
class Adapters:
    """LoRA on some projections of every block: the init and the rates of its factors, its rank and its scale.

    Raises:
        BadInput: there is no such projection.
    """

    on: Collection[str] = ("q", "v")
    init: tuple[Power, Power] = ("-1/2", "zero")
    rates: tuple[Power, Power] = ("eta", "eta")
    rank: Power = 0
    scale: Power = 0

    def __post_init__(self) -> None:
        for name in self.on:
            if name not in PROJECTIONS:
                raise BadInput("a projection", found=name, expected=f"one of {', '.join(PROJECTIONS)}")

    def projected(self, name: str, block: int, out: Axis, value: Expression, source: Axis) -> Expression:
        """W v, with s B A v beside it where the projection has an adapter."""
        weight = parameter(f"W_{name}[{block}]", out, source, init=PRETRAINED)
        frozen = contract(weight, value, source)
        if name not in self.on:
            return frozen
        r = axis("rank", self.rank)
        a = parameter(f"A_{name}[{block}]", r, source, init=self.init[0], rate=self.rates[0])
        b = parameter(f"B_{name}[{block}]", out, r, init=self.init[1], rate=self.rates[1])
        z_a = named(f"Z_A_{name}[{block}]", contract(a, value, source))
        return frozen + named(f"Z_B_{name}[{block}]", scaled("s", self.scale, contract(b, z_a, r)))


def transformer(
    blocks: int = 2,
    adapters: Adapters = Adapters(),
    *,
    heads: Power = 0,
    attention: str = "-1/2",
    norm: str = "rms",
    readout: Power = "-1/2",
    name: str = "transformer",
) -> Problem:
    """The transformer that trains its adapters.

    What every adapter adds has to stay bounded and to move; internally, its Z_A and the output f have to stay bounded
    too. f is aligned with a readout of entries n^(-1/2), so it may grow where the blocks do not.

    Args:
        heads: n^heads heads of n^(1 - heads) features each, 0 or 1: which of the two grows.
        attention: the power of a head's size d that logits are multiplied with.
        norm: rms or layer.
        readout: the exponent of the readout's entries.

    Raises:
        BadInput: both the heads and their size grow, or there is no such norm or projection.
    """
    if norm not in NORMS:
        raise BadInput("norm", found=norm, expected=f"one of {', '.join(NORMS)}", choices=NORMS)
    groups = axis("heads", heads)
    head = Axis("head", WIDTH.size - groups.size)
    degree = axis("power", attention).size
    normed = NORMS[norm]
    vocabulary, outputs = axis("vocabulary"), axis("outputs")
    stream: Expression = parameter("E", WIDTH, vocabulary, init=0) @ data("tokens", vocabulary, TOKEN, SAMPLE)
    if not degree.is_constant:
        raise BadInput("attention", found=attention, expected='a number, such as "-1/2"')
    for block in range(1, blocks + 1):

        def in_heads(projection: str, place: Axis, source: Expression, block: int = block) -> Expression:
            value = adapters.projected(projection, block, OUT, source, WIDTH)
            apart = split(named(f"{projection}[{block}]", value, cut=True), OUT, groups, head)
            return apart if place == TOKEN else renamed(apart, TOKEN, place)

        u = normed(stream, WIDTH)
        q, k, v = in_heads("q", TOKEN, u), in_heads("k", KEY, u), in_heads("v", KEY, u)
        logits = named(f"logits[{block}]", scaled("c", head.size * degree.constant, contract(q, k, head)), cut=True)
        attended = merge(contract(softmax(logits, KEY), v, KEY), groups, head, WIDTH)
        stream = _added(stream, "attention", block, adapters.projected("o", block, OUT, attended, WIDTH))
        u = normed(stream, WIDTH)
        gate, up = (adapters.projected(each, block, HIDDEN, u, WIDTH) for each in ("gate", "up"))
        gated = silu(named(f"gate[{block}]", gate, cut=True)) * named(f"up[{block}]", up, cut=True)
        stream = _added(stream, "mlp", block, adapters.projected("down", block, OUT, gated, HIDDEN))
    output = named("f", parameter("R", outputs, WIDTH, init=readout) @ normed(stream, WIDTH))
    features = [
        f"{{}}_{each}[{block}]" for block in range(1, blocks + 1) for each in PROJECTIONS if each in adapters.on
    ]
    z_a, z_b = (tuple(each.format(letter) for each in features) for letter in ("Z_A", "Z_B"))
    return Problem(name, output, stable=z_b, learning=z_b, internally_stable=(*z_a, "f"))


def _added(stream: Expression, what: str, block: int, value: Expression) -> Expression:
    """The residual stream behind a part of a block."""
    return named(f"{what}[{block}]", stream + renamed(value, OUT, WIDTH), cut=True)

"""Adapters beside a frozen weight W [out, width], as problems: what each adds to W Z, and what of it is trained.

    name          W Z +                                          trained
    lora          s B A Z                                        A, B
    lora-fa       s B A Z, A random                              B           Zhang et al., arXiv:2308.03303
    rslora        s B A Z, s = r^(-1/2), r = n^rho               A, B        Kalajdzievski, arXiv:2312.03732
    vera          b * (B (d * (A Z))), A and B random            d, b        Kopiczko et al., arXiv:2310.11454
    lora-xs       s B M A Z, A and B of singular vectors of W    M           Balazy et al., arXiv:2405.17604
    pissa         s B A Z, A and B of singular vectors of W      A, B        Meng et al., arXiv:2404.02948
    dora          m / |W + s B A| (W + s B A) Z - W Z            A, B, m     Liu et al., arXiv:2402.09353

Initial values are those of PEFT's layers where it has one, in exponents of the width n and of the rank.

Assumes: W is read as an iid random matrix of variance 1/fan_in. Then its singular vectors are independent of each other
and of the data and have entries n^(-1/2), and its singular values are Theta(1): so the factors that PiSSA, OLoRA (an
orthonormal Q and the first rows of R, of the same sizes) and LoRA-XS cut out of W are independent random factors with
entries n^(-1/2). A pretrained W whose leading directions stand out of its bulk is another case, and not derived here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from gamma_calc.program.expressions import Given, InverseRms
from gamma_calc.program.network import Power, axis, data, named, parameter, power, scaled, stop_gradient
from gamma_calc.program.problem import Problem

WIDTH, OUT, BATCH = axis("width", 1), axis("out", 1), axis("batch")
INPUT: Given = data("Z", WIDTH, BATCH)


def lora(
    name: str = "lora",
    *,
    init: tuple[Power, Power] = ("-1/2", "zero"),
    rates: tuple[Power | None, Power | None] = ("eta", "eta"),
    rank: Power = 0,
    scale: Power = 0,
) -> Problem:
    """s B A Z, with the init and the rate of A and of B; a factor without a rate is frozen."""
    r = axis("rank", rank)
    a = parameter("A", r, WIDTH, init=init[0], rate=rates[0])
    b = parameter("B", OUT, r, init=init[1], rate=rates[1])
    z_b = named("Z_B", scaled("s", scale, b @ named("Z_A", a @ INPUT)))
    return Problem(name, z_b, internally_stable=("Z_A",), efficient=_trained(A=rates[0], B=rates[1]))


def lora_fa(rank: Power = 0) -> Problem:
    """LoRA with a frozen random A."""
    return lora("lora-fa", rates=(None, "eta"), rank=rank)


def rslora(rank: Power = "rho") -> Problem:
    """LoRA with the scale alpha / sqrt(r)."""
    return lora("rslora", rank=rank, scale="-rank/2")


def pissa(rank: Power = 0) -> Problem:
    """LoRA from the leading singular vectors of W, which gives up B_0 A_0; OLoRA's factors have the same exponents."""
    return lora("pissa", init=("-1/2", "-1/2"), rank=rank)


def lora_xs(rank: Power = 0) -> Problem:
    """Three factors of which only the middle one, M [r, r], is trained."""
    return three_factors("lora-xs", init=("-1/2", "zero", "-1/2"), rates=(None, "eta", None), rank=rank)


def three_factors(
    name: str = "three-factors",
    *,
    init: tuple[Power, Power, Power] = ("-1/2", "zero", "-rank/2"),
    rates: tuple[Power | None, Power | None, Power | None] = ("eta", "eta", "eta"),
    rank: Power = 0,
    scale: Power = 0,
) -> Problem:
    """s B M A Z, with the init and the rate of A, of M and of B."""
    r, q = axis("rank", rank), axis("rank_out", rank)
    a = parameter("A", r, WIDTH, init=init[0], rate=rates[0])
    m = parameter("M", q, r, init=init[1], rate=rates[1])
    b = parameter("B", OUT, q, init=init[2], rate=rates[2])
    z_m = named("Z_M", m @ named("Z_A", a @ INPUT))
    trained = _trained(A=rates[0], M=rates[1], B=rates[2])
    return Problem(name, named("Z_B", scaled("s", scale, b @ z_m)), internally_stable=("Z_A", "Z_M"), efficient=trained)


def vera(rank: Power = 0) -> Problem:
    """Frozen random A and B with trained vectors: d starts at a constant, d_0, and b at zero."""
    r = axis("rank", rank)
    a, b = parameter("A", r, WIDTH, init="-1/2"), parameter("B", OUT, r, init="-rank/2")
    inner = data("d_0", r) + parameter("d", r, init="zero", rate="eta")
    outer = parameter("b", OUT, init="zero", rate="eta")
    z_a = named("Z_A", a @ INPUT)
    z_b = named("Z_B", outer * (b @ (inner * z_a)))
    return Problem("vera", z_b, internally_stable=("Z_A",), efficient=("d", "b"))


def dora(
    name: str = "dora",
    *,
    init: tuple[Power, Power] = ("-1/2", "zero"),
    rates: tuple[Power | None, Power | None, Power | None] = ("eta", "eta", "eta_m"),
    rank: Power = 0,
    scale: Power = 0,
    fan_out: Power = 1,
) -> Problem:
    """A magnitude for each output times the direction of W + s B A; m is how far a magnitude is from that of W.

    The norm that it divides by is no part of the gradient, as in the paper and in PEFT.

    Args:
        init: those of A and of B.
        rates: those of A, of B and of m; what has none is frozen.
    """
    r, out = axis("rank", rank), axis("out", fan_out)
    w = parameter("W", out, WIDTH, init="-1/2")
    a = parameter("A", r, WIDTH, init=init[0], rate=rates[0])
    b = parameter("B", out, r, init=init[1], rate=rates[1])
    m = parameter("m", out, init="zero", rate=rates[2])
    magnitude = power(InverseRms(w, WIDTH), -1) + scaled("c_m", "-1/2", m)
    norm = stop_gradient(InverseRms(w + scaled("s", scale, b @ a), WIDTH))
    adapted = w @ INPUT + scaled("s", scale, b @ named("Z_A", a @ INPUT))
    output = named("Y", (magnitude * norm) * adapted)
    efficient = _trained(A=rates[0], B=rates[1], m=rates[2])
    return Problem(name, output, internally_stable=("Z_A",), efficient=efficient)


ADAPTERS: Mapping[str, Callable[[], Problem]] = MappingProxyType(
    {
        "lora-fa": lora_fa,
        "rslora": rslora,
        "vera": vera,
        "lora-xs": lora_xs,
        "pissa": pissa,
        "dora": dora,
    }
)
"""What a spec can name beside the schemes of one module."""


def _trained(**rates: Power | None) -> tuple[str, ...]:
    return tuple(name for name, rate in rates.items() if rate is not None)

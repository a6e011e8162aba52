"""Problems that several tests speak of."""

from __future__ import annotations

from gamma_calc import Problem
from gamma_calc.program.network import Power, axis, data, named, parameter, scaled


def lora(
    init_a: Power = "-1/2",
    init_b: Power = "zero",
    rate_a: Power | None = "eta",
    rate_b: Power | None = "eta",
    *,
    rank: Power = 0,
    optimizer: str = "adam",
) -> Problem:
    """One LoRA module, as a network of one's own."""
    n, r, out, batch = axis("width", 1), axis("rank", rank), axis("out", 1), axis("batch")
    a = parameter("A", r, n, init=init_a, rate=rate_a)
    b = parameter("B", out, r, init=init_b, rate=rate_b)
    z_a = named("Z_A", a @ data("Z", n, batch))
    trained = tuple(name for name, rate in (("A", rate_a), ("B", rate_b)) if rate is not None)
    z_b = named("Z_B", scaled("s", 0, b @ z_a))
    return Problem("lora", z_b, internally_stable=("Z_A",), efficient=trained, optimizer=optimizer)

"""What the tests explore: one module, a stack, a perceptron and a problem, and points of their free exponents."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache

from gamma_calc import Explorer, Exponents, Problem, explore, exponents
from gamma_calc.program.network import axis, data, named, parameter, relu, scaled
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.spec_file import scheme_from_text

TWO_RATES = 'name = "two rates"\n[exponents]\nA = "-1/2"\nB = "zero"\neta_A = "a"\neta_B = "b"\n'
PERCEPTRON = 'name = "perceptron"\n[model]\nkind = "perceptron"\nlayers = ["W_1", "W_2", "W_3"]\n' + "".join(
    f'[parameters.W_{layer}]\ninit = "{init}"\nrate = "{rate}"\n'
    for layer, init, rate in ((1, "0", "a"), (2, "-1/2", "b"), (3, "-1", "c"))
)
PARITIES = 'name = "parities"\n[exponents]\nA = "-1/2"\nB = "q"\neta_A = "eta"\neta_B = "eta"\nrank = "rho"\n'
"""Some of its exponents are only bounded from above, and its domain is 0 <= rho <= 1."""


def gated() -> Problem:
    """A LoRA module with a trained gate between its factors."""
    n, out, rank, batch = axis("width", 1), axis("out", 1), axis("rank"), axis("batch")
    a = parameter("A", rank, n, init="-1/2", rate="eta")
    g = parameter("g", rank, init="0", rate="eta")
    b = parameter("B", out, rank, init="zero", rate="eta + 1")
    z_a = named("Z_A", a @ data("Z", n, batch))
    return Problem("gated", named("Z_B", scaled("s", 0, b @ (g * z_a))), efficient=("A", "g", "B"))


def beside_a_frozen_part() -> Problem:
    """A ReLU of an adapter and a frozen map: whether what is trained leads there is another thing on parts."""
    n, out, rank, batch = axis("width", 1), axis("out", 1), axis("rank"), axis("batch")
    a, b = parameter("A", rank, n, init="zero", rate="eta"), parameter("B", out, rank, init="0", rate="eta")
    x, frozen, w = data("Z", n, batch), parameter("W_0", out, n, init="-1/2"), parameter("W", out, init="-1/2")
    z_b = named("Z_B", b @ named("Z_A", a @ x))
    return Problem("beside", named("f", w @ relu(z_b + frozen @ x)), stable=("Z_B", "f"), efficient=("A", "B"))


def two_rates(optimizer: str = "adam") -> Scheme:
    return scheme_from_text(TWO_RATES).under(optimizer)


def stack(depth: int) -> Scheme:
    return scheme_from_text(f'{TWO_RATES}[model]\nkind = "lora-stack"\ndepth = {depth}\n')


EXAMPLES: Mapping[str, Scheme | Problem] = {
    "module": two_rates(),
    "gradient descent": two_rates("sgd"),
    "stack": stack(2),
    "perceptron": scheme_from_text(PERCEPTRON),
    "parities": scheme_from_text(PARITIES),
    "problem": gated(),
    "unknown": two_rates(),
}


WITHOUT: Mapping[str, tuple[str, ...]] = {"unknown": ("A5",)}
"""Assumptions that an example does without: then conditions are open in places."""


@cache
def explored(name: str) -> Explorer:
    """The page of an example."""
    return explore(EXAMPLES[name], without=WITHOUT.get(name, ()))


@cache
def derived_exponents(name: str, steps: int) -> Exponents:
    """The exponents of an example as the engine gives them."""
    return exponents(EXAMPLES[name], steps=steps, without=WITHOUT.get(name, ()))


def points(names: tuple[str, ...], count: int) -> Iterator[dict[str, Fraction]]:
    """Points near the origin, half of them on the grid of quarters, where pieces and edges meet."""
    draw = random.Random(7)
    for number in range(count):
        below = 4 if number % 2 else draw.randint(1, 10**6)
        yield {name: Fraction(draw.randint(-2 * below, below), below) for name in names}

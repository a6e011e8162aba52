"""LoRA: one adapter s B A beside a frozen weight, as papers on its init, its rates, its rank and its optimiser have it.

Inputs Z have entries Theta(1) and the rank is fixed unless it is said to grow; c is the exponent of a single rate.
"""

from __future__ import annotations

from collections.abc import Mapping

from gamma_calc.atlas.questions import Subject
from gamma_calc.program.network import axis, data, named, parameter
from gamma_calc.program.problem import Problem
from gamma_calc.program.scheme import INITIAL, Scheme


def _module(
    words: str,
    factors: tuple[str, str],
    rates: tuple[str, str] = ("c", "c"),
    *,
    optimizer: str = "adam",
    trained: str = "AB",
    between: tuple[str, ...] = (),
    **others: str,
) -> Subject:
    keys = (*INITIAL, *(f"eta_{name}" for name in INITIAL))
    exponents = {**dict(zip(keys, (*factors, *rates), strict=True)), **others}
    scheme = Scheme("module", exponents, optimizer, trained=frozenset(trained), between=between)  # type: ignore[arg-type]
    return Subject(words, scheme)


def _toy(words: str, factors: tuple[str, str], rates: tuple[str, str] = ("c", "c")) -> Subject:
    """One output and a vector a, under gradient descent."""
    return _module(f"f = b a^T x, {words}; gradient descent", factors, rates, optimizer="sgd", fan_out="0")


def _dense() -> Problem:
    """A square matrix, trained as a whole."""
    weight = parameter("W", axis("out", 1), axis("width", 1), init="-1/2", rate="c")
    return Problem("dense", named("Y", weight @ data("Z", axis("width", 1), axis("batch"))))


A, B = ("-1/2", "zero"), ("zero", "-rank/2")

SUBJECTS: Mapping[str, Subject] = {
    "init-a": _module("A random with A Z = Theta(1), B zero; Adam, one rate n^c", A),
    "init-b": _module("A zero, B random with variance 1/r; Adam, one rate n^c", B),
    "init-b-frozen": _module("as Init[B], B not trained; Adam", B, trained="A"),
    "variance-a": _module("A random with variance n^v, B zero", ("v/2", "zero")),
    "variance-b": _module("A random, B with variance r^v, r = n", ("-1/2", "v/2"), rank="1"),
    "kaiming": _module("both factors random with variance 1/n", ("-1/2", "-1/2")),
    "slower-a": _module(
        "Init[A], Adam, one rate n^(-1/2 - e), 0 < e <= 1/2", A, ("-1/2 - e",) * 2, between=("e > 0", "e <= 1/2")
    ),
    "two-rates-a": _module("Init[A]; Adam, rates n^a for A and n^b for B", A, ("a", "b")),
    "two-rates-any-init": _module("entries n^p in A, n^q in B; Adam, rates n^a and n^b", ("p", "q"), ("a", "b")),
    "toy-any-init": _toy("entries n^p in a, n^q in b; one rate n^c", ("p", "q")),
    "toy-a": _toy("b = 0, a of variance 1/n, one rate n^c", A),
    "toy-two-rates": _toy("entries n^p in a, n^q in b, rates n^a and n^b", ("p", "q"), ("a", "b")),
    "toy-two-rates-a": _toy("b = 0, a of variance 1/n, rates n^a and n^b", A, ("a", "b")),
    "toy-two-rates-b": _toy("a = 0, b = Theta(1), rates n^a and n^b", ("zero", "0"), ("a", "b")),
    "toy-variance-a": _toy("b = 0, a of variance n^v", ("v/2", "zero")),
    "toy-variance-b": _toy("a of variance 1/n, b of variance n^v", ("-1/2", "v/2")),
    "rank-sgd": _module(
        "Init[A], r = n^rho, multiplier n^s; gradient descent at a rate free of n and r",
        A,
        ("0", "0"),
        optimizer="sgd",
        rank="rho",
        scale="s",
    ),
    "growing-rank-a": _module(
        "Init[A], r = n^rho, multiplier n^(-kappa) with kappa >= 0; Adam, one rate n^c",
        A,
        between=("kappa >= 0",),
        rank="rho",
        scale="-kappa",
    ),
    "growing-rank-b": _module(
        "Init[B], r = n^rho, multiplier n^(-kappa) with kappa + rho <= 1; Adam, one rate n^c",
        B,
        between=("kappa + rho <= 1",),
        rank="rho",
        scale="-kappa",
    ),
    "dense": Subject("all of an n x n matrix; Adam, one rate n^c", _dense().scheme),
}

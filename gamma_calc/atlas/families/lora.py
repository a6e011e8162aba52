"""LoRA: one adapter s B A beside a frozen weight, as papers on its init, its rates, its rank and its optimiser have it.

Inputs Z have entries Theta(1) and the rank is fixed unless it is said to grow; c is the exponent of a single rate.
"""

from __future__ import annotations

from collections.abc import Mapping

from gamma_calc.algebra import Affine
from gamma_calc.atlas.questions import Subject
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import Expression, PowerOf, Trained
from gamma_calc.program.network import axis, contract, data, named, parameter, power, scaled
from gamma_calc.program.optimizers import HALF, ONE, Gradients, Optimizer, Raw, Update
from gamma_calc.program.problem import Problem
from gamma_calc.program.scheme import INITIAL, Scheme
from gamma_calc.program.update_expressions import Scalar


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
    scheme = Scheme("module", exponents, optimizer, trained=frozenset(trained), between=between)
    return Subject(words, scheme)


def _toy(words: str, factors: tuple[str, str], rates: tuple[str, str] = ("c", "c")) -> Subject:
    """One output and a vector a, under gradient descent."""
    return _module(f"f = b a^T x, {words}; gradient descent", factors, rates, optimizer="sgd", fan_out="0")


def _dense() -> Problem:
    """A square matrix, trained as a whole."""
    weight = parameter("W", axis("out", 1), axis("width", 1), init="-1/2", rate="c")
    return Problem("dense", named("Y", weight @ data("Z", axis("width", 1), axis("batch"))))


def _at_the_input() -> Problem:
    """An adapter with a vector v added to its input, of which the gradient is the one that reaches Z.

    The rank alone grows: an exponent is one of r.
    """
    n, rank, batch = axis("width"), axis("rank", 1), axis("batch")
    z = data("Z", n, batch) + parameter("v", n, init="zero", rate="-2") * data("ones", batch)
    inner = parameter("A", rank, n, init="0", rate="0") @ z
    output = scaled("s", "s", parameter("B", axis("out"), rank, init="zero", rate="0") @ inner)
    return Problem("at the input", named("Z_B", output), optimizer="sgd")


def _divided_by_the_other(weight: Trained, gradients: Gradients) -> Update:
    """Descent along G / (n^-2 + |W|^2), of two vectors each by the other W: its inverse Gram matrix, damped."""
    (other,) = (each for each in gradients if each != weight)
    gram = Scalar("damping", Affine.of(-2)) + contract(other, other, *other.axes)
    return Update(gradients[weight] * PowerOf(gram, -ONE))


def _over_the_other(weight: Trained, gradients: Gradients) -> Update:
    """A step of norm one along the gradient of a vector, over the norm of the other vector; both norms are damped.

    So LoRA-RITE moves factors of rank one: B A does not feel a number that is taken from one and given to the other.
    """
    (other,) = (each for each in gradients if each != weight)
    gradient, damping = gradients[weight], Scalar("damping", Affine.of(-2))
    squares = (damping + contract(vector, vector, *vector.axes) for vector in (gradient, other))
    own, others = (PowerOf(each, -HALF) for each in squares)
    return Update(gradient * own * others)


def invariant(entries: str) -> Problem:
    """An adapter of rank one, A random and B = 0, whose steps do not feel how B A is made of the two."""
    n, batch = axis("width", 1), axis("batch")
    inner = named("Z_A", parameter("A", n, init=entries, rate="c") @ data("Z", n, batch))
    output = named("Z_B", parameter("B", axis("out", 1), init="zero", rate="c") * inner)
    return Problem("invariant", output, efficient=("A", "B"), optimizer=Optimizer("lora-rite", Raw(), _over_the_other))


def _from_a_gradient() -> Problem:
    """B_0 A_0 = zeta U V^T from a gradient U S V^T of rank one: its sides over their norms, times the root of zeta."""
    fan_in, fan_out, batch = axis("inputs", "q"), axis("outputs", "p"), axis("batch")
    v, u = (_over_its_norm(name, side) for name, side in (("V", fan_in), ("U", fan_out)))
    a, b = (named(f"{name}_0", scaled("root", "zeta/2", side)) for name, side in (("A", v), ("B", u)))
    unseen = parameter("x", fan_in, batch, init="0", rate="0")
    output = named("Y", b * contract(a, unseen, fan_in))
    return Problem("from a gradient", output, between=("p >= 0", "q >= 0"))


def _over_its_norm(name: str, side: Axis) -> Expression:
    vector = data(name, side)
    return vector * power(contract(vector, vector, side), -HALF)


def _rank_one() -> Problem:
    """f = b a^T x with a number b, each preconditioned by the inverse Gram matrix of the other."""
    n, batch = axis("width", 1), axis("batch")
    inner = named("ax", parameter("a", n, init="zero", rate="c") @ data("x", n, batch))
    output = named("f", parameter("b", init="0", rate="c") * inner)
    optimizer = Optimizer("preconditioned descent", Raw(), _divided_by_the_other)
    return Problem("rank one", output, ("ax", "f"), efficient=("a", "b"), optimizer=optimizer)


def _gram() -> Problem:
    """The inverse Gram matrix of a factor of rank one with entries of size 1: a number."""
    n = axis("width", 1)
    b = parameter("B", n, init="0", rate="-1")
    return Problem("gram", named("inverse", power(contract(b, b, n), -1)))


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
    "at-the-input": Subject(
        "B zero, multiplier r^s, a vector v added to Z; gradient descent at a rate free of r, which alone grows",
        _at_the_input().scheme,
    ),
    "rank-one": Subject(
        "f = b a^T x, a = 0, b = Theta(1), one rate n^c; gradient descent preconditioned by (n^-2 + |a|^2)^-1 and "
        "(n^-2 + b^2)^-1",
        _rank_one().scheme,
    ),
    "invariant": Subject(
        "rank one, A random with A Z = Theta(1), B zero; steps of norm n^c over the norm of the other factor",
        invariant("-1/2").scheme,
    ),
    "from-a-gradient": Subject(
        "factors sqrt(zeta) U and sqrt(zeta) V from a gradient of rank one, n^p outputs and n^q inputs, as initialised",
        _from_a_gradient().scheme,
    ),
    "rates-by-their-ratio": _module("Init[A]; Adam, rates n^a for A and n^(a + k) for B", A, ("a", "a + k")),
    "gram": Subject("a factor of rank one with entries of size 1, as initialised", _gram().scheme),
    "dense": Subject("all of an n x n matrix; Adam, one rate n^c", _dense().scheme),
}

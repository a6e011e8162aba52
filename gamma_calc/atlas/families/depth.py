"""Residual networks as their depth grows: sums over L blocks, of which initial ones are independent and steps aligned.

Here the depth L is the size that grows, and every width is fixed: an exponent is one of L, a multiplier L^-alpha has
the exponent -alpha. A network is read as `groups` of blocks one after another. Those of a group read one stream, and
their weights are one tensor W[layers, out, in]; so the sum over a group is a sum over an axis like any other:

    h[g] = W[g] phi(s[g-1]),  s[g] = s[g-1] + L^-alpha sum over layers of h[g]

Blocks within a group do not see each other. With G groups every product of up to G blocks one after another is there,
and a product of more of them is no larger than those where all sums over blocks are O(1), as stability has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gamma_calc.atlas.families import width
from gamma_calc.atlas.families.norms import preconditioned
from gamma_calc.atlas.perceptrons import perceptron
from gamma_calc.atlas.questions import Subject
from gamma_calc.program.expressions import Expression, Ones
from gamma_calc.program.network import axis, contract, data, named, parameter, relu, renamed, scaled
from gamma_calc.program.optimizers import HALF, Optimizer
from gamma_calc.program.problem import Problem

LAYERS, BATCH = axis("layers", 1), axis("batch")
STREAM, HIDDEN, BRANCH = axis("stream"), axis("hidden"), axis("branch")


def residual(
    words: str,
    multiplier: str = "-alpha",
    rate: str = "-gamma",
    *,
    matrices: int = 1,
    groups: int = 2,
    optimizer: str | Optimizer = "adam",
    bias: str | None = None,
    last: str | None = None,
    embedding: str | None = None,
    between: tuple[str, ...] = (),
    **beside: Any,
) -> Subject:
    """Groups of L blocks of one matrix, W_2 phi(s), or two, W_2 phi(W_1 phi(s)).

    `bias` is the rate of a bias of each block, zero at first, and `embedding` that of the embedding; what has no rate
    is not trained, and neither is the readout. `last` is the exponent of the number of blocks in the last group, where
    it is not as deep as the others.
    """
    inputs = axis("inputs")
    stream: Expression = parameter("U", STREAM, inputs, init="0", rate=embedding) @ data("x", inputs, BATCH)
    for g in range(1, groups + 1):
        layers = axis("last", last) if last is not None and g == groups else LAYERS
        hidden = relu(stream)
        if matrices == 2:
            first = parameter(f"W_1[{g}]", layers, HIDDEN, STREAM, init="0", rate=rate)
            hidden = relu(named(f"h_1[{g}]", first @ hidden))
        fan_in = HIDDEN if matrices == 2 else STREAM
        second = parameter(f"W_2[{g}]", layers, BRANCH, fan_in, init="0", rate=rate)
        block: Expression = contract(second, hidden, fan_in)
        if bias is not None:
            block = block + parameter(f"b[{g}]", layers, BRANCH, init="zero", rate=bias) * Ones.along(BATCH)
        branch = named(f"branch[{g}]", scaled("c", multiplier, named(f"h_2[{g}]", block)))
        total = named(f"sum[{g}]", contract(Ones.along(layers), branch, layers))
        stream = named(f"s[{g}]", stream + renamed(total, BRANCH, STREAM))
    output = named("f", parameter("V", axis("out"), STREAM, init="0") @ stream)
    streams = tuple(f"s[{g}]" for g in range(1, groups + 1))
    problem = Problem("residual", output, streams, streams, optimizer=optimizer, between=between)
    exponents: dict[str, Any] = {**problem.exponents, **beside}
    return Subject(words, replace(problem.scheme, exponents=exponents))


BELOW = ("1/2 <= alpha", "alpha < 1")

SUBJECTS: Mapping[str, Subject] = {
    "one": residual("blocks of one matrix, multiplier L^-alpha, rate L^-gamma; Adam"),
    "one-alone": residual("blocks of one matrix that all read the input, L^-alpha and L^-gamma; Adam", groups=1),
    "one-sgd-alone": residual(
        "blocks of one matrix that all read the input, multiplier L^-alpha, rate L^(alpha - gamma); gradient descent",
        rate="alpha - gamma",
        groups=1,
        optimizer="sgd",
    ),
    "half": residual("blocks of one matrix, multiplier L^(-1/2), rate L^c; Adam", "-1/2", "c"),
    "half-sgd": residual(
        "blocks of one matrix, multiplier L^(-1/2), rate L^c; gradient descent", "-1/2", "c", optimizer="sgd"
    ),
    "half-muon": residual(
        "blocks of one matrix, multiplier L^(-1/2), rate L^c; orthogonalised steps",
        "-1/2",
        "c",
        optimizer=preconditioned(HALF),
    ),
    "complete-shampoo": residual(
        "blocks of two matrices, multiplier 1/L, rate L^c; Shampoo with e_L + e_R = 1/4",
        "-1",
        "c",
        matrices=2,
        optimizer=preconditioned(HALF / 2),
    ),
    "multiplier": residual("blocks of one matrix, multiplier L^m, rate L^-gamma; Adam", "m"),
    "unscaled": residual("blocks of one matrix, multiplier L^m, steps of size 1", "m", "0"),
    "stretch": residual(
        "blocks of one matrix, alpha = gamma = 1/2; after L of them a stretch of L^theta; Adam",
        "-1/2",
        "-1/2",
        last="theta",
        between=("0 < theta", "theta <= 1"),
    ),
    "long-stretch": residual(
        "blocks of one matrix, alpha = 3/4, gamma = 1/4; after L of them a stretch of L^theta, theta >= 1/2; Adam",
        "-3/4",
        "-1/4",
        last="theta",
        between=("1/2 <= theta", "theta <= 1"),
    ),
    "two-alone": residual(
        "blocks of two matrices that all read the input, L^-alpha and L^-gamma; Adam", matrices=2, groups=1
    ),
    "two": residual(
        "blocks of two matrices, multiplier L^-alpha with 1/2 <= alpha < 1, rate L^c with c < 0; Adam",
        rate="c",
        matrices=2,
        between=(*BELOW, "c < 0"),
    ),
    "complete": residual(
        "blocks of two matrices, multiplier 1/L, rate L^c, L^e of the embedding; Adam",
        "-1",
        "c",
        matrices=2,
        embedding="e",
    ),
    "complete-bias-sgd": residual(
        "blocks of two matrices and a bias, multiplier 1/L, rate L, L^c of biases; gradient descent",
        "-1",
        "1",
        matrices=2,
        bias="c",
        optimizer="sgd",
    ),
    "complete-decay-sgd": residual(
        "blocks of two matrices, multiplier 1/L, rate L, decay L^k; gradient descent",
        "-1",
        "1",
        matrices=2,
        optimizer="sgd",
        decay="k",
    ),
    "width-adam": width.SUBJECTS["multiplier-adam"],
    "width-entrywise": width.SUBJECTS["no-multiplier-adam"],
    "width-scales": perceptron(
        "variance n^v of hidden matrices, output multiplier n^m; Adam at rates 1, 1/n, 1",
        ("0", "0", "m"),
        ("0", "v/2", "0"),
        ("0", "-1", "0"),
    ),
    "width-decay": width.SUBJECTS["hidden-decay-adam"],
}

"""Tensor Programs IV, IVb and V: abc- and abcd-parametrisations, muP and NTK, with the calculus's own alignments.

A paper's W_l = n^(-a_l) w_l with entries of w_l at n^(-b_l) and a rate n^(-c_l) is a multiplier -a_l, an init -b_l and
a rate -c_l; layers 1, 2 and 3 are the input, hidden and output layer. The initial readout meets features that moved
because of it aligned (omega = 1), as the rules have it.
"""

from __future__ import annotations

from collections.abc import Mapping

from gamma_calc.atlas.perceptrons import GLOBAL, MUP, NO_MULTIPLIER, NTK, OUTPUT_MULTIPLIER, STANDARD, perceptron
from gamma_calc.atlas.questions import Subject
from gamma_calc.program.network import axis, contract, data, named, parameter, relu, renamed, scaled
from gamma_calc.program.problem import Problem

ABC = (("-a_1", "-a_2", "-a_3"), ("-b_1", "-b_2", "-b_3"))
MUP_TO_NTK = (("1/2 - r", "-r", "-1/2"), ("r - 1/2", "r - 1/2", "r - 1/2"), ("0", "0", "0"))
STABLE_ABC = (("0", "-a_2", "-a_3"), ("0", "a_2 - 1/2", "-b_3"), ("-c", "-c", "-c"))
"""With a_1 = b_1 = 0 and hidden values of size 1 at the start; one rate."""
MAXIMAL = ("0", "-1", "0")
"""Rates of Adam with a multiplier 1/n at the output."""
WIDTH, NEXT, OUT, BATCH = axis("width", 1), axis("next", 1), axis("out"), axis("batch")


def _with_bias(optimizer: str) -> Subject:
    """muP with a bias and a scalar in the hidden layer."""
    first = relu(parameter("W_1", WIDTH, axis("inputs"), init="0", rate="embedding") @ data("x", axis("inputs"), BATCH))
    bias = parameter("beta", NEXT, init="zero", rate="bias")
    ones = data("ones", BATCH)
    hidden = parameter("W_2", NEXT, WIDTH, init="-1/2", rate="hidden") @ named("h[1]", first)
    moved = named("h[2]", hidden + bias * ones)
    gain = parameter("g", init="0", rate="scalar")
    output = parameter("W_3", OUT, NEXT, init="0", multiplier="-1", rate="readout") @ (gain * relu(moved))
    problem = Problem("with-bias", named("f", output), stable=("h[1]", "h[2]", "f"), optimizer=optimizer)
    return Subject(f"muP with biases and a gain, output multiplier 1/n; {optimizer}", problem.scheme)


def _attention() -> Subject:
    """The logits of one head whose size grows: n^s q.k, from the same input."""
    head, keys = axis("head", 1), axis("keys")
    z = data("Z", WIDTH, BATCH)
    q = named("q", parameter("W_q", head, WIDTH, init="-1/2", rate="-1") @ z)
    k = named("k", parameter("W_k", head, WIDTH, init="-1/2", rate="-1") @ renamed(z, BATCH, keys))
    logits = named("logits", scaled("scale", "s", contract(q, k, head)))
    return Subject("one head of size n, logits n^s q.k; Adam at n^-1", Problem("attention", logits).scheme)


SUBJECTS: Mapping[str, Subject] = {
    # Tensor Programs IV: one rate n^(-c) under gradient descent.
    "abc": perceptron("any abc-parametrisation", *ABC, ("0", "0", "0"), optimizer="sgd"),
    "sp": perceptron("standard parametrisation, one rate n^c; gradient descent", *STANDARD, GLOBAL, optimizer="sgd"),
    "ntk": perceptron("NTK parametrisation, one rate n^c; gradient descent", *NTK, GLOBAL, optimizer="sgd"),
    "mup": perceptron("muP, one rate n^c; gradient descent", *MUP, GLOBAL, optimizer="sgd"),
    "mup-shifted": perceptron(
        "muP with a + theta and b - theta in every layer, one rate n^c; gradient descent",
        ("1/2 - theta", "-theta", "-1/2 - theta"),
        ("theta - 1/2", "theta - 1/2", "theta - 1/2"),
        GLOBAL,
        optimizer="sgd",
    ),
    "half": perceptron(
        "any a with b = 1/2 and c = 0; gradient descent",
        ("-a_1", "-a_2", "-a_3"),
        ("-1/2", "-1/2", "-1/2"),
        ("0", "0", "0"),
        optimizer="sgd",
    ),
    "uniform": perceptron(
        "a line from muP, r = 0, to NTK, r = 1/2: a = (r - 1/2, r, 1/2), b = 1/2 - r, c = 0; gradient descent",
        *MUP_TO_NTK,
        optimizer="sgd",
        between=("0 <= r", "r <= 1/2"),
    ),
    "kernel": perceptron(
        "the same line without muP, 0 < r <= 1/2; gradient descent",
        *MUP_TO_NTK,
        optimizer="sgd",
        between=("0 < r", "r <= 1/2"),
    ),
    "stable-abc": perceptron(
        "a stable abc-parametrisation with a_1 = b_1 = 0; gradient descent",
        *STABLE_ABC,
        optimizer="sgd",
    ),
    "moving-abc": perceptron(
        "the same within r >= 0 and 2 a_3 + c >= 1; gradient descent",
        *STABLE_ABC,
        optimizer="sgd",
        between=(
            "2*a_2 + a_3 + b_3 + c >= 1",
            "a_3 + b_3 + c >= 0",
            "a_2 + a_3 + c >= 1/2",
            "a_3 + c >= 0",
            "2*a_3 + c >= 1",
            "a_3 + b_3 >= 1/2",
        ),
    ),
    "output-abc": perceptron(
        "only the output layer is trained, at n^(-c); gradient descent",
        ("0", "0", "-a_3"),
        ("0", "-1/2", "-b_3"),
        (None, None, "-c"),
        optimizer="sgd",
    ),
    # Tensor Programs IVb: a rate n^(-c_l) for each layer under Adam.
    "mup-adam": perceptron("muP with an output multiplier 1/n; Adam, a rate for each layer", *OUTPUT_MULTIPLIER),
    "ntk-adam": perceptron("NTK parametrisation; Adam, a rate for each layer", *NTK),
    "sp-adam": perceptron("standard parametrisation, one rate n^c; Adam", *STANDARD, GLOBAL),
    "mup-adam-shifted": perceptron(
        "muP, hidden a + theta and b - theta; Adam, a rate for each layer",
        ("0", "-theta", "-1"),
        ("0", "theta - 1/2", "0"),
    ),
    "input-alone": perceptron(
        "only the input layer is trained, at n^(-c_1); Adam",
        ("-a_1", "0", "-1"),
        ("a_1", "-1/2", "0"),
        ("-c_1", None, None),
    ),
    "hidden-alone": perceptron(
        "only the hidden layer is trained, at n^(-c_2); Adam",
        ("0", "-a_2", "-1"),
        ("0", "a_2 - 1/2", "0"),
        (None, "-c_2", None),
    ),
    "output-alone": perceptron(
        "muP with an output multiplier 1/n, only the output layer is trained, at n^0; Adam",
        *OUTPUT_MULTIPLIER,
        (None, None, "0"),
    ),
    "hidden-r": perceptron(
        "the hidden layer moves h[2] by n^(-r), a_3 and b_3 of the output are free; Adam",
        ("0", "0", "-a_3"),
        ("0", "-1/2", "-b_3"),
        (None, "-1 - r", None),
    ),
    "hidden-r-output": perceptron(
        "the hidden layer moves h[2] by n^(-r), the output layer is trained at n^(-c_3); Adam",
        ("0", "0", "-a_3"),
        ("0", "-1/2", "-b_3"),
        (None, "-1 - r", "-c_3"),
    ),
    "readout-scale": perceptron(
        "the output layer starts at n^(-b_3) and is trained at n^(-c_3), alone; Adam",
        ("0", "0", "-1"),
        ("0", "-1/2", "-b_3"),
        (None, None, "-c_3"),
    ),
    "mup-d": perceptron("muP with an output a_3 and b_3 = 0; Adam", ("0", "0", "-a_3"), ("0", "-1/2", "0"), MAXIMAL),
    "general-adam": _with_bias("adam"),
    "general-sgd": _with_bias("sgd"),
    # Tensor Programs V.
    "table-3-init": perceptron(
        "variances n^v_1, n^v_2, n^v_3 without multipliers; Adam at rates 1, 1/n, 1/n",
        ("0", "0", "0"),
        ("v_1/2", "v_2/2", "v_3/2"),
        ("0", "-1", "-1"),
    ),
    "table-3-sgd": perceptron("muP without multipliers; gradient descent", *NO_MULTIPLIER, optimizer="sgd"),
    "table-3-adam": perceptron("muP without multipliers; Adam", *NO_MULTIPLIER),
    "table-8-init": perceptron(
        "an output multiplier n^m and variance n^v; Adam at rates 1, 1/n, 1",
        ("0", "0", "m"),
        ("0", "-1/2", "v/2"),
        MAXIMAL,
    ),
    "table-8-sgd": perceptron(
        "muP with an output multiplier 1/n; gradient descent",
        *OUTPUT_MULTIPLIER,
        optimizer="sgd",
    ),
    "decay-adam": perceptron(
        "the hidden layer of muP under Adam at n^-1, decay n^k",
        *OUTPUT_MULTIPLIER,
        (None, "-1", None),
        decay="k",
    ),
    "decay-sgd": perceptron(
        "the hidden layer of muP under gradient descent at n^0, decay n^k",
        *OUTPUT_MULTIPLIER,
        (None, "0", None),
        optimizer="sgd",
        decay="k",
    ),
    "attention": _attention(),
}

"""Rates as the width grows: large rates under standard scaling, orthogonalised steps, unit scaling, sparsity, decay.

Perceptrons of three layers with the calculus's own alignments, each layer with a rate of its own; c is the exponent of
a single rate.
"""

from __future__ import annotations

from collections.abc import Mapping

from gamma_calc.atlas.families import tensor_programs
from gamma_calc.atlas.perceptrons import LAYERS, MUP, NO_MULTIPLIER, OUTPUT_MULTIPLIER, STANDARD, Three, perceptron
from gamma_calc.atlas.questions import Subject
from gamma_calc.program.expressions import Trained
from gamma_calc.program.network import axis, contract, data, named, parameter, relu, softmax
from gamma_calc.program.optimizers import HALF, MUON, NEWTON_SCHULZ, Gradients, Optimizer, Raw, Update, nesterov
from gamma_calc.program.problem import Problem
from gamma_calc.program.update_expressions import Count

UNIT_SCALED = (("0", "-1/2", "-1"), ("0", "0", "0"))
ORTHOGONALISED = Optimizer("muon without a factor", NEWTON_SCHULZ, nesterov, MUON)
"""A step U V^T, whatever the shape of the matrix."""
MULTIPLIER = "muP with an output multiplier 1/n"
WIDTH, NEXT, BATCH = axis("width", 1), axis("next", 1), axis("batch")


def _past_the_multiplier(weight: Trained, gradients: Gradients) -> Update:
    """Descent along the gradient as it is without the multiplier 1/sqrt(fan_in) in front of the weight."""
    gradient = gradients[weight]
    return Update(gradient, (), Count(gradient, weight.axes[-1], HALF))


def _linear(multipliers: Three, inits: Three) -> Problem:
    """Three layers without a map between them."""
    inputs, out = axis("inputs"), axis("out")
    first, hidden, last = (
        parameter(name, fan_out, fan_in, init=init, multiplier=multiplier, rate="c")
        for name, fan_out, fan_in, init, multiplier in zip(
            LAYERS, (WIDTH, NEXT, out), (inputs, WIDTH, NEXT), inits, multipliers, strict=True
        )
    )
    output = named("f", last @ named("h[2]", hidden @ named("h[1]", first @ data("x", inputs, BATCH))))
    return Problem("linear", output, ("h[1]", "h[2]", "f"), optimizer="sgd")


def _experts() -> Problem:
    """muP with a fixed number of experts, each a matrix, mixed by a softmax of what a router says of the features."""
    experts = axis("experts")
    inputs = axis("inputs")
    entering = named("h[1]", parameter("W_1", WIDTH, inputs, init="0", rate="embedding") @ data("x", inputs, BATCH))
    first = relu(entering)
    logits = named("logits", parameter("router", experts, WIDTH, init="-1", rate="router") @ first)
    each = parameter("W_2", experts, NEXT, WIDTH, init="-1/2", rate="expert") @ first
    mixed = named("h[2]", contract(softmax(logits, experts), each, experts))
    output = named("f", parameter("W_3", axis("out"), NEXT, init="-1", rate="readout") @ relu(mixed))
    return Problem("experts", output, ("h[1]", "logits", "h[2]", "f"))


def _tokens(words: str, regime: str, embedding: str | None, hidden: str | None) -> Subject:
    """A matrix W of the rows that n^mu tokens have in the embedding E, each with a loss gradient of its own."""
    tokens = axis("tokens", "mu")
    row = parameter("E", tokens, WIDTH, init="0", rate=embedding)
    output = named("h", contract(parameter("W", NEXT, WIDTH, init="-1/2", rate=hidden), row, WIDTH))
    loss = contract(parameter("slopes", tokens, NEXT, init="0"), output, NEXT)
    return Subject(words, Problem("tokens", named("f", loss), stable=("h",), between=(regime,)).scheme)


def _masked() -> Problem:
    """A hidden layer of which a fixed share n^rho of the entries is left: a sum over n^(1 + rho) inputs."""
    kept = axis("kept", "1 + rho")
    weight = parameter("W", axis("out", 1), kept, init="v/2", rate="c")
    return Problem("masked", named("Y", weight @ data("Z", kept, axis("batch"))), between=("rho <= 0",))


SUBJECTS: Mapping[str, Subject] = {
    "sp-sgd": tensor_programs.SUBJECTS["sp"],
    "sp-sgd-alpha": perceptron(
        "standard parametrisation, one rate n^(-alpha), 1/2 <= alpha < 1; gradient descent",
        *STANDARD,
        ("-alpha", "-alpha", "-alpha"),
        optimizer="sgd",
        between=("1/2 <= alpha", "alpha < 1"),
    ),
    "sp-sgd-layers": perceptron(
        "standard parametrisation, a rate for each layer; gradient descent",
        *STANDARD,
        optimizer="sgd",
    ),
    "sp-adam": tensor_programs.SUBJECTS["sp-adam"],
    "sp-adam-mup-rates": perceptron(
        "standard parametrisation with muP's rates n^e, n^(e - 1), n^(e - 1); Adam",
        *STANDARD,
        ("e", "e - 1", "e - 1"),
    ),
    "ntk-sgd": tensor_programs.SUBJECTS["ntk"],
    "no-multiplier-sgd": perceptron(
        "muP without multipliers, a rate for each layer; gradient descent",
        *NO_MULTIPLIER,
        optimizer="sgd",
    ),
    "no-multiplier-adam": tensor_programs.SUBJECTS["table-3-adam"],
    "no-multiplier-muon": perceptron(
        "muP without multipliers; orthogonalised steps",
        *NO_MULTIPLIER,
        optimizer=ORTHOGONALISED,
    ),
    "output-entries": perceptron(
        "no multipliers, entries n^v in the output layer; Adam at rates 1, 1/n, 1/n",
        ("0", "0", "0"),
        ("0", "-1/2", "v"),
        ("0", "-1", "-1"),
    ),
    "multiplier-sgd": tensor_programs.SUBJECTS["table-8-sgd"],
    "multiplier-adam": perceptron(f"{MULTIPLIER}; Adam", *OUTPUT_MULTIPLIER),
    "multiplier-lion": perceptron(f"{MULTIPLIER}; Lion", *OUTPUT_MULTIPLIER, optimizer="lion"),
    "multiplier-muon": perceptron(
        f"{MULTIPLIER}; orthogonalised steps",
        *OUTPUT_MULTIPLIER,
        optimizer=ORTHOGONALISED,
    ),
    "multiplier-spectral": perceptron(
        f"{MULTIPLIER}; steps of spectral norm sqrt(fan_out / fan_in)",
        *OUTPUT_MULTIPLIER,
        optimizer="muon",
    ),
    "multiplier-muon-rms": perceptron(
        f"{MULTIPLIER}; orthogonalised steps times 0.2 sqrt(max(fan_out, fan_in))",
        *OUTPUT_MULTIPLIER,
        optimizer="muon-rms",
    ),
    "hidden-decay-adam": perceptron(
        f"the hidden layer of {MULTIPLIER}, Adam at n^-1, decay n^k",
        *OUTPUT_MULTIPLIER,
        (None, "-1", None),
        decay="k",
    ),
    "hidden-decay-muon": perceptron(
        f"the hidden layer of {MULTIPLIER}, orthogonalised steps at n^0, decay n^k",
        *OUTPUT_MULTIPLIER,
        (None, "0", None),
        optimizer=ORTHOGONALISED,
        decay="k",
    ),
    "input-decay-muon": perceptron(
        f"the input layer of {MULTIPLIER}, orthogonalised steps at n^(1/2), decay n^k",
        *OUTPUT_MULTIPLIER,
        ("1/2", None, None),
        optimizer=ORTHOGONALISED,
        decay="k",
    ),
    "hidden-decay-muon-rms": perceptron(
        f"the hidden layer of {MULTIPLIER}, matched steps at n^(-1/2), decay n^k",
        *OUTPUT_MULTIPLIER,
        (None, "-1/2", None),
        optimizer="muon-rms",
        decay="k",
    ),
    "unit-adam": perceptron("unit scaling, a rate for each layer; Adam", *UNIT_SCALED),
    "unit-multipliers": perceptron(
        "initial entries of size 1 and multipliers n^m_2, n^m_3; Adam at rates 1, n^(-1/2), 1",
        ("0", "m_2", "m_3"),
        ("0", "0", "0"),
        ("0", "-1/2", "0"),
    ),
    "unit-sgd-past-multipliers": perceptron(
        "the hidden layer of unit scaling; gradient descent past its multiplier 1/sqrt(n)",
        *UNIT_SCALED,
        (None, "hidden", None),
        optimizer=Optimizer("gradient descent past the multiplier", Raw(), _past_the_multiplier),
    ),
    "biased-adam": tensor_programs.SUBJECTS["general-adam"],
    "biased-sgd": tensor_programs.SUBJECTS["general-sgd"],
    "linear-mup": Subject("muP without maps between layers, one rate n^c; gradient descent", _linear(*MUP).scheme),
    "linear-sp": Subject(
        "standard parametrisation without maps between layers, one rate n^c; gradient descent",
        _linear(*STANDARD).scheme,
    ),
    **{
        f"{part}-of-{few_or_many}": _tokens(
            f"{count} and their rows of the embedding, {part} trained alone, at n^c; Adam", regime, *rates
        )
        for few_or_many, count, regime in (
            ("few", "a fixed number of tokens", "mu = 0"),
            ("many", "n^mu tokens, mu >= 1,", "mu >= 1"),
        )
        for part, rates in (("embedding", ("c", None)), ("matrix", (None, "c")))
    },
    "experts": Subject("muP without multipliers, a fixed number of experts and a router; Adam", _experts().scheme),
    "masked": Subject("a layer with a random mask of density n^rho, variance n^v; Adam", _masked().scheme),
}

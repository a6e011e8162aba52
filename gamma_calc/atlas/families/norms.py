"""Steps that are measured in a norm: spectral conditions, orthogonalised and preconditioned steps, SAM's ascent.

Widths grow. The gradient of a batch of fixed size has a fixed rank, so up to constants all norms of it are one: its
orthogonalised step U V^T is G / |G|, and a preconditioner's power of G G^T or G^T G is one of |G|. That is how steps of
Shampoo, SOAP and their like are read here, in their first step and wherever a mean forgets.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from gamma_calc.atlas.families import tensor_programs, width
from gamma_calc.atlas.families.width import ORTHOGONALISED
from gamma_calc.atlas.perceptrons import GLOBAL, NO_MULTIPLIER, OUTPUT_MULTIPLIER, STANDARD, perceptron
from gamma_calc.atlas.questions import Subject
from gamma_calc.program.expressions import Expression, PowerOf, Trained
from gamma_calc.program.network import axis, contract, data, named, parameter, relu, renamed
from gamma_calc.program.optimizers import HALF, ONE, Gradients, Optimizer, Raw, Update, times
from gamma_calc.program.problem import Problem
from gamma_calc.program.update_expressions import Count, Norm

WIDTH, NEXT, BATCH = axis("width", 1), axis("next", 1), axis("batch")


def preconditioned(power: Fraction) -> Optimizer:
    """Shampoo with exponents that add up to `power`, of each matrix W[..., out, in] by itself: G / |G|^(2 power).

    With 1/2 that is the orthogonalised step U V^T, with 1 that of K-FAC: G = delta x^T, divided by (x.x) (delta.delta).
    """

    def update(weight: Trained, gradients: Gradients) -> Update:
        gradient = gradients[weight]
        square = contract(gradient, gradient, *weight.axes[-2:])
        return Update(gradient * PowerOf(square, -power))

    return Optimizer(f"shampoo, exponents {power} in all", Raw(), update)


def _in_blocks(power: Fraction) -> Problem:
    """An n x n matrix in n^u blocks, each preconditioned by itself, with a loss gradient 1/n at its outputs."""
    rows, columns = axis("rows", "u/2"), axis("columns", "u/2")
    height, breadth = axis("height", "1 - u/2"), axis("breadth", "1 - u/2")
    weight = parameter("W", rows, columns, height, breadth, init="zero", rate="c")
    output = named("Y", contract(weight, data("Z", columns, breadth, BATCH), columns, breadth))
    optimizer = preconditioned(power)
    return Problem("blocks", output, gradient="-1", optimizer=optimizer, between=("0 <= u", "u <= 2"))


def _grafted(weight: Trained, gradients: Gradients) -> Update:
    """The direction of G, of the norm that Adam's step has: entries of root mean square 1."""
    gradient = gradients[weight]
    factor: Expression = PowerOf(Norm((gradient,)), -ONE)
    for each in weight.axes:
        factor = factor * Count(gradient, each, HALF)
    return Update(gradient, (), factor)


def _of_full_rank(weight: Trained, gradients: Gradients) -> Update:
    """U V^T of a gradient of full rank, with min(sides) singular values of size one, times 0.2 sqrt(max(sides)).

    Its norm is the root of its rank, so that of the step is 0.2 sqrt(min(sides) max(sides)), whichever side is longer.
    """
    gradient = gradients[weight]
    fan_out, fan_in = (Count(gradient, each, HALF) for each in weight.axes)
    return Update(gradient, (), times(Fraction(1, 5), PowerOf(Norm((gradient,)), -ONE) * fan_out * fan_in))


def _ascended(weight: Trained, gradients: Gradients) -> Update:
    """SAM's ascent: along G, divided by the norm of all gradients together."""
    return Update(gradients[weight], (), PowerOf(Norm(tuple(gradients.values())), -ONE))


def _ascent() -> Problem:
    """muP without multipliers, all layers moved by one ascent of radius n^rho."""
    first = parameter("W_1", WIDTH, axis("inputs"), init="0", rate="rho") @ data("x", axis("inputs"), BATCH)
    hidden = parameter("W_2", NEXT, WIDTH, init="-1/2", rate="rho") @ relu(named("h[1]", first))
    output = parameter("W_3", axis("out"), NEXT, init="-1", rate="rho") @ relu(named("h[2]", hidden))
    weights = ("W_1", "W_2", "W_3")
    optimizer = Optimizer("ascent of SAM", Raw(), _ascended)
    return Problem("sam", named("f", output), ("h[1]", "h[2]", "f"), efficient=weights, optimizer=optimizer)


def _rectangular(optimizer: str | Optimizer) -> Problem:
    """One matrix of n^p outputs and n^q inputs, with a loss gradient n^-p at its outputs."""
    fan_in, fan_out = axis("inputs", "q"), axis("outputs", "p")
    weight = parameter("W", fan_out, fan_in, init="zero", rate="c")
    output = named("Y", weight @ data("Z", fan_in, BATCH))
    return Problem("matrix", output, gradient="-p", optimizer=optimizer, between=("p >= 0", "q >= 0"))


def _biased(optimizer: str, gradient: str) -> Problem:
    """A bias beside a matrix."""
    moved = parameter("W", NEXT, WIDTH, init="-1/2", rate="hidden") @ data("Z", WIDTH, BATCH)
    bias = parameter("beta", NEXT, init="zero", rate="bias") * data("ones", BATCH)
    return Problem("biased", named("h", moved + bias), gradient=gradient, optimizer=optimizer)


def _overlap() -> Problem:
    """The product x.x' of the features of two inputs."""
    first = parameter("W", WIDTH, axis("inputs"), init="0", rate="0") @ data("x", axis("inputs"), BATCH)
    features = named("h", relu(first))
    return Problem("overlap", named("overlap", contract(features, renamed(features, BATCH, axis("others")), WIDTH)))


SUBJECTS: Mapping[str, Subject] = {
    "mup": width.SUBJECTS["no-multiplier-adam"],
    "mup-sign": perceptron(
        "muP without multipliers, a rate for each layer; sign descent", *NO_MULTIPLIER, optimizer="sign"
    ),
    "mup-lion": perceptron("muP without multipliers, a rate for each layer; Lion", *NO_MULTIPLIER, optimizer="lion"),
    "mup-sgd": tensor_programs.SUBJECTS["mup"],
    "standard": perceptron("entries n^(-1/2) in the output layer; Adam, a rate for each layer", *STANDARD),
    "hidden-entries": perceptron(
        "entries n^v in the hidden layer; Adam at rates 1, 1/n, 1/n",
        ("0", "0", "0"),
        ("0", "v", "-1"),
        ("0", "-1", "-1"),
    ),
    "muon": width.SUBJECTS["no-multiplier-muon"],
    "muon-spectral": perceptron(
        "muP without multipliers, one rate n^c; steps of spectral norm sqrt(fan_out / fan_in)",
        *NO_MULTIPLIER,
        GLOBAL,
        optimizer="muon",
    ),
    "muon-rms": perceptron(
        "muP without multipliers; orthogonalised steps times 0.2 sqrt(max(fan_out, fan_in))",
        *NO_MULTIPLIER,
        optimizer="muon-rms",
    ),
    "shampoo": perceptron(
        "muP without multipliers; Shampoo with exponents 1/4 and 1/4",
        *NO_MULTIPLIER,
        optimizer=preconditioned(HALF),
    ),
    "shampoo-quarter": perceptron(
        "muP without multipliers; Shampoo with e_L + e_R = 1/4",
        *NO_MULTIPLIER,
        optimizer=preconditioned(HALF / 2),
    ),
    "shampoo-in-blocks": Subject(
        "an n x n matrix in n^u blocks; Shampoo with e_L + e_R = 1/4 in each", _in_blocks(HALF / 2).scheme
    ),
    "k-fac": perceptron(
        "muP without multipliers; K-FAC: gradients divided by (x.x) (delta.delta)",
        *NO_MULTIPLIER,
        optimizer=preconditioned(ONE),
    ),
    "sophia": perceptron(
        "muP with an output multiplier 1/n; Sophia: min(1, g / h) with h = n^-2, the size of a squared gradient, as "
        "Adam has it with h for epsilon",
        *OUTPUT_MULTIPLIER,
        epsilon="-2",
    ),
    "grafted": perceptron(
        "muP without multipliers; steps along G whose entries have root mean square 1",
        *NO_MULTIPLIER,
        optimizer=Optimizer("grafted to adam", Raw(), _grafted),
    ),
    "multiplier-adam": width.SUBJECTS["multiplier-adam"],
    "multiplier-muon-rms": width.SUBJECTS["multiplier-muon-rms"],
    "independent-decay": perceptron(
        "the hidden layer of muP, Adam at n^-1, decay n^(k + 1) times the rate: n^k by itself",
        *OUTPUT_MULTIPLIER,
        (None, "-1", None),
        decay="k + 1",
    ),
    "ascent": Subject("muP without multipliers; one ascent of radius n^rho along all gradients", _ascent().scheme),
    "matrix": Subject("an n^p x n^q matrix; orthogonalised steps", _rectangular(ORTHOGONALISED).scheme),
    "matrix-of-full-rank": Subject(
        "an n^p x n^q matrix; orthogonalised steps of gradients of full rank, times 0.2 sqrt(max(fan_out, fan_in))",
        _rectangular(Optimizer("muon-rms of full rank", Raw(), _of_full_rank)).scheme,
    ),
    "matrix-gradient": Subject("an n^p x n^q matrix", _rectangular("sgd").scheme),
    "attention": tensor_programs.SUBJECTS["attention"],
    "biased": Subject("a bias beside a matrix; sign descent", _biased("sign", "0").scheme),
    "biased-sgd": Subject("a bias beside a matrix, gradients 1/n; gradient descent", _biased("sgd", "-1").scheme),
    "overlap": Subject("features of two inputs as initialised", _overlap().scheme),
}

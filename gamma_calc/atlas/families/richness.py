"""From lazy to rich: a network whose output is scaled, at rates with which the output moves by Theta(1).

The smaller the factor in front of the output, the more the features have to move for it.
"""

from __future__ import annotations

from collections.abc import Mapping

from gamma_calc.atlas.families import width
from gamma_calc.atlas.perceptrons import GLOBAL, perceptron
from gamma_calc.atlas.questions import Subject
from gamma_calc.program.network import axis, data, named, parameter, relu, scaled
from gamma_calc.program.problem import Problem


def _fixed_width(words: str, factor: str, entries: str, optimizer: str) -> Subject:
    """Three layers of fixed widths: only the factor in front of the output grows or falls."""
    first, second, inputs, batch = (axis(name) for name in ("first", "second", "inputs", "batch"))
    moved = relu(parameter("W_1", first, inputs, init=entries, rate="c") @ data("x", inputs, batch))
    moved = relu(parameter("W_2", second, first, init=entries, rate="c") @ moved)
    output = parameter("W_3", axis("out"), second, init=entries, rate="c") @ moved
    problem = Problem("fixed width", named("f", scaled("factor", factor, output)), optimizer=optimizer)
    return Subject(f"three layers of fixed widths, {words}, one rate n^c; {optimizer}", problem.scheme)


SUBJECTS: Mapping[str, Subject] = {
    "ntk": width.SUBJECTS["ntk-sgd"],
    "scaled-ntk": perceptron(
        "NTK parametrisation with a factor n^m at the output, one rate n^c; gradient descent",
        ("0", "-1/2", "m - 1/2"),
        ("0", "0", "0"),
        GLOBAL,
        optimizer="sgd",
    ),
    "between": perceptron(
        "a line from NTK, s = 0, to muP, s = 1; gradient descent",
        ("s/2", "s/2 - 1/2", "-1/2"),
        ("-s/2", "-s/2", "-s/2"),
        ("0", "0", "0"),
        optimizer="sgd",
        between=("0 <= s", "s <= 1"),
    ),
    **{
        f"{name}-{optimizer}": _fixed_width(words, factor, entries, optimizer)
        for optimizer in ("sgd", "adam")
        for name, words, factor, entries in (
            ("lazy", "the output times n, n = 1/gamma", "1", "0"),
            ("rich", "the output over n, n = gamma, entries n^v", "-1", "v"),
        )
    },
}

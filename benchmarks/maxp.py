"""Answer what maxP answers, beside it: python -m benchmarks.maxp CHECKOUT [--out FILE].

CHECKOUT is a copy of https://github.com/m-wojnar/maxP, which finds the largest rates of a perceptron's layers by a
mixed-integer program in floating point, from exponents of alignment that it is given or measures. Here the set of all
stable rates is derived. Of each cell, a parametrisation under an optimiser at an alignment, both have to reach one sum
of exponents, and maxP's rates have to lie in the derived set. Alignments are supposed, or what maxP measures of a
perceptron after a few steps of training.

Times are of the processor, children included, the least of several rounds; here with empty caches.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from math import log2
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from statistics import fmean, linear_regression
from typing import Any, TypeAlias, TypeVar

import torch
from torch import nn

from benchmarks.symbolic import forget
from gamma_calc.algebra import Affine, Polyhedron
from gamma_calc.atlas.families.everett import ALIGNMENTS, PARAMETRISATIONS, SUBJECTS
from gamma_calc.atlas.perceptrons import PER_LAYER
from gamma_calc.atlas.questions import Question, QuestionKind, evidence
from gamma_calc.calculus.policy import CALCULUS, Alignment, Policy

Answer = TypeVar("Answer")
Solver: TypeAlias = Callable[..., tuple[Sequence[float], Sequence[float]]]
ADVICE = """{problem}
This benchmark runs maxP's own code beside this package's. Get both of its parts:
    git clone https://github.com/m-wojnar/maxP
    pip install pulp
    python -m benchmarks.maxp maxP"""
OPTIMIZERS = ("adam", "sgd")
HALF, ONE = Fraction(1, 2), Fraction(1)
RAW_STEPS = 3
"""Steps that the set of stable rates is asked of under gradient descent, where no number of them settles a run."""
CLOSE = 1e-6
WIDTHS, SEEDS, STEPS, INPUTS, BATCH = (64, 128, 256, 512, 1024, 2048), 4, 3, 16, 32
OMEGAS = (1, 4)
"""Places of omega among the measured alignments, three of the hidden layer and three of the readout."""


@dataclass(frozen=True, slots=True)
class Alignments:
    """Exponents of alignment of maxP's three terms, layer by layer, and the same in words of the calculus.

    `given` has alpha of z dW, omega of dz W and u of dz dW, which is not there in the first layer.
    """

    name: str
    given: tuple[tuple[Fraction, Fraction, Fraction], ...]
    policy: Policy


SUPPOSED = (
    Alignments("full", ((ONE, HALF, ONE),) * 3, ALIGNMENTS["full"][1]),
    Alignments("none", ((HALF, HALF, HALF),) * 3, ALIGNMENTS["none"][1]),
    Alignments("derived", ((ONE, HALF, ONE), (ONE, HALF, ONE), (ONE, ONE, ONE)), CALCULUS),
)
"""As Everett et al. suppose them, none, and as the calculus derives them: a readout is aligned with features that moved
because of it."""


def of_steps(value: Fraction) -> Alignments:
    """One exponent for what meets a step, alpha and u; omega as derived, since the calculus sets one a kind of sum."""
    given = tuple((value, omega, value) for _, omega, _ in SUPPOSED[-1].given)
    return Alignments(f"measured, {value}", given, Policy(((Alignment.ALIGNED, Affine.of(value)),)))


def letters(parametrisation: str) -> tuple[list[float], list[float]]:
    """a and b of each layer: multipliers are n^-a and initial entries n^-b."""
    _, multipliers, inits = PARAMETRISATIONS[parametrisation]
    a, b = ([-float(Fraction(each)) for each in exponents] for exponents in (multipliers, inits))
    return a, b


def stable(parametrisation: str, optimizer: str, policy: Policy) -> Polyhedron:
    """All rates with which features and outputs stay bounded: free exponents embedding, hidden and readout."""
    subject = replace(SUBJECTS[f"{parametrisation}-{optimizer}-full"], policy=policy)
    decision = evidence(
        Question(QuestionKind.REGION, "stable", steps=RAW_STEPS if optimizer == "sgd" else None), subject
    ).decision
    assert decision is not None
    convex = decision.region.convex()
    assert convex is not None
    return convex


def timed(work: Callable[[], Answer], rounds: int) -> tuple[float, Answer]:
    """Milliseconds of the quickest round, and the answer."""
    found, answers = list[float](), list[Answer]()
    for _ in range(rounds):
        forget()
        before = _processor_seconds()
        answers.append(work())
        found.append(1e3 * (_processor_seconds() - before))
    return min(found), answers[-1]


def _processor_seconds() -> float:
    """Of this process and of those that it has waited for, such as the solver of a program."""
    used = (getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def compared(name: str, optimizer: str, alignments: Alignments, find_c: Solver, rounds: int) -> dict[str, Any]:
    """One cell by both, and whether they agree."""
    terms = [[float(each) for each in term] for term in zip(*alignments.given, strict=True)]
    theirs_ms, (rates, _) = timed(lambda: find_c(*letters(name), *terms, optimizer_type=optimizer), rounds)
    ours_ms, region = timed(lambda: stable(name, optimizer, alignments.policy), rounds)
    point = {layer: Fraction(-rate).limit_denominator(1000) for layer, rate in zip(PER_LAYER, rates, strict=True)}
    largest = region.maximum(sum(map(Affine.symbol, PER_LAYER), Affine.of(0)))
    is_near = all(abs(float(point[layer]) + rate) < CLOSE for layer, rate in zip(PER_LAYER, rates, strict=True))
    return {
        "parametrisation": name,
        "optimizer": optimizer,
        "alignment": alignments.name,
        "maxp": [str(each) for each in point.values()],
        "derived": str(region),
        "agrees": is_near and region.contains(point) and sum(point.values()) == largest,
        "maxp_ms": theirs_ms,
        "derived_ms": ours_ms,
    }


class Scaled(nn.Module):
    """A linear layer with entries n^-b times a normal number, times n^-a."""

    def __init__(self, inputs: int, outputs: int, width: int, a: float, b: float) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=False)
        nn.init.normal_(self.linear.weight, std=width**-b)
        self.scale: float = width**-a

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shapes: x [batch, inputs] to [batch, outputs]."""
        output: torch.Tensor = self.scale * self.linear(x)
        return output


def trained_window(maxp: Any, a: Sequence[float], b: Sequence[float], rates: Sequence[float], width: int) -> Any:
    """What maxP's tracer sees of a perceptron before and after some steps of Adam; the loss is linear in its output."""
    sizes = ((INPUTS, width), (width, width), (width, 1))
    layers = [Scaled(*size, width, *exponents) for size, *exponents in zip(sizes, a, b, strict=True)]
    model = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
    groups = [{"params": layer.parameters(), "lr": width**-c} for layer, c in zip(layers, rates, strict=True)]
    optimizer = torch.optim.Adam(groups, eps=1e-30)
    x, slopes = torch.randn(BATCH, INPUTS) / INPUTS**0.5, torch.randn(BATCH, 1) / BATCH
    tracer = maxp.Tracer(model)
    tracer.capture_initial(x)
    for _ in range(STEPS):
        optimizer.zero_grad()
        (model(x) * slopes).sum().backward()
        optimizer.step()
    window = tracer.window(tracer.capture(x, STEPS))
    tracer.remove_hooks()
    return window


def measured(name: str, maxp: Any, find_c: Solver) -> dict[str, Any]:
    """Alignments that maxP measures under Adam at its rates for full alignment: at the widest, and as slopes.

    maxP divides the logarithm of a ratio by that of the width, so that a constant factor fades as 1 / log n; the slope
    over widths is free of it.
    """
    a, b = letters(name)
    terms = [[float(each) for each in term] for term in zip(*SUPPOSED[0].given, strict=True)]
    rates, _ = find_c(a, b, *terms)
    mean: dict[int, list[float]] = {}
    for width in WIDTHS:
        runs = list[list[float]]()
        for seed in range(SEEDS):
            torch.manual_seed(1000 * seed + width)
            three = maxp.compute_alignment(trained_window(maxp, a, b, rates, width))
            runs.append([each[layer] for layer in (1, 2) for each in three])
        mean[width] = [sum(each) / len(each) for each in zip(*runs, strict=True)]
    logs = [log2(width) for width in WIDTHS]
    measured_sums = zip(
        *([each * log for each in mean[width]] for width, log in zip(WIDTHS, logs, strict=True)), strict=True
    )
    widest = mean[WIDTHS[-1]]
    solved, _ = find_c(a, b, *([1.0, *widest[term::3]] for term in range(3)))
    return {
        "parametrisation": name,
        "widest": [round(each, 3) for each in widest],
        "slopes": [round(linear_regression(logs, each).slope, 3) for each in measured_sums],
        "rates": [round(-each, 3) for each in solved],
        "derived": str(stable(name, "adam", CALCULUS)),
    }


def figures(maxp: Any, find_c: Solver, rounds: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every row, with the name of its table."""
    for name in PARAMETRISATIONS:
        seen = measured(name, maxp, find_c)
        yield "measured", seen
        aligned = [each for place, each in enumerate(seen["widest"]) if place not in OMEGAS]
        given = (*SUPPOSED, of_steps(Fraction(round(100 * fmean(aligned)), 100)))
        for optimizer, alignments in product(OPTIMIZERS, given):
            yield "cells", compared(name, optimizer, alignments, find_c, rounds)


def main() -> int:
    """Print a row for each cell, and write them where asked to; 1 where the two do not agree."""
    parser = argparse.ArgumentParser(prog="benchmarks.maxp", description=main.__doc__)
    parser.add_argument("checkout", nargs="?", type=Path, metavar="CHECKOUT", help="a copy of maxP's repository")
    parser.add_argument("--rounds", type=int, default=3, metavar="K", help="rounds of which the quickest counts")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the figures as JSON")
    arguments = parser.parse_args()
    if arguments.checkout is None or not (arguments.checkout / "maxp" / "solver.py").is_file():
        where = "no checkout is named" if arguments.checkout is None else f"{arguments.checkout} has no maxp/solver.py"
        print(ADVICE.format(problem=f"maxP is not there: {where}."), file=sys.stderr)
        return 2
    sys.path.insert(0, str(arguments.checkout))
    try:
        import maxp
        from maxp.solver import find_c
    except ImportError as problem:
        print(ADVICE.format(problem=f"maxP cannot be imported: {problem}."), file=sys.stderr)
        return 2
    torch.set_num_threads(1)
    found: dict[str, Any] = {"schema": 1, "cells": [], "measured": []}
    for table, row in figures(maxp, find_c, arguments.rounds):
        found[table].append(row)
        print(json.dumps(row), flush=True)
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0 if all(cell["agrees"] for cell in found["cells"]) else 1


if __name__ == "__main__":
    sys.exit(main())

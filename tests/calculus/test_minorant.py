"""A linear map below a step that multiplies components: no edge of it leads above what a step surely makes."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest

from gamma_calc.calculus.assumptions import dispensable
from gamma_calc.calculus.components import total
from gamma_calc.calculus.interpreter import ExponentReading
from gamma_calc.calculus.policy import CALCULUS, Policy
from gamma_calc.calculus.step_map import minorant
from gamma_calc.calculus.symbolic_step import by_node, symbolic_step
from gamma_calc.maxplus.graph import Node
from gamma_calc.program.lora import lora_module
from gamma_calc.program.reading import State, training_step
from tests.schemes import scheme

POINTS = [dict(zip("ef", point, strict=True)) for point in product(map(Fraction, (-2, "-3/4", 0, 1)), repeat=2)]
QUANTITIES = ("Z_B",)


def lower(state: State, point: dict[str, Fraction]) -> dict[Node, Fraction]:
    sizes = {node: total(alike).lower for node, alike in by_node(state).items()}
    return {node: size.at(point) for node, size in sizes.items() if size.pieces}


@pytest.mark.parametrize("policy", [CALCULUS, Policy(without=dispensable(["A5"]))], ids=["all", "without A5"])
@pytest.mark.parametrize("extra", [{"feedback": "f"}, {"feedback": "0", "momentum": "f"}], ids=str)
def test_what_the_map_below_makes_of_lower_bounds_is_surely_there(extra: dict[str, str], policy: Policy) -> None:
    program = lora_module(subject := scheme("-1/2", "zero", "e", "e", optimizer="sgd", **extra))
    below = minorant(program, QUANTITIES, subject.domain, policy)
    step = symbolic_step(program, QUANTITIES, subject.domain, policy)
    assert below is not None and below.products and step is not None
    reading, state = ExponentReading(program, subject.domain, policy), step.run[-1].after
    sizes = [total(alike) for alike in by_node(state).values()]
    assert any(not size.is_exact for size in sizes) == (policy is not CALCULUS)
    for t in (1, 2):
        after = training_step(program, reading, state, len(step.run) + t).after
        for point in POINTS:
            here, there = lower(state, point), lower(after, point)
            for edge in below.edges:
                if edge.source in here:
                    assert here[edge.source] + edge.weight.at(point) <= there[edge.target]
        state = after

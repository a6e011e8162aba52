"""What holds of every network: programs of one value have one exponent; a change is at most what it is of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamma_calc.algebra import EVERYWHERE, Affine
from gamma_calc.calculus.components import total
from gamma_calc.calculus.interpreter import ExponentReading
from gamma_calc.calculus.recursion import ExponentStep, trajectory
from gamma_calc.calculus.size import Size
from gamma_calc.program.expressions import Contraction, Entrywise, Expression, Named, Scaled, Sum, Trained, rewritten
from gamma_calc.program.network import axis, data, named, parameter, relu, renamed, rms_norm, silu, tanh
from gamma_calc.program.problem import Problem, program_of
from gamma_calc.program.reading import initial_value

STEPS, EXAMPLES = 3, 50  # each of them is derived ten times
WIDTH, OUT, RANK, BATCH = axis("width", 1), axis("out", 1), axis("rank"), axis("batch")
MAPS: Mapping[str, Callable[[Expression], Expression]] = {
    "relu": relu,
    "silu": silu,
    "tanh": tanh,
    "norm": lambda value: rms_norm(value, WIDTH),
}
RATES = ("-3/2", "-1", "-1/2", "0")
ZERO = Affine.of(0)

Rewriting = Callable[[Expression], Expression]


@st.composite
def networks(draw: st.DrawFn) -> Problem:
    """An adapter, one or two layers of all kinds behind it, and another adapter or a readout."""
    numbers, matrices = count(1), list[Trained]()

    def one_of(*choices: str) -> str:
        return draw(st.sampled_from(choices))

    def linear(value: Expression) -> Expression:
        if not matrices or draw(st.booleans()):
            rate = draw(st.sampled_from((None, None, "-1")))
            matrices.append(parameter(f"W{next(numbers)}", OUT, WIDTH, init="-1/2", rate=rate))
        return renamed(draw(st.sampled_from(matrices)) @ value, OUT, WIDTH)

    def adapter(value: Expression) -> Expression:
        number = next(numbers)
        a = parameter(f"A{number}", RANK, WIDTH, init=one_of("-1/2", "-1/2", "zero", "-1"), rate=one_of(*RATES))
        b = parameter(f"B{number}", OUT, RANK, init=one_of("zero", "zero", "0", "-1/2"), rate=one_of(*RATES))
        return renamed(named(f"Z_B{number}", b @ named(f"Z_A{number}", a @ value)), OUT, WIDTH)

    def gain(value: Expression) -> Expression:
        number = next(numbers)
        return (data(f"one{number}", WIDTH) + parameter(f"g{number}", WIDTH, init="zero", rate=one_of(*RATES))) * value

    def layer(value: Expression, before: Expression) -> Expression:
        shape = MAPS[one_of(*MAPS)]
        kinds: Mapping[str, Callable[[], Expression]] = {
            "linear": lambda: linear(value),
            "adapter": lambda: value + adapter(value),
            "adapted": lambda: linear(value) + adapter(value),
            "map": lambda: shape(value),
            "block": lambda: value + linear(shape(value)),
            "gate": lambda: value * before,
            "gain": lambda: gain(value),
        }
        return kinds[one_of(*kinds)]()

    stream: Expression = data("Z", WIDTH, BATCH)
    before, stream = stream, named("z0", stream + adapter(stream))
    for number in range(1, draw(st.integers(1, 2)) + 1):
        before, stream = stream, named(f"z{number}", layer(stream, before), cut=draw(st.booleans()))
    readout = parameter("R", axis("outputs"), WIDTH, init=one_of("-1/2", "-1"))
    output = adapter(stream) if draw(st.booleans()) else readout @ stream
    return Problem("network", named("f", output), optimizer=one_of("adam", "sgd", "sign", "rmsprop"))


def with_data(*, is_on_weight: bool) -> Rewriting:
    """Every W x times data at its outputs, which multiply the weight or its product."""
    numbers = count(1)

    def of(node: Expression) -> Expression:
        match node:
            case Contraction(Trained() as weight, value, over):
                (out,) = set(weight.axes).difference(over)
                beside = data(f"u{next(numbers)}", out)
                return Contraction(beside * weight, value, over) if is_on_weight else beside * node
        return node

    return of


def as_matrices(node: Expression) -> Expression:
    """V (W x) as (V W) x."""
    match node:
        case Contraction(left, Contraction(inner, value, behind) | Named(_, Contraction(inner, value, behind)), over):
            if set(over) <= set(inner.axes) and set(behind).isdisjoint(left.axes):
                return Contraction(Contraction(left, inner, over), value, behind)
    return node


def turned(node: Expression) -> Expression:
    """Factors and summands in the other order."""
    match node:
        case Contraction(left, right, over):
            return Contraction(right, left, over)
        case Entrywise(left, right):
            return Entrywise(right, left)
        case Sum(summands):
            return Sum(summands[::-1])
    return node


def halved(node: Expression) -> Expression:
    """A product as twice its half."""
    half = Scaled("1/2", ZERO, node)
    return Sum((half, half)) if isinstance(node, Contraction) else node


def distributed(node: Expression) -> Expression:
    """W (x + y) as W x + W y."""
    match node:
        case Contraction(left, Sum(summands) | Named(_, Sum(summands), False), over):
            return Sum(tuple(Contraction(left, each, over) for each in summands))
    return node


PAIRS: Mapping[str, tuple[Callable[[], Rewriting], Callable[[], Rewriting]]] = {
    "data": (lambda: with_data(is_on_weight=False), lambda: with_data(is_on_weight=True)),
    **{
        each.__name__: (lambda: lambda node: node, lambda each=each: each)
        for each in (as_matrices, turned, halved, distributed)
    },
}


def steps_of(problem: Problem, rewriting: Rewriting) -> tuple[ExponentStep, ...]:
    output = problem.output
    written = Named(output.name, rewritten(output.operand, lambda leaf: leaf, operation=rewriting))
    return trajectory(program_of(replace(problem, output=written).scheme), STEPS).upto(STEPS)


def may_be_equal(one: Size, other: Size) -> bool:
    return not (one.lower.is_above(other.upper) or other.lower.is_above(one.upper))


@pytest.mark.slow
@settings(max_examples=EXAMPLES)
@given(networks())
def test_programs_of_one_value_have_one_exponent(problem: Problem) -> None:
    for name, (one, other) in PAIRS.items():
        for left, right in zip(steps_of(problem, one()), steps_of(problem, other()), strict=True):
            for of in left.sizes.keys() & right.sizes.keys():
                assert may_be_equal(left.sizes[of], right.sizes[of]), (name, left.t, of)


@settings(max_examples=EXAMPLES)
@given(networks())
def test_a_change_is_at_most_what_it_leads_from_and_to(problem: Problem) -> None:
    program = program_of(problem.scheme)
    run = trajectory(program, STEPS)
    before = {
        name: total(
            part for _, term in initial_value(program, ExponentReading(program, EVERYWHERE), name) for part in term
        )
        for name in program.changes.values()
    }
    for step in run.upto(STEPS):
        for change, of in program.changes.items():
            if change in step.sizes:
                moved, was, is_now = step.sizes[change], before[of], step.sizes[of]
                assert moved.lower.is_at_most((was | is_now).upper), (step.t, change)
                assert is_now.lower.is_at_most((was | moved).upper), (step.t, of)
        before = dict(step.sizes)

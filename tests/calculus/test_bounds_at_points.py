"""What is derived on a domain holds at its points: the bounds on every value, not only on those that are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import pytest

from gamma_calc.algebra import EVERYWHERE, Affine, Equality, Exponent, Polyhedron
from gamma_calc.calculus.components import Component, total
from gamma_calc.calculus.policy import CALCULUS
from gamma_calc.calculus.recursion import Trajectory, best_trajectory, trajectory
from gamma_calc.calculus.size import Size
from gamma_calc.calculus.trace import TraceSubject
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.models import LoraStack
from gamma_calc.program.problem import program_of
from gamma_calc.program.program import Program
from gamma_calc.program.stack import lora_stack
from gamma_calc.program.transformer import PROJECTIONS, Adapters, transformer
from tests.schemes import scheme

STEPS = 3
ETA = Affine.symbol("eta")
POINTS = [Fraction(*each) for each in ((-5, 1), (-1, 1), (-1, 2), (0, 1))]
ADAPTED = tuple(PROJECTIONS)


def stack(optimizer: str = "adam", rate_b: str = "eta", *, has_norm: bool = False) -> Program:
    """Two adapters from Init[A] beside frozen weights, with one rate left free."""
    module = LoraStack(2, is_frozen=True, has_norm=has_norm)
    return lora_stack(scheme("-1/2", "zero", "eta", rate_b, optimizer=optimizer), module)


PROGRAMS = {
    "module": program_of(CATALOGUE["init-a"]),
    "stack": stack(has_norm=True),
    "stack, lora+": stack(rate_b="eta + 1"),
    "stack, sgd": stack("sgd"),
    "block": program_of(transformer(1, Adapters(ADAPTED)).scheme),
    "block, lora+": program_of(transformer(1, Adapters(ADAPTED, rates=("eta", "eta + 1"))).scheme),
    "values": program_of(transformer(2, Adapters(("v",))).scheme),
    "queries, lora+": program_of(transformer(2, Adapters(("q", "o"), rates=("eta", "eta + 1"))).scheme),
}
MARKS = dict.fromkeys(("block", "block, lora+", "values", "queries, lora+"), pytest.mark.slow)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[MARKS[name]] if name in MARKS else []) for name in PROGRAMS]
)
def test_the_bounds_on_a_domain_hold_at_its_points(name: str) -> None:
    whole = sizes(trajectory(PROGRAMS[name], STEPS))
    for point in POINTS:
        there = sizes(trajectory(PROGRAMS[name], STEPS, Polyhedron.of(Equality(ETA - point))))
        assert there.keys() & whole.keys()
        for of in there.keys() & whole.keys():
            lower, upper = (value(side, point) for side in (whole[of].lower, whole[of].upper))
            least, most = (value(side, point) for side in (there[of].lower, there[of].upper))
            assert lower <= most and least <= upper, (point, of.t, of.label, whole[of], there[of])


@pytest.mark.parametrize(("on", "rate"), [(("q", "k", "down"), "-9/8"), (("v", "o", "gate", "up", "down"), "-7/6")])
def test_the_best_run_stays_within_the_bounds_and_knows_more(on: tuple[str, ...], rate: str) -> None:
    program = program_of(transformer(2, Adapters(on, rates=("eta", "eta + 1"))).scheme)
    asked = program, 2, Polyhedron.of(Equality(ETA - Fraction(rate)))
    coarse, best = trajectory(*asked), best_trajectory(*asked)
    for before, after in zip(coarse.steps, best.steps, strict=True):
        for name, size in before.sizes.items():
            within = after.sizes[name].upper.is_at_most(size.upper), size.lower.is_at_most(after.sizes[name].lower)
            assert all(within), name
    bounded, still = len(coarse.last.upper), len(best.last.upper)
    assert still < bounded / 2


def test_a_run_that_says_all_is_not_read_again() -> None:
    for program, domain in ((PROGRAMS["module"], Polyhedron.of(Equality(ETA + 1))), (PROGRAMS["stack"], EVERYWHERE)):
        asked = program, STEPS, domain, CALCULUS
        is_same = best_trajectory(*asked) is trajectory(*asked)
        assert is_same


def sizes(run: Trajectory) -> Mapping[TraceSubject, Size]:
    """The size of each value of a run, of all the parts that rules conclude of it."""
    found: dict[TraceSubject, list[Component]] = {}
    for each in run.applications:
        found.setdefault(each.subject, []).extend(each.conclusion)
    return {subject: total(parts) for subject, parts in found.items()}


def value(exponent: Exponent, point: Fraction) -> Fraction | float:
    """An exponent at a rate."""
    pieces = (piece.substituted({"eta": Affine.of(point)}) for piece in exponent.pieces)
    return max((piece.constant for piece in pieces), default=float("-inf"))

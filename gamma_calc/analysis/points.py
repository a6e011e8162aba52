"""What is told on a domain, held to runs at points: these have no ties."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise, product

from gamma_calc.algebra import Affine, Equality, Exponent, Inequality, Polyhedron, Region
from gamma_calc.analysis.bounded import Bounded, bounded
from gamma_calc.analysis.conditions import Condition
from gamma_calc.analysis.decision import Decision, Status, decision
from gamma_calc.analysis.ties import has_ties, ties
from gamma_calc.calculus.policy import Policy
from gamma_calc.calculus.provenance import MORE_APART, MOST_APART
from gamma_calc.calculus.recursion import Trajectory, trajectory
from gamma_calc.program.program import Program
from gamma_calc.program.terms import is_initial

MOST_RULES, MOST_STEPS = 10_000, 3
"""Rules that runs at points apply in all to compare exponents over a domain with those there, and steps of each."""

Point = Mapping[str, Fraction]


def best_bound(
    program: Program,
    condition: Condition,
    where: Polyhedron,
    horizon: int | None,
    policy: Policy,
    apart: int = MOST_APART,
) -> Bounded:
    """The bounded run that tells most: with more components apart where a condition is open though there is no tie.

    Not where an assumption is taken away, which leaves bounds however many are apart.
    """
    bound = bounded(program, condition.bounded, where, horizon, policy, apart)
    is_open = bound.is_final and decision(condition, bound, is_free=True).status is Status.UNKNOWN
    if not is_open or policy.without or apart >= MORE_APART or has_ties(bound.runs):
        return bound
    return best_bound(program, condition, where, horizon, policy, 2 * apart)


def is_borne_out(
    program: Program, made: Decision, within: Region, horizon: int | None, policy: Policy, free: Sequence[str]
) -> bool:
    """Whether a run at a point of each edge of a decided region says what was decided.

    At an edge a condition holds, and what it bounds is n^0 at some step: what training adds to it, where the edge is
    one of a rate, since a network's output is n^0 from the start. Nothing need be where the domain ends. Where a
    condition asks more than bounds, a point of each part stands for it; of what holds nowhere, the edges of the domain.

    Args:
        within: where the condition was decided.
        free: the free exponents.
    """
    condition, rates = made.condition, {name for each in program.parameters for name in each.learning_rate.free}
    is_nowhere = made.region.is_empty
    has_sides = is_nowhere or not condition.reached
    for at, side in _edges(within if is_nowhere else made.region, free, has_sides=has_sides):
        there = best_bound(program, condition, at, horizon, policy)
        if decision(condition, there, is_free=True).region.is_empty != is_nowhere:
            return False
        if side is None or is_nowhere or any(each.implies(side) for each in within.members):
            continue
        of_rate = not rates.isdisjoint(side.free)
        terms = (step.terms[name] for step in there.run.steps for name in condition.bounded)
        sizes = (size.upper for each in terms for label, size in each.items() if not (of_rate and is_initial(label)))
        if Exponent.of(0, there.run.domain) not in sizes:
            return False
    return True


def misread(run: Trajectory) -> str:
    """What a run over a domain with ties says of a value, and a run at a point beside one otherwise; or nothing.

    It looks at the first step at as many points as take a moment, then at more steps. An exponent that is only bounded
    says nothing that could be otherwise.
    """
    rules = 0
    for steps, point in product((1, MOST_STEPS), _beside_ties(run)):
        if rules > MOST_RULES:
            break
        at = _at(point)
        there = trajectory(run.program, min(len(run.steps), steps), at, run.policy)
        rules += len(there.applications)
        for whole, step in zip(run.steps, there.steps, strict=False):
            for name, size in whole.sizes.items():
                found = step.sizes[name]
                told, true = (each.upper.at(point) for each in (size, found))
                if told != true and size.is_exact and found.is_exact:
                    return f"where {at}, {name} is n^({true}) and not n^({told})"
    return ""


def _beside_ties(run: Trajectory) -> Iterator[Point]:
    """Points of a run's domain on both sides of each tie; where one exponent is free, between each two."""
    free = {name for step in run.steps for size in step.sizes.values() for name in size.upper.free}
    forms = [*dict.fromkeys(form for _, form in ties(run, run.domain))]
    names = free.union(run.domain.free, *(form.free for form in forms))
    if len(names) == 1 and forms:
        (name,) = names
        values = sorted({-form.constant / form.coefficient(name) for form in forms})
        inside = [(one + other) / 2 for one, other in pairwise(values)]
        points = [{name: value} for value in (values[0] - 1, *inside, values[-1] + 1)]
        yield from (point for point in points if run.domain.contains(point))
        return
    for form in forms:
        for each in (form, -form):
            side = run.domain & Polyhedron.of(Inequality(each, strict=True))
            if not side.is_empty:
                yield _inside(side, names)


def _edges(region: Region, free: Sequence[str], *, has_sides: bool) -> Iterator[tuple[Polyhedron, Inequality | None]]:
    """A point of every side of a region, with the side, or one inside where it has none."""
    for member in region.members:
        others = Region(tuple(each for each in region.members if each is not member))
        sides = member.inequalities if has_sides else ()
        faces = [(side, Region.of(member & Polyhedron.of(Equality(side.form))).difference(others)) for side in sides]
        there = [(side, face.members[0]) for side, face in faces if not face.is_empty]
        yield from ((_at(_inside(face, free)), side) for side, face in there)
        if not there:
            yield _at(_inside(member, free)), None


def _inside(where: Polyhedron, free: Iterable[str]) -> Point:
    return {name: Fraction(0) for name in free} | where.point()


def _at(point: Point) -> Polyhedron:
    return Polyhedron.of(*(Equality(Affine.symbol(name) - value) for name, value in point.items()))

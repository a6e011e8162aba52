"""What is told on a domain, held to runs at points: these have no ties."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise, product

from gamma_calc.algebra import Affine, Equality, Inequality, Polyhedron, Region
from gamma_calc.analysis.bounded import Bounded, bounded
from gamma_calc.analysis.conditions import Condition
from gamma_calc.analysis.decision import Decision, Status, decision
from gamma_calc.analysis.ties import has_ties, ties
from gamma_calc.calculus.policy import Policy
from gamma_calc.calculus.provenance import MORE_APART, MOST_APART
from gamma_calc.calculus.recursion import Trajectory, trajectory
from gamma_calc.program.program import Program, with_quantities

MOST_RULES, MOST_STEPS = 10_000, 3
"""Rules that runs at points apply in all to compare exponents over a domain with those there, and steps of each."""
EARLY = 2
"""Steps after which all that is trained has moved, and has moved what depends on it."""
JUST, NEAR, FAR = Fraction(1, 1000), Fraction(15, 16), Fraction(8)
"""How far a point lies beyond a side, which share of the way to a corner, and how many times a direction far out."""

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


def bound_on(program: Program, condition: Condition, where: Polyhedron, horizon: int | None, policy: Policy) -> Bounded:
    """A bounded run, of two steps only where the condition holds nowhere by these, or by what they tell beside a tie.

    No later step makes smaller what was too large. Only what is bounded is read, but not at a point, or where it is
    asked what is reached: such a run answers other questions too.
    """
    asked = program if condition.reached else with_quantities(program, condition.bounded)
    apart = MOST_APART
    if horizon is None and not condition.reached:
        early = best_bound(asked, condition, where, EARLY, policy)
        if early.inner.is_empty and (early.outer.is_empty or has_ties([early.run])):
            return early
        apart = early.run.apart
    return best_bound(program if where.equalities else asked, condition, where, horizon, policy, apart)


def is_borne_out(
    program: Program, made: Decision, within: Region, horizon: int | None, policy: Policy, free: Sequence[str]
) -> bool:
    """Whether runs at points of a region, and beside it, say what was decided.

    A run on a domain with ties knows sizes from above: a condition may hold where it does not say so. At every side of
    the region it has to hold, and just beyond that side, but where the domain ends, it must not. Where a condition asks
    more than bounds, or holds nowhere, it must not hold in any part of the rest either, nor at a side of that.

    Args:
        within: where the condition may hold.
        free: the free exponents.
    """
    condition, region = made.condition, made.region
    is_bound = not condition.reached and not region.is_empty
    for where in _beyond(region, within) if is_bound else _rest(region, within):
        for point in _points(where, free):
            there = decision(condition, bound_on(program, condition, _at(point), horizon, policy), is_free=True)
            if there.status is Status.UNKNOWN or not there.region.is_empty:
                return False
    for where in _inner(region, has_sides=is_bound):
        bound = best_bound(program, condition, _at(_inside(where, free)), horizon, policy)
        if decision(condition, bound, is_free=True).region.is_empty:
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
                yield from _points(side, names)


def _inner(region: Region, *, has_sides: bool) -> Iterator[Polyhedron]:
    """Every side of a region; the inside of a part where it has none."""
    for member in region.members:
        others = Region(tuple(each for each in region.members if each is not member))
        sides = member.inequalities if has_sides else ()
        faces = [Region.of(member & Polyhedron.of(Equality(side.form))).difference(others) for side in sides]
        yield from [face.members[0] for face in faces if not face.is_empty] or [member]


def _beyond(region: Region, within: Region) -> Iterator[Polyhedron]:
    """What lies just beyond every side of a region in a domain."""
    for member in region.members:
        for side in member.inequalities:
            others = (each for each in member.constraints if each is not side)
            edge = Equality(side.form if side.strict else side.form + JUST)
            yield from (within & Polyhedron.of(*others, edge)).difference(region).members


def _rest(region: Region, within: Region) -> Iterator[Polyhedron]:
    """The parts of a domain outside a region, and the sides of each."""
    for member in within.difference(region).members:
        yield member
        for side in member.inequalities:
            face = member & Polyhedron.of(Equality(side.form - JUST if side.strict else side.form))
            if not face.is_empty:
                yield face


def _points(where: Polyhedron, free: Iterable[str]) -> Iterator[Point]:
    """A point inside and one near each corner, and from each of these one far out in each direction."""
    inside = _inside(where, free)
    directions = [*_directions(where, inside)]
    for start in _starts(where, inside):
        yield start
        yield from ({name: value + FAR * way.get(name, 0) for name, value in start.items()} for way in directions)


def _starts(where: Polyhedron, inside: Point) -> Iterator[Point]:
    yield inside
    for corner in () if _is_point(where) else where.vertices():
        near = {name: value + NEAR * (corner.get(name, value) - value) for name, value in inside.items()}
        if near != inside:
            yield near


def _directions(where: Polyhedron, names: Iterable[str]) -> Iterator[Point]:
    """Those of unbounded edges, and of lines inside the ways along each and along all at once."""
    lines: list[Point] = [{name: Fraction(1)} for name in names if name not in where.free]
    if not _is_point(where):
        yield from where.rays()
        lines += where.lines()
    for signs in _signs(len(lines)):
        moves = [*zip(signs, lines, strict=True)]
        yield {name: sum((sign * line.get(name, Fraction(0)) for sign, line in moves), Fraction(0)) for name in names}


def _is_point(where: Polyhedron) -> bool:
    """Whether all that a set restricts is fixed."""
    return len(where.free) <= len(where.equalities)


def _signs(count: int) -> Iterator[tuple[int, ...]]:
    """The ways along each of some lines, and those along all of them.

    >>> [*_signs(2)]
    [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)]
    """
    for place, sign in product(range(count), (1, -1)):
        yield tuple(sign * (place == each) for each in range(count))
    if count > 1:
        yield from product((1, -1), repeat=count)


def _inside(where: Polyhedron, free: Iterable[str]) -> Point:
    return {name: Fraction(0) for name in free} | where.point()


def _at(point: Point) -> Polyhedron:
    return Polyhedron.of(*(Equality(Affine.symbol(name) - value) for name, value in point.items()))

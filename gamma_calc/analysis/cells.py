"""Deciding a condition cell by cell, where the free exponents decide which part of a gradient leads.

A normalised step gives its leading part entries of size 1 and every other part less by the gap. Where it depends on the
free exponents which part leads, one run over the whole domain has only bounds. On either side of the hyperplane on
which two parts are equal it has more: the domain is cut there, as often as it takes, and the answers are put together.

Where some map has a tie, what is decided is held to runs at points; where one says otherwise, or nothing is decided on
one free exponent, it is decided at the ties and between them, without cells. What bounds leave open there is read again
with more components of a term apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import reduce
from itertools import combinations
from operator import or_

from gamma_calc.algebra import (
    EMPTY,
    EVERYWHERE,
    NOWHERE,
    Affine,
    Equality,
    Inequality,
    Polyhedron,
    Region,
    nonpositive_region,
)
from gamma_calc.analysis.bounded import Bounded, bounded
from gamma_calc.analysis.conditions import Condition
from gamma_calc.analysis.decision import Decision, Status, decision
from gamma_calc.analysis.points import EARLY, best_bound, bound_on, is_borne_out
from gamma_calc.analysis.ties import has_ties, parts_of, ties
from gamma_calc.calculus.policy import Policy
from gamma_calc.calculus.recursion import Trajectory
from gamma_calc.calculus.trace import Application
from gamma_calc.program.expressions import Expression, Named, Scaled
from gamma_calc.program.program import Program, with_quantities

MOST_CELLS = 256
"""Cells beyond which a condition is left undecided."""

MOST_FACES = 64
"""Points and intervals beyond which they are not looked at one by one."""
MOST_APPLICATIONS = 2**20
"""Rules that the runs on cells, or on points and intervals, apply in all, beyond which no more are cut."""

MOST_PAIRS = 2**19
"""Pairs of pieces of an exponent, times free exponents, in the runs on all cells, beyond which no more are cut."""


def decision_by_parts(
    program: Program,
    condition: Condition,
    bound: Bounded,
    within: Region,
    horizon: int | None,
    policy: Policy,
    free: Sequence[str],
) -> Decision:
    """What a bounded run says of a condition, and where that is open, what the parts of the domain say.

    Args:
        within: where the condition may hold; elsewhere it surely does not.
        free: the free exponents.
    """
    made, is_free = decision(condition, bound, is_free=bool(free)), bool(free)
    domain, is_one, is_tied = bound.runs[0].domain, len(free) == 1, is_free and has_ties(bound.runs)
    if made.status is Status.UNKNOWN and not (is_one and is_tied):
        if within != Region.of(domain) or undecided(bound.run, domain) is not None:
            made = joint_decision(condition, cells(program, condition, within, horizon, policy), is_free=is_free)
        elif bound.is_final:
            made = decision(condition, best_bound(program, condition, domain, horizon, policy), is_free=is_free)
    if not (is_tied or (is_free and has_ties(made.runs))):
        return made
    possible = within & within_reach(condition, bound)
    for run in made.runs:
        possible &= _reach(condition, run) | Region.of(EVERYWHERE).difference(Region.of(run.domain))
    is_known = made.status is not Status.UNKNOWN
    if not (is_known or is_one):
        return made
    is_askable = is_known and not made.region.is_empty and (not is_one or made.region.convex() is not None)
    if is_askable and is_borne_out(program, made, possible, horizon, policy, free):
        return made
    return joint_decision(condition, faces(program, condition, possible, horizon, policy), is_free=is_free)


def cells(
    program: Program, condition: Condition, within: Region, horizon: int | None, policy: Policy
) -> tuple[Bounded, ...]:
    """What is known of a condition's quantities on the cells of a region.

    Where the condition surely does not hold, nothing more is asked: a cell shrinks to the rest before it is cut, and
    before that to what its first steps leave. Nor is more asked once nothing is known of later steps on some cell.
    """
    asked = with_quantities(program, (*condition.bounded, *condition.reached))
    waiting, found, pairs, applied = [*within.members], list[Bounded](), 0, 0
    while waiting:
        where = waiting.pop()
        if horizon is None:
            early = bounded(asked, condition.bounded, where, EARLY, policy)
            if early.outer.is_empty:
                found.append(early)
                continue
            where = early.outer
        bound = bounded(asked, condition.bounded, where, horizon, policy)
        cut, pairs = undecided(bound.run, where), pairs + _pairs(bound.run)
        applied += len(bound.run.applications)
        made = decision(condition, bound, is_free=True)
        possible = Region.of(bound.outer) if made.possible is None else made.possible
        is_long = len(found) + len(waiting) >= MOST_CELLS or pairs > MOST_PAIRS or applied > MOST_APPLICATIONS
        if cut is None or made.status is not Status.UNKNOWN or possible.is_empty or is_long:
            found.append(bound)
            if not bound.is_final:
                break
        elif not possible.includes(where):
            waiting += possible.members
        else:
            halves = (where & Polyhedron.of(Inequality(side)) for side in (cut, -cut))
            waiting += [half for half in halves if not half.is_empty]
    return tuple(found)


def faces(
    program: Program, condition: Condition, within: Region, horizon: int | None, policy: Policy
) -> tuple[Bounded, ...]:
    """What is known of a condition's quantities where some map has a tie, and on the parts of a region between.

    Where there is a tie, what is made before it is known, and what is made later is known from above. Where that says
    whether the condition holds, nothing more is asked; nor is once nothing is known on some part.
    """
    waiting, found, applied = [*within.members], list[Bounded](), 0
    while waiting:
        where = waiting.pop()
        bound = bound_on(program, condition, where, horizon, policy)
        place, form = next(ties(bound.runs[0], where), (0, None))
        applied += sum(len(run.applications) for run in bound.runs)
        if form is None or len(found) + len(waiting) >= MOST_FACES or applied > MOST_APPLICATIONS:
            found.append(bound if form is None else replace(bound, is_final=False, reason="there are too many ties"))
            if not found[-1].is_final:
                break
            continue
        sure = EMPTY if condition.reached or not bound.is_final else bound.inner
        if not sure.is_empty:
            found.append(replace(bound, outer=sure))
        rest = _possible(condition, bound, place).difference(sure)
        sides = (Inequality(form, strict=True), Inequality(-form, strict=True), Equality(form))
        split = [where & Polyhedron.of(side) for side in sides] if rest.includes(where) else rest.members
        waiting += [face for face in split if not face.is_empty]
    return tuple(found)


def _possible(condition: Condition, bound: Bounded, place: int) -> Region:
    """Where a condition may hold for all that is known of sizes from above, and from below before an application."""
    run = bound.runs[0]
    region = run.domain
    wanted = {_made_at(run.program.quantities[name]) for name in condition.bounded}
    for each in run.applications[:place]:
        if each.subject.expression in wanted:
            for part in each.conclusion:
                region &= nonpositive_region(part.size.lower)
    return Region.of(region) & within_reach(condition, bound)


def within_reach(condition: Condition, bound: Bounded) -> Region:
    """Where all that has to become n^0 may be as large in the end, for all that is known from above."""
    is_known = bound.is_final and bound.run.domain.includes(bound.outer)
    return _reach(condition, bound.run) if is_known else Region.of(EVERYWHERE)


def _reach(condition: Condition, run: Trajectory) -> Region:
    """Where all that has to become n^0 may be as large at the end of a run, for all that is known from above."""
    possible = Region.of(EVERYWHERE)
    for name in condition.reached:
        pieces = run.last.sizes[name].upper.pieces
        possible &= Region(tuple(Polyhedron.of(Inequality(piece)) for piece in pieces))
    return possible


def _made_at(node: Expression) -> Expression:
    """The operation of which a value is another name, or the multiple by a scalar n^0."""
    while isinstance(node, Named) or (isinstance(node, Scaled) and node.exponent == Affine.of(0)):
        node = node.operand
    return node


def undecided(run: Trajectory, domain: Polyhedron) -> Affine | None:
    """A form whose sign decides which of two parts leads in some step of a run, and is open on the domain."""
    return next((cut for each in run.applications if _is_open(each) for cut in _cuts(each, domain)), None)


def _pairs(run: Trajectory) -> int:
    """The pairs of pieces that are compared to find which of an exponent's are needed, times its free exponents."""
    sizes = (part.size.upper for each in run.applications for part in each.conclusion)
    return sum((len(size.pieces) - 1) ** 2 * len(size.free) for size in sizes if len(size.pieces) > 1)


def _is_open(application: Application) -> bool:
    """Whether a rule concludes bounds from known sizes, or that all may be absent from what surely is there."""
    made = application.conclusion
    if all(part.size.is_exact for part in made):
        return False
    sizes = [part.size for part in parts_of(application)]
    is_lost = all(part.size.lower.is_vanishing for part in made) and not all(size.lower.is_vanishing for size in sizes)
    return is_lost or all(size.is_exact for size in sizes)


def _cuts(application: Application, domain: Polyhedron) -> Iterator[Affine]:
    """The differences of sizes whose sign is open."""
    pieces = dict.fromkeys(piece for part in parts_of(application) for piece in part.size.upper.pieces)
    for one, other in combinations(pieces, 2):
        form = one - other
        if not any(domain.implies(Inequality(side)) for side in (form, -form)):
            yield form


def joint_decision(condition: Condition, found: tuple[Bounded, ...], *, is_free: bool) -> Decision:
    """What the cells say of a condition together."""
    each = [decision(condition, bound, is_free=is_free) for bound in found]
    unknown = next((pair for pair in zip(each, found, strict=True) if pair[0].status is Status.UNKNOWN), None)
    region = _union(part.region for part in each).irredundant()
    if unknown is not None:
        part, bound = unknown
        there = f"where {bound.runs[0].domain}, " if len(found) > 1 else ""
        surely = "" if region.is_empty or len(found) < 2 else f"; on the whole domain it surely holds where {region}"
        possible = _union(one.region if one.possible is None else one.possible for one in each).irredundant()
        reason, is_known = f"{there}{part.reason}{surely}", all(bound.is_final for bound in found)
        return Decision(condition, region, None, None, Status.UNKNOWN, reason, possible if is_known else None)
    onsets = [part.onset for part in each if part.onset is not None]
    count = "one part" if len(each) == 1 else f"{len(each)} parts"
    reason = f"decided on {count} of the domain, on each of which the same parts of every gradient lead"
    if not each:
        reason = "bounds on the exponents leave no part of the domain where it can hold"
    holds = None if is_free else not region.is_empty
    status = Status.FREE if is_free else Status.DECIDED
    runs = tuple(part.run for part in found)
    return Decision(condition, region, max(onsets, default=None), holds, status, reason, runs=runs)


def _union(regions: Iterable[Region]) -> Region:
    return reduce(or_, regions, NOWHERE)

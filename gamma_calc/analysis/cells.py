"""Deciding a condition cell by cell, where the free exponents decide which part of a gradient leads.

A normalised step gives its leading part entries of size 1 and every other part less by the gap. Where it depends on the
free exponents which part leads, one run over the whole domain has only bounds. On either side of the hyperplane on
which two parts are equal it has more: the domain is cut there, as often as it takes, and the answers are put together.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from gamma_calc.algebra import Affine, Inequality, Polyhedron, Region
from gamma_calc.analysis.bounded import Bounded, bounded
from gamma_calc.analysis.conditions import Condition
from gamma_calc.analysis.decision import Decision, Status, decision
from gamma_calc.calculus.policy import Policy
from gamma_calc.calculus.recursion import Trajectory
from gamma_calc.calculus.rules import Component
from gamma_calc.calculus.trace import Application
from gamma_calc.program.program import Program

MOST_CELLS = 256
"""Cells beyond which a condition is left undecided."""

MOST_PAIRS = 2**20
"""Pairs of pieces of an exponent, times free exponents, in the runs on all cells, beyond which no more are cut."""


def decided(
    program: Program,
    condition: Condition,
    bound: Bounded,
    domain: Polyhedron,
    horizon: int | None,
    policy: Policy,
    *,
    is_free: bool,
) -> Decision:
    """What a bounded run on a domain says of a condition, and where that is open, what the cells of the domain say."""
    made = decision(condition, bound, is_free=is_free)
    if made.status is not Status.UNKNOWN or undecided(bound.run, domain) is None:
        return made
    return decided_together(condition, cells(program, condition, domain, horizon, policy), is_free=is_free)


def cells(
    program: Program, condition: Condition, domain: Polyhedron, horizon: int | None, policy: Policy
) -> tuple[Bounded, ...]:
    """What is known of a condition's quantities on the cells of a domain.

    Where the condition surely does not hold, nothing more is asked: a cell shrinks to the rest before it is cut. Nor is
    more asked once nothing is known of later steps on some cell.
    """
    waiting, found, pairs = [domain], list[Bounded](), 0
    while waiting:
        where = waiting.pop()
        bound = bounded(program, condition.bounded, where, horizon, policy)
        cut, pairs = undecided(bound.run, where), pairs + _pairs(bound.run)
        made = decision(condition, bound, is_free=True)
        possible = Region.of(bound.outer) if made.possible is None else made.possible
        is_long = len(found) + len(waiting) >= MOST_CELLS or pairs > MOST_PAIRS
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


def undecided(run: Trajectory, domain: Polyhedron) -> Affine | None:
    """A form whose sign decides which of two parts leads in some step of a run, and is open on the domain."""
    return next((cut for each in run.applications if _is_open(each) for cut in _cuts(each, domain)), None)


def _pairs(run: Trajectory) -> int:
    """The pairs of pieces that are compared to find which of an exponent's are needed, times its free exponents."""
    sizes = (part.size.upper for each in run.applications for part in each.conclusion)
    return sum((len(size.pieces) - 1) ** 2 * len(size.free) for size in sizes if len(size.pieces) > 1)


def _is_open(application: Application) -> bool:
    """Whether a rule concludes bounds from sizes that are known."""
    given = [part for premise in application.premises if isinstance(premise, tuple) for part in premise]
    return any(not part.size.is_exact for part in application.conclusion) and all(
        part.size.is_exact for part in given if isinstance(part, Component)
    )


def _cuts(application: Application, domain: Polyhedron) -> Iterator[Affine]:
    """The differences of sizes whose sign is open."""
    parts = [part for premise in application.premises if isinstance(premise, tuple) for part in premise]
    pieces = dict.fromkeys(piece for part in parts for piece in part.size.upper.pieces)
    for one, other in combinations(pieces, 2):
        form = one - other
        if not any(domain.implies(Inequality(side)) for side in (form, -form)):
            yield form


def decided_together(condition: Condition, found: tuple[Bounded, ...], *, is_free: bool) -> Decision:
    """What the cells say of a condition together."""
    each = [decision(condition, bound, is_free=is_free) for bound in found]
    unknown = next((part for part in each if part.status is Status.UNKNOWN), None)
    region = Region(tuple(member for part in each for member in part.region.members))
    whole = region.convex()
    region = region.irredundant() if whole is None else Region.of(whole)
    if unknown is not None:
        return Decision(condition, region, None, None, Status.UNKNOWN, unknown.reason)
    onsets = [part.onset for part in each if part.onset is not None]
    count = "one part" if len(each) == 1 else f"{len(each)} parts"
    reason = f"decided on {count} of the domain, on each of which the same parts of every gradient lead"
    holds = None if is_free else not region.is_empty
    status = Status.FREE if is_free else Status.DECIDED
    return Decision(condition, region, max(onsets, default=None), holds, status, reason, is_by_cells=True)

"""Deciding a condition: its exact region, its onset, and what is left open where bounds disagree."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from gamma_calc.algebra import NOWHERE, Inequality, Polyhedron, Region, nonpositive_region, zero_region
from gamma_calc.analysis.bounded import Bounded
from gamma_calc.analysis.conditions import Condition
from gamma_calc.calculus.recursion import Trajectory
from gamma_calc.calculus.size import Size


class Status(Enum):
    """What is known of a condition."""

    DECIDED = "decided"
    FREE = "free"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Decision:
    """What is known of a condition.

    `region` is where the condition holds; where the status is UNKNOWN, only where it surely holds, and `possible` is
    where it may hold, if that is known. `onset` is the least step from which the condition's equalities hold throughout
    the region (1 where it has none; None for an empty or unknown region). `holds` is decided when no exponent is left
    free. `frozen` are the factors that the condition asks to contribute though the scheme does not train them, where
    that is why it never holds. `runs` are those on parts of the domain, where it was decided apart on each.
    """

    condition: Condition
    region: Region
    onset: int | None
    holds: bool | None
    status: Status
    reason: str
    possible: Region | None = None
    frozen: tuple[str, ...] = ()
    runs: tuple[Trajectory, ...] = ()

    def __repr__(self) -> str:
        return f"<{self.condition.name}: {self}>"

    def __str__(self) -> str:
        return "unknown" if self.status is Status.UNKNOWN else str(self.region)

    def latex(self) -> str:
        """The region as LaTeX."""
        return r"\text{unknown}" if self.status is Status.UNKNOWN else self.region.latex()


def decision(condition: Condition, bound: Bounded, *, is_free: bool) -> Decision:
    """What a bounded run says of a condition; `is_free` tells whether exponents are left free."""
    if not bound.is_final:
        return Decision(condition, NOWHERE, None, None, Status.UNKNOWN, bound.reason)
    sure, possible = Region.of(bound.inner), Region.of(bound.outer)
    for name in condition.reached:
        size = bound.run.last.sizes[name]
        sure &= zero_region(size.lower) & nonpositive_region(size.upper)
        if bound.run.domain.includes(bound.outer):
            possible &= _maybe_zero(size)
    if not sure.includes(possible):
        reason = f"some sizes are only bounded from above: {known_where(sure, possible)}"
        return Decision(condition, sure, None, None, Status.UNKNOWN, reason, possible)
    onset = None if sure.is_empty else _onset(condition, bound.run, sure)
    if is_free:
        return Decision(condition, sure, onset, None, Status.FREE, bound.reason)
    return Decision(condition, sure, onset, not sure.is_empty, Status.DECIDED, bound.reason)


def known_where(sure: Region, possible: Region) -> str:
    """Where a condition holds, and where it may hold beside that.

    >>> known_where(NOWHERE, Region.of(Polyhedron()))
    'it is nowhere known to hold or not'
    """
    if possible.is_everywhere:
        return (
            f"it holds where {sure}, and may hold elsewhere"
            if not sure.is_empty
            else "it is nowhere known to hold or not"
        )
    known = (
        "it is proved nowhere, and can hold" if sure.is_empty else f"it holds where {sure}, and beyond that can hold"
    )
    return f"{known} only where {possible}"


def _maybe_zero(size: Size) -> Region:
    """Where the bounds on a size do not forbid that its exponent is 0."""
    if size.is_exact:
        return zero_region(size.upper)
    below = nonpositive_region(size.lower)
    return Region(tuple(below & Polyhedron.of(Inequality(piece)) for piece in size.upper.pieces))


def _onset(condition: Condition, run: Trajectory, region: Region) -> int:
    """The least step from which the quantities to be reached are 0 throughout the region."""
    onset = run.last.t
    for step in reversed(run.steps):
        if not all(_is_zero_on(step.sizes[name], region) for name in condition.reached):
            break
        onset = step.t
    return onset


def _is_zero_on(size: Size, region: Region) -> bool:
    """Whether a size surely is: at most 0 from above, and 0 from below."""
    sure = zero_region(size.lower) & nonpositive_region(size.upper)
    return all((sure & member).includes(member) for member in region.members)

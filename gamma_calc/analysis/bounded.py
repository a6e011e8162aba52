"""Where a run stays bounded: for a number of steps, or for every one.

A step map that has become stationary settles every later step by induction. Where it has not (a raw step, whose
iterates keep growing where the run is unstable), it may still be stationary on the region that has been stable so far;
then that region is the answer for every step count, because outside of it some step has already broken the bound.
"""

from __future__ import annotations

from dataclasses import dataclass

from gamma_calc.algebra import Polyhedron, nonpositive_region
from gamma_calc.calculus.policy import CALCULUS, Policy
from gamma_calc.calculus.recursion import Trajectory, trajectory
from gamma_calc.program.program import Program

UNROLLED = 5
"""Steps unrolled before the run is looked for on a smaller region: two more than a normalised step needs to settle."""
ROUNDS = 4
"""How often the region may shrink before the search is given up."""


@dataclass(frozen=True, slots=True)
class Bounded:
    """The region on which some exponents stay at or below zero.

    `inner` is where they surely do; outside `outer` they surely do not. The two differ only where a size is bounded
    from above and not known. `runs` are the runs that were needed, each on the region where the one before it stays
    bounded. `reason` says what is missing where `is_final` is false: then nothing is proved of steps beyond theirs.
    """

    inner: Polyhedron
    outer: Polyhedron
    runs: tuple[Trajectory, ...]
    is_final: bool
    reason: str

    @property
    def run(self) -> Trajectory:
        """The last run, which covers the region."""
        return self.runs[-1]

    @property
    def is_exact(self) -> bool:
        """Whether the region is known."""
        return self.is_final and self.inner == self.outer


def bounded(
    program: Program, quantities: tuple[str, ...], domain: Polyhedron, horizon: int | None, policy: Policy = CALCULUS
) -> Bounded:
    """Where `quantities` have exponents at most 0 at steps 1 to `horizon` (None: at every step)."""
    region, steps = domain, UNROLLED if horizon is None else horizon
    runs: tuple[Trajectory, ...] = ()
    for _ in range(ROUNDS):
        run = trajectory(program, steps, region, policy)
        runs = (*runs, run)
        inner, outer = (_below(run, quantities, region, is_upper=is_upper) for is_upper in (True, False))
        if run.settled_from is not None:
            return Bounded(inner, outer, runs, True, f"settled from step {run.settled_from} on, by induction")
        if horizon is not None:
            return Bounded(inner, outer, runs, True, f"unrolled for {horizon} steps")
        if outer.is_empty:
            return Bounded(inner, outer, runs, True, f"the bound is broken within {steps} steps everywhere")
        if inner != outer or inner == region:
            break
        region = inner
    return Bounded(inner, outer, runs, False, f"the exponents have not settled within {steps} steps")


def _below(run: Trajectory, quantities: tuple[str, ...], region: Polyhedron, *, is_upper: bool) -> Polyhedron:
    for step in run.steps:
        for name in quantities:
            size = step.sizes[name]
            region &= nonpositive_region(size.upper if is_upper else size.lower)
    return region

"""Where a run stays bounded: for a number of steps, or for every one.

A step map that has become stationary settles every later step by induction. A raw step's map is max-plus linear: where
no cycle of its graph gains, it becomes stationary, and where a cycle gains, everything that the cycle feeds grows
without bound, a fixed power of n a turn. So the region on which no cycle gains, met with the bound on the settled run,
is the answer for every step count, though no single step count has it.

A loss gradient that grows with the output multiplies components of the state. Then a linear map below the step map
tells where a run surely grows, its first steps tell where it already has, and on the rest it settles or is not decided.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gamma_calc.algebra import EMPTY, Polyhedron, nonpositive_region
from gamma_calc.calculus.policy import CALCULUS, Policy
from gamma_calc.calculus.provenance import MOST_APART
from gamma_calc.calculus.recursion import MOST_NUMBERS, Open, Trajectory, trajectory
from gamma_calc.calculus.step_map import minorant, product_map, step_map
from gamma_calc.maxplus.cycle_time import subcritical
from gamma_calc.maxplus.graph import Circuit, Node, StepMap
from gamma_calc.program.program import Program

UNROLLED = 5
"""Steps unrolled before another argument is looked for: two more than a normalised step needs to settle in a module."""
MODULE_SIZE = 2
"""The parameters of one module."""


@dataclass(frozen=True, slots=True)
class Bounded:
    """The region on which some exponents stay at or below zero.

    `inner` is where they surely do; outside `outer` they surely do not. The two differ only where a size is bounded
    from above and not known. `runs` are the runs that were needed: one on the whole domain and, where that does not
    settle, one on the region where no cycle of the step map gains; `cycles` are those that gain elsewhere, and `map` is
    the step map where it had to be looked at and is linear over maximum and plus, `below` a linear map below it where
    it is not and `whole` then the map with its products. `reason` says what is missing where
    `is_final` is false: then nothing is proved of steps beyond those of the run.
    """

    inner: Polyhedron
    outer: Polyhedron
    runs: tuple[Trajectory, ...]
    is_final: bool
    reason: str
    cycles: tuple[Circuit, ...] = ()
    map: StepMap | None = None
    below: StepMap | None = None
    whole: StepMap | None = None

    @property
    def run(self) -> Trajectory:
        """The last run, which covers the region."""
        return self.runs[-1]

    @property
    def is_exact(self) -> bool:
        """Whether the region is known."""
        return self.is_final and self.inner == self.outer


def bounded(
    program: Program,
    quantities: tuple[str, ...],
    domain: Polyhedron,
    horizon: int | None,
    policy: Policy = CALCULUS,
    apart: int = MOST_APART,
) -> Bounded:
    """Where `quantities` have exponents at most 0 at steps 1 to `horizon` (None: at every step).

    Of one parity `apart` components are kept apart.
    """
    try:
        run = run_of(program, domain, horizon, policy, apart)
    except Open as error:
        return _started(error.run, quantities, str(error))
    if run.settled_from is not None:
        return _bound((run,), quantities, f"settled from step {run.settled_from} on, by induction")
    if horizon is not None:
        if run.cut:
            return _started(run, quantities, run.cut)
        return _bound((run,), quantities, f"unrolled for {horizon} steps")
    found = step_map(program, quantities, domain, policy)
    below = minorant(program, quantities, domain, policy) if found is None else None
    bound, missing = None, ""
    if found is not None:
        bound = _spectral(run, quantities, found)
    elif below is not None:
        bound = _confined(run, quantities, below)
        missing = ", nor where they are bounded and no cycle of a map below gains"
    if bound is None:
        bound = _started(run, quantities, f"{_unsettled(run)}{missing}")
    whole = product_map(program, quantities, domain, policy) if below is not None else None
    return replace(bound, map=found, below=below, whole=whole)


def run_of(
    program: Program, domain: Polyhedron, horizon: int | None, policy: Policy = CALCULUS, apart: int = MOST_APART
) -> Trajectory:
    """The steps up to a horizon; where there is none, the first ones, which may tell of all later ones."""
    if horizon is None:
        return unrolled(program, domain, policy, apart=apart)
    return trajectory(program, horizon, domain, policy, apart=apart)


def unrolled(
    program: Program,
    domain: Polyhedron,
    policy: Policy = CALCULUS,
    steps: int | None = None,
    apart: int = MOST_APART,
) -> Trajectory:
    """The first steps of a run, as many as are short enough to write out.

    What a step changes may take another one to pass from each parameter to the next, and back, and what is known of
    earlier steps as many again; once that brings nothing new but sizes, no more are looked at than of one module.
    """
    alike = UNROLLED if steps is None else None
    steps = UNROLLED + 4 * max(0, len(program.parameters) - MODULE_SIZE) if steps is None else steps
    return trajectory(program, steps, domain, policy, MOST_NUMBERS, apart, alike)


def _unsettled(run: Trajectory) -> str:
    """That a run has not settled, and why it was not followed further if it was not."""
    reason = f"the exponents have not settled within {len(run.steps)} steps"
    return f"{reason}: {run.cut}" if run.cut else reason


def _spectral(run: Trajectory, quantities: tuple[str, ...], found: StepMap) -> Bounded | None:
    """The bound for every step count of a run with a max-plus linear step map; None where its cycles do not say it."""
    rounds, region = subcritical(found, run.domain)
    walks = _walks(rounds)
    cycles = tuple(circuit for circuit in found.circuits() if found.fed & set(circuit.nodes))
    if region.is_empty and found.is_exact:
        return Bounded(EMPTY, EMPTY, (run,), True, f"{walks} gains a power of n every turn", cycles)
    if region.is_empty:
        return None
    settled = unrolled(run.program, region, run.policy, UNROLLED + len(found.nodes), run.apart)
    if settled.settled_from is None:
        return None
    if not cycles:
        return _bound((run, settled), quantities, f"settled from step {settled.settled_from} on, by induction")
    reason = (
        f"settled from step {settled.settled_from} on where no cycle of the step map gains ({region}); "
        f"elsewhere {walks} {'gains' if found.is_exact else 'may gain'} a power of n every turn"
    )
    if not found.is_exact:
        # The cycles' weights are bounds: beyond the region only what the first steps prove is out of the question.
        outer = _below(run, quantities, is_upper=False)
        return replace(_bound((run, settled), quantities, reason), outer=outer)
    return replace(_bound((run, settled), quantities, reason), cycles=cycles)


def _confined(run: Trajectory, quantities: tuple[str, ...], below: StepMap) -> Bounded | None:
    """The bound for every step count of a run whose step map multiplies components; None where no run settles.

    A bounded run is confined to where no cycle of a linear map below it gains and the first steps are bounded. A run
    that settles there proves the rest by induction.
    """
    rounds, still = subcritical(below, run.domain)
    region = still & _below(run, quantities, is_upper=False)
    walks = _walks(rounds)
    if region.is_empty:
        reason = (
            f"outside {still} {walks} gains a power of n every turn, and inside the first {len(run.steps)} steps do"
        )
        return Bounded(EMPTY, EMPTY, (run,), True, reason)
    settled = unrolled(run.program, region, run.policy, UNROLLED + len(below.nodes), run.apart)
    if settled.settled_from is None:
        return None
    reason = (
        f"settled from step {settled.settled_from} on where the first {len(run.steps)} steps are bounded and no cycle "
        f"of a map below the step map gains ({region}); elsewhere they are not, or {walks} gains a power of n "
        f"every turn"
    )
    return _bound((run, settled), quantities, reason)


def _walks(rounds: tuple[tuple[Node, ...], ...]) -> str:
    return ", ".join(dict.fromkeys(" -> ".join(map(str, (*nodes, nodes[0]))) for nodes in rounds))


def _bound(runs: tuple[Trajectory, ...], quantities: tuple[str, ...], reason: str) -> Bounded:
    inner, outer = (_below(runs[-1], quantities, is_upper=is_upper) for is_upper in (True, False))
    return Bounded(inner, outer, runs, True, reason)


def _started(run: Trajectory, quantities: tuple[str, ...], reason: str) -> Bounded:
    """What the first steps prove: where they are not bounded. Where they are so nowhere, that says all."""
    outer = _below(run, quantities, is_upper=False)
    if outer.is_empty:
        return Bounded(EMPTY, EMPTY, (run,), True, f"the first {len(run.steps)} steps are not bounded")
    return Bounded(EMPTY, outer, (run,), False, reason)


def _below(run: Trajectory, quantities: tuple[str, ...], *, is_upper: bool) -> Polyhedron:
    region = run.domain
    for step in run.steps:
        for name in quantities:
            size = step.sizes[name]
            region &= nonpositive_region(size.upper if is_upper else size.lower)
    return region

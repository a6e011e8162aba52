"""Deriving a scheme: its exponents, its conditions, its largest stable rates, and what happens there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from gamma_calc.algebra import EMPTY, NOWHERE, VANISHING, Exponent, Polyhedron, Region
from gamma_calc.analysis.bounded import Bounded, bounded, run_of
from gamma_calc.analysis.caveats import caveats
from gamma_calc.analysis.cells import decision_by_parts, undecided, within_reach
from gamma_calc.analysis.conditions import EFFICIENT, FEATURE_LEARNING, STABLE, Condition, conditions_of, factors_of
from gamma_calc.analysis.decision import Decision, Status, known_where
from gamma_calc.analysis.horizon import HorizonLaw, horizon_law
from gamma_calc.analysis.largest_rates import FrontierPiece, LargestRate, at_largest, frontier, largest_rate
from gamma_calc.analysis.points import best_bound
from gamma_calc.calculus.assumptions import Assumption
from gamma_calc.calculus.policy import CALCULUS, Policy
from gamma_calc.calculus.recursion import Open, Trajectory
from gamma_calc.calculus.size import Size
from gamma_calc.errors import Unknown
from gamma_calc.maxplus.cycle_time import LeastGrowth, growth, least_growth
from gamma_calc.program.problem import program_of
from gamma_calc.program.program import Program
from gamma_calc.program.scheme import Scheme

FEW = 3
"""Free exponents beyond which values for them are not looked for; of parameters, twice as many."""
REFUTED = "which part of a map leads depends on what is free, and no one run tells of all steps"
"""Why there is no law of a quantity of which a run on the whole domain says what runs on parts of it do not."""


@dataclass(frozen=True, slots=True)
class Derivation:
    """Everything that follows from a scheme.

    `horizon` is the number of steps, None for every fixed step count. `run` are the exponents as derived, on the
    scheme's whole domain; `bounds` what the conditions were decided from, by the quantities that they bound. `at_max`
    are the settled exponents at the largest stable rate (or at the scheme itself where no rate is free), where no other
    exponent is free; `undertrained` the trained factors whose contribution stays below n^0 there. `horizons` are the
    laws of every finite horizon by the condition that only bounds quantities, or what they lack; `growth` is what the
    bounded quantities gain a step in the long run. Both are empty where the horizon is set.
    """

    scheme: Scheme
    horizon: int | None
    policy: Policy
    run: Trajectory
    bounds: Mapping[tuple[str, ...], Bounded]
    decisions: Mapping[str, Decision]
    max_stable: Mapping[str, LargestRate]
    frontier: tuple[FrontierPiece, ...] | None
    at_max: Mapping[str, Size]
    undertrained: tuple[str, ...]
    assumptions: tuple[Assumption, ...]
    horizons: Mapping[str, HorizonLaw | str]
    growth: Mapping[str, Exponent | LeastGrowth | str]

    def __reduce__(self) -> tuple[Any, ...]:
        """It is pickled, and copied, as what was asked, and derived again."""
        conditions = tuple(each.condition for each in self.decisions.values())
        return derived, (self.scheme, self.horizon, self.policy, conditions)

    @property
    def title(self) -> str:
        """The scheme, its optimiser, and what is supposed otherwise than the calculus does."""
        return self.policy.titled(self.scheme.title)

    @property
    def free(self) -> tuple[str, ...]:
        """The free exponents: the scheme's, then those of the alignments that are supposed."""
        return free_exponents(self.scheme, self.policy)

    @property
    def length(self) -> str:
        """For how many steps it is, in words."""
        return "every fixed number of steps" if self.horizon is None else steps(self.horizon)

    @property
    def caveats(self) -> tuple[str, ...]:
        """What a reader has to know before trusting the exponents."""
        return caveats(self.scheme, self.run)

    @property
    def is_unknown(self) -> bool:
        """Whether some condition could not be decided."""
        return any(each.status is Status.UNKNOWN for each in self.decisions.values())


def steps(count: int) -> str:
    """A number of steps in words."""
    return f"{count} step" if count == 1 else f"{count} steps"


def free_exponents(scheme: Scheme, policy: Policy) -> tuple[str, ...]:
    """The free exponents of a scheme under a policy: its own, then those of the alignments that are set."""
    return tuple(dict.fromkeys((*scheme.free, *policy.free)))


def derived(
    scheme: Scheme,
    horizon: int | None = None,
    policy: Policy = CALCULUS,
    conditions: tuple[Condition, ...] | None = None,
) -> Derivation:
    """The derivation of a scheme for steps 1 to `horizon`, or for every fixed step count.

    Args:
        conditions: those to decide, `STABLE` first; those of the model where they are left out.
    """
    conditions = conditions_of(scheme.model) if conditions is None else conditions
    program, domain = program_of(scheme), scheme.domain & policy.domain
    free = free_exponents(scheme, policy)
    try:
        run = run_of(program, domain, horizon, policy)
    except Open as error:
        if undecided(error.run, domain) is None:
            raise
        run = error.run  # on each cell of the domain it may come further
    bounds = {each: bounded(program, each, domain, horizon, policy) for each in {c.bounded: None for c in conditions}}
    decisions = dict[str, Decision]()
    for condition in conditions:
        bound = bounds[condition.bounded]
        within, beside = _where_decided(condition, bound, decisions.get(STABLE.name), domain)
        made = decision_by_parts(program, condition, bound, within, horizon, policy, free)
        decisions[condition.name] = _of_the_trained(_unknown_beside(made, beside), scheme)
    stable = decisions[STABLE.name]
    max_stable = _max_stable(scheme, stable)
    point = at_largest(domain, max_stable) if set(free) <= max_stable.keys() else None
    at_max = None if point is None else _at_max(program, point, conditions[0], horizon, policy)
    refuted = {each.condition.bounded for each in decisions.values() if _is_refuted(each, bounds)}
    used = {assumption for application in run.applications for assumption in application.rule.assumptions}
    return Derivation(
        scheme=scheme,
        horizon=horizon,
        policy=policy,
        run=run,
        bounds=bounds,
        decisions=decisions,
        max_stable=max_stable,
        frontier=_frontier(scheme, stable),
        at_max={} if at_max is None else {name: size.everywhere for name, size in at_max.last.sizes.items()},
        undertrained=() if at_max is None else _undertrained(at_max, scheme),
        assumptions=tuple(sorted(used)),
        horizons={} if horizon is not None else _horizons(scheme, conditions, bounds, policy, refuted),
        growth={} if horizon is not None else _growth(bounds, refuted),
    )


def example(scheme: Scheme) -> Mapping[str, Fraction]:
    """Free exponents to try: where all factors learn, else where the scheme is stable; none if that takes long."""
    if len(scheme.free) > FEW or len(program_of(scheme).parameters) > 2 * FEW:
        return {}
    try:
        found = derived(scheme)
    except Unknown:
        return {}
    wanted = (found.decisions.get(name) for name in (EFFICIENT.name, FEATURE_LEARNING.name, STABLE.name))
    regions = (each.region for each in wanted if each is not None and each.status is not Status.UNKNOWN)
    member = next((region.members[0] for region in regions if not region.is_empty), None)
    if member is None:
        return {}
    inside = [each for each in member.vertices() if member.contains(each)]
    sizes = [sum(abs(value) for name, value in each.items() if name not in scheme.rates) for each in inside]
    return inside[sizes.index(min(sizes))] if inside else member.point()


def _where_decided(
    condition: Condition, bound: Bounded, stable: Decision | None, domain: Polyhedron
) -> tuple[Region, Region]:
    """Where a condition is to be decided, and where beside that it may hold and will not be known.

    A condition that asks for all that `stable` asks for is decided in the stable region alone. Where it is not known
    whether a run is stable, such a condition is not known either, but where what it has to reach is out of reach.
    """
    if stable is None:
        return Region.of(domain), NOWHERE
    asked, own = set(stable.condition.bounded), set(condition.bounded)
    is_known = stable.status is not Status.UNKNOWN
    if not (asked <= own if is_known else asked == own):
        return Region.of(domain), NOWHERE
    possible = Region.of(domain) if stable.possible is None else stable.possible
    return stable.region, NOWHERE if is_known else possible.difference(stable.region) & within_reach(condition, bound)


def _unknown_beside(made: Decision, beside: Region) -> Decision:
    """What is known of a condition that was decided where the scheme surely is stable, and may hold beside that."""
    if beside.is_empty:
        return made
    there = made.region if made.status is not Status.UNKNOWN else made.possible
    possible = None if there is None else (there | beside).irredundant()
    known = "" if possible is None else f": {known_where(made.region, possible)}"
    reason = f"stable, which it asks for, is not known{known}"
    return Decision(made.condition, made.region, None, None, Status.UNKNOWN, reason, possible)


def _is_refuted(made: Decision, bounds: Mapping[tuple[str, ...], Bounded]) -> bool:
    """Whether a condition on bounds holds where a bounded run says that it does not, or the other way round."""
    bound = bounds[made.condition.bounded]
    is_decided = bound.is_final and made.status is not Status.UNKNOWN and not made.condition.reached
    return is_decided and not (made.region.includes(bound.inner) and Region.of(bound.outer).includes(made.region))


def _horizons(
    scheme: Scheme,
    conditions: tuple[Condition, ...],
    bounds: Mapping[tuple[str, ...], Bounded],
    policy: Policy,
    refuted: Collection[tuple[str, ...]],
) -> Mapping[str, HorizonLaw | str]:
    """The law of every finite horizon for each condition that asks for bounds only."""
    free, found = free_exponents(scheme, policy), dict[str, HorizonLaw | str]()
    for name, asked in ((each.name, each.bounded) for each in conditions if not each.reached):
        found[name] = REFUTED if asked in refuted else horizon_law(bounds[asked], asked, scheme.rates, free)
    return found


def _growth(
    bounds: Mapping[tuple[str, ...], Bounded], refuted: Collection[tuple[str, ...]]
) -> Mapping[str, Exponent | LeastGrowth | str]:
    """What each quantity that some condition bounds gains a step.

    It is 0 for a run that settles, and -oo for a quantity that is zero throughout.
    """
    found: dict[str, Exponent | LeastGrowth | str] = {}
    for names, bound in bounds.items():
        run, settled = bound.runs[0], EMPTY if bound.run.settled_from is None else bound.run.domain
        for name in names:
            if name in found:
                continue
            if names in refuted:
                found[name] = REFUTED
            elif run.settled_from is not None:
                is_zero = run.last.sizes[name].upper.is_vanishing
                found[name] = VANISHING if is_zero else Exponent.of(0, run.domain)
            elif bound.whole is None or bound.below is None:
                found[name] = growth(bound.map, name, run.domain)
            else:
                found[name] = least_growth(bound.whole, bound.below, name, run.domain, settled)
    return found


def _max_stable(scheme: Scheme, stable: Decision) -> Mapping[str, LargestRate]:
    if len(scheme.rates) != 1:
        return {}
    (rate,) = scheme.rates
    if stable.status is Status.UNKNOWN:
        return {rate: LargestRate(rate, None, False, EMPTY, f"the stable region is unknown: {stable.reason}")}
    region = stable.region.convex()
    if region is None:
        return {rate: LargestRate(rate, None, False, EMPTY, f"the stable region is not convex: {stable.region}")}
    return {rate: largest_rate(rate, region)}


def _frontier(scheme: Scheme, stable: Decision) -> tuple[FrontierPiece, ...] | None:
    if len(scheme.rates) != 2 or stable.status is Status.UNKNOWN:
        return None
    first, second = scheme.rates
    region = stable.region.convex()
    return None if region is None else frontier((first, second), region)


def _at_max(
    program: Program, point: Polyhedron, stable: Condition, horizon: int | None, policy: Policy
) -> Trajectory | None:
    """The run at the largest stable rate; None where that is not stable, or not known to be."""
    there = best_bound(program, stable, point, horizon, policy)
    return None if not there.is_final or there.inner.is_empty else there.run


def _of_the_trained(made: Decision, scheme: Scheme) -> Decision:
    """The decision, with the reason where a condition asks a factor to contribute that is frozen on purpose."""
    asked = [factor for factor in factors_of(scheme.model) if factor.contribution in made.condition.reached]
    frozen = tuple(factor.name for factor in asked if not scheme.is_trained(factor.name))
    if not frozen or not made.region.is_empty or made.status is Status.UNKNOWN:
        return made
    are = "is" if len(frozen) == 1 else "are"
    factors = "both factors" if len(asked) == 2 else f"all of {', '.join(factor.name for factor in asked)}"
    reason = f"{' and '.join(frozen)} {are} frozen, and the condition asks that {factors} learn"
    return replace(made, reason=reason, frozen=frozen)


def _undertrained(run: Trajectory, scheme: Scheme) -> tuple[str, ...]:
    """The trained factors whose contribution to the output stays below n^0 at every step; a frozen one is no such."""
    return tuple(
        factor.name
        for factor in factors_of(scheme.model)
        if scheme.is_trained(factor.name)
        and all(_is_negative(step.sizes[factor.contribution].upper) for step in run.steps)
    )


def _is_negative(exponent: Exponent) -> bool:
    return all(piece.is_constant and piece.constant < 0 for piece in exponent.pieces)

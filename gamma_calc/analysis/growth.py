"""How fast a quantity grows where nothing keeps it bounded: the power of n that a step adds in the long run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

from gamma_calc.algebra import VANISHING, Affine, Exponent, Polyhedron
from gamma_calc.calculus.recursion import Trajectory
from gamma_calc.calculus.step_graph import Cycle, Node, StepMap


def growth(found: StepMap | None, names: Sequence[str], run: Trajectory) -> Mapping[str, Exponent | str]:
    """The exponent that each quantity gains a step, on the average of many steps, or why it is not known.

    A component grows as the largest mean of the cycles that feed it, or not at all; a product as its factors together.
    It is 0 for a run that settles and -oo for a quantity that is zero throughout.

    Source: Baccelli, Cohen, Olsder, Quadrat, "Synchronization and Linearity", chapter 3 (cycle mean).
    """
    if run.settled_from is not None:
        return {name: _settled(run, name) for name in names}
    if found is None:
        return dict.fromkeys(names, "the step map is not linear over maximum and plus")
    parts = {name: found.feeding([name]) for name in names}
    if not found.is_known or not all(part.can_wait for part in parts.values()):
        return dict.fromkeys(names, "some sizes are only bounded from above, or may shrink")
    return {name: _growth(part, name, means(part, part.cycles()), run.domain) for name, part in parts.items()}


def _settled(run: Trajectory, name: str) -> Exponent:
    return VANISHING if run.last.sizes[name].upper.is_vanishing else Exponent.of(0, run.domain)


def means(found: StepMap, cycles: Sequence[Cycle]) -> Mapping[Node, tuple[Affine, ...]]:
    """What each node can gain a step: nothing, or the mean of one of some cycles, from which it is reached."""
    means: dict[Node, dict[Affine, None]] = {node: {Affine.of(0): None} for node in found.nodes}
    for cycle in cycles:
        reached = set(cycle.nodes)
        while more := {edge.target for edge in found.edges if edge.source in reached} - reached:
            reached |= more
        for node in reached:
            means[node][cycle.weight / len(cycle.edges)] = None
    return {node: tuple(each) for node, each in means.items()}


def _growth(found: StepMap, name: str, means: Mapping[Node, tuple[Affine, ...]], domain: Polyhedron) -> Exponent | str:
    if name not in found.quantities:
        return "it is no maximum of products of what the state holds"
    choices = [
        sum(choice, Affine.of(0))
        for monomial in found.quantities[name]
        for choice in product(*(means[factor] for factor in monomial.factors))
    ]
    return Exponent(tuple(dict.fromkeys(choices)), domain)

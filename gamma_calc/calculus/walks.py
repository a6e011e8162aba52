"""Walks through a step map's graph: what a component is after any number of steps, in closed form.

After m steps a component is the largest of the walks of at most m edges that lead to it from a source. A walk is a
simple path with cycles hung on it. Of the cycles some one has the largest mean; where as many others are turned as it
has edges, some of those make a number of edges that it divides, and turning it instead loses nothing. So besides the
cycles that connect the rest, each hung once, fewer others are enough than the best one has edges, and a walk is a
*stem* and any number of turns of one cycle. A cycle that touches another one, with no less weight on no more edges,
takes its place in all but connecting; a cycle that never gains does nothing but connect.

Source: Baccelli, Cohen, Olsder, Quadrat, "Synchronization and Linearity", chapter 3 (cycle mean, powers of a matrix).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from gamma_calc.algebra import Affine, Inequality, Polyhedron
from gamma_calc.calculus.step_graph import Cycle, Edge, Node, Source, StepMap

NOTHING = Affine.of(0)
MOST_STEMS = 256
"""Stems of one component beyond which the walks are not written out."""


@dataclass(frozen=True, slots=True)
class Walks:
    """The walks that turn one cycle any number of times: after m steps, those of at most m edges.

    Exponents: `base` is what the stem adds up to, over `length` edges; each turn of the cycle adds `turn` over `period`
    more. A stem that no cycle can be hung on has `period` 0.
    """

    base: Affine
    length: int
    turn: Affine = NOTHING
    period: int = 0

    def covers(self, other: Walks) -> bool:
        """Whether the other walks are some of these: the same cycle's, from a stem that has turned it before."""
        if other.period and (self.turn, self.period) != (other.turn, other.period):
            return False
        lead = other.base - self.base
        if lead == Affine.of(0):
            return other.length >= self.length
        turns = multiple(lead, self.turn) if self.period else None
        if turns is None or turns < 0 or turns.denominator > 1:
            return False
        return other.length >= self.length + turns * self.period


def multiple(form: Affine, of: Affine) -> Fraction | None:
    """How often one form goes into another, None where it is no multiple of it.

    >>> multiple(3 * Affine.symbol("x") - 3, Affine.symbol("x") - 1)
    Fraction(3, 1)
    """
    numbers = [(form.constant, of.constant), *((form.coefficient(name), of.coefficient(name)) for name in of.free)]
    ratio = next((mine / theirs for mine, theirs in numbers if theirs), None)
    return ratio if ratio is not None and of * ratio == form else None


def walks_to(found: StepMap, target: Node, domain: Polyhedron) -> tuple[Walks, ...] | None:
    """The walks from the sources to a node, none of which another one's cover; None where they are too many."""
    hangers = _hangers(found.cycles(), domain)
    stems = _stems(hangers, (path for source in found.sources for path in paths(found, source, target)))
    if stems is None:
        return None
    every = [
        Walks(stem.base, length, hanger.cycle.weight, hanger.period)
        for stem, length in stems.items()
        for hanger in hangers
        if hanger.is_strong and hanger.cycle in stem.within_reach and stem.extras < hanger.period
    ]
    return _uncovered([*every, *(Walks(stem.base, length) for stem, length in stems.items())])


@dataclass(frozen=True, slots=True)
class _Hanger:
    """A cycle, those that touch it, and whether turning it more than once is ever the best."""

    cycle: Cycle
    near: frozenset[Cycle]
    is_strong: bool

    @property
    def period(self) -> int:
        return len(self.cycle.edges)


def _hangers(cycles: Sequence[Cycle], domain: Polyhedron) -> list[_Hanger]:
    found = []
    for place, cycle in enumerate(cycles):
        near = [other for other in cycles if set(other.nodes) & set(cycle.nodes)]
        stronger = [
            other
            for other in near
            if other is not cycle
            and (len(other.edges), cycles.index(other)) < (len(cycle.edges), place)
            and domain.implies(Inequality(other.weight - cycle.weight))
        ]
        never_gains = domain.implies(Inequality(-cycle.weight))
        found.append(_Hanger(cycle, frozenset(near), not stronger and not never_gains))
    return found


@dataclass(frozen=True, slots=True)
class _Stem:
    """What a path with a few cycles on it adds up to, the cycles within its reach, and how many do not connect."""

    base: Affine
    within_reach: frozenset[Cycle]
    extras: int = 0


def _stems(hangers: Sequence[_Hanger], every: Iterable[Path]) -> Mapping[_Stem, int] | None:
    """The stems with the fewest edges that each takes; None where they are too many."""
    most = max((hanger.period for hanger in hangers if hanger.is_strong), default=1) - 1
    found: dict[_Stem, int] = {}
    newest: list[tuple[_Stem, int]] = []
    for base, touched, length in every:
        reach = frozenset(hanger.cycle for hanger in hangers if touched & set(hanger.cycle.nodes))
        newest.append((_Stem(base, reach), length))
    while newest:
        stem, length = newest.pop()
        if stem in found and found[stem] <= length:
            continue
        found[stem] = length
        if len(found) > MOST_STEMS:
            return None
        for hanger in hangers:
            if hanger.cycle not in stem.within_reach:
                continue
            reach = stem.within_reach | hanger.near
            extras = stem.extras + (reach == stem.within_reach)
            if extras == stem.extras or (hanger.is_strong and extras <= most):
                newest.append((_Stem(stem.base + hanger.cycle.weight, reach, extras), length + hanger.period))
    return found


Path = tuple[Affine, frozenset[Node], int]
"""What a simple path adds up to, where it passes, and its edges."""


def paths(found: StepMap, source: Source, target: Node) -> Iterator[Path]:
    """The simple paths from a source to a node."""
    leaving: dict[Node, list[Edge]] = {}
    for edge in found.edges:
        leaving.setdefault(edge.source, []).append(edge)

    def onward(here: Node, base: Affine, visited: frozenset[Node]) -> Iterator[Path]:
        if here == target:
            yield base, visited, source.length + len(visited) - 1
            return
        for edge in leaving.get(here, ()):
            if edge.target not in visited:
                yield from onward(edge.target, base + edge.weight, visited | {edge.target})

    return onward(source.target, source.form, frozenset({source.target}))


def _uncovered(every: Iterable[Walks]) -> tuple[Walks, ...]:
    """Those that are not among the others'; of equal ones, one."""
    left: list[Walks] = []
    for each in sorted(dict.fromkeys(every), key=lambda walks: (walks.length, -walks.period)):
        if not any(other.covers(each) for other in left):
            left.append(each)
    return tuple(left)

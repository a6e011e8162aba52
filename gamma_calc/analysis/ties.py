"""Ties: where two parts of what a map is taken of are of one size, which makes another thing of them on either side.

A run over a domain with a tie may take a part for larger, or for smaller, than it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

from gamma_calc.algebra import Affine, Equality, Polyhedron
from gamma_calc.calculus.components import Component
from gamma_calc.calculus.recursion import Trajectory
from gamma_calc.calculus.trace import Application
from gamma_calc.program.expressions import Map, MapChange


def ties(run: Trajectory, domain: Polyhedron) -> Iterator[tuple[int, Affine]]:
    """The forms that are zero where two parts of what a map is taken of are of one size, or one is n^0, in a domain.

    What a map makes of a part depends on which others are larger: it is another thing on either side, and at the tie.
    The first comes first, each with the place of its application: what is made before is as it is everywhere.
    """
    compared = dict[frozenset[Affine], int]()
    for place, each in enumerate(run.applications):
        if isinstance(each.subject.expression, Map | MapChange):
            compared.setdefault(frozenset(piece for part in parts_of(each) for piece in part.size.upper.pieces), place)
    for pieces, place in compared.items():
        for one, other in combinations((Affine.of(0), *sorted(pieces, key=str)), 2):
            form = domain.reduced(one - other)
            if form.free and not (domain & Polyhedron.of(Equality(form))).is_empty:
                yield place, form


def has_ties(runs: Iterable[Trajectory]) -> bool:
    """Whether there is a tie in some run's domain."""
    return any(True for run in runs for _ in ties(run, run.domain))


def parts_of(application: Application) -> list[Component]:
    """The components that a rule is applied to."""
    terms = (premise for premise in application.premises if isinstance(premise, tuple))
    return [part for term in terms for part in term if isinstance(part, Component)]

"""Ties: where two parts of what a map is taken of are of one size, which makes another thing of them on either side.

A run over a domain with a tie may take a part for larger, or for smaller, than it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, combinations

from gamma_calc.algebra import Affine, Equality, Inequality, Polyhedron
from gamma_calc.calculus.components import Component, has_larger
from gamma_calc.calculus.provenance import PLAIN
from gamma_calc.calculus.recursion import Trajectory
from gamma_calc.calculus.trace import Application
from gamma_calc.program.expressions import Map, MapChange, Softmax


def ties(run: Trajectory, domain: Polyhedron) -> Iterator[tuple[int, Affine]]:
    """The forms that are zero where two parts of what a map is taken of are of one size, or one is n^0, in a domain.

    What a map makes of a part depends on which others are larger: it is another thing on either side, and at the tie.
    Of logits that do not grow a softmax makes the same whichever is larger: each is only compared with n^0.

    The first comes first, each with the place of its application: what is made before is as it is everywhere.
    """
    compared = dict[tuple[frozenset[Affine], bool], int]()
    for place, each in enumerate(run.applications):
        if isinstance(node := each.subject.expression, Map | MapChange):
            compared.setdefault((_sizes(each), _is_softmax(node)), place)
    zero = Affine.of(0)
    for (sizes, is_softmax), place in compared.items():
        pieces = sorted(sizes, key=str)
        ranked = [each for each in pieces if not (is_softmax and domain.implies(Inequality(-each)))]
        for one, other in chain(((zero, each) for each in pieces), combinations(ranked, 2)):
            form = domain.reduced(one - other)
            if form.free and not (domain & Polyhedron.of(Equality(form))).is_empty:
                yield place, form


def _sizes(application: Application) -> frozenset[Affine]:
    """The sizes of what a map is taken of: where it makes nothing random, of the parts that may be the largest."""
    parts = parts_of(application)
    if all(part.provenance.unmarked is PLAIN for part in application.conclusion):
        whole = tuple(parts)
        parts = [part for part in parts if not has_larger(whole, part.size)]
    return frozenset(piece for part in parts for piece in part.size.upper.pieces)


def _is_softmax(node: Map | MapChange) -> bool:
    """Whether it is a softmax, or the change of one."""
    return isinstance(node.map if isinstance(node, MapChange) else node, Softmax)


def has_ties(runs: Iterable[Trajectory]) -> bool:
    """Whether there is a tie in some run's domain."""
    return any(True for run in runs for _ in ties(run, run.domain))


def parts_of(application: Application) -> list[Component]:
    """The components that a rule is applied to."""
    terms = (premise for premise in application.premises if isinstance(premise, tuple))
    return [part for term in terms for part in term if isinstance(part, Component)]

"""What changes from one derivation to another: exponents, regions, rates, and where their traces part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Generic, TypeVar

from gamma_calc.analysis.decision import Decision
from gamma_calc.analysis.derivation import Derivation
from gamma_calc.analysis.equivalence import Equivalence, equivalence
from gamma_calc.analysis.largest_rates import LargestRate
from gamma_calc.calculus.components import total
from gamma_calc.calculus.size import Size
from gamma_calc.calculus.trace import Application

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """Something that is not the same in both; None where one does not have it.

    `place` is the step of an exponent, and the line of a trace.
    """

    name: str
    first: T | None
    second: T | None
    place: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """What changes from the first derivation to the second, at every step that both know; settled runs know them all.

    `parting` are the first rule applications of the two traces that differ. `symmetry` carries the first scheme to the
    second, where one does and both suppose the same.
    """

    first: Derivation
    second: Derivation
    exponents: tuple[Change[Size], ...]
    conditions: tuple[Change[Decision], ...]
    rates: tuple[Change[LargestRate], ...]
    parting: Change[Application] | None
    symmetry: Equivalence | None

    @property
    def is_empty(self) -> bool:
        """Whether the two say the same."""
        return not (self.exponents or self.conditions or self.rates or self.parting)


def difference(first: Derivation, second: Derivation) -> Difference:
    """What changes from one derivation to another; exponents are compared as functions of the free exponents."""
    is_same_calculus = first.policy == second.policy
    return Difference(
        first,
        second,
        tuple(_changes(first, second)),
        tuple(_redecided(first, second)),
        tuple(_rerated(first, second)),
        _parting(first, second),
        equivalence(first.scheme, second.scheme, first.policy) if is_same_calculus else None,
    )


def _changes(first: Derivation, second: Derivation) -> Iterator[Change[Size]]:
    runs = (first.run, second.run)
    unsettled = [len(run.steps) for run in runs if run.settled_from is None]
    last = min(unsettled, default=max(len(run.steps) for run in runs))
    for one, other in zip(first.run.upto(last), second.run.upto(last), strict=True):
        for name in dict.fromkeys((*one.sizes, *other.sizes)):
            mine, theirs = one.sizes.get(name), other.sizes.get(name)
            if _pieces(mine) != _pieces(theirs):
                yield Change(name, mine, theirs, one.t)


def _pieces(size: Size | None) -> object:
    """A size whatever the domain that it was derived on."""
    return None if size is None else (size.lower.pieces, size.upper.pieces)


def _redecided(first: Derivation, second: Derivation) -> Iterator[Change[Decision]]:
    for name in dict.fromkeys((*first.decisions, *second.decisions)):
        one, other = first.decisions.get(name), second.decisions.get(name)
        if _told(one) != _told(other):
            yield Change(name, one, other)


def _told(decision: Decision | None) -> object:
    return decision and (decision.status, decision.region, decision.possible, decision.onset, decision.holds)


def _rerated(first: Derivation, second: Derivation) -> Iterator[Change[LargestRate]]:
    for rate in dict.fromkeys((*first.max_stable, *second.max_stable)):
        one, other = first.max_stable.get(rate), second.max_stable.get(rate)
        if (one and (one.bounds, one.attained)) != (other and (other.bounds, other.attained)):
            yield Change(rate, one, other)


def _parting(first: Derivation, second: Derivation) -> Change[Application] | None:
    """Where the two traces part: another subject, another rule, or another conclusion."""
    pairs = zip_longest(first.run.applications, second.run.applications)
    for line, (one, other) in enumerate(pairs, start=1):
        if one is None or other is None or _said(one) != _said(other):
            return Change("line", one, other, line)
    return None


def _said(application: Application) -> object:
    subject = application.subject
    return subject.t, subject.label, application.rule.name, _pieces(total(application.conclusion))

"""Which family of a law holds another one, and by how many turns: the search behind the checker's `covered`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from gamma_calc.algebra import Affine
from gamma_calc.algebra.plain import Forms
from gamma_calc.derivation.checker import ZERO, Family
from gamma_calc.derivation.farkas import point_of, proof_of

Row = list[list[int]]
"""Places of turns, and how often each is taken."""


class Inclusion:
    """Inclusions of families on a domain. Points that showed a form to be positive are tried first the next time."""

    def __init__(self, domain: Forms) -> None:
        self.domain = domain
        self.points: list[Mapping[str, Fraction]] = []

    def is_below(self, form: Affine, other: Affine) -> bool:
        """Whether one form is at most another one throughout the domain."""
        more = form - other
        if more.is_constant and more.constant <= 0:
            return True
        if not self.domain or any(self._at(more, point) > 0 for point in self.points):
            return False
        if proof_of(self.domain, form, (other,)) is not None:
            return True
        counterexample = point_of(self.domain, (more,))
        self.points += [counterexample] if counterexample is not None else []
        return False

    @staticmethod
    def _at(form: Affine, point: Mapping[str, Fraction]) -> Fraction:
        return form.at({name: point.get(name, Fraction(0)) for name in form.free})

    def place(self, family: Family, by: Sequence[Family]) -> tuple[int, list[Row]] | None:
        """The first family that holds another one, and the turns that show it; None if there is none."""
        for place, whole in enumerate(by):
            rows = self._rows(family, whole)
            if rows is not None:
                return place, rows
        return None

    def _rows(self, family: Family, whole: Family) -> list[Row] | None:
        rows = []
        (base, length, turns), (start, before, cycles) = family, whole
        for weight, room in ((base - start, length - before), *turns):
            row = next((row for row in _counted(cycles, room) if self._makes_up(weight, row, cycles)), None)
            if row is None:
                return None
            rows.append(row)
        return rows

    def _makes_up(self, weight: Affine, row: Row, cycles: Sequence[tuple[Affine, int]]) -> bool:
        return self.is_below(weight, sum((cycles[i][0] * times for i, times in row), ZERO))


def _counted(turns: Sequence[tuple[Affine, int]], room: int, first: int = 0) -> Iterator[Row]:
    """The numbers of turns of cycles, from some place on, that so many steps have room for."""
    if room < 0:
        return
    yield []
    for i in range(first, len(turns)):
        period = turns[i][1]
        for times in range(1, room // period + 1):
            for rest in _counted(turns, room - times * period, i + 1):
                yield [[i, times], *rest]

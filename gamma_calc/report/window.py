"""The part of the space of free exponents that a drawing of regions shows, and what of a region lies in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import atan2, ceil, floor

from gamma_calc.algebra import EVERYWHERE, Affine, Equality, Polyhedron, Region, at_least, at_most
from gamma_calc.analysis.decision import Decision
from gamma_calc.analysis.published import PublishedPoint

MARGIN = 1
"""How far a window reaches beyond what it has to show, in units of the exponents."""

Vertex = Mapping[str, Fraction]
Place = tuple[Fraction, ...]
"""A point by its coordinates, in the order of the window's names."""


@dataclass(frozen=True, slots=True)
class Window:
    """A box in the space of free exponents, with integer sides."""

    names: tuple[str, ...]
    low: tuple[int, ...]
    high: tuple[int, ...]

    @classmethod
    def around(
        cls,
        names: Sequence[str],
        decisions: Iterable[Decision],
        points: Sequence[PublishedPoint],
        domain: Polyhedron = EVERYWHERE,
    ) -> Window:
        """What shows every vertex of the regions and every published point, with a margin that stays in the domain."""
        shown: list[Vertex] = [point.point for point in points]
        regions = (each.region.irredundant() for each in decisions)
        shown += [vertex for region in regions for member in region.members for vertex in member.vertices()]
        values = [[point.get(name, Fraction(0)) for point in shown] or [Fraction(0)] for name in names]
        low, high = ([floor(min(each)) - MARGIN for each in values], [ceil(max(each)) + MARGIN for each in values])
        for place, name in enumerate(names):
            least, most = domain.minimum(Affine.symbol(name)), domain.maximum(Affine.symbol(name))
            low[place] = low[place] if least is None else max(low[place], floor(least))
            high[place] = high[place] if most is None else min(high[place], ceil(most))
        return cls(tuple(names), tuple(low), tuple(high))

    @property
    def polyhedron(self) -> Polyhedron:
        """The points of the box."""
        sides = zip(map(Affine.symbol, self.names), self.low, self.high, strict=True)
        return Polyhedron.of(*(side for x, low, high in sides for side in (at_least(x, low), at_most(x, high))))

    def place(self, vertex: Vertex) -> Place:
        """A point's coordinates; a free exponent that it does not name is 0."""
        return tuple(vertex.get(name, Fraction(0)) for name in self.names)

    def corners(self, member: Polyhedron) -> list[Place]:
        """The corners of what the window shows of a member, in the plane in the order in which they follow each other.

        One corner is a point, two are the ends of a line.
        """
        corners = [self.place(vertex) for vertex in (member & self.polyhedron).vertices()]
        if len(self.names) == 2 and len(corners) > 2:
            x, y = (sum(values, Fraction(0)) / len(corners) for values in zip(*corners, strict=True))
            corners.sort(key=lambda corner: atan2(corner[1] - y, corner[0] - x))
        return corners

    def edges(self, member: Polyhedron) -> Iterator[tuple[bool, list[Place]]]:
        """Where a member's own inequalities end it inside the window: whether they leave the edge out, and its ends."""
        shown = (member & self.polyhedron).closure
        for inequality in member.inequalities:
            edge = shown & Polyhedron.of(Equality(inequality.form))
            ends = [self.place(vertex) for vertex in edge.vertices()]
            if len(ends) == len(self.names):
                yield inequality.strict, ends

    def vertices(self, region: Region) -> Iterator[Vertex]:
        """The corners of the members; one that holds a line has none in the space of all names."""
        for member in region.members:
            if not member.lines() and set(member.free) == set(self.names):
                yield from member.vertices()

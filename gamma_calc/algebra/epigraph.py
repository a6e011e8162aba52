"""Which pieces of a maximum are needed on a domain, from the edges of its epigraph: exact, and all in integers.

The epigraph is where z is at or above every piece. Its points (1, x, z) lie in a cone whose facets are the needed
pieces, each of which is the maximum alone in places, and the domain's inequalities. The cone is cut out by the double
description method (Motzkin et al., 1953): an inequality keeps the edges on its side and adds one between every two
adjacent ones that it separates. A piece comes in where an edge is found to lie below one, and then the one that is
highest there, so that few come in that are not needed; an edge that lies below none is there to stay. Of a sum of
maxima the highest piece is the sum of the highest: its pieces are never written out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, product
from math import gcd
from operator import getitem, mul

from gamma_calc.algebra.affine import Row
from gamma_calc.algebra.inequality import Inequality

Edge = tuple[Row, int]
"""A generator of a cone, and the inequalities that it lies on: a bit each."""

MOST_EDGES = 128
"""Edges beyond which a cone is given up: their number may grow exponentially with the dimension."""

Choice = tuple[int, ...]
"""The place of a piece in each of some maxima: a piece of their sum."""


def facets(names: Sequence[str], maxima: Sequence[Sequence[Row]], domain: Sequence[Inequality]) -> list[Choice] | None:
    """The needed pieces of a sum of maxima; None where the epigraph has too many edges.

    Args:
        names: the free exponents in which pieces differ.
        maxima: their pieces, a constant and coefficients each, the first 0; in none do two differ by constants only.
        domain: inequalities that can all hold strictly, none of which follows from the others.

    >>> facets(("x",), [[(0, 0), (0, 2), (-1, 1), (-3, -1)]], [])
    [(0,), (1,), (3,)]
    >>> facets(("x",), [[(0, 0), (0, 1)], [(0, 0), (0, 1)]], [])
    [(0, 0), (1, 1)]
    """
    inequalities = _touching(names, domain)
    bound = {name for each in inequalities for name in each.form.names}
    spanning = _spanning(chain(*maxima), [place for place, name in enumerate(names, 1) if name not in bound])
    if len(spanning) == sum(len(pieces) - 1 for pieces in maxima):
        # Free names in which all but the first are independent can be chosen to make any piece of each maximum lead.
        return [*product(*(range(len(pieces)) for pieces in maxima))]
    kept = [place for place, name in enumerate(names, 1) if name in bound or place in spanning]
    if len(kept) < len(names):
        names = [names[place - 1] for place in kept]
        maxima = [[(piece[0], *[piece[place] for place in kept]) for piece in pieces] for pieces in maxima]
    return _facets(_start((*names, *sorted(bound - {*names})), inequalities), maxima)


def _facets(cone: _Cone, maxima: Sequence[Sequence[Row]]) -> list[Choice] | None:
    """The same from the epigraph of 0 on the domain."""
    found: dict[int, Choice] = {FIRST: (0,) * len(maxima)}
    while (choice := _along_a_line(cone, maxima)) is not None:
        found[cone.count] = choice
        cone = cone.cut(_above(choice, maxima, cone.size))
    final: set[Row] = set()
    while (choice := _above_an_edge(cone, maxima, final)) is not None:
        found[cone.count] = choice
        cone = cone.cut(_above(choice, maxima, cone.size))
        if len(cone.edges) > MOST_EDGES:
            return None
    return sorted(found[bit] for bit in cone.facets() if bit in found)


AT_INFINITY, FIRST = 0, 1
"""The bits of the first coordinate, which is at least 0, and of the first piece."""


class _Cone:
    """The combinations of lines, and nonnegative ones of edges, where `count` inequalities hold."""

    def __init__(self, edges: Sequence[Edge], lines: Sequence[Row], count: int) -> None:
        self.edges, self.lines, self.count = edges, lines, count

    @property
    def size(self) -> int:
        """The number of coordinates."""
        return len(self.edges[0][0])

    def cut(self, normal: Row) -> _Cone:
        """The part on the side of one more inequality, which has the next bit."""
        bit = 1 << self.count
        for place, line in enumerate(self.lines):
            value = sum(map(mul, normal, line))
            if value:
                turned = line if value > 0 else tuple([-number for number in line])
                return self._turned(normal, turned, abs(value), [*self.lines[:place], *self.lines[place + 1 :]])
        values = [sum(map(mul, normal, vector)) for vector, _ in self.edges]
        edges = [
            edge if value else (edge[0], edge[1] | bit)
            for value, edge in zip(values, self.edges, strict=True)
            if value >= 0
        ]
        return _Cone([*edges, *self._new_edges(values, bit)], self.lines, self.count + 1)

    def _new_edges(self, values: Sequence[int], bit: int) -> Iterator[Edge]:
        """One between every two adjacent edges, the first with a positive value and the second with a negative one."""
        valued = list(zip(values, self.edges, strict=True))
        below = [each for each in valued if each[0] < 0]
        masks = [tight for _, tight in self.edges]
        fewest = self.size - len(self.lines) - 2
        for high, (upper, upper_tight) in valued:
            if high > 0:
                for low, (lower, lower_tight) in below:
                    shared = upper_tight & lower_tight
                    if shared.bit_count() >= fewest and _are_adjacent(shared, masks):
                        vector = [high * b - low * a for a, b in zip(upper, lower, strict=True)]
                        yield _coprime(vector), shared | bit

    def _turned(self, normal: Row, line: Row, value: int, lines: Sequence[Row]) -> _Cone:
        """The part where a line crosses the edge of the half-space: half of it is left, and all else moves there."""

        def moved(vector: Row) -> Row:
            excess = sum(map(mul, normal, vector))
            return _coprime([value * a - excess * b for a, b in zip(vector, line, strict=True)]) if excess else vector

        bit = 1 << self.count
        edges = [(moved(vector), tight | bit) for vector, tight in self.edges]
        return _Cone([*edges, (line, bit - 1)], [moved(other) for other in lines], self.count + 1)

    def facets(self) -> Iterator[int]:
        """The bits of the inequalities that the others do not imply.

        A facet holds more edges than any face within it, and no two inequalities have one facet.
        """
        held = [sum(1 << i for i, (_, tight) in enumerate(self.edges) if tight >> bit & 1) for bit in range(self.count)]
        for bit, mine in enumerate(held):
            if not any(mine & other == mine for place, other in enumerate(held) if place != bit):
                yield bit


def _spanning(pieces: Iterable[Row], free: Sequence[int]) -> list[int]:
    """The fewest of some places whose columns span those of all: what the pieces have elsewhere moves with these."""
    found: dict[int, list[int]] = {}
    for piece in pieces:
        rest = [piece[place] for place in free]
        for lead, known in found.items():
            if rest[lead]:
                by, less = known[lead], rest[lead]
                rest = [by * a - less * b for a, b in zip(rest, known, strict=True)]
        for lead, number in enumerate(rest):
            if number:
                found[lead] = rest
                break
        if len(found) == len(free):
            break
    return [free[lead] for lead in found]


def _above(choice: Choice, maxima: Sequence[Sequence[Row]], size: int) -> Row:
    """The inequality that z is at least a piece of the sum, over so many coordinates."""
    piece = [-sum(numbers) for numbers in zip(*map(getitem, maxima, choice), strict=True)]
    return (*piece, *(0,) * (size - len(piece) - 1), 1)


def _along_a_line(cone: _Cone, maxima: Sequence[Sequence[Row]]) -> Choice | None:
    """A piece of the sum from which z moves away along a line of the cone; None if there is none."""
    for line in cone.lines:
        values = [[sum(map(mul, piece, line)) for piece in pieces] for pieces in maxima]
        if sum(map(max, values)) > line[-1]:
            return _highest(values, maxima)
        if sum(map(min, values)) < line[-1]:
            return _highest([[-value for value in each] for each in values], maxima)
    return None


def _above_an_edge(cone: _Cone, maxima: Sequence[Sequence[Row]], final: set[Row]) -> Choice | None:
    """The piece of the sum that is highest where an edge lies below it; None if none does, and all are final."""
    for vector, _ in cone.edges:
        if vector not in final:
            values = [[sum(map(mul, piece, vector)) for piece in pieces] for pieces in maxima]
            if sum(map(max, values)) > vector[-1]:
                return _highest(values, maxima)
            final.add(vector)
    return None


def _highest(values: Sequence[Sequence[int]], maxima: Sequence[Sequence[Row]]) -> Choice:
    """The places of the highest values; of several, those that are alone at the top in some direction from there."""
    choice = []
    for each, pieces in zip(values, maxima, strict=True):
        best = max(each)
        if each.count(best) == 1:
            choice.append(each.index(best))
        else:
            tied = (place for place, value in enumerate(each) if value == best)
            choice.append(max(tied, key=pieces.__getitem__))
    return tuple(choice)


@lru_cache(maxsize=1024)
def _start(names: tuple[str, ...], domain: tuple[Inequality, ...]) -> _Cone:
    """The epigraph of 0 on the domain."""
    size = len(names) + 2
    unit = [tuple([int(i == k) for k in range(size)]) for i in range(size)]
    cone = _Cone([(unit[0], 1 << FIRST), (unit[-1], 1 << AT_INFINITY)], unit[1:-1], 2)
    for inequality in domain:
        cone = cone.cut((*inequality.form.row_over(names), 0))
    return cone


def _touching(names: Sequence[str], domain: Sequence[Inequality]) -> tuple[Inequality, ...]:
    """The inequalities that restrict the names, by themselves or through others."""
    known, left, found = set(names), list(domain), list[Inequality]()
    while touching := [each for each in left if not known.isdisjoint(each.form.names)]:
        found += touching
        left = [each for each in left if each not in touching]
        known.update(*(each.form.names for each in touching))
    return tuple(found)


def _are_adjacent(shared: int, masks: Sequence[int]) -> bool:
    """Whether two edges are adjacent: none but the two lie on all the inequalities that both lie on."""
    count = 0
    for mask in masks:
        if mask & shared == shared:
            count += 1
            if count > 2:
                return False
    return True


def _coprime(vector: Sequence[int]) -> Row:
    divisor = gcd(*vector)
    return tuple(vector) if divisor == 1 else tuple([number // divisor for number in vector])

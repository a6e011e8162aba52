"""Which pieces of a maximum are needed on a domain, from the edges of its epigraph: exact, and all in integers.

The epigraph is where z is at or above every piece. Its points (1, x, z) lie in a cone whose facets are the needed
pieces, each of which is the maximum alone in places, and the domain's inequalities. The cone is cut out by the double
description method (Motzkin et al., 1953): an inequality keeps the edges on its side and adds one between every two
adjacent ones that it separates. Each edge knows its neighbours, so that a cut looks only at the edges that it takes
away and those next to them. A piece comes in where an edge is found to lie below one, and then the one that is
highest there, so that few come in that are not needed; an edge that lies below none is there to stay. Of a sum of
maxima the highest piece is the sum of the highest: its pieces are never written out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, product
from math import gcd
from operator import getitem, mul

from gamma_calc.algebra.affine import Row
from gamma_calc.algebra.inequality import Inequality

MOST_EDGES = 8192
"""Edges beyond which a cone is given up: their number may grow exponentially with the dimension."""

Maxima = Sequence[Sequence[Row]]
"""The pieces of each of some maxima, a constant and coefficients each."""

Choice = tuple[int, ...]
"""The place of a piece in each of some maxima: a piece of their sum."""


def facets(
    names: Sequence[str], maxima: Maxima, domain: Sequence[Inequality], most: int = MOST_EDGES
) -> list[Choice] | None:
    """The needed pieces of a sum of maxima; None where the epigraph has more edges than `most`.

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
    return _facets(_start((*names, *sorted(bound - {*names})), inequalities), maxima, most)


def edges(names: Sequence[str], domain: Sequence[Inequality]) -> list[Row]:
    """The corners (1, x) of a domain and its directions (0, x), times positive numbers that make them coprime integers.

    Args:
        names: the free exponents that occur.
        domain: inequalities that hold along no line, none of which follows from the others.

    >>> from gamma_calc.algebra.affine import Affine
    >>> edges(["x"], [Inequality(2 * Affine.symbol("x") - 1)])
    [(2, 1), (0, 1)]
    """
    return [edge.vector[:-1] for edge in _start(names, domain).edges if not edge.vector[-1]]


def _facets(cone: _Cone, maxima: Maxima, most: int) -> list[Choice] | None:
    """The same from the epigraph of 0 on the domain."""
    found: dict[int, Choice] = {FIRST: (0,) * len(maxima)}
    while (choice := _along_a_line(cone, maxima)) is not None:
        found[1 << cone.count] = choice
        cone.cut(_above(choice, maxima, cone.size))
    fresh = [*cone.edges]
    while fresh:
        edge = fresh.pop()
        if edge not in cone.edges:
            continue
        values = _values(maxima, edge.vector)
        if sum(map(max, values)) > edge.vector[-1]:
            choice = _highest(values, maxima)
            found[1 << cone.count] = choice
            fresh += cone.cut(_above(choice, maxima, cone.size), edge)
            if len(cone.edges) > most:
                return None
    return sorted(found[bit] for bit in cone.facets() if bit in found)


AT_INFINITY, FIRST = 1, 2
"""The bits of the first coordinate, which is at least 0, and of the first piece."""


class _Edge:
    """A generator of a cone, with a bit for each inequality that it lies on, and the edges that are adjacent to it."""

    __slots__ = ("near", "tight", "vector")

    def __init__(self, vector: Row, tight: int) -> None:
        self.vector, self.tight, self.near = vector, tight, dict[_Edge, None]()

    def join(self, other: _Edge) -> None:
        """Make the two adjacent."""
        self.near[other] = other.near[self] = None


class _Cone:
    """The combinations of lines, and nonnegative ones of edges, where `count` inequalities hold."""

    def __init__(self, size: int) -> None:
        unit = [tuple([int(i == k) for k in range(size)]) for i in range(size)]
        inner, upward = _Edge(unit[0], FIRST), _Edge(unit[-1], AT_INFINITY)
        inner.join(upward)
        self.edges = dict.fromkeys((inner, upward))
        self.lines = unit[1:-1]
        self.count, self.size = 2, size

    def cut(self, normal: Row, outside: _Edge | None = None) -> list[_Edge]:
        """Keep the side of one more inequality, which has the next bit, and return the new edges.

        Args:
            normal: the inequality, which some point of the cone does not satisfy.
            outside: an edge that does not, where one is known.
        """
        bit = 1 << self.count
        self.count += 1
        for place, line in enumerate(self.lines):
            value = sum(map(mul, normal, line))
            if value:
                del self.lines[place]
                return [self._turned(normal, line if value > 0 else _opposite(line), abs(value), bit)]
        if outside is None:
            outside = next(edge for edge in self.edges if sum(map(mul, normal, edge.vector)) < 0)
        values, below = _around(outside, normal)
        fresh = []
        for low in below:
            for high in low.near:
                if values[high] > 0:
                    vector = [values[high] * a - values[low] * b for a, b in zip(low.vector, high.vector, strict=True)]
                    edge = _Edge(_coprime(vector), low.tight & high.tight | bit)
                    edge.join(high)
                    fresh.append(edge)
                if values[high] >= 0:
                    del high.near[low]
            del self.edges[low]
        level = [edge for edge, value in values.items() if not value]
        for edge in level:
            edge.tight |= bit
        self.edges.update(dict.fromkeys(fresh))
        self._join([*fresh, *level], bit)
        return fresh

    def _turned(self, normal: Row, line: Row, value: int, bit: int) -> _Edge:
        """The edge that half of a line becomes, which the inequality crosses; all else moves into its plane."""

        def moved(vector: Row) -> Row:
            excess = sum(map(mul, normal, vector))
            return _coprime([value * a - excess * b for a, b in zip(vector, line, strict=True)]) if excess else vector

        half = _Edge(line, bit - 1)
        for edge in self.edges:
            edge.vector, edge.tight = moved(edge.vector), edge.tight | bit
            edge.join(half)
        self.edges[half] = None
        self.lines = [moved(other) for other in self.lines]
        return half

    def _join(self, edges: Sequence[_Edge], plane: int) -> None:
        """Join the adjacent ones of the edges in one plane.

        Two edges are adjacent where no third one lies on all the inequalities that both lie on. One that lies on no
        more of them than it takes to make an edge has a neighbour wherever it leaves one of them.
        """
        fewest = self.size - len(self.lines) - 2
        single: dict[int, _Edge] = {}
        crowded = []
        for edge in edges:
            if edge.tight.bit_count() > fewest + 1:
                crowded.append(edge)
                continue
            for bit in _bits(edge.tight ^ plane):
                other = single.pop(edge.tight ^ bit, None)
                if other is None:
                    single[edge.tight ^ bit] = edge
                else:
                    edge.join(other)
        masks = [edge.tight for edge in edges]
        for place, edge in enumerate(crowded):
            for shared, other in single.items():
                if edge.tight & shared == shared:
                    edge.join(other)
            for other in crowded[:place]:
                shared = edge.tight & other.tight
                if shared.bit_count() >= fewest and other not in edge.near and _is_of_two(shared, masks):
                    edge.join(other)

    def facets(self) -> Iterator[int]:
        """The bits of the inequalities that the others do not imply: those whose edges lie together on no other."""
        common: dict[int, int] = {}
        for edge in self.edges:
            for bit in _bits(edge.tight):
                common[bit] = common.get(bit, edge.tight) & edge.tight
        return (bit for bit, shared in common.items() if shared == bit)


def _around(outside: _Edge, normal: Row) -> tuple[dict[_Edge, int], list[_Edge]]:
    """The values of the edges that an inequality takes away and of those next to them; and the former alone.

    Those that it takes away hang together, and each that it touches is next to one of them.
    """
    values, below = {outside: sum(map(mul, normal, outside.vector))}, [outside]
    for edge in below:
        for other in edge.near:
            if other not in values:
                values[other] = sum(map(mul, normal, other.vector))
                if values[other] < 0:
                    below.append(other)
    return values, below


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


def _above(choice: Choice, maxima: Maxima, size: int) -> Row:
    """The inequality that z is at least a piece of the sum, over so many coordinates."""
    piece = [-sum(numbers) for numbers in zip(*map(getitem, maxima, choice), strict=True)]
    return (*piece, *(0,) * (size - len(piece) - 1), 1)


def _along_a_line(cone: _Cone, maxima: Maxima) -> Choice | None:
    """A piece of the sum from which z moves away along a line of the cone; None if there is none."""
    for line in cone.lines:
        for way in (line, _opposite(line)):
            values = _values(maxima, way)
            if sum(map(max, values)) > way[-1]:
                return _highest(values, maxima)
    return None


def _values(maxima: Maxima, vector: Row) -> list[list[int]]:
    """The value of each piece at a vector."""
    return [[sum(map(mul, piece, vector)) for piece in pieces] for pieces in maxima]


def _highest(values: Sequence[Sequence[int]], maxima: Maxima) -> Choice:
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


def _start(names: Sequence[str], domain: Iterable[Inequality]) -> _Cone:
    """The epigraph of 0 on the domain."""
    cone = _Cone(len(names) + 2)
    for inequality in domain:
        cone.cut((*inequality.form.row_over(names), 0))
    return cone


def _touching(names: Sequence[str], domain: Sequence[Inequality]) -> tuple[Inequality, ...]:
    """The inequalities that restrict the names, by themselves or through others."""
    known, left, found = set(names), list(domain), list[Inequality]()
    while touching := [each for each in left if not known.isdisjoint(each.form.names)]:
        found += touching
        left = [each for each in left if each not in touching]
        known.update(*(each.form.names for each in touching))
    return tuple(found)


def _is_of_two(shared: int, masks: Sequence[int]) -> bool:
    """Whether no more than two edges lie on all of some inequalities."""
    count = 0
    for mask in masks:
        if mask & shared == shared:
            count += 1
            if count > 2:
                return False
    return True


def _bits(number: int) -> list[int]:
    found = []
    while number:
        lowest = number & -number
        found.append(lowest)
        number ^= lowest
    return found


def _opposite(vector: Row) -> Row:
    return tuple([-number for number in vector])


def _coprime(vector: Sequence[int]) -> Row:
    divisor = gcd(*vector)
    return tuple(vector) if divisor == 1 else tuple([number // divisor for number in vector])

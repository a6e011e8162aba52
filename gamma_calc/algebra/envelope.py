"""The upper envelope of affine forms: which pieces of a maximum are needed on a domain, and why.

A piece is needed if somewhere on the domain it lies strictly above all others. Once the pieces are reduced modulo the
domain's equalities and duplicates are gone, the needed ones represent the maximum, and no other set of reduced pieces
with none to spare does: each needed piece alone attains the maximum on an open part of the domain. So a domain may as
well be closed first: what leads on the closure, leads near by on the domain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextvars import ContextVar
from functools import lru_cache, partial, reduce
from itertools import chain, islice, product
from math import gcd
from operator import add, getitem, sub

from gamma_calc.algebra.affine import Affine, Row, from_integers, integer_rows
from gamma_calc.algebra.cover import witness
from gamma_calc.algebra.epigraph import MOST_EDGES, facets
from gamma_calc.algebra.inequality import Inequality
from gamma_calc.algebra.polyhedron import Polyhedron
from gamma_calc.errors import TooLong

most_edges: ContextVar[int | None] = ContextVar("most_edges", default=None)
"""Edges of an epigraph beyond which an envelope is given up, where somebody can do without it."""


def upper_envelope(pieces: tuple[Affine, ...], domain: Polyhedron) -> tuple[Affine, ...]:
    """The needed pieces, reduced modulo the domain's equalities and sorted by their text.

    >>> eta = Affine.symbol("eta")
    >>> upper_envelope((eta, -eta, Affine.of(0), Affine.of(-1)), Polyhedron())
    (Affine('-eta'), Affine('eta'))
    """
    return envelope_of_sum((pieces,), domain)


@lru_cache(maxsize=16384)
def envelope_of_sum(maxima: tuple[tuple[Affine, ...], ...], domain: Polyhedron) -> tuple[Affine, ...]:
    """The needed pieces of a sum of maxima; without any piece where a maximum has none.

    >>> eta = Affine.symbol("eta")
    >>> envelope_of_sum(((eta, Affine.of(0)), (eta, Affine.of(0))), Polyhedron())
    (Affine('0'), Affine('2*eta'))
    """
    domain = domain.closure
    if domain.equalities:
        maxima = tuple([tuple(map(domain.reduced, pieces)) for pieces in maxima])
    names, rows = integer_rows([*chain(*maxima)])
    given = iter(rows)
    split = [[*islice(given, len(pieces))] for pieces in maxima]
    highest = [_highest(each) for each in split]
    needed: Iterable[tuple[int, ...]] = product(*(range(len(places)) for places in highest))
    if any(len(places) > 1 for places in highest):
        above = [[each[place] for place in places] for each, places in zip(split, highest, strict=True)]
        needed = _needed(*_shape(names, above), domain)
    chosen = ([pieces[each[i]] for pieces, each, i in zip(maxima, highest, choice, strict=True)] for choice in needed)
    return tuple(sorted([reduce(add, pieces) for pieces in chosen], key=str))


Shape = tuple[tuple[Row, ...], ...]
"""Maxima as integer rows, the first of each 0."""


def _shape(names: Sequence[str], maxima: Sequence[Sequence[Row]]) -> tuple[tuple[str, ...], Shape]:
    """The names in which some pieces of a maximum differ, and by what, in coprime integers.

    Adding one form to all pieces of a maximum, or scaling all, changes nothing of which are needed, so that envelopes
    which differ by that share an entry of the cache.
    """
    rows = [tuple(map(sub, row, pieces[0])) for pieces in maxima for row in pieces]
    divisor = gcd(*chain.from_iterable(rows))
    columns = list(zip(*rows, strict=True))
    kept = [0, *(place for place in range(1, len(columns)) if any(columns[place]))]
    left = list(zip(*(columns[place] for place in kept), strict=True))
    if divisor > 1:
        left = [tuple([number // divisor for number in row]) for row in left]
    given = iter(left)
    shape = tuple([tuple(islice(given, len(pieces))) for pieces in maxima])
    return tuple([names[place - 1] for place in kept[1:]]), shape


def _highest(rows: Sequence[Row]) -> list[int]:
    """Places of the rows, only the highest of those that differ by a constant."""
    highest: dict[Row, int] = {}
    for place, row in enumerate(rows):
        known = highest.setdefault(row[1:], place)
        if rows[known][0] < row[0]:
            highest[row[1:]] = place
    return list(highest.values())


@lru_cache(maxsize=8192)
def _needed(names: tuple[str, ...], maxima: Shape, domain: Polyhedron) -> tuple[tuple[int, ...], ...]:
    """The needed pieces of the sum of maxima, by their places in each; in none do two differ by constants only.

    Raises:
        TooLong: the epigraph has more than `most_edges`.
    """
    faces = _opposite_faces(names, maxima, domain)
    if faces:
        return tuple(sorted(chain.from_iterable(_needed_of_face(names, maxima, face, domain) for face in faces)))
    most = most_edges.get()
    found = facets(names, maxima, domain.inequalities, MOST_EDGES if most is None else most)
    if found is None and most is not None:
        raise TooLong
    return tuple(found) if found is not None else _needed_by_programs(names, maxima, domain)


Face = tuple[Sequence[int], ...]
"""The places of some pieces in each of some maxima."""


def _opposite_faces(names: Sequence[str], maxima: Shape, domain: Polyhedron) -> list[Face]:
    """Two faces that have all pieces of the sum between them, those with either coefficient of one name; or none.

    The domain does not bound the name, so that its value can make the pieces of either face lead all of the other:
    each face is asked by itself, with one name less, and no edges are looked for.
    """
    bound = {name for each in domain.inequalities for name in each.form.names}
    for column, name in enumerate(names, 1):
        found = [sorted({piece[column] for piece in pieces}) for pieces in maxima]
        if name not in bound and sum(map(len, found)) == len(maxima) + 1:
            ends = ([each[end] for each in found] for end in (0, -1))
            return [tuple(map(partial(_places, column), maxima, each)) for each in ends]
    return []


def _places(column: int, pieces: Sequence[Row], coefficient: int) -> list[int]:
    return [place for place, piece in enumerate(pieces) if piece[column] == coefficient]


def _needed_of_face(names: Sequence[str], maxima: Shape, face: Face, domain: Polyhedron) -> Iterator[tuple[int, ...]]:
    """The needed pieces among those of a face."""
    inside = [[pieces[place] for place in places] for pieces, places in zip(maxima, face, strict=True)]
    for choice in _needed(*_shape(names, inside), domain):
        yield tuple(map(getitem, face, choice))


def _needed_by_programs(names: Sequence[str], maxima: Shape, domain: Polyhedron) -> tuple[tuple[int, ...], ...]:
    """The same by one linear program for each piece, against the others that are left."""
    choices = [*product(*(range(len(pieces)) for pieces in maxima))]
    rows = [tuple(map(sum, zip(*map(getitem, maxima, choice), strict=True))) for choice in choices]
    left = _highest(rows)
    pieces = {i: from_integers(names, rows[i]) for i in left}
    for i in tuple(left):
        if not _leads(pieces[i], [pieces[j] for j in left if j != i], domain):
            left.remove(i)
    return tuple(sorted(choices[i] for i in left))


def _leads(piece: Affine, others: Sequence[Affine], domain: Polyhedron) -> bool:
    """Whether a piece is somewhere on the domain above the others."""
    above = (Inequality(piece - other, strict=True) for other in others)
    return witness([*above, *domain.constraints]) is not None

from __future__ import annotations

import random
from operator import add, getitem, sub

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from benchmarks.symbolic import forget
from gamma_calc.algebra import EVERYWHERE, Affine, Inequality, Polyhedron, envelope
from gamma_calc.algebra.affine import Row, from_integers
from gamma_calc.algebra.envelope import _needed_by_programs, _opposite_faces, envelope_of_sum, upper_envelope
from gamma_calc.algebra.epigraph import facets
from gamma_calc.errors import TooLong
from tests.algebra.judge import canonical_evidence, is_canonical

NAMES = ("x", "y", "z")
X, Y, Z = (Affine.symbol(name) for name in NAMES)
DOMAINS = {
    "everywhere": Polyhedron(),
    "box": Polyhedron.of(Inequality(X + 1), Inequality(1 - X), Inequality(Y + 1), Inequality(1 - Y)),
    "wedge": Polyhedron.of(Inequality(X - Y), Inequality(X + Y - 1)),
    "strip through another name": Polyhedron.of(
        Inequality(Affine.symbol("w") - X), Inequality(2 - Affine.symbol("w")), Inequality(Affine.symbol("other"))
    ),
}


@st.composite
def shapes(draw: st.DrawFn, most: int = 9) -> tuple[Row, ...]:
    """Rows of which no two differ by constants only, the first of them 0."""
    slopes = draw(st.lists(st.tuples(*[st.integers(-2, 2)] * 3), min_size=2, max_size=most, unique=True))
    rows = [(draw(st.integers(-3, 3)), *slope) for slope in slopes]
    return tuple(_difference(row, rows[0]) for row in rows)


@pytest.mark.parametrize("domain", DOMAINS.values(), ids=DOMAINS)
@given(shapes())
def test_the_edges_say_what_linear_programs_say(domain: Polyhedron, rows: tuple[Row, ...]) -> None:
    assert facets(NAMES, [rows], domain.inequalities) == list(_needed_by_programs(NAMES, (rows,), domain))


@pytest.mark.parametrize("domain", DOMAINS.values(), ids=DOMAINS)
@given(shapes(most=4), shapes(most=4))
def test_a_sum_of_maxima_has_the_pieces_of_its_products(
    domain: Polyhedron, left: tuple[Row, ...], right: tuple[Row, ...]
) -> None:
    found = facets(NAMES, [left, right], domain.inequalities)
    products = tuple(dict.fromkeys(_sum(x, y) for x in left for y in right))
    highest = [row for row in products if not any(row[1:] == other[1:] and row < other for other in products)]
    assert found is not None
    chosen = [_sum(left[i], right[j]) for i, j in found]
    places = facets(NAMES, [[_difference(row, highest[0]) for row in highest]], domain.inequalities)
    assert places is not None
    assert sorted(chosen) == sorted(highest[place] for (place,) in places)


def _sum(x: Row, y: Row) -> Row:
    return tuple(map(add, x, y))


def _difference(x: Row, y: Row) -> Row:
    return tuple(map(sub, x, y))


@given(shapes(), st.permutations(range(9)))
def test_the_order_of_the_pieces_does_not_matter(rows: tuple[Row, ...], order: list[int]) -> None:
    places = [place for place in order if place < len(rows)]
    assume(places[0] == 0)
    found = facets(NAMES, [[rows[place] for place in places]], [])
    assert found is not None
    assert sorted((places[place],) for (place,) in found) == facets(NAMES, [rows], [])


@pytest.mark.parametrize(
    ("rows", "needed"),
    [
        ([(0, 0, 0, 0), (0, 1, 0, 0)], [0, 1]),
        ([(0, 0, 0, 0), (0, 1, 1, 0), (0, 2, 2, 0)], [0, 2]),  # lines on which no two differ
        ([(0, 0, 0, 0), (0, 1, 0, 0), (0, -1, 0, 0)], [1, 2]),  # 0 is reached, and never alone
        ([(0, 0, 0, 0), (1, 1, 0, 0), (1, -1, 0, 0), (1, 0, 1, 0), (1, 0, -1, 0)], [1, 2, 3, 4]),
    ],
    ids=["half-spaces", "a plane of directions", "the average of two", "below everywhere"],
)
def test_pieces_that_agree_along_lines(rows: list[Row], needed: list[int]) -> None:
    assert facets(NAMES, [rows], []) == [(place,) for place in needed]


@st.composite
def two_valued(draw: st.DrawFn) -> tuple[Row, ...]:
    """Rows whose coefficients of y are 0 or 1."""
    slopes = st.tuples(st.integers(-1, 1), st.integers(0, 1), st.integers(-1, 1))
    drawn = draw(st.lists(slopes, min_size=2, max_size=7, unique=True))
    return tuple((draw(st.integers(-2, 2)), *slope) for slope in drawn)


@pytest.mark.parametrize("domain", DOMAINS.values(), ids=DOMAINS)
@given(two_valued(), st.lists(st.integers(-1, 1), min_size=1, max_size=3, unique=True))
def test_opposite_faces_have_the_needed_pieces_between_them(
    domain: Polyhedron, rows: tuple[Row, ...], slopes: list[int]
) -> None:
    """As the linear programs say of all pieces together, also of a sum."""
    maxima = (rows, tuple((0, slope, 0, slope) for slope in slopes))
    forms = tuple(tuple(from_integers(NAMES, row) for row in pieces) for pieces in maxima)
    expected = {tuple(map(getitem, forms, choice)) for choice in _needed_by_programs(NAMES, maxima, domain)}
    assert envelope_of_sum(forms, domain) == tuple(sorted((one + other for one, other in expected), key=str))


def test_only_a_name_that_nothing_bounds_has_opposite_faces() -> None:
    """On a strip a piece of the one face may lie below the other face everywhere."""
    rows = ((0, 0, 0, 0), (-2, 1, 0, 0))
    assert _opposite_faces(NAMES, (rows,), EVERYWHERE) == [([0],), ([1],)]
    assert _opposite_faces(NAMES, (rows,), DOMAINS["box"]) == []
    assert [len(upper_envelope((Affine.of(0), X - 2), each)) for each in (EVERYWHERE, DOMAINS["box"])] == [2, 1]


SEVEN = tuple(f"x{index}" for index in range(7))


def _seven(most: int, seed: int) -> tuple[Row, ...]:
    """Pieces in seven exponents; with small coefficients many meet at a point."""
    draw = random.Random(seed)
    drawn = [(draw.randint(-9, 9), *(draw.randint(-most, most) for _ in SEVEN)) for _ in range(20)]
    return ((0,) * 8, *{row[1:]: row for row in drawn if any(row[1:])}.values())


@pytest.mark.parametrize("most", [1, 3], ids=["many meet", "few meet"])
@pytest.mark.parametrize("seed", range(3))
def test_the_edges_say_what_linear_programs_say_in_seven_exponents(most: int, seed: int) -> None:
    rows = _seven(most, seed)
    assert facets(SEVEN, [rows], []) == list(_needed_by_programs(SEVEN, (rows,), Polyhedron()))


def test_too_many_edges_are_left_to_linear_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = _seven(3, 0)
    monkeypatch.setattr(envelope, "MOST_EDGES", 64)
    assert facets(SEVEN, [rows], [], 64) is None
    pieces = [from_integers(SEVEN, row) for row in rows]
    evidence = canonical_evidence(pieces, Polyhedron())
    assert is_canonical(pieces, [], evidence)
    forget()
    needed = [
        rows.index(row) for row in rows if from_integers(SEVEN, row) in upper_envelope(tuple(pieces), Polyhedron())
    ]
    assert [(place,) for place in needed] == list(_needed_by_programs(SEVEN, (rows,), Polyhedron()))


def test_whoever_can_do_without_an_envelope_gives_it_up() -> None:
    pieces = tuple(from_integers(SEVEN, row) for row in _seven(3, 0))
    forget()
    limit = envelope.most_edges.set(64)
    try:
        with pytest.raises(TooLong):
            upper_envelope(pieces, Polyhedron())
    finally:
        envelope.most_edges.reset(limit)
    assert upper_envelope(pieces, Polyhedron())


@pytest.mark.parametrize("factor", [2**40, 2**62, 2**63, 10**30])
def test_numbers_longer_than_a_machine_word_are_as_exact(factor: int) -> None:
    """The last piece is an average of the two before it, or by one more or less."""
    rows = [(0, 0, 0, 0), (-1, factor, 0, 0), (-1, 0, factor, 0)]
    for constant, is_needed in ((0, True), (-1, False), (-2, False)):
        found = facets(NAMES, [[*rows, (constant, factor - 1, 1, 0)]], [])
        assert found == [(0,), (1,), (2,), (3,)][: 4 if is_needed else 3]

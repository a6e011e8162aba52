"""The members that a region is printed in: the same points, none that the others cover, and what is cut is whole."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamma_calc.algebra import (
    EMPTY,
    EVERYWHERE,
    NOWHERE,
    Affine,
    Constraint,
    Equality,
    Inequality,
    Polyhedron,
    Region,
    at_least,
    at_most,
)
from tests.algebra.oracle import is_satisfiable, union, z3
from tests.algebra.strategies import A, B, affines, points

COEFFICIENTS, MOST_UNKNOWNS = st.integers(-2, 2), 4
X = tuple(Affine.symbol(f"x{index}") for index in range(MOST_UNKNOWNS))

mixed = st.lists(st.one_of(st.builds(Inequality, affines, st.booleans()), st.builds(Equality, affines)), max_size=3)
regions = st.lists(mixed.map(lambda each: Polyhedron.of(*each)), max_size=2).map(tuple).map(Region)


def strictly(form: Affine) -> Inequality:
    return Inequality(form, strict=True)


@st.composite
def forms(draw: st.DrawFn, unknowns: int) -> Affine:
    numbers = draw(st.lists(COEFFICIENTS, min_size=unknowns + 1, max_size=unknowns + 1))
    return sum((number * x for number, x in zip(numbers, X, strict=False)), Affine.of(numbers[-1]))


def conditions(unknowns: int) -> st.SearchStrategy[Constraint]:
    strict, weak = (st.builds(Inequality, forms(unknowns), st.just(is_strict)) for is_strict in (True, False))
    return st.one_of(strict, weak, strict, weak, st.builds(Equality, forms(unknowns)))


def polyhedra(unknowns: int, most: int = 3) -> st.SearchStrategy[Polyhedron]:
    return st.lists(conditions(unknowns), max_size=most).map(lambda each: Polyhedron.of(*each))


def cut(part: Polyhedron, form: Affine, way: int) -> list[Polyhedron]:
    """The parts of a polyhedron at a hyperplane: two, with the seam as a third, or overlapping."""
    at_most_zero, positive = Inequality(-form), strictly(form)
    ways = ((at_most_zero, positive), (strictly(-form), Equality(form), positive), (at_most_zero, Inequality(form + 1)))
    return [part & Polyhedron.of(side) for side in ways[way]]


def apart(part: Polyhedron, others: list[Polyhedron]) -> tuple[Polyhedron, ...]:
    return (Region.of(part) - Region(tuple(others))).members


@st.composite
def written_twice(draw: st.DrawFn) -> tuple[Region, Region]:
    """A region, and the same set cut by hyperplanes and by another polyhedron, in another order, perhaps in parts that
    do not overlap."""
    unknowns = draw(st.integers(1, MOST_UNKNOWNS))
    members = draw(st.lists(polyhedra(unknowns), min_size=1, max_size=3))
    hole = draw(st.one_of(st.just(EMPTY), polyhedra(unknowns, 2)))
    knife = draw(polyhedra(unknowns, 1))
    parts = list(members)
    for form, way in draw(st.lists(st.tuples(forms(unknowns), st.integers(0, 2)), max_size=2)):
        parts = [piece for part in parts for piece in cut(part, form, way)]
    if draw(st.booleans()):
        parts = [piece for place, part in enumerate(parts) for piece in apart(part, parts[:place])]
    again = Region(tuple(piece for part in reversed(parts) for piece in (Region.of(part) - hole).members))
    return Region(tuple(members)) - hole, (again - knife) | (again & knife)


@settings(max_examples=60)
@given(written_twice())
def test_a_set_is_equal_however_it_is_written(pair: tuple[Region, Region]) -> None:
    region, again = pair
    found = again.irredundant()
    assert region == again == found and hash(region) == hash(again)
    assert len(found.members) <= len(again.members)
    assert found.irredundant().members == found.members  # the text of a region is that of its members


@given(regions, regions)
def test_regions_are_equal_only_where_sets_are(left: Region, right: Region) -> None:
    differ = is_satisfiable(z3.Xor(union(left.members), union(right.members)))
    assert differ == (left != right)
    assert not differ or str(left) != str(right)


@given(regions, points)
def test_the_members_hold_the_same_points(region: Region, point: dict[str, Fraction]) -> None:
    found = region.irredundant()
    assert found.contains(point) == region.contains(point)
    assert not is_satisfiable(z3.Xor(union(found.members), union(region.members)))
    for member in found.members:
        assert not Region(tuple(other for other in found.members if other != member)).includes(member)


@given(regions, regions)
def test_operations_are_those_of_sets(left: Region, right: Region) -> None:
    assert left.complement().complement() == left
    assert (left - right) | (left & right) == left
    assert (left | right).complement() == left.complement() & right.complement()


@given(st.lists(conditions(3), max_size=4), forms(3), st.integers(0, 2))
def test_a_polyhedron_cut_in_parts_is_whole_again(each: list[Constraint], form: Affine, way: int) -> None:
    whole = Polyhedron.of(*each)
    assert Region(tuple(cut(whole, form, way))).irredundant().members == (() if whole.is_empty else (whole,))


def box(low_a: int, high_a: int, low_b: int, high_b: int) -> Polyhedron:
    return Polyhedron.of(at_least(A, low_a), at_most(A, high_a), at_least(B, low_b), at_most(B, high_b))


SQUARE, PLANE = box(0, 3, 0, 3), Region.of(EVERYWHERE)
HALF_PLANE = Polyhedron.of(strictly(B))
SPUR = Polyhedron.of(Equality(A - B), at_least(A, 0), at_most(A, 4))
RAY = Polyhedron.of(Equality(B), at_least(A, 0))
ORIGIN = Polyhedron.of(Equality(A), Equality(B))
QUADRANT = Polyhedron.of(at_least(A, 0), at_least(B, 0))
STAIRS = [Polyhedron.of(at_least(A, step), at_least(B, -step)) for step in range(3)]
TRIANGLE = Polyhedron.of(at_least(A, 0), at_least(B, 0), at_most(A + B, 2))
LEDGE = Polyhedron.of(Equality(A), at_least(B, 0), at_most(B, 4))
X0, X1, X2, _ = X
LARGER_AT_THE_SECOND_TRY = (
    Polyhedron.of(strictly(-2 - 2 * X0 - X1), at_least(2 * (X0 - X1 + X2), 1), at_most(2 * (X0 - X1) - X2, 1)),
    Polyhedron.of(strictly(X0 - 2 * X1), strictly(2 * X0 - X1 - 2 * X2 - 1), strictly(X2 + X1 - 2 * X0 - 1)),
    Polyhedron.of(strictly(1 - X0 + X1)),
)
CHAIN = box(0, 2, 1, 4), box(2, 3, 3, 6), box(3, 5, 0, 1)
OPPOSITE = (Polyhedron.of(at_least(A, B), at_least(A + B, 0)), Polyhedron.of(at_most(A, B), at_most(A + B, 0)))


@pytest.mark.parametrize(
    ("region", "text"),
    [
        (NOWHERE, "never"),
        (PLANE - Polyhedron.of(Equality(A - B)), "a - b < 0 or a - b > 0"),
        (PLANE - ORIGIN, "a < 0 or a > 0 or b < 0 or b > 0"),
        (PLANE - Polyhedron.of(Equality(A - B), Equality(A + B)), "a < 0 or a > 0 or b < 0 or b > 0"),
        (PLANE - (PLANE - ORIGIN), "a = 0 and b = 0"),
        (Region.of(box(0, 1, 0, 3), box(1, 3, 0, 3)), str(SQUARE)),
        (Region.of(box(0, 1, 0, 3), box(1, 3, 0, 3), box(5, 6, 0, 3)), f"({SQUARE}) or ({box(5, 6, 0, 3)})"),
        (Region.of(box(0, 1, 0, 2), box(1, 2, 0, 1)), f"({box(0, 1, 0, 2)}) or ({box(0, 2, 0, 1)})"),
        (Region.of(box(0, 1, 0, 2), box(0, 2, 0, 1), TRIANGLE), f"({box(0, 1, 0, 2)}) or ({box(0, 2, 0, 1)})"),
        (Region.of(SQUARE & Polyhedron.of(strictly(A)), LEDGE), f"({LEDGE}) or ({SQUARE})"),
        (
            Region.of(*LARGER_AT_THE_SECOND_TRY),
            "(2*x0 + x1 < -2 and 2*x0 - 2*x1 - x2 <= 1) or (2*x0 - x1 - 2*x2 > 1 and 2*x0 - x1 - x2 < -1)"
            " or x0 - x1 < 1",
        ),
        (Region.of(box(0, 3, 1, 2), box(1, 2, 0, 3)), f"({box(0, 3, 1, 2)}) or ({box(1, 2, 0, 3)})"),
        (Region.of(box(0, 2, 0, 2), box(1, 3, 1, 3)), f"({box(0, 2, 0, 2)}) or ({box(1, 3, 1, 3)})"),
        (Region.of(*CHAIN), f"({CHAIN[0]}) or ({CHAIN[1]}) or ({CHAIN[2]})"),
        (Region.of(*STAIRS), "(a >= 0 and b >= 0) or (a >= 1 and b >= -1) or (a >= 2 and b >= -2)"),
        (Region.of(SQUARE) - Polyhedron.of(Equality(A - 3)), "a >= 0 and a < 3 and b >= 0 and b <= 3"),
        (Region.of(HALF_PLANE, RAY), "(a >= 0 and b >= 0) or b > 0"),
        (PLANE - Region.of(HALF_PLANE, RAY), "(a < 0 and b <= 0) or b < 0"),
        (Region.of(SQUARE, SPUR), f"({SPUR}) or ({SQUARE})"),
        (Region.of(QUADRANT) - ORIGIN, "a >= 0 and a + b > 0 and b >= 0"),
        (Region.of(*OPPOSITE), "(a - b <= 0 and a + b <= 0) or (a - b >= 0 and a + b >= 0)"),
    ],
)
def test_text(region: Region, text: str) -> None:
    assert str(region) == text


def test_a_point_that_is_lacking_makes_another_set() -> None:
    """The negative control: the same text would have to be a bug."""
    whole = Region.of(SQUARE)
    assert whole - Polyhedron.of(Equality(A - 1), Equality(B - 1)) != whole
    assert str(whole - Polyhedron.of(Equality(A - 1), Equality(B - 1))) != str(whole)

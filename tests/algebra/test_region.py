from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamma_calc.algebra import (
    EMPTY,
    EVERYWHERE,
    NOWHERE,
    VANISHING,
    Affine,
    Equality,
    Exponent,
    Inequality,
    Polyhedron,
    Region,
    at_least,
    at_most,
    nonpositive_region,
    zero_region,
)
from tests.algebra.oracle import is_satisfiable, union, z3
from tests.algebra.strategies import DIAGONAL, A, B, C, affines, exponents_together, points, polyhedra

regions = st.lists(polyhedra, max_size=3).map(tuple).map(Region)
LOW, HIGH = Polyhedron.of(at_most(A, 0)), Polyhedron.of(at_least(A, 1))
CORNER = Polyhedron.of(at_least(A, 1), at_least(B, 2))


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ([], "never"),
        ([EMPTY, EMPTY], "never"),
        ([EVERYWHERE, LOW], "always"),
        ([LOW, Polyhedron.of(at_most(A, -1))], "a <= 0"),
        ([HIGH, LOW, HIGH], "a <= 0 or a >= 1"),
        ([LOW, CORNER], "a <= 0 or (a >= 1 and b >= 2)"),
    ],
)
def test_text(members: list[Polyhedron], text: str) -> None:
    assert str(Region.of(*members)) == text
    assert Region.of(*members) == Region.of(*reversed(members))


def test_latex() -> None:
    assert Region.of(LOW, CORNER).latex() == r"a \le 0\ \text{or}\ (a \ge 1\ \text{and}\ b \ge 2)"
    assert Region.of(LOW).latex() == r"a \le 0"
    assert NOWHERE.latex() == r"\text{never}"


@given(regions, regions, points)
def test_union_and_intersection_are_those_of_points(left: Region, right: Region, point: dict[str, Fraction]) -> None:
    assert (left | right).contains(point) == (left.contains(point) or right.contains(point))
    assert (left & right).contains(point) == (left.contains(point) and right.contains(point))
    assert (left | right) == (right | left)
    assert (left | left) == left
    assert (left | NOWHERE) == left == (left & EVERYWHERE)
    assert (left & NOWHERE).is_empty


@given(st.lists(polyhedra, max_size=4))
def test_canonical_members_cover_the_same_points(members: list[Polyhedron]) -> None:
    region = Region.of(*members)
    assert not is_satisfiable(z3.Xor(union(members), union(region.members)))
    assert region.is_empty != is_satisfiable(union(members))
    for one in region.members:
        assert not any(other is not one and other.includes(one) for other in region.members)


@given(regions, regions)
def test_inclusion_agrees_with_z3(left: Region, right: Region) -> None:
    assert left.includes(right) != is_satisfiable(union(right.members), z3.Not(union(left.members)))
    assert (left | right).includes(right)


def test_inclusion_sees_a_cover_by_several_members() -> None:
    halves = Region.of(Polyhedron.of(at_most(A, 0)), Polyhedron.of(at_least(A, 0)))
    gap = Region.of(Polyhedron.of(at_most(A, 0)), Polyhedron.of(at_least(A, Fraction(1, 1000))))
    assert halves.includes(EVERYWHERE)
    assert not gap.includes(EVERYWHERE)
    assert gap.includes(Polyhedron.of(Equality(A)))
    line = Region.of(Polyhedron.of(Equality(A)))
    assert not line.includes(Polyhedron.of(at_least(A, 0)))
    assert not line.includes(Polyhedron.of(at_most(A, 0)))
    assert line.includes(Polyhedron.of(Equality(A), at_least(B, 0)))


@given(regions, affines, points)
def test_substitution_asks_for_the_image(region: Region, form: Affine, point: dict[str, Fraction]) -> None:
    image = point | {"b": form.at(point)}
    assert region.substituted({"b": form}).contains(point) == region.contains(image)


@given(exponents_together(1), points)
def test_level_sets_are_those_of_the_values(pair: tuple[Exponent], point: dict[str, Fraction]) -> None:
    (exponent,) = pair
    value, is_inside = exponent.at(point), exponent.domain.contains(point)
    assert nonpositive_region(exponent).contains(point) == (is_inside and (value is None or value <= 0))
    assert zero_region(exponent).contains(point) == (is_inside and value == 0)


def test_level_sets_of_known_exponents() -> None:
    assert nonpositive_region(VANISHING) == EVERYWHERE
    assert zero_region(VANISHING) == NOWHERE
    corner = Exponent((A + B + 1, B))
    assert str(nonpositive_region(corner)) == "a + b <= -1 and b <= 0"
    assert str(zero_region(corner)) == "(a + b = -1 and b <= 0) or (b = 0 and a <= -1)"
    assert str(zero_region(Exponent((A + B,), DIAGONAL))) == "a = 0 and b = 0"
    assert zero_region(Exponent((Affine.of(1), C))) == NOWHERE
    assert zero_region(Exponent((Affine.of(0), C))) == Region.of(Polyhedron.of(Inequality(-C)))

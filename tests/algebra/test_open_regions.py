"""Strict inequalities, complements, joined members, and generators in many unknowns."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamma_calc.algebra import (
    EMPTY,
    Affine,
    Constraint,
    Equality,
    Inequality,
    Polyhedron,
    Region,
    at_least,
    at_most,
)
from gamma_calc.algebra.conjunction import irredundant
from tests.algebra.oracle import conjunction, is_satisfiable, union, z3
from tests.algebra.strategies import NAMES, A, B, affines, points

mixed = st.lists(st.one_of(st.builds(Inequality, affines, st.booleans()), st.builds(Equality, affines)), max_size=4)
polyhedra = mixed.map(lambda each: Polyhedron.of(*each))
regions = st.lists(polyhedra, max_size=2).map(tuple).map(Region)
X = tuple(Affine.symbol(f"x{i}") for i in range(8))


def positive(form: Affine) -> Inequality:
    return Inequality(form, strict=True)


@given(mixed)
def test_the_canonical_form_keeps_the_points(each: list[Constraint]) -> None:
    polyhedron = Polyhedron.of(*each)
    assert not is_satisfiable(z3.Xor(conjunction(each), conjunction(polyhedron.constraints)))
    assert polyhedron.is_empty != is_satisfiable(conjunction(each))


@given(polyhedra, polyhedra)
def test_equal_sets_have_one_form(left: Polyhedron, right: Polyhedron) -> None:
    differ = is_satisfiable(z3.Xor(conjunction(left.constraints), conjunction(right.constraints)))
    assert (left == right) != differ


@pytest.mark.parametrize(
    ("each", "text"),
    [
        ([positive(A), Inequality(-A)], "never"),
        ([positive(A), Inequality(A)], "a > 0"),
        ([Inequality(A), Inequality(B), positive(A + B)], "a >= 0 and b >= 0 and a + b > 0"),
        ([Inequality(A), Inequality(B), positive(A + 2 * B)], "a >= 0 and b >= 0 and a + b > 0"),
        ([positive(A), Inequality(B), positive(A + B)], "a > 0 and b >= 0"),
        ([Inequality(A), positive(A + 1)], "a >= 0"),
        ([Equality(A - B), positive(A), positive(B)], "a - b = 0 and b > 0"),
    ],
)
def test_strict_text(each: list[Constraint], text: str) -> None:
    assert set(str(Polyhedron.of(*each)).split(" and ")) == set(text.split(" and "))


@given(polyhedra, affines, st.booleans())
def test_implication_agrees_with_z3(polyhedron: Polyhedron, form: Affine, strict: bool) -> None:
    claim = Inequality(form, strict)
    assert polyhedron.implies(claim) != is_satisfiable(conjunction([*polyhedron.constraints, claim.negated]))


@given(polyhedra, st.sampled_from(NAMES))
def test_projection_is_the_shadow(polyhedron: Polyhedron, gone: str) -> None:
    shadow = polyhedron.projected_out([gone])
    hidden = z3.Exists([z3.Real(gone)], conjunction(polyhedron.constraints))
    assert not is_satisfiable(z3.Xor(hidden, conjunction(shadow.constraints)))


@given(regions, points)
def test_a_point_is_in_the_region_or_in_its_complement(region: Region, point: dict[str, Fraction]) -> None:
    assert region.contains(point) != region.complement().contains(point)


@given(regions)
def test_the_complement_is_the_rest(region: Region) -> None:
    rest = region.complement()
    assert (region & rest).is_empty
    assert (region | rest).is_everywhere
    assert rest.complement() == region
    assert not any((left & right).constraints != EMPTY.constraints for left, right in combinations(rest.members, 2))


@given(regions, regions)
def test_the_difference_is_that_of_points(left: Region, right: Region) -> None:
    difference = left - right
    expected = z3.And(union(left.members), z3.Not(union(right.members)))
    assert not is_satisfiable(z3.Xor(union(difference.members), expected))


@given(regions)
def test_joining_keeps_the_points(region: Region) -> None:
    fewer = region.irredundant()
    assert len(fewer.members) <= len(region.members)
    assert not is_satisfiable(z3.Xor(union(fewer.members), union(region.members)))


def test_a_region_of_parts_joins_again() -> None:
    square = [at_least(A, 0), at_most(A, 2), at_least(B, 0), at_most(B, 2)]
    halves = Region.of(Polyhedron.of(*square, at_most(A, 1)), Polyhedron.of(*square, positive(A - 1)))
    assert halves.irredundant() == Region.of(Polyhedron.of(*square))
    corner = Region.of(Polyhedron.of(*square)) - Polyhedron.of(positive(A - 1), positive(B - 1))
    assert len(corner.irredundant().members) == 2


def test_the_cube_in_eight_unknowns_has_its_corners() -> None:
    cube = Polyhedron.of(*(bound for x in X for bound in (at_least(x, 0), at_most(x, 1))))
    corners = {tuple(corner[x.free[0]] for x in X) for corner in cube.vertices()}
    assert corners == set(product((0, 1), repeat=8))
    assert cube.rays() == cube.lines() == ()


def test_the_cross_polytope_has_degenerate_corners() -> None:
    signs = product((-1, 1), repeat=4)
    cross = Polyhedron.of(
        *(at_most(sum((s * x for s, x in zip(each, X[:4], strict=True)), Affine.of(0)), 1) for each in signs)
    )
    assert len(cross.vertices()) == 8
    assert all(sorted(map(abs, corner.values())) == [0, 0, 0, 1] for corner in cross.vertices())


def test_the_orthant_has_its_axes() -> None:
    orthant = Polyhedron.of(*(Inequality(x) for x in X))
    assert [list(corner.values()) for corner in orthant.vertices()] == [[0] * 8]
    assert sorted(tuple(ray.values()) for ray in orthant.rays()) == sorted(
        tuple(Fraction(i == k) for i in range(8)) for k in range(8)
    )


def corners_by_choice(polyhedron: Polyhedron) -> set[tuple[tuple[str, Fraction], ...]]:
    """Every point where as many inequalities as there are names are equalities with one solution."""
    names = polyhedron.free
    found = set()
    for chosen in combinations(polyhedron.inequalities, len(names)):
        point = Polyhedron.of(*(Equality(each.form) for each in chosen))
        if not point.is_empty and len(point.equalities) == len(names) and polyhedron.contains(point.point()):
            found.add(tuple(sorted(point.point().items())))
    return found


@settings(max_examples=30)
@given(st.lists(affines, max_size=4))
def test_vertices_are_those_that_trying_every_choice_finds(forms: list[Affine]) -> None:
    box = [bound for name in NAMES for bound in (at_least(Affine.symbol(name), -3), at_most(Affine.symbol(name), 3))]
    polyhedron = Polyhedron.of(*box, *map(Inequality, forms))
    if not polyhedron.is_empty and not polyhedron.equalities:
        assert {tuple(sorted(corner.items())) for corner in polyhedron.vertices()} == corners_by_choice(polyhedron)


@given(st.lists(st.builds(Inequality, affines), max_size=7))
def test_a_needed_inequality_is_one_that_can_fail_alone(each: list[Inequality]) -> None:
    distinct = list({inequality.form.linear: inequality for inequality in each if inequality.free}.values())
    inside = [positive(inequality.form) for inequality in distinct]
    if is_satisfiable(conjunction(inside)):
        kept = irredundant(distinct)
        for inequality in distinct:
            others = [other for other in kept if other != inequality]
            fails_alone = is_satisfiable(conjunction([*others, inequality.negated]))
            assert fails_alone == (inequality in kept)


def test_an_inequality_that_holds_only_by_ties_is_dropped() -> None:
    """All of these meet at 0, so that every pivot there is degenerate."""
    fan = [Inequality(A), Inequality(B), Inequality(A + B), Inequality(2 * A + B), Inequality(A + 3 * B)]
    for order in permutations(fan):
        assert set(irredundant(order)) == {Inequality(A), Inequality(B)}

from __future__ import annotations

import pickle
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gamma_calc.algebra import (
    EMPTY,
    EVERYWHERE,
    Affine,
    Constraint,
    Equality,
    Inequality,
    Polyhedron,
    at_least,
    at_most,
    equal,
)
from gamma_calc.errors import BadInput
from tests.algebra.oracle import conjunction, is_satisfiable, z3
from tests.algebra.strategies import (
    GRID,
    NAMES,
    A,
    B,
    C,
    affines,
    constraints,
    domains,
    inequalities,
    points,
    polyhedra,
)

ETA_A, ETA_B = Affine.symbol("eta_A"), Affine.symbol("eta_B")
HALF = Fraction(1, 2)


@pytest.mark.parametrize(
    ("given_constraints", "text"),
    [
        ([], "always"),
        ([Inequality(Affine.of(1))], "always"),
        ([Inequality(Affine.of(-1))], "never"),
        ([at_most(A, 0), at_least(A, 1)], "never"),
        ([at_least(A, B), at_least(B, C), at_least(C, A + 1)], "never"),
        ([at_most(2 * A + 1, 0)], "a <= -1/2"),
        ([at_most(A, 0), at_least(A, 0)], "a = 0"),
        ([at_most(A, 0), at_least(A, 0), at_most(A + B, 1)], "a = 0 and b <= 1"),
        ([at_most(ETA_A + ETA_B, -1), at_most(ETA_B, 0)], "eta_A + eta_B <= -1 and eta_B <= 0"),
        ([equal(A + B, -1), at_most(B, 0)], "a + b = -1 and b <= 0"),
        ([equal(A + B, -1), at_least(A, -1)], "a + b = -1 and b <= 0"),
        ([at_least(B, 0), at_most(B, 1)], "b >= 0 and b <= 1"),
        # Three half-planes through one point, none opposite another, leave only the point.
        ([at_least(A, 0), at_least(B, 0), at_most(A + B, 0)], "a = 0 and b = 0"),
        ([at_least(A, B), at_least(B, C), at_least(C, A)], "a - c = 0 and b - c = 0"),
        # a + b <= 2 follows from the two others but from neither alone.
        ([at_most(A, 1), at_most(B, 1), at_most(A + B, 2)], "a <= 1 and b <= 1"),
        ([at_most(A, 1), at_most(B, 1), at_most(A + B, 1)], "a <= 1 and a + b <= 1 and b <= 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_canonical_text(given_constraints: list[Constraint], text: str) -> None:
    assert str(Polyhedron.of(*given_constraints)) == text
    assert str(Polyhedron.of(*reversed(given_constraints))) == text


def test_latex() -> None:
    both = Polyhedron.of(equal(ETA_A + ETA_B, -1), at_most(ETA_B, -HALF))
    assert both.latex() == r"\eta_{A} + \eta_{B} = -1\ \text{and}\ \eta_{B} \le -\frac{1}{2}"
    assert EVERYWHERE.latex() == r"\text{always}"
    assert EMPTY.latex() == r"\text{never}"


@given(constraints, points)
def test_canonical_form_keeps_the_points(each: list[Constraint], point: dict[str, Fraction]) -> None:
    polyhedron = Polyhedron.of(*each)
    holds = all(constraint.holds_at(point) for constraint in each)
    assert polyhedron.contains(point) == holds
    assert polyhedron.is_empty != is_satisfiable(conjunction(each))


@given(constraints)
def test_canonical_form_is_the_same_set_in_z3(each: list[Constraint]) -> None:
    before, after = conjunction(each), conjunction(Polyhedron.of(*each).constraints)
    assert not is_satisfiable(z3.Xor(before, after))


@given(polyhedra)
def test_no_constraint_is_to_spare_and_no_equality_hides(polyhedron: Polyhedron) -> None:
    assume(not polyhedron.is_empty)
    for inequality in polyhedron.inequalities:
        others = [each for each in polyhedron.constraints if each is not inequality]
        assert is_satisfiable(conjunction([*others, inequality.negated]))
        assert is_satisfiable(conjunction([*polyhedron.constraints, Inequality(inequality.form, strict=True)]))
    leading = [row.free[0] for row in polyhedron.equalities]
    assert leading == sorted(set(leading))
    for constraint in polyhedron.constraints:
        own = constraint.free[:1] if isinstance(constraint, Equality) else ()
        assert not set(constraint.free) & set(leading) - set(own)


@given(constraints, st.randoms(use_true_random=False), inequalities)
def test_canonical_form_is_unique(each: list[Constraint], random: object, probe: Inequality) -> None:
    polyhedron = Polyhedron.of(*each)
    shuffled = [*each, *each, *polyhedron.constraints]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    split = [
        half
        for constraint in shuffled
        for half in (
            (Inequality(constraint.form), Inequality(-constraint.form))
            if isinstance(constraint, Equality)
            else (constraint,)
        )
    ]
    same = Polyhedron.of(*split)
    assert same == polyhedron
    assert hash(same) == hash(polyhedron)
    assert (Polyhedron.of(*each, probe) == polyhedron) == polyhedron.implies(probe)


small = st.builds(
    lambda x, y, constant: Inequality(x * A + y * B + constant),
    st.integers(-1, 1),
    st.integers(-1, 1),
    st.integers(-1, 1),
)
small_sets = st.lists(small, max_size=4)


@settings(max_examples=300)
@given(small_sets, small_sets)
def test_equality_is_equality_of_sets(left: list[Inequality], right: list[Inequality]) -> None:
    same = not is_satisfiable(z3.Xor(conjunction(left), conjunction(right)))
    assert (Polyhedron.of(*left) == Polyhedron.of(*right)) == same


@given(polyhedra, polyhedra, points)
def test_intersection_has_the_points_of_both(left: Polyhedron, right: Polyhedron, point: dict[str, Fraction]) -> None:
    both = left & right
    assert both == right & left
    assert both.contains(point) == (left.contains(point) and right.contains(point))
    assert left.includes(both)
    assert left.includes(right) == (both == right)


@given(polyhedra, affines, st.booleans())
def test_implication_agrees_with_z3(polyhedron: Polyhedron, form: Affine, strict: bool) -> None:
    claim = Inequality(form, strict)
    assert polyhedron.implies(claim) != is_satisfiable(conjunction([*polyhedron.constraints, claim.negated]))
    both_signs = [Inequality(form), Inequality(-form)]
    assert polyhedron.implies(Equality(form)) == all(polyhedron.implies(each) for each in both_signs)


@given(domains, affines, affines)
def test_reduction_is_canonical_on_the_set(domain: Polyhedron, left: Affine, right: Affine) -> None:
    assert domain.implies(Equality(left - domain.reduced(left)))
    assert (domain.reduced(left) == domain.reduced(right)) == domain.implies(Equality(left - right))
    for row in domain.equalities:
        assert domain.reduced(left + row.form) == domain.reduced(left)


@pytest.mark.parametrize(
    ("given_constraints", "gone", "text"),
    [
        ([at_least(A, B), at_least(B, C)], ["b"], "a - c >= 0"),
        ([at_least(A, B), at_least(B, C), at_least(B, 1), at_most(B, 2)], ["b"], "a >= 1 and a - c >= 0 and c <= 2"),
        ([at_least(A, B), at_least(B, 0)], ["a"], "b >= 0"),
        ([equal(A + B, 1), at_least(A, 0), at_least(C, B)], ["a"], "b <= 1 and b - c <= 0"),
        ([at_least(A, 2 * B), at_most(A, B + C), at_most(C, 1)], ["a", "c"], "b <= 1"),
        ([at_least(A, B), at_least(A, -B)], ["a"], "always"),
        ([at_least(A, B), at_least(B, A + 1)], ["a"], "never"),
        ([Inequality(A - B, strict=True), at_least(B, C)], ["b"], "a - c > 0"),
        ([at_least(A, B), Inequality(B - C, strict=True)], ["b"], "a - c > 0"),
        ([Inequality(A - B, strict=True), at_least(A, B), at_least(B, C), at_most(C, 1)], ["a", "c"], "always"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_known_shadows(given_constraints: list[Constraint], gone: list[str], text: str) -> None:
    assert str(Polyhedron.of(*given_constraints).projected_out(gone)) == text


def test_strict_claims_need_more_than_the_edge() -> None:
    half_line = Polyhedron.of(at_least(A, 1))
    assert half_line.implies(Inequality(A - 1))
    assert not half_line.implies(Inequality(A - 1, strict=True))
    assert half_line.implies(Inequality(A, strict=True))


crossing = st.builds(
    lambda x, y, z, constant: Inequality(x * A + y * B + z * C + constant),
    *[st.sampled_from((-1, 1))] * 2,
    *[st.integers(-1, 1)] * 2,
)
crossed = st.lists(crossing, min_size=2, max_size=5).map(lambda each: Polyhedron.of(*each))


@given(st.one_of(crossed, polyhedra), st.sets(st.sampled_from(NAMES), min_size=1, max_size=2))
def test_projection_is_the_shadow(polyhedron: Polyhedron, gone: set[str]) -> None:
    shadow = polyhedron.projected_out(sorted(gone))
    assert not gone & set(shadow.free)
    assert shadow == polyhedron.projected_out(sorted(gone, reverse=True))
    hidden = z3.Exists([z3.Real(name) for name in sorted(gone)], conjunction(polyhedron.constraints))
    assert not is_satisfiable(z3.Xor(hidden, conjunction(shadow.constraints)))


@given(domains)
def test_inner_point_is_strictly_inside(domain: Polyhedron) -> None:
    point = domain.point()
    assert set(point) == set(domain.free)
    assert domain.contains(point)
    assert all(Inequality(each.form, strict=True).holds_at(point) for each in domain.inequalities)


@given(domains, affines)
def test_generators_bound_every_form_as_the_constraints_do(domain: Polyhedron, form: Affine) -> None:
    assume(set(form.free) <= set(domain.free))
    vertices, rays, lines = domain.vertices(), domain.rays(), domain.lines()
    assert vertices
    for corner, ray, step in product(vertices, rays or [{}], (Fraction(0), HALF, Fraction(9))):
        moved = {name: value + step * ray.get(name, Fraction(0)) for name, value in corner.items()}
        for line, shift in product(lines or [{}], (-step, step)):
            assert domain.contains({name: value + shift * line.get(name, Fraction(0)) for name, value in moved.items()})
    grows = any(form.linear.at(line) for line in lines) or any(form.linear.at(ray) > 0 for ray in rays)
    assert domain.maximum(form) == (None if grows else max(form.at(corner) for corner in vertices))


def test_generators_of_known_sets() -> None:
    triangle = Polyhedron.of(Inequality(A), Inequality(B), at_most(A + B, 1))
    assert [tuple(corner.values()) for corner in triangle.vertices()] == [(0, 0), (0, 1), (1, 0)]
    assert triangle.rays() == triangle.lines() == ()
    stripe = Polyhedron.of(at_least(A + B, 0), at_most(A + B, 1))
    assert stripe.lines() == ({"a": -1, "b": 1},)
    assert [tuple(corner.values()) for corner in stripe.vertices()] == [(0, 0), (1, 0)]
    wedge = Polyhedron.of(at_most(A + B, -1), at_most(B, 0))
    assert wedge.rays() == ({"a": -1, "b": 0}, {"a": 1, "b": -1})
    assert EMPTY.vertices() == EMPTY.rays() == EMPTY.lines() == ()
    assert EVERYWHERE.vertices() == ({},)
    assert EVERYWHERE.rays() == EVERYWHERE.lines() == ()


@given(domains, affines)
def test_maximum_agrees_with_z3(domain: Polyhedron, form: Affine) -> None:
    greatest, least = domain.maximum(form), domain.minimum(form)
    for bound, sign in ((greatest, 1), (least, -1)):
        if bound is None:
            assert is_satisfiable(conjunction([*domain.constraints, Inequality(sign * form - 1000)]))
        else:
            assert not is_satisfiable(
                conjunction([*domain.constraints, Inequality(sign * (form - bound), strict=True)])
            )
            assert is_satisfiable(conjunction([*domain.constraints, Equality(form - bound)]))


@given(polyhedra, affines, points)
def test_substitution_asks_for_the_image(polyhedron: Polyhedron, form: Affine, point: dict[str, Fraction]) -> None:
    image = point | {"a": form.at(point)}
    assert polyhedron.substituted({"a": form}).contains(point) == polyhedron.contains(image)


@given(polyhedra)
def test_pickles(polyhedron: Polyhedron) -> None:
    assert pickle.loads(pickle.dumps(polyhedron)) == polyhedron


def test_a_grid_of_points_agrees_with_the_given_constraints() -> None:
    each: list[Constraint] = [at_most(A + B, 1), at_least(A - C, -2), Inequality(B + C), at_most(2 * A + B - C, 4)]
    polyhedron = Polyhedron.of(*each)
    inside = [point for point in GRID if polyhedron.contains(point)]
    assert inside == [point for point in GRID if all(constraint.holds_at(point) for constraint in each)]
    assert 0 < len(inside) < len(GRID)


def test_refusals() -> None:
    with pytest.raises(BadInput, match="not empty"):
        EMPTY.point()
    with pytest.raises(BadInput, match="not empty"):
        EMPTY.maximum(A)
    with pytest.raises(BadInput, match="every free exponent"):
        Polyhedron.of(Inequality(A)).contains({"b": 1})

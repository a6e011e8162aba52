from __future__ import annotations

import pickle
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gamma_calc.algebra import (
    EMPTY,
    EVERYWHERE,
    VANISHING,
    Affine,
    Equality,
    Exponent,
    Inequality,
    Polyhedron,
    at_least,
    at_most,
)
from gamma_calc.errors import BadInput, Inexact
from tests.algebra.judge import Dropped, Kept, canonical_evidence, is_canonical
from tests.algebra.oracle import are_equal, conjunction, greatest, is_satisfiable, z3
from tests.algebra.strategies import (
    DIAGONAL,
    GRID,
    NAMED_DOMAINS,
    SEGMENT,
    UNIT,
    A,
    B,
    C,
    affines,
    domains,
    exponents,
    exponents_together,
    pieces,
    points,
    rationals,
)

ETA = Affine.symbol("eta")
HALF = Fraction(1, 2)
QUADRANT = Polyhedron.of(Inequality(A), Inequality(B))


@pytest.mark.parametrize(
    ("forms", "domain", "text"),
    [
        ((), EVERYWHERE, "-oo"),
        ((Affine.of(-HALF),), EVERYWHERE, "-1/2"),
        ((ETA + 1, Affine.of(0)), EVERYWHERE, "max(0, eta + 1)"),
        ((A, A + 1, A - 1), EVERYWHERE, "a + 1"),
        ((A, -A, Affine.of(0)), EVERYWHERE, "max(-a, a)"),
        ((A, -A, Affine.of(1)), EVERYWHERE, "max(-a, 1, a)"),
        ((2 * A, Affine.of(0), A), EVERYWHERE, "max(0, 2*a)"),
        # The middle of two planes is below their maximum though it is below neither.
        ((A + B, -A - B, A - A), EVERYWHERE, "max(-a - b, a + b)"),
        ((A, B, (A + B) / 2), EVERYWHERE, "max(a, b)"),
        ((A, B, (A + B) / 2 + 1), EVERYWHERE, "max(a, a/2 + b/2 + 1, b)"),
        ((A, Affine.of(0)), UNIT, "a"),
        ((A, Affine.of(1)), UNIT, "1"),
        ((A, Affine.of(HALF)), UNIT, "max(1/2, a)"),
        ((A + B, B), UNIT, "a + b"),
        ((A + B, Affine.of(0)), QUADRANT, "a + b"),
        ((A + B, A, B), QUADRANT, "a + b"),
        # Touching at the edge of the domain is not being above.
        ((2 * A - 1, A), UNIT, "a"),
        ((A, B), DIAGONAL, "b"),
        ((A, B, -B), DIAGONAL, "b"),
        ((A + B, Affine.of(-1)), SEGMENT, "-1"),
        ((A, C), SEGMENT, "max(-b - 1, 1)"),
        ((A, C), SEGMENT & Polyhedron.of(at_most(A, 1)), "1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_canonical_text(forms: tuple[Affine, ...], domain: Polyhedron, text: str) -> None:
    assert str(Exponent(forms, domain)) == text
    assert str(Exponent(forms[::-1], domain)) == text


def test_latex() -> None:
    assert VANISHING.latex() == r"-\infty"
    assert (Exponent.of(ETA / 2) | 0).latex() == r"\max(0, \frac{1}{2} \eta)"
    assert Exponent.of(ETA)._repr_latex_() == r"$\eta$"


@given(exponents_together(3))
def test_exponents_are_a_commutative_idempotent_semiring(together: tuple[Exponent, ...]) -> None:
    x, y, z = together
    assert (x | y) == (y | x)
    assert (x | y) | z == x | (y | z)
    assert x | x == x
    assert x | VANISHING == x == VANISHING | x
    assert x + y == y + x
    assert (x + y) + z == x + (y + z)
    assert x + 0 == x == 0 + x
    assert x + VANISHING == VANISHING == VANISHING + x
    assert x + (y | z) == (x + y) | (x + z)
    assert hash(x | y) == hash(y | x)


@given(exponents_together(2), points)
def test_operations_are_those_of_the_values(together: tuple[Exponent, Exponent], point: dict[str, Fraction]) -> None:
    x, y = together
    left, right = x.at(point), y.at(point)
    total, greater = (x + y).at(point), (x | y).at(point)
    if left is None or right is None:
        assert total is None
        assert greater == (right if left is None else left)
    elif x.domain.contains(point):
        assert total == left + right
        assert greater == max(left, right)


@given(pieces, st.sampled_from(NAMED_DOMAINS))
def test_canonical_form_keeps_the_values(forms: tuple[Affine, ...], domain: Polyhedron) -> None:
    exponent = Exponent(forms, domain)
    for point in GRID:
        if domain.contains(point):
            assert exponent.at(point) == max((form.at(point) for form in forms), default=None)


@given(pieces, domains, st.randoms(use_true_random=False), rationals)
def test_canonical_form_is_unique(
    forms: tuple[Affine, ...], domain: Polyhedron, random: object, weight: Fraction
) -> None:
    exponent = Exponent(forms, domain)
    spare = [*forms, *exponent.pieces, *(form - abs(weight) for form in forms)]
    share = min(abs(weight), Fraction(1))
    spare += [share * left + (1 - share) * right for left, right in pairwise(forms)]
    spare += [form + weight * row.form for form in forms for row in domain.equalities]
    spare += [form - abs(weight) * each.form for form in forms for each in domain.inequalities]
    random.shuffle(spare)  # type: ignore[attr-defined]
    same = Exponent(tuple(spare), domain)
    assert same == exponent
    assert hash(same) == hash(exponent)
    assert str(same) == str(exponent)


small = st.builds(
    lambda x, y, constant: x * A + y * B + constant, st.integers(-1, 1), st.integers(-1, 1), st.integers(-1, 1)
)
small_pieces = st.lists(small, min_size=1, max_size=3).map(tuple)


@settings(max_examples=300)
@given(small_pieces, small_pieces, st.sampled_from(NAMED_DOMAINS))
def test_equality_is_equality_of_functions(
    left: tuple[Affine, ...], right: tuple[Affine, ...], domain: Polyhedron
) -> None:
    x, y = Exponent(left, domain), Exponent(right, domain)
    assert (x == y) == are_equal(x, y, domain)


@given(pieces, domains)
def test_every_kept_and_dropped_piece_has_a_proof(forms: tuple[Affine, ...], domain: Polyhedron) -> None:
    evidence = canonical_evidence(forms, domain)
    kept = tuple(each.piece for each in evidence if isinstance(each, Kept))
    assert kept == Exponent(forms, domain).pieces
    assert is_canonical(forms, domain.constraints, evidence)


@given(pieces, domains)
def test_the_judge_refuses_tampered_evidence(forms: tuple[Affine, ...], domain: Polyhedron) -> None:
    assume(forms)
    evidence = canonical_evidence(forms, domain)
    for i, each in enumerate(evidence):
        # Dropping a needed piece, raising a needed or a spare one, or unbalancing an average has to be noticed.
        forged: list[Kept | Dropped | None]
        if isinstance(each, Kept):
            forged = [None, replace(each, piece=each.piece + 1), replace(each, origin=each.origin + 1)]
        else:
            weights = (each.weights[0] + 1, *each.weights[1:])
            forged = [None, replace(each, weights=weights), replace(each, weights=())]
        for other in forged:
            changed = [*evidence[:i], *([other] if other else []), *evidence[i + 1 :]]
            assert not is_canonical(forms, domain.constraints, changed)


def test_the_judge_refuses_a_piece_that_is_to_spare() -> None:
    point = {"a": Fraction(0)}
    spare = [Kept(A, A, (), {"a": Fraction(1)}), Kept(Affine.of(0), Affine.of(0), (), point)]
    assert is_canonical([A, Affine.of(0)], [], [*spare[:1], Kept(Affine.of(0), Affine.of(0), (), {"a": Fraction(-1)})])
    assert not is_canonical([A, Affine.of(0)], [], spare)
    assert not is_canonical(
        [A, Affine.of(0)], [at_least(A, 0)], [*spare[:1], replace(spare[1], point={"a": Fraction(-1)})]
    )


def test_the_judge_refuses_pieces_that_were_not_given_and_averages_with_negative_weights() -> None:
    at_one, at_zero = {"a": Fraction(1), "b": Fraction(0)}, {"a": Fraction(0), "b": Fraction(1)}
    one = (Fraction(1),)
    assert not is_canonical([A], [], [Kept(A + 1, A + 1, (), {"a": Fraction(0)}), Dropped(A, one, ())])
    both = [Kept(A, A, (), at_one), Kept(B, B, (), at_zero)]
    assert is_canonical([A, B, (A + B) / 2], [], [*both, Dropped((A + B) / 2, (HALF, HALF), ())])
    assert not is_canonical([A, B, 2 * A - B], [], [*both, Dropped(2 * A - B, (Fraction(2), Fraction(-1)), ())])


@given(exponents_together(3))
def test_operations_are_monotone(together: tuple[Exponent, ...]) -> None:
    x, y, z = together
    assert x.is_at_most(x | y)
    assert (x + z).is_at_most((x | y) + z)
    assert (x | z).is_at_most(x | y | z)


@given(exponents_together(2), affines, points)
def test_substitution_is_a_homomorphism(
    together: tuple[Exponent, Exponent], form: Affine, point: dict[str, Fraction]
) -> None:
    x, y = together
    mapping = {"b": form}
    assume(not x.domain.substituted(mapping).is_empty and not y.domain.substituted(mapping).is_empty)
    assert (x | y).substituted(mapping) == x.substituted(mapping) | y.substituted(mapping)
    assert (x + y).substituted(mapping) == x.substituted(mapping) + y.substituted(mapping)
    if x.domain.substituted(mapping).contains(point):
        assert x.substituted(mapping).at(point) == x.at(point | {"b": form.at(point)})


@given(exponents_together(2))
def test_comparison_agrees_with_z3(together: tuple[Exponent, Exponent]) -> None:
    x, y = together
    assume(not x.is_vanishing and not y.is_vanishing)
    inside, claim = conjunction(x.domain.constraints), greatest(x.pieces) <= greatest(y.pieces)
    holds, fails = is_satisfiable(inside, claim), is_satisfiable(inside, z3.Not(claim))
    assert (x.is_at_most(y), x.is_above(y)) == (not fails, not holds)


@pytest.mark.parametrize(
    ("left", "right", "is_at_most", "is_above"),
    [
        (VANISHING, VANISHING, True, False),
        (VANISHING, Exponent.of(A), True, False),
        (Exponent.of(A), VANISHING, False, True),
        (Exponent.of(A), Exponent.of(A + 1), True, False),
        (Exponent.of(A + 1), Exponent.of(A), False, True),
        (Exponent.of(A), Exponent.of(-HALF), False, False),
        (Exponent.of(A) | 2 * A + 1, Exponent.of(0), False, False),
        (Exponent((A,), UNIT), Exponent((Affine.of(0),), UNIT), False, False),
        (Exponent((A,), UNIT), Exponent.of(1), True, False),
        (Exponent((A,), UNIT), Exponent.of(-1), False, True),
        (Exponent((A + B,), DIAGONAL), Exponent.of(1), False, False),
        (Exponent.of(A) | B, Exponent.of(0), False, False),
        (Exponent.of(C), Exponent.of(A) | B, False, False),
        (Exponent.of(C + 1) | A, Exponent.of(C) | A, False, False),
    ],
)
def test_known_comparisons(left: Exponent, right: Exponent, is_at_most: bool, is_above: bool) -> None:
    assert left.is_at_most(right) == is_at_most
    assert left.is_above(right) == is_above


def test_comparison_has_no_operator() -> None:
    with pytest.raises(TypeError):
        Exponent.of(A) < Exponent.of(B)  # type: ignore[operator]  # noqa: B015


@given(exponents(EVERYWHERE), domains, points)
def test_restriction_keeps_the_values_there(x: Exponent, domain: Polyhedron, point: dict[str, Fraction]) -> None:
    there = x.restricted(domain)
    assert there.restricted(domain) == there == Exponent.of(x, domain)
    if domain.contains(point):
        assert there.at(point) == x.at(point)


@given(exponents(EVERYWHERE), st.integers(1, 4), points)
def test_scaling_is_that_of_the_values(x: Exponent, factor: int, point: dict[str, Fraction]) -> None:
    value = x.at(point)
    assert x.scaled(factor).at(point) == (None if value is None else factor * value)
    assert x.scaled(factor).scaled(Fraction(1, factor)) == x
    assert x.scaled(2) == x + x


def test_the_vanishing_exponent_is_one_value() -> None:
    assert Exponent((), UNIT) == VANISHING == Exponent.of(VANISHING, UNIT)
    assert Exponent((), UNIT).domain == EVERYWHERE
    assert VANISHING.is_vanishing
    assert VANISHING.is_constant
    assert VANISHING.at({}) is None
    assert VANISHING.free == ()
    assert VANISHING.substituted({"a": 1}) == VANISHING
    assert VANISHING | Exponent((A,), UNIT) == Exponent((A,), UNIT)


def test_functions_on_different_domains_differ() -> None:
    assert Exponent((A,), UNIT) != Exponent((A,))
    assert Exponent((A,), UNIT) + Exponent.of(B) == Exponent((A + B,), UNIT)
    with pytest.raises(BadInput, match="one domain for both"):
        Exponent((A,), UNIT) | Exponent((A,), DIAGONAL)


def test_refusals() -> None:
    with pytest.raises(BadInput, match="empty domain"):
        Exponent((A,), EMPTY)
    with pytest.raises(BadInput, match="empty domain"):
        Exponent((A,), UNIT).restricted(Polyhedron.of(at_most(A, -1)))
    with pytest.raises(BadInput, match=r"substitution a = 2: expected values in the domain a >= 0 and a <= 1"):
        Exponent((A,), UNIT).substituted({"a": 2})
    for factor in (0, -1):
        with pytest.raises(BadInput, match="positive factor"):
            Exponent.of(A).scaled(factor)


@pytest.mark.parametrize("value", [0.5, True, np.float32(1), np.float64(1)], ids=repr)
def test_refuses_floats(value: object) -> None:
    x = Exponent.of(A)
    for use in (
        Exponent.of,
        lambda each: Exponent((each,)),
        lambda each: x + each,
        lambda each: each + x,
        lambda each: x | each,
        lambda each: each | x,
        lambda each: x.scaled(each),
        lambda each: x.at({"a": each}),
        lambda each: x.substituted({"a": each}),
    ):
        with pytest.raises(Inexact):
            use(value)


@given(exponents_together(1))
def test_pickles(together: tuple[Exponent]) -> None:
    (x,) = together
    assert pickle.loads(pickle.dumps(x)) == x


def test_hidden_equalities_of_the_domain_count() -> None:
    squeezed = Polyhedron.of(Inequality(A - B), Inequality(B - A), Inequality(A))
    assert Exponent((A,), squeezed) == Exponent((B,), Polyhedron.of(Equality(A - B), Inequality(B)))


def test_pieces_that_agree_at_a_point_of_the_domain() -> None:
    x, k = Affine.symbol("x"), Affine.symbol("k")
    domain = Polyhedron.of(Inequality(k), Inequality(2 - k))
    held = domain.point()["k"]
    pieces = (x + k, x + 2 * k - held, x - k + 2 * held, Affine.of(0))
    assert set(Exponent(pieces, domain).pieces) == {x + 2 * k - held, x - k + 2 * held, Affine.of(0)}

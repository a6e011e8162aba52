"""Exponents on domains that are not closed: what leads only on an edge that is left out leads nowhere."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gamma_calc.algebra import (
    Affine,
    Equality,
    Exponent,
    Inequality,
    Polyhedron,
    nonpositive_region,
    zero_region,
)
from tests.algebra.judge import canonical_evidence, is_canonical
from tests.algebra.oracle import are_equal, conjunction, greatest, is_satisfiable
from tests.algebra.strategies import A, B, affines, pieces

constraints = st.lists(
    st.one_of(st.builds(Inequality, affines, st.booleans()), st.builds(Equality, affines)), max_size=3
)
domains = constraints.map(lambda each: Polyhedron.of(*each)).filter(lambda domain: not domain.is_empty)
POSITIVE = Polyhedron.of(Inequality(A, strict=True))


def test_a_piece_that_leads_on_the_missing_edge_alone_is_none() -> None:
    assert str(Exponent((A, -A), POSITIVE)) == "a"
    assert str(Exponent((A, -A + B, B), POSITIVE)) == "max(a, b)"
    assert str(Exponent((A, -A), Polyhedron.of(Inequality(A + 1, strict=True)))) == "max(-a, a)"


def test_levels_leave_the_edge_out() -> None:
    assert zero_region(Exponent((A,), POSITIVE)).is_empty
    assert zero_region(Exponent((-A,), POSITIVE.closure)).is_empty is False
    assert str(nonpositive_region(Exponent((A + B,), POSITIVE))) == "a > 0 and a + b <= 0"


def test_comparisons_are_those_of_the_open_domain() -> None:
    one = Exponent((A,), POSITIVE)
    assert one.is_above(Exponent.of(0))
    assert Exponent((-A,), POSITIVE).is_at_most(Exponent.of(0))
    assert not Exponent((A,), POSITIVE.closure).is_above(Exponent.of(0))


@given(pieces, pieces, domains)
def test_equality_is_that_of_functions(left: tuple[Affine, ...], right: tuple[Affine, ...], domain: Polyhedron) -> None:
    first, second = Exponent(left, domain), Exponent(right, domain)
    assert (first == second) == are_equal(first, second, domain)
    assert first.pieces == Exponent(left, domain.closure).pieces


@given(pieces.filter(bool), pieces.filter(bool), domains)
def test_verdicts_agree_with_z3(left: tuple[Affine, ...], right: tuple[Affine, ...], domain: Polyhedron) -> None:
    one, other = Exponent(left, domain), Exponent(right, domain)
    claim, there = greatest(left) <= greatest(right), conjunction(domain.constraints)
    can, can_fail = is_satisfiable(there, claim), is_satisfiable(there, greatest(left) > greatest(right))
    assert (one.is_at_most(other), one.is_above(other)) == (not can_fail, not can)


@given(pieces.filter(bool), domains)
def test_evidence_is_that_of_the_closure(each: tuple[Affine, ...], domain: Polyhedron) -> None:
    evidence = canonical_evidence(each, domain)
    assert is_canonical(each, domain.closure.constraints, evidence)

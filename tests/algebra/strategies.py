"""Random exact values, small enough that coincidences and degenerate cases are common."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

from hypothesis import strategies as st

from gamma_calc.algebra import EVERYWHERE, Affine, Constraint, Equality, Exponent, Inequality, Polyhedron

NAMES = ("a", "b", "c")

rationals = st.builds(Fraction, st.integers(-3, 3), st.sampled_from((1, 1, 1, 2, 3)))
coefficients = st.dictionaries(st.sampled_from(NAMES), rationals, max_size=3)
affines = st.builds(lambda terms, constant: Affine(tuple(terms.items()), constant), coefficients, rationals)
points = st.fixed_dictionaries({name: st.builds(Fraction, st.integers(-8, 8), st.just(2)) for name in NAMES})
inequalities = st.builds(Inequality, affines)
constraints: st.SearchStrategy[list[Constraint]] = st.lists(
    st.one_of(inequalities, inequalities, inequalities, st.builds(Equality, affines)), max_size=5
)
polyhedra = constraints.map(lambda each: Polyhedron.of(*each))
domains = polyhedra.filter(lambda domain: not domain.is_empty)

A, B, C = (Affine.symbol(name) for name in NAMES)
UNIT = Polyhedron.of(Inequality(A), Inequality(1 - A))
DIAGONAL = Polyhedron.of(Equality(A - B), Inequality(A))
SEGMENT = Polyhedron.of(Equality(A + B + 1), Equality(C - 1), Inequality(A), Inequality(2 - A))
NAMED_DOMAINS = (EVERYWHERE, UNIT, DIAGONAL, SEGMENT)

pieces = st.lists(affines, max_size=4).map(tuple)


def exponents(domain: Polyhedron) -> st.SearchStrategy[Exponent]:
    return pieces.map(lambda each: Exponent(each, domain))


@st.composite
def exponents_together(draw: st.DrawFn, count: int) -> tuple[Exponent, ...]:
    """Exponents on one domain, which is often lower-dimensional."""
    domain = draw(st.sampled_from(NAMED_DOMAINS))
    return tuple(draw(exponents(domain)) for _ in range(count))


GRID = tuple(
    dict(zip(NAMES, values, strict=True))
    for values in product(*([[Fraction(k, 2) for k in (-7, -3, -2, -1, 0, 1, 2, 4, 9)]] * len(NAMES)))
)
"""Rational points, integers and halves, on both sides of most thresholds that the strategies produce."""

"""Exact exponents: affine forms over the rationals, their maxima, and the regions where claims about them hold."""

from gamma_calc.algebra.affine import Affine, AffineLike, Point
from gamma_calc.algebra.exponent import VANISHING, Exponent, ExponentLike
from gamma_calc.algebra.inequality import Constraint, Equality, Inequality, at_least, at_most, equal
from gamma_calc.algebra.linear_program import Answer, Infeasible, Optimal, Unbounded, maximum
from gamma_calc.algebra.notation import name_latex
from gamma_calc.algebra.polyhedron import EMPTY, EVERYWHERE, Polyhedron
from gamma_calc.algebra.rational import exact
from gamma_calc.algebra.region import NOWHERE, Region, nonpositive_region, zero_region
from gamma_calc.algebra.text import exact_number, parsed_affine, parsed_exponent, parsed_inequality

__all__ = [
    "EMPTY",
    "EVERYWHERE",
    "NOWHERE",
    "VANISHING",
    "Affine",
    "AffineLike",
    "Answer",
    "Constraint",
    "Equality",
    "Exponent",
    "ExponentLike",
    "Inequality",
    "Infeasible",
    "Optimal",
    "Point",
    "Polyhedron",
    "Region",
    "Unbounded",
    "at_least",
    "at_most",
    "equal",
    "exact",
    "exact_number",
    "maximum",
    "name_latex",
    "nonpositive_region",
    "parsed_affine",
    "parsed_exponent",
    "parsed_inequality",
    "zero_region",
]

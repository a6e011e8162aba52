"""The same notions in z3, which shares nothing with the package."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from gamma_calc.algebra import Affine, Constraint, Equality, Exponent, Polyhedron

z3 = pytest.importorskip("z3", reason="z3-solver is not installed")


def linear(form: Affine) -> Any:
    total = z3.RealVal(str(form.constant))
    for name, coefficient in form.terms:
        total = total + z3.RealVal(str(coefficient)) * z3.Real(name)
    return total


def claim(constraint: Constraint) -> Any:
    value = linear(constraint.form)
    if isinstance(constraint, Equality):
        return value == 0
    return value > 0 if constraint.strict else value >= 0


def conjunction(constraints: Iterable[Constraint]) -> Any:
    return z3.And(*(claim(constraint) for constraint in constraints))


def union(members: Sequence[Polyhedron]) -> Any:
    return z3.Or(*(conjunction(member.constraints) for member in members))


def greatest(pieces: Sequence[Affine]) -> Any:
    value = linear(pieces[0])
    for piece in pieces[1:]:
        value = z3.If(linear(piece) > value, linear(piece), value)
    return value


def is_satisfiable(*claims: Any) -> bool:
    solver = z3.Solver()
    solver.add(*claims)
    verdict = solver.check()
    assert verdict != z3.unknown
    return bool(verdict == z3.sat)


def are_equal(left: Exponent, right: Exponent, domain: Polyhedron) -> bool:
    """Whether two exponents are one function on the domain."""
    if left.is_vanishing or right.is_vanishing:
        return left.is_vanishing and right.is_vanishing
    differ = greatest(left.pieces) != greatest(right.pieces)
    return not is_satisfiable(conjunction(domain.constraints), differ)

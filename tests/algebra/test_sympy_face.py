"""Exact values handed to sympy: the same function there, and no sympy before it is asked for."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction

import pytest
import sympy
from hypothesis import given, settings

from gamma_calc import derive
from gamma_calc.algebra import EVERYWHERE, VANISHING, Affine, Exponent
from gamma_calc.calculus.size import Size
from gamma_calc.errors import Unknown
from tests.algebra.strategies import affines, exponents

POINT = {"a": Fraction(-3, 7), "b": Fraction(5, 2), "c": Fraction(2, 3)}
AT = {sympy.Symbol(name, real=True): sympy.Rational(value) for name, value in POINT.items()}


@given(affines)
def test_a_form_is_the_same_function(form: Affine) -> None:
    assert form.sympy().subs(AT) == sympy.Rational(form.at(POINT))


@settings(max_examples=30)
@given(exponents(EVERYWHERE))
def test_an_exponent_is_the_same_function(exponent: Exponent) -> None:
    values = [piece.at(POINT) for piece in exponent.pieces]
    assert exponent.sympy().subs(AT) == (sympy.Rational(max(values)) if values else -sympy.oo)


def test_a_size_is_its_exponent_and_a_bound_is_none() -> None:
    half, one = (Exponent.of(Fraction(1, number)) for number in (2, 1))
    assert Size.exactly(half).sympy() == sympy.Rational(1, 2)
    with pytest.raises(Unknown, match="only known to be <= 1"):
        Size(half, one).sympy()


def test_nothing_is_minus_infinity() -> None:
    assert VANISHING.sympy() == -sympy.oo


@pytest.mark.parametrize(("name", "value"), [("init-a", -sympy.Rational(1, 2)), ("init-b", sympy.Integer(-1))])
def test_the_largest_stable_rate(name: str, value: sympy.Rational) -> None:
    assert derive(name).max_stable["eta"].sympy() == value


def test_nothing_loads_sympy_before_it_is_asked_for() -> None:
    script = (
        "import sys, gamma_calc; gamma_calc.derive('init-a'); "
        "print(sorted({'sympy', 'numpy', 'torch'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

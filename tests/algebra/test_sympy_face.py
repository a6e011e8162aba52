from __future__ import annotations

import subprocess
import sys
from fractions import Fraction

import pytest
import sympy
from hypothesis import given, settings

from gamma_calc.algebra import EVERYWHERE, VANISHING, Affine, Exponent
from gamma_calc.algebra.sympy_face import affine_from_sympy, from_sympy, to_sympy
from gamma_calc.errors import BadInput, Inexact
from tests.algebra.strategies import A, affines, exponents

x, y = sympy.symbols("a b")


@given(affines)
def test_affine_forms_come_back(form: Affine) -> None:
    assert affine_from_sympy(to_sympy(form)) == form


@settings(max_examples=30)
@given(exponents(EVERYWHERE))
def test_exponents_come_back(exponent: Exponent) -> None:
    assert from_sympy(to_sympy(exponent)) == exponent


def test_reads_sums_and_multiples_of_maxima() -> None:
    assert from_sympy(2 * sympy.Max(x, 0) + 1) == (Exponent.of(2 * A + 1) | 1)
    assert from_sympy(-sympy.oo) == VANISHING == from_sympy(to_sympy(VANISHING))
    assert from_sympy(Fraction(1, 2)) == Exponent.of(Fraction(1, 2))
    assert from_sympy(sympy.Rational(2, 3) * (x + 1)) == Exponent.of(Fraction(2, 3) * (A + 1))


@pytest.mark.parametrize("expression", [x * y, x**2, sympy.sqrt(2), sympy.pi, -sympy.Max(x, 0), 1 / x, sympy.oo, "a"])
def test_refuses_what_is_no_maximum_of_affine_forms(expression: object) -> None:
    with pytest.raises(BadInput):
        from_sympy(expression)


@pytest.mark.parametrize("expression", [0.5, sympy.Float(1), x * sympy.Float(2), sympy.Max(x, 0.5), True])
def test_refuses_floats(expression: object) -> None:
    with pytest.raises(Inexact):
        from_sympy(expression)


def test_the_algebra_loads_no_sympy() -> None:
    script = "import sys, gamma_calc.algebra; print(sorted({'sympy', 'numpy', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

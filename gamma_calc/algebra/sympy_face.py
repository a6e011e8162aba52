"""Between exact exponents and sympy's expressions; sympy prints and receives, and judges nothing."""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from operator import add, or_
from typing import Any

import sympy

from gamma_calc.algebra.affine import Affine
from gamma_calc.algebra.exponent import VANISHING, Exponent
from gamma_calc.algebra.rational import exact
from gamma_calc.errors import BadInput, Inexact


def to_sympy(value: Affine | Exponent) -> Any:
    """The value as a sympy expression in real symbols: an exponent becomes a Max, or -oo.

    >>> to_sympy(Exponent.of(Affine.symbol("eta") / 2) | 0)
    Max(0, eta/2)
    """
    if isinstance(value, Exponent):
        return sympy.Max(*(to_sympy(piece) for piece in value.pieces))
    terms = (_rational(coefficient) * sympy.Symbol(name, real=True) for name, coefficient in value.terms)
    return sympy.Add(_rational(value.constant), *terms)


def from_sympy(expression: Any) -> Exponent:
    """The exponent that a sympy expression stands for, built from rationals, symbols, sums, multiples and Max.

    Symbols count by their names, whatever is assumed about them.

    Raises:
        Inexact: for an expression that holds a Float.
        BadInput: for anything that is not a maximum of affine forms.

    >>> x = sympy.Symbol("x")
    >>> from_sympy(2 * sympy.Max(x, 0) + sympy.Rational(1, 2))
    Exponent('max(1/2, 2*x + 1/2)')
    """
    if isinstance(expression, int | Fraction | float):
        return Exponent.of(exact(expression))
    if not isinstance(expression, sympy.Expr):
        raise BadInput("sympy expression", found=f"{type(expression).__name__} {expression}", expected="an Expr")
    if expression.has(sympy.Float):
        raise Inexact("sympy expression", found=str(expression), expected="Rational in place of Float")
    return _exponent(expression)


def affine_from_sympy(expression: Any) -> Affine:
    """The affine form that a sympy expression stands for.

    >>> affine_from_sympy(sympy.Symbol("x") / 2)
    Affine('x/2')
    """
    exponent = from_sympy(expression)
    if len(exponent.pieces) != 1:
        raise BadInput("sympy expression", found=str(expression), expected="one affine form")
    return exponent.pieces[0]


def _rational(value: Fraction) -> Any:
    return sympy.Rational(value.numerator, value.denominator)


def _exponent(expression: Any) -> Exponent:
    if expression is sympy.S.NegativeInfinity:
        return VANISHING
    if expression.is_Symbol:
        return Exponent.of(Affine.symbol(expression.name))
    if expression.is_Rational:
        return Exponent.of(Fraction(int(expression.p), int(expression.q)))
    if isinstance(expression, sympy.Max):
        return reduce(or_, map(_exponent, expression.args))
    if expression.is_Add:
        return reduce(add, map(_exponent, expression.args))
    factor, rest = expression.as_coeff_Mul(rational=True)
    if not expression.is_Mul or factor == 1:
        raise BadInput("sympy expression", found=str(expression), expected="a maximum of affine forms")
    inner, by = _exponent(rest), Fraction(int(factor.p), int(factor.q))
    if len(inner.pieces) == 1:
        return Exponent.of(inner.pieces[0] * by)
    return inner.scaled(by)

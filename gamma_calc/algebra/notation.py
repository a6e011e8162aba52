"""How numbers, names and linear forms are written, as text and as LaTeX."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from gamma_calc.errors import BadInput

RESERVED = frozenset({"zero", "oo", "inf", "infinity", "nan", "max", "min"})
"""Words that stand for values or functions and so cannot name a free exponent."""

LONGEST_NAME = 32
"""Characters of the longest name of a free exponent."""

GREEK = frozenset(
    {"alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu"}
    | {"nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega"}
    | {"Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega"}
)
"""Greek letters that have a command in LaTeX."""


def checked_name(name: str) -> str:
    """The name itself, if it can name a free exponent: ASCII, an identifier, not too long, not reserved.

    >>> checked_name("eta_A")
    'eta_A'
    """
    is_well_formed = isinstance(name, str) and name.isascii() and name.isidentifier() and len(name) <= LONGEST_NAME
    if not is_well_formed:
        expected = f"a letter or _ followed by at most {LONGEST_NAME - 1} letters, digits or _"
        raise BadInput("name of a free exponent", found=str(name), expected=expected)
    if name in RESERVED:
        raise BadInput("name of a free exponent", found=name, expected="a word that is not reserved")
    return name


def linear_text(terms: Iterable[tuple[str, int | Fraction]], constant: int | Fraction) -> str:
    """The linear form as text: the terms in the given order, then the constant.

    >>> linear_text([("x", Fraction(3, 2))], Fraction(-1, 2))
    '3*x/2 - 1/2'
    """
    parts = [
        (coefficient < 0, _text_term(name, -coefficient if coefficient < 0 else coefficient))
        for name, coefficient in terms
    ]
    return _signed_sum(parts, constant < 0, str(abs(constant)) if constant else "")


def linear_latex(terms: Iterable[tuple[str, Fraction]], constant: Fraction) -> str:
    r"""The linear form as LaTeX: the terms in the given order, then the constant.

    >>> linear_latex([("eta_A", Fraction(-1, 2))], Fraction(1))
    '-\\frac{1}{2} \\eta_{A} + 1'
    """
    parts = [(coefficient < 0, _latex_term(name, abs(coefficient))) for name, coefficient in terms]
    return _signed_sum(parts, constant < 0, rational_latex(abs(constant)) if constant else "")


def rational_latex(value: Fraction) -> str:
    r"""The number as LaTeX, the sign in front of the fraction.

    >>> rational_latex(Fraction(-1, 2))
    '-\\frac{1}{2}'
    """
    if value.denominator == 1:
        return str(value.numerator)
    sign = "-" if value < 0 else ""
    return rf"{sign}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def name_latex(name: str) -> str:
    r"""The name as LaTeX: Greek letters as commands, what follows an underscore as a subscript.

    >>> name_latex("eta_A"), name_latex("rank"), name_latex("x_1_b")
    ('\\eta_{A}', '\\mathrm{rank}', 'x_{1,b}')
    """
    head, *below = name.split("_")
    if not head or not all(below):
        escaped = name.replace("_", r"\_")
        return rf"\mathrm{{{escaped}}}"
    subscript = ",".join(_word_latex(word) for word in below)
    return _word_latex(head) + (f"_{{{subscript}}}" if below else "")


def _word_latex(word: str) -> str:
    if word in GREEK:
        return f"\\{word}"
    return word if len(word) == 1 or word.isdigit() else rf"\mathrm{{{word}}}"


def _text_term(name: str, coefficient: int | Fraction) -> str:
    factor = "" if coefficient.numerator == 1 else f"{coefficient.numerator}*"
    divisor = "" if coefficient.denominator == 1 else f"/{coefficient.denominator}"
    return f"{factor}{name}{divisor}"


def _latex_term(name: str, coefficient: Fraction) -> str:
    return name_latex(name) if coefficient == 1 else f"{rational_latex(coefficient)} {name_latex(name)}"


def _signed_sum(parts: list[tuple[bool, str]], constant_is_negative: bool, constant: str) -> str:
    if constant:
        parts = [*parts, (constant_is_negative, constant)]
    if not parts:
        return "0"
    (is_negative, first), *rest = parts
    tail = "".join(f" {'-' if minus else '+'} {text}" for minus, text in rest)
    return f"{'-' if is_negative else ''}{first}{tail}"

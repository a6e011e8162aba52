"""A derivation's claims in SMT-LIB 2: one question a claim, each whether the claim can be wrong."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from gamma_calc.algebra import Affine
from gamma_calc.certificate.certificate import Certificate
from gamma_calc.certificate.evidence import Obligation

HEADER = """\
; The claims of the derivation of {name}. Every answer has to be unsat: no values of the free exponents make a claim
; wrong. A claim says that a sum of forms is at most the largest of others wherever the hypotheses hold.
(set-logic QF_LRA)
"""


def smtlib(written: Certificate) -> str:
    """The claims of a certificate as SMT-LIB 2, every check-sat of which has to be unsat."""
    claims = written.distinct_obligations
    names = sorted({name for claim in claims for name in claim.free})
    declared = [f"(declare-const |{name}| Real)" for name in names]
    header = HEADER.format(name=written.data["scheme"].replace("\n", " "))
    return "\n".join([header, *declared, *(line for claim in claims for line in _question(claim)), ""])


def _question(claim: Obligation) -> Iterator[str]:
    yield f"; {claim.place}"
    yield "(push 1)"
    for form in claim.hypotheses:
        yield f"(assert (>= {_form(form)} 0))"
    for top in claim.tops:
        yield f"(assert (> {_form(claim.piece)} {_form(top)}))"
    yield "(check-sat)"
    yield "(pop 1)"


def _form(form: Affine) -> str:
    """A form as an SMT-LIB term.

    >>> print(_form(Affine.symbol("eta") / 2 - 1))
    (+ (* (/ 1 2) |eta|) (- 1))
    """
    terms = [f"(* {_number(coefficient)} |{name}|)" for name, coefficient in form.terms]
    if form.constant or not terms:
        terms.append(_number(form.constant))
    return terms[0] if len(terms) == 1 else f"(+ {' '.join(terms)})"


def _number(value: Fraction) -> str:
    size = abs(value)
    text = str(size.numerator) if size.denominator == 1 else f"(/ {size.numerator} {size.denominator})"
    return f"(- {text})" if value < 0 else text

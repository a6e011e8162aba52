"""A derivation's claims for other provers: SMT-LIB 2, one question a claim, and Rocq, one lemma a place of the proof.

Each claim says that where some forms are at least 0, a form is at most the largest of others: to SMT-LIB the question
whether it can be wrong, to Rocq a lemma over the reals that linear arithmetic closes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import groupby

from gamma_calc.algebra import Affine
from gamma_calc.derivation.certificate import Certificate
from gamma_calc.derivation.evidence import Obligation

SMTLIB = """\
; The claims of the derivation of {name}. Every answer has to be unsat: no values of the free exponents make a claim
; wrong. A claim says that a sum of forms is at most the largest of others wherever the hypotheses hold.
(set-logic QF_LRA)
"""


def smtlib(written: Certificate) -> str:
    """The claims of a certificate as SMT-LIB 2, every check-sat of which has to be unsat."""
    claims = written.distinct_obligations
    names = sorted({name for claim in claims for name in claim.free})
    declared = [f"(declare-const |{name}| Real)" for name in names]
    header = SMTLIB.format(name=written.data["scheme"].replace("\n", " "))
    return "\n".join([header, *declared, *(line for claim in claims for line in _question(claim)), ""])


def _question(claim: Obligation) -> Iterator[str]:
    yield f"; {claim.place}"
    yield "(push 1)"
    for form in claim.hypotheses:
        yield f"(assert (>= {_smt_form(form)} 0))"
    for top in claim.tops:
        yield f"(assert (> {_smt_form(claim.piece)} {_smt_form(top)}))"
    yield "(check-sat)"
    yield "(pop 1)"


def _smt_form(form: Affine) -> str:
    """A form as an SMT-LIB term.

    >>> print(_smt_form(Affine.symbol("eta") / 2 - 1))
    (+ (* (/ 1 2) |eta|) (- 1))
    """
    terms = [f"(* {_smt_number(coefficient)} |{name}|)" for name, coefficient in form.terms]
    if form.constant or not terms:
        terms.append(_smt_number(form.constant))
    return terms[0] if len(terms) == 1 else f"(+ {' '.join(terms)})"


def _smt_number(value: Fraction) -> str:
    size = abs(value)
    text = str(size.numerator) if size.denominator == 1 else f"(/ {size.numerator} {size.denominator})"
    return f"(- {text})" if value < 0 else text


ROCQ = """\
(* The claims of the derivation of {name}. A free exponent x is written e_x, and a size x that a later step starts from
   u_x; -oo does not occur, for an empty maximum asks for nothing. That p <= max(s, t) where 0 <= h is written
   (0 <= h -> s < p -> t < p -> False). *)
Require Import Reals Lra.
Open Scope R_scope.
"""


def rocq(written: Certificate) -> str:
    """The claims of a certificate as a file for Rocq (Coq)."""
    groups = [list(group) for _, group in groupby(written.distinct_obligations, key=lambda claim: claim.place)]
    header = ROCQ.format(name=_comment(written.data["scheme"]))
    return "\n".join([header, *(_lemma(number, group) for number, group in enumerate(groups, 1))])


def _lemma(number: int, claims: Sequence[Obligation]) -> str:
    names = sorted({name for claim in claims for name in claim.free})
    bound = f"forall {' '.join(map(_name, names))} : R,\n" if names else ""
    body = " /\\\n".join(f"  ({_said(claim)})" for claim in claims)
    proof = "Proof. intros. repeat split; intros; lra. Qed."
    return f"(* {_comment(claims[0].place)} *)\nLemma claim_{number} : {bound}{body}.\n{proof}\n"


def _comment(text: str) -> str:
    """Text that neither opens nor closes a comment, nor begins a string in one."""
    return text.replace("*)", "* )").replace("(*", "( *").replace('"', "''")


def _said(claim: Obligation) -> str:
    hypotheses = [f"0 <= {_rocq_form(form)}" for form in claim.hypotheses]
    return " -> ".join(
        [*hypotheses, *(f"{_rocq_form(top)} < {_rocq_form(claim.piece)}" for top in claim.tops), "False"]
    )


def _rocq_form(form: Affine) -> str:
    """A form as a Rocq term.

    >>> print(_rocq_form(Affine.symbol("eta") / 2 - 1))
    ((1 / 2) * e_eta + (- (1)))
    """
    terms = [f"{_rocq_number(coefficient)} * {_name(name)}" for name, coefficient in form.terms]
    if form.constant or not terms:
        terms.append(_rocq_number(form.constant))
    return f"({' + '.join(terms)})"


def _name(name: str) -> str:
    """A name as Rocq can read it: those that no user can give begin with a star."""
    return f"u_{name[1:]}" if name.startswith("*") else f"e_{name}"


def _rocq_number(value: Fraction) -> str:
    size = abs(value)
    text = f"({size.numerator})" if size.denominator == 1 else f"({size.numerator} / {size.denominator})"
    return f"(- {text})" if value < 0 else text

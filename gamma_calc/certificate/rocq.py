"""A derivation's claims for Rocq: one lemma a claim, over the reals, each closed by linear arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import groupby

from gamma_calc.algebra import Affine
from gamma_calc.certificate.certificate import Certificate
from gamma_calc.certificate.evidence import Obligation

HEADER = """\
(* The claims of the derivation of {name}. A free exponent x is written e_x, and a size x that a later step starts from
   u_x; -oo does not occur, for an empty maximum asks for nothing. That p <= max(s, t) where 0 <= h is written
   (0 <= h -> s < p -> t < p -> False). *)
Require Import Reals Lra.
Open Scope R_scope.
"""


def rocq(written: Certificate) -> str:
    """The claims of a certificate as a file for Rocq (Coq)."""
    groups = [list(group) for _, group in groupby(written.distinct_obligations, key=lambda claim: claim.place)]
    header = HEADER.format(name=_comment(written.data["scheme"]))
    return "\n".join([header, *(_lemma(number, group) for number, group in enumerate(groups, 1))])


def _lemma(number: int, claims: Sequence[Obligation]) -> str:
    names = sorted({name for claim in claims for name in claim.free})
    bound = f"forall {' '.join(map(_name, names))} : R,\n" if names else ""
    body = " /\\\n".join(f"  ({_claim(claim)})" for claim in claims)
    proof = "Proof. intros. repeat split; intros; lra. Qed."
    return f"(* {_comment(claims[0].place)} *)\nLemma claim_{number} : {bound}{body}.\n{proof}\n"


def _comment(text: str) -> str:
    """Text that neither opens nor closes a comment, nor begins a string in one."""
    return text.replace("*)", "* )").replace("(*", "( *").replace('"', "''")


def _claim(claim: Obligation) -> str:
    hypotheses = [f"0 <= {_form(form)}" for form in claim.hypotheses]
    return " -> ".join([*hypotheses, *(f"{_form(top)} < {_form(claim.piece)}" for top in claim.tops), "False"])


def _form(form: Affine) -> str:
    """A form as a Rocq term.

    >>> print(_form(Affine.symbol("eta") / 2 - 1))
    ((1 / 2) * e_eta + (- (1)))
    """
    terms = [f"{_number(coefficient)} * {_name(name)}" for name, coefficient in form.terms]
    if form.constant or not terms:
        terms.append(_number(form.constant))
    return f"({' + '.join(terms)})"


def _name(name: str) -> str:
    """A name as Rocq can read it: those that no user can give begin with a star."""
    return f"u_{name[1:]}" if name.startswith("*") else f"e_{name}"


def _number(value: Fraction) -> str:
    size = abs(value)
    text = f"({size.numerator})" if size.denominator == 1 else f"({size.numerator} / {size.denominator})"
    return f"(- {text})" if value < 0 else text

"""Certificates of many schemes, written once: what the tests of certificates share."""

from __future__ import annotations

import json
from fractions import Fraction
from functools import cache

import pytest

from gamma_calc.algebra import Affine
from gamma_calc.analysis.derivation import Derivation, derived
from gamma_calc.calculus.assumptions import dispensed
from gamma_calc.calculus.policy import Alignment, Policy
from gamma_calc.derivation.certificate import Certificate, certificate
from gamma_calc.derivation.verification import Verification, verification
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.optimizers import OPTIMIZERS
from tests.schemes import scheme

OTHERS = {
    "two-rates": scheme("-1/2", "zero", "a", "b"),
    "parities": scheme("-1/2", "-1/2", "a", "b", optimizer="sign", rank="rho"),
    "rank-and-scale": scheme("-1/2", "zero", "eta", "eta", scale="-k", rank="rho", between=("0 <= k", "k <= 1")),
    "both-inits-free": scheme("p", "q", "eta", "eta", between=("p + q <= -1/2",)),
    "flat-domain": scheme("-1/2", "zero", "eta", "eta", rank="rho", between=("rho = 1/2",)),
    "free-shape": scheme("-1/2", "zero", "eta", "eta", optimizer="sgd", fan_out="f", gradient="g"),
    "diverging": scheme("-1/2", "-1/2", "1", "1", optimizer="sgd"),
    "decay": scheme("-1/2", "zero", "eta", "eta", decay="l"),
    "decay-sgd": scheme("-1/2", "zero", "eta", "eta", optimizer="sgd", decay="l"),
    "momentum-sgd": scheme("-1/2", "zero", "eta", "eta", optimizer="sgd", momentum="m"),
    "momentum-adam": scheme("-1/2", "zero", "eta", "eta", momentum="0"),
    "momentum-sign": scheme("-1/2", "zero", "eta", "eta", optimizer="sign", momentum="m"),
    "feedback-adam": scheme("-1/2", "zero", "eta", "eta", feedback="0"),
    "feedback-sgd": scheme("zero", "-1/2", "-1", "-1", optimizer="sgd", feedback="f"),
    "no-step": scheme("-1/2", "zero", "-1", "-1"),
}
CASES = {f"{name}-{under}": found.under(under) for name, found in CATALOGUE.items() for under in OPTIMIZERS} | OTHERS
every_case = pytest.mark.parametrize("name", CASES)


@cache
def derivation_of(name: str) -> Derivation:
    return derived(CASES[name])


@cache
def written(name: str) -> Certificate:
    return certificate(derivation_of(name))


def read_back(found: Certificate) -> Verification:
    return verification(json.loads(found.text()))


POLICIES = {
    key: Policy((), dispensed(key.split())) for key in ("A3", "A4", "A5", "A6", "A7", "A8", "A9", "A3 A4", "A3 A5")
}
POLICIES |= {
    f"{kind.value}={value}": Policy(((kind, value),))
    for kind in (Alignment.ALIGNED, Alignment.INDEPENDENT, Alignment.DILUTED)
    for value in (Affine.symbol("alpha"), Affine.of(Fraction(3, 4)))
}

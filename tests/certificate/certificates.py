"""Certificates of many schemes, written once: what the tests of certificates share."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache

import pytest

from gamma_calc.algebra import Affine, Equality, Inequality, Polyhedron, Region
from gamma_calc.algebra.text import parsed_affine
from gamma_calc.analysis.derivation import Derivation, derived
from gamma_calc.calculus.assumptions import dispensable
from gamma_calc.calculus.policy import Alignment, Policy
from gamma_calc.certificate.certificate import Certificate, certificate
from gamma_calc.certificate.verification import Verification, verification
from gamma_calc.program.catalogue import CATALOGUE
from tests.schemes import STEPS_ALONE, scheme

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
    "bounded-rate": scheme("-1/2", "zero", "eta", "eta", between=("eta <= -1",)),
    "no-step": scheme("-1/2", "zero", "-1", "-1"),
}
CASES = {f"{name}-{under}": found.under(under) for name, found in CATALOGUE.items() for under in STEPS_ALONE} | OTHERS
every_case = pytest.mark.parametrize("name", CASES)


@cache
def derivation_of(name: str) -> Derivation:
    return derived(CASES[name])


@cache
def written(name: str) -> Certificate:
    return certificate(derivation_of(name))


def claimed(found: Certificate) -> tuple[str, ...]:
    """What a certificate says in words that it proves."""
    return tuple(found.data["conclusions"])


def read_back(found: Certificate) -> Verification:
    return verification(json.loads(found.text()))


POLICIES = {
    key: Policy((), dispensable(key.split())) for key in ("A3", "A4", "A5", "A6", "A7", "A8", "A9", "A3 A4", "A3 A5")
}
POLICIES |= {
    f"{kind.value}={value}": Policy(((kind, value),))
    for kind in (Alignment.ALIGNED, Alignment.INDEPENDENT, Alignment.DILUTED)
    for value in (Affine.symbol("alpha"), Affine.of(Fraction(3, 4)))
}


def holds(text: str, point: Mapping[str, Fraction]) -> bool:
    """Whether a region in words holds a point."""
    if text in ("never", "always"):
        return text == "always"
    return any(all(_holds(each, point) for each in member.split(" and ")) for member in text.split(" or "))


def _holds(inequality: str, point: Mapping[str, Fraction]) -> bool:
    left, relation, right = re.split(" (<=|>=|=) ", inequality)
    difference = parsed_affine(left).at(point) - Fraction(right)
    return {"<=": difference <= 0, ">=": difference >= 0, "=": difference == 0}[relation]


def is_same_region(text: str, region: Region, names: tuple[str, ...]) -> bool:
    """Whether words say a region, at many points, some of them on its edges."""
    if text == str(region):
        return True
    points = some_points(names)
    inside = [is_inside(region, point) for point in points]
    return any(inside) and inside == [holds(text, point) for point in points]


def some_points(names: tuple[str, ...]) -> list[Mapping[str, Fraction]]:
    """Points, some of them on the edges of regions."""
    choose = random.Random(1)
    return [{name: Fraction(choose.randint(-6, 4), 2) for name in names} for _ in range(1000)]


def is_inside(region: Region, point: Mapping[str, Fraction]) -> bool:
    """Whether a region holds a point."""
    return any(all(each.form.at(point) >= 0 for each in inequalities(member)) for member in region.members)


def inequalities(member: Polyhedron) -> Iterator[Inequality]:
    """A polyhedron's constraints, an equality as two of them."""
    for each in member.constraints:
        yield Inequality(each.form)
        if isinstance(each, Equality):
            yield Inequality(-each.form)

"""The largest rate for T steps as a certificate's laws prove it: what the engine says, and what the sizes at T show."""

from __future__ import annotations

import copy
import json
from fractions import Fraction
from typing import Any

import pytest

from gamma_calc.algebra import Affine
from gamma_calc.analysis.rate_law import RateLaw
from gamma_calc.certificate.horizon_words import horizon_text
from gamma_calc.certificate.parts import UPPER
from gamma_calc.certificate.verification import verification
from gamma_calc.derivation.horizons import horizon_lines
from tests.certificate.certificates import claimed, derivation_of, read_back, written
from tests.certificate.test_laws import followed, quantity

NAMES = ("init-a-sgd", "init-b-sgd", "init-ab-sgd", "lora-plus-a-sgd", "lora-plus-b-sgd")
STEPS = 9
ETA, ZERO = Affine.symbol("eta"), Affine.of(0)


def said(conclusions: tuple[str, ...]) -> list[str]:
    return [each for each in conclusions if " for T steps: " in each]


@pytest.mark.parametrize("name", NAMES)
def test_the_formula_is_that_of_the_engine(name: str) -> None:
    assert said(read_back(written(name)).conclusions) == list(horizon_lines(derivation_of(name).horizons))


@pytest.mark.parametrize("name", NAMES)
def test_the_largest_rate_is_the_largest(name: str) -> None:
    run, law = followed(name), derivation_of(name).horizons["stable"].largest  # type: ignore[union-attr]
    assert run.law is not None and isinstance(law, RateLaw)
    early = run.steps[:-1]

    def is_bounded(rate: Fraction, steps: int) -> bool:
        point = {"eta": rate}
        sizes = [piece.at(point) for step in early[:steps] for piece in step["Z_B"].bounds[UPPER]]
        later = [quantity(run.law, "Z_B", t, point) for t in range(steps - len(early))]  # type: ignore[arg-type]
        return all(each is None or each <= 0 for each in (*sizes, *later))

    for steps in range(1, STEPS):
        largest = law.at(steps)
        assert largest is not None
        assert is_bounded(largest, steps) and not is_bounded(largest + Fraction(1, 10**6), steps), steps


@pytest.mark.parametrize("lie", ["-(2*T - 1)/(2*T)", "-(2*T - 2)/(2*T - 2)", "-1"])
def test_another_formula_is_refused(lie: str) -> None:
    data = json.loads(written("init-a-sgd").text().replace("-(2*T - 2)/(2*T - 1)", lie))
    failure = verification(data).first_failure
    assert failure is not None and failure.startswith("conclusions: what is claimed is not what is proved: ")
    assert lie in failure


@pytest.mark.parametrize("rate", ["width", "q", ""])
def test_a_formula_is_of_the_exponent_that_the_sizes_depend_on(rate: str) -> None:
    assert horizon_text(followed("init-a-sgd"), rate, ["Z_B"]) == ""


def changed(name: str, **changes: Any) -> Any:
    run = copy.copy(followed(name))
    for key, value in changes.items():
        setattr(run, key, value)
    return run


def test_no_formula_without_an_exact_law_of_the_whole_domain() -> None:
    run = followed("init-a-sgd")
    assert horizon_text(run, "eta", ["Z_B"]) != ""
    assert horizon_text(changed("init-a-sgd", law=None), "eta", ["Z_B"]) == ""
    assert horizon_text(changed("init-a-sgd", where=run.domain or run.known or (run.law,)), "eta", ["Z_B"]) == ""
    law = copy.copy(run.law)
    assert law is not None
    law.is_exact = False
    assert horizon_text(changed("init-a-sgd", law=law), "eta", ["Z_B"]) == ""


def test_the_formula_is_of_the_families_that_the_law_has() -> None:
    law = copy.copy(followed("init-a-sgd").law)
    assert law is not None
    law.families = {i: [(base - 1, length, turns) for base, length, turns in each] for i, each in law.families.items()}
    found = horizon_text(changed("init-a-sgd", law=law), "eta", ["Z_B"])
    assert found.startswith("eta <= ") and found != horizon_text(followed("init-a-sgd"), "eta", ["Z_B"])


@pytest.mark.parametrize("name", ["decay-sgd", "momentum-sgd", "free-shape"])
def test_no_formula_where_other_exponents_are_free(name: str) -> None:
    assert said(claimed(written(name))) == []

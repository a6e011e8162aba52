"""Certificates and documents of schemes whose domain is not closed."""

from __future__ import annotations

import json

from gamma_calc.analysis.derivation import derived
from gamma_calc.certificate.certificate import certificate
from gamma_calc.certificate.verification import verification
from gamma_calc.derivation.questions import derive
from tests.certificate.certificates import claimed
from tests.schemes import scheme

GROWING = scheme("-1/2", "zero", "eta", "eta", rank="rho", between=("0 < rho",))
BELOW = scheme("-1/2", "zero", "eta", "eta", between=("eta < -3/4",))


def test_a_certificate_states_the_closed_domain_and_is_that_of_it() -> None:
    closed = scheme("-1/2", "zero", "eta", "eta", rank="rho", between=("0 <= rho",))
    found, expected = certificate(derived(GROWING)), certificate(derived(closed))
    assert found.data["scheme"] == "test, its domain closed"
    assert found.data | {"scheme": "test"} == expected.data
    assert verification(json.loads(found.text())).first_failure is None


def test_the_supremum_that_a_certificate_proves_is_that_of_the_closed_domain() -> None:
    conclusions = claimed(certificate(derived(BELOW)))
    assert "stable (every step): eta <= -3/4" in conclusions
    assert derive(BELOW).derivation.max_stable["eta"].attained is False


def test_a_document_says_what_the_domain_leaves_out() -> None:
    markdown = derive(BELOW).markdown()
    assert "a supremum that is not attained" in markdown
    assert r"\rho > 0" in derive(GROWING).markdown()

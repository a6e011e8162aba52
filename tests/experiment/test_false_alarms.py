"""Right theories are never refuted, and wrong ones always: schemes outside the catalogue, some with slow crossovers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import pytest

from gamma_calc import crosscheck
from gamma_calc.experiment.crosscheck import Checked
from gamma_calc.experiment.far_widths import settled
from gamma_calc.experiment.prediction import moved, predictions
from gamma_calc.experiment.setup import Settings
from gamma_calc.experiment.verdicts import judged
from gamma_calc.program.scheme import Scheme
from gamma_calc.simulation.verdicts import Verdict
from tests.schemes import scheme

SETTINGS = Settings(device="cpu", steps=3)
PARTS = 4
"""Tests of the schemes that are drawn, so that two processes can share them."""
WRONG = {Fraction(1, 10): "some", Fraction(-1, 10): "some", Fraction(1, 4): "every", Fraction(-1, 4): "every"}
"""Errors of a theory, and how many of its finite exponents FAIL: where a slope is off by more than the tolerance at the
trained widths, a prediction that is off by as much may be met by chance."""
SMALL, LARGE = Fraction(1, 16), Fraction(4)
"""Prefactors with which some crossover lies beyond the widths that are trained."""
SLOW = {
    "monomials of sgd": (scheme("-1/2", "-1", "-3/4", "-3/4", optimizer="sgd"), SMALL),
    "monomials of sgd, momentum": (
        scheme("zero", "0", "0", "-1", optimizer="sgd", gradient="-1/2", fan_out="1/2", momentum="-1/4"),
        LARGE,
    ),
    "terms that nearly cancel": (
        scheme("-1/2", "0", "0", "-3/2", optimizer="sgd", gradient="-1/2", scale="-1/2"),
        SMALL,
    ),
    "decay": (scheme("-1/2", "0", "-1/2", "-3/4", optimizer="sgd", gradient="-1/2", decay="-1/2"), SMALL),
}
FELT = {
    "epsilon": scheme("-1", "-2", "0", "-1", gradient="-1"),
    "epsilon and decay": scheme("-1/2", "-2", "-1/2", "-3/4", gradient="-1", decay="0"),
}


def checked(subject: Scheme, prefactor: Fraction | None = None) -> Checked:
    (found,) = crosscheck(subject, settings=replace(SETTINGS, prefactor=prefactor)).schemes
    return found


def refuted(found: Checked) -> list[str]:
    return [f"{row.quantity} t={row.t}: {row.reason}" for row in found.rows if row.verdict is Verdict.FAIL]


@pytest.mark.parametrize(("subject", "prefactor"), SLOW.values(), ids=SLOW)
def test_a_slow_crossover_is_left_to_a_population_and_wrong_theories_are_still_refuted(
    subject: Scheme, prefactor: Fraction
) -> None:
    found = checked(subject, prefactor)
    assert found.measurement is not None
    own = predictions(subject, SETTINGS.steps)
    near = judged(subject.name, own, found.measurement)
    assert any(row.verdict is Verdict.FAIL for row in near)
    assert all(row.verdict is Verdict.PASS for row in found.rows)
    far = [row.leading for row in found.rows if row.leading.far is not None]
    assert all(each.estimate in [row.leading.estimate for row in near] for each in far)
    for shift, count in WRONG.items():
        wrong = [moved(each, shift) for each in own]
        rows = settled(judged(subject.name, wrong, found.measurement), wrong, found.configuration)
        failed = [row.verdict is Verdict.FAIL for row in rows if row.leading.predicted.exponent is not None]
        assert all(failed) if count == "every" else any(failed)


@pytest.mark.parametrize("subject", FELT.values(), ids=FELT)
def test_an_epsilon_that_torch_would_feel_refutes_nothing(subject: Scheme) -> None:
    assert {row.verdict for row in checked(subject).rows} == {Verdict.PASS}


@pytest.mark.slow
def test_parts_that_tie_both_have_a_say() -> None:
    """A_0 Z and U_A Z tie: with a large k what follows A_0 would be lost in the noise of the ranks within reach."""
    tied = scheme("-1/2", "-2", "-1", "-3/4", optimizer="sign", gradient="-1/2", scale="-1/2", momentum="0", rank="1/4")
    found = checked(tied)
    assert refuted(found) == []


def drawn(count: int) -> Iterator[Scheme]:
    """Schemes with every init, rate, scale and optimiser, some with decay, momentum or a rank that grows."""
    rng = random.Random(20261125)
    for _ in range(count):
        optimizer = rng.choice(["adam", "adam", "sign", "sgd"])
        a, b = rng.choice(["zero", "-1", "-1/2", "-1/2", "0"]), rng.choice(["zero", "-2", "-1", "-1/2", "0"])
        rates = [rng.choice(["-3/2", "-1", "-3/4", "-1/2", "0"]) for _ in range(2)]
        others = {
            "gradient": rng.choice(["0", "-1", "-1/2"]),
            "scale": rng.choice(["0", "0", "-1/2"]),
            "fan_out": rng.choice(["1", "1", "1/2"]),
        }
        if rng.random() < 0.15:
            others["decay"] = rng.choice(["0", "1/2", "-1/2"])
        if rng.random() < 0.15:
            others["momentum"] = rng.choice(["0", "-1/4"])
        if rng.random() < 0.1:
            others["rank"] = "1/4"
        yield scheme("-1/2" if a == b == "zero" else a, b, *rates, optimizer=optimizer, **others)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_no_right_theory_is_refuted(part: int) -> None:
    found = [refuted(checked(subject)) for subject in [*drawn(60)][part::PARTS]]
    assert [each for each in found if each] == []

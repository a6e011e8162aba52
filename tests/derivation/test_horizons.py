"""The laws of finite horizons as a terminal shows them."""

from __future__ import annotations

import pytest

from gamma_calc.analysis.derivation import derived
from gamma_calc.derivation.horizons import MOST_WRITTEN, growth_lines, horizon_lines
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.scheme import Scheme
from tests.analysis.test_horizon import region_of
from tests.schemes import scheme

STABLE_LINES = {
    # scheme: what its law of stability prints
    "one rate": (
        CATALOGUE["init-a"].under("sgd"),
        "stable for T steps: eta <= -(2*T - 2)/(2*T - 1) (T >= 1); tends to -1, which no T attains",
    ),
    "another exponent": (
        scheme("-1/2", "zero", "eta", "eta", optimizer="sgd", scale="s"),
        "stable for T steps: eta + 2*s + k*(2*eta + 2*s + 2) <= 0 (k <= T - 1)",
    ),
    "turns": (
        scheme("-1/2", "zero", "a", "b", optimizer="sgd"),
        "stable for T steps: b + k*(a + b + 2) <= 0 (k <= T - 1)",
    ),
}


SETTLED = {
    "one rate": CATALOGUE["init-a"],
    "others beside it": scheme("p", "q", "eta", "eta"),
    "two rates": scheme("-1/2", "zero", "a", "b"),
    "gradient descent": CATALOGUE["init-b"].under("sgd"),
}


@pytest.mark.parametrize("subject", SETTLED.values(), ids=SETTLED)
def test_a_law_that_soon_asks_what_every_step_count_asks_is_not_repeated(subject: Scheme) -> None:
    found = derived(subject)
    law = found.horizons["stable"]
    assert not isinstance(law, str)
    assert region_of(law, 40) == found.bounds[("Z_B",)].inner
    assert not any(line.startswith("stable for") for line in horizon_lines(found.horizons))


@pytest.mark.parametrize(("subject", "line"), STABLE_LINES.values(), ids=STABLE_LINES)
def test_a_law_prints(subject: Scheme, line: str) -> None:
    printed = next(iter(horizon_lines(derived(subject).horizons)))
    assert printed.startswith(line)


def test_a_law_that_is_not_known_prints_nothing() -> None:
    found = derived(scheme("-1/2", "-1/2", "eta", "eta", optimizer="sgd", feedback="f"))
    assert isinstance(found.horizons["stable"], str)
    assert not [*horizon_lines(found.horizons)]


def test_a_long_law_takes_a_line_for_each_family_and_says_how_many_it_leaves_out() -> None:
    found = derived(scheme("-1/2", "zero", "eta", "eta", optimizer="sgd", momentum="m", decay="l"))
    law = found.horizons["stable"]
    assert not isinstance(law, str)
    first, *families, more = next(iter(horizon_lines(found.horizons))).split("\n")
    assert first == "stable for T steps:"
    assert len(families) == MOST_WRITTEN
    assert more == f"  and {len(law.families) - MOST_WRITTEN} more, which --json gives"


def test_growth_is_said_where_something_grows() -> None:
    assert [*growth_lines(derived(CATALOGUE["init-a"].under("sgd")).growth)] == [
        "growth per step: Z_B max(0, 2*eta + 2), Z_A max(0, eta + 1)"
    ]
    assert not [*growth_lines(derived(CATALOGUE["init-a"]).growth)]

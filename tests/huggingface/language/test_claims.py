"""The claims on made-up results: each verdict is reached, and only by its interval."""

from __future__ import annotations

import numpy as np
import pytest

from gamma_calc.experiment.claims import Outcome, positive_claim
from gamma_calc.huggingface.language.claims import claims
from gamma_calc.huggingface.language.settings import FULL
from gamma_calc.huggingface.language.study import Array, Curves, LanguageStudy

RATES = np.arange(-10.0, -3.0)
SEEDS = 3
WOBBLE = np.array([-0.05, 0.0, 0.05])


def curves(scheme: str, optimum: float, right: float = 0.8, growth: float = 1.0, start: float = 1.0) -> Curves:
    """Curves whose loss is a parabola about an optimum that differs a little from seed to seed."""
    wobble = WOBBLE if scheme == "init-a" else WOBBLE[::-1]
    loss = 0.5 + 0.02 * (RATES[:, None] - optimum - wobble) ** 2
    score = right - loss / 10 + wobble / 100
    time = np.array([0.0, 0.5, 1.0])[:, None]
    size = np.exp2(wobble[:, None, None] * time) * start * growth**time
    sizes = np.broadcast_to(size, (len(RATES), SEEDS, 3, 2))
    return Curves(
        scheme, RATES, np.full_like(loss, 2.0), loss, loss, score, score, np.array([0.0, 1.0, 2.0]), sizes, sizes
    )


def outcomes(first: Curves, second: Curves, experiment: str = "roberta") -> list[Outcome]:
    found = LanguageStudy(FULL[experiment], (), (first, second), 0.0, 1)
    return [claim.outcome for claim in claims(found)]


def test_what_the_paper_says_is_confirmed() -> None:
    first, second = curves("init-a", -5.2, 0.9, 2.0), curves("init-b", -7.1, 0.8, 2.0, 0.1)
    assert outcomes(first, second) == [Outcome.CONFIRMED] * 4


def test_its_contrary_is_refuted() -> None:
    first, second = curves("init-a", -7.1, 0.7, 0.5), curves("init-b", -5.2, 0.8, 2.0, 4.0)
    assert outcomes(first, second) == [Outcome.REFUTED] * 4


def test_no_difference_is_undecided() -> None:
    first, second = curves("init-a", -6.0), curves("init-b", -6.0)
    assert outcomes(first, second) == [Outcome.UNDECIDED] * 4


def test_perplexity_is_better_where_the_loss_is_lower() -> None:
    low, high = curves("init-a", -6.0), curves("init-b", -6.0)
    lower = low.test_loss - 0.2 + WOBBLE / 10
    better = Curves(**{**{name: getattr(low, name) for name in low.__slots__}, "test_loss": lower})
    assert outcomes(better, high, "llama")[1] is Outcome.CONFIRMED


def test_an_optimum_at_the_edge_decides_nothing() -> None:
    first, second = curves("init-a", -3.0), curves("init-b", -8.0)
    found = claims(LanguageStudy(FULL["roberta"], (), (first, second), 0.0, 1))[0]
    assert found.outcome is Outcome.UNDECIDED
    assert found.shortfall == "3 of 5 optima of init-a sit at the grid's edge"


def test_an_undecided_claim_says_what_would_decide_it() -> None:
    claim = positive_claim("", "", [np.array([-0.5, 0.5, 1.5])])
    assert claim.outcome is Outcome.UNDECIDED
    # t(K - 1) / K^(1/2) first falls below 1/2 at K = 18.
    assert claim.detail.endswith("to tell 0.5 from 0 at this spread takes about 18 seeds")


@pytest.mark.parametrize("values", [np.array([np.nan, np.nan, 1.0]), np.array([np.nan])])
def test_seeds_without_a_value_decide_nothing(values: Array) -> None:
    assert positive_claim("", "", [values]).outcome is Outcome.UNDECIDED


def test_a_diverged_run_is_neither_an_optimum_nor_the_best() -> None:
    found = curves("init-a", -6.0)
    found.validation_loss[-1] = np.nan
    found.validation_loss[0] = 3.0  # above its start
    assert [sum(each.value == "diverged" for each in row) for row in found.health] == [3, 0, 0, 0, 0, 0, 3]
    assert np.abs(found.optimum.log2_rate + 6.0 - WOBBLE).max() < 0.05
    assert RATES[found.best(is_by_share=False)] == -6.0


def test_the_best_rate_is_one_with_most_sound_runs() -> None:
    found = curves("init-a", -6.0)
    best = found.best(is_by_share=False)
    found.validation_loss[best + 1] = found.validation_loss[best] - 0.1
    assert found.best(is_by_share=False) == best + 1
    found.validation_loss[best + 1, 0] = 3.0  # above its start
    assert found.best(is_by_share=False) == best


def test_the_best_rate_is_by_share_and_then_by_loss() -> None:
    found = curves("init-a", -6.0)
    found.validation_right[:] = 0.5
    assert RATES[found.best(is_by_share=True)] == -6.0
    found.validation_right[1] = 0.6
    assert RATES[found.best(is_by_share=True)] == RATES[1]

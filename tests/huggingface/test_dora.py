"""DoRA beside LoRA: what is said of its magnitudes is derived from its module, and nothing where that is not known."""

from __future__ import annotations

from fractions import Fraction

import pytest

from gamma_calc.algebra import Affine
from gamma_calc.analysis.derivation import derived
from gamma_calc.derivation.transfer import transfer_law
from gamma_calc.errors import BadInput, Unknown
from gamma_calc.huggingface.dora import ITS_OWN_RATE, MAGNITUDE, check_dora_law, in_dora
from gamma_calc.huggingface.lint import lint
from gamma_calc.program.catalogue import CATALOGUE
from tests.schemes import scheme

CONFIG = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "use_dora": True}


@pytest.mark.parametrize("name", CATALOGUE)
def test_magnitudes_bear_no_larger_rate_than_their_own_and_hardly_learn_at_one_that_falls(name: str) -> None:
    alone = derived(CATALOGUE[name])
    at = {rate: largest.exponent for rate, largest in alone.max_stable.items() if largest.exponent is not None}
    point = CATALOGUE[name].at({rate: Affine.of(exponent) for rate, exponent in at.items()})
    eighths = (Affine.of(Fraction(number, 8)) for number in (0, 1, -1))
    own, more, less = (derived(in_dora(point, ITS_OWN_RATE + each)) for each in eighths)
    assert own.decisions["stable"].holds and less.decisions["stable"].holds and not more.decisions["stable"].holds
    assert set(own.undertrained) == set(alone.undertrained)
    assert set(less.undertrained) == {*alone.undertrained, MAGNITUDE}


def test_a_law_that_is_another_one_is_not_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    law = transfer_law("init-a")
    check_dora_law(law.scheme, law.policy, with_rank=False)
    monkeypatch.setattr("gamma_calc.huggingface.dora.in_dora", lambda scheme, rate: in_dora(CATALOGUE["init-b"], rate))
    with pytest.raises(Unknown, match="go by another law in DoRA's layers"):
        check_dora_law(law.scheme, law.policy, with_rank=False)


def test_what_a_scheme_of_doras_layers_cannot_say_is_refused() -> None:
    decaying = scheme("-1/2", "zero", "-1/2", "-1/2", decay="0")
    with pytest.raises(BadInput, match="decay: found '0', expected a scheme of A, B, eta_A, eta_B, rank"):
        in_dora(decaying, ITS_OWN_RATE)


@pytest.mark.parametrize(
    ("config", "optimizer"), [({}, "sgd"), ({"init_lora_weights": False}, "adamw")], ids=["raw", "both random"]
)
def test_lint_says_nothing_where_nothing_is_known(config: dict[str, object], optimizer: str) -> None:
    found = lint({**CONFIG, **config}, optimizer=optimizer, learning_rate=1e-4, width=1024)
    assert found.is_unknown and found.json()["linear"] is None and found.json()["rate"] is None
    assert any("where both factors start random or a step is raw" in each.text for each in found.findings)

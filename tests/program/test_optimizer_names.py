"""Optimisers by the names that trainers give them."""

from __future__ import annotations

import pytest

from gamma_calc.errors import BadInput
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.optimizers import OPTIMIZERS, named_optimizer

TRAINERS = {
    "adamw": "adamw adamw_torch adamw_torch_fused adamw_hf adamw_apex_fused adamw_8bit adamw_bnb_8bit "
    "adamw_torch_4bit adamw_torch_8bit paged_adamw paged_adamw_8bit paged_adamw_32bit AdamW AdamW8bit PagedAdamW8bit",
    "lion": "lion lion_8bit lion_32bit paged_lion_8bit Lion8bit",
    "rmsprop": "rmsprop rmsprop_bnb rmsprop_bnb_8bit RMSprop",
    "sign": "sign signsgd",
    "sgd": "sgd SGD",
    "muon": "muon Muon",
}


@pytest.mark.parametrize(("rule", "names"), TRAINERS.items(), ids=TRAINERS)
def test_a_trainers_name_is_that_of_its_rule(rule: str, names: str) -> None:
    assert {named_optimizer(name).name for name in names.split()} == {rule}


def test_every_rule_goes_by_its_own_name() -> None:
    assert [named_optimizer(name).name for name in OPTIMIZERS] == list(OPTIMIZERS)


@pytest.mark.parametrize(("name", "meant"), [("adamw_trch", "adamw_torch"), ("lino", "lion"), ("galore_adamw", "")])
def test_another_rule_is_refused_with_the_nearest_name(name: str, meant: str) -> None:
    with pytest.raises(BadInput, match=f"optimizer: found '{name}', expected one of adam, .*{meant}"):
        named_optimizer(name)


def test_an_optimiser_of_ones_own_is_sent_where_it_belongs() -> None:
    with pytest.raises(BadInput, match="of your own is given to the Scheme or the Problem"):
        CATALOGUE["init-a"].under(OPTIMIZERS["lion"])  # type: ignore[arg-type]

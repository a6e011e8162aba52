"""What the whole network predicts of each adapter: terms of a module, with the exponents that depth gives them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest
from torch import nn

from gamma_calc.errors import BadInput, Unknown
from gamma_calc.experiment.prediction import Prediction, at_largest_rate, predictions
from gamma_calc.huggingface import CoordinateLayout, coordinate_check, coordinates
from gamma_calc.huggingface.network_predictions import network_predictions
from gamma_calc.program.catalogue import CATALOGUE
from tests.huggingface.models import wrapped
from tests.schemes import scheme
from tests.tracing.models import falcon
from validation.architectures import LOSSES, family_model

ROOT = Path(__file__).resolve().parents[2]
STEPS = 3
MARGIN = 0.05
"""How far outside the interval a prediction FAILs."""
FIRST, SECOND = ("model.layers.0.self_attn.v_proj", "model.layers.1.self_attn.v_proj")


@cache
def whole(name: str) -> Mapping[str, tuple[Prediction, ...]]:
    """What the whole of a small Llama predicts of its adapters, under a scheme of the catalogue."""
    return network_predictions(family_model("llama", 64, 0), at_largest_rate(CATALOGUE[name]), STEPS)


def by_name(found: tuple[Prediction, ...]) -> Mapping[tuple[str, int], Prediction]:
    return {(each.quantity, each.t): each for each in found}


@pytest.mark.parametrize(
    "name",
    [pytest.param("init-a", marks=pytest.mark.slow), pytest.param("init-b", marks=pytest.mark.slow), "lora-plus-a"],
)
def test_what_depth_changes_of_a_module(name: str) -> None:
    """Behind the first layer A_0 Z grows from step 3 on: B in front of it has learnt through A_0."""
    chosen = at_largest_rate(CATALOGUE[name])
    alone = by_name(predictions(chosen, STEPS))
    for layer, predicted in whole(name).items():
        found = by_name(predicted)
        assert {key: set(each.terms) for key, each in found.items()} == {
            key: set(each.terms) for key, each in alone.items()
        }
        changed = {key for key, each in found.items() if each.terms != alone[key].terms and not is_bounded(each)}
        if name == "init-b" or ".0." in layer:
            assert changed == set()
            continue
        assert {t for _, t in changed} == {3}
        assert found["Z_A", 3].terms["A_0",].exponent == found["Z_A", 3].total.exponent == Fraction(1, 2)
        assert found["Z_B", 3].total.exponent == (Fraction(1, 2) if name == "lora-plus-a" else 0)
        assert alone["Z_B", 3].total.exponent == 0


def is_bounded(prediction: Prediction) -> bool:
    """Whether some exponent is only known from above."""
    return any(each.is_upper for each in prediction.terms.values())


@pytest.mark.filterwarnings("ignore:nothing is settled")
def test_a_check_takes_its_predictions_from_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coordinates, "network_predictions", lambda model, scheme, *_: whole(scheme.name))
    layout = CoordinateLayout((32,), seeds=1, steps=STEPS)

    def predicted(*, is_network: bool) -> tuple[Mapping[tuple[str, str, int], str], Mapping[tuple[str, int], str]]:
        found = coordinate_check(
            lambda width, seed: family_model("llama", width, seed),
            LOSSES["linear-readout"],
            "lora-plus-a",
            layout=layout,
            is_network=is_network,
        )
        rows = {(each["layer"], each["quantity"], each["t"]): each["predicted"] for each in found.json()["quantities"]}
        (second,) = (each for each in found.layers if each.layer == SECOND)
        return rows, {(each.part, each.t): str(each.judged.predicted) for each in second.alignments}

    (alone, apart), (network, coupled) = predicted(is_network=False), predicted(is_network=True)
    assert [apart["A_0", 3], coupled["A_0", 2], coupled["A_0", 3]] == ["1/2", "1/2", "1"]
    assert (alone[SECOND, "Z_A", 3], network[SECOND, "Z_A", 3]) == ("0", "1/2")
    assert network[FIRST, "Z_A", 3] == "0"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:nothing is settled")
def test_of_an_a_that_the_model_freezes_no_alignment_is_told() -> None:
    def frozen(width: int, seed: int) -> nn.Module:
        model = family_model("llama", width, seed)
        for name, value in model.named_parameters():
            value.requires_grad_("lora_B" in name)
        return model

    lora_fa = replace(scheme("-1/2", "zero", "0", "0"), trained={"A": False})
    layout = CoordinateLayout((32,), seeds=1, steps=1)
    found = coordinate_check(frozen, LOSSES["linear-readout"], lora_fa, layout=layout, is_network=True)
    assert [each.alignments for each in found.layers] == [()] * 4


def test_recorded_terms_that_refute_one_module_do_not_refute_the_network() -> None:
    """v_proj of the second layer of Llama under LoRA+ from Init[A], at s = 1: what A_0 does at step 3."""
    chosen = at_largest_rate(CATALOGUE["lora-plus-a"])
    network = by_name(whole(chosen.name)[SECOND])
    alone = by_name(predictions(chosen, STEPS))
    text = (ROOT / "validation/families/llama-unit-scale.json").read_text(encoding="utf-8")
    rows = [row for row in json.loads(text)["quantities"] if (row["layer"], row["scheme"]) == (SECOND, chosen.name)]
    terms = {(row["quantity"], row["t"], term["term"]): term["ci"] for row in rows for term in row["terms"]}
    for quantity, term in (("Z_B", "U_B A_0"), ("delta_2", "dB A_0"), ("Delta_Z_B", "dB A_0")):
        low, high = terms[quantity, 3, term]
        label = tuple(term.split())
        expected, refuted = (each[quantity, 3].terms[label].exponent for each in (network, alone))
        assert expected is not None and low - MARGIN <= expected <= high + MARGIN
        assert refuted is not None and refuted < low - MARGIN


@pytest.mark.parametrize(
    ("family", "first", "second"),
    [
        ("gpt2", "transformer.h.0.attn.c_attn", "transformer.h.1.attn.c_attn"),  # whose output is made in blocks
        ("roberta", "roberta.encoder.layer.0.attention.self.value", "roberta.encoder.layer.1.attention.self.value"),
    ],
)
def test_lora_plus_from_a_random_grows_in_the_second_layer_of_other_families(
    family: str, first: str, second: str
) -> None:
    found = network_predictions(family_model(family, 64, 0), at_largest_rate(CATALOGUE["lora-plus-a"]), STEPS)
    for layer, expected in ((first, Fraction(0)), (second, Fraction(1, 2))):
        predicted = by_name(found[layer])
        assert [predicted[each, 3].total.exponent for each in ("Z_A", "Z_B", "delta_2")] == [expected] * 3
        assert predicted["Z_B", 3].terms["U_B", "A_0"].exponent == expected


def test_what_has_no_predictions() -> None:
    with pytest.raises(BadInput, match="the rest is read from the model"):
        network_predictions(wrapped(), scheme("0", "zero", "-1", "0", scale="-1/2"), STEPS)
    with pytest.raises(Unknown, match="no rule for view"):
        network_predictions(falcon(), at_largest_rate(CATALOGUE["init-a"]), STEPS)

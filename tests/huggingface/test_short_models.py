"""A short model has the adapters of the layers of the deep one that have any, wherever these stand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from peft import LoraConfig
from transformers.utils.logging import disable_progress_bar, enable_progress_bar, is_progress_bar_enabled

from gamma_calc.errors import BadInput
from gamma_calc.huggingface.short_models import ShortModel, short_model
from tests.cli.test_model import LLAMA

DEPTH = 8
EVEN = {0, 2, 4, 6}
CHOICES: dict[str, tuple[dict[str, Any], int, set[str]]] = {
    # what of a configuration chooses layers, how many it chooses, and the kinds of modules
    "all": ({"target_modules": ["q_proj", "v_proj"]}, DEPTH, {"q_proj", "v_proj"}),
    "numbers": ({"target_modules": ["v_proj"], "layers_to_transform": sorted(EVEN)}, 4, {"v_proj"}),
    "last": ({"target_modules": ["v_proj"], "layers_to_transform": [6, 7]}, 2, {"v_proj"}),
    "one": ({"target_modules": ["v_proj"], "layers_to_transform": 5}, 1, {"v_proj"}),
    "expression": ({"target_modules": r".*\.layers\.[0246]\.self_attn\.(q|v)_proj"}, 4, {"q_proj", "v_proj"}),
    "all-by-expression": ({"target_modules": r".*\.(k|up)_proj"}, DEPTH, {"k_proj", "up_proj"}),
    "names": ({"target_modules": ["layers.6.mlp.down_proj", "layers.1.mlp.down_proj"]}, 2, {"down_proj"}),
    "excluded": ({"target_modules": ["v_proj"], "exclude_modules": r".*layers\.[0-3]\..*"}, 4, {"v_proj"}),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A configuration of eight layers."""
    (tmp_path / "config.json").write_text(json.dumps({**LLAMA, "num_hidden_layers": DEPTH}), encoding="utf-8")
    return tmp_path


def kinds(short: ShortModel) -> list[tuple[str, int]]:
    """The adapted modules: their last words, and the layers they stand in."""
    return sorted((name.split(".")[-1], int(name.split(".")[2])) for name in short.model.targeted_module_names)


@pytest.mark.parametrize(("chosen", "count", "words"), CHOICES.values(), ids=CHOICES)
def test_every_layer_of_a_short_model_is_adapted_as_those_of_the_deep_one(
    chosen: dict[str, Any], count: int, words: set[str], path: Path
) -> None:
    short = short_model(path, LoraConfig(**chosen), 2)
    layers = min(2, count)
    assert (short.layers, short.adapted, short.depth) == (layers, count, DEPTH)
    assert kinds(short) == sorted((word, layer) for word in words for layer in range(layers))
    assert short.model.config.num_hidden_layers == layers


def test_what_stands_in_no_layer_keeps_its_adapter(path: Path) -> None:
    short = short_model(path, LoraConfig(target_modules=r".*\.layers\.[13]\..*v_proj|lm_head"), 2)
    assert (short.layers, short.adapted) == (2, 2)
    names = [f"model.layers.{layer}.self_attn.v_proj" for layer in range(2)]
    assert sorted(short.model.targeted_module_names) == ["lm_head", *names]


def test_kinds_in_different_layers_are_no_stack(path: Path) -> None:
    apart = LoraConfig(target_modules=r".*\.(layers\.0\..*q_proj|layers\.[01]\..*v_proj)")
    with pytest.raises(BadInput, match="found 'q_proj in 1, v_proj in 2', expected the same for all"):
        short_model(path, apart, 2)


def test_replicated_layers_share_their_weights(path: Path) -> None:
    with pytest.raises(BadInput, match="layer_replication"):
        short_model(path, LoraConfig(target_modules=["v_proj"], layer_replication=[(0, 4), (2, 8)]), 2)


SMALL = {"hidden_size": 64, "num_attention_heads": 8, "num_key_value_heads": 2, "intermediate_size": 96}
OF_LAYERS = {"head_dim": 8, "hidden_size_per_layer_input": 4, "vocab_size": 19, "vocab_size_per_layer_input": 19}
TEXT: dict[str, dict[str, Any]] = {
    "one layer of its own sizes": {"model_type": "gemma4_text", "architectures": ["Gemma4ForCausalLM"], **OF_LAYERS},
    "layers that share keys": {
        "model_type": "gemma3n_text",
        "architectures": ["Gemma3nForCausalLM"],
        **OF_LAYERS,
        "num_kv_shared_layers": 3,
        "laurel_rank": 4,
    },
}


@pytest.mark.parametrize("said", TEXT.values(), ids=TEXT)
def test_what_is_said_of_later_layers_is_left_out(said: dict[str, Any], tmp_path: Path) -> None:
    place = tmp_path / "config.json"
    place.write_text(json.dumps({**SMALL, **said, "num_hidden_layers": 10}), encoding="utf-8")
    short = short_model(tmp_path, LoraConfig(target_modules=["v_proj"]), 2)
    assert kinds(short) == [("v_proj", 0), ("v_proj", 1)]
    assert len(short.model.config.layer_types) == 2


def test_the_part_that_reads_text_is_built_by_the_class_of_its_own_configuration(tmp_path: Path) -> None:
    text = {"model_type": "mllama_text_model", **SMALL, "vocab_size": 19, "num_hidden_layers": 4, "pad_token_id": 0}
    whole = {"model_type": "mllama", "architectures": ["MllamaForConditionalGeneration"], "text_config": text}
    (tmp_path / "config.json").write_text(json.dumps(whole), encoding="utf-8")
    short = short_model(tmp_path, LoraConfig(target_modules=["v_proj"]), 2)
    assert type(short.model.get_base_model()).__name__ == "MllamaForCausalLM"
    assert short.part_of == "MllamaForConditionalGeneration"


def test_layers_with_other_modules_than_the_first_are_named(path: Path, tmp_path: Path) -> None:
    assert short_model(path, None, 2).others == ()
    hybrid = {"model_type": "qwen3_5_text", "architectures": ["Qwen3_5ForCausalLM"], **SMALL, "vocab_size": 19}
    (tmp_path / "config.json").write_text(json.dumps({**hybrid, "num_hidden_layers": 8}), encoding="utf-8")
    shorts = [short_model(tmp_path, LoraConfig(target_modules=["out_proj"]), layers) for layers in (2, 4)]
    assert [each.others for each in shorts] == [(4, 8), ()]


def test_bars_that_were_off_stay_off(path: Path) -> None:
    disable_progress_bar()
    try:
        short_model(path, None, 1)
        assert not is_progress_bar_enabled()
    finally:
        enable_progress_bar()

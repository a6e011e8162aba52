"""What is loaded from a GGUF file, of one that is written here from a known model: every weight, and the tokens.

A GGUF file keeps the rows of the query and key projections in the order of another rotary embedding, and most of its
matrices in blocks of eight-bit numbers with a scale: both have to be undone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from numpy.typing import NDArray
from torch import Tensor

from gamma_calc.errors import BadInput
from gamma_calc.huggingface.language.loading import loaded_language_model
from gamma_calc.huggingface.language.model_source import model_source
from gamma_calc.huggingface.language.run import LanguageRun
from gamma_calc.huggingface.language.settings import FULL, LLAMA, LanguageTraining
from gamma_calc.huggingface.language.task import task

HEADS, WIDTH = 2, 32
MERGES = ("t h", "th e", "Ġ the")
TOKENS = ("<s>", "</s>", *"abcdefghijklmnopqrstuvwxyz", "Ġ", "Ċ", "th", "the", "Ġthe")
NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
"""The parts of a Llama's names by the words that a GGUF file has for them."""


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    task.cache_clear()
    yield
    task.cache_clear()


def llama() -> Any:
    torch.manual_seed(0)
    configuration = transformers.LlamaConfig(
        vocab_size=len(TOKENS),
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        max_position_embeddings=64,
        tie_word_embeddings=False,
    )
    model = transformers.LlamaForCausalLM(configuration)
    with torch.no_grad():
        for parameter in model.parameters():  # the norms too: at one, any two of them could be interchanged
            parameter.copy_(torch.randn(parameter.shape))
    return model


def gguf_name(name: str) -> str:
    layer = re.fullmatch(r"model\.layers\.(\d+)\.(.+)\.weight", name)
    return f"blk.{layer[1]}.{NAMES[layer[2]]}.weight" if layer else f"{NAMES[name.removesuffix('.weight')]}.weight"


def rotated(name: str, weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows in pairs (k, k + half a head) become neighbours, in the projections that a rotary embedding turns."""
    if not any(part in name for part in ("q_proj", "k_proj")):
        return weight
    return weight.reshape(HEADS, 2, -1, WIDTH).swapaxes(1, 2).reshape(weight.shape)


def written(path: Path, weights: Mapping[str, Tensor], *, is_quantised: bool) -> dict[str, NDArray[np.float32]]:
    """Write the file; returns the weights as they stand in it, by their names in the model."""
    gguf = pytest.importorskip("gguf", reason="gguf is missing: pip install gguf")
    writer = gguf.GGUFWriter(str(path), "llama")
    for name, value in {
        "context_length": 64,
        "embedding_length": WIDTH,
        "block_count": 2,
        "feed_forward_length": 2 * WIDTH,
        "head_count": HEADS,
        "head_count_kv": HEADS,
        "vocab_size": len(TOKENS),
        "layer_norm_rms_eps": 1e-6,
        "rope_dimension_count": WIDTH // HEADS,
    }.items():
        getattr(writer, f"add_{name}")(value)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(list(TOKENS))
    writer.add_token_merges(list(MERGES))
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    kept = {}
    kind = gguf.GGMLQuantizationType.Q8_0
    for name, weight in weights.items():
        kept[name] = value = weight.numpy()
        if is_quantised and weight.ndim > 1:
            packed = gguf.quants.quantize(rotated(name, value), kind)
            writer.add_tensor(gguf_name(name), packed, raw_dtype=kind)
            # A scale belongs to a block of one row, so the order of the rows does not matter to it.
            kept[name] = gguf.quants.dequantize(gguf.quants.quantize(value, kind), kind)
        else:
            writer.add_tensor(gguf_name(name), rotated(name, value))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return kept


@pytest.mark.parametrize("is_quantised", [False, True], ids=["single precision", "eight bits"])
def test_every_weight_and_token_is_the_files(is_quantised: bool, tmp_path: Path) -> None:
    model = llama()
    expected = written(tmp_path / "tiny.gguf", model.state_dict(), is_quantised=is_quantised)
    source = model_source(str(tmp_path))
    assert (source.weights, source.size) == ("tiny.gguf", (tmp_path / "tiny.gguf").stat().st_size)
    loaded = loaded_language_model(source)
    found = loaded.model.state_dict()
    assert found.keys() == expected.keys()
    for name, weight in expected.items():
        assert found[name].dtype is torch.float32
        np.testing.assert_array_equal(found[name].numpy(), weight, err_msg=name)
    assert [TOKENS[k] for k in loaded.encoded("the the", None)] == ["the", "Ġthe"]
    ids = torch.arange(6)[None]
    difference = (loaded.model(input_ids=ids).logits - model(input_ids=ids).logits).abs().max()
    assert (difference == 0) is not is_quantised


def test_it_is_adapted_and_trained(tmp_path: Path) -> None:
    written(tmp_path / "tiny.gguf", llama().state_dict(), is_quantised=True)
    (tmp_path / "a.txt").write_text("the cat and the dog sat on the mat\n" * 400, encoding="utf-8")
    training = LanguageTraining(steps=4, batch=4, length=8, rank=2, alpha=2.0)
    data, source = str(tmp_path / "a.txt"), model_source(str(tmp_path))
    plan = replace(FULL[LLAMA], data=data, training=training, held_out=8)
    run = LanguageRun(plan, source, task(plan, source).digest, "init-a", -7.0, 0)
    before, after = run.measured()["validation_loss"]
    assert np.isfinite(after) and before != after
    other = replace(source, digest="another")
    assert replace(run, source=other).parameters != run.parameters


def test_without_its_reader_one_message_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "tiny.gguf", llama().state_dict(), is_quantised=False)
    monkeypatch.setattr("transformers.modeling_gguf_pytorch_utils.is_gguf_available", lambda: False)
    with pytest.raises(BadInput, match=r"cannot load it .*install torch and gguf"):
        loaded_language_model(model_source(str(tmp_path)))


def test_two_files_are_one_too_many(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.gguf").write_bytes(b"GGUF")
    with pytest.raises(BadInput, match="2 GGUF files"):
        model_source(str(tmp_path))

"""Which families of transformers are derived, as validation/coverage/README.md: python -m validation.coverage

One layer of each family, built from a small configuration, is traced with adapters on queries and values and on every
linear layer, and derived for two steps; or it is refused, and the operation is named that has no rule.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
import transformers
from peft import LoraConfig, get_peft_model

from gamma_calc import exponents, traced
from gamma_calc.document.tables import markdown_table
from gamma_calc.files import write_all

PAGE = Path(__file__).resolve().parent / "coverage" / "README.md"
ALL_LINEAR = "all-linear"
STEPS, SCHEME, RATE = 2, "init-a", "-1/2"
SIZES = {"hidden_size": 64, "num_attention_heads": 8, "intermediate_size": 34, "vocab_size": 19, "num_hidden_layers": 1}
TOKENS = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
GROUPED = {"num_key_value_heads": 2, **TOKENS}
SEPARATE = ("q_proj", "v_proj")


@dataclass(frozen=True, slots=True)
class Model:
    """An architecture by the names that transformers gives it, and which modules are its queries and values."""

    family: str
    head: str
    attention: tuple[str, ...]
    options: Mapping[str, Any]
    is_transposed: bool = False

    def adapted(self, targets: Any) -> torch.nn.Module:
        """The model with adapters."""
        model = getattr(transformers, f"{self.family}{self.head}")
        bare = model(model.config_class(**self.options))
        config = LoraConfig(r=3, target_modules=targets, fan_in_fan_out=self.is_transposed)
        adapted: torch.nn.Module = get_peft_model(bare, config)
        return adapted

    @property
    def inputs(self) -> Mapping[str, Any] | None:
        """Pixels, where it takes no tokens."""
        takes_pixels = self.head == "ForImageClassification"
        return {"pixel_values": torch.arange(96.0).reshape(2, 3, 4, 4).sin()} if takes_pixels else None


def _causal(family: str, *attention: str, **options: Any) -> Model:
    return Model(family, "ForCausalLM", attention or SEPARATE, {**SIZES, **GROUPED, **options})


_GPT2 = {"n_embd": 64, "n_head": 8, "n_layer": 1, "vocab_size": 19, "bos_token_id": 0, "eos_token_id": 0}
_OPT = {**{key: each for key, each in SIZES.items() if key != "intermediate_size"}, "ffn_dim": 34}
_T5 = {"d_model": 64, "d_kv": 14, "num_heads": 6, "d_ff": 34, "vocab_size": 19, "num_layers": 1}
_IMAGES = {**SIZES, "image_size": 4, "patch_size": 2}
_BART = {"d_model": 64, "vocab_size": 19} | {
    f"{side}_{name}": value
    for side in ("encoder", "decoder")
    for name, value in (("layers", 1), ("attention_heads", 8), ("ffn_dim", 34))
}
_DISTILBERT = {"dim": 64, "n_heads": 8, "n_layers": 1, "hidden_dim": 34, "vocab_size": 19}
_EXPERTS = {"num_experts_per_tok": 2, "moe_intermediate_size": 14, "num_experts": 5}
_MARKS = {"cls_token_id": 0, "sep_token_id": 0}
_OF_LAYERS: Mapping[str, Any] = {
    **{"head_dim": 14, "layer_types": ["full_attention"]},
    **{"hidden_size_per_layer_input": 6, "vocab_size_per_layer_input": 19},
}
_LATENT = {
    **{"q_lora_rank": 12, "kv_lora_rank": 10, "num_key_value_heads": 8, "first_k_dense_replace": 0, "n_group": 2},
    **{"topk_group": 1, "n_routed_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 14},
}
_RELATIVE = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "norm_rel_ebd": "layer_norm"}
MODELS: Mapping[str, Model] = MappingProxyType(
    {
        "Llama": _causal("Llama"),
        "Qwen2": _causal("Qwen2"),
        "Qwen3": _causal("Qwen3", head_dim=14),
        "Gemma 2": _causal("Gemma2", head_dim=14),
        "Mistral": _causal("Mistral"),
        "Phi-3": _causal("Phi3", "qkv_proj"),
        "GPT-2": Model("GPT2", "LMHeadModel", ("c_attn",), _GPT2, is_transposed=True),
        "GPT-NeoX": Model("GPTNeoX", "ForCausalLM", ("query_key_value",), {**SIZES, **TOKENS}),
        "GPT-J": Model("GPTJ", "ForCausalLM", ("q_proj", "v_proj"), {**SIZES, **TOKENS, "rotary_dim": 4}),
        "OPT": Model("OPT", "ForCausalLM", SEPARATE, {**_OPT, "word_embed_proj_dim": 64}),
        "RoBERTa": Model("Roberta", "ForMaskedLM", ("query", "value"), SIZES),
        "T5": Model("T5", "ForConditionalGeneration", ("q", "v"), _T5),
        "ViT": Model("ViT", "ForImageClassification", SEPARATE, _IMAGES),
        "DINOv2": Model("Dinov2", "ForImageClassification", SEPARATE, _IMAGES),
        "Mixtral": _causal("Mixtral", num_local_experts=5),
        "Qwen2-MoE": _causal("Qwen2Moe", shared_expert_intermediate_size=22, **_EXPERTS),
        "Qwen3-MoE": _causal("Qwen3Moe", **_EXPERTS),
        "OLMoE": _causal("Olmoe", num_experts=5, num_experts_per_tok=2),
        "Granite-MoE": _causal("GraniteMoe", num_local_experts=5, num_experts_per_tok=2),
        "Nemotron": _causal("Nemotron"),
        "BLOOM": _causal("Bloom", "query_key_value"),
        "BART": Model("Bart", "ForConditionalGeneration", SEPARATE, {**_BART, **TOKENS}),
        "DistilBERT": Model("DistilBert", "ForMaskedLM", ("q_lin", "v_lin"), _DISTILBERT),
        "ESM": Model("Esm", "ForMaskedLM", ("query", "value"), {**SIZES, "pad_token_id": 0}),
        "GPT-OSS": _causal("GptOss", num_local_experts=5, layer_types=["full_attention"], head_dim=8),
        "DeBERTa-v3": Model("DebertaV2", "ForMaskedLM", ("query_proj", "value_proj"), {**SIZES, **_RELATIVE}),
        "ModernBERT": Model("ModernBert", "ForMaskedLM", ("Wqkv",), {**SIZES, **TOKENS, **_MARKS}),
        "Gemma 4": _causal("Gemma4", **_OF_LAYERS),
        "DeepSeek-V3": _causal("DeepseekV3", "q_b_proj", "kv_b_proj", **_LATENT),
        "Qwen3.5": _causal("Qwen3_5", "in_proj_qkv", layer_types=["linear_attention"]),
        "Falcon": _causal("Falcon", "query_key_value"),
    }
)


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a model: its adapters, operations of ATen and exponents; or the operations without a rule."""

    adapters: int
    operations: int
    features: tuple[str, str]
    unknown: tuple[str, ...]

    @property
    def cells(self) -> list[str]:
        """The same as cells of the table."""
        said = "derived" if not self.unknown else f"refused: {', '.join(f'`{each}`' for each in self.unknown[:2])}"
        return [said, str(self.adapters), str(self.operations), *self.features]


def covered(model: Model, targets: Any) -> Found:
    """Trace and derive a model with adapters on some modules."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of deprecated names in transformers
        found = traced(model.adapted(targets), model.inputs, scheme=SCHEME)
    unknown = tuple(dict.fromkeys(each.operation for each in found.unknown))
    features = ("", "")
    if found.problem is not None:
        sizes = exponents(found.problem, steps=STEPS, at={"eta": RATE})[STEPS].sizes
        kinds = [{str(size) for name, size in sizes.items() if name.startswith(start)} for start in ("Z_A", "Z_B")]
        features = (", ".join(sorted(kinds[0])), ", ".join(sorted(kinds[1])))
    return Found(len(found.layers), sum(found.operations.values()), features, unknown)


HEAD = f"""# Families that are derived

Written by `python -m validation.coverage`, and compared with what that writes by a slow test. One layer of each family,
built from a small configuration, with adapters on queries and values (the fused projection where they are one) and on
every linear layer but the readout, as PEFT's `all-linear` has it (in a mixture the router and the experts too): traced,
and derived for {STEPS} steps of Init[A] at n^({RATE}) under Adam. The last columns are the exponents that Z_A and Z_B
have then, over all adapters. Which experts a token takes is held as at the start. What is refused is named by
the first two operations without a rule. How many operations there are goes by torch, which writes a forward pass out as
a list of them: these are of torch 2.13, and the test leaves their number out.

"""


def page() -> str:
    """The page: two lines a family."""
    rows = [["family", "adapters on", "", "adapters", "operations", "Z_A", "Z_B"], *chain(*map(rows_of, MODELS))]
    return f"{HEAD}{markdown_table(rows)}\n"


def rows_of(name: str) -> Iterator[list[str]]:
    """The two lines of a family."""
    model = MODELS[name]
    yield [name, ", ".join(model.attention), *covered(model, list(model.attention)).cells]
    yield [name, ALL_LINEAR, *covered(model, ALL_LINEAR).cells]


def main() -> int:
    """Write the page."""
    write_all({PAGE: page()})
    return 0


if __name__ == "__main__":
    sys.exit(main())

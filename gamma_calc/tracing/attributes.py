"""What configurations of transformers call the sizes of a model."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "hidden": ("hidden_size", "n_embd", "d_model"),
    "heads": (
        *("num_attention_heads", "n_head", "num_heads", "encoder_attention_heads", "decoder_attention_heads"),
        *("linear_num_key_heads", "linear_num_value_heads"),
    ),
    "kv_heads": ("num_key_value_heads", "num_kv_heads"),
    "head": (
        *("head_dim", "d_kv", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim"),
        *("linear_key_head_dim", "linear_value_head_dim"),
    ),
    "intermediate": (
        *("intermediate_size", "n_inner", "ffn_dim", "d_ff", "encoder_ffn_dim", "decoder_ffn_dim"),
        *("hidden_dim", "dim_ff", "ffn_hidden_size"),
    ),
    "moe_intermediate": ("moe_intermediate_size",),
    "shared_intermediate": ("shared_expert_intermediate_size", "shared_intermediate_size"),
    "vocabulary": ("vocab_size", "vocab_size_per_layer_input"),
    "experts": ("num_local_experts", "num_experts"),
    "layers": (
        *("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers", "decoder_layers"),
        *("num_encoder_layers", "num_decoder_layers", "num_layers_per_stack"),
    ),
}
"""What configurations call each kind of size."""
SAME_AS_HIDDEN = ("word_embed_proj_dim", "pooler_hidden_size")
"""Sizes that are the hidden one's in most models."""
SCAN_RANK, SCAN_SHARE = ("time_step_rank", "mamba_dt_rank"), 16
"""The rank of a Mamba's time steps, and by itself which part of the hidden size."""


def growing_ranks(config: Any, hidden: int) -> list[str]:
    """What a configuration calls a rank of time steps that grows, since it is what it is by itself, rounded up."""
    return [name for name in SCAN_RANK if getattr(config, name, None) == ceil(hidden / SCAN_SHARE)]

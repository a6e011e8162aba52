"""Tiny models of several families, with adapters; built offline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import transformers as hf
from peft import LoraConfig, get_peft_model
from torch import nn

SIZES = {"hidden_size": 64, "num_attention_heads": 8, "intermediate_size": 34, "vocab_size": 19}


def adapted(model: nn.Module, *targets: str, **options: Any) -> nn.Module:
    """The model with LoRA on some modules."""
    every: Any = targets[0] if targets == ("all-linear",) else list(targets)
    return get_peft_model(model, LoraConfig(r=3, target_modules=every, **options))  # type: ignore[arg-type]


def llama(layers: int = 1, *targets: str, **options: Any) -> nn.Module:
    """Llama with grouped keys and values."""
    config = hf.LlamaConfig(num_key_value_heads=2, num_hidden_layers=layers, **SIZES)
    return adapted(hf.LlamaForCausalLM(config), *targets, **options)


def gpt2(layers: int = 1, *targets: str) -> nn.Module:
    """GPT-2: fused projections as Conv1D, learned positions, a tied readout."""
    config = hf.GPT2Config(
        n_embd=64, n_head=8, vocab_size=19, n_layer=layers, bos_token_id=0, eos_token_id=0, activation_function="gelu"
    )
    return adapted(hf.GPT2LMHeadModel(config), *targets, fan_in_fan_out=True)


def roberta(layers: int = 1, *targets: str) -> nn.Module:
    """RoBERTa: layer norms behind the sums, biases."""
    return adapted(hf.RobertaForMaskedLM(hf.RobertaConfig(num_hidden_layers=layers, **SIZES)), *targets)


def _of(
    family: str, head: str, *targets: str, parameters: Sequence[str] = (), **options: Any
) -> Callable[[], nn.Module]:
    """One layer of a family of transformers, by the names of its configuration and its model."""

    def build() -> nn.Module:
        model = getattr(hf, f"{family}{head}")
        config = model.config_class(num_hidden_layers=1, **{**SIZES, **options})
        return adapted(model(config), *targets, target_parameters=[*parameters] or None)

    return build


def t5() -> nn.Module:
    """An encoder and a decoder, with biases by relative position."""
    config = hf.T5Config(d_model=64, d_kv=14, num_heads=6, d_ff=34, vocab_size=19, num_layers=1)
    return adapted(hf.T5ForConditionalGeneration(config), "q", "v")


def opt() -> nn.Module:
    """Learned positions behind an offset, ReLU."""
    sizes = {key: value for key, value in SIZES.items() if key != "intermediate_size"}
    config = hf.OPTConfig(num_hidden_layers=1, ffn_dim=34, word_embed_proj_dim=64, **sizes)
    return adapted(hf.OPTForCausalLM(config), "q_proj", "v_proj")


TOKENS = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
GROUPED = {"num_key_value_heads": 2, **TOKENS}
ENDS = {
    f"{end}_{name}": value
    for end in ("encoder", "decoder")
    for name, value in (("ffn_dim", 34), ("attention_heads", 8))
}
MIXTURE: Mapping[str, Any] = {"parameters": ("gate.weight", "experts.gate_up_proj", "experts.down_proj")}
FEW = {"num_experts": 5, "num_experts_per_tok": 2, **GROUPED}
DEBERTA: Mapping[str, Any] = {
    "relative_attention": True,
    "pos_att_type": ["p2c", "c2p"],
    "position_buckets": 8,
    "share_att_key": True,
    "norm_rel_ebd": "layer_norm",
    "position_biased_input": False,
}
MODELS: Mapping[str, Callable[[], nn.Module]] = {
    "llama q v": lambda: llama(1, "q_proj", "v_proj"),
    "llama all-linear": lambda: llama(1, "all-linear"),
    "llama dora": lambda: llama(1, "v_proj", "down_proj", use_dora=True, lora_alpha=6),
    "llama, a classifier": _of("Llama", "ForSequenceClassification", "q_proj", "v_proj", **GROUPED),
    "gpt2": lambda: gpt2(1, "c_attn", "c_fc", "c_proj"),
    "roberta": lambda: roberta(1, "query", "value"),
    "llama, a reward": _of("Llama", "ForSequenceClassification", "q_proj", "v_proj", num_labels=1, **GROUPED),
    "deberta-v3": _of("DebertaV2", "ForSequenceClassification", "query_proj", "key_proj", **DEBERTA, **TOKENS),
    "bert, a classifier": _of("Bert", "ForSequenceClassification", "query", "value"),
    "qwen2": _of("Qwen2", "ForCausalLM", "q_proj", "v_proj", **GROUPED),
    "qwen3": _of("Qwen3", "ForCausalLM", "q_proj", "v_proj", head_dim=14, **GROUPED),
    "gemma2": _of("Gemma2", "ForCausalLM", "q_proj", "v_proj", head_dim=14, **GROUPED),
    "mistral": _of("Mistral", "ForCausalLM", "q_proj", "v_proj", **GROUPED),
    "glm": _of("Glm", "ForCausalLM", "q_proj", "v_proj", head_dim=8, partial_rotary_factor=0.5, **GROUPED),
    "phi3": _of("Phi3", "ForCausalLM", "qkv_proj", "gate_up_proj", **GROUPED),
    "gpt-neox": _of("GPTNeoX", "ForCausalLM", "query_key_value", bos_token_id=0, eos_token_id=0),
    "gpt-j": _of(
        "GPTJ", "ForCausalLM", "q_proj", "fc_in", num_attention_heads=2, rotary_dim=16, bos_token_id=0, eos_token_id=0
    ),
    "opt": opt,
    "t5": t5,
    "modernbert": _of("ModernBert", "ForMaskedLM", "Wqkv", cls_token_id=0, sep_token_id=0, **TOKENS),
    "mixtral": _of("Mixtral", "ForCausalLM", "q_proj", "v_proj", num_local_experts=5, **GROUPED),
    "mixtral, its mixture": _of("Mixtral", "ForCausalLM", "v_proj", num_local_experts=5, **MIXTURE, **GROUPED),
    "qwen2-moe": _of(
        "Qwen2Moe", "ForCausalLM", "q_proj", shared_expert_intermediate_size=22, moe_intermediate_size=14, **FEW
    ),
    "qwen3-moe": _of("Qwen3Moe", "ForCausalLM", "q_proj", moe_intermediate_size=14, **MIXTURE, **FEW),
    "olmoe": _of("Olmoe", "ForCausalLM", "q_proj", **FEW),
    "granite-moe": _of("GraniteMoe", "ForCausalLM", "q_proj", num_local_experts=5, num_experts_per_tok=2, **GROUPED),
    "gpt-oss": _of(
        "GptOss",
        "ForCausalLM",
        "q_proj",
        "v_proj",
        parameters=("experts.gate_up_proj", "experts.down_proj"),
        num_local_experts=5,
        head_dim=8,
        layer_types=["full_attention"],
        **GROUPED,
    ),
    "nemotron": _of("Nemotron", "ForCausalLM", "v_proj", "up_proj", **GROUPED),
    "bloom": _of("Bloom", "ForCausalLM", "query_key_value", "dense_h_to_4h", **TOKENS),
    "bart": _of(
        "Bart",
        "ForConditionalGeneration",
        "q_proj",
        "v_proj",
        "fc1",
        encoder_layers=1,
        decoder_layers=1,
        d_model=64,
        **ENDS,
        **TOKENS,
    ),
    "qwen3.5": _of(
        "Qwen3_5", "ForCausalLM", "in_proj_qkv", "in_proj_a", "out_proj", layer_types=["linear_attention"], **GROUPED
    ),
    "deepseek-v3": _of(
        "DeepseekV3",
        "ForCausalLM",
        "q_b_proj",
        "kv_a_proj_with_mqa",
        "kv_b_proj",
        parameters=("experts.gate_up_proj", "experts.down_proj"),
        q_lora_rank=12,
        kv_lora_rank=10,
        num_key_value_heads=8,
        first_k_dense_replace=0,
        moe_intermediate_size=14,
        n_routed_experts=6,
        num_experts_per_tok=2,
        n_group=2,
        topk_group=1,
        **TOKENS,
    ),
    "deepseek-v2": _of(
        "DeepseekV2",
        "ForCausalLM",
        "q_proj",
        "kv_a_proj_with_mqa",
        q_lora_rank=None,
        kv_lora_rank=10,
        num_key_value_heads=8,
        num_experts_per_tok=2,
        n_routed_experts=6,
        moe_intermediate_size=14,
        **TOKENS,
    ),
    "llama4": _of(
        "Llama4",
        "ForCausalLM",
        "q_proj",
        "v_proj",
        head_dim=8,
        num_local_experts=5,
        intermediate_size_mlp=34,
        interleave_moe_layer_step=1,
        **GROUPED,
    ),
    "jamba": _of("Jamba", "ForCausalLM", "in_proj", "x_proj", num_experts=1, use_mamba_kernels=False, **GROUPED),
    "mamba": _of("Mamba", "ForCausalLM", "in_proj", "x_proj", state_size=6),
    "mamba2": _of("Mamba2", "ForCausalLM", "in_proj", num_heads=16, head_dim=8, state_size=6, n_groups=1),
    "helium": _of("Helium", "ForCausalLM", "q_proj", "o_proj", head_dim=8, **GROUPED),
    "falcon": _of("Falcon", "ForCausalLM", "query_key_value", "dense", bos_token_id=0, eos_token_id=0),
    "falcon-h1": _of(
        "FalconH1",
        "ForCausalLM",
        "q_proj",
        "in_proj",
        head_dim=8,
        mamba_d_ssm=64,
        mamba_n_heads=8,
        mamba_d_head=8,
        mamba_d_state=6,
        **GROUPED,
    ),
    "nemotron-h": _of(
        "NemotronH",
        "ForCausalLM",
        "in_proj",
        layers_block_type=["mamba"],
        mamba_num_heads=8,
        mamba_head_dim=8,
        ssm_state_size=6,
        n_groups=2,
        **GROUPED,
    ),
    "granite hybrid": _of(
        "GraniteMoeHybrid",
        "ForCausalLM",
        "in_proj",
        layer_types=["mamba"],
        mamba_n_heads=8,
        mamba_d_head=16,
        mamba_d_state=6,
        num_local_experts=5,
        num_experts_per_tok=2,
        **GROUPED,
    ),
    "gemma4": _of(
        "Gemma4",
        "ForCausalLM",
        "q_proj",
        "per_layer_input_gate",
        head_dim=14,
        vocab_size_per_layer_input=19,
        hidden_size_per_layer_input=6,
        layer_types=["full_attention"],
        **GROUPED,
    ),
    "qwen3-next": _of(
        "Qwen3Next",
        "ForCausalLM",
        "in_proj_qkvz",
        "out_proj",
        layer_types=["linear_attention"],
        mlp_only_layers=[0],
        num_experts=5,
        **GROUPED,
    ),
    "mimo-v2": _of("MiMoV2Flash", "ForCausalLM", "q_proj", "v_proj", "up_proj", head_dim=18, v_head_dim=12, **GROUPED),
    "vit": _of("ViT", "ForImageClassification", "q_proj", "v_proj", image_size=4, patch_size=2),
}
"""Models that are traced."""
falcon = _of("Falcon", "ForCausalLM", "query_key_value", new_decoder_architecture=True, **GROUPED)
"""A model that takes every fifth head of a fused projection, which no rule translates."""
FAST = ("llama dora", "llama all-linear", "llama, a classifier", "gpt2", "gemma2", "mixtral, its mixture")
INPUTS_OF = {"vit": {"pixel_values": torch.arange(96.0).reshape(2, 3, 4, 4).sin()}}
"""What those that read no tokens are called with."""

"""Tiny models of several families, with adapters; built offline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

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


MODELS: Mapping[str, Callable[[], nn.Module]] = {
    "llama q v": lambda: llama(1, "q_proj", "v_proj"),
    "llama all-linear": lambda: llama(1, "all-linear"),
    "gpt2": lambda: gpt2(1, "c_attn", "c_fc", "c_proj"),
    "roberta": lambda: roberta(1, "query", "value"),
}

"""Tiny models, each made from a configuration: nothing is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor, nn
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
    RobertaConfig,
)
from transformers import RobertaForSequenceClassification as Classifier

VOCABULARY = 32
IDS = torch.arange(8).reshape(2, 4) % VOCABULARY


def llama(width: int = 16) -> LlamaForCausalLM:
    torch.manual_seed(0)
    configuration = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=16,
    )
    return LlamaForCausalLM(configuration)


def gpt2(width: int = 16) -> GPT2LMHeadModel:
    torch.manual_seed(0)
    return GPT2LMHeadModel(GPT2Config(vocab_size=VOCABULARY, n_positions=16, n_embd=width, n_layer=1, n_head=2))


def classifier(width: int = 16) -> Classifier:
    torch.manual_seed(0)
    configuration = RobertaConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        intermediate_size=width,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=16,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    return Classifier(configuration)


def mixture(width: int = 16) -> MixtralForCausalLM:
    """Four experts of inner width 4n, of which each token takes two."""
    torch.manual_seed(0)
    configuration = MixtralConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        num_local_experts=4,
        max_position_embeddings=16,
    )
    return MixtralForCausalLM(configuration)


def wrapped(base: nn.Module | None = None, targets: Any = ("q_proj", "v_proj"), **options: Any) -> PeftModel:
    """The model with LoRA of rank 4 and scale 1 on the target layers, unless the options say otherwise."""
    chosen = {"r": 4, "lora_alpha": 4, "target_modules": targets, **options}
    if not isinstance(targets, str):
        chosen["target_modules"] = list(targets)
    return get_peft_model(llama() if base is None else base, LoraConfig(**chosen))


AROUND: Mapping[str, Callable[[nn.Module], nn.Module]] = {
    "data-parallel": nn.DataParallel,
    "outer": lambda model: nn.ModuleDict({"inner": model}),
}
"""Modules that hold a model."""


def logits(model: nn.Module) -> Tensor:
    with torch.no_grad():
        return model.eval()(input_ids=IDS).logits

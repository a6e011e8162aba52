"""Width families of real architectures, made from their configurations so that features keep their size at any width.

Every linear weight is N(0, 1/n) at model width n, that of a convolution over k tokens N(0, 1/k), and embeddings are
N(0, 1): with the architectures' own norms, the input of each attention projection has entries Theta(1). Hugging Face's
own default, one standard deviation for every width, has no such limit. The head size, the number of layers, the
vocabulary and the batch are fixed; the number of heads and the inner width of the MLP grow with n.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pydoc_data.topics import topics
from types import MappingProxyType
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor, nn
from transformers import (
    GPT2LMHeadModel,
    LlamaForCausalLM,
    MambaForCausalLM,
    MixtralForCausalLM,
    OPTForCausalLM,
    Qwen3_5ForCausalLM,
    Qwen3ForCausalLM,
    RobertaForSequenceClassification,
)
from transformers.pytorch_utils import Conv1D

from gamma_calc.errors import BadInput
from gamma_calc.huggingface.layers import configuration_at

HEAD = 16
VOCABULARY = 128
"""The bytes of ASCII text."""

LABELS = 4
EXPERTS = 4
"""Of which each token takes two."""
SEQUENCES, LENGTH = 1, 4
"""The batch: an aligned sum over n terms stands clear of its noise where n is large against the number of positions."""

DISTINCT = 4

PRETRAINING_RATE = 1 / 8
PRETRAINING_SEQUENCES = 16
PRETRAINING_SEED = 2**20
"""Above every seed of a check, so that no batch of pretraining is one of the check's."""


@dataclass(frozen=True, slots=True)
class FamilyShape:
    """The sizes of a family that do not grow, and the steps of training on text before adapters are put on.

    `is_all_linear`: adapters on every linear layer but the last, in place of those on queries and values.
    """

    rank: int = 8
    layers: int = 2
    sequences: int = SEQUENCES
    length: int = LENGTH
    scale: float = 1.0
    pretraining: int = 0
    is_all_linear: bool = False


@dataclass(frozen=True, slots=True)
class Family:
    """An architecture: the class of its models, their linear layers with adapters and without, and a configuration.

    That is of a model as wide as one head, without the positions of a batch. `adapted` says what the first are.
    """

    model: Any
    targets: tuple[str, ...]
    others: tuple[str, ...]
    said: Mapping[str, Any]
    adapted: str = "query, value"


QUERY_VALUE = ("q_proj", "v_proj")
INPUT_SCAN = ("in_proj", "x_proj")
"""Of a Mamba those that PEFT can adapt, but for the matrix that makes time steps of a product of x_proj."""
GATED = ("k_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
ONE_HEAD = {"hidden_size": HEAD, "num_attention_heads": 1, "vocab_size": VOCABULARY, "max_position_embeddings": 0}
ROTARY = {"intermediate_size": HEAD, "num_key_value_heads": 1, "head_dim": HEAD, "use_cache": False}
SPARSE = {"num_local_experts": EXPERTS, "num_experts_per_tok": 2, **ROTARY}
OF_RECURRENCE = ("in_proj_a", "in_proj_b", "in_proj_z", "out_proj")
RECURRENT = {
    **ROTARY,
    **{"num_hidden_layers": 2, "layer_types": ["linear_attention", "full_attention"]},
    **dict.fromkeys(("linear_num_key_heads", "linear_num_value_heads"), 1),
    **dict.fromkeys(("linear_key_head_dim", "linear_value_head_dim"), HEAD),
}
UNTIED = {"tie_word_embeddings": False, "use_cache": False}  # a table of N(0, 1) is no readout of N(0, 1/n)
SCAN = {"state_size": HEAD, "time_step_rank": 1, **UNTIED}
GPT2 = {
    "n_inner": HEAD,
    **dict.fromkeys(("embd_pdrop", "attn_pdrop", "resid_pdrop"), 0.0),
    **dict.fromkeys(("bos_token_id", "eos_token_id"), 0),  # its own lie beyond the vocabulary
    **UNTIED,
}
OPT = {"ffn_dim": HEAD, "word_embed_proj_dim": HEAD, "dropout": 0.0, **UNTIED}
ROBERTA = {
    "intermediate_size": HEAD,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "num_labels": LABELS,
    "max_position_embeddings": 2,  # it counts positions from 2
}
FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "llama": Family(LlamaForCausalLM, QUERY_VALUE, GATED, ROTARY),
        "qwen3": Family(Qwen3ForCausalLM, QUERY_VALUE, GATED, ROTARY),
        "qwen3.5": Family(Qwen3_5ForCausalLM, (*QUERY_VALUE, "in_proj_qkv"), (*GATED, *OF_RECURRENCE), RECURRENT),
        "mamba": Family(MambaForCausalLM, INPUT_SCAN, (), SCAN, "input, scan"),
        "mixtral": Family(MixtralForCausalLM, QUERY_VALUE, ("k_proj", "o_proj"), SPARSE),
        "gpt2": Family(GPT2LMHeadModel, ("c_attn",), ("c_fc", "c_proj"), GPT2),
        "opt": Family(OPTForCausalLM, QUERY_VALUE, ("k_proj", "out_proj", "fc1", "fc2"), OPT),
        "roberta": Family(RobertaForSequenceClassification, ("query", "value"), ("key", "dense"), ROBERTA),
    }
)


def adapted_layers(name: str, shape: FamilyShape) -> str:
    """Which layers of a family have adapters, as tables say it."""
    return "all linear" if shape.is_all_linear else FAMILIES[name].adapted


def base_model(family: Family, width: int, shape: FamilyShape) -> nn.Module:
    """A model of a width without adapters."""
    kind = family.model.config_class.model_type
    found: Any = configuration_at(json.dumps({"model_type": kind, **ONE_HEAD, **family.said}), width, shape.layers)
    found.max_position_embeddings += shape.length
    found.initializer_range = found.init_std = 1 / math.sqrt(width)  # OPT has the second name
    model: nn.Module = family.model(found)
    return model


def family_model(name: str, width: int, seed: int, shape: FamilyShape | None = None) -> PeftModel:
    """A model of a family with LoRA adapters on its query and value projections, or on every linear layer.

    Raises:
        BadInput: there is no such family, or the width is no multiple of the head size.
    """
    shape = shape or FamilyShape()
    if name not in FAMILIES:
        raise BadInput("family", found=name, expected=f"one of {', '.join(FAMILIES)}", choices=FAMILIES)
    if width < HEAD or width % HEAD:
        raise BadInput("width", found=str(width), expected=f"a multiple of the head size {HEAD}")
    family = FAMILIES[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_mixed(seed, width))
        base = base_model(family, width, shape)
        for module in base.modules():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight)
            if isinstance(module, nn.Conv1d):  # of a few tokens, and of one feature each
                nn.init.normal_(module.weight, std=module.kernel_size[0] ** -0.5)
        _pretrain_(base, width, seed, shape)
        targets = [*family.targets, *(family.others if shape.is_all_linear else ())]
        is_transposed = any(isinstance(module, Conv1D) for module in base.modules())
        alpha: Any = shape.scale * shape.rank
        chosen = LoraConfig(r=shape.rank, lora_alpha=alpha, target_modules=targets, fan_in_fan_out=is_transposed)
        return get_peft_model(base, chosen)


def _pretrain_(model: nn.Module, width: int, seed: int, shape: FamilyShape) -> None:
    """Train the matrices for some steps of text, so that they are no longer independent of each other and of the data.

    Adam at a rate of k/n moves features by Theta(1) at every width. Embeddings, biases and norms stay as they are.
    """
    inside = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}
    matrices = [each for each in model.parameters() if each.ndim > 1 and id(each) not in inside]
    optimizer = torch.optim.Adam(matrices, lr=PRETRAINING_RATE / width)
    batch = replace(shape, sequences=PRETRAINING_SEQUENCES)
    for step in range(shape.pretraining):
        model.zero_grad()
        loss = cross_entropy(model, PRETRAINING_SEED + shape.pretraining * seed + step, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    model.zero_grad()


def _mixed(seed: int, width: int) -> int:
    """A seed for each pair, by Cantor's pairing: widths are independent samples."""
    return (seed + width) * (seed + width + 1) // 2 + width


def text_batch(seed: int, shape: FamilyShape | None = None) -> Tensor:
    """Bytes of English text (Python's own documentation), the same at every width.

    A sequence that repeats one byte, as rules in a text do, would give a query no gradient: none has fewer than
    `DISTINCT` different bytes (or its length, if that is less).

    Shapes: returns [sequences, length].
    """
    shape = shape or FamilyShape()
    generator = torch.Generator().manual_seed(seed)
    found: list[Tensor] = []
    while len(found) < shape.sequences:
        start = int(torch.randint(len(_text()) - shape.length, (), generator=generator))
        window = _text()[start : start + shape.length]
        if len(set(window.tolist())) >= min(DISTINCT, shape.length):
            found.append(window)
    return torch.stack(found)


@cache
def _text() -> Tensor:
    return torch.tensor(list("".join(topics.values()).encode("ascii", "replace")), dtype=torch.long)


def linear_readout(model: nn.Module, seed: int, shape: FamilyShape | None = None) -> Tensor:
    """The reference loss: a fixed random direction on the logits, whose derivative never changes sign.

    It is divided by the adapters' scale, so that their gradients clear an optimiser's epsilon whatever the scale is.
    """
    shape = shape or FamilyShape()
    logits = model(input_ids=text_batch(seed, shape)).logits
    generator = torch.Generator().manual_seed(seed)
    direction = torch.randn(logits.shape, generator=generator).to(logits)
    readout: Tensor = (logits * direction).sum()
    return readout / shape.scale


def cross_entropy(model: nn.Module, seed: int, shape: FamilyShape | None = None) -> Tensor:
    """The loss of training, summed over positions: the next byte, or for a classifier a label drawn by the seed.

    It is divided by the adapters' scale as `linear_readout` is.
    """
    shape = shape or FamilyShape()
    ids = text_batch(seed, shape)
    logits = model(input_ids=ids).logits
    if logits.ndim == 2:
        labels = torch.randint(LABELS, (len(ids),), generator=torch.Generator().manual_seed(seed))
    else:
        logits, labels = logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten()
    return nn.functional.cross_entropy(logits, labels, reduction="sum") / shape.scale


LOSSES: Mapping[str, Callable[[nn.Module, int, FamilyShape | None], Tensor]] = MappingProxyType(
    {"linear-readout": linear_readout, "cross-entropy": cross_entropy}
)

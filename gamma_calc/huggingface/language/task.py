"""A model and its data as batches, ready to be adapted again and again, and how much memory a run of it takes.

That is estimated from sizes alone, before anything is read, built or loaded. The estimate errs low, so that it refuses
nothing that would run; sizes that fit no machine are off by far more.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from gamma_calc.errors import BadInput, one_line
from gamma_calc.files import file_content
from gamma_calc.huggingface.adapters import check_ranks
from gamma_calc.huggingface.language.data import labelled_texts, running_text
from gamma_calc.huggingface.language.loading import (
    Encoding,
    built_classifier,
    built_language_model,
    loaded_classifier,
    loaded_language_model,
)
from gamma_calc.huggingface.language.model_source import CONFIGURATION, ModelSource
from gamma_calc.huggingface.language.settings import LLAMA, ROBERTA, LanguageTraining, Plan
from gamma_calc.huggingface.language.texts import MORE_LINES, RunningText, parted_examples, parted_text
from gamma_calc.huggingface.layers import LARGEST_CONFIGURATION, layer_words, left_out
from gamma_calc.tracing.attributes import ATTRIBUTES

EVALUATED = 16
"""Examples or blocks that are judged at once."""

PROBED = 8
"""Examples or blocks on which the sizes of the features are looked at."""

PRETRAINED = 2
"""A built language model sees one half of the training text before it is adapted to the other."""

NAME = re.compile(r"[\w.]*")
"""What modules are called; another target is PEFT's word for all linear layers, or a regular expression."""

Batch = dict[str, Tensor]


Row = tuple[list[int], int]
"""The tokens of a text, and the number of its label."""


@dataclass(frozen=True, slots=True)
class Task:
    """A model with its data.

    Args:
        model: PEFT's, with an adapter that is still to be initialised.
        parts: `train`, `validation` and `test`.
        batched: makes a batch of some rows.
        scored: from the logits and the batch, the loss and whether it was predicted, of each prediction.
        facts: what a reader of the page wants to know of both.
        digest: of the tokens that it is trained and judged on.
        untrained: what the model scores before training, by what that depends on; filled by the runs.
    """

    model: nn.Module
    parts: Mapping[str, Sequence[Any]]
    batched: Callable[[Sequence[Any]], Batch]
    scored: Callable[[Tensor, Batch], tuple[Tensor, Tensor]]
    facts: Mapping[str, str]
    digest: str
    untrained: dict[tuple[str, int | None], dict[str, float]] = field(default_factory=dict)

    def batches(self, count: int, size: int, seed: int) -> Iterator[Batch]:
        """Batches to train on: passes through the training part, each in an order of its own."""
        train, draws = self.parts["train"], np.random.default_rng([seed, 1])
        passes = [draws.permutation(len(train)) for _ in range(math.ceil(count * size / len(train)))]
        order = np.concatenate(passes)[: count * size].tolist()
        for start in range(0, len(order), size):
            yield self.batched([train[k] for k in order[start : start + size]])

    def held_out(self, part: str) -> Iterator[Batch]:
        """The batches of `validation` or `test`, in order."""
        rows = self.parts[part]
        return (self.batched(rows[start : start + EVALUATED]) for start in range(0, len(rows), EVALUATED))

    def probe(self) -> Batch:
        """A small batch of validation examples, the same for every run."""
        return self.batched(self.parts["validation"][:PROBED])

    def score(self, outputs: Any, batch: Batch) -> tuple[float, float, int]:
        """Sums over a batch: the loss, how many predictions are right, and the number of predictions."""
        logits, labels = self.scored(outputs.logits, batch)
        loss = torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
        return float(loss), float((logits.argmax(-1) == labels).sum()), len(labels)


@lru_cache(maxsize=1)
def task(plan: Plan, source: ModelSource) -> Task:
    """The task of a plan; the last one is kept, since loading a model takes longer than many a step."""
    return {ROBERTA: _classification, LLAMA: _language_modelling}[plan.experiment](plan, source)


def _classification(plan: Plan, source: ModelSource) -> Task:
    texts, length = labelled_texts(plan.data), plan.training.length
    parts = parted_examples(texts, plan.held_out)
    if source.is_built:
        own = [text for each in parts["train"] for text in (each.text, each.other) if text]
        loaded = built_classifier(plan.building, own, len(texts.labels), length)
    else:
        loaded = loaded_classifier(source, len(texts.labels), length)
    rows = {
        name: [(loaded.encoded(each.text, each.other), each.label) for each in part] for name, part in parts.items()
    }
    facts = {"data": texts.description, "examples": _sizes(rows), "labels": ", ".join(texts.labels)}

    def batched(some: Sequence[Row]) -> Batch:
        numbers = [torch.tensor(tokens, dtype=torch.long) for tokens, _ in some]  # a text may have no token
        inputs = pad_sequence(numbers, batch_first=True, padding_value=loaded.pad)
        lengths = torch.tensor([len(tokens) for tokens, _ in some])
        is_text = torch.arange(inputs.shape[1]) < lengths[:, None]
        labels = torch.tensor([label for _, label in some])
        return {"input_ids": inputs, "attention_mask": is_text.long(), "labels": labels}

    model = _adapted(loaded.model, plan.training, "SEQ_CLS")
    facts |= {"tokens": loaded.tokens}
    return Task(model, rows, batched, lambda logits, batch: (logits, batch["labels"]), facts, _digest(rows))


def _language_modelling(plan: Plan, source: ModelSource) -> Task:
    texts, length = running_text(plan.data), plan.training.length
    train, validation, test = parted_text(texts)
    if source.is_built:
        lines = train.splitlines(keepends=True)
        cut = len(lines) // PRETRAINED
        loaded = built_language_model(plan.building, "".join(lines[:cut]), length)
        train = "".join(lines[cut:])
    else:
        loaded = loaded_language_model(source)
    blocks = {
        "train": _blocks(train, loaded.encoded, length, texts),
        "validation": _blocks(validation, loaded.encoded, length, texts)[: plan.held_out],
        "test": _blocks(test, loaded.encoded, length, texts)[: plan.held_out],
    }
    facts = {"data": texts.description, f"blocks of {length} tokens": _sizes(blocks), "tokens": loaded.tokens}

    def batched(some: Sequence[list[int]]) -> Batch:
        rows = torch.tensor(some)
        return {"input_ids": rows, "attention_mask": torch.ones_like(rows), "labels": rows}

    def following(logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Each position predicts the next one."""
        return logits[:, :-1].flatten(0, 1), batch["labels"][:, 1:].flatten()

    model = _adapted(loaded.model, plan.training, "CAUSAL_LM")
    return Task(model, blocks, batched, following, facts, _digest(blocks))


def _adapted(model: nn.Module, training: LanguageTraining, kind: str) -> nn.Module:
    """The model with LoRA layers in it; only they, and a classifier's head, are trained."""
    first, *others = training.targets or ("",)
    is_expression = not others and not NAME.fullmatch(first)
    configuration = LoraConfig(
        r=training.rank,
        lora_alpha=training.alpha,
        lora_dropout=0.0,
        target_modules=first if is_expression else list(training.targets) or None,
        task_type=kind,
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # PEFT asks transformers in a way that is going out of use
            found = get_peft_model(model, configuration)
    except ValueError as problem:
        refused = left_out(model)
        named = ",".join(word for word in layer_words(model) if word not in refused)
        raise BadInput(f"PEFT cannot adapt the model ({one_line(problem)}); name some of --targets {named}") from None
    check_ranks(found)
    found.eval()  # without dropout: the paper's programs have none, and both schemes see the same numbers
    assert isinstance(found, nn.Module)
    return found


def _blocks(text: str, encoded: Encoding, length: int, texts: RunningText) -> list[list[int]]:
    tokens = [number for line in text.splitlines(keepends=True) for number in encoded(line, None)]
    if len(tokens) < length:
        expected = f"at least {length}, one block; {MORE_LINES}"
        raise BadInput(f"{texts.name}: a part of the text", found=f"{len(tokens)} tokens", expected=expected)
    return [tokens[start : start + length] for start in range(0, len(tokens) - length + 1, length)]


def _sizes(parts: Mapping[str, Sequence[Any]]) -> str:
    return ", ".join(f"{len(part)} {name}" for name, part in parts.items())


def _digest(parts: Mapping[str, Sequence[Any]]) -> str:
    return hashlib.sha256(repr([parts[name] for name in sorted(parts)]).encode()).hexdigest()


LEAST_MEMORY = 2**29
WEIGHT_COPIES = 6
"""Bytes for each byte of weights: 4-bit weights become 32-bit ones, and a built model has its gradients and moments."""

SINGLE = 4
MATRICES = 13
"""Squares of the width in a layer of a built model: four of attention, eight or nine of the MLP."""

KEPT = 12
"""Numbers that a step keeps for each token, layer and unit of width."""

LOGIT_COPIES = 3
FACTOR_COPIES = 4
"""A factor, its gradient and its two moments."""

FACTORS = 4
"""Factors in a layer that have the width on one side: those of queries and values."""

ORDERED = 60
"""Bytes for each example in the order in which a run sees them."""


def run_memory(plan: Plan, source: ModelSource) -> int:
    """Bytes of a run: weights, adapters, and what a step keeps of its tokens."""
    training, building = plan.training, plan.building
    is_built = source.is_built
    if is_built:
        width, layers, vocabulary = building.width, building.layers, building.vocabulary
        weights = SINGLE * width * (MATRICES * layers * width + 2 * vocabulary + training.length)
    else:
        width, layers, vocabulary = _saved_sizes(source)
        weights = source.size
    tokens = training.length * max(training.batch, EVALUATED, building.batch if is_built else 0)
    logits = LOGIT_COPIES * vocabulary if is_built or plan.experiment == LLAMA else 0
    return (
        LEAST_MEMORY
        + WEIGHT_COPIES * weights
        + SINGLE * FACTOR_COPIES * FACTORS * layers * training.rank * width
        + SINGLE * tokens * (KEPT * layers * width + logits)
        + ORDERED * training.steps * training.batch
    )


def _saved_sizes(source: ModelSource) -> tuple[int, int, int]:
    """Width, layers and vocabulary of a saved model as its configuration has them; 1 where it says nothing."""
    try:
        content = file_content(Path(source.folder) / CONFIGURATION, LARGEST_CONFIGURATION, "a configuration")
        found: Any = json.loads(content)
    except (BadInput, ValueError, RecursionError):
        found = None  # loading it says what is wrong
    names = found if isinstance(found, dict) else {}

    def size(kind: str) -> int:
        return max((names[key] for key in ATTRIBUTES[kind] if type(names.get(key)) is int), default=1)

    return size("hidden"), size("layers"), size("vocabulary")

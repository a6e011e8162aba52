"""A model and its data as batches, ready to be adapted again and again: one class a kind of task."""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn

from gamma_calc.errors import BadInput
from gamma_calc.huggingface.language.data import labelled_texts, running_text
from gamma_calc.huggingface.language.loading import (
    Encoding,
    Loaded,
    built_classifier,
    built_language_model,
    loaded_classifier,
    loaded_language_model,
    padded,
)
from gamma_calc.huggingface.language.model_source import ModelSource
from gamma_calc.huggingface.language.settings import LLAMA, ROBERTA, Building, Training
from gamma_calc.huggingface.language.texts import Example, LabelledTexts, RunningText, parted_examples, parted_text

EVALUATED = 16
"""Examples or blocks that are judged at once."""

PROBED = 8
"""Examples or blocks on which the sizes of the features are looked at."""

PRETRAINED = 2
"""A built language model sees one half of the training text before it is adapted to the other."""

Batch = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Setting:
    """What every run of an experiment shares."""

    experiment: str
    source: ModelSource
    data: str
    training: Training
    building: Building
    held_out: int


class Task(Protocol):
    """A model with its data.

    Args:
        model: PEFT's, with an adapter that is still to be initialised.
        digest: of the tokens that it is trained and judged on.
        untrained: what the model scores before training, by what that depends on; filled by the runs.
        facts: what a reader of the page wants to know of both.
    """

    model: nn.Module
    digest: str
    facts: dict[str, str]
    untrained: dict[tuple[str, int | None], dict[str, float]]

    def batches(self, count: int, size: int, seed: int) -> Iterator[Batch]:
        """Batches to train on: passes through the training part, each in an order of its own."""

    def held_out(self, part: str) -> Iterator[Batch]:
        """The batches of `validation` or `test`."""

    def probe(self) -> Batch:
        """A small batch of validation examples, the same for every run."""

    def score(self, outputs: Any, batch: Batch) -> tuple[float, float, int]:
        """Sums over a batch: the loss, how many predictions are right, and the number of predictions."""


@lru_cache(maxsize=1)
def task(setting: Setting) -> Task:
    """The task of a setting; the last one is kept, since loading a model takes longer than many a step.

    Raises:
        BadInput: the model or the data cannot be had, or do not go together.
    """
    kinds: dict[str, Any] = {ROBERTA: _classification, LLAMA: _language_modelling}
    found: Task = kinds[setting.experiment](setting)
    return found


def _classification(setting: Setting) -> Task:
    texts, length = labelled_texts(setting.data), setting.training.length
    parts = parted_examples(texts, setting.held_out)
    if setting.source.is_built:
        own = [text for each in parts.train for text in (each.text, each.other) if text]
        loaded = built_classifier(setting.building, own, len(texts.labels), length)
    else:
        loaded = loaded_classifier(setting.source, len(texts.labels), length)
    rows = {name: _rows(getattr(parts, name), loaded) for name in ("train", "validation", "test")}
    return Classification(_adapted(loaded.model, setting.training, "SEQ_CLS"), rows, loaded.pad, texts, loaded.tokens)


def _language_modelling(setting: Setting) -> Task:
    texts, length = running_text(setting.data), setting.training.length
    train, validation, test = parted_text(texts)
    if setting.source.is_built:
        lines = train.splitlines(keepends=True)
        cut = len(lines) // PRETRAINED
        loaded = built_language_model(setting.building, "".join(lines[:cut]), length)
        train = "".join(lines[cut:])
    else:
        loaded = loaded_language_model(setting.source)
    blocks = {
        "train": _blocks(train, loaded.encoded, length, texts),
        "validation": _blocks(validation, loaded.encoded, length, texts)[: setting.held_out],
        "test": _blocks(test, loaded.encoded, length, texts)[: setting.held_out],
    }
    return LanguageModelling(_adapted(loaded.model, setting.training, "CAUSAL_LM"), blocks, texts, loaded.tokens)


def _adapted(model: nn.Module, training: Training, kind: str) -> nn.Module:
    """The model with LoRA layers in it; only they, and a classifier's head, are trained."""
    configuration = LoraConfig(
        r=training.rank,
        lora_alpha=training.alpha,
        lora_dropout=0.0,
        target_modules=list(training.targets) or None,
        task_type=kind,
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # PEFT asks transformers in a way that is going out of use
            found = get_peft_model(model, configuration)
    except ValueError as problem:
        reason = " ".join(str(problem).split())[:200]
        raise BadInput(f"PEFT cannot adapt the model ({reason}); name the layers: --targets") from None
    found.eval()  # without dropout: the paper's programs have none, and both schemes see the same numbers
    assert isinstance(found, nn.Module)
    return found


Row = tuple[list[int], int]


def _rows(examples: Sequence[Example], loaded: Loaded) -> list[Row]:
    return [(loaded.encoded(each.text, each.other), each.label) for each in examples]


def _blocks(text: str, encoded: Encoding, length: int, texts: RunningText) -> Tensor:
    tokens = torch.tensor([number for line in text.splitlines(keepends=True) for number in encoded(line, None)])
    if len(tokens) < length:
        expected = f"at least {length}, one block"
        raise BadInput(f"{texts.name}: a part of the text", found=f"{len(tokens)} tokens", expected=expected)
    return tokens[: len(tokens) // length * length].long().view(-1, length)


def _order(count: int, wanted: int, seed: int) -> list[int]:
    """Indices into `count` examples, pass after pass, each shuffled."""
    draws = np.random.default_rng([seed, 1])
    passes = [draws.permutation(count) for _ in range(math.ceil(wanted / count))]
    found: list[int] = np.concatenate(passes)[:wanted].tolist()
    return found


def _digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()


class Classification(Task):
    """Texts to be classified."""

    def __init__(
        self, model: nn.Module, rows: dict[str, list[Row]], pad: int, texts: LabelledTexts, tokens: str
    ) -> None:
        self.model, self.rows, self.pad, self.untrained = model, rows, pad, {}
        self.digest = _digest([rows[name] for name in sorted(rows)])
        sizes = ", ".join(f"{len(part)} {name}" for name, part in rows.items())
        self.facts = {"data": texts.description, "examples": sizes, "labels": ", ".join(texts.labels), "tokens": tokens}

    def batches(self, count: int, size: int, seed: int) -> Iterator[Batch]:
        """Batches of shuffled examples, padded to the longest of each batch."""
        train = self.rows["train"]
        order = _order(len(train), count * size, seed)
        for start in range(0, len(order), size):
            yield self._batch([train[k] for k in order[start : start + size]])

    def held_out(self, part: str) -> Iterator[Batch]:
        """The examples of a part, by length: less padding, and no other result."""
        rows = sorted(self.rows[part], key=lambda row: len(row[0]))
        for start in range(0, len(rows), EVALUATED):
            yield self._batch(rows[start : start + EVALUATED])

    def probe(self) -> Batch:
        """The first validation examples."""
        return self._batch(self.rows["validation"][:PROBED])

    def score(self, outputs: Any, batch: Batch) -> tuple[float, float, int]:
        """The sum of the cross-entropies, and the number of right labels."""
        labels, count = batch["labels"], len(batch["labels"])
        loss = torch.nn.functional.cross_entropy(outputs.logits, labels, reduction="sum")
        return float(loss), float((outputs.logits.argmax(-1) == labels).sum()), count

    def _batch(self, rows: list[Row]) -> Batch:
        inputs = padded([tokens for tokens, _ in rows], self.pad)
        lengths = torch.tensor([len(tokens) for tokens, _ in rows])
        is_text = torch.arange(inputs.shape[1]) < lengths[:, None]
        return {
            "input_ids": inputs,
            "attention_mask": is_text.long(),
            "labels": torch.tensor([label for _, label in rows]),
        }


class LanguageModelling(Task):
    """Blocks of running text whose next token is to be predicted."""

    def __init__(self, model: nn.Module, blocks: dict[str, Tensor], texts: RunningText, tokens: str) -> None:
        self.model, self.blocks, self.untrained = model, blocks, {}
        self.digest = _digest([blocks[name].tolist() for name in sorted(blocks)])
        sizes = ", ".join(f"{len(part)} {name}" for name, part in blocks.items())
        length = blocks["train"].shape[1]
        self.facts = {"data": texts.description, f"blocks of {length} tokens": sizes, "tokens": tokens}

    def batches(self, count: int, size: int, seed: int) -> Iterator[Batch]:
        """Batches of shuffled blocks."""
        train = self.blocks["train"]
        order = _order(len(train), count * size, seed)
        for start in range(0, len(order), size):
            yield self._batch(train[order[start : start + size]])

    def held_out(self, part: str) -> Iterator[Batch]:
        """The blocks of a part, in order."""
        for start in range(0, len(self.blocks[part]), EVALUATED):
            yield self._batch(self.blocks[part][start : start + EVALUATED])

    def probe(self) -> Batch:
        """The first validation blocks."""
        return self._batch(self.blocks["validation"][:PROBED])

    def score(self, outputs: Any, batch: Batch) -> tuple[float, float, int]:
        """The sum of the cross-entropies, and the number of right tokens."""
        logits, labels = outputs.logits[:, :-1].flatten(0, 1), batch["labels"][:, 1:].flatten()
        loss = torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
        return float(loss), float((logits.argmax(-1) == labels).sum()), len(labels)

    def _batch(self, rows: Tensor) -> Batch:
        return {"input_ids": rows, "attention_mask": torch.ones_like(rows), "labels": rows}

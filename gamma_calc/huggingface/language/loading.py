"""Models ready to be adapted: loaded from a folder, or built from a configuration and briefly trained.

A built model reads the most frequent words of its training text.
"""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import (
    MODEL_FOR_MASKED_LM_MAPPING,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedConfig,
)

from gamma_calc.errors import BadInput, one_line
from gamma_calc.huggingface.language.model_source import ModelSource
from gamma_calc.huggingface.language.settings import Building
from gamma_calc.huggingface.language.texts import MORE_LINES
from gamma_calc.huggingface.layers import CONFIGURATION, check_configuration, configuration_at, quiet, unusable

_PIECE = re.compile(r"\w+|[^\w\s]")

START, PAD, END, UNKNOWN, MASK = range(5)
"""In the order of RoBERTa's vocabulary, where the padding is number 1."""

SPECIAL = 5


def numbered_words(texts: Iterable[str], size: int) -> Mapping[str, int]:
    """The words that occur most often by their numbers, `size` with the special ones; the alphabet decides a tie.

    >>> numbered_words(["b b a", "a c"], 7)
    {'a': 5, 'b': 6}
    """
    counts = Counter(word for text in texts for word in _PIECE.findall(text.lower()))
    order = sorted(counts, key=lambda word: (-counts[word], word))
    return {word: number for number, word in enumerate(order[: size - SPECIAL], SPECIAL)}


def numbers_of(text: str, words: Mapping[str, int]) -> list[int]:
    """The numbers of a text's words, without special ones; a word that is not among them is `UNKNOWN`."""
    return [words.get(word, UNKNOWN) for word in _PIECE.findall(text.lower())]


Encoding = Callable[[str, str | None], list[int]]
"""The numbers of the tokens of a text, or of a pair of them."""

ROBERTA = {
    "model_type": "roberta",
    "type_vocab_size": 1,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}
MASKED = 0.15
"""The share of the tokens that a masked language model predicts."""

IGNORED = -100
"""The label that transformers leaves out of a loss."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model with its tokens."""

    model: nn.Module
    encoded: Encoding
    pad: int
    tokens: str


def loaded_classifier(source: ModelSource, labels: int, length: int) -> Loaded:
    """A sequence classifier of a saved encoder, with a head that is still to be drawn."""
    model = _read(AutoModelForSequenceClassification, source, dtype=torch.float32, num_labels=labels)
    tokenizer = _tokenizer(source)
    if model.config.pad_token_id is None:
        model.config.pad_token_id = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0

    def encoded(text: str, other: str | None) -> list[int]:
        return list(tokenizer(text, other, truncation=True, max_length=length)["input_ids"])

    return Loaded(model, encoded, int(model.config.pad_token_id), "the model's own tokens")


def loaded_language_model(source: ModelSource) -> Loaded:
    """A saved causal language model."""
    model = _causal(_read(AutoModelForCausalLM, source, dtype=torch.float32))
    tokenizer = _tokenizer(source)

    def encoded(text: str, other: str | None) -> list[int]:
        return list(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    return Loaded(model, encoded, 0, "the model's own tokens")


def _tokenizer(source: ModelSource) -> Any:
    """The tokens of a saved model; transformers makes an empty tokenizer where a folder has none."""
    tokenizer = _read(AutoTokenizer, source)
    if tokenizer.get_vocab().keys() <= {*tokenizer.all_special_tokens}:
        raise BadInput(
            f"{source.name} has no tokenizer; expected its files, such as tokenizer.json, beside the weights"
        )
    return tokenizer


def _causal(model: Any) -> Any:
    """A model that does not see the words that it is to predict.

    Raises:
        BadInput: it sees both ways, as an encoder that is put on its head does.
    """
    if type(model.config) in MODEL_FOR_MASKED_LM_MAPPING and not getattr(model.config, "is_decoder", False):
        expected = "one that sees the words before only; an encoder is tuned on a table with a column label"
        raise BadInput("the model", found=f"{type(model).__name__}, which sees both ways", expected=expected)
    return model


def built_classifier(building: Building, texts: list[str], labels: int, length: int) -> Loaded:
    """A classifier from its configuration, trained on its own training texts before it gets its head.

    An encoder, such as RoBERTa, is trained on masked words; a causal model on the next ones.
    """
    vocabulary = numbered_words(texts, building.vocabulary)

    def encoded(text: str, other: str | None) -> list[int]:
        pair = [] if other is None else [END, *numbers_of(other, vocabulary)]
        return [START, *[*numbers_of(text, vocabulary), *pair][: length - 2], END]

    # RoBERTa counts positions from the padding's number + 1.
    configuration = _configured(
        building, SPECIAL + len(vocabulary), {**ROBERTA, "max_position_embeddings": length + 2}, 4
    )
    configuration.num_labels = labels
    is_encoder = type(configuration) in MODEL_FOR_MASKED_LM_MAPPING
    first, batched = (AutoModelForMaskedLM, _masked_batch) if is_encoder else (AutoModelForCausalLM, _causal_batch)
    generator = torch.Generator().manual_seed(building.width)
    with _drawn_from(generator):
        trained, classifier = (_built(kind, configuration) for kind in (first, AutoModelForSequenceClassification))
    rows = [encoded(text, None) for text in texts]
    _pretrain(trained, building, lambda: batched(rows, building.batch, generator))
    classifier.base_model.load_state_dict(trained.base_model.state_dict(), strict=False)
    return Loaded(classifier, encoded, PAD, f"{SPECIAL + len(vocabulary)} words")


def built_language_model(building: Building, text: str, length: int) -> Loaded:
    """A causal model from its configuration, by default a Llama, trained on the next word of a text of its own."""
    vocabulary = numbered_words([text], building.vocabulary)
    llama = {"model_type": "llama", "max_position_embeddings": length}
    configuration = _configured(building, SPECIAL + len(vocabulary), llama, 3)
    generator = torch.Generator().manual_seed(building.width)
    with _drawn_from(generator):
        model = _causal(_built(AutoModelForCausalLM, configuration))
    tokens = torch.tensor(numbers_of(text, vocabulary))
    if len(tokens) < length:
        found = f"{len(tokens)} words to train the model on that is built"
        raise BadInput("the text", found=found, expected=f"at least {length}; {MORE_LINES}")
    blocks = tokens[: len(tokens) // length * length].view(-1, length)

    def batch() -> dict[str, Tensor]:
        rows = blocks[torch.randint(len(blocks), (building.batch,), generator=generator)]
        return {"input_ids": rows, "labels": rows}

    _pretrain(model, building, batch)
    return Loaded(model, lambda text, other: numbers_of(text, vocabulary), PAD, f"{SPECIAL + len(vocabulary)} words")


def _configured(building: Building, vocabulary: int, default: dict[str, Any], widening: int) -> PreTrainedConfig:
    """The configuration that a building names, at its width and depth, over the words of its text.

    Args:
        default: where it names none; of one head, with an inner width of so many times the head's.
    """
    size = building.head_width
    sizes = {"hidden_size": size, "num_attention_heads": 1, "intermediate_size": widening * size}
    found = configuration_at(building.config or json.dumps({**default, **sizes}), building.width, building.layers)
    special = {"bos_token_id": START, "pad_token_id": PAD, "eos_token_id": END}
    for name, value in {"vocab_size": vocabulary, "initializer_range": building.width**-0.5, **special}.items():
        setattr(found, name, value)
    return found


def _built(kind: Any, configuration: PreTrainedConfig) -> Any:
    try:
        return kind.from_config(configuration, trust_remote_code=False, dtype=torch.float32)
    except Exception as problem:  # whatever transformers raises over sizes that do not go together
        raise unusable(f"the model, a {configuration.model_type}", problem) from None


def _pretrain(model: nn.Module, building: Building, batch: Callable[[], dict[str, Tensor]]) -> None:
    model.eval()  # without dropout, whose draws no seed of ours would decide
    optimizer = torch.optim.AdamW(model.parameters(), lr=building.rate, weight_decay=0.0)
    for _ in range(building.steps):
        optimizer.zero_grad()
        model(**batch()).loss.backward()
        optimizer.step()


def _causal_batch(rows: list[list[int]], size: int, generator: torch.Generator) -> dict[str, Tensor]:
    chosen = [torch.tensor(rows[k]) for k in torch.randint(len(rows), (size,), generator=generator).tolist()]
    inputs = pad_sequence(chosen, batch_first=True, padding_value=PAD)
    is_text = inputs != PAD
    return {"input_ids": inputs, "attention_mask": is_text, "labels": inputs.masked_fill(~is_text, IGNORED)}


def _masked_batch(rows: list[list[int]], size: int, generator: torch.Generator) -> dict[str, Tensor]:
    inputs = _causal_batch(rows, size, generator)["input_ids"]
    is_hidden = (torch.rand(inputs.shape, generator=generator) < MASKED) & (inputs >= SPECIAL)
    is_hidden[0, 1] = True  # a batch without any would have no loss
    labels = inputs.masked_fill(~is_hidden, IGNORED)
    return {"input_ids": inputs.masked_fill(is_hidden, MASK), "attention_mask": inputs != PAD, "labels": labels}


@contextmanager
def _drawn_from(generator: torch.Generator) -> Iterator[None]:
    """Draws of torch's global generator, which transformers uses, from a seed of our own; it is put back afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(generator.initial_seed())
        yield


def _read(kind: Any, source: ModelSource, **options: Any) -> Any:
    """What transformers loads from the source's folder; what is not in it is drawn the same way always."""
    file = {"gguf_file": source.weights} if source.weights else {}
    if not file:
        check_configuration(Path(source.folder) / CONFIGURATION)
    try:
        with quiet(), redirect_stderr(io.StringIO()), _drawn_from(torch.Generator().manual_seed(0)):
            # False, not left out: transformers then asks on the terminal, and runs the folder's code on a "y".
            return kind.from_pretrained(
                source.folder, local_files_only=True, trust_remote_code=False, **file, **options
            )
    except Exception as problem:  # whatever transformers, safetensors or a tokenizer raises over such files
        if "trust_remote_code" in str(problem):
            raise unusable(f"the model {source.name}", problem) from None
        if isinstance(problem, UnpicklingError):
            said = (
                "its weights are a pickle of more than numbers, which may run code and is not loaded; give safetensors"
            )
        else:
            said = f"{kind.__name__} cannot load it ({type(problem).__name__}: {one_line(problem)})"
        raise BadInput(f"the model {source.name}: {said}") from None

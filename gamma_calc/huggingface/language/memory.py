"""How much memory a run takes: estimated from sizes alone, before anything is read, built or loaded.

The estimate errs low, so that it refuses nothing that would run; sizes that fit no machine are off by far more.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gamma_calc.errors import BadInput
from gamma_calc.files import file_content
from gamma_calc.huggingface.language.model_source import CONFIGURATION, ModelSource
from gamma_calc.huggingface.language.settings import LLAMA
from gamma_calc.huggingface.language.task import EVALUATED, Setting

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

LARGEST_CONFIGURATION = 2**24
WIDTHS = ("hidden_size", "n_embd", "d_model")
DEPTHS = ("num_hidden_layers", "n_layer", "num_layers")
VOCABULARIES = ("vocab_size",)


def run_memory(setting: Setting) -> int:
    """Bytes of a run: weights, adapters, and what a step keeps of its tokens."""
    training, building = setting.training, setting.building
    is_built = setting.source.is_built
    if is_built:
        width, layers, vocabulary = building.width, building.layers, building.vocabulary
        weights = SINGLE * width * (MATRICES * layers * width + 2 * vocabulary + training.length)
    else:
        width, layers, vocabulary = _saved_sizes(setting.source)
        weights = setting.source.size
    tokens = training.length * max(training.batch, EVALUATED, building.batch if is_built else 0)
    logits = LOGIT_COPIES * vocabulary if is_built or setting.experiment == LLAMA else 0
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

    def size(keys: tuple[str, ...]) -> int:
        return max((names[key] for key in keys if type(names.get(key)) is int), default=1)

    return size(WIDTHS), size(DEPTHS), size(VOCABULARIES)

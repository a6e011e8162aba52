"""Configurations of transformers: read from a folder or a file, and taken to another width."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

from transformers import AutoConfig, PreTrainedConfig

from gamma_calc.errors import BadInput

CONFIGURATION = "config.json"


def configuration_from(path: Path) -> PreTrainedConfig:
    """The configuration in a file, or in the config.json of a folder; nothing is downloaded, no code of it is run.

    Raises:
        BadInput: there is none, or transformers does not know it.
    """
    if not os.path.exists(path):
        word = path.name.lower()  # such as 8B or 70b
        is_count = word[:-1].replace(".", "", 1).isdigit() and word[-1:] in ("m", "b", "t")
        said = "; a number of parameters is no width, and many shapes have the same number" if is_count else ""
        raise BadInput("a model", found=str(path), expected=f"a folder with a {CONFIGURATION}, or such a file{said}")
    if os.path.isdir(path) and not os.path.isfile(path / CONFIGURATION):
        raise BadInput(f"{path}: there is no {CONFIGURATION} in it")
    try:
        # False, not left out: transformers then asks on the terminal, and runs the folder's code on a "y".
        found = AutoConfig.from_pretrained(str(path), local_files_only=True, trust_remote_code=False)
    except Exception as problem:  # whatever transformers raises over such files
        raise unusable(str(path), problem) from None
    assert isinstance(found, PreTrainedConfig)
    return found


def configuration_at(text: str, width: int, layers: int) -> PreTrainedConfig:
    """A configuration, given as JSON, at another width and depth: heads keep their size, inner widths their share.

    Groups of queries keep their number as nearly as the heads allow.

    Raises:
        BadInput: the width is no whole number of heads, or transformers does not take the configuration.
    """
    try:
        document = json.loads(text)
        found: Any = AutoConfig.for_model(document.pop("model_type"), **document)
        old, heads = found.hidden_size, found.num_attention_heads
    except Exception as problem:  # whatever transformers raises over such configurations
        raise unusable("--model", problem) from None
    if heads * width % old:
        multiple = old // math.gcd(heads, old)
        raise BadInput("--widths", found=str(width), expected=f"multiples of {multiple}, the size of a head")
    new_heads = heads * width // old
    sizes = {"hidden_size": width, "num_attention_heads": new_heads, "num_hidden_layers": layers}
    for name in INNER:
        if type(getattr(found, name, None)) is int:
            sizes[name] = max(1, getattr(found, name) * width // old)
    if groups := getattr(found, "num_key_value_heads", None):
        wanted = max(1, groups * width // old)
        sizes["num_key_value_heads"] = max(k for k in range(1, wanted + 1) if new_heads % k == 0)
    for name, size in sizes.items():
        setattr(found, name, size)
    if isinstance(kinds := getattr(found, "layer_types", None), list):
        found.layer_types = kinds[:layers]
    assert isinstance(found, PreTrainedConfig)
    return found


INNER = ("intermediate_size", "n_inner", "ffn_dim", "moe_intermediate_size", "shared_expert_intermediate_size")
"""Widths that grow in proportion to the model's; what is fixed otherwise, such as the number of experts, stays."""


def unusable(name: str, problem: Exception) -> BadInput:
    """What to raise where transformers cannot make a model of a configuration."""
    reason = " ".join(str(problem).split())[:200]
    return BadInput(f"{name}: transformers cannot build a model of it ({type(problem).__name__}: {reason})")

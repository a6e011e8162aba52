"""A short model in place of a deep one: its first layers, with the adapters of those of the deep one that have any.

An adapter may stand on some layers only, by `layers_to_transform`, an expression or a name with a number. Which ones is
asked of the whole model; in the short one every layer is adapted as these are, so that no layer without adapters takes
the place of one with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import transformers
from peft import PeftConfig, PeftModel
from torch import nn
from transformers import PreTrainedConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from gamma_calc.errors import BadInput
from gamma_calc.huggingface.layer_names import ALL_LINEAR
from gamma_calc.huggingface.layers import (
    TARGETS,
    ModelLike,
    adapted,
    classes_of,
    configuration_of,
    named_targets,
    on_meta,
    text_part,
    title_of,
    without_layers,
)
from gamma_calc.tracing.attributes import ATTRIBUTES

BY_LAYER = "per_layer_config"
"""What a configuration says of single layers."""
SHARING = "num_kv_shared_layers"
"""How many layers, the last ones, take the keys and values of earlier ones."""
MODEL_NAMES = ("Model", "LMHeadModel", "ForCausalLM")
"""How the names of models of a text end, those last that predict tokens."""
Layers = Mapping[str, frozenset[int]]
"""Numbers of layers, by the name that modules of a kind share, such as model.layers.*.mlp.up_proj; none of a head's."""


@dataclass(frozen=True, slots=True)
class ShortModel:
    """A model with adapters on all of its `layers` layers; the deep one has `depth`, and adapters on `adapted`.

    `part_of` is the kind of model of which it is the part that reads text, where that has others; `others` are the
    numbers, from 1, of the deep one's layers with modules that none of these has.
    """

    model: PeftModel
    layers: int
    adapted: int
    depth: int
    part_of: str | None
    others: tuple[int, ...]


def counts_json(short: ShortModel | None) -> dict[str, Any]:
    """How many layers there are, and of what they are a part, as plain data; None for what is no stack."""
    return {
        "layers": None if short is None else short.layers,
        "adapted": None if short is None else short.adapted,
        "of": None if short is None else short.depth,
        "part_of": None if short is None else short.part_of,
        "other_layers": [] if short is None else [*short.others],
    }


def short_model(model: ModelLike, adapter: PeftConfig | None, most: int) -> ShortModel:
    """A model, without numbers and with few layers.

    Args:
        model: of which the configuration is read.
        adapter: by default one on every linear layer but the head's.
        most: layers of the short model.

    Raises:
        BadInput: as `adapted`; modules of several kinds are adapted in different layers; or layers are replicated.
    """
    title = title_of(model)
    if getattr(adapter, "layer_replication", None):
        raise BadInput(f"{title}: layer_replication makes layers that share their weights, of which no law is known")
    config, part_of = _of_text(configuration_of(model))
    if config.architectures and not classes_of(config):
        expected = 'a list with a class of transformers, such as "LlamaForCausalLM", or none for a model without a head'
        raise BadInput(f"{title}: architectures", found=str(config.architectures), expected=expected)
    count: int = getattr(config, "num_hidden_layers", most)
    chosen = _chosen_layers(config, title, adapter) if adapter is not None and _may_choose(adapter) else {}
    numbers = {each for each in chosen.values() if each}
    if len(numbers) > 1:
        stacked = sorted((kind, each) for kind, each in chosen.items() if each)
        said = ", ".join(f"{kind.rpartition('.')[2]} in {len(each)}" for kind, each in stacked)
        raise BadInput(f"{title}: adapters stand in different layers by kind", found=said, expected="the same for all")
    number = len(numbers.pop()) if numbers else count
    layers = min(most, number, count)
    try:
        whole = _matrices(on_meta(config))
    except BadInput:  # it may be that its first layers can be built all the same
        whole = {}
    _shorten(config, count, layers)
    base = on_meta(config)
    kept = _matrices(base)
    others = {number + 1 for kind, numbers in whole.items() if kind not in kept for number in numbers}
    missing = without_layers(base, adapter)
    deep = [min(numbers) + 1 for kind, numbers in whole.items() if numbers and kind.rpartition(".")[2] in missing]
    if deep and len(missing) == len(named_targets(adapter)):
        found = f"{', '.join(missing)} in none of the first {layers}"
        raise BadInput(f"{title}: {TARGETS}", found=found, expected=f"--layers {min(deep)}, which has some")
    if adapter is not None and chosen:
        adapter = copy(adapter)
        adapter.target_modules = {kind.replace("*", str(place), 1) for kind in chosen for place in range(layers)}
        for key in ("layers_to_transform", "layers_pattern", "exclude_modules"):
            setattr(adapter, key, None)
    return ShortModel(adapted(base, adapter, title), layers, number, count, part_of, tuple(sorted(others)))


def _matrices(model: nn.Module) -> Layers:
    """The layers in which modules have parameters of their own, by kind."""
    return _layers(name for name, module in model.named_modules() if [*module.parameters(recurse=False)])


def _shorten(config: PreTrainedConfig, count: int, layers: int) -> None:
    """Leave the first layers of a configuration of some number of them; none of them shares keys with earlier ones."""
    known = config.to_dict()
    for name, value in known.items():
        if isinstance(value, list) and len(value) == count:  # such as the kind of attention of each layer
            setattr(config, name, value[:layers])
    if known.get(BY_LAYER):
        setattr(config, BY_LAYER, {number: each for number, each in known[BY_LAYER].items() if int(number) < layers})
    for name in ATTRIBUTES["layers"]:
        if isinstance(known.get(name), int):
            setattr(config, name, min(layers, known[name]))
    if known.get(SHARING):
        setattr(config, SHARING, 0)


def _of_text(config: PreTrainedConfig) -> tuple[PreTrainedConfig, str | None]:
    """The configuration of the part that reads text, and what the model is called that has others too."""
    text = text_part(config)
    if text is config:
        return config, None
    head = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.get(text.model_type)
    text.architectures = _models_of(type(text)) if head is None else [head]
    return text, (config.architectures or [config.model_type])[0]


def _models_of(config: type[PreTrainedConfig]) -> list[str] | None:
    """The classes of models that a configuration is one of, those that predict tokens first; None where there is none.

    They stand in the module beside its own, by the names that transformers gives modules.
    """
    try:
        beside = import_module(config.__module__.replace(".configuration_", ".modeling_"))
    except ImportError:
        return None
    classes = (each for each in vars(beside).values() if getattr(each, "config_class", None) is config)
    names = [each.__name__ for each in classes if not each.__name__.endswith("PreTrainedModel")]
    ranks = {name: rank for name in names for rank, end in enumerate(MODEL_NAMES) if name.endswith(end)}
    return sorted((name for name in ranks if hasattr(transformers, name)), key=lambda name: -ranks[name]) or None


def _may_choose(adapter: PeftConfig) -> bool:
    """Whether an adapter may stand in some layers of a stack only."""
    targets = getattr(adapter, "target_modules", None) or ()
    if getattr(adapter, "layers_to_transform", None) is not None or getattr(adapter, "exclude_modules", None):
        return True
    if isinstance(targets, str):
        return targets != ALL_LINEAR
    return any(part.isdigit() for name in targets for part in name.split("."))


def _chosen_layers(config: PreTrainedConfig, title: str, adapter: PeftConfig) -> Layers:
    """The layers in which modules are adapted, by kind; nothing where that is all of them."""
    whole = adapted(on_meta(config), adapter, title)
    every = _layers(name for name, _ in whole.base_model.model.named_modules())
    found = _layers(whole.targeted_module_names)
    return {} if all(found[kind] == every[kind] for kind in found) else found


def _layers(names: Iterable[str]) -> Layers:
    """The numbers of the layers that some modules stand in, by kind."""
    found: dict[str, set[int]] = {}
    for name in names:
        number = next((part for part in name.split(".") if part.isdigit()), None)
        kind = name if number is None else f".{name}.".replace(f".{number}.", ".*.", 1).strip(".")
        found.setdefault(kind, set()).update(() if number is None else (int(number),))
    return {kind: frozenset(numbers) for kind, numbers in found.items()}

"""The adapted layers of a model by kind, such as q_proj and down_proj: their fan-in and rank, from shapes alone.

A model is built from its configuration, read from a folder or a file, on the meta device: nothing is downloaded, no
weight is read, no code of the folder is run.
"""

from __future__ import annotations

import json
import logging
import math
import os
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import torch
import transformers
from peft import LoraConfig, PeftConfig, PeftModel, VeraConfig, get_peft_model
from torch import nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.pytorch_utils import Conv1D

from gamma_calc.errors import BadInput, named_in, nearest, one_line, quoted
from gamma_calc.files import file_content, is_there
from gamma_calc.huggingface.adapter_config import HEADS, check_alive
from gamma_calc.huggingface.adapter_file import check_shape, config_from_mapping, document_from, parsed_json
from gamma_calc.huggingface.adapter_keys import VERA
from gamma_calc.huggingface.adapters import (
    BESIDE_LORA,
    Adapter,
    check_ranks,
    configurations,
    has_adapters,
    lora_adapters,
)
from gamma_calc.huggingface.layer_names import ALL_LINEAR
from gamma_calc.tracing.attributes import ATTRIBUTES, SAME_AS_HIDDEN, SCAN_SHARE, growing_ranks
from gamma_calc.tracing.names import WRAPPING

TARGETS = "target_modules"
ADAPTER_KEYS = (
    *("r", "lora_alpha", "use_rslora", "use_dora", "rank_pattern", "alpha_pattern"),
    *("target_modules", "target_parameters", "exclude_modules", "layers_to_transform", "layers_pattern"),
    *("layer_replication", "modules_to_save"),
)
"""What of an adapter_config.json decides which layers are adapted, and how large their factors and scales are."""
TRACED_KEYS = (*ADAPTER_KEYS, "bias", "lora_bias", "trainable_token_indices")
"""What decides the equations of a forward pass, and what of it is trained."""
VERA_KEYS = (
    *("r", "d_initial", "modules_to_save", "bias"),
    *("target_modules", "layers_to_transform", "layers_pattern"),
)
"""The same of VeRA."""
NAMED_CLASS = 'such as "architectures": ["LlamaForCausalLM"]'
"""How a configuration names its class, in messages."""
MAMBAS = frozenset({"mamba", "mamba2", "falcon_mamba", "falcon_h1", "nemotron_h"})
READ_WHOLE = "out_proj"
"""The layer that PEFT adapts in no model of these types, as their kernels read its matrix."""
C = TypeVar("C", bound=PeftConfig)

ModelLike: TypeAlias = nn.Module | PreTrainedConfig | Path | str
"""A model, its configuration, or a folder or file with a config.json."""
AdapterLike: TypeAlias = PeftConfig | Path | str
"""A configuration of PEFT, or the folder or file of an adapter_config.json."""


@dataclass(frozen=True, slots=True)
class LayerKind:
    """Layers of one shape that share a name but for their number in the stack; their count is no part of the shape."""

    fan_in: int
    fan_out: int
    rank: int
    alpha: float
    is_rank_stabilised: bool
    is_dora: bool
    count: int = field(default=1, compare=False)

    @property
    def scale(self) -> float:
        """The s in front of B A."""
        return self.alpha / (math.sqrt(self.rank) if self.is_rank_stabilised else self.rank)


def adapted_shapes(model: ModelLike, adapter: LoraConfig | None, name: str | None = None) -> tuple[Adapter, ...]:
    """The adapters of a model, of which only the shapes are looked at.

    Args:
        adapter: what is put on a model that has no adapter yet; by default one on every linear layer but the head's.
        name: of the adapter of a model that has some; the active one by default, and where it has none of that name.
    """
    if has_adapters(model):
        name = name if name and configurations(model, name) else None
        return lora_adapters(model, name, has_numbers=False, knows=BESIDE_LORA)
    bare = on_meta(model)
    wanted = adapter.target_modules if adapter is not None and not isinstance(adapter.target_modules, str) else ()
    found = lora_adapters(adapted(bare, adapter, title_of(model)), has_numbers=False, knows=BESIDE_LORA)
    missing = sorted(name for name in wanted or () if not any(each.name.endswith(name) for each in found))
    if missing and not getattr(bare, "config").architectures:  # noqa: B009
        expected = f"one that names its class, {NAMED_CLASS}: without it there is no head"
        raise BadInput(f"{title_of(model)}: a configuration without {', '.join(missing)}", expected=expected)
    return found


def adapted(bare: nn.Module, adapter: PeftConfig | None, title: str) -> PeftModel:
    """A model with adapters, of which no numbers are needed.

    By default they are on every linear layer but the head's and those that PEFT cannot adapt.
    """
    missing = without_layers(bare, adapter)
    if missing and len(missing) == len(named_targets(adapter)) and not getattr(adapter, "target_parameters", None):
        expected = f"names of its layers: {', '.join(layer_words(bare))}"
        found = ", ".join(missing)
        asked = f"{TARGETS}: no module of {title} is called so"
        raise BadInput(asked, found=found, expected=expected, choices=layer_words(bare))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of numbers, which are not looked at
            config = adapter or LoraConfig(target_modules=ALL_LINEAR, exclude_modules=left_out(bare) or None)
            wrapped = get_peft_model(cast(PreTrainedModel, bare), config, low_cpu_mem_usage=True)
    except Exception as problem:  # whatever PEFT raises over modules and sizes that do not go together
        has_class = not isinstance(bare, PreTrainedModel) or bare.config.architectures
        hint = "" if has_class else f"; its configuration names no class, {NAMED_CLASS}"
        raise BadInput(f"{title}: PEFT cannot adapt the model: {one_line(problem)}{hint}") from None
    assert isinstance(wrapped, PeftModel)
    with named_in(title):
        check_ranks(wrapped)
    return wrapped


def left_out(model: nn.Module) -> list[str]:
    """The linear layers of a model without numbers that PEFT cannot adapt, by their last words.

    To what a layer returns it adds B A x: a router that returns what it chose has no place for that. And it refuses
    what the kernels of a Mamba read as a matrix.
    """
    refused = {READ_WHOLE} if getattr(getattr(model, "config", None), "model_type", None) in MAMBAS else set()
    linear = ((name.rpartition(".")[2], module) for name, module in model.named_modules() if _is_linear(module))
    return list(dict.fromkeys(word for word, module in linear if word in refused or not _returns_product(module)))


def _is_linear(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear | Conv1D)


def _returns_product(module: nn.Module) -> bool:
    """Whether a linear layer returns one vector of its size for each that it is given."""
    if type(module).forward in (nn.Linear.forward, Conv1D.forward):
        return True
    weight: Any = module.weight
    try:
        found = module(weight.new_empty(1, module.in_features))
    except Exception:  # whatever a forward pass of its own asks of its arguments
        return False
    return isinstance(found, torch.Tensor) and found.shape == (1, module.out_features)


def named_targets(adapter: PeftConfig | None) -> list[str]:
    """The target modules that an adapter names, in order; none where an expression says which they are."""
    targets = getattr(adapter, "target_modules", None)
    return [] if targets is None or isinstance(targets, str) else sorted(targets)


def layer_words(model: nn.Module) -> list[str]:
    """What the linear layers of a model are called, by their last words in its order."""
    linear = (name for name, module in model.named_modules() if _is_linear(module))
    return list(dict.fromkeys(name.rpartition(".")[2] for name in linear))


def without_layers(model: nn.Module, adapter: PeftConfig | None) -> list[str]:
    """The target modules that an adapter names by a word that no module of a model ends in."""
    words = {word for name, _ in model.named_modules() for word in name.split(".")}
    return [name for name in named_targets(adapter) if name.rpartition(".")[2] not in words]


def notes_of_targets(model: nn.Module, adapter: PeftConfig | None) -> list[str]:
    """That a model has no layers of some names, each with the name of a layer that may have been meant."""
    missing, words = without_layers(model, adapter), layer_words(model)
    said = "and the model has no such layer: PEFT leaves it out."
    return [f"{TARGETS} has {quoted(name)}, {said}{nearest(name, words)}" for name in missing]


def adapter_from(adapter: AdapterLike) -> LoraConfig:
    """The adapter of an adapter_config.json, or of what is written into one, as far as shapes and scales go.

    Raises:
        BadInput: it is no LoRA configuration, or PEFT does not take it.
    """
    return _lora_from(*adapter_document(adapter), ADAPTER_KEYS)


def traced_adapter_from(adapter: AdapterLike) -> PeftConfig:
    """The same of LoRA's or VeRA's, as far as the equations of a forward pass go.

    Raises:
        BadInput: it is none of these, or PEFT does not take it.
    """
    place, document = adapter_document(adapter)
    if isinstance(document, Mapping) and document.get("peft_type") == VERA:
        with named_in(place):
            check_shape(document, VeraConfig().r)
        return _taken(place, VeraConfig, VERA_KEYS, document)
    return _lora_from(place, document, TRACED_KEYS)


def adapter_document(adapter: AdapterLike) -> tuple[Path | str, Any]:
    """What stands in an adapter_config.json, or what PEFT writes into one, and what that is called in messages."""
    if isinstance(adapter, Path | str):
        return document_from(Path(adapter))
    if not isinstance(adapter, PeftConfig):
        expected = "a configuration of PEFT, or the path of an adapter_config.json"
        raise BadInput("adapter", found=type(adapter).__name__, expected=expected)
    return type(adapter).__name__, adapter.to_dict()


def _lora_from(place: Path | str, document: Any, keys: Sequence[str]) -> LoraConfig:
    with named_in(place):
        config = config_from_mapping(document)
        check_alive(config)
        if config.variants and not config.is_dora:
            raise BadInput(f"{', '.join(config.variants)} changes the layers' equations; no rates are derived here")
    saved = [*config.saved_modules, *HEADS.get(config.task, ())]  # PEFT trains these whole, and adapts none
    return _taken(place, LoraConfig, keys, {**document, "modules_to_save": saved or None})


def _taken(place: Path | str, kind: type[C], keys: Sequence[str], document: Mapping[str, Any]) -> C:
    """A configuration of PEFT with some keys of a file."""
    try:
        return cast(C, kind(**{key: document[key] for key in keys if document.get(key) is not None}))
    except (ValueError, TypeError) as problem:
        raise BadInput(f"{place}: PEFT does not take it: {one_line(problem)}") from None


def shape_config(adapter: object) -> LoraConfig | None:
    """What of a PEFT configuration says which layers are adapted, and how large their factors are."""
    if not isinstance(adapter, LoraConfig):
        return None
    return LoraConfig(**{key: getattr(adapter, key) for key in ADAPTER_KEYS})


def module_names(adapters: Sequence[Adapter]) -> frozenset[str]:
    """The modules that have adapters, without PEFT's wrapping."""
    return frozenset(_whole(each.name) for each in adapters)


def layer_kinds(*models: Sequence[Adapter]) -> tuple[Mapping[str, LayerKind], ...]:
    """The adapters of some models by kind, named alike in all: by the last word, unless layers of it differ in shape.

    Then by the name without its numbers, and where those differ too, by the whole name; other kinds keep their word.

    >>> [name("model.layers.3.mlp.up_proj") for name in (_last, _starred)]
    ['up_proj', 'model.layers.*.mlp.up_proj']
    """
    mixed = {key for adapters in models for name in (_last, _starred) for key in _mixed(adapters, name)}
    return tuple(_kinds(adapters, mixed) for adapters in models)


def kind_names(adapters: Sequence[Adapter], kinds: Collection[str]) -> tuple[str, ...]:
    """The kind of each adapter, from `layer_kinds`."""
    names = [[name(each.name) for name in (_last, _starred, _whole)] for each in adapters]
    return tuple(next(name for name in each if name in kinds) for each in names)


def differences(name: str, kinds: Mapping[str, LayerKind]) -> str:
    """What differs between the layers that are called alike but for their numbers; nothing where they are one kind.

    >>> layers = [LayerKind(64, 64, l + 4, 8, False, False) for l in range(2)]
    >>> differences("layers.0.v_proj", {f"layers.{l}.v_proj": each for l, each in enumerate(layers)})
    'the rank of layers.*.v_proj'
    """
    alike = [kind for key, kind in kinds.items() if _starred(key) == _starred(name)]
    words = [word for word, size in SHAPE.items() if len({getattr(kind, size) for kind in alike}) > 1]
    return f"the {' and '.join(words)} of {_starred(name)}" if words else ""


def _mixed(adapters: Sequence[Adapter], name: Callable[[str], str]) -> set[str]:
    """The names under which there are layers of several shapes."""
    first: dict[str, LayerKind] = {}
    kinds = [(name(each.name), _kind(each)) for each in adapters]
    return {key for key, kind in kinds if first.setdefault(key, kind) != kind}


def _kinds(adapters: Sequence[Adapter], mixed: Collection[str]) -> dict[str, LayerKind]:
    """The kinds, each under the shortest name that is not mixed."""
    found: dict[str, LayerKind] = {}
    for each in adapters:
        names = (name(each.name) for name in (_last, _starred))
        key = next((name for name in names if name not in mixed), _whole(each.name))
        found[key] = _kind(each, found[key].count + 1 if key in found else 1)
    return found


def _kind(adapter: Adapter, count: int = 1) -> LayerKind:
    sizes, kept = (adapter.fan_in, adapter.fan_out, adapter.rank), (adapter.is_rank_stabilised, adapter.is_dora)
    return LayerKind(*sizes, round(adapter.alpha, 9), *kept, count)


SHAPE = {
    "fan-in": "fan_in",
    "fan-out": "fan_out",
    "rank": "rank",
    "lora_alpha": "alpha",
    "use_rslora": "is_rank_stabilised",
    "use_dora": "is_dora",
}
"""What a user calls each part of a shape."""


def _whole(name: str) -> str:
    return name.rpartition(WRAPPING)[2]


def _starred(name: str) -> str:
    return ".".join("*" if part.isdigit() else part for part in _whole(name).split("."))


def _last(name: str) -> str:
    return next((part for part in reversed(name.split(".")) if not part.isdigit()), name)


def on_meta(model: ModelLike) -> nn.Module:
    """A model of the same shapes, without numbers."""
    if not isinstance(model, PreTrainedModel | PreTrainedConfig | Path | str):
        expected = "a PEFT model or one of transformers, its configuration, or the folder of one"
        raise BadInput("a base model", found=type(model).__name__, expected=expected)
    config = model.config if isinstance(model, PreTrainedModel) else model
    if isinstance(config, str | Path):
        config = configuration_from(Path(config))
    try:
        kinds = [type(model)] if isinstance(model, PreTrainedModel) else classes_of(config)
        with torch.device("meta"), quiet():
            built = kinds[0](config) if kinds else AutoModel.from_config(config, trust_remote_code=False)
    except Exception as problem:  # whatever transformers raises over sizes that do not go together
        raise unusable(title_of(model), problem) from None
    assert isinstance(built, nn.Module)
    return built


def classes_of(config: Any) -> list[Any]:
    """The classes of models that a configuration names; other things of transformers are not called."""
    names = config.architectures if isinstance(config.architectures, list) else []
    found = [getattr(transformers, name, None) for name in names if isinstance(name, str)]
    return [each for each in found if isinstance(each, type) and issubclass(each, PreTrainedModel)]


@contextmanager
def quiet() -> Iterator[None]:
    """Without transformers' reports, as on a head that is missing, or flags for what nobody generates."""
    level = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity(logging.CRITICAL)
    try:
        yield
    finally:
        transformers.logging.set_verbosity(level)


def title_of(model: ModelLike) -> str:
    """What a model is called in messages: by its folder, or by its class."""
    return str(model) if isinstance(model, str | Path) else type(_bare(model)).__name__


def _bare(model: ModelLike) -> ModelLike:
    """A model without its adapters."""
    return cast(nn.Module, model.get_base_model()) if isinstance(model, PeftModel) else model


CONFIGURATION = "config.json"
LARGEST_CONFIGURATION = 2**24
MOST_LAYERS = 1024
SIZES = frozenset(
    name
    for kind in ("hidden", "heads", "kv_heads", "intermediate", "vocabulary", "layers")
    for name in ATTRIBUTES[kind]
)
"""Of which no model has 0; experts and shared parts it may have none."""
DECISIVE = ("hidden", "heads", "intermediate")
"""What fan-ins are made of."""
HEADS_AND_GROUPS = ("num_attention_heads", "num_key_value_heads")


def configuration_of(model: ModelLike) -> PreTrainedConfig:
    """The configuration of a model, which names its class; a copy, where it is not read from a file."""
    bare = _bare(model)
    if isinstance(bare, str | Path):
        return configuration_from(Path(bare))
    if isinstance(bare, PreTrainedConfig):
        return deepcopy(bare)
    if not isinstance(bare, PreTrainedModel) or getattr(transformers, type(bare).__name__, None) is not type(bare):
        raise BadInput("a model", found=type(bare).__name__, expected="one of transformers, or a PEFT model of one")
    config = deepcopy(bare.config)
    config.architectures = [type(bare).__name__]
    return config


def text_part(config: PreTrainedConfig) -> PreTrainedConfig:
    """The configuration of the part that reads text: itself, where there is no such part, or there are several."""
    try:
        return config.get_text_config()
    except ValueError:
        return config


def width_of(model: ModelLike) -> int:
    """The size of the residual stream; 0 where the configuration has no word for it."""
    text = text_part(configuration_of(model))
    return next((size for name in ATTRIBUTES["hidden"] if type(size := getattr(text, name, None)) is int), 0)


def configuration_from(path: Path) -> PreTrainedConfig:
    """The configuration in a file, or in the config.json of a folder; nothing is downloaded, no code of it is run."""
    if not is_there(path):
        word = path.name.lower()  # such as 8B or 70b
        is_count = word[:-1].replace(".", "", 1).isdigit() and word[-1:] in ("m", "b", "t")
        said = "; a number of parameters is no width, and many shapes have the same number" if is_count else ""
        raise BadInput("a model", found=str(path), expected=f"a folder with a {CONFIGURATION}, or such a file{said}")
    if path.suffix == ".py":
        expected = f"its function too: {path}:FUNCTION --allow-code"
        raise BadInput("a network in Python", found=str(path), expected=expected)
    if os.path.isdir(path) and not os.path.isfile(path / CONFIGURATION):
        raise BadInput(f"{path}: there is no {CONFIGURATION} in it")
    check_configuration(path / CONFIGURATION if os.path.isdir(path) else path)
    try:
        # False, not left out: transformers then asks on the terminal, and runs the folder's code on a "y".
        found = AutoConfig.from_pretrained(str(path), local_files_only=True, trust_remote_code=False)
    except Exception as problem:  # whatever transformers raises over such files
        raise unusable(str(path), problem) from None
    assert isinstance(found, PreTrainedConfig)
    return found


def sizes_by_default(path: Path) -> Mapping[str, int]:
    """The sizes that a configuration leaves out, such as the width, each as transformers takes it."""
    file = path / CONFIGURATION if os.path.isdir(path) else path
    said = {key for part in _parts(json.loads(file.read_bytes())) for key in part}
    config = text_part(configuration_from(path))
    every = ([name for name in ATTRIBUTES[kind] if _has_size(config, name)] for kind in DECISIVE)
    return {names[0]: getattr(config, names[0]) for names in every if names and said.isdisjoint(names)}


def check_configuration(file: Path) -> None:
    """Refuse a file that is no model's configuration, or one that transformers should not see.

    Raises:
        BadInput: so it is; layers without end would be built, or a kernel's code be fetched from the hub and run.
    """
    content = file_content(file, LARGEST_CONFIGURATION, f"a model's {CONFIGURATION}")
    with named_in(file):
        document = _check_model(parsed_json(content, f"a model's {CONFIGURATION}, as transformers writes it"))
        for part in _parts(document):
            heads, groups = (part.get(key) for key in HEADS_AND_GROUPS)
            if type(heads) is int and type(groups) is int and heads % groups:
                expected = f"a number that divides the {heads} of {HEADS_AND_GROUPS[0]}"
                raise BadInput(HEADS_AND_GROUPS[1], found=str(groups), expected=expected)


def _check_model(document: object) -> Mapping[str, Any]:
    """The same document, which may be a configuration."""
    if not isinstance(document, Mapping):
        raise BadInput(f"found {quoted(document)}, expected an object such as transformers writes")
    if "peft_type" in document:
        raise BadInput(f"is the configuration of an adapter; expected that of a model, its {CONFIGURATION}")
    for key, value in (entry for part in _parts(document) for entry in part.items()):
        if key in ATTRIBUTES["layers"] and type(value) is int and value > MOST_LAYERS:
            raise BadInput(key, found=str(value), expected=f"at most {MOST_LAYERS}")
        if key in SIZES and type(value) is int and value < 1:
            raise BadInput(key, found=str(value), expected="a whole number from 1")
        if "attn_implementation" in key and "/" in str(value):
            raise BadInput(f"{key} names a kernel on the hub, whose code is never run here; leave it out")
    return document


def _parts(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A configuration, and all that it holds, such as that of a part which sees or hears."""
    parts = [document]
    for part in parts:
        parts += [each for each in part.values() if isinstance(each, Mapping)]
    return parts


def configuration_at(text: str, width: int, layers: int) -> PreTrainedConfig:
    """A configuration, given as JSON, at another width and depth: heads keep their size, inner widths their share.

    Groups of queries keep their number as nearly as the heads allow.
    """
    try:
        document = json.loads(text)
        _check_model(document)
        found: Any = AutoConfig.for_model(document.pop("model_type"), **document)
        old = found.hidden_size
    except BadInput as problem:
        raise BadInput(f"--model: {problem}") from None
    except Exception as problem:  # whatever transformers raises over such configurations
        raise unusable("--model", problem) from None
    heads = next((getattr(found, name) for name in ATTRIBUTES["heads"] if _has_size(found, name)), old)
    if heads * width % old:
        multiple = old // math.gcd(heads, old)
        raise BadInput("--widths", found=str(width), expected=f"multiples of {multiple}, the size of a head")
    new_heads = heads * width // old
    sizes = {"hidden_size": width, "num_hidden_layers": layers}
    sizes |= {name: max(1, getattr(found, name) * width // old) for name in PROPORTIONAL if _has_size(found, name)}
    sizes |= {name: layers for name in ATTRIBUTES["layers"] if _has_size(found, name)}
    sizes |= dict.fromkeys(growing_ranks(found, old), math.ceil(width / SCAN_SHARE))
    if groups := getattr(found, "num_key_value_heads", None):
        wanted = max(1, groups * width // old)
        sizes["num_key_value_heads"] = max(k for k in range(1, wanted + 1) if new_heads % k == 0)
    for name, size in sizes.items():
        setattr(found, name, size)
    if isinstance(kinds := vars(found).get("layer_types"), list):  # of a Mamba it is a property
        found.layer_types = (kinds * layers)[:layers]
    assert isinstance(found, PreTrainedConfig)
    return found


def _has_size(config: PreTrainedConfig, name: str) -> bool:
    return type(getattr(config, name, None)) is int


INNER = ("intermediate", "moe_intermediate", "shared_intermediate")
PROPORTIONAL = (*(name for kind in ("heads", *INNER) for name in ATTRIBUTES[kind]), *SAME_AS_HIDDEN)
"""Sizes that grow in proportion to the width; what is fixed otherwise, such as the number of experts, stays."""


def unusable(name: str, problem: Exception) -> BadInput:
    """What to raise where transformers cannot make a model of a configuration."""
    if "trust_remote_code" in str(problem):
        words = "it needs Python code of its own, which is never run here; give a model whose class transformers has"
        return BadInput(f"{name}: {words}")
    return BadInput(f"{name}: transformers cannot build a model of it ({type(problem).__name__}: {one_line(problem)})")

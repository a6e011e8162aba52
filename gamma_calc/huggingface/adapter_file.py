"""Reading the adapter_config.json of a LoRA adapter, as PEFT writes it: JSON in, checked data out, without PEFT."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gamma_calc.errors import BadInput, named_in, nearest, quoted
from gamma_calc.files import file_content
from gamma_calc.huggingface.adapter_config import AdapterConfig, is_embedding
from gamma_calc.huggingface.adapter_keys import DEFAULTS, LORA, SWITCHES, VARIANTS, VERA, keys_of
from gamma_calc.huggingface.initial_factors import INITIALISATIONS, Initialisation, initialisation
from gamma_calc.huggingface.layer_names import is_among
from gamma_calc.huggingface.layer_sizes import ALL, is_read, names_in
from gamma_calc.program.adapters import ADAPTERS

LARGEST_FILE = 2**20
"""Bytes of the largest file that is read."""
LARGEST_NUMBER = 10**9
FILE_NAME = "adapter_config.json"
UNSET: tuple[object, ...] = (None, False, [], {}, "")
BIASES = ("none", "all", "lora_only")
TASKS = ("SEQ_CLS", "SEQ_2_SEQ_LM", "CAUSAL_LM", "TOKEN_CLS", "QUESTION_ANS", "FEATURE_EXTRACTION")


def is_config(spec: str) -> bool:
    """Whether a SPEC names an adapter's configuration: a JSON file, or a folder that holds one as PEFT writes it."""
    path = Path(spec)
    return path.suffix == ".json" or os.path.isfile(path / FILE_NAME)


def config_from_file(path: Path) -> AdapterConfig:
    """The configuration in a file of at most 1 MiB, or in the adapter_config.json of a folder.

    Raises:
        BadInput: it cannot be read or is no LoRA configuration; the message names the file, the key and what was found.
    """
    place, document = document_from(path)
    with named_in(place):
        return config_from_mapping(document)


def document_from(path: Path) -> tuple[Path, Any]:
    """The file of an adapter's configuration, which may be given by its folder, and what stands in it.

    Raises:
        BadInput: it cannot be read, or is not JSON.
    """
    place = path / FILE_NAME if os.path.isdir(path) else path
    content = file_content(place, LARGEST_FILE, f"an {FILE_NAME}, as PEFT writes it")
    with named_in(place):
        return place, parsed_json(content, f"an {FILE_NAME}, as PEFT writes it")


def check_shape(document: Mapping[str, Any], rank: int) -> None:
    """That a configuration has a rank, or takes PEFT's, and target modules.

    Raises:
        BadInput: one of them is none.
    """
    _rank(document, rank)
    _targets(document)


def config_from_mapping(document: object) -> AdapterConfig:
    """The configuration in parsed JSON; what is not there has PEFT's default, and `keys` has what it does not know.

    Raises:
        BadInput: it is no configuration of LoRA, or PEFT does not take what is there.
    """
    if not isinstance(document, Mapping):
        raise BadInput(f"found {quoted(document)}, expected an object such as PEFT writes")
    kind = document.get("peft_type")
    kind = getattr(kind, "value", kind)  # in memory PEFT has a member of an enum
    if kind is None and "model_type" in document:
        raise BadInput(f"is the configuration of a model; expected that of an adapter, the {FILE_NAME} beside it")
    if kind is None:
        raise BadInput(f'peft_type is missing; expected "{LORA}", as PEFT writes it')
    if str(kind).upper() == LORA != kind:
        raise BadInput("peft_type", found=kind, expected=f'"{LORA}", in capitals as PEFT writes it')
    if kind != LORA:
        name = str(kind).lower()
        derived = f"; gamma-calc derive {name} has one module's exponents" if name in ADAPTERS else ""
        if kind == VERA:
            between = f"gamma-calc transfer {name} --lr X --from-width N --to-width M"
            derived += f", {between} its rates, and gamma-calc model a model's, which may be smaller"
        more = "" if kind == VERA else f', or "{VERA}" for gamma-calc model'
        found = f'found {quoted(kind)}, expected "{LORA}"{more}'
        raise BadInput(f"peft_type: {found}: other adapters have other equations{derived}")
    for key in ("rank_pattern", "alpha_pattern"):
        _expressions(document, key)
    tokens = document.get("trainable_token_indices")
    for key in SWITCHES:
        _switch(document, key)
    return AdapterConfig(
        usual=(
            _rank(document, DEFAULTS["r"]),
            float(
                _read(document, "lora_alpha", _is_number, f"a number up to {LARGEST_NUMBER}", DEFAULTS["lora_alpha"])
            ),
        ),
        is_rank_stabilised=_switch(document, "use_rslora"),
        initialisation=_initialisation(document.get("init_lora_weights", True)),
        targets=_targets(document),
        parameters=_list(document, "target_parameters", "PEFT takes no text there"),
        saved_modules=_saved(document),
        bias=_read(document, "bias", lambda value: value in BIASES, f"one of {', '.join(BIASES)}", "none"),
        has_lora_bias=_switch(document, "lora_bias"),
        task=_read(document, "task_type", lambda value: value in TASKS, f"one of {', '.join(TASKS)}", ""),
        rank_pattern=_read(
            document, "rank_pattern", _is_rank_pattern, "an object from names to positive numbers, whole ones", {}
        ),
        alpha_pattern=_read(document, "alpha_pattern", _is_pattern, "an object from names to positive numbers", {}),
        variants=tuple(dict.fromkeys(name for key, name in VARIANTS.items() if _is_on(document, key))),
        has_expression=isinstance(document.get("target_modules"), str),
        dropout=float(_read(document, "lora_dropout", _is_share, "a number from 0 to 1", 0)),
        has_trained_tokens=tokens not in UNSET,
        token_tables=tuple(map(str, tokens)) if isinstance(tokens, Mapping) else (),
        is_transposed=_switch(document, "fan_in_fan_out"),
        excluded=_excluded(document),
        has_single_layers=_read(document, "layers_to_transform", _are_layers, "numbers of layers, from 0", []) != [],
        keys=keys_of(document),
        refused=_refused(document),
    )


def _refused(document: Mapping[str, Any]) -> tuple[str, ...]:
    """What of the keys PEFT does not take together, whatever it adapts."""
    layers, pattern = document.get("layers_to_transform"), document.get("layers_pattern")
    is_text = isinstance(document.get("target_modules"), str)
    of_loftq = document.get("loftq_config")
    has_iterations = isinstance(of_loftq, Mapping) and "loftq_iter" in of_loftq
    found = {
        "layers_to_transform beside a text in target_modules": is_text and layers is not None,
        "layers_pattern beside a text in target_modules": is_text and pattern is not None,
        "layers_pattern without layers_to_transform": pattern not in UNSET and layers is None,
        "use_dora and megatron_config together": document.get("use_dora") and document.get("megatron_config"),
        "loftq without loftq_iter in loftq_config": document.get("init_lora_weights") == "loftq" and not has_iterations,
    }
    return tuple(name for name, is_so in found.items() if is_so)


def _is_on(document: Mapping[str, Any], key: str) -> bool:
    """Whether a variant is switched on: one that has a configuration of its own is by an empty one too."""
    return document.get(key) not in UNSET or (document.get(key) == {} and key != "alora_invocation_tokens")


def _switch(document: Mapping[str, Any], key: str) -> bool:
    return bool(_read(document, key, lambda value: type(value) is bool, "true or false", False))


def _rank(document: Mapping[str, Any], default: int) -> Any:
    expected = f"a whole number from 1 to {LARGEST_NUMBER}"
    return _read(document, "r", lambda value: type(value) is int and 1 <= value <= LARGEST_NUMBER, expected, default)


def _targets(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The target modules: names, or one regular expression."""
    found = _expressions(document, "target_modules")
    names, out, excluded = _names(document, "target_modules"), document.get("exclude_modules"), _excluded(document)
    if found is not None and not any(names) and not document.get("target_parameters"):
        raise BadInput("target_modules: nothing is named, and without target_parameters PEFT adapts nothing")
    if not isinstance(found, str) and names and all(is_among(name, excluded) for name in names):
        raise BadInput(
            "exclude_modules", found=out, expected="fewer: it has all target_modules, and nothing is adapted"
        )
    if not isinstance(found, str) and names and {*names} <= {*_saved(document)}:
        raise BadInput(
            "modules_to_save", found=list(names), expected="fewer: it has all target_modules, and nothing is adapted"
        )
    return names


def _excluded(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of which no module is adapted: those of a list, or of a plain expression.

    An expression without .* is a whole name. That of an embedding is told by its dot, model.embed_tokens.
    """
    found = _expressions(document, "exclude_modules")
    if not isinstance(found, str):
        return _names(document, "exclude_modules")
    names = names_in(found) if is_read(found) else ()
    if found.startswith(".*"):
        return tuple(name.removeprefix(ALL) for name in names)
    return tuple(name for name in names if "." in name and is_embedding(name))


def _expressions(document: Mapping[str, Any], key: str) -> Any:
    """The value of a key, where each text that PEFT takes for a regular expression is one."""
    found = document.get(key)
    for each in [found] if isinstance(found, str) else found if isinstance(found, Mapping) else ():
        try:
            re.compile(str(each))
        except (re.error, OverflowError, RecursionError) as problem:
            expected = f"names, or a regular expression, which it is not: {problem}"
            raise BadInput(key, found=each, expected=expected) from None
    return found


def parsed_json(content: bytes, expected: str) -> object:
    """What the JSON of a configuration says; `expected` is what it should be, for the message that refuses it."""
    try:
        return json.loads(content.decode())  # Python would also read what PEFT and transformers do not
    except RecursionError:
        raise BadInput("is nested too deeply to be a configuration") from None
    except ValueError as problem:
        raise BadInput(f"is not JSON in UTF-8: {str(problem).partition(';')[0]:.120}; expected {expected}") from None


def _read(document: Mapping[str, Any], key: str, is_valid: Callable[[Any], bool], expected: str, default: Any) -> Any:
    """The value of a key, or its default where it is missing or null."""
    value = document.get(key)
    if value is None:
        return default
    if not is_valid(value):
        raise BadInput(f"{key}: found {quoted(value)}, expected {expected}")
    return value


def _names(document: Mapping[str, Any], key: str) -> tuple[str, ...]:
    found = document.get(key)
    names = [] if found is None else [found] if isinstance(found, str) else found
    if not isinstance(names, list | tuple | set) or not all(isinstance(name, str) for name in names):
        raise BadInput(f"{key}: found {quoted(found)}, expected a string or a list of strings")
    return tuple(sorted(names) if isinstance(names, set) else names)  # PEFT keeps a set in memory


def _saved(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The modules that are trained whole."""
    return _list(document, "modules_to_save", "PEFT reads a text letter by letter")


def _list(document: Mapping[str, Any], key: str, reason: str) -> tuple[str, ...]:
    """Names of which PEFT asks for a list."""
    found = document.get(key)
    if isinstance(found, str):
        raise BadInput(key, found=found, expected=f'a list, ["{found}"]: {reason}')
    return _names(document, key)


def _initialisation(value: object) -> Initialisation:
    found = initialisation(value)
    if found is None:
        known = ", ".join(json.dumps(each.option) for each in INITIALISATIONS)
        offered = nearest(str(value), [each.name for each in INITIALISATIONS]) if isinstance(value, str) else ""
        if isinstance(value, str) and value.lower() in ("true", "false"):
            offered = f" Did you mean {value.lower()}, without quotes?"
        raise BadInput(f"init_lora_weights: found {quoted(value)}, expected one of {known}.{offered}")
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST_NUMBER


def _are_layers(value: object) -> bool:
    numbers = value if isinstance(value, list | tuple) else [value]
    return all(type(number) is int and number >= 0 for number in numbers)


def _is_share(value: object) -> bool:
    return _is_number(value) and 0 <= value <= 1  # type: ignore[operator]


def _is_pattern(value: object) -> bool:
    return isinstance(value, Mapping) and all(_is_number(number) and number > 0 for number in value.values())


def _is_rank_pattern(value: object) -> bool:
    return isinstance(value, Mapping) and _is_pattern(value) and all(type(each) is int for each in value.values())

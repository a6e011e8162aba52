"""Reading the adapter_config.json of a LoRA adapter, as PEFT writes it: JSON in, checked data out, without PEFT."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gamma_calc.errors import BadInput, nearest, quoted
from gamma_calc.experiment.alpha import AlphaReading, alpha_reading
from gamma_calc.files import file_content
from gamma_calc.huggingface.initial_factors import INITIALISATIONS, Initialisation, initialisation
from gamma_calc.program.adapters import ADAPTERS

LARGEST_FILE = 2**20
"""Bytes of the largest file that is read."""

LARGEST_NUMBER = 10**9
FILE_NAME = "adapter_config.json"
LORA = "LORA"
BIASES = ("none", "all", "lora_only")

VARIANTS: Mapping[str, str] = {
    "use_dora": "DoRA",
    "use_qalora": "QALoRA",
    "velora_config": "VeLoRA",
    "kasa_config": "KaSA",
    "alora_invocation_tokens": "aLoRA",
    "monteclora_config": "MonteCLoRA",
    "arrow_config": "Arrow",
    "use_bdlora": "BD-LoRA",
    "bdlora_config": "BD-LoRA",
    "target_parameters": "LoRA on bare parameters",
}
"""Keys that, when set, change the module's equations."""


@dataclass(frozen=True, slots=True)
class AdapterConfig:
    """What a LoRA configuration says that bears on exponents.

    `targets` are the target modules as written (one regular expression, or names); the patterns give some layers a rank
    or an alpha of their own; `variants` names the variants of LoRA that are switched on.
    """

    rank: int
    alpha: float
    is_rank_stabilised: bool
    initialisation: Initialisation
    targets: tuple[str, ...]
    saved_modules: tuple[str, ...]
    bias: str
    has_lora_bias: bool
    task: str
    rank_pattern: Mapping[str, float]
    alpha_pattern: Mapping[str, float]
    variants: tuple[str, ...]

    @property
    def scale(self) -> float:
        """s = alpha / r, or alpha / sqrt(r) where it is rank-stabilised."""
        return self.alpha / (self.rank**0.5 if self.is_rank_stabilised else self.rank)

    def __str__(self) -> str:
        shown = self.alpha_reading
        kept = "" if shown is None else f"; by its patterns lora_alpha is {shown.words} from rank to rank"
        root = "^(1/2)" if self.is_rank_stabilised else ""
        return f"r = {self.rank}, lora_alpha = {self.alpha:g}, s = lora_alpha/r{root} = {self.scale:g}{kept}"

    def json(self) -> dict[str, Any]:
        """What bears on the scale, as plain data."""
        shown = self.alpha_reading
        return {
            "rank": self.rank,
            "lora_alpha": self.alpha,
            "use_rslora": self.is_rank_stabilised,
            "scale": self.scale,
            "alpha": None if shown is None else shown.value,
        }

    @property
    def alpha_reading(self) -> AlphaReading | None:
        """What alpha does from rank to rank, seen on the layers that the patterns name.

        None where all have one rank, or it cannot be told: a name of alpha_pattern that rank_pattern does not have may
        meet any rank.
        """
        if not set(self.alpha_pattern) <= set(self.rank_pattern):
            return None
        named = ((rank, self.alpha_pattern.get(name, self.alpha)) for name, rank in self.rank_pattern.items())
        return alpha_reading([(self.rank, self.alpha), *named])


def is_config(spec: str) -> bool:
    """Whether a SPEC names an adapter's configuration: a JSON file, or a folder that holds one as PEFT writes it."""
    path = Path(spec)
    return path.suffix == ".json" or os.path.isfile(path / FILE_NAME)


def config_from_file(path: Path) -> AdapterConfig:
    """The configuration in a file of at most 1 MiB, or in the adapter_config.json of a folder.

    Raises:
        BadInput: it cannot be read or is no LoRA configuration; the message names the file, the key and what was found.
    """
    return read_config(path)[0]


def read_config(path: Path) -> tuple[AdapterConfig, Mapping[str, Any]]:
    """The same, with all that stands in the file beside it.

    Raises:
        BadInput: as `config_from_file`.
    """
    place = path / FILE_NAME if os.path.isdir(path) else path
    content = file_content(place, LARGEST_FILE, f"an {FILE_NAME}, as PEFT writes it")
    try:
        document: Any = _document(content)
        return config_from_mapping(document), document
    except BadInput as problem:
        raise BadInput(f"{place}: {problem}") from None


def config_from_mapping(document: object) -> AdapterConfig:
    """The configuration in parsed JSON, with PEFT's defaults for what is not there; unknown keys are left aside.

    Raises:
        BadInput: it is no LoRA configuration.
    """
    if not isinstance(document, Mapping):
        raise BadInput(f"found {quoted(document)}, expected an object such as PEFT writes")
    _check_type(document)
    return AdapterConfig(
        rank=_read(document, "r", _is_count, f"a whole number from 1 to {LARGEST_NUMBER}"),
        alpha=float(_read(document, "lora_alpha", _is_number, f"a number up to {LARGEST_NUMBER}", 8)),
        is_rank_stabilised=_read(document, "use_rslora", _is_truth, "true or false", False),
        initialisation=_initialisation(document.get("init_lora_weights", True)),
        targets=_names(document, "target_modules"),
        saved_modules=_names(document, "modules_to_save"),
        bias=_read(document, "bias", lambda value: value in BIASES, f"one of {', '.join(BIASES)}", "none"),
        has_lora_bias=_read(document, "lora_bias", _is_truth, "true or false", False),
        task=_read(document, "task_type", lambda value: isinstance(value, str), "a string", ""),
        rank_pattern=_read(document, "rank_pattern", _is_pattern, "an object from names to numbers", {}),
        alpha_pattern=_read(document, "alpha_pattern", _is_pattern, "an object from names to numbers", {}),
        variants=tuple(dict.fromkeys(name for key, name in VARIANTS.items() if _is_set(document.get(key)))),
    )


def _document(content: bytes) -> object:
    try:
        return json.loads(content)
    except RecursionError:
        raise BadInput("is nested too deeply to be a configuration") from None
    except ValueError as problem:
        raise BadInput(f"is not JSON: {problem!s:.120}") from None


def _check_type(document: Mapping[str, Any]) -> None:
    kind = document.get("peft_type")
    if kind is None:
        raise BadInput(f'peft_type is missing; expected "{LORA}", as PEFT writes it')
    if kind != LORA:
        raise BadInput(f'peft_type: found {quoted(kind)}, expected "{LORA}": {_elsewhere(str(kind).lower())}')


def _elsewhere(name: str) -> str:
    """What there is of an adapter of another kind."""
    derived = f"; gamma-calc derive {name} has its exponents" if name in ADAPTERS else ""
    return f"other adapters have other equations{derived}"


def _read(
    document: Mapping[str, Any], key: str, is_valid: Callable[[Any], bool], expected: str, default: Any = None
) -> Any:
    """The value of a key, or its default where it is missing or null."""
    value = document.get(key)
    if value is None:
        if default is None:
            raise BadInput(f"{key} is missing; expected {expected}")
        return default
    try:
        is_fine = is_valid(value)
    except TypeError:
        is_fine = False
    if not is_fine:
        raise BadInput(f"{key}: found {quoted(value)}, expected {expected}")
    return value


def _names(document: Mapping[str, Any], key: str) -> tuple[str, ...]:
    found = document.get(key)
    names = [] if found is None else [found] if isinstance(found, str) else found
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BadInput(f"{key}: found {quoted(found)}, expected a string or a list of strings")
    return tuple(names)


def _initialisation(value: object) -> Initialisation:
    found = initialisation(value)
    if found is None:
        known = ", ".join(json.dumps(each.option) for each in INITIALISATIONS)
        offered = nearest(str(value), [each.name for each in INITIALISATIONS]) if isinstance(value, str) else ""
        raise BadInput(f"init_lora_weights: found {quoted(value)}, expected one of {known}.{offered}")
    return found


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST_NUMBER


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST_NUMBER


def _is_truth(value: object) -> bool:
    return isinstance(value, bool)


def _is_pattern(value: object) -> bool:
    return isinstance(value, Mapping) and all(_is_number(number) and number > 0 for number in value.values())


def _is_set(value: object) -> bool:
    return value not in (None, False, [], {}, "")

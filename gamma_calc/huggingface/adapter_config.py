"""Reading the adapter_config.json of a LoRA adapter, as PEFT writes it: JSON in, checked data out, without PEFT."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gamma_calc.errors import BadInput, named_in, nearest, quoted
from gamma_calc.experiment.alpha import SCALES, AlphaReading, alpha_reading
from gamma_calc.files import file_content
from gamma_calc.huggingface.adapter_keys import DEFAULTS, DORA, LORA, SWITCHES, VARIANTS, VERA, KeysOf, keys_of
from gamma_calc.huggingface.initial_factors import INITIALISATIONS, Initialisation, initialisation
from gamma_calc.huggingface.layer_names import idle_patterns, is_among, names_text, slips_of
from gamma_calc.huggingface.layer_sizes import ALL, ANY, NAME, Size, is_read, layer_sizes, names_in
from gamma_calc.program.adapters import ADAPTERS

LARGEST_FILE = 2**20
"""Bytes of the largest file that is read."""

LARGEST_NUMBER = 10**9
FILE_NAME = "adapter_config.json"
UNSET: tuple[object, ...] = (None, False, [], {}, "")
BIASES = ("none", "all", "lora_only")
TASKS = ("SEQ_CLS", "SEQ_2_SEQ_LM", "CAUSAL_LM", "TOKEN_CLS", "QUESTION_ANS", "FEATURE_EXTRACTION")
HEADS: Mapping[str, tuple[str, ...]] = {
    "SEQ_CLS": ("classifier", "score"),
    "TOKEN_CLS": ("classifier", "score"),
    "QUESTION_ANS": ("qa_outputs",),
}
"""What heads are called that PEFT also trains, by the task type that has it do so."""

OF_POSITIONS = frozenset(
    {"wpe", "position_embeddings", "position_embedding", "token_type_embeddings", "relative_attention_bias"}
)
"""Names of embeddings that are not of tokens."""

EMBEDDINGS = (
    *("embed_tokens", "word_embeddings", "word_embedding", "embeddings", "embedding", "wte", "embed_in"),
    *("tok_embeddings", "token_embedding", "shared", *sorted(OF_POSITIONS)),
)
"""Last parts of the names that transformers gives embeddings; what a module is cannot be told from a configuration."""

BASES = ("model", "transformer")
"""What transformers calls the model under a head; it has one embedding of each name."""

OTHERS = "layers that no pattern names"
LAST_PART = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?=[)|$]|\Z)")
ESCAPED = re.compile(r"\\.", re.DOTALL)
NOT_TAKEN = ("(?!", "(?<!")
"""How an expression says what it does not take."""


@dataclass(frozen=True, slots=True)
class AdapterConfig:
    """What a LoRA configuration says that bears on exponents.

    `targets` are the target modules as written, names or, if it `has_expression`, one that may be a regular
    expression; `parameters` the target parameters;
    the patterns give some layers a rank or an alpha of their own; `variants` names the variants of LoRA that are
    switched on; `has_trained_tokens` says whether rows of an embedding are trained beside the adapters, `token_tables`
    of which embeddings where they are named, and `is_transposed` whether layers are taken to store W as
    [fan-in, fan-out]; of `excluded` names no module is adapted, and `has_single_layers` says whether layers are chosen
    by number; `keys` are those that PEFT does not know, and `refused` says what of the others it does not take
    together. `usual` is r and lora_alpha as written, and `sizes` what each kind of layers has by the patterns.
    """

    usual: Size
    is_rank_stabilised: bool
    initialisation: Initialisation
    targets: tuple[str, ...]
    parameters: tuple[str, ...]
    saved_modules: tuple[str, ...]
    bias: str
    has_lora_bias: bool
    task: str
    rank_pattern: Mapping[str, int]
    alpha_pattern: Mapping[str, float]
    variants: tuple[str, ...]
    has_expression: bool
    dropout: float
    has_trained_tokens: bool
    token_tables: tuple[str, ...]
    is_transposed: bool
    excluded: tuple[str, ...]
    has_single_layers: bool
    keys: KeysOf
    refused: tuple[str, ...]
    sizes: Mapping[str, Size] = field(init=False)

    def __post_init__(self) -> None:
        idle, left_out = self.idle_patterns, {*self.targets} - {*self.adapted}
        ranks = {key: rank for key, rank in self.rank_pattern.items() if key not in idle}
        alphas = {key: alpha for key, alpha in self.alpha_pattern.items() if key not in idle}
        sizes = layer_sizes(self._named or (ANY,), self.usual, ranks, alphas)
        kept = {name: size for name, size in sizes.items() if not (name in left_out or self._is_left_out(name))}
        object.__setattr__(self, "sizes", kept or sizes)

    @property
    def _named(self) -> tuple[str, ...]:
        """The names of the targets; nothing where they are not known, as of an expression that is not read."""
        names = names_in(self.targets[0]) if self.has_expression else self.targets
        is_known = not self.has_expression or (is_read(self.targets[0]) and ALL not in "".join(names))
        return (*names, *self.parameters) if is_known else ()

    @property
    def linear_sizes(self) -> Mapping[str, Size]:
        """The rank and the alpha of each kind of linear layers; of embeddings, where there are no others."""
        return {name: size for name, size in self.sizes.items() if not _is_embedding(name)} or self.sizes

    @property
    def rank(self) -> int:
        """The rank of the layers that are spoken of."""
        return self._spoken_of[0]

    @property
    def alpha(self) -> float:
        """Their alpha."""
        return self._spoken_of[1]

    @property
    def _spoken_of(self) -> Size:
        """r and lora_alpha as written, unless no layer has them, or they train nothing."""
        return max(self.linear_sizes.values(), key=lambda size: (bool(size[1]), size == self.usual))

    @property
    def dead(self) -> tuple[str, ...]:
        """The kinds of layers whose scale is zero."""
        return tuple(name for name, (_, alpha) in self.sizes.items() if not alpha)

    @property
    def dead_text(self) -> str:
        """Which they are, where others are not."""
        is_part = len(self.dead) < len(self.sizes)
        return f" for {', '.join(name or OTHERS for name in self.dead)}" if is_part else ""

    @property
    def unread(self) -> tuple[str, ...]:
        """The keys of the patterns that say more than names: they may take any layer."""
        return tuple(key for key in {**self.rank_pattern, **self.alpha_pattern} if not is_read(key))

    @property
    def is_dora(self) -> bool:
        """Whether DoRA, and no other variant, is switched on."""
        return self.variants == (DORA,)

    @property
    def adapted(self) -> tuple[str, ...]:
        """The targets without those that are excluded or saved; an embedding has no number by which to choose it.

        By its whole name, with a dot, PEFT adapts it all the same.
        """
        names = [name for name in self.targets if not self._is_left_out(name)]
        numbered = [name for name in names if not (self.has_single_layers and name in EMBEDDINGS)]
        return tuple(numbered or names)

    def _is_left_out(self, name: str) -> bool:
        """Whether no module of a name is adapted: they are excluded, or are trained whole or stand in such."""
        saved = (*self.saved_modules, *HEADS.get(self.task, ()))
        if is_among(name, self.excluded) or any(f".{each}." in f".{name}." for each in saved):
            return True
        return name in EMBEDDINGS and any(f"{base}.{name}" in (*self.excluded, *saved) for base in BASES)

    @property
    def embeddings(self) -> tuple[str, ...]:
        """The targets that are embeddings by name, or the names of embeddings that an expression ends in.

        An expression is read, wte and wpe in `.*\\.(wte|wpe)`, and not matched: that may take forever. One that says
        what it does not take names none here.
        """
        if not self.has_expression:
            return tuple(filter(_is_embedding, self.adapted))
        (expression,) = self.targets
        if any(mark in expression for mark in NOT_TAKEN):
            return ()
        ends = LAST_PART.findall(ESCAPED.sub(" ", expression))
        return tuple(name for name in dict.fromkeys(ends) if name in EMBEDDINGS and not self._is_left_out(name))

    @property
    def has_only_embeddings(self) -> bool:
        """Whether all targets are embeddings by name."""
        names = self.embeddings
        if not self.has_expression:
            return bool(names) and len(names) == len(self.adapted) and not self.parameters
        # Without alternatives, whatever an expression takes ends as it does.
        return bool(names) and "|" not in self.targets[0] and not self.parameters

    @property
    def has_adapted_tokens(self) -> bool:
        """Whether an embedding is adapted of which rows are trained, that of tokens unless others are named."""
        adapted, named = ({name.rpartition(".")[2] for name in names} for names in (self.embeddings, self.token_tables))
        return self.has_trained_tokens and bool(adapted & named if named else adapted - OF_POSITIONS)

    @property
    def slips(self) -> Mapping[str, str]:
        """Names of layers that are slips in writing well-known ones, each with the one that was meant."""
        return slips_of((*self.targets, *self.excluded, *self.saved_modules))

    @property
    def slips_text(self) -> str:
        """The slips in one sentence."""
        return (
            f"No layer of a known model is called {names_text(self.slips)}; PEFT passes over a name that no layer has."
        )

    @property
    def idle_patterns(self) -> Mapping[str, str]:
        """Names in the patterns that meet no target, each with the one that was meant, or with nothing.

        An expression there may meet any layer, and one that says what is adapted, a layer of any name.
        """
        return idle_patterns(filter(NAME.fullmatch, {**self.rank_pattern, **self.alpha_pattern}), self._named)

    @property
    def idle_text(self) -> str:
        """The same in one sentence."""
        found = f"rank_pattern or alpha_pattern has {names_text(self.idle_patterns)}"
        return f"{found}, and no target is called so: no layer has a rank or an alpha by it."

    @property
    def has_patterns(self) -> bool:
        """Whether some layers have another rank or alpha than others."""
        return len({*self.sizes.values()}) > 1

    @property
    def notes(self) -> tuple[str, ...]:
        """What of the file PEFT leaves aside, as far as it can be told without a model."""
        slips, idle = ([self.slips_text] if self.slips else []), ([self.idle_text] if self.idle_patterns else [])
        return (*self.keys.notes, *slips, *idle)

    @property
    def scale(self) -> float:
        """s = alpha / r, or alpha / sqrt(r) where it is rank-stabilised."""
        return self.alpha / (self.rank**0.5 if self.is_rank_stabilised else self.rank)

    def scale_exponent(self, alpha: AlphaReading) -> str:
        """The exponent of s as a spec writes it, by what alpha does as the rank changes."""
        return SCALES[alpha, self.is_rank_stabilised]

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

        None where all have one rank, or it cannot be told, as an expression may take any layer; or where it is neither
        kept nor in proportion to r.
        """
        return alpha_reading(self.linear_sizes.values()) if self._is_alpha_told else None

    @property
    def is_alpha_mixed(self) -> bool:
        """Whether alpha is seen to be neither kept nor in proportion to r."""
        has_ranks = len({rank for rank, _ in self.linear_sizes.values()}) > 1
        return self._is_alpha_told and self.alpha_reading is None and has_ranks

    @property
    def _is_alpha_told(self) -> bool:
        """Whether what is not read takes the same layers in both patterns, or all layers have one alpha."""
        of_ranks, of_alphas = (
            {key for key in self.unread if key in each} for each in (self.rank_pattern, self.alpha_pattern)
        )
        return not self.alpha_pattern or of_ranks == of_alphas


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


def check_alpha(config: AdapterConfig) -> None:
    """That an adapter adds something.

    Raises:
        BadInput: its scale is zero, on some layers at least.
    """
    if config.dead:
        raise BadInput(
            f"lora_alpha: found 0{config.dead_text}: the adapter adds nothing, and no step changes that; "
            "gamma-calc lint says so"
        )


def is_vera(document: object) -> bool:
    """Whether a configuration is one of VeRA."""
    return isinstance(document, Mapping) and document.get("peft_type") == VERA


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
            between = f"gamma-calc transfer {name} --from-width N --to-width M"
            derived += f", {between} its rates, and gamma-calc model a model's, which may be smaller"
        found = f'found {quoted(kind)}, expected "{LORA}"'
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


def _is_embedding(name: str) -> bool:
    return name.rpartition(".")[2] in EMBEDDINGS


def _switch(document: Mapping[str, Any], key: str) -> bool:
    return bool(_read(document, key, lambda value: type(value) is bool, "true or false", False))


def _rank(document: Mapping[str, Any], default: int) -> Any:
    expected = f"a whole number from 1 to {LARGEST_NUMBER}"
    return _read(document, "r", lambda value: type(value) is int and 1 <= value <= LARGEST_NUMBER, expected, default)


def _targets(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The target modules: names, or one regular expression."""
    found = _expressions(document, "target_modules")
    if found in ([], (), "") and not document.get("target_parameters"):
        raise BadInput("target_modules: nothing is named, and without target_parameters PEFT adapts nothing")
    names, out, excluded = _names(document, "target_modules"), document.get("exclude_modules"), _excluded(document)
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
    return tuple(name for name in names if "." in name and _is_embedding(name))


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
        return json.loads(content)
    except RecursionError:
        raise BadInput("is nested too deeply to be a configuration") from None
    except ValueError as problem:
        raise BadInput(f"is not JSON: {problem!s:.120}; expected {expected}") from None


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

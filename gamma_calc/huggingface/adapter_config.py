"""What the adapter_config.json of a LoRA adapter says that bears on exponents, as far as it tells without a model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gamma_calc.derivation.alpha import SCALES, AlphaReading, alpha_reading
from gamma_calc.errors import BadInput
from gamma_calc.huggingface.adapter_keys import DORA, KeysOf
from gamma_calc.huggingface.initial_factors import Initialisation
from gamma_calc.huggingface.layer_names import EMBEDDINGS, OF_POSITIONS, idle_patterns, is_among, names_text, slips_of
from gamma_calc.huggingface.layer_sizes import ALL, ANY, NAME, Size, is_read, layer_sizes, names_in

HEADS: Mapping[str, tuple[str, ...]] = {
    "SEQ_CLS": ("classifier", "score"),
    "TOKEN_CLS": ("classifier", "score"),
    "QUESTION_ANS": ("qa_outputs",),
}
"""What heads are called that PEFT also trains, by the task type that has it do so."""

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
        return {name: size for name, size in self.sizes.items() if not is_embedding(name)} or self.sizes

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
            return tuple(filter(is_embedding, self.adapted))
        (expression,) = self.targets
        if any(mark in expression for mark in NOT_TAKEN):
            return ()
        ends = LAST_PART.findall(ESCAPED.sub(" ", expression))
        return tuple(name for name in dict.fromkeys(ends) if name in EMBEDDINGS and not self._is_left_out(name))

    @property
    def drops_all(self) -> bool:
        """Whether linear layers drop all that they are given; PEFT's Embedding has no dropout."""
        return self.dropout == 1 and not self.has_only_embeddings

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
    def trained_whole(self) -> tuple[str, ...]:
        """What PEFT trains whole, as the file asks or for the sake of its task."""
        saved = (f"{', '.join(self.saved_modules)} (modules_to_save)",) if self.saved_modules else ()
        return (*saved, f"the head (task_type {self.task})") if self.task in HEADS else saved

    @property
    def trains_biases(self) -> bool:
        """Whether biases are trained, those of the model or of the adapter."""
        return self.bias != "none" or self.has_lora_bias

    @property
    def trained_beside(self) -> tuple[str, ...]:
        """What is trained beside A and B."""
        rows = ("rows of the embedding (trainable_token_indices)",) if self.has_trained_tokens else ()
        biases = ("biases",) if self.trains_biases else ()
        return (*self.trained_whole, *rows, *biases)

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
        """Their scale."""
        return self.scale_of(self._spoken_of)

    def scale_of(self, size: Size) -> float:
        """s = alpha / r, or alpha / sqrt(r) where it is rank-stabilised."""
        rank, alpha = size
        return alpha / (rank**0.5 if self.is_rank_stabilised else rank)

    def scale_exponent(self, alpha: AlphaReading) -> str:
        """The exponent of s as a spec writes it, by what alpha does as the rank changes."""
        return SCALES[alpha, self.is_rank_stabilised]

    def __str__(self) -> str:
        shown = self.alpha_reading
        kept = "" if shown is None else f"; by its patterns lora_alpha is {shown.words} from rank to rank"
        root = "^(1/2)" if self.is_rank_stabilised else ""
        usual = " where no pattern says otherwise" if self.has_patterns else ""
        return f"r = {self.rank}, lora_alpha = {self.alpha:g}, s = lora_alpha/r{root} = {self.scale:g}{usual}{kept}"

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


def check_alive(config: AdapterConfig) -> None:
    """That an adapter adds something.

    Raises:
        BadInput: its scale is zero, on some layers at least, or all of its input drops out.
    """
    if config.dead or config.drops_all:
        cause = f"lora_alpha: found 0{config.dead_text}" if config.dead else "lora_dropout: found 1"
        raise BadInput(f"{cause}: the adapter adds nothing, and no step changes that; gamma-calc lint says so")


def is_embedding(name: str) -> bool:
    """Whether a module is called as embeddings are."""
    return name.rpartition(".")[2] in EMBEDDINGS

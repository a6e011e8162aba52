"""The keys of an adapter's configuration: what PEFT knows, and what is a slip in writing it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from gamma_calc.huggingface.layer_names import names_text

LORA, VERA = "LORA", "VERA"
DORA, QALORA = "DoRA", "QALoRA"

VARIANTS: Mapping[str, str] = {
    "use_dora": DORA,
    "use_qalora": QALORA,
    "velora_config": "VeLoRA",
    "kasa_config": "KaSA",
    "alora_invocation_tokens": "aLoRA",
    "monteclora_config": "MonteCLoRA",
    "arrow_config": "Arrow",
    "use_bdlora": "BD-LoRA",
    "bdlora_config": "BD-LoRA",
}
"""Keys that, when set, change the module's equations."""
SWITCHES = ("use_dora", "use_qalora")
"""Those of them that are true or false."""

COMMON_KEYS = (
    *("task_type", "peft_type", "auto_mapping", "peft_version", "base_model_name_or_path", "revision"),
    *("inference_mode", "r", "target_modules", "fan_in_fan_out", "bias", "modules_to_save", "layers_to_transform"),
    "layers_pattern",
)
KEYS: Mapping[str, tuple[str, ...]] = {
    LORA: (
        *COMMON_KEYS,
        *("exclude_modules", "target_parameters", "trainable_token_indices", "lora_alpha", "lora_dropout", "lora_bias"),
        *("use_rslora", "init_lora_weights", "rank_pattern", "alpha_pattern", "megatron_config", "megatron_core"),
        *("loftq_config", "eva_config", "corda_config", "lora_ga_config", "qalora_group_size", "layer_replication"),
        *("runtime_config", "ensure_weight_tying", "enable_lora", "merge_weights"),
        *VARIANTS,
    ),
    VERA: (
        *COMMON_KEYS,
        *("projection_prng_key", "save_projection", "vera_dropout", "d_initial", "init_weights"),
    ),
}
"""What PEFT up to 0.21 writes into an adapter_config.json, by the kind of adapter."""
OTHER_WORDS = {"rank": "r", "lora_r": "r", "lora_rank": "r", "alpha": "lora_alpha", "dropout": "lora_dropout"}
"""What elsewhere are the words for some of them."""
LIKENESS = 0.8
"""How alike two keys are, in difflib's ratio, where one is taken for a slip in writing the other."""
DEFAULTS: Mapping[str, int] = {"r": 8, "lora_alpha": 8}
"""What PEFT takes where a file of LoRA has none."""


@dataclass(frozen=True, slots=True)
class KeysOf:
    """Which keys of a configuration PEFT does not know: `slips` with the key that was meant, and `others`.

    `missing` are those of LoRA's rank and alpha that are PEFT's own choice.
    """

    slips: Mapping[str, str]
    others: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def slips_text(self) -> str:
        """The slips in one sentence; nothing where there are none."""
        said = f"PEFT does not know {names_text(self.slips)} and goes on without, as if it were not there."
        return said if self.slips else ""

    def missing_text(self, key: str) -> str:
        """What PEFT takes for a missing key; nothing where it is there."""
        return f"{key} is missing, and PEFT takes {DEFAULTS[key]}." if key in self.missing else ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What to say of them beside an answer."""
        return tuple(each for each in (self.slips_text, *map(self.missing_text, DEFAULTS)) if each)


def keys_of(document: Mapping[str, Any]) -> KeysOf:
    """The keys of a configuration beside those that PEFT knows for its kind of adapter.

    >>> keys_of({"peft_type": "LORA", "lora_alhpa": 16, "from_elsewhere": 1}).slips
    {'lora_alhpa': 'lora_alpha'}
    """
    kind = document.get("peft_type")
    known = KEYS.get(kind, ()) if isinstance(kind, str) else ()
    unknown = [str(key) for key in document if key not in known] if known else []
    close = {key: get_close_matches(key.casefold(), known, n=1, cutoff=LIKENESS) for key in unknown}
    others_words = {key: [OTHER_WORDS[key]] for key in unknown if OTHER_WORDS.get(key, key) not in (key, *document)}
    slips = {key: found[0] for key, found in (close | others_words).items() if found}
    others = tuple(key for key in unknown if key not in slips)
    missing = tuple(key for key in DEFAULTS if document.get(key) is None) if kind == LORA else ()
    return KeysOf(slips, others, missing)

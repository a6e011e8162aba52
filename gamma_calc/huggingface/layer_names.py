"""What layers are called in the models that PEFT adapts, and which other names are slips in writing one of these.

A configuration names layers without a model. Another name may well be one of a model of somebody's own, so that it is
taken for a slip only where letters of a longer word are wrong: q_porj is q_proj, and x_proj is a name of Mamba's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher, get_close_matches

from gamma_calc.errors import quoted

ALL_LINEAR = "all-linear"
"""What PEFT takes for every linear layer but the head's."""
IN_BLOCKS = (
    *(
        "q_proj",
        "k_proj",
        "v_proj",
        "o_proj",
        "out_proj",
        "qkv_proj",
        "query",
        "key",
        "value",
        "qkv",
        "Wqkv",
        "Wo",
        "wo",
    ),
    *("query_key_value", "query_proj", "key_proj", "value_proj", "q_attn", "c_attn", "c_proj", "c_fc", "in_proj"),
    *("q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj", "in_proj_qkvz", "in_proj_ba", "in_proj_qkv"),
    *("gate_proj", "up_proj", "down_proj", "gate_up_proj", "fc1", "fc2", "fc_in", "fc_out", "wi_0", "wi_1"),
    *("dense_h_to_4h", "dense_4h_to_h", "intermediate_dense", "output_dense", "x_proj", "dt_proj"),
)
"""Those that stand in the blocks of a model, so that no module's whole name is one of them."""
OF_POSITIONS = frozenset(
    {"wpe", "position_embeddings", "position_embedding", "token_type_embeddings", "relative_attention_bias"}
)
"""Names of embeddings that are not of tokens."""
EMBEDDINGS = (
    *("embed_tokens", "word_embeddings", "word_embedding", "embeddings", "embedding", "wte", "embed_in"),
    *("tok_embeddings", "token_embedding", "shared", *sorted(OF_POSITIONS)),
)
"""Last parts of the names that transformers gives embeddings; what a module is cannot be told from a configuration."""
LAYER_NAMES = (
    *(ALL_LINEAR, *IN_BLOCKS, "linear", "linear1", "linear2", "linear_1", "linear_2", "linear_fc1", "linear_fc2"),
    *("input_linear", "output_linear", "dense", "proj", "embed_out", "lm_head", "score", "classifier", "decoder"),
    *("qa_outputs", "pre_classifier", "projector", "projection", "gate", "router", "output", *EMBEDDINGS),
)
"""The commonest names of linear layers and embeddings in transformers, by their last word."""
OTHER_NAMES = (
    *("lm_heads", "scorer", "projectors", "projections", "project", "predictor", "predictions", "encoder", "encoders"),
    *("aligner", "gte", "positional_embedding"),
)
"""Other names in transformers that are nearly one of these."""
SHORTEST = 4
"""Letters of the shortest part of a name that is read as misspelt: of q, fc or out every letter makes another name."""
LIKENESS = 0.75
"""How alike two such parts are, in difflib's ratio, where one is taken for a slip in writing the other."""


def is_among(name: str, names: Iterable[str]) -> bool:
    """Whether all modules of a name, which end in it, are of one of some names."""
    return any(name == each or name.endswith(f".{each}") for each in names)


def slips_of(names: Iterable[str]) -> Mapping[str, str]:
    """The names that are slips, each with the one that was meant."""
    meant = {name: meant_name(name) for name in names}
    return {name: found for name, found in meant.items() if found}


def idle_patterns(patterns: Iterable[str], targets: Iterable[str]) -> Mapping[str, str]:
    """The names in patterns that meet no target, each with the one that was meant, or with nothing.

    Args:
        targets: the names of what is adapted; where there are none, only slips are told.

    >>> dict(idle_patterns(["q_porj", "self_attn.v_proj", "up_proj"], ["q_proj", "v_proj"]))
    {'q_porj': 'q_proj', 'up_proj': ''}
    """
    known = tuple(targets)
    if not known:
        return slips_of(patterns)
    idle = [name for name in patterns if not any(is_among(name, (one,)) or is_among(one, (name,)) for one in known)]
    return {name: meant_name(name) or _nearest_target(name, known) for name in idle}


def _nearest_target(name: str, targets: Iterable[str]) -> str:
    word = name.rpartition(".")[2]
    return "" if word in LAYER_NAMES else next(iter(get_close_matches(word, targets, n=1, cutoff=LIKENESS)), "")


def names_text(names: Mapping[str, str]) -> str:
    """Names in a row, each with the one that was meant."""
    return ", ".join(
        f"{quoted(name)} (did you mean {meant!r}?)" if meant else quoted(name) for name, meant in names.items()
    )


def meant_name(name: str) -> str:
    """The well-known name that somebody meant by another one; nothing where it may be a name of its own.

    >>> [meant_name(name) for name in ("q_porj", "self_attn.vproj", "x_proj", "my_layer")]
    ['q_proj', 'v_proj', '', '']
    """
    word = name.rpartition(".")[2]
    if word in (*LAYER_NAMES, *OTHER_NAMES):
        return ""
    return max((each for each in LAYER_NAMES if _is_slip(word, each)), key=lambda each: _ratio(word, each), default="")


def _is_slip(word: str, name: str) -> bool:
    """Whether a word has wrong letters in longer parts of a name, or differs from it in nothing but case and _."""
    parts, others = (each.replace("-", "_").split("_") for each in (word, name))
    if "".join(parts).casefold() == "".join(others).casefold():
        return True
    return len(parts) == len(others) and all(map(_is_like, parts, others))


def _is_like(part: str, other: str) -> bool:
    is_long = len(other) >= SHORTEST and part.isalpha() and other.isalpha()
    return part == other or (is_long and _ratio(part, other) >= LIKENESS)


def _ratio(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()

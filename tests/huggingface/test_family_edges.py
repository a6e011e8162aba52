"""What is derived of the model families with adapters on queries and values, both factors random, and of Llama."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers import (
    BartConfig,
    DistilBertConfig,
    LlamaConfig,
    Mamba2Config,
    MambaConfig,
    OPTConfig,
    PreTrainedConfig,
    Qwen2MoeConfig,
    Qwen3Config,
    T5Config,
)

from gamma_calc.algebra import Exponent
from gamma_calc.analysis.bounded import run_of
from gamma_calc.analysis.cells import undecided
from gamma_calc.analysis.derivation import derived
from gamma_calc.calculus.recursion import Open
from gamma_calc.calculus.size import Size
from gamma_calc.huggingface.layers import configuration_at
from gamma_calc.huggingface.model_theory import model_theory
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.problem import Problem, program_of
from gamma_calc.tracing.traced import traced
from validation.architectures import FAMILIES, FamilyShape, family_model

BOTH = CATALOGUE["init-ab"]


def adapted(family: str) -> Problem:
    model = family_model(family, 32, 0, FamilyShape())
    found = traced(model, scheme=BOTH, optimizer=BOTH.optimizer, rates=str(BOTH["eta_A"])).problem
    assert found is not None
    return found


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_two_layers_of_a_family_have_the_edges_of_stacks(family: str) -> None:
    decisions = derived(adapted(family).scheme).decisions
    known = {"stable": "eta <= -1/2", "internally_stable": "eta <= -1", "feature_learning": "eta = -1/2"}
    assert {name: str(each.region) for name, each in decisions.items()} == known


@pytest.mark.slow
def test_two_whole_layers_of_llama(tmp_path: Path) -> None:
    """From Init[B] more parts of some terms than usual have to be kept apart between n^(-5/4) and n^(-1).

    LoRA+ from Init[A] is held to what is recorded of eight adapters in a row (validation/edges).
    """
    sizes = {"hidden_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 96}
    LlamaConfig(num_hidden_layers=2, **sizes).save_pretrained(tmp_path)
    found = model_theory(tmp_path, scheme="init-b").derivation
    assert found is not None
    regions = {name: str(each) for name, each in found.decisions.items()}
    assert regions == {"stable": "eta <= -1", "internally_stable": "eta <= -1", "feature_learning": "eta = -1"}
    assert found.at_max["Z_A_down_proj[2]"] == Size.exactly(Exponent.of(0))


def test_a_norm_behind_a_norm_says_where_to_cut() -> None:
    """On the whole domain nothing is surely there of queries: which part leads in the norm before them is open."""
    scheme = adapted("qwen3").scheme
    with pytest.raises(Open) as found:
        run_of(program_of(scheme), scheme.domain, None)
    assert undecided(found.value.run, scheme.domain) is not None


def test_a_configuration_at_another_width_and_depth_is_whole() -> None:
    sizes = {"hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2}
    opt = configuration_at(json.dumps(OPTConfig(word_embed_proj_dim=32, **sizes).to_dict()), 128, 2)
    assert opt.word_embed_proj_dim == 64
    qwen = configuration_at(json.dumps(Qwen3Config(**sizes).to_dict()), 128, 5)
    assert len(qwen.layer_types) == 5


HEADS = {"encoder_attention_heads": 4, "decoder_attention_heads": 4}
GROWING: list[tuple[PreTrainedConfig, dict[str, int]]] = [
    # a configuration of width 64 and depth 2, and the sizes beside these that it has at width 128 and depth 3
    (DistilBertConfig(dim=64, n_heads=4, hidden_dim=256, n_layers=2), {"n_heads": 8, "hidden_dim": 512, "n_layers": 3}),
    (
        BartConfig(d_model=64, encoder_ffn_dim=256, decoder_ffn_dim=128, encoder_layers=2, decoder_layers=2, **HEADS),
        {
            **{"encoder_ffn_dim": 512, "decoder_ffn_dim": 256, "encoder_layers": 3, "decoder_layers": 3},
            **{name: 2 * heads for name, heads in HEADS.items()},
        },
    ),
    (
        T5Config(d_model=64, d_kv=16, num_heads=4, d_ff=256, num_layers=2),
        {"d_kv": 16, "num_heads": 8, "d_ff": 512, "num_layers": 3, "num_decoder_layers": 3},
    ),
    (
        Qwen2MoeConfig(hidden_size=64, num_attention_heads=4, moe_intermediate_size=32, num_experts=6),
        {"moe_intermediate_size": 64, "num_experts": 6},
    ),
    (
        MambaConfig(hidden_size=64, num_hidden_layers=2),
        {"intermediate_size": 256, "time_step_rank": 8, "num_hidden_layers": 3},
    ),
    (
        Mamba2Config(hidden_size=64, num_heads=8, head_dim=16, time_step_rank=7, num_hidden_layers=2),
        {"num_heads": 16, "head_dim": 16, "time_step_rank": 7, "num_hidden_layers": 3},
    ),
]


@pytest.mark.parametrize(("narrow", "expected"), GROWING, ids=[each.model_type for each, _ in GROWING])
def test_inner_widths_and_depths_go_by_every_name(narrow: PreTrainedConfig, expected: dict[str, int]) -> None:
    wide = configuration_at(json.dumps(narrow.to_dict()), 128, 3)
    assert {name: getattr(wide, name) for name in ("hidden_size", *expected)} == {"hidden_size": 128, **expected}

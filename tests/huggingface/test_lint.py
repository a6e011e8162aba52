"""Lint: what it reads from a configuration, what it finds, and that each derivation it names says so."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter, OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from peft import LoraConfig, VeraConfig, get_peft_model
from torch import nn

from gamma_calc.cli.main import main
from gamma_calc.derivation.alpha import AlphaReading
from gamma_calc.derivation.transfer import MODULE_ALONE
from gamma_calc.errors import BadInput
from gamma_calc.huggingface.adapter_config import EMBEDDINGS
from gamma_calc.huggingface.adapter_file import config_from_mapping
from gamma_calc.huggingface.adapter_keys import KeysOf, keys_of
from gamma_calc.huggingface.initialisation import init_lora_
from gamma_calc.huggingface.layer_names import slips_of
from gamma_calc.huggingface.lint import lint
from gamma_calc.huggingface.lint_case import MEASURED, rate_edge
from gamma_calc.huggingface.lint_checks import CHECKS
from gamma_calc.program.optimizers import named_optimizer
from tests.huggingface.models import llama, mixture

PLAIN = {"peft_type": "LORA", "r": 8, "lora_alpha": 16}
RATE = {"learning_rate": 2e-4, "width": 768}
PLUS: dict[str, Any] = {"loraplus_ratio": 16.0}

READ = {
    # init_lora_weights: (A, B, stable, largest rate), Adam, the rank fixed
    "true": (True, "-1/2", "zero", "eta <= -1/2", "eta <= -1"),
    "gaussian": ("gaussian", "-rank", "zero", "eta <= -1/2", "never"),
    "gaussian-any-case": ("Gaussian", "-rank", "zero", "eta <= -1/2", "never"),
    "false": (False, "-1/2", "-rank/2", "eta <= -1", "eta <= -1"),
    "null": (None, "-1/2", "zero", "eta <= -1/2", "eta <= -1"),
    "orthogonal": ("orthogonal", "0", "0", "eta <= -1", "never"),
    "pissa": ("pissa_niter_16", "rank/2 - 1/2", "rank/2 - 1/2", "eta <= -1/2", "eta <= -1"),
    "olora": ("olora", "-1/2", "-1/2", "eta <= -1/2", "eta <= -1"),
    "mica": ("mica", "zero", "-1/2", "eta <= -1/2", "eta <= -1"),
    "mica-not-frozen": ("MiCA", "zero", "-1/2", "eta <= -1/2", "eta <= -1"),
}


@pytest.mark.parametrize(
    "row", [row for name, row in READ.items() if name != "null"], ids=[n for n in READ if n != "null"]
)
def test_what_an_initialisation_is_read_as(row: tuple[Any, ...]) -> None:
    option, a, b, stable, internally = row
    found = lint({**PLAIN, "init_lora_weights": option}).json()
    assert (found["exponents"]["A"], found["exponents"]["B"]) == (a, b)
    assert (found["linear"]["stable"], found["linear"]["internally_stable"]) == (stable, internally)


def test_a_configuration_in_memory_is_read_as_its_file_would_be(tmp_path: Path) -> None:
    config = LoraConfig(target_modules=["v_proj", "q_proj"])
    config.save_pretrained(str(tmp_path))
    assert lint(config).json() == lint(config.to_dict()).json() == lint(tmp_path).json()
    with pytest.raises(BadInput, match="gamma-calc derive vera"):
        lint(VeraConfig(target_modules=["v_proj"]))


def test_null_is_what_peft_takes_it_for() -> None:
    assert lint({**PLAIN, "init_lora_weights": None}).json()["exponents"]["B"] == "-rank/2"


@pytest.mark.parametrize(
    ("alpha", "stabilised", "scale", "in_rank"),
    [
        # the published law: largest exponent -1/2 - (1 - k) rho / 2 for a scale r^(-k)
        (AlphaReading.FIXED, False, "-rank", "-1/2"),
        (AlphaReading.FIXED, True, "-rank/2", "-rho/4 - 1/2"),
        (AlphaReading.PROPORTIONAL, False, "0", "-rho/2 - 1/2"),
        (AlphaReading.PROPORTIONAL, True, "rank/2", "min(-3*rho/2, -3*rho/4 - 1/2)"),  # that law up to r = n^(2/3)
    ],
)
def test_the_scale_follows_the_reading_of_alpha(
    alpha: AlphaReading, stabilised: bool, scale: str, in_rank: str
) -> None:
    found = lint({**PLAIN, "use_rslora": stabilised}, alpha=alpha).json()
    assert found["exponents"]["scale"] == scale
    assert found["linear"]["max_stable_in_rank"] == in_rank


SLIPS = {
    "alpha": "lora_alpha",
    "lora_alhpa": "lora_alpha",
    "use_rslroa": "use_rslora",
    "init_lora_weight": "init_lora_weights",
}


@pytest.mark.parametrize(("slip", "meant"), SLIPS.items())
def test_a_misspelt_key_is_told_what_was_meant(slip: str, meant: str) -> None:
    config = {key: value for key, value in PLAIN.items() if key != meant}
    (text,) = (each.text for each in lint({**config, slip: True}).findings if each.id == "misspelt-keys")
    assert f"{slip!r} (did you mean {meant!r}?)" in text


NAMES_MEANT = {
    # target_modules: what is said of them
    "swapped": (["q_porj", "v_proj"], "called 'q_porj' (did you mean 'q_proj'?); PEFT"),
    "both": (["q_porj", "v_prj"], "'q_porj' (did you mean 'q_proj'?), 'v_prj' (did you mean 'v_proj'?); PEFT"),
    "with-a-path": (["self_attn.qproj"], "'self_attn.qproj' (did you mean 'q_proj'?)"),
    "of-an-embedding": (["embed_token"], "(did you mean 'embed_tokens'?)"),
    "a-text": ("dwon_proj", "(did you mean 'down_proj'?)"),
    "all": ("all_linear", "(did you mean 'all-linear'?)"),
}


@pytest.mark.parametrize(("targets", "said"), NAMES_MEANT.values(), ids=NAMES_MEANT)
def test_a_misspelt_target_is_told_what_was_meant(targets: Any, said: str) -> None:
    found = lint({**PLAIN, "target_modules": targets})
    assert said in {each.id: each.text for each in found.findings}["misspelt-targets"]
    assert found.text().startswith("Look at this before training: misspelt-targets")


def test_no_name_of_a_layer_in_transformers_is_a_slip() -> None:
    made = re.compile(r"self\.(\w+) *= *(?:nn\.)?[A-Z]\w*\(")
    files = (Path(transformers.__file__).parent / "models").glob("*/modeling_*.py")
    names = {name for file in files for name in made.findall(file.read_text(encoding="utf-8"))}
    assert len(names) > 2000 and slips_of(names) == {}


PATTERNS = {
    # the targets, a name in rank_pattern, what is said of it; None where it may meet a layer
    "of-a-target": (["q_proj"], "q_porj", "'q_porj' (did you mean 'q_proj'?)"),
    "of-an-own-target": (["my_layer"], "my_laeyr", "'my_laeyr' (did you mean 'my_layer'?)"),
    "of-another-layer": (["q_proj"], "up_proj", "rank_pattern or alpha_pattern has 'up_proj', and no target"),
    "of-one-layer": (["q_proj"], "layers.0.self_attn.q_proj", None),
    "of-fewer-words": (["self_attn.q_proj", "v_proj"], "q_proj", None),
    "an-expression": (["q_proj"], r".*\.up_pr[a-z]+", None),
    "beside-an-expression": (r".*\.[qv]_proj", "my_layer", None),
    "beside-an-expression-of-names": (r".*\.(q|v)_proj", "my_layer", "'my_layer', and no target"),
    "a-slip-beside-an-expression": (r".*\.[qv]_proj", "q_porj", "(did you mean 'q_proj'?)"),
    "beside-the-targets-of-peft": (None, "my_layer", None),
}


@pytest.mark.parametrize(("targets", "name", "said"), PATTERNS.values(), ids=PATTERNS)
def test_a_pattern_that_meets_no_target_is_named(targets: Any, name: str, said: str | None) -> None:
    texts = {
        each.id: each.text for each in lint({**PLAIN, "target_modules": targets, "rank_pattern": {name: 64}}).findings
    }
    assert ("patterns-without-target" in texts) == ("scale-differs-by-layer" not in texts) == (said is not None)
    assert said is None or said in texts["patterns-without-target"]


@pytest.mark.filterwarnings("ignore")
def test_peft_gives_no_layer_a_rank_by_an_idle_pattern() -> None:
    config = LoraConfig(r=2, target_modules=["q_proj"], rank_pattern={"q_porj": 4, "v_proj": 4})
    layers = [each for name, each in get_peft_model(llama(), config).named_modules() if name.endswith("lora_A.default")]
    assert {each.out_features for each in layers} == {2}


FIRST = "model.layers.0.self_attn.q_proj"
SIZES_OF: dict[str, tuple[Any, dict[str, int], dict[str, float], set[tuple[int, float]]]] = {
    # targets, rank_pattern and alpha_pattern beside r = 8 and lora_alpha = 16: the ranks and alphas of the layers
    "alpha-of-all": (["q_proj"], {}, {"q_proj": 1600}, {(8, 1600)}),
    "rank-of-all": (["q_proj"], {"q_proj": 4}, {}, {(4, 16)}),
    "of-some": (["q_proj", "v_proj"], {"q_proj": 4}, {}, {(4, 16), (8, 16)}),
    "of-one-layer": (["q_proj"], {"layers.0.self_attn.q_proj": 4}, {"q_proj": 32}, {(4, 32), (8, 32)}),
    "the-first-counts": (["q_proj"], {"q_proj": 16, FIRST: 4}, {}, {(16, 16)}),
    "each-by-itself": (["q_proj"], {FIRST: 4, "q_proj": 16}, {"q_proj": 32, FIRST: 64}, {(4, 32), (16, 32)}),
    "of-longer-targets": (["self_attn.q_proj"], {"q_proj": 4}, {}, {(4, 16)}),
    "everything": ("all-linear", {".*": 4}, {}, {(4, 16)}),
    "any-beginning": (["q_proj", "v_proj"], {".*v_proj": 2, ".*_proj": 4}, {".*nothing": 8}, {(4, 16), (2, 16)}),
    "nothing": (["q_proj"], {"": 4, "|": 2, "^$": 2}, {}, {(8, 16)}),
    "of-any-beginning": (".*_proj", {"q_proj": 4, ".*(k|v)_proj": 2}, {}, {(4, 16), (2, 16), (8, 16)}),
    "an-end-of-two": (["q_proj", "v_proj"], {"v_(proj|x)": 4}, {}, {(4, 16), (8, 16)}),
    "alternatives": (["q_proj", "v_proj"], {"q_proj|v_proj": 4}, {}, {(4, 16)}),
    "of-an-expression": (r".*\.(q|v)_proj", {r".*\.q_proj": 4, "(q|v)_proj": 2}, {}, {(4, 16), (2, 16)}),
    "from-the-beginning": (["q_proj"], {f"^{FIRST}$": 4}, {}, {(4, 16), (8, 16)}),
    "excluded-by-name": (["q_proj", "v_proj"], {"k_proj": 4}, {"v_proj": 1}, {(8, 16), (8, 1)}),
    "of-some-numbers": (["q_proj"], {r"layers\.[0-0]\.self_attn\.q_proj": 4}, {"q_proj": 8}, {(4, 8), (8, 8)}),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("targets", "ranks", "alphas", "expected"), SIZES_OF.values(), ids=SIZES_OF)
def test_layers_have_the_ranks_and_alphas_that_peft_gives_them(
    targets: Any, ranks: dict[str, int], alphas: dict[str, float], expected: set[tuple[int, float]]
) -> None:
    config = {"r": 8, "lora_alpha": 16, "target_modules": targets, "rank_pattern": ranks, "alpha_pattern": alphas}
    layers: list[Any] = [each for each in get_peft_model(llama(), LoraConfig(**config)).modules() if hasattr(each, "r")]
    assert {(each.r["default"], each.lora_alpha["default"]) for each in layers} == expected
    read = config_from_mapping({"peft_type": "LORA", **config})
    assert {*read.sizes.values()} == expected and (read.rank, read.alpha) in expected
    assert ("scale-differs-by-layer" in ids(config, {})) == (len(expected) > 1)


ALPHAS = {
    # rank_pattern, alpha_pattern: what lora_alpha is seen to do, and whether that is neither of the two
    "each-by-itself": ({FIRST: 8, "q_proj": 16}, {"q_proj": 32}, None, True),
    "shadowed": ({"q_proj": 16, FIRST: 4}, {"q_proj": 32}, AlphaReading.PROPORTIONAL, False),
    "expressions-alike": ({"[a-q]_proj": 16}, {"[a-q]_proj": 32}, AlphaReading.PROPORTIONAL, False),
    "expressions-apart": ({"[a-q]_proj": 16}, {"q_proj": 32}, None, False),
}


@pytest.mark.parametrize(("ranks", "alphas", "reading", "is_mixed"), ALPHAS.values(), ids=ALPHAS)
def test_alpha_is_read_on_the_layers(ranks: Any, alphas: Any, reading: AlphaReading | None, *, is_mixed: bool) -> None:
    patterns = {"rank_pattern": ranks, "alpha_pattern": alphas, "target_modules": ["q_proj", "v_proj"]}
    read = config_from_mapping({**PLAIN, **patterns})
    assert (read.alpha_reading, read.is_alpha_mixed) == (reading, is_mixed)


def test_the_layers_that_there_are_have_the_rate_placed_and_the_rank_held_to_the_width() -> None:
    raised = lint({**PLAIN, "target_modules": ["q_proj"], "alpha_pattern": {"q_proj": 1600}}, **RATE)
    assert "s = 200" in raised.text()
    assert raised.case.rate_edge == lint({**PLAIN, "lora_alpha": 1600}, **RATE).case.rate_edge
    assert (
        lint({**PLAIN, "r": 4096, "target_modules": ["q"], "rank_pattern": {"q": 8}}, width=1024).case.config.rank == 8
    )
    with pytest.raises(BadInput, match="r = 4096, expected at most the width 1024"):
        lint({**PLAIN, "target_modules": ["q", "v"], "rank_pattern": {"q": 4096}}, width=1024)


BINDING: dict[str, tuple[dict[str, int], dict[str, float], str, float]] = {
    # rank_pattern, alpha_pattern: the layers that bear least, and their alpha; others have 16
    "of-a-pattern": ({}, {"v_proj": 512}, "v_proj", 512),
    "of-none": ({}, {"v_proj": 4}, "q_proj", 16),
    "each-has-one": ({"q_proj": 32}, {"v_proj": 64}, "v_proj", 64),
    "of-an-expression": ({}, {"layers.[0-3].v_proj": 64}, "layers.[0-3].v_proj", 64),
}


@pytest.mark.parametrize(("ranks", "alphas", "name", "alpha"), BINDING.values(), ids=BINDING)
def test_the_edge_is_that_of_the_layers_that_bear_least(
    ranks: dict[str, int], alphas: dict[str, float], name: str, alpha: float
) -> None:
    """One rate trains all layers, whichever of them the rest is said of."""
    config: dict[str, Any] = {**PLAIN, "r": 8, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj"]}
    use: dict[str, Any] = {"learning_rate": 1e-3, "width": 4096, **PLUS}
    alone = lint({**config, "lora_alpha": alpha}, **use)
    found = lint({**config, "rank_pattern": ranks, "alpha_pattern": alphas}, **use)
    assert found.json()["rate"] == {**alone.json()["rate"], "layers": name}
    assert (found.case.ratio_at_edge, found.has_error) == (alone.case.ratio_at_edge, alone.has_error)
    assert f"the edge of the stable rates for {name}, " in found.text()


def test_what_is_said_of_some_layers_names_them() -> None:
    config = {**PLAIN, "lora_alpha": 0, "target_modules": ["q_proj", "v_proj"], "alpha_pattern": {"q_proj": 8}}
    texts = {each.id: each.text for each in lint(config).findings}
    assert texts["dead-adapter"].startswith("lora_alpha is 0 for v_proj, so")
    assert texts["scale-differs-by-layer"].endswith("for those with r = 8 and lora_alpha = 8, as q_proj.")
    mixed = lint({**PLAIN, "rank_pattern": {"layers.[0-3].fc": 4}}).findings
    (text,) = (each.text for each in mixed if each.id == "scale-differs-by-layer")
    assert "as layers that no pattern names. Which layers 'layers.[0-3].fc' takes is not read" in text


@pytest.mark.parametrize("kind", [LoraConfig, VeraConfig])
def test_every_key_of_peft_is_known(kind: Any) -> None:
    written = kind(target_modules=["q_proj"]).to_dict()
    assert keys_of({**written, "peft_type": written["peft_type"].value}) == KeysOf({}, (), ())


@pytest.mark.parametrize(("option", "is_finite"), [(True, True), ("pissa", False)])
@pytest.mark.filterwarnings("ignore")
def test_peft_takes_a_negative_alpha_and_pissa_makes_nan_of_it(option: Any, *, is_finite: bool) -> None:
    config = LoraConfig(r=8, lora_alpha=-4, target_modules=["0"], init_lora_weights=option)
    layer: Any = get_peft_model(nn.Sequential(nn.Linear(16, 16)), config).base_model.model[0]  # type: ignore[index]
    assert layer.scaling["default"] == -0.5
    assert bool(layer.lora_A["default"].weight.isfinite().all()) == is_finite


FOUND: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    # finding: (a configuration that has it, how it is used)
    "dead-adapter": ({"lora_alpha": 0}, {}),
    "scale-not-positive": ({"lora_alpha": -4, "init_lora_weights": "pissa"}, {}),
    "misspelt-keys": ({"lora_alhpa": 16}, {}),
    "misspelt-targets": ({"target_modules": ["q_porj", "v_proj"]}, {}),
    "targets-in-another-form": ({"target_modules": ["all-linear", "lm_head"]}, {}),
    "patterns-without-target": ({"target_modules": ["q_proj"], "rank_pattern": {"v_proj": 64}}, {}),
    "scale-is-negative": ({"lora_alpha": -4}, {}),
    "alpha-not-given": ({"lora_alpha": None}, {}),
    "rank-not-given": ({"r": None}, {}),
    "unknown-keys": ({"a_key_to_come": 1}, {}),
    "odd-rank": ({"init_lora_weights": "orthogonal", "r": 7}, {}),
    "experts-refused": ({"target_parameters": ["mlp.experts.down_proj"], "use_dora": True}, {}),
    "embeddings-refused": ({"target_modules": ["q_proj", "embed_tokens"], "lora_bias": True}, {}),
    "options-refused": ({"lora_bias": True, "init_lora_weights": "gaussian"}, {}),
    "hidden-features-grow": ({"init_lora_weights": "gaussian"}, {}),
    "output-changed-at-start": ({"init_lora_weights": False}, {}),
    "size-depends-on-data": ({"init_lora_weights": "eva"}, {}),
    "equations-differ": ({"use_dora": True, "init_lora_weights": False}, {}),
    "base-weights-rewritten": ({"init_lora_weights": "pissa"}, {}),
    "factor-hardly-learns": ({"init_lora_weights": "orthogonal"}, {}),
    "magnitudes-hardly-learn": ({"use_dora": True}, {}),
    "embedding-starts-otherwise": ({"target_modules": ["q_proj", "model.embed_tokens"]}, {}),
    "scale-differs-by-layer": ({"rank_pattern": {"q_proj": 16}}, {}),
    "rate-above-edge": ({}, {**RATE, "learning_rate": 0.1}),
    "rate-near-edge": ({}, {**RATE, "learning_rate": 6e-3}),
    "rate-not-placed": ({}, {**RATE, "optimizer": "adafactor"}),
    "one-module-alone": ({"init_lora_weights": "gaussian"}, {}),
    "matrices-of-experts": ({"target_parameters": ["mlp.experts.down_proj"]}, {}),
    "modules-saved": ({"modules_to_save": ["lm_head", "embed_tokens"]}, {}),
    "tokens-trained": ({"trainable_token_indices": [1, 2]}, {}),
    "biases-trained": ({"bias": "all"}, {}),
    "loraplus-one-dimensional": ({"task_type": "SEQ_CLS"}, PLUS),
    "loraplus-weight-decay": ({}, {**PLUS, "weight_decay": 0.01}),
    "loraplus-embedding-rate": ({"target_modules": "embed_tokens"}, PLUS),
    "loraplus-ratio-below-one": ({}, {"loraplus_ratio": 0.5}),
    "loraplus-ratio-fixed": ({}, PLUS),
    "hidden-features-grow-at-edge": ({}, {}),
    "rank-law": ({}, {}),
    "b-not-frozen": ({"init_lora_weights": "MiCA"}, {}),
    "b-frozen": ({"init_lora_weights": "mica"}, {}),
    "square-layers": ({"init_lora_weights": "pissa"}, {}),
    "no-trainable-init-b": ({}, {}),
}
ABSENT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    # finding: (a neighbour that does not have it, how it is used)
    **dict.fromkeys(FOUND, ({"init_lora_weights": False, "bias": "none"}, {})),
    "dead-adapter": ({"lora_alpha": 0, "target_modules": ["q_proj"], "alpha_pattern": {"q_proj": 8}}, {}),
    "scale-not-positive": ({"lora_alpha": -4}, {}),
    "misspelt-keys": ({"a_key_to_come": 1}, {}),
    "unknown-keys": ({"lora_alhpa": 16}, {}),
    "misspelt-targets": ({"target_modules": ["x_proj", "my_layer", "fc3"]}, {}),
    "targets-in-another-form": ({"target_modules": "all-linear"}, {}),
    "patterns-without-target": ({"target_modules": ["q_proj"], "rank_pattern": {"layers.0.q_proj": 64}}, {}),
    "scale-differs-by-layer": ({"target_modules": ["q_proj"], "rank_pattern": {"q_porj": 16}}, {}),
    "output-changed-at-start": ({"init_lora_weights": "orthogonal"}, {}),
    "factor-hardly-learns": ({}, {}),
    "experts-refused": ({"target_parameters": ["mlp.experts.down_proj"]}, {}),
    "embeddings-refused": ({"target_modules": ["q_proj"], "lora_bias": True}, {}),
    "options-refused": ({"lora_bias": True}, {}),
    "b-not-frozen": ({"init_lora_weights": "mica"}, {}),
    "b-frozen": ({"init_lora_weights": "MiCA"}, {}),
    "no-trainable-init-b": ({"init_lora_weights": "MiCA"}, {}),
    "rate-not-placed": ({}, RATE),
    "rate-above-edge": ({}, RATE),
    "rate-near-edge": ({}, RATE),
    "loraplus-one-dimensional": ({}, PLUS),
    "loraplus-weight-decay": ({}, {**PLUS, "weight_decay": 0.0}),
    "loraplus-embedding-rate": ({"target_modules": ["q_proj"]}, PLUS),
    "loraplus-ratio-below-one": ({}, PLUS),
    "rank-law": ({"init_lora_weights": "orthogonal"}, {}),
}


def ids(config: dict[str, Any], use: dict[str, Any]) -> list[str]:
    return [each.id for each in lint({**PLAIN, **config}, **use).findings]


def test_every_check_has_its_examples() -> None:
    assert {check.id for check in CHECKS} == set(FOUND) == set(ABSENT)


@pytest.mark.parametrize("name", FOUND)
def test_a_finding_is_made_where_it_applies_and_not_beside(name: str) -> None:
    assert name in ids(*FOUND[name])
    assert name not in ids(*ABSENT[name])


@pytest.mark.parametrize("name", [check.id for check in CHECKS if check.derivation.startswith("gamma-calc ")])
def test_a_derivation_runs_and_answers(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    config, use = FOUND[name]
    found = lint({**PLAIN, **config}, **use)
    for file, text in found.specs.items():
        Path(file).write_text(text, encoding="utf-8")
    (derivation,) = (each.derivation for each in found.findings if each.id == name)
    assert main(shlex.split(derivation)[1:]) == 0
    assert capsys.readouterr().out


def test_a_measured_finding_stands_in_the_document() -> None:
    text = (Path(__file__).resolve().parents[2] / MEASURED).read_text(encoding="utf-8")
    for check in CHECKS:
        if check.derivation == MEASURED:
            assert f"`{check.id}`" in text


POSITIONS = {
    # (n r s)^(-1/2) = 2^(-7) at n = 1024, r = 8, s = 2
    "usual": (2e-4, []),
    "below-half": (0.49 * 2**-7, []),
    "half": (0.51 * 2**-7, ["rate-near-edge"]),
    "just-below": (0.99 * 2**-7, ["rate-near-edge"]),
    "just-above": (1.01 * 2**-7, ["rate-above-edge"]),
    "one": (1.0, ["rate-above-edge"]),
}


@pytest.mark.parametrize(("rate", "expected"), POSITIONS.values(), ids=POSITIONS)
def test_a_rate_is_a_finding_by_the_harm_it_does(rate: float, expected: list[str]) -> None:
    found = lint(PLAIN, learning_rate=rate, width=1024)
    assert [each.id for each in found.findings if each.id.startswith("rate-")] == expected
    assert found.has_error == (rate > 2**-7)
    assert found.json()["rate"]["edge"] == pytest.approx(2**-7)


def test_a_rate_needs_a_width() -> None:
    with pytest.raises(BadInput, match="needs a width"):
        lint(PLAIN, learning_rate=1.0)


def test_a_raw_step_s_rate_is_not_placed() -> None:
    found = lint(PLAIN, learning_rate=1.0, width=1024, optimizer="sgd")
    assert found.json()["rate"] is None and not found.has_error


EDGES = {
    # init_lora_weights: the edge with the width, the rank, the scale and the LoRA+ ratio as powers
    "true": (True, {}, "n^(-1/2) r^(-1/2) s^(-1/2)"),
    "loraplus": (True, {"ratio": 16.0}, "n^(-1/2) r^(-1/2) s^(-1/2) ratio^(-1/2)"),
    "false": (False, {}, "n^(-1) s^(-1)"),
    "orthogonal": ("orthogonal", {}, "n^(-1) r^(-1/2) s^(-1) c^(-1)"),
    "olora": ("olora", {}, "n^(-1/2) r^(-1/2) s^(-1)"),
}


@pytest.mark.parametrize(("option", "others", "law"), EDGES.values(), ids=EDGES)
def test_the_edge_is_a_product_of_powers(option: Any, others: dict[str, float], law: str) -> None:
    found = rate_edge(config_from_mapping({**PLAIN, "init_lora_weights": option}), "adam", 1024, **others)
    assert found is not None and found.law == law


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("alpha", [8, 64])
@pytest.mark.parametrize("option", [True, "gaussian", False, "orthogonal", "pissa", "olora", "mica", "MiCA"], ids=str)
def test_the_constant_of_the_edge_is_of_order_one(option: Any, alpha: int) -> None:
    """What docs/lint.md says: at the edge three steps change the output by about its size."""
    assert 0.3 < change_at_edge(option, 8, alpha) < 10


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("option", ["pissa", "olora", "mica"])
def test_a_smaller_fan_out_lowers_the_edge_as_said(option: str) -> None:
    """Of layers 64 times as wide as their output: at the edge of square ones they change 8 times as much."""
    square, lowered, not_lowered = (
        sum(change_at_edge(option, 8, 8, 512, m, lower=lower, seed=seed) ** 2 for seed in range(4)) ** 0.5
        for m, lower in ((512, 1.0), (8, 1 / 8), (8, 1.0))
    )
    assert square / 2 < lowered < 2 * square and not_lowered > 4 * square


def change_at_edge(
    option: Any, rank: int, alpha: int, width: int = 256, fan_out: int = 256, *, lower: float = 1.0, seed: int = 0
) -> float:
    config = {"r": rank, "lora_alpha": alpha, "init_lora_weights": option}
    found = rate_edge(config_from_mapping({"peft_type": "LORA", **config}), "adam", width)
    assert found is not None
    torch.manual_seed(seed)
    base = torch.nn.Sequential(torch.nn.Linear(width, fan_out, bias=False))
    torch.nn.init.normal_(base[0].weight, std=width**-0.5)
    model = get_peft_model(base, LoraConfig(target_modules=["0"], **config))
    return change_after_steps(model, torch.randn(width), torch.randn(fan_out), lower * found.rate)


def change_after_steps(model: Any, z: torch.Tensor, slope: torch.Tensor, rate: float) -> float:
    trained = [each for each in model.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=rate, weight_decay=0.0, eps=1e-30)
    before = model(z).detach()
    for _ in range(3):
        optimizer.zero_grad()
        (model(z) * slope).sum().backward()
        optimizer.step()
    return float((model(z).detach() - before).square().mean().sqrt())


@pytest.mark.parametrize(
    "name", ["adamw_torch", "paged_adamw_8bit", "lion_8bit", "muon", "adafactor", "rmsprop", "sgd"]
)
def test_lint_takes_every_optimiser_by_the_names_that_users_write(name: str) -> None:
    found = lint(PLAIN, optimizer=name, learning_rate=2e-4, width=2048)
    assert found.case.optimizer == named_optimizer(name).name
    assert (found.case.rate_edge is None) == (name in ("sgd", "muon", "adafactor"))


def test_what_is_found_everywhere_is_one_line_and_commands_run_as_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    config = {**PLAIN, "init_lora_weights": "pissa", "target_modules": ["q", "wte"], "rank_pattern": {"q": 16}}
    Path("a config.json").write_text(json.dumps(config), encoding="utf-8")
    assert main(["lint", "a config.json", "--loraplus-ratio", "16"]) == 0
    text = capsys.readouterr().out
    assert "derive peft.toml" not in text
    ran = 0
    for command in commands(text):
        assert main(shlex.split(command)[1:]) == 0
        ran += 1
    assert sorted(each.name for each in tmp_path.glob("*.toml")) == ["peft-embedding.toml", "peft.toml"]
    capsys.readouterr()
    assert main(["lint", "a config.json", "--specs", "some specs"]) == 0
    again = capsys.readouterr().out
    for command in commands(again):
        assert main(shlex.split(command)[1:]) == 0
        ran += 1
    assert ran >= 5


def commands(text: str) -> list[str]:
    return re.findall(r"gamma-calc (?:lint|derive|exponents|transfer|compare) .*", text)


def test_common_findings_are_folded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.json").write_text(json.dumps(PLAIN), encoding="utf-8")
    assert main(["lint", str(tmp_path / "c.json"), "--lr", "2e-4", "--width", "4096"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert not any(line.startswith(("info", "warning", "error")) for line in lines)
    (folded,) = [line for line in lines if "no-trainable-init-b" in line]
    assert "rank-law" in folded and "hidden-features-grow-at-edge" in folded
    assert MODULE_ALONE in lines


@pytest.mark.parametrize(("option", "is_led"), [(True, True), ("gaussian", True), ("mica", False)], ids=str)
def test_a_growing_ratio_is_not_advised_where_a_stack_does_not_bear_it(option: Any, *, is_led: bool) -> None:
    (text,) = [
        each.text
        for each in lint({**PLAIN, "init_lora_weights": option}, loraplus_ratio=16.0).findings
        if each.id == "loraplus-ratio-fixed"
    ]
    assert ("residual stream" in text) == is_led == ("A zero and B random (lora-plus-b)" in text)


RATIOS: dict[str, tuple[Any, float]] = {
    # init_lora_weights: the ratio at which a rate of 2e-4 at n = 2048, r = 8, s = 2 is at the edge
    "true": (True, (8 * 2 * 2e-4) ** -1),  # s dB A_0 Z, with A_0 Z of size 1
    "gaussian": ("gaussian", (8 * 2 * 2e-4) ** -1 * 8 / 2048**0.5),  # of size n^(1/2) / r
    "false": (False, (8 * 2 * 2e-4) ** -1),
}


@pytest.mark.parametrize(("option", "expected"), RATIOS.values(), ids=RATIOS)
def test_the_ratio_that_a_rate_bears_is_said(option: Any, expected: float) -> None:
    config = {**PLAIN, "init_lora_weights": option}
    found = lint(config, learning_rate=2e-4, width=2048, loraplus_ratio=16.0)
    assert found.case.ratio_at_edge == pytest.approx(expected)
    (text,) = (each.text for each in found.findings if each.id == "loraplus-ratio-fixed")
    place = f"a ratio of {found.case.ratio_at_edge:.3g}, its constant taken as 1."
    assert f"At the rate 0.0002 and n = 2048 the edge is reached at {place}" in text
    there = lint(config, learning_rate=2e-4, width=2048, loraplus_ratio=expected)
    assert there.case.position == pytest.approx(1)
    assert lint(config, loraplus_ratio=16.0, width=2048).case.ratio_at_edge is None


def test_a_ratio_that_moves_no_edge_is_not_placed() -> None:
    """B is frozen, or its step is raw, or the rate is above what A alone bears: (n s)^(-1)."""
    for option, optimizer, rate in (("mica", "adam", 2e-4), (True, "sgd", 2e-4), (False, "adam", 1e-3)):
        config = {**PLAIN, "init_lora_weights": option}
        found = lint(config, optimizer=optimizer, learning_rate=rate, width=768, **PLUS)
        (text,) = (each.text for each in found.findings if each.id == "loraplus-ratio-fixed")
        assert found.case.ratio_at_edge is None and "edge" not in text


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("option", "size"), [("gaussian", 2048**0.5 / 16), ("orthogonal", 0.07 * 2048**0.5)])
def test_the_size_of_features_that_grow_is_said_at_a_width(option: str, size: float) -> None:
    config = {"r": 16, "lora_alpha": 16, "init_lora_weights": option}
    texts = [
        {each.id: each.text for each in lint({**PLAIN, **config}, width=width).findings}["hidden-features-grow"]
        for width in (2048, None)
    ]
    assert f"At n = 2048, r = 16 it starts near {size:.2g} times the size of Z." in texts[0] and "near" not in texts[1]
    torch.manual_seed(0)
    base = torch.nn.Sequential(torch.nn.Linear(2048, 64))
    layer: Any = get_peft_model(base, LoraConfig(target_modules=["0"], **config)).base_model.model[0]  # type: ignore[index]
    features = layer.lora_A["default"](torch.randn(256, 2048)).detach()
    assert float(features.square().mean().sqrt()) == pytest.approx(size, rel=0.1)


EXITS = {
    "rate-one": ({}, 1, ("--lr", "1", "--width", "2048")),
    "usual-rate": ({}, 0, ("--lr", "2e-4", "--width", "2048")),
    "sound": ({}, 0, ()),
    "dora": ({"use_dora": True}, 0, ("--lr", "2e-4", "--width", "2048")),
    "error": ({"init_lora_weights": "gaussian"}, 1, ()),
    "unknown": ({"init_lora_weights": "eva"}, 3, ()),
    "error-before-unknown": ({"init_lora_weights": "eva", "lora_alpha": 0}, 1, ()),
}


@pytest.mark.parametrize(
    ("config", "status", "words"),
    [pytest.param(*case, marks=pytest.mark.slow if name == "dora" else (), id=name) for name, case in EXITS.items()],
)
def test_exit_status_and_form(
    config: dict[str, Any], status: int, words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({**PLAIN, **config}), encoding="utf-8")
    assert main(["lint", str(tmp_path), *words, "--json"]) == status
    answer = json.loads(capsys.readouterr().out)
    assert answer["schema"] == 1
    assert all(set(each) == {"id", "severity", "text", "derivation", "common"} for each in answer["findings"])
    assert {"A", "B", "eta_A", "eta_B", "scale"} <= set(answer["exponents"])
    assert main(["lint", str(tmp_path), *words]) == status


@pytest.mark.parametrize(("is_rslora", "scale"), [(True, "rank/2"), (False, "0")])
def test_the_scheme_of_an_adapter_is_that_of_its_model(is_rslora: bool, scale: str) -> None:
    config = {**PLAIN, "use_rslora": is_rslora, "target_modules": ["0"]}
    subject = lint(config).scheme
    assert str(subject.exponents["scale"]) == scale
    model = get_peft_model(nn.Sequential(nn.Linear(8, 8)), LoraConfig(**config))
    init_lora_(model, subject)  # which refuses a scale that is not the layers'


@pytest.mark.slow
def test_dora_is_derived_in_its_own_module() -> None:
    """Its A and B bear the rates of LoRA's; its magnitudes, at one rate for all, hardly learn."""
    plain, found = (lint({**PLAIN, "use_dora": is_dora}, **RATE) for is_dora in (False, True))
    one, other = plain.json(), found.json()
    for key in ("stable", "internally_stable", "max_stable", "max_stable_in_rank"):
        assert one["linear"][key] == other["linear"][key]
    assert one["rate"] == other["rate"] and one["exponents"] == other["exponents"]
    assert (one["linear"]["undertrained"], other["linear"]["undertrained"]) == ([], ["m"])
    assert other["linear"]["at_max"]["delta_m"] == "-1/2"
    assert other["specs"] == {} and not any("peft.toml" in each["derivation"] for each in other["findings"])
    (finding,) = (each for each in found.findings if each.id == "magnitudes-hardly-learn")
    assert "m changes the output by n^(-1/2): DoRA's magnitudes hardly learn" in finding.text
    assert found.scheme.exponents == plain.scheme.exponents


HOSTILE = {
    "list": ("[]", "expected an object"),
    "text": ("r = 8", "not JSON"),
    "deep": ("[" * 100_000, "nested"),
    "large": (" " * (2**20 + 1), "larger"),
    "no-type": ('{"r": 8}', "peft_type is missing"),
    "a-model": ('{"model_type": "llama"}', "is the configuration of a model; expected that of an adapter"),
    "other-type": ('{"peft_type": "IA3"}', "IA3"),
    "excluded": (
        '{"peft_type": "LORA", "r": 8, "target_modules": ["q_proj"], "exclude_modules": ["q_proj", "v_proj"]}',
        "exclude_modules: found ['q_proj', 'v_proj'], expected fewer",
    ),
    "excluded-by-expression": (
        '{"peft_type": "LORA", "target_modules": ["attn.q_proj", "v_proj"], "exclude_modules": ".*(q_proj|v_proj)"}',
        "exclude_modules: found '.*(q_proj|v_proj)', expected fewer",
    ),
    "saved": (
        '{"peft_type": "LORA", "r": 8, "target_modules": ["q_proj"], "modules_to_save": ["q_proj"]}',
        "modules_to_save: found ['q_proj'], expected fewer",
    ),
    "a layer before the first": (
        '{"peft_type": "LORA", "r": 8, "target_modules": ["q_proj"], "layers_to_transform": [-1]}',
        "layers_to_transform: found [-1], expected numbers of layers, from 0",
    ),
    "exclude-expression": (
        '{"peft_type": "LORA", "r": 8, "target_modules": ["q_proj"], "exclude_modules": "q_("}',
        "exclude_modules: found 'q_(', expected names, or a regular expression, which it is not",
    ),
    "pattern-expression": (
        '{"peft_type": "LORA", "r": 8, "rank_pattern": {"layers.(0": 4}}',
        "rank_pattern: found 'layers.(0', expected names, or a regular expression, which it is not",
    ),
    "small-letters": ('{"peft_type": "lora"}', "found 'lora', expected \"LORA\", in capitals"),
    "vera": ('{"peft_type": "VERA"}', "gamma-calc derive vera has one module's exponents"),
    "type-is-a-list": ('{"peft_type": ["LORA"]}', "expected"),
    "rank-is-true": ('{"peft_type": "LORA", "r": true}', "whole number"),
    "rank-is-zero": ('{"peft_type": "LORA", "r": 0}', "whole number"),
    "rank-is-long": ('{"peft_type": "LORA", "r": 1' + "0" * 5000 + "}", "not JSON"),
    "alpha-nan": ('{"peft_type": "LORA", "r": 8, "lora_alpha": NaN}', "lora_alpha"),
    "alpha-text": ('{"peft_type": "LORA", "r": 8, "lora_alpha": "16"}', "lora_alpha"),
    "unknown-init": ('{"peft_type": "LORA", "r": 8, "init_lora_weights": "gausian"}', "Did you mean 'gaussian'"),
    "init-is-a-number": ('{"peft_type": "LORA", "r": 8, "init_lora_weights": 1}', "init_lora_weights"),
    "init-is-empty": ('{"peft_type": "LORA", "r": 8, "init_lora_weights": ""}', "init_lora_weights"),
    "bias-is-a-list": ('{"peft_type": "LORA", "r": 8, "bias": ["all"]}', "bias"),
    "repeated": ('{"peft_type": "LORA", "r": 8, "target_modules": "a{99999999999}"}', "which it is not"),
    "nested": ('{"peft_type": "LORA", "r": 8, "target_modules": "' + "(" * 9999 + '"}', "which it is not"),
    "targets": ('{"peft_type": "LORA", "r": 8, "target_modules": [1]}', "target_modules"),
    "pattern": ('{"peft_type": "LORA", "r": 8, "rank_pattern": {"a": "b"}}', "rank_pattern"),
    "pattern-of-rank-0": ('{"peft_type": "LORA", "r": 8, "rank_pattern": {"a": 0}}', "from names to positive numbers"),
    "pattern-below-0": ('{"peft_type": "LORA", "r": 8, "alpha_pattern": {"a": -1}}', "alpha_pattern"),
    "dropout": ('{"peft_type": "LORA", "r": 8, "lora_dropout": 2.0}', "a number from 0 to 1"),
    "no-targets": ('{"peft_type": "LORA", "r": 8, "target_modules": []}', "PEFT adapts nothing"),
    "no-text": ('{"peft_type": "LORA", "r": 8, "target_modules": ""}', "PEFT adapts nothing"),
    "parameters-as-text": (
        '{"peft_type": "LORA", "r": 8, "target_parameters": "mlp.experts.down_proj"}',
        'a list, ["mlp.experts.down_proj"]: PEFT takes no text there',
    ),
    "task": (
        '{"peft_type": "LORA", "r": 8, "task_type": "seq_cls"}',
        "task_type: found 'seq_cls', expected one of SEQ_CLS",
    ),
    "saved-by-letters": (
        '{"peft_type": "LORA", "r": 8, "target_modules": ["q"], "modules_to_save": "lm_head"}',
        'a list, ["lm_head"]',
    ),
    "truth": ('{"peft_type": "LORA", "r": 8, "use_rslora": 1}', "true or false"),
    "truth-of-dora": ('{"peft_type": "LORA", "r": 8, "use_dora": "yes"}', "use_dora: found 'yes', expected true or"),
    "number-of-dora": ('{"peft_type": "LORA", "r": 8, "use_dora": 1}', "use_dora: found 1, expected true or false"),
}


@pytest.mark.parametrize(("text", "expected"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_input_is_one_message(
    text: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.json"
    path.write_text(text, encoding="utf-8")
    assert main(["lint", str(path)]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1 and len(printed.err) < 600
    assert expected in printed.err and "config.json" in printed.err


def test_a_file_that_is_not_there_is_named_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", str(tmp_path / "none.json")]) == 2
    assert capsys.readouterr().err.count("none.json") == 1


def test_a_width_below_the_rank_is_refused() -> None:
    with pytest.raises(BadInput, match=r"rank: found r = 8, expected at most the width 4; give a smaller r"):
        lint(PLAIN, width=4)
    with pytest.raises(BadInput, match="width: found True, expected a whole number"):
        lint(PLAIN, width=True)
    assert lint(PLAIN, width=np.int64(2048)).case.width == 2048


UNREADABLE: dict[str, tuple[bytes, str]] = {
    "with a mark": (json.dumps(PLAIN).encode("utf-8-sig"), "Unexpected UTF-8 BOM"),
    "in UTF-16": (json.dumps(PLAIN).encode("utf-16"), "can't decode byte"),
    "with an integer of 5000 digits": (b'{"r": ' + b"9" * 5000 + b"}", "value has 5000 digits; expected an adapter"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_peft_cannot_read_is_refused(name: str, tmp_path: Path) -> None:
    content, said = UNREADABLE[name]
    (tmp_path / "adapter_config.json").write_bytes(content)
    with pytest.raises(ValueError):
        LoraConfig.from_pretrained(str(tmp_path))
    with pytest.raises(BadInput, match=f"adapter_config.json: is not JSON in UTF-8: .*{said}"):
        lint(tmp_path)


def test_specs_are_written_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.json").write_text(json.dumps({**PLAIN, "target_modules": ["q", "wte"]}), encoding="utf-8")
    assert main(["lint", str(tmp_path / "c.json"), "--specs", str(tmp_path / "new")]) == 0
    assert sorted(path.name for path in (tmp_path / "new").glob("*.toml")) == ["peft-embedding.toml", "peft.toml"]
    (tmp_path / "c.json").write_text(json.dumps(PLAIN), encoding="utf-8")
    capsys.readouterr()
    assert main(["lint", str(tmp_path / "c.json"), "--specs", str(tmp_path / "other")]) == 0
    assert str(tmp_path / "other" / "peft.toml") in capsys.readouterr().out


def test_an_unknown_optimizer_is_told_every_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.json").write_text(json.dumps(PLAIN), encoding="utf-8")
    assert main(["lint", str(tmp_path / "c.json"), "--optimizer", "adamv"]) == 2
    assert "expected one of adam, sign, sgd, adamw, momentum" in capsys.readouterr().err


OF_EMBEDDINGS = {
    # init_lora_weights: how PEFT starts an embedding's A and B, as powers of the width
    **dict.fromkeys((True, "gaussian", "orthogonal", "pissa", "olora", "eva", "corda", "lora_ga"), ("zero", "n^0")),
    False: ("n^0", "n^0"),
    **dict.fromkeys(("mica", "MiCA"), ("zero", "n^(-1/2)")),
}
SIZES = {"zero": 0.0, "n^0": 1.0, "n^(-1/2)": 256**-0.5}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("start", "powers"), OF_EMBEDDINGS.items(), ids=map(str, OF_EMBEDDINGS))
def test_what_an_embedding_starts_from(start: Any, powers: tuple[str, str]) -> None:
    table = nn.Sequential(OrderedDict(embed_tokens=nn.Embedding(512, 256)))
    chosen = LoraConfig(init_lora_weights=start, target_modules=["embed_tokens"], r=8)
    layer: Any = get_peft_model(table, chosen).base_model.model.embed_tokens  # type: ignore[union-attr]
    for size, factors in zip(powers, (layer.lora_embedding_A, layer.lora_embedding_B), strict=True):
        assert float(factors["default"].detach().std()) == pytest.approx(SIZES[size], rel=0.1)
    assert layer.lora_embedding_B["default"].requires_grad == (start != "mica")
    found = lint({**PLAIN, "init_lora_weights": start, "target_modules": ["embed_tokens"]})
    assert f"A starts at {powers[0]}, B at {powers[1]};" in found.text() and not found.is_unknown
    answer = found.json()
    assert answer["linear"] is None and answer["embedding"] is not None and list(found.specs) == ["peft-embedding.toml"]
    mixed = lint({**PLAIN, "init_lora_weights": start, "target_modules": ["q_proj", "embed_tokens"]})
    assert answer["embedding"] == mixed.json()["embedding"] and "peft-embedding.toml" in mixed.specs


ALONE = {
    # init_lora_weights and others, on embeddings alone: what is found, but for what nearly every configuration has
    "true": ({}, []),
    "false": ({"init_lora_weights": False}, ["output-changed-at-start"]),
    "gaussian": ({"init_lora_weights": "gaussian"}, []),
    "pissa": ({"init_lora_weights": "pissa"}, []),
    "orthogonal": ({"init_lora_weights": "orthogonal", "r": 7}, []),
    "eva": ({"init_lora_weights": "eva"}, []),
    "mica": ({"init_lora_weights": "mica"}, ["b-frozen"]),
    "mica-not-frozen": ({"init_lora_weights": "MiCA"}, ["b-not-frozen"]),
}


@pytest.mark.parametrize("targets", [["model.embed_tokens"], r".*\.embed_tokens"], ids=["name", "expression"])
@pytest.mark.parametrize(("config", "expected"), ALONE.values(), ids=ALONE)
def test_embeddings_alone_have_findings_of_embeddings_only(
    config: dict[str, Any], expected: list[str], targets: Any
) -> None:
    found = lint({**PLAIN, **config, "target_modules": targets}, learning_rate=0.01, width=4096)
    kept = [each for each in found.findings if not each.is_common]
    assert sorted(each.id for each in kept) == sorted([*expected, "embedding-starts-otherwise"])
    assert not any("peft.toml" in each.derivation or "linear layers" in each.text for each in kept)


def test_an_expression_with_alternatives_may_take_linear_layers_too() -> None:
    found = lint({**PLAIN, "target_modules": "q_proj|.*\\.embed_tokens"}).json()
    assert found["linear"] is not None and found["embedding"] is not None


def test_a_variant_on_an_embedding_is_not_derived() -> None:
    config = {**PLAIN, "use_dora": True, "target_modules": ["embed_tokens"]}
    alone, mixed = lint(config), lint({**config, "target_modules": ["q_proj", "embed_tokens"]})
    assert alone.is_unknown and not mixed.is_unknown
    for found in (alone, mixed):
        (text,) = (each.text for each in found.findings if each.id == "equations-differ")
        assert text.endswith("not derived here of embeddings.") and found.json()["embedding"] is None


def test_loraplus_leaves_no_finding_of_a_rate_and_a_ratio_that_embeddings_do_not_get() -> None:
    found = ids({"target_modules": ["wte"]}, {"loraplus_ratio": 0.5, "learning_rate": 1.0, "width": 64})
    assert "loraplus-embedding-rate" in found
    assert not [each for each in found if each.startswith(("rate-a", "rate-n", "loraplus-ratio"))]


EDGES_OF_EMBEDDINGS = {
    "true": (True, "r^(-1/2) s^(-1)"),
    "false": (False, "r^(-1) s^(-1)"),
    "mica": ("mica", "n^(1/2) r^(-1/2) s^(-1)"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("width", [64, 1024])
@pytest.mark.parametrize(("option", "law"), EDGES_OF_EMBEDDINGS.values(), ids=EDGES_OF_EMBEDDINGS)
def test_the_edge_of_an_embedding_is_of_order_one_at_every_width(option: Any, law: str, width: int) -> None:
    """At the edge three steps change a token's output by about 1, whatever the width."""
    config = {"r": 8, "lora_alpha": 16, "init_lora_weights": option, "target_modules": ["wte"]}
    found = rate_edge(config_from_mapping({"peft_type": "LORA", **config}), "adam", width)
    assert found is not None and found.law == law
    torch.manual_seed(0)
    model = get_peft_model(nn.Sequential(OrderedDict(wte=nn.Embedding(16, width))), LoraConfig(**config))
    assert 0.3 < change_after_steps(model, torch.tensor([3]), torch.randn(width), found.rate) < 10


@pytest.mark.filterwarnings("ignore")
def test_the_embeddings_of_positions_and_types_are_known() -> None:
    names = ["position_embeddings", "token_type_embeddings"]
    sizes = {"vocab_size": 32, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = transformers.BertModel(transformers.BertConfig(**sizes, intermediate_size=32))
    layers: list[Any] = [
        each
        for each in get_peft_model(model, LoraConfig(target_modules=names, init_lora_weights="gaussian")).modules()
        if hasattr(each, "lora_embedding_A") and each.lora_embedding_A
    ]
    assert len(layers) == 2 and all(not each.lora_embedding_A["default"].any() for each in layers)
    found = lint({**PLAIN, "target_modules": names, "init_lora_weights": "gaussian"})
    assert not found.has_error and found.case.linear is None


def test_every_common_name_of_an_embedding_in_transformers_is_known() -> None:
    made = re.compile(r"self\.(\w+) *= *(nn\.Linear|Conv1D|nn\.Embedding)\(")
    files = (Path(transformers.__file__).parent / "models").glob("*/modeling_*.py")
    counts = Counter(pair for file in files for pair in made.findall(file.read_text(encoding="utf-8")))
    common = {name for (name, kind), count in counts.items() if kind == "nn.Embedding" and count > 10}
    linear = {name for (name, kind), count in counts.items() if kind != "nn.Embedding" and count > 10}
    assert common - linear <= {*EMBEDDINGS} and not linear & {*EMBEDDINGS}


@pytest.mark.parametrize("target", [["q", "shared"], ".*(q_proj|embed_tokens)"])
def test_an_embedding_by_another_name_and_by_an_expression(target: Any) -> None:
    assert "embedding-starts-otherwise" in ids({"target_modules": target}, {})


NAMED_IN = {
    # an expression: the names of embeddings that it is said to take
    r".*\.(q_proj|wte|wpe)": ("wte", "wpe"),
    r"model\.embed_tokens": ("embed_tokens",),
    r"^(.*\.embeddings\.word_embeddings)$": ("word_embeddings",),
    r".*\.shared\.up_proj": (),
    "embed_tokens": ("embed_tokens",),
    r"^(?!.*embed_tokens).*proj$": (),
    "all-linear": (),
    "(([a-z._]+)+)+!": (),
    "(([a-z._]+)+)+!embed_tokens": ("embed_tokens",),
}


@pytest.mark.parametrize(("expression", "expected"), NAMED_IN.items(), ids=NAMED_IN)
def test_an_expression_is_read_and_not_matched(expression: str, expected: tuple[str, ...]) -> None:
    assert lint({**PLAIN, "target_modules": expression}).case.config.embeddings == expected


def test_a_name_that_is_no_expression_is_only_a_name() -> None:
    assert "embedding-starts-otherwise" not in ids({"target_modules": ["*.embed[", "q_proj"]}, {})


def test_the_constant_of_the_initial_entries_is_said_where_it_is_counted() -> None:
    found = lint({**PLAIN, "init_lora_weights": "orthogonal"}, learning_rate=1e-6, width=4096)
    assert "c = 0.07" in found.text()
    edge = found.json()["rate"]
    assert edge["edge"] == pytest.approx(4096**-1 * 8**-0.5 * 2**-1 / 0.07, rel=1e-3)


def base() -> nn.Module:
    return nn.Sequential(OrderedDict(embed_tokens=nn.Embedding(64, 32), q_proj=nn.Linear(32, 32)))


KINDS: dict[str, tuple[Callable[[], nn.Module], dict[str, Any]]] = {
    # what is adapted: a model that has it, and how it is named
    "linear": (base, {"target_modules": ["q_proj"]}),
    "embedding": (base, {"target_modules": ["embed_tokens"]}),
    "experts": (mixture, {"target_parameters": ["mlp.experts.down_proj"]}),
}
SOME = {"embedding", "experts"}
OPTIONS: dict[str, tuple[dict[str, Any], set[str]]] = {
    # an option: what PEFT does not take it on
    "dropout": ({"lora_dropout": 0.1}, {"experts"}),
    "transposed": ({"fan_in_fan_out": True}, {"experts"}),
    "bias": ({"lora_bias": True}, SOME),
    "bias-gaussian": ({"lora_bias": True, "init_lora_weights": "gaussian"}, set(KINDS)),
    "bias-dora": ({"lora_bias": True, "use_dora": True}, set(KINDS)),
    "bias-false": ({"lora_bias": True, "init_lora_weights": False}, SOME),
    "dora": ({"use_dora": True}, {"experts"}),
    "bias-mica-trained": ({"lora_bias": True, "init_lora_weights": "MiCA"}, set(KINDS)),
    "dora-mica-trained": ({"use_dora": True, "init_lora_weights": "MiCA"}, {"experts"}),
    "dora-mica": ({"use_dora": True, "init_lora_weights": "mica"}, set(KINDS)),
    "qalora": ({"use_qalora": True}, set()),
    "velora": ({"velora_config": {"num_groups": 1}}, SOME),
    "kasa": ({"kasa_config": {"beta": 0.1}}, SOME),
    "velora-empty": ({"velora_config": {}}, SOME),
    "kasa-empty": ({"kasa_config": {}}, SOME),
    "monteclora-empty": ({"monteclora_config": {}}, SOME),
    "alora-empty": ({"alora_invocation_tokens": []}, set()),
    "kasa-dora-bias": ({"kasa_config": {"beta": 0.1}, "use_dora": True, "lora_bias": True}, set(KINDS)),
    "kasa-dora": ({"kasa_config": {"beta": 0.1}, "use_dora": True}, set(KINDS)),
    "monteclora": ({"monteclora_config": {"buffer_size": 2}}, SOME),
    "rslora": ({"use_rslora": True}, set()),
    **{
        name: ({"init_lora_weights": name}, {"experts"}) for name in ("orthogonal", "pissa", "olora", "mica", "lora_ga")
    },
    **{str(option): ({"init_lora_weights": option}, set()) for option in (True, False, "gaussian", "eva")},
}
REFUSED = {"experts-refused", "embeddings-refused", "options-refused"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("option", "refused"), OPTIONS.values(), ids=OPTIONS)
def test_what_peft_refuses_is_an_error_and_nothing_else_is(
    option: dict[str, Any], refused: set[str], kind: str
) -> None:
    make, target = KINDS[kind]
    is_taken = True
    try:
        get_peft_model(make(), LoraConfig(**{"r": 8, **target, **option}))
    except (ValueError, AttributeError):
        is_taken = False
    assert is_taken == (kind not in refused)
    assert (not REFUSED & set(ids({**target, **option}, {}))) == is_taken


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("config", [{"loftq_bits": 4}, {}, None])
def test_loftq_needs_its_iterations(config: Any) -> None:
    option = {"target_modules": ["q_proj"], "init_lora_weights": "loftq", "loftq_config": config}
    with pytest.raises((KeyError, ValueError), match=r"loftq_iter|must be specified"):
        get_peft_model(base(), LoraConfig(**option))
    assert "options-refused" in ids(option, {})
    assert "options-refused" not in ids({**option, "loftq_config": {"loftq_bits": 4, "loftq_iter": 1}}, {})


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("option", "kinds"), [("loftq", SOME), ("corda", {"experts"})])
def test_what_peft_refuses_of_inits_that_need_more(option: str, kinds: set[str]) -> None:
    """What its layers do with the option itself: on linear layers it needs another library, or data."""
    for kind in SOME:
        make, target = KINDS[kind]
        chosen: dict[str, Any] = {"init_lora_weights": option, "loftq_config": {"loftq_bits": 4, "loftq_iter": 1}}
        if kind in kinds:
            with pytest.raises((TypeError, AttributeError)):
                get_peft_model(make(), LoraConfig(r=8, **target, **chosen))
        assert bool(REFUSED & set(ids({**target, **chosen}, {}))) == (kind in kinds)


BOTH = ["embed_tokens", "q_proj"]
ORTHOGONAL = {"init_lora_weights": "orthogonal"}
TAKEN: dict[str, tuple[dict[str, Any], bool]] = {
    # a configuration, and whether PEFT takes it
    "excluded": ({"target_modules": BOTH, "exclude_modules": ["embed_tokens"], "lora_bias": True}, True),
    "excluded-by-expression": ({"target_modules": BOTH, "exclude_modules": r".*\.(embed_tokens|v_proj)"}, True),
    "excluded-of-expression": (
        {"target_modules": ".*(embed_tokens|q_proj)", "exclude_modules": ["embed_tokens"], "lora_bias": True},
        True,
    ),
    "not-excluded": ({"target_modules": BOTH, "exclude_modules": "embed_tokens", "lora_bias": True}, False),
    "single-layer": ({"target_modules": BOTH, "layers_to_transform": 0, "lora_bias": True}, True),
    "whole-name": ({"target_modules": ["model.embed_tokens", "q_proj"], "layers_to_transform": [0]}, True),
    "whole-name-bias": (
        {"target_modules": ["model.embed_tokens", "q_proj"], "layers_to_transform": [0], "lora_bias": True},
        False,
    ),
    "tokens": ({"target_modules": BOTH, "trainable_token_indices": [1]}, False),
    "tokens-excluded": (
        {"target_modules": BOTH, "exclude_modules": ["embed_tokens"], "trainable_token_indices": [1]},
        True,
    ),
    "odd-elsewhere": ({**ORTHOGONAL, "target_modules": ["q_proj"], "rank_pattern": {"v_proj": 3}}, True),
    "odd-here": ({**ORTHOGONAL, "target_modules": ["q_proj"], "rank_pattern": {"self_attn.q_proj": 3}}, False),
    "odd-covered": ({**ORTHOGONAL, "r": 3, "target_modules": "all-linear", "rank_pattern": {".*": 4}}, True),
    "odd-rest": ({**ORTHOGONAL, "r": 3, "target_modules": "all-linear", "rank_pattern": {"q_proj|v_proj": 4}}, False),
    "odd-nowhere": ({**ORTHOGONAL, "r": 3, "target_modules": ["q_proj"], "rank_pattern": {"q_proj": 4}}, True),
    "odd-embedding": ({**ORTHOGONAL, "target_modules": BOTH, "rank_pattern": {"embed_tokens": 3}}, True),
    "saved": ({"target_modules": BOTH, "modules_to_save": ["embed_tokens"], "lora_bias": True}, True),
    "saved-by-whole-name": (
        {"target_modules": BOTH, "modules_to_save": ["model.embed_tokens"], "lora_bias": True},
        True,
    ),
    "excluded-by-whole-name": (
        {"target_modules": BOTH, "exclude_modules": "model.embed_tokens", "lora_bias": True},
        True,
    ),
    "whole-name-excluded": (
        {
            "target_modules": ["model.embed_tokens", "q_proj"],
            "exclude_modules": r"model\.embed_tokens",
            "lora_bias": True,
        },
        True,
    ),
    "saved-of-expression": (
        {"target_modules": r".*\.(embed_tokens|q_proj)", "modules_to_save": ["embed_tokens"], "lora_bias": True},
        True,
    ),
    "odd-saved": (
        {
            **ORTHOGONAL,
            "target_modules": ["q_proj", "lm_head"],
            "modules_to_save": ["lm_head"],
            "rank_pattern": {"lm_head": 3},
        },
        True,
    ),
    "pattern-alone": ({"target_modules": BOTH, "layers_pattern": "layers"}, False),
    "empty-pattern-alone": ({"target_modules": BOTH, "layers_pattern": []}, True),
    "pattern-of-layers": ({"target_modules": BOTH, "layers_pattern": "layers", "layers_to_transform": [0]}, True),
    "layers-of-a-text": ({"target_modules": "all-linear", "layers_to_transform": [0]}, False),
    "no-layers-of-a-text": ({"target_modules": ".*q_proj", "layers_to_transform": []}, False),
    "pattern-of-a-text": ({"target_modules": ".*q_proj", "layers_pattern": ""}, False),
    "dora-megatron": ({"target_modules": BOTH, "use_dora": True, "megatron_config": {"a": 1}}, False),
    "loftq-alone": ({"target_modules": ["q_proj"], "init_lora_weights": "loftq"}, False),
    "odd-excluded": (
        {**ORTHOGONAL, "target_modules": "all-linear", "exclude_modules": ["v_proj"], "rank_pattern": {"v_proj": 3}},
        True,
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("targets", "expected"), [("q_proj", True), ("embed_tokens", False)], ids=["linear", "embedding"]
)
def test_a_dropout_of_one_trains_no_linear_layer(targets: str, *, expected: bool) -> None:
    config: dict[str, Any] = {"target_modules": [targets], "lora_dropout": 1.0}
    model = get_peft_model(llama(), LoraConfig(**config)).train()
    model(input_ids=torch.arange(6)[None], labels=torch.arange(6)[None]).loss.backward()
    assert all(not each.grad.any() for each in model.parameters() if each.grad is not None) is expected
    assert ("dead-adapter" in ids(config, {})) is expected


def test_what_is_missing_is_peft_s_and_layers_may_be_a_tuple() -> None:
    assert lint({"peft_type": "LORA", "layers_to_transform": (0, 1)}).case.config.usual == (LoraConfig().r, 8)
    found = {each.id: each.text for each in lint({"peft_type": "LORA", "rank": 64}).findings}
    assert found["rank-not-given"] == "r is missing, and PEFT takes 8."
    assert "'rank' (did you mean 'r'?)" in found["misspelt-keys"]


def test_the_head_of_a_task_is_said_to_train_whole() -> None:
    (text,) = (each.text for each in lint({**PLAIN, "task_type": "SEQ_CLS"}).findings if each.id == "modules-saved")
    assert text.startswith("the head (task_type SEQ_CLS) trains whole")
    assert "modules-saved" not in ids({"task_type": "CAUSAL_LM"}, {})


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("targets", "found"),
    [
        ("q_proj", True),
        (["all-linear"], True),
        ("lm_head", False),
        (FIRST, False),
        (".*q_proj", False),
        ("All-Linear", False),
    ],
    ids=str,
)
def test_targets_in_another_form_are_not_found(targets: Any, *, found: bool) -> None:
    is_taken = True
    try:
        get_peft_model(llama(), LoraConfig(target_modules=targets))
    except ValueError:
        is_taken = False
    assert ("targets-in-another-form" in ids({"target_modules": targets}, {})) == found == (not is_taken)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("option", "expected"), TAKEN.values(), ids=TAKEN)
def test_only_what_is_adapted_is_refused(option: dict[str, Any], expected: bool) -> None:
    is_taken = True
    try:
        get_peft_model(llama(), LoraConfig(**{"r": 8, **option}))
    except (ValueError, TypeError):
        is_taken = False
    assert is_taken is expected
    assert (not {"odd-rank", *REFUSED} & set(ids(option, {}))) is is_taken


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ({"target_modules": BOTH, "exclude_modules": ["q_proj"]}, True),
        ({"target_modules": BOTH, "layers_to_transform": [1]}, False),
        ({"target_modules": BOTH, "exclude_modules": ["encoder.embed_tokens", "q_proj"]}, True),
    ],
    ids=["excluded", "single-layer", "some"],
)
def test_embeddings_alone_are_what_is_left(option: dict[str, Any], expected: bool) -> None:
    assert lint({**PLAIN, **option}).case.config.has_only_embeddings is expected


def test_a_configuration_in_memory_has_to_name_a_target_too() -> None:
    with pytest.raises(BadInput, match="nothing is named"):
        lint(LoraConfig(target_modules=[]))

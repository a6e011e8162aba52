"""Lint: what it reads from a configuration, what it finds, and that each derivation it names says so."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from gamma_calc.cli.main import main
from gamma_calc.errors import BadInput
from gamma_calc.experiment.alpha import AlphaReading
from gamma_calc.huggingface.findings import CHECKS
from gamma_calc.huggingface.lint import linted
from gamma_calc.huggingface.lint_case import MEASURED

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
}


@pytest.mark.parametrize(
    "row", [row for name, row in READ.items() if name != "null"], ids=[n for n in READ if n != "null"]
)
def test_what_an_initialisation_is_read_as(row: tuple[Any, ...]) -> None:
    option, a, b, stable, internally = row
    found = linted({**PLAIN, "init_lora_weights": option}).json()
    assert (found["exponents"]["A"], found["exponents"]["B"]) == (a, b)
    assert (found["linear"]["stable"], found["linear"]["internally_stable"]) == (stable, internally)


def test_null_is_what_peft_takes_it_for() -> None:
    assert linted({**PLAIN, "init_lora_weights": None}).json()["exponents"]["B"] == "-rank/2"


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
    found = linted({**PLAIN, "use_rslora": stabilised}, alpha=alpha).json()
    assert found["exponents"]["scale"] == scale
    assert found["linear"]["max_stable_in_rank"] == in_rank


FOUND: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    # finding: (a configuration that has it, how it is used)
    "dead-adapter": ({"lora_alpha": 0}, {}),
    "odd-rank": ({"init_lora_weights": "orthogonal", "r": 7}, {}),
    "hidden-features-grow": ({"init_lora_weights": "gaussian"}, {}),
    "output-changed-at-start": ({"init_lora_weights": False}, {}),
    "size-depends-on-data": ({"init_lora_weights": "eva"}, {}),
    "equations-differ": ({"use_dora": True}, {}),
    "base-weights-rewritten": ({"init_lora_weights": "pissa"}, {}),
    "factor-hardly-learns": ({"init_lora_weights": "orthogonal"}, {}),
    "embedding-starts-otherwise": ({"target_modules": ["q_proj", "model.embed_tokens"]}, {}),
    "scale-differs-by-layer": ({"rank_pattern": {"q_proj": 16}}, {}),
    "rate-above-edge": ({}, {**RATE, "learning_rate": 0.1}),
    "loraplus-one-dimensional": ({"task_type": "SEQ_CLS"}, PLUS),
    "loraplus-weight-decay": ({}, {**PLUS, "weight_decay": 0.01}),
    "loraplus-embedding-rate": ({"target_modules": "embed_tokens"}, PLUS),
    "loraplus-ratio-below-one": ({}, {"loraplus_ratio": 0.5}),
    "loraplus-ratio-fixed": ({}, PLUS),
    "hidden-features-grow-at-edge": ({}, {}),
    "rank-law": ({}, {}),
    "rate-far-below-edge": ({}, RATE),
    "b-frozen": ({"init_lora_weights": "mica"}, {}),
    "no-trainable-init-b": ({}, {}),
}
ABSENT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    # finding: (a neighbour that does not have it, how it is used)
    **dict.fromkeys(FOUND, ({"init_lora_weights": False, "bias": "none"}, {})),
    "output-changed-at-start": ({"init_lora_weights": "orthogonal"}, {}),
    "factor-hardly-learns": ({}, {}),
    "rate-above-edge": ({}, RATE),
    "rate-far-below-edge": ({}, {**RATE, "learning_rate": 0.02}),
    "loraplus-one-dimensional": ({}, PLUS),
    "loraplus-weight-decay": ({}, {**PLUS, "weight_decay": 0.0}),
    "loraplus-embedding-rate": ({"target_modules": ["q_proj"]}, PLUS),
    "loraplus-ratio-below-one": ({}, PLUS),
    "rank-law": ({"init_lora_weights": "orthogonal"}, {}),
}


def ids(config: dict[str, Any], use: dict[str, Any]) -> list[str]:
    return [each.id for each in linted({**PLAIN, **config}, **use).findings]


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
    found = linted({**PLAIN, **config}, **use)
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


EXITS = {
    "sound": ({}, 0),
    "error": ({"init_lora_weights": "gaussian"}, 1),
    "unknown": ({"init_lora_weights": "eva"}, 3),
    "error-before-unknown": ({"init_lora_weights": "eva", "lora_alpha": 0}, 1),
}


@pytest.mark.parametrize(("config", "status"), EXITS.values(), ids=EXITS)
def test_exit_status_and_form(
    config: dict[str, Any], status: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({**PLAIN, **config}), encoding="utf-8")
    assert main(["lint", str(tmp_path), "--json"]) == status
    answer = json.loads(capsys.readouterr().out)
    assert answer["schema"] == 1
    assert all(set(each) == {"id", "severity", "text", "derivation"} for each in answer["findings"])
    assert {"A", "B", "eta_A", "eta_B", "scale"} <= set(answer["exponents"])
    assert main(["lint", str(tmp_path)]) == status


HOSTILE = {
    "list": ("[]", "expected an object"),
    "text": ("r = 8", "not JSON"),
    "deep": ("[" * 100_000, "nested"),
    "large": (" " * (2**20 + 1), "larger"),
    "no-type": ('{"r": 8}', "peft_type is missing"),
    "other-type": ('{"peft_type": "IA3"}', "IA3"),
    "type-is-a-list": ('{"peft_type": ["LORA"]}', "expected"),
    "no-rank": ('{"peft_type": "LORA"}', "r is missing"),
    "rank-is-true": ('{"peft_type": "LORA", "r": true}', "whole number"),
    "rank-is-zero": ('{"peft_type": "LORA", "r": 0}', "whole number"),
    "rank-is-long": ('{"peft_type": "LORA", "r": 1' + "0" * 5000 + "}", "not JSON"),
    "alpha-nan": ('{"peft_type": "LORA", "r": 8, "lora_alpha": NaN}', "lora_alpha"),
    "alpha-text": ('{"peft_type": "LORA", "r": 8, "lora_alpha": "16"}', "lora_alpha"),
    "unknown-init": ('{"peft_type": "LORA", "r": 8, "init_lora_weights": "gausian"}', "Did you mean 'gaussian'"),
    "init-is-a-number": ('{"peft_type": "LORA", "r": 8, "init_lora_weights": 1}', "init_lora_weights"),
    "init-is-empty": ('{"peft_type": "LORA", "r": 8, "init_lora_weights": ""}', "init_lora_weights"),
    "bias-is-a-list": ('{"peft_type": "LORA", "r": 8, "bias": ["all"]}', "bias"),
    "targets": ('{"peft_type": "LORA", "r": 8, "target_modules": [1]}', "target_modules"),
    "pattern": ('{"peft_type": "LORA", "r": 8, "rank_pattern": {"a": "b"}}', "rank_pattern"),
    "truth": ('{"peft_type": "LORA", "r": 8, "use_rslora": 1}', "true or false"),
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


def test_a_width_below_the_rank_is_refused() -> None:
    with pytest.raises(BadInput, match="from the rank"):
        linted(PLAIN, width=4)


def test_specs_are_written_whole(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(json.dumps({**PLAIN, "target_modules": ["wte"]}), encoding="utf-8")
    assert main(["lint", str(tmp_path / "c.json"), "--specs", str(tmp_path / "new")]) == 0
    assert sorted(path.name for path in (tmp_path / "new").glob("*.toml")) == ["peft-embedding.toml", "peft.toml"]


def test_an_unknown_optimizer_is_told_every_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.json").write_text(json.dumps(PLAIN), encoding="utf-8")
    assert main(["lint", str(tmp_path / "c.json"), "--optimizer", "adamv"]) == 2
    assert "expected one of adamw, adam, sign, sgd." in capsys.readouterr().err

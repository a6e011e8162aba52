"""gamma-calc transfer on an adapter's configuration, and what it asks of lora_alpha."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gamma_calc.cli.main import main

PLAIN = {"peft_type": "LORA", "r": 8, "lora_alpha": 16}
WIDTHS = ("--lr", "1e-3", "--from-width", "64", "--to-width", "256")
RANKS = ("--from-rank", "8", "--to-rank", "32")


@pytest.fixture
def config(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    path = tmp_path / "adapter_config.json"
    path.write_text(json.dumps({**PLAIN, **request.param}), encoding="utf-8")
    return str(path)


CARRIED: dict[str, tuple[dict[str, Any], tuple[str, ...], float]] = {
    # Init[A]: the rate at width 64 and rank 8 is 1e-3
    "width-alone": ({}, (), 1 / 2),
    "kept": ({}, (*RANKS, "--alpha", "fixed"), 1 / 2),
    "from-its-own-rank": ({}, ("--to-rank", "32", "--alpha", "proportional"), 1 / 4),
    "in-proportion": ({}, (*RANKS, "--alpha", "proportional"), 1 / 4),
    "rslora": ({"use_rslora": True}, (*RANKS, "--alpha", "fixed"), 1 / 2 / 2**0.5),
    "shown-kept": ({"rank_pattern": {"q_proj": 32}}, RANKS, 1 / 2),
    "shown-in-proportion": ({"rank_pattern": {"q": 32}, "alpha_pattern": {"q": 64}}, RANKS, 1 / 4),
    "dora": ({"use_dora": True}, (), 1 / 2),
    "dora-in-proportion": ({"use_dora": True}, (*RANKS, "--alpha", "proportional"), 1 / 4),
    "another-optimiser": ({}, ("--optimizer", "sign"), 1 / 2),
    "both-random": ({"init_lora_weights": False}, (), 1 / 4),  # bounded where s is, and 2 is a constant
}


@pytest.mark.parametrize(("config", "words", "expected"), CARRIED.values(), ids=CARRIED, indirect=["config"])
def test_a_configuration_is_a_spec(
    config: str, words: tuple[str, ...], expected: float, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["transfer", config, *WIDTHS, *words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["eta_A"] == found["eta_B"] == pytest.approx(1e-3 * expected)
    assert (found["read"]["rank"], found["read"]["lora_alpha"]) == (8, 16)
    assert main(["transfer", str(Path(config).parent), *WIDTHS, *words]) == 0
    assert "Read from " in capsys.readouterr().out


@pytest.mark.parametrize("config", [{"target_modules": ["v_porj"], "rank_pattern": {"q_proj": 4}}], indirect=True)
def test_a_misspelt_target_is_said(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transfer", config, *WIDTHS]) == 0
    printed = capsys.readouterr().out
    assert "'v_porj' (did you mean 'v_proj'?)" in printed and "rank_pattern or alpha_pattern has 'q_proj'" in printed


OTHERS: dict[str, dict[str, Any]] = {
    "lm_head (modules_to_save)": {"modules_to_save": ["lm_head"]},
    "the head (task_type SEQ_CLS)": {"task_type": "SEQ_CLS"},
    "rows of the embedding (trainable_token_indices), biases": {"bias": "all", "trainable_token_indices": [1]},
    "biases": {"lora_bias": True},
}


@pytest.mark.parametrize(("names", "config"), OTHERS.items(), ids=OTHERS, indirect=["config"])
def test_what_else_is_trained_has_no_rate_here(names: str, config: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = f"Trained beside A and B, by default at the adapters' rate: {names}. No rate here is theirs"
    assert main(["transfer", config, *WIDTHS]) == 0
    assert said in capsys.readouterr().out
    assert main(["transfer", config, *WIDTHS, "--json"]) == 0
    assert any(note.startswith(said) for note in json.loads(capsys.readouterr().out)["notes"])


@pytest.mark.parametrize("config", [{}], indirect=True)
def test_of_a_plain_adapter_nothing_else_is_trained(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transfer", config, *WIDTHS]) == 0
    assert "Trained beside" not in capsys.readouterr().out


@pytest.mark.parametrize("config", [{"use_rslroa": True, "lora_alpha": None}], indirect=True)
def test_what_peft_ignores_is_said(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transfer", config, *WIDTHS]) == 0
    printed = capsys.readouterr().out
    assert "does not know 'use_rslroa' (did you mean 'use_rslora'?)" in printed
    assert "lora_alpha is missing, and PEFT takes 8." in printed


LARGE = {"r": 256, "lora_alpha": 16, "use_rslora": True}
"""s = 1: r s passes a width of 4096 at a rank of 2580, and r^(3/2), where lora_alpha is 1, at 256."""


@pytest.mark.parametrize("config", [LARGE], indirect=True)
def test_which_law_holds_goes_by_the_s_that_layers_have(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Measured on one PEFT layer of width 1024, s from 1 to 2^(1/2): the rate that changes it as much falls to 0.56."""
    words = ("transfer", config, "--lr", "1e-3", "--from-width", "4096", "--alpha", "proportional")
    assert main([*words, "--to-width", "4096", "--to-rank", "512", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["eta_A"] == pytest.approx(1e-3 * 2**-0.75)
    assert found["exponent"]["eta_A"] == {"width": "-1/2", "rank": "-3/4"}
    assert not any("Two or more adapters" in note for note in found["notes"])
    assert main([*words, "--to-width", "4096", "--to-rank", "4096"]) == 3
    assert "from width 4096, rank 256, s = 1 to width 4096, rank 4096, s = 4" in capsys.readouterr().err


@pytest.mark.parametrize("config", [{"r": 1024, "lora_alpha": 2048}], indirect=True)
def test_a_rank_that_stays_may_pass_from_one_law_to_another(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With s = 2 the edge is 1/(r s) up to a width of 2048, and (n r s)^(-1/2) beyond."""
    words = ("transfer", config, "--lr", "1e-3", "--from-width")
    assert main([*words, "1024", "--to-width", "4096"]) == 3
    assert "one power law does not reach from width 1024, rank 1024, s = 2" in capsys.readouterr().err
    assert main([*words, "1024", "--to-width", "2048"]) == main([*words, "2048", "--to-width", "8192"]) == 0
    assert "n^(0)" in (printed := capsys.readouterr().out) and "n^(-1/2)" in printed


REFUSED: dict[str, tuple[dict[str, Any], tuple[str, ...], str]] = {
    "unsaid": ({}, RANKS, "--alpha fixed"),
    "neither": ({"rank_pattern": {"q": 32}, "alpha_pattern": {"q": 32}}, RANKS, "neither kept nor in proportion"),
    "neither-said": (
        {"rank_pattern": {"q": 32}, "alpha_pattern": {"q": 32}},
        (*RANKS, "--alpha", "fixed"),
        "neither kept nor in proportion",
    ),
    "one-rank": ({}, ("--from-rank", "8"), "--to-rank"),
    "of-another-layer": (
        {"rank_pattern": {"q": 32}, "alpha_pattern": {"v": 32}},
        RANKS,
        "neither kept nor in proportion",
    ),
    "of-any-layer": ({"rank_pattern": {"q": 32}, "alpha_pattern": {"[u-w]": 32}}, RANKS, "--alpha fixed"),
    "contradicted": ({"rank_pattern": {"q": 32}}, (*RANKS, "--alpha", "proportional"), "expected fixed"),
    "another-rank": ({}, ("--from-rank", "4", "--to-rank", "32"), "--from-rank: found 4, expected 8, as "),
    "no-scale": ({"lora_alpha": 0}, (), "adds nothing"),
    "all-dropped": ({"lora_dropout": 1.0}, (), "lora_dropout: found 1: the adapter adds nothing"),
    "word": ({}, (*RANKS, "--alpha", "fxed"), "Did you mean 'fixed'"),
    "cancelled": ({"init_lora_weights": "orthogonal"}, (), "taken out of the output"),
    "of-the-base": ({"init_lora_weights": "olora"}, (), "gamma-calc transfer pissa --lr X --from-width N --to-width M"),
}


@pytest.mark.parametrize(("config", "words", "message"), REFUSED.values(), ids=REFUSED, indirect=["config"])
def test_what_a_configuration_does_not_say_is_one_message(
    config: str, words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["transfer", config, *WIDTHS, *words]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1 and message in printed.err


@pytest.mark.parametrize("config", [{"init_lora_weights": "eva"}, {"use_qalora": True}], indirect=True)
def test_exponents_that_are_not_known_are_unknown_here_as_in_lint(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lint", config]) == main(["transfer", config, *WIDTHS]) == 3
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1 and "cannot be read from the configuration; gamma-calc lint says why" in printed


def test_an_embedding_by_name_is_said_to_have_another_law(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "adapter_config.json"
    path.write_text(json.dumps({**PLAIN, "target_modules": ["q_proj", "embed_tokens"]}), encoding="utf-8")
    assert main(["transfer", str(path), *WIDTHS]) == 0
    assert "By name embed_tokens is an embedding" in capsys.readouterr().out
    path.write_text(json.dumps({**PLAIN, "target_modules": ["embed_tokens"]}), encoding="utf-8")
    assert main(["transfer", str(path), *WIDTHS]) == 2
    assert "with another law than linear layers: see gamma-calc lint" in capsys.readouterr().err


def test_what_dora_makes_of_a_raw_step_is_unknown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "adapter_config.json"
    path.write_text(json.dumps({**PLAIN, "use_dora": True}), encoding="utf-8")
    assert main(["transfer", str(path), *WIDTHS]) == 0
    assert "DoRA's magnitudes keep their rate as the width grows" in capsys.readouterr().out
    assert main(["transfer", str(path), *WIDTHS, "--optimizer", "sgd"]) == 3
    assert "not known under a raw step" in capsys.readouterr().err


@pytest.mark.parametrize("digits", ["\u0661", "\uff12", "1_0"])
def test_a_rate_is_written_in_plain_digits(digits: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transfer", "init-a", "--lr", digits, "--from-width", "64", "--to-width", "128"]) == 2
    assert "2e-4" in capsys.readouterr().err


def test_what_to_type_is_the_edge(capsys: pytest.CaptureFixture[str]) -> None:
    """Of DoRA's two free rates the one that is offered is where A and B learn and the magnitudes are stable."""
    assert main(["transfer", "dora", *WIDTHS]) == 2
    assert capsys.readouterr().err.rstrip().endswith("--at eta=-1/2")


def test_a_size_that_a_configuration_leaves_out_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = {"hidden_size": 64, "num_attention_heads": 4, "intermediate_size": 128}
    for name, given in {"part": {"hidden_size": 1024}, "whole": sizes}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps({"model_type": "llama", "num_hidden_layers": 1, **given}))
    ends = [f"{tmp_path}/whole.json", "--to", f"{tmp_path}/part.json"]
    assert main(["transfer", "init-a", "--lr", "1e-4", "--from", *ends]) == 0
    said = [line for line in capsys.readouterr().out.splitlines() if "transformers' own" in line]
    assert said == [
        f"{tmp_path}/part.json has no num_attention_heads: transformers' own 32 is taken",
        f"{tmp_path}/part.json has no intermediate_size: transformers' own 11008 is taken",
    ]

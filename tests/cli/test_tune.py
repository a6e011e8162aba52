"""gamma-calc tune: the best rate of a tiny model, what it is carried to, and what is refused before that."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import BertConfig, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from gamma_calc.cli.main import main
from gamma_calc.experiment.sweep_questions import stored_runs
from gamma_calc.huggingface.language import tuning
from gamma_calc.huggingface.language.run import LanguageRun
from gamma_calc.huggingface.language.task import task

BRIEF = (
    *("--steps", "3", "--batch", "2", "--length", "8"),
    *("--seeds", "2", "--held-out", "4", "--workers", "1"),
)
QUICK = (*BRIEF, "--rank", "2", "--alpha", "2")
RATES = ("--rates", "2e-3:7e-3")
LINES = [f"{word} number {k} and {k % 3} more" for k in range(40) for word in ("one", "two")]
MODELLING = "language modelling"
SPEC = '[exponents]\nA = "zero"\nB = "-rank/2"\neta_A = "eta"\neta_B = "eta + 1"\n'


def config(path: Path, width: int = 16, **others: Any) -> str:
    sizes = {"intermediate_size": 2 * width, "num_hidden_layers": 2, "num_attention_heads": width // 8, **others}
    found = LlamaConfig(vocab_size=64, hidden_size=width, num_key_value_heads=width // 8, **sizes)
    found.architectures = ["LlamaForCausalLM"]
    found.save_pretrained(path)
    return str(path)


def encoder() -> None:
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    BertConfig(**sizes).save_pretrained("bert")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Models, texts, and plans whose models are hardly trained before they are adapted."""
    monkeypatch.chdir(tmp_path)
    task.cache_clear()
    config(tmp_path / "tiny")
    config(tmp_path / "wide", 64)
    (tmp_path / "a.txt").write_text("\n".join(LINES * 3), encoding="utf-8")
    rows = [json.dumps({"text": line, "label": line[:3]}) for line in LINES]
    (tmp_path / "a.jsonl").write_text("\n".join(rows), encoding="utf-8")
    plain = [json.dumps({"text": line}) for line in LINES * 3]
    (tmp_path / "plain.jsonl").write_text("\n".join(plain), encoding="utf-8")
    for kind, plan in tuning.DEFAULTS.items():
        building = replace(plan.building, steps=2, batch=2, vocabulary=64)
        monkeypatch.setitem(tuning.DEFAULTS, kind, replace(plan, building=building))


def asked(*words: str) -> list[str]:
    return ["tune", *QUICK, *RATES, *words]


Measured = Callable[[LanguageRun], Mapping[str, Any]]


def bowl(lowest: float, apart: float = 0.1) -> Measured:
    """A run whose loss is least at a rate, with a little of each seed."""

    def measured(run: LanguageRun) -> Mapping[str, Any]:
        loss = np.exp2((run.log2_rate - lowest - apart * run.seed) ** 2 / 100)
        pair, names = np.array([1e9, loss]), ("validation_loss", "test_loss", "validation_right", "test_right")
        return {**dict.fromkeys(names, pair), "steps": np.arange(2.0), "Z_A": np.ones((2, 1)), "Z_B": np.ones((2, 1))}

    return measured


def answered(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    capsys.readouterr()
    status = main(asked(*words, "--json"))
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert status == (3 if found["rate"] is None else 0) and bool(found["reason"]) == (found["rate"] is None)
    return found


def test_the_best_rate_its_interval_and_where_it_is_carried(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(LanguageRun, "measured", bowl(-8.05))
    words = (
        "tiny",
        "--data",
        "a.txt",
        "--to",
        "wide",
        "--rates",
        "1e-3:2e-2",
        "--ratio",
        "4",
        "--targets",
        "down_proj",
    )
    found = answered(capsys, *words)
    assert found["rate"] == pytest.approx(2**-8.0, rel=1e-4)
    assert found["ci"][0] < found["rate"] < found["ci"][1] and found["reason"] == ""
    (layer,) = found["carried"]["layers"]
    assert (layer["layer"], layer["from"]["width"], layer["to"]["width"]) == ("down_proj", 32, 128)
    assert layer["eta_A"] == pytest.approx(2**-9.0, rel=1e-4)
    assert layer["eta_B"] == pytest.approx(4 * layer["eta_A"])
    assert main(asked(*words)) == 0
    assert "Best learning rate: 0.00391 (95 % interval " in capsys.readouterr().out


def test_the_star_of_a_classifier_is_by_the_loss_as_its_best_rate_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where this bowl's loss is least, the share of right predictions is least, too."""
    monkeypatch.setattr(LanguageRun, "measured", bowl(-8.05))
    (study,) = answered(capsys, "tiny", "--data", "a.jsonl", "--rates", "1e-3:2e-2")["studies"]
    assert study["log2_best_rate"] == -8
    assert main(asked("tiny", "--data", "a.jsonl", "--rates", "1e-3:2e-2")) == 0
    (star,) = (line for line in capsys.readouterr().out.splitlines() if line.endswith("*"))
    assert star.startswith("0.00391")


def test_an_adapter_s_expression_is_peft_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(LanguageRun, "measured", bowl(-8.05))
    adapter = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": r".*\.0\..*(q_proj|down_proj)"}
    (tmp_path / "a.json").write_text(json.dumps(adapter), encoding="utf-8")
    words = ("tiny", "--data", "a.txt", "--to", "wide", "--adapter", "a.json", "--rates", "1e-3:2e-2")
    assert main(["tune", *words, *BRIEF, "--json"]) == 0
    layers = json.loads(capsys.readouterr().out)["carried"]["layers"]
    assert [(each["layer"], each["count"]) for each in layers] == [("q_proj", 1), ("down_proj", 1)]


@pytest.mark.slow
def test_a_rate_is_carried_by_the_edge_of_the_whole_model(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """LoRA+ from Init[A] on v_proj of two layers: n^(-5/4) for A, where one module has n^(-1)."""
    monkeypatch.setattr(LanguageRun, "measured", bowl(-8.05))
    words = ("tiny", "--data", "a.txt", "--to", "wide", "--network", "--rates", "1e-3:2e-2", "--targets", "v_proj")
    found = answered(capsys, *words, "--scheme", "lora-plus-a")
    (layer,) = found["carried"]["layers"]
    assert layer["eta_A"] == pytest.approx(found["rate"] * 4 ** (-5 / 4), rel=1e-4)
    assert found["carried"]["network"]["max_stable"] == {"eta": "-5/4"}
    assert any("2 of 2 layers of LlamaForCausalLM" in note for note in found["carried"]["notes"])


def test_a_folder_is_written_and_no_run_is_made_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("tiny", "--data", "a.txt", "--to", "wide", "--out", "here")
    first = answered(capsys, *words)
    assert json.loads((tmp_path / "here" / "results.json").read_text(encoding="utf-8")) == first
    assert {"README.md", "rates.svg", "rates.png"} <= {path.name for path in (tmp_path / "here").iterdir()}
    assert str(tmp_path) not in json.dumps(first) + (tmp_path / "here" / "README.md").read_text(encoding="utf-8")
    losses = [each["validation_loss"] for each in first["studies"]]
    assert np.isfinite(np.array(losses, dtype=float)).all()
    task.cache_clear()
    monkeypatch.setattr(LanguageRun, "measured", lambda run: pytest.fail("a run is made twice"))
    again = answered(capsys, *words)
    assert [each["validation_loss"] for each in again["studies"]] == losses


def test_ctrl_c_keeps_what_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    left, measured = [2], bowl(-8)

    def until(run: LanguageRun) -> Mapping[str, Any]:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return measured(run)

    monkeypatch.setattr(LanguageRun, "measured", until)
    assert main(asked("tiny", "--data", "a.txt")) == 130
    assert "2 runs of 6 so far asked for are in tune.sqlite" in capsys.readouterr().err


KINDS = {
    "labels": (("tiny", "--data", "a.jsonl"), "classification", "init-a"),
    "no labels": (
        ("tiny/config.json", "--data", "plain.jsonl", "--optimizer", "rmsprop"),
        MODELLING,
        "init-a",
    ),
    "encoder": (("bert", "--data", "a.jsonl", "--scheme", "init-b"), "classification", "init-b"),
    "spec": (
        ("tiny", "--data", "a.txt", "--scheme", "own.toml", "--optimizer", "adamw_8bit"),
        MODELLING,
        "own",
    ),
    "saved": (("saved", "--data", "a.txt"), MODELLING, "init-a"),
}


@pytest.mark.parametrize(("words", "kind", "scheme"), KINDS.values(), ids=KINDS)
def test_models_data_and_schemes_of_ones_own(
    words: tuple[str, ...], kind: str, scheme: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own.toml").write_text(SPEC, encoding="utf-8")
    if words[0] == "bert":
        encoder()
    if words[0] == "saved":
        saved(tmp_path / "saved")
    found = answered(capsys, *words)
    assert (found["task"], found["scheme"]) == (kind, scheme)
    (study,) = found["studies"]
    assert np.isfinite(np.array(study["validation_loss"], dtype=float)).all()


def saved(path: Path) -> None:
    """A model with weights and a tokenizer of its own."""
    tokenizers = pytest.importorskip("tokenizers")
    transformers = pytest.importorskip("transformers")
    words = {word: k for k, word in enumerate(["[UNK]", "one", "two", "number", "and", "more", *map(str, range(40))])}
    raw = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    raw.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    transformers.PreTrainedTokenizerFast(tokenizer_object=raw, unk_token="[UNK]").save_pretrained(path)
    LlamaForCausalLM(LlamaConfig.from_pretrained("tiny")).save_pretrained(path)


def test_a_family_has_a_best_rate_at_each_width_and_an_exponent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measured(run: LanguageRun) -> Mapping[str, Any]:
        return bowl(-6 - 0.5 * np.log2(run.plan.building.width / 16))(run)

    monkeypatch.setattr(LanguageRun, "measured", measured)
    words = ("tiny", "--data", "a.txt", "--widths", "16,64,32", "--layers", "1", "--rates", "1e-3:6e-2", "--seeds", "3")
    found = answered(capsys, *words)
    assert [each["width"] for each in found["studies"]] == [16, 32, 64]
    assert [each.width for each in stored_runs("tune.sqlite").cells] == [16, 32, 64]
    assert found["exponent"]["measured"] == pytest.approx(-0.5, abs=0.02) and found["exponent"]["predicted"] == "-1/2"
    assert found["rate"] == pytest.approx(2**-6.9, rel=1e-3)
    assert main(asked(*words)) == 0
    assert "64     0.00837" in (text := capsys.readouterr().out) and "derived, for one module: n^(-1/2)" in text


def test_over_a_family_the_ratio_of_the_rates_grows_as_the_scheme_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """LoRA+ has a ratio in proportion to n; with one ratio at all widths it would be plain LoRA."""
    trained = dict[int, float]()

    def measured(run: LanguageRun) -> Mapping[str, Any]:
        trained[run.plan.building.width] = run.plan.training.ratio
        return bowl(-6 - np.log2(run.plan.building.width / 16))(run)

    monkeypatch.setattr(LanguageRun, "measured", measured)
    family = ("--widths", "16,32,64", "--layers", "1", "--rates", "1e-3:6e-2", "--seeds", "3")
    words = ("tiny", "--data", "a.txt", *family, "--scheme", "lora-plus-a", "--ratio", "2")
    found = answered(capsys, *words)
    assert trained == {16: 2, 32: 4, 64: 8} and found["exponent"]["predicted"] == "-1"
    assert main(asked(*words)) == 0
    assert "; B's rate is 2, 4, 8 times A's (--ratio)\n" in capsys.readouterr().out


def test_seeds_that_share_a_rate_know_it_no_better_than_the_grid(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both seeds are best at the last rate that learns, with too few beside it for a parabola."""

    def measured(run: LanguageRun) -> Mapping[str, Any]:
        found = dict(bowl(-8, apart=0.0)(run))
        return found if run.log2_rate < -7.5 else {**found, "validation_loss": np.array([1e9, np.nan])}

    monkeypatch.setattr(LanguageRun, "measured", measured)
    words = ("tiny", "--data", "a.txt", "--to", "wide", "--rates", f"{2.0**-10}:{2.0**-6}")
    found = answered(capsys, *words)
    assert found["rate"] == 2**-8 and found["ci"] == pytest.approx([2**-8.5, 2**-7.5], rel=1e-5)
    assert main(asked(*words)) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    (row,) = (each for each in rows if each[-3:] == ["0", "of", "2"] and each[0] == "0.00781")
    assert row[1:3] == ["\N{EN DASH}", "\N{EN DASH}"]


def test_a_best_rate_beyond_all_rates_is_unknown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(LanguageRun, "measured", bowl(-30))
    found = answered(capsys, "tiny", "--data", "a.txt", "--to", "wide")
    assert found["rate"] is None and found["carried"] is None
    assert "2 of 2 seeds are best at the end of the rates" in found["reason"]


def test_seeds_that_do_not_tell_among_the_rates_leave_it_unknown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two seeds a factor of 2 apart: Student's 12.7 takes their interval past both ends."""
    monkeypatch.setattr(LanguageRun, "measured", bowl(-8, apart=1.0))
    found = answered(capsys, "tiny", "--data", "a.txt", "--to", "wide", "--rates", "1e-3:2e-2")
    assert found["rate"] is None and found["carried"] is None
    assert "reaches beyond the rates" in found["reason"] and "--seeds" in found["reason"]


MORE: dict[str, tuple[Any, str]] = {
    "bias": ("lora_only", "bias lora_only"),
    "modules_to_save": (["lm_head"], "modules_to_save"),
    "exclude_modules": (["v_proj"], "exclude_modules"),
    "target_parameters": (["experts.down_proj"], "target_parameters"),
    "layers_to_transform": (0, "layers_to_transform"),
    "trainable_token_indices": ([1], "trainable_token_indices"),
    "lora_bias": (True, "lora_bias"),
    "rank_pattern": ({"q_proj": 2}, "rank_pattern"),
    "init_lora_weights": (False, "init_lora_weights false"),
}
"""What an adapter_config.json may say and a run here has nothing for."""

REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "no-model": (("nowhere", "--data", "a.txt"), "--download takes a name on the hub"),
    "no-data": (("tiny", "--data", "b.txt"), "--data: found 'b.txt'"),
    "no-config": (("a.txt", "--data", "a.txt"), "is not JSON"),
    "no-tokenizer": (("bare", "--data", "a.txt"), "bare has no tokenizer"),
    "one-line": (("tiny", "--data", "line.txt"), "give some 200 lines, or more"),
    "row-without-label": (
        ("tiny", "--data", "some.jsonl"),
        "columns: found 'text', expected one called label",
    ),
    "no-text": (("clip.json", "--data", "a.txt"), "a clip has no single hidden_size"),
    "width": (("tiny", "--data", "a.txt", "--widths", "20"), "multiples of 8, the size of a head"),
    "widths": (("tiny", "--data", "a.txt", "--widths", "16,16"), "each width once"),
    "words": (("tiny", "--data", "a.txt", "--widths", "16,x"), "--widths: found 'x'"),
    "target": (("tiny", "--data", "a.txt", "--to", "8B"), "a number of parameters is no width"),
    "network": (("tiny", "--data", "a.txt", "--network"), "goes with --to CONFIG"),
    "network-of-nothing": (
        ("tiny", "--data", "a.txt", "--to", "wide", "--network", "--scheme", "fixed.toml"),
        "has nothing free; expected one rate",
    ),
    "free": (("tiny", "--data", "a.txt", "--scheme", "free.toml"), "give one for p"),
    "free-elsewhere": (("tiny", "--data", "a.txt", "--at", "p=-1/2"), "'p' is not a free exponent"),
    "few-rates": (("tiny", "--data", "a.txt", "--rates", "1e-2:1e-2"), "LOW:HIGH with 4 LOW <= HIGH"),
    "optimiser": (("tiny", "--data", "a.txt", "--optimizer", "muon"), "an optimiser of torch"),
    "layers": (("saved", "--data", "a.txt", "--layers", "1"), "--layers is for a model that is built"),
    "both ways": (("bert", "--data", "a.txt"), "found 'BertLMHeadModel, which sees both ways'"),
    "adapter": (("tiny", "--data", "a.txt", "--adapter", "rs.json"), "found rslora"),
    "adapter-slip": (("tiny", "--data", "a.txt", "--adapter", "slip.json"), "did you mean 'lora_alpha'?"),
    "adapter-start": (("tiny", "--data", "a.txt", "--adapter", "pissa.json"), "found init_lora_weights pissa"),
    **{
        f"adapter-{key}": (("tiny", "--data", "a.txt", "--adapter", f"{key}.json"), f"found {said}, expected plain")
        for key, (_, said) in MORE.items()
    },
    "head": (("tiny", "--data", "a.txt", "--head-rate", "1e-3"), "only a classifier has a head"),
    "adapter-twice": (("tiny", "--data", "a.txt", "--adapter", "a.json"), "leave out --rank, --alpha"),
}


@pytest.mark.parametrize(("words", "message"), REFUSED.values(), ids=REFUSED)
def test_bad_input_is_one_line_before_a_run_is_made(
    words: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(LanguageRun, "measured", lambda run: pytest.fail("a run is made"))
    (tmp_path / "free.toml").write_text(SPEC.replace('A = "zero"', 'A = "p"'), encoding="utf-8")
    (tmp_path / "fixed.toml").write_text(SPEC.replace("eta + 1", "0").replace('"eta"', '"-1"'), encoding="utf-8")
    adapter = {"peft_type": "LORA", "r": 4, "lora_alpha": 8}
    (tmp_path / "a.json").write_text(json.dumps(adapter), encoding="utf-8")
    (tmp_path / "slip.json").write_text(json.dumps({**adapter, "lora_alhpa": 8}), encoding="utf-8")
    (tmp_path / "pissa.json").write_text(json.dumps({**adapter, "init_lora_weights": "pissa"}), encoding="utf-8")
    (tmp_path / "rs.json").write_text(json.dumps({**adapter, "use_rslora": True}), encoding="utf-8")
    for key, (value, _) in MORE.items():
        (tmp_path / f"{key}.json").write_text(json.dumps({**adapter, key: value}), encoding="utf-8")
    (tmp_path / "line.txt").write_text("one two " * 500, encoding="utf-8")
    rows = [{"text": line} | ({"label": line[:3]} if k else {}) for k, line in enumerate(LINES)]
    (tmp_path / "some.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (tmp_path / "clip.json").write_text('{"model_type": "clip"}', encoding="utf-8")
    if words[0] == "bert":
        encoder()
    if words[0] == "saved":
        saved(tmp_path / "saved")
    if words[0] == "bare":
        GPT2LMHeadModel(GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=64)).save_pretrained("bare")
    capsys.readouterr()
    assert main(asked(*words)) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1 and message in printed.err
    assert not list(tmp_path.glob("*.sqlite"))

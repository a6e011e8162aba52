"""The command line of the experiments with language models: what it refuses, and a tiny one from end to end."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gamma_calc.cli.main import main
from gamma_calc.document.markdown import escaped
from gamma_calc.experiment.claims import Outcome
from gamma_calc.huggingface.language import settings, study
from gamma_calc.huggingface.language.model_source import ModelSource
from gamma_calc.huggingface.language.settings import LLAMA, QUICK, ROBERTA, Building, LanguageTraining
from gamma_calc.huggingface.language.task import run_memory

FIGURES = ("rates", "scores", "features-Z_A", "features-Z_B")
FILES = {
    "index.html",
    "README.md",
    "results.json",
    "runs.sqlite",
    *(f"{each}.{k}" for each in FIGURES for k in ("svg", "png")),
}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("robertta", "Did you mean 'roberta'?"),
        ("roberta --rates 0:1e-3", "--rates: found '0:1e-3'"),
        ("roberta --rates=-1e-3:1e-3", "0 < LOW <= HIGH <= 1"),
        ("roberta --rates nan:1e-3", "--rates: found 'nan:1e-3'"),
        ("roberta --rates 1e-3:1e-3", "expected at least 3, one an octave"),
        ("roberta --seeds 1", "at least 2"),
        ("roberta --seeds 0", "--seeds: found '0'"),
        ("llama --length 2", "at least 4 tokens"),
        ("llama --alpha inf", "--alpha: found 'inf'"),
        ("llama --head-rate 0", "--head-rate: found '0'"),
        ("llama --schedule cosine", "constant or linear"),
        ("llama --targets q_proj,,v_proj", "--targets"),
        ("llama --width 100", "a multiple of 32"),
        ("llama --width 64 --model ./m", "leave it out with --model"),
        ("llama --model ./m", "--model: found './m'"),
        ("llama --data pydco", "Did you mean 'pydoc'?"),
        ("roberta --data one.tsv", "at least two of them"),
        ("roberta --data unlabelled.tsv", "expected one called label"),
        ("llama --quick --data line.txt", "expected at least 32; parts are made of 20 whole lines at a time"),
        ("llama --data empty.txt", "found '0 characters of text'"),
        ("llama --store nowhere/runs.sqlite", "there is no folder nowhere"),
        ("llama --out /dev/null/x", "cannot write into the folder"),
        ("teacher-student --model m", "--model is for roberta and llama"),
        ("teacher-student --held-out 3", "--held-out is for roberta and llama"),
    ],
)
def test_bad_input_is_one_line(
    words: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.tsv").write_text("text\tlabel\n" + "some text\tx\n" * 20, encoding="utf-8")
    (tmp_path / "unlabelled.tsv").write_text("text\n" + "some text\n" * 20, encoding="utf-8")
    (tmp_path / "empty.txt").write_text("", encoding="utf-8")
    (tmp_path / "line.txt").write_text("all in one line, " * 100, encoding="utf-8")
    assert main(["reproduce", *words.split()]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1
    assert message in printed.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("roberta --width 100000000", "take smaller sizes"),
        ("roberta --rank 999999999", "take smaller sizes"),
        ("roberta --length 999999999", "take smaller sizes"),
        ("roberta --batch 999999999", "take smaller sizes"),
        ("roberta --steps 999999999", "take smaller sizes"),
        ("llama --width 100000000", "take smaller sizes"),
        ("llama --rank 999999999", "take smaller sizes"),
        ("llama --length 999999999", "take smaller sizes"),
        ("llama --batch 999999999", "take smaller sizes"),
        ("llama --rank 999999999 --model saved", "take smaller sizes"),
        ("roberta --batch 999999999 --model saved", "take smaller sizes"),
        ("llama --seeds 999999999", "--seeds: found '999999999', expected at most 83333 with 6 rates"),
    ],
)
def test_sizes_that_fit_no_machine_are_refused_before_anything_is_made(
    words: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "config.json").write_text('{"hidden_size": 64, "num_hidden_layers": 2}', encoding="utf-8")
    (tmp_path / "saved" / "model.safetensors").touch()
    monkeypatch.setattr(study, "task", lambda *_: pytest.fail("something is built, loaded or read"))
    assert main(["reproduce", *words.split(), "--quick", "--out", "new"]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1 and message in printed.err
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


@pytest.mark.parametrize("experiment", [ROBERTA, LLAMA])
def test_the_plans_fit_a_small_machine(experiment: str) -> None:
    plan = settings.FULL[experiment]
    assert run_memory(plan, ModelSource(plan.model)) < 2**30


def test_nothing_is_left_behind_by_bad_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", "llama", "--model", "./m"]) == 2
    assert main(["reproduce", "llama", "--model", "./m", "--out", "a/b"]) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """The quick plans at a size that takes a second."""
    building = Building(width=16, layers=1, head_width=16, vocabulary=64, steps=2, batch=4)
    training = LanguageTraining(steps=3, batch=4, length=8, rank=2, alpha=2.0)
    for name, plan in QUICK.items():
        small = replace(plan, training=training, building=building, log2_rates=(-9, -8, -7), seeds=2, held_out=6)
        monkeypatch.setitem(settings.QUICK, name, small)


@pytest.mark.usefixtures("_tiny")
@pytest.mark.parametrize("experiment", [ROBERTA, LLAMA])
def test_a_tiny_experiment_from_end_to_end(
    experiment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [f"{word} number {k} and {k % 3} more" for k in range(40) for word in ("one", "two")]
    (tmp_path / "a.tsv").write_text("text\tlabel\n" + "\n".join(f"{x}\t{x[:3]}" for x in lines), encoding="utf-8")
    (tmp_path / "a.txt").write_text("\n".join(lines * 3), encoding="utf-8")
    data = {ROBERTA: "a.tsv", LLAMA: "a.txt"}[experiment]
    words = ["reproduce", experiment, "--quick", "--data", data, "--workers", "1", "--out", "here", "--json"]
    assert main(words) == 0
    printed = json.loads(capsys.readouterr().out)
    assert {path.name for path in (tmp_path / "here").iterdir() if "sqlite-" not in path.name} == FILES
    recorded = json.loads((tmp_path / "here" / "results.json").read_text(encoding="utf-8"))
    assert recorded == printed
    assert (printed["schema"], printed["experiment"], len(printed["claims"])) == (1, experiment, 4)
    assert {each["outcome"] for each in printed["claims"]} <= {each.value for each in Outcome}
    page = (tmp_path / "here" / "README.md").read_text(encoding="utf-8")
    assert all(f"**{each['outcome']}**: {escaped(each['claim'])}" in page for each in printed["claims"])
    assert str(tmp_path) not in page + json.dumps(printed)

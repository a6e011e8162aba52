"""Bad input: one message each, exit status 2, no traceback, nothing written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gamma_calc.cli.main import main

RANK = '[exponents]\nA = "-1/2"\nB = "zero"\neta_A = "eta"\neta_B = "eta"\nrank = "rho"\n'
TWO_RATES = '[exponents]\nA = "-1/2"\nB = "zero"\neta_A = "a"\neta_B = "b"\n'
FILES = {
    "floor.toml": f'{RANK}floor = "0"\n',
    "epsilon.toml": f'optimizer = "sgd"\n{RANK}epsilon = "-1"\n',
    "stack.toml": f'{TWO_RATES}[model]\nkind = "lora-stack"\n[parameters."B[2]"]\nraet = "b"\n',
    "still.toml": f"{TWO_RATES}[trained]\nA = false\nB = false\n",
    "zero.toml": f"{TWO_RATES.replace('-1/2', 'zero')}",
    "net.py": "from pathlib import Path\n\n\ndef gated(): ...\n\n\ndef other(): ...\n",
    "empty.json": "",
    "adapter.json": '{"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"]}',
}
WIDTHS = ("--from-width", "64", "--to-width", "128")

REFUSED = {
    "a rate for an exponent": (
        ("derive", "init-a", "--at", "eta=2e-4"),
        "the value of eta: found '2e-4', expected an exponent, such as -1/2 for n^(-1/2); a rate itself goes to",
    ),
    "a small rate for an exponent": (("derive", "init-a", "--at", "eta=0.0002"), "expected an exponent, such as -1/2"),
    "nothing": ((), "no question"),
    "unknown-question": (("exponent", "init-a"), "exponents"),
    "missing-spec": (("derive",), "SPEC"),
    "missing-file": (("derive", "absent.toml"), "no such file"),
    "unknown-scheme": (("derive", "init-c"), "init-a"),
    "unknown-adapter": (("derive", "verra"), "lora-fa, rslora, vera, lora-xs, pissa, dora, the path of a TOML"),
    "misspelt-adapter": (("derive", "verra"), "Did you mean 'vera'?"),
    "parentheses": (("derive", "(" * 100_000), "unknown scheme"),
    "code": (("derive", "__import__('os')"), "unknown scheme"),
    "unknown-optimizer": (("exponents", "init-a", "--optimizer", "adm"), "adam"),
    "not-free": (("exponents", "init-a", "--at", "theta=1"), "eta"),
    "given-twice": (("exponents", "init-a", "--at", "eta=1", "--at", "eta=2"), "twice"),
    "at-without-value": (("exponents", "init-a", "--at", "eta"), "NAME=P/Q"),
    "at-division-by-zero": (("exponents", "init-a", "--at", "eta=1/0"), "divisor other than 0"),
    "at-nan": (("exponents", "init-a", "--at", "eta=nan"), "eta"),
    "at-float": (("exponents", "init-a", "--at", "eta=1e400"), "eta"),
    "at-code": (("exponents", "init-a", "--at", "eta=__import__('os')"), "eta"),
    "no-steps": (("exponents", "init-a", "--steps", "0"), "64"),
    "many-steps": (("exponents", "init-a", "--steps", "65"), "64"),
    "word-steps": (("derive", "init-a", "--steps", "some"), "all"),
    "unknown-option": (("derive", "init-a", "--stepz", "3"), "stepz"),
    "two-documents-one-file": (("derive", "init-a", "--latex", "a.tex", "--markdown", "a.tex"), "two files"),
    "spec-written-over": (("derive", "two.toml", "--latex", "./two.toml"), "give another file"),
    "spec-drawn-over": (("explore", "two.toml", "--out", "two.toml"), "two.toml is the SPEC that is read"),
    "unwritable-document": (("derive", "init-a", "--latex", "/nowhere/a.tex"), "/nowhere/a.tex"),
    "widths-falling": (("crosscheck", "init-a", "--widths", "256,128"), "increasing"),
    "widths-repeated": (("crosscheck", "init-a", "--widths", "128,128"), "increasing"),
    "widths-huge": (("crosscheck", "init-a", "--widths", "128," + "9" * 5000), "to 16777216"),
    "widths-words": (("crosscheck", "init-a", "--widths", "wide"), "a whole number from 1 to 16777216, with commas"),
    "zero-seeds": (("crosscheck", "init-a", "--seeds", "0"), "--seeds"),
    "unwritable-folder": (("crosscheck", "init-a", "--out", "/dev/null/x"), "/dev/null/x"),
    "folder-for-nothing": (("crosscheck", "init-c", "--out", "a/b"), "init-a"),
    "free-exponents": (("crosscheck", "two.toml"), "a, b"),
    "nothing-trained": (("crosscheck", "still.toml"), "still: nothing is trained, so nothing moves"),
    "nothing-moves": (
        ("crosscheck", "zero.toml", "--at", "a=0", "--at", "b=0"),
        "every quantity is zero at every step",
    ),
    "free-rank": (("crosscheck", "rank.toml"), "--at eta=-1/2 --at rho=0"),
    "json-spec": (("derive", "./adapter_config.json"), "gamma-calc lint adapter_config.json --specs ."),
    "no-function": (("derive", "./nets.py"), "nets.py:FUNCTION --allow-code"),
    "empty-spec": (("derive", ""), "unknown scheme: expected one of init-a"),
    "no-learning-rate": (("transfer", "init-a", "--from-width", "64", "--to-width", "128"), "--lr"),
    "learning-rate-word": (("transfer", "init-a", "--lr", "fast", *WIDTHS), "2e-4"),
    "learning-rate-grouped": (("transfer", "init-a", "--lr", "1_0", *WIDTHS), "positive"),
    "learning-rate-zero": (("transfer", "init-a", "--lr", "0", *WIDTHS), "positive"),
    "learning-rate-infinite": (("transfer", "init-a", "--lr", "inf", *WIDTHS), "positive"),
    "width-fraction": (("transfer", "init-a", "--lr", "1", "--from-width", "1.5", "--to-width", "2"), "whole number"),
    "width-huge": (("transfer", "init-a", "--lr", "1", "--from-width", "9" * 5000, "--to-width", "2"), "18 digits"),
    "one-rank": (("transfer", "init-a", "--lr", "1", *WIDTHS, "--to-rank", "2"), "both or neither"),
    "two-rates-to-transfer": (("transfer", "two.toml", "--lr", "1", *WIDTHS), "--at a=-1"),
    "second-rate-zero": (("transfer", "init-a", "--lr", "1", "--lr-b", "0", *WIDTHS), "--lr-b: found '0'"),
    "misspelt-question": (("derv", "init-a"), "Did you mean 'derive'?"),
    "misspelt-option": (("derive", "init-a", "--optimiser", "sgd"), "Did you mean '--optimizer'?"),
    "misspelt-option-with-value": (("derive", "init-a", "--optimiser=sgd"), "Did you mean '--optimizer'?"),
    "floor-under-adam": (("derive", "floor.toml"), "floor: found '0', but adam has no floor; leave it out, or take"),
    "epsilon-under-sgd": (("derive", "epsilon.toml"), "epsilon: found '-1', but sgd has no epsilon; leave it out"),
    "parameter-of-a-layer": (("derive", "stack.toml"), "[parameters.\"B[2]\"]: unknown key 'raet'"),
    "no-such-function": (("derive", "net.py:f", "--allow-code"), "expected one of gated, other"),
    "empty-certificate": (("verify", "empty.json"), "expected a certificate, as written by derive --certificate"),
    "empty-adapter": (("lint", "empty.json"), "expected an adapter_config.json, as PEFT writes it"),
    "no-folder": (("derive", "init-a", "--certificate", "no/x.json"), "there is no folder no; make it first"),
    "no-folder-for-specs": (("lint", "adapter.json", "--specs", "no/x"), "there is no folder no; make it first"),
    "unknown-device": (("crosscheck", "init-a", "--device", "tpu"), "cpu"),
    "slip-of-a-device": (("crosscheck", "init-a", "--device", "cpuu"), "Did you mean 'cpu'?"),
    "slip-of-a-dtype": (("crosscheck", "init-a", "--dtype", "float3"), "Did you mean 'float32'?"),
}


@pytest.mark.parametrize(("words", "expected"), REFUSED.values(), ids=REFUSED)
def test_refusal(
    words: tuple[str, ...],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two.toml").write_text(TWO_RATES, encoding="utf-8")
    (tmp_path / "rank.toml").write_text(RANK, encoding="utf-8")
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert main(words) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("gamma-calc: ") and printed.err.count("\n") == 1
    assert expected in printed.err
    assert len(printed.err) < 600
    assert {*os.listdir(tmp_path)} == {"rank.toml", "two.toml", *FILES}


def test_the_folder_of_an_adapter_is_told_of_lint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "adapter_config.json").write_text("{}", encoding="utf-8")
    assert main(["derive", str(tmp_path)]) == 2
    assert f"gamma-calc lint {tmp_path} --specs . writes those" in capsys.readouterr().err


SWEEP = """
experiment = "{}"
schemes = ["init-a"]
widths = [16]
seeds = 1
steps = 1
prefactors = [1]
device = "cuda"
"""


@pytest.mark.parametrize("experiment", ["crosscheck", "probe", "teacher-student"])
def test_a_device_that_is_not_there_is_one_message(
    experiment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    (tmp_path / "sweep.toml").write_text(SWEEP.format(experiment), encoding="utf-8")
    sweep = ["sweep", str(tmp_path / "sweep.toml"), "--store", str(tmp_path / "runs.sqlite")]
    crosscheck = ["crosscheck", "init-a", "--device", "cuda", "--out", str(tmp_path / "out")]
    assert main(crosscheck if experiment == "crosscheck" else [*sweep, "--executor", "in-process"]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1
    assert "of this machine: found 'cuda', expected auto or" in printed.err
    assert [each.name for each in tmp_path.iterdir()] == ["sweep.toml"]


def test_a_large_file_is_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "large.toml"
    path.write_bytes(b"#" * 10_000_000)
    assert main(["derive", str(path)]) == 2
    assert "64 KiB" in capsys.readouterr().err


def test_half_of_two_documents_is_not_left_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = tmp_path / "good.tex"
    assert main(["derive", "init-a", "--latex", str(good), "--markdown", str(tmp_path / "no" / "bad.md")]) == 2
    assert not good.exists()
    assert "bad.md" in capsys.readouterr().err

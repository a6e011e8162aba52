"""The command line's answers: what is printed, as text and as JSON, and with which exit status."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from gamma_calc import __version__
from gamma_calc.cli.answering import QUESTIONS, question_parser
from gamma_calc.cli.main import main
from gamma_calc.simulation.verdicts import RULES

QUICK = ("--widths", "64,128,256,512,1024,4096", "--seeds", "6", "--steps", "2")


def answered(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> Any:
    assert main([*words, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(["--version"])
    assert leaving.value.code == 0
    assert __version__ in capsys.readouterr().out


@pytest.mark.parametrize("question", sorted(QUESTIONS))
def test_help_shows_a_command_and_its_output(question: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        main([question, "--help"])
    assert leaving.value.code == 0
    assert f"$ gamma-calc {question}" in capsys.readouterr().out


def shown(text: str) -> Iterator[tuple[str, list[str]]]:
    """The commands of a help on the catalogue's schemes, each with the lines that are shown of its output."""
    for block in re.split(r"^ *\$ gamma-calc ", text, flags=re.MULTILINE)[1:]:
        command, *lines = block.split("\n")
        output = list(takewhile(str.strip, lines))
        if output and not re.search(r"\.toml|\.json|--out|--plot", command):
            yield command, [line.rstrip(". ") for line in output if line.strip(". ")]


@pytest.mark.parametrize("question", ["schemes", "exponents", "derive", "compare", "diff", "atlas", "transfer"])
def test_help_shows_true_output(question: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every line that stands there is the beginning of one of the output, in order."""
    found = list(shown(question_parser(question).description or ""))
    assert found
    for command, lines in found:
        main(command.split())
        output = iter(capsys.readouterr().out.splitlines())
        for line in lines:
            assert any(each.startswith(line) for each in output), f"{command}: {line}"


def test_schemes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schemes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:6]] == ["init-a", "init-b", "init-ab", "lora-plus-a", "lora-plus-b"]


def test_exponents(capsys: pytest.CaptureFixture[str]) -> None:
    found = answered(capsys, "exponents", "init-a", "--steps", "3")
    assert (found["schema"], found["scheme"], found["optimizer"], found["free"]) == (1, "init-a", "adam", ["eta"])
    assert [step["t"] for step in found["steps"]] == [1, 2, 3]
    assert found["steps"][0]["delta_1"] == "-oo"
    assert found["steps"][2]["Z_A"] == "max(0, eta + 1)"
    assert found["steps"][2]["upper"] == []


def test_exponents_at_a_point(capsys: pytest.CaptureFixture[str]) -> None:
    found = answered(capsys, "exponents", "init-a", "--at", "eta = -1/2")
    assert found["free"] == []
    assert found["steps"][-1]["Z_A"] == "1/2"


def test_upper_bounds_are_marked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "both.toml"
    path.write_text(
        'optimizer = "sign"\n[exponents]\nA = "-1/2"\nB = "-1/2"\neta_A = "a"\neta_B = "b"\nrank = "rho"\n',
        encoding="utf-8",
    )
    found = answered(capsys, "exponents", str(path))
    assert "delta_3" in found["steps"][-1]["upper"]
    assert main(["exponents", str(path)]) == 0
    assert "<=" in capsys.readouterr().out


def test_derive(capsys: pytest.CaptureFixture[str]) -> None:
    found = answered(capsys, "derive", "init-b")
    assert found["max_stable"]["eta"]["value"] == "-1"
    assert found["conditions"]["efficient"]["region"] == "never"
    assert found["conditions"]["efficient"]["onset"] is None
    assert found["undertrained"] == ["B"]
    assert found["at_max"]["delta_2"] == "-1"


@pytest.mark.parametrize("optimizer", ["adam", "sign", "sgd"])
@pytest.mark.parametrize("scheme", ["init-a", "init-b", "init-ab", "lora-plus-a", "lora-plus-b"])
def test_the_whole_catalogue_is_decided_for_every_step_count(
    scheme: str, optimizer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = answered(capsys, "derive", scheme, "--optimizer", optimizer)
    assert {each["status"] for each in found["conditions"].values()} == {"free"}
    assert found["max_stable"]["eta"]["value"] is not None


def test_exponents_that_are_too_long_are_unknown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "long.toml"
    forms = {"A": "p", "B": "q", "eta_A": "a", "eta_B": "b", "momentum": "m", "decay": "0", "feedback": "0"}
    spec.write_text("\n".join(["[exponents]", *(f'{key} = "{form}"' for key, form in forms.items())]))
    asked = ("exponents", str(spec), "--optimizer", "sgd")
    found = answered(capsys, *asked, status=3)
    assert len(found["steps"]) == 2
    assert found["unknown"].startswith("step 2 of 4 is the last that is computed: step 3 has an exponent of more than")
    assert main([*asked]) == 3
    assert capsys.readouterr().out.splitlines()[-1] == f"unknown: {found['unknown']}"
    assert answered(capsys, *asked, "--steps", "2")["unknown"] is None


def test_derive_at_a_point_decides(capsys: pytest.CaptureFixture[str]) -> None:
    found = answered(capsys, "derive", "init-a", "--at", "eta=-3/4")
    holds = {name: each["holds"] for name, each in found["conditions"].items()}
    assert holds == {"stable": True, "internally_stable": False, "feature_learning": False, "efficient": False}


def test_documents_are_written_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tex, md = tmp_path / "a.tex", tmp_path / "a.md"
    assert main(["derive", "init-a", "--latex", str(tex), "--markdown", str(md)]) == 0
    assert tex.read_text(encoding="utf-8").startswith("\\documentclass")
    assert md.read_text(encoding="utf-8").startswith("#")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.md", "a.tex"]


def test_compare(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "init-a", "init-b"]) == 0
    text = capsys.readouterr().out
    rows = dict(line.split(maxsplit=1) for line in text.replace("largest stable", "largest_stable").splitlines()[1:])
    assert rows["largest_stable"].split("  ")[0] == "eta = -1/2"
    assert rows["largest_stable"].rstrip().endswith("eta = -1")


def test_crosscheck_leaves_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answered(capsys, "crosscheck", "init-b", *QUICK, "--out", str(tmp_path / "out"))
    assert found["verdict"] == "PASS"
    assert found["control"]["verdict"] == "FAIL"
    names = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert {
        "index.html",
        "report.md",
        "crosscheck.json",
        "plots/init-b-adam.svg",
        "derivations/init-b-adam.tex",
    } <= names


def test_crosscheck_against_another_scheme_fails(capsys: pytest.CaptureFixture[str]) -> None:
    found = answered(capsys, "crosscheck", "init-b", "--at", "eta=-1", *QUICK, "--against", "init-a", status=1)
    assert (found["verdict"], found["against"]) == ("FAIL", "init-a")


def test_too_few_widths_settle_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    found = answered(capsys, "crosscheck", "init-b", "--widths", "64,128,256", "--seeds", "3", "--steps", "1", status=3)
    assert found["verdict"] == "INCONCLUSIVE"
    assert "widths" in found["quantities"][0]["reason"]


def test_a_caveat_is_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "fed.toml"
    path.write_text(
        'optimizer = "sign"\n[exponents]\nA = "-1/2"\nB = "zero"\neta_A = "-1"\neta_B = "-1"\nfeedback = "0"\n'
    )
    proof = tmp_path / "proof.md"
    for question in (["derive", str(path), "--markdown", str(proof)], ["exponents", str(path)]):
        assert main(question) == 0
        assert "\ncaveat: its loss feeds back" in capsys.readouterr().out
        assert main([question[0], str(path), "--json"]) == 0
        assert "A4 may then be false" in json.loads(capsys.readouterr().out)["caveats"][0]
    assert "Caveat: its loss feeds back" in proof.read_text()
    assert main(["derive", str(path), "--without", "A4"]) in (0, 3)
    assert "caveat" not in capsys.readouterr().out


def test_what_is_missing_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["crosscheck", "init-a", "init-b", "--widths", "128,256"]) == 3
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("INCONCLUSIVE: nothing was trained") and "2 widths, and at least 6 are needed" in line


def test_the_rule_of_the_verdicts_is_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["crosscheck", "init-b", *QUICK, "--out", str(tmp_path)]) == 0
    texts = [capsys.readouterr().out, *((tmp_path / name).read_text() for name in ("index.html", "report.md"))]
    for said in map(html.unescape, texts):
        assert all(rule in said for rule in RULES)
        assert "inside" in said and "intervals hold the prediction" in said


def test_a_backend_for_windows_that_does_not_exist_is_no_matter(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gamma_calc", "crosscheck", "init-b", "--widths", "64,128", "--out", str(tmp_path)]
    done = subprocess.run(command, env={**os.environ, "MPLBACKEND": "bogus"}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (3, "")
    assert (tmp_path / "index.html").exists()


QWEN = """
from validation.architectures import FamilyShape, family_model
from gamma_calc.tracing.traced import traced


def problem():
    return traced(family_model("qwen3", 32, 0, FamilyShape()), scheme="init-a", rates="eta").problem
"""


def test_a_step_without_exponents_for_every_rate_says_what_to_give(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "qwen.py"
    path.write_text(QWEN)
    asked = ["exponents", f"{path}:problem", "--allow-code", "--steps", "1"]
    assert main(asked) == 3
    assert "for every eta; with values it may be known, as in --at eta=-1/2" in capsys.readouterr().err
    assert main([*asked, "--at", "eta=-1/2"]) == 0
    _, steps, layers, *rows = capsys.readouterr().out.splitlines()
    assert (steps.split(), layers.split()) == (["t", "1", "1", "1"], ["layer", "1", "2"])
    assert ["Z_A_v_proj", "-", "0", "0"] in [row.split() for row in rows]

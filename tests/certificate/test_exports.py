"""What certificates write for other provers: every claim holds there, and would not without its hypotheses."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from gamma_calc.analysis.derivation import derived
from gamma_calc.certificate.certificate import certificate
from gamma_calc.certificate.rocq import rocq
from gamma_calc.certificate.smtlib import smtlib
from gamma_calc.cli.main import main
from gamma_calc.errors import Unknown
from gamma_calc.program.catalogue import CATALOGUE
from tests.certificate.certificates import every_case, written


@every_case
def test_every_question_to_an_smt_solver_is_unsat(name: str) -> None:
    z3 = pytest.importorskip("z3")
    text = smtlib(written(name))
    solver = z3.Solver()
    preamble = "\n".join(line for line in text.splitlines() if line.startswith(("(set-logic", "(declare")))
    questions = text.split("(push 1)")[1:]
    assert questions
    for question in questions:
        solver.reset()
        solver.from_string(preamble + question.split("(check-sat)")[0])
        assert solver.check() == z3.unsat, question


def test_claims_without_their_hypotheses_are_sat() -> None:
    z3 = pytest.importorskip("z3")
    answers = []
    for question in smtlib(written("init-a-adam")).split("(push 1)")[1:]:
        kept = [line for line in question.split("(check-sat)")[0].splitlines() if not line.startswith("(assert (>= ")]
        solver = z3.Solver()
        solver.from_string("\n".join(["(declare-const |eta| Real)", *kept]))
        answers.append(solver.check() == z3.sat)
    assert any(answers)


@pytest.mark.parametrize("name", ["init-a-adam", "init-b-adam", "init-b-sgd", "lora-plus-a-adam", "lora-plus-b-adam"])
def test_rocq_compiles_the_claims(name: str, tmp_path: Path) -> None:
    if shutil.which("coqc") is None:
        pytest.skip("coqc is missing")
    path = tmp_path / "claims.v"
    path.write_text(rocq(written(name)))
    done = subprocess.run(["coqc", path.name], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    path.write_text(rocq(written(name)) + "Lemma wrong : forall x : R, 0 <= x.\nProof. intros. lra. Qed.\n")
    done = subprocess.run(["coqc", path.name], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode != 0


def test_a_name_stays_in_its_comment_even_if_no_scheme_can_have_it() -> None:
    found = certificate(derived(CATALOGUE["init-a"]))
    found = replace(found, data={**found.data, "scheme": 'a *) b (* c "\n(check-sat)'})
    assert "\n(check-sat)\n(" not in smtlib(found).split("(set-logic")[0]
    header = rocq(found).split("Require")[0]
    assert header.count("(*") == header.count("*)") == 1 and '"' not in header


LARGE = """
optimizer = "sgd"
[exponents]
A = "-1/2"
B = "zero"
eta_A = "a"
eta_B = "b"
momentum = "m"
decay = "d"
feedback = "f"
"""


def test_what_no_checker_reads_is_not_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec, markdown = tmp_path / "large.toml", tmp_path / "proof.md"
    spec.write_text(LARGE)
    options = [word for name in ("certificate", "smtlib", "rocq") for word in (f"--{name}", str(tmp_path / name))]
    assert main(["derive", str(spec), *options, "--markdown", str(markdown)]) == 3
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "no certificate can be written" in error and "expected a list of at most 64" in error
    assert [path.name for path in tmp_path.iterdir()] == [spec.name]


@pytest.mark.parametrize(
    ("limit", "value", "message"),
    [
        pytest.param("gamma_calc.algebra.plain.MOST_FORMS", 2, "expected a list of at most 2", id="forms"),
        pytest.param("gamma_calc.certificate.certificate.LARGEST", 2000, "expected at most 2000", id="bytes"),
    ],
)
def test_each_limit_of_the_checker_is_one_of_the_writer(
    limit: str, value: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    derivation = derived(CATALOGUE["init-a"].under("sgd"))
    certificate(derivation)
    monkeypatch.setattr(limit, value)
    with pytest.raises(Unknown, match=message):
        certificate(derivation)

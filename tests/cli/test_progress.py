"""What a long derivation shows of where it is."""

from __future__ import annotations

import argparse
import sys

import pytest

from benchmarks.symbolic import forget
from gamma_calc.algebra import EVERYWHERE, Affine, Polyhedron, equal
from gamma_calc.analysis.derivation import derived
from gamma_calc.cli import progress
from gamma_calc.cli.options import hint_of_values
from gamma_calc.cli.progress import RunLines, shown_runs
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.scheme import Scheme

POINT = Polyhedron.of(equal(Affine.symbol("eta"), -1))


def test_lines_come_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    lines = RunLines(lambda: now[0], "sooner with --at")
    for now[0], t, domain in ((29.0, 1, EVERYWHERE), (31.0, 2, EVERYWHERE), (60.0, 3, POINT), (95.0, 4, POINT)):
        lines(t, domain)
    assert capsys.readouterr().err.splitlines() == [
        "sooner with --at",
        "step 2 of the run on all values, after 0:00:31",
        "step 4 of the run on eta = -1, after 0:01:35",
    ]


@pytest.mark.parametrize("is_watched", [False, True])
def test_where_somebody_looks_on_each_step_is_shown_and_wiped_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, is_watched: bool
) -> None:
    for seconds in ("BEFORE_A_BAR", "BETWEEN_LOOKS"):
        monkeypatch.setattr(progress, seconds, 0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_watched)
    forget()
    with shown_runs("sooner with --at"):
        derived(CATALOGUE["init-a"])
    said = capsys.readouterr().err
    assert "sooner" not in said
    assert ("step 1 of the run on all values" in said) is is_watched
    assert not said.split("\r")[-1].strip()
    monkeypatch.setattr(progress, "BETWEEN_LINES", 0)
    forget()
    with shown_runs("sooner with --at"):
        derived(CATALOGUE["init-a"])
    assert capsys.readouterr().err.count("sooner with --at\n") == 1


def test_a_value_for_each_free_exponent_answers_sooner() -> None:
    options = argparse.Namespace(at=["a=-1"])
    schemes = CATALOGUE["init-a"], Scheme("two", {"A": "-1/2", "B": "zero", "eta_A": "a", "eta_B": "b"})
    assert hint_of_values(options, schemes).endswith("sooner: --at eta=P/Q --at b=P/Q")
    assert hint_of_values(argparse.Namespace(at=["eta=-1"]), schemes[:1]) == ""

"""The recording of disputes speaks of the engine as it is, and each claim that differs has a run that tells."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gamma_calc.calculus.recursion import trajectory
from gamma_calc.program.problem import program_of
from gamma_calc.simulation.verdicts import RULE, TOLERANCE
from validation.disputes import FOLDER, GATED, GATED_RUNS, RUNS, claims, pages, scheme_of

DATA: dict[str, Any] = json.loads((FOLDER / "disputes.json").read_text(encoding="utf-8"))
CLAIMS = {claim.id: claim for claim in claims()}


@pytest.mark.slow
def test_the_pages_are_made_from_the_data() -> None:
    """Which also asks that the claims that differ are those with runs."""
    assert DATA["rule"] == {"tolerance": TOLERANCE, **RULE}
    found = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
    assert found == dict(pages(DATA))


@pytest.mark.parametrize("name", [*RUNS, GATED])
def test_recorded_exponents_are_those_of_today(name: str) -> None:
    if name == GATED:
        runs = [(problem.scheme, run) for _, problem, run in GATED_RUNS]
    else:
        runs = [(scheme_of(CLAIMS[name], run), run) for run in RUNS[name]]
    steps = ((scheme, run, t) for scheme, run in runs for t in run.printed)
    for row, (scheme, run, t) in zip(DATA["runs"][name], steps, strict=True):
        size = trajectory(program_of(scheme), t).upto(t)[-1].sizes[run.quantity]
        told = row["quantity"], row["t"], row["printed"], row["predicted"]
        assert told == (run.quantity, t, run.printed[t], str(size.upper))


@pytest.mark.parametrize("name", [*RUNS, GATED])
def test_nothing_derived_is_refuted_and_something_printed_is(name: str) -> None:
    rows = DATA["runs"][name]
    assert all(row["verdict"] != "FAIL" for row in rows)
    assert any(row["verdict_on_printed"] == "FAIL" for row in rows)

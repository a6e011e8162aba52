"""The reproduction on a small plan: its verdicts follow from intervals, its page and figures from its data."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from gamma_calc.errors import BadInput
from gamma_calc.experiment import reproduction as face
from gamma_calc.experiment.reproduction import Reproduction, reproduction
from gamma_calc.experiment.reproduction_claims import Claim, Outcome, claims
from gamma_calc.experiment.reproduction_folder import reproduction_json, write_reproduction
from gamma_calc.experiment.reproduction_plan import FULL, INITS, OFFSETS, QUICK, Plan, student
from gamma_calc.experiment.stability_plane import LAW, edge_point, law_edge, predicted_edge, stable_region
from gamma_calc.experiment.student_study import is_shaped_by_epsilon
from gamma_calc.program.optimizers import Moments

TINY = Plan(
    "tiny",
    widths=(16, 32, 64, 128),
    runs=3,
    steps=20,
    points=30,
    test_points=5,
    edge_widths=(16, 24, 32),
    edge_runs=3,
    edge_steps=3,
    edge_points=20,
    law_widths=(2**10, 2**15, 2**20),
    law_runs=3,
    offsets=(Fraction(0),),
)


@pytest.fixture(scope="module")
def tiny() -> Reproduction:
    return reproduction(TINY, workers=1)


@pytest.mark.parametrize("offset", OFFSETS, ids=str)
@pytest.mark.parametrize("scheme", INITS)
def test_the_modules_edge_is_the_regions(scheme: str, offset: Fraction) -> None:
    """At widths from 2^20 on lower terms are n^(-1/2) of the leading ones, one in a thousand."""
    widths = tuple(2**k for k in range(20, 61, 8))
    plan = replace(FULL, law_runs=3, edge_steps=4)
    edges = [law_edge(plan, scheme, offset, width) for width in widths]
    found = edge_point(scheme, LAW, offset, widths, edges, 0)
    assert found.predicted == predicted_edge(stable_region(scheme), offset)
    assert not any(edge.is_missing.any() for edge in edges)
    # Each edge is within 1/32 of an octave, over forty octaves; at a corner two powers meet and share a constant.
    assert found.estimate.slope == pytest.approx(float(found.predicted), abs=0.01)


def test_the_two_regions_differ_where_the_theory_says() -> None:
    edges = {scheme: predicted_edge(stable_region(scheme), Fraction(0)) for scheme in INITS}
    assert edges == {"init-a": Fraction(-1, 2), "init-b": Fraction(-1)}


def test_everything_planned_is_measured(tiny: Reproduction) -> None:
    assert [(study.scheme, study.width) for study in tiny.studies] == [(s, n) for s in INITS for n in TINY.widths]
    assert len(tiny.edges) == 4
    for study in tiny.studies:
        evolution = study.evolution
        assert evolution.training_loss.shape == (len(evolution.steps), TINY.runs)
        assert evolution.steps[-1] == TINY.steps
        assert (evolution.training_loss[-1] < evolution.training_loss[0]).all()
        assert not evolution.Z_B[0].any()


def test_processes_change_nothing(tiny: Reproduction) -> None:
    small = replace(TINY, widths=TINY.widths[:2])
    done: list[tuple[int, int]] = []
    found = reproduction(small, workers=2, progress=lambda *each: done.append(each))
    assert done[-1][0] == done[-1][1]
    for ours, theirs in zip(found.of("init-a"), tiny.of("init-a"), strict=False):
        # One thread or several may sum in another order; twenty steps of float32 amplify its last bit.
        np.testing.assert_allclose(ours.optimum.log2_rate, theirs.optimum.log2_rate, atol=0.1)


def test_the_folder_says_claim_by_claim_what_was_measured(tiny: Reproduction, tmp_path: Path) -> None:
    write_reproduction(tiny, tmp_path, command="gamma-calc reproduce teacher-student")
    page = (tmp_path / "README.md").read_text()
    judged = claims(tiny)
    for claim in judged:
        assert claim.statement in page
    # Four widths are no slope, whatever came out.
    assert [claim.outcome for claim in judged if "n^-1" in claim.statement] == [Outcome.UNDECIDED] * 2
    data = json.loads((tmp_path / "results.json").read_text())
    assert [claim["outcome"] for claim in data["claims"]] == [claim.outcome.value for claim in judged]
    assert {path.name for path in tmp_path.iterdir()} > {"optimal-rate.svg", "evolution.png", "loss.svg"}
    assert "stability-edge.png" in page
    assert reproduction_json(tiny)["plan"]["offsets"] == ["0"]


@pytest.mark.parametrize(
    ("interval", "outcome"),
    [
        ((-0.9, -0.6), Outcome.CONFIRMED),
        ((-0.6, -0.4), Outcome.UNDECIDED),
        ((-0.5, -0.2), Outcome.REFUTED),
        ((-1.2, -1.1), Outcome.REFUTED),
        ((-2.0, 0.0), Outcome.UNDECIDED),
        ((math.nan, math.nan), Outcome.UNDECIDED),
    ],
)
def test_an_outcome_follows_from_the_interval_alone(interval: tuple[float, float], outcome: Outcome) -> None:
    claim = Claim("", "", (-1.0, -0.5), 0.0, interval)
    assert claim.outcome is outcome
    assert replace(claim, shortfall="too little").outcome is Outcome.UNDECIDED


def test_a_large_epsilon_is_seen() -> None:
    best = student(replace(TINY, runs=2), "init-a", 64, np.array([-6.0]))
    assert isinstance(best.optimizer, Moments)
    assert not is_shaped_by_epsilon(best)
    assert is_shaped_by_epsilon(replace(best, optimizer=replace(best.optimizer, epsilon=Fraction(1, 100))))


def test_a_machine_that_is_too_small_is_told_before_anything_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face, "available_memory", lambda: 2**30 * 3 // 4)
    monkeypatch.setattr(face, "_tasks", lambda plan: pytest.fail("something is trained"))
    message = r"width 8192 needs about 0\.4\d+ GiB, and there are 0\.375 GiB for each of 2 workers: width 4096 fits; ta"
    with pytest.raises(BadInput, match=message):
        reproduction(FULL, workers=2)
    monkeypatch.setattr(face, "available_memory", lambda: 2**27)
    with pytest.raises(BadInput, match=r"there are 0\.125 GiB: none of the widths fits$"):
        reproduction(FULL, workers=1)


def test_a_machine_that_does_not_say_is_taken_at_its_word(tiny: Reproduction, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face, "available_memory", lambda: None)
    monkeypatch.setattr(face, "_tasks", lambda plan: iter(()))
    assert reproduction(TINY, workers=2).studies == ()


def test_the_plans_keep_what_was_asked_for() -> None:
    assert FULL.widths == tuple(2**k for k in range(7, 14))
    assert min(FULL.runs, QUICK.runs) >= 5
    assert len(QUICK.widths) >= 6

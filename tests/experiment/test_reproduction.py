"""The reproduction on a small plan: its verdicts follow from intervals, its page and figures from its data."""

from __future__ import annotations

import json
import math
import multiprocessing
import random
import signal
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from gamma_calc.document.markdown import escaped
from gamma_calc.errors import BadInput
from gamma_calc.experiment import reproduction as face
from gamma_calc.experiment import student_study
from gamma_calc.experiment.claims import MeasuredClaim, Outcome, positive_claim
from gamma_calc.experiment.reproduction import Reproduction, reproduction
from gamma_calc.experiment.reproduction_claims import claims, covering
from gamma_calc.experiment.reproduction_folder import reproduction_report
from gamma_calc.experiment.reproduction_plan import FULL, INITS, OFFSETS, QUICK, student
from gamma_calc.experiment.stability_plane import FAR, edge_point, far_edge, predicted_edge, stable_region
from gamma_calc.experiment.student_study import REPETITIONS, early_looks, is_shaped_by_epsilon
from gamma_calc.experiment.study import Interrupted
from gamma_calc.experiment.sweep_run import StudentRun
from gamma_calc.program.optimizers import Moments
from gamma_calc.simulation.store import Arrays, Store
from gamma_calc.simulation.teacher_student import loops_in_use
from tests.experiment.reproduction_runs import TINY, reproduction_telling
from tests.experiment.sweep_runs import ROOT


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of a finished reproduction."""
    return tmp_path_factory.mktemp("tiny") / "runs.sqlite"


@pytest.fixture(scope="module")
def told() -> list[tuple[int, int]]:
    """What a reproduction says of its progress."""
    return []


@pytest.fixture(scope="module")
def tiny(kept: Path, told: list[tuple[int, int]]) -> Reproduction:
    with Store(kept) as store:
        return reproduction(TINY, store, workers=1, progress=lambda *each: told.append(each))


@pytest.mark.parametrize("offset", OFFSETS, ids=str)
@pytest.mark.parametrize("scheme", INITS)
def test_the_modules_edge_is_the_regions(scheme: str, offset: Fraction) -> None:
    """At widths from 2^30 on lower terms are n^(-1/2) of the leading ones, one in 30 000."""
    widths = tuple(2**k for k in range(30, 61, 6))
    plan = replace(FULL, far_runs=3, edge_steps=4)
    edges = [far_edge(plan, scheme, offset, width) for width in widths]
    found = edge_point(scheme, FAR, offset, widths, edges, 0)
    assert found.predicted == predicted_edge(stable_region(scheme), offset)
    assert not any(edge.is_missing.any() for edge in edges)
    # Each edge is within 1/32 of an octave, over thirty octaves; at a corner two powers meet and share a constant.
    assert found.estimate.slope == pytest.approx(float(found.predicted), abs=0.01)


def test_the_two_regions_differ_where_the_theory_says() -> None:
    edges = {scheme: predicted_edge(stable_region(scheme), Fraction(0)) for scheme in INITS}
    assert edges == {"init-a": Fraction(-1, 2), "init-b": Fraction(-1)}


def test_everything_planned_is_measured(tiny: Reproduction) -> None:
    assert [(study.scheme, study.width) for study in tiny.studies] == [(s, n) for s in INITS for n in TINY.widths]
    assert len(tiny.edges) == 4
    for study in tiny.studies:
        loss = study.evolution["training_loss"]
        assert loss.shape == (len(study.steps), TINY.runs)
        assert study.steps[-1] == TINY.steps
        assert (loss[-1] < loss[0]).all()
        assert not study.evolution["Z_B"][0].any()


def same_numbers(one: Reproduction, other: Reproduction) -> bool:
    """Whether two reproductions are the same to the last digit."""
    first, second = (reproduction_report(replace(each, seconds=0.0, workers=1)).json() for each in (one, other))
    return first == second


@pytest.mark.slow
def test_processes_change_nothing(tiny: Reproduction, tmp_path: Path) -> None:
    with Store(tmp_path / "runs.sqlite") as store:
        assert same_numbers(reproduction(TINY, store, workers=2), tiny)


def test_progress_counts_work_and_ends_where_it_is_to_end(tiny: Reproduction, told: list[tuple[int, int]]) -> None:
    assert told[0][0] == 0 and told == sorted(told)
    assert {total for _, total in told} == {told[-1][0]}


def test_what_is_in_the_store_is_not_done_again(
    tiny: Reproduction, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "runs.sqlite"
    left, measured = [30], StudentRun.measured

    def until(run: StudentRun) -> Arrays:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return measured(run)

    monkeypatch.setattr(StudentRun, "measured", until)
    with Store(path) as store:
        with pytest.raises(Interrupted):
            reproduction(TINY, store, workers=1)
        held = len(store.keys)
        assert held >= 30
        monkeypatch.setattr(StudentRun, "measured", measured)
        again = reproduction(TINY, store, workers=1)
        with Store(kept) as whole:
            assert store.keys == whole.keys and held < len(whole.keys)
        assert same_numbers(again, tiny)
        monkeypatch.setattr(StudentRun, "measured", lambda run: pytest.fail("something is trained"))
        assert same_numbers(reproduction(TINY, store, workers=1), tiny)


KILLS = 8
"""The moments of a kill are those of a sweep (test_sweep_kills); here it is the studies that go on."""


@pytest.mark.slow
def test_a_kill_loses_no_finished_run(
    tiny: Reproduction, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.experiment.reproduction_runs"])
    path, rng, known = tmp_path / "runs.sqlite", random.Random(0), 0
    for _ in range(KILLS):
        told, theirs = context.Pipe(duplex=False)
        process = context.Process(target=reproduction_telling, args=(path, theirs))
        process.start()
        theirs.close()
        last = 0
        while last <= known and told.poll(60):  # after something new has landed
            last = told.recv()
        time.sleep(rng.uniform(0, 0.1))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL, "it had ended before it was killed"
        with Store(path) as store:  # which checks every row
            assert len(store.keys) >= last > known
            known = len(store.keys)
    with Store(path) as store, Store(kept) as whole:
        assert same_numbers(reproduction(TINY, store, workers=1), tiny)
        assert known < len(store.keys) and store.keys <= whole.keys
        for key in store.keys:
            one, other = store.get(key), whole.get(key)
            assert one is not None and other is not None
            assert all(one.arrays[name].tobytes() == other.arrays[name].tobytes() for name in other.arrays)


def test_results_of_other_loops_are_made_anew(kept: Path, tiny: Reproduction, monkeypatch: pytest.MonkeyPatch) -> None:
    class Trained(Exception):
        pass

    def trained(run: StudentRun) -> Arrays:
        raise Trained

    monkeypatch.setattr(student_study, "loops_in_use", lambda: "others")
    monkeypatch.setattr(StudentRun, "measured", trained)
    with Store(kept) as store, pytest.raises(BadInput, match="Trained"):
        reproduction(TINY, store, workers=1)


def test_a_run_in_this_process_has_one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: set[int] = set()
    measured = StudentRun.measured

    def noting(run: StudentRun) -> Arrays:
        threads.add(torch.get_num_threads())
        return measured(run)

    monkeypatch.setattr(StudentRun, "measured", noting)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with Store(tmp_path / "runs.sqlite") as store:
            reproduction(replace(TINY, widths=(16,)), store, workers=1)
        assert threads == {1} and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_repetitions_are_as_good_as_each_other(tiny: Reproduction) -> None:
    for study in tiny.studies:
        again = study.repeated["training_loss"]
        assert again.shape == (REPETITIONS, TINY.runs)
        assert (again[0] == study.evolution["training_loss"][-1]).all()
        # Twenty steps amplify rounding a little.
        np.testing.assert_allclose(study.twin_loss, again[0], rtol=1e-3)
        assert (again[1:] != again[0]).any()
        assert study.repetition(0) is study
        assert (study.repetition(2).evolution["training_loss"][-1] == again[2]).all()
        np.testing.assert_allclose(study.repetition(2).optimum.log2_rate, study.optimum.log2_rate, atol=0.2)


@pytest.mark.parametrize(
    ("lows", "averaged", "outcome"),
    [
        ([0.10, 0.12, 0.11], 1, Outcome.CONFIRMED),
        ([0.10, 0.16, 0.04], 1, Outcome.UNDECIDED),
        ([0.02, 0.12, 0.11], 3, Outcome.UNDECIDED),
        ([0.20, 0.19, 0.22], 3, Outcome.CONFIRMED),
        ([-0.90, -0.91, -0.90], 3, Outcome.REFUTED),
        ([0.10, 0.12, math.nan], 1, Outcome.UNDECIDED),
    ],
)
def test_what_rounding_can_undo_is_undecided(lows: list[float], averaged: int, outcome: Outcome) -> None:
    claims = [MeasuredClaim("", "", (0.0, math.inf), low + 0.4, (low, low + 0.8)) for low in lows]
    found = covering(claims, averaged)
    assert found.outcome is outcome
    assert found.repetitions == tuple(each.interval for each in claims)
    if outcome is Outcome.UNDECIDED and math.isfinite(sum(lows)):
        assert claims[0].outcome is Outcome.CONFIRMED and found.detail.startswith("confirmed but for a margin of 0.")


def test_the_margin_is_that_of_the_difference_of_two_means() -> None:
    claims = [MeasuredClaim("", "", (0.0, math.inf), low, (low, low + 1.0)) for low in (0.0, 1.0, 2.0)]
    # Student's quantile at 97.5 % with two degrees of freedom.
    assert covering(claims, 1).interval == pytest.approx((-4.30265 * 2**0.5, 1 + 4.30265 * 2**0.5), rel=1e-5)
    assert covering(claims, 2).interval == pytest.approx((1 - 4.30265, 2 + 4.30265), rel=1e-5)


def test_the_folder_says_claim_by_claim_what_was_measured(tiny: Reproduction, tmp_path: Path) -> None:
    reproduction_report(tiny, "gamma-calc reproduce teacher-student").write(tmp_path)
    page = (tmp_path / "README.md").read_text()
    judged = claims(tiny)
    assert page.index("Z_A = A Z") < page.index("docs/glossary.md") < page.index("## Claims")
    for claim in judged:
        assert escaped(claim.statement) in page
    # Four widths are no slope, whatever came out.
    assert [claim.outcome for claim in judged if "n^-1" in claim.statement] == [Outcome.UNDECIDED] * 2
    data = json.loads((tmp_path / "results.json").read_text())
    assert [claim["outcome"] for claim in data["claims"]] == [claim.outcome.value for claim in judged]
    assert {path.name for path in tmp_path.iterdir()} > {"index.html", "optimal-rate.svg", "evolution-Z_A.png"}
    assert "stability-edge-init-a.png" in page
    assert reproduction_report(tiny).json()["plan"]["offsets"] == ["0"]
    assert data["environment"]["loops"] == loops_in_use() and f"| loops | {loops_in_use()} |" in page
    assert data["environment"]["processes"] == "1, of one thread"
    assert all(len(claim["repetitions"]) == REPETITIONS for claim in data["claims"])


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
    claim = MeasuredClaim("", "", (-1.0, -0.5), 0.0, interval)
    assert claim.outcome is outcome
    assert replace(claim, shortfall="too little").outcome is Outcome.UNDECIDED


def test_a_loss_that_epsilon_moves_is_seen() -> None:
    losses = np.array([0.1, 2.0])
    moved = (losses * 1.0005, losses * np.array([1.0, 1.01]), np.array([0.1, np.nan]))
    for without, is_seen in zip(moved, (False, True, True), strict=True):
        assert is_shaped_by_epsilon([{"training_loss": each.reshape(1, 1, 2)} for each in (losses, without)]) is is_seen
    assert not is_shaped_by_epsilon([])


def test_a_large_epsilon_is_seen() -> None:
    best = student(replace(TINY, runs=2), "init-a", 64, np.array([-6.0]))
    assert isinstance(best.optimizer, Moments)
    large = replace(best, optimizer=replace(best.optimizer, epsilon=Fraction(1, 100)))
    for each, is_seen in ((best, False), (large, True)):
        assert is_shaped_by_epsilon([StudentRun(look).measured() for look in early_looks(each)]) is is_seen


def test_a_machine_that_is_too_small_is_told_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(face, "available_memory", lambda: 2**30 * 3 // 4)
    monkeypatch.setattr(face, "finish", lambda *_, **__: pytest.fail("something is trained"))
    message = r"width 8192 needs about 0\.4\d+ GiB, and there are 0\.375 GiB for each of 2 workers: width 4096 fits; ta"
    with Store(tmp_path / "runs.sqlite") as store:
        with pytest.raises(BadInput, match=message):
            reproduction(FULL, store, workers=2)
        monkeypatch.setattr(face, "available_memory", lambda: 2**27)
        with pytest.raises(BadInput, match=r"there are 0\.125 GiB: take smaller sizes"):
            reproduction(FULL, store, workers=1)


def test_a_machine_that_does_not_say_is_taken_at_its_word(
    tiny: Reproduction, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(face, "available_memory", lambda: None)
    with Store(kept) as store:
        assert same_numbers(reproduction(TINY, store, workers=1), tiny)


def test_the_plans_keep_what_was_asked_for() -> None:
    assert FULL.widths == tuple(2**k for k in range(7, 14))
    assert min(FULL.runs, QUICK.runs) >= 5
    assert len(QUICK.widths) >= 6


@pytest.mark.parametrize("runs", [3, 8])
def test_the_interval_of_a_compared_difference_is_student_s(runs: int) -> None:
    """Of one width it is the textbook's interval of a mean."""
    row = np.random.default_rng(0).standard_normal(runs)
    found = positive_claim("", "", [row], (64,))
    assert found.interval == pytest.approx(stats.t.interval(0.95, runs - 1, row.mean(), stats.sem(row)))

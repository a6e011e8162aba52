"""The loop over a sweep's runs: what is done, tried again, named and given up."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
import torch

from gamma_calc.errors import BadInput
from gamma_calc.experiment import sweep
from gamma_calc.experiment.executors import Immediate
from gamma_calc.experiment.sweep import BREAKS, TRIES, measured, run_missing
from gamma_calc.experiment.sweep_run import KERNELS
from gamma_calc.simulation.store import Store
from tests.experiment.sweep_runs import Breaking, Raising, Small, made_by, placed, smalls

pytestmark = pytest.mark.usefixtures("one_thread")


def test_only_what_is_missing_is_done(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    with Store(tmp_path / "s") as store:
        first = run_missing(smalls(3), store)
        second = run_missing(smalls(5), store, progress=lambda *counts: told.append(counts))
        third = run_missing(smalls(5), store)
        assert {run.key for run in smalls(5)} == store.keys
    assert (first.done_before, first.done_now) == (0, 3)
    assert (second.done_before, second.done_now) == (3, 2) and told == [(3, 5), (4, 5), (5, 5)]
    assert (third.done_before, third.done_now) == (5, 0) and third.is_complete


def test_in_this_process_a_run_has_one_thread_and_leaves_the_setting_as_it_was(tmp_path: Path) -> None:
    torch.set_num_threads(2)
    with Store(tmp_path / "s") as store:
        run_missing(smalls(1), store)
        assert [record.arrays["threads"] for record in store.records(store.keys)] == [1]
    assert torch.get_num_threads() == 2


def test_any_executor_will_do(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        outcome = run_missing(smalls(20), store, made_by(lambda: ThreadPoolExecutor(4), at_once=8))
        assert outcome.done_now == 20 == len(store.keys)
        for run in smalls(20):
            record = store.get(run.key)
            assert record is not None and record.arrays["number"] == run.seeds.start


def test_a_run_that_raises_is_tried_again_and_named_and_harms_no_other(tmp_path: Path) -> None:
    bad = placed(Raising(ArithmeticError))
    with Store(tmp_path / "s") as store:
        outcome = run_missing([*smalls(4), bad], store)
    assert outcome.done_now == 4 and not outcome.is_complete
    assert [(each.run, each.reason) for each in outcome.failed] == [(bad, "ArithmeticError: as told")]


def test_a_run_that_breaks_its_executor_is_found_among_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each try of it breaks an executor, and one more does the rest; what was handed out beside it is kept."""
    monkeypatch.setattr(sweep.random, "shuffle", lambda runs: None)
    bad, opened = placed(Raising(BrokenProcessPool)), []

    def make() -> Immediate:
        opened.append(1)
        return Immediate()

    with Store(tmp_path / "s") as store:
        outcome = run_missing([bad, *smalls(40)], store, made_by(make, at_once=4))
    assert outcome.done_now == 40 and [each.run for each in outcome.failed] == [bad]
    assert "its worker died" in outcome.failed[0].reason
    assert len(opened) == TRIES + 1


def test_executors_that_always_break_are_given_up(tmp_path: Path) -> None:
    bad = [placed(Raising(BrokenProcessPool), number) for number in range(BREAKS)]
    with Store(tmp_path / "s") as store, pytest.raises(BadInput, match=f"broke {BREAKS} times"):
        run_missing(bad, store, made_by(Immediate, at_once=BREAKS))


def test_a_run_that_breaks_its_executor_is_tried_as_often_as_is_said(tmp_path: Path) -> None:
    bad = placed(Breaking(str(tmp_path), 0, times=99))
    with Store(tmp_path / "s") as store:
        outcome = run_missing([bad], store, made_by(Immediate, at_once=1))
    assert [each.run for each in outcome.failed] == [bad]
    assert len(list(tmp_path.glob("0-*"))) == TRIES


def test_a_run_that_raises_is_tried_as_often_as_is_said(tmp_path: Path) -> None:
    submitted = []

    class Counting(Immediate):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            submitted.append(args)
            return super().submit(fn, *args, **kwargs)

    with Store(tmp_path / "s") as store:
        run_missing([placed(Raising(ArithmeticError))], store, made_by(Counting, at_once=1))
    assert len(submitted) == TRIES


def test_breaks_between_finished_runs_never_end_a_sweep(tmp_path: Path) -> None:
    runs = [placed(Breaking(str(tmp_path), number, times=1), number) for number in range(2 * BREAKS)]
    with Store(tmp_path / "s") as store:
        outcome = run_missing(runs, store, made_by(Immediate, at_once=1))
    assert outcome.is_complete


def test_what_the_machine_lacks_ends_the_sweep_at_once(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store, pytest.raises(BadInput, match="as told"):
        run_missing([placed(Raising(BadInput))], store)


def test_a_worker_with_other_kernels_is_refused() -> None:
    with pytest.raises(BadInput, match="install the same gamma_calc"):
        measured(Small(0), KERNELS + 1)


def test_ctrl_c_keeps_what_is_finished(tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with Store(tmp_path / "s") as store:
        with pytest.raises(KeyboardInterrupt):
            run_missing(smalls(6), store, progress=interrupt)
        assert len(store.keys) == 3
        assert run_missing(smalls(6), store).done_now == 3

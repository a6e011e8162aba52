"""A sweep on a dask cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gamma_calc.experiment.executors import named_executors
from gamma_calc.experiment.sweep import carried_out
from gamma_calc.simulation.store import Store
from tests.experiment.sweep_runs import ROOT, Deadly, placed, smalls, sweep_answer

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    dask = pytest.importorskip("dask", reason="dask is missing: pip install 'gamma-calc[dask]'")
    distributed = pytest.importorskip("distributed", reason="dask is missing: pip install 'gamma-calc[dask]'")
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(ROOT)
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as opened,
    ):
        yield opened.scheduler_address.replace("tcp://", "dask://")
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


def test_a_cluster_does_a_sweep(tmp_path: Path, tiny: Path, cluster: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, answer = sweep_answer(capsys, tiny, "--store", tmp_path / "s", "--executor", cluster)
    assert status == 0 and answer["runs"]["done_now"] == 24  # type: ignore[index]


def test_a_cluster_replaces_a_dead_worker_and_names_a_deadly_run(tmp_path: Path, cluster: str) -> None:
    folders = [tmp_path / "once", tmp_path / "always"]
    for folder in folders:
        folder.mkdir()
    once, always = (placed(Deadly(str(folder), deaths)) for folder, deaths in zip(folders, (1, 99), strict=True))
    with Store(tmp_path / "s") as store:
        outcome = carried_out([*smalls(3), once], store, named_executors(cluster))
        assert outcome.is_complete
        outcome = carried_out([always], store, named_executors(cluster))
    assert [each.run for each in outcome.failed] == [always] and "KilledWorker" in outcome.failed[0].reason

"""A sweep on a dask cluster."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gamma_calc.errors import BadInput
from gamma_calc.experiment.executors import _least_memory, named_executors
from gamma_calc.experiment.sweep import run_missing
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
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as opened,
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
        outcome = run_missing([*smalls(3), once], store, named_executors(cluster))
        assert outcome.is_complete
        outcome = run_missing([always], store, named_executors(cluster))
    assert [each.run for each in outcome.failed] == [always] and "KilledWorker" in outcome.failed[0].reason


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Dask's configuration with a certificate that every end shows and trusts."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is missing")
    files = {name: str(tmp_path_factory.mktemp("tls") / name) for name in ("cert", "key")}
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    subprocess.run([*command.split(), "-keyout", files["key"], "-out", files["cert"]], check=True, capture_output=True)
    ends = {f"{end}.{name}": file for end in ("client", "scheduler", "worker") for name, file in files.items()}
    return {f"distributed.comm.tls.{key}": value for key, value in {"ca-file": files["cert"], **ends}.items()}


@pytest.fixture
def guarded(certificates: dict[str, str]) -> Iterator[str]:
    """The address of a cluster that talks to those with a certificate only."""
    dask = pytest.importorskip("dask", reason="dask is missing: pip install 'gamma-calc[dask]'")
    distributed = pytest.importorskip("distributed", reason="dask is missing: pip install 'gamma-calc[dask]'")
    with (
        dask.config.set(certificates),
        distributed.LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            processes=False,
            dashboard_address=":0",
            protocol="tls://",
            security=distributed.Security(require_encryption=True),
        ) as opened,
    ):
        yield opened.scheduler_address


def test_a_cluster_behind_certificates_does_a_sweep(tmp_path: Path, guarded: str) -> None:
    assert guarded.startswith("tls://")
    with Store(tmp_path / "s") as store:
        assert run_missing(smalls(3), store, named_executors(guarded)).done_now == 3


def test_without_a_certificate_a_guarded_cluster_is_out_of_reach(certificates: dict[str, str], guarded: str) -> None:
    dask = pytest.importorskip("dask")
    with pytest.raises(BadInput, match="no dask scheduler answers"), named_executors(guarded.replace("tls", "dask"))():
        pass
    nothing = dict.fromkeys(certificates)
    with dask.config.set(nothing), pytest.raises(BadInput, match=r"names no certificates"), named_executors(guarded)():
        pass


def test_the_tightest_worker_shares_its_memory_among_its_threads() -> None:
    class Client:
        def scheduler_info(self, n_workers: int) -> dict[str, Any]:
            limits = {"a": 12, "b": 8, "without-a-limit": 0}
            return {"workers": {name: {"memory_limit": limit} for name, limit in limits.items()}}

    assert _least_memory(Client(), {"a": 4, "b": 2, "without-a-limit": 1, "gone": 1}) == 3
    assert _least_memory(Client(), {"without-a-limit": 1}) is None

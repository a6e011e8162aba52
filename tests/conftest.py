"""What every test runs under: hypothesis profiles, one thread a worker, and no skip where none is allowed."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

# Two workers with one thread each beat one with two on small tensors. The libraries read these names when they
# are loaded, so nothing heavy has to be imported here, and commands that a test starts inherit them.
if "PYTEST_XDIST_WORKER" in os.environ:
    for threads in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(threads, "1")

# Derandomised: the same tree gives the same answer. No deadline and no "too slow": how long an example takes says
# something of the machine's other work, not of the law that is tested.
PROFILE = settings(derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fast", PROFILE, max_examples=60)
settings.register_profile("ci", PROFILE, max_examples=200)
settings.load_profile("ci" if os.environ.get("CI") else "fast")

NO_SKIP = "GAMMA_CALC_NO_SKIP"

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def without_skip(report: Report) -> Report:
    """The report with a skip turned into a failure where the environment forbids skips; an expected failure stays."""
    if os.environ.get(NO_SKIP) == "1" and report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{NO_SKIP}=1 and yet: {reason}"
    return report


def pytest_collection_finish() -> None:
    """Collect rarely, as the commands do (`cli.main`), and never what the imports left: a fifth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Hold the rule for tests that skip in their setup or their body."""
    return without_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Hold the rule for modules that skip as a whole."""
    return without_skip((yield))

"""Where skips are forbidden, each way to skip fails; where they are not, each stays a skip."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent

WAYS = {
    "body": "import pytest\ndef test_it():\n    pytest.skip('no tool')",
    "mark": "import pytest\n@pytest.mark.skipif(True, reason='no tool')\ndef test_it():\n    pass",
    "module": "import pytest\npytest.skip('no tool', allow_module_level=True)",
    "import": "import pytest\npytest.importorskip('no_such_module_anywhere', reason='no tool')",
    "parameters": "import pytest\n@pytest.mark.parametrize('x', [])\ndef test_it(x):\n    pass",
}
EXPECTED_FAILURE = "import pytest\n@pytest.mark.xfail\ndef test_it():\n    assert False"


def status(folder: Path, no_skip: str, *sources: str) -> int:
    """The exit status of pytest on one file for each source, under this project's conftest."""
    (folder / "conftest.py").write_text((HERE / "conftest.py").read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    for number, source in enumerate(sources):
        (folder / f"test_{number}.py").write_text(source, encoding="utf-8")
    environment = {**os.environ, "GAMMA_CALC_NO_SKIP": no_skip}
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, timeout=60, check=False).returncode


@pytest.mark.parametrize("source", WAYS.values(), ids=WAYS.keys())
def test_a_skip_fails_where_it_is_forbidden(source: str, tmp_path: Path) -> None:
    assert status(tmp_path, "1", source) in {pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED}


def test_skips_are_free_where_they_are_not_forbidden(tmp_path: Path) -> None:
    assert status(tmp_path, "", *WAYS.values()) == pytest.ExitCode.OK


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    assert status(tmp_path, "1", EXPECTED_FAILURE) == pytest.ExitCode.OK

"""The Rocq files of the book compile: every claim about inequalities is proved by a second system."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

BOOK = sorted((Path(__file__).resolve().parents[2] / "derivations").glob("*.v"))


@pytest.mark.slow
@pytest.mark.parametrize("source", BOOK, ids=[path.stem for path in BOOK])
def test_compiles(source: Path, tmp_path: Path) -> None:
    if shutil.which("coqc") is None:
        pytest.skip("coqc is missing")
    copy = shutil.copy(source, tmp_path)
    done = subprocess.run(
        ["coqc", Path(copy).name], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_published_schemes_are_there() -> None:
    assert {"init_a_adam", "init_b_adam", "lora_plus_a_adam"} <= {path.stem for path in BOOK}

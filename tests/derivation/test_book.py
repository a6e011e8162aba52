"""The book in derivations/ is what its command writes, byte for byte, in any process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from derivations import make

ROOT = Path(__file__).resolve().parents[2]
HASHED = """
import hashlib, sys
from derivations import make
print(hashlib.sha256(repr(make.contents()).encode()).hexdigest())
heavy = {"torch", "matplotlib", "sympy", "transformers"} & set(sys.modules)
assert not heavy, heavy
"""


def test_the_book_is_up_to_date() -> None:
    assert make.differing(make.contents()) == [], "python derivations/make.py writes these files anew"


@pytest.mark.slow
@pytest.mark.parametrize("name", make.CHAPTERS)
def test_chapters_are_up_to_date(name: str) -> None:
    """Each compares what it says of all rates, or of all depths, with derived regions as it is written."""
    assert make.differing({**make.contents(), name: make.CHAPTERS[name]()}) == []


@pytest.mark.parametrize("change", ["a changed byte", "a file too few", "a file too many"])
def test_a_stale_book_is_noticed(change: str) -> None:
    texts = dict(make.contents())
    if change == "a changed byte":
        texts["init-a-adam.md"] = texts["init-a-adam.md"].replace("stable", "Stable", 1)
    elif change == "a file too few":
        del texts["init-a-adam.md"]
    else:
        texts["other.md"] = ""
    assert make.differing(texts) == ["other.md" if change == "a file too many" else "init-a-adam.md"]


def test_bytes_do_not_depend_on_the_hash_seed() -> None:
    digests = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", HASHED],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        digests.add(done.stdout)
    assert len(digests) == 1

"""The law of every horizon is the same in every process, though its walks hold their loops in sets."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = """
from gamma_calc import derive
from tests.schemes import scheme
laws = derive(scheme("-1/2", "zero", "eta", "eta", momentum="m", decay="d", optimizer="sgd")).derivation.horizons
print(laws["stable"].families)
"""


def test_the_families_do_not_depend_on_the_hash_of_a_string() -> None:
    printed = set()
    for seed in ("1", "4", "7"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        printed.add(done.stdout)
    assert len(printed) == 1

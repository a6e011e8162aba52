"""Make the recorded cross-checks and the page of outside evidence again: python validation/make.py

Each folder holds the report, the plots, the derivations and the plain data of one command, with the versions, the seed
and the machine that it came from. A test compares the recorded predictions with what the engine derives today.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
RECORDED = {
    "crosscheck": ("init-a", "init-b", "lora-plus-a"),
    "crosscheck-sgd": ("init-a", "init-b", "--optimizer", "sgd"),
}


def main() -> int:
    """Run every recorded command; the exit status is the worst of theirs."""
    status = subprocess.run([sys.executable, "-m", "validation.outside"], cwd=HERE.parent, check=False).returncode
    for folder, words in RECORDED.items():
        command = [
            sys.executable,
            "-m",
            "gamma_calc",
            "crosscheck",
            *words,
            "--device",
            "cpu",
            "--out",
            f"validation/{folder}",
        ]
        status = max(status, subprocess.run(command, cwd=HERE.parent, check=False).returncode)
    return status


if __name__ == "__main__":
    sys.exit(main())

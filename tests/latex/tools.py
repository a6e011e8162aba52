"""Running pdflatex and KaTeX, and reading what they complain of."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.latex.formulas import Formula

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

COMPLAINTS = re.compile(
    r"^! .*|^Overfull \\[hv]box.*|.*Missing character:.*"
    r"|^LaTeX Warning: (?:Reference|Citation) .* undefined.*|.*There were undefined references.*|.*multiply defined.*",
    re.MULTILINE,
)
UNSETTLED = re.compile(r"Rerun to|Rerun LaTeX|\(rerunfilecheck\)\s+Rerun|Table widths have changed", re.IGNORECASE)
# References settle in two passes, a longtable's columns in up to four.
PASSES = 4


def missing_latex() -> str | None:
    """Why pdflatex cannot be used, with what to install, or None."""
    if shutil.which("pdflatex") is None:
        return "pdflatex is missing (Debian: texlive-latex-base, texlive-latex-recommended)"
    return None


def missing_katex() -> str | None:
    """Why KaTeX cannot be used, with what to install, or None."""
    if shutil.which("node") is None:
        return "node is missing (Debian: nodejs, npm)"
    if not (ROOT / "node_modules" / "katex").is_dir():
        return "KaTeX is missing (make node_modules/katex)"
    return None


needs_latex = pytest.mark.skipif(missing_latex() is not None, reason=str(missing_latex()))
needs_katex = pytest.mark.skipif(missing_katex() is not None, reason=str(missing_katex()))


def latex_complaints(source: Path, folder: Path) -> list[str]:
    """What pdflatex finds wrong with a document once its references have settled; its files go into the folder."""
    # TeX breaks its log's lines at 79 characters unless told otherwise, in the middle of what is looked for.
    environment = {**os.environ, "max_print_line": "2000"}
    words = [
        "pdflatex",
        "-interaction=nonstopmode",
        "-halt-on-error",
        "-no-shell-escape",
        f"-output-directory={folder}",
    ]
    for _ in range(PASSES):
        done = subprocess.run(
            [*words, source.name], cwd=source.parent, env=environment, capture_output=True, timeout=120, check=False
        )
        log = (folder / f"{source.stem}.log").read_text(encoding="utf-8", errors="replace")
        if done.returncode != 0 or not UNSETTLED.search(log):
            break
    else:
        return [f"references did not settle in {PASSES} passes"]
    found = [match[0] for match in COMPLAINTS.finditer(log)]
    return found or ([f"pdflatex left with status {done.returncode}"] if done.returncode else [])


def katex_complaints(formulas: Sequence[Formula]) -> list[str]:
    """What KaTeX finds wrong with formulas, each complaint with its line and formula; all in one batch."""
    batch = "".join(json.dumps({"tex": each.tex, "display": each.display}) + "\n" for each in formulas)
    done = subprocess.run(
        ["node", str(HERE / "katex_check.mjs")],
        input=batch,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode != 0 or len(answers) != len(formulas):
        raise RuntimeError(f"{len(answers)} answers to {len(formulas)} formulas: {done.stderr.strip()}")
    pairs = zip(formulas, answers, strict=True)
    return [f"line {each.line}: {answer} in {each.tex!r}" for each, answer in pairs if answer is not None]

"""The short form says the theorem whole, proves it by the lines that are left, and fits into another document."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from gamma_calc import derive
from gamma_calc.cli.main import main
from gamma_calc.derivation.document import document
from gamma_calc.derivation.short import shortened
from gamma_calc.document.blocks import Document, Line, Proof, Ref, Statement
from tests.latex.tools import latex_complaints, needs_latex

SCHEMES = ("init-a", "lora-plus-b")
ARTICLE = (
    "\\documentclass{article}\n%s\\newtheorem{theorem}{Theorem}\n\\newcommand{\\cell}{theirs}\n\\begin{document}\n"
    "Before, with \\cell.\n\\input{fragment}\nAfter, with \\cell{} again.\n\\end{document}\n"
)


def lines(found: Document) -> list[Line]:
    return [
        line for section in found.sections for each in section.blocks if isinstance(each, Proof) for line in each.lines
    ]


def statements(found: Document) -> list[Statement]:
    return [each for section in found.sections for each in section.blocks if isinstance(each, Statement)]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_less_is_said_and_nothing_hangs(scheme: str) -> None:
    whole = document(derive(scheme).derivation)
    short = shortened(whole)
    assert statements(short) == statements(whole)
    there = {line.number for line in lines(short)}
    assert there < {line.number for line in lines(whole)}
    assert all(premise.number in there for line in lines(short) for premise in line.premises)
    assert {line.rule for line in lines(whole)} == {line.rule for line in lines(short)}
    before = {line.number: [claim.steps[-1] for claim in line.claims] for line in lines(whole)}
    assert all([claim.steps[-1] for claim in line.claims] == before[line.number] for line in lines(short))


def test_a_line_that_hangs_would_be_found() -> None:
    """Two lines that stand for each other's value are both passed through, to what the first of them rests on."""
    whole = document(derive("init-a").derivation)
    first = next(line for line in lines(whole) if line.rule == "sum" and len(line.premises) == 1)
    chained = replace(first, number="9.1", premises=(Ref(first.number),))
    last = replace(first, number="9.2", premises=(Ref("9.1"), Ref("0.4")))
    section = replace(whole.sections[0], blocks=(Proof((first, chained, last)),))
    (kept,) = lines(shortened(replace(whole, sections=(section,))))
    assert kept.premises == (*first.premises, Ref("0.4"))


@needs_latex
@pytest.mark.parametrize("scheme", SCHEMES[:1])
def test_the_fragment_fits_into_an_article(scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["derive", scheme, "--latex", "fragment.tex", "--short", "--fragment"]) == 0
    text = Path("fragment.tex").read_text(encoding="utf-8")
    assert "documentclass" not in text and "begin{document}" not in text
    packages = "".join(f"{line}\n" for line in re.findall(r"^%   (.*)$", text, re.M))
    Path("article.tex").write_text(ARTICLE % packages, encoding="utf-8")
    assert not latex_complaints(Path("article.tex"), tmp_path)


@pytest.mark.parametrize("words", [["--short"], ["--fragment"], ["--fragment", "--markdown", "a.md"]])
def test_a_form_of_nothing_is_refused(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["derive", "init-a", *words]) == 2 and not list(tmp_path.iterdir())

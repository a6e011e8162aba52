"""Every generated LaTeX file compiles without a blemish, and every generated formula renders."""

from __future__ import annotations

from pathlib import Path

import pytest

from gamma_calc.document.blocks import Cite, Document, Entry, ExponentClaim, Line, Proof, Section
from gamma_calc.document.latex import latex_document
from tests.latex.formulas import Formulas, latex_formulas, markdown_formulas
from tests.latex.tools import HERE, ROOT, katex_complaints, latex_complaints, needs_katex, needs_latex

BOOK = ROOT / "derivations"


def generated(*suffixes: str) -> list[object]:
    """The sample of each kind, and the book's files, which are slow because they grow in number."""
    samples: list[object] = [pytest.param(HERE / f"sample{suffix}", id=f"sample{suffix}") for suffix in suffixes]
    files = sorted(path for suffix in suffixes for path in BOOK.rglob(f"*{suffix}"))
    return samples + [pytest.param(path, id=str(path.relative_to(BOOK)), marks=pytest.mark.slow) for path in files]


def formulas_of(path: Path) -> Formulas:
    return {".md": markdown_formulas, ".tex": latex_formulas}[path.suffix](path.read_text(encoding="utf-8"))


@needs_latex
@pytest.mark.parametrize("source", generated(".tex"))
def test_latex_compiles(source: Path, tmp_path: Path) -> None:
    complaints = latex_complaints(source, tmp_path)
    assert not complaints, "\n".join([str(source), *complaints])


@needs_latex
def test_a_line_that_is_taller_than_a_page_breaks(tmp_path: Path) -> None:
    claims = tuple(ExponentClaim(f"z_{{{k}}}", True, (r"\max(a, b, c)",)) for k in range(400))
    lines = (Line("1.1", claims, "sum", (), Cite("here"), ()), Line("1.2", claims[:1], "sum", (), Cite("here"), ()))
    document = Document("Long", (Section(("One",), (Proof(lines),)),), (Entry("here", ("A source.",)),))
    source = tmp_path / "long.tex"
    source.write_text(latex_document(document), encoding="utf-8")
    assert not latex_complaints(source, tmp_path)


@needs_katex
@pytest.mark.parametrize("source", generated(".md", ".tex"))
def test_katex(source: Path) -> None:
    formulas = formulas_of(source)
    assert not formulas.stray, f"{source}: a dollar sign without its partner on lines {formulas.stray}"
    complaints = katex_complaints(formulas.found)
    assert not complaints, "\n".join([str(source), *complaints])


@pytest.mark.slow
def test_the_book_holds_what_is_looked_for() -> None:
    """A book whose files are not found would pass every test above."""
    assert not BOOK.exists() or all(list(BOOK.rglob(f"*{suffix}")) for suffix in (".tex", ".md"))

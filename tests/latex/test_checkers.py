"""The checkers see what they are for: each blemish, written by hand, is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.latex.formulas import Formula, definitions, latex_formulas, markdown_formulas
from tests.latex.tools import HERE, katex_complaints, latex_complaints, needs_katex, needs_latex

DOCUMENT = "\\documentclass{article}\n\\usepackage{amsmath}\n\\begin{document}\nText.\n%s\n\\end{document}\n"
LONG = "+".join(["eta_{0}"] * 60)


@needs_latex
@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        pytest.param(rf"\[ {LONG} \]", r"Overfull \hbox", id="overfull-display"),
        pytest.param(r"\noindent\mbox{" + "word " * 60 + "}", r"Overfull \hbox", id="overfull-text"),
        pytest.param(r"\noindent\parbox{5cm}{" + r"word\par " * 90 + "}", r"Overfull \vbox", id="overfull-page"),
        pytest.param(r"\[ \gama \]", "Undefined control sequence", id="unknown-macro"),
        pytest.param(r"See \ref{nowhere}.", "undefined", id="reference"),
        pytest.param(r"See \cite{nobody}.", "undefined", id="citation"),
        pytest.param(r"\section{One}\label{a}\section{Two}\label{a}", "multiply defined", id="label-twice"),
        pytest.param(r"{\fontencoding{OT1}\selectfont\char200}", "Missing character", id="missing-character"),
        pytest.param(r"\[ \frac{1}{2", "!", id="unbalanced"),
    ],
)
def test_latex_complaint(body: str, complaint: str, tmp_path: Path) -> None:
    source = tmp_path / "blemished.tex"
    source.write_text(DOCUMENT % body, encoding="utf-8")
    assert any(complaint in each for each in latex_complaints(source, tmp_path))


@needs_latex
def test_a_document_without_a_blemish_has_no_complaint(tmp_path: Path) -> None:
    source = tmp_path / "plain.tex"
    source.write_text(DOCUMENT % r"\begin{equation}\label{a} x \end{equation} See \eqref{a}.", encoding="utf-8")
    assert latex_complaints(source, tmp_path) == []


@needs_katex
@pytest.mark.parametrize(
    ("tex", "display"),
    [
        pytest.param(r"\gama[u]", False, id="unknown-macro"),
        pytest.param(r"\frac{1}{2", False, id="unbalanced"),
        pytest.param(r"\left( x", True, id="unclosed-delimiter"),
        pytest.param("x_1_2", False, id="double-subscript"),
        pytest.param(r"\begin{align} x \end{align}", False, id="display-environment-inline"),
        pytest.param(r"\begin{multline} x \end{multline}", True, id="unknown-environment"),
        pytest.param("é", False, id="unicode-where-strict"),
        pytest.param("x % y", False, id="comment-that-swallows-the-rest"),
    ],
)
def test_katex_complaint(tex: str, display: bool) -> None:
    right = Formula(r"\gamma[u]", False, 1)
    (complaint,) = katex_complaints([right, Formula(tex, display, 7), right])
    assert complaint.startswith("line 7: ")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("a $x$ and $y$", [("x", False, 1), ("y", False, 1)], id="inline"),
        pytest.param("one\n\n$$\nx\n$$\n", [("x", True, 3)], id="display"),
        pytest.param("```math\nx\n```\n", [("x", True, 1)], id="math-fence"),
        pytest.param("```sh\necho $A $B\n```\n", [], id="other-fence"),
        pytest.param("`$A` and ``$B ` $C``", [], id="code"),
        pytest.param(r"\$5 or $x$", [("x", False, 1)], id="escaped"),
        pytest.param(r"$\{x\} \$$", [(r"\{x\} \$", False, 1)], id="escapes-inside"),
        pytest.param("$a\nb$", [("a\nb", False, 1)], id="over-a-line-break"),
    ],
)
def test_markdown_formulas(text: str, found: list[tuple[str, bool, int]]) -> None:
    formulas = markdown_formulas(text)
    assert [(each.tex, each.display, each.line) for each in formulas.found] == found
    assert formulas.stray == ()


@pytest.mark.parametrize("text", ["a $x and\n\nb", "$x$ $", "$$ x $"])
def test_a_stray_dollar_sign_is_seen(text: str) -> None:
    assert markdown_formulas(text).stray


@pytest.mark.parametrize(
    ("body", "found"),
    [
        pytest.param(r"\[x\]", [("x", True)], id="brackets"),
        pytest.param(r"\(x\) and $y$", [("x", False), ("y", False)], id="inline"),
        pytest.param(r"\begin{align*}x\end{align*}", [(r"\begin{align*}x\end{align*}", True)], id="environment"),
        pytest.param(r"\[x\label{a}\]", [("x", True)], id="label"),
        pytest.param("% $x$\n\\verb|$y$|", [], id="comment-and-verbatim"),
        pytest.param(r"\begin{tabular}{l}a\\[2pt] b\end{tabular}", [], id="row-space-is-no-bracket"),
    ],
)
def test_latex_formulas(body: str, found: list[tuple[str, bool]]) -> None:
    formulas = latex_formulas(DOCUMENT % body)
    assert [(each.tex, each.display) for each in formulas.found] == found
    assert all(each.line >= 5 for each in formulas.found)


@pytest.mark.parametrize(
    ("preamble", "known"),
    [
        pytest.param(r"\newcommand{\ex}[1]{\gamma[#1]}", r"\gdef\ex#1{\gamma[#1]}", id="argument"),
        pytest.param(r"\newcommand\R{\mathbb{R}}", r"\gdef\R{\mathbb{R}}", id="bare-name"),
        pytest.param(r"\DeclareMathOperator*{\rms}{rms}", r"\gdef\rms{\operatorname*{rms}}", id="operator"),
        pytest.param(r"\newcommand{\brace}{\{x\}}", r"\gdef\brace{\{x\}}", id="escaped-braces"),
    ],
)
def test_definitions(preamble: str, known: str) -> None:
    assert definitions(preamble) == known


def test_the_samples_hold_formulas() -> None:
    """The right answers of the checkers on the samples are not answers to nothing."""
    markdown, latex = ((HERE / f"sample{suffix}").read_text(encoding="utf-8") for suffix in (".md", ".tex"))
    assert len(markdown_formulas(markdown).found) == 6
    assert len(latex_formulas(latex).found) == 6

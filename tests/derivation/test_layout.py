"""Documents of any scheme compile without an overfull line, and their formulas render."""

from __future__ import annotations

from pathlib import Path

import pytest

from gamma_calc.derivation.document import document
from gamma_calc.derivation.exponent_table import column_shares, exponent_table
from gamma_calc.derivation.layers import Layers
from gamma_calc.document.blocks import Math, Table
from gamma_calc.document.latex import latex_document
from gamma_calc.document.markdown import markdown_document
from tests.derivation.schemes import derivation
from tests.latex.formulas import latex_formulas, markdown_formulas
from tests.latex.tools import katex_complaints, latex_complaints, needs_katex, needs_latex

CASES = [
    pytest.param("init-a", "adam", None, id="short"),
    *(
        pytest.param(*case, id=name, marks=pytest.mark.slow)
        for name, case in {
            "parities": ("parities", "", None),
            "six-free": ("six free", "", 3),
            "six-free-adam": ("six free", "adam", None),
            "longest-names": ("longest", "", 2),
            "twelve-steps": ("init-a", "sgd", 12),
            "sixty-four-steps": ("init-b", "sgd", 64),
            "region": ("init-b", "sgd", None),
            "stack": ("stack", "", None),
        }.items()
    ),
]


@needs_latex
@pytest.mark.parametrize(("name", "optimizer", "horizon"), CASES)
def test_latex_compiles(name: str, optimizer: str, horizon: int | None, tmp_path: Path) -> None:
    source = tmp_path / "derivation.tex"
    source.write_text(latex_document(document(derivation(name, optimizer, horizon))), encoding="utf-8")
    assert latex_complaints(source, tmp_path) == []


@needs_katex
@pytest.mark.parametrize(("name", "optimizer", "horizon"), CASES)
def test_formulas_render(name: str, optimizer: str, horizon: int | None) -> None:
    printed = document(derivation(name, optimizer, horizon))
    found = (markdown_formulas(markdown_document(printed)), latex_formulas(latex_document(printed)))
    for formulas in found:
        assert formulas.stray == ()
        assert katex_complaints(formulas.found) == []


def test_where_no_line_holds_a_step_equal_steps_are_one_row() -> None:
    run = derivation("init-b", "sgd", None).run
    table = exponent_table(run, Layers.of(run.program))[0]
    assert isinstance(table, Table) and not table.is_dense
    rows = [row for row in table.rows if row[0] == (Math("A"),)]
    assert [cell for _, cell, _ in rows] == [(Math(r"1 \le t \le 2"),), (Math(r"3 \le t \le 4"),), (Math("t = 5"),)]


def test_columns_share_the_line() -> None:
    shares = column_shares([["t", "1"], [r"\eta"], [r"\max(2 \eta + 1, \eta)"]])
    assert shares is not None and sum(shares) <= 1000
    assert shares[2] > shares[1]


def test_columns_that_cannot_share_a_line_say_so() -> None:
    assert column_shares([[rf"\max({'x + ' * 30}1, 0)"]] * 4) is None

"""Every cell of a notebook runs, and prints what is kept with it."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import ROOT

BOOKS = sorted((ROOT / "docs/notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: book.stem)
def test_the_cells_run(book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    cells = [each for each in json.loads(book.read_text(encoding="utf-8"))["cells"] if each["cell_type"] == "code"]
    assert cells
    for number, cell in enumerate(cells, 1):
        kept = "".join(each["text"] for each in cell["outputs"] if each["output_type"] == "stream")
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile("".join(cell["source"]), f"{book.name}, cell {number}", "exec"), names)
        assert printed.getvalue() == kept, f"cell {number}"

"""The page of operations is what the table of operations says, and every entry says something."""

from __future__ import annotations

from pathlib import Path

from docs.operations import page
from gamma_calc.tracing.operations import ENTRIES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_operation_is_described() -> None:
    assert all((entry.__doc__ or "").strip() for entry in ENTRIES.values())

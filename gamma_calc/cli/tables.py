"""Plain tables, as every command prints them."""

from __future__ import annotations

from gamma_calc.derivation.tables import text_table as table

__all__ = ["table"]

"""What figures say in words."""

from __future__ import annotations

from gamma_calc.report.series import Series


def figure_exponent(series: Series) -> str:
    """The predicted exponent as a figure writes it, with a true minus."""
    if series.predicted is None:
        return "zero"
    return series.exponent.replace("<=", "\N{LESS-THAN OR EQUAL TO}").replace("-", "\N{MINUS SIGN}")


def absence(series: Series) -> str:
    """What is said of a series without a point."""
    if series.predicted is None:
        return "exactly zero, as predicted" if series.verdict == "PASS" else "nothing to draw, predicted exactly zero"
    if series.is_upper and series.verdict == "PASS":
        return f"exactly zero, within its bound {figure_exponent(series)}"
    return f"nothing to draw, predicted {figure_exponent(series)}"

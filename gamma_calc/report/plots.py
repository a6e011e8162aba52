"""Scaling figures: measured sizes over widths, with lines of the predicted slope, as small multiples."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from gamma_calc.report import style
from gamma_calc.report.layout import wrapped, write
from gamma_calc.report.panels import KEY_DEPTH, LINE_HEIGHT, Cell, draw_panel, key_lines, shared_scale
from gamma_calc.report.series import Panel, Sheet
from gamma_calc.report.style import figure_settings

COLUMNS = 4
CELL_WIDTH = 2.32
GUTTER = 0.133
EDGE = 0.16
ROW_GAP = 0.24
LEAST_CELLS = 2
"""A figure is at least as wide as two panels, so that its words have room."""

PIXELS_PER_INCH = 200
HOW_TO_READ = (
    "Dots: measured root mean square over width, both in powers of two, with 95 % intervals. Lines: the predicted"
    " exponent as a slope, through the centre of the dots (dashed: only a bound from above). Bold and filled: the"
    " leading terms, which set a quantity's exponent. Below each panel: term, predicted exponent, verdict. Equal"
    " slopes are parallel in all panels."
)

BAND = " Shaded: slopes within {:g} of the prediction, the tolerance of the verdicts."


@dataclass(frozen=True, slots=True)
class Images:
    """A figure as bytes; the same figure gives the same bytes."""

    svg: bytes
    png: bytes


def scaling_figure(sheet: Sheet) -> Figure:
    """The figure of a sheet: one panel a quantity, all of them on one scale."""
    with figure_settings():
        rows = _rows(sheet.panels)
        width = _width(max((len(row) for row in rows), default=0))
        heading = wrapped(sheet.title, style.TITLE, width - 2 * EDGE, is_bold=True)
        subtitle = wrapped(sheet.subtitle, style.SUBTITLE, width - 2 * EDGE)
        band = BAND.format(sheet.tolerance) if sheet.tolerance else ""
        footer = [
            line for text in (HOW_TO_READ + band, *sheet.notes) for line in wrapped(text, style.TICK, width - 2 * EDGE)
        ]
        heights = [_row_height(row) for row in rows]
        top = 2 * EDGE + 0.24 * len(heading) + 0.17 * len(subtitle)
        height = top + sum(heights) + 0.14 * len(footer) + EDGE
        figure = Figure(figsize=(width, height), dpi=PIXELS_PER_INCH, facecolor="white")
        figure.set_label(sheet.title)
        FigureCanvasAgg(figure)
        y = _lines(figure, heading, height - EDGE, style.TITLE, 0.24, style.INK, "bold")
        _lines(figure, subtitle, y, style.SUBTITLE, 0.17, style.QUIET, "normal")
        _lines(figure, footer, EDGE / 2 + 0.14 * len(footer), style.TICK, 0.14, style.QUIET, "normal")
        _panels(figure, sheet, height - top)
        return figure


def _rows(panels: tuple[Panel, ...]) -> list[tuple[Panel, ...]]:
    return [panels[start : start + COLUMNS] for start in range(0, len(panels), COLUMNS)]


def _width(columns: int) -> float:
    cells = max(columns, LEAST_CELLS)
    return 2 * EDGE + cells * CELL_WIDTH + (cells - 1) * GUTTER


def _row_height(row: tuple[Panel, ...]) -> float:
    return KEY_DEPTH + ROW_GAP + LINE_HEIGHT * max(key_lines(panel, CELL_WIDTH) for panel in row)


def _lines(
    figure: Figure, lines: Sequence[str], y: float, size: float, height: float, color: str, weight: str
) -> float:
    """Write lines downwards from y, and say where the next one would stand."""
    for line in lines:
        write(figure, EDGE, y, line, size, color=color, weight=weight, va="top")
        y -= height
    return y


def _panels(figure: Figure, sheet: Sheet, top: float) -> None:
    scale = shared_scale(sheet.panels)
    for row in _rows(sheet.panels):
        for column, panel in enumerate(row):
            draw_panel(
                figure, panel, Cell(EDGE + column * (CELL_WIDTH + GUTTER), top, CELL_WIDTH), scale, sheet.tolerance
            )
        top -= _row_height(row)


def rendered(figure: Figure) -> Images:
    """The figure as SVG and as PNG, without dates or versions.

    The PNG has 200 pixels an inch: a figure of four columns is shown at half its size on a page 1000 pixels wide.
    """
    with figure_settings():
        svg = {"Date": None, "Creator": "gamma_calc", "Title": str(figure.get_label())}
        return Images(_saved(figure, "svg", svg), _saved(figure, "png", {"Software": "gamma_calc"}))


def _saved(figure: Figure, kind: str, metadata: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format=kind, metadata=metadata)
    return stream.getvalue()

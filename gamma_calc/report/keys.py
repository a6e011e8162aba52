"""The key below a panel: one line a term, with its exponent and its verdict."""

from __future__ import annotations

from matplotlib.figure import Figure

from gamma_calc.report import style
from gamma_calc.report.layout import fitted, text_width, wrapped
from gamma_calc.report.series import Panel, Series
from gamma_calc.report.style import Badge, Stroke
from gamma_calc.report.words import absence, figure_exponent
from gamma_calc.report.writing import draw_swatch, write, write_badge

LINE_HEIGHT = 0.165
SWATCH_WIDTH = 0.25
NAME_WIDTH = 0.66
"""Room for the name of a term, in inches."""


def key_lines(panel: Panel, width: float) -> int:
    """The lines that the key of a panel takes."""
    return sum(each.is_drawn for each in panel.series) + len(_remarks(panel, width))


def draw_key(figure: Figure, panel: Panel, place: tuple[float, float], width: float) -> None:
    """Draw the key of a panel from its upper left corner on, in inches."""
    left, y = place[0], place[1] - LINE_HEIGHT / 2
    for series, stroke in drawn_pairs(panel):
        _entry(figure, series, stroke, (left, y), width)
        y -= LINE_HEIGHT
    for line, verdict in _remarks(panel, width):
        write(figure, left, y, line, style.TEXT, color=style.QUIET, va="center")
        if verdict:
            write_badge(figure, left + width, y, Badge.of(verdict), va="center")
        y -= LINE_HEIGHT


def drawn_pairs(panel: Panel) -> list[tuple[Series, Stroke]]:
    """The series that have points, each with its stroke; a stroke belongs to a place in the panel."""
    strokes = [Stroke.of(index, is_leading=each.is_leading) for index, each in enumerate(panel.series)]
    return [(each, stroke) for each, stroke in zip(panel.series, strokes, strict=True) if each.is_drawn]


def _entry(figure: Figure, series: Series, stroke: Stroke, place: tuple[float, float], width: float) -> None:
    left, y = place
    weight = "bold" if series.is_leading else "normal"
    name = fitted(series.label, style.TEXT, NAME_WIDTH, is_bold=series.is_leading)
    draw_swatch(figure, left, y, stroke, SWATCH_WIDTH - 0.06)
    write(figure, left + SWATCH_WIDTH, y, name, style.TEXT, weight=weight, va="center")
    exponent = figure_exponent(series)
    write(figure, left + SWATCH_WIDTH + NAME_WIDTH + 0.04, y, exponent, style.TEXT, weight=weight, va="center")
    write_badge(figure, left + width, y, Badge.of(series.verdict), va="center")


def _remarks(panel: Panel, width: float) -> tuple[tuple[str, str], ...]:
    """The lines about the series without a point, like ones together, each with the verdict to show behind it."""
    groups: dict[tuple[str, str], list[str]] = {}
    for each in panel.series:
        if not each.is_drawn:
            groups.setdefault((absence(each), each.verdict), []).append(each.label)
    lines: list[tuple[str, str]] = []
    for (words, verdict), labels in groups.items():
        badge = "" if verdict == "PASS" else verdict
        room = width - (text_width(Badge.of(badge).word, style.BADGE, is_bold=True) + 0.2 if badge else 0.0)
        text = wrapped(f"{', '.join(labels)}: {words}", style.TEXT, room)
        lines += [(line, badge if index == 0 else "") for index, line in enumerate(text)]
    return tuple(lines)

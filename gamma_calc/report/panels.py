"""One panel of a figure: the points, the predicted lines, and the key below them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from gamma_calc.report import style
from gamma_calc.report.layout import draw_swatch, fitted, spread, text_width, tick_step, wrapped, write, write_badge
from gamma_calc.report.series import Panel, Series, Values
from gamma_calc.report.style import Badge, Stroke
from gamma_calc.report.verdict_words import severity

PLOT_HEIGHT = 1.55
HEADING_HEIGHT = 0.27
TICKS_HEIGHT = 0.27
KEY_DEPTH = HEADING_HEIGHT + PLOT_HEIGHT + TICKS_HEIGHT
LEFT, RIGHT = 0.42, 0.5
"""Room beside the axes for the tick labels and for the exponents, in inches."""
LABEL_GAP = 0.135
MARGIN = 0.08
"""The share of a panel's height that stays free above and below its points."""

LINE_HEIGHT = 0.165
SWATCH_WIDTH = 0.25
NAME_WIDTH = 0.66
"""Room for the name of a term, in inches."""


@dataclass(frozen=True, slots=True)
class Cell:
    """The place of a panel in a figure: its left edge, its upper edge and its width, in inches from the lower left."""

    left: float
    top: float
    width: float


@dataclass(frozen=True, slots=True)
class Scale:
    """What all panels share, so that equal slopes are parallel: the range of log2 n, and the octaves each is high."""

    first: float
    last: float
    octaves: float


def finite(values: Values) -> list[float]:
    """The values that can be drawn."""
    return [each for each in values if each is not None and math.isfinite(each)]


def shared_scale(panels: Sequence[Panel]) -> Scale:
    """The scale on which every panel shows all its points and bars."""
    drawn = [series for panel in panels for series in panel.series if series.is_drawn]
    octaves = [math.log2(width) for series in drawn for width in series.widths] or [0.0]
    heights = [max(inside) - min(inside) for panel in panels if (inside := _extent(panel))]
    first, last = min(octaves), max(octaves)
    margin = max(0.06 * (last - first), 0.4)
    return Scale(first - margin, last + margin, max([*heights, 2.0]) / (1 - 2 * MARGIN))


def _extent(panel: Panel) -> list[float]:
    return [y for series in panel.series for column in (series.value, series.low, series.high) for y in finite(column)]


def draw_panel(figure: Figure, panel: Panel, cell: Cell, scale: Scale, tolerance: float = 0.0) -> None:
    """Draw a panel with its heading and its key into its cell; slopes within the tolerance are shaded."""
    pairs = drawn_pairs(panel)
    _heading(figure, panel, cell)
    axes = _axes(figure, cell, scale)
    if pairs:
        _ranges(axes, panel, scale)
        for series, stroke in pairs:
            _points(axes, series, stroke)
        _bands(axes, pairs, scale, tolerance)
        _lines(axes, pairs, scale)
    else:
        _emptiness(axes, panel)
    draw_key(figure, panel, (cell.left, cell.top - KEY_DEPTH), cell.width)


def _heading(figure: Figure, panel: Panel, cell: Cell) -> None:
    worst = min((each.verdict for each in panel.series), key=severity, default="")
    badge = Badge.of(panel.verdict or worst)
    room = cell.width - text_width(badge.word, style.BADGE, is_bold=True) - 0.2
    title = fitted(panel.title, style.HEADING, room, is_bold=True)
    write(figure, cell.left, cell.top, title, style.HEADING, weight="bold", va="top")
    if badge.word:
        write_badge(figure, cell.left + cell.width, cell.top - 0.02, badge, va="top")


def _axes(figure: Figure, cell: Cell, scale: Scale) -> Axes:
    width, height = figure.get_size_inches()
    bottom = cell.top - HEADING_HEIGHT - PLOT_HEIGHT
    size = ((cell.width - LEFT - RIGHT) / width, PLOT_HEIGHT / height)
    axes = figure.add_axes(((cell.left + LEFT) / width, bottom / height, *size))
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(style.FAINT)
    axes.tick_params(labelsize=style.TICK, colors=style.QUIET, length=2.5, pad=2)
    axes.set_xlim(scale.first, scale.last)
    return axes


def _ranges(axes: Axes, panel: Panel, scale: Scale) -> None:
    """Ticks at powers of two; the axes hold logarithms, so that no width and no size is too large for them."""
    inside = _extent(panel)
    middle = (min(inside) + max(inside)) / 2
    axes.set_ylim(middle - scale.octaves / 2, middle + scale.octaves / 2)
    axes.yaxis.set_major_locator(FixedLocator(_powers(*axes.get_ylim(), most=4)))
    axes.xaxis.set_major_locator(FixedLocator(_powers(scale.first, scale.last, most=3)))
    widths = sorted({math.log2(width) for series in panel.series for width in series.widths})
    axes.xaxis.set_minor_locator(FixedLocator(widths))
    axes.tick_params(which="minor", length=1.5, color=style.FAINT)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda power, _: f"$2^{{{round(power)}}}$"))
    axes.grid(axis="y", color=style.RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.text(
        1.04, -0.02, "width n", transform=axes.transAxes, size=style.TICK, color=style.QUIET, va="top", style="italic"
    )


def _powers(low: float, high: float, *, most: int) -> list[float]:
    first, last = math.ceil(low), math.floor(high)
    step = tick_step(last - first, most)
    return [float(power) for power in range(first, last + 1, step)]


def _points(axes: Axes, series: Series, stroke: Stroke) -> None:
    order = 3 if series.is_leading else 2  # the leading ones lie on top
    points = finite_points(series)
    axes.plot(
        [x for x, _ in points],
        [y for _, y in points],
        linestyle="none",
        marker=stroke.marker,
        markersize=stroke.size,
        color=stroke.colour,
        markerfacecolor=stroke.face,
        markeredgewidth=1.0,
        zorder=order + 2,
    )
    floor = axes.get_ylim()[0]
    for width, low, high in zip(series.widths, series.low, series.high, strict=True):
        if high is not None and math.isfinite(high):
            ends = [max(floor, floor if low is None else low), high]
            axes.plot([math.log2(width)] * 2, ends, color=stroke.colour, linewidth=1.0, zorder=order)


def finite_points(series: Series) -> list[tuple[float, float]]:
    """The points that can be drawn, as (log2 n, value)."""
    return [
        (math.log2(width), value)
        for width, value in zip(series.widths, series.value, strict=True)
        if value is not None and math.isfinite(value)
    ]


def predicted_line(series: Series, first: float, last: float) -> tuple[float, float] | None:
    """The heights at both ends of the line of the predicted slope through the centre of the points."""
    if series.predicted is None:
        return None
    points = finite_points(series)
    if not points:
        return None
    x = math.fsum(point[0] for point in points) / len(points)
    y = math.fsum(point[1] for point in points) / len(points)
    slope = float(series.predicted)
    return y + slope * (first - x), y + slope * (last - x)


def _bands(axes: Axes, pairs: Sequence[tuple[Series, Stroke]], scale: Scale, tolerance: float) -> None:
    """A bow tie about each predicted line: the lines of all slopes within the tolerance, through the same centre."""
    for each, stroke in pairs if tolerance else ():
        if ends := predicted_line(each, scale.first, scale.last):
            centre = math.fsum(x for x, _ in finite_points(each)) / len(finite_points(each))
            middle = ends[0] + (ends[1] - ends[0]) * (centre - scale.first) / (scale.last - scale.first)
            x = (scale.first, centre, scale.last)
            reach = [tolerance * abs(at - centre) for at in x]
            y = (ends[0], middle, ends[1])
            low, high = ([at + sign * off for at, off in zip(y, reach, strict=True)] for sign in (-1, 1))
            axes.fill_between(x, low, high, color=stroke.band, linewidth=0, zorder=1)


def _lines(axes: Axes, pairs: Sequence[tuple[Series, Stroke]], scale: Scale) -> None:
    """The predicted lines, and at their right ends the exponents, moved apart where the lines meet."""
    low, high = axes.get_ylim()
    lines = [(each, stroke, ends) for each, stroke in pairs if (ends := predicted_line(each, scale.first, scale.last))]
    wanted = [PLOT_HEIGHT * (ends[1] - low) / (high - low) for *_, ends in lines]
    places = spread(wanted, LABEL_GAP, 0.07, PLOT_HEIGHT)
    for (each, stroke, ends), start, place in zip(lines, wanted, places, strict=True):
        dashes = "dashed" if each.is_upper else "solid"
        x = [scale.first, scale.last]
        axes.plot(x, ends, linestyle=dashes, color=stroke.colour, linewidth=stroke.line, zorder=2)
        _exponent(axes, each, stroke, min(max(start / PLOT_HEIGHT, 0.0), 1.0), place / PLOT_HEIGHT)


def _exponent(axes: Axes, series: Series, stroke: Stroke, start: float, place: float) -> None:
    """The exponent beside the axes at a height, led there from the end of its line; both as shares of the height."""
    axes.annotate(
        figure_exponent(series),
        xy=(1.0, start),
        xytext=(1.08, place),
        xycoords="axes fraction",
        size=style.TEXT,
        weight="bold" if series.is_leading else "normal",
        color=stroke.text,
        va="center",
        parse_math=False,
        arrowprops={"arrowstyle": "-", "color": stroke.colour, "linewidth": 0.6, "shrinkA": 1, "shrinkB": 0},
    )


def _emptiness(axes: Axes, panel: Panel) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_facecolor(style.PAPER)
    axes.spines[:].set_visible(False)
    words = {absence(each) for each in panel.series}
    text = words.pop() if len(words) == 1 else "nothing to draw"
    text = "\n".join(wrapped(text, style.TEXT, 1.3))
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", size=style.TEXT, color=style.QUIET)


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

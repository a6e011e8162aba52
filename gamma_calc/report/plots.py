"""Scaling figures: measured sizes over widths, with lines of the predicted slope, as small multiples."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gamma_calc.document.blocks import Picture
from gamma_calc.document.verdict_signs import SIGNS, severity, signed
from gamma_calc.report import style
from gamma_calc.report.figure import PHONE_WIDTH, axes_grid, decimal_ticks, rendered, set_ticks, surround, svg_bytes
from gamma_calc.report.style import figure_settings

Values = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """A measured quantity over widths, beside its predicted exponent.

    Args:
        label: the term, as tables call it.
        value: log2 of the root mean square at each width; None where it is exactly zero or was not measured.
        low, high: the 95 % interval of `value`; None where there is none. A lower end alone is None where the interval
            reaches down to zero.
        predicted: the exponent; None for -oo, which is measured as exactly zero.
        verdict: the word that the judge gave.
        is_leading: whether the term has the largest exponent of its sum.
        is_upper: whether the prediction only bounds the exponent from above.
    """

    label: str
    widths: tuple[int, ...]
    value: Values
    low: Values
    high: Values
    predicted: Fraction | None
    verdict: str
    is_leading: bool
    is_upper: bool = False

    @property
    def is_drawn(self) -> bool:
        """Whether there is a point to draw."""
        return any(each is not None and math.isfinite(each) for each in self.value)


@dataclass(frozen=True, slots=True)
class Panel:
    """One quantity: the series of its terms, and the verdict on it; without one, the worst of theirs."""

    title: str
    series: tuple[Series, ...]
    verdict: str = ""

    @property
    def worst(self) -> str:
        """The verdict; nothing where there is none at all."""
        return self.verdict or min((each.verdict for each in self.series), key=severity, default="")


@dataclass(frozen=True, slots=True)
class Sheet:
    """One figure: its panels in reading order.

    Args:
        notes: what stands below the panels, such as what their symbols mean.
        tolerance: how far a slope may be from the predicted one; that band is shaded. 0 for none.
    """

    title: str
    subtitle: str
    panels: tuple[Panel, ...]
    notes: tuple[str, ...] = ()
    tolerance: float = 0.0

    @property
    def how_to_read(self) -> str:
        """What dots, lines and shades mean."""
        return HOW_TO_READ + (BAND.format(self.tolerance) if self.tolerance else "")


@dataclass(frozen=True, slots=True)
class PanelLayout:
    """How the panels of a figure stand.

    Args:
        columns: at most so many panels beside each other.
        cell: width and height in inches of a panel with its ticks and its title.
        letters: of a line below a panel.
        is_alone: whether it has to say how it is read; else a page does.
    """

    columns: int
    cell: tuple[float, float]
    letters: int
    is_alone: bool


WIDE = PanelLayout(4, (2.6, 2.3), 36, is_alone=True)
NARROW = PanelLayout(2, (PHONE_WIDTH / 2, 1.9), 22, is_alone=False)
"""For a telephone."""

LEAST_COLUMNS = 2
"""A figure is at least as wide as two panels, so that its words have room."""

LINE_HEIGHT = 0.17
"""Of a line of words, in inches."""

LETTERS_PER_INCH = 12
HOW_TO_READ = (
    "Dots: measured root mean square over the width n; bars: 95 % intervals. Lines: the predicted exponent as a slope,"
    " through the centre of the dots (dashed: only a bound from above). Bold and filled: the leading terms, which set a"
    " quantity's exponent. Below each panel: term, predicted exponent, verdict. Equal slopes are parallel in all"
    " panels."
)

BAND = " Shaded: slopes within {:g} of the prediction, the tolerance of the verdicts."


@dataclass(frozen=True, slots=True)
class Scale:
    """What all panels share, so that equal slopes are parallel: the range of log2 n, and the octaves each is high."""

    first: float
    last: float
    octaves: float


def scaling_figure(sheet: Sheet, layout: PanelLayout = WIDE) -> Figure:
    """The figure of a sheet: one panel a quantity, the worst verdicts first, all of them on one scale."""
    panels = sorted(sheet.panels, key=lambda panel: severity(panel.worst))
    keys = [_key(panel, layout.letters) for panel in panels]
    columns = max(LEAST_COLUMNS, min(layout.columns, len(panels)))
    rows = [keys[start : start + columns] for start in range(0, len(keys), columns)] or [[]]
    heading = footer = ""
    if layout.is_alone:
        heading = f"{sheet.title}\n{_wrapped(sheet.subtitle, layout, columns)}"
        footer = "\n".join(_wrapped(text, layout, columns) for text in (sheet.how_to_read, *sheet.notes))
    lines = heading.count("\n") + footer.count("\n") + 4 * layout.is_alone
    lines += sum(max(map(_height, row), default=0) for row in rows)
    with figure_settings():
        size = layout.cell[0] * columns, layout.cell[1] * len(rows) + LINE_HEIGHT * lines
        figure, cells = axes_grid(sheet.title, len(rows), columns, size)
        surround(figure, heading, footer)
        scale = shared_scale(panels)
        for axes, panel, key in zip(cells, panels, keys, strict=False):
            _draw_panel(axes, panel, key, scale, sheet.tolerance, layout.letters * 2 // 3)
        for axes in cells[len(panels) :]:
            axes.remove()
    return figure


def scaling_picture(sheet: Sheet, alt: str, stem: str) -> tuple[Picture, dict[str, bytes]]:
    """The figure of a sheet as a page shows it, and its files by path: plots/`stem`.svg and .png."""
    images, narrow = rendered(scaling_figure(sheet)), svg_bytes(scaling_figure(sheet, NARROW))
    path = f"plots/{stem}.png"
    return Picture(alt, path, images.svg, narrow), {f"plots/{stem}.svg": images.svg, path: images.png}


def _wrapped(text: str, layout: PanelLayout, columns: int) -> str:
    """The text in lines as wide as the figure."""
    return textwrap.fill(text, round(LETTERS_PER_INCH * layout.cell[0] * columns))


def shared_scale(panels: Sequence[Panel]) -> Scale:
    """The scale on which every panel shows all its points and bars."""
    octaves = [math.log2(n) for panel in panels for each in panel.series if each.is_drawn for n in each.widths] or [0.0]
    heights = [max(inside) - min(inside) for panel in panels if (inside := _extent(panel))]
    first, last = min(octaves), max(octaves)
    margin = max(0.06 * (last - first), 0.4)
    return Scale(first - margin, last + margin, 1.2 * max([*heights, 2.0]))


def _extent(panel: Panel) -> list[float]:
    every = (y for each in panel.series for column in (each.value, each.low, each.high) for y in column)
    return [y for y in every if y is not None and math.isfinite(y)]


def _draw_panel(axes: Axes, panel: Panel, key: Key, scale: Scale, tolerance: float, letters: int) -> None:
    """One quantity with its heading and its key; slopes within the tolerance are shaded."""
    title = textwrap.fill(f"{panel.title}   {_unbroken(panel.worst)}", letters)
    axes.set_title(title, color=style.VERDICTS.get(panel.worst, style.INK), parse_math=False)
    if inside := _extent(panel):
        _set_ranges(axes, (min(inside) + max(inside)) / 2, scale)
    else:
        axes.set_axis_off()
    for index, series in enumerate(panel.series):
        if series.is_drawn:
            _draw_series(axes, series, style.marks(index, is_leading=series.is_leading), scale, tolerance)
    handles, lines = [line for line, _, _ in key], [words for _, words, _ in key]
    legend = axes.legend(
        handles, lines, loc="upper left", bbox_to_anchor=(-0.12, -0.12), borderaxespad=0,
        fontsize=style.TEXT, labelspacing=0.3, handlelength=1.5,
    )  # fmt: skip
    for text, (_, _, each) in zip(legend.get_texts(), key, strict=True):
        text.set(parse_math=False, weight="bold" if each is not None and each.is_leading else "normal")
        text.set_color(style.QUIET if each is None else style.VERDICTS.get(each.verdict, style.INK))


def _set_ranges(axes: Axes, middle: float, scale: Scale) -> None:
    """Plain numbers on axes that hold logarithms, so that no width and no size is too large for them."""
    axes.set_xlim(scale.first, scale.last)
    axes.set_ylim(middle - scale.octaves / 2, middle + scale.octaves / 2)
    for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        set_ticks(axis, [(each, each) for each in decimal_ticks(low, high)])
    axes.grid(axis="y")


def _draw_series(axes: Axes, series: Series, marks: dict[str, Any], scale: Scale, tolerance: float) -> None:
    """The points with their intervals; the predicted line, and a bow tie of the slopes within the tolerance of it."""
    order = 3 if series.is_leading else 2  # the leading ones lie on top
    points = finite_points(series)
    axes.plot(*zip(*points, strict=True), linestyle="none", zorder=order + 2, **marks)
    line = {**marks, "marker": "none"}
    floor = axes.get_ylim()[0]
    for width, low, high in zip(series.widths, series.low, series.high, strict=True):
        if high is not None and math.isfinite(high):
            bar = [max(floor, floor if low is None else low), high]
            axes.plot([math.log2(width)] * 2, bar, zorder=order, **line)
    if (ends := predicted_line(series, scale.first, scale.last)) is None:
        return
    dashes = "dashed" if series.is_upper else "solid"
    axes.plot([scale.first, scale.last], ends, linestyle=dashes, zorder=2, **line)
    if tolerance:
        centre = _centre(points)
        x = (scale.first, centre[0], scale.last)
        middle, reach = (ends[0], centre[1], ends[1]), [tolerance * abs(at - centre[0]) for at in x]
        below, above = ([y + sign * off for y, off in zip(middle, reach, strict=True)] for sign in (-1, 1))
        axes.fill_between(x, below, above, color=marks["color"], alpha=0.25, linewidth=0, zorder=1)


def finite_points(series: Series) -> list[tuple[float, float]]:
    """The points that can be drawn, as (log2 n, value)."""
    return [
        (math.log2(width), value)
        for width, value in zip(series.widths, series.value, strict=True)
        if value is not None and math.isfinite(value)
    ]


def _centre(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    x, y = (math.fsum(column) / len(points) for column in zip(*points, strict=True))
    return x, y


def predicted_line(series: Series, first: float, last: float) -> tuple[float, float] | None:
    """The heights at both ends of the line of the predicted slope through the centre of the points."""
    points = finite_points(series)
    if series.predicted is None or not points:
        return None
    x, y = _centre(points)
    slope = float(series.predicted)
    return y + slope * (first - x), y + slope * (last - x)


Key = list[tuple[Line2D, str, Series | None]]
"""The lines below a panel: how a series is drawn, what is said of it, and which it is; None for words alone."""


def _key(panel: Panel, letters: int) -> Key:
    """The series of a panel, then what is to be said of those without a point, like ones together."""
    found: Key = []
    absent: dict[str, list[str]] = {}
    for index, each in enumerate(panel.series):
        verdict = SIGNS["PASS"] if each.verdict == "PASS" else _unbroken(each.verdict)
        if each.is_drawn:
            handle = Line2D([], [], **style.marks(index, is_leading=each.is_leading))
            words = textwrap.fill(f"{each.label}   {_exponent(each)}   {verdict}", letters)
            found.append((handle, words, each))
        else:
            words = f"{_absence(each)}{'' if each.verdict == 'PASS' else f' {verdict}'}"
            absent.setdefault(words, []).append(each.label)
    for words, labels in absent.items():
        for line in textwrap.wrap(f"{', '.join(labels)}: {words}", letters):
            found.append((Line2D([], [], linestyle="none"), line, None))
    return found


def _unbroken(verdict: str) -> str:
    """The verdict behind its sign, which stay on one line."""
    return signed(verdict).replace(" ", "\N{NO-BREAK SPACE}")


def _height(key: Key) -> int:
    """In lines."""
    return sum(words.count("\n") + 1 for _, words, _ in key)


def _exponent(series: Series) -> str:
    """The predicted exponent as a figure writes it, with a true minus."""
    if series.predicted is None:
        return "zero"
    bound = "\N{LESS-THAN OR EQUAL TO} " if series.is_upper else ""
    return f"{bound}{series.predicted}".replace("-", "\N{MINUS SIGN}")


def _absence(series: Series) -> str:
    """What is said of a series without a point."""
    if series.predicted is None:
        return "exactly zero, as predicted" if series.verdict == "PASS" else "nothing to draw, predicted exactly zero"
    if series.is_upper and series.verdict == "PASS":
        return f"exactly zero, within its bound {_exponent(series)}"
    return f"nothing to draw, predicted {_exponent(series)}"

"""Scaling figures: measured sizes over widths, with lines of the predicted slope, as small multiples."""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gamma_calc.report import style
from gamma_calc.report.blocks import severity, signed
from gamma_calc.report.style import Stroke, figure_settings

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

    @property
    def exponent(self) -> str:
        """The predicted exponent as text.

        >>> Series("A_0", (), (), (), (), Fraction(-1, 2), "PASS", True, is_upper=True).exponent
        '<= -1/2'
        """
        if self.predicted is None:
            return "-oo"
        return f"<= {self.predicted}" if self.is_upper else str(self.predicted)


@dataclass(frozen=True, slots=True)
class Panel:
    """One quantity: the series of its terms, and the verdict on it; without one, the worst of theirs."""

    title: str
    series: tuple[Series, ...]
    verdict: str = ""


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


COLUMNS = 4
LEAST_COLUMNS = 2
"""A figure is at least as wide as two panels, so that its words have room."""

CELL_WIDTH, PLOT_HEIGHT, LINE_HEIGHT = 2.6, 2.3, 0.17
"""Of a panel with its ticks and its title, and of a line of words, in inches."""

LETTERS_PER_INCH = 12
KEY_LETTERS = 36
"""Letters of a line below a panel."""

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


@dataclass(frozen=True, slots=True)
class Scale:
    """What all panels share, so that equal slopes are parallel: the range of log2 n, and the octaves each is high."""

    first: float
    last: float
    octaves: float


def scaling_figure(sheet: Sheet) -> Figure:
    """The figure of a sheet: one panel a quantity, all of them on one scale."""
    rows = [sheet.panels[start : start + COLUMNS] for start in range(0, len(sheet.panels), COLUMNS)] or [()]
    columns = max(LEAST_COLUMNS, len(rows[0]))
    how_to_read = HOW_TO_READ + (BAND.format(sheet.tolerance) if sheet.tolerance else "")
    heading = f"{sheet.title}\n{_wrapped(sheet.subtitle, columns)}"
    footer = "\n".join(_wrapped(text, columns) for text in (how_to_read, *sheet.notes))
    lines = heading.count("\n") + footer.count("\n") + 4
    lines += sum(max((len(_key(panel)) for panel in row), default=0) for row in rows)
    height = PLOT_HEIGHT * len(rows) + LINE_HEIGHT * lines
    with figure_settings():
        figure, cells = axes_grid(sheet.title, len(rows), columns, (CELL_WIDTH * columns, height))
        surround(figure, heading, footer)
        scale = shared_scale(sheet.panels)
        for axes, panel in zip(cells, sheet.panels, strict=False):
            _draw_panel(axes, panel, scale, sheet.tolerance)
        for axes in cells[len(sheet.panels) :]:
            axes.remove()
    return figure


def axes_grid(title: str, rows: int, columns: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """An empty figure with its panels in reading order; the size is in inches."""
    figure = Figure(
        figsize=size, dpi=PIXELS_PER_INCH, layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.1), facecolor="white"
    )
    FigureCanvasAgg(figure)
    figure.set_label(title)
    axes = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
        each.tick_params(labelsize=style.TICK)
    return figure, axes


def surround(figure: Figure, heading: str, footer: str) -> None:
    """Write above and below the panels; nothing in it is read as mathematics."""
    figure.suptitle(heading, x=0.01, ha="left", size=style.HEADING, parse_math=False)
    figure.supxlabel(footer, x=0.01, ha="left", size=style.TICK, color=style.QUIET, parse_math=False)


def _wrapped(text: str, columns: int) -> str:
    """The text in lines as wide as the figure."""
    return textwrap.fill(text, round(LETTERS_PER_INCH * CELL_WIDTH * columns))


def _finite(values: Values) -> list[float]:
    return [each for each in values if each is not None and math.isfinite(each)]


def shared_scale(panels: Sequence[Panel]) -> Scale:
    """The scale on which every panel shows all its points and bars."""
    octaves = [math.log2(n) for panel in panels for each in panel.series if each.is_drawn for n in each.widths] or [0.0]
    heights = [max(inside) - min(inside) for panel in panels if (inside := _extent(panel))]
    first, last = min(octaves), max(octaves)
    margin = max(0.06 * (last - first), 0.4)
    return Scale(first - margin, last + margin, 1.2 * max([*heights, 2.0]))


def _extent(panel: Panel) -> list[float]:
    return [y for each in panel.series for column in (each.value, each.low, each.high) for y in _finite(column)]


def _draw_panel(axes: Axes, panel: Panel, scale: Scale, tolerance: float) -> None:
    """One quantity with its heading and its key; slopes within the tolerance are shaded."""
    verdict = panel.verdict or min((each.verdict for each in panel.series), key=severity, default="")
    title = f"{panel.title}   {signed(verdict)}"
    colour = style.VERDICTS.get(verdict, style.INK)
    axes.set_title(title, size=style.HEADING, color=colour, weight="bold", loc="left", parse_math=False)
    if inside := _extent(panel):
        _set_ranges(axes, (min(inside) + max(inside)) / 2, scale)
    else:
        axes.set_axis_off()
    for index, series in enumerate(panel.series):
        if series.is_drawn:
            _draw_series(axes, series, Stroke.of(index, is_leading=series.is_leading), scale, tolerance)
    handles, lines = zip(*key, strict=True) if (key := _key(panel)) else ((), ())
    legend = axes.legend(
        handles, [line for line, _ in lines], loc="upper left", bbox_to_anchor=(-0.12, -0.1), borderaxespad=0,
        frameon=False, fontsize=style.TEXT, labelspacing=0.3, handlelength=1.5,
    )  # fmt: skip
    for text, (_, series) in zip(legend.get_texts(), lines, strict=True):
        is_bold = series is not None and series.is_leading
        text.set(parse_math=False, weight="bold" if is_bold else "normal")
        text.set_color(style.QUIET if series is None else style.VERDICTS.get(series.verdict, style.INK))


def _set_ranges(axes: Axes, middle: float, scale: Scale) -> None:
    """Ticks at powers of two; the axes hold logarithms, so that no width and no size is too large for them."""
    axes.set_xlim(scale.first, scale.last)
    axes.set_ylim(middle - scale.octaves / 2, middle + scale.octaves / 2)
    for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        axis.set_ticks([each for each in MaxNLocator(4, integer=True).tick_values(low, high) if low <= each <= high])
        axis.set_major_formatter(FuncFormatter(lambda power, _: f"$2^{{{round(power)}}}$"))
    axes.tick_params(colors=style.QUIET, length=2.5, pad=2)
    axes.grid(axis="y", color=style.RULE, linewidth=0.6)
    axes.set_axisbelow(True)


def _draw_series(axes: Axes, series: Series, stroke: Stroke, scale: Scale, tolerance: float) -> None:
    """The points with their intervals; the predicted line, and a bow tie of the slopes within the tolerance of it."""
    order = 3 if series.is_leading else 2  # the leading ones lie on top
    points = finite_points(series)
    axes.plot(*zip(*points, strict=True), linestyle="none", zorder=order + 2, **stroke.marks)
    floor = axes.get_ylim()[0]
    for width, low, high in zip(series.widths, series.low, series.high, strict=True):
        if high is not None and math.isfinite(high):
            bar = [max(floor, floor if low is None else low), high]
            axes.plot([math.log2(width)] * 2, bar, color=stroke.colour, linewidth=1.0, zorder=order)
    if (ends := predicted_line(series, scale.first, scale.last)) is None:
        return
    dashes = "dashed" if series.is_upper else "solid"
    axes.plot([scale.first, scale.last], ends, linestyle=dashes, color=stroke.colour, linewidth=stroke.line, zorder=2)
    if tolerance:
        centre = _centre(points)
        x = (scale.first, centre[0], scale.last)
        line, reach = (ends[0], centre[1], ends[1]), [tolerance * abs(at - centre[0]) for at in x]
        below, above = ([y + sign * off for y, off in zip(line, reach, strict=True)] for sign in (-1, 1))
        axes.fill_between(x, below, above, color=stroke.band, linewidth=0, zorder=1)


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


def _key(panel: Panel) -> list[tuple[Line2D, tuple[str, Series | None]]]:
    """The lines below a panel: its series, then what is to be said of those without a point, like ones together."""
    found: list[tuple[Line2D, tuple[str, Series | None]]] = []
    absent: dict[str, list[str]] = {}
    for index, each in enumerate(panel.series):
        if each.is_drawn:
            stroke = Stroke.of(index, is_leading=each.is_leading)
            handle = Line2D([], [], linewidth=stroke.line, **stroke.marks)
            found.append((handle, (f"{each.label}   {_exponent(each)}   {signed(each.verdict)}", each)))
        else:
            words = f"{_absence(each)}{'' if each.verdict == 'PASS' else f' {signed(each.verdict)}'}"
            absent.setdefault(words, []).append(each.label)
    for words, labels in absent.items():
        for line in textwrap.wrap(f"{', '.join(labels)}: {words}", KEY_LETTERS):
            found.append((Line2D([], [], linestyle="none"), (line, None)))
    return found


def _exponent(series: Series) -> str:
    """The predicted exponent as a figure writes it, with a true minus."""
    if series.predicted is None:
        return "zero"
    return series.exponent.replace("<=", "\N{LESS-THAN OR EQUAL TO}").replace("-", "\N{MINUS SIGN}")


def _absence(series: Series) -> str:
    """What is said of a series without a point."""
    if series.predicted is None:
        return "exactly zero, as predicted" if series.verdict == "PASS" else "nothing to draw, predicted exactly zero"
    if series.is_upper and series.verdict == "PASS":
        return f"exactly zero, within its bound {_exponent(series)}"
    return f"nothing to draw, predicted {_exponent(series)}"


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

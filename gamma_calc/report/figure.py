"""A figure, its axes and the words around them, alike in everything that is drawn, and its bytes."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import NullLocator

from gamma_calc.report import style
from gamma_calc.report.style import figure_settings
from gamma_calc.simulation.slopes import mean_and_half_width

PHONE_WIDTH = 3.8
"""Inches: a figure as wide as this, shown 350 pixels wide, has no letter lower than 9 pixels."""

MOST_TICKS = 5
"""Of an axis of a small panel; one that stands alone takes twice as many."""


@dataclass(frozen=True, slots=True)
class Images:
    """A figure as bytes; the same figure gives the same bytes."""

    svg: bytes
    png: bytes


def axes_grid(title: str, rows: int, columns: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """An empty figure with its panels in reading order, within `figure_settings`; the size is in inches."""
    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.1))
    FigureCanvasAgg(figure)
    figure.set_label(title)
    return figure, figure.subplots(rows, columns, squeeze=False).ravel().tolist()


def surround(figure: Figure, heading: str, footer: str) -> None:
    """Write above and below the panels; nothing in it is read as mathematics."""
    figure.suptitle(heading, x=0.01, ha="left", size=style.HEADING, parse_math=False)
    figure.supxlabel(footer, x=0.01, ha="left", size=style.TICK, color=style.QUIET, parse_math=False)


def label_axes(axes: Axes, x: str, y: str, title: str) -> None:
    """Write the names of the axes, the title and the legend."""
    axes.set(xlabel=x, ylabel=y, title=title)
    axes.legend()


def log2_errorbar(axes: Axes, x: Any, values: Any, **options: Any) -> None:
    """Means of log2 of some values [..., seeds] with their 95 % intervals, for a logarithmic axis."""
    mean, half = mean_and_half_width(values)
    bars = np.exp2(mean) - np.exp2(mean - half), np.exp2(mean + half) - np.exp2(mean)
    axes.errorbar(x, np.exp2(mean), bars, **options)


def logarithmic(axes: Axes, names: str) -> None:
    """Make the axes x, y or both, xy, logarithmic ones with plain numbers on them, once everything is drawn."""
    for name in names:
        getattr(axes, f"set_{name}scale")("log")
        low, high = map(math.log2, getattr(axes, f"get_{name}lim")())
        set_ticks(
            getattr(axes, f"{name}axis"), [(2.0**each, each) for each in decimal_ticks(low, high, 2 * MOST_TICKS)]
        )


def set_ticks(axis: Axis, places: Iterable[tuple[float, float]]) -> None:
    """Write numbers, given by their log2, at places of an axis, and nothing between them."""
    shown = {place: number_text(power) for place, power in places}
    axis.set_ticks(list(shown), list(shown.values()))
    axis.set_minor_locator(NullLocator())


def decimal_ticks(low: float, high: float, most: int = MOST_TICKS) -> list[float]:
    """log2 of the numbers to write on an axis between two logarithms: 1, 2 and 5 times powers of ten, or fewer.

    >>> [round(2**power, 9) for power in decimal_ticks(-11, -6)]
    [0.0005, 0.001, 0.002, 0.005, 0.01]
    >>> [round(2**power, 9) for power in decimal_ticks(6.6, 13.4)]
    [100.0, 1000.0, 10000.0]
    """
    fine, coarse = (list(_between(low, high, digits)) for digits in ((1, 2, 5), (1,)))
    return fine if len(fine) <= most else coarse[:: -(-len(coarse) // most)]


def _between(low: float, high: float, digits: tuple[int, ...]) -> Iterator[float]:
    decade = math.log2(10)
    for power in range(math.floor(low / decade), math.ceil(high / decade) + 1):
        yield from (each for digit in digits if low <= (each := power * decade + math.log2(digit)) <= high)


def number_text(power: float) -> str:
    """A power of two as a plain number, also one beyond all floating point.

    >>> [number_text(power * math.log2(10)) for power in (-5000, -5, -3, 0, 4, 6)]
    ['1e-5000', '1e-5', '0.001', '1', '1e4', '1e6']
    """
    decades, rest = divmod(power * math.log10(2) + 1e-9, 1)
    digit = round(10**rest)
    return f"{digit * 10**decades:g}" if -4 < decades < 4 else f"{digit}e{round(decades)}"


def rendered(figure: Figure) -> Images:
    """The figure as SVG and as PNG, without dates or versions.

    The PNG has 200 pixels an inch: a figure of four columns is shown at half its size on a page 1000 pixels wide.
    """
    return Images(svg_bytes(figure), _saved(figure, "png", {"Software": "gamma_calc"}))


def svg_bytes(figure: Figure) -> bytes:
    """The figure as SVG alone."""
    return _saved(figure, "svg", {"Date": None, "Creator": "gamma_calc", "Title": str(figure.get_label())})


def _saved(figure: Figure, kind: str, metadata: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    with figure_settings():
        figure.savefig(stream, format=kind, metadata=metadata)
    return stream.getvalue()

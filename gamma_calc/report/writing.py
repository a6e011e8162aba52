"""Text and small marks at places given in inches from a figure's lower left corner."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gamma_calc.report import style
from gamma_calc.report.style import Badge, Stroke

BADGE_PADDING = 0.03


def write(
    figure: Figure,
    x: float,
    y: float,
    text: str,
    size: float,
    *,
    color: str = style.INK,
    weight: str = "normal",
    va: str = "baseline",
) -> None:
    """Write a line of plain text: nothing in it is read as mathematics."""
    place = figure.dpi_scale_trans
    figure.text(x, y, text, size=size, color=color, weight=weight, va=va, transform=place, parse_math=False)


def write_badge(figure: Figure, right: float, y: float, badge: Badge, *, va: str) -> None:
    """Write a verdict so that it ends at `right`."""
    box = {"boxstyle": "round,pad=0.12,rounding_size=0.2", "facecolor": badge.fill, "edgecolor": badge.edge}
    figure.text(
        right - BADGE_PADDING,
        y,
        badge.word,
        size=style.BADGE,
        weight="bold",
        color=badge.ink,
        ha="right",
        va=va,
        transform=figure.dpi_scale_trans,
        parse_math=False,
        bbox={**box, "linewidth": 0.6},
    )


def draw_swatch(figure: Figure, left: float, y: float, stroke: Stroke, width: float) -> None:
    """Draw the line and the marker of a series."""
    line = Line2D(
        [left, left + width / 2, left + width],
        [y] * 3,
        color=stroke.colour,
        linewidth=stroke.line,
        marker=stroke.marker,
        markevery=[1],
        markersize=stroke.size,
        markerfacecolor=stroke.face,
        markeredgewidth=1.0,
        transform=figure.dpi_scale_trans,
    )
    figure.add_artist(line)

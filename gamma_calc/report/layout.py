"""Text and small marks of a figure: widths, wrapping, labels that do not overlap, and places in inches."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import TextPath
from scipy.optimize import isotonic_regression

from gamma_calc.report import style
from gamma_calc.report.style import Badge, Stroke

POINTS = 72.0
"""Points in an inch."""

SLACK = 1.02
"""An outline leaves out the blank at the ends of a line, about a hundredth of what is cut or broken here."""

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
BADGE_PADDING = 0.03


@lru_cache(maxsize=4096)
def text_width(text: str, size: float, *, is_bold: bool = False) -> float:
    """The width of a line of text in inches, in the font of the figures."""
    if not text.strip():
        return 0.0
    font = FontProperties(family="DejaVu Sans", weight="bold" if is_bold else "normal")
    path = TextPath((0, 0), text.replace("$", r"\$"), size=size, prop=font)
    return SLACK * float(np.ptp(np.asarray(path.vertices)[:, 0])) / POINTS


def fitted(text: str, size: float, width: float, *, is_bold: bool = False) -> str:
    """The text, cut with an ellipsis where it is wider than `width` inches.

    >>> fitted("U_B A_0", 8, 1.0)
    'U_B A_0'
    """
    if text_width(text, size, is_bold=is_bold) <= width:
        return text
    kept = text
    while kept and text_width(kept + ELLIPSIS, size, is_bold=is_bold) > width:
        kept = kept[:-1]
    return kept.rstrip() + ELLIPSIS


def wrapped(text: str, size: float, width: float, *, is_bold: bool = False) -> tuple[str, ...]:
    """The text broken between words into lines of at most `width` inches; a longer word is cut."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, is_bold=is_bold) <= width:
            lines[-1] = longer
        else:
            lines.append(fitted(word, size, width, is_bold=is_bold))
    return tuple(lines)


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions in [low, high], at least `gap` apart, in the order of the wanted ones and as near to them as can be.

    Where they do not all fit, the gap shrinks. Taking i * gap off the i-th position turns the task into isotonic
    regression, whose bounded solution is the unbounded one, clipped.

    >>> spread([0.0, 0.0, 5.0], 1.0, 0.0, 6.0)
    [0.0, 1.0, 5.0]
    """
    if not wanted:
        return []
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    steps = np.arange(len(wanted)) * min(gap, (high - low) / max(len(wanted) - 1, 1))
    flat = isotonic_regression(np.array([wanted[i] for i in order]) - steps).x
    placed = np.clip(flat, low, max(low, high - steps[-1])) + steps
    result = dict(zip(order, placed.tolist(), strict=True))
    return [result[i] for i in range(len(wanted))]


def tick_step(span: float, most: int) -> int:
    """The least round number of octaves that leaves at most `most` steps in a span.

    >>> tick_step(6, 3), tick_step(13, 4), tick_step(0, 4)
    (2, 4, 1)
    """
    round_steps = (base * scale for scale in (1, 10, 100, 1000) for base in (1, 2, 3, 4, 5, 8))
    return next((step for step in round_steps if span <= step * most), 10_000)


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
    """Write a line of plain text; nothing in it is read as mathematics. Places are in inches from the lower left."""
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

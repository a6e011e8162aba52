"""The regions of all conditions in the plane of two free exponents, with exact vertices and the published schemes."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gamma_calc.algebra import Polyhedron, name_latex
from gamma_calc.analysis.decision import Decision, Status
from gamma_calc.analysis.derivation import Derivation
from gamma_calc.analysis.published import PublishedPoint, published_points
from gamma_calc.report import style
from gamma_calc.report.figure import axes_grid, surround
from gamma_calc.report.style import figure_settings, lightened
from gamma_calc.report.window import Place, Window

PANEL, MARGINS = 4.0, 1.0
"""The side of a panel with its words, and what stands above and below all of them, in inches."""

LETTERS = 60
"""Of a line below each panel."""

BESIDE, BELOW, ACROSS = (5, 5), (5, -11), (-5, 5)
"""Where a label stands beside its point, in points; below one at the upper edge, across where a vertex's label stands
already."""

HOW_TO_READ = (
    "Shaded: where the condition holds; a region without area is a thick line or a ring. Regions go on beyond the"
    " window. Numbers: exact vertices. Stars: schemes of the catalogue at their largest stable rate."
)

OPEN = " Dashed edges and hollow vertices are left out."


def region_figure(found: Derivation, columns: int = 2) -> Figure:
    """The figure: one panel a condition, all of them on the same axes.

    Assumes:
        The scheme and the alignments have two free exponents.
    """
    points = published_points(found.scheme, found.policy)
    window = Window.around(found.free, found.decisions.values(), points, found.run.domain)
    rows = -(-len(found.decisions) // columns)
    is_closed = all(member.is_closed for each in found.decisions.values() for member in each.region.members)
    how_to_read = HOW_TO_READ if is_closed else HOW_TO_READ + OPEN
    with figure_settings():
        figure, cells = axes_grid(found.title, rows, columns, (PANEL * columns, PANEL * rows + MARGINS))
        surround(figure, f"{found.title}\nfor {found.length}", textwrap.fill(how_to_read, LETTERS * columns))
        for index, (axes, decision) in enumerate(zip(cells, found.decisions.values(), strict=False)):
            _draw_panel(axes, decision, window, points, style.COLOURS[index % len(style.COLOURS)])
        for axes in cells[len(found.decisions) :]:
            axes.remove()
    return figure


def _draw_panel(axes: Axes, decision: Decision, window: Window, points: Sequence[PublishedPoint], colour: str) -> None:
    axes.set_xlim(window.low[0], window.high[0])
    axes.set_ylim(window.low[1], window.high[1])
    axes.set(xlabel=f"${name_latex(window.names[0])}$", ylabel=f"${name_latex(window.names[1])}$")
    axes.grid()
    title = decision.condition.name.replace("_", " ")
    axes.set_title(title, size=style.HEADING, weight="bold", loc="left", pad=18)
    axes.annotate(_words(decision), (0, 1), (0, 5), "axes fraction", "offset points", size=style.TEXT, parse_math=False)
    region = decision.region.irredundant()
    for member in region.members:
        _draw_member(axes, member, window, colour)
    vertices = {window.place(vertex): vertex for vertex in window.vertices(region)}
    for place in vertices:
        fill, edge = (colour, "white") if region.contains(vertices[place]) else ("white", colour)
        axes.plot(*_floats(place), marker="o", markersize=4.5, color=fill, markeredgecolor=edge)
        offset = BELOW if place[1] == window.high[1] else BESIDE
        _label(axes, place, _minus(f"({place[0]}, {place[1]})"), offset, style.INK)
    for point in points:
        place = window.place(point.point)
        axes.plot(
            *_floats(place), marker="*", markersize=11, color=style.INK, markeredgecolor="white", linestyle="none"
        )
        _label(axes, place, point.name, ACROSS if place in vertices else BESIDE, style.QUIET)


def _words(decision: Decision) -> str:
    if decision.status is Status.UNKNOWN:
        return "surely shaded; the rest is unknown"
    return (
        _minus(str(decision)).replace("<=", "\N{LESS-THAN OR EQUAL TO}").replace(">=", "\N{GREATER-THAN OR EQUAL TO}")
    )


def _draw_member(axes: Axes, member: Polyhedron, window: Window, colour: str) -> None:
    """Fill a polygon, or draw what has no area as a line or a ring."""
    corners = [_floats(corner) for corner in window.corners(member)]
    if len(corners) > 2:
        edge = colour if member.is_closed else "none"
        axes.fill(*zip(*corners, strict=True), facecolor=lightened(colour, 0.65), edgecolor=edge, linewidth=1.2)
        for is_open, ends in () if member.is_closed else window.edges(member):
            line = "dashed" if is_open else "solid"
            axes.plot(*zip(*map(_floats, ends), strict=True), color=colour, linewidth=1.2, linestyle=line)
    elif len(corners) == 2:
        axes.plot(*zip(*corners, strict=True), color=colour, linewidth=3.0, solid_capstyle="butt")
    elif corners:
        axes.plot(*corners[0], marker="o", markersize=9, markerfacecolor="none", color=colour)


def _label(axes: Axes, place: Place, text: str, offset: tuple[int, int], colour: str) -> None:
    axes.annotate(
        text,
        _floats(place),
        offset,
        "data",
        "offset points",
        size=style.TICK,
        color=colour,
        ha="left" if offset[0] > 0 else "right",
        parse_math=False,
    )


def _floats(place: Place) -> tuple[float, float]:
    return float(place[0]), float(place[1])


def _minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")

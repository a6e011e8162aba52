"""The regions of all conditions in the plane of two free exponents, with exact vertices and the published schemes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import atan2, ceil, floor

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gamma_calc.algebra import Affine, Equality, Polyhedron, Region, at_least, at_most
from gamma_calc.analysis.decision import Decision, Status
from gamma_calc.analysis.derivation import Derivation
from gamma_calc.analysis.published import PublishedPoint, published_points
from gamma_calc.report import style
from gamma_calc.report.plots import axes_grid, surround
from gamma_calc.report.style import figure_settings, mixed

COLUMNS = 2
PANEL, MARGINS = 4.0, 1.0
"""The side of a panel with its words, and what stands above and below all of them, in inches."""

LETTERS = 120
"""Letters of a line below the panels."""

MARGIN = 1
"""How far the window reaches beyond what it has to show, in units of the exponents."""

BESIDE, ACROSS = (5, 5), (-5, 5)
"""Where a label stands beside its point, in points; across where a vertex's label stands already."""

HOW_TO_READ = (
    "Shaded: where the condition holds; a region without area is a thick line or a ring. Regions go on beyond the"
    " window. Numbers: exact vertices. Stars: schemes of the catalogue at their largest stable rate."
)

OPEN = " Dashed edges and hollow vertices are left out."

Vertex = Mapping[str, Fraction]


@dataclass(frozen=True, slots=True)
class _Window:
    """A rectangle of the plane, with integer sides."""

    names: tuple[str, str]
    low: tuple[int, int]
    high: tuple[int, int]

    @property
    def polyhedron(self) -> Polyhedron:
        sides = zip(map(Affine.symbol, self.names), self.low, self.high, strict=True)
        return Polyhedron.of(*(side for x, low, high in sides for side in (at_least(x, low), at_most(x, high))))


def region_figure(found: Derivation) -> Figure:
    """The figure: one panel a condition, all of them on the same axes.

    Assumes:
        The scheme and the alignments have two free exponents.
    """
    first, second = found.free
    names, points = (first, second), published_points(found.scheme, found.policy)
    window = _window(names, found.decisions.values(), points)
    rows = -(-len(found.decisions) // COLUMNS)
    length = "every fixed number of steps" if found.horizon is None else f"{found.horizon} steps"
    is_closed = all(member.is_closed for each in found.decisions.values() for member in each.region.members)
    how_to_read = HOW_TO_READ if is_closed else HOW_TO_READ + OPEN
    with figure_settings():
        figure, cells = axes_grid(found.title, rows, COLUMNS, (PANEL * COLUMNS, PANEL * rows + MARGINS))
        surround(figure, f"{found.title}\nfor {length}", textwrap.fill(how_to_read, LETTERS))
        for index, (axes, decision) in enumerate(zip(cells, found.decisions.values(), strict=False)):
            _draw_panel(axes, decision, window, points, style.COLOURS[index % len(style.COLOURS)])
        for axes in cells[len(found.decisions) :]:
            axes.remove()
    return figure


def _window(names: tuple[str, str], decisions: Iterable[Decision], points: Sequence[PublishedPoint]) -> _Window:
    """What shows every vertex and every published point, with a margin."""
    shown: list[Vertex] = [point.point for point in points]
    regions = (each.region.irredundant() for each in decisions)
    shown += [vertex for region in regions for member in region.members for vertex in member.vertices()]
    values = [[point.get(name, Fraction(0)) for point in shown] or [Fraction(0)] for name in names]
    (x_low, x_high), (y_low, y_high) = [(floor(min(each)) - MARGIN, ceil(max(each)) + MARGIN) for each in values]
    return _Window(names, (x_low, y_low), (x_high, y_high))


def _draw_panel(axes: Axes, decision: Decision, window: _Window, points: Sequence[PublishedPoint], colour: str) -> None:
    axes.set_xlim(window.low[0], window.high[0])
    axes.set_ylim(window.low[1], window.high[1])
    axes.set_xlabel(window.names[0], size=style.TEXT, color=style.INK, parse_math=False)
    axes.set_ylabel(window.names[1], size=style.TEXT, color=style.INK, parse_math=False)
    axes.tick_params(colors=style.QUIET)
    axes.grid(color=style.RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    title = decision.condition.name.replace("_", " ")
    axes.set_title(title, size=style.HEADING, weight="bold", loc="left", pad=18)
    axes.annotate(_words(decision), (0, 1), (0, 5), "axes fraction", "offset points", size=style.TEXT, parse_math=False)
    region = decision.region.irredundant()
    for member in region.members:
        _draw_member(axes, member & window.polyhedron, window.names, colour)
    vertices = {_place(vertex, window.names): vertex for vertex in _vertices(region, window.names)}
    labels = {place: _text(vertex, window.names) for place, vertex in vertices.items()}
    for place, label in labels.items():
        fill, edge = (colour, "white") if region.contains(vertices[place]) else ("white", colour)
        axes.plot(*_floats(place), marker="o", markersize=4.5, color=fill, markeredgecolor=edge)
        _label(axes, place, label, BESIDE, style.INK)
    for point in points:
        place = _place(point.point, window.names)
        axes.plot(
            *_floats(place), marker="*", markersize=11, color=style.INK, markeredgecolor="white", linestyle="none"
        )
        _label(axes, place, point.name, ACROSS if place in labels else BESIDE, style.QUIET)


def _words(decision: Decision) -> str:
    if decision.status is Status.UNKNOWN:
        return "surely shaded; the rest is unknown"
    return (
        _minus(str(decision)).replace("<=", "\N{LESS-THAN OR EQUAL TO}").replace(">=", "\N{GREATER-THAN OR EQUAL TO}")
    )


def _vertices(region: Region, names: tuple[str, str]) -> Iterable[Vertex]:
    """The corners of the members; a member that holds a line has none in the plane."""
    for member in region.members:
        if not member.lines() and set(member.free) == set(names):
            yield from member.vertices()


def _draw_member(axes: Axes, member: Polyhedron, names: tuple[str, str], colour: str) -> None:
    """Fill a polygon, or draw what has no area as a line or a ring."""
    corners = [_floats(_place(vertex, names)) for vertex in member.vertices()]
    if len(corners) > 2:
        x, y = (sum(values) / len(corners) for values in zip(*corners, strict=True))
        corners.sort(key=lambda corner: atan2(corner[1] - y, corner[0] - x))
        edge = colour if member.is_closed else "none"
        axes.fill(*zip(*corners, strict=True), facecolor=mixed(colour, "white", 0.65), edgecolor=edge, linewidth=1.2)
        if not member.is_closed:
            _draw_edges(axes, member, names, colour)
    elif len(corners) == 2:
        for start, end in pairwise(corners):
            axes.plot(*zip(start, end, strict=True), color=colour, linewidth=3.0, solid_capstyle="butt")
    elif corners:
        axes.plot(*corners[0], marker="o", markersize=9, markerfacecolor="none", color=colour)


def _draw_edges(axes: Axes, member: Polyhedron, names: tuple[str, str], colour: str) -> None:
    """The edges of a polygon that is not closed: dashed where it leaves them out."""
    for inequality in member.inequalities:
        edge = member.closure & Polyhedron.of(Equality(inequality.form))
        ends = [_floats(_place(vertex, names)) for vertex in edge.vertices()]
        if len(ends) == 2:
            line = "dashed" if inequality.strict else "solid"
            axes.plot(*zip(*ends, strict=True), color=colour, linewidth=1.2, linestyle=line)


def _label(axes: Axes, place: tuple[Fraction, Fraction], text: str, offset: tuple[int, int], colour: str) -> None:
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


def _place(point: Vertex, names: tuple[str, str]) -> tuple[Fraction, Fraction]:
    first, second = (point.get(name, Fraction(0)) for name in names)
    return first, second


def _floats(place: tuple[Fraction, Fraction]) -> tuple[float, float]:
    return float(place[0]), float(place[1])


def _text(point: Vertex, names: tuple[str, str]) -> str:
    first, second = _place(point, names)
    return _minus(f"({first}, {second})")


def _minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")

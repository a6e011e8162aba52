"""How figures look: colours, sizes, and the settings that make the same figure the same bytes everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.colors import to_rgb

RGB = tuple[float, float, float]

INK, QUIET, FAINT, RULE = "#1b1b1b", "#5a5a5a", "#8c8c8c", "#e3e3e3"
PAPER = "#f4f4f4"

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#b0609a", "#56a0d3", "#8a6d00")
"""After Okabe and Ito: told apart with any colour vision; the markers tell them apart without any."""

MARKERS = ("o", "s", "^", "D", "v", "P")
STROKES: tuple[dict[str, Any], ...] = tuple(
    {"color": colour, "marker": marker} for colour, marker in zip(COLOURS, MARKERS, strict=True)
)
"""How one series after the other is drawn."""

HEADING, TEXT, TICK = 10.0, 8.0, 7.5
"""Sizes in points; ten inches shown at 1000 pixels make 8 points 11 pixels."""

TICKS = {"labelsize": TICK, "color": QUIET, "labelcolor": QUIET, "major.size": 2.5, "major.pad": 2}

# Any: the stubs of newer versions spell out every key as a literal, and those of older ones do not.
SETTINGS: Any = {
    "figure.dpi": 200,
    "figure.facecolor": "white",
    "axes.titlesize": HEADING,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": TEXT,
    "axes.labelcolor": INK,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    **{f"{axis}tick.{key}": value for axis in "xy" for key, value in TICKS.items()},
    "legend.frameon": False,
    "legend.fontsize": TICK,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.6,
    "errorbar.capsize": 2,
    "font.family": "DejaVu Sans",
    "mathtext.fontset": "dejavusans",
    "svg.hashsalt": "gamma_calc",
    "svg.fonttype": "path",
    "text.hinting": "none",
    "savefig.dpi": "figure",
    "path.simplify": False,
}
"""Every figure looks alike. Text becomes outlines, so it keeps its place whatever fonts a reader has; ids come from a
fixed salt."""


@contextmanager
def figure_settings() -> Iterator[None]:
    """Matplotlib's defaults and the settings above, whatever the user's own; theirs come back afterwards."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        yield


def mixed(colour: str, other: str, share: float) -> RGB:
    """The colour with a share of another in it."""
    red, green, blue = (a + (b - a) * share for a, b in zip(to_rgb(colour), to_rgb(other), strict=True))
    return red, green, blue


@dataclass(frozen=True, slots=True)
class Stroke:
    """How one series is drawn: strong for a leading term, light for the others."""

    colour: RGB
    marker: str
    face: RGB
    size: float
    line: float

    @property
    def marks(self) -> dict[str, Any]:
        """How its points are drawn."""
        face = {"markerfacecolor": self.face, "markeredgewidth": 1.0}
        return {"color": self.colour, "marker": self.marker, "markersize": self.size, **face}

    @property
    def band(self) -> RGB:
        """The colour of the band about its line."""
        red, green, blue = (part + (1 - part) * 0.75 for part in self.colour)
        return red, green, blue

    @classmethod
    def of(cls, index: int, *, is_leading: bool) -> Stroke:
        """The stroke of the series at a position in its panel."""
        name, marker = COLOURS[index % len(COLOURS)], MARKERS[index % len(MARKERS)]
        if is_leading:
            return cls(to_rgb(name), marker, to_rgb(name), 4.6, 1.2)
        return cls(mixed(name, "white", 0.4), marker, to_rgb("white"), 3.6, 0.8)


VERDICTS = {"PASS": "#1f5f4a", "FAIL": "#a3152b", "INCONCLUSIVE": "#6b4e00"}
"""The ink of a verdict; the word says it all without."""

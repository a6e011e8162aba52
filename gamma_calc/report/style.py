"""How figures look: colours, sizes, and the settings that make the same figure the same bytes everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib.colors import to_rgb

RGB = tuple[float, float, float]

INK, QUIET, RULE = "#1b1b1b", "#5a5a5a", "#e3e3e3"
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


def lightened(colour: str, share: float) -> RGB:
    """The colour with a share of white in it."""
    red, green, blue = (part + (1.0 - part) * share for part in to_rgb(colour))
    return red, green, blue


def marks(index: int, *, is_leading: bool) -> dict[str, Any]:
    """How the series at a position in its panel is drawn: strong for a leading term, light for the others."""
    stroke = STROKES[index % len(STROKES)]
    if is_leading:
        return stroke
    light = {"color": lightened(stroke["color"], 0.4), "markerfacecolor": "white"}
    return {**stroke, **light, "markersize": 3.6, "linewidth": 0.8}


VERDICTS = {"PASS": "#1f5f4a", "FAIL": "#a3152b", "INCONCLUSIVE": "#6b4e00"}
"""The ink of a verdict; the word says it all without."""

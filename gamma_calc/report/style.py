"""How figures look: colours, sizes, and the settings that make the same figure the same bytes everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.colors import to_rgb

from gamma_calc.report.verdict_words import signed

RGB = tuple[float, float, float]

INK, QUIET, FAINT, RULE = "#1b1b1b", "#5a5a5a", "#8c8c8c", "#e3e3e3"
PAPER = "#f4f4f4"

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#b0609a", "#56a0d3", "#8a6d00")
"""After Okabe and Ito: told apart with any colour vision; the markers tell them apart without any."""

MARKERS = ("o", "s", "^", "D", "v", "P")

TITLE, SUBTITLE, HEADING, TEXT, TICK, BADGE = 13.0, 9.0, 10.0, 8.0, 7.5, 7.0
"""Sizes in points; ten inches shown at 1000 pixels make 8 points 11 pixels."""

# Any: the stubs of newer versions spell out every key as a literal, and those of older ones do not.
SETTINGS: Any = {
    "font.family": "DejaVu Sans",
    "mathtext.fontset": "dejavusans",
    "svg.hashsalt": "gamma_calc",
    "svg.fonttype": "path",
    "text.hinting": "none",
    "savefig.dpi": "figure",
    "path.simplify": False,
}
"""Text becomes outlines, so it keeps its place whatever fonts a reader has; ids come from a fixed salt."""


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
    text: RGB
    marker: str
    face: RGB
    size: float
    line: float

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
            return cls(to_rgb(name), mixed(name, "black", 0.3), marker, to_rgb(name), 4.6, 1.2)
        return cls(mixed(name, "white", 0.4), mixed(name, "black", 0.1), marker, to_rgb("white"), 3.6, 0.8)


BADGES = {
    "PASS": ("#1f5f4a", "none", "none"),
    "FAIL": ("white", "#a3152b", "#a3152b"),
    "INCONCLUSIVE": ("#6b4e00", "#fff1c9", "#a98000"),
}
"""Ink, fill and edge of the word; a pass is quiet, so that what is not one is seen first."""


@dataclass(frozen=True, slots=True)
class Badge:
    """How a verdict is written: a word in every case, then a shape, then a colour."""

    word: str
    ink: str
    fill: str
    edge: str

    @classmethod
    def of(cls, verdict: str) -> Badge:
        """The badge of a verdict; a word that is not known is shown as it is."""
        ink, fill, edge = BADGES.get(verdict, (INK, "white", INK))
        return cls(signed(verdict), ink, fill, edge)

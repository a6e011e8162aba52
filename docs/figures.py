"""Draw the pictures of the documentation from the engine and from recorded runs: python docs/figures.py

Nothing in a picture is typed in: exponents are derived, slopes are read from validation/ or measured here.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gamma_calc import Problem, Scheme, derive, exponents
from gamma_calc.program.models import LoraStack
from gamma_calc.program.network import axis, data, named, parameter
from gamma_calc.report import style
from gamma_calc.report.figure import PHONE_WIDTH, axes_grid, label_axes, logarithmic, rendered, surround
from gamma_calc.report.region_figure import region_figure
from gamma_calc.report.style import figure_settings
from gamma_calc.simulation.verdicts import TOLERANCE

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs/images"
WORDS = {"Z_A": "inside, A Z", "Z_B": "output, B A Z", "delta_1": "A's part", "delta_2": "B's part", "dZ": "gradient"}
LAYERS = "lower", "upper"
LETTERS = 40
"""Of a line, beside each panel."""


@dataclass(frozen=True)
class Row:
    """A quantity, its derived exponent and its measured slope."""

    label: str
    derived: str
    measured: float


def module_rows(scheme: str) -> list[Row]:
    """A catalogue scheme at its largest stable rate, beside the recorded cross-check at its last step."""
    recorded = json.loads((ROOT / "validation/crosscheck/crosscheck.json").read_text(encoding="utf-8"))["quantities"]
    last = max(each["t"] for each in recorded)
    slopes = {each["quantity"]: each["measured"] for each in recorded if (each["scheme"], each["t"]) == (scheme, last)}
    at_max = derive(scheme).at_max
    return [Row(WORDS[name], str(at_max[name]), slopes[name]) for name in ("Z_A", "Z_B", "delta_1", "delta_2")]


def depth_rows(name: str, initial: tuple[str, str]) -> list[Row]:
    """Two adapters with the rates of LoRA+, beside the recorded stacks."""
    recorded = json.loads((ROOT / "validation/depth/depth.json").read_text(encoding="utf-8"))["stacks"]
    (stack,) = (each for each in recorded if (each["scheme"], each["depth"]) == (name, 2))
    a, b = initial
    scheme = Scheme("stack", {"A": a, "B": b, "eta_A": "-1", "eta_B": "0"}, model=LoraStack(2))
    sizes = exponents(scheme).steps[-1].sizes
    return [
        Row(
            f"{LAYERS[each['layer'] - 1]} layer: {WORDS[each['feature']]}",
            str(sizes[f"{each['feature']}[{each['layer']}]"]),
            (each["law"] or each)["measured"],
        )
        for each in stack["features"]
    ]


def exponent_figure(heading: str, panels: Sequence[tuple[str, list[Row]]], columns: int) -> Figure:
    """Rows of exponents: a bar where it is derived, a dot where it is measured, and both as numbers."""
    rows, letters = -(-len(panels) // columns), LETTERS * columns
    height = rows * (0.7 + 0.42 * max(len(panel) for _, panel in panels)) + 0.6
    footer = "Exponent of the width n: 1/2 grows like its root, 0 stays, -1 fades like 1/n."
    with figure_settings():
        figure, cells = axes_grid(heading, rows, columns, (max(PHONE_WIDTH, 3.4 * columns), height))
        surround(figure, textwrap.fill(heading, letters), textwrap.fill(footer, letters))
        for axes, (title, panel) in zip(cells, panels, strict=True):
            axes.set_title(title, size=style.HEADING, loc="left", weight="bold")
            _draw_rows(axes, panel)
    return figure


def _draw_rows(axes: Axes, rows: list[Row]) -> None:
    axes.set_xlim(-1.25, 0.85)
    axes.set_ylim(len(rows) - 0.3, -0.75)
    axes.set_xticks([-1, -0.5, 0, 0.5], ["-1", "-1/2", "0", "1/2"])
    axes.set_yticks([])
    axes.axvline(0, color=style.RULE, linewidth=1.0)
    for place, row in enumerate(rows):
        exponent = float(Fraction(row.derived))
        colour = style.COLOURS[1 if exponent > 0 else 0 if exponent == 0 else 3]
        axes.plot([exponent] * 2, [place - 0.22, place + 0.22], color=style.INK, linewidth=2.4, solid_capstyle="butt")
        axes.plot([row.measured], [place], marker="o", markersize=6, color=colour)
        text = f"{row.label}: derived {row.derived}, measured {round(row.measured, 2) + 0:.2f}"
        background = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
        axes.text(-1.22, place - 0.32, text, size=style.TEXT, color=style.INK, bbox=background)


def sums_figure() -> Figure:
    """The same r x n matrix against the same input: random, and moved by one sign step along it."""
    n, r, batch = axis("width", 1), axis("rank"), axis("batch")

    def size(quantity: str, rate: str) -> Fraction:
        weight = parameter("A", r, n, init="0", rate=rate)
        problem = Problem("sums", named("Z_A", weight @ data("Z", n, batch)))
        return Fraction(str(exponents(problem, steps=1, optimizer="sign")[1].sizes[quantity]))

    widths = 2 ** np.arange(6, 15)
    random, moved = [], []
    for width in widths:
        generator = np.random.default_rng(int(width))
        z, slope = generator.standard_normal((64, width)), generator.standard_normal((64, 8))
        fresh = generator.standard_normal((64, 8, width))
        step = np.sign(slope[:, :, None] * z[:, None, :])
        random.append(np.sqrt(np.mean(np.einsum("krn,kn->kr", fresh, z) ** 2)))
        moved.append(np.sqrt(np.mean(np.einsum("krn,kn->kr", step, z) ** 2)))
    with figure_settings():
        heading = "Two sums of n terms of size 1"
        figure, (axes,) = axes_grid(heading, 1, 1, (PHONE_WIDTH, 3.4))
        footer = f"Over 64 draws. Lines have the derived slope;\nshaded: slopes within {TOLERANCE:g} of it."
        surround(figure, heading, footer)
        cases = (
            ("A_0 Z, independent", random, size("Z_A", rate="-1")),  # a step so small that A_0 leads
            ("a sign step times Z, aligned", moved, size("Delta_Z_A", rate="0")),
        )
        for colour, (label, sizes, exponent) in zip(style.COLOURS, cases, strict=False):
            x, y = np.log2(widths), np.log2(sizes)
            line, reach = y.mean() + float(exponent) * (x - x.mean()), TOLERANCE * (x - x.mean())
            text = f"{label}: derived {exponent}, measured {np.polyfit(x, y, 1)[0]:.2f}"
            axes.plot(widths, sizes, "o", color=colour, label=text)
            axes.plot(widths, 2**line, color=colour, linewidth=1.0)
            axes.fill_between(widths, 2 ** (line - reach), 2 ** (line + reach), color=colour, alpha=0.2, linewidth=0)
        axes.set_ylim(min(random) / 2, 100 * max(moved))  # with room for the legend
        label_axes(axes, "width n", "root mean square", "")
        logarithmic(axes, "xy")
    return figure


def modules_figure(columns: int = 3) -> Figure:
    """Init[A], Init[B] and LoRA+."""
    panels = (("Init[A]", "init-a"), ("Init[B]", "init-b"), ("LoRA+ from Init[A]", "lora-plus-a"))
    heading = "One adapter, each scheme at its largest stable rates under Adam"
    return exponent_figure(heading, [(title, module_rows(scheme)) for title, scheme in panels], columns)


def depth_figure(columns: int = 2) -> Figure:
    """LoRA+ in two layers."""
    panels = (("LoRA+ from Init[A]", ("-1/2", "zero")), ("LoRA+ from Init[B]", ("zero", "0")))
    heading = "Two adapters on one residual stream, with the rates of LoRA+"
    return exponent_figure(heading, [(title, depth_rows(title, initial)) for title, initial in panels], columns)


def rates_figure(columns: int = 2) -> Figure:
    """The regions of Init[A] in the plane of both rates."""
    rates = {"A": "-1/2", "B": "zero", "eta_A": "a", "eta_B": "b"}
    return region_figure(derive(Scheme("init-a with two rates", rates)).derivation, columns)


WIDE: Mapping[str, Callable[..., Figure]] = {"exponents": modules_figure, "depth": depth_figure, "rates": rates_figure}
"""By file name: those of several columns, which have one column under `NAME-narrow` for a telephone."""
FIGURES: Mapping[str, Callable[[], Figure]] = {
    **WIDE,
    **{f"{name}-narrow": partial(drawn, columns=1) for name, drawn in WIDE.items()},
    "sums": sums_figure,
}
"""All pictures, by file name."""


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    for name, drawn in FIGURES.items():
        (IMAGES / f"{name}.svg").write_bytes(rendered(drawn()).svg)

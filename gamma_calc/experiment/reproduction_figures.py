"""The figures of the reproduction: optimal rates, training curves, losses, and the stability edge over two rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gamma_calc.experiment.reproduction import Reproduction
from gamma_calc.experiment.reproduction_claims import rate_exponent
from gamma_calc.experiment.reproduction_plan import INITS
from gamma_calc.experiment.stability_plane import LAW, STUDENT, EdgePoint, stable_region
from gamma_calc.experiment.student_study import Evolution
from gamma_calc.program.scheme import RATES
from gamma_calc.report.figure import axes_grid
from gamma_calc.report.style import COLOURS, FAINT, INK, MARKERS, PAPER
from gamma_calc.simulation.slopes import mean_and_half_width

Array = NDArray[np.float64]

COLOUR = dict(zip(INITS, COLOURS, strict=False))
MARKER = dict(zip(INITS, MARKERS, strict=False))
REFERENCES = (-0.5, -1.0)
PLANE = ((-3.2, 1.2), (-2.2, 1.2))
"""The ranges of the two exponents that the figure of the plane shows."""


def reproduction_figures(found: Reproduction) -> Mapping[str, Callable[[], Figure]]:
    """The drawing of every figure by its name."""
    drawings: dict[str, Callable[[Reproduction], Figure]] = {
        "optimal-rate": _optimal_rates,
        "evolution": _evolutions,
        "loss": _losses,
        "stability-edge": _planes,
    }
    return {name: partial(drawn, found) for name, drawn in drawings.items()}


def _optimal_rates(found: Reproduction) -> Figure:
    figure, (axes,) = axes_grid("Optimal learning rate over width", 1, 1, (5.2, 3.8))
    x = np.log2(found.plan.widths)
    for scheme in INITS:
        studies = found.of(scheme)
        mean, half = mean_and_half_width(np.stack([study.optimum.log2_rate for study in studies]))
        slope = rate_exponent(studies, found.plan.seed)
        text = "" if slope.slope is None else f": slope {slope.slope:.2f} \N{PLUS-MINUS SIGN} {slope.half_width:.2f}"
        axes.errorbar(x, mean, half, color=COLOUR[scheme], marker=MARKER[scheme], capsize=2, label=f"{scheme}{text}")
    start = np.mean([found.of(scheme)[0].optimum.mean for scheme in INITS])
    for slope_of, dashes in zip(REFERENCES, ("dashed", "dotted"), strict=True):
        axes.plot(x, start + slope_of * (x - x[0]), color=FAINT, linestyle=dashes, label=f"$n^{{{slope_of:g}}}$")
    label_axes(axes, "log2 of the width", "log2 of the optimal rate", f"Optimal learning rate, {found.plan.runs} seeds")
    return figure


def _evolutions(found: Reproduction) -> Figure:
    figure, axes = axes_grid("Size of the LoRA features along training", 2, 2, (7.4, 5.4))
    shown = (found.plan.widths[0], found.plan.widths[-1])
    values: dict[str, Callable[[Evolution], Array]] = {"|Z_A|": lambda e: e.Z_A, "|Z_B|": lambda e: e.Z_B}
    cells = [(name, value, width) for name, value in values.items() for width in shown]
    for panel, (name, value, width) in zip(axes, cells, strict=True):
        for scheme in INITS:
            (study,) = (study for study in found.of(scheme) if study.width == width)
            rows = value(study.evolution)
            steps = study.evolution.steps
            panel.plot(steps, rows.mean(axis=1), color=COLOUR[scheme], label=scheme)
            panel.fill_between(steps, rows.min(axis=1), rows.max(axis=1), color=COLOUR[scheme], alpha=0.2, linewidth=0)
        label_axes(panel, "step", f"{name}, root mean square", f"{name}, n = {width}")
    return figure


def _losses(found: Reproduction) -> Figure:
    figure, (left, right) = axes_grid("Losses at the optimal rate, and over rates", 1, 2, (8.4, 3.6))
    x = np.log2(found.plan.widths)
    for scheme in INITS:
        studies = found.of(scheme)
        for label, dashes in (("training", "solid"), ("test", "dashed")):
            losses = np.stack([getattr(study.evolution, f"{label}_loss")[-1] for study in studies])
            mean, half = mean_and_half_width(np.log2(losses))
            left.errorbar(
                x, mean, half, color=COLOUR[scheme], marker=MARKER[scheme], linestyle=dashes, capsize=2,
                label=f"{scheme}, {label}",
            )  # fmt: skip
        for study in (studies[0], studies[-1]):
            losses = np.where(study.grid.is_usable, study.grid.training_loss, np.nan)
            right.plot(
                study.grid.log2_rate, np.log2(losses).mean(axis=1), color=COLOUR[scheme], marker=MARKER[scheme],
                markersize=3, linestyle="dotted" if study is studies[0] else "solid", label=f"{scheme}, {study.width}",
            )  # fmt: skip
    label_axes(left, "log2 of the width", "log2 of the loss", "After training at the optimal rate")
    label_axes(right, "log2 of the learning rate", "log2 of the training loss", "After training, over rates")
    return figure


def _planes(found: Reproduction) -> Figure:
    figure, axes = axes_grid("Stability edge over the two learning rates", 1, 2, (8.4, 4.2))
    for panel, scheme in zip(axes, INITS, strict=True):
        _region(panel, scheme)
        for experiment, colour, marker in ((LAW, COLOURS[0], "o"), (STUDENT, COLOURS[1], "s")):
            points = [each for each in found.edges if (each.scheme, each.experiment) == (scheme, experiment)]
            _points(panel, points, experiment, colour, marker)
        title = f"{scheme}: exactly stable (shaded), measured edge"
        label_axes(panel, r"a, $\eta_A = n^a$", r"b, $\eta_B = n^b$", title)
        panel.set_xlim(*PLANE[0])
        panel.set_ylim(*PLANE[1])
    return figure


def _region(panel: Axes, scheme: str) -> None:
    """Shade where every inequality of the exact stable region holds, and draw where one is tight."""
    a, b = np.meshgrid(np.linspace(*PLANE[0], 400), np.linspace(*PLANE[1], 400))
    least = np.full_like(a, np.inf)
    for inequality in stable_region(scheme).inequalities:
        form = inequality.form
        per_a, per_b = (float(form.coefficient(rate)) for rate in RATES)
        least = np.minimum(least, per_a * a + per_b * b + float(form.constant))
    panel.contourf(a, b, least, levels=[0.0, np.inf], colors=[PAPER])
    panel.contour(a, b, least, levels=[0.0], colors=[INK], linewidths=1.2)


def _points(panel: Axes, points: list[EdgePoint], experiment: str, colour: str, marker: str) -> None:
    """The measured edges, each with its interval along the line that it was measured on."""
    label = experiment
    for each in points:
        if each.estimate.slope is None or each.estimate.interval is None:
            continue
        ends, offset = np.array(each.estimate.interval), float(each.offset)
        panel.plot(ends, ends + offset, color=colour, linewidth=1.2)
        panel.plot(each.estimate.slope, each.estimate.slope + offset, marker, color=colour, markersize=4, label=label)
        label = "_"


def label_axes(axes: Axes, x: str, y: str, title: str) -> None:
    """Write the names of the axes, the title and the legend."""
    axes.set_xlabel(x, size=9)
    axes.set_ylabel(y, size=9)
    axes.set_title(title, size=10)
    axes.legend(fontsize=7.5, frameon=False)

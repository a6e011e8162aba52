"""The figures of the reproduction: optimal rates, training curves, losses, and the stability edge over two rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gamma_calc.experiment.reproduction import Reproduction
from gamma_calc.experiment.reproduction_claims import RATE_RANGES, rate_exponent
from gamma_calc.experiment.reproduction_plan import INITS
from gamma_calc.experiment.stability_plane import FAR, STUDENT, EdgePoint, stable_region
from gamma_calc.program.scheme import RATES
from gamma_calc.report.figure import PHONE_WIDTH, axes_grid, label_axes, log2_errorbar, logarithmic
from gamma_calc.report.style import COLOURS, INK, PAPER, STROKES

STROKE = dict(zip(INITS, STROKES, strict=False))
SIZE = PHONE_WIDTH, 3.2
PLANE = ((-3.2, 1.2), (-2.2, 1.2))
"""The ranges of the two exponents that the figure of the plane shows."""

RMS = "root mean square"


def reproduction_figures(found: Reproduction) -> Mapping[str, Callable[[], Figure]]:
    """The drawing of every figure by its name."""
    return {
        "optimal-rate": partial(_optimal_rates, found),
        "loss": partial(_losses, found),
        "loss-over-rates": partial(_losses_over_rates, found),
        **{f"evolution-{name}": partial(_evolution, found, name) for name in ("Z_A", "Z_B")},
        **{f"stability-edge-{scheme}": partial(_plane, found, scheme) for scheme in INITS},
    }


def _optimal_rates(found: Reproduction) -> Figure:
    """Shaded: the slopes that the claims speak of, through the centre of the points."""
    figure, (axes,) = axes_grid("Optimal learning rate over width", 1, 1, SIZE)
    x = np.log2(found.plan.widths)
    for scheme in INITS:
        studies = found.of(scheme)
        rates = np.stack([study.optimum.log2_rate for study in studies])
        slope = rate_exponent(studies, found.plan.seed)
        text = "" if slope.slope is None else f": slope {slope.slope:.2f} \N{PLUS-MINUS SIGN} {slope.half_width:.2f}"
        log2_errorbar(axes, found.plan.widths, rates, label=f"{scheme}{text}", **STROKE[scheme])
        low, high = (np.nanmean(rates) + slope * (x - x.mean()) for slope in RATE_RANGES[scheme])
        colour = STROKE[scheme]["color"]
        axes.fill_between(found.plan.widths, np.exp2(low), np.exp2(high), color=colour, alpha=0.15, linewidth=0)
    label_axes(axes, "width n", "optimal learning rate", f"Optimal rate, {found.plan.runs} seeds")
    logarithmic(axes, "xy")
    return figure


def _evolution(found: Reproduction, name: str) -> Figure:
    shown = (found.plan.widths[0], found.plan.widths[-1])
    figure, axes = axes_grid(f"|{name}| along training", len(shown), 1, (PHONE_WIDTH, 4.6))
    for panel, width in zip(axes, shown, strict=True):
        for scheme in INITS:
            (study,) = (study for study in found.of(scheme) if study.width == width)
            rows, steps = getattr(study.evolution, name), study.evolution.steps
            colour = STROKE[scheme]["color"]
            panel.plot(steps, rows.mean(axis=1), color=colour, label=scheme)
            panel.fill_between(steps, rows.min(axis=1), rows.max(axis=1), color=colour, alpha=0.2, linewidth=0)
        label_axes(panel, "step", RMS, f"|{name}| at n = {width}")
    return figure


def _losses(found: Reproduction) -> Figure:
    figure, (axes,) = axes_grid("Losses at the optimal rate", 1, 1, SIZE)
    for scheme in INITS:
        for label, dashes in (("training", "solid"), ("test", "dashed")):
            losses = np.stack([getattr(study.evolution, f"{label}_loss")[-1] for study in found.of(scheme)])
            look = {"linestyle": dashes, "label": f"{scheme}, {label}", **STROKE[scheme]}
            log2_errorbar(axes, found.plan.widths, np.log2(losses), **look)
    label_axes(axes, "width n", "loss", "At the optimal rate")
    logarithmic(axes, "xy")
    return figure


def _losses_over_rates(found: Reproduction) -> Figure:
    figure, (axes,) = axes_grid("Training loss over learning rates", 1, 1, SIZE)
    for scheme in INITS:
        narrow, *_, wide = found.of(scheme)
        for study, dashes in ((narrow, "dotted"), (wide, "solid")):
            losses = np.where(study.grid.is_usable, study.grid.training_loss, np.nan)
            mean, rates = np.exp2(np.log2(losses).mean(axis=1)), np.exp2(study.grid.log2_rate)
            axes.plot(rates, mean, linestyle=dashes, label=f"{scheme}, n = {study.width}", **STROKE[scheme])
    label_axes(axes, "learning rate", "training loss", "Over rates")
    logarithmic(axes, "xy")
    return figure


def _plane(found: Reproduction, scheme: str) -> Figure:
    figure, (axes,) = axes_grid(f"Stability edge of {scheme} over the two learning rates", 1, 1, (PHONE_WIDTH, 3.6))
    _region(axes, scheme)
    for experiment, colour, marker in ((FAR, COLOURS[0], "o"), (STUDENT, COLOURS[1], "s")):
        points = [each for each in found.edges if (each.scheme, each.experiment) == (scheme, experiment)]
        _points(axes, points, experiment, colour, marker)
    label_axes(axes, "a, where eta_A = n^a", "b, where eta_B = n^b", scheme)
    axes.set(xlim=PLANE[0], ylim=PLANE[1])
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
    panel.fill([], [], facecolor=PAPER, edgecolor=INK, label="exactly stable")


def _points(panel: Axes, points: list[EdgePoint], experiment: str, colour: str, marker: str) -> None:
    """The measured edges, each with its interval along the line that it was measured on."""
    label = f"edge, {experiment}"
    for each in points:
        if each.estimate.slope is None or each.estimate.interval is None:
            continue
        ends, offset = np.array(each.estimate.interval), float(each.offset)
        panel.plot(ends, ends + offset, color=colour)
        panel.plot(each.estimate.slope, each.estimate.slope + offset, marker, color=colour, label=label)
        label = "_"

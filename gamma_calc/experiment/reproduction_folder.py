"""The folder that a reproduction leaves behind: the page, claim by claim, the figures, and the plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gamma_calc.document.blocks import Block, Column, ColumnKind, Details, Heading, Paragraph, Table
from gamma_calc.experiment.claims import (
    Report,
    gallery,
    health_counts,
    made_in_processes,
    plain_numbers,
)
from gamma_calc.experiment.reproduction import Reproduction
from gamma_calc.experiment.reproduction_claims import RATE_RANGES, claims, rate_exponent
from gamma_calc.experiment.reproduction_plan import INITS, ReproductionPlan
from gamma_calc.experiment.stability_plane import FAR, STUDENT, EdgePoint, stable_region
from gamma_calc.experiment.student_study import NEIGHBOURS, REPETITIONS, StudentStudy
from gamma_calc.program.scheme import RATES
from gamma_calc.report.figure import PHONE_WIDTH, axes_grid, label_axes, log2_errorbar, logarithmic
from gamma_calc.report.style import COLOURS, INK, PAPER, STROKES
from gamma_calc.simulation.optima import Health
from gamma_calc.simulation.slopes import SlopeEstimate
from gamma_calc.simulation.student_plain import RECORDED
from gamma_calc.simulation.verdicts import TOLERANCE

OVER_RATES = {
    "optimal-rate": "Optimal learning rate over width with 95 % intervals. Shaded: the slopes that the claims name.",
    "loss": "Losses after training at the optimal rate, with 95 % intervals.",
    "loss-over-rates": "Training loss over learning rates, at the least and the largest width.",
}
EVOLUTION = {
    f"evolution-{name}": f"|{name}| along training at each one's optimal rate: mean and range over seeds."
    for name in ("Z_A", "Z_B")
}
EDGES = {
    f"stability-edge-{scheme}": f"{scheme}: the exact stable region, and the edge measured along lines"
    " b = a + offset with 95 % intervals, which are the short segments."
    for scheme in INITS
}

STROKE = dict(zip(INITS, STROKES, strict=False))
SIZE = PHONE_WIDTH, 3.2
PLANE = ((-3.2, 1.2), (-2.2, 1.2))
"""The ranges of the two exponents that the figure of the plane shows."""

RMS = "root mean square"


def reproduction_report(found: Reproduction, command: str = "") -> Report:
    """The report of what a command made."""
    plan = found.plan
    return Report(
        experiment="teacher-student",
        title="The teacher-student experiment, made again",
        claims=claims(found),
        seeds=plan.runs,
        data={
            "studies": [_study_json(study) for study in found.studies],
            "edges": [_edge_json(edge) for edge in found.edges],
            "plan": {name: plain_numbers(value) for name, value in asdict(plan).items()},
        },
        environment=made_in_processes(command, found.seconds, found.workers, loops=found.loops),
        remarks=(_margin_text(found),),
        sections=_sections(found),
        setting=_setting_text(plan),
        figures=reproduction_figures(found),
    )


def _study_json(study: StudentStudy) -> dict[str, Any]:
    grid = study.grid
    return {
        "scheme": study.scheme,
        "width": study.width,
        "log2_optimal_rate": plain_numbers(study.optimum.log2_rate),
        "is_at_grid_edge": study.optimum.is_at_edge.tolist(),
        "is_shaped_by_epsilon": study.is_shaped_by_epsilon,
        "grid": {
            "log2_rate": plain_numbers(grid.log2_rate),
            "training_loss": plain_numbers(grid.training_loss),
            "test_loss": plain_numbers(grid.test_loss),
            "health": [[each.value for each in row] for row in grid.health],
        },
        "at_optimum": {
            "steps": list(study.steps),
            **{name: plain_numbers(study.evolution[name]) for name in RECORDED},
        },
        "repeated": {name: plain_numbers(values) for name, values in study.repeated.items()},
        "twin_loss": plain_numbers(study.twin_loss),
    }


def _edge_json(edge: EdgePoint) -> dict[str, Any]:
    return {
        "scheme": edge.scheme,
        "experiment": edge.experiment,
        "offset": str(edge.offset),
        "predicted": str(edge.predicted),
        "measured": edge.estimate.slope,
        "ci": None if edge.estimate.interval is None else list(edge.estimate.interval),
        "widths": list(edge.estimate.widths),
        "excluded": [list(each) for each in edge.estimate.excluded],
        "shortfall": edge.estimate.shortfall,
    }


def _sections(found: Reproduction) -> tuple[Block, ...]:
    plan = found.plan
    return (
        Heading(2, "Optimal rates"),
        gallery(OVER_RATES),
        *(Paragraph(f"{scheme}: {_slope_text(rate_exponent(found.of(scheme), plan.seed))}.") for scheme in INITS),
        Heading(2, "Along training"),
        gallery(EVOLUTION),
        Heading(2, "The stability edge over both rates"),
        Paragraph(
            f"A run counts as stable where the root mean square of Z_B stays below {plan.bound:g} over"
            f" {plan.edge_steps} steps. The module far out, a population, has the linear loss, which the theory speaks"
            " of; the student has the squared loss, whose residuals change sign, and narrow widths, so its edge need"
            " not lie on the region's."
        ),
        gallery(EDGES),
        Paragraph(_edge_summary(found.edges)),
        Details(f"Every edge ({len(found.edges)})", (_edge_table(found.edges),)),
        Heading(2, "Runs that say nothing"),
        _health_table(found.studies),
    )


def _setting_text(plan: ReproductionPlan) -> str:
    return (
        f"The {plan.name} plan: widths {', '.join(map(str, plan.widths))}; {plan.runs} seeds spawned from {plan.seed};"
        f" {plan.steps} steps of Adam on {plan.points} points, {plan.test_points} to test; rank {plan.rank}; rates half"
        " an octave apart, refined to a quarter. The optimum is the minimum of the training loss after the last step."
        " The number of steps of the published experiment and its weight decay are not known to us; here the decay is"
        " zero."
    )


def _margin_text(found: Reproduction) -> str:
    logs = [np.log2(study.repeated["training_loss"]) for study in found.studies]
    spread, rounding = (
        float(np.sqrt(np.nanmean(squares)))
        for squares in ([each.var(axis=0, ddof=1) for each in logs], [study.rounding**2 for study in found.studies])
    )
    return (
        "Training amplifies rounding: the same seeds give other losses by other loops or on another machine. Each"
        " interval has a margin for that beside the 95 % over seeds: how far such a measurement would lie from this one"
        f" with 95 % confidence. For training at the optimal rate it comes from {REPETITIONS} trainings at rates within"
        f" {max(NEIGHBOURS):g} octaves of that, over which the interval is the mean; a run's loss differs by"
        f" {spread:.2f} octaves among them. For the optimal rates it comes from moving the losses on the grid by as"
        f" much as rounding does, {rounding:.2f} octaves (standard deviations, root mean square over runs)."
    )


def _slope_text(estimate: SlopeEstimate) -> str:
    if estimate.slope is None or estimate.interval is None:
        return f"no slope ({estimate.shortfall or 'zero in nearly all runs at some widths'})"
    low, high = estimate.interval
    parts = [f"slope {estimate.slope:.3f} in [{low:.3f}, {high:.3f}]"]
    if estimate.drift_excess > 0:
        parts.append(f"{estimate.drift_excess:.3f} of its half-width is drift between narrow and wide")
    if estimate.excluded:
        parts.append(f"{len(estimate.excluded)} runs left out")
    return "; ".join(parts)


def _edge_summary(edges: Sequence[EdgePoint]) -> str:
    """How often the exact edge lies within the tolerance of a measured interval, experiment by experiment."""
    words = []
    for experiment in (FAR, STUDENT):
        held = [_is_held(edge) for edge in edges if edge.experiment == experiment]
        words.append(f"{sum(held)} of {len(held)} intervals ({experiment})")
    return f"The exact edge lies in, or within {TOLERANCE} of, {' and '.join(words)}."


def _is_held(edge: EdgePoint) -> bool:
    ends, predicted = edge.estimate.interval, float(edge.predicted)
    return ends is not None and ends[0] - TOLERANCE <= predicted <= ends[1] + TOLERANCE


def _edge_table(edges: Sequence[EdgePoint]) -> Table:
    """Those that miss the exact edge first."""
    numbers = ("b - a", "exact edge a", "measured", "95 % interval")
    columns = (Column("init", ColumnKind.NAME), *(Column(each, ColumnKind.NUMBER) for each in numbers))
    columns += (Column("experiment", ColumnKind.REMARK), Column(f"within {TOLERANCE}", ColumnKind.REMARK))
    rows = []
    for edge in sorted(edges, key=_is_held):
        slope, interval = edge.estimate.slope, edge.estimate.interval
        measured = edge.estimate.shortfall if slope is None else f"{slope:.3f}"
        ends = "" if interval is None else f"[{interval[0]:.3f}, {interval[1]:.3f}]"
        held = "yes" if _is_held(edge) else "no"
        rows.append((edge.scheme, str(edge.offset), str(edge.predicted), measured, ends, edge.experiment, held))
    return Table(columns, tuple(rows))


def _health_table(studies: Sequence[StudentStudy]) -> Table:
    lines = []
    for study in studies:
        words = [health_counts(study.grid.health)]
        at_edge = int(study.optimum.is_at_edge.sum())
        words += [f"{at_edge} of {len(study.optimum.is_at_edge)} optima {Health.GRID_EDGE.value}"] if at_edge else []
        words += [f"the best rate {Health.EPSILON.value}"] if study.is_shaped_by_epsilon else []
        lines.append((study.scheme, str(study.width), "; ".join(words)))
    columns = (
        Column("init", ColumnKind.NAME),
        Column("width", ColumnKind.NUMBER),
        Column("runs on the grid of rates", ColumnKind.REMARK),
    )
    return Table(columns, tuple(lines))


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
            rows, steps = study.evolution[name], study.steps
            colour = STROKE[scheme]["color"]
            panel.plot(steps, rows.mean(axis=1), color=colour, label=scheme)
            panel.fill_between(steps, rows.min(axis=1), rows.max(axis=1), color=colour, alpha=0.2, linewidth=0)
        label_axes(panel, "step", RMS, f"|{name}| at n = {width}")
    return figure


def _losses(found: Reproduction) -> Figure:
    figure, (axes,) = axes_grid("Losses at the optimal rate", 1, 1, SIZE)
    for scheme in INITS:
        for label, dashes in (("training", "solid"), ("test", "dashed")):
            losses = np.stack([study.evolution[f"{label}_loss"][-1] for study in found.of(scheme)])
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

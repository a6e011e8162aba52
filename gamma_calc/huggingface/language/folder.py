"""The folder that an experiment with a language model leaves behind: the page, the figures, and the plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import peft
import transformers
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gamma_calc.experiment.claims import (
    Report,
    figure_block,
    health_counts,
    made_with,
    markdown_table,
    plain_numbers,
)
from gamma_calc.experiment.reproduction_figures import label_axes, mean_and_half_width
from gamma_calc.huggingface.language.claims import claims
from gamma_calc.huggingface.language.settings import ROBERTA, SCHEMES, Plan
from gamma_calc.huggingface.language.study import Curves, LanguageStudy
from gamma_calc.report.plots import axes_grid
from gamma_calc.report.style import COLOURS, MARKERS
from gamma_calc.simulation.optima import Health
from gamma_calc.simulation.slopes import student_quantile

TITLES = {
    True: "Sequence classification under two initialisations",
    False: "Language modelling under two initialisations",
}
CAPTIONS = {
    "rates": "Validation loss and test score after training over learning rates: mean over seeds with 95 % intervals."
    " Dotted: the rate at which each is compared, chosen on the validation part.",
    "features": "|Z_A| and |Z_B| along training at each one's best rate, on a held-out batch: the median, and the range"
    " over layers and seeds.",
}
ARRAYS = ("validation_loss", "test_loss", "validation_right", "test_right")


def study_report(found: LanguageStudy, command: str = "", version: str = "") -> Report:
    """The report."""
    releases = {"transformers": transformers.__version__, "peft": peft.__version__}
    return Report(
        experiment=found.plan.experiment,
        title=TITLES[found.is_classification],
        claims=claims(found),
        seeds=found.plan.seeds,
        data={
            "schemes": [_curves_json(found, curves) for curves in found.curves],
            "plan": _plan_json(found.plan),
            "facts": dict(found.facts),
        },
        environment=made_with(command, version, found.seconds, found.workers, **releases),
        remark="What holds here holds for this model, these texts and this short training.",
        sections=(
            "## Over learning rates",
            _figure("rates"),
            _rates_table(found),
            "## Along training",
            _figure("features"),
            "## Runs that say nothing",
            *(_health_text(curves) for curves in found.curves),
            _setting_text(found.plan),
        ),
        figures=study_figures(found),
        facts=found.facts,
    )


def _curves_json(found: LanguageStudy, curves: Curves) -> dict[str, Any]:
    optimum, best = curves.optimum, found.best(curves)
    return {
        "scheme": curves.scheme,
        "log2_rate": plain_numbers(curves.log2_rate),
        "log2_optimal_rate": plain_numbers(optimum.log2_rate),
        "is_at_grid_edge": optimum.is_at_edge.tolist(),
        "log2_best_rate": float(curves.log2_rate[best]),
        "initial_loss": plain_numbers(curves.initial_loss[0]),
        **{name: plain_numbers(getattr(curves, name)) for name in ARRAYS},
        "health": [[each.value for each in row] for row in curves.health],
        "steps": plain_numbers(curves.steps),
        # Root mean squares of the features at the best rate, geometric mean over the layers.
        **{f"{name}_at_best_rate": plain_numbers(_over_layers(getattr(curves, name)[best])) for name in ("Z_A", "Z_B")},
    }


def _over_layers(sizes: np.ndarray[Any, np.dtype[np.float64]]) -> Any:
    with np.errstate(divide="ignore"):
        return np.exp(np.log(sizes).mean(axis=-1))


def _plan_json(plan: Plan) -> dict[str, Any]:
    found = asdict(plan)
    if plan.model != "built":
        del found["building"]
    # The last part of a path: where somebody keeps a model or a data set is nobody's business.
    found["model"], found["data"] = Path(plan.model).name, Path(plan.data).name
    return found


def _figure(name: str) -> str:
    return figure_block(name, CAPTIONS[name])


def _rates_table(found: LanguageStudy) -> str:
    score = "test accuracy there, %" if found.is_classification else "test perplexity there"
    head = ("init", "log2 of the optimal rate (lowest validation loss)", "best rate of the grid", score)
    rows = []
    for curves in found.curves:
        optimum, best = curves.optimum, found.best(curves)
        values = 100 * curves.test_right[best] if found.is_classification else np.exp(curves.test_loss[best])
        half = student_quantile(len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
        rows.append(
            (
                curves.scheme,
                f"{optimum.mean:.2f} \N{PLUS-MINUS SIGN} {optimum.half_width:.2f}",
                f"2^{curves.log2_rate[best]:g} = {2.0 ** curves.log2_rate[best]:.2g}",
                f"{values.mean():.2f} \N{PLUS-MINUS SIGN} {half:.2f}",
            )
        )
    return markdown_table(head, rows)


def _health_text(curves: Curves) -> str:
    named = [
        f"rate 2^{curves.log2_rate[row]:g}, seed {seed}: {curves.health[row, seed].value}"
        for row, seed in np.argwhere(curves.health != Health.SOUND)
    ]
    return f"`{curves.scheme}`: {health_counts(curves.health)}. {'; '.join(named)}".strip()


def _setting_text(plan: Plan) -> str:
    training = plan.training
    head = (
        f" PEFT trains the classifier's head in full beside the adapters; here at a rate of its own,"
        f" {training.head_rate:g} in every run."
        if plan.experiment == ROBERTA
        else " The language model's head is frozen."
    )
    layers = ", ".join(training.targets) or "the query and value projections, PEFT's own choice"
    model = (
        f"a model of {plan.building.layers} layers and width {plan.building.width}, built from a configuration and"
        f" trained for {plan.building.steps} steps before it is adapted"
        if plan.model == "built"
        else Path(plan.model).name
    )
    falling = "a linearly falling rate after a warm-up of 6 %" if training.is_linear else "a constant rate"
    return (
        f"The {plan.name} plan: {model}; LoRA of rank {training.rank}, alpha {training.alpha:g}, on {layers};"
        f" {training.steps} steps of AdamW without weight decay, {training.batch} texts or blocks of at most"
        f" {training.length} tokens a step, at {falling}, the same for A and B.{head}"
        " No dropout. Rates an octave apart, the optimum read off a parabola through log2 of the losses;"
        " a grid is made longer where its end has the lowest loss. A run that does not end below the loss it started"
        " with counts as diverged. Both initialisations see the same batches and the same head, seed by seed; the"
        " parts of the data are the same in all runs."
    )


Array = NDArray[np.float64]

# Any: the drawing functions spell out the types of all their keywords.
STROKES: dict[str, dict[str, Any]] = {
    scheme: {"color": COLOURS[k], "marker": MARKERS[k]} for k, scheme in enumerate(SCHEMES)
}


def study_figures(found: LanguageStudy) -> Mapping[str, Callable[[], Figure]]:
    """The drawing of every figure by its name."""
    return {"rates": partial(_rates, found), "features": partial(_features, found)}


def _rates(found: LanguageStudy) -> Figure:
    """Validation loss and test score over rates, with the rate at which each scheme is compared."""
    figure, panels = axes_grid("Scores after training over learning rates", 1, 2, (8.4, 3.6))
    score = "test accuracy, %" if found.is_classification else "test perplexity"
    values: dict[str, Callable[[Curves], Array]] = {
        "validation loss": lambda curves: curves.validation_loss,
        score: lambda curves: 100 * curves.test_right if found.is_classification else np.exp(curves.test_loss),
    }
    for panel, (name, value) in zip(panels, values.items(), strict=True):
        for curves in found.curves:
            mean, half = mean_and_half_width(value(curves))
            panel.errorbar(curves.log2_rate, mean, half, capsize=2, label=curves.scheme, **STROKES[curves.scheme])
            best = float(curves.log2_rate[found.best(curves)])
            panel.axvline(best, color=STROKES[curves.scheme]["color"], linestyle="dotted", linewidth=1.2)
        label_axes(panel, "log2 of the learning rate", name, f"{name}, {found.plan.seeds} seeds")
    return figure


def _features(found: LanguageStudy) -> Figure:
    """|Z_A| and |Z_B| along training at each one's best rate: median layer, and the range over layers and seeds."""
    figure, panels = axes_grid("Size of the LoRA features along training", 1, 2, (8.4, 3.6))
    for panel, name in zip(panels, ("Z_A", "Z_B"), strict=True):
        for curves in found.curves:
            rows = getattr(curves, name)[found.best(curves)]  # [seeds, records, adapters]
            colour = STROKES[curves.scheme]["color"]
            middle, low, high = (np.nanquantile(rows, q, axis=(0, 2)) for q in (0.5, 0.0, 1.0))
            panel.plot(curves.steps, middle, label=curves.scheme, **STROKES[curves.scheme])
            panel.fill_between(curves.steps, low, high, color=colour, alpha=0.15, linewidth=0)
        label_axes(panel, "step", f"|{name}|, root mean square", f"|{name}| at the best rate")
    return figure

"""The folder that an experiment with a language model leaves behind: the page, the figures, and the plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import peft
import transformers
from matplotlib.figure import Figure

from gamma_calc.document.blocks import Block, Column, ColumnKind, Heading, Paragraph, Table
from gamma_calc.experiment.claims import (
    Report,
    gallery,
    health_counts,
    made_in_processes,
    plain_numbers,
)
from gamma_calc.huggingface.language.claims import claims
from gamma_calc.huggingface.language.model_source import BUILT
from gamma_calc.huggingface.language.run import scheme_called
from gamma_calc.huggingface.language.settings import ROBERTA, Plan
from gamma_calc.huggingface.language.study import Curves, LanguageStudy
from gamma_calc.report.figure import PHONE_WIDTH, axes_grid, label_axes, logarithmic
from gamma_calc.report.style import STROKES
from gamma_calc.simulation.optima import Health
from gamma_calc.simulation.slopes import Array, mean_and_half_width

TITLES = {
    True: "Sequence classification under two initialisations",
    False: "Language modelling under two initialisations",
}
RATES = {
    "rates": "Validation loss after training over learning rates: mean over seeds with 95 % intervals. Dotted: the rate"
    " at which each is compared, the best one here.",
    "scores": "Test score after training over learning rates, as before.",
}
FEATURES = {
    f"features-{name}": f"|{name}| along training at each one's best rate, on a held-out batch: the geometric mean over"
    " layers, its mean over seeds, and their range."
    for name in ("Z_A", "Z_B")
}
SIZE = PHONE_WIDTH, 3.2
RELEASES = {"transformers": transformers.__version__, "peft": peft.__version__}
ARRAYS = ("validation_loss", "test_loss", "validation_right", "test_right")


def study_report(found: LanguageStudy, command: str) -> Report:
    """The report."""
    return Report(
        experiment=found.plan.experiment,
        title=TITLES[found.is_classification],
        claims=claims(found),
        seeds=found.plan.seeds,
        data={
            "schemes": [curves_json(curves, found.best(curves)) for curves in found.curves],
            "plan": plan_json(found.plan),
            "facts": dict(found.facts),
        },
        environment=made_in_processes(command, found.seconds, found.workers, **RELEASES),
        remarks=("What holds here holds for this model, these texts and this short training.",),
        sections=(
            Heading(2, "Over learning rates"),
            gallery(RATES),
            _rates_table(found),
            Heading(2, "Along training"),
            gallery(FEATURES),
            *health_blocks(found.curves),
        ),
        setting=setting_text(found.plan),
        figures=study_figures(found),
        facts=found.facts,
    )


def curves_json(curves: Curves, best: int) -> dict[str, Any]:
    """What one scheme gave, as plain data, with the place of its best rate on the grid."""
    optimum = curves.optimum
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


def _over_layers(sizes: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(np.exp(np.log(sizes).mean(axis=-1)))


def is_built(plan: Plan) -> bool:
    """Whether the model is built and briefly trained; else it is loaded as it is."""
    return plan.model == BUILT or plan.building.config != ""


def plan_json(plan: Plan) -> dict[str, Any]:
    """The plan as plain data, without the place of a file."""
    found = asdict(plan)
    if not is_built(plan):
        del found["building"]
    # The last part of a path: where somebody keeps a model or a data set is nobody's business.
    found["model"], found["data"] = Path(plan.model).name, Path(plan.data).name
    return found


def _rates_table(found: LanguageStudy) -> Table:
    score = "test accuracy there, %" if found.is_classification else "test perplexity there"
    rows = [("init", "optimal rate (lowest validation loss)", "95 % interval", "best rate of the grid", score)]
    for curves in found.curves:
        optimum, best = curves.optimum, found.best(curves)
        mean, half = mean_and_half_width(found.score(curves)[best])
        rows.append(
            (
                curves.scheme,
                f"{2.0**optimum.mean:.3g}",
                f"[{2.0 ** (optimum.mean - optimum.half_width):.2g}, {2.0 ** (optimum.mean + optimum.half_width):.2g}]",
                f"{2.0 ** curves.log2_rate[best]:.3g}",
                f"{mean:.2f} \N{PLUS-MINUS SIGN} {half:.2f}",
            )
        )
    return table_of(rows)


def table_of(rows: Sequence[tuple[str, ...]]) -> Table:
    """Names and the numbers of each, under the words of the first row."""
    (first, *others), *cells = rows
    return Table((Column(first, ColumnKind.NAME), *(Column(each, ColumnKind.NUMBER) for each in others)), tuple(cells))


def health_blocks(every: Iterable[Curves]) -> Iterator[Block]:
    """Which runs say nothing, and why."""
    yield Heading(2, "Runs that say nothing")
    for curves in every:
        named = [
            f"rate {2.0 ** curves.log2_rate[row]:.3g}, seed {seed}: {curves.health[row, seed].value}"
            for row, seed in np.argwhere(curves.health != Health.SOUND)
        ]
        yield Paragraph(f"{curves.scheme}: {health_counts(curves.health)}. {'; '.join(named)}".strip())


def setting_text(plan: Plan) -> str:
    """What was trained, on how much, and how."""
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
        if is_built(plan)
        else Path(plan.model).name
    )
    rules = {scheme_called(each).optimizer.name for each in plan.schemes}
    rule = "AdamW" if rules == {"adam"} else ", ".join(sorted(rules))
    ratio = "the same for A and B" if training.ratio == 1 else f"B's {training.ratio:g} times A's"
    falling = "a linearly falling rate after a warm-up of 6 %" if training.is_linear else "a constant rate"
    return (
        f"The {plan.name} plan: {model}; LoRA of rank {training.rank}, alpha {training.alpha:g}, on {layers};"
        f" {training.steps} steps of {rule} without weight decay, {training.batch} texts or blocks of at most"
        f" {training.length} tokens a step, at {falling}, {ratio}.{head}"
        " No dropout. Rates an octave apart, the optimum read off a parabola through log2 of the losses;"
        " a grid is made longer where its end has the lowest loss. A run that does not end below the loss it started"
        " with counts as diverged. All schemes and rates see the same batches and the same head, seed by seed; the"
        " parts of the data are the same in all runs."
    )


def study_figures(found: LanguageStudy) -> Mapping[str, Callable[[], Figure]]:
    """The drawing of every figure by its name."""
    values: dict[str, Callable[[Curves], Array]] = {
        "validation loss": lambda curves: curves.validation_loss,
        found.score_name: found.score,
    }
    over_rates = (partial(_over_rates, found, name, value) for name, value in values.items())
    return {
        **dict(zip(RATES, over_rates, strict=True)),
        **{f"features-{name}": partial(_features, found, name) for name in ("Z_A", "Z_B")},
    }


def _over_rates(found: LanguageStudy, name: str, value: Callable[[Curves], Array]) -> Figure:
    """Something over rates, with the rate at which each scheme is compared."""
    figure, (panel,) = axes_grid(f"{name} after training over learning rates", 1, 1, SIZE)
    for k, (stroke, curves) in enumerate(zip(STROKES, found.curves, strict=False)):
        mean, half = mean_and_half_width(value(curves))
        rates = np.exp2(curves.log2_rate)
        panel.errorbar(rates, mean, half, label=curves.scheme, **stroke)
        dashes = (k * len(found.curves), (1, 2 * len(found.curves) - 1))  # where two lie on each other, both are seen
        panel.axvline(rates[found.best(curves)], color=stroke["color"], linestyle=dashes)
    label_axes(panel, "learning rate", name, f"{name}, {found.plan.seeds} seeds")
    logarithmic(panel, "x")
    return figure


def _features(found: LanguageStudy, name: str) -> Figure:
    """A size along training at each one's best rate, as the claims take it: a mean over layers for each seed."""
    figure, (panel,) = axes_grid(f"|{name}| along training", 1, 1, SIZE)
    for stroke, curves in zip(STROKES, found.curves, strict=False):
        rows = _over_layers(getattr(curves, name)[found.best(curves)])  # [seeds, records]
        middle, low, high = (each(rows, axis=0) for each in (np.nanmean, np.nanmin, np.nanmax))
        panel.plot(curves.steps, middle, label=curves.scheme, **stroke)
        panel.fill_between(curves.steps, low, high, color=stroke["color"], alpha=0.15, linewidth=0)
    label_axes(panel, "step", "root mean square", f"|{name}| at the best rate")
    return figure

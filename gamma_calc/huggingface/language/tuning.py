"""Which learning rate: a scheme's best one on a model and data of one's own, and what it is on another model.

One study a width, the model's own or some of a family built from its configuration; what is best at the widest is
carried on by the scheme's law, each kind of layer by its own fan-in.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from gamma_calc.derivation.transfer import transfer_law
from gamma_calc.document.blocks import Block, Heading, Paragraph
from gamma_calc.errors import BadInput, Unknown
from gamma_calc.experiment.claims import Report, gallery, made_in_processes, plain_numbers
from gamma_calc.experiment.sweep import part
from gamma_calc.huggingface.language.folder import (
    RELEASES,
    SIZE,
    curves_json,
    health_blocks,
    is_built,
    plan_json,
    setting_text,
    table_of,
)
from gamma_calc.huggingface.language.run import scheme_called
from gamma_calc.huggingface.language.settings import FULL, LLAMA, ROBERTA, Plan
from gamma_calc.huggingface.language.study import Curves, LanguageStudy, Prepared, prepared, study
from gamma_calc.huggingface.language.task import task
from gamma_calc.huggingface.layers import adapted_shapes, configuration_at, configuration_from, shape_config
from gamma_calc.huggingface.model_transfer import LayerRates, Pair, carried_pairs, paired_kinds
from gamma_calc.huggingface.network_rates import NetworkEdge, network_edge
from gamma_calc.program.scheme import INITIAL, RATES, Scheme
from gamma_calc.report.figure import axes_grid, label_axes, logarithmic
from gamma_calc.report.style import STROKES
from gamma_calc.simulation.optima import Health, optimal_rate_exponent
from gamma_calc.simulation.program_sizes import Progress
from gamma_calc.simulation.slopes import SlopeEstimate, mean_and_half_width
from gamma_calc.simulation.store import Array, Store

LEAST_WIDTHS = 3
"""Fewer best rates have no slope with an interval."""

DEFAULTS = {
    kind: replace(
        plan,
        name="tune",
        training=replace(plan.training, steps=60),
        building=replace(plan.building, head_width=1, steps=200, vocabulary=1024),
        log2_rates=tuple(range(-13, -4)),
        seeds=3,
        held_out=64,
    )
    for kind, plan in FULL.items()
}
"""By kind of task: some 1600 steps in all, minutes on a laptop for a model of a few million parameters."""

FAMILY_LAYERS = 2


@dataclass(frozen=True, slots=True)
class Tuning:
    """What is going to be measured: a plan for each width, and the layers that the best rate is carried to.

    Args:
        widths: one for each plan, or none where the model is trained as it is.
        pairs: the kinds of layers of the last plan beside those of the target; empty without one.
        network: the edge that the rate is carried by, None for that of one module.
    """

    plans: tuple[Plan, ...]
    widths: tuple[int, ...]
    first: Prepared
    pairs: Mapping[str, Pair]
    target: str
    network: NetworkEdge | None = None


@dataclass(frozen=True, slots=True)
class Tuned:
    """What was measured: a study of one scheme for each plan."""

    tuning: Tuning
    studies: tuple[LanguageStudy, ...]
    workers: int

    @property
    def curves(self) -> Curves:
        """Those of the model, or of the widest one."""
        return self.studies[-1].curves[0]

    @property
    def title(self) -> str:
        """What was trained, and how much."""
        plan, training = self.tuning.plans[-1], self.tuning.plans[-1].training
        pieces = "texts" if plan.experiment == ROBERTA else "blocks"
        sizes = f"{training.steps} steps of {training.batch} {pieces} of at most {training.length} tokens"
        scheme, ratio = scheme_called(plan.schemes[0]), ""
        if _growth_of_ratio(scheme):
            ratios = dict.fromkeys(f"{each.training.ratio:g}" for each in self.tuning.plans)
            ratio = f"; B's rate is {', '.join(ratios)} times A's (--ratio)"
        return f"{scheme.title} on {Path(plan.model).name}: {sizes}, {plan.seeds} seeds{ratio}"

    @property
    def answer(self) -> tuple[str, ...]:
        """The answer in sentences."""
        if self.rate is None or self.interval is None:
            return (f"The best learning rate is not known: {self.shortfall}.",)
        low, high = self.interval
        seeds = f"95 % interval {low:.2g} to {high:.2g}, over {self.tuning.plans[0].seeds} seeds"
        best = f"Best learning rate: {self.rate:.3g} ({seeds})"
        if self.slope is None:
            return (best,)
        measured = f"{self.slope.slope:.2f} \N{PLUS-MINUS SIGN} {self.slope.half_width:.2f}"
        whole = "one module" if self.tuning.network is None else "the whole model"
        return best, f"Over these widths it goes as n^({measured}); derived, for {whole}: n^({self.predicted})"

    def table(self) -> list[tuple[str, ...]]:
        """The losses over rates, or the best rate at each of several widths."""
        return _rates_table(self.studies[0]) if len(self.studies) == 1 else _widths_table(self)

    @property
    def shortfall(self) -> str:
        """Why the best rate is not known; empty where it is."""
        return shortfall(self.curves)

    @property
    def rate(self) -> float | None:
        """The rate with the lowest validation loss, mean over seeds of its logarithm; None where it is not known."""
        return None if self.shortfall else 2.0**self.curves.optimum.mean

    @property
    def interval(self) -> tuple[float, float] | None:
        """Its 95 % interval over seeds."""
        return None if self.shortfall else _interval(self.curves)

    @property
    def slope(self) -> SlopeEstimate | None:
        """The exponent of the best rate over a family of widths; None for fewer than three of them, or of the seeds."""
        found = [each.curves[0] for each in self.studies]
        if len(found) < LEAST_WIDTHS or any(shortfall(each) for each in found):
            return None
        slope = optimal_rate_exponent(self.tuning.widths, [each.optimum for each in found])
        return None if slope.slope is None else slope

    @property
    def predicted(self) -> str | None:
        """The exponent by which A's rate goes with the width, as derived; None where it is not known."""
        network = self.tuning.network
        at = None if network is None else {network.rate: network.exponent}
        try:
            (law,) = transfer_law(scheme_called(self.tuning.plans[0].schemes[0]), at=at).pieces
        except Unknown:
            return None
        return str(next(iter(law.exponents.values())).constant)

    @property
    def carried(self) -> LayerRates | None:
        """The rates on the target; None without one, or where the best rate is not known."""
        plan = self.tuning.plans[-1]
        if self.rate is None or not self.tuning.pairs:
            return None
        scheme = scheme_called(plan.schemes[0])
        rate_b = self.rate * plan.training.ratio if scheme.is_trained("B") else None
        return carried_pairs(
            scheme, self.tuning.pairs, learning_rate=self.rate, learning_rate_b=rate_b, network=self.tuning.network
        )


def shortfall(curves: Curves) -> str:
    """Why a best rate is not known: no run learned, or the optimum, or its interval, may lie beyond the rates."""
    if not (curves.health == Health.SOUND).any(axis=0).all():
        return "some seed ends below the loss that it starts with at no rate: take other rates, or more steps"
    seeds, low, high = len(curves.optimum.is_at_edge), 2.0 ** curves.log2_rate[0], 2.0 ** curves.log2_rate[-1]
    if at_edge := int(curves.optimum.is_at_edge.sum()):
        rates = f"the end of the rates, {low:.2g} to {high:.2g}"
        return f"{at_edge} of {seeds} seeds are best at {rates}: take others (--rates)"
    least, most = _interval(curves)
    if not low <= least <= most <= high:
        return (
            f"its 95 % interval over {seeds} seeds, {least:.2g} to {most:.2g}, reaches beyond the rates, {low:.2g} to "
            f"{high:.2g}: take more seeds (--seeds), or more rates"
        )
    return ""


def _interval(curves: Curves) -> tuple[float, float]:
    """By Student's law over seeds; no less than half a step of the rates where some seed's optimum is one of them."""
    mean, half = curves.optimum.mean, curves.optimum.half_width
    if np.isin(curves.optimum.log2_rate, curves.log2_rate).any():  # no parabola was fitted through its losses
        half = max(half, float(np.diff(curves.log2_rate).max(initial=0.0)) / 2)
    return 2.0 ** (mean - half), 2.0 ** (mean + half)


def family(
    plan: Plan, config: Path, widths: Sequence[int], layers: int | None
) -> tuple[tuple[Plan, ...], tuple[int, ...]]:
    """A plan for each width of models built from a configuration; its own width and depth where none are given.

    The ratio of B's rate to A's grows from the first width on as the scheme says.
    """
    read: Any = configuration_from(config)
    for name in ("hidden_size", "num_hidden_layers"):
        if type(getattr(read, name, None)) is not int:
            raise BadInput(f"{config}: a {read.model_type} has no single {name}; expected a model of text with one")
    own = int(read.num_hidden_layers)
    depth = layers or (min(own, FAMILY_LAYERS) if widths else own)
    text = json.dumps(read.to_dict(), sort_keys=True)
    chosen = tuple(sorted(widths)) or (int(read.hidden_size),)
    for width in chosen:
        configuration_at(text, width, depth)
    growth = float(_growth_of_ratio(scheme_called(plan.schemes[0])))

    def at(width: int) -> Plan:
        building = replace(plan.building, width=width, layers=depth, config=text)
        ratio = plan.training.ratio * (width / chosen[0]) ** growth
        return replace(plan, building=building, training=replace(plan.training, ratio=ratio))

    return tuple(map(at, chosen)), chosen


def _growth_of_ratio(scheme: Scheme) -> Fraction:
    """The exponent by which B's rate outgrows A's; 0 where only one of them is trained, or free values decide."""
    if not all(map(scheme.is_trained, INITIAL)):
        return Fraction(0)
    of_a, of_b = (scheme[key] for key in RATES)
    return (of_b - of_a).constant if (of_b - of_a).is_constant else Fraction(0)


def ready_to_tune(
    plans: Sequence[Plan],
    widths: Sequence[int] = (),
    *,
    target: str | None = None,
    is_of_network: bool = False,
    workers: int = 1,
) -> Tuning:
    """Load or build the first model, read the data, and see that what will be found can be carried to the target.

    Args:
        is_of_network: whether rates go by the largest stable one of the whole model, not by that of one module.

    Raises:
        BadInput, Unknown: as `prepared`, `paired_kinds`, `network_edge` and `carried_pairs`.
    """
    plans = tuple(plans)
    first = prepared(plans[0], workers=workers)
    pairs: Mapping[str, Pair] = {}
    network = None
    if target is not None:
        adapted = task(first.plan, first.source).model
        config = shape_config(getattr(adapted, "peft_config")["default"])  # noqa: B009
        building = plans[-1].building
        last = configuration_at(building.config, building.width, building.layers) if is_built(plans[-1]) else adapted
        pairs = paired_kinds(adapted_shapes(last, config), adapted_shapes(Path(target), config))
        scheme = scheme_called(plans[0].schemes[0])
        if is_of_network:
            network = network_edge(last, Path(target), scheme, adapters=(config, config))
        carried_pairs(scheme, pairs, learning_rate=1.0, network=network)
    return Tuning(plans, tuple(widths), first, pairs, target or "", network)


def run_studies(tuning: Tuning, store: Store, *, workers: int = 1, progress: Progress | None = None) -> Tuned:
    """Carry out the studies, or what of them is missing in a store.

    Raises:
        BadInput: a run failed.
        Interrupted: Ctrl-C.
    """
    studies, count = [], len(tuning.plans)
    for k, plan in enumerate(tuning.plans):
        ready = tuning.first if k == 0 else prepared(plan, workers=workers)
        studies.append(study(ready, store, workers=workers, progress=part(progress, k, count)))
    return Tuned(tuning, tuple(studies), workers)


def tuning_report(found: Tuned, command: str) -> Report:
    """The page, the figure and the data."""
    plan, curves = found.tuning.plans[-1], found.curves
    seconds = sum(each.seconds for each in found.studies)
    return Report(
        experiment="tune",
        title=f"The best learning rate of {curves.scheme}",
        claims=(),
        seeds=plan.seeds,
        data=tuning_json(found),
        environment=made_in_processes(command, seconds, found.workers, **RELEASES),
        remarks=(*found.answer, "What holds here holds for this model, these texts and this training."),
        sections=tuple(_sections(found)),
        setting=setting_text(plan),
        figures={"rates": partial(_figure, found)},
        facts=found.studies[-1].facts,
    )


def _sections(found: Tuned) -> Iterator[Block]:
    yield Heading(2, "Over learning rates")
    yield gallery({"rates": CAPTION})
    for each in found.studies:
        yield table_of(_rates_table(each))
    if len(found.studies) > 1:
        yield Heading(2, "Over widths")
        yield table_of(found.table())
    if (carried := found.carried) is not None:
        yield Heading(2, f"On {Path(found.tuning.target).name}")
        yield table_of(carried.table())
        yield from map(Paragraph, carried.notes)
    yield from health_blocks(each.curves[0] for each in found.studies)


CAPTION = (
    "Validation loss after training over learning rates: mean over seeds with 95 % intervals. Dotted: the best rate, "
    "the lowest point of a parabola in logarithms; shaded: its 95 % interval over seeds."
)


def tuning_json(found: Tuned) -> dict[str, Any]:
    """The answer as plain data."""
    plan, carried, slope = found.tuning.plans[-1], found.carried, found.slope
    measured = None if slope is None else {"measured": plain_numbers(slope.slope), "ci": plain_numbers(slope.interval)}
    widths = found.tuning.widths or (None,)
    return {
        "scheme": found.curves.scheme,
        "optimizer": scheme_called(plan.schemes[0]).optimizer.name,
        "task": TASKS[plan.experiment],
        "rate": plain_numbers(found.rate) if found.rate is not None else None,
        "ci": None if found.interval is None else plain_numbers(found.interval),
        "reason": found.shortfall,
        "exponent": None if measured is None else {**measured, "predicted": found.predicted},
        "studies": [
            {"width": width, **curves_json(each.curves[0], _best(each))}
            for width, each in zip(widths, found.studies, strict=True)
        ],
        "carried": None if carried is None else carried.json(),
        "plan": plan_json(plan),
        "facts": dict(found.studies[-1].facts),
    }


TASKS = {ROBERTA: "classification", LLAMA: "language modelling"}


def _best(one: LanguageStudy) -> int:
    """The place of the best rate of the grid: by the loss, also of a classifier, as the best rate in between is."""
    return one.curves[0].best(is_by_share=False)


def _rates_table(one: LanguageStudy) -> list[tuple[str, ...]]:
    """Validation loss and test score over the rates of one study, with a mark at the best rate of the grid."""
    curves, best = one.curves[0], _best(one)
    is_sound = np.asarray(curves.health == Health.SOUND)
    sound = is_sound.sum(axis=1)
    rows: list[tuple[str, ...]] = [("rate", "validation loss", one.score_name, "sound runs")]
    for k, rate in enumerate(np.exp2(curves.log2_rate)):
        cells = [_mean(each[k][is_sound[k]]) for each in (curves.validation_loss, one.score(curves))]
        mark = "  *" if k == best and sound[k] else ""
        rows.append((f"{rate:.3g}", *cells, f"{sound[k]} of {one.plan.seeds}{mark}"))
    return rows


def _mean(values: Array) -> str:
    """The mean over sound runs, with half of its interval where there are several."""
    if len(values) < 2:
        return f"{values[0]:.4g}" if len(values) else "\N{EN DASH}"
    mean, half = mean_and_half_width(values)
    return f"{mean:.4g} \N{PLUS-MINUS SIGN} {half:.2g}"


def _widths_table(found: Tuned) -> list[tuple[str, ...]]:
    """The best rate at each width of a family."""
    rows: list[tuple[str, ...]] = [("width", "best rate", "95 % interval")]
    for width, one in zip(found.tuning.widths, found.studies, strict=True):
        curves = one.curves[0]
        low, high = _interval(curves)
        known = not shortfall(curves)
        cells = (f"{2.0**curves.optimum.mean:.3g}", f"{low:.2g} to {high:.2g}") if known else ("unknown", "")
        rows.append((str(width), *cells))
    return rows


def _figure(found: Tuned) -> Figure:
    """Validation loss over rates, one line a width."""
    figure, (panel,) = axes_grid("The best learning rate", 1, 1, SIZE)
    for k, one in enumerate(found.studies):
        curves, stroke = one.curves[0], STROKES[k % len(STROKES)]
        mean, half = mean_and_half_width(np.where(curves.health == Health.SOUND, curves.validation_loss, np.nan))
        name = f"width {found.tuning.widths[k]}" if len(found.studies) > 1 else curves.scheme
        panel.errorbar(np.exp2(curves.log2_rate), mean, half, label=name, **stroke)
        if not shortfall(curves):
            low, high = _interval(curves)
            panel.axvline(2.0**curves.optimum.mean, color=stroke["color"], linestyle="dotted")
            if math.isfinite(low) and math.isfinite(high):
                panel.axvspan(low, high, color=stroke["color"], alpha=0.1, linewidth=0)
    label_axes(panel, "learning rate", "validation loss", f"{found.curves.scheme}, {found.tuning.plans[0].seeds} seeds")
    logarithmic(panel, "x")
    return figure

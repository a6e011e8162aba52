"""Both initialisations over a grid of rates and all seeds: what is trained, kept, and read off.

A scheme's grid is made longer, an octave at a time, while some seed has its lowest loss at the grid's end: the optimum
may lie beyond. Runs land in a store, and the same study does only what is missing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gamma_calc.errors import BadInput
from gamma_calc.experiment.study import Asking, Study, finish
from gamma_calc.experiment.sweep_plan import MOST_RUNS
from gamma_calc.experiment.sweep_run import Planned, available_memory, check_workers
from gamma_calc.huggingface.language.data import data_path
from gamma_calc.huggingface.language.model_source import ModelSource, model_source
from gamma_calc.huggingface.language.run import LanguageRun, initialise, optimizer_at, scheme_called
from gamma_calc.huggingface.language.settings import ROBERTA, Plan
from gamma_calc.huggingface.language.task import run_memory, task
from gamma_calc.simulation.devices import one_thread
from gamma_calc.simulation.optima import Health, OptimalRate, optimal_rate, run_health
from gamma_calc.simulation.program_sizes import Progress
from gamma_calc.simulation.store import Array, Arrays, Store

REACH = 2.25
"""Octaves about the lowest loss to which the optimum is fitted: five points of a grid of octaves."""

LONGEST_EXTENSION = 3
"""How often a grid is made longer at either end."""


@dataclass(frozen=True, slots=True)
class Curves:
    """One initialisation over rates and seeds, after training.

    Shapes: log2_rate [L] increasing; validation_loss, test_loss, validation_right, test_right [L, S]; initial_loss,
    the validation loss before training, [L, S]; steps [T]; Z_A, Z_B [L, S, T, adapters].
    """

    scheme: str
    log2_rate: Array
    initial_loss: Array
    validation_loss: Array
    test_loss: Array
    validation_right: Array
    test_right: Array
    steps: Array
    Z_A: Array
    Z_B: Array

    @property
    def health(self) -> NDArray[np.object_]:
        """What became of each run, [L, S]."""
        return run_health(self.initial_loss, self.validation_loss, np.nan_to_num(self.Z_B[:, :, -1], nan=1.0).max(-1))

    @property
    def optimum(self) -> OptimalRate:
        """Each seed's rate with the lowest validation loss."""
        return optimal_rate(self.log2_rate, self.validation_loss, np.asarray(self.health == Health.SOUND), REACH)

    def best(self, is_by_share: bool) -> int:
        """The rate of the grid at which a scheme is compared: the best on the validation part, mean over seeds.

        Of the rates at which most runs are sound, and over these runs. By the share of right predictions, the lower
        loss deciding a tie; or by the loss.
        """
        is_sound = np.asarray(self.health == Health.SOUND)
        found = is_sound.sum(axis=1)
        loss, share = (
            np.where(is_sound, each, 0.0).sum(axis=1) / np.maximum(found, 1)
            for each in (self.validation_loss, self.validation_right)
        )
        return min(range(len(loss)), key=lambda k: (-found[k], -share[k] if is_by_share else 0.0, loss[k]))


@dataclass(frozen=True, slots=True)
class LanguageStudy:
    """All that was measured; `curves` in the order of the plan's schemes."""

    plan: Plan
    facts: tuple[tuple[str, str], ...]
    curves: tuple[Curves, ...]
    seconds: float
    workers: int

    @property
    def is_classification(self) -> bool:
        """Whether the score is accuracy; else it is perplexity."""
        return self.plan.experiment == ROBERTA

    @property
    def score_name(self) -> str:
        """What the score on the test part is called."""
        return "test accuracy, %" if self.is_classification else "test perplexity"

    def score(self, curves: Curves) -> Array:
        """That of each run of a scheme."""
        with np.errstate(over="ignore", invalid="ignore"):  # of runs that diverged
            return np.asarray(100 * curves.test_right if self.is_classification else np.exp(curves.test_loss))

    def best(self, curves: Curves) -> int:
        """The place of a scheme's best rate on its grid."""
        return curves.best(self.is_classification)


@dataclass(frozen=True, slots=True)
class Prepared:
    """An experiment whose model and data are at hand.

    Args:
        facts: what a reader of the page wants to know of them.
        digest: of the data.
    """

    plan: Plan
    source: ModelSource
    facts: tuple[tuple[str, str], ...]
    digest: str


def prepared(plan: Plan, *, workers: int = 1) -> Prepared:
    """Load, or build, the model of an experiment and read its data, before anything is written.

    Raises:
        BadInput: the model or the data cannot be had, or do not go together; or the memory of this machine is not
            enough for that many workers.
    """
    a_seed = len(plan.schemes) * len(plan.log2_rates)
    if a_seed * plan.seeds > MOST_RUNS:
        expected = f"at most {MOST_RUNS // a_seed} with {len(plan.log2_rates)} rates"
        raise BadInput("--seeds", found=str(plan.seeds), expected=expected)
    data_path(plan.data, have_labels=plan.experiment == ROBERTA)
    source = ModelSource(plan.model) if plan.building.config else model_source(plan.model)
    check_workers({f"a run with the model {plan.model}": run_memory(plan, source)}, available_memory(), workers)
    with one_thread():  # as in a worker: the same weights, to the last digit
        ready = task(plan, source)
        for scheme in plan.schemes:  # what a run would refuse is refused before the first one
            initialise(ready.model, scheme, 0)
            optimizer_at(ready, plan.training, scheme, 2.0 ** plan.log2_rates[0])
    return Prepared(plan, source, tuple(ready.facts.items()), ready.digest)


def study(ready: Prepared, store: Store, *, workers: int = 1, progress: Progress | None = None) -> LanguageStudy:
    """Carry out an experiment, or what of it is missing in a store.

    Args:
        workers: processes of one thread, each with a model of its own; with one, everything runs in this process.
    """
    start = time.monotonic()
    if workers > 1:
        task.cache_clear()  # each worker has one; this process needs none
    plan, run = ready.plan, partial(LanguageRun, ready.plan, ready.source, ready.digest)
    work = len(plan.log2_rates) * plan.seeds
    grids = [Study(_grid(scheme, plan, run), work) for scheme in plan.schemes]
    finish(grids, store, workers=workers, progress=progress)
    curves = tuple(each.found for each in grids if each.found is not None)
    return LanguageStudy(plan, ready.facts, curves, time.monotonic() - start, workers)


def _grid(scheme: str, plan: Plan, run: partial[LanguageRun]) -> Asking[Curves]:
    """One scheme on a grid that is made longer, an octave at a time, while its end may not hold the optimum."""
    rates = tuple(float(each) for each in plan.log2_rates)
    found = _collected(scheme, rates, (yield _runs(scheme, rates, plan.seeds, run)))
    for _ in range(LONGEST_EXTENSION):
        below, above = (_is_lowest(found, end) for end in (0, -1))
        if not (below or above):
            break
        rates = (*[rates[0] - 1] * below, *rates, *[rates[-1] + 1] * above)
        found = _collected(scheme, rates, (yield _runs(scheme, rates, plan.seeds, run)))
    return found


def _runs(scheme: str, rates: Sequence[float], seeds: int, run: partial[LanguageRun]) -> list[Planned]:
    found, meant = [], scheme_called(scheme)
    for rate in rates:
        for seed in range(seeds):
            each = run(scheme, rate, seed)
            of_it = range(seed, seed + 1)
            width = each.plan.building.width if each.source.is_built else 0
            found.append(Planned(meant.name, meant.optimizer.name, width, (2.0**rate,), of_it, each, each.parameters))
    return found


def _collected(scheme: str, rates: Sequence[float], arrays: Sequence[Arrays]) -> Curves:
    def grid(name: str, place: int | None = None) -> Array:
        rows = np.stack([each[name] if place is None else each[name][place] for each in arrays])
        return np.asarray(rows.reshape(len(rates), -1, *rows.shape[1:]))

    return Curves(
        scheme_called(scheme).name,
        np.array(rates),
        grid("validation_loss", 0),
        grid("validation_loss", 1),
        grid("test_loss", 1),
        grid("validation_right", 1),
        grid("test_right", 1),
        arrays[0]["steps"],
        grid("Z_A"),
        grid("Z_B"),
    )


def _is_lowest(found: Curves, end: int) -> bool:
    """Whether some seed has its lowest loss at an end of the grid, where it is still sound."""
    sound = np.where(found.health == Health.SOUND, found.validation_loss, np.inf)
    return bool((np.isfinite(sound[end]) & (sound.argmin(axis=0) == np.arange(len(sound))[end])).any())

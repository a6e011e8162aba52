"""From a sweep to its runs: the symbolic work once, then one run a scheme, width, block of seeds and block of rates.

Blocks depend on the sweep alone, never on the machine, so that a sweep resumed elsewhere has the same runs. A sweep
with more seeds keeps its full blocks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from types import MappingProxyType

from gamma_calc.errors import BadInput
from gamma_calc.experiment.prediction import at_largest_rate
from gamma_calc.experiment.setup import BALANCED, Settings, network_experiment, network_prefactor, size_of
from gamma_calc.experiment.sweep_file import Sweep
from gamma_calc.experiment.sweep_run import NetworkRun, Planned, Run, StudentRun, parameters
from gamma_calc.program.axes import Axis
from gamma_calc.program.models import EXTRA, FACTOR_DEFAULTS, RANK, check_module
from gamma_calc.program.problem import Problem
from gamma_calc.program.scheme import INITIAL, RATES, Scheme
from gamma_calc.program.selection import Values
from gamma_calc.simulation.devices import resolved_device
from gamma_calc.simulation.program_sizes import ProgramExperiment
from gamma_calc.simulation.student_data import StudentConfiguration

MOST_RUNS = 10**6
RATES_TOGETHER = 16
"""Rates that share the reading of the frozen part; more gain nothing and make a run longer."""

ENTRIES_A_RUN = 10 * 2**21
"""Entries of parameters, over seeds, rates and steps, that a run of a network updates: about a second of one thread."""


def planned_runs(sweep: Sweep) -> tuple[Planned, ...]:
    """The runs of a sweep, each once.

    Raises:
        BadInput: a scheme has no such experiment, its rates cannot be chosen, or there are too many runs.
        Unknown: the largest stable rate of a scheme is not known.
    """
    block, run = KINDS[sweep.experiment]
    device = resolved_device("auto", sweep.dtype).type if sweep.device == "auto" else sweep.device
    sweep = replace(sweep, device=device)
    cells = [
        (setting, width, *block(setting, width, sweep))
        for setting in [_setting(scheme, sweep) for scheme in sweep.schemes]
        for width in sweep.widths
    ]
    count = sum(
        math.ceil(sweep.seeds / seeds) * math.ceil(len(setting.rates) / rates) for setting, _, seeds, rates in cells
    )
    if count > MOST_RUNS:
        raise BadInput(f"the sweep has {count} runs, and the most is {MOST_RUNS}: make the grid or the seeds fewer")
    found: dict[str, Planned] = {}
    for setting, width, seeds_a_run, rates_a_run in cells:
        for first in range(0, len(setting.rates), rates_a_run):
            rates = setting.rates[first : first + rates_a_run]
            for start in range(0, sweep.seeds, seeds_a_run):
                seeds = range(start, min(start + seeds_a_run, sweep.seeds))
                work, scheme = run(setting, width, rates, seeds, sweep), setting.scheme
                one = Planned(scheme.name, scheme.optimizer.name, width, rates, seeds, work, parameters(work))
                found.setdefault(one.key, one)
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class Setting:
    """One scheme of a sweep with its rates, ready for any width; `experiment` has the sizes of its axes."""

    scheme: Scheme
    experiment: ProgramExperiment
    rates: tuple[float, ...]

    def rank_at(self, width: int) -> int:
        """How many coordinates the rank has."""
        return self.experiment.coordinates(Axis(RANK, self.scheme[RANK]), width)

    def number(self, key: str, width: int) -> float | None:
        """What stands for a key of the scheme at a width; None for zero."""
        power = size_of(self.scheme.exponents[key])
        return None if power is None else power.at(width, self.rank_at(width))


def _network_block(setting: Setting, width: int, sweep: Sweep) -> tuple[int, int]:
    setting.experiment.check_sizes(width)
    parameters = setting.experiment.program.parameters
    entries = sum(math.prod(setting.experiment.coordinates(axis, width) for axis in each.axes) for each in parameters)
    pairs = ENTRIES_A_RUN / (entries * sweep.steps)
    rates = sweep.rates_per_run or min(len(setting.rates), RATES_TOGETHER, max(1, math.floor(pairs)))
    # A power of two, so that a little more of a rate or a width seldom changes the blocks.
    seeds = 2 ** max(0, math.floor(math.log2(pairs / rates)))
    return sweep.seeds_per_run or min(seeds, 1024), rates


def _factors(sweep: Sweep, rates: tuple[float, ...], eta_a: float) -> tuple[float, ...]:
    """What each rate of a scheme is multiplied by, where that of A is eta_a at a width."""
    return tuple(rate / eta_a for rate in rates) if sweep.is_absolute else rates


def _network_run(setting: Setting, width: int, rates: tuple[float, ...], seeds: range, sweep: Sweep) -> Run:
    keys, experiment = setting.scheme.keys_of, setting.experiment
    of_a = (each for each in experiment.program.parameters if keys(each.name)[1] == RATES[0])
    eta_a = next((experiment.size(f"eta_{each.name}", each.learning_rate, width) for each in of_a), 1.0)
    return NetworkRun(
        scheme=replace(setting.scheme, name="scheme"),
        width=width,
        factors=_factors(sweep, rates, eta_a),
        first=seeds.start,
        count=len(seeds),
        steps=sweep.steps,
        rank=sweep.rank,
        batch=sweep.own["samples"],
        is_absolute=sweep.is_absolute,
        seed=sweep.seed,
        dtype=sweep.dtype,
        device=sweep.device,
    )


def _student_block(setting: Setting, width: int, sweep: Sweep) -> tuple[int, int]:
    """One seed: its frozen part is what takes the memory, and drawing it is shared by the rates."""
    scheme = setting.scheme
    check_module(scheme.model, "the teacher-student experiment")
    for key in ("scale", "fan_out", "gradient", *EXTRA):
        if scheme.exponents.get(key) != FACTOR_DEFAULTS[key]:
            only = "leave it out" if FACTOR_DEFAULTS[key] is None else f"expected {FACTOR_DEFAULTS[key]}"
            raise BadInput(f"{scheme.name}: the teacher-student experiment takes no other {key}: {only}")
    if scheme.trained != frozenset(INITIAL):
        raise BadInput(f"{scheme.name}: the teacher-student experiment trains both A and B")
    if (sweep.seeds_per_run or 1) > 1:
        raise BadInput("seeds_per_run: the teacher-student experiment runs one seed at a time: leave it out")
    return 1, sweep.rates_per_run or min(len(setting.rates), RATES_TOGETHER)


def _student_run(setting: Setting, width: int, rates: tuple[float, ...], seeds: range, sweep: Sweep) -> Run:
    a, b, eta_a, eta_b = (setting.number(key, width) for key in (*INITIAL, *RATES))
    assert eta_a is not None and eta_b is not None
    factors = _factors(sweep, rates, eta_a)
    return StudentRun(
        StudentConfiguration(
            width=width,
            initial_A=a,
            initial_B=b,
            eta_A=tuple(factor * eta_a for factor in factors),
            eta_B=tuple(factor * eta_b for factor in factors),
            optimizer=setting.scheme.simple_step("the teacher-student experiment"),
            steps=sweep.steps,
            rank=setting.rank_at(width),
            dtype=sweep.dtype,
            device=sweep.device,
            # The seed draws the teacher too, so that an interval over seeds covers the choice of the teacher.
            seed=sweep.seed + seeds.start,
            **sweep.own,
        )
    )


KINDS = MappingProxyType({"probe": (_network_block, _network_run), "teacher-student": (_student_block, _student_run)})
"""Experiments by their names in a sweep file: how many seeds and rates a run takes at a width, and the run itself."""


def _setting(scheme: Scheme, sweep: Sweep) -> Setting:
    if isinstance(scheme.model, Problem):
        raise BadInput(f"{scheme.name}: a sweep takes networks that a spec can name, and this one is written in Python")
    scheme = replace(_without_rate(scheme) if sweep.is_absolute else at_largest_rate(scheme, _as_entry), between=())
    settings = Settings(steps=sweep.steps)
    experiment = network_experiment(scheme, settings, BALANCED, {RANK: sweep.rank})
    rates = sweep.rates or (float(network_prefactor(experiment.program)),)
    return Setting(scheme, experiment, rates)


def _as_entry(values: Values) -> str:
    """Values as a sweep file has them."""
    entries = ", ".join(f'{name} = "{value}"' for name, value in values.items())
    return f"at = {{ {entries} }}"


def _without_rate(scheme: Scheme) -> Scheme:
    """The scheme where its free rate is replaced by numbers: at 0, for only eta_B - eta_A counts then."""
    if not scheme.exponents.keys() >= {*RATES}:
        raise BadInput(
            f"{scheme.name}: `rates` are values of eta_A, and a {scheme.model.kind} has none: give prefactors"
        )
    ratios = [scheme[key] - scheme[RATES[0]] for key in scheme.trained_rates.values()]
    if scheme.free and (scheme.free != scheme.rates or any(each.free for each in ratios)):
        raise BadInput(
            f"{scheme.name}: {', '.join(scheme.free)} are free, and `rates` stand for a single free exponent that all"
            f" rates have alike; give the others: at = {{ {scheme.free[-1]} = ... }}"
        )
    return replace(scheme, between=()).at(dict.fromkeys(scheme.free, 0))

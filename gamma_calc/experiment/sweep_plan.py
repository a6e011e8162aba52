"""From a sweep to its runs: the symbolic work once, then one run a scheme, width, block of seeds and block of rates.

Blocks depend on the sweep alone, never on the machine, so that a sweep resumed elsewhere has the same runs. A sweep
with more seeds keeps its full blocks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from types import MappingProxyType

from gamma_calc.algebra import Affine
from gamma_calc.errors import BadInput
from gamma_calc.experiment.prediction import at_largest_rate
from gamma_calc.experiment.setup import chosen_prefactor, configuration
from gamma_calc.experiment.sweep_file import Sweep
from gamma_calc.experiment.sweep_run import Planned, ProbeRun, Run, StudentRun, parameters
from gamma_calc.program.models import EXTRA
from gamma_calc.program.scheme import RATES, Scheme
from gamma_calc.simulation.adapter_module import Shape
from gamma_calc.simulation.devices import resolved_device
from gamma_calc.simulation.probe import UNIT, Power, ProbeConfiguration
from gamma_calc.simulation.student_data import StudentConfiguration

MOST_RUNS = 10**6
RATES_TOGETHER = 16
"""Rates that share the reading of the frozen part; more gain nothing and make a run longer."""

ENTRIES_A_RUN = 2**21
"""Entries of one factor, over seeds, rates and steps, that a run of the probe updates: about a second of one thread."""


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
    """One scheme of a sweep with its rates, ready for any width.

    `ratio` is eta_B / eta_A where the rates are absolute, None where they are prefactors.
    """

    scheme: Scheme
    experiment: ProbeConfiguration
    rates: tuple[float, ...]
    ratio: Power | None

    def etas(self, shape: Shape, rates: tuple[float, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """The learning rates of A and of B."""
        n, r = shape.width, shape.rank
        if self.ratio is not None:
            return rates, tuple(rate * self.ratio.at(n, r) for rate in rates)
        eta_a, eta_b = self.experiment.eta_A.at(n, r), self.experiment.eta_B.at(n, r)
        return tuple(rate * eta_a for rate in rates), tuple(rate * eta_b for rate in rates)


def _probe_block(setting: Setting, width: int, sweep: Sweep) -> tuple[int, int]:
    shape = setting.experiment.shape_at(width)
    rates = sweep.rates_per_run or min(len(setting.rates), RATES_TOGETHER)
    entries = shape.rank * (shape.width + shape.out) * rates * sweep.steps
    # A power of two, so that a little more of a rate or a width seldom changes the blocks.
    seeds = 2 ** max(0, math.floor(math.log2(ENTRIES_A_RUN * 10 / entries)))
    return sweep.seeds_per_run or min(seeds, 1024), rates


def _probe_run(setting: Setting, width: int, rates: tuple[float, ...], seeds: range, sweep: Sweep) -> Run:
    each, shape = setting.experiment, setting.experiment.shape_at(width)
    training = each.training_at(shape, setting.etas(shape, rates), sweep.steps)
    where = (sweep.dtype, sweep.device)
    return ProbeRun(shape, each.sizes_at(shape), training, each.data, sweep.seed, seeds.start, len(seeds), *where)


def _student_block(setting: Setting, width: int, sweep: Sweep) -> tuple[int, int]:
    """One seed: its frozen part is what takes the memory, and drawing it is shared by the rates."""
    name, each = setting.scheme.name, setting.experiment
    fixed = {
        "scale": (each.scale, UNIT),
        "fan_out": (each.fan_out, Power(Fraction(1))),
        "gradient": (each.gradient, UNIT),
    }
    for key, (found, needed) in fixed.items():
        if found != needed:
            raise BadInput(f"{name}: the teacher-student experiment has {key} = {needed.width} only")
    for key in EXTRA:
        if setting.scheme.form(key) is not None:
            raise BadInput(f"{name}: the teacher-student experiment has no {key}: leave it out")
    if not (each.trains_A and each.trains_B):
        raise BadInput(f"{name}: the teacher-student experiment trains both A and B")
    if (sweep.seeds_per_run or 1) > 1:
        raise BadInput("seeds_per_run: the teacher-student experiment runs one seed at a time: leave it out")
    return 1, sweep.rates_per_run or min(len(setting.rates), RATES_TOGETHER)


def _student_run(setting: Setting, width: int, rates: tuple[float, ...], seeds: range, sweep: Sweep) -> Run:
    shape = setting.experiment.shape_at(width)
    sizes = setting.experiment.sizes_at(shape)
    eta_a, eta_b = setting.etas(shape, rates)
    return StudentRun(
        StudentConfiguration(
            width=width,
            initial_A=sizes.A,
            initial_B=sizes.B,
            eta_A=eta_a,
            eta_B=eta_b,
            optimizer=setting.experiment.optimizer,
            steps=sweep.steps,
            rank=shape.rank,
            dtype=sweep.dtype,
            device=sweep.device,
            # The seed draws the teacher too, so that an interval over seeds covers the choice of the teacher.
            seed=sweep.seed + seeds.start,
            **sweep.own,
        )
    )


KINDS = MappingProxyType({"probe": (_probe_block, _probe_run), "teacher-student": (_student_block, _student_run)})
"""Experiments by their names in a sweep file: how many seeds and rates a run takes at a width, and the run itself."""


def _setting(scheme: Scheme, sweep: Sweep) -> Setting:
    is_absolute = sweep.is_absolute
    scheme = _without_rate(scheme) if is_absolute else at_largest_rate(scheme)
    probe = {key: sweep.own[key] for key in ("data", "samples") if key in sweep.own}
    experiment = replace(configuration(scheme), base_rank=sweep.rank, **probe)
    a, b = experiment.eta_A, experiment.eta_B
    ratio = Power(b.width - a.width, b.rank - a.rank) if is_absolute else None
    rates = sweep.rates or (float(chosen_prefactor(scheme)),)
    return Setting(scheme, experiment, rates, ratio)


def _without_rate(scheme: Scheme) -> Scheme:
    """The scheme where its free rate is replaced by numbers: at 0, for only eta_B - eta_A counts then."""
    eta_a, eta_b = (scheme[key] for key in RATES)
    if scheme.free and (scheme.free != scheme.rates or (eta_b - eta_a).free):
        raise BadInput(
            f"{scheme.name}: {', '.join(scheme.free)} are free, and `rates` stand for a single free rate of A and B"
            f" only; give the others: at = {{ {scheme.free[-1]} = ... }}"
        )
    return replace(scheme, between=()).at({name: Affine.of(0) for name in scheme.free})

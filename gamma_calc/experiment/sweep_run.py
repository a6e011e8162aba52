"""The runs of a sweep: what each kind of experiment does in one piece of work, and the key that stands for it.

A run is frozen data that a worker on another machine can be sent. All of its fields, and the version of the kernels,
go into its key and nothing else does: a name that a scheme is given is no part of what it measures. Whether runs fit
where they are to be carried out is asked before the first one starts.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import FunctionType, MappingProxyType
from typing import Any, Protocol

import numpy as np

from gamma_calc.algebra import Affine
from gamma_calc.errors import BadInput
from gamma_calc.experiment.setup import BALANCED, PREFACTORS, Settings, network_experiment
from gamma_calc.program.scheme import Scheme
from gamma_calc.simulation.program_sizes import MEMORY_BOUND, ProgramExperiment, sizes_at_rates
from gamma_calc.simulation.store import Arrays
from gamma_calc.simulation.student_data import StudentConfiguration
from gamma_calc.simulation.student_plain import RECORDED
from gamma_calc.simulation.teacher_student import run_memory, teacher_student

KERNELS = 1
"""Raised when the numbers that some run gives change: results of earlier kernels are then made anew."""

LATER: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "StudentConfiguration": {"momentum": 0.0, "first": 0},
        "LanguageTraining": {"ratio": 1.0},
        "Building": {"config": ""},
    }
)
"""Fields that came after results had been kept, with the value that all runs had until then: at that value a field is
left out of a key, so that those results are still found."""

RENAMED: Mapping[str, str] = MappingProxyType({"LanguageTraining": "Training"})
"""Classes with the names that they have in keys, which are those of the first results."""


NAMED_FUNCTION = "a function defined by def at the top of a module's file: its text stands for it in the key of the run"


class Run(Protocol):
    """One piece of work of a sweep: frozen, and able to travel to a worker."""

    @property
    def memory(self) -> int:
        """Bytes that the run needs beside the program itself."""

    @property
    def device(self) -> str:
        """Where it computes: "cpu", or the kind of an accelerator, whose own memory it then needs."""

    def measured(self) -> Arrays:
        """What the run measures, by name."""


@dataclass(frozen=True, slots=True)
class NetworkRun:
    """A network at one width, for some learning rates and the seeds first, first + 1, ...

    `factors` [L] are what each rate of the scheme is multiplied by; `rank` and `batch` are how many coordinates those
    axes have, at width 1 where they grow. Where rates are absolute, their exponents say nothing of a decay beside them.

    Shapes: each array measured [L, S]; what is zero in every run has none.
    """

    scheme: Scheme
    width: int
    factors: tuple[float, ...]
    first: int
    count: int
    steps: int
    rank: int
    batch: int
    seed: int
    dtype: str
    device: str
    is_absolute: bool

    @property
    def experiment(self) -> ProgramExperiment:
        """The runs at the scheme's own rates."""
        settings = Settings((self.width,), self.count, self.steps, self.device, self.dtype, seed=self.seed)
        found = network_experiment(self.scheme, settings, BALANCED, {"rank": self.rank, "batch": self.batch})
        decays = {name: float(PREFACTORS["decay"]) for name in found.prefactors if name.startswith("lambda_")}
        return replace(found, prefactors={**found.prefactors, **decays}) if self.is_absolute else found

    @property
    def memory(self) -> int:
        """Those of as many runs as are trained together."""
        one = len(self.factors) * self.experiment.memory_at(self.width)
        return max(one, min(MEMORY_BOUND, self.count * one))

    def measured(self) -> Arrays:
        """The mean square of every term of every quantity after every step, and which runs cannot be trusted."""
        found = sizes_at_rates(self.experiment, self.factors, self.first)
        names = {key: f"{key[0]} {' '.join((key[1], *(key[2] or ())))}" for key in found.mean_square}
        flags = {"diverged": found.diverged, "underflowed": found.underflowed}
        squares = {names[key]: each[0] for key, each in found.mean_square.items()}
        return {**squares, **{name: each[0].astype(np.float64) for name, each in flags.items()}}


@dataclass(frozen=True, slots=True)
class StudentRun:
    """Teacher and student of one seed at one width, for some learning rates.

    Shapes: each array measured [T, L, S].
    """

    configuration: StudentConfiguration

    @property
    def device(self) -> str:
        """The device of the configuration."""
        return self.configuration.device

    @property
    def work(self) -> int:
        """About how much there is to do, in entries updated."""
        each = self.configuration
        return each.width * each.points * each.steps * len(each.eta_A)

    @property
    def memory(self) -> int:
        """That of a student with its rates, on this machine."""
        return run_memory(self.configuration)

    def measured(self) -> Arrays:
        """Losses, and root mean squares of features, at each recorded step."""
        found = teacher_student(self.configuration)
        return {name: getattr(found, name).double().cpu().numpy() for name in RECORDED}


@dataclass(frozen=True, slots=True)
class Planned:
    """A run with its place in the sweep and its key.

    `rates` are what the sweep calls them: prefactors, or values of eta_A. `work` is how much there is to do, beside
    other runs of a study.
    """

    scheme: str
    optimizer: str
    width: int
    rates: tuple[float, ...]
    seeds: range
    run: Run
    parameters: str
    work: int = 1

    @property
    def key(self) -> str:
        """A hash of the parameters: what the run is kept under."""
        return hashlib.sha256(self.parameters.encode()).hexdigest()

    @property
    def label(self) -> str:
        """The place in the sweep, as JSON."""
        return json.dumps(
            {
                "scheme": self.scheme,
                "optimizer": self.optimizer,
                "width": self.width,
                "rates": list(self.rates),
                "seeds": [self.seeds.start, self.seeds.stop - 1],
            }
        )

    def __str__(self) -> str:
        rates = " to ".join(f"{rate:.4g}" for rate in dict.fromkeys((self.rates[0], self.rates[-1])))
        seeds = " to ".join(str(seed) for seed in dict.fromkeys((self.seeds[0], self.seeds[-1])))
        return f"{self.scheme} under {self.optimizer}, n = {self.width}, rates {rates}, seeds {seeds}"


def parameters(run: Run, **beside: str) -> str:
    """Everything that determines a run, as JSON: the same text for the same run, on every machine.

    Args:
        beside: what else its key is to stand for, such as the loops that compute it.
    """
    return json.dumps({"kernels": KERNELS, "run": plain(run), **beside}, sort_keys=True, separators=(",", ":"))


def plain(value: Any) -> Any:
    """A value made of frozen dataclasses, rationals and tuples as plain JSON data, with no two values the same.

    Raises:
        BadInput: a function is not of the top of a module, so that others that go by other values have its name.
        TypeError: a part has no such form; leaving it out would give different runs one key.

    >>> plain((Fraction(1, 2), None))
    ['1/2', None]
    """
    if isinstance(value, Fraction | Affine):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        kind = type(value).__name__
        before = LATER.get(kind, {})
        found = {field.name: getattr(value, field.name) for field in fields(value)}
        return {
            "is": RENAMED.get(kind, kind),
            **{name: plain(each) for name, each in found.items() if name not in before or each != before[name]},
        }
    if isinstance(value, FunctionType):
        return _function(value)
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    if isinstance(value, frozenset):
        return sorted(plain(each) for each in value)
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise TypeError(f"{type(value).__name__} has no plain form.")


def _function(value: FunctionType) -> str:
    """Its name; one of someone's own has its text beside that, for which `KERNELS` does not stand."""
    found = value.__qualname__
    try:
        source = inspect.getsource(value)
    except (OSError, TypeError):
        raise BadInput("the update rule of a run that is kept", found=found, expected=NAMED_FUNCTION) from None
    if found != value.__name__ or not found.isidentifier():
        raise BadInput("the update rule of a run that is kept", found=found, expected=NAMED_FUNCTION)
    is_ours = value.__module__.partition(".")[0] == __name__.partition(".")[0]
    return found if is_ours else f"{found} {hashlib.sha256(source.encode()).hexdigest()}"


PROGRAM = 2**28
"""Bytes that the program itself takes with its libraries: about a quarter of a GiB."""

ADVICE = "take smaller sizes, fewer workers or a larger machine"
OF_A_SWEEP = "take fewer workers (spawn:1), a smaller rates_per_run, seeds_per_run or width, or a larger machine"


def check_memory(runs: Sequence[Planned], available: int | None, device: int | None = None) -> None:
    """See that the largest of some runs fits into the memory that one run may take.

    Args:
        available: bytes on the machine, None where that is not known.
        device: bytes on the accelerator, of which those runs need as much that compute there.
    """
    on_device = [run for run in runs if run.run.device != "cpu"]
    for some, memory, where in ((runs, available, " for each"), (on_device, device, " for each on the device")):
        if memory is not None:
            needs = {f"width {run.width}": run.run.memory for run in sorted(some, key=lambda run: run.run.memory)}
            check_fit(needs, memory, where, OF_A_SWEEP)


def check_network(experiment: ProgramExperiment, available: int | None) -> None:
    """See that an experiment at several widths, of which one run is in memory at a time, fits at the largest."""
    for width in experiment.widths:
        experiment.check_sizes(width)
    check_fit({f"width {width}": experiment.memory_at(width) for width in experiment.widths}, available)


def check_workers(needs: Mapping[str, int], available: int | None, workers: int) -> None:
    """See that as many runs as there are workers fit side by side; as `check_fit`."""
    share = None if available is None else available // workers
    check_fit(needs, share, f" for each of {workers} workers" if workers > 1 else "")


def check_fit(needs: Mapping[str, int], available: int | None, where: str = "", advice: str = ADVICE) -> None:
    """See that what needs most fits, with the program beside it.

    Args:
        needs: bytes by what needs them.
        available: bytes that there are, None where that is not known; `where` says for what.
    """
    fits = [name for name, needed in needs.items() if available is None or needed + PROGRAM <= available]
    if available is None or len(fits) == len(needs):
        return
    largest = max(needs, key=lambda name: needs[name])
    hint = f"{max(fits, key=lambda name: needs[name])} fits; " if fits else ""
    raise BadInput(
        f"{largest} needs about {_gibibytes(needs[largest] + PROGRAM)}, and there are {_gibibytes(available)}{where}:"
        f" {hint}{advice}"
    )


def available_memory(root: Path = Path("/")) -> int | None:
    """Bytes that can still be taken on this machine, within the limit of its container; None where it does not say."""
    found = [bytes_ for bytes_ in (_free(root), _left_in_container(root)) if bytes_ is not None]
    return min(found, default=None)


def _free(root: Path) -> int | None:
    try:
        for line in (root / "proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return None
    except OSError:
        # Elsewhere the physical memory is an upper bound.
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else None


def _left_in_container(root: Path) -> int | None:
    group = root / "sys/fs/cgroup"
    try:
        limit, used = ((group / name).read_text().strip() for name in ("memory.max", "memory.current"))
    except OSError:
        return None
    return None if limit == "max" else max(0, int(limit) - int(used))


def _gibibytes(count: int) -> str:
    return f"{count / 2**30:.3g} GiB"

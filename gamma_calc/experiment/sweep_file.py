"""Reading a sweep from a TOML file: which schemes, at which widths and rates, over how many seeds.

    experiment = "probe"             # probe | teacher-student
    schemes = ["init-a", "mine.toml", { name = "own", exponents = { A = "-1", ... } }]
    optimizers = ["adam", "sgd"]     # each scheme under each; left out, each scheme's own
    at = { rho = "1/2" }             # exact values of free exponents
    widths = [128, 256, 512]
    prefactors = [1, "1/2", 0.25]    # k in eta = k n^exponent; a single free rate takes its largest stable exponent
    seeds = 16
    steps = 4

In place of `prefactors`, `rates` are values of eta_A itself, and eta_B is n^(eta_B - eta_A) times as large. Either is
a list, or a grid { from = 1e-4, to = 1e-1, per_octave = 2 }.

The probe trains any network that a spec can name, under a loss that is linear but for a `feedback`, and takes
`samples` beside these; the student `points`, `record_every`, `weight_decay` (decoupled) and `momentum` (a heavy ball,
in front of a step that has no memory of its own), both of them 0 where they are left out.

`rank` is that of an adapter, at width 1 where it grows; `seed`, `dtype` and `device` are as in `crosscheck`. A number
that an exponent stands for has the factor 1, a momentum's 1/2, and a decay's 1/16, or 16 where eta lambda grows.

`seeds_per_run` and `rates_per_run` set what is computed in one piece; left out, pieces of about a second are made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gamma_calc.errors import BadInput, named_in
from gamma_calc.experiment.setup import MOST_WIDTHS, RANK_AT_ONE
from gamma_calc.experiment.sweep_values import (
    MOST,
    Reader,
    exact_values,
    grid,
    listed,
    not_negative,
    refused,
    word,
)
from gamma_calc.numbers import LARGEST_WIDTH, whole_number
from gamma_calc.program.optimizers import named_optimizer
from gamma_calc.program.problem_file import is_place
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.selection import selected
from gamma_calc.program.spec_file import check_names, scheme_from, scheme_from_table, toml_file
from gamma_calc.simulation.axis_sizes import FIXED
from gamma_calc.simulation.devices import DEVICES, DTYPES
from gamma_calc.simulation.student_data import STUDENT_RANK, TRAINING_POINTS

REQUIRED = ("experiment", "schemes", "widths", "seeds", "steps")


@dataclass(frozen=True, slots=True)
class Sweep:
    """All that a sweep file says; each scheme stands under each optimiser, at the given values.

    `rates` are prefactors k in k n^exponent, or absolute values of eta_A; none for the one prefactor that suits each
    scheme's optimiser.
    """

    experiment: str
    schemes: tuple[Scheme, ...]
    widths: tuple[int, ...]
    rates: tuple[float, ...]
    is_absolute: bool
    seeds: int
    steps: int
    rank: int
    dtype: str
    device: str = "auto"
    seed: int = 0
    seeds_per_run: int | None = None
    rates_per_run: int | None = None
    own: Mapping[str, Any] = field(default_factory=dict)


def sweep_from_file(path: Path) -> Sweep:
    """The sweep written in a TOML file of at most 64 KiB; paths of schemes in it start from its folder.

    Raises:
        BadInput: it cannot be read or is not a sweep; the message names the file, the key and what was found.
    """
    document = toml_file(path, "a TOML file with a sweep")
    with named_in(path):
        return _sweep(document, path.parent)


def _sweep(document: Mapping[str, Any], folder: Path) -> Sweep:
    _check_present(document, ("experiment",))
    kind = word(EXPERIMENTS, "experiment", document["experiment"])
    own, defaults = EXPERIMENTS[kind]
    readers: Mapping[str, Reader] = {**COMMON, **own}
    check_names("the top level", document, ("experiment", *readers))
    _check_present(document, REQUIRED)
    found = {**defaults, **{key: read(key, document[key]) for key, read in readers.items() if key in document}}
    if "prefactors" in found and "rates" in found:
        raise BadInput("prefactors and rates: both are given; expected one of them")
    return Sweep(
        experiment=kind,
        schemes=_schemes(found, folder),
        rates=found.get("rates", found.get("prefactors", ())),
        is_absolute="rates" in found,
        own={key: found[key] for key in own},
        **{key: found[key] for key in _AS_THEY_ARE if key in found},
    )


def _check_present(document: Mapping[str, Any], keys: Iterable[str]) -> None:
    for key in keys:
        if key not in document:
            raise BadInput(f"the key {key} is missing; a sweep needs {', '.join(REQUIRED)}")


def _schemes(found: Mapping[str, Any], folder: Path) -> tuple[Scheme, ...]:
    given = [_scheme(entry, number, folder) for number, entry in enumerate(found["schemes"], start=1)]
    optimizers = found.get("optimizers")
    schemes = [each.under(name) for each in given for name in optimizers] if optimizers else given
    names = [(scheme.name, scheme.optimizer.name) for scheme in schemes]
    for name in names:
        if names.count(name) > 1:
            raise BadInput(f"schemes: {name[0]} under {name[1]} stands there twice; give one another name")
    return selected(schemes, at=found.get("at"))


def _scheme(entry: str | Mapping[str, Any], number: int, folder: Path) -> Scheme:
    with named_in(f"schemes: entry {number}"):
        if not isinstance(entry, str):
            return scheme_from_table(entry, default_name=f"scheme {number}")
        if is_place(entry):
            raise BadInput(f"{entry}: a sweep takes networks that a spec can name, and this one is written in Python")
        is_path = entry.endswith(".toml") or "/" in entry or "\\" in entry
        return scheme_from(str(folder / entry) if is_path else entry)


def _widths(key: str, value: Any) -> tuple[int, ...]:
    return tuple(sorted(listed(partial(whole_number, least=2, most=LARGEST_WIDTH), key, value, most=MOST_WIDTHS)))


def _entry(key: str, value: Any) -> str | Mapping[str, Any]:
    if not isinstance(value, str | Mapping):
        raise refused(key, value, "a name of the catalogue, the path of a TOML file, or a table with a scheme")
    return value


def _optimizer(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise refused(key, value, "the name of an optimiser")
    return named_optimizer(value).name


_count = partial(whole_number, least=1, most=MOST)
COMMON: Mapping[str, Reader] = MappingProxyType(
    {
        "schemes": partial(listed, _entry),
        "optimizers": partial(listed, _optimizer),
        "at": exact_values,
        "widths": _widths,
        "prefactors": grid,
        "rates": grid,
        "seeds": _count,
        "seed": partial(whole_number, least=0, most=2**63 - 1),
        "steps": _count,
        "rank": partial(whole_number, least=1, most=2**16),
        "dtype": partial(word, tuple(DTYPES)),
        "device": partial(word, DEVICES),
        "seeds_per_run": _count,
        "rates_per_run": _count,
    }
)
"""How the keys of every sweep are read."""

_AS_THEY_ARE = ("widths", "seeds", "seed", "steps", "rank", "dtype", "device", "seeds_per_run", "rates_per_run")


EXPERIMENTS: Mapping[str, tuple[Mapping[str, Reader], Mapping[str, Any]]] = MappingProxyType(
    {
        "probe": (
            {"samples": _count},
            {"dtype": "float64", "rank": RANK_AT_ONE, "samples": FIXED},
        ),
        "teacher-student": (
            {"points": _count, "weight_decay": not_negative, "momentum": not_negative, "record_every": _count},
            {
                **{"dtype": "float32", "rank": STUDENT_RANK, "points": TRAINING_POINTS},
                **{"weight_decay": 0.0, "momentum": 0.0, "record_every": 1},
            },
        ),
    }
)
"""The experiments that a sweep can be made of: the readers of the keys that each adds, and its defaults."""

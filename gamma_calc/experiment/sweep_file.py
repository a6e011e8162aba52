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

`seeds_per_run` and `rates_per_run` set what is computed in one piece; left out, pieces of about a second are made.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gamma_calc.errors import BadInput, nearest, quoted
from gamma_calc.program.optimizers import named_optimizer
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.selection import selected
from gamma_calc.program.spec_file import scheme_from, scheme_from_table
from gamma_calc.simulation.devices import DEVICES, DTYPES
from gamma_calc.simulation.sampling import BASE_RANK, BATCH, DATA
from gamma_calc.simulation.student_data import STUDENT_RANK, TRAINING_POINTS

LARGEST_FILE = 64 * 1024
LARGEST_WIDTH = 2**24
REQUIRED = ("experiment", "schemes", "widths", "seeds", "steps")
MOST = 10**6
"""Of seeds, of steps, of values in a grid: more is a slip of the keyboard."""


@dataclass(frozen=True, slots=True)
class Rates:
    """The learning rates of a sweep: prefactors k in k n^exponent, or absolute values of eta_A.

    No values: the one prefactor that suits each scheme's optimiser.
    """

    values: tuple[float, ...] = ()
    is_absolute: bool = False


@dataclass(frozen=True, slots=True)
class Sweep:
    """All that a sweep file says; each scheme stands under each optimiser, at the given values."""

    experiment: str
    schemes: tuple[Scheme, ...]
    widths: tuple[int, ...]
    rates: Rates
    seeds: int
    steps: int
    rank: int
    dtype: str
    device: str = "auto"
    seed: int = 0
    seeds_per_run: int | None = None
    rates_per_run: int | None = None
    own: Mapping[str, Any] = field(default_factory=dict)


Reader = Callable[[str, Any], Any]


def sweep_from_file(path: Path) -> Sweep:
    """The sweep written in a TOML file of at most 64 KiB; paths of schemes in it start from its folder.

    Raises:
        BadInput: it cannot be read or is not a sweep; the message names the file, the key and what was found.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise BadInput(f"is larger than {LARGEST_FILE // 1024} KiB, the most that a sweep may take")
        return sweep_from_text(content.decode("utf-8"), path.parent)
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; expected a TOML file with a sweep") from None
    except UnicodeDecodeError as problem:
        raise BadInput(f"{path}: is not UTF-8 text: byte {problem.start} cannot be decoded") from None
    except (OSError, ValueError) as problem:
        raise BadInput(f"{path}: cannot be read: {getattr(problem, 'strerror', None) or problem}") from None
    except BadInput as problem:
        raise BadInput(f"{path}: {problem}") from None


def sweep_from_text(text: str, folder: Path = Path()) -> Sweep:
    """The sweep written in a TOML text; paths of schemes in it start from `folder`.

    Raises:
        BadInput: as `sweep_from_file`.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise BadInput(f"is not TOML: {problem}") from None
    except RecursionError:
        raise BadInput("is not a sweep: its values are nested too deeply") from None
    for key in REQUIRED:
        if key not in document:
            raise BadInput(f"the key {key} is missing; a sweep needs {', '.join(REQUIRED)}")
    kind = _word(EXPERIMENTS, "experiment", document["experiment"])
    own = EXPERIMENTS[kind]
    readers: Mapping[str, Reader] = {**COMMON, **own.readers}
    _check_names("the top level", document, ("experiment", *readers))
    found = {key: read(key, document[key]) for key, read in readers.items() if key in document}
    if "prefactors" in found and "rates" in found:
        raise BadInput("prefactors and rates: both are given; expected one of them")
    return Sweep(
        experiment=kind,
        schemes=_schemes(found, folder),
        rates=Rates(found["rates"], True) if "rates" in found else Rates(found.get("prefactors", ())),
        own={key: found.get(key, default) for key, default in own.defaults.items()},
        **{"dtype": own.dtype, "rank": own.rank, **{key: found[key] for key in _AS_THEY_ARE if key in found}},
    )


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
    try:
        if not isinstance(entry, str):
            return scheme_from_table(entry, default_name=f"scheme {number}")
        is_path = entry.endswith(".toml") or "/" in entry or "\\" in entry
        return scheme_from(str(folder / entry) if is_path else entry)
    except BadInput as problem:
        raise BadInput(f"schemes: entry {number}: {problem}") from None


def _check_names(where: str, table: Mapping[str, Any], known: Collection[str]) -> None:
    for key in table:
        if key not in known:
            raise BadInput(f"{where}: unknown key {quoted(key)}: expected {', '.join(known)}.{nearest(key, known)}")


def _refused(key: str, value: Any, expected: str) -> BadInput:
    return BadInput(
        f"{key}: found {quoted(str(value)) if isinstance(value, str) else repr(value)[:60]}, expected {expected}"
    )


def _whole(least: int, most: int, key: str, value: Any) -> int:
    if type(value) is not int or not least <= value <= most:
        raise _refused(key, value, f"a whole number from {least} to {most}")
    return value


def _word(choices: Collection[str], key: str, value: Any) -> str:
    if not isinstance(value, str) or value not in choices:
        problem = _refused(key, value, f"one of {', '.join(choices)}")
        raise BadInput(f"{problem}.{nearest(value, choices) if isinstance(value, str) else ''}")
    return value


def _list(read: Reader, key: str, value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise _refused(key, value, "a list")
    if not value:
        raise BadInput(f"{key}: the list is empty, so there is nothing to run")
    if len(value) > MOST:
        raise BadInput(f"{key}: {len(value)} entries, and the most is {MOST}")
    found = tuple(read(key, entry) for entry in value)
    for entry in found:
        if not isinstance(entry, Mapping) and found.count(entry) > 1:
            raise BadInput(f"{key}: {entry} stands there twice")
    return found


def _widths(key: str, value: Any) -> tuple[int, ...]:
    return tuple(sorted(_list(partial(_whole, 2, LARGEST_WIDTH), key, value)))


def _entry(key: str, value: Any) -> str | Mapping[str, Any]:
    if not isinstance(value, str | Mapping):
        raise _refused(key, value, "a name of the catalogue, the path of a TOML file, or a table with a scheme")
    return value


def _optimizer(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _refused(key, value, "the name of an optimiser")
    return named_optimizer(value).name


def _number(key: str, value: Any) -> float:
    """A finite number: TOML's own, or an exact P/Q as a string."""
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str) or len(str(value)) > 64:
            raise ValueError
        found = float(Fraction(value)) if isinstance(value, str) else float(value)
    except (ValueError, OverflowError, ZeroDivisionError):
        raise _refused(key, value, 'a number, or a fraction such as "1/2"') from None
    if not math.isfinite(found):
        raise _refused(key, value, "a finite number")
    return found


def _positive(key: str, value: Any) -> float:
    found = _number(key, value)
    if found <= 0:
        raise _refused(key, value, "a number above 0")
    return found


def _not_negative(key: str, value: Any) -> float:
    found = _number(key, value)
    if found < 0:
        raise _refused(key, value, "a number from 0 on")
    return found


GRID = ("from", "to", "per_octave")


def _grid(key: str, value: Any) -> tuple[float, ...]:
    """A list of positive numbers, or a geometric grid, in increasing order."""
    if not isinstance(value, Mapping):
        return tuple(sorted(_list(_positive, key, value)))
    _check_names(key, value, GRID)
    for name in GRID[:2]:
        if name not in value:
            raise BadInput(f"{key}: the grid has no {name}; expected {{ from = LOW, to = HIGH, per_octave = COUNT }}")
    low, high = (_positive(f"{key}.{name}", value[name]) for name in GRID[:2])
    per_octave = _whole(1, 1000, f"{key}.per_octave", value.get("per_octave", 1))
    if high < low:
        raise BadInput(f"{key}: the grid is empty: from {low:g} is above to {high:g}")
    # A tolerance of rounding errors keeps an end that is a whole number of steps away.
    count = math.floor(per_octave * math.log2(high / low) * (1 + 1e-12) + 1e-12)
    return tuple(low * math.pow(2, step / per_octave) for step in range(count + 1))


def _values(key: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _refused(key, value, 'a table such as { k = "1/2" }')
    for name, each in value.items():
        if isinstance(each, bool) or not isinstance(each, int | str):
            raise _refused(f"{key}.{name}", each, 'an exact value such as "-1/2"')
    return value


_count = partial(_whole, 1, MOST)
COMMON: Mapping[str, Reader] = MappingProxyType(
    {
        "schemes": partial(_list, _entry),
        "optimizers": partial(_list, _optimizer),
        "at": _values,
        "widths": _widths,
        "prefactors": _grid,
        "rates": _grid,
        "seeds": _count,
        "seed": partial(_whole, 0, 2**63 - 1),
        "steps": _count,
        "rank": partial(_whole, 1, 2**16),
        "dtype": partial(_word, tuple(DTYPES)),
        "device": partial(_word, DEVICES),
        "seeds_per_run": _count,
        "rates_per_run": _count,
    }
)
"""How the keys of every sweep are read."""

_AS_THEY_ARE = ("widths", "seeds", "seed", "steps", "rank", "dtype", "device", "seeds_per_run", "rates_per_run")


@dataclass(frozen=True, slots=True)
class Experiment:
    """What a kind of experiment adds to the common keys, and its defaults."""

    dtype: str
    rank: int
    readers: Mapping[str, Reader]
    defaults: Mapping[str, Any]


EXPERIMENTS: Mapping[str, Experiment] = MappingProxyType(
    {
        "probe": Experiment(
            "float64",
            BASE_RANK,
            {"data": partial(_word, tuple(DATA)), "samples": _count},
            {"data": "random", "samples": BATCH},
        ),
        "teacher-student": Experiment(
            "float32",
            STUDENT_RANK,
            {"points": _count, "weight_decay": _not_negative, "momentum": _not_negative, "record_every": _count},
            {"points": TRAINING_POINTS, "weight_decay": 0.0, "momentum": 0.0, "record_every": 1},
        ),
    }
)
"""The experiments that a sweep can be made of."""

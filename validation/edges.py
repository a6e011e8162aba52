"""Measure the largest stable rates of whole models, and write validation/edges/: python -m validation.edges

The rate at which what some adapter adds first reaches a size, over widths, in PEFT's own forward pass under torch's
AdamW. Its slope is held to what is derived of the whole network and, as a control, of one module. Settings that
edges.json has are not measured again; without any that is missing, page and figure are written anew.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from gamma_calc.analysis.conditions import conditions_of
from gamma_calc.analysis.derivation import derived
from gamma_calc.document.tables import markdown_table
from gamma_calc.experiment.prediction import at_largest_rate
from gamma_calc.files import checked_folder, write_all
from gamma_calc.huggingface.family_training import CoordinateLayout, family_observations
from gamma_calc.huggingface.network_predictions import traced_adapters
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.scheme import Scheme
from gamma_calc.report import style
from gamma_calc.report.figure import axes_grid, label_axes, logarithmic, surround, svg_bytes
from gamma_calc.report.style import figure_settings
from gamma_calc.simulation.slopes import slope_estimate
from gamma_calc.simulation.verdicts import RULE, Verdict, verdict
from validation.architectures import FamilyShape, adapted_layers, family_model, linear_readout
from validation.implicit_matrices import wide_model

FOLDER = Path(__file__).resolve().parent / "edges"
RECORDED = FOLDER / "edges.json"
FAMILY = "llama"
STEPS, SEEDS = 3, 16
WIDTHS = tuple(2**k for k in (11, 12, 13, 14, 15, 17))
FIRST_SEED = 2000
"""Above every seed of the pilots."""
BOUNDS = (0.5, 1.0, 2.0)
"""Of Z_B: its root mean square over a batch, of whichever adapter and step has the largest."""
JUDGED = 1.0
TITLES = ("scheme", "adapters", "layers")
FIRST_GUESS = 2.0**-4
ATTENTION, ALL, ONE_LAYER = FamilyShape(), FamilyShape(is_all_linear=True), FamilyShape(is_all_linear=True, layers=1)


@dataclass(frozen=True, slots=True)
class Setting:
    """Adapters of a shape, a scheme of one free rate that they are trained by, and bounds of Z_B."""

    scheme: str
    shape: FamilyShape
    bounds: tuple[float, ...] = BOUNDS

    @property
    def words(self) -> list[str]:
        """The scheme, which layers have adapters, and how many layers there are."""
        return [self.scheme, adapted_layers(FAMILY, self.shape), str(self.shape.layers)]

    @property
    def alone(self) -> Scheme:
        """The scheme at the largest stable rate of one module; the rates that are measured are multiples of it."""
        return at_largest_rate(CATALOGUE[self.scheme])

    @property
    def module(self) -> Fraction:
        """The largest exponent of A's rate in one module."""
        return self.alone["eta_A"].constant

    @property
    def network(self) -> Fraction:
        """The same in the whole network."""
        scheme = self.whole
        (rate,) = derived(scheme, conditions=conditions_of(scheme.model)[:1]).max_stable.values()
        assert rate.exponent is not None
        return rate.exponent

    @property
    def whole(self) -> Scheme:
        """The whole network, with its rates free."""
        found = traced_adapters(family_model(FAMILY, WIDTHS[0], 0, self.shape), CATALOGUE[self.scheme])
        assert found.problem is not None
        return found.problem.scheme


EIGHT = Setting("lora-plus-a", ALL, (*BOUNDS, 4.0, 8.0))
"""Eight adapters one behind the other, whose slope depends on the bound."""
SETTINGS = (
    Setting("lora-plus-a", ATTENTION),
    Setting("lora-plus-a", ONE_LAYER),
    EIGHT,
    Setting("lora-plus-b", ALL),
    Setting("init-a", ALL),
)


def added(setting: Setting, width: int, seed: int, k: float) -> float:
    """The largest root mean square of Z_B of any adapter at any step, at k times the rates of one module."""
    layout = CoordinateLayout((width,), 1, STEPS, seed=seed)

    def model(width: int, _: int) -> Any:
        return wide_model(FAMILY, width, seed, setting.shape)

    def loss(trained: Any, _: int) -> Any:
        return linear_readout(trained, seed, setting.shape)

    (seen,) = family_observations(model, loss, [setting.alone], layout, [Fraction(k)], 0.0, None, None).values()
    every = [each for places in seen.values() for observations in places.values() for each in observations]
    return math.sqrt(max(each.mean_square["Z_B", None] for each in every))


def edge(size: Callable[[float], float], bound: float, guess: float) -> float:
    """The k at which a size that grows with it reaches a bound, by powers between neighbours a factor of 2^(1/2) apart.

    >>> edge(lambda k: 3 * k * k, 1, 1 / 64) == edge(lambda k: 3 * k * k, 1, 4)
    True
    """
    low = 2.0 ** math.floor(math.log2(guess))
    while size(low) > bound:
        low /= 2
    while size(2 * low) <= bound:
        low *= 2
    middle = low * math.sqrt(2)
    low, high = (middle, 2 * low) if size(middle) <= bound else (low, middle)
    share = math.log(bound / size(low)) / math.log(size(high) / size(low))
    return float(low * (high / low) ** share)


def edges(setting: Setting) -> dict[float, list[list[float]]]:
    """The k at each bound, at each width and seed."""
    found: dict[float, list[list[float]]] = {bound: [] for bound in setting.bounds}
    guesses = dict.fromkeys(range(SEEDS), FIRST_GUESS)
    for width in WIDTHS:
        for rows in found.values():
            rows.append([])
        for seed in range(SEEDS):
            size = cache(lambda k, width=width, seed=seed: added(setting, width, FIRST_SEED + seed, k))
            for bound in setting.bounds:
                guesses[seed] = edge(size, bound, guesses[seed])
                found[bound][-1].append(guesses[seed])
        print(setting.scheme, setting.shape, width, file=sys.stderr)
    return found


def recorded(setting: Setting) -> dict[str, Any]:
    """Measure a setting, and judge its slope by both theories; its plain data."""
    started = time.process_time()
    network, module = setting.network, setting.module
    bounds = []
    for bound, rows in edges(setting).items():
        estimate = slope_estimate(WIDTHS, np.square(rows))
        assert estimate.slope is not None and estimate.interval is not None
        bounds.append(
            {
                "bound": bound,
                "k": [float(f"{each:.4g}") for each in np.exp(np.log(rows).mean(axis=1))],
                "measured": round(estimate.slope + float(module), 3),
                "ci": [round(end + float(module), 3) for end in estimate.interval],
                "verdicts": [verdict(theory - module, estimate).verdict.value for theory in (network, module)],
            }
        )
    return {
        "setting": setting.words,
        "network": str(network),
        "module": str(module),
        "bounds": bounds,
        "seconds": round(time.process_time() - started),
    }


PAGE = """# The largest stable rates of whole models, measured

Written by `python -m validation.edges`. What is derived of a whole Llama, by `gamma-calc model`, is a largest stable
rate n^e. Here it is looked for: at each width the rates are raised, that of A and that of B in the proportion of the
scheme, until what some adapter adds (the root mean square of Z_B over a batch, the largest of all adapters and of
{steps} steps) reaches a bound. A rate that keeps it there falls or grows with the width as n^e.

Adapters of rank {rank} and scale 1 on Llamas in PEFT's own forward pass under torch's AdamW, a loss that is linear in
the logits, widths 2^11 to 2^17 with frozen matrices that are never stored (`validation/implicit_matrices.py`), and
{seeds} seeds from {first} on; settings were found in pilots on seeds from 0 and from 1000 on. The exponent is of A's
rate; where the scheme is LoRA+, B's is n times larger. Judged as in every cross-check: {rule}.
One module's theory has to FAIL where it says something else.

{table}

![The rate of B at which Z_B reaches the bound, over widths, with lines of the derived slopes](edges.svg)

The bound itself is a choice, and no exponent depends on it in the limit: the slope at a bound of 1 is what is judged,
and those at others show how far the widths are from there.

{bounds}

From width to width, at a bound of 1:

{local}

## What it says

L adapters one behind the other are derived to have -1 - (L - 1)/(2L) under LoRA+ from Init[A]. With adapters on
queries and values of two layers (L = 2), and on all linear layers of one (L = 4), that is confirmed. One module's -1
FAILs. From Init[B], where no such way through A_0 is, the edge of LoRA+ falls with the width as one module's does; so
does that of one rate for both factors from Init[A].

With all linear layers of two (L = 8) the slope FAILs at a bound of 1: it is {off:.2f} above what is derived, and below
that of L = 4. It depends on the bound there, and these widths do not tell the limit. What an adapter reads holds a part
that has come to know its A_0, at most k n^(1/2) times as large as the rest; the law holds where that is large in all
seven that stand behind another, and at n = 2^17 it is {lead:.1f} at the edge. Bounds of 4 and 8 were added after that
had been seen: there the slopes are steeper than the law, and steepest where models are narrow.
"""


def page(data: Sequence[Mapping[str, Any]]) -> str:
    """The page of a recording."""
    whole = next(row for row in data if row["setting"] == EIGHT.words)
    eight = _judged(whole)
    return PAGE.format(
        steps=STEPS,
        rank=ALL.rank,
        seeds=SEEDS,
        first=FIRST_SEED,
        rule="; ".join(f"{word}, {text}" for word, text in RULE.items()),
        table=markdown_table(list(_table(data))),
        bounds=markdown_table(list(_bounds(data))),
        local=markdown_table(list(_local(data))),
        off=eight["measured"] - float(Fraction(whole["network"])),
        lead=eight["k"][-1] * math.sqrt(WIDTHS[-1]),
    )


def _judged(row: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(each for each in row["bounds"] if each["bound"] == JUDGED)
    return found


def _measured(found: Mapping[str, Any]) -> str:
    low, high = found["ci"]
    return f"{found['measured']:.3f} in [{low:.3f}, {high:.3f}]"


def _table(data: Sequence[Mapping[str, Any]]) -> Iterator[list[str]]:
    yield [*TITLES, "measured", "derived", "verdict", "one module", "verdict"]
    for row in data:
        found = _judged(row)
        whole, alone = found["verdicts"]
        yield [*row["setting"], _measured(found), row["network"], whole, row["module"], alone]


def _bounds(data: Sequence[Mapping[str, Any]]) -> Iterator[list[str]]:
    every = sorted({each["bound"] for row in data for each in row["bounds"]})
    yield [*TITLES, *(f"Z_B up to {bound:g}" for bound in every)]
    for row in data:
        found = {each["bound"]: _measured(each) for each in row["bounds"]}
        yield [*row["setting"], *(found.get(bound, "") for bound in every)]


def _local(data: Sequence[Mapping[str, Any]]) -> Iterator[list[str]]:
    octaves = [int(math.log2(width)) for width in WIDTHS]
    yield [*TITLES, *(f"2^{low} to 2^{high}" for low, high in pairwise(octaves))]
    for row in data:
        slopes = np.diff(np.log2(_judged(row)["k"])) / np.diff(octaves) + float(Fraction(row["module"]))
        yield [*row["setting"], *(f"{each:.2f}" for each in slopes)]


def figure(data: Sequence[Mapping[str, Any]]) -> bytes:
    """The rate of B at which Z_B reaches the bound, over widths, and lines of the derived slopes, as SVG."""
    widths = np.array(WIDTHS)
    with figure_settings():
        drawn, (axes,) = axes_grid("edges", 1, 1, (6.4, 4.2))
        for row, stroke in zip(data, style.STROKES, strict=False):
            rate = float(at_largest_rate(CATALOGUE[row["setting"][0]])["eta_B"].constant)
            found = np.array(_judged(row)["k"]) * widths**rate
            slope = float(Fraction(row["network"]) - Fraction(row["module"])) + rate
            axes.plot(widths, found, ls="", label=", ".join(row["setting"]), **stroke)
            axes.plot(widths, found[-1] * (widths / widths[-1]) ** slope, color=stroke["color"], lw=0.9)
        logarithmic(axes, "xy")
        label_axes(axes, "width n", f"rate of B at which Z_B reaches {JUDGED:g}", "")
        surround(drawn, "", f"Lines have the derived slopes, and go through the last point. {', '.join(TITLES)}.")
    return svg_bytes(drawn)


def main() -> int:
    """Measure what is missing, setting by setting, and write the page; 1 if a derived rate is refuted."""
    checked_folder(FOLDER)
    known: list[dict[str, Any]] = json.loads(RECORDED.read_text(encoding="utf-8")) if RECORDED.exists() else []
    data: list[dict[str, Any]] = []
    for setting in SETTINGS:
        before = [row for row in known if row["setting"] == setting.words]
        data.append(before[0] if before else recorded(setting))
        kept = [row for row in known if row not in data]  # an interruption loses none
        write_all({RECORDED: json.dumps([*data, *kept], indent=1) + "\n"})
    write_all({FOLDER / "README.md": page(data), FOLDER / "edges.svg": figure(data)})
    return int(any(_judged(row)["verdicts"][0] == Verdict.FAIL.value for row in data))


if __name__ == "__main__":
    sys.exit(main())

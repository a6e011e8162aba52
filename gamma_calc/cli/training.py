"""What commands that train language models share: sizes of the training, a store that outlives them, their report."""

from __future__ import annotations

import argparse
import math
import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gamma_calc.cli.options import OneOf, given, positive, show, whole
from gamma_calc.cli.outputs import INTERRUPTED, complain
from gamma_calc.cli.progress import shown_progress
from gamma_calc.errors import BadInput
from gamma_calc.experiment.sweep_values import number_in
from gamma_calc.files import check_folder, check_holder, check_room, made

if TYPE_CHECKING:
    from gamma_calc.experiment.claims import Report
    from gamma_calc.huggingface.language.settings import Plan

WORKERS = 2
MOST_WORKERS = 64
SCHEDULES = ("constant", "linear")
MOST = 10**9 - 1
TRAINING = ("steps", "batch", "length", "rank", "alpha", "ratio", "head_rate")
SIZES = {
    "seeds": "seeds",
    "steps": "training steps",
    "batch": "texts or blocks a step",
    "length": "tokens of each",
    "rank": "rank of the adapters",
    "held-out": "most validation examples or blocks, and most test ones",
}


def add_training_arguments(group: argparse._ArgumentGroup) -> None:
    """The rates, and the sizes of the training; each replaces a value of the plan."""
    group.add_argument(
        "--rates",
        metavar="LOW:HIGH",
        type=_rates,
        help="learning rates, such as 1e-5:1e-3, from the power of 2 below to the one above; further where an end is "
        "best",
    )
    for name, words in SIZES.items():
        group.add_argument(f"--{name}", metavar="K", type=whole(f"--{name}", MOST), help=words)
    numbers = {
        "alpha": "LoRA's alpha",
        "ratio": "B's learning rate over A's (1)",
        "head-rate": "learning rate of a classifier's head",
    }
    for name, words in numbers.items():
        group.add_argument(f"--{name}", metavar="X", type=positive(f"--{name}"), help=words)
    group.add_argument("--targets", metavar="NAMES", type=_names, help="layers to adapt: query,value (PEFT's choice)")
    words = f"{' or '.join(SCHEDULES)} ({SCHEDULES[0]})"
    group.add_argument("--schedule", metavar="KIND", type=OneOf("--schedule", SCHEDULES), help=words)


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """How many processes, and where the results and the finished runs go."""
    parser.add_argument(
        "--workers", metavar="K", type=whole("--workers", MOST_WORKERS), default=WORKERS, help="processes (2)"
    )
    parser.add_argument("--out", metavar="DIR", type=Path, help="write page, figures and data into this folder")
    parser.add_argument("--store", metavar="FILE", type=Path, help="where finished runs are kept (in DIR, else here)")


@dataclass(frozen=True, slots=True)
class Ready:
    """An experiment that only has to be run: how that is done, how what it finds is reported, and what is printed."""

    run: Callable[..., Any]
    report: Callable[[Any, str], Report]
    text: Callable[[Any, Report], str]


def run_experiment(options: argparse.Namespace, prepared: Callable[[], Ready], name: str) -> tuple[int, Report | None]:
    """Run an experiment, print what it found, and write the folder.

    Returns:
        0 with the report; 130 after Ctrl-C, with none.
    """
    from gamma_calc.experiment.study import Interrupted
    from gamma_calc.simulation.store import Store

    path = _store_path(options, name)
    ready = prepared()
    command = shlex.join(["gamma-calc", *sys.argv[1:]])
    try:
        with made([] if options.out is None else [options.out]), Store(path) as store, shown_progress() as progress:
            found = ready.run(store=store, workers=options.workers, progress=progress)
    except Interrupted as interrupted:
        kept = f"{interrupted.done} runs of {interrupted.total} so far asked for are in {path}, and"
        complain(
            f"interrupted; {kept if os.path.exists(path) else 'no run is finished:'} the same command does the rest"
        )
        return INTERRUPTED, None
    report = ready.report(found, command)
    if options.out is not None:
        report.write(options.out)
    where = f"Finished runs: {path}" if options.out is None else f"Page, figures and data: {options.out}"
    show(options, report.json, lambda: f"{ready.text(found, report)}\n{where}")
    return 0, report


def adjusted_plan(options: argparse.Namespace, plan: Plan, **others: Any) -> Plan:
    """The plan with what the user gave in place of its values."""
    training = {name: getattr(options, name) for name in TRAINING}
    training |= {"targets": options.targets, "is_linear": options.schedule and options.schedule == SCHEDULES[1]}
    whole = {
        "model": options.model,
        "data": options.data,
        "seeds": options.seeds,
        "log2_rates": options.rates,
        "held_out": options.held_out,
    }
    return replace(plan, training=replace(plan.training, **given(training)), **given(whole), **others)


def _store_path(options: argparse.Namespace, name: str) -> Path:
    """Where the runs of an experiment are kept.

    Raises:
        BadInput: a folder or the store cannot be written.
    """
    if options.out is not None:
        check_folder(options.out)
    here = Path(f"{name}.sqlite") if options.out is None else options.out / "runs.sqlite"
    path = here if options.store is None else Path(options.store)
    if path.parent != options.out:  # said before a model is loaded, or built, for nothing
        check_holder("the store", path)
        check_room(path.parent)
    return path


def _rates(text: str) -> tuple[int, ...]:
    """log2 of the rates an octave apart that reach from the low to the high one."""
    ends = [number_in(each) for each in text.split(":") if "/" not in each]
    low, high = (each or 0.0 for each in ends) if len(ends) == 2 else (0.0, 0.0)
    if not 0 < low <= high <= 1:
        raise BadInput("--rates", found=text, expected="LOW:HIGH with 0 < LOW <= HIGH <= 1, such as 1e-5:1e-3")
    return tuple(range(math.floor(math.log2(low)), math.ceil(math.log2(high)) + 1))


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise BadInput("--targets", found=text, expected="names with commas between them, such as query,value")
    return names

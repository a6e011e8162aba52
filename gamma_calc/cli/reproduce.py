"""A published experiment, made again and judged claim by claim.

  $ gamma-calc reproduce teacher-student --quick --out teacher-student
  undecided  The optimal rate of Init[A] lies between n^-1 and n^-1/2: it is o(n^-1/2).  -0.58 in [-0.69, -0.47]
  ...
  Page, figures and data: teacher-student

  $ gamma-calc reproduce llama --quick
  confirmed  Internal features grow along training under Init[A] at its best rate.  0.627 in [0.548, 0.706]
  ...

teacher-student is the synthetic experiment; roberta classifies texts, llama models language, both with a model built
here unless --model and --data name others, such as a folder with roberta-large and sst2:

  $ gamma-calc reproduce roberta --model ./roberta-large --data sst2 --rates 1e-5:1e-3 --steps 2000 --length 128

The quick plan takes minutes; the full one, with the paper's widths, an hour or two on two cores. Finished runs are
kept: after Ctrl-C or a kill the same command does the rest. With llvmlite, pip install 'gamma-calc[fast]',
teacher-student takes a third to a quarter of the time; such loops round in another way, for which each interval has a
margin.
"""

from __future__ import annotations

import argparse
import math
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gamma_calc import __version__
from gamma_calc.cli.options import add_json_argument, one_of, positive, show, whole
from gamma_calc.cli.outputs import INTERRUPTED, complain
from gamma_calc.cli.progress import shown_progress
from gamma_calc.derivation.tables import text_table
from gamma_calc.errors import BadInput
from gamma_calc.experiment.sweep_values import number_in
from gamma_calc.files import check_folder, check_room, checked_folder
from gamma_calc.huggingface import needed

if TYPE_CHECKING:
    from gamma_calc.experiment.claims import Claim, Report
    from gamma_calc.huggingface.language.settings import Plan

LANGUAGE = ("roberta", "llama")
EXPERIMENTS = ("teacher-student", *LANGUAGE)
WORKERS = 2
MOST_WORKERS = 64
SCHEDULES = ("constant", "linear")
MOST = 10**9 - 1
TRAINING = ("steps", "batch", "length", "rank", "alpha", "head_rate")
OPTIONS = (*TRAINING, "model", "data", "rates", "seeds", "width", "held_out", "targets", "schedule")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The experiment, its size, and where to leave the results."""
    parser.add_argument(
        "experiment",
        metavar="EXPERIMENT",
        type=one_of("experiment", EXPERIMENTS),
        help=f"one of: {', '.join(EXPERIMENTS)}",
    )
    parser.add_argument("--quick", action="store_true", help="narrower models, less data, fewer steps")
    parser.add_argument(
        "--workers", metavar="K", type=whole("--workers", MOST_WORKERS), default=WORKERS, help="processes (2)"
    )
    parser.add_argument("--out", metavar="DIR", type=Path, help="write page, figures and data into this folder")
    parser.add_argument("--store", metavar="FILE", type=Path, help="where finished runs are kept (in DIR, else here)")
    add_json_argument(parser)
    _add_language_arguments(parser)


def _add_language_arguments(parser: argparse.ArgumentParser) -> None:
    """The model, the data, and the sizes of the training; each replaces a value of the plan."""
    group = parser.add_argument_group("roberta and llama")
    group.add_argument("--model", metavar="WHAT", help="a folder, an installed package, a hub name, or built (built)")
    group.add_argument("--data", metavar="WHAT", help="a file or a name (roberta: stdlib; llama: pydoc)")
    group.add_argument("--rates", metavar="LOW:HIGH", type=_rates, help="learning rates, octave by octave: 1e-5:1e-3")
    sizes = {
        "seeds": "seeds",
        "steps": "training steps",
        "batch": "texts or blocks a step",
        "length": "tokens of each",
        "rank": "rank of the adapters",
        "width": "width of a built model",
        "held-out": "most validation examples or blocks, and most test ones",
    }
    for name, words in sizes.items():
        group.add_argument(f"--{name}", metavar="K", type=whole(f"--{name}", MOST), help=words)
    for name, words in {"alpha": "LoRA's alpha", "head-rate": "learning rate of a classifier's head"}.items():
        group.add_argument(f"--{name}", metavar="X", type=positive(f"--{name}"), help=words)
    group.add_argument("--targets", metavar="NAMES", type=_names, help="layers to adapt: query,value (PEFT's choice)")
    words = f"{' or '.join(SCHEDULES)} ({SCHEDULES[0]})"
    group.add_argument("--schedule", metavar="KIND", type=one_of("--schedule", SCHEDULES), help=words)


@dataclass(frozen=True, slots=True)
class Ready:
    """An experiment that only has to be run: how that is done, and how what it finds is reported."""

    run: Callable[..., Any]
    report: Callable[[Any, str, str], Report]
    digits: str


def answer(options: argparse.Namespace) -> int:
    """Train, judge, print, and write the folder.

    Returns:
        0 whatever the verdicts: they are the answer; 130 after Ctrl-C.
    """
    path = _store_path(options)
    try:
        from gamma_calc.experiment.study import Interrupted
        from gamma_calc.simulation.store import Store

        ready = _language_model(options) if options.experiment in LANGUAGE else _teacher_student(options)
    except ModuleNotFoundError as problem:
        raise needed("reproduce", problem) from None
    command = shlex.join(["gamma-calc", *sys.argv[1:]])
    if options.out is not None:
        checked_folder(options.out)
    try:
        with Store(path) as store, shown_progress() as progress:
            found = ready.run(store=store, workers=options.workers, progress=progress)
    except Interrupted as interrupted:
        kept = f"{interrupted.done} runs of {interrupted.total} so far asked for are in {path}"
        complain(f"interrupted; {kept}, and the same command does the rest")
        return INTERRUPTED
    report = ready.report(found, command, __version__)
    if options.out is not None:
        report.write(options.out)
    where = f"Finished runs: {path}" if options.out is None else f"Page, figures and data: {options.out}"
    show(options, report.json, lambda: f"{_table(report.claims, ready.digits)}\n{where}")
    return 0


def _teacher_student(options: argparse.Namespace) -> Ready:
    for name in OPTIONS:
        if getattr(options, name) is not None:
            raise BadInput(f"--{name.replace('_', '-')} is for {' and '.join(LANGUAGE)}; leave it out")
    from gamma_calc.experiment.reproduction import reproduction
    from gamma_calc.experiment.reproduction_folder import reproduction_report
    from gamma_calc.experiment.reproduction_plan import FULL, QUICK

    plan = QUICK if options.quick else FULL
    return Ready(partial(reproduction, plan), reproduction_report, ".3f")


def _language_model(options: argparse.Namespace) -> Ready:
    from gamma_calc.huggingface.language.folder import study_report
    from gamma_calc.huggingface.language.settings import FULL, QUICK
    from gamma_calc.huggingface.language.study import prepared, study

    plan = _plan(options, (QUICK if options.quick else FULL)[options.experiment])
    ready = prepared(plan, workers=options.workers)
    return Ready(partial(study, ready), study_report, ".3g")


def _table(claims: Sequence[Claim], digits: str) -> str:
    rows = [("outcome", "claim", "measured", "95 % interval")]
    for claim in claims:
        value, low, high = (format(each, digits) for each in (claim.value, *claim.interval))
        rows.append((claim.outcome.value, claim.statement, value, f"[{low}, {high}]"))
    return text_table(rows)


def _plan(options: argparse.Namespace, plan: Plan) -> Plan:
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
    if options.width is not None and (options.model or plan.model) != plan.model:
        raise BadInput("--width is the width of a built model; leave it out with --model")
    building = replace(plan.building, **_given({"width": options.width}))
    return replace(plan, training=replace(plan.training, **_given(training)), building=building, **_given(whole))


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _store_path(options: argparse.Namespace) -> Path:
    """Where the runs of an experiment are kept.

    Raises:
        BadInput: a folder or the store cannot be written.
    """
    if options.out is not None:
        check_folder(options.out)
    here = Path(f"reproduce-{options.experiment}.sqlite") if options.out is None else options.out / "runs.sqlite"
    path = here if options.store is None else Path(options.store)
    if path.parent != options.out:  # said before a model is loaded, or built, for nothing
        if not os.path.isdir(path.parent):
            raise BadInput(f"the store {path}: there is no folder {path.parent}; make it first")
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

"""A published experiment, made again and judged claim by claim.

$ gamma-calc reproduce teacher-student --quick --out teacher-student
outcome    claim                                                                  measured  95 % interval
confirmed  The optimal learning rate of Init[A] is larger than that of Init[B].   0.575     [0.339, 0.810]
undecided  The optimal rate of Init[B] is about n^-1.                             -0.905    [-0.996, -0.816]
...
Page, figures and data: teacher-student

$ gamma-calc reproduce llama --quick
outcome    claim                                                                  measured  95 % interval
confirmed  Internal features grow along training under Init[A] at its best rate.  0.576     [0.494, 0.658]
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
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from gamma_calc.cli.options import OneOf, add_json_argument, whole
from gamma_calc.cli.training import (
    MOST,
    TRAINING,
    Ready,
    add_run_arguments,
    add_training_arguments,
    adjusted_plan,
    run_experiment,
)
from gamma_calc.document.tables import text_table
from gamma_calc.errors import BadInput

if TYPE_CHECKING:
    from gamma_calc.experiment.claims import Report
    from gamma_calc.huggingface.language.settings import Plan

LANGUAGE = ("roberta", "llama")
EXPERIMENTS = ("teacher-student", *LANGUAGE)
OPTIONS = (*TRAINING, "model", "data", "rates", "seeds", "width", "held_out", "targets", "schedule")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The experiment, its size, and where to leave the results."""
    parser.add_argument(
        "experiment",
        metavar="EXPERIMENT",
        type=OneOf("experiment", EXPERIMENTS),
        help=f"one of: {', '.join(EXPERIMENTS)}",
    )
    parser.add_argument("--quick", action="store_true", help="narrower models, less data, fewer steps")
    add_run_arguments(parser)
    add_json_argument(parser)
    group = parser.add_argument_group("roberta and llama")
    group.add_argument("--model", metavar="WHAT", help="a folder, an installed package, a hub name, or built (built)")
    group.add_argument("--data", metavar="WHAT", help="a file or a name (roberta: stdlib; llama: pydoc)")
    group.add_argument("--width", metavar="K", type=whole("--width", MOST), help="width of a built model")
    add_training_arguments(group)


def answer(options: argparse.Namespace) -> int:
    """Train, judge, print, and write the folder.

    Returns:
        0 whatever the verdicts: they are the answer; 130 after Ctrl-C.
    """
    prepare = _language_model if options.experiment in LANGUAGE else _teacher_student
    status, _ = run_experiment(options, partial(prepare, options), f"reproduce-{options.experiment}")
    return status


def _teacher_student(options: argparse.Namespace) -> Ready:
    for name in OPTIONS:
        if getattr(options, name) is not None:
            raise BadInput(f"--{name.replace('_', '-')} is for {' and '.join(LANGUAGE)}; leave it out")
    from gamma_calc.experiment.reproduction import reproduction
    from gamma_calc.experiment.reproduction_folder import reproduction_report
    from gamma_calc.experiment.reproduction_plan import FULL, QUICK

    plan = QUICK if options.quick else FULL
    return Ready(partial(reproduction, plan), reproduction_report, partial(_text, ".3f"))


def _language_model(options: argparse.Namespace) -> Ready:
    from gamma_calc.huggingface.language.folder import study_report
    from gamma_calc.huggingface.language.settings import FULL, QUICK
    from gamma_calc.huggingface.language.study import prepared, study

    plan = _plan(options, (QUICK if options.quick else FULL)[options.experiment])
    return Ready(partial(study, prepared(plan, workers=options.workers)), study_report, partial(_text, ".3g"))


def _plan(options: argparse.Namespace, plan: Plan) -> Plan:
    """The plan with what the user gave in place of its values."""
    if options.width is None:
        return adjusted_plan(options, plan)
    if (options.model or plan.model) != plan.model:
        raise BadInput("--width is the width of a built model; leave it out with --model")
    return adjusted_plan(options, plan, building=replace(plan.building, width=options.width))


def _text(digits: str, found: object, report: Report) -> str:
    rows = [("outcome", "claim", "measured", "95 % interval")]
    for claim in report.claims:
        value, low, high = (format(each, digits) for each in (claim.value, *claim.interval))
        rows.append((claim.outcome.value, claim.statement, value, f"[{low}, {high}]"))
    return text_table(rows)

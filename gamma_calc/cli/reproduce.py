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
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gamma_calc import __version__
from gamma_calc.cli.options import add_json_argument, print_json
from gamma_calc.cli.progress import shown_progress
from gamma_calc.cli.reproduce_language import EXPERIMENTS as LANGUAGE
from gamma_calc.cli.reproduce_language import (
    add_language_arguments,
    answer_language,
    check_unused,
    interrupted_answer,
    store_path,
)
from gamma_calc.derivation.tables import text_table
from gamma_calc.errors import BadInput
from gamma_calc.files import checked_folder

if TYPE_CHECKING:
    from gamma_calc.experiment.reproduction_claims import Claim

EXPERIMENTS = ("teacher-student", *LANGUAGE)
WORKERS = 2
MOST_WORKERS = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The experiment, its size, and where to leave the results."""
    parser.add_argument("experiment", metavar="EXPERIMENT", type=_experiment, help=f"one of: {', '.join(EXPERIMENTS)}")
    parser.add_argument("--quick", action="store_true", help="narrower models, less data, fewer steps")
    parser.add_argument("--workers", metavar="K", type=_workers, default=WORKERS, help="processes (2)")
    parser.add_argument("--out", metavar="DIR", type=Path, help="write page, figures and data into this folder")
    parser.add_argument("--store", metavar="FILE", type=Path, help="where finished runs are kept (in DIR, else here)")
    add_json_argument(parser)
    add_language_arguments(parser)


def answer(options: argparse.Namespace) -> int:
    """Train, judge, print, and write the folder.

    Returns:
        0 whatever the verdicts: they are the answer; 130 after Ctrl-C.
    """
    if options.experiment in LANGUAGE:
        return answer_language(options)
    check_unused(options)
    from gamma_calc.experiment.reproduction import reproduction
    from gamma_calc.experiment.reproduction_claims import claims
    from gamma_calc.experiment.reproduction_folder import reproduction_json, write_reproduction
    from gamma_calc.experiment.reproduction_plan import FULL, QUICK
    from gamma_calc.experiment.resumable import Interrupted
    from gamma_calc.simulation.store import Store

    path = store_path(options)
    command = shlex.join(["gamma-calc", *sys.argv[1:]])
    if options.out is not None:
        checked_folder(options.out)
    try:
        with Store(path) as store, shown_progress() as progress:
            plan = QUICK if options.quick else FULL
            found = reproduction(plan, store, workers=options.workers, progress=progress)
    except Interrupted as interrupted:
        return interrupted_answer(interrupted, path)
    if options.out is not None:
        write_reproduction(found, options.out, command=command, version=__version__)
    if options.json:
        print_json(reproduction_json(found, command, __version__))
        return 0
    print(text_table([("outcome", "claim", "measured", "95 % interval"), *map(_row, claims(found))]))
    print(f"Page, figures and data: {options.out}" if options.out is not None else f"Finished runs: {path}")
    return 0


def _row(claim: Claim) -> tuple[str, ...]:
    low, high = claim.interval
    return claim.outcome.value, claim.statement, f"{claim.value:.3f}", f"[{low:.3f}, {high:.3f}]"


def _experiment(name: str) -> str:
    if name not in EXPERIMENTS:
        raise BadInput("experiment", found=name, expected=" or ".join(EXPERIMENTS), choices=EXPERIMENTS)
    return name


def _workers(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MOST_WORKERS):
        raise BadInput("--workers", found=text, expected=f"a whole number from 1 to {MOST_WORKERS}")
    return int(text)

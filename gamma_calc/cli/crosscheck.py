"""Derived exponents against measured ones.

$ gamma-calc crosscheck init-a init-b --out crosscheck
init-a under adam at eta_A = 1 n^(-1/2), eta_B = 1 n^(-1/2)
quantity   t  predicted  measured  95 % interval     inside  raw     verdict
...
Z_B        3  0          -0.014    [-0.021, -0.007]  no      -0.033  PASS
...
PASS: all 64 exponents are confirmed, and ...

PASS is a slope within 0.05 of the prediction, with an interval of at most 0.05 to each side; FAIL one whose interval
misses the prediction by more than 0.05; INCONCLUSIVE is what is neither.

$ gamma-calc crosscheck stack.toml init-a --at a=-1/2 --at b=-1/2
stack under adam at eta_A = 1 n^(-1/2), eta_B = 1 n^(-1/2)
quantity      t  predicted  measured  95 % interval       inside  raw     verdict
...
Z_B[2]        4  0          -0.076    [-0.136, -0.016]    no      -0.068  PASS     decided by a population at ...
...

Every network is trained as it is written: a module, a stack of adapters, a perceptron, a network of one's own. What its
widths leave open is asked of a population at widths up to 2^60, coordinates of few kinds that each occur many times,
unless a matrix grows both ways: then a prediction that is too large cannot FAIL, and the summary says so.

A free rate takes its largest stable value; --at sets it. --against takes the predictions from another scheme, and so
has to FAIL. --without takes them from the assumptions that are left: most are then bounds, tested from above. --align
takes them from another alignment, and so has to FAIL where sums have not got it. Both leave the rates as they are.
Fewer than six widths, widths that span less than 2^6, or fewer than three seeds settle nothing: nothing is trained.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from gamma_calc.cli.options import (
    OneOf,
    add_question_arguments,
    given,
    schemes,
    show,
    step_count,
    supposition_arguments,
    whole,
    whole_numbers,
)
from gamma_calc.cli.outputs import FAILED, UNKNOWN, note
from gamma_calc.cli.progress import shown_progress
from gamma_calc.files import check_folder, write_files
from gamma_calc.numbers import LARGEST_WIDTH, MOST_SEEDS

EXIT = {"PASS": 0, "FAIL": FAILED, "INCONCLUSIVE": UNKNOWN}
DEVICES = ("auto", "cpu", "cuda", "mps")
DTYPES = ("float64", "float32")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is asked of schemes, and how to measure."""
    add_question_arguments(parser, many=True, may_align_freely=False)
    parser.add_argument("--against", metavar="SPEC", help="take the predictions from this scheme")
    parser.add_argument(
        "--widths",
        metavar="LIST",
        type=whole_numbers("--widths", LARGEST_WIDTH),
        help="increasing widths, such as 128,256,512",
    )
    parser.add_argument("--seeds", metavar="K", type=whole("--seeds", MOST_SEEDS), help="runs at each width (32)")
    parser.add_argument("--steps", metavar="T", type=step_count, help="training steps (4)")
    device, dtype = OneOf("--device", DEVICES), OneOf("--dtype", DTYPES)
    parser.add_argument("--device", metavar="NAME", type=device, help=f"where to train: {', '.join(DEVICES)}")
    parser.add_argument("--dtype", metavar="NAME", type=dtype, help=f"precision: {', '.join(DTYPES)}")
    parser.add_argument("--out", metavar="DIR", type=Path, help="write table, plots and derivations into this folder")


def answer(options: argparse.Namespace) -> int:
    """Measure, judge, print, and write the folder."""
    from gamma_calc.experiment.crosscheck import crosscheck
    from gamma_calc.experiment.setup import Settings

    supposes = supposition_arguments(options)
    against = None if options.against is None else schemes(options, [options.against])[0]
    if options.out is not None:
        check_folder(options.out)
    names = ("widths", "seeds", "steps", "device", "dtype")
    settings = Settings(**given({name: getattr(options, name) for name in names}))
    with shown_progress() as progress:
        found = crosscheck(
            *schemes(options, options.specs), settings=settings, against=against, progress=progress, **supposes
        )
    if options.out is not None:
        from gamma_calc.experiment.folder import folder_contents  # draws, which printing need not

        write_files(options.out, folder_contents(found, command=shlex.join(["gamma-calc", *sys.argv[1:]])))
    for warning in found.warnings:
        note(f"warning: {warning}")
    written = "" if options.out is None else f"\nTable, plots and derivations: {options.out}"
    show(options, found.json, lambda: f"{found}{written}")
    return EXIT[found.verdict.value]

"""A page on which to move the free exponents and see what follows, and why.

$ gamma-calc explore init-a --out init-a.html
init-a.html: init-a under adam; free: eta

$ gamma-calc explore two-rates.toml --out rates.html
$ gamma-calc explore init-a init-b --out both.html
$ gamma-calc explore stack.toml --depths 1,2,3 --out stack.html

The page is one file, which loads nothing from elsewhere: sliders and exact inputs for the free exponents, a point to
drag where one or two are free, the conditions that hold there, the exponents of every step and the lines of the proof
that say so. Two SPECs stand side by side; a free exponent of one name is the same in both. Of a stack --depths gives a
choice of how many adapters it has. two-rates.toml is
init-a with a rate for each factor, eta_A = "a" and eta_B = "b".
"""

from __future__ import annotations

import argparse
from pathlib import Path

from gamma_calc.cli.options import add_question_arguments, check_not_read, schemes, supposition_arguments, whole_numbers
from gamma_calc.cli.outputs import UNKNOWN
from gamma_calc.cli.progress import shown_runs
from gamma_calc.explorer.page import explore
from gamma_calc.program.models import DEEPEST


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is asked of one scheme or two, and where the page goes."""
    add_question_arguments(parser, many=True, as_json=False)
    words = "of the stack that is given, such as 1,2,3: one is shown at a time"
    parser.add_argument("--depths", metavar="N,N", type=whole_numbers("--depths", DEEPEST), default=(), help=words)
    parser.add_argument("--out", metavar="FILE.html", type=Path, required=True, help="where to write the page")


def answer(options: argparse.Namespace) -> int:
    """Write the page."""
    check_not_read("--out", options.out, options.specs)
    with shown_runs():
        page = explore(*schemes(options, options.specs), **supposition_arguments(options), depths=options.depths)
    page.write(options.out)
    free = dict.fromkeys(name for found in page.derivations for name in found.free)
    print(f"{options.out}: {page.title}; free: {', '.join(free) or 'nothing'}")
    return UNKNOWN if any(found.is_unknown for found in page.derivations) else 0

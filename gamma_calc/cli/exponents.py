"""The exponents of a scheme at each step.

$ gamma-calc exponents init-a --steps 2
init-a under adam; free: eta
t  A               B    Z_A              Z_B                  ...
1  -1/2            eta  0                eta                  ...
2  max(-1/2, eta)  eta  max(0, eta + 1)  max(2*eta + 1, eta)  ...

$ gamma-calc exponents init-a --at eta=-1/2 --json
$ gamma-calc exponents init-a --align aligned=alpha --at alpha=3/4
"""

from __future__ import annotations

import argparse

from gamma_calc.cli.options import (
    add_question_arguments,
    hint_of_values,
    schemes,
    show,
    step_count,
    supposition_arguments,
)
from gamma_calc.cli.outputs import UNKNOWN
from gamma_calc.cli.progress import shown_runs
from gamma_calc.derivation.questions import STEPS, exponents


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is asked of a scheme, and --steps."""
    add_question_arguments(parser)
    parser.add_argument("--steps", metavar="T", type=step_count, default=STEPS, help=f"steps to show ({STEPS})")


def answer(options: argparse.Namespace) -> int:
    """Print the exponents."""
    asked = schemes(options, options.specs)
    with shown_runs(hint_of_values(options, asked)):
        found = exponents(*asked, steps=options.steps, **supposition_arguments(options))
    show(options, found.json, lambda: str(found))
    return UNKNOWN if found.unknown else 0

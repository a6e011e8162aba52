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

from gamma_calc.analysis.caveats import caveats
from gamma_calc.cli.options import add_question_arguments, schemes, show, step_count, supposition_arguments
from gamma_calc.cli.outputs import UNKNOWN
from gamma_calc.cli.progress import shown_runs
from gamma_calc.derivation.questions import STEPS, Exponents, exponents
from gamma_calc.derivation.tables import fitted, text_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is asked of a scheme, and --steps."""
    add_question_arguments(parser)
    parser.add_argument("--steps", metavar="T", type=step_count, default=STEPS, help=f"steps to show ({STEPS})")


def answer(options: argparse.Namespace) -> int:
    """Print the exponents."""
    with shown_runs():
        found = exponents(*schemes(options, options.specs), steps=options.steps, **supposition_arguments(options))
    show(options, found.json, lambda: _text(found))
    return UNKNOWN if found.unknown else 0


def _text(found: Exponents) -> str:
    lines = [f"{found.title}; free: {', '.join(found.free) or 'nothing'}", text_table(fitted(found.rows))]
    if any(step.upper for step in found.steps):
        lines.append("<= marks a value that is only bounded from above.")
    if found.run.settled_from is not None and found.run.settled_from <= found.horizon:
        bounds = any(step.upper for step in found.steps[found.run.settled_from - 1 :])
        what = "no bound changes" if bounds else "nothing changes"
        lines.append(f"From step {found.run.settled_from} on {what}.")
    lines += [f"caveat: {each}" for each in caveats(found.scheme, found.run)]
    if found.unknown:
        lines.append(f"unknown: {found.unknown}")
    return "\n".join(lines)

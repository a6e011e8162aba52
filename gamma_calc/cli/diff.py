"""What changes from one scheme, or one set of assumptions, to another.

$ gamma-calc diff init-a lora-plus-a
$ gamma-calc diff init-a init-a --second-without A5
init-a under adam
init-a under adam, without A5
exponents:
t  quantity   first                second
2  Z_A        max(0, eta + 1)      <= max(0, eta + 1)
...
the traces part at line 20, step 2:
  first:  gamma[(U_B^1).T dZ] = eta + 1 by aligned sum
  second: gamma[(U_B^1).T dZ] <= eta + 1 by aligned sum, bounded

$ gamma-calc diff init-a scaled.toml
...
the same dynamics up to a symmetry: B -> n^(1/2) B, s -> n^(-1/2) s

with init-a in scaled.toml, but for scale = "-1/2" and eta_B = "eta + 1/2". Such a map is looked for where both suppose
the same: A, B, s and dZ times powers of n, with the rates, decays and feedbacks that follow, and the free exponents of
the second SPEC in those of the first. --json has it under "symmetry", null where there is none. The exit status is 0
with or without one, and 3 where a condition is unknown.

The options that start with --second- hold for the second SPEC only, in place of those without.
"""

from __future__ import annotations

import argparse

from gamma_calc.cli.options import (
    add_code_argument,
    add_horizon_argument,
    add_json_argument,
    add_optimizer_argument,
    add_supposition_arguments,
    add_value_arguments,
    alignments,
    schemes,
    show,
    supposition_arguments,
)
from gamma_calc.cli.outputs import UNKNOWN
from gamma_calc.cli.progress import shown_runs
from gamma_calc.derivation.diff import diff


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Two SPECs, --at, --steps, --json, and what each SPEC supposes."""
    parser.add_argument("first", metavar="SPEC", help="a name of the catalogue, a TOML file, or FILE.py:FUNCTION")
    parser.add_argument("second", metavar="SPEC", help="another one, or the same")
    add_code_argument(parser)
    add_value_arguments(parser)
    add_horizon_argument(parser)
    add_optimizer_argument(parser, "an optimiser for both")
    add_supposition_arguments(parser)
    whose = " of the second SPEC"
    add_optimizer_argument(parser, f"the optimiser{whose}", prefix="second-")
    add_supposition_arguments(parser, prefix="second-", whose=whose)
    add_json_argument(parser)


def answer(options: argparse.Namespace) -> int:
    """Print what changes."""
    with shown_runs():
        found = diff(
            *schemes(options, (options.first, options.second)),
            steps=options.steps or "all",
            **supposition_arguments(options),
            second_optimizer=options.second_optimizer,
            second_without=options.second_without or None,
            second_align=alignments(options.second_align) or None,
        )
    show(options, found.json, lambda: str(found))
    sides = found.difference.first, found.difference.second
    return UNKNOWN if any(each.is_unknown for each in sides) else 0

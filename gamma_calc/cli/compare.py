"""Several schemes side by side.

$ gamma-calc compare init-a init-b
Use init-a under adam with a learning rate of n^(-1/2): both factors learn, and Z_A grows like n^(1/2).
B hardly learns under init-b under adam, with a learning rate of n^(-1): its part of the change falls like n^(-1).
                   init-a       init-b
optimizer          adam         adam
largest stable     eta = -1/2   eta = -1
stable             eta <= -1/2  eta <= -1
...
undertrained       no factor    B

$ gamma-calc compare init-a init-b --align aligned=3/4
"""

from __future__ import annotations

import argparse

from gamma_calc.cli.options import add_question_arguments, hint_of_values, schemes, show, supposition_arguments
from gamma_calc.cli.outputs import UNKNOWN
from gamma_calc.cli.progress import shown_runs
from gamma_calc.derivation.comparison import compare


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is asked of schemes."""
    add_question_arguments(parser, many=True)


def answer(options: argparse.Namespace) -> int:
    """Print one column a scheme."""
    asked = schemes(options, options.specs)
    with shown_runs(hint_of_values(options, asked)):
        found = compare(*asked, **supposition_arguments(options))
    show(options, found.json, lambda: str(found))
    return UNKNOWN if any(each.derivation.is_unknown for each in found.derivations) else 0

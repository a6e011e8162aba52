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

from gamma_calc.analysis.derivation import Derivation
from gamma_calc.cli.options import add_question_arguments, schemes, show, supposed
from gamma_calc.cli.outputs import UNKNOWN
from gamma_calc.derivation.advice import advice
from gamma_calc.derivation.questions import Derived, compared
from gamma_calc.derivation.tables import text_table

NOTHING = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is asked of schemes."""
    add_question_arguments(parser, many=True)


def answer(options: argparse.Namespace) -> int:
    """Print one column a scheme."""
    found = compared(schemes(options, options.specs), **supposed(options))
    show(options, lambda: {"schema": 1, "schemes": [each.json() for each in found]}, lambda: comparison(found))
    return UNKNOWN if any(each.derivation.is_unknown for each in found) else 0


def comparison(found: tuple[Derived, ...]) -> str:
    """A sentence for each scheme, and the one-glance table: what each scheme's derivation says of the same points."""
    columns = [each.derivation for each in found]
    conditions = tuple(dict.fromkeys(name for each in columns for name in each.decisions))
    quantities = tuple(dict.fromkeys(name for each in columns for name in each.run.last.sizes))
    rows = [
        ("", *(each.scheme.name for each in columns)),
        ("optimizer", *(each.scheme.optimizer.name for each in columns)),
        ("largest stable", *map(_largest, columns)),
        *((name, *(str(each.decisions.get(name, NOTHING)) for each in columns)) for name in conditions),
        *((f"{name} there", *(str(each.at_max.get(name, NOTHING)) for each in columns)) for name in quantities),
        (
            "undertrained",
            *(", ".join(each.undertrained) or "no factor" if each.at_max else NOTHING for each in columns),
        ),
    ]
    policies = dict.fromkeys(each.policy for each in columns)
    said = (advice(each) for each in columns)
    return "\n".join([*said, text_table(rows), *(line for policy in policies for line in policy.lines)])


def _largest(derivation: Derivation) -> str:
    found = [
        f"{name} = {rate.value}" if rate.attained else f"{name} < {rate.value}"
        for name, rate in derivation.max_stable.items()
        if rate.value is not None
    ]
    return ", ".join(found) or NOTHING

"""Several schemes side by side.

$ gamma-calc compare init-a init-b
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
from gamma_calc.cli.options import (
    add_json_argument,
    add_scheme_arguments,
    add_supposition_arguments,
    alignments,
    print_json,
    schemes,
    values,
)
from gamma_calc.cli.statuses import UNKNOWN
from gamma_calc.derivation.questions import Derived, compared
from gamma_calc.derivation.tables import text_table

NOTHING = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SPECs, --optimizer, --at, --without, --align and --json."""
    add_scheme_arguments(parser, many=True)
    add_supposition_arguments(parser)
    add_json_argument(parser)


def answer(options: argparse.Namespace) -> int:
    """Print one column a scheme."""
    found = compared(
        schemes(options, options.specs),
        optimizer=options.optimizer,
        at=values(options),
        without=options.without,
        align=alignments(options.align),
    )
    if options.json:
        print_json({"schema": 1, "schemes": [each.json() for each in found]})
    else:
        print(comparison(found))
    return UNKNOWN if any(each.derivation.is_unknown for each in found) else 0


def comparison(found: tuple[Derived, ...]) -> str:
    """The one-glance table: what each scheme's derivation says of the same points."""
    columns = [each.derivation for each in found]
    conditions = tuple(dict.fromkeys(name for each in columns for name in each.decisions))
    quantities = tuple(dict.fromkeys(name for each in columns for name in each.run.last.sizes))
    rows = [
        ("", *(each.scheme.name for each in columns)),
        ("optimizer", *(each.scheme.optimizer.name for each in columns)),
        ("largest stable", *map(_largest, columns)),
        *((name, *(_holds(each, name) for each in columns)) for name in conditions),
        *((f"{name} there", *(_there(each, name) for each in columns)) for name in quantities),
        ("undertrained", *map(_undertrained, columns)),
    ]
    policies = dict.fromkeys(each.policy for each in columns)
    return "\n".join([text_table(rows), *(line for policy in policies for line in policy.lines)])


def _largest(derivation: Derivation) -> str:
    found = [
        f"{name} = {rate.value}" if rate.attained else f"{name} < {rate.value}"
        for name, rate in derivation.max_stable.items()
        if rate.value is not None
    ]
    return ", ".join(found) or NOTHING


def _holds(derivation: Derivation, name: str) -> str:
    return str(derivation.decisions[name]) if name in derivation.decisions else NOTHING


def _there(derivation: Derivation, name: str) -> str:
    return str(derivation.at_max[name]) if name in derivation.at_max else NOTHING


def _undertrained(derivation: Derivation) -> str:
    if not derivation.at_max:
        return NOTHING
    return ", ".join(derivation.undertrained) or "no factor"

"""List the catalogue.

$ gamma-calc schemes
name         A     B        eta_A  eta_B
init-a       -1/2  zero     eta    eta
...
adapters: lora-fa, rslora, ...
"""

from __future__ import annotations

import argparse

from gamma_calc.cli.options import add_json_argument, show
from gamma_calc.document.tables import text_table
from gamma_calc.program.adapters import ADAPTERS
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.scheme import REQUIRED, ZERO, Scheme


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--json."""
    add_json_argument(parser)


def answer(options: argparse.Namespace) -> int:
    """Print the schemes that can be named."""
    rows = [_row(scheme) for scheme in CATALOGUE.values()]
    table = text_table([tuple(rows[0]), *(tuple(row.values()) for row in rows)])
    optimizer = next(iter(CATALOGUE.values())).optimizer.name
    under = f"adapters: {', '.join(ADAPTERS)}\n\nAll under {optimizer}; --optimizer NAME takes another."
    show(options, lambda: {"schema": 1, "schemes": rows, "adapters": list(ADAPTERS)}, lambda: f"{table}\n\n{under}")
    return 0


def _row(scheme: Scheme) -> dict[str, str]:
    forms = {key: scheme.exponents[key] for key in REQUIRED}
    return {"name": scheme.name, **{key: ZERO if form is None else str(form) for key, form in forms.items()}}

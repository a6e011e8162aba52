"""What a store of runs holds, and what is missing of a sweep.

$ gamma-calc runs runs.sqlite
24 runs in runs.sqlite
scheme  optimizer  width  rates         seeds    done
init-a  adam       128    0.0625 to 16  0 to 31  2
...

$ gamma-calc runs runs.sqlite sweep.toml
24 runs in runs.sqlite, 8 missing
...

The stores of sweep, tune and reproduce are read alike. Nothing is run. The exit status is 0 whether runs are missing or
not.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from gamma_calc.cli.options import add_json_argument, show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """STORE, FILE and --json."""
    parser.add_argument("store", metavar="STORE", type=Path, help="where finished runs are kept (SQLite)")
    parser.add_argument("file", metavar="FILE", type=Path, nargs="?", help="the TOML file of a sweep, to count against")
    add_json_argument(parser)


def answer(options: argparse.Namespace) -> int:
    """Print what there is."""
    from gamma_calc.experiment.sweep_questions import stored_runs

    found = stored_runs(options.store, options.file)
    show(options, found.json, lambda: str(found))
    return 0

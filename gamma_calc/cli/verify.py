"""Check a certificate, and say what it proves.

$ gamma-calc derive init-a --certificate init-a.json
$ gamma-calc verify init-a.json
...
stable (every step): eta <= -1/2
...
The certificate proves all of this.

A certificate that is false is answered with the first of its steps that fails, and with exit status 1.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from gamma_calc.certificate.verification import verify
from gamma_calc.cli.options import add_json_argument, show
from gamma_calc.cli.outputs import FAILED


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FILE and --json."""
    parser.add_argument("file", metavar="FILE", type=Path, help="a certificate, as written by derive --certificate")
    add_json_argument(parser)


def answer(options: argparse.Namespace) -> int:
    """Print what the certificate proves, or which of its steps fails."""
    found = verify(options.file)
    show(options, found.json, lambda: str(found))
    return 0 if found.is_valid else FAILED

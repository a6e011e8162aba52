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
import json
from pathlib import Path
from typing import Any

from gamma_calc.cli.options import add_json_argument, show
from gamma_calc.cli.outputs import FAILED
from gamma_calc.derivation.certificate_shape import LARGEST, Malformed
from gamma_calc.derivation.verification import Verification, verification
from gamma_calc.errors import BadInput
from gamma_calc.files import file_content


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """FILE and --json."""
    parser.add_argument("file", metavar="FILE", type=Path, help="a certificate, as written by derive --certificate")
    add_json_argument(parser)


def answer(options: argparse.Namespace) -> int:
    """Print what the certificate proves, or which of its steps fails."""
    path: Path = options.file
    try:
        found = verification(_read(path))
    except Malformed as problem:
        raise BadInput(f"{path} is no certificate: {problem}") from None
    is_valid = found.first_failure is None
    conclusions = {"conclusions": list(found.conclusions), "first_failure": found.first_failure}
    answered = {"schema": 1, "scheme": found.scheme, "valid": is_valid, "setting": found.setting, **conclusions}
    show(options, lambda: answered, lambda: _text(found))
    return 0 if is_valid else FAILED


def _text(found: Verification) -> str:
    if found.first_failure is not None:
        return f"The certificate is false. The first step that fails is {found.first_failure}"
    label = f"scheme: {found.scheme} (a label; what is proved follows from the premises)"
    return "\n".join([label, f"premises: {found.setting}", *found.conclusions, "The certificate proves all of this."])


def _read(path: Path) -> Any:
    """The JSON of a file.

    Raises:
        BadInput: it cannot be read, is too large, or is not JSON.
    """
    content = file_content(path, LARGEST, "a certificate, as written by derive --certificate")
    try:
        return json.loads(content, object_pairs_hook=_object, parse_float=_no_number, parse_constant=_no_number)
    except RecursionError:
        raise BadInput(f"{path}: nested too deeply to be a certificate") from None
    except ValueError as problem:
        raise BadInput(f"{path}: not JSON: {problem!s:.120}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, whose keys have to differ."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key occurs twice in an object")
    return found


def _no_number(text: str) -> Any:
    raise ValueError(f"found the number {text:.40}, expected whole numbers, or fractions as text")

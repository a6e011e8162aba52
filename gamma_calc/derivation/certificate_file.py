"""A certificate in a file: read with care, and checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gamma_calc.derivation.certificate_shape import LARGEST, Malformed
from gamma_calc.derivation.verification import Verification, verification
from gamma_calc.errors import BadInput
from gamma_calc.files import file_content


def verify(certificate: Path | str) -> Verification:
    """What the certificate in a file proves, or the first of its steps that fails.

    Raises:
        BadInput: it cannot be read, or is no certificate.
    """
    path = Path(certificate)
    try:
        return verification(_read(path))
    except Malformed as problem:
        raise BadInput(f"{path} is no certificate: {problem}") from None


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

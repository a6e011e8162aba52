"""A certificate read from a file with care and checked, and what it proves in words."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gamma_calc.algebra.plain import Json
from gamma_calc.certificate.checker import ProofSteps, Refuted, verified
from gamma_calc.certificate.conclusions import conclusions, premises_text
from gamma_calc.certificate.shape import LARGEST, Malformed, check_shape
from gamma_calc.document.tables import COLUMNS, Shown
from gamma_calc.errors import BadInput
from gamma_calc.files import file_content, path_of

WRONG = (KeyError, TypeError, AttributeError, ValueError, IndexError)
"""What using a name or evidence raises that is not there, or is of another kind."""

EXPECTED = "a certificate, as written by derive --certificate"


@dataclass(frozen=True, slots=True, repr=False)
class Verification(Shown):
    """What a certificate says it is about, which is only a label; what it takes for granted, and what it proves or the
    first of its steps that fails."""

    scheme: str
    setting: str
    conclusions: tuple[str, ...]
    first_failure: str | None = None

    @property
    def is_valid(self) -> bool:
        """Whether it proves what it claims."""
        return self.first_failure is None

    def json(self) -> dict[str, Any]:
        """The answer as plain data."""
        conclusions = {"conclusions": list(self.conclusions), "first_failure": self.first_failure}
        return {"schema": 1, "scheme": self.scheme, "valid": self.is_valid, "setting": self.setting, **conclusions}

    def __str__(self) -> str:
        if not self.is_valid:
            return f"The certificate is false. The first step that fails is {self.first_failure}"
        label = f"scheme: {self.scheme} (a label; what is proved follows from the premises)"
        premises = textwrap.wrap(f"premises: {self.setting}", COLUMNS, subsequent_indent="  ", break_on_hyphens=False)
        return "\n".join((label, *premises, *self.conclusions, "The certificate proves all of this."))


def verify(certificate: Path | str) -> Verification:
    """What the certificate in a file proves, or the first of its steps that fails.

    Raises:
        BadInput: it cannot be read, or is no certificate.
    """
    path = path_of("a certificate", certificate)
    try:
        return verification(_read(path))
    except Malformed as problem:
        raise BadInput(f"{path} is no certificate: {problem}") from None


def _read(path: Path) -> Any:
    """The JSON of a file.

    Raises:
        BadInput: it cannot be read, is too large, or is not JSON.
    """
    content = file_content(path, LARGEST, EXPECTED)
    try:
        return json.loads(content, object_pairs_hook=_object, parse_float=_no_number, parse_constant=_no_number)
    except RecursionError:
        raise BadInput(f"{path}: nested too deeply to be a certificate") from None
    except ValueError as problem:
        raise BadInput(f"{path}: not JSON: {problem!s:.120}; expected {EXPECTED}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, whose keys have to differ."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key occurs twice in an object")
    return found


def _no_number(text: str) -> Any:
    raise ValueError(f"found the number {text:.40}, expected whole numbers, or fractions as text")


def verification(data: Json) -> Verification:
    """Check a certificate that has been read from JSON, and that it claims in words what it proves.

    Raises:
        Malformed: it is not a certificate of this schema, so that nothing can be said about it.
    """
    check_shape(data)
    scheme, setting = data["scheme"], premises_text(data["premises"])
    claimed, proof = tuple(data["conclusions"]), ProofSteps(data["proof"])
    try:
        runs = verified(data, proof)
    except Refuted as failure:
        return Verification(scheme, "", (), f"{proof.of}: {failure}")
    except WRONG:
        return Verification(scheme, "", (), f"{proof.of}: a name or a piece of evidence is of nothing that is there")
    try:
        texts = conclusions(data, runs)
    except WRONG:
        raise Malformed("runs: there is none, or something is not looked at that the conclusions speak of") from None
    if texts != claimed:
        differing = [text for text in claimed if text not in texts] or [text for text in texts if text not in claimed]
        said = f"{differing[0]!s:.120}" if differing else "their order"
        return Verification(scheme, setting, (), f"conclusions: what is claimed is not what is proved: {said}")
    return Verification(scheme, setting, texts)

"""A certificate checked, and what it proves in words."""

from __future__ import annotations

from dataclasses import dataclass

from gamma_calc.derivation.checker import SCHEMA, Json, verified
from gamma_calc.derivation.conclusions import conclusions, premises_text


class Malformed(ValueError):
    """What was read is not a certificate."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What a certificate takes for granted and what it proves, or the first of its steps that fails."""

    setting: str
    conclusions: tuple[str, ...]
    first_failure: str | None = None


def verification(data: Json) -> Verification:
    """Check a certificate that has been read from JSON, and that it claims in words what it proves.

    Raises:
        Malformed: it is not a certificate of this schema, so that nothing can be said about it.
    """
    try:
        runs, failure = verified(data)
        if failure is not None:
            return Verification("", (), failure)
        setting, texts, claimed = premises_text(data["premises"]), conclusions(data, runs), tuple(data["conclusions"])
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as problem:
        what = f"{type(problem).__name__}: {problem!s:.200}"
        raise Malformed(f"not a certificate of schema {SCHEMA}: {what}") from None
    if texts != claimed:
        differing = [text for text in claimed if text not in texts] or [text for text in texts if text not in claimed]
        said = f"{differing[0]!s:.120}" if differing else "their order"
        return Verification(setting, (), f"conclusions: what is claimed is not what is proved: {said}")
    return Verification(setting, texts)

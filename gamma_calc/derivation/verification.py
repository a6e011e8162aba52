"""A certificate checked, and what it proves in words."""

from __future__ import annotations

from dataclasses import dataclass

from gamma_calc.derivation.checker import Json, Malformed, verified
from gamma_calc.derivation.conclusions import conclusions, premises_text


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
    runs, gains, failure = verified(data)
    if failure is not None:
        return Verification("", (), failure)
    try:
        setting, texts, claimed = (
            premises_text(data["premises"]),
            conclusions(data, runs, gains),
            tuple(data["conclusions"]),
        )
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as problem:
        raise Malformed(f"not a certificate: {type(problem).__name__}: {problem!s:.200}") from None
    if texts != claimed:
        differing = [text for text in claimed if text not in texts] or [text for text in texts if text not in claimed]
        said = f"{differing[0]!s:.120}" if differing else "their order"
        return Verification(setting, (), f"conclusions: what is claimed is not what is proved: {said}")
    return Verification(setting, texts)

"""Published beside derived: the atlas as rows, compared exactly.

A published value is an exponent, a set of inequalities such as "c = -1/2 and k >= 0" with "or" between alternatives, or
a bound such as "< 0" on an exponent. Sets are compared as regions and exponents as functions on the scheme's domain, so
how they are written does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from gamma_calc.algebra import Affine, Polyhedron, Region, parsed_exponent, parsed_inequality
from gamma_calc.atlas.claims import Claim, Source, claims
from gamma_calc.atlas.questions import Answer, answer_to
from gamma_calc.errors import BadInput, Unknown

RELATIONS = ("<", ">")
"""How a bound on an exponent begins."""
NEVER = "never"
VALUE = "value"
"""What an exponent is called in a bound on it."""


class Standing(Enum):
    """How a claim stands to what is derived."""

    AGREES = "agrees"
    DIFFERS = "differs"
    OUT_OF_SCOPE = "out of scope"


@dataclass(frozen=True, slots=True)
class ComparedClaim:
    """A claim, what is derived in its place, and how the two stand to each other.

    `answer` is None where the rules do not decide; `reason` says why, or why they differ. `measured` is what a training
    run says, where one was asked for and can decide.
    """

    claim: Claim
    answer: Answer | None
    status: Standing
    reason: str
    measured: Mapping[str, Any] | None = None

    def json(self) -> dict[str, Any]:
        """The row as plain data."""
        claim = self.claim
        return {
            "schema": 1,
            "id": claim.id,
            "source": str(claim.source),
            "locator": claim.locator,
            "source_status": claim.status,
            "quantity": claim.quantity,
            "setting": claim.setting,
            "published": claim.published,
            "derived": None if self.answer is None else str(self.answer),
            "status": self.status.value,
            "reason": self.reason,
            "measured": None if self.measured is None else dict(self.measured),
        }


def atlas(source: str | None = None, progress: Callable[[int, int], None] | None = None) -> tuple[ComparedClaim, ...]:
    """Every claim beside what is derived in its place; those of one source where one is named.

    Args:
        progress: called with the number of claims compared and that of all.

    Raises:
        BadInput: there is no such source.
    """
    every = claims()
    if source is not None:
        every = tuple(claim for claim in every if source in (claim.source.id, str(claim.source)))
        if not every:
            known = dict.fromkeys(claim.source.id for claim in claims())
            raise BadInput("source", found=source, expected=f"one of {', '.join(known)}", choices=known)
    rows = list[ComparedClaim]()
    for claim in every:
        if progress is not None:
            progress(len(rows), len(every))
        rows.append(compared(claim))
    return tuple(rows)


def compared(claim: Claim) -> ComparedClaim:
    """A claim beside what is derived in its place."""
    if claim.question is None or claim.subject is None:
        return ComparedClaim(claim, None, Standing.OUT_OF_SCOPE, claim.missing)
    try:
        found = answer_to(claim.question, claim.subject, claim.other)
    except Unknown as problem:
        return ComparedClaim(claim, None, Standing.OUT_OF_SCOPE, f"the rules leave it open: {problem}")
    agrees = is_same(claim.published, found)
    return ComparedClaim(claim, found, Standing.AGREES if agrees else Standing.DIFFERS, claim.because)


def is_same(published: str, answer: Answer) -> bool:
    """Whether a published text says what an answer does.

    Raises:
        BadInput: it is none that can be compared with such an answer.

    >>> from gamma_calc.algebra import Exponent
    >>> is_same("1 - 2", Exponent.of(-1)), is_same("< 0", Exponent.of(-1))
    (True, True)
    """
    if isinstance(answer, Region):
        return _region(published) == answer
    if published.startswith(RELATIONS):
        bound = _region(f"{VALUE} {published}")
        values = [_values(form, answer.domain) for form in answer.pieces]
        return all(map(bound.includes, values)) if values else published.startswith("<")
    return parsed_exponent(published, answer.domain) == answer


def _values(form: Affine, domain: Polyhedron) -> Polyhedron:
    """The values that a form takes on a domain."""
    sides = parsed_inequality(f"{VALUE} = {form}")
    return (domain & Polyhedron.of(*sides)).projected_out(form.free)


def _region(text: str) -> Region:
    """The set that a text describes."""
    if text == NEVER:
        return Region()
    members = (part.strip().removeprefix("(").removesuffix(")") for part in text.split(" or "))
    parts = ([side for clause in member.split(" and ") for side in parsed_inequality(clause)] for member in members)
    return Region(tuple(Polyhedron.of(*sides) for sides in parts))


def by_source(rows: Iterable[ComparedClaim]) -> Mapping[Source, tuple[ComparedClaim, ...]]:
    """The rows of each source, of whichever families they are."""
    found: dict[Source, tuple[ComparedClaim, ...]] = {}
    for row in rows:
        found[row.claim.source] = (*found.get(row.claim.source, ()), row)
    return found

"""The assumptions of the calculus, numbered. A rule names those it uses; a derivation lists those that were used."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from gamma_calc.errors import BadInput


@dataclass(frozen=True, slots=True, order=True)
class Assumption:
    """A numbered statement about the setting that the rules take for granted; they are sorted by number.

    `indispensable` says why nothing is left to derive without it, where that is so.
    """

    number: int
    text: str
    indispensable: str = ""

    @property
    def key(self) -> str:
        """How derivations refer to it."""
        return f"A{self.number}"

    def __str__(self) -> str:
        return f"{self.key}: {self.text}"


FIXED_RUN = Assumption(
    1,
    "The number of steps, the batch and every axis of size n^0 stay fixed as n grows; "
    "constants never become powers of n.",
    indispensable="an exponent is a statement about such a run, and has no meaning without one",
)
GIVEN_DATA = Assumption(
    2,
    "The module's input has entries of size 1 and the loss gradient entries of its stated exponent; both are fixed, "
    "nowhere negligible, in general position, and have not seen the initial factors.",
    indispensable="it gives the exponents of the data, from which every other one is made",
)
SYMMETRIC_INIT = Assumption(
    3, "Initial entries are iid with mean zero, a symmetric law and finite moments, independently for each parameter."
)
NO_CANCELLATION = Assumption(4, "Leading terms of a sum do not cancel: the sum has the largest exponent of its terms.")
ALIGNMENT = Assumption(
    5,
    "Where no sign symmetry of the initialisation makes the summands of a contraction centred, their mean is as large "
    "as they are: updates are aligned with what they were made from.",
)
NORMALISED_ENTRIES = Assumption(
    6,
    "Every entry of a processed gradient is of size 1 where the raw gradient is not identically zero, and 0 elsewhere.",
)
NEGLIGIBLE_EPSILON = Assumption(
    7, "The optimiser's epsilon is far below every raw gradient entry that is not identically zero."
)
MEMORY = Assumption(8, "Running means over a fixed number of gradients carry the exponents of their newest gradient.")
SEVERAL_SAMPLES = Assumption(
    9,
    "The batch holds two samples or more, so that no entry of a normalised step is the product "
    "of a sign of its row and one of its column; what leads a gradient has small entries, as many as a density at zero "
    "gives, of which smaller parts decide the sign, and which these are is independent of what the step meets in later "
    "sums; and no later sum meets what has the sign of the product of three or more parts of a gradient, with which "
    "the step is correlated as with theirs, or of two beside the square of the step.",
)
SPANNING = Assumption(
    10,
    "Each component of a direction that is orthogonalised has the rank of the whole and singular values of one size, "
    "so that a smaller component is not brought to the size of the leading one.",
)
ASSUMPTIONS = (
    FIXED_RUN,
    GIVEN_DATA,
    SYMMETRIC_INIT,
    NO_CANCELLATION,
    ALIGNMENT,
    NORMALISED_ENTRIES,
    NEGLIGIBLE_EPSILON,
    MEMORY,
    SEVERAL_SAMPLES,
    SPANNING,
)
"""All of them, by number."""


def dispensable(keys: Collection[str]) -> frozenset[Assumption]:
    """The assumptions with these keys, each of which can be taken away.

    Raises:
        BadInput: there is no such assumption, or nothing is left to derive without it.

    >>> [str(each.number) for each in dispensable(["A5"])]
    ['5']
    """
    known = {assumption.key: assumption for assumption in ASSUMPTIONS}
    can_go = [key for key, assumption in known.items() if not assumption.indispensable]
    for key in keys:
        if key not in known:
            raise BadInput("without", found=key, expected=f"one of {', '.join(can_go)}", choices=can_go)
        if known[key].indispensable:
            reason = known[key].indispensable
            raise BadInput(f"without {key}: {reason}", expected=f"one of {', '.join(can_go)}")
    return frozenset(known[key] for key in keys)

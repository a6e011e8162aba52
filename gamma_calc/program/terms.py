"""The identity of a sum's terms: which part of which trained tensor each term was made from.

A_t = A_0 + U_A is a sum of two parts, so B_t A_t Z is one of four terms. Both readings, in exponents and in torch, keep
these terms apart under the same labels; that is what lets each of them be predicted and measured by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Generic, TypeVar

from gamma_calc.program.shared import Shared

T = TypeVar("T")
S = TypeVar("S")
R = TypeVar("R")


class Kind(Enum):
    """What a part is of the tensor it belongs to; the value is how it is written."""

    INITIAL = "{0}_0"
    UPDATE = "U_{0}"
    CHANGE = "d{0}"
    INITIAL_DECAY = "d{0}_0"
    UPDATE_DECAY = "dU_{0}"
    MEMORY = "{0}"

    @property
    def is_change(self) -> bool:
        """Whether the part lasts for a step only."""
        return self in (Kind.CHANGE, *DECAYS.values())


DECAYS: Mapping[Kind, Kind] = MappingProxyType(
    {Kind.INITIAL: Kind.INITIAL_DECAY, Kind.UPDATE: Kind.UPDATE_DECAY},
)
"""What weight decay changes of each part of a tensor."""


@dataclass(frozen=True, slots=True, eq=False)
class Part(Shared):
    """A part of a tensor: initial, the sum of its updates so far, what a step makes of either; or a memory of it.

    A step changes a tensor by its update rule's step, and by the decay of the initial part and of the updates. Under
    weight decay the initial part is a multiple of W_0, and the updates are those that are left.
    """

    tensor: str
    kind: Kind

    def __str__(self) -> str:
        return self.kind.value.format(self.tensor)


Label = tuple[Part, ...]
"""The parts that a term multiplies, in the order in which the product is written; empty for given data."""


def is_initial(label: Label) -> bool:
    """Whether a term is made from initial parts and given data alone."""
    return all(part.kind is Kind.INITIAL for part in label)


@dataclass(frozen=True, slots=True)
class FormalSum(Generic[T]):
    """A sum whose terms are kept apart, one a label. The empty sum is zero.

    The algebra of labels is written here once; what a term *is* (an exponent, a tensor) is its reading's business.
    """

    terms: tuple[tuple[Label, T], ...] = ()

    def __iter__(self) -> Iterator[tuple[Label, T]]:
        return iter(self.terms)

    @property
    def is_zero(self) -> bool:
        """Whether the sum is empty, that is, identically zero."""
        return not self.terms

    def get(self, label: Label) -> T | None:
        """The term with a label, or None."""
        return next((term for key, term in self.terms if key == label), None)

    def mapped(self, function: Callable[[Label, T], R]) -> FormalSum[R]:
        """The sum with a function applied to each term."""
        return FormalSum(tuple((label, function(label, term)) for label, term in self.terms))

    def multiplied(self, other: FormalSum[S], product: Callable[[Label, T, S], R]) -> FormalSum[R]:
        """A bilinear product, term by term: (a + b)(c + d) = ac + ad + bc + bd."""
        return FormalSum(
            tuple((left + right, product(left + right, x, y)) for left, x in self.terms for right, y in other.terms)
        )

    def added(self, other: FormalSum[T], add: Callable[[Label, T, T], T]) -> FormalSum[T]:
        """The sum of two sums; terms with the same label are brought together by `add`."""
        terms = dict(self.terms)
        for label, term in other.terms:
            terms[label] = add(label, terms[label], term) if label in terms else term
        return FormalSum(tuple(terms.items()))

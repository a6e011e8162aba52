"""Alignment: how much a sum over an axis adds, and the policy that can set it otherwise or do without its grounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction

from gamma_calc.algebra import VANISHING, Affine, Exponent, Inequality, Polyhedron
from gamma_calc.calculus.assumptions import (
    ALIGNMENT,
    FIXED_RUN,
    NO_CANCELLATION,
    SYMMETRIC_INIT,
    Assumption,
    dispensed,
)
from gamma_calc.calculus.provenance import Provenance
from gamma_calc.calculus.size import Size
from gamma_calc.errors import BadInput
from gamma_calc.program.axes import Axis

HALF = Fraction(1, 2)


class Alignment(Enum):
    """How the summands of a contraction relate to each other."""

    FIXED = "fixed"
    INDEPENDENT = "independent"
    ECHOING = "echoing"
    ALIGNED = "aligned"
    DILUTED = "diluted"


def alignment(left: Provenance, right: Provenance, axis: Axis) -> Alignment:
    """How the products of two terms relate to each other along an axis.

    A fixed number of summands; centred and uncorrelated ones (a flip along the axis changes their sign), or such ones
    that have seen the flipped tensor through a sum over this axis as well; a fresh tensor against something that has
    seen it only through sums over its other axes; or anything else.

    The second kind echoes: it hides a part that no flip centres. B_0^T B_0 x, a sum over the rank and the outputs, is x
    times the number of outputs and a rest that is odd in B_0; against x the one is aligned and the other independent.

    Source: the three sums of the calculus; independent and aligned are the central limit theorem and the law of large
    numbers of Yang and Hu, "Tensor Programs IV", and of Hayou et al., who use them silently.
    """
    if axis.is_fixed:
        return Alignment.FIXED
    flipped = {flip.tensor for flip in left.multiplied(right).odd if flip.axis == axis}
    if flipped:
        has_echo = any(sight.tensor in flipped and axis in sight.summed for sight in left.seen | right.seen)
        return Alignment.ECHOING if has_echo else Alignment.INDEPENDENT
    if _dilutions(left, right, axis):
        return Alignment.DILUTED
    return Alignment.ALIGNED


@dataclass(frozen=True, slots=True)
class Policy:
    """Which alignment exponents to use instead of the calculus's own, and which assumptions to do without.

    `coefficients` pairs a kind of sum with the exponent that it adds per unit of the axis's size: a rational in
    [1/2, 1], or a free exponent where the axis's size is a number (the alpha, omega and u of Everett et al.).
    A sum whose kind rests on an assumption in `without`, and whose coefficient is not set, adds a coefficient that is
    only known to lie in [1/2, 1], or to be at most 1 where sums may cancel.

    Raises:
        BadInput: a coefficient lies outside [1/2, 1], or is set twice or for a fixed axis; an assumption is
            indispensable.
    """

    coefficients: tuple[tuple[Alignment, Affine], ...] = ()
    without: frozenset[Assumption] = frozenset()

    def __post_init__(self) -> None:
        for kind, value in self.coefficients:
            if kind is Alignment.FIXED:
                raise BadInput("a sum over a fixed number of terms has no alignment to set")
            if value.is_constant and not HALF <= value.constant <= 1:
                raise BadInput(f"the alignment of {kind.value} sums is {value}: expected a rational from 1/2 to 1")
        if len(dict(self.coefficients)) < len(self.coefficients):
            raise BadInput("the alignment of one kind of sums is set twice")
        dispensed([assumption.key for assumption in self.without])

    @property
    def free(self) -> tuple[str, ...]:
        """The free exponents among the alignments, in the order in which they were set."""
        return tuple(dict.fromkeys(name for _, value in self.coefficients for name in value.free))

    @property
    def domain(self) -> Polyhedron:
        """Where the alignments are alignments: from 1/2, a random walk, to 1, summands of one sign."""
        forms = [form for _, value in self.coefficients for form in (value - HALF, 1 - value)]
        return Polyhedron.of(*map(Inequality, forms))

    def titled(self, scheme: str) -> str:
        """The words for a scheme with what is supposed of it otherwise than the calculus does.

        >>> Policy(without=dispensed(["A5"])).titled("init-a under adam")
        'init-a under adam, without A5'
        """
        without = [f"without {assumption.key}" for assumption in self._missing]
        return ", ".join([scheme, *without, *(f"{kind.value} sums {value}" for kind, value in self.coefficients)])

    @property
    def lines(self) -> tuple[str, ...]:
        """What is supposed, a line each, with the words of every assumption that is missing."""
        without = [f"without {assumption}" for assumption in self._missing]
        return (*without, *(f"alignment of {kind.value} sums: {value}" for kind, value in self.coefficients))

    @property
    def _missing(self) -> list[Assumption]:
        return sorted(self.without, key=lambda assumption: assumption.number)

    def at(self, values: Mapping[str, Affine]) -> Policy:
        """The policy with some of its free exponents replaced, exactly.

        Raises:
            BadInput: an alignment leaves [1/2, 1].
        """
        return replace(self, coefficients=tuple((kind, form.substituted(values)) for kind, form in self.coefficients))

    def coefficient(self, kind: Alignment) -> Affine | None:
        """The alignment that is set for a kind of sum, if one is."""
        return dict(self.coefficients).get(kind)

    def gain(self, left: Provenance, right: Provenance, axis: Axis) -> Exponent:
        """The exponent that the sum over `axis` adds to that of its summands, or an upper bound of it."""
        return self.gains(left, right, axis, alignment(left, right, axis)).upper

    def gains(self, left: Provenance, right: Provenance, axis: Axis, kind: Alignment) -> Size:
        """What a sum of a kind adds to the exponent of its summands: exact where the kind's grounds are there."""
        coefficient = self.coefficient(kind)
        if coefficient is not None:
            return Size.exactly(Exponent.of(_product(coefficient, axis.size)))
        known = _own_gain(kind, left, right, axis)
        lost = GROUNDS[kind] & self.without
        if not lost:
            return Size(known, Exponent.of(axis.size) if kind is Alignment.ECHOING else known)
        may_cancel = axis.is_fixed or NO_CANCELLATION in self.without
        return Size(
            VANISHING if may_cancel else Exponent.of(axis.size * HALF),
            Exponent.of(axis.size) if SYMMETRIC_INIT in lost else known,
        )


CALCULUS = Policy()
"""The calculus's own alignments, on all its assumptions."""

GROUNDS: Mapping[Alignment, frozenset[Assumption]] = {
    Alignment.FIXED: frozenset((FIXED_RUN, NO_CANCELLATION)),
    Alignment.INDEPENDENT: frozenset((SYMMETRIC_INIT,)),
    Alignment.ECHOING: frozenset((SYMMETRIC_INIT,)),
    Alignment.ALIGNED: frozenset((ALIGNMENT,)),
    Alignment.DILUTED: frozenset((SYMMETRIC_INIT, ALIGNMENT)),
}
"""The assumptions that the gain of each kind of sum rests on."""


def _own_gain(kind: Alignment, left: Provenance, right: Provenance, axis: Axis) -> Exponent:
    match kind:
        case Alignment.FIXED:
            return Exponent.of(0)
        case Alignment.INDEPENDENT | Alignment.ECHOING:
            return Exponent.of(axis.size * HALF)
        case Alignment.ALIGNED:
            return Exponent.of(axis.size)
        case Alignment.DILUTED:
            gain = Exponent.of(axis.size * HALF)
            for other in _dilutions(left, right, axis):
                gain |= Exponent.of(axis.size - other * HALF)
            return gain


def _dilutions(left: Provenance, right: Provenance, axis: Axis) -> tuple[Affine, ...]:
    """The sizes of the sums through which one side has seen the other, where the other is a fresh tensor."""
    return tuple(
        sum((other.size for other in sight.summed if other != axis), Affine.of(0))
        for fresh, seen in ((left.fresh, right.seen), (right.fresh, left.seen))
        if fresh is not None and axis in fresh.axes
        for sight in sorted(seen, key=str)
        if sight.tensor == fresh and sight.summed
    )


def _product(coefficient: Affine, size: Affine) -> Affine:
    if size.is_constant:
        return coefficient * size.constant
    if coefficient.is_constant:
        return size * coefficient.constant
    raise BadInput(f"an alignment of {coefficient} over an axis of size n^({size}) is a product of two free exponents")

"""Alignment: how much a sum over an axis adds, and the policy that can set it otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from gamma_calc.algebra import Affine, Exponent
from gamma_calc.calculus.provenance import Provenance
from gamma_calc.errors import BadInput
from gamma_calc.program.axes import Axis

HALF = Fraction(1, 2)


class Alignment(Enum):
    """How the summands of a contraction relate to each other."""

    FIXED = "fixed"
    INDEPENDENT = "independent"
    ALIGNED = "aligned"
    DILUTED = "diluted"


def alignment(left: Provenance, right: Provenance, axis: Axis) -> Alignment:
    """How the products of two terms relate to each other along an axis.

    A fixed number of summands; centred and uncorrelated ones (a flip along the axis changes their sign); a fresh tensor
    against something that has seen it only through sums over its other axes; or anything else.

    Source: the three sums of the calculus; independent and aligned are the central limit theorem and the law of large
    numbers of Yang and Hu, "Tensor Programs IV", and of Hayou et al., who use them silently.
    """
    if axis.is_fixed:
        return Alignment.FIXED
    if any(flip.axis == axis for flip in left.multiplied(right).odd):
        return Alignment.INDEPENDENT
    if _dilutions(left, right, axis):
        return Alignment.DILUTED
    return Alignment.ALIGNED


@dataclass(frozen=True, slots=True)
class Policy:
    """Which alignment exponents to use instead of the calculus's own.

    `coefficients` pairs a kind of sum with the exponent that it adds per unit of the axis's size: a rational in
    [1/2, 1], or a free exponent where the axis's size is a number (the alpha, omega and u of Everett et al.).

    Raises:
        BadInput: a coefficient lies outside [1/2, 1] or is set for a fixed axis.
    """

    coefficients: tuple[tuple[Alignment, Affine], ...] = ()

    def __post_init__(self) -> None:
        for kind, value in self.coefficients:
            if kind is Alignment.FIXED:
                raise BadInput("a sum over a fixed number of terms has no alignment to set")
            if value.is_constant and not HALF <= value.constant <= 1:
                raise BadInput(f"the alignment of {kind.value} sums is {value}: expected a rational from 1/2 to 1")

    def gain(self, left: Provenance, right: Provenance, axis: Axis) -> Exponent:
        """The exponent that the sum over `axis` adds to that of its summands."""
        kind = alignment(left, right, axis)
        for replaced, coefficient in self.coefficients:
            if replaced is kind:
                return Exponent.of(_product(coefficient, axis.size))
        match kind:
            case Alignment.FIXED:
                return Exponent.of(0)
            case Alignment.INDEPENDENT:
                return Exponent.of(axis.size * HALF)
            case Alignment.ALIGNED:
                return Exponent.of(axis.size)
            case Alignment.DILUTED:
                gain = Exponent.of(axis.size * HALF)
                for other in _dilutions(left, right, axis):
                    gain |= Exponent.of(axis.size - other * HALF)
                return gain


CALCULUS = Policy()
"""The calculus's own alignments."""


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

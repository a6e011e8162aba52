"""Alignment: how much a sum over an axis adds, and the policy that can set it otherwise or do without its grounds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction
from functools import lru_cache

from gamma_calc.algebra import VANISHING, Affine, Exponent, Inequality, Polyhedron
from gamma_calc.calculus.assumptions import (
    ALIGNMENT,
    FIXED_RUN,
    NO_CANCELLATION,
    SYMMETRIC_INIT,
    Assumption,
    dispensable,
)
from gamma_calc.calculus.provenance import (
    Entries,
    Flip,
    Provenance,
    Sight,
    contracted,
    dot_parts,
    is_centred,
    long_axis,
    text,
    walks,
)
from gamma_calc.calculus.size import Size
from gamma_calc.errors import BadInput
from gamma_calc.program.axes import Axis
from gamma_calc.program.shared import Shared

HALF = Fraction(1, 2)


class Alignment(Enum):
    """How the summands of a contraction relate to each other."""

    FIXED = "fixed"
    INDEPENDENT = "independent"
    ALIGNED = "aligned"
    DILUTED = "diluted"


@dataclass(frozen=True, slots=True, eq=False)
class Summation(Shared):
    """A sum over axes of the products of two terms, or one part of it, and what it leaves.

    `gain` is the exponent that the sum adds to that of its summands, of at most `size`, that of the number of summands;
    `provenance` is that of its value.
    """

    kind: Alignment
    over: tuple[Axis, ...]
    gain: Affine
    provenance: Provenance

    @property
    def size(self) -> Affine:
        """The exponent of the number of summands."""
        return _size(self.over)


@lru_cache(maxsize=65536)
def summations(left: Provenance, right: Provenance, over: tuple[Axis, ...]) -> tuple[Summation, ...]:
    """The parts of a contraction, by how the products of two terms relate to each other along the axes.

    Over n^delta coordinates, with n^mu of them in a sum that came before:

        sum                                      kind                      adds
        over axes of fixed size                  fixed                     0
        x . x                                    aligned                   delta
        W x, where x has not met W               independent               delta/2
        W x, where x has seen W^T y              independent and diluted   delta/2 and delta - mu/2
        (W x) . (W y), where x . y is a walk     independent and diluted   delta/2 and delta - mu/2

    Over axes of fixed size nothing need be told apart: n^(-mu/2) is as much as a sum over the n^mu of y can gain on it.

    Source: Yang, "Tensor Programs III", Z^(Wx) = hat Z^(Wx) + dot Z^(Wx), for a random tensor's sum with what has seen
    it; the central limit theorem and the law of large numbers for the others, as Hayou et al. use them silently.
    """
    whole = contracted(left, right, over)
    if not _grows(over):
        return (Summation(Alignment.FIXED, over, Affine.of(0), whole),)
    term, other = (left, right) if _is_summed(left.fresh, over) else (right, left)
    tensor = term.fresh
    if tensor is None or not _is_summed(tensor, over):
        return _of_two(left, right, over, whole)
    sights = [sight for sight in other.seen if _is_met(sight, tensor, over)]
    if any(_is_elsewhere(sight, tensor, over) for sight in sights):
        return _of_two(left, right, over, whole)
    return _hat_and_dot(term, other, sights, over, whole)


def _of_two(left: Provenance, right: Provenance, over: tuple[Axis, ...], whole: Provenance) -> tuple[Summation, ...]:
    """A sum of two factors: independent where a flip along an axis changes the sign of the products, else aligned.

    Summands (W x)_i (W y)_i know of each other by x . y only. Where that is a random walk over n^mu terms, a share
    n^(-mu/2) of them is aligned, and the rest is independent, as rows of W are. So it is for (W x)_i times anything
    that has seen W through such (W y)_i, and for a product (W x)_i (W y)_i against what has not seen W.
    """
    centred = {axis for axis in over if is_centred(left, right, axis)}
    if centred:
        return (Summation(Alignment.INDEPENDENT, over, _summed(over, centred), whole),)
    along = long_axis(over)
    lengths = frozenset[Affine]() if along is None else walks(left, right, along)
    if not lengths:
        return (Summation(Alignment.ALIGNED, over, _size(over), whole),)
    diluted = (_size(over) - length * HALF for length in sorted(lengths, key=str))
    return (
        Summation(Alignment.INDEPENDENT, over, _size(over) * HALF, whole),
        *(Summation(Alignment.DILUTED, over, gain, whole) for gain in diluted),
    )


def _hat_and_dot(
    term: Provenance, other: Provenance, sights: Sequence[Sight], over: tuple[Axis, ...], whole: Provenance
) -> tuple[Summation, ...]:
    """A sum of a random tensor W against x: the hat, independent of all before, and a dot for each y in W^T y.

    With n^mu summands in W^T y an entry of x knows each of W as far as n^(-mu/2), so the part along y adds
    delta - mu/2; and delta/2 - mu/2 where x is odd under a flip along the axis that is not of W, as an entrywise
    product of W^T y and V^T z is.
    """
    tensor = term.fresh
    assert tensor is not None  # the term is W
    hat = Summation(Alignment.INDEPENDENT, over, _size(over) * HALF, whole)
    flips = {Flip(tensor.tensor, axis, place) for axis, place in tensor.at if place in over}
    if not flips & other.flips:
        return (hat,)
    # The part along y is y times a sum of the derivatives of x by W^T y; what else x is odd under centres that sum.
    odd = {flip.at for flip in other.odd - flips}.intersection(over)
    dots: dict[tuple[Provenance, Affine], Provenance] = {}
    for sight in sights:
        gain = _summed(over, odd) - sight.length * HALF
        for dot in dot_parts(term, sight, other, over):
            alike = dots.get((dot.parity, gain))
            dots[dot.parity, gain] = dot if alike is None else alike.joined(dot)
    ordered = sorted(dots.items(), key=lambda dot: (text(dot[1]), str(dot[0][1])))
    return (hat, *(Summation(Alignment.DILUTED, over, gain, dot) for (_, gain), dot in ordered))


def _is_summed(tensor: Entries | None, over: tuple[Axis, ...]) -> bool:
    return tensor is not None and tensor.places.issuperset(over)


def _is_met(sight: Sight, tensor: Entries, over: tuple[Axis, ...]) -> bool:
    """Whether a dependence is on the entries of a tensor that a sum takes: rows of a square W are not its columns."""
    if sight.tensor is not tensor.tensor:
        return False
    summed = [pair for pair in sight.entries.at if pair[1] in over]
    return bool(summed) and set(summed) <= set(tensor.at)


def _is_elsewhere(sight: Sight, tensor: Entries, over: tuple[Axis, ...]) -> bool:
    """Whether other entries are seen too than those of the same slice, where a tensor is a stack of matrices."""
    apart = [pair for pair in sight.entries.at if pair[1] not in over]
    return bool(apart) and (len(sight.entries.at) == len(tensor.at) or not set(apart) <= set(tensor.at))


def _size(axes: Iterable[Axis]) -> Affine:
    return sum((axis.size for axis in axes), Affine.of(0))


def _summed(over: Iterable[Axis], centred: Collection[Axis]) -> Affine:
    """What a sum adds: the size of an axis, or half of it where the summands are centred along it."""
    return sum((axis.size * HALF if axis in centred else axis.size for axis in over), Affine.of(0))


def _grows(axes: Iterable[Axis]) -> bool:
    return any(not axis.is_fixed for axis in axes)


@dataclass(frozen=True, slots=True, eq=False)
class Policy(Shared):
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
        dispensable([assumption.key for assumption in self.without])

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

        >>> Policy(without=dispensable(["A5"])).titled("init-a under adam")
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
        return sorted(self.without)

    def at(self, values: Mapping[str, Affine]) -> Policy:
        """The policy with some of its free exponents replaced, exactly.

        Raises:
            BadInput: an alignment leaves [1/2, 1].
        """
        return replace(self, coefficients=tuple((kind, form.substituted(values)) for kind, form in self.coefficients))

    def coefficient(self, kind: Alignment) -> Affine | None:
        """The alignment that is set for a kind of sum, if one is."""
        return dict(self.coefficients).get(kind)

    def gain(self, summation: Summation) -> Size:
        """What a sum adds to the exponent of its summands: exact where the grounds of its kind are there."""
        if self is CALCULUS:
            return _known(summation.gain)
        kind = summation.kind
        coefficient = self.coefficient(kind) if _grows(summation.over) else None
        if coefficient is not None:
            return Size.exactly(Exponent.of(_product(coefficient, summation.size)))
        known = _known(summation.gain)
        lost = GROUNDS[kind] & self.without
        if not lost:
            return known
        size = summation.size
        may_cancel = kind in (Alignment.FIXED, Alignment.DILUTED) or NO_CANCELLATION in self.without
        return Size(
            VANISHING if may_cancel else Exponent.of(size * HALF),
            Exponent.of(size) if SYMMETRIC_INIT in lost else known.upper,
        )


@lru_cache
def _known(gain: Affine) -> Size:
    return Size.exactly(Exponent.of(gain))


CALCULUS = Policy()
"""The calculus's own alignments, on all its assumptions."""

GROUNDS: Mapping[Alignment, frozenset[Assumption]] = {
    Alignment.FIXED: frozenset((FIXED_RUN, NO_CANCELLATION)),
    Alignment.INDEPENDENT: frozenset((SYMMETRIC_INIT,)),
    Alignment.ALIGNED: frozenset((ALIGNMENT,)),
    Alignment.DILUTED: frozenset((SYMMETRIC_INIT, ALIGNMENT)),
}
"""The assumptions that the gain of each kind of sum rests on."""


def _product(coefficient: Affine, size: Affine) -> Affine:
    if size.is_constant:
        return coefficient * size.constant
    if coefficient.is_constant:
        return size * coefficient.constant
    raise BadInput(f"an alignment of {coefficient} over an axis of size n^({size}) is a product of two free exponents")

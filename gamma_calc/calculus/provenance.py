"""Provenance: what a term is made from, as far as a later sum over an axis can feel it.

Flipping the sign of one row or column of a random initial tensor W leaves its law unchanged. A term that changes sign
along with it is *odd* under that symmetry. If the summands of a contraction are odd under a flip at their own index,
they are centred and uncorrelated, and the sum is no larger than a random walk; if they are even, nothing stops their
mean from being as large as they are. *Seen* records through which sums a term depends on W: a term that has seen W only
through a sum over an axis of n^mu coordinates is correlated with a single entry of W no more than n^(-mu/2).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gamma_calc.program.axes import Axis


@dataclass(frozen=True, slots=True)
class Random:
    """A random tensor at the start of a program; each of its axes of growing size carries a sign symmetry."""

    name: str
    axes: tuple[Axis, ...]


@dataclass(frozen=True, slots=True)
class Flip:
    """The symmetry that flips the sign of one slice of a random tensor across an axis."""

    tensor: Random
    axis: Axis


@dataclass(frozen=True, slots=True)
class Sight:
    """A dependence on a random tensor through sums over some of its axes."""

    tensor: Random
    summed: frozenset[Axis]

    def through(self, axis: Axis) -> Sight:
        """The same dependence after one more sum."""
        return Sight(self.tensor, self.summed | {axis}) if axis in self.tensor.axes else self


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a term is made from.

    `fresh` is the random tensor that the term *is*, up to a scalar; `odd` the flips that change its sign; `mixed` those
    under which it has an odd and an even part; `seen` its dependences. Given data are the empty provenance. `made`
    names the components of a state that a term is a product of, where a step is read for what it makes of each.
    """

    fresh: Random | None = None
    odd: frozenset[Flip] = field(default=frozenset())
    mixed: frozenset[Flip] = field(default=frozenset())
    seen: frozenset[Sight] = field(default=frozenset())
    made: tuple[str, ...] = ()

    @classmethod
    def of(cls, tensor: Random) -> Provenance:
        """A fresh random tensor, odd under the flips of each of its axes that grow."""
        flips = frozenset(Flip(tensor, axis) for axis in tensor.axes if not axis.is_fixed)
        return cls(tensor, flips, frozenset(), frozenset((Sight(tensor, frozenset()),)))

    @property
    def parity(self) -> Provenance:
        """The provenance up to what has been seen: terms that agree here are of one kind in later sums."""
        return Provenance(self.fresh, self.odd, self.mixed, made=self.made)

    @property
    def unmarked(self) -> Provenance:
        """The provenance whatever components it is made from."""
        return replace(self, made=()) if self.made else self

    def multiplied(self, other: Provenance) -> Provenance:
        """The provenance of an entrywise or outer product: flips that change both factors change nothing."""
        mixed = self.mixed | other.mixed
        made = tuple(sorted(self.made + other.made)) if self.made and other.made else self.made or other.made
        return Provenance(None, (self.odd ^ other.odd) - mixed, mixed, self.seen | other.seen, made)

    def summed(self, axis: Axis) -> Provenance:
        """The provenance after a sum over an axis: its flips act inside the sum and are lost."""
        return Provenance(
            self.fresh,
            frozenset(flip for flip in self.odd if flip.axis != axis),
            frozenset(flip for flip in self.mixed if flip.axis != axis),
            frozenset(sight.through(axis) for sight in self.seen),
            self.made,
        )

    def joined(self, other: Provenance) -> Provenance:
        """The provenance of a sum of terms of one parity."""
        return Provenance(self.fresh, self.odd, self.mixed, self.seen | other.seen, self.made)

    @property
    def blurred(self) -> Provenance:
        """The provenance of a function that is neither odd nor even: every flip of what was seen may act either way."""
        flips = frozenset(
            Flip(sight.tensor, axis)
            for sight in self.seen
            for axis in sight.tensor.axes
            if axis not in sight.summed and not axis.is_fixed
        )
        return Provenance(None, frozenset(), flips, self.seen)

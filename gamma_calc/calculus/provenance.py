"""Provenance: what a term is made from, as far as a later sum over an axis can tell.

Flipping the sign of one row or column of a random initial tensor W leaves its law unchanged. A term that changes sign
along with it is *odd* under that symmetry. If the summands of a contraction are odd under a flip at their own index,
they are centred and uncorrelated, and the sum is no larger than a random walk; if they are even, nothing stops their
mean from being as large as they are. *Seen* records how a term depends on W: on its entries at an index of the term, or
through sums over some of its axes, and what W was multiplied with in such a sum. A later sum of W against the term
brings that back: of W (W^T y), the part along y.

A flip and a dependence belong to an axis of the tensor *at* an axis of the term: a square matrix has two axes of one
size, and an output of one layer is an input of the next under another name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, reduce

from gamma_calc.algebra import Affine
from gamma_calc.program.axes import Axis

DEPTH = 1
"""How many sums back a dependence remembers what each random tensor was multiplied with."""


@dataclass(frozen=True, slots=True)
class Random:
    """A random tensor at the start of a program; each of its axes of growing size carries a sign symmetry."""

    name: str
    axes: tuple[Axis, ...]


@dataclass(frozen=True, slots=True)
class Flip:
    """The symmetry that flips the sign of one slice of a random tensor across `axis`, where the term's axis is `at`."""

    tensor: Random
    axis: Axis
    at: Axis

    def renamed(self, old: Axis, new: Axis) -> Flip:
        """The flip in a term with one axis under another name."""
        return replace(self, at=new) if self.at == old else self


@dataclass(frozen=True, slots=True)
class Sight:
    """A dependence on a random tensor.

    `at` gives, by axis of the tensor, the axis of the term at which its entries are seen; an axis that was summed over
    is not there. Where all others were summed over at once against one factor, `factor` is the provenance of that
    factor at the axis that was summed over, which is called `SUMMED`.
    """

    tensor: Random
    at: tuple[tuple[Axis, Axis], ...]
    factor: Provenance | None = None

    @property
    def places(self) -> frozenset[Axis]:
        """The axes of the term at which entries of the tensor are seen."""
        return frozenset(place for _, place in self.at)

    def place(self, axis: Axis) -> Axis | None:
        """Where an axis of the tensor is seen, or None if it was summed over."""
        return dict(self.at).get(axis)

    def renamed(self, old: Axis, new: Axis) -> Sight:
        """The dependence of a term with one axis under another name."""
        if old not in self.places:
            return self
        return replace(self, at=tuple((axis, new if place == old else place) for axis, place in self.at))

    def summed(self, over: Iterable[Axis], factor: Provenance | None = None) -> Sight:
        """The dependence after a sum over some axes of the term; `factor` is what the tensor itself was summed with."""
        gone = self.places.intersection(over)
        if not gone:
            return self
        return Sight(self.tensor, tuple(pair for pair in self.at if pair[1] not in gone), factor)


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a term is made from.

    `fresh` is the random tensor that the term *is*, up to a scalar; `odd` the flips that change its sign; `mixed` those
    under which it has an odd and an even part; `seen` its dependences. Given data are the empty provenance. `made`
    names the components of a state that a term is a product of, where a step is read for what it makes of each.
    """

    fresh: Sight | None = None
    odd: frozenset[Flip] = field(default=frozenset())
    mixed: frozenset[Flip] = field(default=frozenset())
    seen: frozenset[Sight] = field(default=frozenset())
    made: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "seen", _distinct(self.seen))

    @classmethod
    def of(cls, tensor: Random) -> Provenance:
        """A fresh random tensor, odd under the flips of each of its axes that grow."""
        flips = frozenset(Flip(tensor, axis, axis) for axis in tensor.axes if not axis.is_fixed)
        itself = Sight(tensor, tuple((axis, axis) for axis in tensor.axes))
        return cls(itself, flips, frozenset(), frozenset((itself,)))

    @property
    def parity(self) -> Provenance:
        """The provenance up to what has been seen: terms that agree here are of one kind in later sums."""
        return Provenance(self.fresh, self.odd, self.mixed, made=self.made)

    @property
    def unmarked(self) -> Provenance:
        """The provenance whatever components it is made from."""
        return replace(self, made=()) if self.made else self

    @property
    def flips(self) -> frozenset[Flip]:
        """The flips that change the term."""
        return self.odd | self.mixed

    def multiplied(self, other: Provenance) -> Provenance:
        """The provenance of an entrywise or outer product: flips that change both factors change nothing."""
        mixed = self.mixed | other.mixed
        return Provenance(None, (self.odd ^ other.odd) - mixed, mixed, self.seen | other.seen, self.made_with(other))

    def made_with(self, other: Provenance) -> tuple[str, ...]:
        """The components of a state that a product is made from."""
        return tuple(sorted(self.made + other.made)) if self.made and other.made else self.made or other.made

    def renamed(self, old: Axis, new: Axis) -> Provenance:
        """The provenance with one axis under another name."""
        return self._mapped(lambda flip: flip.renamed(old, new), lambda sight: sight.renamed(old, new))

    def summed(self, over: Iterable[Axis]) -> Provenance:
        """The provenance after a sum over some axes: their flips act inside the sum and are lost."""
        gone = frozenset(over)
        return Provenance(
            self.fresh,
            frozenset(flip for flip in self.odd if flip.at not in gone),
            frozenset(flip for flip in self.mixed if flip.at not in gone),
            frozenset(sight.summed(gone) for sight in self.seen),
            self.made,
        )

    def joined(self, other: Provenance) -> Provenance:
        """The provenance of a sum of terms of one parity."""
        return Provenance(self.fresh, self.odd, self.mixed, self.seen | other.seen, self.made)

    @property
    def even_and_odd(self) -> Provenance:
        """The provenance of a function that is neither odd nor even: each flip may change its value either way."""
        return Provenance(None, frozenset(), self.flips, self.seen, self.made)

    def _mapped(self, flip: Callable[[Flip], Flip], sight: Callable[[Sight], Sight]) -> Provenance:
        return Provenance(
            None if self.fresh is None else sight(self.fresh),
            frozenset(map(flip, self.odd)),
            frozenset(map(flip, self.mixed)),
            frozenset(map(sight, self.seen)),
            self.made,
        )


@lru_cache(maxsize=65536)
def _distinct(seen: frozenset[Sight]) -> frozenset[Sight]:
    """Dependences without what no sum can meet again, and those that differ in what their factors saw as one."""
    found: dict[tuple[Random, tuple[tuple[Axis, Axis], ...], Provenance | None], list[Sight]] = {}
    for sight in seen:
        if sight.at:
            parity = None if sight.factor is None else sight.factor.parity
            found.setdefault((sight.tensor, sight.at, parity), []).append(sight)
    return frozenset(each[0] if len(each) == 1 else _as_one(each) for each in found.values())


def _as_one(sights: Sequence[Sight]) -> Sight:
    factors = [sight.factor for sight in sights if sight.factor is not None]
    return replace(sights[0], factor=reduce(Provenance.joined, factors) if factors else None)


SUMMED = Axis("summed", Affine.of(0))
"""The axis of a factor that a tensor was summed with, in the provenance that a dependence remembers of it."""


@lru_cache(maxsize=65536)
def seen_at(term: Provenance, place: Axis, depth: int = DEPTH) -> Provenance:
    """A term as a tensor that is summed with it at one of its axes remembers it: what belongs to that axis, as SUMMED.

    Of sums further back than `depth` only the signs are kept.
    """
    seen = (_remembered(sight, place, depth) for sight in term.seen if place in sight.places)
    odd, mixed = (
        frozenset(flip.renamed(place, SUMMED) for flip in flips if flip.at == place) for flips in (term.odd, term.mixed)
    )
    return Provenance(None, odd, mixed, frozenset(seen))


def _remembered(sight: Sight, place: Axis, depth: int) -> Sight:
    at = tuple((axis, SUMMED) for axis, where in sight.at if where == place)
    factor = sight.factor
    if factor is not None:
        factor = seen_at(factor, SUMMED, depth - 1) if depth else Provenance(None, factor.odd, factor.mixed)
    return Sight(sight.tensor, at, factor)


def contracted(left: Provenance, right: Provenance, over: tuple[Axis, ...]) -> Provenance:
    """The provenance of a sum of products; a random tensor remembers what it was summed with."""
    found = left.multiplied(right).summed(over)
    for tensor, other in ((left.fresh, right), (right.fresh, left)):
        if tensor is not None and len(over) == 1 and over[0] in tensor.places and len(tensor.at) == 2:
            alone = tensor.summed(over, seen_at(other.unmarked, *over))
            found = replace(found, seen=found.seen - {tensor.summed(over)} | {alone})
    return found


def dot_part(term: Provenance, sight: Sight, other: Provenance, over: tuple[Axis, ...]) -> Provenance:
    """The provenance of what a sum of W brings back of y, where the other factor has seen W^T y along the axis.

    It is y, at the axis of the term where the tensor has the axis over which it met y.
    """
    assert term.fresh is not None  # the term is W
    rest = replace(other.summed(over), made=term.made_with(other))
    if sight.factor is None:
        return rest
    (place,) = term.fresh.places.difference(over)
    return rest.multiplied(sight.factor.renamed(SUMMED, place))

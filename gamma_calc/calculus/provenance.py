"""Provenance: what a term is made from, as far as a later sum over an axis can tell.

Flipping the sign of one row or column of a random initial tensor W leaves its law unchanged. A term that changes sign
along with it is *odd* under that symmetry. If the summands of a contraction are odd under a flip at their own index,
they are centred and uncorrelated, and the sum is no larger than a random walk; if they are even, nothing stops their
mean from being as large as they are. *Seen* records how a term depends on W: on its entries at an index of the term, or
through sums over some of its axes, and what W was multiplied with in such a sum. A later sum of W against the term
brings that back: of W (W^T y), the part along y.

    term                odd under a flip of    mixed under    has seen of W
    W                   a row, a column        -              its entries
    W^T x               a column               -              W^T x
    relu(W^T x)         -                      a column       W^T x
    (W^T x) (W^T y)     -                      -              W^T x, W^T y

W^T y and W^T x change their sign together under a flip of W, and nearly independently of each other where x . y is a
random walk. *Alone* says which W^T y changes the sign of a term by itself: relu(W^T x) (W^T y) is neither odd nor even
under a flip of W, and is odd in W^T y.

A flip and a dependence belong to an axis of the tensor *at* an axis of the term: a square matrix has two axes of one
size, and an output of one layer is an input of the next under another name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import product

from gamma_calc.algebra import Affine
from gamma_calc.errors import Unknown
from gamma_calc.program.axes import Axis
from gamma_calc.program.shared import Shared

DEPTH, FEW = 1, 8
"""How many sums back a dependence remembers what each random tensor was multiplied with in earlier steps.

In a program of few tensors chains of frozen ones are remembered as a whole: alone they may bring back their start.

Of the step itself all is remembered: a gradient that came down through many layers meets each of them again on the way
up. With 0 the features of Llama under LoRA+ on all linear layers come out too small; with 3, no size is another one,
nor with all in stacks of three adapters, which take ten times as long.
"""

MOST_APART, MORE_APART = 3, 12
"""Components of one parity that are kept apart; of more, the smaller ones leave one bound.

Where that bound leaves a question open, twice as many are, and twice as many again: each takes a run twice as long.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Random(Shared):
    """A random tensor at the start of a program; each of its axes of growing size carries a sign symmetry.

    `met` are the axes along which a sum may meet what depends on the tensor, None where no program says that; a
    dependence elsewhere changes nothing. `is_open` says whether some exponent of the program is free, `apart` how many
    components of one parity that know of the tensor are kept apart, `depth` how many sums back of earlier steps it is
    remembered what it met.
    """

    name: str
    axes: tuple[Axis, ...]
    met: frozenset[Axis] | None = None
    is_open: bool = True
    apart: int = MOST_APART
    depth: int = DEPTH


@dataclass(frozen=True, slots=True, eq=False)
class Flip(Shared):
    """The symmetry that flips the sign of one slice of a random tensor across `axis`, where the term's axis is `at`."""

    tensor: Random
    axis: Axis
    at: Axis

    @property
    def is_met(self) -> bool:
        """Whether a sum may meet the tensor again along the axis."""
        return self.tensor.met is None or self.axis in self.tensor.met

    def renamed(self, old: Axis, new: Axis) -> Flip:
        """The flip in a term with one axis under another name."""
        return Flip(self.tensor, self.axis, new) if self.at is old else self


@dataclass(frozen=True, slots=True, eq=False)
class Entries(Shared):
    """Entries of a random tensor, as a term has them.

    `at` gives, by axis of the tensor, the axis of the term at which they are; one that was summed over is not there.
    """

    tensor: Random
    at: tuple[tuple[Axis, Axis], ...]

    @property
    def places(self) -> frozenset[Axis]:
        """The axes of the term at which the entries are."""
        return _places(self)

    @property
    def is_met(self) -> bool:
        """Whether a sum may meet the tensor again along one of the axes that are left."""
        return _is_met(self)

    def renamed(self, old: Axis, new: Axis) -> Entries:
        """The entries in a term with one axis under another name."""
        at = tuple((axis, new if place is old else place) for axis, place in self.at)
        return Entries(self.tensor, at) if old in self.places else self

    def summed(self, over: tuple[Axis, ...]) -> Entries:
        """What is left of them after a sum over some axes of the term."""
        return _left(self, over)


@lru_cache(maxsize=4096)
def _places(entries: Entries) -> frozenset[Axis]:
    return frozenset(place for _, place in entries.at)


@lru_cache(maxsize=4096)
def _is_met(entries: Entries) -> bool:
    met = entries.tensor.met
    return any(met is None or axis in met for axis, _ in entries.at)


@lru_cache(maxsize=4096)
def _left(entries: Entries, over: tuple[Axis, ...]) -> Entries:
    return Entries(entries.tensor, tuple(pair for pair in entries.at if pair[1] not in over))


@dataclass(frozen=True, slots=True, eq=False)
class Sight(Shared):
    """A dependence on entries of a random tensor.

    `factors` are what the tensor was multiplied with where all other axes were summed over at once, each the provenance
    of the factor at the axis that was summed over, which is called `SUMMED`. None stands for a dependence otherwise.
    """

    entries: Entries
    factors: frozenset[Provenance | None] = frozenset((None,))

    def __post_init__(self) -> None:
        if len(self.factors) > 1:
            object.__setattr__(self, "factors", _widest(self.factors))

    @property
    def tensor(self) -> Random:
        """The tensor that is seen."""
        return self.entries.tensor

    @property
    def places(self) -> frozenset[Axis]:
        """The axes of the term at which entries of the tensor are seen."""
        return _places(self.entries)

    @property
    def flips(self) -> frozenset[Flip]:
        """The flips that change the sign of what is seen."""
        return frozenset(Flip(self.tensor, axis, place) for axis, place in self.entries.at)

    @property
    def length(self) -> Affine:
        """The exponent of the number of terms of the sums through which the tensor is seen."""
        return sum((axis.size for axis in self.summed_axes), Affine.of(0))

    @property
    def summed_axes(self) -> list[Axis]:
        """The axes of the tensor that were summed over."""
        left = dict(self.entries.at)
        return [axis for axis in self.tensor.axes if axis not in left]

    def is_within(self, other: Sight) -> bool:
        """Whether no sum brings back more of this dependence than of another one on the same entries."""
        return self is other or _is_seen_within(self.factors, other.factors)

    def walks_with(self, other: Sight) -> frozenset[Affine]:
        """The lengths n^mu of the random walks by which each W x and W y know of each other; none where some do not.

        They do so by x . y. That is a walk where the product is centred, or where x and y are V u and V v that know of
        each other by walks themselves.
        """
        return _walks_of_all(self, other)

    def renamed(self, old: Axis, new: Axis) -> Sight:
        """The dependence of a term with one axis under another name."""
        return Sight(self.entries.renamed(old, new), self.factors) if old in self.places else self

    def summed(self, over: tuple[Axis, ...]) -> Sight:
        """The dependence after a sum over some axes of the term."""
        return _without(self, over)


@lru_cache(maxsize=16384)
def _without(sight: Sight, over: tuple[Axis, ...]) -> Sight:
    """What is left of a dependence: over a fixed number of slices a sum leaves what each slice met."""
    left, is_short = sight.entries.summed(over), all(place.is_fixed for place in sight.places.intersection(over))
    return Sight(left, sight.factors) if is_short else Sight(left)


@lru_cache(maxsize=65536)
def _is_seen_within(factors: frozenset[Provenance | None], others: frozenset[Provenance | None]) -> bool:
    theirs = [other for other in others if other is not None]
    return all(factor is not None and any(factor.is_within(other) for other in theirs) for factor in factors - others)


@dataclass(frozen=True, slots=True, eq=False)
class Provenance(Shared):
    """What a term is made from.

    `fresh` is the random tensor that the term *is*, up to a scalar; `odd` the flips that change its sign; `mixed` those
    under which it has an odd and an even part; `seen` its dependences. Given data are the empty provenance. `made`
    names the components of a state that a term is a product of, where a step is read for what it makes of each.
    `alone` are dependences on entries of some W^T y: for each of them the term is a sum of parts each of which changes
    its sign with one of its W^T y alone, whatever the part makes of all else that does not correlate with that. What a
    tensor met `is_past` where it did so in an earlier step.
    """

    fresh: Entries | None = None
    odd: frozenset[Flip] = field(default=frozenset())
    mixed: frozenset[Flip] = field(default=frozenset())
    seen: frozenset[Sight] = field(default=frozenset())
    made: tuple[str, ...] = ()
    alone: frozenset[Sight] = field(default=frozenset())
    is_past: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "seen", _distinct(self.seen))

    @classmethod
    def of(cls, tensor: Random) -> Provenance:
        """A fresh random tensor, odd under the flips of each of its axes that grow."""
        flips = frozenset(Flip(tensor, axis, axis) for axis in tensor.axes if not axis.is_fixed)
        itself = Entries(tensor, tuple((axis, axis) for axis in tensor.axes))
        return cls(itself, flips, frozenset(), frozenset((Sight(itself),)))

    @property
    def parity(self) -> Provenance:
        """The provenance up to what has been seen: terms that agree here are of one kind in later sums."""
        return _parity(self)

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
        return _multiplied(self, other)

    def made_with(self, other: Provenance) -> tuple[str, ...]:
        """The components of a state that a product is made from."""
        return tuple(sorted(self.made + other.made)) if self.made and other.made else self.made or other.made

    def renamed(self, old: Axis, new: Axis) -> Provenance:
        """The provenance with one axis under another name."""
        return _renamed(self, old, new)

    def summed(self, over: tuple[Axis, ...]) -> Provenance:
        """The provenance after a sum over some axes: their flips act inside the sum and are lost."""
        return _summed(self, over)

    def joined(self, *others: Provenance) -> Provenance:
        """The provenance of a sum of terms of one parity."""
        if not others:
            return self
        seen, alone = self.seen.union(*[each.seen for each in others]), _alone_in_all(self, *others)
        if len(seen) == len(self.seen) and alone == self.alone:
            return self
        return Provenance(self.fresh, self.odd, self.mixed, seen, self.made, alone, self.is_past)

    def alone_beside(self, *others: Provenance) -> frozenset[Sight]:
        """The dependences that alone change the sign, also of a product with functions of others."""
        if not self.alone:
            return self.alone
        seen = [sight for other in others for sight in other.seen]
        return frozenset(one for one in self.alone if _is_apart(one, seen))

    def is_within(self, other: Provenance) -> bool:
        """Whether no sum, now or later, gains more on a term of this provenance than on one of the other.

        The other one has seen as much, and the two differ only by flips under which it is even and odd at once: those
        never make a sum centred. Products and sums of either with the same factors are related in the same way.
        """
        return self is other or (self.differs_by_mixed(other) and _is_within(self, other))

    def differs_by_mixed(self, other: Provenance) -> bool:
        """Whether the other is even and odd at once under all flips by which the two differ."""
        return self.mixed <= other.mixed and other.odd <= self.odd and self.odd - other.odd <= other.mixed

    @property
    def even_and_odd(self) -> Provenance:
        """The provenance of a function that is neither odd nor even: each flip may change its value either way."""
        return Provenance(None, frozenset(), self.flips, self.seen, self.made)


@lru_cache(maxsize=65536)
def _parity(term: Provenance) -> Provenance:
    return Provenance(term.fresh, term.odd, term.mixed, made=term.made, is_past=term.is_past)


@lru_cache(maxsize=65536)
def _multiplied(left: Provenance, right: Provenance) -> Provenance:
    mixed = left.mixed | right.mixed
    more, less = (left.seen, right.seen) if len(left.seen) > len(right.seen) else (right.seen, left.seen)
    seen = more if less <= more else more | less
    alone = left.alone_beside(right) | right.alone_beside(left)
    fresh = left.fresh if right is PLAIN else right.fresh if left is PLAIN else None
    return Provenance(fresh, (left.odd ^ right.odd) - mixed, mixed, seen, left.made_with(right), alone)


def _is_apart(one: Sight, seen: Iterable[Sight]) -> bool:
    """Whether nothing that is seen of its tensor, at its places, correlates with a dependence.

    The rows of a square W are not its columns: (W x)_i and (W^T y)_i know nothing of each other.
    """
    at = set(one.entries.at)
    return all(
        one.entries is other.entries and one.walks_with(other)
        for other in seen
        if other.tensor is one.tensor and not at.isdisjoint(other.entries.at)
    )


def seen_by_squares(term: Provenance, others: Sequence[Provenance]) -> frozenset[Sight]:
    """What a function knows of that is even in each of some other terms, beside a term that is multiplied by it.

    That is no W^T y with which alone each of them that knows of it changes its sign, if the term met the same W and
    neither it nor one of them knows of it otherwise.
    """
    alone = frozenset[Sight]().union(*(other.alone for other in others))
    turned = [
        one
        for one in alone
        if len(one.factors) == 1
        and any(mine.entries is one.entries for mine in term.seen)
        and _is_apart(one, term.seen)
        and all(one in other.alone or _is_apart(one, other.seen) for other in others)
    ]
    seen = frozenset[Sight]().union(*(other.seen for other in others))
    return frozenset(left for each in seen if (left := _unseen(each, turned)).factors) if turned else seen


def _unseen(sight: Sight, others: Iterable[Sight]) -> Sight:
    """A dependence without what others on the same entries met."""
    return Sight(
        sight.entries, sight.factors.difference(*(each.factors for each in others if each.entries is sight.entries))
    )


def _alone_in_all(*terms: Provenance) -> frozenset[Sight]:
    """The dependences that alone change the signs of parts of a sum: one of each term, on the same entries.

    Of a product, such as (W x)(W y), either is enough: those that all terms share are kept, or else all as one.
    """
    if not all(term.alone for term in terms):
        return frozenset()
    first, *others = (_grouped(term.alone) for term in terms)
    found = set[Sight]()
    for entries, choice in first.items():
        if all(entries in other for other in others):
            every = [choice, *(other[entries] for other in others)]
            shared = set(choice).intersection(*every)
            found |= shared or {_together(*(sight for each in every for sight in each))}
    return frozenset(found)


@lru_cache(maxsize=65536)
def _renamed(term: Provenance, old: Axis, new: Axis) -> Provenance:
    return Provenance(
        None if term.fresh is None else term.fresh.renamed(old, new),
        frozenset(flip.renamed(old, new) for flip in term.odd),
        frozenset(flip.renamed(old, new) for flip in term.mixed),
        frozenset(sight.renamed(old, new) for sight in term.seen),
        term.made,
        frozenset(sight.renamed(old, new) for sight in term.alone),
    )


@lru_cache(maxsize=65536)
def _summed(term: Provenance, over: tuple[Axis, ...]) -> Provenance:
    return Provenance(
        term.fresh if term.fresh is None or term.fresh.places.isdisjoint(over) else None,
        frozenset(flip for flip in term.odd if flip.at not in over),
        frozenset(flip for flip in term.mixed if flip.at not in over),
        frozenset(sight.summed(over) for sight in term.seen),
        term.made,
        frozenset(sight for sight in term.alone if sight.places.isdisjoint(over)),
    )


@lru_cache(maxsize=65536)
def _is_within(term: Provenance, other: Provenance) -> bool:
    if term.fresh is not other.fresh or term.made != other.made or term.is_past > other.is_past:
        return False
    if not _is_alone_within(term, other):
        return False
    return _are_within(term.seen, other.seen)


def _is_alone_within(term: Provenance, other: Provenance) -> bool:
    """Whether what alone changes the sign of a term makes no sum smaller that it does not make smaller of the other."""
    return all(
        any(mine.entries is theirs.entries and mine.is_within(theirs) for mine in term.alone) for theirs in other.alone
    )


@lru_cache(maxsize=65536)
def _are_within(seen: frozenset[Sight], others: frozenset[Sight]) -> bool:
    theirs = _by_entries(others)
    return all(one.entries in theirs and one.is_within(theirs[one.entries]) for one in seen - others)


@lru_cache(maxsize=65536)
def _distinct(seen: frozenset[Sight]) -> frozenset[Sight]:
    """Dependences without what no sum can meet again, and without those that bring back no more than another one."""
    met = [alike for entries, alike in _grouped(seen).items() if entries.is_met]
    return frozenset([alike[0] if len(alike) == 1 else _together(*alike) for alike in met])


def _grouped(seen: Iterable[Sight]) -> Mapping[Entries, list[Sight]]:
    found: dict[Entries, list[Sight]] = {}
    for sight in seen:
        found.setdefault(sight.entries, []).append(sight)
    return found


@lru_cache(maxsize=65536)
def _together(one: Sight, *others: Sight) -> Sight:
    """Dependences on the same entries as one."""
    return Sight(one.entries, one.factors.union(*[each.factors for each in others]))


def common(*seen: frozenset[Sight]) -> frozenset[Sight]:
    """What several terms have all seen."""
    first, *others = map(_by_entries, seen)
    found = {
        entries: frozenset.intersection(sight.factors, *(other[entries].factors for other in others))
        for entries, sight in first.items()
        if all(entries in other for other in others)
    }
    return frozenset(Sight(entries, factors) for entries, factors in found.items() if factors)


@lru_cache(maxsize=65536)
def _by_entries(seen: frozenset[Sight]) -> Mapping[Entries, Sight]:
    """Dependences by the entries that are seen."""
    return {sight.entries: sight for sight in seen}


@lru_cache(maxsize=65536)
def _widest(factors: frozenset[Provenance | None]) -> frozenset[Provenance | None]:
    """Factors of one tensor: those that differ in what they saw as one, and none within another."""
    parities: dict[Provenance, list[Provenance]] = {}
    for each in factors:
        if each is not None:
            parities.setdefault(each.parity, []).append(each)
    found = [one.joined(*others) for one, *others in parities.values()]
    # Of two parities one is within the other only where that mixes flips that it does not.
    wide = [each for each in found if each.mixed]
    covered = [one for one in found if any(one.mixed < each.mixed and one.is_within(each) for each in wide)]
    return frozenset(found).difference(covered) | factors & {None}


SUMMED = Axis("summed", Affine.of(0))
"""The axis of a factor that a tensor was summed with, in the provenance that a dependence remembers of it."""


@lru_cache(maxsize=65536)
def seen_at(term: Provenance, place: Axis, depth: int) -> Provenance:
    """A term as a tensor that is summed with it at one of its axes remembers it: what belongs to that axis, as SUMMED.

    Of sums of earlier steps that are further back only the signs are kept; at a point also which tensors were in them,
    so that a sum with one of these is not taken for centred. Where exponents are free, it is not in any case.
    """
    seen = (_remembered(sight, place, depth) for sight in term.seen if place in sight.places)
    odd, mixed = (
        frozenset(flip.renamed(place, SUMMED) for flip in flips if flip.at == place) for flips in (term.odd, term.mixed)
    )
    return Provenance(None, odd, mixed, frozenset(seen))


@lru_cache(maxsize=65536)
def _remembered(sight: Sight, place: Axis, depth: int) -> Sight:
    factors = (_shortened(each, depth) if each is not None and each.is_past else each for each in sight.factors)
    return Sight(_entries_at(sight, place), frozenset(factors))


@lru_cache(maxsize=65536)
def _shortened(factor: Provenance, depth: int) -> Provenance:
    if depth:
        seen = frozenset(_remembered(sight, SUMMED, depth - 1) for sight in factor.seen)
    else:
        seen = frozenset(Sight(_entries_at(sight, SUMMED)) for sight in factor.seen if not sight.tensor.is_open)
    return Provenance(None, factor.odd, factor.mixed, seen, is_past=True)


def _entries_at(sight: Sight, place: Axis) -> Entries:
    return Entries(sight.tensor, tuple((axis, SUMMED) for axis, where in sight.entries.at if where is place))


@lru_cache(maxsize=65536)
def past(term: Provenance) -> Provenance:
    """The provenance of a term of an earlier step."""
    seen, alone = (frozenset(map(_in_the_past, each)) for each in (term.seen, term.alone))
    return Provenance(term.fresh, term.odd, term.mixed, seen, term.made, alone, term.is_past)


@lru_cache(maxsize=65536)
def _in_the_past(sight: Sight) -> Sight:
    return Sight(sight.entries, frozenset(each and _met_in_the_past(each) for each in sight.factors))


def _met_in_the_past(factor: Provenance) -> Provenance:
    return factor if factor.is_past else past(replace(factor, is_past=True))


def contracted(left: Provenance, right: Provenance, over: tuple[Axis, ...]) -> Provenance:
    """The provenance of a sum of products; a random tensor remembers what it was summed with."""
    found, along = left.summed(over).multiplied(right.summed(over)), long_axis(over)
    for tensor, other in ((left.fresh, right), (right.fresh, left)):
        if tensor is not None and along in tensor.places and (rest := tensor.summed(over)).at:
            met = frozenset((seen_at(other.unmarked, along, tensor.tensor.depth),))
            known = _by_entries(found.seen).get(rest, Sight(rest))
            is_summed_later = any(not place.is_fixed for place in rest.places)
            alone = found.alone | {Sight(rest, met)} if is_summed_later else found.alone
            seen = found.seen - {known} | {Sight(rest, known.factors - {None} | met)}
            found = replace(found, seen=seen, alone=alone)
    return found


def long_axis(axes: Collection[Axis]) -> Axis | None:
    """The axis along which a sum over several is long: the one that grows, or the only one. None where several are.

    A sum over a fixed number of matrices as well, such as those of a stack, leaves what each of their sums does.
    """
    growing = [axis for axis in axes if not axis.is_fixed] or [*axes]
    return growing[0] if len(growing) == 1 else None


@lru_cache(maxsize=65536)
def is_centred(left: Provenance, right: Provenance, place: Axis) -> bool:
    """Whether the products of two terms along an axis have random signs, for all that is known.

    A flip changes them. Or both terms change their sign with W, and of one it is not known what W met: of parts any of
    which may lead, only what all of them have seen is known. The sum then is at least a random walk, and a bound on
    these parts stands beside it. So it is at a point; where exponents are free, such a sum is taken as aligned.
    """
    if any(flip.at is place for flip in (left.odd ^ right.odd) - left.mixed - right.mixed):
        return True
    both = {flip for flip in left.odd & right.odd if flip.at is place and not flip.tensor.is_open}
    return any(flip.is_met and not (_seen_of(left, flip) and _seen_of(right, flip)) for flip in both)


@lru_cache(maxsize=65536)
def walks(left: Provenance, right: Provenance, place: Axis) -> frozenset[Affine]:
    """The lengths of the random walks by which two factors know of each other at an axis; none where they are aligned.

    Either both are odd in a tensor, through W x in one and W y in the other each pair of which knows of each other by
    walks. Or one changes its sign with some W x alone, and all else in both has seen W through such W y.
    """
    for flip in sorted(left.odd & right.odd, key=lambda each: (each.tensor.name, each.axis.name)):
        pairs = product(_seen_of(left, flip), _seen_of(right, flip)) if flip.at is place else ()
        found = [one.walks_with(other) for one, other in pairs]
        if found and all(found):
            return frozenset[Affine]().union(*found)
    seen = left.seen | right.seen
    alone = (
        one for term, other in ((left, right), (right, left)) for one in term.alone_beside(other) if place in one.places
    )
    beside = ((one, other) for one in alone for other in seen if other.entries is one.entries)
    return frozenset(length for one, other in beside for lengths in _walks_of_factors(one, other) for length in lengths)


def _seen_of(term: Provenance, flip: Flip) -> list[Sight]:
    return [sight for sight in term.seen if sight.tensor is flip.tensor and (flip.axis, flip.at) in sight.entries.at]


@lru_cache(maxsize=65536)
def _walks_of_all(one: Sight, other: Sight) -> frozenset[Affine]:
    """The lengths of the walks of x . y, for each factor x of one and y of the other; none where some has none."""
    found = frozenset[Affine]()
    for lengths in _walks_of_factors(one, other):
        if not lengths:
            return lengths
        found |= lengths
    return found


def _walks_of_factors(one: Sight, other: Sight) -> Iterator[frozenset[Affine]]:
    """The lengths of the walks of x . y, for each factor x of one and y of the other."""
    length = one.length
    return (_walks_of(x, y, length) for x, y in product(one.factors, other.factors))


def _walks_of(x: Provenance | None, y: Provenance | None, length: Affine) -> frozenset[Affine]:
    if x is None or y is None:
        return frozenset()
    if (x.odd ^ y.odd) - x.mixed - y.mixed:
        return frozenset((length,))
    before = walks(x, y, SUMMED)
    return before | {length} if before else before


@lru_cache(maxsize=65536)
def dot_parts(term: Provenance, sight: Sight, other: Provenance, over: tuple[Axis, ...]) -> Iterable[Provenance]:
    """The provenance of what a sum of W brings back of each y of which the other factor has seen W^T y along the axis.

    It is y, at the axis of the term where the tensor has the axis over which it met y.

    Raises:
        Unknown: W met y in sums over several axes that grow: what y is along each is not remembered.
    """
    assert term.fresh is not None  # the term is W
    lost = [str(axis) for axis in sight.summed_axes if not axis.is_fixed] if None in sight.factors else []
    if len(lost) > 1:
        met = f"{sight.tensor.name} meets again what it met in sums over {' and '.join(lost)}, which grow"
        raise Unknown(f"{met}; what that was is not remembered")
    rest = replace(other.summed(over), made=term.made_with(other))
    place = long_axis(term.fresh.places.difference(over, sight.places))
    return {
        rest if factor is None or place is None else rest.multiplied(factor.renamed(SUMMED, place))
        for factor in sight.factors
    }


@lru_cache(maxsize=65536)
def text(term: Provenance) -> str:
    """The parity in words, which are the same in every process: an order of what has none."""
    flips = (sorted(f"{flip.tensor.name}/{flip.axis}/{flip.at}" for flip in each) for each in (term.odd, term.mixed))
    return f"{term.fresh and term.fresh.tensor.name}{[*flips]}{[*term.made]}"


PLAIN = Provenance()
"""What given data are made from, as far as any sum can tell: nothing random."""

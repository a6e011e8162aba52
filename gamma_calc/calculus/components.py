"""Components, the parities of a term: how they are brought together as far as no later sum can tell.

A term is a tuple of components; of one sign parity, as many as a later sum can tell apart. See `provenance.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from gamma_calc.algebra import VANISHING, Exponent
from gamma_calc.calculus.provenance import MOST_APART, Provenance, Sight, common
from gamma_calc.calculus.size import Size
from gamma_calc.program.shared import Shared

CONSTANT = Exponent.of(0)

ONE = Size.exactly(CONSTANT)
"""The size of what neither grows nor vanishes; `CONSTANT` is its exponent."""


@dataclass(frozen=True, slots=True, eq=False)
class Component(Shared):
    """One parity of a term: how large it is and what it is made from."""

    size: Size
    provenance: Provenance


Term = tuple[Component, ...]
"""A term of a formal sum: its components."""

MOST_PARITIES = 100
"""Components of a term that are kept apart by parity; of more, half are, and the others leave one bound.

Frozen matrices that gate and shift what a norm leaves, as in a diffusion transformer, double the parities of a gradient
layer by layer.
"""


def gathered(components: Iterable[Component]) -> Term:
    """Components brought together by parity; the largest exponent leads within one, and of many parities."""
    every = tuple(components)
    if len(every) < 2:
        return every
    parities = by_parity(every).values()
    found = tuple([one for alike in parities for one in (alike if len(alike) == 1 else _apart(tuple(alike)))])
    return found if len(found) <= MOST_PARITIES else _fewer_parities(found)


@lru_cache(maxsize=4096)
def _fewer_parities(components: Term) -> Term:
    """The largest of many components, as many as say how large the term surely is, and bounds on the others.

    Under the flips by which those of a bound differ it is even and odd at once, so no later sum gains less on it.
    """
    sure = [*filter(is_there, components)]
    ranked = sorted(sure, key=lambda one: -sum(other.size.is_at_most(one.size) for other in sure))
    kept = ranked[: MOST_PARITIES // 2]
    least = total(kept)
    kept += [each for each in ranked[len(kept) :] if not each.size.is_at_most(least)]
    others: dict[tuple[object, ...], list[Component]] = {}
    for each in (one for one in components if one not in kept):
        others.setdefault((each.provenance.made, each.provenance.is_past), []).append(each)
    return (*kept, *map(_bound, others.values()))


def by_parity(components: Iterable[Component]) -> Mapping[Provenance, list[Component]]:
    """Components by their parity."""
    found: dict[Provenance, list[Component]] = {}
    for component in components:
        found.setdefault(component.provenance.parity, []).append(component)
    return found


@lru_cache(maxsize=16384)
def needed(term: Term) -> Term:
    """The components without those beside which another one is no smaller, now and in every later sum."""
    wide = [component for component in term if component.provenance.mixed]  # of others, only terms of their own parity
    return tuple([each for each in term if not _is_covered(each, wide)]) if wide else term


def _is_covered(component: Component, others: Iterable[Component]) -> bool:
    """Whether another component is no smaller, and no later sum gains less on it."""
    made = component.provenance
    return any(
        made.differs_by_mixed(other.provenance)
        and other is not component
        and component.size.is_at_most(other.size)
        and made.is_within(other.provenance)
        for other in others
    )


def say_as_much_together(terms: Iterable[Term]) -> bool:
    """Whether terms brought together say all that they say apart: not with too many parities, or components of one."""
    parities = by_parity(component for term in terms for component in term).values()
    return len(parities) <= MOST_PARITIES and all(
        len(alike) <= MOST_APART or not _are_too_many(_different(tuple(alike))) for alike in parities
    )


def _apart(components: Term) -> Sequence[Component]:
    """The components of one parity, brought together; of many the smaller ones leave one bound."""
    left = _different(components)
    return _bounds(tuple(left)) if _are_too_many(left) else left


def _are_too_many(components: Sequence[Component]) -> bool:
    return len(components) > MOST_APART and len(components) > _most_apart(components)


def _most_apart(components: Iterable[Component]) -> int:
    """How many components of one parity are kept apart; all that a run knows of say the same."""
    return next((sight.tensor.apart for each in components for sight in each.provenance.seen), MOST_APART)


@lru_cache(maxsize=65536)
def _different(components: Term) -> Sequence[Component]:
    """The components of one parity, brought together as far as no later sum can tell.

    What is left of two:

        that have seen the same                         the larger
        of one size                                     one, which has seen what either has
        one as large as the other, and has seen as much that one
        only bounded, both                              one bound
        one not the largest, which a bound hides        the bound

    Where two exponents are free, bounds stay apart: parts beside one bound, told one by one, would be told less from
    below than together.
    """
    alike = dict[frozenset[Sight], list[Component]]()
    for each in components:
        alike.setdefault(each.provenance.seen, []).append(each)
    found = dict[Size, list[Component]]()
    for group in alike.values():
        one = group[0] if len(group) == 1 else Component(total(group), _joined(group))
        found.setdefault(one.size, []).append(one)
    left = [group[0] if len(group) == 1 else Component(size, _joined(group)) for size, group in found.items()]
    left = [one for one in left if not _is_covered(one, left)]
    bounds = [one for one in left if not is_there(one)]
    if len(bounds) > 1 and len({name for one in left for name in one.size.upper.free}) < 2:
        left = [*filter(is_there, left), _bound(bounds)]
    whole = total(left)
    if len(left) > 2 and any(one.size == whole for one in left):
        left = [one for one in left if one.size == whole or not _is_hidden(one, left)]
    return left


def _is_hidden(component: Component, others: Iterable[Component]) -> bool:
    """Whether a bound is no smaller than a component, and has seen as much."""
    return any(
        other is not component
        and other.size.lower.is_vanishing
        and component.size.upper.is_at_most(other.size.upper)
        and component.provenance.is_within(other.provenance)
        for other in others
    )


def _joined(components: Iterable[Component]) -> Provenance:
    one, *others = [each.provenance for each in components]
    return one.joined(*others)


@lru_cache(maxsize=16384)
def _bounds(components: Term) -> Sequence[Component]:
    """Many components of one parity: the largest as they are, and of the others one bound, which has seen what any has.

    Where it is open which are the largest, what all of them have seen is there, and what any has seen may be.
    """
    whole = total(components)
    if all(len(each.size.upper.pieces) == 1 for each in components):  # else comparing them takes long
        ranked = sorted(components, key=lambda one: -sum(other.size.is_at_most(one.size) for other in components))
        most = _most_apart(components) - 1
        kept, rest = ranked[:most], ranked[most:]
        if total(kept) == whole:
            return [*kept, _bound(rest)]
    least = common(*(each.provenance.seen for each in components))
    sure = replace(components[0].provenance, seen=least, alone=frozenset())
    return [Component(whole, sure), _bound(components)]


def _bound(components: Sequence[Component]) -> Component:
    """A bound on components, of which any may be absent: mixed under the flips by which they differ."""
    first, *others = [each.provenance for each in components]
    most = first.seen.union(*(each.seen for each in others))
    odd = first.odd.intersection(*(each.odd for each in others))
    mixed = first.flips.union(*(each.flips for each in others)) - odd
    fresh = first.fresh if all(each.fresh == first.fresh for each in others) else None
    provenance = replace(first, fresh=fresh, odd=odd, mixed=mixed, seen=most, alone=frozenset())
    return Component(Size(VANISHING, total(components).upper), provenance)


def total(term: Iterable[Component]) -> Size:
    """The size of a whole term or sum: the largest of its components, -oo for none."""
    return Size.largest(component.size for component in term)


def made(
    size: Size, provenance: Callable[[Component, Term], Provenance], component: Component, parts: Term
) -> Iterator[Component]:
    """What is made of a component beside others: what there surely is, with each as small as it may be; and a bound.

    A part that is only bounded may be absent. What has met it at its largest is no more than bounded either.
    """
    most = provenance(component, parts)
    least = most
    if not (size.is_exact and all(each.size.is_exact for each in parts)) and not size.lower.is_vanishing:
        least = provenance(_surely(component), _sure(parts))
    if least is most:
        yield Component(size, most)
    else:
        yield Component(Size.exactly(size.lower), least)
        yield Component(Size(VANISHING, size.upper), most)


@lru_cache(maxsize=16384)
def _sure(parts: Term) -> Term:
    """The components that are surely there, with each as small as it may be."""
    return tuple(map(_surely, filter(is_there, parts)))


@lru_cache(maxsize=65536)
def _surely(component: Component) -> Component:
    return Component(Size.exactly(component.size.lower), component.provenance)


def is_there(component: Component) -> bool:
    """Whether a component is surely there, however small."""
    return not component.size.lower.is_vanishing


@lru_cache(maxsize=16384)
def as_large(term: Term, size: Size) -> Term:
    """The components that are not surely smaller than something of some size."""
    return tuple([each for each in term if not each.size.is_below(size)])


@lru_cache(maxsize=16384)
def has_larger(term: Term, size: Size) -> bool:
    """Whether some component is surely larger than something of some size."""
    return any(size.is_below(each.size) for each in term)


def is_below(one: Component, other: Component) -> bool:
    """Whether a component is surely smaller than another one."""
    return one.size.is_below(other.size)

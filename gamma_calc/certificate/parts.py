"""What a checker knows of a value: its parts, each with a size, flips that change its sign, and what it has seen."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from gamma_calc.algebra.affine import Affine
from gamma_calc.algebra.plain import Forms

ZERO, LOWER, UPPER, SUMMED, ANY = Affine.of(0), 0, 1, "summed", "*"
UNIT: tuple[Forms, ...] = ((ZERO,), (ZERO,))
"""The bounds of what is of size 1."""


@dataclass(frozen=True, slots=True)
class SeenTensor:
    """A random tensor that a value has seen: at which of its axes that grow, each with the axis of the value there;
    what met it in the sum over the other one; and whether the value may be a multiple of it, and vanish with it. Of
    (W,) it has met W there in other ways than it names."""

    tensor: str | tuple[str]
    at: frozenset[tuple[str, str]]
    factor: "BoundedPart | None" = None
    is_factor: bool = False


FORGOTTEN = SeenTensor(ANY, frozenset({(ANY, SUMMED)}))
"""Whatever was seen, of what a tensor met."""


@dataclass(frozen=True, slots=True)
class BoundedPart:
    """A part of a sum: bounds on its exponent, each the largest of some forms (none: -oo); the tensor it is up to a
    scalar; the flips (tensor, axis, axis of the value) that change its sign; the tensors it has seen; whether it is
    what a tensor met in an earlier step; and whether it is of either sign: then it has no lower bound, and any flip may
    change it either way."""

    bounds: tuple[Forms, ...]
    fresh: SeenTensor | None = None
    odd: frozenset[tuple[str, str, str]] = frozenset()
    seen: frozenset[SeenTensor] = frozenset()
    is_past: bool = False
    is_mixed: bool = False


def is_trivial(piece: Affine, tops: Forms) -> bool:
    """Whether a top has the same coefficients as a form and is no smaller."""
    return any(top.terms == piece.terms and top.constant >= piece.constant for top in tops)


def is_below(part: BoundedPart, other: BoundedPart) -> bool:
    """Whether its constants tell that a part is smaller than another one."""
    return not any(is_trivial(top, part.bounds[UPPER]) for top in other.bounds[UPPER]) and all(
        is_trivial(piece, other.bounds[UPPER]) for piece in part.bounds[UPPER]
    )


def bound(part: BoundedPart) -> BoundedPart:
    """A part of size 1 that may be there."""
    return replace(part, bounds=((), (ZERO,)))


def of_either_sign(part: BoundedPart) -> BoundedPart:
    """A part of size 1 that may be there, of which no sign is known."""
    return replace(bound(part), odd=frozenset(), is_mixed=True)


def largest(parts: Sequence[BoundedPart]) -> tuple[Forms, ...]:
    """The bounds of parts together."""
    return tuple(tuple(dict.fromkeys(f for each in parts for f in each.bounds[side])) for side in (LOWER, UPPER))


@lru_cache(maxsize=65536)
def united(*some: frozenset[SeenTensor]) -> frozenset[SeenTensor]:
    """Sights that a later sum can meet; those whose factors are of one parity are one, those of multiples apart."""
    found: dict[tuple[object, ...], SeenTensor] = {}
    for each in frozenset[SeenTensor]().union(*some):
        key = (
            (each.tensor, each.at, each.is_factor),
            each.factor and (each.factor.odd, each.factor.is_past, each.factor.is_mixed),
        )
        factor, other = each.factor, found[key].factor if key in found else None
        if factor and other:
            each = replace(each, factor=replace(factor, seen=united(factor.seen, other.seen)))
        found |= {key: each} if each.at else {}
    return frozenset(found.values())


@lru_cache(maxsize=65536)
def blurred(*some: frozenset[SeenTensor]) -> frozenset[SeenTensor]:
    """The sights of a part of either sign: all factors that met a tensor at the same axes are one, of either sign."""
    met: dict[tuple[str | tuple[str], frozenset[tuple[str, str]]], list[BoundedPart | None]] = {}
    for each in frozenset[SeenTensor]().union(*some):
        met.setdefault((each.tensor, each.at), []).append(each.factor)
    return frozenset(
        SeenTensor(
            *key,
            factor=BoundedPart(
                (), seen=blurred(*(f.seen for f in known)), is_past=all(f.is_past for f in known), is_mixed=True
            )
            if len(known) == len(every)
            else None,
            is_factor=True,
        )
        for key, every in met.items()
        for known in [[*filter(None, every)]]
    )


def share_factor(x: BoundedPart, y: BoundedPart) -> bool:
    """Whether two parts may be multiples of one thing."""
    return any(each.is_factor and each in past(y).seen for each in past(x).seen)


def divides(x: BoundedPart, y: BoundedPart) -> bool:
    """Whether a part is a multiple of all that another one is one of, entries alone, and vanishes where that does."""
    return any(each.is_factor for each in x.seen) and all(
        each in past(y).seen and not each.factor for each in past(x).seen if each.is_factor
    )


def marked(part: BoundedPart, is_factor: bool) -> BoundedPart:
    """A part that may be a multiple of all that it has seen, or of nothing."""
    return replace(
        part,
        seen=united(
            frozenset(replace(each, is_factor=is_factor and isinstance(each.tensor, str)) for each in part.seen)
        ),
    )


def absorbed(parts: Sequence[BoundedPart]) -> list[BoundedPart]:
    """Parts without the bounds that are no larger than one of either sign, which has seen what these have."""
    wide = next((part for part in parts if part.is_mixed), None)
    if wide is None:
        return [*parts]
    tops = {top.terms: top for top in sorted(wide.bounds[UPPER], key=lambda top: top.constant)}
    bounds = [
        part
        for part in parts
        if not part.bounds[LOWER]
        and all(piece.terms in tops and piece.constant <= tops[piece.terms].constant for piece in part.bounds[UPPER])
    ]
    return [
        *(part for part in parts if part not in bounds),
        replace(wide, seen=blurred(*(part.seen for part in bounds))),
    ]


def moved(part: BoundedPart, old: str, new: str) -> BoundedPart:
    """A part with an axis of its value under another name."""
    seen = {s: replace(s, at=frozenset((own, new if at == old else at) for own, at in s.at)) for s in part.seen}
    return replace(
        part,
        fresh=part.fresh and seen[part.fresh],
        odd=frozenset((name, axis, new if place == old else place) for name, axis, place in part.odd),
        seen=frozenset(seen.values()),
    )


@lru_cache(maxsize=65536)
def remembered(part: BoundedPart, axis: str, depth: int = 2) -> BoundedPart:
    """What a tensor that meets a part in a sum over an axis remembers of it; of sums before it in earlier steps, signs
    alone, and that there is something to forget. What was seen at another axis too is there at `ANY`."""
    seen = [each if depth >= 0 else FORGOTTEN for each in part.seen if only(each.at, axis)]
    old = {s.factor: remembered(s.factor, SUMMED, depth - 1) for s in seen if s.factor and s.factor.is_past}
    earlier = frozenset(
        replace(
            s,
            at=frozenset((own, place if place == axis else ANY) for own, place in s.at),
            factor=s.factor and old.get(s.factor, s.factor),
        )
        for s in seen
    )
    return moved(
        BoundedPart((), None, only(part.odd, axis), united(earlier), part.is_past, part.is_mixed), axis, SUMMED
    )


def brought_back(
    seen: frozenset[SeenTensor], back: frozenset[SeenTensor], place: str, matrices: frozenset[str | tuple[str]]
) -> frozenset[SeenTensor]:
    """What was seen by what a dot brings back at an axis: of a matrix that the rest has seen at another axis its
    entries, where they were there, or may have been and are forgotten."""
    return frozenset(replace(each, at=only(each.at, place)) for each in back) | {
        SeenTensor(one.tensor, one.at | only(each.at, place))
        for one in seen
        for each in back
        if (one.tensor == each.tensor and only(each.at, ANY))
        or (each.tensor == ANY and one.tensor in matrices and len(one.at) == 1)
    }


@lru_cache(maxsize=65536)
def past(part: BoundedPart) -> BoundedPart:
    """A part of an earlier step."""
    return replace(
        part,
        seen=united(
            frozenset(replace(s, factor=s.factor and past(replace(s.factor, is_past=True))) for s in part.seen)
        ),
    )


def seen_by_all(some: Sequence[frozenset[SeenTensor]]) -> frozenset[SeenTensor]:
    """What all parts have seen, and of a tensor among it that some have met in other ways too, that there is more."""
    common = frozenset.intersection(*some)
    return common.union(
        SeenTensor((kept.tensor,), frozenset({(ANY, at)}))
        for kept in common
        for each in frozenset[SeenTensor]().union(*some) - common
        if isinstance(kept.tensor, str) and each.tensor in (kept.tensor, (kept.tensor,), ANY)
        for _, at in each.at
        if only(kept.at, at)
    )


def only(places: frozenset[Any], axis: str) -> frozenset[Any]:
    """Those of some flips, or of the axes of a tensor, that are at one axis of a value, which they name last."""
    return frozenset(each for each in places if each[-1] == axis)

"""What a checker knows of products entry by entry, and of a map f(v) = a v + b |v|, such as ReLU, and its slope.

|v| and sgn v are read around the part L of v that leads. Of the others w, x, up to factors of size 1:

    |v| = |L| + sgn(L) w + delta(L) w x + ...,        sgn(v) = sgn(L) + delta(L) w + ...

delta, a density of size 1/L, is that of the entries in which the others decide the sign. There the sign of L is against
that of the largest of them, x: so beside w^2 there is as much of sgn(L) sgn(x) w^2, and beside w of sgn(L) sgn(x) w.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gamma_calc.algebra.affine import Affine
from gamma_calc.certificate.parts import LOWER, UNIT, UPPER, ZERO, BoundedPart, bound, is_below, marked, united

Made = tuple[Affine, BoundedPart, tuple[BoundedPart, ...]]
"""What is added to the sizes of some parts, what their product is but for its size, and the parts."""
MOST_SIGNS = 12, 3
"""The most parities of v where what one w makes keeps its own, and where what two make does; else it is one bound."""


def joint(*parts: BoundedPart) -> BoundedPart:
    """A product entry by entry, but for its size; it surely is there where no flip changes two of its factors."""
    flips, seen = [flip for part in parts for flip in part.odd], united(*(part.seen for part in parts))
    if any(part.is_mixed for part in parts):
        return BoundedPart(((), (ZERO,)), seen=seen, is_mixed=True)
    return BoundedPart(
        ((ZERO,) if len(flips) == len({*flips}) else (), (ZERO,)),
        None,
        frozenset(flip for flip in flips if flips.count(flip) % 2),
        seen,
    )


def outer(x: BoundedPart, y: BoundedPart) -> BoundedPart:
    """A product entry by entry of any two parts, but for its size: by data a random tensor stays one."""
    some = [part for part in (x, y) if part.seen or part.odd or part.is_mixed]
    return replace(joint(x, y), fresh=some[0].fresh if len(some) == 1 else None)


def linear(degree: int, change: Sequence[BoundedPart]) -> Sequence[BoundedPart]:
    """a v; or of degree 0 its slope, where v is not zero."""
    return (
        change
        if degree or not change
        else [BoundedPart(((ZERO,) if any(part.bounds[LOWER] for part in change) else (), (ZERO,)))]
    )


def of_two(
    degree: int, odd: BoundedPart, even: BoundedPart, w: BoundedPart, x: BoundedPart
) -> Iterator[tuple[BoundedPart, tuple[BoundedPart, ...]]]:
    """delta(L) w x, and of the sign of L x, or L w, the other one times the smaller; or of degree 0 that of L w x."""
    least = x if is_below(x, w) else w
    if not degree:
        yield bound(joint(odd, w, x)), (least,)
        return
    signs = (replace(w, odd=frozenset()),) if w is x else (w, x)
    yield from ((like, (w, x)) for like in (joint(*signs), bound(joint(even, *signs))))
    yield from ((bound(joint(odd, one)), (other, least)) for one, other in ((x, w), (w, x)))


def expansion(
    leader: BoundedPart | None, degree: int, value: Sequence[BoundedPart], change: Sequence[BoundedPart]
) -> Iterator[Made]:
    """|v + d| - |v|, or of degree 0 sgn d with v = 0, around the part that leads; without one no more than |d|, or 1.

    Of many parities the products would be too many: those of two others, and of very many each other, are one bound.
    """
    every = (*value, *change)
    rest = BoundedPart(((), (ZERO,)), seen=united(*(part.seen for part in every)), is_mixed=True)
    if leader is None:
        yield from ((ZERO, rest, (each,) if degree else ()) for each in change)
        return
    (top,), is_new = leader.bounds[UPPER], all(part is not leader for part in value)
    others = [part for part in every if part is not leader]
    moving = others if is_new else change
    pairs = [
        (w, x)
        for i, w in enumerate(moving)
        for x in (*(part for part in others if all(part is not each for each in moving)), *moving[i:])
    ]
    odd, even = (marked(BoundedPart(UNIT, None, flips, leader.seen), False) for flips in (leader.odd, frozenset()))
    orders = sum(
        len({part.odd for part in every}) + any(part.is_mixed for part in every) <= most for most in MOST_SIGNS
    )
    if is_new:
        yield top * degree, replace(even, seen=leader.seen) if degree else odd, ()
        yield from ((ZERO, rest, (each,)) for each in value)
    for w in moving:
        # sgn(L) w, or of degree 0 delta(L) w, which has seen L as far as it may vanish
        yield from (
            (top * (degree - 1), like, (w,))
            for like in ([rest] if not orders else [joint(odd, w)] if degree else [joint(w), bound(joint(even, w))])
        )
    for w, x in pairs if orders else ():
        two = (
            of_two(degree, odd, even, w, x)
            if orders > 1
            else [(rest, (w, x) if degree else (x if is_below(x, w) else w,))]
        )
        yield from ((-top, like, factors) for like, factors in two)

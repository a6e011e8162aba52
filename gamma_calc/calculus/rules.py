"""The rules of the gamma-calculus: each an object that says what it concludes, from what, and on whose authority.

A term is a tuple of components, one a sign parity; see `provenance.py`. Values add exponents where quantities multiply
and take the larger exponent where they add, so the rules read like their statements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction
from functools import cache, lru_cache, partial, reduce
from itertools import product

from gamma_calc.algebra import VANISHING, Affine, Exponent
from gamma_calc.calculus.assumptions import (
    ALIGNMENT,
    FIXED_RUN,
    GIVEN_DATA,
    MEMORY,
    NEGLIGIBLE_EPSILON,
    NO_CANCELLATION,
    NORMALISED_ENTRIES,
    SEVERAL_SAMPLES,
    SYMMETRIC_INIT,
    Assumption,
)
from gamma_calc.calculus.citations import HAYOU_INIT, HAYOU_PLUS, VASWANI, YANG, ZHANG, Citation
from gamma_calc.calculus.policy import CALCULUS, HALF, Alignment, Policy, Summation, summations
from gamma_calc.calculus.provenance import Flip, Provenance, Sight, common, contracted, is_centred, walks
from gamma_calc.calculus.size import Size
from gamma_calc.errors import Unknown
from gamma_calc.program.axes import Axis
from gamma_calc.program.optimizers import Factored, Moments
from gamma_calc.program.shared import Shared

MOST_APART = 3
"""Components of one parity that are kept apart; of more, the smaller ones leave one bound."""


@dataclass(frozen=True, slots=True, eq=False)
class Component(Shared):
    """One parity of a term: how large it is and what it is made from."""

    size: Size
    provenance: Provenance


class Symmetry(Enum):
    """What a scalar function does with the sign of its argument."""

    NONE = "neither odd nor even"
    ODD = "odd"
    EVEN = "even"


CONSTANT = Exponent.of(0)
ONE = Size.exactly(CONSTANT)
"""The size of what neither grows nor vanishes; `CONSTANT` is its exponent."""

Term = tuple[Component, ...]
"""A term of a formal sum: its components, no two of one parity."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the calculus. `conclude` maps premises to the term they prove, and refuses where it does not apply."""

    name: str
    statement: str
    source: Citation
    assumptions: tuple[Assumption, ...]
    conclude: Callable[..., Term]


def gathered(components: Iterable[Component]) -> Term:
    """Components brought together by parity; within a parity the largest exponent leads."""
    every = tuple(components)
    if len(every) < 2:
        return every
    parities = by_parity(every).values()
    return tuple([one for alike in parities for one in (alike if len(alike) == 1 else _apart(tuple(alike)))])


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
    return any(
        other is not component and _is_no_larger(component, other) and component.provenance.is_within(other.provenance)
        for other in others
    )


@lru_cache(maxsize=65536)
def _apart(components: Term) -> Sequence[Component]:
    """The components of one parity, brought together as far as no later sum can tell.

    Those that have seen the same are as large as the largest; those of one size have, together, seen what any has.
    One beside which another is as large and has seen as much is left out, and so is one of several that a bound hides
    and that is not the largest. Of many components the smaller ones leave one bound. So do several bounds, but not
    where two exponents are free: parts beside it, told one by one, would be told less from below than together.
    """
    alike = dict[frozenset[Sight], list[Component]]()
    for each in components:
        alike.setdefault(each.provenance.seen, []).append(each)
    found = dict[Size, list[Provenance]]()
    for same in alike.values():
        found.setdefault(total(same), []).append(_joined(each.provenance for each in same))
    left = [Component(size, _joined(provenances)) for size, provenances in found.items()]
    left = [one for one in left if not _is_covered(one, left)]
    bounds = [one for one in left if not _is_there(one)]
    if len(bounds) > 1 and len({name for one in left for name in one.size.upper.free}) < 2:
        left = [*filter(_is_there, left), _bound(bounds)]
    whole = total(left)
    if len(left) > 2 and any(one.size == whole for one in left):
        left = [one for one in left if one.size == whole or not _is_hidden(one, left)]
    return left if len(left) <= MOST_APART else _bounds(left)


def _is_hidden(component: Component, others: Iterable[Component]) -> bool:
    """Whether a bound is no smaller than a component, and has seen as much."""
    return any(
        other is not component
        and other.size.lower.is_vanishing
        and component.size.upper.is_at_most(other.size.upper)
        and component.provenance.is_within(other.provenance)
        for other in others
    )


def _joined(provenances: Iterable[Provenance]) -> Provenance:
    one, *others = provenances
    return one.joined(*others) if others else one


def _bounds(components: Sequence[Component]) -> Sequence[Component]:
    """Many components of one parity: the largest as they are, and of the others one bound, which has seen what any has.

    Where it is open which are the largest, what all of them have seen is there, and what any has seen may be.
    """
    whole = total(components)
    if all(len(each.size.upper.pieces) == 1 for each in components):  # else comparing them takes long
        ranked = sorted(components, key=lambda one: -sum(_is_no_larger(other, one) for other in components))
        kept, rest = ranked[: MOST_APART - 1], ranked[MOST_APART - 1 :]
        if total(kept) == whole:
            return [*kept, _bound(rest)]
    least = common(*(each.provenance.seen for each in components))
    sure = replace(components[0].provenance, seen=least, alone=frozenset())
    return [Component(whole, sure), _bound(components)]


def _is_no_larger(one: Component, other: Component) -> bool:
    """Whether a component is surely no larger than another one; a bound, than what bounds the other."""
    most = other.size.upper if one.size.lower.is_vanishing else other.size.lower
    return one.size.upper.is_at_most(most)


def _bound(components: Sequence[Component]) -> Component:
    """A bound on components of one parity, of which any may be absent."""
    most = frozenset[Sight]().union(*(each.provenance.seen for each in components))
    provenance = replace(components[0].provenance, seen=most, alone=frozenset())
    return Component(Size(VANISHING, total(components).upper), provenance)


def total(term: Iterable[Component]) -> Size:
    """The size of a whole term or sum: the largest of its components, -oo for none."""
    return Size.largest(component.size for component in term)


def _given(exponent: Exponent, provenance: Provenance | None = None) -> Term:
    return (Component(Size.exactly(exponent), provenance or Provenance()),)


def _zero(*factors: Exponent) -> Term:
    if not any(factor.is_vanishing for factor in factors):
        raise ValueError("none of the factors is zero")
    return ()


def _scaled(scale: Exponent, term: Term) -> Term:
    return tuple(Component(Size.exactly(scale) + part.size, part.provenance) for part in term)


def _product(left: Term, right: Term) -> Term:
    return gathered(_multiplied(x, y) for x in left for y in right)


@lru_cache(maxsize=65536)
def _multiplied(left: Component, right: Component) -> Component:
    return Component(left.size + right.size, left.provenance.multiplied(right.provenance))


def _sum(*terms: Term) -> Term:
    return needed(gathered(component for term in terms for component in term))


def _contraction(kind: Alignment) -> Callable[[Component, Component, Summation, Policy], Term]:
    @lru_cache(maxsize=65536)
    def conclude(left: Component, right: Component, part: Summation, policy: Policy) -> Term:
        parts = summations(left.provenance, right.provenance, part.over)
        if part.kind is not kind or part not in parts:
            found = ", ".join(each.kind.value for each in parts)
            raise ValueError(f"the sum over {', '.join(map(str, part.over))} is {found}, not {kind.value}")
        return (Component(left.size + right.size + policy.gain(part), part.provenance),)

    return conclude


def summed_pairs(
    left: Term, right: Term, over: tuple[Axis, ...], policy: Policy
) -> Iterable[tuple[Component, Component]]:
    """The pairs of components to sum along axes: all, or under the calculus's own policy those that make more."""
    is_plain = policy is CALCULUS and not any(each.provenance.fresh for each in (*left, *right))
    if is_plain and len(over) == 1 and not over[0].is_fixed and len(left) > 1 and len(right) > 1:
        return unlike_pairs(left, right, *over)
    return product(left, right)


def unlike_pairs(left: Term, right: Term, axis: Axis) -> Iterator[tuple[Component, Component]]:
    """The pairs of components of which a sum along an axis makes more, or something else, than of another pair.

    Components that are alike but for flips along the axis leave terms of one kind. Of the pairs of two such groups one
    is enough: one that is aligned, if there is any, else those that know of each other by walks of different lengths.
    """
    for alike, others in product(_alike(left, axis), _alike(right, axis)):
        found: dict[frozenset[Affine], tuple[Component, Component]] = {}
        for x, y in _uncentred(alike, others, axis):
            found.setdefault(walks(x.provenance, y.provenance, axis), (x, y))
        aligned = found.get(frozenset())
        yield from (aligned,) if aligned else found.values() or ((alike[0], others[0]),)


def _alike(term: Term, axis: Axis) -> Iterable[list[Component]]:
    found: dict[tuple[Size, Provenance], list[Component]] = {}
    for each in term:
        found.setdefault((each.size, each.provenance.summed((axis,))), []).append(each)
    return found.values()


def _uncentred(
    left: Sequence[Component], right: Sequence[Component], axis: Axis
) -> Iterator[tuple[Component, Component]]:
    """The pairs of components whose products along an axis have no random sign, in order.

    A flip there leaves a product as it is where it changes the sign of both or of none; so where each component has a
    sign under each flip, those that are odd under the same ones are looked up.
    """
    pairs: Iterable[tuple[Component, Component]] = product(left, right)
    if not any(flip.at is axis for each in (*left, *right) for flip in each.provenance.mixed):
        equally = dict[frozenset[Flip], list[Component]]()
        for each in right:
            equally.setdefault(_odd_at(each, axis), []).append(each)
        pairs = ((x, y) for x in left for y in equally.get(_odd_at(x, axis), ()))
    return ((x, y) for x, y in pairs if not is_centred(x.provenance, y.provenance, axis))


def _odd_at(component: Component, axis: Axis) -> frozenset[Flip]:
    return frozenset(flip for flip in component.provenance.odd if flip.at is axis)


def _homogeneous(argument: Term, symmetry: Symmetry = Symmetry.NONE) -> Term:
    return _expansion(argument, ONE, symmetry)


def _expansion(argument: Term, slope: Size, symmetry: Symmetry) -> Term:
    """What a map makes of its whole argument, where its slope at the leading part is of this size.

    A small part c_2 adds phi'(c_1) c_2, whatever other small ones there are, and phi''(c_1) c_2 c_3 with another one.
    Alone it makes nothing with itself beside which phi(c_1) is not larger in every sum.
    """
    leading = _leading(argument)
    first_order = (
        image for each in argument for image in _images(each.size + slope, each, argument, leading, symmetry)
    )
    small = [] if leading is None else [each for each in argument if _is_below(each, leading)]
    parts = tuple(each for each in small if any(other is not each and not _is_below(other, each) for other in small))
    return needed(gathered((*first_order, *_second_order(parts, argument, leading, slope, symmetry))))


def _map_change(argument: Term, change: Term, symmetry: Symmetry = Symmetry.NONE) -> Term:
    """phi(c + d) - phi(c), also what phi(c) loses of parts of c that are small beside d."""
    covered = (each for each in argument if any(_is_below(each, other) for other in change))
    parts, moved = (*change, *covered), (*argument, *change)
    leading = _leading(moved)
    first_order = (image for each in parts for image in _images(each.size, each, moved, leading, symmetry))
    return needed(gathered((*first_order, *_second_order(parts, moved, leading, ONE, symmetry))))


def _second_order(
    parts: Term, argument: Term, leading: Component | None, slope: Size, symmetry: Symmetry
) -> Iterator[Component]:
    """What small parts c_2, c_3 of an argument add to a map together: phi''(c_1) c_2 c_3, and all that is smaller.

    Of c_2 with itself it is what c_2 adds whatever its sign. As large where phi has a kink: of a share |c_2| / |c_1| of
    the entries c_1 + c_2 and c_1 are of two signs. What a part makes with larger ones has the largest as its factor.
    Of an odd or an even phi, phi'' is as odd or as even, and each product has a sign of its own; of three parts and
    more the products are left out. Nothing is said where it is open which part leads.
    """
    if leading is None:
        return
    small = [each for each in argument if _is_below(each, leading)]
    curvature = slope + Size.exactly(Exponent.of(-leading.size.upper.pieces[0]))
    if symmetry is Symmetry.NONE:
        for size, part in {each.size: each for each in parts if each in small}.items():
            yield from _made(size + total(small) + curvature, _product_of_larger, part, argument)
        return
    for one, other in product(parts, small):
        if one in small and not _is_below(other, one):
            size = one.size + other.size + curvature
            yield from _made(size, partial(_product_of_two, other, leading, symmetry), one, argument)


def _product_of_two(
    other: Component, leading: Component, symmetry: Symmetry, component: Component, argument: Term
) -> Provenance:
    curvature = _mapped(leading, argument, leading, symmetry)
    return curvature.multiplied(other.provenance).multiplied(component.provenance)


def _product_of_larger(component: Component, argument: Term) -> Provenance:
    around = (each.provenance for each in argument if not _is_below(each, component))
    return reduce(Provenance.multiplied, around).even_and_odd


def _inverse_rms(argument: Term, axis: Axis, policy: Policy) -> Term:
    return _power(_mean_products(argument, argument, axis, policy), -HALF)


def _mean_products(left: Term, right: Term, axis: Axis, policy: Policy) -> Term:
    """The mean of x y along an axis, by parts; of a part that is in both it holds the mean square."""
    squares = ((x, x) for x in left if x in right)
    return gathered(
        Component(x.size + y.size + gain + Size.exactly(Exponent.of(-axis.size)), provenance)
        for x, y in dict.fromkeys((*squares, *summed_pairs(left, right, (axis,), policy)))
        for gain, provenance in _products_summed(x, y, axis, policy)
    )


def _products_summed(x: Component, y: Component, axis: Axis, policy: Policy) -> Iterator[tuple[Size, Provenance]]:
    """What the sum of x y along an axis adds to their sizes, and what it leaves; among squares nothing cancels."""
    if x is y:
        yield Size.exactly(Exponent.of(axis.size)), contracted(x.provenance, y.provenance, (axis,))
    else:
        yield from ((policy.gain(part), part.provenance) for part in summations(x.provenance, y.provenance, (axis,)))


def _inverse(argument: Term) -> Size:
    """The size of one over a sum: known where one form of it leads, else at most that of one over any part.

    It is no less than one over the bound on the whole, where that is one form.
    """
    leading = _leading(argument)
    if leading is not None:
        return Size.exactly(Exponent.of(-leading.size.upper.pieces[0]))
    floors = [piece for each in argument for piece in each.size.lower.pieces]
    if not floors:
        raise Unknown("one over what is only bounded from above: no exponent says how large that is")
    most = total(argument).upper.pieces
    return Size(Exponent.of(-most[0]) if len(most) == 1 else VANISHING, Exponent.of(-floors[0]))


def _leading(argument: Term) -> Component | None:
    """The component that is surely no smaller than any other, where one form says how large it is."""
    leading = (each for each in argument if all(other.size.upper.is_at_most(each.size.lower) for other in argument))
    return next((each for each in leading if _is_one_form(each.size)), None)


def _inverse_rms_change(argument: Term, change: Term, axis: Axis, policy: Policy) -> Term:
    square = _mean_products(argument, argument, axis, policy)
    return _power_change(square, _mean_products((*argument, *change), change, axis, policy), -HALF)


def _changed(argument: Term, change: Term, degree: Fraction, first_order: Size) -> Size:
    """What a change makes of a power: of a large one, the power of what is larger of the two where that one is left."""
    before, moved = total(argument), total(change)
    if moved.upper.is_at_most(before.lower):
        return first_order
    whole = _power_size((*argument, *change) if degree > 0 else argument, degree)
    return whole if before.upper.is_at_most(moved.lower) else Size(VANISHING, whole.upper)


def _power(argument: Term, degree: Fraction) -> Term:
    whole, leading = _power_size(argument, degree), _leading(argument)
    if leading is None or not degree:
        return (*_as_a_whole(whole, argument),)
    return _expansion(argument, whole + Size.exactly(Exponent.of(-leading.size.upper.pieces[0])), _of_degree(degree))


def _power_size(argument: Term, degree: Fraction) -> Size:
    size = total(argument) if degree > 0 else _inverse(argument)
    if not degree:
        return ONE
    return Size(size.lower.scaled(abs(degree)), size.upper.scaled(abs(degree)))


def _power_change(argument: Term, change: Term, degree: Fraction) -> Term:
    leading, moved = _leading(argument), (*argument, *change)
    if leading is None or not degree or not total(change).upper.is_at_most(leading.size.lower):
        first_order = _power_size(argument, degree - 1) + total(change)
        return (*_as_a_whole(_changed(argument, change, degree, first_order), moved),)
    slope = Size.exactly(Exponent.of(leading.size.upper.pieces[0] * (degree - 1)))
    symmetry = _of_degree(degree)
    return _sum(*((*_images(each.size + slope, each, moved, symmetry=symmetry),) for each in change))


def _of_degree(degree: Fraction) -> Symmetry:
    """The symmetry of v^degree; of another degree than a natural number v has one sign."""
    if degree.denominator > 1 or degree < 0:
        return Symmetry.NONE
    return Symmetry.ODD if degree.numerator % 2 else Symmetry.EVEN


def _united(argument: Term) -> Provenance:
    """The provenance of a function of a whole value: a flip that changes a part may change it either way."""
    if not argument:
        return Provenance()
    whole = reduce(Provenance.multiplied, (component.provenance for component in argument))
    flips = frozenset[Flip]().union(*(component.provenance.flips for component in argument))
    return replace(whole.even_and_odd, mixed=flips)


def uniform(axis: Axis) -> Term:
    """What a softmax makes of equal logits: one over their number."""
    return _given(Exponent.of(-axis.size))


def _softmax(even: Term, logits: Term) -> Term:
    """Of a fixed number of logits the largest share is at least one over that number, however large they are."""
    is_fixed = total(even) == ONE
    return _bounded(logits) if is_fixed and _may_grow(logits) else _softmax_slope(even, logits)


def _softmax_slope(even: Term, logits: Term) -> Term:
    """Where logits grow one entry is all, however many they are, and a slope p (dv - sum p dv) may vanish."""
    return _saturated((*even, *_shares(even, logits, logits)), logits)


def _softmax_change(even: Term, logits: Term, change: Term) -> Term:
    return _saturated(_shares(even, (*logits, *change), change), (*logits, *change))


def _shares(even: Term, logits: Term, parts: Term) -> Term:
    """What parts of logits change of e^v / sum e^v: to first order v times what equal logits give."""
    (beside,) = (replace(each, size=ONE) for each in even)
    scale = total(even)
    return gathered(image for each in parts for image in _images(each.size + scale, each, (beside, *logits)))


def _saturated(shares: Term, logits: Term) -> Term:
    """Of logits that may grow only a bound is left: what is not the largest entry vanishes, and the largest is 1."""
    if not _may_grow(logits):
        return shares
    return tuple(replace(each, size=Size(VANISHING, CONSTANT)) for each in shares)


def _may_grow(logits: Term) -> bool:
    return not all(each.size.upper.is_at_most(CONSTANT) for each in logits)


def _saturating(argument: Term, change: Term = ()) -> Term:
    """Of parts that updates change: of what these saturate nothing is left beside the change that they make."""
    return _saturated(_homogeneous(argument, Symmetry.ODD), (*argument, *change))


def _saturating_change(argument: Term, change: Term) -> Term:
    """Of a change that may grow a bound, and its sign where one part of it surely outgrows all that was there."""
    moved = (*argument, *change)
    found, leading = _saturated(_map_change(argument, change, Symmetry.ODD), moved), _leading(moved)
    if leading is None or not leading.size.lower.is_above(CONSTANT):
        return found
    if not all(_is_below(each, leading) for each in argument):
        return found
    return gathered((Component(ONE, _mapped(leading, moved, leading, Symmetry.ODD)), *found))


def _saturating_slope(argument: Term) -> Term:
    return _saturated(_bounded(argument, Symmetry.EVEN), argument)


def vanishes(*terms: Term) -> bool:
    """Whether some values surely vanish as n grows."""
    return all(CONSTANT.is_above(each.size.upper) for term in terms for each in term)


def _curved(argument: Term) -> Term:
    """phi(v) = phi'(0) v + phi''(0) v^2 / 2."""
    return _sum(argument, _product(argument, argument))


def _curved_change(argument: Term, change: Term) -> Term:
    """phi(v + d) - phi(v) = phi'(0) d + phi''(0) (v d + d^2 / 2)."""
    return _sum(change, _product(argument, change), _product(change, change))


def _curved_slope(argument: Term) -> Term:
    """phi'(v) = phi'(0) + phi''(0) v."""
    return _sum(_given(CONSTANT), argument)


def _bounded(argument: Term, symmetry: Symmetry = Symmetry.NONE) -> Term:
    """The slope of a map of degree one: of size 1, and phi'(c_1 + c_2) - phi'(c_1) as small as c_2 is beside c_1.

    Of a small part beside what may be larger than it only the bound is kept.
    """
    if not argument:  # a map of zero
        return _given(CONSTANT)
    leading = _leading(argument)
    if leading is None:
        return (*_as_a_whole(ONE, argument),)
    gap = Size.exactly(Exponent.of(-leading.size.upper.pieces[0]))
    made = ((each, tuple(_images(each.size + gap, each, argument, symmetry=symmetry))) for each in argument)
    return _sum(*(images if each is leading else images[-1:] for each, images in made))


def _images(
    size: Size,
    component: Component,
    argument: Term,
    leading: Component | None = None,
    symmetry: Symmetry = Symmetry.NONE,
) -> Iterator[Component]:
    """What a map makes of one component of its argument; see `_mapped`."""
    return _made(size, lambda one, parts: _mapped(one, parts, leading, symmetry), component, argument)


def _as_a_whole(size: Size, argument: Term) -> Iterator[Component]:
    """A function of a whole value."""
    return _made(size, lambda _, parts: _united(parts), argument[0], argument)


def _made(
    size: Size, provenance: Callable[[Component, Term], Provenance], component: Component, parts: Term
) -> Iterator[Component]:
    """What is made of a component beside others: what there surely is, with each as small as it may be; and a bound.

    A part that is only bounded may be absent. What has met it at its largest is no more than bounded either.
    """
    most = provenance(component, parts)
    least = most
    if not (size.is_exact and all(each.size.is_exact for each in parts)) and not size.lower.is_vanishing:
        least = provenance(_surely(component), tuple(map(_surely, filter(_is_there, parts))))
    if least is most:
        yield Component(size, most)
    else:
        yield Component(Size.exactly(size.lower), least)
        yield Component(Size(VANISHING, size.upper), most)


def _surely(component: Component) -> Component:
    return Component(Size.exactly(component.size.lower), component.provenance)


def _is_there(component: Component) -> bool:
    return not component.size.lower.is_vanishing


def _mapped(
    component: Component,
    argument: Term,
    leading: Component | None = None,
    symmetry: Symmetry = Symmetry.NONE,
) -> Provenance:
    """What a map makes of one component of its argument.

    phi(c_1 + c_2) - phi(c_1) = phi'(c_1) c_2 for a small c_2: it is as odd as c_2 is under flips that leave c_1 alone.
    A component beside which none is larger is not small, and a map that is neither odd nor even turns what is odd into
    both. Where it is not said which one leads, c_1 is all that may be as large as c_2: of what phi' knows of them the
    second order is left out.

    Under a flip that changes the sign of all of c_1 an odd phi is odd and its phi' even, and the other way round.
    """
    least = component if leading is None else leading
    beside = [each.provenance for each in argument if each is not component and not _is_below(each, least)]
    is_small, mine = any(_is_below(component, each) for each in argument), component.provenance
    largest = beside if is_small else [mine, *beside]
    turned = frozenset[Flip]() if symmetry is Symmetry.NONE else frozenset.intersection(*(each.odd for each in largest))
    spoilt = frozenset[Flip]().union(*(each.flips for each in largest)) - turned
    if is_small:
        odd = mine.odd ^ turned if symmetry is Symmetry.EVEN else mine.odd
        return _beside(replace(mine, odd=odd - mine.mixed), beside, spoilt)
    odd = turned if symmetry is Symmetry.ODD else frozenset[Flip]()
    alone = frozenset[Sight]() if beside else frozenset(each for each in mine.alone if each.flips & odd)
    return _beside(replace(mine.even_and_odd, odd=odd, mixed=mine.flips - turned, alone=alone), beside, spoilt)


def _signed(component: Component, gradient: Term) -> Provenance:
    """What a sign, or another odd map, makes of one component: its parity stays, under flips that leave phi' alone."""
    beside = [each.provenance for each in gradient if each is not component and not _is_below(each, component)]
    return _beside(component.provenance, beside, frozenset[Flip]().union(*(each.mixed for each in beside)))


def _beside(mine: Provenance, others: Sequence[Provenance], spoilt: frozenset[Flip]) -> Provenance:
    """The provenance of a component times a function of others; of the `spoilt` flips nothing is known."""
    seen = mine.seen.union(*(each.seen for each in others))
    return Provenance(None, mine.odd - spoilt, mine.mixed | spoilt, seen, mine.made, mine.alone_beside(*others))


def processed(size: Exponent, gradient: Term, epsilon: Term = ()) -> Term:
    """What is left of the parts of a gradient that is brought to one size as a whole, beside an epsilon or none."""
    parities = [*by_parity(gradient).values()]
    wholes, beside = [total(alike) for alike in parities], [each.size for each in epsilon]
    return gathered(
        replace(part, size=Size.exactly(size) + part.size)
        for place, alike in enumerate(parities)
        for part in _processed(alike, _share(wholes[place], [*wholes[:place], *wholes[place + 1 :], *beside]), gradient)
    )


def _processed(alike: Sequence[Component], share: Size, gradient: Term) -> Iterator[Component]:
    """The components of one parity where together they are left at the size of a share.

    Where it is open which of them is the largest, each is at most as large as the share, and what all of them have seen
    is there at that size.
    """
    leader = next((each for each in alike if each.size == total(alike)), None)
    for each in alike:
        left = share if each is leader else Size(VANISHING, share.upper)
        if leader is not None and each is not leader and _is_one_form(leader.size) and each.size.is_exact:
            left = share + each.size + Size.exactly(Exponent.of(-leader.size.upper.pieces[0]))
        yield from _made(left, _signed, each, gradient)
    if leader is None:
        seen = common(*(each.provenance.seen for each in alike))
        least = replace(alike[0], provenance=replace(alike[0].provenance, seen=seen, alone=frozenset()))
        others = tuple(each for each in gradient if each not in alike)
        yield from _made(share, _signed, least, others)


def _is_one_form(size: Size) -> bool:
    return size.is_exact and len(size.upper.pieces) == 1


def _share(mine: Size, others: Sequence[Size]) -> Size:
    """What a parity keeps of entries that a normalised step brings to size 1: all if it leads, n^-(gap) if it trails.

    Where the free exponents decide who leads, the share is only known to be at most 1.
    """
    if all(other.upper.is_at_most(mine.lower) for other in others):
        return ONE
    for other in others:
        leads = all(third.upper.is_at_most(other.lower) for third in (mine, *others))
        if leads and mine.is_exact and _is_one_form(other):
            (leader,) = other.upper.pieces
            return Size.exactly(mine.upper + Exponent.of(-leader))
    return Size(VANISHING, CONSTANT)


def _is_below(one: Component, other: Component) -> bool:
    """Whether a component is surely smaller than another one."""
    return other.size.lower.is_above(one.size.upper)


GAMMA = "the gamma-operator and its elementary operations"

GIVEN = Rule("given", r"\gamma[v]\ \text{is given}", Citation(HAYOU_INIT, "setting"), (GIVEN_DATA,), _given)
INITIAL = Rule(
    "initial",
    r"\gamma[W_0]\ \text{is the exponent of its standard deviation}",
    Citation(HAYOU_INIT, "Init[A] and Init[B]"),
    (SYMMETRIC_INIT,),
    _given,
)
ZERO = Rule("zero", r"\gamma[0]=-\infty", Citation(HAYOU_INIT, GAMMA), (), _zero)
SCALE = Rule("scale", r"\gamma[s\,u]=\gamma[s]+\gamma[u]", Citation(HAYOU_INIT, GAMMA), (), _scaled)
PRODUCT = Rule("product", r"\gamma[u\,v]=\gamma[u]+\gamma[v]", Citation(HAYOU_INIT, GAMMA), (), _product)
SUM = Rule(
    "sum",
    r"\gamma[u+v]=\max(\gamma[u],\gamma[v])",
    Citation(HAYOU_INIT, GAMMA),
    (FIXED_RUN, NO_CANCELLATION),
    _sum,
)
CONTRACTIONS = {
    Alignment.FIXED: Rule(
        "fixed sum",
        r"\textstyle\gamma[\sum_{i\le k}u_iv_i]=\gamma[u]+\gamma[v]\ \text{for fixed }k",
        Citation(HAYOU_INIT, GAMMA),
        (FIXED_RUN, NO_CANCELLATION),
        _contraction(Alignment.FIXED),
    ),
    Alignment.INDEPENDENT: Rule(
        "independent sum",
        r"\textstyle\gamma[\sum_{i\le n^\delta}u_iv_i]=\gamma[u]+\gamma[v]+\delta/2\ \text{for centred summands}",
        Citation(YANG, "central limit behaviour of sums against an independent matrix"),
        (SYMMETRIC_INIT,),
        _contraction(Alignment.INDEPENDENT),
    ),
    Alignment.ALIGNED: Rule(
        "aligned sum",
        r"\textstyle\gamma[\sum_{i\le n^\delta}u_iv_i]=\gamma[u]+\gamma[v]+\delta\ \text{for correlated summands}",
        Citation(HAYOU_PLUS, "assumption on processed gradients: g_A Z has entries of order n"),
        (ALIGNMENT,),
        _contraction(Alignment.ALIGNED),
    ),
    Alignment.DILUTED: Rule(
        "diluted sum",
        r"\textstyle\gamma[\sum_{i\le n^\delta}W_{ji}v_i]=\gamma[W]+\gamma[v]+\delta-\mu/2"
        r"\ \text{along }y\allowbreak\text{, for }v\text{ that saw }W^\top y\allowbreak\text{, a sum over }n^\mu"
        r"\allowbreak\text{; }\delta/2\text{ for }\delta\text{ where another flip centres it;}"
        r"\ \allowbreak\text{and of }(Wx)_iu_i\text{ where }u\text{ saw }W\text{ through }Wy\text{ of walks }x\cdot y",
        Citation(YANG, "a matrix against what has seen its transpose"),
        (SYMMETRIC_INIT, ALIGNMENT),
        _contraction(Alignment.DILUTED),
    ),
}
HOMOGENEOUS = Rule(
    "homogeneous map",
    r"\gamma[\phi(v)]=\gamma[v]",
    Citation(YANG, "coordinatewise nonlinearities"),
    (NO_CANCELLATION,),
    _homogeneous,
)
INVERSE_RMS = Rule(
    "inverse root mean square",
    r"\gamma[\mathrm{rms}(v)^{-1}]=-\gamma[v]",
    Citation(ZHANG, "root mean square layer normalisation"),
    (NO_CANCELLATION,),
    _inverse_rms,
)
INVERSE_RMS_CHANGE = Rule(
    "change of an inverse root mean square",
    r"\textstyle\gamma[\Delta\,\mathrm{rms}(v)^{-1}]=\gamma[\sum_{i\le n^\delta}v_i\Delta v_i]-\delta-3\gamma[v]"
    r"\ \text{where }\gamma[\Delta v]\le\gamma[v],\ \text{else}\le-\gamma[v]",
    Citation(ZHANG, "root mean square layer normalisation, to first order"),
    (NO_CANCELLATION,),
    _inverse_rms_change,
)
MAP_CHANGE = Rule(
    "change of a map",
    r"\gamma[\phi(v+\delta)-\phi(v)]=\gamma[\delta]\text{; }2\gamma[\delta]-\gamma[v]"
    r"\ \text{of it whatever the sign of }\delta",
    Citation(YANG, "coordinatewise nonlinearities"),
    (NO_CANCELLATION,),
    _map_change,
)
POWER = Rule(
    "power",
    r"\gamma[v^p]=p\,\gamma[v]",
    Citation(HAYOU_INIT, GAMMA),
    (NO_CANCELLATION,),
    _power,
)
POWER_CHANGE = Rule(
    "change of a power",
    r"\gamma[(v+\delta)^p-v^p]=(p-1)\,\gamma[v]+\gamma[\delta]\ \text{where }\gamma[\delta]\le\gamma[v]",
    Citation(HAYOU_INIT, GAMMA),
    (NO_CANCELLATION,),
    _power_change,
)
SOFTMAX = Rule(
    "softmax",
    r"\textstyle\gamma[e^{v_i}/\sum_{j\le n^\delta}e^{v_j}]=-\delta\ \text{for }\gamma[v]\le0\text{ or }\delta=0,"
    r"\ \text{else}\le0",
    Citation(VASWANI, "attention weights"),
    (NO_CANCELLATION,),
    _softmax,
)
SOFTMAX_CHANGE = Rule(
    "change of a softmax",
    r"\gamma[\Delta\,\mathrm{softmax}(v)]=\gamma[\Delta v]-\delta\ \text{for }\gamma[v]\le0,\ \text{else}\le0",
    Citation(VASWANI, "attention weights, to first order"),
    (NO_CANCELLATION,),
    _softmax_change,
)
SOFTMAX_SLOPE = Rule(
    "slope of a softmax",
    r"\textstyle\gamma[e^{v_i}/\sum_{j\le n^\delta}e^{v_j}]=-\delta\ \text{for }\gamma[v]\le0,\ \text{else}\le0",
    Citation(VASWANI, "attention weights, to first order"),
    (NO_CANCELLATION,),
    _softmax_slope,
)
SATURATING = Rule(
    "saturating map",
    r"\gamma[\phi(v)]=\gamma[v]\ \text{for }\gamma[v]\le0\text{, also with what updates add to }v\text{, else}\le0",
    Citation(YANG, "coordinatewise nonlinearities"),
    (NO_CANCELLATION,),
    _saturating,
)
SATURATING_CHANGE = Rule(
    "change of a saturating map",
    r"\gamma[\phi(v+\delta)-\phi(v)]=\gamma[\delta]\ \text{for }\gamma[v],\gamma[\delta]\le0,"
    r"\ 0\ \text{for }\gamma[\delta]>\max(\gamma[v],0),\ \text{else}\le0",
    Citation(YANG, "coordinatewise nonlinearities"),
    (NO_CANCELLATION,),
    _saturating_change,
)
SATURATING_SLOPE = Rule(
    "slope of a saturating map",
    r"\gamma[\phi'(v)]=0\ \text{for }\gamma[v]\le0,\ \text{else}\le0",
    Citation(YANG, "coordinatewise nonlinearities"),
    (NO_CANCELLATION,),
    _saturating_slope,
)
CURVED = Rule(
    "map of what vanishes",
    r"\gamma[\phi(v)]=\gamma[v]\ \text{of what is linear, and }2\gamma[v]\text{ of what is not, for }\gamma[v]<0",
    Citation(YANG, "coordinatewise nonlinearities, to second order"),
    (NO_CANCELLATION,),
    _curved,
)
CURVED_CHANGE = Rule(
    "change of a map of what vanishes",
    r"\gamma[\phi(v+\delta)-\phi(v)]=\gamma[\delta]\ \text{of what is linear, and }"
    r"\gamma[\delta]+\max(\gamma[v],\gamma[\delta])\text{ of what is not, for }\gamma[v],\gamma[\delta]<0",
    Citation(YANG, "coordinatewise nonlinearities, to second order"),
    (NO_CANCELLATION,),
    _curved_change,
)
CURVED_SLOPE = Rule(
    "slope of a map of what vanishes",
    r"\gamma[\phi'(v)]=0,\ \gamma[\phi'(v)-\phi'(0)]=\gamma[v]\ \text{for }\gamma[v]<0",
    Citation(YANG, "coordinatewise nonlinearities, to first order"),
    (NO_CANCELLATION,),
    _curved_slope,
)
BOUNDED = Rule(
    "bounded map",
    r"\gamma[\phi'(v)]=0",
    Citation(YANG, "coordinatewise nonlinearities"),
    (NO_CANCELLATION,),
    _bounded,
)
RAW_STEP = Rule(
    "raw step", r"\gamma[\Delta W]=\gamma[\eta_W]+\gamma[G_W]", Citation(HAYOU_INIT, "gradient descent"), (), _scaled
)


@cache
def normalised_step(step: Moments | Factored, *, has_parities: bool) -> Rule:
    """The rule of a normalised step; what it assumes depends on the step's memory, its epsilon and the parities met."""
    statement = r"\gamma[\Delta W]=\gamma[\eta_W]\ \text{where }G_W\ne0"
    if has_parities:
        statement += r",\ \text{less the gap to the leading parity}"
    extra = (
        (SYMMETRIC_INIT, has_parities),
        (SEVERAL_SAMPLES, has_parities),
        (NEGLIGIBLE_EPSILON, step.epsilon > 0),
        (MEMORY, step.has_memory),
    )
    return Rule(
        "normalised step by parity" if has_parities else "normalised step",
        statement,
        Citation(HAYOU_PLUS, "assumption on processed gradients: entries of order one"),
        (NORMALISED_ENTRIES, *(assumption for assumption, is_used in extra if is_used)),
        processed,
    )

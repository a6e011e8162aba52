"""The rules of maps: of functions entry by entry, of powers, norms and softmaxes, and of their slopes and changes.

What a map makes of a part of its argument depends on which parts are larger: it is phi'(c_1) c_2 of a small c_2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import Enum
from fractions import Fraction
from functools import partial, reduce
from itertools import combinations, product

from gamma_calc.algebra import VANISHING, Exponent
from gamma_calc.calculus.assumptions import NO_CANCELLATION
from gamma_calc.calculus.citations import HAYOU_INIT, VASWANI, YANG, ZHANG, Citation
from gamma_calc.calculus.components import (
    CONSTANT,
    ONE,
    Component,
    Term,
    as_large,
    gathered,
    has_larger,
    is_below,
    made,
    needed,
    total,
)
from gamma_calc.calculus.policy import HALF, Policy, summations
from gamma_calc.calculus.provenance import Flip, Provenance, Sight, contracted, seen_by_squares
from gamma_calc.calculus.rules import GAMMA, GIVEN, PRODUCT, SUM, Rule, summed_pairs
from gamma_calc.calculus.size import Size
from gamma_calc.errors import Unknown
from gamma_calc.program.axes import Axis


class Symmetry(Enum):
    """What a scalar function does with the sign of its argument."""

    NONE = "neither odd nor even"
    ODD = "odd"
    EVEN = "even"


def _homogeneous(argument: Term, symmetry: Symmetry = Symmetry.NONE) -> Term:
    return _expansion(argument, ONE, symmetry)


def _expansion(argument: Term, slope: Size, symmetry: Symmetry) -> Term:
    """What a map makes of its whole argument, where its slope at the leading part is of this size.

    A small part c_2 adds phi'(c_1) c_2, whatever other small ones there are, and phi''(c_1) c_2 c_3 with another one.
    Alone it makes nothing with itself beside which phi(c_1) is not larger in every sum.
    """
    leading = leading_part(argument)
    first_order = (
        image for each in argument for image in _images(each.size + slope, each, argument, leading, symmetry)
    )
    small = [] if leading is None else [each for each in argument if is_below(each, leading)]
    parts = tuple(each for each in small if any(other is not each and not is_below(other, each) for other in small))
    return needed(gathered((*first_order, *_second_order(parts, argument, leading, slope, symmetry))))


def _map_change(argument: Term, change: Term, symmetry: Symmetry = Symmetry.NONE, slope: Size = ONE) -> Term:
    """phi(c + d) - phi(c), also what phi(c) loses of parts c_2 of c that are small beside d.

    That is all that c_2 made where d changes the slope, and phi''(c_1) c_2 d where d is small beside c_1.
    """
    moved = (*argument, *change)
    leading, covered = leading_part(moved), [each for each in argument if has_larger(change, each.size)]
    keeps_slope = leading is not None and all(is_below(each, leading) for each in change)
    parts, crossed = (change, covered) if keeps_slope else ((*change, *covered), [])
    first_order = (image for each in parts for image in _images(each.size + slope, each, moved, leading, symmetry))
    second_order = (
        *_second_order(parts, moved, leading, slope, symmetry),
        *_second_order(crossed, moved, leading, slope, symmetry, beside=change),
    )
    return needed(gathered((*first_order, *second_order)))


def _second_order(
    parts: Sequence[Component],
    argument: Term,
    leading: Component | None,
    slope: Size,
    symmetry: Symmetry,
    beside: Term | None = None,
) -> Iterator[Component]:
    """What small parts c_2, c_3 of an argument add to a map together: phi''(c_1) c_2 c_3, and all that is smaller.

    Of c_2 with itself it is what c_2 adds whatever its sign. As large where phi has a kink: of a share |c_2| / |c_1| of
    the entries c_1 + c_2 and c_1 are of two signs. What a part makes with larger ones has the largest as its factor.
    Of an odd or an even phi, phi'' is as odd or as even, and each product has a sign of its own; of three parts and
    more the products are left out. Nothing is said where it is open which part leads.

    Args:
        beside: what c_3 is a part of; the argument by default.
    """
    if leading is None:
        return
    small = [each for each in argument if is_below(each, leading)]
    others = [each for each in small if beside is None or each in beside]
    curvature = slope + leading.size.inverse
    if symmetry is Symmetry.NONE:
        for size, part in {each.size: each for each in parts if each in small}.items():
            yield from made(size + total(others) + curvature, _product_of_larger, part, argument)
        return
    for one, other in product(parts, others):
        if one in small and not is_below(other, one):
            size = one.size + other.size + curvature
            yield from made(size, partial(_product_of_two, other, leading, symmetry), one, argument)


def _product_of_two(
    other: Component, leading: Component, symmetry: Symmetry, component: Component, argument: Term
) -> Provenance:
    curvature = _mapped(leading, argument, leading, symmetry)
    return curvature.multiplied(other.provenance).multiplied(component.provenance)


def _product_of_larger(component: Component, argument: Term) -> Provenance:
    around = (each.provenance for each in as_large(argument, component.size))
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
    leading = leading_part(argument)
    if leading is not None:
        return leading.size.inverse
    floors = [piece for each in argument for piece in each.size.lower.pieces]
    if not floors:
        raise Unknown("one over what is only bounded from above: no exponent says how large that is")
    most = total(argument).upper.pieces
    return Size(Exponent.of(-most[0]) if len(most) == 1 else VANISHING, Exponent.of(-floors[0]))


def leading_part(argument: Term) -> Component | None:
    """The component that is surely no smaller than any other, where one form says how large it is."""
    leading = (each for each in argument if all(other.size.upper.is_at_most(each.size.lower) for other in argument))
    return next((each for each in leading if each.size.is_one_form), None)


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
    whole, leading = _power_size(argument, degree), leading_part(argument)
    if leading is None or not degree:
        return (*_as_a_whole(whole, argument),)
    return _expansion(argument, whole + leading.size.inverse, _of_degree(degree))


def _power_size(argument: Term, degree: Fraction) -> Size:
    size = total(argument) if degree > 0 else _inverse(argument)
    if not degree:
        return ONE
    return Size(size.lower.scaled(abs(degree)), size.upper.scaled(abs(degree)))


def _power_change(argument: Term, change: Term, degree: Fraction) -> Term:
    """(v + d)^p - v^p: to first order of a small d, and of one that leads the two powers; of v = 0 it is d^p."""
    if not argument:
        return _power(change, degree)
    leading, moved = leading_part(argument), (*argument, *change)
    if degree and leading is not None and total(change).upper.is_at_most(leading.size.lower):
        slope = Size.exactly(Exponent.of(leading.size.upper.pieces[0] * (degree - 1)))
        return _map_change(argument, change, _of_degree(degree), slope)
    if degree and leading_part(moved) in change:
        return SUM.conclude(_power(moved, degree), _power(argument, degree))
    first_order = _power_size(argument, degree - 1) + total(change)
    return (*_as_a_whole(_changed(argument, change, degree, first_order), moved),)


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
    return GIVEN.conclude(Exponent.of(-axis.size))


_UNIT = GIVEN.conclude(CONSTANT)
"""What small logits v are small beside: e^v is 1 + v, and the 1 makes equal shares of e^v / sum e^v."""


def _softmax(even: Term, logits: Term) -> Term:
    """Of a fixed number of logits the largest share is at least one over that number, however large they are."""
    is_fixed = total(even) == ONE
    return _bounded(logits) if is_fixed and _may_grow(logits) else _softmax_slope(even, logits)


def _softmax_slope(even: Term, logits: Term) -> Term:
    """Where logits grow one entry is all, however many they are, and a slope p (dv - sum p dv) may vanish."""
    uniform, first = _exponential(_UNIT, logits), [_exponential((each,), logits) for each in logits]
    second = (PRODUCT.conclude(*pair) for pair in combinations(first, 2))
    return _saturated(PRODUCT.conclude(even, SUM.conclude(uniform, *first, *second)), logits)


def _softmax_change(even: Term, logits: Term, change: Term) -> Term:
    """e^(v + d) - e^v is e^(v + d) times d, and what is smaller."""
    moved = (*logits, *change)
    whole, first = _exponential((*_UNIT, *moved), moved), _exponential(change, moved)
    return _saturated(PRODUCT.conclude(even, PRODUCT.conclude(whole, first)), moved)


def _exponential(parts: Term, logits: Term) -> Term:
    """What some parts of logits make of e^v: a small one itself, whichever is larger, times what those of n^0 make.

    Two small parts make their product beside that; of one with itself see `_expansion`.
    """
    (unit,), argument = _UNIT, (*_UNIT, *logits)
    return tuple(image for each in parts for image in _images(each.size, each, argument, unit))


def _saturated(shares: Term, logits: Term) -> Term:
    """Of logits that may grow only a bound is left: what is not the largest entry vanishes, and the largest is 1."""
    if not _may_grow(logits):
        return shares
    return tuple(Component(Size(VANISHING, CONSTANT), each.provenance) for each in shares)


def _may_grow(logits: Term) -> bool:
    return not all(each.size.upper.is_at_most(CONSTANT) for each in logits)


def _saturating(argument: Term, change: Term = ()) -> Term:
    """Of parts that updates change: of what these saturate nothing is left beside the change that they make."""
    return _saturated(_homogeneous(argument, Symmetry.ODD), (*argument, *change))


def _saturating_change(argument: Term, change: Term) -> Term:
    """Of a change that may grow a bound, and its sign where one part of it surely outgrows all that was there."""
    moved = (*argument, *change)
    found, leading = _saturated(_map_change(argument, change, Symmetry.ODD), moved), leading_part(moved)
    is_new = leading is not None and all(is_below(each, leading) for each in argument)
    if leading is None or not is_new or not leading.size.lower.is_above(CONSTANT):
        return found
    return gathered((Component(ONE, _mapped(leading, moved, leading, Symmetry.ODD)), *found))


def _saturating_slope(argument: Term) -> Term:
    return _saturated(_bounded(argument, Symmetry.EVEN), argument)


def vanishes(*terms: Term) -> bool:
    """Whether some values surely vanish as n grows."""
    return all(CONSTANT.is_above(each.size.upper) for term in terms for each in term)


def _curved(argument: Term) -> Term:
    """phi(v) = phi'(0) v + phi''(0) v^2 / 2."""
    return SUM.conclude(argument, PRODUCT.conclude(argument, argument))


def _curved_change(argument: Term, change: Term) -> Term:
    """phi(v + d) - phi(v) = phi'(0) d + phi''(0) (v d + d^2 / 2)."""
    return SUM.conclude(change, PRODUCT.conclude(argument, change), PRODUCT.conclude(change, change))


def _curved_slope(argument: Term) -> Term:
    """phi'(v) = phi'(0) + phi''(0) v."""
    return SUM.conclude(GIVEN.conclude(CONSTANT), argument)


def _bounded(argument: Term, symmetry: Symmetry = Symmetry.NONE) -> Term:
    """The slope of a map of degree one: of size 1, and phi'(c_1 + c_2) - phi'(c_1) as small as c_2 is beside c_1.

    Of a small part beside what may be larger than it only the bound is kept.
    """
    if not argument:  # a map of zero
        return GIVEN.conclude(CONSTANT)
    leading = leading_part(argument)
    if leading is None:
        return (*_as_a_whole(ONE, argument),)
    gap = leading.size.inverse
    every = ((each, tuple(_images(each.size + gap, each, argument, symmetry=symmetry))) for each in argument)
    return SUM.conclude(*(images if each is leading else images[-1:] for each, images in every))


def _images(
    size: Size,
    component: Component,
    argument: Term,
    leading: Component | None = None,
    symmetry: Symmetry = Symmetry.NONE,
) -> Iterator[Component]:
    """What a map makes of one component of its argument; see `_mapped`."""
    return made(size, lambda one, parts: _mapped(one, parts, leading, symmetry), component, argument)


def _as_a_whole(size: Size, argument: Term) -> Iterator[Component]:
    """A function of a whole value."""
    return made(size, lambda _, parts: _united(parts), argument[0], argument)


def _mapped(
    component: Component,
    argument: Term,
    leading: Component | None = None,
    symmetry: Symmetry = Symmetry.NONE,
) -> Provenance:
    """What a map makes of one component of its argument: phi(c_1) of what leads, phi'(c_1) c_2 of a small c_2.

    Under a flip that changes the sign of c_1, or of c_2, alone:

        phi                   phi(c_1)        phi'(c_1) c_2, by c_1       phi'(c_1) c_2, by c_2
        neither odd nor even  either way      either way                  odd
        odd (tanh)            odd             even                        odd
        even (tanh')          even            odd                         odd

    A component beside which none is larger is not small. Where it is not said which one leads, c_1 is all that may be
    as large as c_2: of what phi' knows of them the second order is left out.
    """
    least = component if leading is None else leading
    beside = [each.provenance for each in as_large(argument, least.size) if each is not component]
    is_small, mine = has_larger(argument, component.size), component.provenance
    largest = beside if is_small else [mine, *beside]
    turned = frozenset[Flip]() if symmetry is Symmetry.NONE else frozenset.intersection(*(each.odd for each in largest))
    spoilt = frozenset[Flip]().union(*(each.flips for each in largest)) - turned
    seen = frozenset[Sight]().union(*(each.seen for each in beside))
    if is_small:
        odd = mine.odd ^ turned if symmetry is Symmetry.EVEN else mine.odd
        return _beside(replace(mine, odd=odd - mine.mixed), beside, spoilt, seen)
    odd = turned if symmetry is Symmetry.ODD else frozenset[Flip]()
    alone = frozenset[Sight]() if beside else frozenset(each for each in mine.alone if each.flips & odd)
    return _beside(replace(mine.even_and_odd, odd=odd, mixed=mine.flips - turned, alone=alone), beside, spoilt, seen)


def signed(component: Component, gradient: Term) -> Provenance:
    """What a sign, or another odd map, makes of one component: its parity stays, under flips that leave phi' alone.

    It is the component times a function that is even in each of the others.
    """
    mine = component.provenance
    beside = [each.provenance for each in as_large(gradient, component.size) if each is not component]
    spoilt = frozenset[Flip]().union(*(each.mixed for each in beside))
    return _beside(mine, beside, spoilt, seen_by_squares(mine, beside))


def _beside(
    mine: Provenance, others: Sequence[Provenance], spoilt: frozenset[Flip], seen: frozenset[Sight]
) -> Provenance:
    """The provenance of a component times a function of others, which knows of what is `seen` and spoils some flips."""
    alone = mine.alone_beside(*others)
    return Provenance(None, mine.odd - spoilt, mine.mixed | spoilt, mine.seen | seen, mine.made, alone)


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

ABSOLUTE_VALUE = replace(
    HOMOGENEOUS,
    name="absolute value",
    statement=r"\gamma[\lvert v\rvert]=\gamma[v]",
    conclude=partial(_homogeneous, symmetry=Symmetry.EVEN),
)

ABSOLUTE_VALUE_CHANGE = replace(
    MAP_CHANGE,
    name="change of an absolute value",
    statement=r"\gamma[\lvert v+\delta\rvert-\lvert v\rvert]=\gamma[\delta]\text{; }2\gamma[\delta]-\gamma[v]"
    r"\ \text{of it whatever the sign of }\delta",
    conclude=partial(_map_change, symmetry=Symmetry.EVEN),
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
    r"\gamma[(v+\delta)^p-v^p]=(p-1)\,\gamma[v]+\gamma[\delta]\ \text{where }\gamma[\delta]\le\gamma[v],"
    r"\ \text{else }\max(p\,\gamma[v],p\,\gamma[\delta])",
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
    r"\textstyle\gamma[p_i]=-\delta\ \text{for }\gamma[v]\le0,\ \text{else}\le0\text{, of the factor }p_i\text{ in }"
    r"p_i(\mathrm{d}v_i-\sum_{j\le n^\delta}p_j\mathrm{d}v_j)",
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

SIGN = replace(
    BOUNDED,
    name="sign",
    statement=r"\gamma[\mathrm{sgn}(v)]=0",
    conclude=partial(_bounded, symmetry=Symmetry.ODD),
)

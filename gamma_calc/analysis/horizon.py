"""The law of every finite horizon: where some quantities stay bounded for T steps, as a function of T.

A max-plus linear step map says what a quantity is after T steps: the largest of a few families of exponents, each a
form and any number of turns of a cycle that T steps have room for. A settled run says so too, without cycles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gamma_calc.algebra import Inequality, Polyhedron
from gamma_calc.analysis.bounded import Bounded
from gamma_calc.analysis.rate_law import Product, RateLaw, rate_law
from gamma_calc.calculus.recursion import Trajectory
from gamma_calc.maxplus.graph import StepMap
from gamma_calc.maxplus.horizon_families import HorizonFamily, horizon_families, largest
from gamma_calc.maxplus.linear_regime import linear_part, linear_region
from gamma_calc.maxplus.path_families import Order

PRODUCTS = "the step multiplies components, and before it leaves n^0 a run may feel their products"
MANY = "the step multiplies components, and makes too many products of them to write out"
INEXACT = "some sizes are only bounded from above"


@dataclass(frozen=True, slots=True)
class HorizonLaw:
    """Where some quantities have exponents at most 0 at steps 1 to T, for every T.

    `families` are the exponents that must not be positive. `largest` is the largest stable rate as a function of T
    where one rate is free and nothing else, or why there is no such formula. Where the law is known on a part of the
    domain only, `domain` is that part and `elsewhere` says what is missing on the rest.
    """

    quantities: tuple[str, ...]
    domain: Polyhedron
    families: tuple[HorizonFamily, ...]
    largest: RateLaw | str
    elsewhere: str = ""


def horizon_law(
    bound: Bounded, quantities: Sequence[str], rates: Sequence[str], free: Sequence[str]
) -> HorizonLaw | str:
    """The law of every horizon, or what it would need.

    Args:
        bound: what is known of the quantities for every step count.
        quantities: those that have to stay bounded.
        rates: the free exponents that are learning rates.
        free: all free exponents.
    """
    run, found, where, elsewhere = bound.runs[0], bound.map, bound.runs[0].domain, ""
    if found is None and bound.whole is not None and bound.whole.is_known:
        if not set(quantities) <= set(bound.whole.quantities):
            return MANY
        where = linear_region(bound.whole, quantities, run.domain)
        if where.is_empty:
            return PRODUCTS
        found = linear_part(bound.whole, quantities)
        elsewhere = "" if where == run.domain else PRODUCTS
    every = _linear(found, quantities, run) if run.settled_from is None else _unrolled(run, quantities, len(run.steps))
    if isinstance(every, str):
        return every
    every = tuple(each for each in every if each.is_turning or not where.implies(Inequality(-each.base)))
    return HorizonLaw(tuple(quantities), where, every, _largest(rates, free, every, where), elsewhere)


def _largest(
    rates: Sequence[str], free: Sequence[str], every: Sequence[HorizonFamily], domain: Polyhedron
) -> RateLaw | str:
    """The largest stable rate as a function of T, where nothing else is free."""
    if len(rates) != 1:
        return "not exactly one rate is free"
    if len(free) > 1:
        return f"{rates[0]} is not the only free exponent"
    if not domain.is_closed:
        return f"the domain is not closed: {domain}"
    return family_rate_law(rates[0], every, domain)


def family_rate_law(rate: str, every: Sequence[HorizonFamily], domain: Polyhedron) -> RateLaw | str:
    """The largest rate of a closed domain for which families are at most 0, by the number of steps, or why not.

    Assumes:
        Nothing but the rate is free in the families and in the domain.
    """
    sides = [side for each in domain.constraints for side in each.sides]
    most = ((1, -side, ()) for side in sides if side.coefficient(rate) < 0)
    least = (-side.constant / side.coefficient(rate) for side in sides if side.coefficient(rate) > 0)
    products: dict[Product, None] = dict.fromkeys(most)
    for each in every:
        turns = ((each.cycle, ((each.offset, each.period),)),) if each.is_turning else ()
        products[each.start, each.base, turns] = None
    return rate_law(rate, products, max(least, default=None))


def _linear(found: StepMap | None, quantities: Sequence[str], run: Trajectory) -> tuple[HorizonFamily, ...] | str:
    """The exponents of a run whose step map is linear over maximum and plus."""
    if found is None:
        return "the exponents have not settled, and the step map is not linear over maximum and plus"
    if not found.is_known:
        return INEXACT
    found = found.feeding(quantities)
    if not found.can_wait or not set(quantities) <= set(found.quantities):
        return "some part of the state may shrink from one step to the next"
    order = Order(run.domain)
    later = horizon_families(found, quantities, order)
    if later is None:
        return "the walks through the step map are too many to write out"
    if len(run.steps) < found.start:
        return "the step map holds only of later steps than were unrolled"
    early = _unrolled(run, quantities, found.start)
    return early if isinstance(early, str) else largest((*early, *later), order)


def _unrolled(run: Trajectory, quantities: Sequence[str], upto: int) -> tuple[HorizonFamily, ...] | str:
    """The exponents of the first steps, one by one."""
    sizes = [(step.t, step.sizes[name]) for step in run.steps[:upto] for name in quantities]
    if not all(size.is_exact for _, size in sizes):
        return INEXACT
    every = (HorizonFamily(piece, t) for t, size in sizes for piece in size.upper.pieces)
    return largest(every, Order(run.domain))

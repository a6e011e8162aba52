"""The rules of what an optimiser adds to a gradient: scalars in front, other steps, and weight decay apart from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

from gamma_calc.algebra import VANISHING, Exponent
from gamma_calc.calculus.assumptions import (
    FIXED_RUN,
    MEMORY,
    NEGLIGIBLE_EPSILON,
    NORMALISED_ENTRIES,
    SEVERAL_SAMPLES,
    SPANNING,
    SYMMETRIC_INIT,
)
from gamma_calc.calculus.citations import HAYOU_INIT, HAYOU_PLUS, JORDAN, KINGMA, LOSHCHILOV, PASCANU, Citation
from gamma_calc.calculus.components import CONSTANT, ONE, Component, Term, by_parity, gathered, made, total
from gamma_calc.calculus.maps import signed
from gamma_calc.calculus.policy import HALF
from gamma_calc.calculus.provenance import Provenance, common
from gamma_calc.calculus.rules import GAMMA, SCALE, Rule
from gamma_calc.calculus.size import Size
from gamma_calc.program.optimizers import Factored, Moments


def _scalar(size: Size) -> Term:
    """A scalar: it has seen everything through sums over all axes only, and is even under every flip."""
    return (Component(size, Provenance()),)


def _number(exponent: Exponent) -> Term:
    return _scalar(Size.exactly(exponent))


def _decay(rate: Exponent, coefficient: Exponent, term: Term) -> Term:
    return SCALE.conclude(rate + coefficient, term)


def _norm(*premises: Term | Exponent) -> Term:
    return _scalar(Size.largest(_norms(premises)))


def _norms(premises: tuple[Term | Exponent, ...]) -> Iterator[Size]:
    """The norm of each tensor, from its entries and half the exponent of their number, which alternate."""
    for entries, half in zip(premises[::2], premises[1::2], strict=True):
        assert isinstance(entries, tuple)
        assert isinstance(half, Exponent)
        yield total(entries) + Size.exactly(half)


def _larger(left: Term, right: Term) -> Term:
    return gathered((*left, *right))


def processed(size: Exponent, gradient: Term, epsilon: Term = ()) -> Term:
    """What is left of the parts of a gradient that is brought to one size as a whole, beside an epsilon or none."""
    parities = [*by_parity(gradient).values()]
    wholes, beside = [total(alike) for alike in parities], [each.size for each in epsilon]
    return gathered(
        Component(Size.exactly(size) + part.size, part.provenance)
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
        if leader is not None and each is not leader and leader.size.is_one_form and each.size.is_exact:
            left = share + each.size + leader.size.inverse
        yield from made(left, signed, each, gradient)
    if leader is None:
        seen = common(*(each.provenance.seen for each in alike))
        least = replace(alike[0], provenance=replace(alike[0].provenance, seen=seen, alone=frozenset()))
        others = tuple(each for each in gradient if each not in alike)
        yield from made(share, signed, least, others)


def _share(mine: Size, others: Sequence[Size]) -> Size:
    """What a parity keeps of entries that a normalised step brings to size 1: all if it leads, n^-(gap) if it trails.

    Where the free exponents decide who leads, the share is only known to be at most 1.
    """
    if all(other.upper.is_at_most(mine.lower) for other in others):
        return ONE
    for other in others:
        leads = all(third.upper.is_at_most(other.lower) for third in (mine, *others))
        if leads and mine.is_exact and other.is_one_form:
            return mine + other.inverse
    return Size(VANISHING, CONSTANT)


def _orthogonalised_step(rate: Exponent, direction: Term, spread: Exponent, rivals: Term = ()) -> Term:
    return processed(rate + spread, direction, rivals)


RAW_STEP = Rule(
    "raw step",
    r"\gamma[\Delta W]=\gamma[\eta_W]+\gamma[G_W]",
    Citation(HAYOU_INIT, "gradient descent"),
    (),
    SCALE.conclude,
)
DECAY = Rule(
    "weight decay",
    r"\gamma[\eta_W\lambda\,W]=\gamma[\eta_W]+\gamma[\lambda]+\gamma[W]",
    Citation(LOSHCHILOV, "weight decay decoupled from the gradient"),
    (),
    _decay,
)
GIVEN_NUMBER = Rule("number", r"\gamma[c]\ \text{is given}", Citation(HAYOU_INIT, GAMMA), (), _number)
COUNT = Rule("count", r"\gamma[k^p]=p\,\delta\ \text{for }k=n^\delta", Citation(HAYOU_INIT, GAMMA), (), _number)
NORM = Rule(
    "Frobenius norm",
    r"\textstyle\gamma[\lVert v,w,\dots\rVert]=\max(\gamma[v]+\delta_v/2,\gamma[w]+\delta_w/2,\dots)"
    r"\ \text{for }n^{\delta_v}\text{ entries of }v",
    Citation(PASCANU, "the norm of the gradient over all parameters"),
    (),
    _norm,
)
LARGER = Rule("larger of two", r"\gamma[\max(u,v)]=\max(\gamma[u],\gamma[v])", Citation(HAYOU_INIT, GAMMA), (), _larger)


def _by_parity(statement: str, has_parities: bool) -> str:
    return statement + r",\ \text{less the gap to the leading parity}" if has_parities else statement


def _divided_by_larger(rate: Exponent, gradient: Term, rivals: Term) -> Term:
    """What is left of a gradient beside larger ones before, in all entries but a few.

    The share of the entries in which the larger one was as small as this one is their ratio: there the step is n^0. So
    the root mean square of all entries may be as large as the root of the ratio.
    """
    return tuple(
        Component(Size(each.size.lower, (rate + each.size.upper).scaled(HALF)), each.provenance)
        for each in processed(rate, gradient, rivals)
    )


@cache
def normalised_step(
    step: Moments | Factored, *, has_parities: bool, has_epsilon: bool = False, is_after_larger: bool = False
) -> Rule:
    """The rule of a normalised step; what it assumes depends on the step's memory, its epsilon and the parities met.

    Args:
        has_epsilon: whether its epsilon is not negligible: one more rival in the denominator.
        is_after_larger: whether earlier gradients were larger. They lead the mean of the gradients, if there is one;
            else the direction is the newest one, and they lead what it is divided by.
    """
    kind = " by parity" * has_parities + " beside epsilon" * has_epsilon + " after larger ones" * is_after_larger
    is_divided = is_after_larger and not step.has_momentum
    statement = r"\gamma[\Delta W]=\gamma[\eta_W]\ \text{where }G_W\ne0"
    source = Citation(HAYOU_PLUS, "assumption on processed gradients: entries of order one")
    if has_epsilon:
        statement = r"\gamma[\Delta W]=\gamma[\eta_W]+\gamma[D]-\max(\gamma[D],\gamma[\epsilon])"
        source = Citation(KINGMA, "Adam, algorithm 1")
    if is_divided:
        most = r"\max_{s\le t}" + (r"(\gamma[G_W^s],\gamma[\epsilon])" if has_epsilon else r"\gamma[G_W^s]")
        statement = rf"\gamma[\eta_W]-m\le\gamma[\Delta W^t]\le\gamma[\eta_W]-m/2\ \text{{for }}m={most}-\gamma[G_W^t]"
    assumed = (
        (NORMALISED_ENTRIES, True),
        (SYMMETRIC_INIT, has_parities),
        (SEVERAL_SAMPLES, has_parities),
        (NEGLIGIBLE_EPSILON, step.epsilon > 0 and not has_epsilon),
        (FIXED_RUN if is_after_larger else MEMORY, step.has_memory),
    )
    return Rule(
        f"normalised step{kind}",
        _by_parity(statement, has_parities),
        source,
        tuple(assumption for assumption, is_used in assumed if is_used),
        _divided_by_larger if is_divided else processed,
    )


@cache
def scaled_step(rule: Rule) -> Rule:
    """A step with a scalar c_W in front; where the scalar is only bounded, so is the step."""

    def conclude(factor: Size, rate: Exponent, direction: Term, *beside: object) -> Term:
        step = rule.conclude(rate, direction, *beside)
        return tuple(Component(factor + part.size, part.provenance) for part in step)

    statement = rule.statement.replace(r"\gamma[\eta_W]", r"\gamma[c_W]+\gamma[\eta_W]")
    return replace(rule, name=f"{rule.name}, scaled", statement=statement, conclude=conclude)


@cache
def orthogonalised_step(*, has_parities: bool, has_blocks: bool = False) -> Rule:
    """The rule of an orthogonalised step of fixed rank: singular values of size 1, spread over m and k as n grows.

    Of a block of a matrix it is less by the gap between its norm and the largest norm of a block.
    """
    statement = r"\gamma[\Delta W]=\gamma[\eta_W]-(m+k)/2\ \text{for axes }n^m,n^k\text{ and a fixed rank}"
    if has_blocks:
        statement += r",\ \text{less the gap to the block of the largest norm}"
    return Rule(
        "orthogonalised step" + " of a block" * has_blocks + " by parity" * has_parities,
        _by_parity(statement, has_parities),
        Citation(JORDAN, "Newton-Schulz orthogonalisation of the momentum"),
        (FIXED_RUN, *((SYMMETRIC_INIT,) if has_parities else ()), *((SPANNING,) if has_parities or has_blocks else ())),
        _orthogonalised_step,
    )

"""The rules of what an optimiser adds to a gradient: scalars in front, other steps, and weight decay apart from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from gamma_calc.algebra import Exponent
from gamma_calc.calculus.assumptions import FIXED_RUN, NEGLIGIBLE_EPSILON, SPANNING, SYMMETRIC_INIT
from gamma_calc.calculus.citations import HAYOU_INIT, JORDAN, KINGMA, LOSHCHILOV, PASCANU, Citation
from gamma_calc.calculus.provenance import Provenance
from gamma_calc.calculus.rules import (
    GAMMA,
    SCALE,
    Component,
    Rule,
    Term,
    gathered,
    normalised_step,
    processed,
    total,
)
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


def _orthogonalised_step(rate: Exponent, direction: Term, spread: Exponent) -> Term:
    return processed(rate + spread, direction)


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


@cache
def scaled_step(rule: Rule) -> Rule:
    """A step with a scalar c_W in front; where the scalar is only bounded, so is the step."""

    def conclude(factor: Size, rate: Exponent, direction: Term, *beside: object) -> Term:
        step = rule.conclude(rate, direction, *beside)
        return tuple(Component(factor + part.size, part.provenance) for part in step)

    statement = rule.statement.replace(r"\gamma[\eta_W]", r"\gamma[c_W]+\gamma[\eta_W]")
    return replace(rule, name=f"{rule.name}, scaled", statement=statement, conclude=conclude)


@cache
def step_above_epsilon(step: Moments | Factored, *, has_parities: bool) -> Rule:
    """The rule of a normalised step whose epsilon is not negligible: one more rival in the denominator."""
    rule = normalised_step(step, has_parities=has_parities)
    statement = r"\gamma[\Delta W]=\gamma[\eta_W]+\gamma[D]-\max(\gamma[D],\gamma[\epsilon])"
    return replace(
        rule,
        name=f"{rule.name} beside epsilon",
        statement=statement + (r",\ \text{less the gap to the leading parity}" if has_parities else ""),
        source=Citation(KINGMA, "Adam, algorithm 1"),
        assumptions=tuple(each for each in rule.assumptions if each is not NEGLIGIBLE_EPSILON),
    )


@cache
def orthogonalised_step(*, has_parities: bool) -> Rule:
    """The rule of an orthogonalised step of fixed rank: singular values of size 1, spread over m and k as n grows."""
    statement = r"\gamma[\Delta W]=\gamma[\eta_W]-(m+k)/2\ \text{for axes }n^m,n^k\text{ and a fixed rank}"
    if has_parities:
        statement += r",\ \text{less the gap to the leading parity}"
    return Rule(
        "orthogonalised step by parity" if has_parities else "orthogonalised step",
        statement,
        Citation(JORDAN, "Newton-Schulz orthogonalisation of the momentum"),
        (FIXED_RUN, *((SYMMETRIC_INIT, SPANNING) if has_parities else ())),
        _orthogonalised_step,
    )

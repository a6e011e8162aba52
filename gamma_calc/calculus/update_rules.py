"""The rules of what an optimiser adds to its step: momentum, and weight decay apart from the gradient."""

from __future__ import annotations

from gamma_calc.algebra import Exponent
from gamma_calc.calculus.assumptions import FIXED_RUN, NO_CANCELLATION
from gamma_calc.calculus.citations import LOSHCHILOV, POLYAK, Citation
from gamma_calc.calculus.rules import SCALE, Rule, Term, gathered


def momenta(coefficient: Exponent, so_far: Term, gradient: Term) -> Term:
    """The components of beta m_{t-1} and of G, before those of one parity are brought together."""
    return (*SCALE.conclude(coefficient, so_far), *gradient)


def _momentum(coefficient: Exponent, so_far: Term, gradient: Term) -> Term:
    return gathered(momenta(coefficient, so_far, gradient))


def _decay(rate: Exponent, coefficient: Exponent, term: Term) -> Term:
    return SCALE.conclude(rate + coefficient, term)


MOMENTUM = Rule(
    "momentum",
    r"\gamma[m_t]=\max(\gamma[\beta]+\gamma[m_{t-1}],\gamma[G_W])\ \text{for }m_t=\beta\,m_{t-1}+G_W",
    Citation(POLYAK, "the heavy-ball method"),
    (FIXED_RUN, NO_CANCELLATION),
    _momentum,
)
DECAY = Rule(
    "weight decay",
    r"\gamma[\eta_W\lambda\,W]=\gamma[\eta_W]+\gamma[\lambda]+\gamma[W]",
    Citation(LOSHCHILOV, "weight decay decoupled from the gradient"),
    (),
    _decay,
)

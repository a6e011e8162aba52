"""The prefactor k of a learning rate k n^exponent: it moves the crossovers of sums, never an exponent."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType

from gamma_calc.program.optimizers import Moments, Raw

NORMALISED = Fraction(4)
RAW = Fraction(1, 16)
GROWING = Fraction(16)
PREFACTORS: Mapping[str, Fraction] = MappingProxyType(
    {"momentum": Fraction(1, 2), "decay": Fraction(1, 16), "feedback": Fraction(1)}
)
"""k in beta, lambda and kappa = k n^exponent. A momentum keeps half of itself where beta is of size one, and a decay
takes a quarter of a part in a normalised step where eta lambda is: far from all, where 1 - eta lambda would cancel."""


def chosen_prefactor(step: Raw | Moments) -> Fraction:
    """The k with which crossovers lie below the smallest widths in use, whatever the scheme.

    A normalised step follows the leading part of its gradient once that part clearly leads. Parts lead each other by
    half a power of n or more, that is by a factor of 11 at n = 128: k = 4 speeds up the sums that the updates lead
    and still leaves those that the initial part leads in its hands. A raw step keeps every monomial of its iterates,
    which are polynomials in k; where several share the leading exponent, a small k leaves the lowest in charge at
    every width instead of having it overtaken within the widths that are measured.
    """
    match step:
        case Moments():
            return NORMALISED
        case Raw():
            return RAW


def decay_prefactor(prefactor: Fraction, *, grows: bool) -> Fraction:
    """The k of lambda beside that of the rates: where eta lambda grows with the width, it has left 1 behind throughout.

    >>> decay_prefactor(Fraction(1, 16), grows=True)
    Fraction(256, 1)
    """
    return GROWING / prefactor if grows else PREFACTORS["decay"]

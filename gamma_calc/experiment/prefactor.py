"""The prefactor k of a learning rate k n^exponent: it moves the crossovers of sums, never an exponent."""

from __future__ import annotations

from fractions import Fraction

from gamma_calc.program.optimizers import Moments, Raw

NORMALISED = Fraction(4)
RAW = Fraction(1, 16)


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

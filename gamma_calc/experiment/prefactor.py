"""The prefactor k of a learning rate k n^exponent: it moves the crossovers of sums, never an exponent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType

from gamma_calc.experiment.prediction import ZERO, Prediction
from gamma_calc.program.optimizers import Moments, Raw
from gamma_calc.program.scheme import INITIAL, Scheme

NORMALISED = Fraction(4)
BALANCED = Fraction(1)
RAW = Fraction(1, 16)
GROWING = Fraction(16)
PREFACTORS: Mapping[str, Fraction] = MappingProxyType(
    {"momentum": Fraction(1, 2), "decay": Fraction(1, 16), "feedback": Fraction(1)}
)
"""k in beta, lambda and kappa = k n^exponent. A momentum keeps half of itself where beta is of size one, and a decay
takes a quarter of a part in a normalised step where eta lambda is: far from all, where 1 - eta lambda would cancel."""


def chosen_prefactor(scheme: Scheme) -> Fraction:
    """The k with which crossovers lie below the smallest widths in use, whatever the scheme.

    A normalised step follows the leading part of its gradient once that part clearly leads. Parts lead each other by
    half a power of n or more, that is by a factor of 11 at n = 128: k = 4 speeds up the sums that the updates lead
    and still leaves those that the initial part leads in its hands. A raw step keeps every monomial of its iterates,
    which are polynomials in k; where several share the leading exponent, a small k leaves the lowest in charge at
    every width instead of having it overtaken within the widths that are measured.
    """
    match scheme.simple_step("a prefactor of the reference experiment"):
        case Moments():
            return NORMALISED
        case Raw():
            return RAW


def chosen_prefactors(scheme: Scheme, predicted: Sequence[Prediction]) -> Mapping[str, Fraction]:
    """The k of each factor's rate, by what its updates make of the products that its step's directions follow.

    A Z is a sum of A_0 Z and U_A Z, B^T dZ of B_0^T dZ and U_B^T dZ, and a normalised step takes the sign of it. Where
    one of the two leads, k makes it lead more; where they tie, k leaves both a say at every width: sums in which only
    the smaller one of the two is aligned would else show at large ranks alone. A raw step has one k, since its iterates
    mix both rates: the small one as above, but 1 where the updates lead, which with a small one they would do late.
    """
    k = chosen_prefactor(scheme)
    last = {each.quantity: each for each in predicted}
    axes = zip(INITIAL, (Fraction(1), scheme["fan_out"].constant), strict=True)
    gaps = {name: _gap(last[name], name, axis) for name, axis in axes}
    if isinstance(scheme.optimizer.step, Raw):
        return dict.fromkeys(INITIAL, BALANCED if any(gap and gap > 0 for gap in gaps.values()) else k)
    return {name: k if gap is None or gap > 0 else 1 / k if gap < 0 else BALANCED for name, gap in gaps.items()}


def _gap(prediction: Prediction, name: str, axis: Fraction) -> Fraction | None:
    """How far the updates lead the initial part once both are summed over the data's axis; None where one is zero.

    The updates are aligned with the data there, and the initial part is not: they gain half of the axis on it.
    """
    updates, initial = (prediction.terms.get((part,), ZERO).exponent for part in (f"U_{name}", f"{name}_0"))
    return None if updates is None or initial is None else updates - initial + axis / 2


NETWORK = Fraction(1)
"""k of every rate of a network: what speeds up the crossovers of one layer puts off those of another."""


def decay_prefactor(prefactor: Fraction, *, grows: bool) -> Fraction:
    """The k of lambda beside that of the rates: where eta lambda grows with the width, it has left 1 behind throughout.

    >>> decay_prefactor(Fraction(1, 16), grows=True)
    Fraction(256, 1)
    """
    return GROWING / prefactor if grows else PREFACTORS["decay"]

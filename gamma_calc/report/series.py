"""What a figure is made from: plain data that knows neither matplotlib nor where it came from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

Values = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """A measured quantity over widths, beside its predicted exponent.

    Args:
        label: the term, as tables call it.
        value: log2 of the root mean square at each width; None where it is exactly zero or was not measured.
        low, high: the 95 % interval of `value`; None where there is none. A lower end alone is None where the interval
            reaches down to zero.
        predicted: the exponent; None for -oo, which is measured as exactly zero.
        verdict: the word that the judge gave.
        is_leading: whether the term has the largest exponent of its sum.
        is_upper: whether the prediction only bounds the exponent from above.
    """

    label: str
    widths: tuple[int, ...]
    value: Values
    low: Values
    high: Values
    predicted: Fraction | None
    verdict: str
    is_leading: bool
    is_upper: bool = False

    @property
    def is_drawn(self) -> bool:
        """Whether there is a point to draw."""
        return any(each is not None and math.isfinite(each) for each in self.value)

    @property
    def exponent(self) -> str:
        """The predicted exponent as text.

        >>> Series("A_0", (), (), (), (), Fraction(-1, 2), "PASS", True, is_upper=True).exponent
        '<= -1/2'
        """
        if self.predicted is None:
            return "-oo"
        return f"<= {self.predicted}" if self.is_upper else str(self.predicted)


@dataclass(frozen=True, slots=True)
class Panel:
    """One quantity: the series of its terms, and the verdict on it; without one, the worst of theirs."""

    title: str
    series: tuple[Series, ...]
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One figure: its panels in reading order.

    Args:
        notes: what stands below the panels, such as what their symbols mean.
        tolerance: how far a slope may be from the predicted one; that band is shaded. 0 for none.
    """

    title: str
    subtitle: str
    panels: tuple[Panel, ...]
    notes: tuple[str, ...] = ()
    tolerance: float = 0.0

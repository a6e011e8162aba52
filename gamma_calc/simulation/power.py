"""The number that an exponent stands for at a finite width."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from gamma_calc.errors import BadInput


class BeyondFloats(BadInput):
    """A power of the width is too large or too small for a float."""


@dataclass(frozen=True, slots=True)
class Power:
    """The number n^width r^rank, which stands for an exponent at a finite width n and rank r."""

    width: Fraction = Fraction(0)
    rank: Fraction = Fraction(0)

    def at(self, width: int, rank: int) -> float:
        """The number at a width and a rank.

        Raises:
            BeyondFloats: it is too large or too small for a float.

        >>> Power(Fraction(-1, 2), Fraction(1)).at(256, 5)
        0.3125
        """
        try:
            found = math.pow(width, self.width) * math.pow(rank, self.rank)
        except OverflowError:
            found = math.inf
        if not 0 < found < math.inf:
            power = f"n^({self.width})" + (f" r^({self.rank})" if self.rank else "")
            raise BeyondFloats(
                f"{power} at n = {width}, r = {rank} is beyond the range of floats: no experiment has it; expected"
                " exponents nearer to 0"
            )
        return found

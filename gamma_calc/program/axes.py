"""Axes: what a tensor is indexed by, and how that index set grows with the width."""

from __future__ import annotations

from dataclasses import dataclass

from gamma_calc.algebra import Affine
from gamma_calc.program.shared import Shared


@dataclass(frozen=True, slots=True, eq=False)
class Axis(Shared):
    """An index set of n^size coordinates.

    Exponents: `size` is the growth exponent of the number of coordinates; 0 is a fixed number.
    """

    name: str
    size: Affine

    @property
    def is_fixed(self) -> bool:
        """Whether the axis has the same number of coordinates at every width."""
        return self.size == Affine.of(0)

    def __str__(self) -> str:
        return self.name

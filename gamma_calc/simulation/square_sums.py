"""Mean squares of tensors that are seen a block at a time."""

from __future__ import annotations

from torch import Tensor

from gamma_calc.simulation.adapter_module import Term
from gamma_calc.simulation.steps import is_nonzero, norm

Place = tuple[str, Term | None]
"""A quantity and one of its terms; None stands for their sum."""


class SquareSums:
    """The sums of squares of the terms of a step, over blocks, in float64."""

    def __init__(self) -> None:
        self._squares: dict[Place, Tensor] = {}
        self._entries: dict[Place, int] = {}
        self._is_nonzero: dict[Place, Tensor] = {}

    def __contains__(self, place: object) -> bool:
        return place in self._squares

    def add(self, place: Place, block: Tensor) -> None:
        """Add the squares of a block [..., p, q], summed over its last two axes."""
        size = norm(block)
        # Looking for zeros makes a CPU wait for nothing; elsewhere the look itself is the cheaper way.
        found = size != 0 if block.device.type == "cpu" and bool(size.all()) else is_nonzero(block)
        square, entries = size.square(), block.shape[-1] * block.shape[-2]
        if place in self._squares:
            self._squares[place] = self._squares[place] + square
            self._entries[place] += entries
            self._is_nonzero[place] = self._is_nonzero[place] | found
        else:
            self._squares[place], self._entries[place], self._is_nonzero[place] = square, entries, found

    def mean(self, place: Place) -> Tensor:
        """The mean square [...] over all blocks."""
        return self._squares[place] / self._entries[place]

    def is_nonzero(self, place: Place) -> Tensor:
        """Whether some block had an entry that is not zero, whose square may still be."""
        return self._is_nonzero[place]

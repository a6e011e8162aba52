"""Mean squares of the terms of a step, whose tensors are seen a block at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import torch
from torch import Tensor

from gamma_calc.simulation.adapter_module import Term
from gamma_calc.simulation.steps import is_nonzero, norm

Place = tuple[str, Term | None]
"""A quantity and one of its terms; None stands for their sum."""


@dataclass(frozen=True, slots=True)
class Squares:
    """What was found of some places that are always seen together, one along the first axis.

    Shapes: square, the sums of squares in float64, and is_nonzero, whether some entry is not zero, [K, S, L].
    `entries` counts what was summed at each place.
    """

    square: Tensor
    is_nonzero: Tensor
    entries: tuple[int, ...]

    def __add__(self, other: Squares) -> Squares:
        entries = tuple(one + more for one, more in zip(self.entries, other.entries, strict=True))
        return Squares(self.square + other.square, self.is_nonzero | other.is_nonzero, entries)


@dataclass(slots=True)
class SquareSums:
    """The sums of squares of a step, over blocks.

    Args:
        shape: (S, L), the runs that a tensor [S, L or 1, p, q] stands for.
    """

    shape: tuple[int, int]
    _found: dict[tuple[Place, ...], Squares] = field(default_factory=dict)

    def add(self, tensors: Mapping[Place, Tensor]) -> None:
        """Add the squares of one block of the tensors at some places; all blocks have the same places."""
        if not tensors:
            return
        sizes = torch.stack([norm(each).expand(self.shape) for each in tensors.values()])
        # A CPU does not wait for a look at a number; elsewhere it is quicker to compute than to look.
        if sizes.device.type == "cpu" and bool(sizes.all()):
            nonzero = sizes != 0
        else:
            nonzero = torch.stack([is_nonzero(each).expand(self.shape) for each in tensors.values()])
        entries = tuple(each.shape[-1] * each.shape[-2] for each in tensors.values())
        block, places = Squares(sizes.square(), nonzero, entries), tuple(tensors)
        self._found[places] = self._found[places] + block if places in self._found else block

    def means(self, scales: Mapping[str, float]) -> Iterator[tuple[Place, Tensor, Tensor]]:
        """The mean square of each place, times the square of its quantity's scale, and where it alone vanished [S, L].

        `scales` are 1 where a quantity is not named.
        """
        for places, found in self._found.items():
            squares = tuple(scales.get(quantity, 1.0) ** 2 for quantity, _ in places)
            entries, factors = (_numbers(each, found.square.device) for each in (found.entries, squares))
            mean = found.square / entries * factors
            yield from zip(places, mean, (mean == 0) & found.is_nonzero, strict=True)


@lru_cache(maxsize=256)
def _numbers(values: tuple[float, ...], device: torch.device) -> Tensor:
    """Numbers on a device, [K, 1, 1]; sent there once, since who sends waits, and every step needs the same."""
    return torch.tensor(values, dtype=torch.float64, device=device).view(-1, 1, 1)

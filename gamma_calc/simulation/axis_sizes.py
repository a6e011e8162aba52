"""Sizes of axes: how many coordinates each has at a width, so that what is split has as many as its parts together."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import lcm, prod

from gamma_calc.program.axes import Axis
from gamma_calc.program.dependence import axis_names
from gamma_calc.program.expressions import Expression, Merged, Renamed, Split
from gamma_calc.simulation.power import Power

FIXED = 3
"""Coordinates of an axis of fixed size: odd, for a sum of an even number of signs can vanish; more than one, and few:
what a sum over the width has aligned with one of them stands clear of its noise the earlier, the fewer there are."""
HEADS = 2
"""The same of one that is a part of another axis: widths are even."""


@dataclass(frozen=True)
class AxisSizes:
    """The sizes of the axes of some values, of which a few have `first` coordinates at width 1, by name.

    An axis that grows has a share of n^size coordinates: the whole of it, where it is no part of another one.
    """

    nodes: tuple[Expression, ...]
    first: Mapping[str, int]

    def at(self, axis: Axis, width: int) -> int:
        """How many coordinates an axis has."""
        if axis.is_fixed:
            return self._fixed(axis)
        one = self._first(axis) or 1
        return max(1, int(round(one * Power(Fraction(str(axis.size))).at(width, 1)) * self._shares.get(axis, 1)))

    @cached_property
    def splits(self) -> tuple[Split | Merged, ...]:
        """Where axes are split into two, or two are merged."""
        return tuple(node for node in self.nodes if isinstance(node, Split | Merged))

    @cached_property
    def step(self) -> int:
        """The number that divides every width at which no part has a fraction of a coordinate."""
        return lcm(*(share.denominator for share in self._shares.values()))

    @cached_property
    def _alike(self) -> Mapping[Axis, set[Axis]]:
        """Axes of one size, by each of them: what one is called in several places."""
        return axis_names(node for node in self.nodes if isinstance(node, Renamed))

    def _names(self, axis: Axis) -> set[Axis]:
        return self._alike.get(axis, {axis})

    def _first(self, axis: Axis) -> int | None:
        names = (each.name for each in (axis, *sorted(self._names(axis), key=lambda each: each.name)))
        return next((self.first[name] for name in names if name in self.first), None)

    def _fixed(self, axis: Axis) -> int:
        names = self._names(axis)
        for node in self.splits:
            if node.axis in names:
                return prod(self._fixed(part) for part in (node.outer, node.inner))
        is_part = any(not names.isdisjoint((node.outer, node.inner)) for node in self.splits)
        return self._first(axis) or (HEADS if is_part else FIXED)

    @cached_property
    def _shares(self) -> Mapping[Axis, Fraction]:
        """The share of n^size of each axis that is split, or a part; of those that belong together the largest is 1."""
        ratios: dict[Axis, list[tuple[Axis, Fraction]]] = {}
        for node in self.splits:
            if not node.axis.is_fixed:
                beside = self._fixed(node.inner if node.growing == node.outer else node.outer)
                ratios.setdefault(node.axis, []).append((node.growing, Fraction(1, beside)))
                ratios.setdefault(node.growing, []).append((node.axis, Fraction(beside)))
        found: dict[Axis, Fraction] = {}
        for axis in ratios:
            if axis not in found:
                joined = self._joined(axis, ratios)
                most = max(joined.values())
                found |= {each: share / most for each, share in joined.items()}
        return found

    def _joined(self, start: Axis, ratios: Mapping[Axis, Iterable[tuple[Axis, Fraction]]]) -> dict[Axis, Fraction]:
        """The shares of all axes that belong together with one, which has all of its own."""
        found, waiting = dict.fromkeys(self._names(start), Fraction(1)), deque(self._names(start))
        while waiting:
            axis = waiting.popleft()
            for other, ratio in ratios.get(axis, ()):
                for name in self._names(other) - found.keys():
                    found[name] = found[axis] * ratio
                    waiting.append(name)
        return found

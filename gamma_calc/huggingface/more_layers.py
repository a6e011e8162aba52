"""What the layers of a stack that are not derived would change, told from the last two that are.

Where the last layer has the exponents of the one before it, the others are taken to have them too. Where it has not,
each of the others is taken to add what the last one adds, at every rate. So it is in stacks of adapters, whose
exponents are a straight line in the layer (`derivations/` has the law); of a model it is no proof, and a further layer
derived is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from gamma_calc.algebra import Inequality, Polyhedron, Region
from gamma_calc.analysis.conditions import STABLE
from gamma_calc.analysis.derivation import Derivation
from gamma_calc.analysis.largest_rates import LargestRate, largest_rate
from gamma_calc.calculus.recursion import Trajectory
from gamma_calc.calculus.size import Size
from gamma_calc.derivation.as_json import largest_json
from gamma_calc.huggingface.layer_parts import SLOPE
from gamma_calc.tracing.traced import TracedLayer

REPEATED = ("Z_A", "Z_B", SLOPE)
"""What says whether a layer is as the one before: what reaches it, what it adds, and the gradient behind it."""


@dataclass(frozen=True, slots=True)
class Growth:
    """An exponent that the last layer derived has otherwise than the one before it.

    `layers` are the names of the two, and `sizes` their exponents at the largest stable rate.
    """

    layers: tuple[str, str]
    quantity: str
    sizes: tuple[Size, Size]

    def json(self) -> dict[str, Any]:
        """The same as plain data."""
        return {"layers": list(self.layers), "quantity": self.quantity, "exponents": list(map(str, self.sizes))}


@dataclass(frozen=True, slots=True)
class MoreLayers:
    """What more layers would change: nothing where none of the exponents is `growing`.

    Else `max_stable` is the largest stable rate of all layers if each adds what the last one does; nothing where that
    is not known.
    """

    growing: tuple[Growth, ...]
    max_stable: Mapping[str, LargestRate]

    def json(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "repeats": not self.growing,
            "growing": [each.json() for each in self.growing],
            "max_stable": {name: largest_json(rate) for name, rate in self.max_stable.items()},
        }


def more_layers(
    layers: Sequence[TracedLayer], sizes: Mapping[str, Mapping[str, Size]], derivation: Derivation, more: int
) -> MoreLayers | None:
    """What `more` layers would change; None where no two were derived, or not at one largest stable rate.

    Args:
        sizes: by layer, what is known of it at that rate.
    """
    pairs = tuple(_last_two(layers))
    if not pairs or not derivation.at_max or len(derivation.max_stable) != 1:
        return None
    growing = tuple(
        Growth((before.name, last.name), name, (sizes[before.name][name], size))
        for before, last in pairs
        for name, size in sizes[last.name].items()
        if name.startswith(REPEATED) and size != sizes[before.name][name]
    )
    if not growing:
        return MoreLayers((), {})
    decided, (rate,) = derivation.decisions[STABLE.name], derivation.max_stable
    parts = (
        reduce(Region.__and__, _bounded(pairs, derivation, run, more), decided.region & run.domain)
        for run in decided.runs or (derivation.run,)
    )
    stable = reduce(Region.__or__, parts).convex()
    known = {} if stable is None or stable.is_empty else {rate: largest_rate(rate, stable)}
    return MoreLayers(growing, known)


def _last_two(layers: Sequence[TracedLayer]) -> Iterator[tuple[TracedLayer, TracedLayer]]:
    """The last two of the layers that are alike, such as v_proj[1] and v_proj[2]."""
    alike: dict[str, list[TracedLayer]] = {}
    for layer in layers:
        alike.setdefault(layer.name.partition("[")[0], []).append(layer)
    return ((each[-2], each[-1]) for each in alike.values() if len(each) > 1)


def _bounded(
    pairs: Sequence[tuple[TracedLayer, TracedLayer]], derivation: Derivation, run: Trajectory, more: int
) -> Iterator[Region]:
    """Where what has to stay bounded, and grows from one layer to the other, is bounded `more` layers on."""
    for before, last in pairs:
        for names in zip(before.quantities, last.quantities, strict=True):
            first, second = (derivation.at_max[name] for name in names)
            if names[0] not in derivation.decisions[STABLE.name].condition.bounded or first == second:
                continue
            low, high = names if first.upper.is_at_most(second.upper) else names[::-1]
            for step in run.steps:
                for most in step.sizes[high].upper.pieces:
                    forms = (most + (most - least) * more for least in step.sizes[low].lower.pieces)
                    yield Region(tuple(Polyhedron.of(Inequality(-form)) for form in forms))

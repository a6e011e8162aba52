"""What the layers of a stack that are not derived would change, told from the last two that are.

Where the last layer has the exponents of the one before it, the others are taken to have them too. Where it has not,
each of the others is taken to add what the last one adds, at every rate. So it is in stacks of adapters, whose
exponents are a straight line in the layer (`derivations/` has the law); of a model it is no proof, and a further layer
derived is one. What the last one adds is read from runs at single rates, which have no ties.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from gamma_calc.algebra import EMPTY, Affine, Polyhedron, at_most, equal
from gamma_calc.analysis.bounded import run_of
from gamma_calc.analysis.conditions import STABLE
from gamma_calc.analysis.derivation import Derivation
from gamma_calc.analysis.largest_rates import LargestRate, largest_rate
from gamma_calc.calculus.size import Size
from gamma_calc.derivation.as_json import largest_json
from gamma_calc.huggingface.layer_parts import SLOPE
from gamma_calc.program.problem import program_of
from gamma_calc.tracing.traced import TracedLayer

MOST_RUNS = 4
"""Runs between two rates after which the largest stable one of all layers is left unknown."""

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
    (rate,) = derivation.max_stable
    edge = _largest_of_all(rate, tuple(_bounded(pairs, derivation)), derivation, more)
    stable = EMPTY if edge is None else Polyhedron.of(at_most(Affine.symbol(rate), edge))
    return MoreLayers(growing, {} if stable.is_empty else {rate: largest_rate(rate, stable)})


def _last_two(layers: Sequence[TracedLayer]) -> Iterator[tuple[TracedLayer, TracedLayer]]:
    """The last two of the layers that are alike, such as v_proj[1] and v_proj[2]."""
    alike: dict[str, list[TracedLayer]] = {}
    for layer in layers:
        alike.setdefault(layer.name.partition("[")[0], []).append(layer)
    return ((each[-2], each[-1]) for each in alike.values() if len(each) > 1)


def _bounded(pairs: Sequence[tuple[TracedLayer, TracedLayer]], derivation: Derivation) -> Iterator[tuple[str, str]]:
    """What has to stay bounded and is larger in one layer than in the other: its two names, the larger last."""
    for before, last in pairs:
        for names in zip(before.quantities, last.quantities, strict=True):
            if names[0] in derivation.decisions[STABLE.name].condition.bounded:
                first, second = (derivation.at_max[name] for name in names)
                if first != second:
                    yield names if first.upper.is_at_most(second.upper) else names[::-1]


def _largest_of_all(rate: str, pairs: Sequence[tuple[str, str]], derivation: Derivation, more: int) -> Fraction | None:
    """The largest stable value of a rate for all layers: where their largest exponent is 0, found by the secant.

    It is sought between that of the layers derived and the next smaller value at which they cease to meet a condition.
    None where it is not there, an exponent is not known, or that takes too many runs.
    """
    high = derivation.max_stable[rate].exponent
    assert high is not None  # the exponents there are known
    above = _exponent(rate, high, pairs, derivation, more) if pairs else Fraction(0)
    if above is not None and above <= 0:
        return high
    regions = (each.region.convex() for each in derivation.decisions.values())
    edges = (largest_rate(rate, region).exponent for region in regions if region is not None)
    low = max((edge for edge in edges if edge is not None and edge < high), default=None)
    below = None if low is None else _exponent(rate, low, pairs, derivation, more)
    for _ in range(MOST_RUNS):
        if low is None or above is None or below is None or below >= 0:
            return None
        middle = low + (high - low) * below / (below - above)
        between = _exponent(rate, middle, pairs, derivation, more)
        if between == 0:
            return middle
        if between is not None and between > 0:
            high, above = middle, between
        else:
            low, below = middle, between
    return None


def _exponent(
    rate: str, value: Fraction, pairs: Sequence[tuple[str, str]], derivation: Derivation, more: int
) -> Fraction | None:
    """The largest exponent, `more` layers on, of what has to stay bounded; None where one is not known."""
    point = derivation.run.domain & Polyhedron.of(equal(Affine.symbol(rate), value))
    run = run_of(program_of(derivation.scheme), point, derivation.horizon, derivation.policy)
    found = []
    for step in run.steps:
        for low, high in pairs:
            least, most = step.sizes[low].lower.at({}), step.sizes[high].upper.at({})
            if most is None:  # zero
                continue
            if least is None:
                return None
            found.append(most + (most - least) * more)
    return max(found, default=None)

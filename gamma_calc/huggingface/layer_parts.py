"""What each factor of a model's adapters brings to the change of its layer's output, and the gradient behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gamma_calc.algebra import Exponent, Polyhedron
from gamma_calc.analysis.bounded import run_of
from gamma_calc.analysis.conditions import FACTORS
from gamma_calc.calculus.policy import Policy
from gamma_calc.calculus.recursion import ExponentStep
from gamma_calc.calculus.size import Size
from gamma_calc.huggingface.network_predictions import asking, key_of, measured_parts, own_factors
from gamma_calc.program.expressions import Expression
from gamma_calc.program.problem import Problem, feature_slopes, program_of
from gamma_calc.tracing.traced import Traced, TracedLayer

DELTAS = ("delta_1", "delta_2", "delta_3")
SLOPE = "dZ"
CONSTANT = Exponent.of(0)


@dataclass(frozen=True, slots=True)
class LayerParts:
    """The parts of one layer's change: those of A, of B and of both together, and the loss gradient at its output.

    Exponents: `sizes` are those that the run ends with, by name; `dZ` is relative to the loss gradient at the output
    of the model. `is_final` says whether they stay so; then `is_efficient` tells whether A and B each move the output
    of the layer by Theta(1). `is_gradient_stable` tells whether the gradient never outgrew the loss's own.
    `undertrained` are the trained factors whose part stays below n^0 in every step.
    """

    layer: str
    sizes: Mapping[str, Size]
    undertrained: tuple[str, ...]
    is_final: bool
    is_gradient_stable: bool

    @property
    def is_efficient(self) -> bool:
        """Whether A and B each move the output of the layer by Theta(1)."""
        return all(self.sizes[each.contribution] == Size.exactly(CONSTANT) for each in FACTORS)


def layer_parts(
    found: Traced, problem: Problem, point: Polyhedron, horizon: int | None, policy: Policy
) -> tuple[LayerParts, ...]:
    """The parts of each adapter's change at a point of the problem's free exponents.

    Args:
        horizon: the number of steps, None for every one.
    """
    program, slopes = program_of(problem.scheme), feature_slopes(problem.scheme, problem)
    every: dict[TracedLayer, Mapping[str, tuple[Expression, ...]]] = {}
    for layer in found.layers:
        parts = measured_parts(program, layer, own_factors(found, layer))
        behind = tuple(slopes[name] for name in layer.quantities if name.startswith("Z_B"))
        every[layer] = {**{name: parts[name] for name in DELTAS}, SLOPE: behind}
    run = run_of(asking(program, every), point, horizon, policy)
    is_final = horizon is not None or run.settled_from is not None
    return tuple(_layer(found, layer, parts, run.steps, is_final=is_final) for layer, parts in every.items())


def _layer(
    found: Traced,
    layer: TracedLayer,
    parts: Mapping[str, tuple[Expression, ...]],
    steps: tuple[ExponentStep, ...],
    *,
    is_final: bool,
) -> LayerParts:
    runs = {
        name: [
            Size.largest(step.sizes[key_of(layer, name, place)].everywhere for place in range(len(nodes)))
            for step in steps
        ]
        for name, nodes in parts.items()
    }
    rates = {each.name: each.rate for each in found.parameters}
    trained = {factor for name, factor in own_factors(found, layer).items() if rates[name] is not None}
    small = {name for name, sizes in runs.items() if all(CONSTANT.is_above(size.upper) for size in sizes)}
    return LayerParts(
        layer.name,
        {name: sizes[-1] for name, sizes in runs.items()},
        tuple(each.name for each in FACTORS if each.name in trained and each.contribution in small),
        is_final,
        all(size.upper.is_at_most(CONSTANT) for size in runs[SLOPE]),
    )

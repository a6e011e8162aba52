"""A stack of LoRA modules on one residual stream: z_l = z_{l-1} + f(W_l x_l + s B_l A_l x_l), l = 1 .. L.

x_l is z_{l-1}, or with a norm in front of each module z_{l-1} over its root mean square.

The smallest network in which adapters depend on each other: what lower ones learn is what upper ones read, and what
upper ones learn is in the gradient of lower ones. The loss is linear in the output of the last layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from gamma_calc.algebra import Affine
from gamma_calc.program.axes import Axis
from gamma_calc.program.differences import after_step, difference
from gamma_calc.program.expressions import (
    At,
    Expression,
    Given,
    InverseRms,
    Moment,
    Named,
    Pointwise,
    Renamed,
    Scaled,
    Sum,
    Trained,
    nodes,
)
from gamma_calc.program.gradients import backward, gradients
from gamma_calc.program.lora import factor
from gamma_calc.program.models import LoraStack
from gamma_calc.program.program import Program
from gamma_calc.program.scheme import Scheme

ZERO = Affine.of(0)
FROZEN = Affine.of(-1) / 2
"""Entries of a frozen weight: variance 1 / fan_in."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One adapter of a stack: its factors, its input, its features Z_A and Z_B, and the stream behind it."""

    number: int
    a: Trained
    b: Trained
    scale: Affine
    source: Expression
    inner: Expression
    outer: Expression
    stream: Expression

    def scaled(self, value: Expression) -> Expression:
        """The value times s."""
        return Scaled("s", self.scale, value)

    @property
    def changes(self) -> Mapping[str, Expression]:
        """The parts of the change of Z_B: what the change of the input brings, then A's part, B's part and both's."""
        step_a, after_a = At(self.a, Moment.CHANGE), At(self.a, Moment.CURRENT)
        step_b, after_b = At(self.b, Moment.CHANGE), At(self.b, Moment.CURRENT)
        moved = difference(self.source)
        parts = {
            "delta_0": None if moved is None else after_b @ (after_a @ moved),
            "delta_1": self.b @ (step_a @ self.source),
            "delta_2": step_b @ (self.a @ self.source),
            "delta_3": step_b @ (step_a @ self.source),
        }
        return {name: self.scaled(value) for name, value in parts.items() if value is not None}


@lru_cache(maxsize=64)
def lora_stack(scheme: Scheme, stack: LoraStack) -> Program:
    """The stack that a scheme trains, with the same exponents in every layer but where a factor has its own.

    Exponents: as of `lora_module`; the stream has the width on either side of a layer. `dZ` of a layer is the loss
    gradient behind it, relative to the loss's own.
    """
    width, batch = Axis("width", Affine.of(1)), Axis("batch", ZERO)
    z, dz = Given("Z", (width, batch), ZERO), Given("dZ", (width, batch), scheme["gradient"])
    layers = tuple(_layers(scheme, stack, z))
    output = layers[-1].stream
    slopes = backward({after_step(output): dz})
    quantities: dict[str, Expression] = {}

    def relative(slope: Expression) -> Expression:
        return slope if dz.exponent == ZERO else Scaled("1/|dZ|", -dz.exponent, slope)

    for layer in layers:
        changes = layer.changes
        found = {
            "A": At(layer.a, Moment.CURRENT),
            "B": At(layer.b, Moment.CURRENT),
            "Z_A": after_step(layer.inner),
            "Z_B": after_step(layer.outer),
            "Delta_Z_B": Sum(tuple(changes.values())),
            **changes,
            "dZ": relative(slopes[after_step(layer.stream)]),
        }
        quantities |= {f"{name}[{layer.number}]": value for name, value in found.items()}
    factors = dict.fromkeys(factor for layer in layers for factor in (layer.a, layer.b))
    weights = (node for node in nodes(output) if isinstance(node, Trained) and node not in factors)
    return Program((*factors, *weights), gradients({output: dz}), quantities, scheme.optimizer)


def _layers(scheme: Scheme, stack: LoraStack, stream: Expression) -> Iterator[Layer]:
    """The forward pass, a layer at a time."""
    width, rank = stream.axes[0], Axis("rank", scheme.domain.reduced(scheme["rank"]))
    out = Axis("out", width.size)
    for number in range(1, stack.depth + 1):
        a = factor(scheme, f"A[{number}]", "A", (rank, width))
        b = factor(scheme, f"B[{number}]", "B", (out, rank))
        source = stream * InverseRms(stream, width) if stack.has_norm else stream
        inner = Named(f"Z_A[{number}]", a @ source)
        outer = Named(f"Z_B[{number}]", Scaled("s", scheme["scale"], b @ inner))
        value: Expression = outer
        if stack.is_frozen:
            value = (Trained(f"W[{number}]", (out, width), FROZEN, ZERO, is_trained=False) @ source) + outer
        if stack.map is not None:
            value = Pointwise(stack.map, Named(f"h[{number}]", value, is_cut=True))
        stream = Named(f"z[{number}]", stream + Renamed(value, out, width), is_cut=True)
        yield Layer(number, a, b, scheme["scale"], source, inner, outer, stream)

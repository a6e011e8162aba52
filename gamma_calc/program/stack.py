"""A stack of LoRA modules on one residual stream: z_l = z_{l-1} + f(W_l x_l + s B_l A_l x_l), l = 1 .. L.

x_l is z_{l-1}, or with a norm in front of each module z_{l-1} over its root mean square.

The smallest network in which adapters depend on each other: what lower ones learn is what upper ones read, and what
upper ones learn is in the gradient of lower ones. The loss is linear in the output of the last layer.
"""

from __future__ import annotations

from collections.abc import Iterator
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
from gamma_calc.program.models import MAPS, LoraStack
from gamma_calc.program.program import Program
from gamma_calc.program.scheme import Scheme

ZERO = Affine.of(0)
FROZEN = Affine.of(-1) / 2
"""Entries of a frozen weight: variance 1 / fan_in."""


@lru_cache(maxsize=64)
def lora_stack(scheme: Scheme, stack: LoraStack) -> Program:
    """The stack that a scheme trains, with the same exponents in every layer but where a factor has its own.

    Exponents: as of `lora_module`; the stream has the width on either side of a layer. `dZ` of a layer is the loss
    gradient behind it, relative to the loss's own.
    """
    width, batch = Axis("width", Affine.of(1)), Axis("batch", ZERO)
    rank, out = Axis("rank", scheme.domain.reduced(scheme["rank"])), Axis("out", width.size)
    dz = Given("dZ", (width, batch), scheme["gradient"])
    stream: Expression = Given("Z", (width, batch), ZERO)
    factors: list[Trained] = []
    layers: list[tuple[Expression, dict[str, Expression]]] = []

    def scaled(value: Expression) -> Expression:
        return Scaled("s", scheme["scale"], value)

    for number in range(1, stack.depth + 1):
        a = scheme.parameter(f"A[{number}]", (rank, width))
        b = scheme.parameter(f"B[{number}]", (out, rank))
        source = stream * InverseRms(stream, width) if stack.has_norm else stream
        inner = Named(f"Z_A[{number}]", a @ source)
        outer = Named(f"Z_B[{number}]", scaled(b @ inner))
        value: Expression = outer
        if stack.is_frozen:
            value = (Trained(f"W[{number}]", (out, width), FROZEN, ZERO, is_trained=False) @ source) + outer
        if (shape := MAPS[stack.map]) is not None:
            value = Pointwise(shape, Named(f"h[{number}]", value, is_cut=True))
        stream = Named(f"z[{number}]", stream + Renamed(value, out, width), is_cut=True)
        changes = {name: scaled(change) for name, change in _changes(a, b, source)}
        found = {
            "A": At(a, Moment.CURRENT),
            "B": At(b, Moment.CURRENT),
            "Z_A": after_step(inner),
            "Z_B": after_step(outer),
            "Delta_Z_B": Sum(tuple(changes.values())),
            **changes,
        }
        factors += [a, b]
        layers.append((stream, found))
    slopes = backward({after_step(stream): dz}, [after_step(behind) for behind, _ in layers])
    for behind, found in layers:
        slope = slopes[after_step(behind)]
        found["dZ"] = slope if dz.exponent == ZERO else Scaled("1/dZ", -dz.exponent, slope)
    weights = (node for node in nodes(stream) if isinstance(node, Trained) and node not in factors)
    return Program(
        parameters=(*factors, *weights),
        gradients=gradients({stream: dz}),
        quantities={
            f"{name}[{number}]": value for number, (_, found) in enumerate(layers, 1) for name, value in found.items()
        },
        optimizer=scheme.optimizer,
        changes={f"Delta_Z_B[{number}]": f"Z_B[{number}]" for number in range(1, stack.depth + 1)},
    )


def _changes(a: Trained, b: Trained, source: Expression) -> Iterator[tuple[str, Expression]]:
    """The parts of the change of B A x: what the change of x brings, then A's part, B's part and both's."""
    step_a, after_a = At(a, Moment.CHANGE), At(a, Moment.CURRENT)
    step_b, after_b = At(b, Moment.CHANGE), At(b, Moment.CURRENT)
    moved = difference(source)
    if moved is not None:
        yield "delta_0", after_b @ (after_a @ moved)
    yield "delta_1", b @ (step_a @ source)
    yield "delta_2", step_b @ (a @ source)
    yield "delta_3", step_b @ (step_a @ source)

"""The LoRA module, Z -> W* Z + s B A Z, under a linear loss: the one place where its equations stand.

Source: Hayou, Ghosh, Yu, "The Impact of Initialization on LoRA Finetuning Dynamics": the module, its gradients, and
the decomposition of the change of Z_B into the part of A, the part of B and their product.
"""

from __future__ import annotations

from functools import lru_cache

from gamma_calc.algebra import Affine
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import At, Expression, Given, Moment, Named, Scaled
from gamma_calc.program.gradients import gradients
from gamma_calc.program.program import Program
from gamma_calc.program.scheme import Scheme

ZERO = Affine.of(0)


@lru_cache(maxsize=64)
def lora_module(scheme: Scheme) -> Program:
    """The module that a scheme trains: A [rank, width], B [out, rank], on a batch of fixed size.

    Exponents: input Z has entries Theta(1). The loss gradient is dZ, with entries Theta(n^gradient), held fixed: then
    the loss is linear in the output and its residual never changes sign. Where a scheme has a `feedback`, the loss is
    quadratic: its second derivative kappa = Theta(n^feedback) adds kappa Z_B to the loss gradient; a squared loss of
    each output has kappa = Theta(1).
    """
    width, batch = Axis("width", Affine.of(1)), Axis("batch", ZERO)
    rank, out = (Axis(name, scheme.domain.reduced(scheme[key])) for name, key in (("rank", "rank"), ("out", "fan_out")))
    z, dz = Given("Z", (width, batch), ZERO), Given("dZ", (out, batch), scheme["gradient"])
    a, b = scheme.parameter("A", (rank, width)), scheme.parameter("B", (out, rank))

    def scaled(value: Expression) -> Expression:
        return Scaled("s", scheme["scale"], value)

    def z_a(a: Expression) -> Expression:
        return Named("Z_A", a @ z)

    def z_b(b: Expression, a: Expression) -> Expression:
        return Named("Z_B", scaled(b @ z_a(a)))

    feedback = scheme.form("feedback")
    slope = dz if feedback is None else dz + Scaled("kappa", feedback, z_b(b, a))
    step_a, after_a = At(a, Moment.CHANGE), At(a, Moment.CURRENT)
    step_b, after_b = At(b, Moment.CHANGE), At(b, Moment.CURRENT)
    delta_1, delta_2, delta_3 = z_b(b, step_a), z_b(step_b, a), z_b(step_b, step_a)
    return Program(
        parameters=(a, b),
        gradients=gradients({z_b(b, a): slope}),
        quantities={
            "A": after_a,
            "B": after_b,
            "Z_A": z_a(after_a),
            "Z_B": z_b(after_b, after_a),
            "Delta_Z_B": delta_1 + delta_2 + delta_3,
            "delta_1": delta_1,
            "delta_2": delta_2,
            "delta_3": delta_3,
        },
        optimizer=scheme.optimizer,
        changes={"Delta_Z_B": "Z_B"},
    )

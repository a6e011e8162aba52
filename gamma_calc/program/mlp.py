"""A three-layer perceptron trained in every layer: the same calculus beyond LoRA.

f = c_3 W_3 phi(h_2), h_2 = c_2 W_2 phi(h_1), h_1 = c_1 W_1 x, each W_l iid at the start and with a rate of its own:
an abc-parametrisation (multiplier, initial scale, learning rate) of Everett et al., "Scaling Exponents Across
Parameterizations and Optimizers", section on per-layer learning rates.
"""

from __future__ import annotations

from dataclasses import dataclass

from gamma_calc.algebra import Affine
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import At, Expression, Given, Moment, Named, Pointwise, Scaled, Trained
from gamma_calc.program.gradients import gradients
from gamma_calc.program.optimizers import Optimizer
from gamma_calc.program.program import Program

ZERO = Affine.of(0)


@dataclass(frozen=True, slots=True)
class Layer:
    """Exponents of one layer: of its multiplier, of its initial entries and of its learning rate."""

    multiplier: Affine
    initial: Affine
    learning_rate: Affine


def perceptron(embedding: Layer, hidden: Layer, readout: Layer, optimizer: Optimizer) -> Program:
    """The program of an embedding, a hidden and a readout layer; inputs, outputs and batch have fixed size.

    Exponents: inputs and the loss gradient at the output have entries Theta(1).
    """
    batch, inputs, outputs = (Axis(name, ZERO) for name in ("batch", "inputs", "outputs"))
    first, second = Axis("hidden_1", Affine.of(1)), Axis("hidden_2", Affine.of(1))
    x, chi = Given("x", (inputs, batch), ZERO), Given("chi", (outputs, batch), ZERO)
    w_1 = Trained("W_1", (first, inputs), embedding.initial, embedding.learning_rate)
    w_2 = Trained("W_2", (second, first), hidden.initial, hidden.learning_rate)
    w_3 = Trained("W_3", (outputs, second), readout.initial, readout.learning_rate)

    def c_1(value: Expression) -> Scaled:
        return Scaled("c_1", embedding.multiplier, value)

    def c_2(value: Expression) -> Scaled:
        return Scaled("c_2", hidden.multiplier, value)

    def c_3(value: Expression) -> Scaled:
        return Scaled("c_3", readout.multiplier, value)

    def forward(w_1: Expression, w_2: Expression, w_3: Expression) -> tuple[Named, Named, Named]:
        h_1 = Named("h_1", c_1(w_1 @ x))
        h_2 = Named("h_2", c_2(w_2 @ Pointwise("phi", h_1)))
        return h_1, h_2, Named("f", c_3(w_3 @ Pointwise("phi", h_2)))

    after = forward(*(At(weight, Moment.CURRENT) for weight in (w_1, w_2, w_3)))
    return Program(
        parameters=(w_1, w_2, w_3),
        gradients=gradients({forward(w_1, w_2, w_3)[-1]: chi}),
        quantities=dict(zip(("h_1", "h_2", "f"), after, strict=True)),
        optimizer=optimizer,
    )

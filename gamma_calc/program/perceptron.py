"""A perceptron trained in every layer: f = c_L W_L phi(h[L-1]), h[l] = c_l W_l phi(h[l-1]), h[1] = c_1 W_1 x.

Each W_l is iid at the start and has a multiplier c_l, an initial scale and a rate of its own: an abc-parametrisation of
Yang and Hu, "Tensor Programs IV", and of Everett et al., "Scaling Exponents Across Parameterizations and Optimizers".
"""

from __future__ import annotations

from functools import lru_cache

from gamma_calc.algebra import Affine
from gamma_calc.program.axes import Axis
from gamma_calc.program.differences import after_step, difference
from gamma_calc.program.expressions import At, Expression, Given, Moment, Named, Pointwise, Scaled, Trained, nodes
from gamma_calc.program.gradients import gradients
from gamma_calc.program.models import MULTIPLIER, Perceptron
from gamma_calc.program.program import Program
from gamma_calc.program.scheme import Scheme

ZERO, WIDE = Affine.of(0), Affine.of(1)


@lru_cache(maxsize=64)
def perceptron(scheme: Scheme, model: Perceptron) -> Program:
    """The program of a perceptron; inputs, outputs and batch have fixed size, hidden layers the width.

    Exponents: inputs and the loss gradient at the output have entries Theta(1).
    """
    batch, inputs, outputs = (Axis(name, ZERO) for name in ("batch", "inputs", "outputs"))
    hidden = [Axis(f"hidden_{layer}", WIDE) for layer in range(1, len(model.layers))]
    value: Expression = Given("x", (inputs, batch), ZERO)
    features, still = dict[str, Expression](), dict[str, Expression]()
    axes = (inputs, *hidden, outputs)
    for number, (name, source, target) in enumerate(zip(model.layers, axes, axes[1:], strict=False), start=1):
        feature = "f" if target is outputs else f"h[{number}]"
        weight, multiplier = scheme.parameter(name, (target, source)), scheme[f"{name}.{MULTIPLIER}"]
        still[feature] = Scaled(f"c_{number}", multiplier, At(weight, Moment.CHANGE) @ value)  # zero, of a frozen one
        value = Scaled(f"c_{number}", multiplier, weight @ value)
        features[feature] = value = Named(feature, value, is_cut=target is not outputs)
        if target is not outputs:
            value = Pointwise("phi", value)
    changes = {f"Delta_{name}": difference(each) or still[name] for name, each in features.items()}
    return Program(
        parameters=tuple(node for node in nodes(value) if isinstance(node, Trained))[::-1],
        gradients=gradients({value: Given("chi", (outputs, batch), ZERO)}),
        quantities={
            **{name: after_step(each) for name, each in features.items()},
            **changes,
        },
        optimizer=scheme.optimizer,
        changes={f"Delta_{name}": name for name in features},
    )

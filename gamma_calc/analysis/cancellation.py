"""Where the steps of a scheme may undo each other, so that the assumption of no cancellation (A4) may be false."""

from __future__ import annotations

from gamma_calc.algebra import Inequality, Polyhedron
from gamma_calc.program.optimizers import Moments
from gamma_calc.program.problem import program_of
from gamma_calc.program.scheme import Scheme


def cancellation(scheme: Scheme) -> str:
    """Why the steps of a scheme may undo each other; nothing where they do not.

    A residual that a loss feeds back may change sign. So does, at every step, a factor whose decay overshoots, which
    turns the gradient of the other one; a normalised step without memory then takes back what the last one did.
    """
    if scheme.form("feedback") is not None:
        return "its loss feeds back, so a residual may change sign and steps undo each other"
    step = scheme.optimizer.step
    if scheme.form("decay") is None or not isinstance(step, Moments) or step.has_memory:
        return ""
    decayed = [tensor for tensor in program_of(scheme).parameters if tensor.has_decay]
    weights = [tensor.learning_rate + tensor.decay for tensor in decayed if tensor.decay is not None]
    turned = [scheme.domain & Polyhedron.of(Inequality(weight, strict=True)) for weight in weights]
    where = [str(each) for each in dict.fromkeys(turned) if not each.is_empty]
    if not where:
        return ""
    said = "" if "always" in where or not scheme.free else f"where {' or '.join(where)}, "
    return f"{said}its decay turns the sign of a factor at every step, and steps without memory undo each other"

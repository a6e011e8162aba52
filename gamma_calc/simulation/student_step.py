"""The step of an optimiser as vector code: the twin of `steps.GradientStep`, moment and parameter in one pass."""

from __future__ import annotations

from typing import Any

from gamma_calc.simulation.student_code import Code, Function, nested


def normalised_step(item_bytes: int) -> Function:
    """normalised_step(L, k; ...): k registers of each rate, moved as `steps.GradientStep` says for `Moments`.

    Arrays: parameters, gradient, mean, root [L, k W]; rates and decays [L]; constants: beta1, 1 - beta1, beta2^(1/2),
    (1 - beta2)^(1/2), 1 / (1 - beta1^t), (1 - beta2^t)^(-1/2), epsilon.
    """
    names = ("parameters", "gradient", "mean", "root", "rates", "decays", "constants")
    code = Code(("rates", "count"), names, item_bytes)
    rates, count = code.sizes
    parameters, gradient, mean, root, eta, decays, constants = code.arrays
    zero, one = code.filled(0.0), code.filled(1.0)
    kept, taken, root_kept, root_taken, mean_scale, root_scale, epsilon = (
        code.spread(constants, code.index(k)) for k in range(7)
    )

    def move(rate: Any, number: Any) -> None:
        at = code.index((rate, count, code.lanes), (number, code.lanes))
        slope = code.loaded(gradient, at)
        average = kept * code.loaded(mean, at) + taken * slope
        past, present = root_kept * code.loaded(root, at), root_taken * slope.magnitude()
        is_larger = past > present
        large, small = is_larger.choice(past, present), is_larger.choice(present, past)
        ratio = small / large
        # The squares are of numbers up to one, so that they stay in range where those of the gradient would not.
        size = (large > zero).choice(large * (one + ratio * ratio).root(), zero)
        divisor = size * root_scale + epsilon
        step = (divisor > zero).choice(average * mean_scale / divisor, zero)
        moved = code.spread(decays, rate) * code.loaded(parameters, at) - code.spread(eta, rate) * step
        for value, array in ((average, mean), (size, root), (moved, parameters)):
            code.store(value, array, at)

    nested(code, rates, count, move)
    return code.compiled()


def raw_step(item_bytes: int) -> Function:
    """raw_step(L, k; ...): k registers of each rate, moved along the gradient itself."""
    code = Code(("rates", "count"), ("parameters", "gradient", "rates", "decays"), item_bytes)
    rates, count = code.sizes
    parameters, gradient, eta, decays = code.arrays

    def move(rate: Any, number: Any) -> None:
        at = code.index((rate, count, code.lanes), (number, code.lanes))
        kept = code.spread(decays, rate) * code.loaded(parameters, at)
        code.store(kept - code.spread(eta, rate) * code.loaded(gradient, at), parameters, at)

    nested(code, rates, count, move)
    return code.compiled()

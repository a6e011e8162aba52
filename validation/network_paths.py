"""What an upper adapter's input comes to know of its A_0, measured apart from what hides it.

In a network A_0 Z = A_0 Z_cut + A_0 (Z - Z_cut). Z_cut is the input of the same run in which no gradient passes through
this adapter to its input, so that the layers below learn nothing of its A_0. What the theory derives beside it passes
through that path alone: the loss gradient of the layers below has A_0^T B^T dL/dZbar in it, and what they learn is
aligned with A_0. That is the second term, which most often is n^(1/2) times the first. Its coefficient is a product of
several rates, and the first term has none: up to large widths the sum of the two looks like the first. Both runs share
the model, the factors and the batch, and the theory derives both: a program can stop a gradient as a run can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gamma_calc.experiment.prediction import ZERO, Prediction
from gamma_calc.experiment.verdicts import Judged, VerdictRow, judged_alone
from gamma_calc.huggingface import init_lora_, lora_adapters, scheme_optimizer
from gamma_calc.huggingface.adapters import Adapter
from gamma_calc.huggingface.family_training import (
    CoordinateLayout,
    LayerMeasurement,
    Loss,
    MakeModel,
    run_generator,
)
from gamma_calc.huggingface.network_predictions import own_factors
from gamma_calc.program.expressions import Contraction, Expression, Named, Stopped, Trained, rewritten
from gamma_calc.program.scheme import Scheme
from gamma_calc.simulation.program_sizes import Term
from gamma_calc.tracing.names import WRAPPING
from gamma_calc.tracing.traced import Traced, TracedLayer

Squares = NDArray[np.float64]
Theory = Sequence[Prediction]
Key = tuple[str, Term]
"""A quantity and one of its terms, at the last step."""

PATH: Key = "Z_A", ("A_0",)
CUT: Key = "Z_A", ("cut",)
"""A_0 Z of the run whose path is cut."""


def without_path(found: Traced, layer: TracedLayer) -> Traced:
    """A network in which no gradient passes through a layer's adapter to its input."""
    assert found.problem is not None  # it has been derived
    own = own_factors(found, layer)

    def stopped(node: Expression) -> Expression:
        match node:
            case Contraction(Trained() as factor, inputs, over) if own.get(factor.name) == "A":
                return Contraction(factor, Stopped(inputs), over)
        return node

    output = rewritten(found.problem.output, lambda leaf: leaf, operation=stopped)
    assert isinstance(output, Named) and output is not found.problem.output
    return replace(found, problem=replace(found.problem, output=output))


def deep_terms(whole: Theory, cut: Theory, steps: int) -> tuple[Key, ...]:
    """The terms with A_0 of the last step to which the path gives more than they have where it is cut."""
    without = {(each.quantity, each.t): each.terms for each in cut}
    found = [
        (each.quantity, term)
        for each in whole
        if each.t == steps and each.quantity != "A"
        for term, size in each.terms.items()
        if "A_0" in term and size != without[each.quantity, each.t].get(term, ZERO)
    ]
    return tuple(found)


def path_squares(
    make_model: MakeModel,
    loss: Loss,
    scheme: Scheme,
    layout: CoordinateLayout,
    k: float,
    deep: Mapping[str, Sequence[Key]],
) -> dict[str, dict[Key, Squares]]:
    """The mean squares [widths, seeds] of each deep term on Z - Z_cut, and of A_0 Z_cut, by layer."""
    found: dict[str, dict[Key, Squares]] = {
        layer: {key: np.zeros((len(layout.widths), layout.seeds)) for key in (CUT, *keys)}
        for layer, keys in deep.items()
    }
    for row, width in enumerate(layout.widths):
        for run in range(layout.seeds):
            model = make_model(width, run)
            names = {each.name.removeprefix(WRAPPING): each.name for each in lora_adapters(model)}

            def trained(cut: str | None) -> dict[str, _Watched]:
                init_lora_(model, scheme, generator=run_generator(layout.seed, run, width))  # noqa: B023
                return _trained(model, lambda each: loss(each, run), scheme, k, layout.steps, cut)  # noqa: B023

            whole = trained(None)
            for layer, keys in deep.items():
                cut, watched = trained(names[layer])[names[layer]], whole[names[layer]]
                found[layer][CUT][row, run] = _mean_square(cut.input @ cut.initial.T)
                for key in keys:
                    found[layer][key][row, run] = watched.mean_square(key, watched.input - cut.input)
    return found


class _Watched:
    """A layer's A_0, its input in the last step, and B before and after that."""

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self.initial, self.first = adapter.A.detach().clone(), adapter.B.detach().clone()
        self.input = self.before = self.after = self.first

    def saw(self, module: Any, inputs: Any, output: Tensor) -> None:
        self.input, self.before = inputs[0].detach().flatten(0, -2), self.adapter.B.detach().clone()

    def mean_square(self, key: Key, inputs: Tensor) -> float:
        """The mean square of a term on some inputs."""
        quantity, term = key
        sums = inputs @ self.initial.T
        if quantity == "Z_A":
            return _mean_square(sums)
        parts = {"B_0": self.first, "U_B": self.after - self.first, "dB": self.after - self.before}
        return _mean_square(sums @ parts[term[0]].T) * self.adapter.scale**2


def _mean_square(values: Tensor) -> float:
    return float(values.double().square().mean())


def _trained(
    model: Any, loss: Callable[[Any], Tensor], scheme: Scheme, k: float, steps: int, cut: str | None
) -> dict[str, _Watched]:
    """What is seen of every layer in a run in which no gradient passes through `cut` to its input."""
    adapters = lora_adapters(model)
    watched = {each.name: _Watched(each) for each in adapters}
    with ExitStack() as hooks:
        for each in adapters:
            if each.name == cut:
                detached = each.lora_A.register_forward_pre_hook(lambda _, inputs: (inputs[0].detach(),))
                hooks.enter_context(detached)
            hooks.enter_context(each.lora_A.register_forward_hook(watched[each.name].saw))
        optimizer = scheme_optimizer(model, scheme, k, base_width=1)
        for _ in range(steps):
            optimizer.zero_grad()
            loss(model).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    for each in adapters:
        watched[each.name].after = each.B.detach().clone()
    return watched


def apart(
    row: VerdictRow, whole: Prediction, squares: Mapping[Key, Squares], measurement: LayerMeasurement
) -> VerdictRow:
    """The row with each deep term, and the sum that it leads alone, judged by what the path makes."""
    own = {term: values for (quantity, term), values in squares.items() if quantity == row.quantity}
    led = [term for term, each in whole.terms.items() if each.exponent == whole.total.exponent]

    def of(each: Judged, term: Term | None) -> Judged:
        name = led[0] if term is None and len(led) == 1 else term
        return judged_alone(each.predicted, own[name], measurement) if name in own else each

    return row.changed(of)

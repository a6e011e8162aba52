"""What the theory of a whole network predicts of each adapter, in the quantities that are measured of a module.

All of step t is measured on the inputs Z of its forward pass, with the factors before and after the step: Z_A = A_t Z,
delta_1 = s B_{t-1} dA_t Z, and so on. In a network Z has terms of its own; a measured term, such as A_0 Z, is the sum
of those that have these parts of the layer's own factors.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gamma_calc.calculus.policy import CALCULUS, Policy
from gamma_calc.calculus.recursion import ExponentStep, trajectory
from gamma_calc.calculus.size import Size
from gamma_calc.errors import BadInput
from gamma_calc.experiment.prediction import Prediction, prediction
from gamma_calc.huggingface.block_products import MEASURED
from gamma_calc.program.expressions import At, Expression, Moment, Sum, rewritten
from gamma_calc.program.models import MODULE
from gamma_calc.program.problem import program_of
from gamma_calc.program.program import Program
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.terms import Label, Part
from gamma_calc.tracing.names import WRAPPING
from gamma_calc.tracing.parameters import adapter_of
from gamma_calc.tracing.traced import Traced, TracedLayer, traced

CHOSEN = (*MODULE.required, "rank")
"""What a scheme may say of a model's adapters; the rest stands in the model."""


def check_chosen(scheme: Scheme) -> None:
    """That a scheme says no more than what is chosen of a model's adapters."""
    for key, form in scheme.exponents.items():
        if key not in CHOSEN and form != MODULE.defaults.get(key):
            expected = f"a scheme of {', '.join(CHOSEN)} and an optimiser; the rest is read from the model"
            raise BadInput(f"{scheme.name}: {key}", found=form, expected=expected)


def network_predictions(
    model: Any, scheme: Scheme, steps: int, policy: Policy = CALCULUS
) -> Mapping[str, tuple[Prediction, ...]]:
    """The exponents of each adapter at steps 1 to `steps`, by the path of its module without PEFT's wrapping.

    Args:
        model: as `traced` takes it, with adapters of PEFT.
        scheme: of one module, without free exponents.

    Raises:
        BadInput: as `traced`, or the scheme is more than inits, rates and an optimiser.
        Unknown: an operation of the model has no rule.
    """
    return traced_predictions(traced_adapters(model, scheme), steps, policy)


def traced_adapters(model: Any, scheme: Scheme) -> Traced:
    """The problem of a model with adapters that start, and are trained, as a scheme of one module says.

    Raises:
        BadInput: as `traced`, or the scheme is more than inits, rates and an optimiser.
    """
    check_chosen(scheme)
    return traced(model, scheme=scheme)


def traced_predictions(found: Traced, steps: int, policy: Policy = CALCULUS) -> Mapping[str, tuple[Prediction, ...]]:
    """As `network_predictions`, of a model that is traced already.

    Raises:
        Unknown: an operation of the model has no rule.
    """
    scheme = found.known_problem().scheme
    program, domain = program_of(scheme), scheme.domain
    own = {layer: own_factors(found, layer) for layer in found.layers}
    measured = {layer: measured_parts(program, layer, own[layer]) for layer in found.layers}
    run = trajectory(asking(program, measured), steps, domain, policy)
    predicted: dict[str, tuple[Prediction, ...]] = {}
    for layer, every in measured.items():
        keys = {name: [key_of(layer, name, number) for number in range(len(nodes))] for name, nodes in every.items()}
        predicted[layer.module.removeprefix(WRAPPING)] = tuple(
            prediction(
                name, step.t, Size.largest(step.sizes[key] for key in blocks), _own_terms(step, blocks, own[layer])
            )
            for step in run.upto(steps)
            for name, blocks in keys.items()
        )
    return predicted


def key_of(layer: TracedLayer, name: str, number: int) -> str:
    """What one of the values that are measured of a layer is called."""
    return f"{name} {number} of {layer.name}"


def asking(program: Program, measured: Mapping[TracedLayer, Mapping[str, tuple[Expression, ...]]]) -> Program:
    """A program that is asked for what is measured of each layer."""
    quantities = {
        key_of(layer, name, number): node
        for layer, every in measured.items()
        for name, nodes in every.items()
        for number, node in enumerate(nodes)
    }
    return replace(program, quantities=quantities)


def own_factors(found: Traced, layer: TracedLayer) -> Mapping[str, str]:
    """The factor, A or B, that each parameter of an adapter is, or is a block of."""
    adapters = {each.name: adapter_of(each.source) for each in found.parameters}
    return {name: each.factor for name, each in adapters.items() if each and each.module == layer.module}


def measured_parts(
    program: Program, layer: TracedLayer, own: Mapping[str, str]
) -> Mapping[str, tuple[Expression, ...]]:
    """What is measured of a layer, as expressions of the program: one, or one for each block of its output."""
    found: dict[str, tuple[Expression, ...]] = {}
    for factor in dict.fromkeys(own.values()):
        names = [name for name in own if own[name] == factor and name in program.quantities]
        found |= {factor: tuple(program.quantities[name] for name in names)} if names else {}
    for name, (value, parts) in MEASURED.items():
        values = [program.quantities[each] for each in layer.quantities if each.startswith(value)]
        terms = [[_at(after, own, dict(zip("AB", moments, strict=True))) for moments in parts] for after in values]
        found[name] = tuple(each[0] if len(each) == 1 else Sum(tuple(each)) for each in terms)
    return found


def _at(after: Expression, own: Mapping[str, str], moments: Mapping[str, Moment]) -> Expression:
    """A value after a step, on the inputs before it: only the layer's own factors are as they are at their moments."""

    def leaf(old: Expression) -> Expression:
        if not isinstance(old, At):
            return old
        factor = own.get(old.tensor.name)
        moment = Moment.PREVIOUS if factor is None else moments[factor]
        return old.tensor if moment is Moment.PREVIOUS else At(old.tensor, moment)

    return rewritten(after, leaf)


def _own_terms(step: ExponentStep, keys: Sequence[str], own: Mapping[str, str]) -> Mapping[Label, Size]:
    """The terms by the parts of the layer's own factors."""
    found: defaultdict[Label, list[Size]] = defaultdict(list)
    for key in keys:
        for label, size in step.terms[key].items():
            found[tuple(Part(own[part.tensor], part.kind) for part in label if part.tensor in own)].append(size)
    return {label: Size.largest(sizes) for label, sizes in found.items()}

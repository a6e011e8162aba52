"""The theory of a whole model: its forward pass as a problem, derived, and set beside the theory of one module.

A module alone knows no layers around it. Where a network's exponents are others at the rate that is the largest for a
module, the term that makes the difference is followed back through the network.
"""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gamma_calc.algebra import Affine, Exponent
from gamma_calc.analysis.bounded import run_of
from gamma_calc.analysis.caveats import below_their_floor
from gamma_calc.analysis.conditions import STABLE
from gamma_calc.analysis.derivation import Derivation, derived
from gamma_calc.analysis.largest_rates import at_largest
from gamma_calc.analysis.origin import Leading, origin
from gamma_calc.calculus.recursion import Trajectory, without_garbage_collection
from gamma_calc.calculus.size import Size
from gamma_calc.derivation.as_json import SCHEMA, condition_json, largest_json
from gamma_calc.derivation.suppositions import Alignments, measured_policy
from gamma_calc.errors import BadInput, named_in
from gamma_calc.huggingface.adapter_file import config_from_mapping
from gamma_calc.huggingface.adapter_keys import VERA, keys_of
from gamma_calc.huggingface.adapters import active_configuration
from gamma_calc.huggingface.implemented_scheme import adapter_scheme
from gamma_calc.huggingface.layer_parts import LayerParts, layer_parts
from gamma_calc.huggingface.layers import (
    TARGETS,
    AdapterLike,
    ModelLike,
    adapter_document,
    left_out,
    notes_of_targets,
    quiet,
    title_of,
    traced_adapter_from,
)
from gamma_calc.huggingface.more_layers import MoreLayers, more_layers
from gamma_calc.huggingface.network_predictions import check_chosen
from gamma_calc.huggingface.short_models import ShortModel, counts_json, short_model
from gamma_calc.program.adapters import vera
from gamma_calc.program.models import LoraModule, check_module
from gamma_calc.program.problem import Problem, program_of
from gamma_calc.program.problem_file import function_at, is_place
from gamma_calc.program.scheme import RATES, Scheme, exponent_form
from gamma_calc.program.selection import Spec, Values, selected
from gamma_calc.tracing.initial_sizes import FAN_IN, MODEL
from gamma_calc.tracing.parameters import adapter_of
from gamma_calc.tracing.traced import MAGNITUDE, SCHEME, Traced, TracedLayer, TracedParameter, traced_under

LAYERS = 2
"""Layers of a model that are derived: the first one has one behind it, and the second one has one in front of it."""
CHECKPOINT = "checkpoint"
INITS = (FAN_IN, MODEL, CHECKPOINT)
"""How it is known how large frozen matrices are."""
PARTS = ("Delta_Z_A", "Delta_Z_B", "Z_A", "Z_B")
"""What is said of each adapter."""
COMPARED = ("Z_A", "Z_B", "Delta_Z_B")
"""What a module's theory says of it too."""


@dataclass(frozen=True, slots=True)
class LayerParting:
    """A quantity of a layer with another exponent than in a module alone, from a step on, and where that comes from."""

    layer: str
    quantity: str
    step: int
    network: Size
    module: Size
    path: tuple[Leading, ...]

    def json(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "layer": self.layer,
            "quantity": self.quantity,
            "step": self.step,
            "network": str(self.network),
            "module": str(self.module),
            "path": [
                {"value": each.value, "term": list(each.term), "exponent": each.exponent, "sums": list(each.sums)}
                for each in self.path
            ],
        }


@dataclass(frozen=True, slots=True)
class ModelTheory:
    """What follows for a model, of which a few layers were derived: `short`; None for what has no such layers.

    `derivation` is None where an operation has no rule, `module` where nothing is adapted. `partings` are taken at the
    largest stable rate of a module, where that is a single one and nothing else is free: `is_compared` says whether.
    `parts` are those of each layer's change at the network's own largest stable rate. `init` and `inits` say how large
    frozen matrices are; `notes` what of the adapter's file is left aside.
    """

    name: str
    short: ShortModel | None
    scheme: Scheme
    traced: Traced
    derivation: Derivation | None
    module: Derivation | None
    partings: tuple[LayerParting, ...]
    parts: tuple[LayerParts, ...] = ()
    init: str = FAN_IN
    inits: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def more(self) -> MoreLayers | None:
        """What the layers that were not derived would change; None where there are none, or that is not known."""
        if self.derivation is None or self.short is None or self.short.layers == self.short.adapted:
            return None
        sizes = {layer.name: self.at_max(layer) for layer in self.traced.layers}
        return more_layers(self.traced.layers, sizes, self.derivation, self.short.adapted - self.short.layers)

    @property
    def is_efficient(self) -> bool | None:
        """Whether A and B of every layer move its output by Theta(1) at the largest stable rate; None if not known."""
        is_known = bool(self.parts) and all(each.is_final for each in self.parts)
        return all(each.is_efficient for each in self.parts) if is_known else None

    @property
    def is_gradient_stable(self) -> bool | None:
        """Whether no loss gradient inside outgrows the loss's own at the largest stable rate; None if not known."""
        is_known = bool(self.parts) and all(each.is_final for each in self.parts)
        return all(each.is_gradient_stable for each in self.parts) if is_known else None

    @property
    def other_parameters(self) -> tuple[TracedParameter, ...]:
        """What is trained and no factor of an adapter: DoRA's magnitudes, modules to save, biases."""
        trained = (each for each in self.traced.parameters if each.rate is not None)
        return tuple(each for each in trained if adapter_of(each.source) is None)

    @property
    def has_magnitudes(self) -> bool:
        """Whether DoRA's magnitudes are trained."""
        return any(MAGNITUDE in each.source for each in self.other_parameters)

    @property
    def is_compared(self) -> bool:
        """Whether the network was derived at the rate of a module."""
        return self.derivation is not None and self.module is not None and bool(self.module.at_max)

    @property
    def is_unknown(self) -> bool:
        """Whether an operation has no rule, or a condition could not be decided."""
        return self.derivation is None or self.derivation.is_unknown

    def at_max(self, layer: TracedLayer) -> dict[str, Size]:
        """What is known of a layer at the largest stable rate; nothing where that is no single one."""
        known = {} if self.derivation is None else self.derivation.at_max
        parts = next((each.sizes for each in self.parts if each.layer == layer.name), {})
        return {**{part_of(layer, name): known[name] for name in layer.quantities if name in known}, **parts}

    @property
    def binding(self) -> tuple[tuple[str, str], ...]:
        """The quantities that keep the largest stable rate from being larger: layer and name.

        They are n^0 there, and at some step a piece of their exponent is zero there and grows with the rate.
        """
        if self.derivation is None:
            return ()
        stable = self.derivation.decisions[STABLE.name]
        bounded = stable.condition.bounded
        steps = [step for run in stable.runs or self.derivation.bounds[bounded].runs for step in run.steps]
        layers = {name: (layer.name, part_of(layer, name)) for layer in self.traced.layers for name in layer.quantities}
        at_edge = {name for name, size in self.derivation.at_max.items() if size.upper == Exponent.of(0)}
        held = sorted({*bounded} & at_edge, key=[*layers, *bounded].index)
        return tuple(
            layers.get(name, ("", name))
            for name in held
            for rate, largest in self.derivation.max_stable.items()
            if any(
                _edge(piece, rate) in (largest.bounds or ())
                for step in steps
                for piece in step.sizes[name].upper.pieces
            )
        )

    def json(self) -> dict[str, Any]:
        """The answer as plain data."""
        found, module = self.derivation, self.module
        return {
            "schema": SCHEMA,
            "model": {"name": self.name, "class": self.traced.name, **counts_json(self.short)},
            "scheme": self.scheme.name,
            "optimizer": self.scheme.optimizer.name,
            "init": {"how": self.init, "named": dict(self.inits)},
            "align": {} if found is None else {kind.value: str(form) for kind, form in found.policy.coefficients},
            "axes": [
                {"name": each.name, "exponent": str(each.exponent), "sizes": list(each.sizes)}
                for each in self.traced.axes
            ],
            "parameters": [
                {
                    "name": each.name,
                    "source": each.source,
                    "shape": list(each.shape),
                    "init": "zero" if each.initial is None else str(each.initial),
                    "rate": None if each.rate is None else str(each.rate),
                    "trained": each.rate is not None,
                }
                for each in self.traced.parameters
            ],
            "layers": [
                {
                    "name": layer.name,
                    "module": layer.module,
                    "quantities": {name: str(size) for name, size in self.at_max(layer).items()},
                }
                for layer in self.traced.layers
            ],
            "conditions": {} if found is None else {key: condition_json(each) for key, each in found.decisions.items()},
            "max_stable": {} if found is None else _largest(found),
            "more_layers": None if (more := self.more) is None else more.json(),
            "efficient": self.is_efficient,
            "gradient_stable": self.is_gradient_stable,
            "undertrained": [
                {"layer": each.layer, "factor": factor} for each in self.parts for factor in each.undertrained
            ],
            "binding": [{"layer": layer, "quantity": name} for layer, name in self.binding],
            "module_theory": None
            if module is None
            else {
                "max_stable": _largest(module),
                "quantities": {name: str(module.at_max[name]) for name in COMPARED if name in module.at_max},
                "compared": self.is_compared,
                "differs": [each.json() for each in self.partings],
            },
            "notes": list(self.notes),
            "choices": list(self.traced.choices),
            "operations": dict(sorted(self.traced.operations.items())),
            "unknown": [
                {"operation": each.operation, "where": each.where, "reason": each.reason}
                for each in self.traced.unknown
            ],
        }


def _largest(found: Derivation) -> dict[str, Any]:
    return {name: largest_json(rate) for name, rate in found.max_stable.items()}


def _edge(piece: Affine, rate: str) -> Affine | None:
    """Where a piece of an exponent that grows with a rate is zero."""
    slope = piece.coefficient(rate)
    return -(piece - Affine.symbol(rate) * slope) / slope if slope > 0 else None


def part_of(layer: TracedLayer, quantity: str) -> str:
    """What a quantity is of its layer, such as Z_A, or Z_B_2 for the second block of a fused projection."""
    stem = layer.name.partition("[")[0]
    part = next(each for each in PARTS if quantity.startswith(f"{each}_"))
    return part + quantity.partition("[")[0].removeprefix(f"{part}_{stem}")


@without_garbage_collection()
def model_theory(
    model: ModelLike,
    *,
    adapter: AdapterLike | None = None,
    scheme: Spec | None = None,
    optimizer: str | None = None,
    layers: int = LAYERS,
    steps: int | None = None,
    at: Values | None = None,
    allow_code: bool = False,
    init: str = FAN_IN,
    inits: Mapping[str, str] | None = None,
    align: Alignments | None = None,
) -> ModelTheory:
    """What follows for the adapters of a model, layer by layer.

    Args:
        model: a folder or a file with a config.json of transformers, a configuration or a model, of which no weight is
            read; or FILE.py:FUNCTION, a function that makes a model, or one that makes a module and its inputs at a
            width.
        adapter: an adapter_config.json, or a configuration of PEFT; by default that of a model with one; of any other
            every linear layer but the head's is adapted.
        scheme: the inits and rates of A and B; by default what the adapter implements, or init-a. What else is trained
            (DoRA's magnitudes, modules to save, biases) has the rate of A.
        optimizer: in place of the scheme's.
        layers: of the stack, so many are derived.
        steps: None for every fixed number of them.
        at: exact values of free exponents of the scheme.
        allow_code: whether the Python file may be run.
        init: how large all other matrices are at the start, as `traced` has it: "fan-in" or "model"; or "checkpoint",
            as the safetensors in the folder of the model are.
        inits: their exponents by the end of their name where it is said otherwise.
        align: alignments to use instead of the calculus's own, by kind of sum, such as measured ones; none is free.

    Raises:
        BadInput: a file is none of its kind, the adapter does not go with the model, the scheme is none of a module, or
            the model cannot be traced.
    """
    policy, title = measured_policy(align), title_of(model)
    for name, value in (inits or {}).items():
        if (form := exponent_form(name, value, (name,))) is not None and form.free:
            raise BadInput(f"--init {name}", found=value, expected="a number, such as -1/2, or zero")
    if adapter is None:
        adapter = active_configuration(model)
    with warnings.catch_warnings(), quiet():
        warnings.simplefilter("ignore")  # of deprecated names, and of numbers, which are not looked at
        made, short = _model(model, adapter, layers, allow_code=allow_code)
        chosen = _chosen(made, adapter, scheme, optimizer, at)
        notes = () if short is None else tuple(_notes(adapter, short))
        if short is not None:
            for name, value in made.named_parameters():
                if (factor := adapter_of(name)) is not None and factor.is_of_scheme:
                    value.requires_grad_(chosen.is_trained(factor.factor))
        found = traced_under(
            chosen,
            made,
            rates=str(chosen[next(iter(chosen.trained_rates.values()), RATES[0])]),
            init=_init(init, model),
            inits=inits,
        )
    if scheme is not None:
        found.check_adapted(chosen.name)
    if found.problem is None:
        return ModelTheory(title, short, chosen, found, None, None, (), init=init, inits=inits or {}, notes=notes)
    derivation = derived(found.problem.scheme, steps, policy)
    alike = [each for each in found.layers if each.is_of_scheme is isinstance(chosen.model, LoraModule)]
    module = derived(_alone(chosen, found.problem), steps, policy) if alike else None
    partings = () if module is None or not module.at_max else _partings(alike, found.problem, module)
    parts: tuple[LayerParts, ...] = ()
    point = at_largest(found.problem.scheme.domain, derivation.max_stable) if derivation.at_max else None
    if point is not None and isinstance(chosen.model, LoraModule):
        parts = layer_parts(found, found.problem, point, steps, policy)
    notes = (*notes, *below_their_floor(derivation.run.program))
    return ModelTheory(title, short, chosen, found, derivation, module, partings, parts, init, inits or {}, notes)


def _model(
    model: ModelLike, adapter: AdapterLike | None, layers: int, *, allow_code: bool
) -> tuple[Any, ShortModel | None]:
    """The model with its adapters, and what it is short for; None of a function's."""
    if isinstance(model, str | Path) and is_place(str(model)):
        if adapter is not None:
            raise BadInput(f"--adapter with {model}: its function returns the model with its adapters")
        function = function_at(str(model), Path(), allow_code=allow_code)
        return (function if inspect.signature(function).parameters else function()), None
    if adapter is None:
        short = short_model(model, None, layers)
        return short.model, short
    config, place = traced_adapter_from(adapter), adapter_document(adapter)[0]
    try:
        short = short_model(model, config, layers)
    except BadInput as problem:
        if problem.asked.startswith(TARGETS):  # a slip in the adapter's file
            raise BadInput(f"{place}: {problem}") from None
        raise
    return short.model, short


def _notes(adapter: AdapterLike | None, short: ShortModel) -> Iterator[str]:
    """What PEFT leaves aside of a model, or of an adapter's file: keys that it does not know, and names of no layer."""
    bare = short.model.get_base_model()
    if adapter is None:
        if words := left_out(bare):
            yield f"{', '.join(words)}: without an adapter, as PEFT's cannot stand there."
        return
    place, document = adapter_document(adapter)
    for note in (*keys_of(document).notes, *notes_of_targets(bare, traced_adapter_from(adapter))):
        yield f"{place}: {note}"


def _chosen(
    model: Any, adapter: AdapterLike | None, scheme: Spec | None, optimizer: str | None, at: Values | None
) -> Scheme:
    """The scheme of the adapters that a model has: what is said, or what the adapter's file implements, or init-a.

    VeRA's vectors start as PEFT has them, and have one rate.
    """
    kinds = [config.peft_type.value for config in getattr(model, "peft_config", {}).values()]
    is_vera = VERA in kinds
    if is_vera and scheme is not None:
        raise BadInput("a scheme", found=f"one for {kinds[0]}", expected="none: its vectors start as PEFT has them")
    if is_vera:
        scheme = vera()
    elif scheme is None:
        scheme = SCHEME if adapter is None else _implemented(adapter)
    (chosen,) = selected([scheme], optimizer=optimizer, at=at)
    if not is_vera:
        check_module(chosen.model, "the scheme of a model's adapters")
        check_chosen(chosen)
    return chosen


def _implemented(adapter: AdapterLike) -> Scheme:
    """What an adapter_config.json implements, or what would be written into one."""
    place, document = adapter_document(adapter)
    with named_in(place):
        return adapter_scheme(config_from_mapping(document))


def _init(init: str, model: ModelLike) -> str | Path:
    """The way to know how large matrices are: a checkpoint is the folder of the model."""
    if init not in INITS:
        raise BadInput("--init", found=init, expected=f"{', '.join(INITS)}, or NAME=EXPONENT", choices=INITS)
    if init != CHECKPOINT:
        return init
    if not isinstance(model, str | Path) or not os.path.isdir(model):
        raise BadInput(f"--init {CHECKPOINT}: {title_of(model)}", found="no folder", expected="one with safetensors")
    return Path(model)


def _alone(scheme: Scheme, problem: Problem) -> Scheme:
    """The scheme of one module with the scale that adapters have in the model."""
    if not isinstance(scheme.model, LoraModule):
        return scheme
    return replace(scheme, exponents={**scheme.exponents, "scale": problem.exponents.get("s", Affine.of(0))})


def _partings(layers: Sequence[TracedLayer], problem: Problem, module: Derivation) -> tuple[LayerParting, ...]:
    """Where layers of a network differ from a module at the largest stable rate of that."""
    point = at_largest(problem.scheme.domain, module.max_stable)
    assert point is not None  # the module was derived there
    run = run_of(program_of(problem.scheme), point, module.horizon, module.policy)
    last = {name: size.everywhere for name, size in run.last.sizes.items()}
    return tuple(
        LayerParting(layer.name, part, (t := _since(run, name)), last[name], alone, origin(run, name, t))
        for layer in layers
        for name in layer.quantities
        if (part := part_of(layer, name))
        if (alone := _of_module(module.at_max, part)) is not None and last[name] != alone
    )


def _of_module(known: Mapping[str, Size], part: str) -> Size | None:
    """The exponent in a module of what is a layer's, or a block of it."""
    return next((known[name] for name in COMPARED if part.removeprefix(name).strip("_0123456789") == ""), None)


def _since(run: Trajectory, name: str) -> int:
    """The step from which a quantity has the exponent that it ends with."""
    sizes = [step.sizes[name] for step in run.steps]
    return next(t for t in range(1, len(sizes) + 1) if all(size == sizes[-1] for size in sizes[t - 1 :]))

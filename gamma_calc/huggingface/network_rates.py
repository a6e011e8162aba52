"""The largest stable rate of a whole model, so that rates can be carried by it in place of one module's.

A scheme with one free rate is derived in the model that the rates go to. The one that they come from has to be of its
class, with adapters on the same modules; where it is of another depth, its rate has to go by the same power.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from gamma_calc.derivation.suppositions import Alignments
from gamma_calc.errors import BadInput, Unknown
from gamma_calc.huggingface.adapters import Adapter, active_configuration
from gamma_calc.huggingface.layers import (
    AdapterLike,
    ModelLike,
    adapted_shapes,
    configuration_of,
    module_names,
    shape_config,
    title_of,
    traced_adapter_from,
    width_of,
)
from gamma_calc.huggingface.model_theory import LAYERS, ModelTheory, model_theory
from gamma_calc.huggingface.model_transfer import check_one_scale, paired_kinds
from gamma_calc.huggingface.short_models import short_model
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.selection import Spec, Values, selected

EDGE = "the edge of a whole model"
"""What is asked for, in messages."""
BEFORE_LAYERS = re.compile(r"^.*?(?=\b[0-9]+\.)")
"""What stands before the number of a layer; a model without its head calls that otherwise."""


@dataclass(frozen=True, slots=True)
class NetworkEdge:
    """The exponent of the free rate at which a model is just stable.

    `layers` of the `adapted` ones were derived; where the rate falls from layer to layer, each of the others is taken
    to add what the last of these does (`is_extrapolated`). It is that of a `scheme` with adapters on these `modules`,
    of which DoRA's have magnitudes (`is_dora`). Rates come to it from a model of the `start`: the class of its
    configuration, and its modules with adapters. `widths` are those of both models' residual streams, and `others` the
    numbers of the layers with modules that none of those derived has.
    """

    model: str
    layers: int
    adapted: int
    rate: str
    exponent: Fraction
    is_extrapolated: bool
    scheme: Scheme
    modules: frozenset[str]
    start: tuple[str, frozenset[str]]
    widths: tuple[int, int]
    is_dora: bool = False
    others: tuple[int, ...] = ()

    @property
    def note(self) -> str:
        """What the answer speaks of."""
        derived = f"{self.layers} of {self.adapted} layers of {self.model} are derived"
        further = "add what the last one does" if self.is_extrapolated else "change nothing"
        rest = f", and further ones are taken to {further}" if self.layers < self.adapted else ""
        rest += f", of which {len(self.others)} have modules that none of these has" if self.others else ""
        of_dora = ", with DoRA's magnitudes at A's rate" if self.is_dora else ""
        edge = f"{self.rate} is at most {self.exponent}"
        return f"The answer is the whole model's, in which {edge}: {derived}{rest}{of_dora}."

    def check_start(self, model: ModelLike, adapters: Sequence[Adapter]) -> None:
        """Refuse another model than that which rates come from, or other adapters in it."""
        kind, modules = self.start
        found = type(configuration_of(model)).__name__
        if (found, _places(adapters)) != self.start:
            expected = f"a {kind} with {len(modules)} adapters on the same modules, as the edge was asked for"
            raise BadInput("network: base_model", found=f"a {found} with {len(adapters)}", expected=expected)

    def json(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "class": self.model,
            "layers": self.layers,
            "adapted": self.adapted,
            "extrapolated": self.is_extrapolated,
            "other_layers": [*self.others],
            "max_stable": {self.rate: str(self.exponent)},
        }


def network_edge(
    start: ModelLike,
    end: ModelLike,
    scheme: Spec,
    *,
    adapters: tuple[AdapterLike | None, AdapterLike | None] = (None, None),
    optimizer: str | None = None,
    at: Values | None = None,
    align: Alignments | None = None,
) -> NetworkEdge:
    """The largest stable rate of the model at the end, that one law carries rates to from the model at the start.

    Args:
        start, end: models, their configurations, or folders or files with a config.json.
        scheme: with one free rate.
        adapters: the adapter_config.json, or the configuration of PEFT, of each. By default that of the model at
            the end, if it has one; else every linear layer but the head's is adapted.
        optimizer, at, align: as for `model_theory`.

    Raises:
        BadInput: no single rate is free, the models differ in what the law depends on, or as `model_theory`.
        Unknown: the largest stable rate is not known, or an operation has no rule.
    """
    (chosen,) = selected([scheme])
    free = [name for name in chosen.free if name not in (at or {})]
    if len(free) != 1 or free[0] not in chosen.rates:
        found = f"{', '.join(free) or 'nothing'} free"
        raise BadInput(f"{EDGE}: {chosen.name} has {found}; expected one rate, of which the largest is derived")
    if adapters == (None, None):
        adapters = (active_configuration(end),) * 2
    given = [None if each is None else traced_adapter_from(each) for each in adapters]
    shapes = [adapted_shapes(*each) for each in zip((start, end), map(shape_config, given), strict=True)]
    kinds = [{name.lstrip("0123456789.") for name in _places(each)} for each in shapes]
    if apart := kinds[0] ^ kinds[1]:
        raise BadInput(f"{EDGE}: {min(apart)} has an adapter in one model only", expected="the same ones in both")
    pairs = paired_kinds(*shapes)
    if moved := [name for name, ends in pairs.items() if ends[0].rank != ends[1].rank]:
        raise BadInput(f"{EDGE} goes by the width alone, and the rank of {moved[0]} changes")
    check_one_scale(pairs)
    configs = [configuration_of(each) for each in (start, end)]
    configs[0].architectures = configs[0].architectures or configs[1].architectures  # of one that is not from a file
    before, after = map(short_model, configs, given, (LAYERS, LAYERS))
    classes = [type(each.model.get_base_model()).__name__ for each in (before, after)]
    titles = title_of(start), title_of(end)
    if classes[0] != classes[1]:
        both = f"{titles[0]} is a {classes[0]} and {titles[1]} a {classes[1]}"
        raise BadInput(f"{EDGE}: {both}; expected two of one class")

    def edge_of(place: int) -> NetworkEdge:
        model, adapter = (start, end)[place], adapters[place]
        theory = model_theory(model, adapter=adapter, scheme=chosen, optimizer=optimizer, at=at, align=align)
        return _edge(
            theory,
            rate=free[0],
            scheme=chosen if optimizer is None else chosen.under(optimizer),
            modules=module_names(shapes[1]),
            start=(type(configs[0]).__name__, _places(shapes[0])),
            widths=(width_of(configs[0]), width_of(configs[1])),
            is_dora=any(each.is_dora for each in shapes[1]),
        )

    edge = edge_of(1)
    if before.adapted != edge.adapted and (edge.is_extrapolated or edge_of(0).exponent != edge.exponent):
        depths = f"{titles[0]} has adapters in {before.adapted} layers and {titles[1]} in {edge.adapted}"
        raise BadInput(
            f"{EDGE}: {depths}, and each layer makes the largest stable rate smaller; no power of the width carries a "
            "rate from one depth to another. What carries: a scheme with A zero and B random, such as lora-plus-b, or "
            "one rate for both factors, such as init-a"
        )
    return edge


def _places(adapters: Sequence[Adapter]) -> frozenset[str]:
    """The modules with adapters, from the number of their layer on."""
    return frozenset(BEFORE_LAYERS.sub("", name) for name in module_names(adapters))


def _edge(theory: ModelTheory, *, rate: str, **ends: Any) -> NetworkEdge:
    """The edge of a model, by its free rate.

    Args:
        ends: the scheme, and what is to be known of both models.

    Raises:
        BadInput: nothing bounds the rate.
        Unknown: the edge is not known, or an operation has no rule.
    """
    theory.traced.known_problem()
    found, short, more, name = theory.derivation, theory.short, theory.more, theory.traced.name
    assert found is not None and short is not None  # there is a problem, of a model's configuration
    is_extrapolated = more is not None and bool(more.growing)
    largest = (more.max_stable if more is not None and is_extrapolated else found.max_stable).get(rate)
    if largest is None:
        raise Unknown(f"{name}: the largest stable {rate} is not known of all layers; gamma-calc model says what is")
    if largest.exponent is None or not largest.attained:
        raise BadInput(f"{EDGE}: {name} has no largest stable {rate}: {largest.reason}")
    counts = short.layers, short.adapted
    return NetworkEdge(name, *counts, rate, largest.exponent, is_extrapolated, others=short.others, **ends)

"""What follows for the adapters of a whole model, layer by layer, and where one module's theory is another.

$ gamma-calc model ./llama --adapter v_proj.json --scheme lora-plus-a
Largest stable rate: n^(-5/4) for A and n^(-1/4) for B, bound by Z_B of v_proj[2]; the output is n^(1/2) ...
One module alone has a largest stable rate of n^(-1) for A and n^0 for B. There Z_A of v_proj[2] is n^(1/2) in this ...
Z_A of v_proj[2] is n^(1/4) there, that of v_proj[1] n^0. If each further layer adds as much, the largest stable ...
LlamaForCausalLM with 2 of its 8 layers, lora-plus-a under adam on v_proj, for every fixed number of steps
stable             eta <= -5/4
internally_stable  eta <= -3/2
feature_learning   never
exponents at the largest stable rate, by adapter [layer]:
adapter    Z_A  Z_B   Delta_Z_A  Delta_Z_B  ...
v_proj[1]  0    -1/4  -1/4       -1/4       ...
v_proj[2]  1/4  0     1/4        0          ...
...
why Z_A of v_proj[2] does:
  Z_A_v_proj[2] by A_v_proj[2]_0 U_layers_2[1] (diluted sum over hidden)
...

$ gamma-calc model ./gpt2 --layers 1 --steps 3
$ gamma-calc model networks.py:mlp --allow-code --json

Without --init checkpoint no weight is read: the forward pass is captured at two sets of sizes and translated, operation
by operation. One that has no rule is named with the line that does it, and the exit status is 3. Two layers of a Llama
take under a minute with adapters on every linear layer, LoRA+ longer; an --adapter on fewer or --steps 3 is quicker:
from Init[A] B's part arrives at step 3.
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gamma_calc.algebra import Affine, Exponent, Polyhedron, at_most
from gamma_calc.analysis.conditions import STABLE
from gamma_calc.analysis.decision import Status
from gamma_calc.analysis.derivation import Derivation, steps
from gamma_calc.analysis.largest_rates import LargestRate, largest_rate
from gamma_calc.calculus.size import Size
from gamma_calc.cli.options import (
    OPTIMIZER_NAMES,
    add_alignment_argument,
    add_code_argument,
    add_horizon_argument,
    add_json_argument,
    add_optimizer_argument,
    add_value_arguments,
    alignments,
    pairs,
    refuse_suppositions,
    show,
    values,
    whole,
)
from gamma_calc.cli.outputs import UNKNOWN
from gamma_calc.cli.progress import shown_runs
from gamma_calc.derivation.advice import power
from gamma_calc.document.tables import COLUMNS, parted, text_table
from gamma_calc.errors import BadInput
from gamma_calc.program.spec_file import scheme_from

if TYPE_CHECKING:
    from gamma_calc.huggingface.model_theory import LayerParting, ModelTheory
    from gamma_calc.huggingface.short_models import ShortModel
    from gamma_calc.tracing.traced import Traced

MOST_LAYERS = 128
OUTPUT, CHANGE = "output", "Delta_output"
ASSUMED = (
    "assumed: frozen matrices are random with {}, and the loss is linear in the output; U_x is what "
    "training has changed of x, and x_0 the rest: what it was, and what softmaxes and norms make of changes"
)
T = TypeVar("T")
NAMED = "NAME=EXPONENT, such as o_proj=-1/2"
ALL_ASSUMED = "a model is derived under all assumptions"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL, --adapter, --scheme, --optimizer, --layers, --steps, --at, --allow-code and --json."""
    words = "a folder or file with a config.json of transformers, or FILE.py:FUNCTION"
    parser.add_argument("model", metavar="MODEL", help=words)
    words = "an adapter_config.json, or the folder it lies in (every linear layer)"
    parser.add_argument("--adapter", metavar="FILE", type=Path, help=words)
    words = "the inits and rates of A and B (what the adapter implements, or init-a)"
    parser.add_argument("--scheme", metavar="SPEC", help=words)
    add_optimizer_argument(parser, OPTIMIZER_NAMES)
    words = "how many layers of the stack are derived (2)"
    parser.add_argument("--layers", metavar="N", type=whole("--layers", MOST_LAYERS), default=2, help=words)
    words = (
        "frozen matrices at the start: fan-in (variance 1/fan_in), model (as its init is at two widths), checkpoint "
    )
    words += "(as the safetensors in its folder are), or NAME=EXPONENT for those whose name ends so"
    parser.add_argument("--init", metavar="HOW", action="append", default=[], help=words)
    add_horizon_argument(parser)
    add_code_argument(parser)
    add_value_arguments(parser)
    add_alignment_argument(parser, may_be_free=False)
    refuse_suppositions(parser, ALL_ASSUMED, ("without",))
    add_json_argument(parser)


def answer(options: argparse.Namespace) -> int:
    """Print what follows for each layer."""
    from gamma_calc.huggingface.model_theory import model_theory

    init, inits = _initial(options.init)
    scheme = None if options.scheme is None else scheme_from(options.scheme, allow_code=options.allow_code)
    with shown_runs():
        found = model_theory(
            options.model,
            adapter=options.adapter,
            scheme=scheme,
            optimizer=options.optimizer,
            layers=options.layers,
            steps=options.steps,
            at=values(options),
            allow_code=options.allow_code,
            init=init,
            inits=inits,
            align=alignments(options.align),
        )
    show(options, found.json, lambda: _text(found))
    return UNKNOWN if found.is_unknown else 0


def _initial(texts: Sequence[str]) -> tuple[str, Mapping[str, str]]:
    """The way to know the sizes of frozen matrices, and those that are given by name."""
    ways = [text for text in texts if "=" not in text]
    if len(ways) > 1:
        raise BadInput("--init", found=" and ".join(ways), expected="one way")
    return (ways[0] if ways else "fan-in"), pairs("--init", [each for each in texts if "=" in each], NAMED)


def _sizes(init: str, inits: Mapping[str, str]) -> str:
    """How large frozen matrices are taken to be."""
    said = {
        "fan-in": "variance 1/fan_in",
        "model": "the entries that the model's init has at two widths",
        "checkpoint": "the entries that the checkpoint has at its width, rounded to half powers of it",
    }
    return said[init] + "".join(f", n^({value}) for {name}" for name, value in inits.items())


def _growth(traced: Traced) -> str:
    """Which sizes grow with the width: those that have a name, and all others of a parameter."""
    named = {*traced.twins.family.sizes, *traced.twins.family.products.values()}
    of_parameters = {axis for each in traced.parameters for axis in each.shape}
    words = {axis: axis.name for axis in traced.axes if axis.name in named}
    others = (axis for axis in traced.axes if axis.name in of_parameters and axis.name == f"size_{axis.sizes[0]}")
    words |= {axis: f"a size of {axis.sizes[0]}" for axis in others}
    forms = {word: str(axis.exponent) for axis, word in words.items()}
    growing = [word if form == "1" else f"{word} as {power(form)}" for word, form in forms.items() if form != "0"]
    fixed = [word for word, form in forms.items() if form == "0"]
    return f"growing with the width: {', '.join(growing)}" + (f"; fixed: {', '.join(fixed)}" if fixed else "")


def _text(found: ModelTheory) -> str:
    derivation = found.derivation
    if derivation is None:
        every = [(f"{each.operation} ({each.reason})", each.where) for each in found.traced.unknown]
        missing = dict.fromkeys(f"  {said}: {where}" if where else f"  {said}" for said, where in every)
        said = "Nothing is derived: the forward pass has operations without a rule."
        return "\n".join([said, *missing, _title(found), _operations(found)])
    lines = [
        _largest(found, derivation),
        *_beside_module(found),
        *_more_layers(found),
        *_other_layers(found),
        _title(found),
    ]
    decisions = derivation.decisions.items()
    rows = [(name, each.reason if each.status is Status.UNKNOWN else str(each)) for name, each in decisions]
    lines.append(text_table(rows))
    if derivation.at_max:
        where = "at the largest stable rate" if derivation.max_stable else "there"
        of_layers = [f"exponents {where}, by adapter [layer]:", text_table(_layer_rows(found))]
        lines += of_layers if found.traced.layers else [f"exponents {where}:", text_table(_own_rows(derivation))]
        lines += _undertrained(found)
        lines.append(
            f"the output: {_shown(derivation.at_max[OUTPUT])}, its change: {_shown(derivation.at_max[CHANGE])}"
        )
    lines += _beside_factors(found)
    if found.partings:
        there = "at the largest stable rate of that" if derivation.max_stable else "at these rates"
        lines.append(f"where the network parts from one module, {there}:")
        lines += [text_table(_parting_rows(found.partings))]
        first = found.partings[0]  # its leading term, and where what changed in it comes from
        lines += [f"why {first.quantity} of {first.layer} does:", *(f"  {each}" for each in first.path)]
    assumed = [*found.notes, ASSUMED.format(_sizes(found.init, found.inits)), _growth(found.traced), *found.traced.held]
    wrapped = (line for each in assumed for line in textwrap.wrap(each, COLUMNS, subsequent_indent="  "))
    return "\n".join([*lines, *wrapped, _operations(found)])


def _largest(found: ModelTheory, derivation: Derivation) -> str:
    """The largest stable rate, and what keeps it from being larger."""
    stable = derivation.decisions[STABLE.name]
    if stable.status is Status.UNKNOWN:
        sure = _surely_largest(derivation)
        known = f"Rates up to {_rates(found, sure)} are stable; whether larger ones are" if sure else ""
        return f"{known or 'Where the adapters are stable'} is not known: {stable.reason}."
    (largest,) = derivation.max_stable.values() if len(derivation.max_stable) == 1 else (None,)
    if largest is None or largest.exponent is None:
        return f"Stable: {stable}."
    but = "" if largest.attained else ", not attained"
    return f"Largest stable rate: {_rates(found, derivation.max_stable)}{but}{_bound(found)}{_growing(derivation)}."


def _surely_largest(derivation: Derivation) -> Mapping[str, LargestRate]:
    """The largest of the rates that are surely stable, with all smaller ones, where there is one free rate.

    What stays bounded together with more is stable too.
    """
    every, rates = derivation.decisions.values(), derivation.scheme.rates
    asked = {*derivation.decisions[STABLE.name].condition.bounded}
    stricter = [each for each in every if asked <= {*each.condition.bounded} and not each.condition.reached]
    region = reduce(or_, (each.region for each in stricter)).convex()
    if region is None or region.is_empty or len(rates) != 1:
        return {}
    largest = largest_rate(rates[0], region)
    if largest.exponent is None or not region.includes(
        Polyhedron.of(at_most(Affine.symbol(rates[0]), largest.exponent))
    ):
        return {}
    return {rates[0]: largest}


def _growing(derivation: Derivation) -> str:
    """That the output grows at a rate at which the adapters are stable, where it does, and why both are so."""
    output = derivation.at_max.get(OUTPUT)
    is_growing = output is not None and not output.upper.is_at_most(Exponent.of(0))
    if output is None or not is_growing:
        return ""
    grows = "grows" if output.is_exact else "may grow"
    why = "'stable' bounds what each adapter adds, and 'internally_stable' the output too"
    return f"; the output is {_shown(output)} there and {grows} with the width, for {why}"


def _bound(found: ModelTheory) -> str:
    """What keeps the largest stable rate from being larger; no word where no run shows it."""
    names: dict[str, list[str]] = {}
    for layer, name in found.binding:
        names.setdefault(name, []).append(layer)
    has_all = {name: 1 < len(found.traced.layers) == len(layers) for name, layers in names.items()}
    texts = [
        f"{name} of {'every adapter' if has_all[name] else _listed(layers)}" if any(layers) else name
        for name, layers in names.items()
    ]
    return f", bound by {', '.join(texts)}" if texts else ""


def _listed(layers: Iterable[str]) -> str:
    """Layers by name, such as q_proj[1, 2], v_proj[2]."""
    return ", ".join(layer for _, layer in _gathered((each, "") for each in layers))


def _other_layers(found: ModelTheory) -> Iterator[str]:
    """How many layers have modules that none of those derived has."""
    if found.short is not None and found.short.others:
        first, *more = found.short.others
        named = f"{1 + len(more)} layers, from layer {first} on, have" if more else f"Layer {first} has"
        yield f"{named} modules that none of these has: --layers {first} derives {'one of them' if more else 'it'} too."


def _more_layers(found: ModelTheory) -> Iterator[str]:
    """What the layers that are not derived would change, as far as the last two tell."""
    more = found.more
    short = found.short
    if more is None or short is None:
        return
    if not more.growing:
        number = short.layers
        sizes = (size for layer in found.traced.layers for size in found.at_max(layer).values())
        known = "" if all(size.is_exact for size in sizes) else ", as far as they are known"
        yield f"Layer {number} has the exponents of layer {number - 1} there{known}, and further ones are taken to."
        return
    first = more.growing[0]
    (before, last), (one, other) = map(_shown, first.sizes), first.layers
    said = f"{first.quantity} of {other} is {last} there, that of {one} {before}"
    if not more.max_stable:
        yield f"{said}: with more layers the largest stable rate may be smaller."
        return
    largest = _rates(found, more.max_stable)
    yield f"{said}. If each further layer adds as much, the largest stable rate of all {short.adapted} is {largest}."


def _rates(found: ModelTheory, max_stable: Mapping[str, LargestRate]) -> str:
    """The largest rate, of A and of B where they have two."""
    ((name, largest),) = max_stable.items()
    if largest.exponent is None or not found.traced.layers:
        return f"{name} = {largest.value}" if largest.exponent is None else power(str(largest.exponent))
    scheme = found.scheme.at({name: Affine.of(largest.exponent)})
    rates = {name: power(str(scheme[key])) for name, key in scheme.trained_rates.items()}
    (first, *others) = dict.fromkeys(rates.values())
    return " and ".join(f"{rate} for {name}" for name, rate in rates.items()) if others else first


def _beside_module(found: ModelTheory) -> Iterator[str]:
    """What one module alone would do, where it is known at one rate."""
    if found.module is None or found.derivation is None or not found.is_compared:
        return
    module = "One module of plain LoRA" if found.has_magnitudes else "One module alone"
    if not found.derivation.max_stable and not found.partings:
        yield f"{module} has the same exponents there."
        return
    is_same = found.module.max_stable == found.derivation.max_stable
    if not found.derivation.max_stable:
        alone = "other exponents at these rates"
    elif is_same:
        alone = "the same largest stable rate"
    else:
        alone = f"a largest stable rate of {_rates(found, found.module.max_stable)}"
    if not found.partings:
        there = "the same exponents there" if is_same else "there the exponents of this network"
        yield f"{module} has {alone}, and {there}."
        return
    first = found.partings[0]
    names = _listed(each.layer for each in found.partings if each.quantity == first.quantity)
    yield (
        f"{module} has {alone}. There {first.quantity} of {names} is {_shown(first.network)} in this network "
        f"from step {first.step} on, and {_shown(first.module)} in a module."
    )


def _title(found: ModelTheory) -> str:
    depth = "" if found.short is None else f" with {_of_depth(found.short)}"
    kinds = ", ".join(dict.fromkeys(parted(each.name)[0] for each in found.traced.layers))
    subject = f"{found.scheme.title} on {kinds}" if kinds else f"without adapters under {found.scheme.optimizer.name}"
    if found.derivation is None:
        return f"{found.traced.name}{depth}, {subject}"
    asked = found.derivation.policy.titled(subject)
    return f"{found.traced.name}{depth}, {asked}, for {found.derivation.length}"


def _of_depth(short: ShortModel) -> str:
    apart = f", {short.adapted} of which have adapters, taken one behind the other"
    part = "" if short.part_of is None else f", the part of {short.part_of} that reads text"
    return f"{short.layers} of its {short.depth} layers{apart if short.adapted < short.depth else ''}{part}"


def _own_rows(derivation: Derivation) -> list[tuple[str, ...]]:
    """The exponents of a network without adapters: each value that has a name, and its change over a step."""
    known = derivation.at_max
    names = [name for name in known if f"Delta_{name}" in known]
    others = [name for name in known if name not in names and name.removeprefix("Delta_") not in names]
    rows = [(name, str(known[name]), str(known[f"Delta_{name}"])) for name in names]
    return [("", "size", "change"), *((name, str(known[name]), "") for name in others), *rows]


def _layer_rows(found: ModelTheory) -> list[tuple[str, ...]]:
    """The exponents of each layer, layers that have the same ones in one row."""
    every = {
        layer.name: {name: str(size) for name, size in found.at_max(layer).items()} for layer in found.traced.layers
    }
    stems = {name: name.rstrip("_0123456789") for values in every.values() for name in values}
    names = sorted(stems, key=lambda name: [*stems.values()].index(stems[name]))  # blocks, Z_B_1, Z_B_2, beside Z_B
    rows = [(layer, tuple(values.get(name, "-") for name in names)) for layer, values in every.items()]
    return [("adapter", *names), *((layer, *cells) for cells, layer in _gathered(rows))]


def _undertrained(found: ModelTheory) -> Iterator[str]:
    """Which factors hardly learn, and whether gradients stay bounded, where that is known."""
    horizon = None if found.derivation is None else found.derivation.horizon
    soon = "" if horizon is None else f" within {steps(horizon)}"
    for factor, part in (("A", "delta_1"), ("B", "delta_2")):
        layers = [each.layer for each in found.parts if factor in each.undertrained]
        if layers:
            yield f"{factor} hardly learns{soon} in {_listed(layers)}: its part {part} of the change stays below n^0"
    if found.is_gradient_stable is False:
        layers = [each.layer for each in found.parts if not each.is_gradient_stable]
        yield f"the loss gradient dZ outgrows the loss's own behind {_listed(layers)}"


OF_MAGNITUDES = "DoRA's magnitudes are at A's rate here and hardly learn; they do at one that stays as the width grows."


def _beside_factors(found: ModelTheory) -> Iterator[str]:
    """What is trained and no factor of an adapter, of which no row says anything."""
    if not found.traced.layers or not found.other_parameters:
        return
    yield f"trained too, and in no row: {_listed(each.name for each in found.other_parameters)}"
    if found.has_magnitudes:
        yield from textwrap.wrap(OF_MAGNITUDES, COLUMNS, subsequent_indent="  ")


def _parting_rows(partings: Sequence[LayerParting]) -> list[tuple[str, ...]]:
    rows = [(each.layer, (each.quantity, str(each.network), str(each.module), str(each.step))) for each in partings]
    return [("adapter", "", "network", "module", "from step"), *((layer, *cells) for cells, layer in _gathered(rows))]


def _gathered(rows: Iterable[tuple[str, T]]) -> list[tuple[T, str]]:
    """What is said of layers, with the names of those of which the same is said: q_proj[1, 2]."""
    found: dict[tuple[T, str], list[str]] = {}
    for layer, said in rows:
        stem, number = parted(layer)
        found.setdefault((said, stem), []).append(number)
    return [(said, f"{stem}[{_spans(numbers)}]" if any(numbers) else stem) for (said, stem), numbers in found.items()]


def _spans(numbers: Sequence[str]) -> str:
    """Numbers in order, each once, three or more that follow each other as 2-4."""
    spans: list[list[int]] = []
    for number in sorted(set(map(int, numbers))):
        if spans and number == spans[-1][-1] + 1:
            spans[-1].append(number)
        else:
            spans.append([number])
    return ", ".join(f"{each[0]}-{each[-1]}" if len(each) > 2 else ", ".join(map(str, each)) for each in spans)


def _operations(found: ModelTheory) -> str:
    return f"operations: {sum(found.traced.operations.values())}, of {len(found.traced.operations)} kinds"


def _shown(size: Size) -> str:
    exponent = str(size.upper)
    return ("" if size.is_exact else "at most ") + ("zero" if exponent == "-oo" else power(exponent))

"""Tracing: any torch module as a problem, with the table of what was found in it.

    model = get_peft_model(LlamaForCausalLM(config), LoraConfig(target_modules=["v_proj"]))
    traced(model, scheme="lora-plus-a").problem

The forward pass is captured at two sets of sizes, translated operation by operation, and asked what a stack of adapters
is asked: that what adapters add stays bounded and moves, and that their inner features and the output stay bounded.

Assumes: a frozen matrix is random, with entries of variance 1/fan_in where nothing else is said (what a table is looked
up in has a fan-in of 1); the loss is linear in the output; epsilons in norms are negligible.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from operator import attrgetter
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gamma_calc.algebra import Affine
from gamma_calc.errors import BadInput, Unknown
from gamma_calc.program.expressions import Given, InverseRms, Merged, Named, Ones, Scaled, Split, Trained, nodes
from gamma_calc.program.models import MASKED, Numbers
from gamma_calc.program.optimizers import Optimizer, Orthogonalised, named_optimizer
from gamma_calc.program.problem import Problem
from gamma_calc.program.scheme import Scheme, nonzero_form
from gamma_calc.program.selection import Spec, selected
from gamma_calc.tracing.blocks import SCATTERED
from gamma_calc.tracing.capture import SAME, TRANSPOSES, Capture, Operation, Reference, Uneven, captured
from gamma_calc.tracing.fan_in import summed_dimensions
from gamma_calc.tracing.general_position import identity_and_ones
from gamma_calc.tracing.initial_sizes import FAN_IN, by_fan_in, initial_size, stated_sizes
from gamma_calc.tracing.names import WRAPPED, longest_ends, short_names
from gamma_calc.tracing.operations import BY_PART, ENTRIES
from gamma_calc.tracing.parameters import AdapterFactor, Inits, adapter_of
from gamma_calc.tracing.sizes import ZERO, Axes
from gamma_calc.tracing.translation import Beside, BesideIdentity, Entry, Missing, Translation
from gamma_calc.tracing.twins import DIVIDED, Twins, asked_for_widths, twins_of
from gamma_calc.tracing.values import NOTHING, Value

HIDING = -10_000.0
"""A mask adds this, or less, to a logit that it hides."""
MAGNITUDE = "lora_magnitude_vector"
"""What PEFT calls DoRA's magnitudes, the norms of the rows of W, which are n^0."""
SPECTRAL_NORMS = ("_SpectralNorm", "SpectralNorm")
"""What torch calls the spectral norm of `nn.utils.parametrizations`, and that of `nn.utils`."""
SCHEME = "init-a"
"""Of adapters where none is given."""
SHOWN = 20
"""Parameters that a print has."""


@dataclass(frozen=True, slots=True)
class TracedAxis:
    """An axis: how many coordinates the twins have, and how it grows."""

    name: str
    exponent: Affine
    sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TracedParameter:
    """A parameter of the problem: `source` is what the model calls it; an `initial` of None is zero."""

    name: str
    source: str
    shape: tuple[str, ...]
    initial: Affine | None
    rate: Affine | None

    def __str__(self) -> str:
        initial = "zero" if self.initial is None else f"n^({self.initial})"
        rate = "frozen" if self.rate is None else f"rate n^({self.rate})"
        return f"{self.name} ({', '.join(self.shape)}): starts at {initial}, {rate}"


@dataclass(frozen=True, slots=True)
class TracedLayer:
    """A module with an adapter, and the named values that are its.

    `is_of_scheme`: it starts and is trained as a scheme says, and not as PEFT has it.
    """

    name: str
    module: str
    quantities: tuple[str, ...]
    is_of_scheme: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Traced:
    """What a module is: a problem, and what was found on the way to it.

    `problem` is None where an operation is `unknown`; `output` are the axes of the model's output in order. `tensors`
    are values of the problem's leaves at the sizes `coordinates`, and `scalars` those of its scalars there: the first
    twin's, for a reading in torch. A leaf that is a block of a parameter is in `blocks`, with the leaf it is of, the
    axis, and which of its coordinates. `choices` are lines of the model's source that choose the largest of some
    entries, such as the experts of a token: which these are is held as it is at the start. Of several values that the
    model returns `read` is what it calls the output, and `unread` has the others, each with the trained parameters in
    it that the output lacks.
    """

    name: str
    problem: Problem | None
    output: tuple[str, ...]
    axes: tuple[TracedAxis, ...]
    parameters: tuple[TracedParameter, ...]
    layers: tuple[TracedLayer, ...]
    operations: Mapping[str, int]
    unknown: tuple[Missing, ...]
    tensors: Mapping[str, Tensor]
    blocks: Mapping[str, tuple[str, int, range]]
    scalars: Mapping[str, float]
    twins: Twins
    choices: tuple[str, ...] = ()
    read: str = ""
    unread: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def coordinates(self) -> Mapping[str, int]:
        """How many coordinates each axis has in the first twin."""
        return {axis.name: axis.sizes[0] for axis in self.axes}

    def known_problem(self) -> Problem:
        """The problem.

        Raises:
            Unknown: an operation has no rule.
        """
        if self.problem is None:
            missing = dict.fromkeys(f"{each.operation} ({each.where})" for each in self.unknown)
            raise Unknown(f"{self.name}: no rule for {', '.join(missing)}")
        return self.problem

    def check_adapted(self, scheme: str) -> None:
        """That there are adapters, of whose A and B a scheme speaks.

        Raises:
            BadInput: there are none.
        """
        if self.layers:
            return
        name = next((each.source for each in self.parameters if each.rate is not None), "W")
        rates = f'traced(..., rates={{"{name}": "eta", ...}}) has the rates of its parameters, and inits= their sizes'
        expected = f"none, as {self.name} has no adapters of PEFT, of whose A and B a scheme speaks; {rates}"
        raise BadInput("a scheme", found=scheme, expected=expected)

    def __repr__(self) -> str:
        return f"<{self.name}, traced: {len(self.parameters)} parameters, {len(self.layers)} adapters>"

    @property
    def held(self) -> tuple[str, ...]:
        """What training is taken not to change, in words."""
        return tuple(f"held as at the start: which entries are the largest, of {each}" for each in self.choices)

    def __str__(self) -> str:
        kinds, count = len(self.operations), sum(self.operations.values())
        found = "no problem, for operations without a rule" if self.problem is None else "a problem"
        growing = [
            each.name if each.exponent == Affine.of(1) else f"{each.name} as n^({each.exponent})"
            for each in self.axes
            if each.exponent != ZERO
        ]
        trained_first = sorted(self.parameters, key=lambda each: each.rate is None)
        more = len(self.parameters) - SHOWN
        own = {name: f" (with {', '.join(parameters)})" for name, parameters in self.unread.items() if parameters}
        others = [f"{name}{own.get(name, '')}" for name in self.unread]
        lines = [
            f"{self.name}: {found}, from {count} operations of {kinds} kinds",
            *(f"  {each.operation} ({each.reason}): {each.where}" for each in self.unknown),
            *([f"output: {self.read}; not read: {', '.join(others)}"] if others else []),
            *self.held,
            f"growing with the width n: {', '.join(growing)}",
            *map(str, trained_first[:SHOWN]),
            *([f"and {more} more in .parameters"] if more > 0 else []),
        ]
        return "\n".join(lines)


def traced(
    model: Any,
    inputs: Mapping[str, Any] | None = None,
    *,
    scheme: Spec | None = None,
    optimizer: str | Optimizer | None = None,
    rates: str | Mapping[str, str] = "eta",
    axes: Mapping[str, str] | None = None,
    init: str | Path = FAN_IN,
    inits: Mapping[str, str] | None = None,
) -> Traced:
    """A module as a problem.

    Args:
        model: a model of transformers, with adapters of PEFT or without; or a function from a width to a module and
            its inputs.
        inputs: what it is called with, by name; of a language model, some tokens.
        scheme: what the factors of adapters on linear layers start from, A in powers of its fan-in, and their rates;
            by default init-a.
        optimizer: of the scheme where nothing is said.
        rates: the rate of every other trained parameter, or of each by the end of its name: the name, or what is behind
            a dot of it. Where several ends fit the longest counts.
        axes: the growth exponents of classes of sizes, such as {"rank": "rho"}: those of `twins.family.sizes`.
        init: how large the entries of all other matrices are at the start: "fan-in", variance 1/fan_in; "model", as the
            model's own init has them at two widths; or the folder of a checkpoint, whose safetensors are measured.
        inits: their exponents by such an end of their name where it is said otherwise, or "zero"; a trained vector is
            random where it is among them.

    Raises:
        BadInput: the module is none that can be traced, nothing in it is trained, it has no such class of sizes, a
            size is explained by no axis, or a scheme is given and there are no adapters.
    """
    (chosen,) = selected([SCHEME if scheme is None else scheme])
    found = traced_under(chosen, model, inputs, optimizer=optimizer, rates=rates, axes=axes, init=init, inits=inits)
    if scheme is not None:
        found.check_adapted(chosen.name)
    return found


def traced_under(
    chosen: Scheme,
    model: Any,
    inputs: Mapping[str, Any] | None = None,
    *,
    optimizer: str | Optimizer | None = None,
    rates: str | Mapping[str, str] = "eta",
    axes: Mapping[str, str] | None = None,
    init: str | Path = FAN_IN,
    inits: Mapping[str, str] | None = None,
) -> Traced:
    """As `traced`, under a scheme that is of the adapters, if there are any."""
    for name, given in (("inputs", inputs), ("axes", axes), ("inits", inits)):
        if not isinstance(given, Mapping | None):
            raise BadInput(name, found=given, expected="a dictionary by name")
    if not isinstance(rates, str | Mapping):
        raise BadInput("rates", found=rates, expected='a rate for all, such as "eta", or one by the end of each name')
    growth = {name: nonzero_form(name, value) for name, value in ({"rank": chosen["rank"]} | dict(axes or {})).items()}
    twins = twins_of(model, inputs, growth)
    for name in axes or {}:
        twins.family.check_class("axes", name)
    if not twins.trained:
        raise BadInput(f"{twins.name}: none of its parameters requires a gradient, so nothing is trained")
    _check_parametrized(twins)
    with asked_for_widths(twins):
        capture = captured(twins.twins, ENTRIES.keys())
    names = [name for each in capture.operations.values() if (name := each.parameter)]
    if twins.trained.isdisjoint(names):
        others = "".join(
            f"; {name}, which is not read, has {', '.join(own)}" for name, own in capture.unread.items() if own
        )
        said = f"{twins.name}: its output{_called(capture)} has no trained parameter in it, as read in evaluation mode"
        raise BadInput(f"{said}{others}")
    _check_read("rates", {} if isinstance(rates, str) else rates, names, twins.trained, capture)
    _check_read("inits", inits or {}, names, twins.trained, capture)
    _check_copies(twins, capture)
    stated = _stated(inits or {}, names)
    if init != FAN_IN and any(MAGNITUDE in name for name in names):
        raise BadInput(
            f"{twins.name}: DoRA's magnitudes are those of rows of variance 1/fan_in", expected=f"init {FAN_IN}"
        )
    # How large a matrix is at the start goes by what is summed over, which a first translation is asked for.
    first = _translation(twins, capture, chosen, rates, stated)
    summed = summed_dimensions(first, _translated(first).expression)
    size = initial_size(init, is_own=twins.is_own)
    parameters = replace(first.inits, initial=size, summed=summed, growth_of=first.axes.growth_of)
    translation = Translation(capture, twins.family, parameters, first.names)
    output = _translated(translation)
    named = output.expression
    assert isinstance(named, Named)
    rule = chosen.optimizer if optimizer is None else optimizer
    rule = rule if isinstance(rule, Optimizer) else named_optimizer(rule)
    _check_blocks(translation, named, rule)
    unknown = tuple(translation.unknown)
    if not unknown:
        _check_random(twins, capture, stated)
    problem = None if unknown else _problem(twins, translation, named, chosen, rule)
    return Traced(
        twins.name,
        problem,
        tuple(axis.name for axis in output.axes),
        tuple(TracedAxis(axis.name, axis.size, sizes) for axis, sizes in translation.axes.sizes.items()),
        _parameters(translation, named),
        _layers(translation),
        Counter(each.kind for each in capture.operations.values() if not each.is_constant and not each.parameter),
        unknown,
        translation.tensors,
        translation.blocks,
        translation.scalars,
        twins,
        capture.choices,
        capture.read,
        capture.unread,
    )


def _check_parametrized(twins: Twins) -> None:
    """That no module has a spectral norm, whose vectors are buffers and yet know a matrix.

    Raises:
        BadInput: one has.
    """
    for path, module in twins.twins[0].model.named_modules():
        if any(type(each).__name__ in SPECTRAL_NORMS for each in (module, *module._forward_pre_hooks.values())):
            matrix = path.partition(".parametrizations.")[0]
            found = f"{matrix} has a spectral norm, whose singular vectors are buffers that know the matrix"
            raise BadInput(f"{twins.name}: {found}", expected="a module without it")


def _check_copies(twins: Twins, capture: Capture) -> None:
    """That no frozen matrix starts as a trained one does, of which it would be read as independent.

    Raises:
        BadInput: one does.
    """
    matrices = [each for each in capture.operations.values() if each.parameter and not each.is_vector]
    trained = [each for each in matrices if each.parameter in twins.trained]
    for one, other in product((each for each in matrices if each not in trained), trained):
        if one.shape == other.shape and _are_alike(one.values or (), other.values or ()):
            found = f"{one.parameter}, which is frozen, is a copy of {other.parameter}"
            expected = "the frozen one plus a trained one that starts at zero"
            raise BadInput(f"{twins.name}: {found}: they would be read as independent", expected=expected)


def _check_random(twins: Twins, capture: Capture, stated: Collection[str]) -> None:
    """That no matrix of a module of one's own starts as an identity, unless it is said how large it is.

    Raises:
        BadInput: one does.
    """
    for each in capture.operations.values():
        known = identity_and_ones(each.values or ()) if each.parameter and twins.is_own else None
        if known is not None and 0 not in known[0] and each.parameter not in stated:
            found = f"{each.parameter} starts as an identity, and would be read as random"
            raise BadInput(f"{twins.name}: {found}", expected="x + W x in place of W x, with a W that starts at zero")


def _are_alike(one: Sequence[Tensor], other: Sequence[Tensor]) -> bool:
    """Whether two parameters have the same entries in every twin, which are not all one number."""
    return all(
        not mine.is_meta
        and mine.dtype == theirs.dtype
        and torch.equal(mine, theirs)
        and bool((mine != mine.flatten()[0]).any())
        for mine, theirs in zip(one, other, strict=True)
    )


def _stated(inits: Mapping[str, str], parameters: Collection[str]) -> Mapping[str, Affine | None]:
    """How large parameters are said to be; of A and B of linear layers a scheme says it."""
    found = stated_sizes(inits, parameters)
    for each in found:
        factor = adapter_of(each)
        if factor is not None and factor.is_of_scheme:
            raise BadInput(f"inits: {factor.factor} of {factor.module} starts as the scheme says: give another scheme")
    return found


def _check_read(
    asked: str, ends: Iterable[str], names: Collection[str], trained: Collection[str], capture: Capture
) -> None:
    """That no end of a name is only one of trained parameters that the output has not in it.

    Raises:
        BadInput: one is.
    """
    left = sorted({*trained}.difference(names))
    for end in ends:
        (*others,) = longest_ends(asked, [end], left)
        if others and not longest_ends(asked, [end], names):
            has_it = " and ".join(name for name, own in capture.unread.items() if others[0] in own)
            where = (
                f"{has_it} has it, which is read where it is returned alone"
                if has_it
                else "nothing that is returned has it"
            )
            raise BadInput(f"{asked}: {others[0]} is trained, but not in the output{_called(capture)}: {where}")


def _called(capture: Capture) -> str:
    """What the module calls the output, to be said behind that word."""
    return f" {capture.read}" if capture.read else ""


def _translation(
    twins: Twins,
    capture: Capture,
    scheme: Scheme,
    rates: str | Mapping[str, str],
    stated: Mapping[str, Affine | None],
) -> Translation:
    """The first translation, before it is known what is summed over."""
    parameters = [each.parameter for each in capture.operations.values() if each.parameter]
    adapters = {each: found for each in parameters if (found := adapter_of(each)) is not None}
    paths = {each: _path(each) for each in parameters if each not in adapters}
    adapted = {each.module: _adapted_path(twins, each.module) for each in adapters.values()}
    modules = [each.module for each in capture.operations.values()]
    short = {**(known := short_names([*paths.values(), *adapted.values(), *modules]))}
    short |= {module: known[path] for module, path in adapted.items()}
    names = {each: f"W_{short[path]}" for each, path in paths.items()}
    names |= {each: f"{found.factor}_{short[found.module]}" for each, found in adapters.items()}
    trained = frozenset(each for each in parameters if each in twins.trained)
    of_scheme = {each for each, found in adapters.items() if found.is_of_scheme}
    others = _rates(trained - of_scheme, rates)
    inits = Inits(trained, names, scheme, others, adapters, by_fan_in, stated, {}, attrgetter("size"))
    return Translation(capture, twins.family, inits, short)


def _path(parameter: str) -> str:
    """The path of the module that a matrix is the weight of, or of the matrix itself, without PEFT's wrapping of it."""
    return WRAPPED.sub("", parameter.removesuffix(".weight"))


def _adapted_path(twins: Twins, module: str) -> str:
    """The path of what an adapter is of: a module, or a parameter of one, such as a stack of experts."""
    parameter = getattr(twins.twins[0].model.get_submodule(module), "parameter_name", None)
    return module if parameter is None else _path(f"{module}.{parameter}")


def _rates(parameters: Collection[str], rates: str | Mapping[str, str]) -> Mapping[str, Affine]:
    """The rate of each trained parameter that no scheme speaks of, by its name."""
    if isinstance(rates, str):
        return dict.fromkeys(parameters, nonzero_form("rates", rates))
    forms = {end: nonzero_form(f"rates: {end}", value) for end, value in rates.items()}
    names = sorted(parameters)
    ends = longest_ends("rates", rates, names)
    example = f'such as {{"{next(iter(names), "W")}": "eta"}}'
    if missing := [each for each in names if each not in ends]:
        raise BadInput(f"rates: none for {', '.join(missing)}", expected=f"one by the end of each name, {example}")
    for end in forms:
        if end not in ends.values():
            raise BadInput("rates", found=end, expected=f"the end of a trained parameter's name, {example}")
    return {each: forms[end] for each, end in ends.items()}


def _translated(t: Translation) -> Value:
    """The output, after every operation that is not constant."""
    for name, operation in t.capture.operations.items():
        if operation.is_constant or operation.parameter:
            continue
        entry = ENTRIES.get(operation.kind)
        try:
            if entry is None:
                raise Unknown("no rule for this operation")
            _check_call(entry, operation)
            t.values[name] = _read(t, entry, operation)
        except Unknown as problem:
            t.values[name] = t.missing(operation, str(problem))
    try:
        output = t.value(Reference(t.capture.output))
    except Unknown as problem:
        output = t.missing(t.capture.operations[t.capture.output], str(problem))
    return t.named("output", output)


def _read(t: Translation, entry: Entry, operation: Operation) -> Any:
    """What a rule makes of an operation; of values side by side, of each, where it leaves their dimension alone."""
    first, *others = operation.arguments or (None,)
    beside = t.values.get(first.name) if isinstance(first, Reference) else None
    if isinstance(beside, BesideIdentity) and operation.kind in (*SAME, *TRANSPOSES):
        return replace(beside, matrix=entry(t, operation, beside.matrix, *others, **operation.options))
    if isinstance(beside, Beside) and operation.kind in BY_PART:
        return beside.each(lambda part: entry(t, operation, part, *others, **operation.options))
    return entry(t, operation, *operation.arguments, **operation.options)


def _check_call(entry: Entry, operation: Operation) -> None:
    """That a rule knows the arguments with which an operation is called."""
    if any(isinstance(each, Uneven) for each in operation.arguments):
        raise Unknown("a list whose length grows")
    try:
        inspect.signature(entry).bind(None, operation, *operation.arguments, **operation.options)
    except TypeError as problem:
        raise Unknown(f"no rule for this operation as it is called: {problem}") from None


def _problem(twins: Twins, t: Translation, output: Named, scheme: Scheme, optimizer: Optimizer) -> Problem:
    _check_explained(twins, t.axes, output)
    features = [node.name for node in nodes(output) if isinstance(node, Named)]
    z_a, z_b = (tuple(each for each in reversed(features) if each.startswith(start)) for start in ("Z_A_", "Z_B_"))
    return Problem(
        twins.name,
        output,
        stable=z_b,
        learning=z_b,
        internally_stable=(*z_a, output.name) if z_a else (),
        optimizer=optimizer,
        between=scheme.between,
        numbers=_numbers(t, output),
    )


def _numbers(t: Translation, output: Named) -> Numbers:
    """The model's data, such as masks, the sizes of their axes, and the k of its scalars k n^exponent.

    What a norm reads has the model's size too: a few coordinates nearly vanish at once in one of many heads. n is here
    how many coordinates the first axis of size n has in the first twin.
    """
    every = [*nodes(output)]
    data = [node for node in every if isinstance(node, Given) and not isinstance(node, Ones)]
    axes = {axis for node in data for axis in node.axes if axis.is_fixed}
    axes |= {node.axis for node in every if isinstance(node, InverseRms) and node.axis.is_fixed}
    for node in every:
        if isinstance(node, Split | Merged) and not axes.isdisjoint(parts := (node.axis, node.outer, node.inner)):
            axes |= {axis for axis in parts if axis.is_fixed}
    width = next((count for axis, (count, *_) in t.axes.sizes.items() if axis.size == Affine.of(1)), 1)
    scalars = {node.symbol: node.exponent for node in every if isinstance(node, Scaled) and node.symbol in t.scalars}
    return Numbers(
        {axis.name: t.axes.sizes[axis][0] for axis in axes},
        {node.name: _as_mask(t.tensors[node.name]) for node in data},
        {symbol: t.scalars[symbol] / width ** float(exponent.constant) for symbol, exponent in scalars.items()},
    )


def _as_mask(tensor: Tensor) -> Tensor:
    """Data in which whatever a mask adds to hide a logit, such as the least number of a float, is `MASKED`."""
    return tensor.masked_fill(tensor <= HIDING, float(MASKED))


def _check_explained(twins: Twins, axes: Axes, output: Named) -> None:
    for node in nodes(output):
        for axis in node.axes:
            if axis in axes.unexplained:
                sizes = " and ".join(map(str, axes.sizes[axis]))
                known = ", ".join(axes.family.sizes)
                raise BadInput(
                    f"{twins.name}: a size of {sizes} in its twins ({axes.unexplained[axis]})",
                    found="a size that no axis explains",
                    expected=f"a multiple of products of {known}{f'; {DIVIDED}' if twins.is_own else ''}",
                )


def _check_blocks(t: Translation, output: Named, rule: Optimizer) -> None:
    """That no parameter is used whole and in blocks, and that blocks are the whole where a step is made of that."""
    leaves = {node.name: node for node in nodes(output) if isinstance(node, Trained)}
    blocks = {name: leaves[name] for name in t.blocks if name in leaves}
    for name, leaf in blocks.items():
        if (source := t.blocks[name][0]) in leaves:
            reason = f"{t.leaves[source]} is used as a whole and in blocks"
        elif leaf.is_trained and isinstance(rule.step, Orthogonalised) and not _is_all_blocks(t, leaf, blocks.values()):
            reason = f"{t.source(name)} is not cut into matrices side by side, and {rule.name} makes one step of it"
        else:
            continue
        t.unknown.append(Missing("slice", t.lines.get(name, ""), reason))


def _is_all_blocks(t: Translation, leaf: Trained, others: Iterable[Trained]) -> bool:
    """Whether the blocks of the matrix that a leaf is one of, side by side where that is cut, are all of it."""
    assert leaf.block is not None  # it is one
    whole, place = leaf.block
    beside = [each for each in others if each.block == leaf.block]
    if place == SCATTERED or any(len(each.axes) < 2 for each in beside):
        return False
    return sum(t.tensors[each.name].shape[place] for each in beside) == t.tensors[whole].shape[place]


def _parameters(t: Translation, output: Named) -> tuple[TracedParameter, ...]:
    every = [node for node in nodes(output) if isinstance(node, Trained) and node is not NOTHING][::-1]
    return tuple(
        TracedParameter(
            node.name,
            t.source(node.name),
            tuple(axis.name for axis in node.axes),
            node.initial if node.start is None else ZERO,
            node.learning_rate if node.is_trained else None,
        )
        for node in every
    )


def _blocks(t: Translation, name: str) -> list[str]:
    """The blocks that are taken of a named value, those of a block in its place; the value itself where none is."""
    return [part for block in t.taken.get(name, {}).values() for part in _blocks(t, block)] or [name]


def _layers(t: Translation) -> tuple[TracedLayer, ...]:
    modules: dict[str, AdapterFactor] = {each.module: each for each in t.inits.adapters.values()}
    found = []
    for module, adapter in modules.items():
        name = t.names[module]
        blocks = (block for start in ("Z_A", "Z_B") for block in _blocks(t, f"{start}_{name}"))
        features = tuple(each for each in blocks if each in t.features)
        quantities = (*features, *(f"Delta_{each}" for each in features))
        found.append(TracedLayer(name, module, quantities, adapter.is_of_scheme))
    return tuple(found)

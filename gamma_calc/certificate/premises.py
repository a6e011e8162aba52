"""The premises of a certificate: a program as plain assignments, its axes and domain, and what it is derived under."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from gamma_calc.algebra import Affine
from gamma_calc.algebra.plain import Forms, Json
from gamma_calc.analysis.conditions import conditions_of, factors_of
from gamma_calc.calculus.policy import Policy
from gamma_calc.certificate.conclusions import form_json
from gamma_calc.errors import Unknown
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import (
    At,
    Contraction,
    Entrywise,
    Expression,
    Given,
    InverseRms,
    MapChange,
    Merged,
    Moment,
    Named,
    Pointwise,
    PowerOf,
    Renamed,
    Scaled,
    Softmax,
    Split,
    Stopped,
    Sum,
    Trained,
    Transposed,
    leaves,
    nodes,
)
from gamma_calc.program.optimizers import Moments, Raw, descent
from gamma_calc.program.problem import program_of
from gamma_calc.program.program import Program
from gamma_calc.program.scheme import Scheme

Terms = tuple[tuple[str, bool], ...]
"""The values of which one is the sum, by name, each with whether it is made from initial parts and data alone."""
WRITTEN = {Moment.PREVIOUS: "{0}", Moment.CHANGE: "d{0}", Moment.CURRENT: "{0}'"}
"""How a tensor before, during and after a step is written."""
MOST_AXES = 2
"""Axes that grow of a random tensor that a checker knows."""
UNCOVERED: Mapping[type[Expression], str] = MappingProxyType(
    {
        InverseRms: "norms",
        Softmax: "softmax",
        PowerOf: "powers",
        **dict.fromkeys((Split, Merged), "axes that are split or merged"),
    }
)
"""Operations that a checker does not know, in words; of maps it knows ReLU and its slope."""


def premises(scheme: Scheme, policy: Policy) -> Json:
    """What a derivation takes for granted, as a certificate states it.

    Raises:
        Unknown: the program has an operation or a step that no certificate covers.
    """
    program, model = program_of(scheme), scheme.model
    every = [*nodes(*program.gradients.values(), *program.quantities.values())]
    uncovered = dict.fromkeys(UNCOVERED[type(node)] for node in every if type(node) in UNCOVERED)
    maps = (node for node in every if isinstance(node, Pointwise) and (node.is_absolute_value or not node.has_kink))
    uncovered |= {"the map " + node.function.rstrip("'"): None for node in maps}
    rule = program.optimizer
    if rule.update is not descent or not isinstance(rule.step, Raw | Moments):
        uncovered[f"the optimiser {rule.name}"] = None
    if any(tensor.epsilon is not None for tensor in program.parameters):
        uncovered["an epsilon that is not negligible"] = None
    if any(sum(not axis.is_fixed for axis in tensor.axes) > MOST_AXES for tensor in program.parameters):
        uncovered[f"parameters with more than {MOST_AXES} axes that grow"] = None
    if uncovered:
        raise Unknown(f"{policy.titled(scheme.title)}: no certificate covers {' and '.join(uncovered)}")
    listed = _Assignments(program)
    axes = itertools.chain(program.axes, *(node.axes for node in every))
    return {
        "axes": {axis.name: form_json(axis.size) for axis in axes},
        "domain": [form_json(form) for form in _domain(scheme, policy)],
        "without": sorted(assumption.key for assumption in policy.without),
        "align": {kind.value: _gains(value, program.axes) for kind, value in policy.coefficients},
        "start": listed.start,
        "step": listed.step,
        "next": listed.next,
        "quantities": listed.quantities,
        "conditions": {
            each.name: {"bounded": list(each.bounded), "reached": list(each.reached)} for each in conditions_of(model)
        },
        "factors": {each.name: each.contribution for each in factors_of(model) if f"U_{each.name}" in listed.next},
    }


def _domain(scheme: Scheme, policy: Policy) -> Forms:
    """The declared inequalities and the limits of the rank and of alignments; what is always so is left out."""
    rules = [form for rule in scheme.declared for form in rule.sides]
    half = Affine.of(1) / 2
    limits = (form for _, value in policy.coefficients for form in (value - half, 1 - value))
    return tuple(dict.fromkeys(form for form in (*rules, *scheme.axis_forms, *limits) if form.terms))


def _gains(alignment: Affine, axes: tuple[Axis, ...]) -> Json:
    """What a sum adds over each axis that grows; the engine refuses a product of two free exponents."""
    return {
        axis.name: form_json(
            alignment * axis.size.constant if axis.size.is_constant else axis.size * alignment.constant
        )
        for axis in axes
        if not axis.is_fixed and (axis.size.is_constant or alignment.is_constant)
    }


class _Assignments:
    """A program's training step, one assignment an operation; a value is named by how it is written.

    Where a program has cuts, its values are written term by term, for a cut brings together those made from initial
    parts alone, and apart from them all others: z = Z + B A Z is z_0 = Z + B_0 A_0 Z and U_z = B_0 U_A Z + U_B A_0 Z +
    U_B U_A Z.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.has_cuts = any(isinstance(node, Named) and node.is_cut for node in nodes(*program.quantities.values()))
        self.terms: dict[Expression, Terms] = {}
        self.start: Json = {}
        self.step: list[Json] = []
        self.next: Json = {}
        self._started()
        for tensor in program.parameters:
            self._change(tensor)
        for tensor in program.parameters:
            self._moved(tensor)
        self.quantities = {name: self._value(name, value) for name, value in program.quantities.items()}

    def _started(self) -> None:
        every = (*self.program.gradients.values(), *self.program.quantities.values())
        for leaf in leaves(*every):
            if isinstance(leaf, Given):
                self.start[leaf.name] = {"size": [form_json(leaf.exponent)], "random": []}
        for tensor in self.program.parameters:
            size = [] if tensor.initial is None else [form_json(tensor.initial)]
            self.start[f"{tensor.name}_0"] = {"size": size, "random": [axis.name for axis in tensor.axes]}
            self.start[f"U_{tensor.name}"] = {"size": [], "random": []}
            if tensor.is_trained and tensor.momentum is not None:
                self.start[f"m_{tensor.name}"] = {"size": [], "random": []}
            self._whole(tensor, Moment.PREVIOUS)

    def _change(self, tensor: Trained) -> None:
        """What a step adds to a tensor: its update rule's step, and the decay of what it holds."""
        name = tensor.name
        if tensor.is_trained:
            self._stepped(tensor)
        if tensor.has_decay and tensor.decay is not None:
            if tensor.start is not None:
                raise Unknown(f"no certificate covers the decay of data, which {name} starts from")
            rate = form_json(tensor.learning_rate + tensor.decay)
            for part in (f"{name}_0", f"U_{name}"):
                self._assigned(f"d{part}", "scaled", part, by=rate)
        self._whole(tensor, Moment.CHANGE)

    def _stepped(self, tensor: Trained) -> None:
        """The rate times the gradient, or a normalised step; of the momentum where there is one."""
        gradient, raw = f"G_{tensor.name}", self.program.gradients[tensor]
        self._assigned(gradient, "sum", *self._names(raw))
        if tensor.momentum is not None:
            memory = f"m_{tensor.name}"
            kept = self._assigned(f"beta {memory}", "scaled", memory, by=form_json(tensor.momentum))
            gradient = self.next[memory] = self._assigned(f"{memory}'", "sum", kept, gradient)
        step, rate, name = self.program.optimizer.step, form_json(tensor.learning_rate), f"eta g_{tensor.name}"
        match step:
            case Moments():
                self._assigned(name, "normalised", gradient, by=rate, epsilon=step.epsilon > 0)
            case Raw():
                self._assigned(name, "scaled", gradient, by=rate)
            case unknown:
                raise Unknown(f"no certificate covers a step of the kind {type(unknown).__name__}")

    def _moved(self, tensor: Trained) -> None:
        """The initial part and the updates after the step; a part that nothing moves stays as it is."""
        start, updates = f"{tensor.name}_0", f"U_{tensor.name}"
        added = [f"eta g_{tensor.name}"] if tensor.is_trained else []
        if tensor.has_decay:
            added.append(f"d{updates}")
            self.next[start] = self._assigned(f"{start}'", "sum", start, f"d{start}")
        if added:
            self.next[updates] = self._assigned(f"{updates}'", "sum", updates, *added)
        self._whole(tensor, Moment.CURRENT)

    def _parts(self, tensor: Trained, moment: Moment) -> Terms:
        """The parts of a tensor at a moment: the initial one, and what training makes."""
        start, updates = f"{tensor.name}_0", f"U_{tensor.name}"
        match moment:
            case Moment.PREVIOUS:
                return (start, True), (updates, False)
            case Moment.CURRENT:
                return (self.next.get(start, start), True), (self.next.get(updates, updates), False)
        made = (f"eta g_{tensor.name}",) if tensor.is_trained else ()
        decays = (f"d{start}", f"d{updates}") if tensor.has_decay else ()
        return tuple((part, False) for part in (*made, *decays))

    def _whole(self, tensor: Trained, moment: Moment) -> Terms:
        """A tensor at a moment, as one value."""
        if self.has_cuts:
            return self._parts(tensor, moment)
        parts = [part for part, _ in self._parts(tensor, moment)]
        return ((self._assigned(WRITTEN[moment].format(tensor.name), "sum", *parts), False),)

    def _assigned(self, name: str, operation: str, *of: str, **more: object) -> str:
        if all(each["name"] != name for each in self.step):
            self.step.append({"name": name, "is": operation, "of": list(of), **more})
        return name

    def _new(self, name: str, operation: str, *of: str, **more: object) -> str:
        """An assignment under a name of its own: a longer one says how often it stands there already."""
        taken = {each["name"] for each in self.step} | self.start.keys()
        tries = (name if count == 1 else f"{name} ({count})" for count in itertools.count(1))
        return self._assigned(next(each for each in tries if each not in taken), operation, *of, **more)

    def _value(self, name: str, node: Expression) -> str:
        """The name of a value: `name` where it has to be summed up first."""
        terms = self._names(node)
        return self._new(name, "sum", *terms) if self.has_cuts else terms[0]

    def _terms(self, node: Expression) -> Terms:
        """The terms of a value, assigned where they were not yet; no two nodes share one."""
        if node not in self.terms:
            self.terms[node] = tuple(self._written(node))
        return self.terms[node]

    def _written(self, node: Expression) -> Iterable[tuple[str, bool]]:
        match node:
            case Given(name):
                return ((name, True),)
            case Trained():
                return self._whole(node, Moment.PREVIOUS)
            case At(tensor, moment):
                return self._whole(tensor, moment)
            case Named(name, operand, True):
                return self._cut(name, self._terms(operand))
            case Named(_, operand) | Transposed(operand) | Stopped(operand):
                return self._terms(operand)
            case Renamed(operand, old, new):
                axes = {"from": old.name, "to": new.name}
                return ((self._new(of, "renamed", of, **axes), is_initial) for of, is_initial in self._terms(operand))
            case Scaled(_, exponent, operand) if exponent == Affine.of(0):
                return self._terms(operand)
            case Scaled(symbol, exponent, operand):
                by = form_json(exponent)
                return (
                    (self._new(f"{symbol} {of}", "scaled", of, by=by), is_initial)
                    for of, is_initial in self._terms(operand)
                )
            case Contraction(left, right, (axis,)):
                return self._products(left, right, "product", over=axis.name)
            case Entrywise(left, right):
                return self._products(left, right, "entrywise")
            case Pointwise(function, operand, is_bounded=True):
                return ((self._mapped(function, self._names(operand), degree=0), True),)
            case Pointwise(function, operand):
                return self._parts_of_map(function, self._terms(operand))
            case MapChange(Pointwise(function, operand), change):
                return ((self._mapped(function, self._names(change), self._names(operand)), False),)
            case Sum(summands):
                terms = [term for summand in summands for term in self._terms(summand)]
                names = [name for name, _ in terms]
                return terms if self.has_cuts else ((self._new(" + ".join(names), "sum", *names), False),)
        what = "sums over several axes at once" if isinstance(node, Contraction) else type(node).__name__
        raise Unknown(f"no certificate covers {what}")

    def _names(self, node: Expression) -> list[str]:
        return [name for name, _ in self._terms(node)]

    def _products(self, left: Expression, right: Expression, kind: str, **more: str) -> Iterator[tuple[str, bool]]:
        """The products of the terms of two values."""
        for x, is_initial in self._terms(left):
            for y, is_too in self._terms(right):
                yield self._new(f"{x} {y}", kind, x, y, **more), is_initial and is_too

    def _parts_of_map(self, function: str, terms: Terms) -> Iterator[tuple[str, bool]]:
        """What a map makes of the initial terms, and what all others change of that."""
        initial, others = ([name for name, is_initial in terms if is_initial is kind] for kind in (True, False))
        if initial:
            yield self._mapped(function, initial), True
        if others:
            yield self._mapped(function, others, initial), False

    def _mapped(self, function: str, of: Sequence[str], beside: Sequence[str] = (), *, degree: int = 1) -> str:
        return self._new(f"{function} {' + '.join(of)}", "map", *of, beside=[*beside], degree=degree)

    def _cut(self, name: str, terms: Terms) -> Iterator[tuple[str, bool]]:
        """The terms made from initial parts alone, and all others, each brought together."""
        for is_initial, written in ((True, f"{name}_0"), (False, f"U_{name}")):
            names = [term for term, is_so in terms if is_so is is_initial]
            if names:
                yield self._new(written, "sum", *names), is_initial

"""The premises of a certificate: a program as plain assignments, its axes and domain, and what it is derived under."""

from __future__ import annotations

import itertools

from gamma_calc.algebra import Affine, Constraint, Equality
from gamma_calc.algebra.plain import Forms, Json
from gamma_calc.analysis.derivation import Derivation
from gamma_calc.calculus.policy import Policy
from gamma_calc.derivation.conclusions import form_json
from gamma_calc.errors import Unknown
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import (
    At,
    Contraction,
    Expression,
    Given,
    Moment,
    Named,
    Renamed,
    Scaled,
    Sum,
    Trained,
    Transposed,
    leaves,
)
from gamma_calc.program.optimizers import Moments
from gamma_calc.program.program import Program

WRITTEN = {Moment.PREVIOUS: "{0}", Moment.CHANGE: "d{0}", Moment.CURRENT: "{0}'"}
"""How a tensor before, during and after a step is written."""


def premises(found: Derivation) -> Json:
    """What a derivation takes for granted, as a certificate states it."""
    program, policy = found.run.program, found.policy
    listed = _Assignments(program)
    return {
        "axes": {axis.name: form_json(axis.size) for axis in program.axes},
        "domain": [form_json(form) for form in _domain(found)],
        "without": sorted(assumption.key for assumption in policy.without),
        "align": {kind.value: _gains(value, program.axes) for kind, value in policy.coefficients},
        "start": listed.start,
        "step": listed.step,
        "next": listed.next,
        "quantities": listed.quantities,
    }


def forms_of(constraint: Constraint) -> Forms:
    """The forms that a constraint makes nonnegative."""
    return (constraint.form, -constraint.form) if isinstance(constraint, Equality) else (constraint.form,)


def _domain(found: Derivation) -> Forms:
    """The declared inequalities and the limits of the rank; what is always so is left out."""
    scheme = found.scheme
    rules = [form for rule in scheme.between for form in forms_of(rule.substituted({"rank": scheme["rank"]}))]
    limits = [*scheme.axis_forms, *_limits(found.policy)]
    return tuple(dict.fromkeys(form for form in (*rules, *limits) if form.terms))


def _limits(policy: Policy) -> Forms:
    half = Affine.of(1) / 2
    return tuple(form for _, value in policy.coefficients for form in (value - half, 1 - value))


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
    """A program's training step, one assignment an operation; a value is named by how it is written."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.names: dict[Expression, str] = {}
        self.start: Json = {}
        self.step: list[Json] = []
        self.next: Json = {}
        self._started()
        for tensor in program.parameters:
            self._change(tensor)
        for tensor in program.parameters:
            self._moved(tensor)
        self.quantities = {name: self._named(value) for name, value in program.quantities.items()}

    def _started(self) -> None:
        every = (*self.program.gradients.values(), *self.program.quantities.values())
        for leaf in leaves(*every):
            if isinstance(leaf, Given):
                self.start[leaf.name] = {"size": [form_json(leaf.exponent)], "random": []}
        for tensor in self.program.parameters:
            size = [] if tensor.initial is None else [form_json(tensor.initial)]
            self.start[f"{tensor.name}_0"] = {"size": size, "random": [axis.name for axis in tensor.axes]}
            self.start[f"U_{tensor.name}"] = {"size": [], "random": []}
            if tensor.has_momentum:
                self.start[f"m_{tensor.name}"] = {"size": [], "random": []}
            self._assigned(tensor.name, "sum", f"{tensor.name}_0", f"U_{tensor.name}")

    def _change(self, tensor: Trained) -> None:
        """What a step adds to a tensor: its update rule's step, and the decay of what it holds."""
        name = tensor.name
        parts = [self._stepped(tensor)] if tensor.is_trained else []
        if tensor.has_decay and tensor.decay is not None:
            rate = form_json(tensor.learning_rate + tensor.decay)
            parts += [self._assigned(f"d{part}", "scaled", part, by=rate) for part in (f"{name}_0", f"U_{name}")]
        self._assigned(f"d{name}", "sum", *parts)

    def _stepped(self, tensor: Trained) -> str:
        """The rate times the gradient, or a normalised step; of the momentum where there is one."""
        gradient = self._assigned(f"G_{tensor.name}", "sum", self._named(self.program.gradients[tensor]))
        if tensor.has_momentum and tensor.momentum is not None:
            memory = f"m_{tensor.name}"
            kept = self._assigned(f"beta {memory}", "scaled", memory, by=form_json(tensor.momentum))
            gradient = self.next[memory] = self._assigned(f"{memory}'", "sum", kept, gradient)
        step, rate, name = self.program.optimizer.step, form_json(tensor.learning_rate), f"eta g_{tensor.name}"
        if isinstance(step, Moments):
            return self._assigned(name, "normalised", gradient, by=rate, epsilon=step.epsilon > 0)
        return self._assigned(name, "scaled", gradient, by=rate)

    def _moved(self, tensor: Trained) -> None:
        """The initial part and the updates after the step; a part that nothing moves stays as it is."""
        start, updates = f"{tensor.name}_0", f"U_{tensor.name}"
        added = [f"eta g_{tensor.name}"] if tensor.is_trained else []
        if tensor.has_decay:
            added.append(f"d{updates}")
            self.next[start] = self._assigned(f"{start}'", "sum", start, f"d{start}")
        if added:
            self.next[updates] = self._assigned(f"{updates}'", "sum", updates, *added)
        self._assigned(f"{tensor.name}'", "sum", self.next.get(start, start), self.next.get(updates, updates))

    def _assigned(self, name: str, operation: str, *of: str, **more: object) -> str:
        if all(each["name"] != name for each in self.step):
            self.step.append({"name": name, "is": operation, "of": list(of), **more})
        return name

    def _named(self, node: Expression) -> str:
        """The name of an expression's value, assigned where it was not yet; no two nodes share one."""
        if node not in self.names:
            self.names[node] = self._written(node)
        return self.names[node]

    def _written(self, node: Expression) -> str:
        match node:
            case Given(name) | Trained(name):
                return name
            case At(tensor, moment):
                return WRITTEN[moment].format(tensor.name)
            case Named(_, operand) | Transposed(operand):
                return self._named(operand)
            case Renamed(operand, old, new):
                of = self._named(operand)
                return self._new(of, "renamed", of, **{"from": old.name, "to": new.name})
            case Scaled(symbol, exponent, operand):
                of = self._named(operand)
                is_one = exponent == Affine.of(0)
                return of if is_one else self._new(f"{symbol} {of}", "scaled", of, by=form_json(exponent))
            case Contraction(left, right, (axis,)):
                factors = self._named(left), self._named(right)
                return self._new(" ".join(factors), "product", *factors, over=axis.name)
            case Sum(summands):
                names = [self._named(summand) for summand in summands]
                return self._new(" + ".join(names), "sum", *names)
        raise Unknown(f"no certificate covers {type(node).__name__}, which this program uses")

    def _new(self, name: str, operation: str, *of: str, **more: object) -> str:
        """An assignment under a name of its own: a longer one says how often it stands there already."""
        taken = {each["name"] for each in self.step} | self.start.keys()
        tries = (name if count == 1 else f"{name} ({count})" for count in itertools.count(1))
        return self._assigned(next(each for each in tries if each not in taken), operation, *of, **more)

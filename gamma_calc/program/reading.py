"""Readings: how one program is run in several senses, and the training loop they share.

A reading says what a single term is and how terms combine; the loop, the equations and the bookkeeping of terms are
written here once. `calculus` reads in exponents, `simulation` in torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Generic, Protocol, TypeVar

from gamma_calc.program.expressions import (
    At,
    Contraction,
    Entrywise,
    Expression,
    Given,
    Moment,
    Named,
    Pointwise,
    Scaled,
    Sum,
    Trained,
    Transposed,
)
from gamma_calc.program.program import Program
from gamma_calc.program.terms import FormalSum, Kind, Label, Part

T = TypeVar("T")


class Reading(Protocol[T]):
    """What a term is in one sense of the program. Each method handles one term, except where a map is not linear."""

    def given(self, tensor: Given) -> T:
        """A tensor that training does not change."""

    def initial(self, tensor: Trained) -> T | None:
        """W_0, or None for a parameter that starts at zero."""

    def transposed(self, node: Transposed, label: Label, term: T) -> T:
        """The term with its axes reversed."""

    def scaled(self, node: Scaled, label: Label, term: T) -> T:
        """The term times the scalar of the node."""

    def contracted(self, node: Contraction, label: Label, left: T, right: T) -> T:
        """The sum over the node's axis of the product of two terms."""

    def entrywise(self, node: Entrywise, label: Label, left: T, right: T) -> T:
        """The entry-by-entry product of two terms."""

    def added(self, node: Expression, label: Label, left: T, right: T) -> T:
        """The sum of two terms that carry the same label."""

    def pointwise(self, node: Pointwise, argument: FormalSum[T]) -> FormalSum[T]:
        """A scalar function of a whole sum; keeps what it makes of the initial parts apart from the rest."""

    def change(self, tensor: Trained, gradient: FormalSum[T], t: int) -> T | None:
        """The change -eta_W g_W of step t, or None where the gradient is identically zero."""

    def accumulated(self, tensor: Trained, so_far: T | None, change: T) -> T:
        """The sum of the updates of a parameter, with this step's change added."""


State = Mapping[str, FormalSum[T]]
"""The value of each trained tensor, by name."""


@dataclass(frozen=True, slots=True)
class Step(Generic[T]):
    """One training step: the state it starts from, the changes it makes, the state it leaves, what is looked at."""

    t: int
    before: State[T]
    changes: State[T]
    after: State[T]
    quantities: Mapping[str, FormalSum[T]]


def initial_state(program: Program, reading: Reading[T]) -> State[T]:
    """The parameters before step 1."""
    return {
        tensor.name: _labelled(Part(tensor.name, Kind.INITIAL), reading.initial(tensor))
        for tensor in program.parameters
    }


def training_step(program: Program, reading: Reading[T], before: State[T], t: int) -> Step[T]:
    """Step t from the state `before`: every gradient is taken there, then every parameter moves."""
    environment: dict[Moment, State[T]] = {Moment.PREVIOUS: before}
    evaluator = _Evaluator(reading, environment)
    changes: dict[str, FormalSum[T]] = {}
    after: dict[str, FormalSum[T]] = dict(before)
    for tensor in program.parameters:
        gradient: FormalSum[T] = evaluator.value(program.gradients[tensor]) if tensor.is_trained else FormalSum()
        change = reading.change(tensor, gradient, t)
        changes[tensor.name] = _labelled(Part(tensor.name, Kind.CHANGE), change)
        if change is not None:
            after[tensor.name] = _moved(reading, tensor, before[tensor.name], change)
    environment |= {Moment.CHANGE: changes, Moment.CURRENT: after}
    quantities = {name: evaluator.value(expression) for name, expression in program.quantities.items()}
    return Step(t, before, changes, after, quantities)


def training(program: Program, reading: Reading[T]) -> Iterator[Step[T]]:
    """The steps of a run, without end."""
    state, t = initial_state(program, reading), 1
    while True:
        step = training_step(program, reading, state, t)
        yield step
        state, t = step.after, t + 1


def _labelled(part: Part, term: T | None) -> FormalSum[T]:
    return FormalSum() if term is None else FormalSum((((part,), term),))


def _moved(reading: Reading[T], tensor: Trained, value: FormalSum[T], change: T) -> FormalSum[T]:
    label = (Part(tensor.name, Kind.UPDATE),)
    updates = reading.accumulated(tensor, value.get(label), change)
    kept = tuple(term for term in value.terms if term[0] != label)
    return FormalSum((*kept, (label, updates)))


class _Evaluator(Generic[T]):
    """Evaluates expressions of one step; a node met twice is evaluated once."""

    def __init__(self, reading: Reading[T], environment: Mapping[Moment, State[T]]) -> None:
        self.reading = reading
        self.environment = environment
        self.known: dict[int, FormalSum[T]] = {}

    def value(self, node: Expression) -> FormalSum[T]:
        """The value of a node; the program holds the node, so its identity is a safe key for the length of a step."""
        if id(node) not in self.known:
            self.known[id(node)] = self._computed(node)
        return self.known[id(node)]

    def _computed(self, node: Expression) -> FormalSum[T]:
        reading = self.reading
        match node:
            case Given():
                return FormalSum((((), reading.given(node)),))
            case Trained():
                return self.environment[Moment.PREVIOUS][node.name]
            case At(tensor, moment):
                return self.environment[moment][tensor.name]
            case Named(_, operand):
                return self.value(operand)
            case Transposed(operand):
                return self.value(operand).mapped(lambda label, term: reading.transposed(node, label, term))
            case Scaled(_, _, operand):
                return self.value(operand).mapped(lambda label, term: reading.scaled(node, label, term))
            case Contraction(left, right):
                return self.value(left).multiplied(
                    self.value(right), lambda label, x, y: reading.contracted(node, label, x, y)
                )
            case Entrywise(left, right):
                return self.value(left).multiplied(
                    self.value(right), lambda label, x, y: reading.entrywise(node, label, x, y)
                )
            case Sum(summands):
                values = [self.value(summand) for summand in summands]
                return reduce(lambda x, y: x.added(y, lambda label, a, b: reading.added(node, label, a, b)), values)
            case Pointwise():
                return reading.pointwise(node, self.value(node.operand))
        raise TypeError(f"no reading of {type(node).__name__}")

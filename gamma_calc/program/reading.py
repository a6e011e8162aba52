"""Readings: how one program is run in several senses, and the training loop they share.

A reading says what a single term is and how terms combine; the loop, the equations and the bookkeeping of terms are
written here once. `calculus` reads in exponents, `simulation` in torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Generic, Protocol, TypeAlias, TypeVar

from gamma_calc.program.axes import Axis
from gamma_calc.program.differences import before_step
from gamma_calc.program.expressions import (
    At,
    Contraction,
    Entrywise,
    Expression,
    Given,
    Map,
    MapChange,
    Merged,
    Moment,
    Movement,
    Named,
    Renamed,
    Scaled,
    Split,
    Stopped,
    Sum,
    Trained,
    Transposed,
    operands_first,
)
from gamma_calc.program.optimizers import Update
from gamma_calc.program.program import Program
from gamma_calc.program.terms import DECAYS, FormalSum, Kind, Label, Part, is_initial
from gamma_calc.program.update_expressions import Count, Kept, Larger, Memory, Norm, Scalar
from gamma_calc.program.wholes import nodes_as_wholes

MOST_PAIRS = 4
"""Pairs of terms that a product has term by term where only the whole is asked for: it reads well, and costs little."""

T = TypeVar("T")

MOVES: Mapping[Kind, tuple[Kind, ...]] = {
    Kind.INITIAL: (Kind.INITIAL_DECAY,),
    Kind.UPDATE: (Kind.UPDATE_DECAY, Kind.CHANGE),
}
"""Which changes of a step go to which part of a tensor."""


Beside: TypeAlias = Sequence[tuple[Trained, FormalSum[T]]]
"""Blocks of a matrix, each with a value of its shape."""


class Reading(Protocol[T]):
    """What a term is in one sense of the program. Each method handles one term, except where a map is not linear."""

    def given(self, tensor: Given) -> T:
        """A tensor that training does not change."""

    def initial(self, tensor: Trained) -> T | None:
        """W_0, or None for a parameter that starts at zero."""

    def moved(self, node: Movement, term: T) -> T:
        """The term with its axes as an operation that moves no number in relation to others has them."""

    def arranged(self, old: tuple[Axis, ...], new: tuple[Axis, ...], term: T) -> T:
        """The term with its axes written in another order."""

    def scaled(self, node: Scaled, label: Label, term: T) -> T:
        """The term times the scalar of the node."""

    def contracted(self, node: Contraction, label: Label, left: T, right: T) -> T:
        """The sum over the node's axis of the product of two terms."""

    def entrywise(self, node: Entrywise, label: Label, left: T, right: T) -> T:
        """The entry-by-entry product of two terms."""

    def added(self, node: Expression, label: Label, left: T, right: T) -> T:
        """The sum of two terms that carry the same label."""

    def collected(self, node: Expression, label: Label, terms: Sequence[T]) -> T:
        """The sum of the terms that a cut, a memory or a whole brings together under one label."""

    def say_as_much_together(self, terms: Sequence[T]) -> bool:
        """Whether the sum of some terms says all that they say one by one."""

    def mapped(self, node: Map, argument: FormalSum[T]) -> FormalSum[T]:
        """A function of a whole sum; where it keeps parts, what it makes of the initial ones is apart from the rest."""

    def map_change(self, node: MapChange, argument: FormalSum[T], change: FormalSum[T]) -> T:
        """What a change of its argument, which is not zero, makes of a map."""

    def scalar(self, node: Scalar) -> T:
        """A number."""

    def count(self, node: Count, tensor: FormalSum[T]) -> T:
        """The number of coordinates of an axis of a whole sum that is not zero, to the node's power."""

    def norm(self, node: Norm, tensors: Sequence[FormalSum[T]]) -> T | None:
        """The Frobenius norm of whole sums, or None where all are identically zero."""

    def larger(self, node: Larger, left: T, right: T) -> T:
        """The larger of two scalars."""

    def change(
        self, tensor: Trained, direction: FormalSum[T], factor: T | None, t: int, beside: Beside[T] = ()
    ) -> T | None:
        """The change -eta_W c g_W of step t, or None where the direction that g_W is made from is identically zero.

        `factor` is the scalar c, None where the update rule has none; `beside` are the directions of other blocks of
        the matrix that g_W is a block of.
        """

    def decayed(self, tensor: Trained, part: Part, *terms: T) -> T:
        """The change -eta_W lambda of a part of a parameter, or of it and its start; `part` is the change's own."""

    def accumulated(self, tensor: Trained, part: Part, terms: tuple[T, ...]) -> T:
        """A part of a parameter after the step: the sum of what it was, of its decay and of what the step adds."""


State = Mapping[str, FormalSum[T]]
"""The value of each trained tensor, by name, and of what an update rule keeps of it, by the text of that part."""


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
        tensor.name: _sum_of((Part(tensor.name, Kind.INITIAL),), reading.initial(tensor))
        for tensor in program.parameters
    }


def training_step(program: Program, reading: Reading[T], before: State[T], t: int) -> Step[T]:
    """Step t from the state `before`: every gradient is taken there, then every parameter moves."""
    environment: dict[Moment, State[T]] = {Moment.PREVIOUS: before}
    evaluator = _Evaluator(reading, environment, nodes_as_wholes(program))
    changes: dict[str, FormalSum[T]] = {}
    after: dict[str, FormalSum[T]] = dict(before)
    updates = program.updates
    for tensor in program.parameters:
        update = updates.get(tensor)
        for kept in () if update is None else update.memories:
            after[str(kept.memory.part)] = evaluator.arranged(kept, tensor.axes)
        step = _sum_of((Part(tensor.name, Kind.CHANGE),), _stepped(reading, evaluator, tensor, update, t))
        value = before[tensor.name]
        changes[tensor.name] = FormalSum((*step.terms, *_decays(reading, evaluator, tensor, value)))
        after[tensor.name] = _moved(reading, tensor, value, changes[tensor.name])
    environment |= {Moment.CHANGE: changes, Moment.CURRENT: after}
    quantities = {name: evaluator.value(expression) for name, expression in program.quantities.items()}
    return Step(t, before, changes, after, quantities)


def initial_value(program: Program, reading: Reading[T], quantity: str) -> FormalSum[T]:
    """A quantity that is there after a step, before the first one."""
    evaluator = _Evaluator(reading, {Moment.PREVIOUS: initial_state(program, reading)}, frozenset())
    return evaluator.value(before_step(program.quantities[quantity]))


def training(program: Program, reading: Reading[T]) -> Iterator[Step[T]]:
    """The steps of a run, without end."""
    state, t = initial_state(program, reading), 1
    while True:
        step = training_step(program, reading, state, t)
        yield step
        state, t = step.after, t + 1


def _sum_of(label: Label, term: T | None) -> FormalSum[T]:
    """A sum of one term, or of none."""
    return FormalSum() if term is None else FormalSum(((label, term),))


def _stepped(reading: Reading[T], evaluator: _Evaluator[T], tensor: Trained, update: Update | None, t: int) -> T | None:
    """What the update rule changes of a tensor; nothing where its direction or the scalar in front is zero."""
    if update is None:
        return reading.change(tensor, FormalSum(), None, t)
    direction = evaluator.arranged(update.direction, tensor.axes)
    if direction.is_zero:
        return reading.change(tensor, direction, None, t)
    factor = None if update.factor is None else evaluator.whole(update.factor)
    if update.factor is not None and factor is None:
        return reading.change(tensor, FormalSum(), None, t)
    beside = tuple((each, evaluator.arranged(other, each.axes)) for each, other in update.beside)
    return reading.change(tensor, direction, factor, t, beside)


def _decays(
    reading: Reading[T], evaluator: _Evaluator[T], tensor: Trained, value: FormalSum[T]
) -> Iterator[tuple[Label, T]]:
    """What weight decay changes of the initial part, and of the updates and the data that stand beside them."""
    if not tensor.has_decay:
        return
    parts = {part.kind: [term] for (part,), term in value}
    if tensor.start is not None and (start := evaluator.whole(tensor.start)) is not None:
        parts.setdefault(Kind.UPDATE, []).append(start)
    for kind, terms in parts.items():
        decay = Part(tensor.name, DECAYS[kind])
        yield (decay,), reading.decayed(tensor, decay, *terms)


def _moved(reading: Reading[T], tensor: Trained, value: FormalSum[T], change: FormalSum[T]) -> FormalSum[T]:
    """The parts after the step; a part that nothing moves stays as it is."""
    found: list[tuple[Label, T]] = []
    for kind, moves in MOVES.items():
        label = (Part(tensor.name, kind),)
        before = value.get(label)
        moved = [change.get((Part(tensor.name, move),)) for move in moves]
        terms = tuple(term for term in (before, *moved) if term is not None)
        is_moved = any(term is not None for term in moved)
        if terms:
            found.append((label, reading.accumulated(tensor, label[0], terms) if is_moved else terms[0]))
    return FormalSum(tuple(found))


class _Evaluator(Generic[T]):
    """Evaluates expressions of one step; a node met twice is evaluated once.

    A product of many pairs of terms takes its factors as wholes where it is one of `wholes`, and they say as much.
    """

    def __init__(
        self, reading: Reading[T], environment: Mapping[Moment, State[T]], wholes: frozenset[Expression]
    ) -> None:
        self.reading = reading
        self.environment = environment
        self.wholes = wholes
        self.known: dict[Expression, FormalSum[T]] = {}
        self._whole: dict[Expression, FormalSum[T]] = {}

    def value(self, node: Expression) -> FormalSum[T]:
        """The value of a node."""
        for each in operands_first(node, known=self.known):
            self.known[each] = self._computed(each)
        return self.known[node]

    def arranged(self, node: Expression, axes: tuple[Axis, ...]) -> FormalSum[T]:
        """The value of a node with its axes in a given order."""
        value = self.value(node)
        if node.axes == axes:
            return value
        return value.mapped(lambda label, term: self.reading.arranged(node.axes, axes, term))

    def _computed(self, node: Expression) -> FormalSum[T]:
        reading = self.reading
        match node:
            case Given():
                return FormalSum((((), reading.given(node)),))
            case Trained():
                return self.environment[Moment.PREVIOUS][node.name]
            case At(tensor, moment):
                return self.environment[moment][tensor.name]
            case Named(_, operand, is_cut):
                return self._cut(node) if is_cut else self.value(operand)
            case Stopped() | Transposed() | Renamed() | Split() | Merged() | Scaled():
                return self._term_by_term(node, self.value(node.operand))
            case Contraction():
                left, right = self._factors(node)
                return left.multiplied(right, lambda label, x, y: reading.contracted(node, label, x, y))
            case Entrywise():
                left, right = self._factors(node)
                return left.multiplied(right, lambda label, x, y: reading.entrywise(node, label, x, y))
            case Sum(summands):
                values = [self.arranged(summand, node.axes) for summand in summands]
                return reduce(lambda x, y: x.added(y, lambda label, a, b: reading.added(node, label, a, b)), values)
            case Map():
                value = self.value(node.operand)
                return FormalSum() if value.is_zero and node.is_zero_at_zero else reading.mapped(node, value)
            case MapChange():
                change = self.arranged(node.change, node.argument.axes)
                if change.is_zero:
                    return FormalSum()
                return FormalSum(((node.label, reading.map_change(node, self.value(node.argument), change)),))
            case Memory():
                return self.environment[Moment.PREVIOUS].get(str(node.part), FormalSum())
            case Kept(memory, operand):
                return self._collected(node, (memory.part,), self.value(operand))
            case Scalar() | Count() | Norm() | Larger():
                return _sum_of((), self._scalar(node))
        raise TypeError(f"no reading of {type(node).__name__}")

    def _term_by_term(self, node: Expression, operand: FormalSum[T]) -> FormalSum[T]:
        """What an operation that acts on each term alone makes of the value of its operand."""
        reading = self.reading
        match node:
            case Transposed() | Renamed() | Split() | Merged():
                return operand.mapped(lambda label, term: reading.moved(node, term))
            case Scaled():
                return operand.mapped(lambda label, term: reading.scaled(node, label, term))
        return operand

    def _factors(self, node: Contraction | Entrywise) -> tuple[FormalSum[T], FormalSum[T]]:
        left, right = self.value(node.left), self.value(node.right)
        if len(left.terms) * len(right.terms) > MOST_PAIRS and self._is_asked_as_a_whole(node, left, right):
            return self._as_a_whole(node.left), self._as_a_whole(node.right)
        return left, right

    def _is_asked_as_a_whole(self, node: Expression, *values: FormalSum[T]) -> bool:
        """Whether nothing asks for single terms of a node, and wholes of the values that it is made from say all."""
        return node in self.wholes and all(
            self.reading.say_as_much_together([term for _, term in value]) for value in values
        )

    def _as_a_whole(self, node: Expression) -> FormalSum[T]:
        """A value as a sum of one term; what acts on each term alone acts on that."""
        if node not in self._whole:
            match node:
                case Named(_, operand, False):
                    self._whole[node] = self._as_a_whole(operand)
                case Stopped() | Transposed() | Renamed() | Split() | Merged() | Scaled():
                    self._whole[node] = self._term_by_term(node, self._as_a_whole(node.operand))
                case _:
                    self._whole[node] = _sum_of((), self.whole(node))
        return self._whole[node]

    def whole(self, node: Expression) -> T | None:
        """A value as one term, or None where it is zero."""
        terms = [term for _, term in self.value(node)]
        return terms[0] if len(terms) == 1 else self.reading.collected(node, (), terms) if terms else None

    def _collected(self, node: Expression, label: Label, value: FormalSum[T]) -> FormalSum[T]:
        """The terms of a value as one term of a node."""
        terms = [term for _, term in value]
        return _sum_of(label, self.reading.collected(node, label, terms) if terms else None)

    def _scalar(self, node: Scalar | Count | Norm | Larger) -> T | None:
        match node:
            case Scalar():
                return self.reading.scalar(node)
            case Count(tensor):
                value = self.value(tensor)
                return None if value.is_zero else self.reading.count(node, value)
            case Norm(tensors):
                return self.reading.norm(node, [self.value(tensor) for tensor in tensors])
            case Larger(left, right):
                one, other = self.whole(left), self.whole(right)
                return one if other is None else other if one is None else self.reading.larger(node, one, other)

    def _cut(self, node: Named) -> FormalSum[T]:
        """The terms of a value brought together: the initial one, and the change; or all as one."""
        value = self.value(node.operand)
        if self._is_asked_as_a_whole(node, value):
            return self._collected(node, (), value)
        kinds: dict[Kind, list[T]] = {}
        for label, term in value:
            kinds.setdefault(Kind.INITIAL if is_initial(label) else Kind.UPDATE, []).append(term)
        parts = {(node.part(kind),): terms for kind, terms in kinds.items()}
        return FormalSum(tuple((label, self.reading.collected(node, label, terms)) for label, terms in parts.items()))

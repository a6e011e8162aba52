"""Reading a program in exponents: each operation of the program becomes the application of a rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gamma_calc.algebra import VANISHING, Affine, Exponent, Polyhedron
from gamma_calc.calculus.assumptions import NEGLIGIBLE_EPSILON
from gamma_calc.calculus.components import Component, Term, say_as_much_together, total
from gamma_calc.calculus.maps import (
    ABSOLUTE_VALUE,
    ABSOLUTE_VALUE_CHANGE,
    BOUNDED,
    CURVED,
    CURVED_CHANGE,
    CURVED_SLOPE,
    HOMOGENEOUS,
    INVERSE_RMS,
    INVERSE_RMS_CHANGE,
    MAP_CHANGE,
    POWER,
    POWER_CHANGE,
    SATURATING,
    SATURATING_CHANGE,
    SATURATING_SLOPE,
    SIGN,
    SOFTMAX,
    SOFTMAX_CHANGE,
    SOFTMAX_SLOPE,
    uniform,
    vanishes,
)
from gamma_calc.calculus.policy import CALCULUS, Policy, Summation, summations
from gamma_calc.calculus.provenance import DEPTH, FEW, MOST_APART, Provenance, Random, past
from gamma_calc.calculus.rulebook import rulebook
from gamma_calc.calculus.rules import CHANGE, GIVEN, SCALE, ZERO, Rule, may_cancel, summed_pairs
from gamma_calc.calculus.size import Size
from gamma_calc.calculus.trace import Trace, TraceSubject
from gamma_calc.calculus.update_rules import COUNT, DECAY, GIVEN_NUMBER, LARGER, NORM, RAW_STEP, scaled_step
from gamma_calc.errors import Unknown
from gamma_calc.program.axes import Axis
from gamma_calc.program.dependence import met_axes
from gamma_calc.program.expressions import (
    At,
    Contraction,
    Entrywise,
    Expression,
    Given,
    InverseRms,
    Map,
    MapChange,
    Moment,
    Movement,
    Pointwise,
    PowerOf,
    Scaled,
    Softmax,
    Trained,
    renaming,
)
from gamma_calc.program.optimizers import Factored, Moments, Orthogonalised, Raw
from gamma_calc.program.program import Program
from gamma_calc.program.rank import growing_rank
from gamma_calc.program.reading import Beside, State
from gamma_calc.program.terms import FormalSum, Kind, Label, Part, is_initial
from gamma_calc.program.update_expressions import Count, Larger, Norm, Scalar, running_mean


class ExponentReading:
    """The reading of a program in exponents on a domain of its free exponents.

    A term is a tuple of components. Every conclusion goes through the trace.
    """

    def __init__(
        self, program: Program, domain: Polyhedron, policy: Policy = CALCULUS, apart: int = MOST_APART
    ) -> None:
        self.step, self.updates = program.optimizer.step, program.updates
        self.has_epsilon = any(tensor.epsilon is not None for tensor in program.parameters)
        self.met = met_axes(program)
        self.is_open, self.apart, self.depth = _is_open(program, domain), apart, _depth(program)
        self.domain = domain
        self.policy = policy
        self.rules = rulebook(policy)
        self.trace = Trace()
        self.means: dict[tuple[Trained, int], Term] = {}
        self.t = 0

    @property
    def is_scale_invariant(self) -> bool:
        """Whether a gradient c times as large makes the same step."""
        return not (self.step.degree or self.has_epsilon or NEGLIGIBLE_EPSILON in self.policy.without)

    def given(self, tensor: Given) -> Term:
        """Data; nothing random that the program knows of."""
        return self._concluded(GIVEN, tensor, (), self._exponent(tensor.exponent))

    def initial(self, tensor: Trained) -> Term | None:
        """W_0: a fresh random tensor, or zero."""
        if tensor.initial is None:
            self._concluded(ZERO, tensor, (Part(tensor.name, Kind.INITIAL),), VANISHING)
            return None
        itself = Random(tensor.name, tensor.axes, self.met[tensor.name], self.is_open, self.apart, self.depth)
        source = Provenance.of(itself)
        label = (Part(tensor.name, Kind.INITIAL),)
        return self._concluded(self.rules.initial, tensor, label, self._exponent(tensor.initial), source)

    def moved(self, node: Movement, term: Term) -> Term:
        """Axes have names: what belonged to one belongs to it under its new name, or to the part of it that grows."""
        names = renaming(node)
        return term if names is None else tuple(Component(each.size, each.provenance.renamed(*names)) for each in term)

    def arranged(self, old: tuple[Axis, ...], new: tuple[Axis, ...], term: Term) -> Term:
        """Nothing changes."""
        return term

    def scaled(self, node: Scaled, label: Label, term: Term) -> Term:
        """A scalar adds its exponent; a scalar n^0 is not worth a line."""
        if node.exponent == Affine.of(0):
            return term
        return self._concluded(SCALE, node, label, self._exponent(node.exponent), term)

    def contracted(self, node: Contraction, label: Label, left: Term, right: Term) -> Term:
        """One rule application a part of the sum of pairs of components, as their provenance calls for."""
        subject, rules, parts = TraceSubject(node, label, self.t), self.rules.contractions, list[Component]()
        known = set[tuple[Size, Size, Summation]]()  # another pair of these sizes leaves the same
        for x, y in summed_pairs(left, right, node.over, self.policy):
            for part in summations(x.provenance, y.provenance, node.over):
                if (place := (x.size, y.size, part)) not in known:
                    known.add(place)
                    parts += self.trace.concluded(rules[part.kind], subject, x, y, part, self.policy)
        return self.rules.gathered(parts)

    def entrywise(self, node: Entrywise, label: Label, left: Term, right: Term) -> Term:
        """Exponents add."""
        return self._concluded(self.rules.product, node, label, left, right)

    def added(self, node: Expression, label: Label, left: Term, right: Term) -> Term:
        """The larger exponent leads."""
        return self._concluded(self.rules.sum, node, label, left, right)

    def collected(self, node: Expression, label: Label, terms: Sequence[Term]) -> Term:
        """The largest exponent leads."""
        return self._concluded(self.rules.sum, node, label, *terms)

    def say_as_much_together(self, terms: Sequence[Term]) -> bool:
        """Whether there are so few components of each parity that none is merely bounded with others."""
        return say_as_much_together(terms)

    def mapped(self, node: Map, argument: FormalSum[Term]) -> FormalSum[Term]:
        """What the map makes of the whole, or of the initial parts, and the change that the updates bring to that."""
        if not (isinstance(node, Pointwise) and node.keeps_parts):
            return FormalSum((((), self._of_map(node, (), self._whole(argument))),))
        first, second = (node.part(Kind.INITIAL),), (node.part(Kind.UPDATE),)
        initial, updates = self._whole(argument, is_initial), self._whole(argument, _is_update)
        if not initial:
            return FormalSum(((second, self._of_map(node, second, updates)),) if updates else ())
        start = (first, self._of_map(node, first, initial, updates))
        return FormalSum((start, (second, self._moved(node, node, second, initial, updates))) if updates else (start,))

    def _moved(self, node: Expression, function: Pointwise, label: Label, argument: Term, change: Term) -> Term:
        """How a change of its argument changes a pointwise map."""
        if function.is_curved and vanishes(argument, change):
            rule = CURVED_CHANGE
        else:
            homogeneous = ABSOLUTE_VALUE_CHANGE if function.is_absolute_value else MAP_CHANGE
            rule = SATURATING_CHANGE if function.is_saturating else homogeneous
        return self._concluded(self.rules.of_map(rule), node, label, argument, change)

    def _of_map(self, node: Map, label: Label, argument: Term, change: Term = ()) -> Term:
        match node:
            case Pointwise(is_curved=True) if vanishes(argument):
                rule = CURVED_SLOPE if node.is_bounded else CURVED
                return self._concluded(self.rules.of_map(rule), node, label, argument)
            case Pointwise(is_bounded=True):
                jump = SIGN if node.is_absolute_value else BOUNDED
                rule = self.rules.of_map(SATURATING_SLOPE if node.is_saturating else jump)
                return self._concluded(rule, node, label, argument)
            case Pointwise(is_saturating=True):
                beside = (change,) if change else ()
                return self._concluded(self.rules.of_map(SATURATING), node, label, argument, *beside)
            case Pointwise():
                rule = self.rules.of_map(ABSOLUTE_VALUE if node.is_absolute_value else HOMOGENEOUS)
                return self._concluded(rule, node, label, argument)
            case Softmax(_, axis, is_slope):
                rule = self.rules.of_map(SOFTMAX_SLOPE if is_slope and not self.is_scale_invariant else SOFTMAX)
                return self._concluded(rule, node, label, uniform(axis), argument)
        if not argument:
            raise Unknown(f"{node.word} of what is zero: no exponent says how large that is")
        match node:
            case InverseRms(_, axis):
                return self._concluded(self.rules.of_map(INVERSE_RMS), node, label, argument, axis, self.policy)
            case PowerOf(_, degree):
                return self._concluded(self.rules.of_map(POWER), node, label, argument, degree)
        raise TypeError(f"no rule for {type(node).__name__}")

    def map_change(self, node: MapChange, argument: FormalSum[Term], change: FormalSum[Term]) -> Term:
        """What a change of the argument makes of the map."""
        premises, label = (self._whole(argument), self._whole(change)), node.label
        match node.map:
            case Pointwise():
                return self._moved(node, node.map, label, *premises)
            case Softmax(_, axis):
                return self._concluded(self.rules.of_map(SOFTMAX_CHANGE), node, label, uniform(axis), *premises)
        if argument.is_zero and not node.map.is_zero_at_zero:
            raise Unknown(f"{node.map.word} of what is zero: no exponent says how large its change is")
        match node.map:
            case InverseRms(_, axis):
                return self._concluded(self.rules.of_map(INVERSE_RMS_CHANGE), node, label, *premises, axis, self.policy)
            case PowerOf(_, degree):
                return self._concluded(self.rules.of_map(POWER_CHANGE), node, label, *premises, degree)
        raise TypeError(f"no rule for the change of {type(node.map).__name__}")

    def scalar(self, node: Scalar) -> Term:
        """A number; nothing random."""
        return self._concluded(GIVEN_NUMBER, node, (), self._exponent(node.exponent))

    def count(self, node: Count, tensor: FormalSum[Term]) -> Term:
        """A power of the width."""
        return self._concluded(COUNT, node, (), self._exponent(node.axis.size * node.power))

    def norm(self, node: Norm, tensors: Sequence[FormalSum[Term]]) -> Term | None:
        """As large as the entries, times the root of how many there are."""
        found = [
            premise
            for tensor, value in zip(node.tensors, tensors, strict=True)
            if not value.is_zero
            for premise in (self._whole(value), self._exponent(_half(tensor.axes)))
        ]
        return self._concluded(NORM, node, (), *found) if found else None

    def larger(self, node: Larger, left: Term, right: Term) -> Term:
        """The larger exponent."""
        return self._concluded(LARGER, node, (), left, right)

    def change(
        self, tensor: Trained, direction: FormalSum[Term], factor: Term | None, t: int, beside: Beside[Term] = ()
    ) -> Term | None:
        """The update rule's conclusion from the whole direction."""
        subject, label = At(tensor, Moment.CHANGE), (Part(tensor.name, Kind.CHANGE),)
        if direction.is_zero:
            self._concluded(ZERO, subject, label, VANISHING)
            return None
        rate = self._exponent(tensor.learning_rate)
        rivals = tuple(self._rival(tensor, *each) for each in beside if not each[1].is_zero)
        rule, whole, *premises = self._rule(tensor, _past(self._whole(direction)), t, rivals)
        if factor is not None:
            return self._concluded(scaled_step(rule), subject, label, total(factor), rate, whole, *premises)
        return self._concluded(rule, subject, label, rate, whole, *premises)

    def _rival(self, tensor: Trained, block: Trained, direction: FormalSum[Term]) -> Component:
        """The entries of a block of the same norm as another one's."""
        size = total(self._whole(direction)) + Size.exactly(self._exponent(_half(block.axes) - _half(tensor.axes)))
        return Component(size, Provenance())

    def _rule(self, tensor: Trained, direction: Term, t: int, rivals: Term) -> tuple[Rule, Term, *tuple[object, ...]]:
        """The rule of a step, the direction that it takes, and what it needs beside that and the rate."""
        has_parities = len(direction) > 1
        match self.step:
            case Moments() | Factored() as step:
                epsilon = () if tensor.epsilon is None else GIVEN_NUMBER.conclude(self._exponent(tensor.epsilon))
                larger = self._larger_before(tensor, direction, t) if step.has_memory else ()
                if larger:
                    return self._after_larger(step, tensor, direction, larger, epsilon)
                rule = self.rules.normalised_step(step, has_parities=has_parities, has_epsilon=bool(epsilon))
                return rule, direction, *((epsilon,) if epsilon else ())
            case Raw():
                return RAW_STEP, direction
            case Orthogonalised():
                _check_rank(tensor, self.updates[tensor].direction)
                spread = self._exponent(-_half(tensor.axes))
                rule = self.rules.orthogonalised_step(has_parities=has_parities, has_blocks=bool(rivals))
                return rule, direction, spread, *((rivals,) if rivals else ())
            case unknown:
                raise TypeError(f"no rule for a step of the kind {type(unknown).__name__}")

    def _larger_before(self, tensor: Trained, gradient: Term, t: int) -> Term:
        """What running means hold of earlier gradients, where these are surely larger than the newest one."""
        before = self.means.get((tensor, t - 1), ())
        is_smaller = bool(before) and total(before).lower.is_above(total(gradient).upper)
        self.means[tensor, t] = self.rules.gathered((*before, *gradient)) if is_smaller else gradient
        return before if is_smaller else ()

    def _after_larger(
        self, step: Moments | Factored, tensor: Trained, direction: Term, larger: Term, epsilon: Term
    ) -> tuple[Rule, Term, *tuple[object, ...]]:
        """The step after larger gradients: along the mean of all with a momentum, else divided by theirs."""
        if step.has_momentum:
            mean = running_mean(tensor, self.updates[tensor].direction)
            direction, rivals = self._concluded(self.rules.sum, mean, (mean.memory.part,), larger, direction), epsilon
        else:
            rivals = (*epsilon, *larger)
        rule = self.rules.normalised_step(
            step, has_parities=len(direction) > 1, has_epsilon=bool(epsilon), is_after_larger=True
        )
        return rule, direction, rivals

    def decayed(self, tensor: Trained, part: Part, *terms: Term) -> Term:
        """A multiple of the part: as fresh as it is, and of its parities."""
        assert tensor.decay is not None  # a step asks where there is one
        rate, decay = self._exponent(tensor.learning_rate), self._exponent(tensor.decay)
        term = terms[0] if len(terms) == 1 else self.rules.gathered(each for term in terms for each in term)
        return self._concluded(DECAY, At(tensor, Moment.CHANGE), (part,), rate, decay, term)

    def accumulated(self, tensor: Trained, part: Part, terms: tuple[Term, ...]) -> Term:
        """What several steps make of a part adds up without cancelling."""
        return self._concluded(self.rules.sum, At(tensor, Moment.CURRENT), (part,), *terms)

    def recalled(self, state: State[Term]) -> State[Term]:
        """The state as far as later steps can tell.

        A step of degree 0 does not feel how large a memory of one parity is, whose size goes into nothing else; with an
        epsilon that is not negligible it may.
        """
        if not self.is_scale_invariant:
            return state
        return {name: value.mapped(_without_size_of_memory) for name, value in state.items()}

    def size(self, node: Expression, value: FormalSum[Term]) -> Size:
        """The exponent of a whole quantity: that of its largest term."""
        if value.is_zero:
            return total(())
        return total(self._concluded(self.rules.sum, node, (), *(term for _, term in value)))

    def change_size(self, node: Expression, value: FormalSum[Term], after: Size, before: Callable[[], Size]) -> Size:
        """The exponent of a change: of its largest term, or of what the value was and is where these are smaller.

        Where a value is replaced, as a norm or tanh replaces what has grown, terms of its change cancel. So may what is
        only bounded and what is surely there, where the value itself is not known from below.
        """
        parts = [part for _, term in value for part in term]
        size = total(parts)
        is_above = not size.upper.is_at_most(after.upper)
        is_open = not size.lower.is_at_most(after.lower) and any(may_cancel(part, size.lower) for part in parts)
        if is_above or is_open:
            start = before()
            whole = start | after
            is_above = not size.upper.is_at_most(whole.upper) and whole.upper.is_at_most(size.upper)
            is_open = is_open and not size.lower.is_at_most(whole.lower)  # where it is not known, points tell
            if is_above or is_open:
                return total(self._concluded(CHANGE, node, (), start, after, *(term for _, term in value)))
        return self.size(node, value)

    def _exponent(self, form: Affine) -> Exponent:
        return Exponent.of(form, self.domain)

    def _concluded(self, rule: Rule, expression: Expression, label: Label, *premises: object) -> Term:
        return self.trace.concluded(rule, TraceSubject(expression, label, self.t), *premises)

    def _whole(self, value: FormalSum[Term], is_wanted: Callable[[Label], bool] = lambda label: True) -> Term:
        """The components of the terms whose labels are wanted, by parity."""
        return self.rules.gathered(component for label, term in value if is_wanted(label) for component in term)


def _past(term: Term) -> Term:
    """What a step has seen, as the state that it leaves has."""
    return tuple(Component(each.size, past(each.provenance)) for each in term)


def _is_update(label: Label) -> bool:
    return not is_initial(label)


def _depth(program: Program) -> int:
    """How many sums back is remembered: in a program of few tensors, all of a chain of its frozen ones."""
    frozen = sum(not tensor.is_trained for tensor in program.parameters)
    return max(DEPTH, frozen - 1) if len(program.parameters) <= FEW else DEPTH


def _is_open(program: Program, domain: Polyhedron) -> bool:
    """Whether some initial size, rate or axis of a parameter has a free exponent left on a domain."""
    forms = (
        form
        for tensor in program.parameters
        for form in (tensor.initial, tensor.learning_rate, *(axis.size for axis in tensor.axes))
    )
    return any(domain.reduced(form).free for form in forms if form is not None)


def _check_rank(tensor: Trained, direction: Expression) -> None:
    """That what is orthogonalised has a rank that does not grow.

    Raises:
        Unknown: it may.
    """
    rows, columns = tensor.axes
    growing = growing_rank(direction, rows, columns)
    if growing and not (rows.is_fixed or columns.is_fixed):
        axes = " and ".join(f"{axis.name}, of size n^({axis.size})" for axis in growing)
        raise Unknown(f"an orthogonalised step of {tensor.name}: the rank of its gradient may grow with {axes}")


def _half(axes: tuple[Axis, ...]) -> Affine:
    """Half the exponent of the number of entries."""
    return sum((axis.size for axis in axes), Affine.of(0)) / 2


def _without_size_of_memory(label: Label, term: Term) -> Term:
    if label[-1].kind is not Kind.MEMORY or len(term) > 1:
        return term
    return tuple(Component(Size.exactly(VANISHING), component.provenance) for component in term)

"""Reading a program in exponents: each operation of the program becomes the application of a rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from gamma_calc.algebra import VANISHING, Affine, Exponent, Polyhedron
from gamma_calc.calculus.assumptions import NEGLIGIBLE_EPSILON
from gamma_calc.calculus.policy import CALCULUS, Policy, summations
from gamma_calc.calculus.provenance import Provenance, Random
from gamma_calc.calculus.rulebook import rulebook
from gamma_calc.calculus.rules import GIVEN, RAW_STEP, SCALE, ZERO, Component, Rule, Term, total, uniform
from gamma_calc.calculus.size import Size
from gamma_calc.calculus.trace import Subject, Trace
from gamma_calc.calculus.update_rules import DECAY
from gamma_calc.errors import Unknown
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import (
    At,
    Contraction,
    Entrywise,
    Expression,
    Given,
    InverseRms,
    Map,
    MapChange,
    Merged,
    Moment,
    Named,
    Pointwise,
    Power,
    Renamed,
    Scaled,
    Softmax,
    Split,
    Trained,
    Transposed,
)
from gamma_calc.program.optimizers import Moments, Optimizer, Raw
from gamma_calc.program.reading import State
from gamma_calc.program.terms import FormalSum, Kind, Label, Part, is_initial

PARTS_OF_A_MAP: Mapping[Kind, Callable[[Label], bool]] = {
    Kind.INITIAL: is_initial,
    Kind.UPDATE: lambda label: not is_initial(label),
}
"""A map of a sum has two parts: what it makes of the initial terms, and the change that the others bring."""


class ExponentReading:
    """The reading of a program in exponents on a domain of its free exponents.

    A term is a tuple of components, one a parity. Every conclusion goes through the trace.
    """

    def __init__(self, optimizer: Optimizer, domain: Polyhedron, policy: Policy = CALCULUS) -> None:
        self.optimizer = optimizer
        self.domain = domain
        self.policy = policy
        self.rules = rulebook(policy)
        self.trace = Trace()
        self.t = 0

    def given(self, tensor: Given) -> Term:
        """Data; nothing random that the program knows of."""
        return self._concluded(GIVEN, tensor, (), self._exponent(tensor.exponent))

    def initial(self, tensor: Trained) -> Term | None:
        """W_0: a fresh random tensor, or zero."""
        if tensor.initial is None:
            self._concluded(ZERO, tensor, (Part(tensor.name, Kind.INITIAL),), VANISHING)
            return None
        source = Provenance.of(Random(tensor.name, tensor.axes))
        label = (Part(tensor.name, Kind.INITIAL),)
        return self._concluded(self.rules.initial, tensor, label, self._exponent(tensor.initial), source)

    def transposed(self, node: Transposed, label: Label, term: Term) -> Term:
        """Axes have names, so nothing changes."""
        return term

    def arranged(self, old: tuple[Axis, ...], new: tuple[Axis, ...], term: Term) -> Term:
        """Axes have names, so nothing changes."""
        return term

    def renamed(self, node: Renamed, label: Label, term: Term) -> Term:
        """What belonged to the axis belongs to it under its new name."""
        return tuple(replace(each, provenance=each.provenance.renamed(node.old, node.new)) for each in term)

    def split(self, node: Split, label: Label, term: Term) -> Term:
        """A fixed number of coordinates changes nothing, so the other part is the axis under another name."""
        return tuple(replace(each, provenance=each.provenance.renamed(node.axis, node.growing)) for each in term)

    def merged(self, node: Merged, label: Label, term: Term) -> Term:
        """As of a split, backwards."""
        return tuple(replace(each, provenance=each.provenance.renamed(node.growing, node.axis)) for each in term)

    def scaled(self, node: Scaled, label: Label, term: Term) -> Term:
        """A scalar adds its exponent; a scalar n^0 is not worth a line."""
        if node.exponent == Affine.of(0):
            return term
        return self._concluded(SCALE, node, label, self._exponent(node.exponent), term)

    def contracted(self, node: Contraction, label: Label, left: Term, right: Term) -> Term:
        """One rule application a part of the sum of each pair of components, as their provenance calls for."""
        parts: list[Component] = []
        for x in left:
            for y in right:
                for part in summations(x.provenance, y.provenance, node.over):
                    rule = self.rules.contraction(part.kind)
                    parts.extend(self._concluded(rule, node, label, x, y, part, self.policy))
        return self.rules.gathered(parts)

    def entrywise(self, node: Entrywise, label: Label, left: Term, right: Term) -> Term:
        """Exponents add."""
        return self._concluded(self.rules.product, node, label, left, right)

    def added(self, node: Expression, label: Label, left: Term, right: Term) -> Term:
        """The larger exponent leads."""
        return self._concluded(self.rules.sum, node, label, left, right)

    def collected(self, node: Named, label: Label, terms: Sequence[Term]) -> Term:
        """The largest exponent leads."""
        return self._concluded(self.rules.sum, node, label, *terms)

    def mapped(self, node: Map, argument: FormalSum[Term]) -> FormalSum[Term]:
        """What the map makes of the whole, or of the initial parts and, as it does of them, of the updates."""
        if not node.keeps_parts:
            return FormalSum((((), self._of_map(node, (), self._whole(argument))),))
        sums = {node.part(kind): self._whole(argument, is_wanted) for kind, is_wanted in PARTS_OF_A_MAP.items()}
        parts = {(part,): self._of_map(node, (part,), whole) for part, whole in sums.items() if whole}
        return FormalSum(tuple(parts.items()))

    def _of_map(self, node: Map, label: Label, argument: Term) -> Term:
        match node:
            case Pointwise(is_bounded=True):
                return self._concluded(self.rules.bounded, node, label, argument)
            case Pointwise():
                return self._concluded(self.rules.homogeneous, node, label, argument)
            case Softmax(_, axis):
                return self._concluded(self.rules.softmax, node, label, uniform(axis), argument)
        if not argument:
            raise Unknown(f"{node.word} of what is zero: no exponent says how large that is")
        match node:
            case InverseRms(_, axis):
                return self._concluded(self.rules.inverse_rms, node, label, argument, axis)
            case Power(_, degree):
                return self._concluded(self.rules.power, node, label, argument, degree)
        raise TypeError(f"no rule for {type(node).__name__}")

    def map_change(self, node: MapChange, argument: FormalSum[Term], change: FormalSum[Term]) -> Term:
        """What a change of the argument makes of the map."""
        premises, label = (self._whole(argument), self._whole(change)), node.label
        match node.map:
            case Pointwise():
                return self._concluded(self.rules.map_change, node, label, *premises)
            case Softmax(_, axis):
                return self._concluded(self.rules.softmax_change, node, label, uniform(axis), *premises)
        if argument.is_zero:
            raise Unknown(f"{node.map.word} of what is zero: no exponent says how large its change is")
        match node.map:
            case InverseRms(_, axis):
                return self._concluded(self.rules.inverse_rms_change, node, label, *premises, axis, self.policy)
            case Power(_, degree):
                return self._concluded(self.rules.power_change, node, label, *premises, degree)
        raise TypeError(f"no rule for the change of {type(node.map).__name__}")

    def momentum(self, tensor: Trained, so_far: FormalSum[Term], gradient: FormalSum[Term]) -> Term | None:
        """The momentum rule's conclusion from the momentum so far and the whole gradient."""
        subject, label = At(tensor, Moment.CHANGE), (Part(tensor.name, Kind.MOMENTUM),)
        if so_far.is_zero and gradient.is_zero:
            return None
        assert tensor.momentum is not None  # a step asks where there is one
        premises = (self._exponent(tensor.momentum), self._whole(so_far), self._whole(gradient))
        return self._concluded(self.rules.momentum, subject, label, *premises)

    def change(self, tensor: Trained, gradient: FormalSum[Term], t: int) -> Term | None:
        """The update rule's conclusion from the whole gradient."""
        subject, label = At(tensor, Moment.CHANGE), (Part(tensor.name, Kind.CHANGE),)
        if gradient.is_zero:
            self._concluded(ZERO, subject, label, VANISHING)
            return None
        raw, rate = self._whole(gradient), self._exponent(tensor.learning_rate)
        match self.optimizer.step:
            case Moments() as step:
                rule = self.rules.normalised_step(step, has_parities=len(raw) > 1)
            case Raw():
                rule = RAW_STEP
            case unknown:
                raise TypeError(f"no rule for a step of the kind {type(unknown).__name__}")
        return self._concluded(rule, subject, label, rate, raw)

    def decayed(self, tensor: Trained, part: Part, term: Term) -> Term:
        """A multiple of the part: as fresh as it is, and of its parities."""
        assert tensor.decay is not None  # a step asks where there is one
        rate, decay = self._exponent(tensor.learning_rate), self._exponent(tensor.decay)
        return self._concluded(DECAY, At(tensor, Moment.CHANGE), (part,), rate, decay, term)

    def accumulated(self, tensor: Trained, part: Part, terms: tuple[Term, ...]) -> Term:
        """What several steps make of a part adds up without cancelling."""
        return self._concluded(self.rules.sum, At(tensor, Moment.CURRENT), (part,), *terms)

    def recalled(self, state: State[Term]) -> State[Term]:
        """The state as far as later steps can tell.

        A normalised step does not feel how large a momentum of one parity is, whose size goes into nothing else; with
        an epsilon that is not negligible it may.
        """
        if not isinstance(self.optimizer.step, Moments) or NEGLIGIBLE_EPSILON in self.policy.without:
            return state
        return {name: value.mapped(_without_size_of_momentum) for name, value in state.items()}

    def size(self, node: Expression, value: FormalSum[Term]) -> Size:
        """The exponent of a whole quantity: that of its largest term."""
        if value.is_zero:
            return total(())
        return total(self._concluded(self.rules.sum, node, (), *(term for _, term in value)))

    def _exponent(self, form: Affine) -> Exponent:
        return Exponent.of(form, self.domain)

    def _concluded(self, rule: Rule, expression: Expression, label: Label, *premises: object) -> Term:
        return self.trace.concluded(rule, Subject(expression, label, self.t), *premises)

    def _whole(self, value: FormalSum[Term], is_wanted: Callable[[Label], bool] = lambda label: True) -> Term:
        """The components of the terms whose labels are wanted, by parity."""
        return self.rules.gathered(component for label, term in value if is_wanted(label) for component in term)


def _without_size_of_momentum(label: Label, term: Term) -> Term:
    if label[-1].kind is not Kind.MOMENTUM or len(term) > 1:
        return term
    return tuple(replace(component, size=Size.exactly(VANISHING)) for component in term)

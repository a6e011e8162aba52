"""The trace as numbered lines: one a rule application, each pointing at the lines that it builds on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from gamma_calc.algebra import Exponent
from gamma_calc.calculus.assumptions import Assumption
from gamma_calc.calculus.components import Component, Term, total
from gamma_calc.calculus.policy import Policy, Summation
from gamma_calc.calculus.recursion import Trajectory
from gamma_calc.calculus.rules import PRODUCT, SCALE, SUM
from gamma_calc.calculus.size import Size
from gamma_calc.calculus.trace import Application
from gamma_calc.calculus.update_rules import RAW_STEP
from gamma_calc.derivation.notation import Notation, bare, update_latex
from gamma_calc.derivation.symbols import Times, gradient_symbol, parity_latex, part_symbol, rate_symbol
from gamma_calc.document.blocks import Cite, ExponentClaim, Line, Ref
from gamma_calc.program.expressions import (
    At,
    Entrywise,
    Expression,
    Given,
    Map,
    MapChange,
    Moment,
    Named,
    Sum,
    Trained,
    leaves,
)
from gamma_calc.program.program import Program
from gamma_calc.program.reading import MOVES
from gamma_calc.program.terms import DECAYS, Kind, Part
from gamma_calc.program.update_expressions import Kept, Larger, Memory, Norm

SETTING = 0
"""The chapter of what is given and of what training starts from."""


ADDING = (SCALE, RAW_STEP, PRODUCT)
"""Rules that add the exponents of their premises."""
BEFORE = -1
"""The time of what an earlier run has said."""


def numbered(assumptions: Iterable[Assumption]) -> list[Assumption]:
    """Assumptions in the order of their numbers, each once."""
    return sorted(set(assumptions), key=lambda assumption: assumption.number)


class ProofLines:
    """The lines of one or more runs of a program, in chapters; a line that has been said is not said again.

    Args:
        run: gives the program; its own lines come first.
    """

    def __init__(self, run: Trajectory) -> None:
        self.notation = Notation(run.program)
        self.chapters: dict[int, list[Line]] = {}
        self._numbers: dict[tuple[tuple[ExponentClaim, ...], str], str] = {}
        self._known: dict[str, tuple[int, list[str]]] = {}
        self._zeros: dict[str, str] = {}
        self._terms: defaultdict[Expression, list[str]] = defaultdict(list)
        self._t = SETTING

    def added(self, run: Trajectory, chapter_of_step_1: int = 1) -> range:
        """The chapters that a run adds, one a step; what is given goes into the chapter of the setting."""
        texts = [self.notation.subject(application.subject) for application in run.applications]
        several = _with_several_components(run.applications, texts)
        self._known = {text: (BEFORE, numbers) for text, (_, numbers) in self._known.items()}
        for application, text in zip(run.applications, texts, strict=True):
            t = application.subject.t
            if t != self._t:
                self._t = t
                self._terms.clear()
            is_given = t == 0 or isinstance(application.subject.expression, Given)
            said = claims(application, text, _direction(application, run.program), shows_parities=(t, text) in several)
            self._put(application, run, text, said, SETTING if is_given else chapter_of_step_1 + t - 1)
        return range(chapter_of_step_1, chapter_of_step_1 + len(run.steps))

    def _put(
        self, application: Application, run: Trajectory, text: str, said: tuple[ExponentClaim, ...], chapter: int
    ) -> None:
        key = (said, application.rule.name)
        if key not in self._numbers:
            lines = self.chapters.setdefault(chapter, [])
            self._numbers[key] = f"{chapter}.{len(lines) + 1}"
            lines.append(
                Line(
                    self._numbers[key],
                    said,
                    application.rule.name,
                    tuple(map(Ref, dict.fromkeys(self._numbers_before(application, run)))),
                    Cite(application.rule.source.paper.key),
                    tuple(Ref(assumption.key) for assumption in numbered(application.rule.assumptions)),
                )
            )
        number, subject = self._numbers[key], application.subject
        t, numbers = self._known.get(text, (BEFORE, []))
        self._known[text] = (subject.t, [*(numbers if t == subject.t else []), number])
        self._terms[subject.expression].append(number)
        if not application.conclusion:
            self._zeros[text] = number

    def _numbers_before(self, application: Application, run: Trajectory) -> Iterable[str]:
        """The numbers of the lines that the premises of an application come from."""
        subject = application.subject
        expression, times = subject.expression, Times.at(subject.t)
        match expression:
            case At(tensor, Moment.CHANGE) if not application.conclusion:
                gradient = [run.program.gradients[tensor]] if tensor.is_trained else []
                texts = [_text(leaf, Kind.INITIAL, "0") for leaf in leaves(*gradient) if isinstance(leaf, Trained)]
                yield from (self._zeros[text] for text in texts if text in self._zeros)
            case At(tensor, _) if subject.label:
                (part,) = subject.label
                yield from self._of(_sources(tensor, part.kind, times))
                if part.kind is Kind.CHANGE:
                    update = run.program.updates[tensor]
                    if update.direction is run.program.gradients[tensor]:
                        yield from self._terms[bare(update.direction)]
                    else:
                        yield from self._of_terms(update.direction, times)
                    if update.factor is not None:
                        yield from self._of_terms(update.factor, times)
            case Map() | MapChange() | Named(is_cut=True) | Kept() | Norm() | Larger():
                for operand in expression.operands:
                    yield from self._of_terms(operand, times)
            case Entrywise() if not expression.axes:
                for operand in expression.operands:
                    yield from self._of_terms(operand, times)
            case _ if subject.label:
                yield from self._of(self.notation.factors(subject))
            case _ if expression in self.notation.names:
                terms = run.steps[subject.t - 1].terms[self.notation.names[expression]]
                yield from self._of(text for label in terms for text in self.notation.term(expression, label, times))
            case _ if application.rule.name == SUM.name:
                yield from self._of_terms(expression, times)
            case _:
                for operand in expression.operands:
                    as_a_whole = [*self._of((self.notation.whole(bare(operand), times),))]
                    yield from as_a_whole or self._of_terms(operand, times)

    def _of_terms(self, expression: Expression, times: Times) -> Iterable[str]:
        """The lines of the terms of a value; a sum's summands have lines of their own."""
        inner = bare(expression)
        if isinstance(inner, Sum):
            for summand in inner.summands:
                yield from self._of_terms(summand, times)
        elif isinstance(inner, Memory):
            yield from self._of((part_symbol(inner.part, times.before).latex(),))
        elif isinstance(inner, Trained):
            yield from self._of(_text(inner, kind, times.before) for kind in MOVES)
        elif isinstance(inner, Given):
            yield from self._of((self.notation.whole(inner, Times.at(0)),))
        else:
            yield from self._terms[inner]

    def _of(self, texts: Iterable[str]) -> Iterable[str]:
        for text in texts:
            yield from self._known.get(text, (BEFORE, []))[1]


def _direction(application: Application, program: Program) -> str:
    """How the direction of a step is written, where it is not the raw gradient."""
    match application.subject.expression:
        case At(tensor, Moment.CHANGE) if tensor.is_trained:
            update = program.updates[tensor]
            if update.direction is not program.gradients[tensor]:
                return next(update_latex(update, program.gradients, Times.at(application.subject.t)))
    return ""


def _sources(tensor: Trained, kind: Kind, times: Times) -> Iterator[str]:
    """The parts of a tensor that a part after a step, or a part of the step, is made from, as they are written."""
    match kind:
        case Kind.INITIAL | Kind.UPDATE:
            yield _text(tensor, kind, times.before)
            yield from (_text(tensor, move, times.now) for move in MOVES[kind])
        case Kind.INITIAL_DECAY | Kind.UPDATE_DECAY:
            yield from (_text(tensor, part, times.before) for part, decay in DECAYS.items() if decay is kind)


def _text(tensor: Trained, kind: Kind, time: str) -> str:
    return part_symbol(Part(tensor.name, kind), time, has_decay=tensor.has_decay).latex()


def _with_several_components(applications: Sequence[Application], texts: Sequence[str]) -> frozenset[tuple[int, str]]:
    """Steps and subjects of sums to whose factors' components one rule each is applied."""
    first: dict[tuple[int, str], tuple[Any, ...]] = {}
    several = set()
    for application, text in zip(applications, texts, strict=True):
        if application.premises and isinstance(application.premises[0], Component):
            key = (application.subject.t, text)
            if first.setdefault(key, application.premises) != application.premises:
                several.add(key)
    return frozenset(several)


def claims(
    application: Application, subject: str, direction: str = "", *, shows_parities: bool
) -> tuple[ExponentClaim, ...]:
    """What an application says of a subject as it is written, one claim a parity where it proves several of one term.

    `direction` is how what a step is made from is written, where it is not the raw gradient. `shows_parities` tells
    apart the applications of a sum whose factors have several components.
    """
    conclusion = application.conclusion
    if shows_parities:
        pair = [premise for premise in application.premises if isinstance(premise, Component)]
        subject += r";\ " + r" \cdot ".join(parity_latex(component.provenance) for component in pair)
    if len(conclusion) < 2 or not application.subject.label:
        return (_claim(subject, application, direction, total(conclusion), None),)
    return tuple(
        _claim(rf"{subject};\ {parity_latex(component.provenance)}", application, direction, component.size, component)
        for component in conclusion
    )


def _claim(
    subject: str, application: Application, direction: str, size: Size, component: Component | None
) -> ExponentClaim:
    result = size.upper.latex()
    steps = [step for step in _steps(application, direction, component) if step != result]
    return ExponentClaim(subject, size.is_exact, (*steps, result))


def _steps(application: Application, direction: str, component: Component | None) -> Iterable[str]:
    """What stands between a subject and its value; of one component, what the premises of its parity contribute."""
    match application.premises:
        case (Component() as left, Component() as right, Summation() as part, Policy() as policy):
            yield added([left.size, right.size, Size.exactly(policy.gain(part).upper)])
        case (Exponent() as rate, Exponent() as decay, tuple() as term):
            yield added([Size.exactly(rate), Size.exactly(decay), _part(term, component)])
        case (Exponent() as rate, tuple() as term):
            if isinstance(application.subject.expression, At):
                yield _update(application.subject.expression.tensor, direction, application)
            if application.rule in ADDING:
                yield added([Size.exactly(rate), _part(term, component)])
        case premises if premises and all(isinstance(premise, tuple) for premise in premises):
            sizes = [_part(premise, component) for premise in premises]
            if application.rule is PRODUCT:
                yield added(sizes)
            elif application.rule is SUM:
                yield greatest(sizes)


def _update(tensor: Trained, direction: str, application: Application) -> str:
    """An update in symbols: its rate, and the gradient or the direction made from it where its size counts."""
    rate, t = rf"\gamma[{rate_symbol(tensor.name).latex()}]", application.subject.t
    source = direction or gradient_symbol(tensor.name).at(str(t - 1)).latex()
    return rf"{rate} + \gamma[{source}]" if application.rule in ADDING else rate


def _part(term: Term, component: Component | None) -> Size:
    """The size of a term, or of its components with the parity of the given one."""
    if component is None:
        return total(term)
    parity = component.provenance.parity
    return total(each for each in term if each.provenance.parity == parity)


def added(sizes: Sequence[Size]) -> str:
    r"""Exponents added up, in the order of the factors.

    >>> from gamma_calc.algebra import Affine
    >>> print(added([Size.exactly(Exponent.of(0)), Size.exactly(Exponent.of(Affine.symbol("eta") + 1))]))
    0 + (\eta + 1)
    """
    return " + ".join(_bracketed(size.upper, is_first=not place) for place, size in enumerate(sizes))


def greatest(sizes: Sequence[Size]) -> str:
    """The largest of some exponents, as one maximum over all their affine forms."""
    pieces = dict.fromkeys(piece for size in sizes for piece in size.upper.pieces)
    texts = [piece.latex() for piece in sorted(pieces, key=str)]
    return texts[0] if len(texts) == 1 else rf"\max({', '.join(texts)})"


def _bracketed(exponent: Exponent, *, is_first: bool) -> str:
    """An exponent as a summand: in brackets where it is a sum itself, or where its sign follows another one."""
    text = exponent.latex()
    is_sum = len(exponent.pieces) == 1 and len(exponent.pieces[0].terms) + bool(exponent.pieces[0].constant) > 1
    return f"({text})" if is_sum or (text.startswith("-") and not is_first) else text

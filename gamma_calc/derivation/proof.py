"""The trace as numbered lines: one a rule application, each pointing at the lines that it builds on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from gamma_calc.calculus.assumptions import Assumption
from gamma_calc.calculus.recursion import Trajectory
from gamma_calc.calculus.rules import Component
from gamma_calc.calculus.trace import Application
from gamma_calc.derivation.blocks import Cite, Claim, Line, Ref
from gamma_calc.derivation.notation import Notation, bare, update_latex
from gamma_calc.derivation.symbols import Times, part_symbol
from gamma_calc.derivation.working import claims
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
        self._numbers: dict[tuple[tuple[Claim, ...], str], str] = {}
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

    def _put(self, application: Application, run: Trajectory, text: str, said: tuple[Claim, ...], chapter: int) -> None:
        key = (said, application.rule.name)
        if key not in self._numbers:
            lines = self.chapters.setdefault(chapter, [])
            self._numbers[key] = f"{chapter}.{len(lines) + 1}"
            lines.append(
                Line(
                    self._numbers[key],
                    said,
                    application.rule.name,
                    self._premises(application, run),
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

    def _premises(self, application: Application, run: Trajectory) -> tuple[Ref, ...]:
        numbers = list(dict.fromkeys(self._numbers_before(application, run)))
        return tuple(map(Ref, numbers))

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

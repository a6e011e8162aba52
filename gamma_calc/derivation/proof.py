"""The trace as numbered lines: one a rule application, each pointing at the lines that it builds on."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from operator import add
from typing import Any

from gamma_calc.algebra import Exponent
from gamma_calc.calculus.components import Component, Term, total
from gamma_calc.calculus.policy import Policy, Summation
from gamma_calc.calculus.recursion import Trajectory
from gamma_calc.calculus.rules import CHANGE, PRODUCT, SCALE, SUM
from gamma_calc.calculus.size import Size
from gamma_calc.calculus.trace import Application
from gamma_calc.calculus.update_rules import RAW_STEP
from gamma_calc.derivation.notation import Notation, bare, update_latex
from gamma_calc.derivation.symbols import GRADIENT, RATE, Times, parity_latex, part_symbol, tensor_symbol
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
from gamma_calc.program.update_expressions import Kept, Larger, Memory, Norm, running_mean

SETTING = 0
"""The chapter of what is given and of what training starts from."""


ADDING = (SCALE, RAW_STEP, PRODUCT)
"""Rules that add the exponents of their premises."""
BEFORE = -1
"""The time of what an earlier run has said."""


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
        groups = _alike(run.applications)
        texts = [self.notation.subject(application.subject) for application, *_ in groups]
        self._known = {text: (BEFORE, numbers) for text, (_, numbers) in self._known.items()}
        for group, text, mark in zip(groups, texts, _marks(groups, texts), strict=True):
            application, *_ = group
            t = application.subject.t
            if t != self._t:
                self._t = t
                self._terms.clear()
            is_given = t == 0 or isinstance(application.subject.expression, Given)
            said = claims(group, text + mark, _direction(application, run.program))
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
                    tuple(Ref(assumption.key) for assumption in sorted(application.rule.assumptions)),
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
                    yield from self._terms[running_mean(tensor, update.direction)]
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
                name = self.notation.names[expression]
                if application.rule is CHANGE:
                    value = run.program.quantities[run.program.changes[name]]
                    moments = times, Times.at(subject.t - 1)
                    yield from self._of(self.notation.whole(value, moment) for moment in moments)
                terms = run.steps[subject.t - 1].terms[name]
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
        elif isinstance(inner, At) and not self._terms[inner]:
            yield from self._of(_text(inner.tensor, kind, times.of(inner.moment)) for kind in MOVES)
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


def _alike(applications: Iterable[Application]) -> list[list[Application]]:
    """Applications by what is said of them in one line: a rule's to pairs of components of the same two parities."""
    groups: dict[Any, list[Application]] = {}
    for place, application in enumerate(applications):
        pair = _pair(application)
        groups.setdefault((application.subject, application.rule.name, pair) if pair else place, []).append(application)
    return list(groups.values())


def _pair(application: Application) -> tuple[str, ...]:
    """The parities of the pair of components that a part of a sum is of; of other applications none."""
    return tuple(parity_latex(each.provenance) for each in application.premises if isinstance(each, Component))


def _marks(groups: Sequence[Sequence[Application]], texts: Sequence[str]) -> Iterator[str]:
    """What tells the parts of one sum apart: the parities of the pair, and the rule where a pair has several parts."""
    pairs = [_pair(group[0]) for group in groups]
    subjects = [(group[0].subject.t, text) for group, text in zip(groups, texts, strict=True)]
    alike = Counter(zip(subjects, pairs, strict=True))
    several = Counter(subject for subject, _ in alike)
    for group, pair, subject in zip(groups, pairs, subjects, strict=True):
        marks = [r" \cdot ".join(pair)] if pair and several[subject] > 1 else []
        marks += [rf"\text{{{group[0].rule.name}}}"] if pair and alike[subject, pair] > 1 else []
        yield "".join(rf";\ {mark}" for mark in marks)


def claims(group: Sequence[Application], subject: str, direction: str = "") -> tuple[ExponentClaim, ...]:
    """What applications that are alike say of a subject as it is written, one claim a parity where they prove several.

    `direction` is how what a step is made from is written, where it is not the raw gradient.
    """
    parities: dict[str, list[Component]] = {}
    for component in (each for application in group for each in application.conclusion):
        parities.setdefault(parity_latex(component.provenance), []).append(component)
    if len(parities) < 2 or not group[0].subject.label:
        return (_claim(subject, group, direction, [each for alike in parities.values() for each in alike], None),)
    return tuple(
        _claim(rf"{subject};\ {parity}", group, direction, alike, parity) for parity, alike in parities.items()
    )


def _claim(
    subject: str, group: Sequence[Application], direction: str, proved: Iterable[Component], parity: str | None
) -> ExponentClaim:
    """A claim, with the steps of the first application that leads to its value; others are of smaller parts."""
    size = total(proved)
    result = size.upper.latex()
    leading = ([step for step, value in _steps(each, direction, parity) if value == size.upper] for each in group)
    steps = next(filter(None, leading), ())
    return ExponentClaim(subject, size.is_exact, (*[step for step in steps if step != result], result))


def _steps(application: Application, direction: str, parity: str | None) -> Iterable[tuple[str, Exponent]]:
    """What may stand between a subject and its value, with its own value; of a parity, what its premises contribute."""
    match application.premises:
        case (Component() as left, Component() as right, Summation() as part, Policy() as policy):
            yield added(left.size, right.size, Size.exactly(policy.gain(part).upper))
        case (Exponent() as rate, Exponent() as decay, tuple() as term):
            yield added(Size.exactly(rate), Size.exactly(decay), _part(term, parity))
        case (Exponent() as rate, tuple() as term):
            if isinstance(node := application.subject.expression, At):
                source = (
                    direction or tensor_symbol(GRADIENT, node.tensor.name).at(str(application.subject.t - 1)).latex()
                )
                is_raw = application.rule in ADDING
                yield from _update(node.tensor, source if is_raw else "", rate, _part(term, parity), total(term))
            if application.rule in ADDING:
                yield added(Size.exactly(rate), _part(term, parity))
        case (Size() as before, Size() as after, *_):
            yield greatest([before, after])
        case premises if premises and all(isinstance(premise, tuple) for premise in premises):
            if application.rule is PRODUCT:
                value = total(_of_parity(application.conclusion, parity)).upper
                pairs = (added(x.size, y.size) for x, y in itertools.product(*premises))
                yield from itertools.islice((pair for pair in pairs if pair[1] == value), 1)
            elif application.rule is SUM:
                yield greatest([_part(premise, parity) for premise in premises])


def _update(tensor: Trained, source: str, rate: Exponent, part: Size, whole: Size) -> Iterable[tuple[str, Exponent]]:
    """An update in symbols: its rate, and what it is made from where the size of that counts.

    Where it does not, a parity is behind the rate by as much as it is behind the whole direction.
    """
    text = rf"\gamma[{tensor_symbol(RATE, tensor.name).latex()}]"
    if source:
        yield rf"{text} + \gamma[{source}]", rate + whole.upper
        return
    yield text, rate
    if whole.is_one_form and part != whole:
        gap = (part + whole.inverse).upper
        yield f"{text} + {_bracketed(gap, is_first=False)}", rate + gap


def _part(term: Term, parity: str | None) -> Size:
    """The size of a term, or of its components of a parity."""
    return total(_of_parity(term, parity))


def _of_parity(term: Term, parity: str | None) -> Term:
    return term if parity is None else tuple(each for each in term if parity_latex(each.provenance) == parity)


def added(*sizes: Size) -> tuple[str, Exponent]:
    r"""Exponents added up, in the order of the factors, and what they come to.

    >>> from gamma_calc.algebra import Affine
    >>> text, value = added(Size.exactly(Exponent.of(0)), Size.exactly(Exponent.of(Affine.symbol("eta") + 1)))
    >>> print(text)
    0 + (\eta + 1)
    """
    text = " + ".join(_bracketed(size.upper, is_first=not place) for place, size in enumerate(sizes))
    return text, reduce(add, sizes).upper


def greatest(sizes: Sequence[Size]) -> tuple[str, Exponent]:
    """The largest of some exponents, as one maximum over all their affine forms, and what it is."""
    pieces = dict.fromkeys(piece for size in sizes for piece in size.upper.pieces)
    texts = [piece.latex() for piece in sorted(pieces, key=str)]
    return texts[0] if len(texts) == 1 else rf"\max({', '.join(texts)})", Size.largest(sizes).upper


def _bracketed(exponent: Exponent, *, is_first: bool) -> str:
    """An exponent as a summand: in brackets where it is a sum itself, or where its sign follows another one."""
    text = exponent.latex()
    is_sum = len(exponent.pieces) == 1 and len(exponent.pieces[0].terms) + bool(exponent.pieces[0].constant) > 1
    return f"({text})" if is_sum or (text.startswith("-") and not is_first) else text

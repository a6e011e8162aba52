"""Measuring the atlas: what a run can decide is an exponent at one step, with nothing free.

That is what some claims speak of. Of a largest rate, or another largest value, a run decides whether it is one: there
some quantity of the condition is Theta(1) through it, so that more of it would let the quantity grow. Everything else
that is free has its largest value beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from gamma_calc.algebra import Affine, Exponent, Polyhedron
from gamma_calc.atlas.comparison import ComparedClaim
from gamma_calc.atlas.questions import Question, QuestionKind, Subject, evidence
from gamma_calc.calculus.policy import CALCULUS
from gamma_calc.calculus.recursion import trajectory
from gamma_calc.experiment.crosscheck import Checked, crosscheck
from gamma_calc.experiment.setup import Settings
from gamma_calc.experiment.verdicts import worst
from gamma_calc.program.models import MODULE
from gamma_calc.program.problem import program_of
from gamma_calc.program.scheme import Scheme
from gamma_calc.simulation.program_sizes import Progress

SETTINGS = Settings(widths=(64, 128, 256, 512, 1024, 2048, 4096), seeds=8)
"""Of one module: few runs, so that a verdict takes seconds; what they leave open is INCONCLUSIVE."""
NETWORK = Settings(widths=(16, 32, 64, 128, 256, 512, 1024), seeds=32)
"""Of a network, which has matrices that grow both ways."""
BEYOND = Fraction(1, 4)
"""How far beyond a largest value it has to show that it is one."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What decides a row: a quantity of a scheme after some steps, in which nothing is free."""

    scheme: Scheme
    quantity: str
    t: int


def measured(
    rows: Sequence[ComparedClaim], progress: Progress | None = None, settings: Settings | None = None
) -> tuple[ComparedClaim, ...]:
    """The rows with what training says of each that a run can decide; schemes that several speak of are trained once.

    Args:
        progress: called with the number of schemes trained and that of all.
        settings: of every run; those above where they are left out.

    Raises:
        BadInput: there is too little memory for the widths.
    """
    last = (settings or SETTINGS).steps
    trials = {row: trial for row in rows if (trial := trial_of(row, last)) is not None}
    distinct = tuple(dict.fromkeys(trial.scheme for trial in trials.values()))
    runs: dict[Scheme, Checked] = {}
    for count, scheme in enumerate(distinct):
        if progress is not None:
            progress(count, len(distinct))
        suited = SETTINGS if scheme.model == MODULE else NETWORK
        (runs[scheme],) = crosscheck(scheme, settings=settings or suited).schemes
    return tuple(
        row if row not in trials else replace(row, measured=_measured(row, trials[row], runs[trials[row].scheme]))
        for row in rows
    )


def trial_of(row: ComparedClaim, most: int) -> Trial | None:
    """What training after at most so many steps decides of a row, if anything."""
    question, subject = row.claim.question, row.claim.subject
    if row.answer is None or question is None or subject is None or subject.policy != CALCULUS or question.less:
        return None
    t = most if question.steps is None else question.steps
    if not 1 <= t <= most:
        return None
    if question.kind is QuestionKind.EXPONENT:
        scheme = subject.at(dict(question.at)).scheme
        is_seen = not scheme.free and question.of in program_of(scheme).quantities
        return Trial(scheme, question.of, t) if is_seen else None
    is_number = isinstance(row.answer, Exponent) and not row.answer.free and not question.per
    is_edge = question.kind in (QuestionKind.LARGEST, QuestionKind.SOLUTION) and is_number
    return _at_the_edge(question, subject, t) if is_edge else None


def _at_the_edge(question: Question, subject: Subject, t: int) -> Trial | None:
    """The first quantity of the condition that is Theta(1) at the largest value and grows beyond it."""
    decision, subject = evidence(question, subject).decision, subject.at(dict(question.at))
    region = None if decision is None else decision.region.convex()
    point = None if region is None or region.is_empty else _corner(region, question.of, subject.scheme.free)
    if decision is None or point is None:
        return None
    beyond = {**point, question.of: point[question.of] + BEYOND}
    at, above = (_sizes(subject, values, t) for values in (point, beyond))
    named = (name for each in decision.condition.bounded for name in (f"Delta_{each}", each) if name in at)
    edge = (name for name in named if at[name] == Exponent.of(0) and above[name] != Exponent.of(0))
    return next((Trial(subject.at(_forms(point)).scheme, name, t) for name in edge), None)


def _corner(region: Polyhedron, name: str, free: Sequence[str]) -> Mapping[str, Fraction] | None:
    """The largest value of a free exponent, and those of all others beside it; None where there is not one."""
    found: dict[str, Fraction] = {}
    for each in (name, *(other for other in free if other != name)):
        most = None if region.is_empty else region.maximum(Affine.symbol(each))
        if most is None:
            return None
        found[each] = most
        region = region.substituted({each: most})
    return None if region.is_empty else found


def _sizes(subject: Subject, point: Mapping[str, Fraction], t: int) -> Mapping[str, Exponent]:
    """The exponents that are derived at a point after some steps, of which no bound alone is known."""
    scheme = subject.at(_forms(point)).scheme
    sizes = trajectory(program_of(scheme), t, scheme.domain).upto(t)[-1].sizes
    return {name: size.upper for name, size in sizes.items() if size.is_exact}


def _forms(point: Mapping[str, Fraction]) -> dict[str, Affine]:
    return {name: Affine.of(value) for name, value in point.items()}


def _measured(row: ComparedClaim, trial: Trial, run: Checked) -> Mapping[str, Any]:
    """The slope of what leads, by the estimate that decided, and the worst verdict on it and each part of its size."""
    assert row.claim.question is not None  # as there is a trial
    (found,) = (each for each in run.rows if (each.quantity, each.t) == (trial.quantity, trial.t))
    leading, decisive = found.leading, found.leading.far or found.leading.estimate
    slope, interval = decisive.slope, decisive.interval
    if row.claim.question.minus and row.claim.question.kind is QuestionKind.EXPONENT and slope is not None:
        slope, interval = -slope, None if interval is None else (-interval[1], -interval[0])
    bounds = None if interval is None else list(interval)
    seen = {"t": found.t, "quantity": found.quantity, "slope": slope, "ci": bounds}
    parts = (each for each in found.judged if each.predicted == leading.predicted)
    return {**seen, "verdict": worst(each.judgement.verdict for each in parts).value}

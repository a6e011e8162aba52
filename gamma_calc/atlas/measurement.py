"""Measuring the atlas: what a training run can decide is an exponent of a quantity at one step, with nothing free."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gamma_calc.atlas.comparison import Row
from gamma_calc.atlas.questions import Kind
from gamma_calc.calculus.policy import CALCULUS
from gamma_calc.experiment.crosscheck import Checked, crosscheck
from gamma_calc.experiment.setup import Settings
from gamma_calc.program.models import MODULE
from gamma_calc.program.problem import program_of
from gamma_calc.program.scheme import Scheme

SETTINGS = Settings(widths=(64, 128, 256, 512, 1024, 2048, 4096), seeds=8)
"""Of one module: few runs, so that a verdict takes seconds; what they leave open is INCONCLUSIVE."""
NETWORK = Settings(widths=(16, 32, 64, 128, 256, 512, 1024), seeds=32)
"""Of a network, which has matrices that grow both ways."""


def measured(
    rows: Sequence[Row], progress: Callable[[int, int], None] | None = None, settings: Settings | None = None
) -> tuple[Row, ...]:
    """The rows with what training says of each that a run can decide; schemes that several speak of are trained once.

    Args:
        progress: called with the number of schemes trained and that of all.
        settings: of every run; those above where they are left out.

    Raises:
        BadInput: there is too little memory for the widths.
    """
    last = (settings or SETTINGS).steps
    asked = {row: scheme for row in rows if (scheme := _trainable(row, last)) is not None}
    distinct = tuple(dict.fromkeys(asked.values()))
    runs: dict[Scheme, Checked] = {}
    for count, scheme in enumerate(distinct):
        if progress is not None:
            progress(count, len(distinct))
        suited = SETTINGS if scheme.model == MODULE else NETWORK
        (runs[scheme],) = crosscheck(scheme, settings=settings or suited).schemes
    return tuple(
        row if row not in asked else replace(row, measured=_measured(row, runs[asked[row]], last)) for row in rows
    )


def _trainable(row: Row, most: int) -> Scheme | None:
    """The scheme whose training decides a row: nothing is free in it, and the quantity is looked at after a step."""
    question, subject = row.claim.question, row.claim.subject
    if row.answer is None or question is None or subject is None or question.kind is not Kind.EXPONENT:
        return None
    scheme = subject.at(dict(question.at)).scheme
    is_plain = subject.policy == CALCULUS and not scheme.free and not question.less
    is_seen = question.of in program_of(scheme).quantities and (question.steps is None or 1 <= question.steps <= most)
    return scheme if is_plain and is_seen else None


def _measured(row: Row, run: Checked, last: int) -> Mapping[str, Any]:
    """The slope of a row's quantity, or minus it where the question has it so, its interval, and the verdict."""
    assert row.claim.question is not None  # as the row is trainable
    key = row.claim.question.of, row.claim.question.steps or last
    (found,) = (each for each in run.rows if (each.quantity, each.t) == key)
    decisive = found.leading.law or found.leading.estimate
    slope, interval = decisive.slope, decisive.interval
    if row.claim.question.minus and slope is not None:
        slope, interval = -slope, None if interval is None else (-interval[1], -interval[0])
    bounds = None if interval is None else list(interval)
    return {"t": found.t, "slope": slope, "ci": bounds, "verdict": found.verdict.value}

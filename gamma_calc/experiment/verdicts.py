"""Judging a scheme: every quantity, step and term against its predicted exponent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gamma_calc.document.verdict_signs import severity
from gamma_calc.experiment.prediction import ZERO, Predicted, Prediction
from gamma_calc.simulation.program_sizes import Key, Term
from gamma_calc.simulation.slopes import SlopeEstimate, slope_estimate
from gamma_calc.simulation.verdicts import TOLERANCE, Judgement, Verdict, verdict

MOST_CANCELLED = 1 / 4
"""Of the mean square of leading terms, what is left in their sum at the largest width, where it is to count as lost."""

FEWEST_PLACES, MOST_PLACES = 3, 17
"""Of a slope that is shown: finer than any verdict needs, and all that a double has."""


class Layout(Protocol):
    """How the runs of a measurement are laid out: over which widths, and the seed of resampling."""

    @property
    def widths(self) -> tuple[int, ...]: ...  # noqa: D102

    @property
    def seed(self) -> int: ...  # noqa: D102


class Measurement(Protocol):
    """What can be judged. Shapes: each mean square [widths, runs], and so the flags of runs that are never fitted."""

    @property
    def configuration(self) -> Layout: ...  # noqa: D102

    @property
    def mean_square(self) -> Mapping[Key, NDArray[np.float64]]: ...  # noqa: D102

    @property
    def is_excluded(self) -> NDArray[np.bool_]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Judged:
    """A slope beside its prediction; `far` is that of a population at far widths, where it decided the verdict."""

    predicted: Predicted
    estimate: SlopeEstimate
    judgement: Judgement
    far: SlopeEstimate | None = None

    @property
    def measured(self) -> float | None:
        """The slope; None where the quantity is exactly zero."""
        return self.estimate.slope

    @property
    def distance(self) -> float | None:
        """How far the prediction lies outside the interval, 0 inside; None without a slope or a finite prediction."""
        predicted, interval = self.predicted.exponent, self.estimate.interval
        if predicted is None or interval is None:
            return None
        return max(0.0, interval[0] - predicted, 0.0 if self.predicted.is_upper else predicted - interval[1])

    @property
    def places(self) -> int:
        """The fewest decimals, of three or more, whose rounded interval holds the prediction where the exact one does.

        An interval [-0.0098, -0.0002] beside a prediction of 0 needs four: with three it would end at 0.
        """
        interval, distance = self.estimate.interval, self.distance
        if interval is None or distance is None:
            return FEWEST_PLACES

        def is_true_to(places: int) -> bool:
            rounded = round(interval[0], places), round(interval[1], places)
            shown = replace(self, estimate=replace(self.estimate, interval=rounded)).distance
            return bool(shown) == bool(round(distance, places)) == bool(distance)

        return next(filter(is_true_to, range(FEWEST_PLACES, MOST_PLACES)), MOST_PLACES)

    @property
    def resolution(self) -> float | None:
        """The error, up or down, from which on a prediction would FAIL; None without a slope, or of a bound."""
        below, interval = self.resolution_below, (self.far or self.estimate).interval
        if below is None or interval is None:
            return None
        return max(below, TOLERANCE + interval[1] - (self.predicted.exponent or 0))

    @property
    def resolution_below(self) -> float | None:
        """The error down from which on a prediction would FAIL; None without a slope, or of a bound."""
        predicted, interval = self.predicted.exponent, (self.far or self.estimate).interval
        if predicted is None or interval is None or self.predicted.is_upper:
            return None
        return TOLERANCE + predicted - interval[0]

    def cells(self, nothing: str) -> tuple[str, str, str]:
        """The prediction, the slope and its interval as a table shows them; `nothing` stands for what there is not."""
        interval, places = self.estimate.interval, self.places
        ends = nothing if interval is None else f"[{', '.join(number(each, places, nothing) for each in interval)}]"
        predicted = f"{'<= ' if self.predicted.is_upper else ''}{self.predicted}"
        return predicted, number(self.measured, places, nothing), ends

    def json(self) -> dict[str, Any]:
        """The row as plain data."""
        far = self.far
        return {
            "predicted": str(self.predicted),
            "upper": self.predicted.is_upper,
            "measured": self.measured,
            "ci": _interval(self.estimate),
            "in_ci": None if self.distance is None else self.distance == 0,
            "law": far and {"widths": list(far.widths), "measured": far.slope, "ci": _interval(far)},
            "verdict": self.judgement.verdict.value,
            "reason": self.judgement.reason,
        }


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """The verdict on a quantity at step t of a scheme.

    `leading` judges the terms whose exponent is the largest, together; `terms` each term by itself; `raw_slope` is the
    slope of the whole sum, crossovers and all, which is shown and not judged. `cancelled` says how the sum falls beside
    its leading terms, where these cancel: its exponent is not theirs then.
    """

    scheme: str
    quantity: str
    t: int
    leading: Judged
    terms: Mapping[Term, Judged]
    raw_slope: float | None
    cancelled: str = ""

    @property
    def judged(self) -> tuple[Judged, ...]:
        """What is said of the leading terms, and of each term."""
        return self.leading, *self.terms.values()

    @property
    def verdict(self) -> Verdict:
        """The worst of the verdicts on the leading terms and on each term; FAIL where they cancel."""
        return Verdict.FAIL if self.cancelled else worst(each.judgement.verdict for each in self.judged)

    def changed(self, of: Callable[[Judged, Term | None], Judged]) -> VerdictRow:
        """The row with something else said of the leading terms, which stand for None, and of each term."""
        terms = {term: of(each, term) for term, each in self.terms.items()}
        return replace(self, leading=of(self.leading, None), terms=terms)

    @property
    def reason(self) -> str:
        """Why, for the leading terms or else the first term that has the row's verdict."""
        if self.cancelled:
            return self.cancelled
        named = [(self._zero, self.leading), *((f"term {' '.join(term)}: ", each) for term, each in self.terms.items())]
        return next(f"{name}{each.judgement.reason}" for name, each in named if each.judgement.verdict is self.verdict)

    @property
    def remark(self) -> str:
        """The reason without the numbers of the leading terms, which stand beside it in every table."""
        if self.cancelled or self.leading.judgement.verdict is not self.verdict:
            return self.reason
        return f"{self._zero}{self.leading.judgement.remark}"

    @property
    def _zero(self) -> str:
        """Names the leading terms where they are zero and the quantity, which has others, need not be."""
        largest = self.leading.predicted.exponent
        leading = [" ".join(term) for term, each in self.terms.items() if each.predicted.exponent == largest]
        if not self.leading.estimate.is_zero or not 0 < len(leading) < len(self.terms):
            return ""
        return f"term{'' if len(leading) == 1 else 's'} {', '.join(leading)}: "

    def json(self) -> dict[str, Any]:
        """The row as plain data."""
        return {
            "scheme": self.scheme,
            "quantity": self.quantity,
            "t": self.t,
            **self.leading.json(),
            "raw_slope": self.raw_slope,
            "terms": [{"term": " ".join(term), **each.json()} for term, each in self.terms.items()],
            "verdict": self.verdict.value,
            "reason": self.reason,
        }


def number(value: float | None, places: int = FEWEST_PLACES, nothing: str = "") -> str:
    """A slope to so many places, and what stands for none.

    >>> number(-0.49951), number(-0.0001), number(-0.0001, 4)
    ('-0.500', '0.000', '-0.0001')
    """
    return nothing if value is None else f"{value:z.{places}f}"


def _interval(estimate: SlopeEstimate) -> list[float] | None:
    return None if estimate.interval is None else list(estimate.interval)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """FAIL if any is FAIL, else INCONCLUSIVE if any is that, else PASS."""
    return min(verdicts, key=_severity, default=Verdict.PASS)


def best(verdicts: Iterable[Verdict]) -> Verdict:
    """PASS if any is PASS, else INCONCLUSIVE if any is that, else FAIL: a control is FAIL where every part of it is."""
    return max(verdicts, key=_severity)


def _severity(verdict: Verdict) -> int:
    return severity(verdict.value)


def unjudged(scheme: str, prediction: Prediction, missing: SlopeEstimate) -> VerdictRow:
    """The row of a prediction that nothing was trained for, because of what is missing."""
    alone = Judged(prediction.total, missing, Judgement(Verdict.INCONCLUSIVE, missing.shortfall))
    return VerdictRow(scheme, prediction.quantity, prediction.t, alone, {}, None)


def judged(scheme: str, predictions: Sequence[Prediction], measurement: Measurement) -> tuple[VerdictRow, ...]:
    """Every prediction against the measurement, in the order of the predictions."""
    return tuple(_row(scheme, prediction, measurement) for prediction in predictions)


def _row(scheme: str, prediction: Prediction, measurement: Measurement) -> VerdictRow:
    name, t = prediction.quantity, prediction.t
    nothing = np.zeros(measurement.is_excluded.shape)
    whole = measurement.mean_square.get((t, name, None), nothing)
    squares = {
        term: square
        for (step, quantity, term), square in measurement.mean_square.items()
        if (step, quantity) == (t, name) and term is not None
    }
    expected = {term: prediction.terms.get(term, ZERO) for term in (*squares, *prediction.terms)}
    leading = [term for term, each in expected.items() if each.exponent == prediction.total.exponent]
    together = sum((squares.get(term, nothing) for term in leading), start=nothing) if leading else whole
    largest = judged_alone(prediction.total, together, measurement)
    return VerdictRow(
        scheme,
        name,
        t,
        largest,
        {term: judged_alone(each, squares.get(term, nothing), measurement) for term, each in expected.items()},
        _estimate(whole, measurement).slope,
        _cancelled(whole, together, largest, measurement) if len(leading) > 1 and not prediction.total.is_upper else "",
    )


def _cancelled(
    whole: NDArray[np.float64], together: NDArray[np.float64], leading: Judged, measurement: Measurement
) -> str:
    """How a sum falls beside its leading terms, where these cancel; nothing where they do not.

    Lower terms may hide a slope, but they add to the sum: one that is smaller than its leading terms has lost them.
    Where these do not follow their own law yet, how their sum falls says nothing of it; that it is zero does.
    """
    share = np.divide(whole, together, out=np.ones_like(whole), where=(together > 0) & ~measurement.is_excluded)
    at_last = share[-1][~measurement.is_excluded[-1]]
    if not at_last.size or at_last.mean() >= MOST_CANCELLED:
        return ""
    estimate = _estimate(share, measurement)
    if estimate.is_zero:
        return "its leading terms cancel: their sum is zero"
    is_settled = leading.judgement.verdict is Verdict.PASS
    if not is_settled or estimate.interval is None or estimate.interval[1] >= -TOLERANCE:
        return ""
    return f"its leading terms cancel: their sum falls like n^({estimate.slope:.2f}) beside them"


def judged_alone(predicted: Predicted, squares: NDArray[np.float64], measurement: Measurement) -> Judged:
    """The slope of any mean squares [widths, runs] of a measurement beside a prediction."""
    estimate = _estimate(squares, measurement)
    return Judged(predicted, estimate, verdict(predicted.exponent, estimate, upper=predicted.is_upper))


def _estimate(squares: NDArray[np.float64], measurement: Measurement) -> SlopeEstimate:
    configuration = measurement.configuration
    return slope_estimate(configuration.widths, squares, measurement.is_excluded, seed=configuration.seed)

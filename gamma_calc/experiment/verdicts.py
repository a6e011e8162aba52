"""Judging a scheme: every quantity, step and term against its predicted exponent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gamma_calc.experiment.prediction import ZERO, Predicted, Prediction
from gamma_calc.simulation.adapter_module import DECAYED_TERMS, Key, Term
from gamma_calc.simulation.slopes import SlopeEstimate, slope_estimate
from gamma_calc.simulation.verdicts import Judgement, Verdict, verdict

SEVERITY = (Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.FAIL)


class Layout(Protocol):
    """How the runs of a measurement are laid out: over which widths, whether paired, and the seed of resampling."""

    @property
    def widths(self) -> tuple[int, ...]: ...  # noqa: D102

    @property
    def is_paired(self) -> bool: ...  # noqa: D102

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
    """A slope beside its prediction."""

    predicted: Predicted
    estimate: SlopeEstimate
    judgement: Judgement

    @property
    def measured(self) -> float | None:
        """The slope; None where the quantity is exactly zero."""
        return self.estimate.slope

    def json(self) -> dict[str, Any]:
        """The row as plain data."""
        return {
            "predicted": str(self.predicted),
            "upper": self.predicted.is_upper,
            "measured": self.measured,
            "ci": None if self.estimate.interval is None else list(self.estimate.interval),
            "verdict": self.judgement.verdict.value,
            "reason": self.judgement.reason,
        }


@dataclass(frozen=True, slots=True)
class Row:
    """The verdict on a quantity at step t of a scheme.

    `leading` judges the terms whose exponent is the largest, together; `terms` each term by itself; `raw_slope` is the
    slope of the whole sum, crossovers and all, which is shown and not judged.
    """

    scheme: str
    quantity: str
    t: int
    leading: Judged
    terms: Mapping[Term, Judged]
    raw_slope: float | None

    @property
    def verdict(self) -> Verdict:
        """The worst of the verdicts on the leading terms and on each term."""
        return worst(each.judgement.verdict for each in (self.leading, *self.terms.values()))

    @property
    def reason(self) -> str:
        """Why, for the first term that has the row's verdict."""
        named = {"": self.leading, **{f"term {' '.join(term)}: ": each for term, each in self.terms.items()}}
        return next(f"{name}{j.judgement.reason}" for name, j in named.items() if j.judgement.verdict is self.verdict)

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


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """FAIL if any is FAIL, else INCONCLUSIVE if any is that, else PASS."""
    return max(verdicts, key=SEVERITY.index, default=Verdict.PASS)


def judged_alone(predicted: Predicted, squares: NDArray[np.float64], measurement: Measurement) -> Judged:
    """The slope of any mean squares [widths, runs] of a measurement beside a prediction."""
    return _judged(predicted, squares, measurement)


def judged(scheme: str, predictions: Sequence[Prediction], measurement: Measurement) -> tuple[Row, ...]:
    """Every prediction against the measurement, in the order of the predictions."""
    return tuple(_row(scheme, prediction, measurement) for prediction in predictions)


def _row(scheme: str, prediction: Prediction, measurement: Measurement) -> Row:
    name, t = prediction.quantity, prediction.t
    measured = [term for term in DECAYED_TERMS[name] if (t, name, term) in measurement.mean_square]
    expected = {term: prediction.terms.get(term, ZERO) for term in measured}
    squares = {term: measurement.mean_square[t, name, term] for term in expected}
    leading = [term for term, each in expected.items() if each.exponent == prediction.total.exponent]
    together: NDArray[np.float64] = reduce(np.add, (squares[term] for term in leading))
    return Row(
        scheme,
        name,
        t,
        _judged(prediction.total, together, measurement),
        {term: _judged(each, squares[term], measurement) for term, each in expected.items()},
        _estimate(measurement.mean_square[t, name, None], measurement).slope,
    )


def _judged(predicted: Predicted, squares: NDArray[np.float64], measurement: Measurement) -> Judged:
    estimate = _estimate(squares, measurement)
    return Judged(predicted, estimate, verdict(predicted.exponent, estimate, upper=predicted.is_upper))


def _estimate(squares: NDArray[np.float64], measurement: Measurement) -> SlopeEstimate:
    configuration = measurement.configuration
    return slope_estimate(
        configuration.widths,
        squares,
        measurement.is_excluded,
        is_paired=configuration.is_paired,
        seed=configuration.seed,
    )

"""What a figure shows of a cross-check: every term at the last step, measured and predicted."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gamma_calc.experiment.verdicts import Judged, Measurement, VerdictRow
from gamma_calc.program.models import LoraModule, LoraStack, Model
from gamma_calc.program.scheme import Scheme
from gamma_calc.report.plots import Panel, Series, Sheet, Values
from gamma_calc.simulation.program_sizes import Term
from gamma_calc.simulation.slopes import mean_and_half_width
from gamma_calc.simulation.verdicts import TOLERANCE

SYMBOLS = (
    "Z_A = A Z, Z_B = s B A Z, for inputs Z of a layer. A = A_0 + U_A: the initial part and the sum of the updates so"
    " far; dA: the change of one step, in which dA_0 and dU_A are due to weight decay; B alike. A step changes Z_B by"
    " Delta_Z_B = delta_1 + delta_2 + delta_3: delta_1 = s B dA Z, delta_2 = s dB A Z, delta_3 = s dB dA Z, with A and"
    " B as they were before it."
)
"""What the names in tables and figures of a module mean."""
PARTS = (
    " W_0 is the initial part of W, U_W the sum of its updates so far, dW the change of one step. Of a value v, v_0 is"
    " what initial parts make of it, and U_v what training has changed."
)
OF_A_STACK = (
    "Of layer l, with input Z[l]: Z_A[l] = A Z, Z_B[l] = s B A Z; dZ[l] is the loss gradient behind it. A step changes"
    " Z_B[l] by Delta_Z_B[l] = delta_0 + delta_1 + delta_2 + delta_3: delta_0 = s B A dZ_in is what the change of its"
    " input brings, and the others are s B dA Z, s dB A Z, s dB dA Z."
)
OF_A_NETWORK = "Delta_v is the change of a value v over a step; a layer's number stands in brackets."


def symbols(model: Model) -> str:
    """What the names in tables and figures of a network mean."""
    if isinstance(model, LoraModule):
        return SYMBOLS
    return (OF_A_STACK if isinstance(model, LoraStack) else OF_A_NETWORK) + PARTS


def sheet(scheme: Scheme, rows: Sequence[VerdictRow], measurement: Measurement) -> Sheet:
    """One panel a quantity, at the last step."""
    last = max(row.t for row in rows)
    rates = ", ".join(f"{key} = n^({scheme[key]})" for key in scheme.trained_rates.values())
    return Sheet(
        title=scheme.title,
        subtitle=f"{rates}, step {last}",
        panels=tuple(_panel(row, measurement) for row in rows if row.t == last),
        notes=(symbols(scheme.model),),
        tolerance=TOLERANCE,
    )


def _panel(row: VerdictRow, measurement: Measurement) -> Panel:
    series = tuple(_series(row, term, each, measurement) for term, each in row.terms.items())
    return Panel(row.quantity, series, row.verdict.value)


def _series(row: VerdictRow, term: Term, judged: Judged, measurement: Measurement) -> Series:
    squares = measurement.mean_square.get((row.t, row.quantity, term), np.zeros(measurement.is_excluded.shape))
    value, low, high = _values(np.where(measurement.is_excluded, np.nan, squares))
    return Series(
        label=" ".join(term),
        widths=measurement.configuration.widths,
        value=value,
        low=low,
        high=high,
        predicted=judged.predicted.exponent,
        verdict=judged.judgement.verdict.value,
        is_leading=judged.predicted.exponent == row.leading.predicted.exponent,
        is_upper=judged.predicted.is_upper,
    )


def _values(squares: NDArray[np.float64]) -> tuple[Values, Values, Values]:
    """log2 of the root mean square at each width, and the ends of its 95 % interval.

    Shapes: squares [widths, runs]; a run that is not fitted is nan.
    """
    rows = [row[~np.isnan(row)] for row in squares]
    spans = [tuple(map(float, mean_and_half_width(row))) if row.size else (0.0, 0.0) for row in rows]
    value = tuple(_log2(mean) for mean, _ in spans)
    return value, tuple(_log2(mean - half) for mean, half in spans), tuple(_log2(mean + half) for mean, half in spans)


def _log2(square: float) -> float | None:
    return math.log2(square) / 2 if square > 0 else None

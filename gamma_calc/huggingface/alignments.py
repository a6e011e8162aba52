"""What is assumed of a layer's sums over the width, beside what is measured of them over a family of widths.

The alignment of a sum P Z is the a of rms(P Z) = rms(P) rms(Z) n^a: 1/2 where its terms have random signs, 1 where they
agree. At one width a constant factor c counts as log c / log n; as a slope over widths it does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gamma_calc.experiment.prediction import Predicted, Prediction
from gamma_calc.experiment.verdicts import Judged, judged_alone
from gamma_calc.huggingface.family_training import LayerMeasurement
from gamma_calc.huggingface.probe import KINDS


@dataclass(frozen=True, slots=True)
class LayerAlignment:
    """The alignment of one part of A with the layer's input at step t, as the theory has it and as measured."""

    part: str
    t: int
    judged: Judged

    def json(self) -> dict[str, Any]:
        """The same as plain data."""
        return {"part": self.part, "t": self.t, **self.judged.json()}


def layer_alignments(expected: Iterable[Prediction], measurement: LayerMeasurement) -> Iterator[LayerAlignment]:
    """The alignments of a layer with an input of size n^0, by step and part; a part that is zero has none.

    Where the theory derives an input that grows, its growth counts as alignment on both sides of the comparison.
    """
    terms = {(each.t, each.quantity): each.terms for each in expected}
    for t in measurement.inputs:
        for part in KINDS.values():
            assumed = _ratio(terms[t, "Z_A"], terms[t, "A"], part)
            whole, single = (measurement.mean_square.get((t, name, (part,))) for name in ("Z_A", "A"))
            if assumed is not None and whole is not None and single is not None:
                growth = np.divide(whole, single, out=np.zeros_like(whole), where=single > 0)
                yield LayerAlignment(part, t, judged_alone(assumed, growth, measurement))


def _ratio(
    sums: Mapping[tuple[str, ...], Predicted], entries: Mapping[tuple[str, ...], Predicted], part: str
) -> Predicted | None:
    whole, single = (each.get((part,)) for each in (sums, entries))
    if whole is None or single is None or whole.exponent is None or single.exponent is None:
        return None
    return Predicted(whole.exponent - single.exponent, whole.is_upper)

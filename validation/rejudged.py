"""Judge recorded families again by the theory of the whole network: python -m validation.rejudged

Nothing is trained: of every row and term the record has the slope and its interval. Where the network's leading terms
are others than those that were measured together, each is judged by itself. `validation/networks` has the page.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gamma_calc.experiment.prediction import Predicted, Prediction, at_largest_rate, predictions
from gamma_calc.experiment.verdicts import worst
from gamma_calc.files import write_all
from gamma_calc.huggingface.coordinates import together
from gamma_calc.huggingface.network_predictions import network_predictions
from gamma_calc.simulation.slopes import SlopeEstimate
from gamma_calc.simulation.verdicts import Verdict, verdict
from validation.architectures import family_model
from validation.families import RECORDINGS, recorded

PLACE = Path(__file__).resolve().parent / "networks" / "rejudged.json"
NAMES = ("llama", "roberta", "llama-unit-scale", "llama-unit-scale-shallow")
"""Recordings whose loss is linear in the output, as the theory has it, without decay."""


def again(name: str) -> dict[str, Any]:
    """A recording by the network's theory: counts, and each row that FAILs by a theory or has another exponent."""
    recording, data = RECORDINGS[name], recorded(name)
    model = family_model(recording.family, recording.widths[0], 0, recording.shape)
    rows = []
    for scheme in map(at_largest_rate, recording.schemes):
        whole = network_predictions(model, scheme, data["settings"]["steps"])
        alone = {(each.quantity, each.t): together(each) for each in predictions(scheme, data["settings"]["steps"])}
        places = {(layer, each.quantity, each.t): together(each) for layer, every in whole.items() for each in every}
        for row in data["quantities"]:
            if row["scheme"] == scheme.name:
                key = row["quantity"], row["t"]
                rows.append(_row(row, places[row["layer"], *key], alone[key]))
    counts = [
        {word.value: sum(row[key] == word.value for row in rows) for word in Verdict} for key in ("module", "network")
    ]
    kept = [row for row in rows if Verdict.FAIL.value in (row["module"], row["network"]) or _is_deep(row)]
    return {"name": name, "module": counts[0], "network": counts[1], "rows": kept}


def _is_deep(row: Mapping[str, Any]) -> bool:
    return bool(row["predicted"] != row["alone"])


def _row(row: Mapping[str, Any], whole: Prediction, alone: Prediction) -> dict[str, Any]:
    terms = {tuple(term["term"].split()): term for term in row["terms"]}
    lone = [term for term, each in alone.terms.items() if each.exponent is not None]
    numbers = {term: terms.get(term) or (row if not terms and [term] == lone else None) for term in whole.terms}
    judged = {" ".join(term): _verdict(whole.terms[term], found) for term, found in numbers.items()}
    if _leading(whole) == _leading(alone):
        judged[""] = _verdict(whole.total, row)
    found = worst(judged.values())
    why = next(term for term, each in judged.items() if each is found)
    return {
        "scheme": row["scheme"],
        "layer": row["layer"],
        "quantity": row["quantity"],
        "t": row["t"],
        "alone": str(alone.total),
        "predicted": str(whole.total),
        "module": row["verdict"],
        "network": found.value,
        "term": "" if found is Verdict.PASS else why,
    }


def _leading(prediction: Prediction) -> set[tuple[str, ...]]:
    total = prediction.total.exponent
    return {term for term, each in prediction.terms.items() if each.exponent == total}


def _verdict(predicted: Predicted, found: Mapping[str, Any] | None) -> Verdict:
    """The verdict on recorded numbers; without any the term was exactly zero."""
    if found is None or found["measured"] is None:
        estimate = SlopeEstimate((), 0, is_zero=True)
    else:
        low, high = found["ci"]
        half = (high - low) / 2
        estimate = SlopeEstimate((64, 4096), 2, found["measured"], (low, high), half, half)
    return verdict(predicted.exponent, estimate, upper=predicted.is_upper).verdict


def main() -> int:
    """Judge again, and write the record."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of deprecated names in transformers
        found = list(map(again, NAMES))
    for each in found:
        print(each["name"], each["module"], each["network"], Counter(row["network"] for row in each["rows"]))
    write_all({PLACE: json.dumps({"schema": 1, "recordings": found}, indent=0) + "\n"})
    return 0


if __name__ == "__main__":
    sys.exit(main())

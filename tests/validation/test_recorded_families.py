"""The recorded families: predictions are today's, verdicts follow from the numbers beside them, pages from both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import pytest

from gamma_calc.experiment.prediction import at_largest_rate, predictions
from gamma_calc.experiment.verdicts import worst
from gamma_calc.huggingface.coordinates import together
from gamma_calc.simulation.slopes import SlopeEstimate
from gamma_calc.simulation.verdicts import Verdict, verdict
from validation.families import FOLDER, RECORDINGS, recorded
from validation.family_page import LEAST_REACH, REACH, family_page, is_finite, reach, summary_line

NAMES = tuple(RECORDINGS)
REFERENCES = ("llama", "roberta")


def judged(entry: Mapping[str, Any], *, is_zero: bool) -> Verdict:
    """The verdict on the numbers of a quantity's leading terms, or of one term, by the rule of every cross-check."""
    exponent = None if entry["predicted"] == "-oo" else Fraction(entry["predicted"])
    if entry["measured"] is None:
        found = SlopeEstimate((), 0, is_zero=is_zero)
    else:
        low, high = entry["ci"]
        half = (high - low) / 2
        found = SlopeEstimate((64, 4096), 2, entry["measured"], (low, high), half, half)
    return verdict(exponent, found, upper=entry["upper"]).verdict


def parts(row: Mapping[str, Any]) -> Iterator[Verdict]:
    """The verdicts that a row's is the worst of; a term that is not listed is zero as predicted, or all of the row."""
    yield judged(row, is_zero=not any(row["sizes"]))
    for term in row["terms"]:
        found = judged(term, is_zero=True)
        assert found.value == term["verdict"], term
        yield found


def test_both_families_are_recorded_with_the_reference_setting() -> None:
    for name in REFERENCES:
        data = recorded(name)
        assert data["settings"]["differs"] == "nothing" and data["settings"]["seeds"] == 16
        assert data["verdict"] != Verdict.FAIL.value
        assert sum(row["verdict"] == Verdict.PASS.value for row in data["quantities"]) > 0.95 * 288


@pytest.mark.parametrize("name", NAMES)
def test_verdicts_follow_from_the_recorded_numbers(name: str) -> None:
    data = recorded(name)
    for row in data["quantities"]:
        assert worst(parts(row)).value == row["verdict"], row
        assert bool(row["reason"]) == (row["verdict"] != Verdict.PASS.value)
    assert worst(Verdict(row["verdict"]) for row in data["quantities"]).value == data["verdict"]
    for layer in data["layers"]:
        own = [row for row in data["quantities"] if (row["scheme"], row["layer"]) == (layer["scheme"], layer["layer"])]
        assert worst(Verdict(row["verdict"]) for row in own).value == layer["verdict"]
    assert data["control"]["verdict"] == Verdict.FAIL.value


def test_another_slope_would_have_another_verdict() -> None:
    row = next(row for row in recorded("llama")["quantities"] if row["quantity"] == "B" and row["t"] == 1)
    wrong = {**row, "predicted": "-1"}
    assert (judged(row, is_zero=False), judged(wrong, is_zero=False)) == (Verdict.PASS, Verdict.FAIL)


@pytest.mark.parametrize("name", NAMES)
def test_recorded_predictions_are_those_of_today(name: str) -> None:
    data, recording = recorded(name), RECORDINGS[name]
    adapters = 2 * recording.shape.layers
    assert len(data["layers"]) == adapters * len(recording.schemes)
    for scheme in map(at_largest_rate, recording.schemes):
        today = {(each.quantity, each.t): together(each) for each in predictions(scheme, data["settings"]["steps"])}
        rows = [row for row in data["quantities"] if row["scheme"] == scheme.name]
        assert len(rows) == adapters * len(today)
        for row in rows:
            expected = today[row["quantity"], row["t"]]
            assert (row["predicted"], row["upper"]) == (str(expected.total), expected.total.is_upper)


@pytest.mark.parametrize("name", NAMES)
def test_the_record_is_of_the_recording_as_it_stands(name: str) -> None:
    settings, recording = recorded(name)["settings"], RECORDINGS[name]
    assert (settings["family"], settings["loss"]) == (recording.family, recording.loss)
    assert (settings["layers"], Fraction(settings["scale"])) == (recording.shape.layers, recording.shape.scale)
    assert (tuple(settings["widths"]), settings["seeds"]) == (recording.widths, recording.seeds)
    assert (settings["weight_decay"], settings["pretraining"]) == (recording.weight_decay, recording.shape.pretraining)
    environment = recorded(name)["environment"]
    assert {"command", "date", "seconds", "python", "torch", "transformers", "peft"} <= environment.keys()


@pytest.mark.parametrize("name", NAMES)
def test_the_page_is_made_from_the_record(name: str) -> None:
    assert (FOLDER / f"{name}.md").read_text(encoding="utf-8") == family_page(name, recorded(name))


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_sums_the_record_up(name: str) -> None:
    assert summary_line(name, recorded(name)) in (FOLDER.parent / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("family", REFERENCES)
def test_weight_decay_alone_moves_the_factor_that_has_no_gradient_at_the_first_step(family: str) -> None:
    for name, moves in ((family, False), (f"{family}-decay", True)):
        first = [row for row in recorded(name)["quantities"] if (row["quantity"], row["t"]) == ("delta_3", 1)]
        assert len(first) == 12
        assert all((row["measured"] is not None) == moves == (row["predicted"] != "-oo") for row in first)


@pytest.mark.parametrize("name", NAMES)
def test_the_plot_reaches_as_far_as_its_intervals(name: str) -> None:
    data, last = recorded(name), recorded(name)["settings"]["steps"]
    rows = [row for row in data["quantities"] if row["t"] == last and is_finite(row)]
    ends = [float(end - Fraction(row["predicted"])) for row in rows for end in row["ci"]]
    for way, found in zip((-1, 1), reach(data), strict=True):
        farthest = max(way * end for end in ends)
        # Ends are recorded to five places.
        assert min(farthest, REACH) <= way * found <= max(1.05 * farthest, LEAST_REACH) + 1e-4

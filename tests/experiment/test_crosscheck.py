"""Predictions against measurements: what passes, what has to fail, and why a verdict was given."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

from gamma_calc import crosscheck
from gamma_calc.analysis.cancellation import cancellation
from gamma_calc.analysis.derivation import derived
from gamma_calc.derivation.questions import Derived
from gamma_calc.errors import BadInput
from gamma_calc.experiment.crosscheck import Control, Crosscheck
from gamma_calc.experiment.folder import distinct_stems, folder_contents, sheet
from gamma_calc.experiment.prediction import Predicted, Prediction, at_largest_rate, moved, predictions
from gamma_calc.experiment.setup import Settings
from gamma_calc.experiment.verdicts import judged
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.scheme import Scheme
from gamma_calc.simulation.program_sizes import Key
from gamma_calc.simulation.verdicts import TOLERANCE, Judgement, Verdict
from tests.schemes import scheme

QUICK = Settings(widths=(64, 128, 256, 512, 1024, 4096), seeds=12, steps=3)


@pytest.fixture(scope="module")
def init_a() -> Crosscheck:
    return crosscheck("init-a", settings=QUICK)


def test_every_exponent_of_init_a_is_confirmed(init_a: Crosscheck) -> None:
    assert init_a.verdict is Verdict.PASS
    assert {(row.quantity, row.t) for row in init_a.rows} == {
        (name, t) for name in ("A", "B", "Z_A", "Z_B", "Delta_Z_B", "delta_1", "delta_2", "delta_3") for t in (1, 2, 3)
    }
    assert init_a.warnings == ()


def test_the_control_fails_where_an_aligned_sum_leads(init_a: Crosscheck) -> None:
    (checked,) = init_a.schemes
    failed = {(row.quantity, row.t) for row in checked.control.rows if row.verdict is Verdict.FAIL}
    assert ("Z_A", 2) in failed and ("delta_1", 2) in failed
    judged_rows = {(row.quantity, row.t) for row in checked.control.rows}
    assert ("Z_A", 1) not in judged_rows  # the same with the assumption and without it: a FAIL would show nothing


def test_the_plain_data_says_what_computed_it(init_a: Crosscheck) -> None:
    origin = json.loads(folder_contents(init_a)["crosscheck.json"])["environment"]
    assert origin["threads"] == str(torch.get_num_threads())
    assert origin["torch"] == torch.__version__ and origin["numpy"] == np.__version__


def test_settings_of_lists_and_of_numpys_numbers_are_those_of_plain_ones() -> None:
    plain = Settings((16, 32), seeds=4, steps=1, seed=3, prefactor=Fraction(2))
    kinds = ([16, 32], np.int64(4), np.int32(1), np.int64(3)), ((np.int64(16), 32), 4, 1, 3)
    for widths, seeds, steps, seed in kinds:
        given: Any = {"widths": widths, "seeds": seeds, "steps": steps, "seed": seed, "prefactor": 2}
        assert repr(Settings(**given)) == repr(plain) and hash(Settings(**given)) == hash(plain)
    assert Settings(prefactor="1/16") == Settings(prefactor=Fraction(1, 16))  # type: ignore[arg-type]
    assert json.dumps(crosscheck("init-a", settings=Settings(**given)).json()["settings"])


def test_a_frozen_factor_is_measured_without_a_rate() -> None:
    exponents = {"A": "-1/2", "B": "zero", "eta_B": "0"}
    small = Settings(widths=(4, 8, 16, 32, 64, 256), seeds=3, steps=2)
    without, given = (
        crosscheck(Scheme("fa", {**exponents, **more}, trained=frozenset("B")), settings=small).schemes[0]
        for more in ({}, {"eta_A": "-3"})
    )
    assert without.rates == given.rates and without.rates.startswith("eta_B = ")
    assert repr(without.rows) == repr(given.rows)  # in which some numbers are nan


def test_terms_are_judged_apart(init_a: Crosscheck) -> None:
    row = next(row for row in init_a.rows if (row.quantity, row.t) == ("Z_A", 3))
    assert {term: str(each.predicted) for term, each in row.terms.items()} == {("A_0",): "0", ("U_A",): "1/2"}
    assert row.leading.measured == row.terms["U_A",].measured


def test_a_figure_has_the_verdict_of_its_row(init_a: Crosscheck) -> None:
    """Terms that lead together may be refuted where each of them alone is not."""
    (checked,) = init_a.schemes
    (row,) = (row for row in init_a.rows if (row.quantity, row.t) == ("Z_A", 3))
    refuted = replace(row, leading=replace(row.leading, judgement=Judgement(Verdict.FAIL, "of all together")))
    assert checked.measurement is not None
    (panel,) = sheet(checked.scheme, [refuted], checked.measurement).panels
    assert (panel.worst, {each.verdict for each in panel.series}) == ("FAIL", {"PASS"})


def test_what_is_predicted_to_vanish_is_exactly_zero(init_a: Crosscheck) -> None:
    row = next(row for row in init_a.rows if (row.quantity, row.t) == ("delta_1", 1))
    assert (row.leading.measured, str(row.leading.predicted), row.verdict) == (None, "-oo", Verdict.PASS)


def test_another_schemes_predictions_fail() -> None:
    found = crosscheck("init-a", against="init-b", settings=QUICK, at={"eta": "-1"})
    assert (found.verdict, found.against) == (Verdict.FAIL, "init-b")
    rows = {(row.quantity, row.t): row for row in found.rows}
    for row in (rows["A", 1], rows["Z_A", 1]):  # A_0 is there; the update that leads by the other prediction is not
        assert row.raw_slope is not None and row.leading.estimate.is_zero
        assert row.remark == row.reason and row.reason.startswith("term U_A: ")
        assert row.reason.count("exactly zero in every run") == 1
    assert rows["delta_2", 1].reason == "predicted to vanish, and is not exactly zero"


@pytest.mark.parametrize("optimizer", ["sign", "sgd"])
@pytest.mark.parametrize("name", ["init-a", "init-b"])
def test_other_optimizers(name: str, optimizer: str) -> None:
    assert crosscheck(name, optimizer=optimizer, settings=Settings(seeds=32, steps=3)).verdict is Verdict.PASS


def test_a_rank_that_grows() -> None:
    subject = scheme("-1/2", "zero", "-3/4", "-3/4", rank="1/4", optimizer="sign")
    found = crosscheck(subject, settings=Settings(widths=tuple(2**k for k in range(6, 13)), seeds=32, steps=3))
    assert found.verdict is Verdict.PASS, [row.reason for row in found.rows if row.verdict is not Verdict.PASS]


def test_a_free_rate_takes_its_largest_stable_value() -> None:
    assert at_largest_rate(CATALOGUE["init-a"])["eta_A"].constant == Fraction(-1, 2)
    assert at_largest_rate(CATALOGUE["init-a"].under("sgd"))["eta_A"].constant == -1
    with pytest.raises(BadInput, match="--at a=-1"):
        at_largest_rate(scheme("-1/2", "zero", "a", "b"))


def test_epsilon_is_negligible_at_every_width() -> None:
    """Assumption A7: a gradient of n^(-4) is far below torch's epsilon, and runs have none."""
    subject = scheme("-1/2", "zero", "-1/2", "-1/2", gradient="-4")
    assert crosscheck(subject, settings=QUICK).verdict is Verdict.PASS


EXTRAS = {"decay": {"decay": "1/2"}, "momentum": {"momentum": "0"}, "both": {"decay": "0", "momentum": "-1/4"}}


@pytest.mark.parametrize(
    ("name", "optimizer"), [("decay", "adam"), ("momentum", "sgd"), ("both", "adam"), ("both", "sgd")]
)
def test_momentum_and_decay_are_confirmed_term_by_term(name: str, optimizer: str) -> None:
    extra = EXTRAS[name]
    subject = scheme("-1/2", "zero", "c", "c", optimizer=optimizer, **extra)
    found = crosscheck(subject, settings=Settings(seeds=32, steps=3))
    assert found.verdict is Verdict.PASS
    assert found.control is Verdict.FAIL
    (told,) = found.json()["schemes"]
    assert {key for key in told if key.startswith("prefactor_")} == {f"prefactor_{key}" for key in extra}


def test_a_decay_that_is_not_there_is_seen() -> None:
    """At step 1 the decay alone moves A: delta_3 is 2 eta + lambda, and not zero."""
    with_decay, without = (scheme("-1/2", "zero", "c", "c", **more) for more in ({"decay": "1/2"}, {}))
    found = crosscheck(with_decay, against=without, settings=QUICK)
    assert found.verdict is Verdict.FAIL
    row = next(row for row in found.rows if (row.quantity, row.t) == ("delta_3", 1))
    assert (str(row.leading.predicted), row.verdict) == ("-oo", Verdict.FAIL)


def test_a_loss_that_feeds_back_says_what_is_not_assumed() -> None:
    subject = scheme("-1/2", "zero", "-1", "-1", optimizer="sgd", feedback="0")
    found = crosscheck(subject, settings=QUICK)
    assert found.verdict is Verdict.PASS
    assert found.control is Verdict.FAIL
    assert any("feeds back" in text and "A4" in text for text in found.warnings)


def test_a_decay_that_turns_signs_says_what_is_not_assumed() -> None:
    """A_0 changes sign at every step, so B's second sign step takes back the first: B is of size eta^2 lambda."""
    subject = scheme("-1/2", "zero", "-1/4", "-2", optimizer="sign", decay="1")
    found = crosscheck(subject, settings=QUICK)
    assert found.verdict is Verdict.PASS
    assert any("undo each other" in text and "A4" in text for text in found.warnings)


@pytest.mark.parametrize(
    ("optimizer", "decay", "trained"),
    [("adam", "1", "AB"), ("sgd", "1", "AB"), ("sign", "1/4", "AB"), ("sign", "1", "B")],
)
def test_a_decay_that_turns_no_sign_that_is_felt_keeps_the_assumption(optimizer: str, decay: str, trained: str) -> None:
    subject = scheme("-1/2", "zero", "-1/4", "-2", optimizer=optimizer, decay=decay)
    assert not cancellation(replace(subject, trained=frozenset(trained)))


def test_the_rule_and_what_the_intervals_hold_are_said(init_a: Crosscheck) -> None:
    data = init_a.json()
    assert data["rule"]["tolerance"] == TOLERANCE
    assert data["rule"]["PASS"].startswith("the slope is within 0.05 of the prediction")
    held = 0
    near = [row for row in data["quantities"] if row["law"] is None]  # not decided far out
    for row in near:
        if row["ci"] is None:
            assert row["in_ci"] is None
        else:
            low, high = row["ci"]
            assert row["in_ci"] == (low <= Fraction(row["predicted"]) <= high)
            held += row["in_ci"]
    count = sum(row["ci"] is not None for row in near)
    assert 0 < held < count
    assert f"{held} of {count} intervals hold the prediction; the others miss it by at most" in init_a.summary


def test_the_resolution_is_what_a_prediction_has_to_be_off_by_to_fail(init_a: Crosscheck) -> None:
    finest, coarsest = min(init_a.resolutions), max(init_a.resolutions)
    assert TOLERANCE <= finest <= coarsest <= 3 * TOLERANCE
    (checked,) = init_a.schemes
    own = predictions(checked.scheme, QUICK.steps)
    assert checked.measurement is not None
    for factor, expected in (("1001/1000", True), ("999/1000", False)):
        shift = Fraction(coarsest) * Fraction(factor)
        both = [judged("", [moved(each, sign * shift) for each in own], checked.measurement) for sign in (1, -1)]
        failed = [
            row.leading.judgement.verdict is other.leading.judgement.verdict is Verdict.FAIL
            for row, other, found in zip(*both, init_a.rows, strict=True)
            if row.leading.predicted.exponent is not None and found.leading.far is None
        ]
        assert all(failed) is expected
    assert f"by {coarsest:.3f} in each" in init_a.summary
    assert init_a.json()["control"]["resolution"]["every"] == coarsest


def test_widths_may_be_a_list(init_a: Crosscheck) -> None:
    widths: Any = list(QUICK.widths)
    found = crosscheck("init-a", settings=replace(QUICK, widths=widths))
    assert [row.leading.measured for row in found.rows] == [row.leading.measured for row in init_a.rows]


def test_where_no_aligned_sum_can_be_wrong_another_control_fails() -> None:
    found = crosscheck("init-a", settings=replace(QUICK, steps=1))
    assert found.control is Verdict.FAIL
    assert "No control" not in found.summary
    assert (
        "The control, whose assumption is false, fails as it has to; for init-a, where no aligned sum tells, it is that"
        " every finite exponent is larger by 1/4." in found.summary
    )
    assert "larger by 1/4" in found.json()["control"]["assumption"]


def test_a_control_that_passes_is_said_to_be_none(init_a: Crosscheck) -> None:
    blind = replace(init_a.schemes[0], control=Control("nothing", init_a.rows))
    silent = replace(init_a, schemes=(init_a.schemes[0], blind))
    assert silent.control is Verdict.PASS
    assert silent.verdict is Verdict.PASS
    assert "No control: false predictions for init-a are PASS, so its verdicts show nothing" in silent.summary


def test_nothing_is_trained_where_nothing_would_be_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gamma_calc.experiment.crosscheck.program_sizes", None)
    for settings, word in ((Settings(widths=(128, 256)), "2 widths"), (Settings(seeds=2), "2 runs")):
        found = crosscheck("init-a", "init-b", settings=settings)
        assert (found.verdict, found.summary.count(word)) == (Verdict.INCONCLUSIVE, 1)
        assert {row.verdict for row in found.rows} == {Verdict.INCONCLUSIVE}
        assert "index.html" in folder_contents(found)


@pytest.mark.parametrize("names", [("a b", "a-b"), ("a", "a"), ("a", "A")], ids=["blank", "same", "case"])
def test_two_names_never_share_a_file(names: tuple[str, str]) -> None:
    assert len({stem.casefold() for stem in distinct_stems(names)}) == 2


def test_two_schemes_never_share_a_file() -> None:
    first, second = (scheme(a, "zero", "-1/2", "-1/2") for a in ("-1/2", "-1"))
    pair = [replace(first, name="a"), replace(second, name="A")]
    contents = folder_contents(crosscheck(*pair, settings=replace(QUICK, steps=1)))
    assert len({path.casefold() for path in contents}) == len(contents) == 3 + 2 * 5
    sections = str(contents["report.md"]).split("\n## ")[1:3]
    for section, subject in zip(sections, pair, strict=True):
        (path,) = re.findall(r"\((derivations/\S*\.md)\)", section)
        assert contents[path] == Derived(derived(subject)).markdown()


@dataclass(frozen=True)
class Sums:
    """Two terms x and y, and their sum, as a measurement."""

    configuration: Settings
    mean_square: dict[Key, np.ndarray]
    is_excluded: np.ndarray


@pytest.mark.parametrize(
    ("terms", "whole", "said"),
    [
        (("0", "0"), lambda n: n**-1.0, "its leading terms cancel: their sum falls like n^(-0.50) beside them"),
        (("0", "0"), lambda n: 0.0, "its leading terms cancel: their sum is zero"),
        (("0", "0"), lambda n: 0.1, ""),
        (("0", "0"), lambda n: 2 + 1e6 / n, ""),
        (("0", "-1/2"), lambda n: n**-1.0, ""),
    ],
    ids=["by a power", "wholly", "in part", "beside larger ones", "a term alone"],
)
def test_a_sum_whose_leading_terms_cancel_is_not_as_large_as_they_are(
    terms: tuple[str, str], whole: Callable[[float], float], said: str
) -> None:
    """Each term is as it is predicted; of their sum that says nothing."""
    settings = Settings(widths=tuple(2**k for k in range(7, 14)), seeds=8, steps=1)
    exponents = {(name,): Predicted(Fraction(each)) for name, each in zip("xy", terms, strict=True)}
    sizes = {
        term: [float(n) ** float(2 * each.exponent or 0) for n in settings.widths] for term, each in exponents.items()
    }
    squares = {term: np.outer(each, np.linspace(0.9, 1.1, 8)) for term, each in sizes.items()}
    values = np.outer([whole(float(n)) for n in settings.widths], np.linspace(0.9, 1.1, 8))
    keys: dict[Key, np.ndarray] = {(1, "v", term): each for term, each in squares.items()}
    measurement = Sums(settings, keys | {(1, "v", None): values}, np.zeros(values.shape, dtype=bool))
    total = Predicted(max(each.exponent for each in exponents.values() if each.exponent is not None))
    (row,) = judged("", [Prediction("v", 1, total, exponents)], measurement)
    assert row.cancelled == said
    assert row.verdict is (Verdict.FAIL if said else Verdict.PASS)
    assert row.leading.judgement.verdict is Verdict.PASS and row.json()["verdict"] == row.verdict.value


def test_of_a_sum_whose_leading_terms_are_not_settled_nothing_is_said() -> None:
    """They fall from widths at which they are larger: as yet it is open where their sum stays."""
    settings = Settings(widths=tuple(2**k for k in range(7, 14)), seeds=8, steps=1)
    widths, noise = np.array(settings.widths, dtype=float), np.random.default_rng(7).lognormal(sigma=1.0, size=(7, 8))
    terms = {(name,): Predicted(Fraction(0)) for name in "xy"}
    keys: dict[Key, np.ndarray] = {(1, "v", term): noise * np.c_[widths**-0.1] for term in terms}
    whole = noise * np.c_[widths**-0.6]
    measurement = Sums(settings, keys | {(1, "v", None): whole}, np.zeros(whole.shape, dtype=bool))
    (row,) = judged("", [Prediction("v", 1, Predicted(Fraction(0)), terms)], measurement)
    assert row.leading.judgement.verdict is Verdict.INCONCLUSIVE and row.verdict is Verdict.INCONCLUSIVE
    (row,) = judged(
        "",
        [Prediction("v", 1, Predicted(Fraction(0)), terms)],
        replace(measurement, mean_square=keys | {(1, "v", None): 0 * whole}),
    )
    assert row.cancelled == "its leading terms cancel: their sum is zero" and row.verdict is Verdict.FAIL


def test_runs_that_overflow_are_left_out_without_a_warning() -> None:
    found = crosscheck("init-a", optimizer="sgd", at={"eta": "3"}, settings=Settings(seeds=4))
    assert found.verdict is Verdict.INCONCLUSIVE

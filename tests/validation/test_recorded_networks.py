"""The recorded networks: predictions are today's, the page is made from the record, one module's theory FAILs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest

from gamma_calc.experiment.prediction import at_largest_rate
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.simulation.verdicts import TOLERANCE
from validation.network_paths import Theory, deep_terms
from validation.networks import (
    DEEP,
    FAMILIES,
    FOLDER,
    RUNS,
    STEPS,
    is_above,
    is_deep,
    is_finite,
    judged_apart,
    of_initial,
    page,
    refuted_paths,
    settings,
    shares,
    theories,
    theories_without_paths,
)

ROOT = FOLDER.parents[1]
DATA: Mapping[str, Any] = {
    name: json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    for name in RUNS
    if (FOLDER / f"{name}.json").exists()
}
FAST = (["gpt2", "gpt2-far"], DEEP)
FAR = [name for name in DATA if RUNS[name].is_implicit]
WIDE = {("llama-all-linear-far", DEEP), ("gpt2-all-linear-far", "init-a")}
"""Of those with adapters on all linear layers the ones whose paths are derived again; each takes up to a minute."""
ALIKE = [
    [name for name in DATA if (RUNS[name].family, RUNS[name].shape) == model]
    for model in dict.fromkeys((RUNS[name].family, RUNS[name].shape) for name in DATA)
]
"""Recordings of one model with the same adapters, at several widths."""
CASES = [(names, scheme) for names in ALIKE for scheme in RUNS[names[0]].schemes]


def test_the_page_is_made_from_the_record() -> None:
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == page()


def test_the_readmes_give_the_counts_of_the_five_families() -> None:
    rows = [row for family in FAMILIES for row in DATA[family]["rows"] if is_finite(row)]
    count = Counter(row["verdict"] for row in rows)
    said = f"{count['PASS']} of the {len(rows)}"
    for path in ("README.md", "validation/README.md", "docs/results.md"):
        text = " ".join((ROOT / path).read_text(encoding="utf-8").split())
        assert said in text and f"{count['FAIL']} FAIL" in text, path
    rows = [row for family in FAMILIES for row in DATA[f"{family}-all-linear"]["rows"] if is_finite(row)]
    passed = sum(row["verdict"] == "PASS" for row in rows)
    assert f"{passed} of the {len(rows)}" in " ".join((ROOT / "validation/README.md").read_text("utf-8").split())


@pytest.mark.parametrize(("is_all_linear", "refuted"), [(False, 4), (True, 52)])
def test_the_readmes_say_how_much_is_confirmed_far_out(is_all_linear: bool, refuted: int) -> None:
    names = [name for name in FAR if RUNS[name].shape.is_all_linear is is_all_linear]
    rows = [row for name in names for row in DATA[name]["rows"] if is_finite(row)]
    count = Counter(map(judged_apart, rows))
    assert (len(names), count["FAIL"]) == (len(FAMILIES), refuted)
    for path in ("validation/README.md", "docs/results.md"):
        text = " ".join((ROOT / path).read_text(encoding="utf-8").split())
        assert f"{count['PASS']} of {len(rows)}" in text, path
        assert not refuted or f"and {refuted} FAIL" in text, path


@pytest.mark.parametrize("family", FAMILIES)
def test_most_of_each_family_is_confirmed_far_out(family: str) -> None:
    rows = [row for row in DATA[f"{family}-far"]["rows"] if is_finite(row)]
    assert sum(judged_apart(row) == "PASS" for row in rows) >= 0.95 * len(rows)


@pytest.mark.parametrize("name", FAR)
def test_without_the_path_a_0_does_not_know_its_input(name: str) -> None:
    """What the path makes grows, by the whole interval of its slope; without it what the network derives FAILs.

    The negative control: one of many is left open.
    """
    found = DATA[name]["paths"]
    assert found and all(each["path"]["ci"][0] > 0 for each in found)
    controls = Counter(each["control"] for each in found)
    assert not controls["PASS"] and controls["INCONCLUSIVE"] <= RUNS[name].shape.is_all_linear


def test_what_is_derived_of_the_network_with_the_path_cut_is_refuted_three_times() -> None:
    refuted = {
        (name, each["scheme"], each["layer"])
        for name in FAR
        for each in DATA[name]["paths"]
        if each["cut"]["verdict"] == "FAIL"
    }
    assert refuted == {
        ("gpt2-all-linear-far", DEEP, "transformer.h.1.mlp.c_proj"),
        ("opt-all-linear-far", DEEP, "model.decoder.layers.1.fc2"),
        ("qwen3-all-linear-far", DEEP, "model.layers.1.mlp.down_proj"),
    }


NORMED = ("q_proj", "k_proj", "v_proj", "gate_proj", "up_proj", "c_attn", "c_fc", "fc1", "query", "key", "value")
"""Adapters behind a norm, by the last words of their names."""


def test_slopes_above_what_is_derived_are_those_of_shares_that_still_grow() -> None:
    """Behind a norm A_0 Z is at most n^(1/2), by Cauchy and Schwarz, which is what is derived."""
    above = [(data, each) for data, each in refuted_paths([DATA[name] for name in FAR]) if is_above(each["path"])]
    assert above and {each["scheme"] for _, each in above} == {DEEP}
    for data, each in above:
        is_normed = each["layer"].endswith(NORMED)
        assert each["path"]["derived"] == ("1/2" if is_normed else "1")
        early, late = shares(data, each["path"])
        assert early < late and (late < 1 or not is_normed)


def test_from_b_random_nothing_is_refuted_of_queries_and_values() -> None:
    rows = [row for family in FAMILIES for row in DATA[family]["rows"] if row["scheme"] == "init-b"]
    assert len(rows) == 432 and not [row for row in rows if row["verdict"] == "FAIL"]


@pytest.mark.parametrize("name", DATA)
def test_the_record_is_of_the_run_as_it_stands(name: str) -> None:
    assert {key: DATA[name][key] for key in settings(RUNS[name])} == settings(RUNS[name])


@pytest.mark.parametrize(
    ("names", "scheme"),
    [
        pytest.param(*case, marks=() if case == FAST else pytest.mark.slow, id=f"{case[0][0]}-{case[1]}")
        for case in CASES
    ],
)
def test_what_is_recorded_is_derived_today(names: list[str], scheme: str) -> None:
    """What is predicted of every row; and which parts are measured apart, and what is derived of these."""
    whole, alone = theories(RUNS[names[0]], at_largest_rate(CATALOGUE[scheme]))
    for name in names:
        check_rows([row for row in DATA[name]["rows"] if row["scheme"] == scheme], whole, alone)
        if name in FAR and (not RUNS[name].shape.is_all_linear or (name, scheme) in WIDE):
            cut = theories_without_paths(RUNS[name], at_largest_rate(CATALOGUE[scheme]))
            today = {
                layer: {"path": str(of_initial(whole[layer])), "cut": str(of_initial(cut[layer]))}
                for layer in whole
                if deep_terms(whole[layer], cut[layer], STEPS)
            }
            found = [each for each in DATA[name]["paths"] if each["scheme"] == scheme]
            assert {each["layer"]: {part: each[part]["derived"] for part in ("path", "cut")} for each in found} == today


def check_rows(rows: list[Any], whole: Mapping[str, Theory], alone: Theory) -> None:
    """That rows have the predictions of a network and of a module."""
    module = {(each.quantity, each.t): each.total for each in alone}
    today = {(layer, each.quantity, each.t): each.total for layer, found in whole.items() for each in found}
    assert {(row["layer"], row["quantity"], row["t"]) for row in rows} == today.keys()
    for row in rows:
        total = today[row["layer"], row["quantity"], row["t"]]
        assert (row["predicted"], row["upper"]) == (str(total), total.is_upper)
        assert row["module"][0] == str(module[row["quantity"], row["t"]])


@pytest.mark.parametrize("name", DATA)
def test_a_row_that_passes_is_near_its_prediction(name: str) -> None:
    for row in DATA[name]["rows"]:
        if row["verdict"] == "PASS" and row["measured"] is not None and not row["upper"]:
            assert abs(row["measured"] - float(Fraction(row["predicted"]))) <= TOLERANCE + 1e-3, row


@pytest.mark.parametrize("name", [name for name in DATA if DEEP in RUNS[name].schemes])
def test_one_module_s_theory_fails_in_depth_and_the_network_s_differs_from_it(name: str) -> None:
    rows = [row for row in DATA[name]["rows"] if row["scheme"] == DEEP and is_deep(row)]
    assert rows and any(row["module"][1] == "FAIL" for row in rows)

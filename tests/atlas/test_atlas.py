"""The atlas: what is derived owes nothing to what is printed, and the two are compared exactly."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from gamma_calc.algebra import Affine, Exponent, Inequality, Polyhedron, Region
from gamma_calc.atlas import families
from gamma_calc.atlas.claims import Claim, claims, read
from gamma_calc.atlas.comparison import ComparedClaim, Standing, atlas, compared, is_same
from gamma_calc.atlas.families import lora
from gamma_calc.atlas.measurement import measured
from gamma_calc.atlas.questions import Question, QuestionKind, Subject, answer_to
from gamma_calc.cli.main import main
from gamma_calc.errors import BadInput, Unknown
from gamma_calc.experiment.setup import Settings

DATA = [Path(str(each)) for each in files(families).iterdir() if each.name.endswith(".toml")]
SLOW = ("everett", "tensor_programs", "width")
X = Affine.symbol("x")


@pytest.mark.slow
def test_every_difference_has_its_reason() -> None:
    for row in atlas():
        if row.status is Standing.AGREES:
            assert row.answer is not None and not row.reason, row.claim.id
        elif row.status is Standing.DIFFERS:
            assert len(row.reason.split()) >= 25, row.claim.id
        else:
            assert row.answer is None and row.reason, row.claim.id


@pytest.mark.slow
def test_no_question_is_left_open_by_the_rules() -> None:
    """Where a claim has a question, the rules answer it; what they cannot do is said in the data."""
    assert [row.claim.id for row in atlas() if row.claim.question is not None and row.answer is None] == []


def garbled(document: dict[str, Any]) -> dict[str, Any]:
    """The data with another value wherever one is published."""
    for source in document["source"]:
        for group in source["group"]:
            for entry in (group, *group["claims"]):
                if "published" in entry:
                    entry["published"] = "12345"
    return document


@pytest.mark.parametrize(
    "path", [pytest.param(path, id=path.stem, marks=pytest.mark.slow if path.stem in SLOW else ()) for path in DATA]
)
def test_what_is_published_does_not_enter_what_is_derived(path: Path) -> None:
    """The same is derived of other data, and of claims of which the published value is deleted."""
    subjects = import_module(f"{families.__name__}.{path.stem}").SUBJECTS
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    derived = {each.id: compared(each).answer for each in read(document, subjects)}
    false = {each.id: each for each in read(garbled(document), subjects)}
    assert list(derived) == list(false) and {each.published for each in false.values()} == {"12345"}
    for name, each in false.items():
        if each.question is not None and each.subject is not None:
            assert isinstance(derived[name], Region) or compared(each).status is Standing.DIFFERS
            object.__delattr__(each, "published")
            assert not hasattr(each, "published")
            assert answer_to(each.question, each.subject, each.other) == derived[name]


@pytest.mark.parametrize(
    ("published", "answer", "expected"),
    [
        ("x <= -1/2", Region.of(Polyhedron.of(Inequality(-2 * X - 1))), True),
        ("2*x + 1 <= 0", Region.of(Polyhedron.of(Inequality(-2 * X - 1))), True),
        ("x < -1/2", Region.of(Polyhedron.of(Inequality(-2 * X - 1))), False),
        ("x <= -1/2 or x >= 0", Region.of(Polyhedron.of(Inequality(-2 * X - 1))), False),
        ("(x <= 0 and x >= -1) or x >= 0", Region.of(Polyhedron.of(Inequality(X + 1))), True),
        ("never", Region(), True),
        ("never", Region.of(Polyhedron.of(Inequality(X))), False),
        ("-1/2", Exponent.of(Affine.of(-1) / 2), True),
        ("-0", Exponent.of(0), True),
        ("-1", Exponent.of(Affine.of(-1) / 2), False),
        ("-oo", Exponent(), True),
        ("max(x, 0)", Exponent.of(X) | 0, True),
        ("x", Exponent.of(X) | 0, False),
        ("< 0", Exponent.of(-1), True),
        ("< 0", Exponent.of(0), False),
        ("< 0", Exponent(), True),
        ("> 0", Exponent(), False),
        ("> 0", Exponent.of(X, Polyhedron.of(Inequality(X - 1))), True),
        ("> 1", Exponent.of(X, Polyhedron.of(Inequality(X - 1))), False),
    ],
)
def test_comparison(published: str, answer: Region | Exponent, *, expected: bool) -> None:
    assert is_same(published, answer) is expected


def claim(name: str) -> Claim:
    (found,) = (each for each in claims() if each.id == name)
    return found


def test_another_setting_is_seen() -> None:
    """The same questions asked of the wrong scheme: what is printed is not what comes out."""
    for name in (
        "init-a-max-stable-rate",
        "init-a-feature-learning-set",
        "init-a-zb-at-minus-one",
    ):
        assert compared(replace(claim(name), subject=lora.SUBJECTS["init-b"])).status is Standing.DIFFERS


def test_what_the_rules_leave_open_is_out_of_scope() -> None:
    open_question = Question(
        QuestionKind.EXPONENT, "Z_B"
    )  # gradient descent from init[A]: it depends on the step for ever
    row = compared(replace(claim("loraplus-toy-init1-f"), question=open_question))
    assert (row.status, row.answer) == (Standing.OUT_OF_SCOPE, None) and "settled" in row.reason


@pytest.mark.parametrize(
    ("question", "named"),
    [
        (Question(QuestionKind.EXPONENT, "Z_C"), "Z_A"),
        (Question(QuestionKind.EXPONENT, "gradient of C"), "gradient of B"),
        (Question(QuestionKind.REGION, "stabel"), "'stable'"),
        (Question(QuestionKind.LARGEST, "c", at=(("k", Affine.of(0)),)), "'k'"),
    ],
)
def test_what_a_subject_has_not_is_refused_by_name(question: Question, named: str) -> None:
    with pytest.raises(BadInput, match=named):
        answer_to(question, lora.SUBJECTS["init-a"])


@pytest.mark.parametrize(
    "question",
    [
        Question(QuestionKind.LARGEST, "c", "efficient", at=(("c", X),)),
        Question(QuestionKind.SOLUTION, "c"),
        Question(QuestionKind.ONSET, "efficient"),
    ],
)
def test_a_question_without_an_answer_is_unknown(question: Question) -> None:
    with pytest.raises(Unknown):
        answer_to(question, lora.SUBJECTS["init-b"])


def test_raw_gradients_and_initial_values() -> None:
    """In Init[A] the gradient of A is zero at first, since B is; that of B is Z_A."""
    subject = lora.SUBJECTS["init-a"]
    found = [answer_to(Question(QuestionKind.EXPONENT, f"gradient of {name}", steps=1), subject) for name in "AB"]
    assert found == [Exponent(), Exponent.of(0)]
    assert answer_to(Question(QuestionKind.EXPONENT, "Z_B", steps=0), subject) == Exponent()
    assert answer_to(Question(QuestionKind.EXPONENT, "Z_A", steps=0), subject) == Exponent.of(0)


GOOD = """
[[source]]
id = "s"
title = "t"
status = "read"
[[source.group]]
locator = "l"
subject = "init-a"
claims = [{ id = "c", quantity = "q", ask = { largest = "c" }, published = "-1/2" }]
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('status = "read"', 'status = "seen"', "status: found 'seen'"),
        ('subject = "init-a"', 'subject = "init-aa"', "Did you mean 'init-a'"),
        ('locator = "l"', "", "locator: found None"),
        ('published = "-1/2"', 'publishd = "-1/2"', "Did you mean 'published'"),
        ("largest", "larges", "a table with one of"),
        ('largest = "c"', 'largest = "c", region = "stable"', "a table with one of"),
        ('largest = "c"', 'largest = "c", step = 1', "Did you mean 'steps'"),
        ('largest = "c"', 'largest = "c", at = { c = "1/0" }', "at: affine form"),
        ("[[source]]", '[because]\nd = "x"\n[[source]]', "because: found 'd'"),
    ],
)
def test_data_is_read_strictly(old: str, new: str, message: str) -> None:
    (good,) = read(tomllib.loads(GOOD), lora.SUBJECTS)
    assert compared(good).status is Standing.AGREES
    with pytest.raises(BadInput, match=None) as refused:
        list(read(tomllib.loads(GOOD.replace(old, new)), lora.SUBJECTS))
    assert message in str(refused.value)


KEYS = (
    "schema",
    "id",
    "source",
    "locator",
    "source_status",
    "quantity",
    "published",
    "derived",
    "status",
    "reason",
    "measured",
)


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["atlas", "--source", "arXiv:2602.06204", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found) == 13
    for row in found:
        assert set(KEYS) <= set(row) and row["schema"] == 1 and row["measured"] is None
    assert [row["id"] for row in found if row["status"] == "differs"] == ["mua-init-a-delta3"]


def test_a_source_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["atlas", "--source", "arXiv:2602.0620"]) == 2
    assert "Did you mean 'arXiv:2602.06204'?" in capsys.readouterr().err


def test_a_run_decides_exponents_at_a_point_and_largest_values() -> None:
    settings = Settings(widths=(64, 128, 256, 512, 1024, 4096), seeds=6, steps=3)
    names = (
        "init-a-za-at-feature-learning",
        "init-a-max-stable-rate",
        "init-b-max-stable-rate",
        "loraplus-toy-init1-a-update",
        "mua-init-a-alpha1-width",
        "init-a-stable-set",
    )
    found = dict(zip(names, measured([compared(claim(name)) for name in names], settings=settings), strict=True))
    assert [name for name, row in found.items() if row.measured is None] == list(names[3:])
    seen = [row.measured for row in found.values() if row.measured is not None]
    assert [each["verdict"] for each in seen] == ["PASS"] * 3
    assert [each["quantity"] for each in seen] == ["Z_A", "Delta_Z_B", "Delta_Z_B"]
    assert all(abs(each["slope"] - slope) < 0.05 for each, slope in zip(seen, (0.5, 0, 0), strict=True))


def test_beyond_a_largest_rate_a_run_sees_growth() -> None:
    """At the largest rate of another setting: what is printed for Init[A] is too much for Init[B]."""
    settings = Settings(widths=(64, 128, 256, 512, 1024, 4096), seeds=6, steps=2)
    at = (("c", Affine.of(-1) / 2),)
    row = compared(replace(claim("init-b-delta1"), question=Question(QuestionKind.EXPONENT, "Delta_Z_B", at=at)))
    (seen,) = measured([row], settings=settings)
    assert seen.measured is not None and seen.measured["slope"] > 0.4


@pytest.mark.parametrize("name", ["riemann-toy-ax", "rite-delta1"])
def test_a_run_has_the_numbers_of_an_update_rule_and_values_without_axes(name: str) -> None:
    (row,) = measured([compared(claim(name))], settings=Settings(widths=(16, 32, 64, 128, 256, 1024), seeds=16))
    assert row.measured is not None and row.measured["verdict"] == "PASS" and abs(row.measured["slope"]) < 0.05


def test_how_far_it_is_is_told() -> None:
    told: list[tuple[int, int]] = []
    rows = atlas("arXiv:2312.03732", lambda done, total: told.append((done, total)))
    assert told == [(done, len(rows)) for done in range(len(rows))]


@pytest.mark.slow
def test_rows_are_made_once_for_each_claim() -> None:
    rows = atlas()
    assert len({row.claim.id for row in rows}) == len(rows)
    assert all(
        isinstance(row, ComparedClaim) and (row.claim.subject is None or isinstance(row.claim.subject, Subject))
        for row in rows
    )

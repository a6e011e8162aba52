"""What does not look like a certificate is refused with its place, what was found and what was expected."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest

from gamma_calc.certificate.shape import Malformed, check_shape
from gamma_calc.certificate.verification import verification
from gamma_calc.cli.main import main
from tests.certificate.certificates import CASES, written

GONE = object()
CHANGES = 1000
PYTHON_WORDS = (
    "KeyError",
    "TypeError",
    "ValueError",
    "IndexError",
    "AttributeError",
    "object is not",
    "unpack",
    "NoneType",
)


def changed(name: str, path: tuple[Any, ...], value: Any) -> Any:
    """A certificate, read from its text, with something else at a place, or nothing."""
    data = json.loads(written(name).text())
    holder = data
    for key in path[:-1]:
        holder = holder[key]
    if value is GONE:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return data


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [found for key, value in items for found in [(*path, key), *places(value, (*path, key))]]


@pytest.mark.parametrize("name", CASES)
def test_what_is_written_has_the_shape(name: str) -> None:
    check_shape(json.loads(written(name).text()))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        pytest.param(("schema",), 1, "schema: found 1, expected 7", id="version"),
        pytest.param(("schema",), True, "schema: found true, expected 7", id="version-flag"),
        pytest.param(("kind",), "x", "kind: found 'x', expected 'gamma-calc certificate'", id="kind"),
        pytest.param(("runs",), GONE, "the file: the key 'runs' is missing", id="no-runs"),
        pytest.param(("runs", 0, "claims"), GONE, "runs[0]: the key 'claims' is missing", id="no-claims"),
        pytest.param(("runs", 0, "steps"), "2", "runs[0].steps: found '2', expected a whole number", id="steps"),
        pytest.param(("runs", 0, "where"), None, "runs[0].where: found null, expected a list", id="where"),
        pytest.param(("runs", 0, "where"), [{}] * 65, "at most 64 forms", id="forms"),
        pytest.param(("runs", 0, "claims", 0, "if"), 1, "if: found 1, expected true or false", id="flag"),
        pytest.param(("runs", 0, "later", "families", 0), [0], "found a list, expected a list of 4", id="family"),
        pytest.param(("premises", "axes", "width"), {"1": "0.5"}, "premises.axes.width.1: found '0.5'", id="number"),
        pytest.param(("premises", "axes", "width"), {"1": 1}, "premises.axes.width.1: found 1", id="no-text"),
        pytest.param(("premises", "axes", "width"), {"a b": "1"}, "premises.axes.width: ", id="name"),
        pytest.param(("premises", "step", 0, "is"), "cube", "premises.step[0].is: found 'cube'", id="no-rule"),
        pytest.param(("premises", "step", 0, "of"), ["q"], "premises.step[0].of[0]: found 'q'", id="no-value"),
        pytest.param(("premises", "axes", "width"), GONE, "found 'width', expected ", id="no-axis"),
        pytest.param(("premises", "next"), {"q": "A_0"}, "premises.next: found 'q'", id="no-tensor"),
        pytest.param(("premises", "step", 0, "by"), {}, "premises.step[0]: the key 'by' is not one of", id="no-key"),
        pytest.param(("premises", "rank"), 4, "premises: the key 'rank' is not one of axes, ", id="no-premise"),
        pytest.param(("proof", 0, "proof"), ["x"], "proof[0].proof[0]: found 'x', expected a case", id="evidence"),
        pytest.param(("proof", 0, "proof"), [{"eta": "1/0"}], "proof[0].proof[0].eta: found '1/0'", id="point"),
        pytest.param(("largest",), 3, "largest: found 3, expected an object", id="largest"),
        pytest.param(("runs",), [], "runs: ", id="not-one-run"),
    ],
)
def test_the_place_is_named(
    path: tuple[Any, ...], value: Any, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "c.json"
    file.write_text(json.dumps(changed("init-a-sgd", path, value)))
    assert main(["verify", str(file)]) == 2
    error = capsys.readouterr().err
    assert f"{file} is no certificate: " in error and message in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param(("proof", 0, "proof"), [0], id="another-kind"),
        pytest.param(("proof", 0, "proof"), [[[[9, "1"]], []]], id="weights"),
        pytest.param(("runs", 0, "claims", 0, "statement", "sizes"), [["q", 1, 1, "<="]], id="no-quantity"),
    ],
)
def test_evidence_of_another_kind_fails_its_step(path: tuple[Any, ...], value: Any) -> None:
    failure = verification(changed("init-a-sgd", path, value)).first_failure
    assert failure is not None and failure.endswith(": a name or a piece of evidence is of nothing that is there")


def test_no_change_is_answered_in_the_words_of_python() -> None:
    choose = random.Random(2)
    base = json.loads(written("init-a-sgd").text())
    others = [None, 5, -1, True, "x", "", "1/0", [], {}, [[]], [1], {"a": 1}, ["q"]]
    for path in choose.choices(places(base), k=CHANGES):
        data = copy.deepcopy(base)
        holder = data
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = choose.choice(others)
        try:
            answer = verification(data).first_failure or ""
        except Malformed as problem:
            answer = str(problem)
        assert not any(word in answer for word in PYTHON_WORDS), (path, answer)

"""Certificates that lie: what is changed in one is refused, or says nothing else."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from gamma_calc.algebra import Affine
from gamma_calc.cli.main import main
from gamma_calc.derivation.certificate_shape import Malformed
from gamma_calc.derivation.checker import Proof, Refuted, verified
from gamma_calc.derivation.conclusions import CONDITIONS, conclusions
from gamma_calc.derivation.evidence import FoundProof
from gamma_calc.derivation.verification import Verification, verification
from gamma_calc.errors import BadInput
from tests.derivation.certificates import CASES, derivation_of, holds, is_inside, some_points, written

TAMPERINGS = 1000
NO_CERTIFICATE = (KeyError, TypeError, AttributeError, ValueError, IndexError)


def places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a certificate that holds something."""
    if path:
        yield path
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


def other(value: Any, choose: random.Random) -> Any:
    """Something else of the same kind."""
    match value:
        case bool():
            return not value
        case int():
            return value + choose.choice((-1, 1, 2))
        case str():
            try:
                number = Fraction(value)
            except ValueError:
                return choose.choice(("zero", "eta", "raw", "normalised", "sum", "aligned sum", "1", ""))
            return str(choose.choice((-number, number + 1, number - 1, number / 2, Fraction(0))))
        case list():
            return [*value, *value[:1]] if value else [[]]
        case _:
            return {} if value else 0


def tampered(data: Any, path: tuple[Any, ...], choose: random.Random) -> Any:
    """The certificate with one field changed or removed."""
    changed = copy.deepcopy(data)
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    if choose.random() < 0.25:
        del holder[path[-1]]
    else:
        holder[path[-1]] = other(holder[path[-1]], choose)
    return changed


def test_tampering_changes_no_conclusion() -> None:
    choose, refused = random.Random(1), 0
    names = ("init-a-adam", "init-b-adam", "lora-plus-b-sign", "init-a-sgd", "flat-domain", "two-rates")
    every = [(name, path) for name in names for path in places(written(name).data)]
    for name, path in choose.choices(every, k=TAMPERINGS):
        changed = tampered(written(name).data, path, choose)
        try:
            found = verification(changed)
        except (Malformed, BadInput):
            refused += 1
            continue
        refused += found.first_failure is not None
        is_same = found.conclusions == written(name).conclusions
        assert found.first_failure is not None or is_same, f"{name}: {path} was accepted"
    # Most of a certificate is the recursion itself, where every field is recomputed.
    assert refused > TAMPERINGS * 3 // 4


def changed_at(name: str, path: tuple[Any, ...], value: Any) -> Verification:
    data = copy.deepcopy(written(name).data)
    holder = data
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return verification(data)


def is_refused(name: str, path: tuple[Any, ...], value: Any) -> bool:
    """Whether a changed certificate is false, or none at all."""
    try:
        return changed_at(name, path, value).first_failure is not None
    except Malformed:
        return True


def place_of(name: str, of: str) -> int:
    """The place of a step of a proof."""
    return next(i for i, step in enumerate(written(name).data["proof"]) if step["of"] == of)


def claim_of(name: str, run: int, of: str) -> int:
    """The place of a claim of a run."""
    return next(i for i, each in enumerate(written(name).data["runs"][run]["claims"]) if each["of"] == of)


@pytest.mark.parametrize(
    ("of", "key", "value", "failure"),
    [
        pytest.param("step 2, Z_A", "value", [{"1": "7"}], "step 2, Z_A: ", id="value"),
        pytest.param(
            "step 2, eta g_B, leading parity", "proof", [], "step 2, eta g_B, leading parity: ", id="case-missing"
        ),
        pytest.param("step 2, Z_A", "of", "step 3, Z_A", "step 2, Z_A: found step 3, Z_A", id="step"),
        pytest.param("efficient, onset", "proof", [], "efficient, onset: ", id="onset"),
    ],
)
def test_the_first_step_that_fails_is_named(of: str, key: str, value: Any, failure: str) -> None:
    found = changed_at("init-ab-adam", ("proof", place_of("init-ab-adam", of), key), value)
    assert found.first_failure is not None and found.first_failure.startswith(failure)
    assert not found.conclusions


@pytest.mark.parametrize(
    ("of", "key", "value"),
    [
        pytest.param("stable, where it holds", "where", [[{"eta": "-1"}]], id="larger-region"),
        pytest.param("stable, where it can hold", "where", [[{"eta": "-1", "1": "-1"}]], id="smaller-region"),
        pytest.param("largest eta, a bound", "where", [[{"eta": "-1", "1": "-1"}]], id="smaller-rate"),
        pytest.param("largest eta, met", "where", [[{"eta": "1"}, {"eta": "-1"}]], id="larger-rate"),
    ],
)
def test_a_false_claim_is_named(of: str, key: str, value: Any) -> None:
    found = changed_at("init-a-adam", ("runs", 0, "claims", claim_of("init-a-adam", 0, of), key), value)
    assert found.first_failure is not None and found.first_failure.startswith(of)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param(("conclusions", 5), "stable (every step): eta <= 0", id="words"),
        pytest.param(("conclusions",), [], id="no-words"),
        pytest.param(("largest", "bounds"), [{"1": "0"}], id="rate"),
        pytest.param(("largest",), None, id="no-rate"),
        pytest.param(("runs", 0, "claims"), [], id="no-claims"),
    ],
)
def test_no_conclusion_is_worded_that_is_not_proved(path: tuple[Any, ...], value: Any) -> None:
    assert changed_at("init-a-adam", path, value).first_failure is not None


@pytest.mark.parametrize("weights", [["1", "2"], ["-2", "1"]], ids=["not-one", "negative"])
def test_weights_have_to_be_an_average(weights: list[str]) -> None:
    with pytest.raises(Refuted):
        proof = Proof([{"of": "x", "proof": [[[[0, weights[0]]], [[0, weights[1]]]]]}])
        proof.step("x")
        eta = Affine.symbol("eta")
        proof.below((-eta - 1,), [(eta, (Affine.of(0),))])


def test_a_region_cannot_hide_behind_a_cycle() -> None:
    path = ("runs", 1, "claims", claim_of("init-a-sgd", 1, "stable, where it can hold"), "where")
    assert changed_at("init-a-sgd", path, [[]]).first_failure is not None
    assert changed_at("init-a-sgd", ("runs", 0, "claims"), []).first_failure is not None
    family = written("init-a-sgd").data["runs"][0]["later"]["families"][0]
    assert family[3] == [[{"eta": "2", "1": "2"}, 2]]
    for lie in ([*family[:3], []], [*family[:3], [[{"eta": "2", "1": "1"}, 2]]], [*family[:3], [[family[3][0][0], 1]]]):
        assert is_refused("init-a-sgd", ("runs", 0, "later", "families", 0), lie)


def proved_anew(data: Any) -> Verification:
    """What a liar gets who proves whatever can be proved of changed data, and words it."""
    proof = FoundProof()
    runs = verified(data, proof)
    data |= {"proof": proof.written, "conclusions": []}
    data["conclusions"] = list(conclusions(data, runs))
    return verification(json.loads(json.dumps(data)))


def falsehoods(name: str, conclusions: tuple[str, ...]) -> Iterator[str]:
    """What is said of a condition at every step that is not so at some point."""
    for condition, decision in derivation_of(name).decisions.items():
        (line,) = (line for line in conclusions if line.startswith(f"{condition} ("))
        said = line.partition(": ")[2].partition(", from step")[0]
        if "(every step)" not in line:
            continue
        sure, _, most = said.removeprefix("unknown; surely ").partition("; at most ")
        for point in some_points(CASES[name].free)[:100]:
            is_so = is_inside(decision.region, point)
            if (holds(sure, point) and not is_so) or (is_so and not holds(most or sure, point)):
                yield line


def test_a_falsehood_is_seen() -> None:
    assert list(falsehoods("init-a-sgd", tuple(f"{name} (every step): always" for name in CONDITIONS)))


@pytest.mark.parametrize(
    ("name", "lies"),
    [
        pytest.param("init-a-sgd", 25),
        pytest.param("momentum-sign", 25),
        pytest.param("init-b-sgd", 300, marks=pytest.mark.slow),
        pytest.param("two-rates", 300, marks=pytest.mark.slow),
        pytest.param("decay", 300, marks=pytest.mark.slow),
    ],
)
def test_a_liar_who_proves_what_can_be_proved_says_nothing_false(name: str, lies: int) -> None:
    choose, believed = random.Random(3), 0
    stated = {key: written(name).data[key] for key in ("runs", "largest", "frontier")}
    every = [path for path in places(stated) if path[-1] not in ("of", "relation")]
    for _ in range(lies):
        data = copy.deepcopy(written(name).data)
        for path in choose.sample(every, k=choose.choice((1, 1, 2))):
            with suppress(KeyError, IndexError, TypeError):
                data = tampered(data, path, choose)
        try:
            found = proved_anew(data)
        except (Refuted, BadInput, *NO_CERTIFICATE):
            continue
        believed += found.first_failure is None
        assert found.first_failure is not None or not list(falsehoods(name, found.conclusions)), found.conclusions
    assert believed > lies // 20


def test_a_liar_who_changes_nothing_is_believed() -> None:
    assert proved_anew(copy.deepcopy(written("init-a-sgd").data)).conclusions == written("init-a-sgd").conclusions


def test_a_region_does_not_reach_beyond_what_its_run_supposes() -> None:
    data = copy.deepcopy(written("init-a-sgd").data)
    data["largest"] = None
    data["runs"][1]["claims"] = [each for each in data["runs"][1]["claims"] if each["of"].startswith("stable")]
    for each in data["runs"][1]["claims"]:
        each["where"] = [[]]
    with pytest.raises(Refuted, match="no proof of eta"):
        proved_anew(data)


def test_the_whole_domain_is_not_that_of_a_first_run_which_supposes_more() -> None:
    data = copy.deepcopy(written("init-a-sgd").data)
    data["largest"], data["runs"] = None, data["runs"][1:]
    found = proved_anew(data)
    assert found.first_failure is None
    assert "stable (every step): unknown; surely eta <= -1; at most always" in found.conclusions


@pytest.mark.parametrize(
    ("part", "lie"),
    [
        pytest.param(0, [0, {"eta": "3", "1": "3"}, 0, []], id="base"),
        pytest.param(0, [0, {"eta": "2", "1": "1"}, -2, [[{"eta": "2", "1": "2"}, 2]]], id="before-its-time"),
        pytest.param(0, [0, {"eta": "2", "1": "1"}, 0, [[{"eta": "2", "1": "2"}, 0]]], id="no-time"),
        pytest.param(0, [0, {"eta": "2", "1": "1"}, 0, [[{"eta": "1", "1": "1"}, 1]]], id="half-turns"),
        pytest.param(0, [0, {"eta": "2", "1": "1"}, 0, []], id="turn-kept-back"),
        pytest.param(1, None, id="family-kept-back"),
    ],
)
def test_a_false_law_has_no_proof(part: int, lie: Any) -> None:
    data = copy.deepcopy(written("init-a-sgd").data)
    every = data["runs"][0]["later"]["families"]
    assert every[0][:3] == [0, {"eta": "2", "1": "1"}, 0]
    every[part : part + 1] = [] if lie is None else [lie]
    with pytest.raises(Refuted):
        proved_anew(data)


def test_a_law_that_is_not_exact_bounds_nothing_from_above() -> None:
    data = copy.deepcopy(written("init-a-sgd").data)
    data["runs"][0]["later"]["exact"] = False
    found = proved_anew(data)
    assert any(line.startswith("t steps after step 2: at least ") for line in found.conclusions)
    data["runs"] = data["runs"][:1]
    data["runs"][0]["claims"].append(data["runs"][0]["claims"][0] | {"where": [[{"eta": "-1", "1": "-9"}]], "if": True})
    with pytest.raises(Refuted, match="1 <= max"):
        proved_anew(data)


def test_later_steps_are_asked_for_bounds_only() -> None:
    data = copy.deepcopy(written("init-a-sgd").data)
    data["runs"] = data["runs"][:1]
    data["runs"][0]["claims"][0]["statement"]["sizes"] = [["Z_B", 1, 3, ">="]]
    with pytest.raises(Refuted, match="no such steps"):
        proved_anew(data)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "not JSON", id="empty"),
        pytest.param("[]", "the file: found a list, expected an object", id="list"),
        pytest.param('{"kind": "gamma-calc certificate", "schema": 1}', "schema: found 1, expected 3", id="version"),
        pytest.param(
            '{"kind": "gamma-calc certificate", "schema": 3}', "the key 'scheme' is missing", id="key-missing"
        ),
        pytest.param('{"kind": 1, "kind": 1}', "occurs twice", id="duplicate-key"),
        pytest.param('{"kind": NaN}', "NaN", id="not-a-number"),
        pytest.param('{"kind": 0.5}', "0.5", id="decimal"),
        pytest.param("[" * 100_000, "nested", id="nested"),
        pytest.param('{"schema": ' + "9" * 10_000 + "}", "not JSON", id="huge-number"),
        pytest.param(" " * (4 * 2**20 + 1), "at most", id="enormous"),
    ],
)
def test_what_is_no_certificate(text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.json"
    path.write_text(text)
    assert main(["verify", str(path)]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_a_truncated_or_swollen_certificate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, text = tmp_path / "c.json", written("init-a-adam").text()
    path.write_text(text[: len(text) // 2])
    assert main(["verify", str(path)]) == 2
    data = json.loads(text)
    data["premises"]["start"]["A_0"]["size"] = [{"1": "9" * 1000}]
    path.write_text(json.dumps(data))
    assert main(["verify", str(path)]) == 2
    assert "200 digits" in capsys.readouterr().err
    assert main(["verify", str(tmp_path / "none.json")]) == 2


def test_verify_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.json"
    assert main(["derive", "init-a", "--certificate", str(path)]) == 0
    capsys.readouterr()
    assert main(["verify", str(path)]) == 0
    assert "stable (every step): eta <= -1/2" in capsys.readouterr().out
    assert main(["verify", str(path), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["schema"], answer["valid"], answer["first_failure"]) == (1, True, None)
    path.write_text(path.read_text().replace('"over": "width"', '"over": "rank"', 1))
    assert main(["verify", str(path), "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["valid"], answer["conclusions"]) == (False, []) and "step 1, eta g_B" in answer["first_failure"]

"""Certificates that lie: what is changed in one is refused, or says nothing else."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from gamma_calc.algebra import Affine
from gamma_calc.algebra.plain import Forms
from gamma_calc.certificate.checker import ProofSteps, Refuted, verified
from gamma_calc.certificate.conclusions import (
    MODULE,
    claim,
    conclusions,
    condition_statement,
    form_json,
    largest_claims,
    onset_claims,
)
from gamma_calc.certificate.evidence import FoundProof
from gamma_calc.certificate.shape import Malformed
from gamma_calc.certificate.verification import Verification, verification
from gamma_calc.cli.main import main
from gamma_calc.errors import BadInput
from tests.certificate.certificates import CASES, claimed, written
from tests.certificate.truth import Truth

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
        is_same = found.conclusions == claimed(written(name))
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
        proof = ProofSteps([{"of": "x", "proof": [[[[0, weights[0]]], [[0, weights[1]]]]]}])
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


class LooseProof(FoundProof):
    """A proof that states more than is needed of a quantity from above, and from below no more than is so."""

    def __init__(self, loose: str) -> None:
        super().__init__()
        self.loose = loose

    def stated(self, of: str, bounds: Sequence[Forms], hypotheses: Forms) -> tuple[Forms, ...]:
        """The pieces, with one more from above."""
        least, most = bounds
        if of.endswith(f", {self.loose}"):
            most = (*most, *(piece + 2 for piece in most[:1]))
        return super().stated(of, (least, most), hypotheses)


def proved_anew(data: Any, loose: str = "") -> Verification:
    """What a liar gets who proves whatever can be proved of changed data, and words it."""
    proof = LooseProof(loose) if loose else FoundProof()
    runs = verified(data, proof)
    data |= {"proof": proof.written, "conclusions": []}
    data["conclusions"] = list(conclusions(data, runs))
    return verification(json.loads(json.dumps(data)))


def falsehoods(name: str, conclusions: tuple[str, ...]) -> list[str]:
    """What is said that is not so."""
    return list(Truth(CASES[name]).falsehoods(conclusions))


@pytest.mark.parametrize("name", [name for name, scheme in CASES.items() if scheme.form("feedback") is None])
def test_what_a_certificate_says_is_so(name: str) -> None:
    assert not falsehoods(name, claimed(written(name)))


@pytest.mark.parametrize(
    ("name", "line", "lie"),
    [
        pytest.param("init-a-adam", "step 2: ", "step 2: Z_B eta", id="step"),
        pytest.param("init-a-adam", "step 3 and", "step 3 and every later one: Z_A eta", id="later"),
        pytest.param("init-a-adam", "invariant of", "invariant of every step from 3 on: U_B eta + 1", id="invariant"),
        pytest.param("init-a-adam", "stable (", "stable (every step): always", id="region"),
        pytest.param("init-a-adam", "efficient (", "efficient (every step): eta = -1/2, from step 4 on", id="onset"),
        pytest.param("init-a-adam", "largest stable eta", "largest stable eta: -1", id="too-small"),
        pytest.param("init-a-adam", "largest stable eta", "largest stable eta: 0", id="too-large"),
        pytest.param("init-a-adam", "there: ", "there: Z_B -1/2", id="there"),
        pytest.param("init-b-adam", "undertrained: ", "undertrained: no factor", id="undertrained"),
        pytest.param("init-a-sgd", "growth per step: ", "growth per step: Z_B max(0, eta + 1), Z_A 0", id="growth"),
        pytest.param("init-a-sgd", "one step more: ", "one step more: Z_B U_A + U_B; Z_A U_A + 1", id="one-step-more"),
        pytest.param(
            "init-a-sgd", "stable for T", "stable for T steps: eta <= -1 (T >= 2, any at T = 1)", id="formula"
        ),
        pytest.param("two-rates", "frontier of", "frontier of a, b: a = -2 and b <= 0", id="frontier"),
        pytest.param("init-a-adam", "stable (", "always stable", id="not-read"),
    ],
)
def test_a_falsehood_is_seen(name: str, line: str, lie: str) -> None:
    told = claimed(written(name))
    place = next(i for i, each in enumerate(told) if each.startswith(line))
    assert falsehoods(name, (*told[:place], lie, *told[place + 1 :])) == [lie]


@pytest.mark.parametrize(
    ("name", "lies"),
    [
        pytest.param("init-a-sgd", 25),
        pytest.param("momentum-sign", 40),
        pytest.param("bounded-rate", 40),
        pytest.param("init-b-adam", 40),
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
            found = proved_anew(data, choose.choice(("", "", "delta_1", "delta_2", "Z_A")))
        except (Refuted, BadInput, *NO_CERTIFICATE):
            continue
        believed += found.first_failure is None
        assert found.first_failure is not None or not falsehoods(name, found.conclusions), found.conclusions
    assert believed > lies // 20


def said_of(name: str, last: int, where: list[Any]) -> list[Any]:
    """The claims of a condition with a region of a liar's own."""
    said = condition_statement(*MODULE[name], last)
    return [claim(f"{name}, one way", said, where, only=False), claim(f"{name}, the other", said, where, holds=False)]


def another_rate(data: Any) -> None:
    """The learning rate of B, which the program does not name, has no bound."""
    data["largest"] = {"rate": "eta_B", "bounds": [], "valid_on": []}


def no_bound_of_the_domain(data: Any) -> None:
    """The region leaves out what the domain bounds anyway."""
    last = data["runs"][0]["claims"][0]["statement"]["sizes"][0][2]
    data["runs"][0]["claims"] += (claims := said_of("stable", last, [[]]))
    data["runs"][0]["claims"] = [*claims, *(e for e in data["runs"][0]["claims"] if not e["of"].startswith("stable, "))]


def no_bound_at_all(data: Any) -> None:
    """The same, and no largest rate."""
    no_bound_of_the_domain(data)
    data["largest"] = {"rate": "eta", "bounds": [], "valid_on": []}
    data["runs"][0]["claims"] = [each for each in data["runs"][0]["claims"] if not each["of"].startswith("largest")]


def a_rate_in_terms_of_itself(data: Any) -> None:
    """The largest rate is the rate, where it is stable."""
    said = next(e for e in data["runs"][0]["claims"] if e["of"].startswith("stable, "))["statement"]
    eta = Affine.symbol("eta")
    valid = (-eta - Fraction(1, 2),)
    data["runs"][0]["claims"] += largest_claims("eta", said, (eta,), valid)
    data["largest"] = {"rate": "eta", "bounds": [form_json(eta)], "valid_on": [form_json(valid[0])]}


def fewer_steps(data: Any) -> None:
    """What every step asks for is said of two steps."""
    data["largest"] = None
    data["runs"][1] |= {"steps": 2, "later": None, "claims": said_of("stable", 2, [[{"eta": "-1", "1": "-1"}]])}


def more_than_the_steps(data: Any) -> None:
    """What the law asks for is said of the steps before it."""
    data["runs"] = data["runs"][:1]
    data["runs"][0]["claims"] += said_of("stable", 3, [[{"eta": "-1", "1": "-1"}]])


def composed(name: str, choose: random.Random) -> Any:
    """A certificate of a liar who puts runs, claims and rates together anew."""
    data, free = copy.deepcopy(written(name).data), CASES[name].free
    regions = [each["where"] for run in data["runs"] for each in run["claims"]] + [[], [[]]]
    for _ in range(choose.choice((1, 1, 2, 3))):
        run, number = choose.choice(data["runs"]), Affine.of(Fraction(choose.randint(-4, 2), 2))
        last, rate = run["steps"] + choose.choice((-1, 0, 0, 1)), choose.choice((*free, "eta_B"))
        match choose.randrange(6):
            case 0:
                data["runs"] = choose.choice((data["runs"][:1], data["runs"][-1:], data["runs"][::-1]))
            case 1:
                run["steps"] = choose.randint(1, 5)
            case 2:
                run["later"] = None
            case 3:
                condition, where = choose.choice([*MODULE]), choose.choice(regions)
                run["claims"] = said_of(condition, last, where) + run["claims"] * choose.randrange(2)
                run["claims"] += onset_claims(
                    condition, MODULE[condition].reached, (choose.randint(1, 4), last), where, None
                )
            case 4:
                data["largest"] = {"rate": rate, "bounds": [], "valid_on": []}
            case _:
                run["claims"] += largest_claims(rate, condition_statement(*MODULE["stable"], last), (number,), ())
                data["largest"] = {"rate": rate, "bounds": [form_json(number)], "valid_on": []}
    return data


@pytest.mark.parametrize("name", ["init-a-sgd", "init-a-adam", "bounded-rate", "two-rates", "decay"])
@pytest.mark.parametrize("lies", [15, pytest.param(300, marks=pytest.mark.slow)])
def test_a_liar_who_composes_a_certificate_says_nothing_false(name: str, lies: int) -> None:
    choose, believed = random.Random(5), 0
    for _ in range(lies):
        try:
            found = proved_anew(composed(name, choose), choose.choice(("", "", "delta_1", "delta_2", "Z_B")))
        except (Refuted, BadInput, *NO_CERTIFICATE):
            continue
        believed += found.first_failure is None
        assert found.first_failure is not None or not falsehoods(name, found.conclusions), found.conclusions
    assert believed


def no_efficiency(data: Any) -> None:
    """No claim of the contributions of the factors."""
    data["runs"][0]["claims"] = [each for each in data["runs"][0]["claims"] if not each["of"].startswith("efficient")]


@pytest.mark.parametrize(
    ("name", "change", "loose"),
    [
        pytest.param("init-a-adam", another_rate, "", id="another-rate"),
        pytest.param("init-a-adam", a_rate_in_terms_of_itself, "", id="a-rate-in-terms-of-itself"),
        pytest.param("bounded-rate", no_bound_of_the_domain, "", id="no-bound-of-the-domain"),
        pytest.param("bounded-rate", no_bound_at_all, "", id="no-bound-at-all"),
        pytest.param("init-b-adam", no_efficiency, "delta_2", id="undertrained-within-loose-bounds"),
        pytest.param("init-a-sgd", fewer_steps, "", id="fewer-steps"),
        pytest.param("init-a-sgd", more_than_the_steps, "", id="more-than-the-steps"),
    ],
)
def test_a_forgery_says_nothing_false(name: str, change: Callable[[Any], None], loose: str) -> None:
    data = copy.deepcopy(written(name).data)
    change(data)
    try:
        found = proved_anew(data, loose)
    except Refuted:
        return
    assert found.first_failure is not None or not falsehoods(name, found.conclusions), found.conclusions


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param(("premises", "step", 0, "name"), "x\nstable (every step): always", id="name"),
        pytest.param(("premises", "without"), ["A5\nstable (every step): always"], id="assumption"),
        pytest.param(("scheme",), "init-a\nstable (every step): always", id="label"),
        pytest.param(("premises", "quantities"), {"Z_B": "A_0", "all is well; Z_B": "A_0"}, id="quantity"),
    ],
)
def test_a_name_adds_no_line_of_its_own(path: tuple[Any, ...], value: Any) -> None:
    with pytest.raises(Malformed):
        changed_at("init-a-adam", path, value)


def test_the_label_is_printed_as_a_label(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps(written("init-a-adam").data | {"scheme": "init-b"}))
    assert main(["verify", str(path)]) == 0
    assert capsys.readouterr().out.startswith("scheme: init-b (a label; what is proved follows from the premises)\n")


def test_premises_are_printed_in_lines_that_a_terminal_has() -> None:
    found = verification(written("init-a-adam").data)
    first, *rest = str(found).partition("premises: ")[2].partition("\nstep 1")[0].splitlines()
    assert len(rest) > 10 and all(line.startswith("  ") and len(line) <= 110 for line in rest)
    assert " ".join([first, *map(str.strip, rest)]) == found.setting


def test_a_liar_who_changes_nothing_is_believed() -> None:
    assert proved_anew(copy.deepcopy(written("init-a-sgd").data)).conclusions == claimed(written("init-a-sgd"))


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
        pytest.param(0, [0, {"eta": "2", "1": "1"}, 0, [[{"eta": "2", "1": "2"}, 1]]], id="turn-one-step-short"),
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
        pytest.param('{"kind": "gamma-calc certificate", "schema": 1}', "schema: found 1, expected 7", id="version"),
        pytest.param(
            '{"kind": "gamma-calc certificate", "schema": 7}', "the key 'scheme' is missing", id="key-missing"
        ),
        pytest.param('{"kind": 1, "kind": 1}', "occurs twice", id="duplicate-key"),
        pytest.param('{"kind": NaN}', "NaN", id="not-a-number"),
        pytest.param('{"kind": 0.5}', "0.5", id="decimal"),
        pytest.param("[" * 100_000, "nested", id="nested"),
        pytest.param('{"schema": ' + "9" * 10_000 + "}", "not JSON", id="huge-number"),
        pytest.param(" " * (4 * 2**20 + 1), "larger than", id="enormous"),
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

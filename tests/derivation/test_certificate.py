"""Certificates: what the checker accepts is what the engine says, and nothing false gets past it."""

from __future__ import annotations

import copy
import json
import random
import shutil
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gamma_calc.algebra import Affine
from gamma_calc.analysis.derivation import Derivation, derived
from gamma_calc.calculus.assumptions import dispensed
from gamma_calc.calculus.policy import Alignment, Policy
from gamma_calc.cli.main import main
from gamma_calc.derivation.certificate import Certificate, certificate
from gamma_calc.derivation.checker import Malformed, Proof, Refuted, verified
from gamma_calc.derivation.rocq import rocq
from gamma_calc.derivation.smtlib import smtlib
from gamma_calc.derivation.verification import Verification, verification
from gamma_calc.errors import BadInput
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.optimizers import OPTIMIZERS
from gamma_calc.program.scheme import Scheme
from tests.schemes import scheme

OTHERS = {
    "two-rates": scheme("-1/2", "zero", "a", "b"),
    "parities": scheme("-1/2", "-1/2", "a", "b", optimizer="sign", rank="rho"),
    "rank-and-scale": scheme("-1/2", "zero", "eta", "eta", scale="-k", rank="rho", between=("0 <= k", "k <= 1")),
    "both-inits-free": scheme("p", "q", "eta", "eta", between=("p + q <= -1/2",)),
    "flat-domain": scheme("-1/2", "zero", "eta", "eta", rank="rho", between=("rho = 1/2",)),
    "free-shape": scheme("-1/2", "zero", "eta", "eta", optimizer="sgd", fan_out="f", gradient="g"),
    "diverging": scheme("-1/2", "-1/2", "1", "1", optimizer="sgd"),
    "decay": scheme("-1/2", "zero", "eta", "eta", decay="l"),
    "decay-sgd": scheme("-1/2", "zero", "eta", "eta", optimizer="sgd", decay="l"),
    "momentum-sgd": scheme("-1/2", "zero", "eta", "eta", optimizer="sgd", momentum="m"),
    "momentum-adam": scheme("-1/2", "zero", "eta", "eta", momentum="0"),
    "momentum-sign": scheme("-1/2", "zero", "eta", "eta", optimizer="sign", momentum="m"),
    "feedback-adam": scheme("-1/2", "zero", "eta", "eta", feedback="0"),
    "feedback-sgd": scheme("zero", "-1/2", "-1", "-1", optimizer="sgd", feedback="f"),
    "no-step": scheme("-1/2", "zero", "-1", "-1"),
}
CASES = {f"{name}-{under}": found.under(under) for name, found in CATALOGUE.items() for under in OPTIMIZERS} | OTHERS
every_case = pytest.mark.parametrize("name", CASES)
TAMPERINGS = 1000


@cache
def written(name: str) -> Certificate:
    return certificate(derived(CASES[name]))


def read_back(found: Certificate) -> Verification:
    return verification(json.loads(found.text()))


POLICIES = {
    key: Policy((), dispensed(key.split())) for key in ("A3", "A4", "A5", "A6", "A7", "A8", "A9", "A3 A4", "A3 A5")
}
POLICIES |= {
    f"{kind.value}={value}": Policy(((kind, value),))
    for kind in (Alignment.ALIGNED, Alignment.INDEPENDENT, Alignment.DILUTED)
    for value in (Affine.symbol("alpha"), Affine.of(Fraction(3, 4)))
}
UNDER_POLICIES = ("init-a-adam", "init-b-sign", "init-a-sgd", "init-ab-adam")


def differing_sizes(found: Certificate, derivation: Derivation) -> Iterator[str]:
    """Sizes that the checker finds otherwise than the engine, in the runs that the certificate has."""
    runs, _, failure = verified(json.loads(found.text()))
    assert failure is None
    for run, theirs in zip(runs, next(iter(derivation.bounds.values())).runs, strict=False):
        for mine, step in zip(run.steps, theirs.steps, strict=False):
            for name, size in step.sizes.items():
                if {*mine[name].bounds[0]} != {*size.lower.pieces} or {*mine[name].bounds[1]} != {*size.upper.pieces}:
                    yield f"step {step.t}, {name}"


@every_case
def test_a_certificate_proves_what_the_engine_says(name: str) -> None:
    found, derivation = read_back(written(name)), derived(CASES[name])
    assert found.first_failure is None
    assert found.conclusions == written(name).conclusions
    lines = {line.split(" (")[0].split(":")[0]: line for line in found.conclusions}
    (bound, *_) = derivation.bounds.values()
    # Beyond a region without cycles of its own, growth follows from a map below the step map, which has no claim.
    is_open = len(bound.runs) > 1 and not bound.cycles and bound.run.domain != bound.runs[0].domain
    for condition, decision in derivation.decisions.items():
        if is_open and lines[condition].endswith(f": {decision}"):
            continue
        if is_open or decision.status.value == "unknown":
            assert "surely" in lines[condition] or "(steps 1 to" in lines[condition]
            continue
        words = lines[condition].split(": ", 1)[1]
        assert (words.split(",")[0] == "never") == decision.region.is_empty
        assert words.endswith(f", from step {decision.onset} on") == bool(
            decision.condition.reached and decision.onset is not None
        )
    for rate in derivation.max_stable.values():
        assert (rate.value is None) or any(f": {rate.value}" in line for line in found.conclusions)


@every_case
def test_the_checker_replays_what_the_engine_derives(name: str) -> None:
    assert not list(differing_sizes(written(name), derived(CASES[name])))


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", UNDER_POLICIES)
def test_a_certificate_under_other_assumptions(name: str, policy: str) -> None:
    derivation = derived(CASES[name], None, POLICIES[policy])
    found = certificate(derivation)
    checked = read_back(found)
    assert checked.first_failure is None and checked.conclusions == found.conclusions
    for key in policy.split() if policy.startswith("A") else ():
        assert f"without {key}" in checked.setting
    differing = list(differing_sizes(found, derivation))
    # Beside a large epsilon the checker only bounds a normalised step; everything else it replays exactly.
    assert not differing or (policy == "A7" and derivation.scheme.optimizer.name == "adam")
    for condition, decision in derivation.decisions.items():
        (line,) = (line for line in found.conclusions if line.startswith(f"{condition} ("))
        if "unknown" not in line and "every step" in line:
            assert decision.status.value != "unknown" and ("never" in line) == decision.region.is_empty


@pytest.mark.parametrize(
    ("name", "conclusion"),
    [
        ("decay", "stable (every step): eta + l <= 0 and eta <= -1/2"),
        ("decay", "A_0 -> A_0: every turn gains eta + l"),
        ("decay-sgd", "stable (every step): eta + l <= 0 and eta <= -1"),
        ("momentum-sgd", "stable (every step): eta <= -1 and m <= 0"),
        ("momentum-sgd", "largest stable eta: -1, where m <= 0"),
    ],
)
def test_update_rules_with_more_parts_are_data(name: str, conclusion: str) -> None:
    assert conclusion in read_back(written(name)).conclusions


def test_a_momentum_that_keeps_growing_leaves_later_steps_open() -> None:
    found = read_back(written("momentum-sign")).conclusions
    assert any(line.startswith("stable (steps 1 to") for line in found)
    assert not any("every step" in line for line in found)
    assert "after step 7: unknown, for the exponents have not settled" in found


def test_what_is_not_proved_is_called_unknown() -> None:
    found = certificate(derived(CASES["init-ab-adam"], None, POLICIES["A7"])).conclusions
    assert "stable (every step): unknown; surely eta <= -1/2; at most always" in found


def test_an_assumption_cannot_be_smuggled_away() -> None:
    data = copy.deepcopy(written("init-a-adam").data)
    data["premises"]["without"] = ["A5"]
    found = verification(data)
    assert found.first_failure is not None and "is not proved" in found.first_failure


def test_the_frontier_of_two_rates_is_proved() -> None:
    found = read_back(written("two-rates")).conclusions
    assert {line for line in found if line.startswith("frontier")} == {
        "frontier of a, b: a + b = -1 and b <= 0",
        "frontier of a, b: a <= -1 and b = 0",
    }


def test_the_invariant_and_the_cycle_of_gradient_descent_are_proved() -> None:
    found = read_back(written("init-a-sgd")).conclusions
    assert "U_A -> U_B -> U_A: every turn gains 2*eta + 2" in found
    assert "where eta <= -1, invariant of every step from 3 on: U_A 2*eta + 1, U_B eta" in found
    assert "stable (every step): eta <= -1" in found


def test_the_published_answers() -> None:
    found = read_back(written("init-a-adam")).conclusions
    assert "stable (every step): eta <= -1/2" in found
    assert "feature_learning (every step): eta = -1/2, from step 2 on" in found
    assert "efficient (every step): eta = -1/2, from step 3 on" in found
    assert "largest stable eta: -1/2" in found
    assert "undertrained: B" in read_back(written("init-b-adam")).conclusions


@every_case
def test_a_certificate_of_some_steps_only(name: str) -> None:
    found = certificate(derived(CASES[name], 2))
    checked = read_back(found)
    assert checked.first_failure is None and checked.conclusions == found.conclusions


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
    assert changed_at("init-a-sgd", ("cycles",), []).first_failure is not None
    assert changed_at("init-a-sgd", ("cycles", 0, "weights", 0, "1"), "0").first_failure is not None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "not JSON", id="empty"),
        pytest.param("[]", "not a certificate", id="list"),
        pytest.param('{"kind": "gamma-calc certificate", "schema": 1}', "schema 1", id="version"),
        pytest.param('{"kind": "gamma-calc certificate", "schema": 2}', "KeyError: 'proof'", id="key-missing"),
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


@every_case
def test_every_question_to_an_smt_solver_is_unsat(name: str) -> None:
    z3 = pytest.importorskip("z3")
    text = smtlib(written(name))
    solver = z3.Solver()
    preamble = "\n".join(line for line in text.splitlines() if line.startswith(("(set-logic", "(declare")))
    questions = text.split("(push 1)")[1:]
    assert questions
    for question in questions:
        solver.reset()
        solver.from_string(preamble + question.split("(check-sat)")[0])
        assert solver.check() == z3.unsat, question


def test_claims_without_their_hypotheses_are_sat() -> None:
    z3 = pytest.importorskip("z3")
    answers = []
    for question in smtlib(written("init-a-adam")).split("(push 1)")[1:]:
        kept = [line for line in question.split("(check-sat)")[0].splitlines() if not line.startswith("(assert (>= ")]
        solver = z3.Solver()
        solver.from_string("\n".join(["(declare-const |eta| Real)", *kept]))
        answers.append(solver.check() == z3.sat)
    assert any(answers)


@pytest.mark.parametrize("name", ["init-a-adam", "init-b-adam", "lora-plus-a-adam", "lora-plus-b-adam"])
def test_rocq_compiles_the_claims(name: str, tmp_path: Path) -> None:
    if shutil.which("coqc") is None:
        pytest.skip("coqc is missing")
    path = tmp_path / "claims.v"
    path.write_text(rocq(written(name)))
    done = subprocess.run(["coqc", path.name], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    path.write_text(rocq(written(name)) + "Lemma wrong : forall x : R, 0 <= x.\nProof. intros. lra. Qed.\n")
    done = subprocess.run(["coqc", path.name], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode != 0


def test_a_scheme_may_have_any_name() -> None:
    base = CATALOGUE["init-a"]
    odd = Scheme('a *) b "\n(check-sat)', base.exponents, base.optimizer)
    found = certificate(derived(odd))
    assert read_back(found).first_failure is None
    assert "\n(check-sat)\n(" not in smtlib(found).split("(set-logic")[0]
    assert " a *) b" not in rocq(found)

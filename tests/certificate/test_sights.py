"""What a checker knows of what a part of a sum has seen: no part lends its sights to another one of its parity."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gamma_calc import Problem
from gamma_calc.algebra import Affine
from gamma_calc.analysis.derivation import derived
from gamma_calc.calculus.policy import CALCULUS
from gamma_calc.calculus.recursion import trajectory
from gamma_calc.certificate.certificate import certificate
from gamma_calc.certificate.checker import MOST_WORK, CheckedRun, Law, Refuted
from gamma_calc.certificate.conclusions import claim, conclusions, condition_statement
from gamma_calc.certificate.evidence import FoundProof
from gamma_calc.certificate.parts import LOWER, UPPER
from gamma_calc.certificate.premises import premises
from gamma_calc.certificate.shape import Malformed, check_shape
from gamma_calc.certificate.verification import verification
from gamma_calc.errors import Unknown
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.network import axis, contract, data, named, parameter, scaled, stop_gradient
from gamma_calc.program.problem import program_of
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.spec_file import scheme_from_text

DEEP = '[model]\nkind = "lora-stack"\ndepth = 3\nfrozen = true\n[exponents]\n'
STACKS = {
    "adam": f'optimizer = "adam"\n{DEEP}A = "-1"\nB = "zero"\neta_A = "-3/2"\neta_B = "-1"',
    "sign": 'optimizer = "sign"\n'
    f'{DEEP}A = "-1"\nB = "0"\neta_A = "-1/2"\neta_B = "-1"\n[parameters."B[2]"]\nrate = "-1/2"',
    "sgd": 'optimizer = "sgd"\n'
    f'{DEEP}A = "-2"\nB = "-1/2"\neta_A = "-1"\neta_B = "-1/2"\n[parameters."A[1]"]\nrate = "-1"',
}
"""Stacks of which a checker that joined sights proved too large a size, as exact: of delta_0[3], or of Z_A[3]."""
ONE = {"1": "1"}


def stack(name: str) -> Scheme:
    return scheme_from_text(STACKS[name], default_name=name)


@pytest.mark.parametrize("name", STACKS)
def test_no_size_is_proved_that_the_engine_does_not_have(name: str) -> None:
    steps = 1 if name == "sgd" else 2  # of gradient descent more are too long to check
    run = trajectory(program_of(stack(name)), steps, stack(name).domain)
    checked = CheckedRun(premises(stack(name), run.policy), FoundProof(), (), steps)
    for step, sizes in zip(run.steps, checked.steps, strict=True):
        for of, part in sizes.items():
            engine = step.sizes[of]
            for lower in part.bounds[LOWER]:
                assert lower.constant <= engine.upper.at({}), of
            assert engine.lower.is_vanishing or engine.lower.at({}) <= max(p.constant for p in part.bounds[UPPER]), of


def program(start: Any, step: list[Any], quantities: dict[str, str], axes: str) -> Any:
    """Premises with axes of size n."""
    given = {name: {"size": [{}], "random": random} for name, random in start.items()}
    more = {"domain": [], "without": [], "align": {}, "next": {}, "conditions": {}, "factors": {}}
    return {"axes": dict.fromkeys(axes, ONE), "start": given, "step": step, "quantities": quantities, **more}


def sizes(data: Any) -> dict[str, tuple[str, ...]]:
    """What a checker proves of the quantities at the first step, where both bounds are the same."""
    (step,) = CheckedRun(data, FoundProof(), (), 1).steps
    assert all(part.bounds[LOWER] == part.bounds[UPPER] for part in step.values())
    return {of: tuple(map(str, part.bounds[UPPER])) for of, part in step.items()}


@pytest.mark.parametrize("order", [["W", "V"], ["V", "W"]])
def test_the_order_of_the_factors_of_a_product_changes_nothing(order: list[str]) -> None:
    """W V V^T x is n^(3/2), in whatever order it is written, and as W (V (V^T x))."""
    step = [
        {"name": "P", "is": "product", "of": order, "over": "j"},
        {"name": "U", "is": "renamed", "of": ["V"], "from": "j", "to": "l"},
        {"name": "Q", "is": "product", "of": ["U", "P"], "over": "k"},
        {"name": "R", "is": "product", "of": ["Q", "x"], "over": "l"},
    ]
    start = {"W": ["i", "j"], "V": ["j", "k"], "x": []}
    assert sizes(program(start, step, {"R": "R"}, "ijkl")) == {"R": ("3/2",)}


def test_a_random_vector_knows_itself() -> None:
    step = [{"name": "s", "is": "product", "of": ["v", "v"], "over": "n"}]
    assert sizes(program({"v": ["n"]}, step, {"s": "s"}, "n")) == {"s": ("1",)}


def product(name: str, left: str, right: str, over: str) -> dict[str, Any]:
    return {"name": name, "is": "product", "of": [left, right], "over": over}


def chained(count: int, starts: str) -> Any:
    """v_k = W_{k-1} ... W_0 v of each start, those of the step before as Xv, and one more random matrix T."""
    axes = [f"n{k}" for k in range(count + 2)]
    start: dict[str, Any] = {f"W{k}": {"size": [{}], "random": axes[k : k + 2]} for k in range(count)}
    start |= {"T": {"size": [{}], "random": axes[-2:]}} | {f"X{v}": {"size": [], "random": []} for v in starts}
    step = [product(f"{v}{k + 1}", f"W{k}", f"{v}{k}" if k else v, f"n{k}") for v in starts for k in range(count)]
    data = {**program({}, step, {}, ""), "axes": dict.fromkeys(axes, ONE), "start": start}
    return {**data, "next": {f"X{v}": f"{v}{count}" for v in starts}}


def now_and_later(data: Any) -> tuple[Any, Any]:
    """The bounds of what is made of the values of a step, and of those of the step before, which are the same."""
    last = CheckedRun({**data, "quantities": {"now": "now", "later": "later"}}, FoundProof(), (), 4).steps[-1]
    return last["now"].bounds, last["later"].bounds


@pytest.mark.parametrize("count", [2, 3, 4])
def test_what_is_forgotten_of_a_chain_may_be_brought_back(count: int) -> None:
    """p . W^T ... W^T T^T T W ... W p has p . p in it, also where W ... W p is of the step before."""
    data, last = chained(count, "p"), f"n{count}"
    data["start"]["p"] = {"size": [{}], "random": []}
    for name, value in (("now", f"p{count}"), ("later", "Xp")):
        data["step"] += [
            product(f"{name} T", "T", value, last),
            product(f"{name}{count}", "T", f"{name} T", f"n{count + 1}"),
        ]
        data["step"] += [product(f"{name}{k}", f"W{k}", f"{name}{k + 1}", f"n{k + 1}") for k in reversed(range(count))]
        data["step"].append(product(name, "p", f"{name}0", "n0"))
    now, later = now_and_later(data)
    assert now[LOWER] == now[UPPER] and later[UPPER][0].constant >= now[UPPER][0].constant


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_what_is_forgotten_of_two_chains_leaves_open_whether_they_are_aligned(count: int) -> None:
    """(T W ... W a) . (T W ... W b) is a random walk, as a . b is, also of the step before."""
    data = chained(count, "ab")
    data["start"] |= {name: {"size": [{}], "random": ["n0"]} for name in "ab"}
    for name, a, b in (("now", f"a{count}", f"b{count}"), ("later", "Xa", "Xb")):
        data["step"] += [product(f"{name} {value}", "T", value, f"n{count}") for value in (a, b)]
        data["step"].append(product(name, f"{name} {a}", f"{name} {b}", f"n{count + 1}"))
    now, later = now_and_later(data)
    assert now[LOWER] == now[UPPER]
    assert all(piece.constant <= now[UPPER][0].constant for piece in later[LOWER])


def test_what_a_dot_brings_back_of_a_matrix_is_its_entries() -> None:
    """The sum of all entries of M times those of W W^T M is |W^T M|^2, of n^2 entries of size 1."""
    step = [
        product("T", "W", "M", "i"),
        product("D", "W", "T", "j"),
        product("inner", "M", "D", "k"),
        product("F", "one", "inner", "i"),
    ]
    data = program({"W": ["i", "j"], "M": ["i", "k"], "one": []}, step, {"F": "F"}, "ijk")
    data["start"]["W"]["size"] = [{"1": "-1/2"}]
    (last,) = CheckedRun(data, FoundProof(), (), 1).steps
    assert max(piece.constant for piece in last["F"].bounds[UPPER]) >= 2


def test_an_axis_that_a_value_has_already_is_no_new_name() -> None:
    step = [{"name": "d", "is": "renamed", "of": ["W"], "from": "a", "to": "b"}]
    with pytest.raises(Refuted, match="d has the axis already"):
        CheckedRun(program({"W": ["a", "b"]}, step, {"d": "d"}, "ab"), FoundProof(), (), 1)


def test_a_name_stands_for_one_value() -> None:
    """What the gradients of earlier steps had is kept by the name of a step."""
    data = json.loads(certificate(derived(CATALOGUE["init-a"])).text())
    data["premises"]["step"].append({**data["premises"]["step"][0], "of": []})
    with pytest.raises(Malformed, match=r"name: found '.*', expected a name that no value has yet"):
        check_shape(data)


def frozen_chain(count: int, rate: str) -> Problem:
    """b . x + stop(V b) . (V y) / n^(1/2) + n^(5/4) p . stop(q) with x = W ... W p and y = W ... W q; b and q learn."""
    axes = [axis(f"n{k}", 1) for k in range(count + 2)]
    p, q = data("p", axes[0]), parameter("q", axes[0], init="zero", rate=rate)
    b = parameter("b", axes[count], init="zero", rate="-1")
    x, y = p, q
    for k in range(count):
        w = parameter(f"W{k}", axes[k + 1], axes[k], init="-1/2")
        x, y = w @ x, w @ y
    v = parameter("V", axes[-1], axes[-2], init="-1/2")
    r = named("R", p @ stop_gradient(q))
    taught = scaled("s", "-1/2", stop_gradient(v @ b) @ (v @ y))
    return Problem("chain", named("F", b @ x + taught + scaled("u", "5/4", r)), optimizer="sgd")


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_a_chain_of_frozen_matrices_brings_back_its_start(count: int) -> None:
    """At eta = -1/4 the slope of F is 1/2 (0.53 to 0.56 from n = 128 to 2048 of four): q has p in it."""
    assert str(derived(frozen_chain(count, "eta").scheme).decisions["stable"].region) == "eta <= -3/4"
    there = frozen_chain(count, "-1/4").scheme
    run = trajectory(program_of(there), 3, there.domain)
    assert str(run.steps[1].sizes["F"]) == "1/2"


def test_no_rate_is_proved_stable_at_which_a_chain_is_not() -> None:
    """Of four W at eta = -1/4 the slope of F is 1/2 (0.53 to 0.56 from n = 128 to 2048), for q has p in it."""
    found = certificate(derived(frozen_chain(4, "eta").scheme))
    assert verification(json.loads(found.text())).is_valid
    (said,) = [each for each in found.data["conclusions"] if each.startswith("stable, F <= 0")]
    assert "unknown; surely eta <= -3/4" in said or "unknown; surely never" in said


def test_what_may_be_absent_may_be_so_at_every_later_step() -> None:
    """U' = U + normalised(z) and the slope of ReLU at it: without A6 a step may be zero."""
    step = [
        {"name": "g", "is": "normalised", "of": ["z"], "by": {}, "epsilon": False},
        {"name": "U'", "is": "sum", "of": ["U", "g"]},
        {"name": "Q", "is": "map", "of": ["U'"], "beside": [], "degree": 0},
    ]
    given = program({"z": []}, step, {"Q": "Q"}, "i")
    given |= {"without": ["A6"], "next": {"U": "U'"}}
    given["start"]["U"] = {"size": [], "random": []}
    assert Law(CheckedRun(given, FoundProof(), (), 1)).looked_at["Q"].bounds[LOWER] == ()


def test_many_parts_are_too_much_work() -> None:
    step = [{"name": "s", "is": "sum", "of": ["a"] * (MOST_WORK + 1)}]
    with pytest.raises(Refuted, match="more than 300000 sums of forms and parts"):
        CheckedRun(program({"a": []}, step, {"s": "s"}, "i"), FoundProof(), (), 1)


def test_three_axes_that_grow_are_refused() -> None:
    with pytest.raises(Refuted, match="more than two axes"):
        CheckedRun(program({"T": ["i", "j", "k"]}, [], {"T": "T"}, "ijk"), FoundProof(), (), 1)


def three_axes() -> Problem:
    i, j, k, o = axis("i", 1), axis("j", 1), axis("k", 2), axis("o")
    seen = contract(contract(parameter("T", i, j, k, init="-1"), data("y", i), i), data("u", j), j)
    return Problem("three axes", named("f", contract(parameter("B", o, k, init="zero", rate="eta"), seen, k)))


def test_three_axes_are_not_covered_by_name() -> None:
    with pytest.raises(Unknown, match="no certificate covers parameters with more than 2 axes that grow"):
        certificate(derived(three_axes().scheme, 1))


def test_an_axis_is_there_once() -> None:
    data = json.loads(certificate(derived(stack("adam"), 1)).text())
    name = next(iter(data["premises"]["start"]))
    data["premises"]["start"][name]["random"] = ["width", "width"]
    with pytest.raises(Malformed, match="each of them once"):
        verification(data)


def test_a_condition_that_does_not_ask_for_stable_is_not_judged_by_it() -> None:
    """Init[A] at eta = -1/2 is efficient. What is called stable may be anything that never holds, such as Z_A <= 0."""
    given = premises(CATALOGUE["init-a"].at({"eta": Affine.of(-1) / 2}), CALCULUS)
    given["conditions"]["stable"] = {"bounded": ["Z_A"], "reached": []}
    proof = FoundProof()
    run = CheckedRun(given, proof, (), 64)
    never = claim("never", condition_statement(["Z_A"], (), len(run.steps)), [], holds=False)
    run.claim(never)
    runs = [{"where": [], "steps": len(run.steps), "later": None, "claims": [never]}]
    data = {"premises": given, "runs": runs, "largest": None, "frontier": None}
    found = [each for each in conclusions(data, [run]) if "every step)" in each]
    assert "stable, Z_A <= 0 (every step): never" in found
    assert "efficient (every step): unknown; surely never; at most always" in found


@pytest.mark.slow
@pytest.mark.parametrize("name", ["adam", "sign"])
def test_a_certificate_does_not_depend_on_the_order_of_sets(name: str, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(certificate(derived(stack(name), 2)).text())
    for seed in range(4):
        words = [sys.executable, "-m", "gamma_calc", "verify", str(tmp_path / "c.json")]
        assert (
            subprocess.run(words, env={**os.environ, "PYTHONHASHSEED": str(seed)}, stdout=subprocess.DEVNULL).returncode
            == 0
        )

"""Certificates of stacks: each exponent as the engine has it, read again by the checker, and no forgery believed."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gamma_calc.algebra import Affine
from gamma_calc.algebra.plain import Forms
from gamma_calc.analysis.derivation import derived
from gamma_calc.calculus.recursion import trajectory
from gamma_calc.calculus.size import Size
from gamma_calc.certificate.certificate import Certificate, certificate
from gamma_calc.certificate.checker import CheckedRun
from gamma_calc.certificate.conclusions import premises_text
from gamma_calc.certificate.evidence import FoundProof
from gamma_calc.certificate.parts import LOWER, UPPER
from gamma_calc.certificate.premises import premises
from gamma_calc.certificate.shape import Malformed
from gamma_calc.certificate.verification import Verification, verification
from gamma_calc.cli.main import main
from gamma_calc.program.problem import program_of
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.spec_file import scheme_from_text
from tests.certificate.certificates import claimed, holds, is_inside

ADAM = {"A": "-1/2", "B": "zero", "eta_A": "eta", "eta_B": "eta"}


def stack(depth: int, *model: str, optimizer: str = "adam", **exponents: str) -> Scheme:
    """Init[A] in every layer, but for the exponents that are given."""
    lines = [f'optimizer = "{optimizer}"', "[exponents]"]
    lines += [f'{key} = "{value}"' for key, value in {**ADAM, **exponents}.items()]
    return scheme_from_text(
        "\n".join([*lines, "[model]", 'kind = "lora-stack"', f"depth = {depth}", *model]), default_name="stack"
    )


FROZEN, OPEN = "frozen = true", "rank"
STACKS = {
    "init-a": stack(2),
    "three-layers": stack(3),
    "init-b": stack(2, A="zero", B="0"),
    "lora-plus": stack(2, eta_A="-1", eta_B="0"),
    "two-rates": stack(2, eta_A="a", eta_B="b"),
    "both-inits": stack(2, B="-1/2"),
    "frozen": stack(2, FROZEN),
    "frozen-both-inits": stack(2, FROZEN, B="-1/2", eta_A="-1"),
    "gradient-descent": stack(2, optimizer="sgd"),
    "rank": stack(2, rank="rho", B="-rho/2", optimizer="sign"),
    "momentum-and-decay": stack(2, momentum="0", decay="-1/2", B="-1", eta_A="-1/2", eta_B="-1/2"),
    "one-of-its-own": scheme_from_text(
        "\n".join(["[exponents]", *(f'{key} = "{value}"' for key, value in ADAM.items()), "[model]"])
        + '\nkind = "lora-stack"\ndepth = 2\n[parameters."B[2]"]\ninit = "-1/2"\nrate = "-1"',
        default_name="own",
    ),
}


@cache
def written(name: str) -> Certificate:
    return certificate(derived(STACKS[name]))


def both_readings(scheme: Scheme) -> Iterator[tuple[str, tuple[Forms, ...], Size]]:
    """What the checker and the engine, which share no code, say of each quantity in the first steps."""
    run = trajectory(program_of(scheme), 3, scheme.domain)
    checked = CheckedRun(premises(scheme, run.policy), FoundProof(), (), 3)
    for step, sizes in zip(run.steps, checked.steps, strict=True):
        assert sizes.keys() == step.sizes.keys()
        yield from ((of, part.bounds, step.sizes[of]) for of, part in sizes.items())


@pytest.mark.parametrize("name", [name for name in STACKS if name != OPEN])
def test_the_checker_finds_the_exponents_of_the_engine(name: str) -> None:
    for of, bounds, engine in both_readings(STACKS[name]):
        assert {*bounds[LOWER]} == {*engine.lower.pieces}, of
        assert {*bounds[UPPER]} == {*engine.upper.pieces}, of


def test_where_it_is_open_what_was_seen_the_checker_believes_less_from_below() -> None:
    points = [{"eta": Fraction(eta, 4), "rho": Fraction(rho, 4)} for eta in range(-8, 3) for rho in range(5)]
    less = set()
    for of, bounds, engine in both_readings(STACKS[OPEN]):
        assert {*bounds[UPPER]} == {*engine.upper.pieces}, of
        for point in points:
            if bounds[LOWER]:
                below = engine.upper.at(point) - max(form.at(point) for form in bounds[LOWER])
                assert below >= 0, of
                less |= {of} if below else set()
    assert {"Z_A[2]", "Z_B[2]"} <= less


@pytest.mark.parametrize("name", ["init-a", "init-b", "lora-plus", "frozen", "one-of-its-own"])
def test_a_certificate_says_what_the_derivation_says(name: str) -> None:
    """It may leave open what the derivation decides apart on parts of the domain, and says nothing else."""
    found, made = verification(json.loads(written(name).text())), derived(STACKS[name])
    assert found.first_failure is None and found.conclusions == claimed(written(name))
    for condition, decision in made.decisions.items():
        (said,) = [each for each in found.conclusions if each.startswith(f"{condition}, ")]
        region, _, onset = said.partition(" (every step): ")[2].partition(", from step ")
        sure, _, most = region.removeprefix("unknown; surely ").partition("; at most ")
        for point in ({free: Fraction(quarters, 4) for free in made.free} for quarters in range(-8, 5)):
            assert holds(sure, point) <= is_inside(decision.region, point) <= holds(most or sure, point), said
        assert onset in ("", f"{decision.onset} on")
    for rate, largest in made.max_stable.items():
        assert f"largest stable {rate}: {largest.value}" in found.conclusions
    factors = ", ".join(made.undertrained) or "no factor"
    assert not made.at_max or f"undertrained: {factors}" in found.conclusions


@pytest.mark.parametrize("horizon", [10, None])
def test_a_run_that_a_checker_tells_settled_sooner_is_followed_no_further(horizon: int | None) -> None:
    """The engine tells apart what has met what in earlier steps, for some more steps."""
    both = stack(2, B="-1/2", eta_A="-1", eta_B="-1", rank="1/2")
    run = trajectory(program_of(both), 12, both.domain)
    found = verification(json.loads(certificate(derived(both, horizon)).text()))
    assert run.settled_from == 12
    assert found.first_failure is None
    assert "stable, Z_B[1], Z_B[2] <= 0 (every step): always" in found.conclusions


def test_what_differs_in_the_premises_is_printed() -> None:
    """Of an assignment nothing is left out, so that two programs do not read alike."""
    data = written("frozen").data["premises"]
    said = premises_text(data)
    for place, step in enumerate(data["step"]):
        for key in step.keys() - {"name", "is"}:
            other = copy.deepcopy(data)
            other["step"][place][key] = {"of": [], "by": {"1": "7"}, "epsilon": False}.get(key, "batch")
            assert other == data or premises_text(other) != said, (step, key)


def test_a_factor_is_known_by_its_part_alone() -> None:
    """What the premises name as the part of a factor tells whether it learns, whatever the updates are called."""
    text = written("init-b").text().replace("U_B[1]", "V_B[1]")
    assert "undertrained: B[1], B[2]" in verification(json.loads(text)).conclusions
    found = verification(json.loads(text.replace("undertrained: B[1], B[2]", "undertrained: B[2]")))
    assert found.first_failure is not None


def test_a_condition_names_its_quantities() -> None:
    found = claimed(written("init-a"))
    assert "stable, Z_B[1], Z_B[2] <= 0 (every step): eta <= -1/2" in found
    assert not any("unknown" in each for each in found)


def assigned(data: Any, name: str) -> Any:
    """The assignment of a value."""
    return next(each for each in data["premises"]["step"] if each["name"] == name)


def proved(data: Any, of: str) -> int:
    """The place of a step of the proof."""
    return next(place for place, each in enumerate(data["proof"]) if each["of"] == of)


def less_random(data: Any) -> None:
    """A_2 is not random along the width."""
    data["premises"]["start"]["A[2]_0"]["random"] = ["rank"]


def not_random(data: Any) -> None:
    """A_2 is data."""
    data["premises"]["start"]["A[2]_0"]["random"] = []


def raised(data: Any) -> None:
    """Z_B of the second layer is larger by n^(1/2) at the second step."""
    step = data["proof"][proved(data, "step 2, Z_B[2]")]
    for piece in step["value"]:
        piece["1"] = str(Fraction(piece.get("1", "0")) + Fraction(1, 2))


def lowered(data: Any) -> None:
    """It has one piece less."""
    del data["proof"][proved(data, "step 2, Z_B[2]")]["value"][0]


def no_layer(data: Any) -> None:
    """The second layer is not looked at, and nothing speaks of it."""
    premises = data["premises"]
    premises["quantities"] = {of: name for of, name in premises["quantities"].items() if not of.endswith("[2]")}
    premises["factors"] = {of: part for of, part in premises["factors"].items() if not of.endswith("[2]")}
    for asked in premises["conditions"].values():
        asked |= {key: [name for name in names if not name.endswith("[2]")] for key, names in asked.items()}


def unasked(data: Any) -> None:
    """Stability does not ask for the second layer, and the words do not say so."""
    data["premises"]["conditions"]["stable"]["bounded"].remove("Z_B[2]")


def no_dot(data: Any) -> None:
    """What comes back of a sum with A_2, part of the update of B_1, is left out."""
    del data["proof"][proved(data, "step 3, U_B[1]")]


def not_renamed(data: Any) -> None:
    """The output of a layer enters the next one under its own axis, where the next A does not meet it."""
    for each in data["premises"]["step"]:
        if each["is"] == "renamed" and each["to"] == "width":
            each["to"] = each["from"]


def to_another_size(data: Any) -> None:
    """The output of a layer has a fixed number of features."""
    for each in data["premises"]["step"]:
        if each["is"] == "renamed":
            each["to"] = "batch"


def not_apart(data: Any) -> None:
    """What training changes of the stream counts as initial."""
    assigned(data, "z[1]_0")["of"] += assigned(data, "U_z[1]")["of"]


def no_feedback(data: Any) -> None:
    """The gradient at the first layer does not pass the second one."""
    assigned(data, "U_dz[1]")["of"].clear()


FORGERIES = (
    less_random,
    not_random,
    raised,
    lowered,
    no_layer,
    unasked,
    no_dot,
    not_renamed,
    to_another_size,
    not_apart,
    no_feedback,
)


def read(data: Any) -> Verification | None:
    """A certificate read back; None where it is none."""
    try:
        return verification(json.loads(json.dumps(data)))
    except Malformed:
        return None


@pytest.mark.parametrize("forge", FORGERIES)
def test_a_forgery_is_refused(forge: Callable[[Any], None]) -> None:
    # Two layers are too few to tell what was merged wrongly.
    data = copy.deepcopy(written("three-layers" if forge is not_apart else "init-a").data)
    assert read(data) is not None
    forge(data)
    found = read(data)
    assert found is None or (found.first_failure is not None and not found.conclusions)


SPEC = '[exponents]\nA = "-1/2"\nB = "zero"\neta_A = "eta"\neta_B = "eta"\n[model]\nkind = "lora-stack"\ndepth = 2\n'


@pytest.mark.parametrize(
    ("text", "what"),
    [
        pytest.param(f"{SPEC}norm = true\n", "norms", id="norm"),
        pytest.param(f'{SPEC}map = "relu"\nnorm = true\n', "norms", id="norm-and-map"),
        pytest.param(f'optimizer = "muon"\n{SPEC}', "the optimiser muon", id="optimizer"),
    ],
)
@pytest.mark.parametrize("option", ["--certificate", "--smtlib", "--rocq"])
def test_what_no_certificate_covers_is_refused_by_name(
    text: str, what: str, option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, file = tmp_path / "net.toml", tmp_path / "net.out"
    spec.write_text(text, encoding="utf-8")
    assert main(["derive", str(spec), "--at", "eta=-1", option, str(file)]) == 3
    error = capsys.readouterr().err
    assert ": no certificate covers " in error and what in error and error.count("\n") == 1
    assert not file.exists()


@pytest.mark.parametrize(
    ("words", "left"),
    [
        pytest.param((), "stable, internally_stable, feature_learning, efficient", id="bounds"),
        pytest.param(("--at", "eta=-5/4"), "", id="at-a-point"),
    ],
)
def test_what_a_certificate_leaves_open_is_said(
    words: tuple[str, ...], left: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """LoRA+ in two layers, whose region is decided part by part, and certified by bounds on the whole domain."""
    spec, file = tmp_path / "net.toml", tmp_path / "net.json"
    spec.write_text(SPEC.replace('eta_B = "eta"', 'eta_B = "eta + 1"'), encoding="utf-8")
    assert main(["derive", str(spec), *words, "--certificate", str(file)]) == 0
    said = f"The certificate proves less of {left}, see gamma-calc verify"
    printed = capsys.readouterr().out
    assert (said in printed) == bool(left) == ("The certificate" in printed)


def test_a_form_is_read_as_it_is_written() -> None:
    """What a layer of its own starts at is in the premises of that layer alone."""
    start = written("one-of-its-own").data["premises"]["start"]
    assert start["B[2]_0"]["size"] == [{"1": str(Affine.of(Fraction(-1, 2)).constant)}] and not start["B[1]_0"]["size"]

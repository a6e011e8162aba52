"""Certificates of ReLU: the checker's rules against sampled signs, its exponents against the engine, and forgeries."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest

from gamma_calc import Problem
from gamma_calc.algebra import Affine
from gamma_calc.analysis.derivation import derived
from gamma_calc.calculus.policy import CALCULUS
from gamma_calc.calculus.recursion import trajectory
from gamma_calc.certificate.certificate import Certificate, certificate
from gamma_calc.certificate.checker import CheckedRun
from gamma_calc.certificate.evidence import FoundProof
from gamma_calc.certificate.maps import expansion, linear, outer
from gamma_calc.certificate.parts import LOWER, UNIT, UPPER, BoundedPart, SeenTensor
from gamma_calc.certificate.premises import premises
from gamma_calc.certificate.shape import Malformed
from gamma_calc.certificate.verification import Verification, verification
from gamma_calc.errors import Unknown
from gamma_calc.program.expressions import Expression
from gamma_calc.program.network import (
    absolute,
    axis,
    data,
    gelu,
    named,
    parameter,
    relu,
    renamed,
    silu,
    stop_gradient,
    tanh,
)
from gamma_calc.program.problem import program_of
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.spec_file import scheme_from_text

Sign = frozenset[tuple[str, str, str]]
Sizes = Mapping[str, Fraction]
QUARTER, HALF = Fraction(1, 4), Fraction(1, 2)


def sign(name: str) -> Sign:
    return frozenset({(name, "axis", "axis")})


def part(name: str, size: Fraction) -> BoundedPart:
    """A part of its own sign, of size n^size."""
    return BoundedPart(((Affine.of(size),),) * 2, None, sign(name))


def sizes(**quarters: int) -> Sizes:
    """The size of each part, in quarters; L leads."""
    return {name: Fraction(quarter, 4) for name, quarter in quarters.items()}


# What is there, and what is added to it; of a slope only the latter.
ARGUMENTS = [
    pytest.param({}, sizes(L=0), id="one"),
    pytest.param({}, sizes(L=0, w=-2), id="two"),
    pytest.param({}, sizes(L=0, w=0), id="two-alike"),
    pytest.param({}, sizes(L=0, w=-2, x=-1), id="three"),
    pytest.param({}, sizes(L=0, w=0, x=-2), id="three-two-alike"),
    pytest.param({}, sizes(L=1, w=-1, x=-1), id="three-two-small-alike"),
    pytest.param({}, sizes(L=0, w=-1, x=-2, y=-3), id="four"),
]
CHANGES = [
    pytest.param(sizes(L=0), sizes(w=-2), id="one"),
    pytest.param(sizes(L=0), sizes(w=0), id="one-alike"),
    pytest.param(sizes(L=0, x=-1), sizes(w=-2), id="of-two"),
    pytest.param(sizes(L=0, x=-2), sizes(w=-1), id="of-two-the-second"),
    pytest.param(sizes(L=0), sizes(w=-2, x=-1), id="two"),
    pytest.param(sizes(x=-2), sizes(L=0), id="that-leads"),
    pytest.param(sizes(x=-2, y=-3), sizes(L=0, w=-1), id="that-leads-of-two"),
    pytest.param(sizes(L=0, x=-1), sizes(w=-2, y=-3), id="two-of-two"),
]


def claims(value: Sizes, change: Sizes, degree: int) -> Mapping[Sign | None, tuple[list[Fraction], list[Fraction]]]:
    """By sign, the bounds that the rules give a map from below and above; None for what may have any sign."""
    before, moved = ([part(*each) for each in parts.items()] for parts in (value, change))
    leader = next(each for each in (*before, *moved) if each.odd == sign("L"))
    every = [(Affine.of(0), each, ()) for each in linear(degree, moved)]
    found: dict[Sign | None, tuple[list[Fraction], list[Fraction]]] = {}
    for gain, like, factors in (*every, *expansion(leader, degree, before, moved)):
        both = found.setdefault(None if like.is_mixed else like.odd, ([], []))
        for side in (LOWER, UPPER):
            rest = sum((one.bounds[side][0].constant for one in factors), gain.constant)
            both[side].extend(own.constant + rest for own in like.bounds[side])
    return found


def shares(value: Sizes, change: Sizes, degree: int, n: float) -> Mapping[Sign, float]:
    """How large, in the mean, is what each product of signs has of ReLU, or of its slope, of normal numbers."""
    every = {**value, **change}
    normal = np.abs(np.random.default_rng(7).normal(size=(len(every), 400_000)))
    entries = {name: normal[place] * n ** float(size) for place, (name, size) in enumerate(every.items())}
    flips = [dict(zip(every, signs, strict=True)) for signs in itertools.product((1, -1), repeat=len(every))]

    def image(flip: Mapping[str, int]) -> Any:
        before, moved = (sum((flip[name] * entries[name] for name in parts), np.zeros(1)) for parts in (value, change))
        return np.maximum(before + moved, 0) - np.maximum(before, 0) if degree else (before + moved > 0) * 1.0

    images = [image(flip) for flip in flips]
    products = (odd for number in range(len(every) + 1) for odd in itertools.combinations(every, number))
    return {
        frozenset[Any]().union(*map(sign, odd)): float(
            np.mean(
                np.abs(
                    sum(np.prod([flip[name] for name in odd]) * each for flip, each in zip(flips, images, strict=True))
                )
            )
        )
        for odd in products
    }


def check_shares(value: Sizes, change: Sizes, degree: int) -> None:
    said, (low, high) = claims(value, change, degree), (shares(value, change, degree, n) for n in (2.0**12, 2.0**16))
    for of, share in high.items():
        slope = float(np.log2(share / low[of])) / 4 if share > 1e-9 else -np.inf
        least, most = said.get(of, ([], []))
        assert slope <= max([*most, *said.get(None, ([], []))[UPPER]], default=-np.inf) + 0.06, of
        assert slope >= max(least, default=-np.inf) - 0.06, of


@pytest.mark.parametrize("degree", [1, 0])
@pytest.mark.parametrize(("value", "change"), ARGUMENTS)
def test_a_map_has_what_the_rules_say_of_each_product_of_signs(value: Sizes, change: Sizes, degree: int) -> None:
    check_shares(value, change, degree)


@pytest.mark.parametrize(("value", "change"), CHANGES)
def test_a_change_has_what_the_rules_say_of_each_product_of_signs(value: Sizes, change: Sizes) -> None:
    check_shares(value, change, 1)


INIT_A, INIT_B, BOTH = {"A": "-1/2", "B": "zero"}, {"A": "zero", "B": "0"}, {"A": "-1/2", "B": "-1/2"}


def network(depth: int, rate: str, times: str = "0", *, frozen: bool = True, **init: str) -> Scheme:
    """A stack with ReLU; B has n^times times the rate of A."""
    exponents = {**init, "eta_A": rate, "eta_B": f"{rate} + {times}"}
    lines = ["[exponents]", *(f'{key} = "{value}"' for key, value in exponents.items())]
    lines += ["[model]", 'kind = "lora-stack"', f"depth = {depth}", f"frozen = {str(frozen).lower()}", 'map = "relu"']
    return scheme_from_text("\n".join(lines), default_name="stack")


PERCEPTRON = "\n".join(
    ["[model]", 'kind = "perceptron"', 'layers = ["U", "V", "W"]']
    + [f'[parameters.{name}]\ninit = "-1/2"\nrate = "eta"' for name in "UVW"]
)
POINTS = {
    "init-a": network(2, "-1/2", **INIT_A),
    "init-a-below": network(2, "-3/4", **INIT_A),
    "init-b": network(2, "-1", **INIT_B),
    "both-without-frozen": network(2, "-1", frozen=False, **BOTH),
    "lora-plus-a": network(2, "-5/4", "1", **INIT_A),
    "lora-plus-a-above": network(2, "-1", "1", **INIT_A),
    "lora-plus-b": network(2, "-1", "1", **INIT_B),
    "perceptron": scheme_from_text(PERCEPTRON, default_name="perceptron").at({"eta": -1}),
}


BESIDE = ("init-a-below", "lora-plus-a-above")
"""Below and above the largest stable rate, which take as long as that."""


@cache
def written(name: str) -> Certificate:
    return certificate(derived(POINTS[name]))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in BESIDE else name for name in POINTS]
)
def test_at_a_point_a_certificate_proves_what_is_derived(name: str) -> None:
    made, found = derived(POINTS[name]), verification(json.loads(written(name).text()))
    assert found.first_failure is None and not written(name).left_open
    for condition, decision in made.decisions.items():
        (said,) = (each for each in found.conclusions if each.startswith(f"{condition}, "))
        assert said.partition("): ")[2].split(",")[0] == ("always" if decision.holds else "never"), said


@pytest.mark.parametrize("name", POINTS)
def test_the_exponents_of_the_engine_are_within_the_bounds_of_the_checker(name: str) -> None:
    run = trajectory(program_of(POINTS[name]), 3, POINTS[name].domain)
    checked = CheckedRun(premises(POINTS[name], run.policy), FoundProof(), (), 3)
    for step, mine in zip(run.steps, checked.steps, strict=True):
        for of, size in step.sizes.items():
            least, most = (max((form.constant for form in side), default=-np.inf) for side in mine[of].bounds)
            sure, possible = (
                max((form.constant for form in each.pieces), default=-np.inf) for each in (size.lower, size.upper)
            )
            assert least <= sure <= possible <= most, of


@pytest.mark.parametrize(
    ("scheme", "said"),
    [
        pytest.param(network(2, "eta", **INIT_A), "eta <= -1/2", id="init-a"),
        pytest.param(network(2, "eta", **INIT_B), "eta <= -1", id="init-b"),
        pytest.param(network(2, "eta", "1", **INIT_A), "unknown; surely eta <= -5/4; at most always", id="lora-plus-a"),
    ],
)
def test_with_a_free_rate_a_certificate_proves_a_region_or_a_bound(scheme: Scheme, said: str) -> None:
    found = verification(json.loads(certificate(derived(scheme)).text()))
    assert found.first_failure is None
    assert f"stable, Z_B[1], Z_B[2] <= 0 (every step): {said}" in found.conclusions


def maps(data: Any) -> list[Any]:
    return [each for each in data["premises"]["step"] if each["is"] == "map"]


def a_line(data: Any) -> None:
    """ReLU is left out."""
    for each in maps(data):
        each["is"] = "sum"
        del each["beside"], each["degree"]


def no_slope(data: Any) -> None:
    """The gradient passes ReLU as it is."""
    for each in data["premises"]["step"]:
        if each["is"] == "entrywise":
            each["is"], each["of"] = "sum", each["of"][:1]


def from_zero(data: Any) -> None:
    """A change of ReLU is ReLU of the change."""
    for each in maps(data):
        each["beside"] = []


def another_degree(data: Any) -> None:
    """A map is a slope, and a slope a map."""
    for each in maps(data):
        each["degree"] = 1 - each["degree"]


def no_leader(data: Any) -> None:
    """Of a map another case is taken."""
    for each in data["proof"]:
        if each["of"].endswith("leading part") and each["proof"]:
            each["proof"][-1] = each["proof"][-1] + 1


@pytest.mark.parametrize("forge", [a_line, no_slope, from_zero, another_degree, no_leader])
def test_a_forgery_is_refused(forge: Callable[[Any], None]) -> None:
    data = copy.deepcopy(written("lora-plus-a").data)
    forge(data)
    assert data != written("lora-plus-a").data
    found = read(data)
    assert found is None or (found.first_failure is not None and not found.conclusions)


def read(data: Any) -> Verification | None:
    """A certificate read back; None where it is none."""
    try:
        return verification(json.loads(json.dumps(data)))
    except Malformed:
        return None


def masked(by: str) -> Problem:
    """t relu((m W)(x + e)) and x e, where m is data, or random itself: then (m W)^T sgn((m W) x) has x in it, too."""
    hidden, width = axis("hidden", 1), axis("width", 1)
    mask = data("m", hidden, width) if by == "data" else parameter("m", hidden, width, init="0")
    w, e = mask * parameter("W", hidden, width, init="-1/2"), parameter("e", width, init="zero", rate="-1")
    x, t = data("x", width), data("t", hidden)
    first, second = named("y1", t @ relu(w @ (x + e))), named("y2", x @ stop_gradient(e))
    return Problem("masked", named("f", first + second), stable=("y2",), learning=("y2",), optimizer="sign")


@pytest.mark.parametrize("by", ["data", "a random tensor"])
def test_a_random_tensor_times_another_value_meets_itself_in_a_gradient(by: str) -> None:
    """A step of sign turns e along x, with either m: y2 is n^0, as NumPy has it."""
    rng = np.random.default_rng(0)

    def second(n: int) -> float:
        w, (x, t) = rng.standard_normal((n, n)) * rng.standard_normal((n, n)) / n**0.5, rng.standard_normal((2, n))
        return abs(float(x @ np.sign(w.T @ (np.abs(t) * (w @ x > 0))))) / n

    sizes = [np.mean([second(n) for _ in range(16)]) for n in (128, 1024)]
    assert np.log2(sizes[1] / sizes[0]) / 3 == pytest.approx(0, abs=0.15)
    checked = CheckedRun(premises(masked(by).scheme, CALCULUS), FoundProof(), (), 1)
    assert checked.steps[0]["y2"].bounds[UPPER] == (Affine.of(0),)


def test_what_is_of_either_sign_has_no_lower_bound_after_a_normalised_step() -> None:
    """Of sgn(relu(z^2) z), of random signs, a sum with data is n^(-1/4); for all that is known it may be aligned."""
    hidden, width = axis("hidden", 1), axis("width", 1)
    w, b = parameter("W", hidden, width, init="-1/2"), parameter("b", hidden, init="zero", rate="-3/4")
    z = w @ data("x", width)
    first, second = data("u", hidden) @ (relu(z * z) * z * b), named("y", data("t", hidden) @ stop_gradient(b))
    problem = Problem("probe", named("f", first + second), stable=("y",), learning=("y",))
    (step,) = CheckedRun(premises(problem.scheme, CALCULUS), FoundProof(), (), 1).steps
    assert step["y"].bounds == ((), (Affine.of(1) / 4,))


def test_a_product_of_two_random_tensors_has_no_aligned_sum_for_sure() -> None:
    """A step along (W * m)^T t changes (W * m) e by no more than the step, as NumPy has it: that is n^(1/2) less than
    an aligned sum."""
    hidden, width = axis("hidden", 1), axis("width", 1)
    both = parameter("W", hidden, width, init="-1/2") * parameter("m", hidden, width, init="0")
    z = named("z", both @ (data("x", width) + parameter("e", width, init="zero", rate="-1")))
    problem = Problem("both", named("f", data("t", hidden) @ z), stable=("z",), learning=("z",), optimizer="sign")
    (step,) = CheckedRun(premises(problem.scheme, CALCULUS), FoundProof(), (), 1).steps
    least, most = (max(form.constant for form in side) for side in step["Delta_z"].bounds)
    rng = np.random.default_rng(0)

    def change(n: int) -> float:
        c, t = rng.standard_normal((n, n)) * rng.standard_normal((n, n)) / n**0.5, np.abs(rng.standard_normal(n))
        return float(np.sqrt(np.mean((c @ np.sign(c.T @ t) / n) ** 2)))

    slope = np.log2(np.mean([change(1024) for _ in range(4)]) / np.mean([change(128) for _ in range(8)])) / 3
    assert least <= slope + 0.05 and slope <= most and slope == pytest.approx(-1, abs=0.05)


def test_what_may_vanish_has_no_lower_bound_after_a_normalised_step() -> None:
    """(W (u t)) (W t), summed: two sums with one matrix know of each other by a walk, whose sign is random."""
    hidden, width = axis("hidden", 1), axis("width", 1)
    w, u = parameter("W", width, hidden, init="-1/2"), parameter("u", hidden, init="0")
    e, t, x = parameter("e", width, init="zero", rate="-1"), data("t", hidden), data("x", width)
    gate = (w @ (u * t)) * (w @ t)
    first, second = (gate * x) @ (x + e), named("p", data("y", width) @ stop_gradient(e))
    problem = Problem("hats", named("f", first + second), stable=("p",), learning=("p",), optimizer="sign")
    (step,) = CheckedRun(premises(problem.scheme, CALCULUS), FoundProof(), (), 1).steps
    assert step["p"].bounds == ((), (Affine.of(0),))


def test_an_axis_that_only_a_renaming_knows_is_a_premise() -> None:
    width, hidden, other = axis("width", 1), axis("hidden", 1), axis("other", 1)
    w = parameter("W", hidden, width, init="-1/2")
    turned = renamed(renamed(renamed(w, width, other), hidden, width), other, hidden)
    e, t = parameter("e", width, init="zero", rate="-1"), data("t", hidden)
    f = named("f", t @ ((w * turned) @ (data("x", width) + e)))
    problem = Problem("turned", f, stable=("f",), learning=("f",), optimizer="sign")
    assert "other" in certificate(derived(problem.scheme)).data["premises"]["axes"]


@pytest.mark.parametrize(("phi", "name"), [(gelu, "gelu"), (silu, "silu"), (tanh, "tanh"), (absolute, "abs")])
def test_another_map_is_not_taken_for_relu(phi: Callable[[Expression], Expression], name: str) -> None:
    width, hidden = axis("width", 1), axis("hidden", 1)
    w = parameter("W", hidden, width, init="-1/2", rate="eta")
    f = named("f", data("v", hidden) @ phi(w @ data("x", width)))
    with pytest.raises(Unknown, match=f"no certificate covers the map {name}$"):
        certificate(derived(Problem("net", f, stable=("f",), learning=("f",)).scheme))


REFUSED: Mapping[str, tuple[Callable[[Any], None], str]] = {
    "an assumption that there is not": (lambda data: data["without"].append("A3+A4"), r"without\[0\]: found 'A3\+A4'"),
    "a kind of sum that there is not": (lambda data: data["align"].update({"aligned ": {}}), "align: found 'aligned '"),
    "an axis that there is not": (
        lambda data: data["align"].update({"aligned": {"x": {}}}),
        "align.aligned: found 'x'",
    ),
    "a slope beside something": (
        lambda data: next(each for each in data["step"] if each.get("degree") == 0)["beside"].append("Z"),
        "expected nothing beside what a slope is taken of",
    ),
    "a value renamed twice at once": (
        lambda data: next(each for each in data["step"] if each["is"] == "renamed")["of"].append("Z"),
        "expected a list of 1",
    ),
    "a condition named in words": (
        lambda data: data["conditions"].update({"stable at any rate": {"bounded": [], "reached": []}}),
        "found 'stable at any rate', expected one word",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_premises_that_say_something_else_are_no_certificate(name: str) -> None:
    forge, message = REFUSED[name]
    data = copy.deepcopy(written("init-a").data)
    forge(data["premises"])
    with pytest.raises(Malformed, match=message):
        verification(data)


def knowing(name: str, size: int) -> BoundedPart:
    """A part that has seen what gives it its sign."""
    seen = frozenset({SeenTensor(name, frozenset({("axis", "axis")}), BoundedPart(()))})
    return replace(part(name, Fraction(size)), seen=seen)


SEEN_OF_MAPS = {
    "a slope where what leads may vanish": (0, [knowing("L", 0)], [knowing("w", -1)], (sign("w"), {"L", "w"}, -1)),
    "the rest of a value": (1, [knowing("x", -2)], [knowing("L", 0)], (frozenset(), {"L", "x"}, -2)),
}


@pytest.mark.parametrize(("degree", "value", "change", "expected"), SEEN_OF_MAPS.values(), ids=SEEN_OF_MAPS)
def test_what_a_map_makes_of_two_has_seen_what_both_have(
    degree: int, value: list[BoundedPart], change: list[BoundedPart], expected: tuple[Sign, set[str], int]
) -> None:
    (leader,) = (each for each in (*value, *change) if each.odd == sign("L"))
    made = [
        (
            like.odd,
            {each.tensor for each in like.seen},
            sum((one.bounds[UPPER][0].constant for one in factors), gain.constant),
        )
        for gain, like, factors in expansion(leader, degree, value, change)
    ]
    assert expected in made


def test_a_random_tensor_times_what_has_a_sign_is_another() -> None:
    tensor = SeenTensor("W", frozenset({("axis", "axis")}))
    random, data = replace(part("W", Fraction(0)), fresh=tensor), BoundedPart(UNIT)
    assert outer(random, data).fresh is tensor
    for other in (part("w", Fraction(0)), replace(data, is_mixed=True), replace(data, seen=knowing("w", 0).seen)):
        assert outer(random, other).fresh is None

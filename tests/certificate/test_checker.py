"""The checker alone, at places that no scheme of the catalogue reaches: what a liar could state there is refused."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from gamma_calc.algebra import Affine
from gamma_calc.certificate.checker import CheckedRun, Law, ProofSteps, Refuted
from gamma_calc.certificate.evidence import FoundProof
from gamma_calc.certificate.parts import BoundedPart, SeenTensor, blurred

AXIS: dict[str, Any] = {"axes": {"n": {"1": "1"}}, "domain": [], "without": [], "align": {}}
TENSORS: dict[str, Any] = {name: {"size": [{}], "random": []} for name in ("A", "B")}


def constant(*values: int) -> tuple[Affine, ...]:
    return tuple(map(Affine.of, values))


def beside(leader: Any) -> tuple[tuple[Affine, ...], ...]:
    """What a part of size n^-1 becomes beside a leader whose bounds, 0 and 1, are stated in some way."""
    smaller = {"of": "step 1, g, gradient", "value": [{"1": "-1"}], "proof": []}
    leading = {"of": "step 1, g, leading parity", "proof": [0]}
    stated = {"of": "step 1, g, gradient", "proof": []} | leader
    proof = ProofSteps([{"of": "domain", "proof": [{}]}, stated, smaller, leading])
    run = CheckedRun(AXIS | {"start": {}, "step": [], "next": {}, "quantities": {}}, proof, (), 0)
    parts = [
        BoundedPart((constant(0), constant(1)), odd=frozenset({("A", "n")})),
        BoundedPart((constant(-1), constant(-1))),
    ]
    _, other = run.normalised({"name": "g", "by": {}, "epsilon": False}, parts)
    return other.bounds


@pytest.mark.parametrize("value", [[{"1": "1"}], [{}, {"1": "1"}], [{"1": "1"}, {}]])
def test_a_gap_beside_a_leader_whose_bounds_differ_is_not_known(value: Any) -> None:
    assert beside({"value": value, "lower": [{}]}) == ((), constant(0))


def test_a_gap_beside_a_leader_of_one_size_is_known() -> None:
    proof = ProofSteps(
        [
            {"of": "domain", "proof": [{}]},
            {"of": "step 1, g, gradient", "value": [{"1": "1"}], "proof": []},
            {"of": "step 1, g, gradient", "value": [{}], "lower": [{"1": "-1"}], "proof": []},
            {"of": "step 1, g, leading parity", "proof": [0]},
        ]
    )
    run = CheckedRun(AXIS | {"start": {}, "step": [], "next": {}, "quantities": {}}, proof, (), 0)
    parts = [
        BoundedPart((constant(1), constant(1)), odd=frozenset({("A", "n")})),
        BoundedPart((constant(-1), constant(0))),
    ]
    leader, other = run.normalised({"name": "g", "by": {"1": "-3"}, "epsilon": False}, parts)
    assert leader.bounds == (constant(-3), constant(-3))
    assert other.bounds == (constant(-5), constant(-4))


@pytest.mark.parametrize(
    ("family", "rows", "is_so"),
    [
        pytest.param((1, 2, ()), [[[0, 1]]], True, id="base"),
        pytest.param((1, 1, ()), [[[0, 1]]], False, id="base-one-step-short"),
        pytest.param((0, 0, ()), [[]], True, id="length"),
        pytest.param((0, -1, ()), [[]], False, id="length-one-step-short"),
        pytest.param((2, 5, ()), [[[0, 2]]], True, id="two-turns"),
        pytest.param((2, 3, ()), [[[0, 2]]], False, id="two-turns-one-step-short"),
        pytest.param((0, 0, ((1, 2),)), [[], [[0, 1]]], True, id="turn"),
        pytest.param((0, 0, ((1, 1),)), [[], [[0, 1]]], False, id="turn-one-step-short"),
        pytest.param((2, 2, ()), [[[0, 1]]], False, id="too-little"),
    ],
)
def test_turns_take_the_time_that_there_is(family: Any, rows: Any, is_so: bool) -> None:
    base, length, turns = family
    whole = (Affine.of(0), 0, ((Affine.of(1), 2),))
    part = (Affine.of(base), length, tuple((Affine.of(turn), steps) for turn, steps in turns))
    proof = ProofSteps([{"of": "x", "proof": [[0, rows]]}])
    proof.step("x")
    if is_so:
        proof.covered((), [part], [whole])
    else:
        with pytest.raises(Refuted):
            proof.covered((), [part], [whole])


@pytest.mark.parametrize(
    ("moving", "is_so"), [pytest.param({"A": "A", "B": "B"}, True), pytest.param({"A": "B", "B": "A"}, False)]
)
def test_a_law_is_of_the_same_parts_of_the_same_tensors(moving: dict[str, str], is_so: bool) -> None:
    run = CheckedRun(AXIS | {"start": TENSORS, "step": [], "next": moving, "quantities": {}}, FoundProof(), (), 0)
    part = BoundedPart((constant(0), constant(0)))
    run.state = {"A": (part,), "B": (part, replace(part, odd=frozenset({("A", "n", "n")})))}
    if is_so:
        Law(run)
    else:
        with pytest.raises(Refuted, match="other kinds of parts"):
            Law(run)


@pytest.mark.parametrize(
    ("member", "refusal"),
    [
        pytest.param([{"eta": "-1", "1": "1"}], "", id="the-domain"),
        pytest.param([{"eta": "-1", "1": "2"}], "no proof of eta - 1", id="beyond-the-domain"),
        pytest.param([{"eta": "1", "1": "-1"}], "no proof of eta - 1", id="no-bound"),
        pytest.param([], "no proof of eta - 1", id="everything"),
        pytest.param([{"eta": "1", "1": "-2"}], "no point", id="outside"),
    ],
)
def test_a_region_is_no_larger_than_the_domain(member: list[Any], refusal: str) -> None:
    premises = AXIS | {"domain": [{"eta": "-1", "1": "1"}], "start": {}, "step": [], "next": {}, "quantities": {}}
    run = CheckedRun(premises, FoundProof(), (), 0)
    said = {"of": "x", "statement": {"forms": [], "sizes": []}, "where": [member], "if": True, "only if": False}
    if not refusal:
        run.claim(said)
    else:
        with pytest.raises(Refuted, match=refusal):
            run.claim(said)


ONE: dict[str, Any] = {"1": "1"}
MATRIX, VECTOR = ({"size": [{}], "random": axes} for axes in (["n", "k"], ["n"]))


def product(name: str, x: str, y: str, over: str) -> dict[str, Any]:
    return {"name": name, "is": "product", "of": [x, y], "over": over}


def sizes(start: Any, step: list[Any], *, last: Any = ONE, without: tuple[str, ...] = ()) -> Any:
    """The bounds of q after one step, of a program over three axes."""
    axes = {"n": ONE, "k": last, "m": {"1": "1/2"}}
    premises = AXIS | {"axes": axes, "without": [*without], "start": start, "step": step}
    run = CheckedRun(premises | {"next": {}, "quantities": {"q": "q"}}, FoundProof(), (), 1)
    return run.steps[0]["q"].bounds


def applied(name: str, kind: str, *of: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "is": kind, "of": [*of], **more}


def entry_by_entry(name: str, *factors: str) -> dict[str, Any]:
    return applied(name, "entrywise", *factors)


def mapped(name: str, of: str, *beside: str, degree: int) -> dict[str, Any]:
    return applied(name, "map", of, beside=[*beside], degree=degree)


def signs(name: str, of: str) -> dict[str, Any]:
    return applied(name, "normalised", of, by={}, epsilon=False)


COLUMN, OF_M, GIVEN = ({"size": [{}], "random": axes} for axes in (["k"], ["m"], []))
SHRUNK = [entry_by_entry("ac", "a", "c"), applied("w", "scaled", "ac", by={"1": "-1/4"}), applied("v", "sum", "a", "w")]
COSIGN = [signs("sa", "a"), entry_by_entry("sc", "sa", "c")]


def of_some(count: int) -> tuple[dict[str, Any], list[Any]]:
    """W p relu(W u) of some vectors p, and their sum x."""
    names = [f"p{i}" for i in range(count)]
    step = [product("Wu", "W", "u", "k"), mapped("r", "Wu", degree=1)]
    for p in names:
        step += [product(f"W{p}", "W", p, "k"), entry_by_entry(f"x{p}", f"W{p}", "r")]
    step.append(applied("x", "sum", *(f"x{p}" for p in names)))
    return {"W": MATRIX, **dict.fromkeys(["u", *names], COLUMN)}, step


# start, step, the size of k, and that of q: of W X with W x, whatever else of W X there is, only the walk x . X is left
HIDDEN: dict[str, tuple[dict[str, Any], list[Any], str, str]] = {
    "a walk beside an even factor": (
        {"W": MATRIX, "x": COLUMN, "X": COLUMN},
        [
            *(product(f"W{z}", "W", z, "k") for z in ("x", "X")),
            mapped("r", "WX", degree=1),
            entry_by_entry("p", "Wx", "r"),
            product("q", "p", "WX", "n"),
        ],
        "1",
        "2",
    ),
    "a walk that a tensor brings back beside an even factor": (
        {"W": MATRIX, "y": VECTOR, "Y": VECTOR, "z": COLUMN},
        [
            *(product(f"W{z}", "W", z, "n") for z in ("y", "Y")),
            mapped("r", "WY", degree=1),
            entry_by_entry("p", "Wy", "r"),
            product("Wp", "W", "p", "k"),
            product("q", "Y", "Wp", "n"),
        ],
        "1",
        "2",
    ),
    "a walk for each of two tensors": (
        {"W": MATRIX, "V": MATRIX, "x": COLUMN, "X": COLUMN, "y": COLUMN, "Y": COLUMN},
        [
            *(product(w + z, w, z, "k") for w, z in ("Wx", "WX", "Vy", "VY")),
            entry_by_entry("p", "Wx", "Vy"),
            entry_by_entry("P", "WX", "VY"),
            product("q", "p", "P", "n"),
        ],
        "1/4",
        "5/4",
    ),
    "what a tensor brings back of a part that names not all that it met": (
        of_some(4)[0],
        [*of_some(4)[1], product("Wx", "W", "x", "n"), product("q", "u", "Wx", "k")],
        "1",
        "2",
    ),
    "what a tensor brings back of a normalised part that names not all that it met": (
        of_some(2)[0],
        [*of_some(2)[1], signs("s", "x"), product("Ws", "W", "s", "n"), product("q", "u", "Ws", "k")],
        "1",
        "1",
    ),
    "a walk of a part that names not all that it met": (
        of_some(4)[0] | {"V": {"size": [{}], "random": ["k", "m"]}, "a": OF_M, "b": OF_M},
        [
            *(product(u, "V", a, "m") for u, a in ("ua", "vb")),
            *of_some(4)[1],
            product("Wv", "W", "v", "k"),
            product("q", "x", "Wv", "n"),
        ],
        "1",
        "5/2",
    ),
    "the slope of what is zero in half of the entries": (
        {"x": VECTOR, "y": VECTOR},
        [
            mapped("sy", "y", degree=0),
            entry_by_entry("v", "x", "sy"),
            mapped("s", "v", degree=0),
            product("q", "s", "y", "n"),
        ],
        "1",
        "1",
    ),
    "the slope of a difference that is zero in half of the entries": (
        {"x": VECTOR, "y": VECTOR},
        [
            applied("w", "scaled", "y", by={"1": "-1/4"}),
            mapped("d", "w", "x", degree=1),
            mapped("s", "d", degree=0),
            product("q", "s", "x", "n"),
        ],
        "1",
        "1",
    ),
    "the slope of a multiple and itself, of a tensor that met two vectors of one parity": (
        {"W": MATRIX, "u": COLUMN, "v": COLUMN, "z": VECTOR},
        [
            product("x", "W", "u", "k"),
            entry_by_entry("vv", "v", "v"),
            entry_by_entry("U", "u", "vv"),
            product("WU", "W", "U", "k"),
            signs("t", "WU"),
            entry_by_entry("y", "x", "t"),
            applied("h", "sum", "x", "y", "z"),
            mapped("s", "h", degree=0),
            product("q", "s", "z", "n"),
        ],
        "1",
        "1",
    ),
    "a map of a multiple beside what leads": (
        {"a": VECTOR, "c": VECTOR, "y": GIVEN},
        [*SHRUNK, mapped("r", "w", "a", degree=1), product("q", "r", "y", "n")],
        "1",
        "1/4",
    ),
    "a slope of a multiple beside what leads": (
        {"a": VECTOR, "c": VECTOR},
        [*SHRUNK, mapped("s", "v", degree=0), *COSIGN, product("q", "s", "sc", "n")],
        "1",
        "1/2",
    ),
    "a sign of a multiple beside what leads": (
        {"a": VECTOR, "c": VECTOR},
        [*SHRUNK, signs("s", "v"), *COSIGN, product("q", "s", "sc", "n")],
        "1",
        "1/2",
    ),
}


@pytest.mark.parametrize(("start", "step", "last", "size"), HIDDEN.values(), ids=HIDDEN)
def test_bounds_hold_where_more_cancels_than_parities_tell(start: Any, step: list[Any], last: str, size: str) -> None:
    lower, upper = sizes(start, step, last={"1": last})
    assert all(each.constant <= Fraction(size) for each in lower)
    assert any(each.constant >= Fraction(size) for each in upper)


def test_what_met_a_tensor_stays_unknown_beside_what_is_known_to_have() -> None:
    at = frozenset({("n", "n")})
    known, unknown = SeenTensor("W", at, BoundedPart(())), SeenTensor("W", at)
    assert {each.factor for each in blurred(frozenset({known, unknown}))} == {None}
    assert {each.factor for each in blurred(frozenset({known}))} == {BoundedPart((), is_mixed=True)}


def test_an_axis_takes_the_name_of_one_of_its_own_size_only() -> None:
    step = [{"name": "R", "is": "renamed", "of": ["W"], "from": "n", "to": "k"}, product("q", "R", "R", "k")]
    assert sizes({"W": VECTOR}, step) == (constant(1), constant(1))
    with pytest.raises(Refuted):
        sizes({"W": VECTOR}, step, last={"1": "2"})


def test_without_a_symmetric_start_what_a_sum_brings_back_may_be_smaller() -> None:
    step = [product("Wz", "W", "z", "k"), product("u", "W", "Wz", "n"), product("q", "u", "z", "k")]
    start = {"W": MATRIX, "z": {"size": [{}], "random": []}}
    assert sizes(start, step) == (constant(2), constant(2))
    assert sizes(start, step, without=("A3",)) == ((Affine.of(Fraction(3, 2)),), constant(3))


def part(lower: int, upper: int, tensor: str) -> BoundedPart:
    """A part that is odd in a vector and has seen it."""
    seen = frozenset({SeenTensor(tensor, frozenset({("n", "n")}), BoundedPart(()))})
    return BoundedPart((constant(lower), constant(upper)), None, frozenset({(tensor, "n", "n")}), seen)


@pytest.mark.parametrize(
    ("without", "epsilon", "one", "expected"),
    [
        pytest.param(("A8",), True, part(-1, 0, "U"), ((), constant(0)), id="a-range"),
        pytest.param(("A7", "A8"), True, part(-1, -1, "U"), ((), constant(0)), id="a-floor-that-may-lead"),
        pytest.param(("A8",), False, part(-1, -1, "U"), (constant(0), constant(0)), id="no-floor"),
    ],
)
def test_a_normalised_step_is_no_surer_than_its_gradient(without: Any, epsilon: bool, one: Any, expected: Any) -> None:
    found = normalised([one], without=without, epsilon=epsilon)
    assert found[0].bounds == expected


def test_a_share_of_a_step_has_surely_seen_what_its_part_of_the_gradient_has() -> None:
    """A share is even in each of the other parts, and may know nothing of them."""
    found = normalised([part(0, 0, "U"), part(-1, -1, "V")])
    assert [{each.tensor for each in one.seen} for one in found] == [{"U"}, {"U", "V"}, {"V"}, {"U", "V"}]
    assert [one.bounds for one in found] == [
        (constant(0), constant(0)),
        ((), constant(0)),
        (constant(-1), constant(-1)),
        ((), constant(-1)),
    ]


def normalised(parts: list[BoundedPart], *, without: tuple[str, ...] = (), epsilon: bool = False) -> list[BoundedPart]:
    premises = AXIS | {"without": [*without], "start": {}, "step": [], "next": {}, "quantities": {}}
    run = CheckedRun(premises, FoundProof(), (), 0)
    return [*run.normalised({"name": "g", "by": {}, "epsilon": epsilon}, parts)]

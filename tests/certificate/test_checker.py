"""The checker alone, at places that no scheme of the catalogue reaches: what a liar could state there is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gamma_calc.algebra import Affine
from gamma_calc.certificate.checker import CheckedRun, Law, ProofSteps, Refuted
from gamma_calc.certificate.evidence import FoundProof
from gamma_calc.certificate.parts import BoundedPart

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

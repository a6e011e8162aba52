"""The lines of a proof are true: the steps of a chain are equal, and what has two names or two values is told apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from functools import cache

import pytest

from gamma_calc import Problem, Scheme, derive
from gamma_calc.calculus.recursion import Trajectory
from gamma_calc.derivation.proof import ProofLines
from gamma_calc.document.blocks import Line
from gamma_calc.program.network import axis, contract, data, named, parameter, renamed
from gamma_calc.program.spec_file import scheme_from_text

RATE = Fraction(-1)
STACK = """
[exponents]
A = "-1/2"
B = "{b}"
eta_A = "{rate}"
eta_B = "{rate}"
[model]
kind = "lora-stack"
depth = 2
{model}
"""


def stack(b: str, model: str = "") -> Scheme:
    return scheme_from_text(STACK.format(b=b, rate=RATE, model=model), default_name="stack")


def square() -> Problem:
    """W W x + W^T W x: two products of the same two letters."""
    n, m, batch = axis("n", 1), axis("m", 1), axis("batch")
    w = parameter("W", m, n, init="-1/2", rate=str(RATE))
    h = named("h", w @ data("x", n, batch))
    p, q = named("p", w @ renamed(h, m, n)), named("q", contract(w, h, m))
    return Problem("square", named("f", p + renamed(q, n, m)), internally_stable=("p", "q"))


CASES = {
    "plain": lambda: derive(stack("-1/2")),
    "norm": lambda: derive(stack("zero", "norm = true\nfrozen = true")),
    "relu": lambda: derive(stack("-1/2", 'frozen = true\nmap = "relu"')),
    "descent": lambda: derive(stack("-1/2", "norm = true"), optimizer="sgd"),
    "square": lambda: derive(square()),
    "dora": lambda: derive("dora", at={"eta": RATE, "eta_m": RATE}),
}
every_case = pytest.mark.parametrize("name", CASES)


@cache
def run_of(name: str) -> Trajectory:
    return CASES[name]().derivation.run


@cache
def lines(name: str) -> tuple[Line, ...]:
    written = ProofLines(run_of(name))
    written.added(run_of(name))
    return tuple(line for chapter in written.chapters.values() for line in chapter)


def value(step: str) -> Fraction | None:
    """What a step of a chain comes to; None where it names an exponent that another line tells."""
    text = re.sub(r"\\gamma\[\\eta_\{.*?\}\]", f"({RATE})", step)
    if "gamma" in text or "infty" in text:
        return None
    inner = re.fullmatch(r"\\max\((.*)\)", text)
    return max(map(added, inner[1].split(", "))) if inner else added(text)


def added(text: str) -> Fraction:
    """Numbers with signs in front, added up: `-1 + (-\\frac{1}{2}) + 0`."""
    plain = re.sub(r"\\frac\{(\d+)\}\{(\d+)\}", r"\1/\2", text).replace("(", "").replace(")", "")
    return sum(map(Fraction, plain.split(" + ")), Fraction(0))


def chains(name: str) -> Iterator[tuple[Line, str, set[Fraction]]]:
    for line in lines(name):
        for claim in line.claims:
            yield line, claim.latex, {found for found in map(value, claim.steps) if found is not None}


@every_case
def test_the_steps_of_a_chain_are_equal(name: str) -> None:
    assert sum(claim.count(" = ") > 1 for _, claim, _ in chains(name)) > 30
    assert not [(line.number, claim) for line, claim, values in chains(name) if len(values) > 1]


@every_case
def test_a_subject_has_one_value(name: str) -> None:
    """Each part of a sum, too: its parities and its rule tell it apart."""
    values: dict[str, set[tuple[str, bool]]] = {}
    for line in lines(name):
        for claim in line.claims:
            values.setdefault(claim.subject, set()).add((claim.steps[-1], claim.is_exact))
    assert not {subject: found for subject, found in values.items() if len(found) > 1}


@every_case
def test_what_is_not_given_comes_from_something(name: str) -> None:
    grounds = {line.number for line in lines(name) if line.number.startswith("0.") or line.rule == "zero"}
    assert [line.number for line in lines(name) if not line.premises and line.number not in grounds] == []


def test_a_matrix_and_its_transpose_are_told_apart() -> None:
    subjects = {claim.subject.partition(";")[0]: line for line in lines("square") for claim in line.claims}
    straight, back = subjects["W_{0} W_{0} x"], subjects[r"W_{0}^{\top} W_{0} x"]
    assert straight.rule == "independent sum"
    assert {line.rule for line in lines("square") if line.claims[0].subject.startswith(r"W_{0}^{\top} W_{0} x")} == {
        "independent sum",
        "diluted sum",
    }
    assert straight.number != back.number

"""The symbolic engine and its regions against a second recursion in plain numbers, on random schemes and points.

An example is one random scheme, read once with its exponents free, and then met at fifteen points for each of seven
horizons. A case is one scheme at one point for one horizon: 100 examples are 10,500 of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamma_calc.algebra import Affine, Exponent
from gamma_calc.analysis.conditions import CONDITIONS
from gamma_calc.analysis.decision import Status
from gamma_calc.analysis.derivation import Derivation, derived
from gamma_calc.calculus.recursion import Trajectory, trajectory
from gamma_calc.program.lora import lora_module
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.spec_file import scheme_from_text
from tests.analysis import brute
from tests.analysis.brute import HALF, QUANTITIES, Numbers, Size, holds, run

POINTS = 15
UNROLLED = 6
HORIZONS = (*range(1, UNROLLED + 1), None)
EXAMPLES = 100 if os.environ.get("CI") else 10

LONG = 200
"""Steps that stand for every step. Values lie on a grid of quarters: what grows gains 1/8 or more in two steps, and
starts no deeper than 12 below zero."""

halves = st.integers(-4, 2).map(lambda k: str(Fraction(k, 2)))


def forms(*names: str) -> st.SearchStrategy[str]:
    term = st.builds(lambda sign, name: f"{sign}{name}", st.sampled_from(("", "-", "2*")), st.sampled_from(names))
    return st.one_of(halves, st.builds(lambda name, constant: f"{name} + {constant}", term, halves))


@st.composite
def schemes(draw: st.DrawFn) -> Scheme:
    """A scheme as a spec writes it, with up to five free exponents."""
    exponents = {
        "A": draw(st.one_of(st.just("zero"), forms("x"))),
        "B": draw(st.one_of(st.just("zero"), forms("x", "y", "rank"))),
        "eta_A": draw(forms("e")),
        "eta_B": draw(forms("e", "y")),
        "scale": draw(st.one_of(st.just("0"), forms("x"))),
        "rank": draw(st.sampled_from(("0", "1/2", "1", "k"))),
        "fan_out": draw(st.sampled_from(("1", "0", "1/2", "m"))),
        "gradient": draw(st.sampled_from(("0", "-1/2"))),
        "momentum": draw(st.sampled_from(("zero", "zero", "0", "-1/2", "1/2", "b"))),
        "decay": draw(st.sampled_from(("zero", "zero", "0", "-1/2", "1", "l", "1 - e"))),
    }
    frozen = draw(st.sampled_from((None, None, None, "A", "B")))
    lines = [f'optimizer = "{draw(st.sampled_from(("adam", "sign", "sgd")))}"', "[exponents]"]
    lines += [f'{key} = "{value}"' for key, value in exponents.items()]
    lines += ["[trained]", f"{frozen} = false"] if frozen else []
    return scheme_from_text("\n".join(lines), default_name="random")


coordinates = st.integers(-6, 4).map(lambda k: Fraction(k, 2))
shares = st.integers(0, 4).map(lambda k: Fraction(k, 4))


def places(scheme: Scheme) -> st.SearchStrategy[list[dict[str, Fraction]]]:
    """Points of the scheme's domain, on a grid that meets many edges."""
    names = {name: shares if name in ("k", "m") else coordinates for name in scheme.free}
    return st.lists(st.fixed_dictionaries(names), min_size=POINTS, max_size=POINTS)


def numbers(scheme: Scheme, point: Mapping[str, Fraction]) -> Numbers:
    def at(key: str) -> Size:
        form = scheme.form(key)
        return None if form is None else form.at(point)

    others = [scheme[key].at(point) for key in ("eta_A", "eta_B", "scale", "rank", "fan_out", "gradient")]
    is_raw, extra = scheme.optimizer.name == "sgd", {key: at(key) for key in ("momentum", "decay")}
    return Numbers(at("A"), at("B"), *others, is_raw=is_raw, trained=scheme.trained, **extra)


def value(exponent: Exponent, point: Mapping[str, Fraction]) -> Size:
    return max((piece.at(point) for piece in exponent.pieces), default=None)


def is_at_most(left: Size, right: Size) -> bool:
    return left is None or (right is not None and left <= right)


@dataclass(frozen=True)
class Reading:
    """What the engine says of a scheme with its exponents free."""

    scheme: Scheme
    exponents: Trajectory
    answers: Mapping[int | None, Derivation]

    @classmethod
    def of(cls, scheme: Scheme) -> Reading:
        exponents = trajectory(lora_module(scheme), UNROLLED, scheme.domain)
        return cls(scheme, exponents, {horizon: derived(scheme, horizon) for horizon in HORIZONS})

    def mismatches(self, point: Mapping[str, Fraction]) -> Iterator[str]:
        """Where the numbers contradict the engine; they are computed afresh and know none of its values."""
        steps = run(numbers(self.scheme, point), LONG)
        for step, found in zip(self.exponents.upto(UNROLLED), steps, strict=False):
            for name in QUANTITIES:
                size = step.sizes[name]
                low, high = value(size.lower, point), value(size.upper, point)
                if not (is_at_most(low, found[name]) and is_at_most(found[name], high)):
                    yield f"t = {step.t}, {name}: derived {size}, that is {low} to {high}; in numbers {found[name]}"
        for horizon, answer in self.answers.items():
            yield from self._regions(answer, steps[: horizon or LONG], point)

    def _regions(
        self, answer: Derivation, steps: list[dict[str, Size]], point: Mapping[str, Fraction]
    ) -> Iterator[str]:
        for condition in CONDITIONS:
            decision = answer.decisions[condition.name]
            is_true, is_sure = holds(steps, condition.bounded, condition.reached), decision.region.contains(point)
            if decision.status is Status.UNKNOWN:
                is_possible = decision.possible is None or decision.possible.contains(point)
                is_wrong = (is_sure and not is_true) or (is_true and not is_possible)
            else:
                is_wrong = is_sure != is_true
            if is_wrong:
                yield f"{condition.name} for {answer.horizon} steps: {decision.region}; in numbers {is_true}"


@settings(max_examples=EXAMPLES)
@given(st.data())
def test_the_numbers_agree(data: st.DataObject) -> None:
    scheme = data.draw(schemes(), label="scheme")
    reading = Reading.of(scheme)
    for point in data.draw(places(scheme), label="points"):
        found = list(reading.mismatches(point))
        assert not found, f"{dict(scheme.exponents)} at {point}: {found}"
    fixed = fixed_at(scheme, point)
    found = list(Reading.of(fixed).mismatches({}))
    assert not found, f"{dict(fixed.exponents)}: {found}"


def fixed_at(scheme: Scheme, point: Mapping[str, Fraction]) -> Scheme:
    """The scheme with nothing free: there the engine leaves no gap between its bounds that a free exponent opens."""
    return scheme.at({name: Affine.of(place) for name, place in point.items()})


BOTH = '[exponents]\nA = "-1/2"\nB = "-1"\neta_A = "e"\neta_B = "e"\nrank = "1"\n'


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("processed", lambda gradient, scheme: gradient),
        ("processed", lambda gradient, scheme: dict.fromkeys(gradient, Fraction(0))),
        ("over_rank", lambda b, b_0, x, scheme: brute.largest(*b.values(), *x.values())),
        ("added", lambda parts, others: dict(others)),
    ],
    ids=["normalised-as-raw", "no-gap", "no-sum", "no-memory"],
)
def test_a_broken_rule_is_seen(name: str, broken: object, monkeypatch: pytest.MonkeyPatch) -> None:
    scheme = scheme_from_text(BOTH, default_name="both")
    readings = [Reading.of(fixed_at(scheme, {"e": Fraction(k, 4)})) for k in range(-8, 3)]
    assert not any(list(reading.mismatches({})) for reading in readings)
    monkeypatch.setattr(brute, name, broken)
    assert any(list(reading.mismatches({})) for reading in readings)


def test_the_numbers_of_the_published_rows() -> None:
    """Init[A] at c = -1/2 and Init[B] at c = -1, as the paper states them."""
    zero, one = Fraction(0), Fraction(1)
    both = frozenset("AB")
    at_a = Numbers(-HALF, None, -HALF, -HALF, zero, zero, one, zero, is_raw=False, trained=both)
    assert [step["Z_A"] for step in run(at_a, 3)] == [0, HALF, HALF]
    assert [step["Z_B"] for step in run(at_a, 3)] == [-HALF, 0, 0]
    at_b = replace(at_a, a=None, b=zero, eta_a=-one, eta_b=-one)
    assert [step["delta_2"] for step in run(at_b, 3)] == [None, -1, -1]
    assert [step["Z_B"] for step in run(at_b, 3)] == [0, 0, 0]

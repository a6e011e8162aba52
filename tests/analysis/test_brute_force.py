"""The symbolic engine and its regions against readings in plain numbers, on random schemes, suppositions and points.

An example is one random scheme under random suppositions, read once with its exponents free, and then met at thirty
points for each of seven horizons. A case is one scheme at one point for one horizon: 50 examples are 10,500 of them.
`BRUTE_EXAMPLES` asks for another number of examples.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamma_calc.algebra import Exponent
from gamma_calc.analysis.conditions import CONDITIONS, STABLE, Condition
from gamma_calc.analysis.decision import Status
from gamma_calc.analysis.derivation import Derivation, derived
from gamma_calc.calculus.policy import CALCULUS, Policy
from gamma_calc.calculus.recursion import ExponentStep, Trajectory, trajectory
from gamma_calc.program.lora import lora_module
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.spec_file import scheme_from_text
from tests.analysis import brute
from tests.analysis.brute import HALF, QUANTITIES, TOLD, Numbers, Run, Size, holds, run
from tests.analysis.brute_cases import Point, fixed_at, numbers, places, policies, possible, readings, schemes
from tests.schemes import scheme

POINTS = 30
HORIZONS = (*range(1, TOLD + 1), None)
EXAMPLES = int(os.environ.get("BRUTE_EXAMPLES", "50" if os.environ.get("CI") else "8"))

LONG, LONGER = 200, 3000
"""Steps that stand for every step, and those after which what seems to stay is believed to.

Values lie on a grid of eighths and start no deeper than 20 below zero, so that what grows leaves n^0 within them.
"""
BEYOND = Fraction(1, 8)
"""How far above a largest rate a scheme has to be unstable."""


def value(exponent: Exponent, point: Point) -> Size:
    return max((piece.at(point) for piece in exponent.pieces), default=None)


def is_at_most(left: Size, right: Size) -> bool:
    return left is None or (right is not None and left <= right)


@dataclass(frozen=True)
class Watched:
    """The numbers of one reading, as many steps as are asked for."""

    steps: Run
    longer: Callable[[int], Run]

    def meets(self, condition: Condition, horizon: int | None, *, told: bool) -> bool:
        """Whether a condition holds for so many steps; what the engine denies of every step is looked at longer."""
        steps = self.steps[: horizon or LONG]
        found = holds(steps, condition.bounded, condition.reached)
        if found and horizon is None and not told:
            return holds(self.longer(LONGER), condition.bounded, condition.reached)
        return found


def watched(scheme: Scheme, policy: Policy, point: Point) -> Iterator[Watched]:
    """What the numbers say, of everything that the suppositions allow and in every reading that knows it."""
    for subject in possible(numbers(scheme, policy, point), policy):
        for reading in readings(subject, policy):
            yield Watched(reading(subject, LONG), partial(reading, subject))


def misread(steps: Iterable[ExponentStep], found: Watched, point: Point) -> Iterator[str]:
    """Where the numbers lie outside what was derived."""
    for step, sizes in zip(steps, found.steps, strict=False):
        for name in QUANTITIES:
            size = step.sizes[name]
            low, high = value(size.lower, point), value(size.upper, point)
            if not (is_at_most(low, sizes[name]) and is_at_most(sizes[name], high)):
                yield f"t = {step.t}, {name}: derived {size}, that is {low} to {high}; in numbers {sizes[name]}"


@dataclass(frozen=True)
class Reading:
    """What the engine says of a scheme with its exponents free."""

    scheme: Scheme
    policy: Policy
    exponents: Trajectory
    answers: Mapping[int | None, Derivation]

    @classmethod
    def of(cls, scheme: Scheme, policy: Policy = CALCULUS) -> Reading:
        exponents = trajectory(lora_module(scheme), TOLD, scheme.domain & policy.domain, policy)
        return cls(scheme, policy, exponents, {horizon: derived(scheme, horizon, policy) for horizon in HORIZONS})

    def mismatches(self, point: Point) -> Iterator[str]:
        """Where the numbers contradict the engine; they are computed afresh and know none of its values."""
        for found in watched(self.scheme, self.policy, point):
            yield from misread(self.exponents.upto(TOLD), found, point)
            for answer in self.answers.values():
                yield from self._regions(answer, found, point)

    def _regions(self, answer: Derivation, found: Watched, point: Point) -> Iterator[str]:
        for condition in CONDITIONS:
            decision = answer.decisions[condition.name]
            is_sure, is_unknown = decision.region.contains(point), decision.status is Status.UNKNOWN
            is_possible = is_sure or (is_unknown and (decision.possible is None or decision.possible.contains(point)))
            is_true = found.meets(condition, answer.horizon, told=is_possible)
            if (is_sure and not is_true) or (is_true and not is_possible):
                yield f"{condition.name} for {answer.horizon} steps: {decision.region}; in numbers {is_true}"


@settings(max_examples=EXAMPLES)
@given(st.data())
def test_the_numbers_agree(data: st.DataObject) -> None:
    scheme = data.draw(schemes(), label="scheme")
    policy = data.draw(policies(scheme), label="policy")
    reading = Reading.of(scheme, policy)
    for point in data.draw(places(scheme, policy, POINTS), label="points"):
        found = list(reading.mismatches(point))
        assert not found, f"{dict(scheme.exponents)}, {policy} at {point}: {found}"
    fixed = fixed_at(scheme, policy, point)
    found = [*Reading.of(*fixed).mismatches({}), *wrong_edges(scheme, policy, point)]
    assert not found, f"{dict(fixed[0].exponents)}, {fixed[1]}: {found}"


@st.composite
def fed(draw: st.DrawFn) -> Scheme:
    """Gradient descent on a loss that feeds back, with nothing free."""
    value = st.integers(-4, 2).map(lambda k: str(Fraction(k, 2)))
    factor, extra = st.one_of(st.just("zero"), value), st.sampled_from(("zero", "zero", "0", "1/2", "-1"))
    keys = {"A": factor, "B": factor, "scale": value, "feedback": value, "momentum": extra, "decay": extra}
    keys |= {"eta_A": value, "eta_B": value, "gradient": st.sampled_from(("0", "-1/2", "-3"))}
    keys |= dict.fromkeys(("rank", "fan_out"), st.sampled_from(("0", "1/4", "1/2", "1")))
    lines = ['optimizer = "sgd"', "[exponents]", *(f'{key} = "{draw(each)}"' for key, each in keys.items())]
    return scheme_from_text("\n".join(lines), default_name="fed")


@settings(max_examples=4 * EXAMPLES)
@given(scheme=fed())
def test_the_numbers_agree_where_the_loss_feeds_back(scheme: Scheme) -> None:
    steps = trajectory(lora_module(scheme), TOLD - 2, scheme.domain).upto(TOLD - 2)
    for found in watched(scheme, CALCULUS, {}):
        assert not list(misread(steps, found, {})), dict(scheme.exponents)


def test_what_a_tensor_brings_back_of_what_it_met_counts() -> None:
    """B_0^T B_0 A_0 Z holds a part along A_0 Z: trained at rank n, the slope of delta_3 is -2.02."""
    scheme = scheme_from_text(
        'optimizer = "sgd"\n[exponents]\nA = "-1/2"\nB = "-1/2"\neta_A = "-2"\neta_B = "-2"\nrank = "1"\n'
        'gradient = "-5"\nfeedback = "0"\n',
        default_name="returning",
    )
    delta_3 = trajectory(lora_module(scheme), 1, scheme.domain).last.sizes["delta_3"]
    assert (value(delta_3.lower, {}), value(delta_3.upper, {})) == (-2, -2)
    assert [found.steps[0]["delta_3"] for found in watched(scheme, CALCULUS, {})] == [-2]


@pytest.mark.parametrize(
    ("subject", "first"),
    [
        (scheme("0", "-1/2", "-1", "1", rank="1/2", momentum="0"), 4),
        (scheme("-2", "-5/2", "1", "0", rank="1/2", momentum="0"), 4),
        (scheme("-2", "-1/2", "-3", "1/2", rank="1", momentum="-1/2", gradient="-1/2"), 4),
        (scheme("-1/2", "-3/2", "-1", "-3", rank="1/2", momentum="1/2"), None),
    ],
    ids=["a parity more", "two of them", "a momentum that fades", "a momentum that grows"],
)
def test_no_run_settles_before_momenta_of_two_parities_stay(subject: Scheme, first: int | None) -> None:
    """A normalised step feels the gap between the two; `first` is the step that leaves both as they were."""
    point = numbers(subject, CALCULUS, {})
    states = [brute.State(point.a, point.b)]
    for _ in range(LONG):
        states.append(brute.step(point, states[-1])[0])
    assert len(states[-1].m_a) > 1
    assert next((t for t, (before, after) in enumerate(pairwise(states), 1) if before == after), None) == first
    settled_from = trajectory(lora_module(subject), TOLD).settled_from
    assert settled_from is None if first is None else settled_from is not None and settled_from >= first


def wrong_edges(scheme: Scheme, policy: Policy, point: Point) -> Iterator[str]:
    """Where the largest stable rate is none, with all but that rate fixed at a point."""
    for rate in scheme.rates:
        others = {name: place for name, place in point.items() if name != rate}
        subject = fixed_at(scheme, policy, others)
        if subject[0].rates != (rate,) or subject[0].free != (rate,):
            continue
        for horizon in (1, TOLD, None):
            largest = derived(subject[0], horizon, subject[1]).max_stable[rate]
            if largest.exponent is not None:
                above = largest.exponent + BEYOND
                for at, told in ((largest.exponent, True), (above, False)):
                    for found in watched(*subject, {rate: at}):
                        if found.meets(STABLE, horizon, told=told) != told:
                            yield f"largest {rate} for {horizon} steps is {largest.exponent}: at {at} not {told}"


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
    found = [Reading.of(fixed_at(scheme, CALCULUS, {"e": Fraction(k, 4)})[0]) for k in range(-8, 3)]
    assert not any(list(reading.mismatches({})) for reading in found)
    monkeypatch.setattr(brute, name, broken)
    assert any(list(reading.mismatches({})) for reading in found)


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

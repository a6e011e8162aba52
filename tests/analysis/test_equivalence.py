"""Symmetries between schemes and differences between derivations, and derivations under other assumptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gamma_calc.algebra import Affine
from gamma_calc.analysis.derivation import derived
from gamma_calc.analysis.difference import difference
from gamma_calc.analysis.equivalence import Equivalence, equivalence
from gamma_calc.calculus.assumptions import NEGLIGIBLE_EPSILON, dispensable
from gamma_calc.calculus.policy import CALCULUS, Alignment, Policy
from gamma_calc.calculus.recursion import ExponentStep, trajectory
from gamma_calc.program.catalogue import CATALOGUE
from gamma_calc.program.lora import lora_module
from gamma_calc.program.models import EXTRA
from gamma_calc.program.scheme import Scheme
from tests.analysis.brute_cases import places, schemes
from tests.schemes import scheme

STEPS = 3
OUTPUT = ("Z_B", "Delta_Z_B", "delta_1", "delta_2", "delta_3")
shifts = st.sampled_from([Fraction(value) for value in ("-1", "-1/2", "0", "1/3", "2")])
optimizers = st.sampled_from(["adam", "sign", "sgd"])


def carried(subject: Scheme, a: Fraction, b: Fraction, d: Fraction) -> Scheme:
    """The scheme after A -> n^a A, B -> n^b B and dZ -> n^d dZ, written out by hand for the two kinds of steps."""
    is_raw = subject.optimizer.name == "sgd"

    def moved(value: Affine | None, shift: Fraction) -> str:
        return "zero" if value is None else str(value + shift)

    return scheme(
        moved(subject.form("A"), a),
        moved(subject.form("B"), b),
        moved(subject["eta_A"], 2 * a - d if is_raw else a),
        moved(subject["eta_B"], 2 * b - d if is_raw else b),
        scale=moved(subject["scale"], -a - b),
        gradient=moved(subject["gradient"], d),
        optimizer=subject.optimizer.name,
    )


def steps_of(subject: Scheme) -> tuple[ExponentStep, ...]:
    return trajectory(lora_module(subject), STEPS, subject.domain).upto(STEPS)


@settings(max_examples=25, deadline=None)
@given(name=st.sampled_from(["init-a", "init-b", "init-ab"]), optimizer=optimizers, a=shifts, b=shifts, d=shifts)
def test_a_symmetry_that_was_applied_is_found_and_true(
    name: str, optimizer: str, a: Fraction, b: Fraction, d: Fraction
) -> None:
    first = CATALOGUE[name].under(optimizer)
    second = carried(first, a, b, d)
    found = equivalence(first, second)
    assert found is not None
    at = {name: Affine.of(Fraction(-2, 3)) for name in first.free}
    there = {name: value.substituted(at) for name, value in found.values.items()}
    for step, other in zip(steps_of(first.at(at)), steps_of(second.at(there)), strict=True):
        assert all(step.sizes[quantity].upper == other.sizes[quantity].upper for quantity in OUTPUT)
        assert step.sizes["Z_A"].upper + found.shift_a == other.sizes["Z_A"].upper


@settings(max_examples=25, deadline=None)
@given(name=st.sampled_from(["init-a", "init-b"]), optimizer=optimizers, shift=shifts, d=shifts)
def test_a_symmetry_carries_decay_momentum_and_feedback_along(
    name: str, optimizer: str, shift: Fraction, d: Fraction
) -> None:
    plain = CATALOGUE[name].under(optimizer)
    gain = carried(plain, shift, shift, d)["eta_A"] - plain["eta_A"]
    extra = {key: Affine.of(Fraction(-1, 2)) for key in EXTRA}
    moved = {"decay": extra["decay"] - gain, "feedback": extra["feedback"] + d, "momentum": extra["momentum"]}
    first = replace(plain, exponents={**plain.exponents, **extra})
    second = carried(plain, shift, shift, d)
    second = replace(second, exponents={**second.exponents, **moved})
    assert equivalence(first, second) is not None
    at = {name: Affine.of(Fraction(-2, 3)) for name in first.free}
    for step, other in zip(steps_of(first.at(at)), steps_of(second.at(at)), strict=True):
        assert all(step.sizes[quantity] == other.sizes[quantity] for quantity in OUTPUT)
    for key in moved:
        wrong = replace(second, exponents={**second.exponents, key: moved[key] + 1})
        assert equivalence(first, wrong) is None, key


@st.composite
def moves(draw: st.DrawFn, subject: Scheme) -> tuple[Affine, Affine, Affine]:
    """Shifts of A, B and dZ: affine forms in the scheme's free exponents."""

    def form() -> Affine:
        names = draw(st.lists(st.sampled_from(subject.free), max_size=1)) if subject.free else []
        return sum(map(Affine.symbol, names), Affine.of(draw(shifts)))

    return form(), form(), form()


def moved_along(subject: Scheme, a: Affine, b: Affine, d: Affine) -> Scheme:
    """The scheme after A -> n^a A, B -> n^b B and dZ -> n^d dZ, in all of its keys."""
    degree = 1 if subject.optimizer.name == "sgd" else 0
    gains = {"eta_A": a - (d - a) * degree, "eta_B": b - (d - b) * degree}
    gains |= {"A": a, "B": b, "scale": -a - b, "gradient": d, "feedback": d}
    if subject.form("decay") is not None:
        trained = [gains[f"eta_{key}"] for key in ("A", "B") if subject.is_trained(key)]
        assume(all(gain == trained[0] for gain in trained))
        gains["decay"] = -trained[0] if trained else Affine.of(0)
    forms = {key: subject.form(key) for key in subject.exponents}
    moved = {key: form if form is None else form + gains.get(key, Affine.of(0)) for key, form in forms.items()}
    return replace(subject, exponents=moved)


def agree(first: Scheme, second: Scheme, found: Equivalence, place: Mapping[str, Fraction]) -> bool:
    """Whether the map is true at a point: there the output has the same exponents, and Z_A those that it says."""
    at = {name: Affine.of(value) for name, value in place.items()}
    there = {name: value.substituted(at) for name, value in found.values.items()}
    pairs = zip(steps_of(first.at(at)), steps_of(second.at(there)), strict=True)
    gain = found.shift_a.substituted(at)
    return all(
        all(step.sizes[name].upper == other.sizes[name].upper for name in OUTPUT)
        and step.sizes["Z_A"].upper + gain == other.sizes["Z_A"].upper
        for step, other in pairs
    )


@settings(max_examples=40)
@given(st.data())
def test_a_symmetry_of_any_scheme_is_found_and_true(data: st.DataObject) -> None:
    """Also with decay, momentum, feedback, frozen factors, axes of any size, and shifts that are free themselves."""
    first = data.draw(schemes(), label="scheme")
    second = moved_along(first, *data.draw(moves(first), label="shifts"))
    found = equivalence(first, second)
    assert found is not None
    (place,) = data.draw(places(first, CALCULUS, 1))
    assert agree(first, second, found, place)


@settings(max_examples=40)
@given(st.data())
def test_what_is_called_equivalent_is_and_only_that(data: st.DataObject) -> None:
    """One key moved alone: where a map is found all the same, such as under a free exponent's new name, it is true."""
    first = data.draw(schemes(), label="scheme")
    keys = [key for key in first.exponents if first.form(key) is not None and key not in ("rank", "fan_out")]
    key, by = data.draw(st.sampled_from(keys), label="key"), Affine.of(data.draw(st.sampled_from((-1, 1)), label="by"))
    second = replace(first, exponents={**first.exponents, key: first[key] + by})
    found = equivalence(first, second)
    (place,) = data.draw(places(first, CALCULUS, 1))
    is_felt = key != "gradient" or first.optimizer.name == "sgd" or first.form("feedback") is not None
    assert found is not None or is_felt
    assert found is None or agree(first, second, found, place)


def test_an_epsilon_that_is_felt_fixes_the_size_of_gradients() -> None:
    """Without A7 only what leaves every gradient as it is stays a symmetry."""
    felt = Policy(without=dispensable(["A7"]))
    first, second = CATALOGUE["init-a"], scheme("-1/2", "zero", "eta", "eta + 1/2", scale="-1/2")
    assert equivalence(first, second) is not None
    assert equivalence(first, second, felt) is None
    assert equivalence(first.under("sign"), second.under("sign"), felt) is not None
    same = scheme("0", "zero", "eta + 1/2", "eta + 1/2", scale="-1", gradient="1/2")
    assert str(equivalence(first, same, felt)) == "A -> n^(1/2) A, B -> n^(1/2) B, s -> n^(-1) s, dZ -> n^(1/2) dZ"
    for subject, at in ((first, "-1/2"), (same, "-1/2")):
        there = trajectory(lora_module(subject.at({"eta": Affine.of(Fraction(at))})), STEPS, policy=felt)
        assert str(there.last.sizes["Z_B"]) == "0"


def test_an_alignment_keeps_its_name() -> None:
    first, second = scheme("-1/2", "zero", "u", "u"), scheme("-1/2", "zero", "u - 1", "u - 1")
    assert equivalence(first, second) is not None
    assert equivalence(first, second, Policy(((Alignment.ALIGNED, Affine.symbol("u")),))) is None


DIFFERENT: Mapping[str, tuple[Scheme, Scheme]] = {
    "another init": (CATALOGUE["init-a"], CATALOGUE["init-b"]),
    "another optimiser": (CATALOGUE["init-a"], CATALOGUE["init-a"].under("sgd")),
    "one rate moved alone": (CATALOGUE["init-a"], CATALOGUE["lora-plus-a"]),
    "another rank": (scheme("-1/2", "zero", "c", "c"), scheme("-1/2", "zero", "c", "c", rank="1/2")),
    "a rate for raw steps under normalised ones": (
        scheme("-1/2", "zero", "c", "c"),
        scheme("-1/2", "zero", "c", "c + 1", scale="-1/2"),
    ),
    "two rates against one": (scheme("-1/2", "zero", "c", "c"), scheme("-1/2", "zero", "c", "d")),
    "another domain": (
        scheme("-1/2", "zero", "c", "c"),
        scheme("-1/2", "zero", "c", "c", between=("c <= 0",)),
    ),
}


@pytest.mark.parametrize(("first", "second"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_is_not_a_symmetry(first: Scheme, second: Scheme) -> None:
    assert equivalence(first, second) is None
    assert equivalence(second, first) is None


def test_scale_against_the_rate_of_b() -> None:
    found = equivalence(CATALOGUE["init-a"], scheme("-1/2", "zero", "eta", "eta + 1/2", scale="-1/2"))
    assert str(found) == "B -> n^(1/2) B, s -> n^(-1/2) s"
    assert found is not None and found.assumptions == (NEGLIGIBLE_EPSILON,)


def test_a_free_exponent_under_another_name() -> None:
    found = equivalence(scheme("-1/2", "zero", "eta", "eta"), scheme("-1/2", "zero", "c - 1", "c - 1"))
    assert str(found) == "c = eta + 1"


def test_sign_needs_no_epsilon() -> None:
    subject = CATALOGUE["init-a"].under("sign")
    found = equivalence(subject, subject)
    assert found is not None and not found.assumptions and str(found) == "the identity"


def test_a_derivation_does_not_differ_from_itself() -> None:
    found = difference(derived(CATALOGUE["init-a"]), derived(CATALOGUE["init-a"]))
    assert found.is_empty
    assert found.symmetry is not None


def test_the_traces_part_where_an_assumption_is_first_missed() -> None:
    lost = derived(CATALOGUE["init-a"], policy=Policy(without=dispensable(["A5"])))
    found = difference(derived(CATALOGUE["init-a"]), lost)
    assert found.symmetry is None
    assert found.parting is not None and found.parting.first is not None and found.parting.second is not None
    assert found.parting.first.rule.name == "aligned sum"
    assert found.parting.second.rule.name == "aligned sum, bounded"
    assert found.parting.first.subject.t == 2
    assert {each.place for each in found.exponents} == {2, 3}


def test_regions_and_rates_that_differ() -> None:
    found = difference(derived(CATALOGUE["init-a"]), derived(CATALOGUE["init-b"]))
    assert [each.name for each in found.conditions] == ["stable", "feature_learning", "efficient"]
    ((first, second),) = [(each.first, each.second) for each in found.rates]
    assert first is not None and second is not None
    assert (first.value, second.value) == ("-1/2", "-1")


def test_a_free_alignment_is_a_free_exponent_of_the_derivation() -> None:
    """Everett et al.: the exponent between a random walk and full alignment is a parameter of its own."""
    found = derived(CATALOGUE["init-a"], policy=Policy(((Alignment.ALIGNED, Affine.symbol("alpha")),)))
    assert found.max_stable["eta"].value == "-alpha/2"
    assert str(found.max_stable["eta"].valid_on) == "alpha >= 1/2 and alpha <= 1"
    assert not found.at_max


def test_without_alignment_the_region_lies_between_two() -> None:
    found = derived(CATALOGUE["init-a"], policy=Policy(without=dispensable(["A5"]))).decisions["stable"]
    assert (found.status.value, str(found.region), str(found.possible)) == ("unknown", "eta <= -1/2", "eta <= -1/4")


def test_bounds_on_a_cycle_prove_no_growth() -> None:
    """Gradient descent without alignment: where a cycle may gain, only the first steps rule stability out."""
    decisions = derived(CATALOGUE["init-a"].under("sgd"), policy=Policy(without=dispensable(["A5"]))).decisions
    loose = decisions["stable"]
    # The settled run speaks of its own region only: there nothing is learned, and elsewhere that is not ruled out.
    assert loose.possible is not None
    assert decisions["feature_learning"].possible == loose.possible.difference(loose.region)
    assert (loose.status.value, str(loose.region)) == ("unknown", "eta <= -1")
    for alignment in ("1/2", "3/4", "1"):
        policy = Policy(((Alignment.ALIGNED, Affine.of(Fraction(alignment))),))
        stable = derived(CATALOGUE["init-a"].under("sgd"), policy=policy).decisions["stable"].region
        assert stable.includes(loose.region)
        assert loose.possible.includes(stable)

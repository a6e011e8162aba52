"""Momentum and weight decay: what they add to the published exponents and regions, and what they leave alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gamma_calc.algebra import parsed_affine, parsed_exponent
from gamma_calc.analysis.decision import Status
from gamma_calc.analysis.derivation import derived
from gamma_calc.calculus.assumptions import MEMORY, NO_CANCELLATION
from gamma_calc.calculus.components import Component, total
from gamma_calc.calculus.policy import CALCULUS
from gamma_calc.calculus.provenance import Provenance, Random
from gamma_calc.calculus.recursion import ExponentStep, trajectory
from gamma_calc.calculus.size import Size
from gamma_calc.calculus.trace import Application, TraceSubject
from gamma_calc.calculus.update_rules import DECAY
from gamma_calc.program.expressions import At, Moment
from gamma_calc.program.lora import lora_module
from gamma_calc.program.network import axis, data, named, parameter, rms_norm
from gamma_calc.program.optimizers import Optimizer, Raw
from gamma_calc.program.problem import Problem, program_of
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.terms import Kind, Part
from gamma_calc.program.update_expressions import Kept
from tests.schemes import scheme

INIT_A = ("-1/2", "zero", "c", "c")
INIT_B = ("zero", "0", "c", "c")
INITS = {"init-a": INIT_A, "init-b": INIT_B, "init-ab": ("-1/2", "-1/2", "c", "c")}


def step_of(subject: Scheme, t: int) -> ExponentStep:
    return trajectory(lora_module(subject), t, subject.domain).upto(t)[-1]


# By hand: A_t = (1 - eta lambda) A_{t-1} - eta g, so at step 1 the decay alone moves a factor whose gradient is zero.
DECAYED = {
    "init-a-t1": (
        INIT_A,
        1,
        {"Z_A": "max(0, c + l)", "Z_B": "max(c, 2*c + l)", "delta_1": "-oo", "delta_2": "c", "delta_3": "2*c + l"},
    ),
    "init-b-t1": (
        INIT_B,
        1,
        {"B": "max(0, c + l)", "Z_A": "c + 1", "delta_1": "c + 1", "delta_2": "-oo", "delta_3": "2*c + l + 1"},
    ),
    "init-a-t2": (INIT_A, 2, {"B": "max(c, 2*c + l)", "Z_A": "max(0, c + 1, 2*c + 2*l)"}),
}


@pytest.mark.parametrize("optimizer", ["adam", "sign"])
@pytest.mark.parametrize(("form", "t", "row"), DECAYED.values(), ids=DECAYED)
def test_table_with_decay(form: tuple[str, str, str, str], t: int, row: dict[str, str], optimizer: str) -> None:
    subject = scheme(*form, decay="l", optimizer=optimizer)
    sizes = step_of(subject, t).sizes
    assert {name: sizes[name].upper for name in row} == {
        name: parsed_exponent(text, subject.domain) for name, text in row.items()
    }
    assert all(size.is_exact for size in sizes.values())


@pytest.mark.parametrize(
    ("form", "optimizer", "stable"),
    [
        (INIT_A, "adam", "c <= -1/2 and c + l <= 0"),
        (INIT_B, "adam", "c <= -1 and c + l <= 0"),
        (INIT_A, "sgd", "c <= -1 and c + l <= 0"),
        (INIT_B, "sgd", "c <= -3/2 and c + l <= 0"),
    ],
)
def test_a_decay_bounds_the_rate(form: tuple[str, str, str, str], optimizer: str, stable: str) -> None:
    """That eta lambda may not grow is nowhere asked: the initial part and the updates turn in cycles of that weight."""
    assert str(derived(scheme(*form, decay="l", optimizer=optimizer)).decisions["stable"]) == stable


def test_a_decay_that_stays_small_leaves_the_paper_alone() -> None:
    """At decay n^0 and the rates of the paper, eta lambda vanishes and every settled exponent is the paper's."""
    for form, rate in ((INIT_A, "-1/2"), (INIT_B, "-1")):
        values = {"c": parsed_affine(rate)}
        plain, decayed = scheme(*form).at(values), scheme(*form, decay="0").at(values)
        assert derived(decayed).at_max == derived(plain).at_max


@pytest.mark.parametrize("form", INITS.values(), ids=INITS)
def test_heavy_ball_has_the_region_of_plain_descent_where_its_momentum_does_not_grow(
    form: tuple[str, str, str, str],
) -> None:
    plain = derived(scheme(*form, optimizer="sgd")).decisions["stable"]
    heavy = derived(scheme(*form, momentum="b", optimizer="sgd")).decisions["stable"]
    assert str(heavy) == f"b <= 0 and {plain}"


def test_a_growing_momentum_gains_every_turn() -> None:
    found = derived(scheme(*INIT_A, momentum="1/2", optimizer="sgd"))
    assert found.decisions["stable"].region.is_empty
    assert found.decisions["stable"].status is Status.FREE
    assert "m_A -> m_A" in found.decisions["stable"].reason


@pytest.mark.parametrize("optimizer", ["adam", "sign"])
@pytest.mark.parametrize("form", INITS.values(), ids=INITS)
def test_a_normalised_step_does_not_feel_the_size_of_its_momentum(
    form: tuple[str, str, str, str], optimizer: str
) -> None:
    plain = derived(scheme(*form, optimizer=optimizer))
    heavy = derived(scheme(*form, momentum="b", optimizer=optimizer))
    assert heavy.run.settled_from is not None and heavy.run.settled_from <= 3
    assert {name: str(each) for name, each in heavy.decisions.items()} == {
        name: str(each) for name, each in plain.decisions.items()
    }


def test_a_momentum_shows_in_the_second_step() -> None:
    """Gradient descent, Init[A]: m_B = beta G_B^0 + G_B^1, so B_2 is of size eta max(1, beta)."""
    assert str(step_of(scheme(*INIT_A, momentum="b", optimizer="sgd"), 2).sizes["B"].upper) == "max(b + c, c)"


def test_a_frozen_factor_does_not_decay() -> None:
    subject = replace(scheme(*INIT_A, decay="l", momentum="b"), trained=frozenset("B"))
    assert str(step_of(subject, 4).sizes["Z_A"]) == "0"


# By hand, for a squared loss (kappa = n^0): G_B = (dZ + kappa Z_B) Z_A^T and G_A = B^T (dZ + kappa Z_B) Z^T.
FED_BACK = {
    "init-a-t1": (INIT_A, "sgd", 1, {"B": "c", "Z_B": "c"}),
    "init-a-t2": (INIT_A, "sgd", 2, {"A": "max(-1/2, 2*c + 1, 3*c + 1)", "B": "max(c, 2*c)"}),
    # B_0^T dZ = n^(1/2) gives way to B_0^T B_0 U_A Z = n^(c + 5/2), a sum over n correlated summands.
    "init-b-t2": (INIT_B, "sgd", 2, {"A": "max(c + 1/2, 2*c + 5/2)"}),
    "init-a-adam": (INIT_A, "adam", 3, {"A": "max(-1/2, c)", "B": "c", "Z_A": "max(0, c + 1)"}),
}


@pytest.mark.parametrize(("form", "optimizer", "t", "row"), FED_BACK.values(), ids=FED_BACK)
def test_table_with_feedback(form: tuple[str, str, str, str], optimizer: str, t: int, row: dict[str, str]) -> None:
    sizes = step_of(scheme(*form, feedback="0", optimizer=optimizer), t).sizes
    assert {name: sizes[name].upper for name in row} == {name: parsed_exponent(text) for name, text in row.items()}


def test_a_feedback_too_small_to_be_felt_changes_nothing() -> None:
    """At a rate where Z_B stays below n^0, what it adds to dZ = n^0 is smaller than dZ."""
    plain, fed = (scheme("-1/2", "zero", "-1", "-1", optimizer="sgd", **more) for more in ({}, {"feedback": "-1/2"}))
    for t in (1, 2, 3, 4):
        assert step_of(plain, t).sizes == step_of(fed, t).sizes


A = lora_module(scheme(*INIT_A)).parameters[0]
SUBJECT = TraceSubject(At(A, Moment.CHANGE), (Part("A", Kind.INITIAL_DECAY),), 1)
FRESH = Provenance.of(Random("A", A.axes))


def of(text: str, provenance: Provenance = FRESH) -> tuple[Component, ...]:
    return (Component(Size.exactly(parsed_exponent(text)), provenance),)


def test_a_decay_keeps_what_a_part_is() -> None:
    (component,) = DECAY.conclude(parsed_exponent("c"), parsed_exponent("l"), of("-1/2"))
    assert component.provenance == FRESH
    assert str(component.size) == "c + l - 1/2"


def test_the_rules_cannot_be_made_to_lie() -> None:
    premises = (parsed_exponent("c"), parsed_exponent("l"), of("-1/2"))
    Application(DECAY, SUBJECT, premises, DECAY.conclude(*premises))
    with pytest.raises(ValueError, match="weight decay does not conclude"):
        Application(DECAY, SUBJECT, premises, of("c - 1/2"))


def test_without_its_assumption_a_momentum_is_only_bounded() -> None:
    subject = scheme(*INIT_A, momentum="b", optimizer="sgd")
    run = trajectory(lora_module(subject), 2, subject.domain, replace(CALCULUS, without=frozenset((NO_CANCELLATION,))))
    moved = [each for each in run.applications if isinstance(each.subject.expression, Kept) and each.subject.t == 2]
    assert {each.rule.name for each in moved} == {"sum, bounded"}
    assert not all(total(each.conclusion).is_exact for each in moved)


def test_a_step_of_an_unknown_kind_is_not_read_as_another() -> None:
    class Momentous:
        pass

    odd = Optimizer("odd", Raw())
    object.__setattr__(odd, "step", Momentous())
    plain = scheme("-1/2", "zero", "eta", "eta")
    with pytest.raises(TypeError, match="no rule for a step of the kind Momentous"):
        trajectory(lora_module(replace(plain, optimizer=odd)), 1, plain.domain)


def normed_adapter() -> Problem:
    """f = B rms_norm(A Z) from Init[A]: A grows to n^(1/2) in the second step, and its gradient shrinks by as much."""
    width, rank = axis("width", 1), axis("rank")
    a = parameter("A", rank, width, init="-1/2", rate="-1/2")
    b = parameter("B", axis("out", 1), rank, init="zero", rate="-1/2")
    inner = named("Z_A", a @ data("Z", width, axis("batch")))
    return Problem("normed", named("Z_B", b @ rms_norm(inner, rank)), efficient=("A", "B"))


# What the third step makes of A, after a gradient that was n^(1/2) larger: its part of the change of the output.
AFTER_LARGER = {
    "sign": ("-1/2", "-1/2"),
    "adam": ("-1/2", "-1/2"),
    "rmsprop": ("-1", "-3/4"),
    "adafactor-unscaled": ("-1", "-3/4"),
}


@pytest.mark.parametrize(("optimizer", "bounds"), AFTER_LARGER.items(), ids=AFTER_LARGER)
def test_a_step_after_larger_gradients(optimizer: str, bounds: tuple[str, str]) -> None:
    """It is as large as ever where it goes along the mean of the gradients, and else divided by the larger ones.

    Where these were by chance as small, in a share n^(-1/2) of the entries, it is n^0: a root mean square of n^(-1/4).
    """
    program = program_of(replace(normed_adapter(), optimizer=optimizer).scheme)
    run = trajectory(program, 3)
    size = run.upto(3)[2].sizes["delta_A"]
    assert (str(size.lower), str(size.upper)) == bounds
    rules = {each.rule.name for each in run.applications if each.subject.t == 3}
    assert any("after larger ones" in name for name in rules) == (optimizer != "sign")
    assert not any(MEMORY in each.rule.assumptions for each in run.applications if "larger" in each.rule.name)


def test_a_step_after_larger_gradients_goes_along_them() -> None:
    """Adam's mean of the gradients is a sum of them, and as large as the larger one."""
    program = program_of(normed_adapter().scheme)
    run = trajectory(program, 3)
    (mean,) = [each for each in run.applications if isinstance(each.subject.expression, Kept) and each.subject.t == 3]
    larger, newest = mean.premises
    assert total(mean.conclusion) == total(larger)
    assert total(larger).lower.is_above(total(newest).upper)

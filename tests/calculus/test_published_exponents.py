"""The exponents that the papers derive by hand, row by row: the engine has to find each from the rules."""

from __future__ import annotations

import pytest

from gamma_calc.algebra import Exponent, parsed_exponent
from gamma_calc.calculus.recursion import Trajectory, trajectory
from gamma_calc.program.lora import lora_module
from gamma_calc.program.scheme import Scheme
from tests.schemes import scheme

INIT_A = ("-1/2", "zero", "c", "c")
INIT_B = ("zero", "-rank/2", "c", "c")
COLUMNS = ("B", "Z_A", "Z_B", "delta_1", "delta_2", "delta_3")

# Hayou, Ghosh, Yu, "The Impact of Initialization": gamma[B_t], gamma[Z_A^t], gamma[Z_B^t] and the three deltas.
ROWS = {
    "init-a-t1": (INIT_A, 1, (), ("c", "0", "c", "-oo", "c", "-oo")),
    "init-a-t2": (INIT_A, 2, (), ("c", "max(0, c + 1)", "max(c, 2*c + 1)", "2*c + 1", "c", "2*c + 1")),
    "init-a-t3": (INIT_A, 3, (), ("c", "max(0, c + 1)", "max(c, 2*c + 1)", "2*c + 1", "max(c, 2*c + 1)", "2*c + 1")),
    "init-a-t9": (INIT_A, 9, (), ("c", "max(0, c + 1)", "max(c, 2*c + 1)", "2*c + 1", "max(c, 2*c + 1)", "2*c + 1")),
    "init-b-t1": (INIT_B, 1, ("c <= 0",), ("0", "c + 1", "c + 1", "c + 1", "-oo", "-oo")),
    "init-b-t2": (INIT_B, 2, ("c <= 0",), ("0", "c + 1", "c + 1", "c + 1", "2*c + 1", "2*c + 1")),
    "init-b-t7": (INIT_B, 7, ("c <= 0",), ("0", "c + 1", "c + 1", "c + 1", "2*c + 1", "2*c + 1")),
}


def run_of(subject: Scheme, steps: int) -> Trajectory:
    return trajectory(lora_module(subject), steps, subject.domain)


@pytest.mark.parametrize("optimizer", ["adam", "sign"])
@pytest.mark.parametrize(("form", "t", "between", "row"), ROWS.values(), ids=ROWS)
def test_table_of_hayou(
    form: tuple[str, str, str, str], t: int, between: tuple[str, ...], row: tuple[str, ...], optimizer: str
) -> None:
    subject = scheme(*form, optimizer=optimizer, between=between)
    sizes = run_of(subject, t).upto(t)[-1].sizes
    assert {name: sizes[name].upper for name in COLUMNS} == {
        name: parsed_exponent(text, subject.domain) for name, text in zip(COLUMNS, row, strict=True)
    }
    assert all(size.is_exact for size in sizes.values())


def test_a_normalised_step_settles_at_step_three() -> None:
    assert run_of(scheme(*INIT_A), 9).settled_from == 3
    assert run_of(scheme(*INIT_B), 9).settled_from == 3


def test_a_raw_step_goes_on_changing() -> None:
    run = run_of(scheme(*INIT_A, optimizer="sgd"), 6)
    assert run.settled_from is None
    assert len({step.sizes["Z_B"].upper for step in run.steps}) == 6


def test_the_first_gradient_of_the_factor_beside_a_zero_one_is_exactly_zero() -> None:
    first = run_of(scheme(*INIT_A), 1).steps[0]
    assert first.sizes["delta_1"].upper.is_vanishing
    assert first.sizes["A"].upper == Exponent.of(parsed_exponent("-1/2").pieces[0], first.sizes["A"].upper.domain)


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [("sgd", "2*s + c + rho"), ("sign", "s + c + rho"), ("adam", "s + c + rho")],
)
def test_rank_in_the_first_step(optimizer: str, expected: str) -> None:
    """rsLoRA, first step of Z_B under gradient descent: s^2 r; a normalised step leaves s r."""
    subject = scheme("-1/2", "zero", "c", "c", scale="s", rank="rho", optimizer=optimizer)
    assert run_of(subject, 1).steps[0].sizes["Z_B"].upper == parsed_exponent(expected, subject.domain)


@pytest.mark.parametrize(
    ("eta_a", "eta_b", "column", "expected"),
    [
        ("-1/2", "-1/2", "Z_B", "-1/2"),
        ("-1", "0", "delta_1", "0"),
        ("-1", "0", "delta_2", "0"),
        ("-1", "0", "delta_3", "0"),
    ],
)
def test_toy_model_of_lora_plus(eta_a: str, eta_b: str, column: str, expected: str) -> None:
    """LoRA+, toy model f = (W* + b a^T) x with scalar b under gradient descent."""
    subject = scheme("-1/2", "zero", eta_a, eta_b, fan_out="0", optimizer="sgd")
    for step in run_of(subject, 5).upto(5)[1:]:
        assert str(step.sizes[column]) == expected


def test_a_frozen_factor_never_moves() -> None:
    from dataclasses import replace

    subject = replace(scheme(*INIT_A), trained=frozenset("B"))
    for step in run_of(subject, 4).upto(4):
        assert step.sizes["delta_1"].upper.is_vanishing
        assert str(step.sizes["Z_A"]) == "0"
        assert str(step.sizes["Z_B"]) == "c"

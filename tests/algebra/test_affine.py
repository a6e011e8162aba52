from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from fractions import Fraction
from operator import add, mul, sub, truediv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamma_calc.algebra import Affine, Equality, Inequality, at_least, at_most, equal, exact, name_latex
from gamma_calc.errors import BadInput, GammaCalcError, Inexact
from tests.algebra.strategies import A, B, affines, points, rationals

HALF = Fraction(1, 2)
ETA, ETA_A, RANK = Affine.symbol("eta"), Affine.symbol("eta_A"), Affine.symbol("rank")


@pytest.mark.parametrize(
    ("form", "text", "latex"),
    [
        (Affine.of(0), "0", "0"),
        (Affine.of(-HALF), "-1/2", r"-\frac{1}{2}"),
        (ETA + 1, "eta + 1", r"\eta + 1"),
        (2 * ETA + 1, "2*eta + 1", r"2 \eta + 1"),
        (-RANK / 2, "-rank/2", r"-\frac{1}{2} \mathrm{rank}"),
        (3 * A / 2 - HALF, "3*a/2 - 1/2", r"\frac{3}{2} a - \frac{1}{2}"),
        (1 + Affine.symbol("eta_B") + ETA_A, "eta_A + eta_B + 1", r"\eta_{A} + \eta_{B} + 1"),
        (-A - B, "-a - b", "-a - b"),
        (1 - A, "-a + 1", "-a + 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_writes_names_first_then_the_constant(form: Affine, text: str, latex: str) -> None:
    assert str(form) == text
    assert form.latex() == latex


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("x", "x"),
        ("Omega", r"\Omega"),
        ("k1", r"\mathrm{k1}"),
        ("fan_out", r"\mathrm{fan}_{\mathrm{out}}"),
        ("lambda_eta_2", r"\lambda_{\eta,2}"),
        ("_x", r"\mathrm{\_x}"),
        ("a__b", r"\mathrm{a\_\_b}"),
        ("omicron", r"\mathrm{omicron}"),
    ],
)
def test_writes_names_as_latex(name: str, latex: str) -> None:
    assert name_latex(name) == latex


@given(affines, affines, affines, rationals)
def test_affine_forms_are_a_vector_space(x: Affine, y: Affine, z: Affine, factor: Fraction) -> None:
    assert x + y == y + x
    assert (x + y) + z == x + (y + z)
    assert x - x == Affine.of(0) == 0 * x
    assert (x + y) * factor == factor * x + factor * y
    assert hash(x + y) == hash(y + x)


@given(affines, affines, rationals, points)
def test_value_at_a_point_is_linear(x: Affine, y: Affine, factor: Fraction, point: dict[str, Fraction]) -> None:
    assert (x - factor * y).at(point) == x.at(point) - factor * y.at(point)


@given(affines, affines, affines, points)
def test_substitution_is_evaluation_of_the_replacements(
    x: Affine, y: Affine, z: Affine, point: dict[str, Fraction]
) -> None:
    moved = point | {"a": y.at(point), "b": z.at(point)}
    assert x.substituted({"a": y, "b": z}).at(point) == x.at(moved)


@given(affines)
def test_primitive_form_is_a_positive_multiple_with_coprime_integers(x: Affine) -> None:
    scaled = x.primitive()
    assert scaled.primitive() == scaled == (3 * x / 7).primitive()
    assert all(coefficient.denominator == 1 for _, coefficient in scaled.terms)
    if x.terms:
        factor = scaled.terms[0][1] / x.terms[0][1]
        assert factor > 0
        assert scaled == x * factor


def test_constructor_sorts_adds_up_and_drops_zeros() -> None:
    form = Affine((("b", HALF), ("a", 1), ("b", HALF), ("c", 0)), 2)  # type: ignore[arg-type]
    assert form == A + B + 2
    assert form.free == ("a", "b")
    assert form.coefficient("c") == 0
    assert type(form.constant) is Fraction


INEXACT = [0.5, 1.0, float("nan"), True, np.float64(0.5), np.float32(0.5), np.bool_(True), 1j]


@pytest.mark.parametrize("value", INEXACT, ids=lambda value: f"{type(value).__name__}-{value}")
@pytest.mark.parametrize("operation", [add, sub, mul, truediv])
def test_refuses_floats_in_arithmetic(operation: object, value: object) -> None:
    with pytest.raises(TypeError):
        operation(A, value)  # type: ignore[operator]
    with pytest.raises(TypeError):
        operation(value, A)  # type: ignore[operator]


@pytest.mark.parametrize("value", [*INEXACT, "1/2", None], ids=repr)
def test_refuses_floats_wherever_a_number_enters(value: object) -> None:
    for use in (
        exact,
        Affine.of,
        lambda each: Affine((("a", each),), Fraction(0)),
        lambda each: Affine((), each),
        lambda each: A.at({"a": each}),
        lambda each: A.substituted({"a": each}),
        lambda each: at_most(A, each),
        lambda each: at_least(A, each),
        lambda each: equal(A, each),
        Inequality,
        Equality,
    ):
        with pytest.raises(TypeError):
            use(value)  # type: ignore[operator]


def test_inexact_is_one_of_ours_and_names_what_it_found() -> None:
    with pytest.raises(Inexact, match=r"'float 0\.5'") as caught:
        Affine.of(0.5)  # type: ignore[arg-type]
    assert isinstance(caught.value, GammaCalcError)


def test_takes_other_exact_rationals() -> None:
    assert A * np.int64(3) == 3 * A
    assert type((A + np.int64(1)).constant) is Fraction


def test_operands_that_are_no_numbers_are_left_to_python() -> None:
    for operation in (add, sub, mul, truediv):
        with pytest.raises(TypeError, match="unsupported operand"):
            operation(A, None)
    with pytest.raises(TypeError):
        operation(np.ones(2), A)
    with pytest.raises(ZeroDivisionError):
        A / 0
    assert Affine.of(1) != 1


@pytest.mark.parametrize("name", ["", "2x", "x y", "é", "x" * 33, "max", "oo", "zero", "a-b"])
def test_refuses_names_that_could_not_be_read_back(name: str) -> None:
    with pytest.raises(BadInput, match="name of a free exponent"):
        Affine.symbol(name)
    with pytest.raises(BadInput, match="name of a free exponent"):
        Affine(((name, Fraction(1)),), Fraction(0))


def test_a_point_has_to_give_every_value() -> None:
    with pytest.raises(BadInput, match=r"value of a \+ b: found 'b'"):
        (A + B).at({"a": 1})


@given(affines)
def test_copies_are_equal(x: Affine) -> None:
    hash(x)
    assert pickle.loads(pickle.dumps(x)) == x == copy.deepcopy(x)
    assert hash(pickle.loads(pickle.dumps(x))) == hash(x)


def test_a_pickle_hashes_right_in_another_process() -> None:
    hash(ETA)
    script = f"import pickle; x = pickle.loads({pickle.dumps(ETA)!r}); print(x in {{type(x).symbol('eta')}})"
    for seed in ("1", "2"):
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True)
        assert done.stdout == "True\n"


@pytest.mark.parametrize(
    ("constraint", "text", "latex"),
    [
        (Inequality(-2 * ETA - 1), "eta <= -1/2", r"\eta \le -\frac{1}{2}"),
        (Inequality(B), "b >= 0", r"b \ge 0"),
        (Inequality(1 - A - 2 * B, strict=True), "a + 2*b < 1", "a + 2 b < 1"),
        (Inequality(A - B / 2, strict=True), "2*a - b > 0", "2 a - b > 0"),
        (Equality(-ETA - HALF), "eta = -1/2", r"\eta = -\frac{1}{2}"),
        (Inequality(Affine.of(3)), "0 >= -1", r"0 \ge -1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_constraints_lead_with_a_positive_coefficient(constraint: Inequality | Equality, text: str, latex: str) -> None:
    assert str(constraint) == text
    assert constraint.latex() == latex


@given(affines, points, st.booleans(), st.integers(1, 5))
def test_constraints_are_sets_of_points(x: Affine, point: dict[str, Fraction], strict: bool, factor: int) -> None:
    inequality = Inequality(x, strict)
    assert inequality == Inequality(x * factor, strict)
    assert inequality.holds_at(point) == (x.at(point) > 0 if strict else x.at(point) >= 0)
    assert inequality.negated.holds_at(point) != inequality.holds_at(point)
    assert Equality(x) == Equality(-factor * x)
    assert Equality(x).holds_at(point) == (x.at(point) == 0)

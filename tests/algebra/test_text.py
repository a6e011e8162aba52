from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamma_calc.algebra import (
    VANISHING,
    Affine,
    Exponent,
    Inequality,
    parsed_affine,
    parsed_exponent,
    parsed_inequality,
)
from gamma_calc.algebra.text import parsed_rational
from gamma_calc.errors import BadInput
from tests.algebra.strategies import NAMED_DOMAINS, A, B, affines, pieces, rationals

THIRTY = "9" * 30


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("0", Affine.of(0)),
        ("-1/2", Affine.of(Fraction(-1, 2))),
        ("2*a", 2 * A),
        ("a/2", A / 2),
        ("3*a/2", 3 * A / 2),
        ("1/2*a", A / 2),
        ("a*3", 3 * A),
        ("2*3*a/4/5", Fraction(3, 10) * A),
        ("-a + 1/2", Fraction(1, 2) - A),
        ("- - +a", A),
        ("a--b", A + B),
        ("  a\t+\tb ", A + B),
        ("a+a-2*a", Affine.of(0)),
        ("0*a", Affine.of(0)),
        ("007", Affine.of(7)),
        (THIRTY, Affine.of(10**30 - 1)),
        ("0.75*a - 0.5", Fraction(3, 4) * A - Fraction(1, 2)),
        ("0.5/2", Affine.of(Fraction(1, 4))),
        ("_", Affine.symbol("_")),
        ("x" * 32, Affine.symbol("x" * 32)),
        ("zeros", Affine.symbol("zeros")),
    ],
)
def test_reads_affine_forms(text: str, form: Affine) -> None:
    assert parsed_affine(text) == form


AFFINE_REFUSALS = {
    "": "at its end",
    "   ": "at its end",
    "a +": "at its end",
    "0." + "1" * 30: "at most 30 digits",
    "1/0.5": "an integer",
    "1.2.3": "a number",
    "1.": "such as 3/4 or 0.75",
    ".5": "a number or a name",
    "1e400": "such as 3/4 or 0.75",
    "1e-3": "such as 3/4 or 0.75",
    "0x10": "a number",
    "2a": "then \\* before a name",
    "a b": "the end",
    "a*b": "character 3: found 'b'.*not an affine form",
    "a*a": "not an affine form",
    "(a)": "a number or a name",
    "a/b": "division by a free exponent",
    "1/a": "division by a free exponent",
    "1/0": "a divisor other than 0",
    "a/00": "a divisor other than 0",
    "1/-2": "an integer",
    "2*-a": "a number or a name",
    "a**2": "a number or a name",
    "a^2": "the end",
    "nan": "reserved",
    "inf": "reserved",
    "infinity": "reserved",
    "-oo": "reserved",
    "zero": "reserved",
    "max(a, b)": "reserved",
    "__import__('os')": "found '\\('",
    "a; b": "found ';'",
    "a\n": "found '\\\\n'",
    "é": "found 'é'",
    "٣": "a number or a name",
    "²": "a number or a name",
    "a\u00a0+ b": "found",
    THIRTY + "0": "at most 30 digits",
    f"{THIRTY}*{THIRTY}": "after simplification",
    f"a/{THIRTY}/{THIRTY}": "after simplification",
    "x" * 33: "at most 32 characters",
    "(" * 100_000: "100000 characters: expected at most 256",
    "-" * 100_000: "100000 characters",
    "a+" * 128 + "a": "257 characters",
    "a <= b": "found '<='",
}


@pytest.mark.parametrize(("text", "complaint"), AFFINE_REFUSALS.items(), ids=lambda text: repr(text[:24]))
def test_refuses_what_is_no_affine_form(text: str, complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint) as caught:
        parsed_affine(text)
    assert len(str(caught.value)) < 350


RATIONAL_REFUSALS = [
    "",
    "a",
    "1/2/3",
    "1 + 1",
    "2*3",
    "0.5.1",
    ".5",
    "1/0",
    "1/",
    "/2",
    "nan",
    "inf",
    "--",
    "1e3",
    "1/" + "1" * 31,
]


@pytest.mark.parametrize("text", RATIONAL_REFUSALS)
def test_refuses_what_is_no_rational(text: str) -> None:
    with pytest.raises(BadInput, match="rational number"):
        parsed_rational(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", Fraction(3)), ("-2/4", Fraction(-1, 2)), (" + 1 / 3 ", Fraction(1, 3)), ("-0", Fraction(0))],
)
def test_reads_rationals(text: str, value: Fraction) -> None:
    assert parsed_rational(text) == value


@pytest.mark.parametrize(
    ("text", "exponent"),
    [
        ("-oo", VANISHING),
        (" - oo ", VANISHING),
        ("a + 1", Exponent.of(A + 1)),
        ("max(0, a)", Exponent.of(A) | 0),
        ("max( a,b , a + 1)", Exponent.of(A + 1) | B),
        ("max(a)", Exponent.of(A)),
    ],
)
def test_reads_exponents(text: str, exponent: Exponent) -> None:
    assert parsed_exponent(text) == exponent


EXPONENT_REFUSALS = ["oo", "+oo", "-oo + 1", "--oo", "max", "max()", "max(a", "max(a,)", "max(a,,b)", "max(-oo, 1)"]
NESTED_REFUSALS = ["max(max(a, b), c)", "max(a) + 1", "2*max(a, b)", "-max(a, b)", "min(a, b)", "(a)", ""]


@pytest.mark.parametrize("text", [*EXPONENT_REFUSALS, *NESTED_REFUSALS])
def test_refuses_what_is_no_exponent(text: str) -> None:
    with pytest.raises(BadInput, match="exponent"):
        parsed_exponent(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0 <= k", ["k >= 0"]),
        ("x + y >= 1/2", ["x + y >= 1/2"]),
        ("2*k <= 2*k + 1", ["0 >= -1"]),
        ("0 < k", ["k > 0"]),
        ("a > 2*b", ["a - 2*b > 0"]),
        ("1 < 1", ["0 > 0"]),
        ("a = b", ["a - b >= 0", "a - b <= 0"]),
        ("a == 1", ["a >= 1", "a <= 1"]),
    ],
)
def test_reads_inequalities(text: str, found: list[str]) -> None:
    assert [str(each) for each in parsed_inequality(text)] == found


INEQUALITY_REFUSALS = {
    "0 <= a <= 1": "two inequalities",
    "0 < a < 1": "two inequalities",
    "a <> b": "a number or a name",
    "a": "one of <= >= < > =",
    "a <=": "at its end",
    "<= a": "a number or a name",
    "a => b": "a number or a name",
    "a != b": "one of <= >= < > =",
    "a <= 5e-1": "such as 3/4 or 0.75",
    "max(a, b) <= 1": "reserved",
}


@pytest.mark.parametrize(("text", "complaint"), INEQUALITY_REFUSALS.items())
def test_refuses_what_is_no_inequality(text: str, complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        parsed_inequality(text)


@pytest.mark.parametrize("parse", [parsed_rational, parsed_affine, parsed_exponent, parsed_inequality])
@pytest.mark.parametrize("value", [0.5, 1, None, b"1", ["1"]], ids=repr)
def test_reads_nothing_but_text(parse: Callable[[object], object], value: object) -> None:
    with pytest.raises(BadInput, match="expected text"):
        parse(value)


def test_words_can_be_forbidden() -> None:
    assert parsed_affine("A") == Affine.symbol("A")
    with pytest.raises(BadInput, match="reserved word"):
        parsed_affine("A + 1", forbidden=("A", "B"))
    with pytest.raises(BadInput, match="reserved word"):
        parsed_inequality("0 <= scale", forbidden=("scale",))


@given(affines)
def test_a_printed_affine_form_reads_back(form: Affine) -> None:
    assert parsed_affine(str(form)) == form


@given(rationals)
def test_a_printed_rational_reads_back(value: Fraction) -> None:
    assert parsed_rational(str(value)) == value


@given(pieces, st.sampled_from(NAMED_DOMAINS))
def test_a_printed_exponent_reads_back(forms: tuple[Affine, ...], domain: object) -> None:
    exponent = Exponent(forms, domain)  # type: ignore[arg-type]
    assert parsed_exponent(str(exponent), domain) == exponent  # type: ignore[arg-type]


@given(affines)
def test_a_printed_inequality_reads_back(form: Affine) -> None:
    assert parsed_inequality(str(Inequality(form))) == (Inequality(form),)


@given(st.text(st.sampled_from("ab1203 \t+-*/()<=>,.e_o"), max_size=24))
def test_any_text_is_read_or_refused_with_one_line(text: str) -> None:
    for parse in (parsed_rational, parsed_affine, parsed_exponent, parsed_inequality):
        try:
            parse(text)
        except BadInput as problem:
            assert "\n" not in str(problem)

"""Documents as HTML: well formed, every formula set, every link to something that is there."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from gamma_calc import derive, scheme_from_text
from gamma_calc.calculus import maps, rules, update_rules
from gamma_calc.calculus.rules import CONTRACTIONS, Rule
from gamma_calc.derivation.document import document
from gamma_calc.derivation.symbols import quantity_latex
from gamma_calc.document.html import html_document
from gamma_calc.document.mathml import mathml
from gamma_calc.program.optimizers import OPTIMIZERS
from tests.derivation.schemes import derivation

REMAINDERS = """
optimizer = "sgd"
[exponents]
A = "-1"
B = "zero"
eta_A = "eta"
eta_B = "eta"
"""


@pytest.mark.parametrize(
    ("name", "optimizer", "horizon"),
    [("init-a", "adam", None), ("init-b", "sgd", None), ("parities", "", None), ("longest", "", 2)]
    + [("init-a", optimizer, None) for optimizer in OPTIMIZERS],
)
def test_a_document_is_well_formed(name: str, optimizer: str, horizon: int | None) -> None:
    text = html_document(document(derivation(name, optimizer, horizon)), prefix="here-")
    ElementTree.fromstring(f"<div>{text}</div>")
    anchors = re.findall(r' id="(here-[^"]*)"', text)
    links = {link for link in re.findall(r'<a href="#([^"]*)">', text)}
    assert links <= set(anchors)
    assert "$" not in text and "\\" not in re.sub(r"<code>.*?</code>", "", text)


def test_a_law_that_goes_by_the_remainder_of_the_step_count_is_set() -> None:
    found = derive(scheme_from_text(REMAINDERS)).derivation
    assert "<mi>mod</mi>" in html_document(document(found))


@pytest.mark.parametrize(
    "rule",
    [
        *CONTRACTIONS.values(),
        *{
            each: None
            for module in (rules, maps, update_rules)
            for each in vars(module).values()
            if isinstance(each, Rule)
        },
    ],
)
def test_every_rule_can_be_set(rule: Rule) -> None:
    assert mathml(rule.statement).startswith("<math>")


@pytest.mark.parametrize("latex", [r"\frac{1", r"\frac1", "x^", "x}", r"\nothing"])
def test_what_is_no_formula_of_a_document_is_refused(latex: str) -> None:
    with pytest.raises(ValueError, match=r"bracket|command|missing"):
        mathml(latex)


@pytest.mark.parametrize("name", ["x__y", "_x", "x_"])
def test_an_underscore_of_a_name_stands_by_itself(name: str) -> None:
    assert mathml(quantity_latex(name)) == f'<math><mi mathvariant="normal">{name}</mi></math>'


def test_indices_stand_below_and_above() -> None:
    one = "<msubsup><mi>Z</mi><mrow><mi>A</mi></mrow><mrow><mn>2</mn></mrow></msubsup>"
    assert mathml("Z_{A}^{2}") == mathml("Z^{2}_{A}") == f"<math>{one}</math>"


@pytest.mark.parametrize(("short", "whole"), [(r"\tfrac12", r"\tfrac{1}{2}"), ("x^12", "x^{1} 2"), ("128", "{128}")])
def test_an_argument_without_brackets_is_one_digit(short: str, whole: str) -> None:
    assert mathml(short) == mathml(whole).replace("<mrow>", "").replace("</mrow>", "")


@pytest.mark.parametrize(
    ("latex", "is_sign"),
    [("-1", True), (r"a \le -1", True), ("(-1)", True), ("x, -1", True), ("a - 1", False), ("(a) - 1", False)],
)
def test_a_minus_is_a_sign_or_an_operation(latex: str, is_sign: bool) -> None:
    assert ('form="prefix"' in mathml(latex)) == is_sign

"""How subjects are written: a table, one row a construction of the language."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gamma_calc.algebra import Affine
from gamma_calc.calculus.provenance import Flip, Provenance, Random
from gamma_calc.calculus.trace import TraceSubject
from gamma_calc.derivation.notation import Notation, expression_latex
from gamma_calc.derivation.symbols import Times, parity_latex, quantity_latex
from gamma_calc.program.axes import Axis
from gamma_calc.program.catalogue import catalogue_scheme
from gamma_calc.program.expressions import At, Expression, Given, Moment, Named, Pointwise, Scaled, Sum, Trained
from gamma_calc.program.lora import lora_module
from gamma_calc.program.optimizers import OPTIMIZERS
from gamma_calc.program.program import Program
from gamma_calc.program.terms import Kind, Label, Part
from gamma_calc.program.update_expressions import Kept, Memory

ZERO = Affine.of(0)
WIDTH, RANK, OUT, BATCH = (Axis(name, Affine.of(1)) for name in ("width", "rank", "out", "batch"))
Z, DZ = Given("Z", (WIDTH, BATCH), ZERO), Given("dZ", (OUT, BATCH), ZERO)
A, B = Trained("A", (RANK, WIDTH), ZERO, ZERO), Trained("B", (OUT, RANK), ZERO, ZERO)
BEFORE_A, STEP_A, AFTER_A = (At(A, moment) for moment in Moment)
BEFORE_B, STEP_B, AFTER_B = (At(B, moment) for moment in Moment)
WITHOUT_DECAY = (Kind.INITIAL, Kind.UPDATE, Kind.CHANGE)
A_0, U_A, D_A = (Part("A", kind) for kind in WITHOUT_DECAY)
B_0, U_B, D_B = (Part("B", kind) for kind in WITHOUT_DECAY)
DECAYING = replace(A, decay=ZERO)
AT_2 = Times.at(2)
W_1 = Trained("W_1", (WIDTH, RANK), ZERO, ZERO)


def z_a(a: Expression) -> Named:
    return Named("Z_A", a @ Z)


def z_b(b: Expression, a: Expression) -> Named:
    return Named("Z_B", Scaled("s", ZERO, b @ z_a(a)))


@pytest.mark.parametrize(
    ("expression", "label", "written"),
    [
        pytest.param(A, (A_0,), "A_{0}", id="initial-part"),
        pytest.param(A, (U_A,), "U_{A}^{1}", id="a-bare-parameter-stands-before-the-step"),
        pytest.param(AFTER_A, (U_A,), "U_{A}^{2}", id="after-the-step"),
        pytest.param(STEP_A, (D_A,), r"\Delta A_{2}", id="change"),
        pytest.param(At(W_1, Moment.CHANGE), (Part("W_1", Kind.CHANGE),), r"\Delta W_{1}^{2}", id="indexed-name"),
        pytest.param(At(W_1, Moment.CURRENT), (Part("W_1", Kind.UPDATE),), "U_{W_{1}}^{2}", id="updates-of-an-indexed"),
        pytest.param(z_b(AFTER_B, AFTER_A), (B_0, U_A), "s B_{0} U_{A}^{2} Z", id="the-product-not-the-name"),
        pytest.param(
            z_b(BEFORE_B, STEP_A), (U_B, D_A), r"s U_{B}^{1} \thinspace \Delta A_{2} \thinspace Z", id="two-moments"
        ),
        pytest.param(B.T @ DZ, (B_0,), r"B_{0}^{\top} \thinspace \mathrm{d}Z", id="transposed-letter"),
        pytest.param(B.T @ DZ, (U_B,), r"(U_{B}^{1})^{\top} \thinspace \mathrm{d}Z", id="transposed-with-a-time-above"),
        pytest.param(DZ @ z_a(A).T, (A_0,), r"\mathrm{d}Z \thinspace (A_{0} Z)^{\top}", id="transposed-product"),
        pytest.param(z_a(A) * z_a(A), (A_0, U_A), r"A_{0} Z \odot U_{A}^{1} Z", id="entrywise"),
        pytest.param(
            B @ (z_a(A) * z_a(A)), (B_0, A_0, U_A), r"B_{0} (A_{0} Z \odot U_{A}^{1} Z)", id="entrywise-inside"
        ),
        pytest.param(z_a(BEFORE_A) + z_a(STEP_A), (D_A,), r"\Delta A_{2} \thinspace Z", id="the-summand-that-fits"),
        pytest.param(B @ (z_a(A) + z_a(STEP_A)), (B_0, U_A), "B_{0} U_{A}^{1} Z", id="a-sum-inside-a-product"),
        pytest.param(
            B.T @ (DZ + z_b(B, A)), (B_0,), r"B_{0}^{\top} \thinspace \mathrm{d}Z", id="the-summand-without-a-part"
        ),
        pytest.param(
            B.T @ (DZ + z_b(B, A)), (B_0, U_B, A_0), r"B_{0}^{\top} s U_{B}^{1} A_{0} Z", id="the-summand-with-parts"
        ),
        pytest.param(
            At(DECAYING, Moment.CHANGE), (Part("A", Kind.INITIAL_DECAY),), r"\Delta_{\lambda} A_{0}^{2}", id="decay"
        ),
        pytest.param(At(DECAYING, Moment.CURRENT), (A_0,), "A_{0}^{2}", id="an-initial-part-that-decays"),
        pytest.param(Kept(Memory("m", A), A), (Part("m_A", Kind.MEMORY),), "m_{A}^{2}", id="momentum"),
        pytest.param(
            B @ Pointwise("phi", z_a(A)),
            (B_0, Part("phi(Z_A)", Kind.UPDATE)),
            r"B_{0} [\phi(Z_{A}^{1})]_{U}",
            id="map-that-keeps-its-parts-apart",
        ),
        pytest.param(
            z_a(A) * Pointwise("phi'", z_a(A), True), (A_0,), r"A_{0} Z \odot \phi'(Z_{A}^{1})", id="bounded-map"
        ),
    ],
)
def test_term(expression: Expression, label: Label, written: str) -> None:
    nothing = Program((), {}, {}, OPTIMIZERS["adam"])
    assert Notation(nothing).subject(TraceSubject(expression, label, 2)) == written


@pytest.mark.parametrize(
    ("expression", "written"),
    [
        pytest.param(z_a(A), "Z_{A}^{1}", id="before"),
        pytest.param(z_a(AFTER_A), "Z_{A}^{2}", id="after"),
        pytest.param(z_a(STEP_A), r"\Delta Z_{A}^{2}", id="change-of-a-linear-name"),
        pytest.param(
            z_b(STEP_B, STEP_A), r"s \thinspace \Delta B_{2} \thinspace \Delta Z_{A}^{2}", id="no-change-of-a-product"
        ),
        pytest.param(z_b(BEFORE_B, STEP_A), r"s B_{1} \thinspace \Delta Z_{A}^{2}", id="no-name-across-moments"),
        pytest.param(Sum((z_a(A), z_a(STEP_A))), r"Z_{A}^{1} + \Delta Z_{A}^{2}", id="sum"),
        pytest.param(AFTER_A, "A_{2}", id="tensor"),
    ],
)
def test_whole(expression: Expression, written: str) -> None:
    assert expression_latex(expression, AT_2) == written


@pytest.mark.parametrize(
    ("name", "time", "written"),
    [
        ("Delta_Z_B", "t", r"\Delta Z_{B}^{t}"),
        ("delta_1", "t", r"\delta_{1}^{t}"),
        ("A", "t", "A_{t}"),
        ("dZ", "", r"\mathrm{d}Z"),
        ("Delta", "", r"\Delta"),
        ("h_1", "3", "h_{1}^{3}"),
    ],
)
def test_quantity(name: str, time: str, written: str) -> None:
    assert quantity_latex(name, time) == written


def test_a_quantity_of_the_program_goes_by_its_name() -> None:
    program = lora_module(catalogue_scheme("init-a"))
    notation = Notation(program)
    names = {name: notation.subject(TraceSubject(value, (), 3)) for name, value in program.quantities.items()}
    assert names["delta_1"] == r"\delta_{1}^{3}"
    assert names["Delta_Z_B"] == r"\Delta Z_{B}^{3}"
    assert len(set(names.values())) == len(names)
    assert notation.definition(program.quantities["Delta_Z_B"]) == r"\delta_{1}^{t} + \delta_{2}^{t} + \delta_{3}^{t}"


def test_parities_differ_where_components_do() -> None:
    a, b = Random("A", A.axes), Random("B", B.axes)
    odd_in_a, odd_in_b = frozenset((Flip(a, RANK, RANK),)), frozenset((Flip(b, RANK, RANK),))
    parities = [
        Provenance(),
        Provenance(odd=odd_in_a),
        Provenance(odd=odd_in_b),
        Provenance(odd=odd_in_a | odd_in_b),
        Provenance(mixed=odd_in_a),
    ]
    assert len({parity_latex(each) for each in parities}) == len(parities)

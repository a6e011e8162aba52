"""Networks against measurements: stacks, perceptrons and networks of one's own, and what has to fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from gamma_calc import Problem, crosscheck, exponents
from gamma_calc.algebra import Affine
from gamma_calc.errors import BadInput
from gamma_calc.experiment import far_widths
from gamma_calc.experiment.crosscheck import Crosscheck
from gamma_calc.experiment.far_widths import FAR_WIDTHS, settled
from gamma_calc.experiment.folder import folder_contents
from gamma_calc.experiment.prediction import Predicted, moved, predictions
from gamma_calc.experiment.setup import Settings, network_experiment
from gamma_calc.experiment.verdicts import Judged, judged
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import Expression
from gamma_calc.program.models import Perceptron
from gamma_calc.program.network import axis, contract, data, gelu, named, parameter, silu, tanh
from gamma_calc.program.optimizers import OPTIMIZERS
from gamma_calc.program.scheme import Scheme
from gamma_calc.program.spec_file import scheme_from_text
from gamma_calc.simulation.population import population_refusal, population_sizes
from gamma_calc.simulation.program_sizes import ProgramExperiment, program_sizes
from gamma_calc.simulation.slopes import SlopeEstimate
from gamma_calc.simulation.verdicts import Judgement, Verdict
from tests.program.problems import lora
from tests.schemes import scheme

QUICK = Settings(widths=tuple(2**k for k in range(5, 12)), seeds=8, steps=2)
SMALL = Settings(widths=tuple(2**k for k in range(3, 10)), seeds=16, steps=2)


def stack(*exponents: str, depth: int = 2, shape: str = "", optimizer: str = "sign") -> Scheme:
    keys = zip(("A", "B", "eta_A", "eta_B"), exponents, strict=True)
    lines = [f'optimizer = "{optimizer}"', f'[model]\nkind = "lora-stack"\ndepth = {depth}', shape, "[exponents]"]
    return scheme_from_text("\n".join([*lines, *(f'{key} = "{value}"' for key, value in keys)]), default_name="stack")


INIT_B = stack("zero", "0", "eta", "eta")
LORA_PLUS_FROM_A = stack("-1/2", "zero", "-1", "0")


def perceptron(**rates: str) -> Scheme:
    """Two layers, mean field: every coordinate of the hidden layer moves by Theta(1)."""
    exponents = {"W_1.init": "0", "W_2.init": "0", "W_2.multiplier": "-1", "W_1.rate": "0", "W_2.rate": "0", **rates}
    return Scheme("mean field", exponents, OPTIMIZERS["sign"], model=Perceptron(("W_1", "W_2")))


def behind(*stack: Axis) -> Problem:
    """A trained matrix in front of a frozen one, or of those of a stack, of which data pick sums."""
    n, m, many, few = axis("n", 1), axis("m", 1), axis("batch"), axis("few")
    hidden = contract(
        parameter("W", *stack, m, n, init="-1/2"), parameter("P", n, few, init="0", rate=-1) @ data("x", few, many), n
    )
    picked = contract(hidden, data("picks", *stack, many), *stack) if stack else hidden
    return Problem("stack", named("out", parameter("O", axis("o"), m, init="-1/2") @ picked))


@pytest.mark.slow
def test_what_trains_behind_a_stack_of_matrices_learns_of_each_as_of_one() -> None:
    """P moves along W^T O^T, a sum over the stack too, and what W makes of that is aligned with O."""
    sizes = [exponents(each, steps=1)[1].sizes for each in (behind(), behind(axis("stack")))]
    assert sizes[0] == sizes[1] and str(sizes[1]["Delta_out"]) == "-1/2"
    found = crosscheck(behind(axis("stack")), settings=replace(QUICK, steps=1))
    verdicts = {row.quantity: row.verdict for row in found.schemes[0].rows}
    assert verdicts["Delta_out"] is Verdict.PASS


def test_gradients_of_a_batch_that_grows_are_aligned() -> None:
    """A gradient is a sum over the samples of one loss: n^1 by assumption A2, no random walk."""
    out, features, batch = axis("out"), axis("features"), axis("batch", 1)
    value = parameter("V", out, features, init="0", rate="-1") @ data("x", features, batch)
    found = crosscheck(Problem("linear", named("f", value), optimizer=OPTIMIZERS["sgd"]), settings=QUICK)
    changes = [row for row in found.json()["quantities"] if row["quantity"] == "Delta_f"]
    assert [(row["predicted"], row["verdict"]) for row in changes] == [("0", "PASS")] * 2


@pytest.fixture(scope="module")
def init_b() -> Crosscheck:
    return crosscheck(INIT_B, "init-b", settings=QUICK)


@pytest.fixture(scope="module")
def mean_field() -> Crosscheck:
    return crosscheck(perceptron(), settings=QUICK)


def test_a_stack_and_a_module_are_confirmed_in_one_question(init_b: Crosscheck) -> None:
    assert init_b.verdict is Verdict.PASS, [row.reason for row in init_b.rows if row.verdict is not Verdict.PASS]
    assert init_b.control is Verdict.FAIL
    assert {"Z_B[2]", "dZ[1]", "delta_0[2]", "Z_B"} <= {row.quantity for row in init_b.rows}
    assert init_b.schemes[0].rates == "eta_A = 1 n^(-1), eta_B = 1 n^(-1)"
    assert [each["widths"] for each in init_b.json()["schemes"]] == [list(QUICK.widths or ())] * 2


def test_a_stack_may_be_given_the_size_of_the_loss_gradient() -> None:
    """Its layers' gradients are told relative to that, so dZ of the last one is n^0 whatever the loss's is."""
    exponents = {**LORA_PLUS_FROM_A.exponents, "gradient": Affine.of(-1)}
    subject = replace(LORA_PLUS_FROM_A, exponents=exponents)
    found = crosscheck(subject, settings=replace(QUICK, steps=1))
    last = next(row for row in found.rows if row.quantity == "dZ[2]")
    assert (str(last.leading.predicted), last.verdict) == ("0", Verdict.PASS)
    assert all(row.verdict is not Verdict.FAIL for row in found.rows)


def test_a_floor_leads_at_the_widths_that_are_trained() -> None:
    """Adafactor's steps are as large as the floor, n^0, where entries vanish; torch's floor of 1/1000 is below them."""
    found = crosscheck(scheme("-1/2", "-1/2", "-1", "-1", optimizer="adafactor"), settings=replace(QUICK, steps=1))
    steps = {row.quantity: row for row in found.rows}["B"].terms["U_B",]
    assert (str(steps.predicted), steps.judgement.verdict) == ("-1", Verdict.PASS)


def test_a_network_has_widths_that_suit_it() -> None:
    square = stack("zero", "0", "-1", "-1", shape="frozen = true")
    found = crosscheck(INIT_B, "init-b", perceptron(), square, settings=Settings(seeds=2))
    assert [each.configuration.widths[-1] for each in found.schemes] == [*[2**13] * 3, 2**11]
    assert found.json()["settings"]["widths"] is None


def test_the_folder_of_a_network(mean_field: Crosscheck) -> None:
    contents = folder_contents(mean_field)
    assert {"plots/mean-field-sign.svg", "derivations/mean-field-sign.tex"} <= contents.keys()
    report = str(contents["report.md"])
    assert "perceptron; W_2.multiplier = n^(-1), W_1.init = n^(0), W_2.init = n^(0); W_1.rate = 1 n^(0)" in report
    assert "Delta_v is the change of a value v over a step" in report


def test_a_stack_is_not_confirmed_by_predictions_of_another_init() -> None:
    from_b = stack("zero", "0", "-1", "0")
    assert crosscheck(from_b, settings=QUICK).verdict is Verdict.PASS
    assert crosscheck(LORA_PLUS_FROM_A, against=from_b, settings=QUICK).verdict is Verdict.FAIL


def test_a_perceptron_is_confirmed_and_refuted_by_another_rate(mean_field: Crosscheck) -> None:
    assert mean_field.verdict is Verdict.PASS
    slow = perceptron(**{"W_1.rate": "-1/2"})
    assert crosscheck(perceptron(), against=slow, settings=QUICK).verdict is Verdict.FAIL


@pytest.mark.slow
def test_the_updates_part_of_a_map_is_the_change_they_bring_to_it() -> None:
    """W_3 moves along phi(h[2]_0). A small update moves phi either way, and would be aligned with that as phi(U)."""
    layers = {"W_1": ("0", "-1"), "W_2": ("-1/2", "-3/2"), "W_3": ("-1", "-1")}
    exponents = {f"{name}.multiplier": "0" for name in layers}
    for name, (initial, rate) in layers.items():
        exponents |= {f"{name}.init": initial, f"{name}.rate": rate}
    subject = Scheme("three layers", exponents, OPTIMIZERS["adam"], model=Perceptron(tuple(layers)))
    (output,) = (row for row in crosscheck(subject, settings=QUICK).rows if (row.quantity, row.t) == ("f", 1))
    moved = output.terms["U_W_3", "U_phi(h[2])"]
    assert str(moved.predicted) == "-1"
    assert moved.distance == 0


def test_a_network_of_ones_own_is_confirmed_as_the_module_it_is() -> None:
    found = crosscheck(lora(optimizer="sign"), settings=QUICK, at={"eta": "-1/2"})
    assert found.verdict is Verdict.PASS, [row.reason for row in found.rows if row.verdict is not Verdict.PASS]


@pytest.mark.parametrize("optimizer", ["lion", "muon"])
def test_a_module_is_trained_under_any_optimiser(optimizer: str) -> None:
    found = crosscheck("init-b", optimizer=optimizer, settings=replace(QUICK, steps=3))
    assert found.verdict is Verdict.PASS, [row.reason for row in found.rows if row.verdict is not Verdict.PASS]


def test_a_number_is_trained_as_a_parameter_and_as_an_output() -> None:
    """Of what has no axes numpy draws no array."""
    n = axis("n", 1)
    gain = parameter("g", init="0", rate="0")
    output = contract(parameter("v", n, init="-1", rate="-1"), data("x", n), n) * gain
    found = crosscheck(Problem("number", named("f", output), optimizer="sign"), settings=replace(QUICK, seeds=32))
    assert found.verdict is Verdict.PASS, [row.reason for row in found.rows if row.verdict is not Verdict.PASS]


def test_runs_do_not_depend_on_which_are_trained_together(monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = network_experiment(LORA_PLUS_FROM_A, SMALL, Fraction(1))
    together = program_sizes(experiment)
    monkeypatch.setattr("gamma_calc.simulation.program_sizes.MEMORY_BOUND", 3 * experiment.memory_at(2**9))
    seen: list[tuple[int, int]] = []
    apart = program_sizes(experiment, lambda done, total: seen.append((done, total)))
    assert len(seen) == 6 * 7 and seen[-1] == (sum(experiment.widths) * 16,) * 2
    for key, square in together.mean_square.items():
        np.testing.assert_allclose(apart.mean_square[key], square, rtol=1e-9)


def population(subject: Scheme, **changes: Any) -> ProgramExperiment:
    return replace(network_experiment(subject, SMALL, Fraction(1)), widths=FAR_WIDTHS, **changes)


def test_a_population_settles_what_no_training_reaches() -> None:
    """LoRA+ from Init[A]: Z_B of the upper layer grows like n^(1/2), and at these widths its slope is not yet that."""
    found = crosscheck(LORA_PLUS_FROM_A, settings=replace(QUICK, steps=3))
    assert found.verdict is Verdict.PASS, [row.reason for row in found.rows if row.verdict is not Verdict.PASS]
    rows = {(row.quantity, row.t): row for row in found.rows}
    row = rows["Z_B[2]", 3]
    assert str(row.leading.predicted) == "1/2"
    assert row.leading.far is not None and "decided by a population at widths 2^30 to 2^60" in row.reason


def test_a_population_is_the_law_of_wide_runs() -> None:
    """At a width that can be trained, the two agree on every mean square that is not small beside its fluctuations."""
    subject = stack("-1/2", "zero", "-1/2", "-1/2", optimizer="sgd")
    dense = program_sizes(replace(network_experiment(subject, SMALL, Fraction(1)), widths=(2**12,), runs=64))
    wide = population_sizes(replace(dense.configuration, runs=256))
    for key, square in dense.mean_square.items():
        spread = square.std() / 8 + wide.mean_square[key].std() / 16
        assert abs(square.mean() - wide.mean_square[key].mean()) <= 5 * spread + 0.02 * square.mean(), key


@pytest.mark.parametrize(
    ("subject", "changes", "message"),
    [
        (stack("zero", "0", "-1", "-1", shape="frozen = true"), {}, "grows along two axes"),
        (stack("-1/2", "zero", "-1", "-1", depth=9), {}, "9 tensors start at random"),
        (stack("zero", "0", "-1", "-1"), {"widths": (128, 256)}, "stands for widths"),
        (stack("-1/2", "zero", "-20", "-20"), {}, "beyond the range of floats"),
    ],
    ids=["square", "deep", "narrow", "floats"],
)
def test_where_there_is_no_population(subject: Scheme, changes: dict[str, Any], message: str) -> None:
    assert message in population_refusal(replace(population(subject), **changes))


@pytest.mark.parametrize(("function", "rate"), [(gelu, "-9/10"), (silu, "-19/20"), (tanh, "-9/10")])
def test_changes_that_floats_round_away_far_out_are_confirmed(
    function: Callable[[Expression], Expression], rate: str
) -> None:
    """A step of n^(-9/10) of a hidden layer of size one is 2^-54 of it at a width of 2^60."""
    n = axis("width", 1)
    hidden = named(
        "h", parameter("W_1", n, axis("inputs"), init="0", rate=rate) @ data("x", axis("inputs"), axis("batch"))
    )
    output = named("f", parameter("W_2", axis("out"), n, init="-1/2", rate=rate) @ function(hidden))
    found = crosscheck(Problem("network", output), settings=Settings(steps=2))
    assert found.verdict is Verdict.PASS, [row.reason for row in found.rows if row.verdict is not Verdict.PASS]
    assert any(term.far is not None for row in found.rows for term in row.terms.values())


def slope(value: float, predicted: str, verdict: Verdict, half_width: float = 0.01) -> Judged:
    known = SlopeEstimate((1, 64), 8, value, (value - half_width, value + half_width), half_width)
    return Judged(Predicted(Fraction(predicted)), known, Judgement(verdict, "as it is"))


Sides = dict[str, bool]
NEITHER: Sides = {"above": False, "below": False}
ABOVE: Sides = {"above": True, "below": False}
BOTH: Sides = {"above": True, "below": True}


@pytest.mark.parametrize(
    ("near", "far", "sides", "expected"),
    [
        (0.3, 0.0, ABOVE, Verdict.PASS),
        (0.3, 0.2, ABOVE, Verdict.FAIL),
        (0.3, 0.2, NEITHER, Verdict.INCONCLUSIVE),
        (-0.3, -0.2, ABOVE, Verdict.INCONCLUSIVE),
        (-0.3, -0.2, BOTH, Verdict.FAIL),
        (-0.22, -0.2, ABOVE, Verdict.FAIL),
        (-0.22, -0.2, NEITHER, Verdict.FAIL),
    ],
    ids=[
        "confirmed",
        "above",
        "above, rough",
        "below, elsewhere",
        "below, no steps",
        "below, alike",
        "alike and rough",
    ],
)
def test_what_a_population_decides(near: float, far: float, sides: Sides, expected: Verdict) -> None:
    """From below it may lack the answer of a step function; then only the same slope at trained widths refutes."""
    far_verdict = Verdict.FAIL if far else Verdict.PASS
    found = far_widths._by_population(slope(near, "0", Verdict.FAIL), slope(far, "0", far_verdict), "there", **sides)
    assert found.judgement.verdict is expected
    assert (found.far is not None) == (expected is not Verdict.INCONCLUSIVE)


def test_what_a_population_leaves_open_asks_for_nothing_that_cannot_be_had_and_is_not_decided_by_it() -> None:
    near, far = slope(0.03, "0", Verdict.INCONCLUSIVE, 0.06), slope(0.04, "0", Verdict.INCONCLUSIVE, 0.06)
    near, far = (
        replace(each, judgement=Judgement(Verdict.INCONCLUSIVE, advice, "numbers"))
        for each, advice in ((near, "more trained runs"), (far, "more populations"))
    )
    found = far_widths._by_population(near, far, "there", **BOTH)
    assert found.judgement.reason == "not decided by there: numbers; at the trained widths: numbers; more trained runs"
    decided = far_widths._by_population(near, slope(0, "0", Verdict.PASS), "there", **BOTH)
    quick = crosscheck("init-a", settings=replace(QUICK, seeds=3, steps=1))
    (scheme,) = quick.schemes
    for terms, sentence in (({}, "1 row is decided by a population"), ({("U",): found}, "")):
        row = replace(scheme.rows[0], leading=decided, terms=terms)
        summary = replace(quick, schemes=(replace(scheme, rows=(row,)),)).summary
        assert ("decided by a population" in summary) is bool(sentence) and sentence in summary


@pytest.mark.parametrize("sides", [NEITHER, ABOVE, BOTH], ids=["neither", "above", "both"])
def test_a_population_refutes_nothing_by_a_slope_that_it_hardly_knows(sides: Sides) -> None:
    near, far = (slope(0.9, "0", Verdict.FAIL, half_width) for half_width in (0.01, 0.06))
    assert far_widths._by_population(near, far, "there", **sides).judgement.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("specs", "options", "message"),
    [
        ((stack("-1/2", "zero", "a", "b"),), {}, "--at a=-1/2 --at b=-1/2"),
        ((INIT_B,), {"against": "init-b"}, "against: found .*lora-module"),
        ((stack("-1/2", "zero", "-300", "-300"),), {"settings": SMALL}, "beyond the range of floats"),
        ((stack("0", "0", "-1", "-1", shape="frozen = true"),), {"settings": Settings((2**20, 2**24))}, None),
    ],
    ids=["two free", "another model", "floats", "two widths"],
)
def test_bad_input(specs: tuple[Scheme, ...], options: dict[str, Any], message: str | None) -> None:
    if message is None:
        assert crosscheck(*specs, **options).shortfall
        return
    with pytest.raises(BadInput, match=message):
        crosscheck(*specs, **options)


def test_what_does_not_fit_is_refused() -> None:
    subject = stack("0", "0", "-1", "-1", shape="frozen = true")
    with pytest.raises(BadInput, match=r"width 16777216 needs about .* GiB, and there are"):
        crosscheck(subject, settings=Settings(widths=tuple(2**k for k in range(18, 25)), seeds=3))


@pytest.fixture(scope="module")
def square() -> Crosscheck:
    """A matrix beside a frozen one that grows both ways: no sum is aligned, and there is no population."""
    n, m, few, batch = axis("n", 1), axis("m", 1), axis("few"), axis("batch")
    frozen = parameter("W", m, n, init="-1/2") @ data("x", n, batch)
    trained = parameter("B", m, few, init="zero", rate="-1/2") @ data("c", few, batch)
    return crosscheck(Problem("square", named("f", frozen + trained)), settings=replace(QUICK, steps=1))


def test_without_a_population_the_control_is_too_small_and_fails(square: Crosscheck) -> None:
    (checked,) = square.schemes
    assert checked.no_population == "W grows along two axes"
    assert checked.control.assumption == "every finite exponent is smaller by 1/4 (false)"
    assert (square.verdict, square.control) == (Verdict.PASS, Verdict.FAIL)
    assert checked.measurement is not None
    own, shift = predictions(checked.scheme, 1), Fraction(1, 4)
    for sign, expected in ((-1, Verdict.FAIL), (1, Verdict.INCONCLUSIVE)):
        false = [moved(each, sign * shift) for each in own]
        rows = settled(judged("", false, checked.measurement), false, checked.configuration)
        finite = [row for row in rows if row.leading.predicted.exponent is not None]
        assert finite and {row.verdict for row in finite} == {expected}


def test_without_a_population_the_resolution_is_that_of_a_prediction_which_is_too_small(square: Crosscheck) -> None:
    (checked,) = square.schemes
    assert "A prediction that is too small by" in square.summary
    said = "One that is too large cannot fail: what leads may not lead yet, and there is no population at far widths: "
    assert f"{said}W grows along two axes." in square.summary
    assert square.json()["control"]["only_below"] == ["square"]
    assert checked.measurement is not None
    for factor, expected in (("1001/1000", True), ("999/1000", False)):
        shift = Fraction(max(square.resolutions)) * Fraction(factor)
        false = [moved(each, -shift) for each in predictions(checked.scheme, 1)]
        rows = settled(judged("", false, checked.measurement), false, checked.configuration)
        leading = [row.leading for row in rows if row.leading.predicted.exponent is not None]
        assert all(each.judgement.verdict is Verdict.FAIL for each in leading) is expected


def test_schemes_without_a_population_are_named_beside_others(square: Crosscheck, init_b: Crosscheck) -> None:
    both = replace(init_b, schemes=(*init_b.schemes, *square.schemes))
    assert "A prediction that is off by" in both.summary and "One that is too large, of square, cannot" in both.summary
    assert init_b.json()["control"]["only_below"] == []

"""The rules one by one: what each concludes, where it refuses, and that a trace cannot claim anything else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from gamma_calc import Problem, exponents
from gamma_calc.algebra import EVERYWHERE, VANISHING, Affine, Exponent, Polyhedron, parsed_exponent, parsed_inequality
from gamma_calc.calculus.components import Component, Term, gathered, total
from gamma_calc.calculus.maps import (
    BOUNDED,
    HOMOGENEOUS,
    INVERSE_RMS,
    INVERSE_RMS_CHANGE,
    MAP_CHANGE,
    POWER,
    POWER_CHANGE,
    SATURATING,
    SATURATING_SLOPE,
    SOFTMAX,
    SOFTMAX_CHANGE,
    uniform,
)
from gamma_calc.calculus.policy import CALCULUS, Alignment, Policy, Summation, summations
from gamma_calc.calculus.provenance import (
    Entries,
    Flip,
    Provenance,
    Random,
    Sight,
    contracted,
    is_centred,
)
from gamma_calc.calculus.recursion import trajectory
from gamma_calc.calculus.rules import CONTRACTIONS, Rule
from gamma_calc.calculus.size import Size
from gamma_calc.calculus.trace import Application
from gamma_calc.calculus.update_rules import normalised_step
from gamma_calc.errors import BadInput, Unknown
from gamma_calc.program.axes import Axis
from gamma_calc.program.expressions import Expression, Ones
from gamma_calc.program.lora import lora_module
from gamma_calc.program.network import (
    absolute,
    axis,
    contract,
    data,
    mean,
    named,
    parameter,
    power,
    relu,
    renamed,
    rms_norm,
    scaled,
    silu,
    softmax,
    stop_gradient,
    tanh,
)
from gamma_calc.program.optimizers import Moments
from tests.schemes import scheme

Array = NDArray[np.float64]
WIDTH, SQUARE, FIXED = Axis("width", Affine.of(1)), Axis("square", Affine.of(1)), Axis("fixed", Affine.of(0))
RANK = Axis("rank", Affine.symbol("rho"))
W = Random("W", (SQUARE, WIDTH))
READOUT = Random("w", (FIXED, WIDTH))
V = Random("V", (RANK, WIDTH))
DATA = Provenance()
SIGN = Moments(Fraction(0), Fraction(0), Fraction(0))


def seen_through(tensor: Random, axis: Axis) -> Provenance:
    """W^T d for given d: what a matrix leaves behind when its other axis is summed."""
    return contracted(Provenance.of(tensor), DATA, (axis,))


ALIGNMENTS = {
    "fixed axis": (Provenance.of(READOUT), DATA, FIXED, Alignment.FIXED, "0"),
    "fresh against data": (Provenance.of(W), DATA, WIDTH, Alignment.INDEPENDENT, "1/2"),
    "fresh against another fresh": (Provenance.of(W), Provenance.of(V), WIDTH, Alignment.INDEPENDENT, "1/2"),
    "data against data": (DATA, DATA, WIDTH, Alignment.ALIGNED, "1"),
    "W W^T d for a square W": (Provenance.of(W), seen_through(W, SQUARE), WIDTH, Alignment.DILUTED, "1/2"),
    "readout against features it moved": (
        Provenance.of(READOUT),
        seen_through(READOUT, FIXED),
        WIDTH,
        Alignment.DILUTED,
        "1",
    ),
    "same parity": (seen_through(V, WIDTH), seen_through(V, WIDTH), RANK, Alignment.ALIGNED, "rho"),
    "different parity": (
        seen_through(V, WIDTH),
        seen_through(Random("U", (SQUARE, RANK)), SQUARE),
        RANK,
        Alignment.INDEPENDENT,
        "rho/2",
    ),
    "blurred against blurred": (
        seen_through(V, WIDTH).even_and_odd,
        seen_through(V, WIDTH).even_and_odd,
        RANK,
        Alignment.ALIGNED,
        "rho",
    ),
    "fresh against blurred stranger": (
        Provenance.of(W),
        seen_through(Random("U", (WIDTH, SQUARE)), SQUARE).even_and_odd,
        WIDTH,
        Alignment.INDEPENDENT,
        "1/2",
    ),
}


@pytest.mark.parametrize(("left", "right", "axis", "kind", "gain"), ALIGNMENTS.values(), ids=ALIGNMENTS)
def test_alignment(left: Provenance, right: Provenance, axis: Axis, kind: Alignment, gain: str) -> None:
    domain = Polyhedron.of(*parsed_inequality("rho >= 0"), *parsed_inequality("rho <= 1"))
    for one, other in ((left, right), (right, left)):
        *_, last = summations(one, other, (axis,))
        assert last.kind is kind
        assert CALCULUS.gain(last).upper.restricted(domain) == parsed_exponent(gain, domain)


def test_a_sum_against_what_has_seen_the_tensor_has_two_parts() -> None:
    """delta/2 and delta - mu/2: with delta = 1 and mu = 1/2 what comes back, 3/4, beats the random walk, 1/2."""
    narrow = Axis("narrow", Affine.of(Fraction(1, 2)))
    tensor = Random("W", (narrow, WIDTH))
    parts = summations(Provenance.of(tensor), seen_through(tensor, narrow), (WIDTH,))
    assert [(part.kind, str(part.gain)) for part in parts] == [
        (Alignment.INDEPENDENT, "1/2"),
        (Alignment.DILUTED, "3/4"),
    ]


def test_what_comes_back_is_centred_by_what_else_is_odd() -> None:
    """W (phi(W^T y) * (V^T z)): the part along y is y times a sum of phi' * (V^T z), whose signs are V's."""
    seen = seen_through(W, SQUARE).even_and_odd
    _, whole = summations(Provenance.of(W), seen, (WIDTH,))
    _, centred = summations(Provenance.of(W), seen.multiplied(seen_through(Random("U", (RANK, WIDTH)), RANK)), (WIDTH,))
    assert (str(whole.gain), str(centred.gain)) == ("1/2", "0")


def test_the_part_along_y_in_numbers() -> None:
    """y . W x / |y|^2 over widths: n^0 for x = phi(W^T y), n^(-1/2) for x = phi(W^T y) * v with signs v."""
    draw, sizes = np.random.default_rng(1), {}
    for n in (2**6, 2**10):
        along = []
        for _ in range(200 if n < 100 else 20):
            y, v = draw.standard_normal(n), draw.choice([-1.0, 1.0], n)
            # W^T y and y . W x need no W beyond its row along y, which is as random as any: W^T y = |y| g / sqrt(n).
            g = draw.standard_normal(n)
            h = np.linalg.norm(y) * g / np.sqrt(n)
            x = np.maximum(h, 0)
            along.append([np.dot(h, x) / np.dot(y, y), np.dot(h, x * v) / np.dot(y, y)])
        sizes[n] = np.sqrt(np.mean(np.square(along), axis=0))
    whole, centred = np.log2(sizes[2**10] / sizes[2**6]) / 4
    assert abs(whole) < 0.1 and abs(centred + 0.5) < 0.2


def test_the_slope_of_a_map_has_seen_a_small_part_at_its_relative_size() -> None:
    """phi'(c + h) for h = W^T y of size n^(-1/4): the slope at c is of size n^0, and n^(-1/4) of it knows W."""
    small = Component(Size.exactly(parsed_exponent("-1/4")), seen_through(W, SQUARE))
    leading, part = BOUNDED.conclude((Component(Size.exactly(parsed_exponent("0")), DATA), small))
    assert (str(leading.size), leading.provenance) == ("0", DATA)
    assert (str(part.size), part.provenance.seen) == ("-1/4", small.provenance.seen)
    (whole,) = BOUNDED.conclude((replace(small, size=Size.exactly(parsed_exponent("0"))),))
    assert str(whole.size) == "0" and whole.provenance.seen == small.provenance.seen


def test_what_a_small_change_adds_to_a_map_whatever_its_sign_in_numbers() -> None:
    """phi(c + d) - phi(c) for d = n^(-1/4) against what knows the sign of d, and its mean, which knows nothing."""
    draw, sizes = np.random.default_rng(5), {}
    for n in (2**8, 2**20):
        c, d = draw.standard_normal((2, n))
        change = np.maximum(c + n**-0.25 * d, 0) - np.maximum(c, 0)
        sizes[n] = np.array([np.mean(change * np.sign(d)), np.mean(change)])
    assert np.allclose(np.log2(sizes[2**20] / sizes[2**8]) / 12, [-0.25, -0.5], atol=0.1)
    large, small = (Size.exactly(parsed_exponent(text)) for text in ("0", "-1/4"))
    parts = MAP_CHANGE.conclude((Component(large, DATA),), (Component(small, seen_through(W, SQUARE)),))
    assert {(str(part.size), len(part.provenance.odd)) for part in parts} == {("-1/4", 1), ("-1/2", 0)}


CROSSED: dict[str, tuple[Callable[[NDArray[np.float64]], NDArray[np.float64]], Rule, tuple[Fraction, ...]]] = {
    "relu": (lambda v: np.maximum(v, 0), MAP_CHANGE, ()),
    "a cube": (lambda v: v**3, POWER_CHANGE, (Fraction(3),)),
}


@pytest.mark.parametrize("name", CROSSED)
def test_what_a_small_change_takes_from_a_smaller_part_is_their_product(name: str) -> None:
    """phi(c + h + d) - phi(c + h) against the sign of h = n^(-1/2), for d = n^(-1/4)."""
    phi, rule, degree = CROSSED[name]
    draw, found = np.random.default_rng(7), {}
    for n in (2**10, 2**16):
        c, h, d = draw.standard_normal((3, 100, n))
        before = c + n**-0.5 * h
        met = np.mean((phi(before + n**-0.25 * d) - phi(before)) * np.sign(h), axis=1)
        found[n] = np.sqrt(np.mean(np.square(met)))
    assert np.log2(found[2**16] / found[2**10]) / 6 == pytest.approx(-0.75, abs=0.05)
    sizes = [Size.exactly(parsed_exponent(text)) for text in ("0", "-1/2", "-1/4")]
    flipped = seen_through(W, SQUARE)
    argument = (Component(sizes[0], DATA), Component(sizes[1], flipped))
    parts = rule.conclude(argument, (Component(sizes[2], seen_through(V, WIDTH)),), *degree)
    assert {str(part.size) for part in parts if part.provenance.seen & flipped.seen} == {"-3/4"}


def test_what_a_slope_brings_back_in_numbers() -> None:
    """y . W phi'(c + h) / |y|^2 for phi' = 1[h > 0]: n^(-1/4) for h = n^(-1/4) W^T y, n^0 for h = W^T y."""
    draw, sizes = np.random.default_rng(2), {}
    for n in (2**8, 2**16):
        g, c = draw.standard_normal((2, 20, n))  # W^T y = |y| g / sqrt(n) again
        along = [np.mean(g * (c + size * g > 0), axis=1) for size in (n**-0.25, 1)]
        sizes[n] = np.sqrt(np.mean(np.square(along), axis=1))
    small, whole = np.log2(sizes[2**16] / sizes[2**8]) / 8
    assert abs(small + 0.25) < 0.05 and abs(whole) < 0.05


def test_what_comes_back_is_what_the_tensor_had_met() -> None:
    """W (W^T y) for y odd in V: one part is odd in W, the other, along y, in V, at the axis where W has y's."""
    y = contracted(Provenance.of(Random("V", (SQUARE, RANK))), DATA, (RANK,))
    seen = contracted(Provenance.of(W), y, (SQUARE,))
    whole, back = summations(Provenance.of(W), seen, (WIDTH,))
    assert {flip.tensor.name for flip in whole.provenance.odd} == {"W"}
    assert [(flip.tensor.name, flip.at) for flip in back.provenance.odd] == [("V", SQUARE)]


def test_what_one_matrix_makes_of_independent_vectors_is_aligned_by_chance_only() -> None:
    """(W x) . (W y) / (|W x| |W y|) for independent x and y: a walk over the rows and one over x . y, both n^(1/2)."""
    x, y = (Provenance.of(Random(name, (WIDTH,))) for name in "xy")
    ones, others = (contracted(Provenance.of(W), each, (WIDTH,)) for each in (x, y))
    parts = summations(ones, others, (SQUARE,))
    assert [(part.kind, part.gain.constant) for part in parts] == [
        (Alignment.INDEPENDENT, Fraction(1, 2)),
        (Alignment.DILUTED, Fraction(1, 2)),
    ]
    for same in (ones, contracted(Provenance.of(W), DATA, (WIDTH,))):
        (part,) = summations(same, same, (SQUARE,))
        assert part.kind is Alignment.ALIGNED


def test_what_one_matrix_makes_of_two_vectors_in_numbers() -> None:
    draw, sums = np.random.default_rng(3), {}
    for n in (2**5, 2**10):
        w = draw.standard_normal((20, n, n)) / np.sqrt(n)
        x, y = draw.standard_normal((2, 20, n))
        ones, others = (np.einsum("sij,sj->si", w, each) for each in (x, y))
        sums[n] = np.sqrt([np.mean(np.sum(ones * each, axis=1) ** 2) for each in (others, ones)])
    assert np.allclose(np.log2(sums[2**10] / sums[2**5]) / 5, [0.5, 1], atol=0.15)


def test_a_program_keeps_what_two_values_of_one_matrix_have_in_common() -> None:
    n, m, r = axis("width", 1), axis("out", 1), axis("r")
    w, x, y = parameter("W", m, n, init="-1/2"), parameter("x", n, init="0"), parameter("y", n, init="0")
    b = parameter("b", r, init="0", rate="-1")
    sizes = {
        other: exponents(Problem("two", named("f", named("s", contract(w @ x, w @ other, m)) * b)), steps=1)[1].sizes[
            "s"
        ]
        for other in (x, y)
    }
    assert (str(sizes[x]), str(sizes[y])) == ("1", "1/2")


def test_what_two_matrices_make_of_independent_vectors_is_aligned_by_chance_only() -> None:
    """(W V x) . (W V y): W knows V x and V y of each other by (V x) . (V y), and V knows x and y by x . y."""
    inner = Random("V", (WIDTH, SQUARE))
    x, y = (Provenance.of(Random(name, (SQUARE,))) for name in "xy")
    ones, others = (
        contracted(Provenance.of(W), contracted(Provenance.of(inner), each, (SQUARE,)), (WIDTH,)) for each in (x, y)
    )
    kinds = [[part.kind for part in summations(ones, each, (SQUARE,))] for each in (others, ones)]
    assert kinds == [[Alignment.INDEPENDENT, Alignment.DILUTED], [Alignment.ALIGNED]]


GATED = {
    "what does not know y": ("x", "y", "x", "1/2"),
    "what knows y by a walk": ("x", "V y", "x", "1/2"),
    "what knows y": ("x", "y", "y", "1"),
    "the other way round": ("y", "y", "x", "1/2"),
}
"""The sum over i of relu(W g)_i (W u)_i (W v)_i: what W meets in each of the three, and the exponent."""


@pytest.mark.parametrize("stack", [(), (axis("expert"),)], ids=["a matrix", "a stack of matrices"])
@pytest.mark.parametrize(("gate", "left", "right", "exponent"), GATED.values(), ids=GATED)
def test_a_factor_that_is_odd_alone_makes_a_walk_whatever_stands_beside_it(
    gate: str, left: str, right: str, exponent: str, stack: tuple[Axis, ...]
) -> None:
    """relu(W x) is neither odd nor even in W; times W y, it changes its sign with W y alone."""
    n, inner, m, r = axis("width", 1), axis("inner", 1), axis("out", 1), axis("r")
    w, y = parameter("W", *stack, m, n, init="-1/2"), parameter("y", n, init="0")
    met = {
        "x": parameter("x", n, init="0"),
        "y": y,
        "V y": parameter("V", n, inner, init="-1/2") @ parameter("z", inner, init="0"),
    }
    terms = relu(contract(w, met[gate], n)) * contract(w, met[left], n)
    total = named("s", contract(terms, contract(w, met[right], n), m))
    found = exponents(Problem("gated", named("f", total * parameter("b", r, init="0", rate="-1"))), steps=1)
    assert str(found[1].sizes["s"]) == exponent


@pytest.mark.parametrize(
    ("one", "other", "exponent"), [("xx", "xy", "1/2"), ("yy", "xy", "1/2"), ("xy", "xy", "1"), ("xx", "yy", "1")]
)
def test_a_product_is_odd_in_each_of_its_factors_alone(one: str, other: str, exponent: str) -> None:
    """The sum over i of (W x)_i (W x)_i times (W x)_i (W y)_i: 3 |x|^2 x . y / n^2 of n terms, and a walk."""
    n, m, r = axis("width", 1), axis("out", 1), axis("r")
    w = parameter("W", m, n, init="-1/2")
    seen = {name: w @ parameter(name, n, init="0") for name in "xy"}
    left, right = (seen[first] * seen[second] for first, second in (one, other))
    total = named("s", contract(left, right, m))
    found = exponents(Problem("squares", named("f", total * parameter("b", r, init="0", rate="-1"))), steps=1)
    assert str(found[1].sizes["s"]) == exponent


def test_a_factor_that_is_odd_alone_in_numbers() -> None:
    draw, sums = np.random.default_rng(5), {}
    for n in (2**5, 2**10):
        w = draw.standard_normal((40, n, n)) / np.sqrt(n)
        seen = {name: np.einsum("sij,sj->si", w, draw.standard_normal((40, n))) for name in "xy"}
        terms = [
            np.maximum(seen[gate], 0) * seen[left] * seen[right]
            for gate, left, right, _ in GATED.values()
            if "V y" not in (gate, left, right)
        ]
        sums[n] = np.sqrt([np.mean(np.sum(each, axis=1) ** 2) for each in terms])
    expected = [float(Fraction(each)) for *met, each in GATED.values() if "V y" not in met]
    assert np.allclose(np.log2(sums[2**10] / sums[2**5]) / 5, expected, atol=0.15)


def test_a_share_of_a_normalised_step_is_even_in_each_other_part_of_the_gradient() -> None:
    """Of W, which o W^T W h has in its gradient along h and along v = W^T o: the square of a first step has no mean.

    (dW h)_i is odd in (W v)_i and even in (W h)_i, (dW v)_i the other way round, and v . h is a walk. What the second
    step meets, W + dW, has both parts along h: its square has one.
    """
    n, m, out, batch = axis("n", 1), axis("m", 1), axis("out"), axis("batch")
    w = parameter("W", m, n, init="-1/2", rate="-1/2")
    tall = parameter("O", out, n, init="-1/2") @ contract(w, w @ data("h", n, batch), m)
    found = exponents(Problem("two vectors", named("f", tall), optimizer="sign"), steps=2)
    assert [str(found[t].sizes["Delta_f"]) for t in (1, 2)] == ["1", "3/2"]


def test_a_share_of_a_normalised_step_in_numbers() -> None:
    draw, squares = np.random.default_rng(3), {}
    for n in (2**6, 2**9):
        w, h = draw.standard_normal((20, n, n)) / np.sqrt(n), draw.standard_normal((20, n, 2))
        v = draw.standard_normal((20, n, 2)) / np.sqrt(n)
        step = np.sign(w @ h @ v.swapaxes(1, 2) + w @ v @ h.swapaxes(1, 2)) / np.sqrt(n)
        squares[n] = np.sqrt(np.mean((v.swapaxes(1, 2) @ step.swapaxes(1, 2) @ step @ h) ** 2))
    assert abs(np.log2(squares[2**9] / squares[2**6]) / 3 - 1) < 0.2


@pytest.mark.parametrize("stack", [(), (axis("expert"),)], ids=["a matrix", "a stack of matrices"])
def test_a_slice_of_a_stack_meets_itself_as_a_matrix_does(stack: tuple[Axis, ...]) -> None:
    """W_2 against W_1, which has moved along sign(W_2^T dZ): slice by slice, as for one matrix."""
    n, h, m, batch = axis("n", 1), axis("h", 1), axis("m", 1), axis("batch")
    inner = parameter("W_1", *stack, h, n, init="-1/2", rate="-1") @ data("Z", n, batch)
    output = named("y", contract(parameter("W_2", *stack, m, h, init="-1/2"), inner, h))
    found = exponents(Problem("stack", output, optimizer="sign"), steps=3)
    assert {(str(found[t].sizes["y"]), str(found[t].sizes["Delta_y"])) for t in (1, 2, 3)} == {("0", "0")}


def test_a_stack_of_matrices_in_numbers() -> None:
    draw, sizes = np.random.default_rng(7), {}
    for n in (2**5, 2**10):
        outer, gradient = draw.standard_normal((3, n, n)) / np.sqrt(n), draw.standard_normal((3, n))
        step = np.sign(np.einsum("emh,em->eh", outer, gradient))  # of W_1 Z, at a rate 1/n and Z of ones
        sizes[n] = np.sqrt(np.mean(np.einsum("emh,eh->em", outer, step) ** 2))
    assert abs(np.log2(sizes[2**10] / sizes[2**5]) / 5) < 0.15


@pytest.mark.parametrize(("is_open", "kind"), [(True, "aligned"), (False, "independent")])
def test_at_a_point_a_part_of_which_it_is_open_what_it_met_makes_a_walk(is_open: bool, kind: str) -> None:
    """What is known to be there, of parts any of which may lead, is odd in W, and has seen nothing."""
    product = contracted(Provenance.of(Random("W", (SQUARE, WIDTH), is_open=is_open)), DATA, (WIDTH,))
    (part,) = summations(product, replace(product, seen=frozenset(), alone=frozenset()), (SQUARE,))
    (known,) = summations(product, product, (SQUARE,))
    assert (part.kind.value, known.kind.value) == (kind, "aligned")


def test_an_even_function_of_what_was_seen_brings_nothing_back() -> None:
    seen = seen_through(W, SQUARE)
    (part,) = summations(Provenance.of(W), seen.multiplied(seen), (WIDTH,))
    assert part.kind is Alignment.INDEPENDENT


def test_a_contraction_rule_refuses_another_kind_of_sum() -> None:
    component = Component(Size.exactly(Exponent.of(0)), DATA)
    with pytest.raises(ValueError, match="aligned, not independent"):
        claimed = Summation(Alignment.INDEPENDENT, (WIDTH,), Affine.of(Fraction(1, 2)), DATA)
        CONTRACTIONS[Alignment.INDEPENDENT].conclude(component, component, claimed, CALCULUS)


def test_an_application_cannot_lie() -> None:
    run = trajectory(lora_module(scheme("-1/2", "zero", "eta", "eta")), 2)
    for application in run.applications:
        Application(application.rule, application.subject, application.premises, application.conclusion)
    contraction = next(each for each in run.applications if each.rule is CONTRACTIONS[Alignment.ALIGNED])
    (component,) = contraction.conclusion
    wrong = (Component(Size.exactly(component.size.upper + 1), component.provenance),)
    with pytest.raises(ValueError, match="does not conclude"):
        Application(contraction.rule, contraction.subject, contraction.premises, wrong)


def test_normalised_step_keeps_the_leading_parity_and_dilutes_the_other() -> None:
    odd = seen_through(V, WIDTH)
    other = seen_through(Random("U", (SQUARE, RANK)), SQUARE)
    gradient = (
        Component(Size.exactly(parsed_exponent("1/2")), odd),
        Component(Size.exactly(parsed_exponent("1/4")), other),
    )
    found = normalised_step(SIGN, has_parities=True).conclude(parsed_exponent("eta"), gradient)
    assert [str(each.size) for each in found] == ["eta", "eta - 1/4"]


def test_normalised_step_bounds_a_parity_whose_rank_is_open() -> None:
    odd = seen_through(V, WIDTH)
    other = seen_through(Random("U", (SQUARE, RANK)), SQUARE)
    gradient = (
        Component(Size.exactly(parsed_exponent("x")), odd),
        Component(Size.exactly(parsed_exponent("y")), other),
    )
    found = normalised_step(SIGN, has_parities=True).conclude(parsed_exponent("eta"), gradient)
    assert [str(each.size) for each in found] == ["<= eta", "<= eta"]
    assert all(each.size.lower == VANISHING for each in found)


@pytest.mark.parametrize("value", ["1/3", "3/2", "0"])
def test_policy_refuses_an_alignment_that_no_sum_has(value: str) -> None:
    with pytest.raises(BadInput, match="1/2 to 1"):
        Policy(((Alignment.ALIGNED, Affine.of(Fraction(value))),))


def test_policy_sets_an_alignment_exponent_free() -> None:
    policy = Policy(((Alignment.ALIGNED, Affine.symbol("alpha")),))
    program = lora_module(scheme("-1/2", "zero", "eta", "eta"))
    run = trajectory(program, 3, EVERYWHERE, policy)
    assert str(run.last.sizes["Z_A"]) == "max(0, alpha + eta)"
    with pytest.raises(BadInput, match="product of two free exponents"):
        policy.gain(*summations(seen_through(V, WIDTH), seen_through(V, WIDTH), (RANK,)))


def test_flips_along_a_summed_axis_are_lost() -> None:
    left = seen_through(V, WIDTH)
    assert left.odd == frozenset({Flip(V, RANK, RANK)})
    assert left.seen == frozenset({Sight(Entries(V, ((RANK, RANK),)), frozenset((DATA,)))})


ONE, OTHER = Flip(V, RANK, RANK), Flip(V, WIDTH, WIDTH)


def seeing(size: str, *tensors: Random, made: tuple[str, ...] = ()) -> Component:
    """A component that is odd under one flip and has seen some tensors."""
    seen = frozenset(Sight(Entries(tensor, ((RANK, RANK),)), frozenset((DATA,))) for tensor in tensors)
    provenance = Provenance(odd=frozenset((ONE,)), seen=seen, made=made)
    return Component(Size.exactly(parsed_exponent(size)), provenance)


@pytest.mark.parametrize(
    ("given", "left"),
    [
        pytest.param([("0", W), ("0", V)], [("0", {V, W})], id="of one size: together"),
        pytest.param([("0", W), ("-1", W)], [("0", {W})], id="having seen the same: the larger"),
        pytest.param([("0", W), ("-1", V)], [("0", {W}), ("-1", {V})], id="a smaller one that has seen more: apart"),
        pytest.param([("0", W, V), ("-1", V)], [("0", {V, W})], id="a smaller one that has seen less: left out"),
        pytest.param([("x", W), ("y", V)], [("x", {W}), ("y", {V})], id="which is larger is open: apart"),
    ],
)
def test_components_of_one_parity_are_one_only_where_no_later_sum_can_tell(
    given: list[tuple[str, Random]], left: list[tuple[str, set[Random]]]
) -> None:
    """What a smaller part alone has seen comes back at the smaller size."""
    found = gathered(seeing(size, *tensors) for size, *tensors in given)
    assert [(str(each.size), {sight.tensor for sight in each.provenance.seen}) for each in found] == left


def test_of_many_components_of_one_parity_the_smaller_leave_a_bound() -> None:
    """The largest stay as they are; of the others one bound is left, which has seen what any has."""
    others = [Random(name, (RANK, WIDTH)) for name in "abcd"]
    first, second, bound = gathered(seeing(str(-place), V, tensor) for place, tensor in enumerate(others))
    found = [(str(each.size), {sight.tensor for sight in each.provenance.seen}) for each in (first, second, bound)]
    assert found == [("0", {V, others[0]}), ("-1", {V, others[1]}), ("<= -2", {V, *others[2:]})]
    assert bound.size.lower.is_vanishing
    assert [*gathered((first, second, bound))] == [first, second, bound]


def test_more_components_of_one_parity_stay_apart_where_a_run_asks_for_it() -> None:
    """As many as the tensors say that they have seen; of one more a bound is left."""
    others = [Random(name, (RANK, WIDTH), apart=6) for name in "abcdefg"]
    components = [seeing(str(-place), tensor) for place, tensor in enumerate(others)]
    assert [*gathered(components[:6])] == components[:6]
    *kept, bound = gathered(components)
    assert kept == components[:5] and bound.size.lower.is_vanishing


def test_of_several_components_one_that_a_bound_hides_is_left_out_unless_it_is_the_largest() -> None:
    others = [Random(name, (RANK, WIDTH)) for name in "abc"]
    first, second = seeing("0", V), seeing("-1", V, others[0])
    hiding, low = (
        Component(Size(VANISHING, Exponent.of(size)), seeing("0", V, *others).provenance) for size in (-1, -2)
    )
    assert [*gathered((first, second, hiding))] == [first, hiding]
    assert [*gathered((first, second, low))] == [first, second, low]
    assert [*gathered((second, hiding))] == [second, hiding]


def test_of_many_components_of_which_any_may_be_the_largest_bounds_are_left() -> None:
    """At the size of the whole there is what all have seen, and at most what any has seen."""
    others = [Random(name, (RANK, WIDTH)) for name in "abcd"]
    sure, possible = gathered(seeing(name, V, tensor) for name, tensor in zip("pqrs", others, strict=True))
    assert str(sure.size) == "max(p, q, r, s)" and {sight.tensor for sight in sure.provenance.seen} == {V}
    assert str(possible.size) == "<= max(p, q, r, s)"
    assert {sight.tensor for sight in possible.provenance.seen} == {V, *others}


def test_components_that_are_made_from_different_things_stay_apart() -> None:
    made = [seeing("0", W, made=("x0",)), seeing("0", W, made=("x1",))]
    assert [*gathered(made)] == made


def test_a_softmax_of_a_fixed_number_of_logits_is_of_size_one_however_large_they_are() -> None:
    growing = (Component(Size.exactly(parsed_exponent("1/2")), DATA),)
    for over, size, is_exact in ((FIXED, "0", True), (WIDTH, "0", False)):
        (found,) = {each.size for each in SOFTMAX.conclude(uniform(over), growing)}
        assert (str(found.upper), found.is_exact) == (size, is_exact)
    assert not any(each.size.is_exact for each in SOFTMAX_CHANGE.conclude(uniform(FIXED), growing, growing))


def test_one_over_what_is_only_bounded_from_above_is_unknown() -> None:
    bounded = (Component(Size(VANISHING, parsed_exponent("1/2")), DATA),)
    with pytest.raises(Unknown, match="only bounded from above"):
        INVERSE_RMS.conclude(bounded, WIDTH, CALCULUS)


def test_one_over_a_sum_is_between_one_over_the_bound_and_one_over_a_part_that_is_there() -> None:
    """A part of n^0 and one of at most n^(3/2), of which it is open whether it is there: n^(-3/2) to n^0."""
    part, most = seeing("0", V), seeing("3/2", W)
    bound = replace(most, size=Size(VANISHING, most.size.upper))
    found = INVERSE_RMS.conclude((part, bound), WIDTH, CALCULUS)
    assert Size.largest(each.size for each in found) == Size(Exponent.of(Fraction(-3, 2)), Exponent.of(0))


def test_what_is_made_beside_a_bound_has_met_it_only_as_a_bound() -> None:
    """phi(u + v) with v of at most n^0: what there is of u knows nothing of v, and what knows of it may be absent."""
    part, most = seeing("0", V), seeing("0", W)
    bound = replace(most, size=Size(VANISHING, most.size.upper))
    found = HOMOGENEOUS.conclude((part, bound))
    there = [each for each in found if each.size.is_exact]
    assert [each.provenance.seen for each in there] == [part.provenance.seen]
    assert {sight.tensor for each in found for sight in each.provenance.seen} == {V, W}


def test_a_power_knows_of_a_small_part_as_far_as_that_is_there() -> None:
    """(1 + c)^3 - 1 is 3 c: what has seen W at n^(-3) has not seen it at n^0."""
    leading = Component(Size.exactly(Exponent.of(0)), DATA)
    small = Component(Size.exactly(Exponent.of(-3)), seen_through(V, WIDTH))
    cube = POWER.conclude((leading, small), Fraction(3))
    assert Size.largest(each.size for each in cube) == Size.exactly(Exponent.of(0))
    assert [str(each.size) for each in cube if each.provenance.seen] == ["-3"]


def test_a_norm_of_heads_knows_of_a_small_part_as_far_as_that_is_there() -> None:
    """Over a head of fixed size: what has seen W at n^(-3) has not seen it at n^0, nor at more than it changes."""
    leading = Component(Size.exactly(Exponent.of(0)), DATA)
    small = Component(Size.exactly(Exponent.of(-3)), seen_through(V, WIDTH))
    whole = INVERSE_RMS.conclude((leading, small), FIXED, CALCULUS)
    assert Size.largest(each.size for each in whole) == Size.exactly(Exponent.of(0))
    less = replace(small, size=Size.exactly(Exponent.of(-4)), provenance=seen_through(W, WIDTH))
    change = INVERSE_RMS_CHANGE.conclude((leading,), (small, less), FIXED, CALCULUS)
    for term, tensor, size in ((whole, V, "-3"), (change, V, "-3"), (change, W, "-4")):
        found = [each.size for each in term if any(sight.tensor is tensor for sight in each.provenance.seen)]
        assert str(Size.largest(found)) == size


ONE_PART = (Component(Size.exactly(Exponent.of(0)), seen_through(V, WIDTH)),)
SIGNS = {
    "relu": (HOMOGENEOUS.conclude(ONE_PART), 0, 1),
    "tanh": (SATURATING.conclude(ONE_PART), 1, 0),
    "its slope": (SATURATING_SLOPE.conclude(ONE_PART), 0, 0),
    "a square": (POWER.conclude(ONE_PART, Fraction(2)), 0, 0),
    "a cube": (POWER.conclude(ONE_PART, Fraction(3)), 1, 0),
    "a root": (POWER.conclude(ONE_PART, Fraction(1, 2)), 0, 1),
}


@pytest.mark.parametrize(("found", "odd", "mixed"), SIGNS.values(), ids=SIGNS)
def test_what_a_map_does_with_the_sign_of_its_argument(found: Term, odd: int, mixed: int) -> None:
    (provenance,) = (each.provenance for each in found)
    assert (len(provenance.odd), len(provenance.mixed)) == (odd, mixed)


@pytest.mark.parametrize(("rule", "signs"), [(SATURATING, (0, 1)), (SATURATING_SLOPE, (1, 1))], ids=["tanh", "slope"])
def test_what_a_small_part_makes_of_an_odd_map(rule: Rule, signs: tuple[int, int]) -> None:
    """tanh(c + d) - tanh(c) = tanh'(c) d: even in c, odd in d. That of tanh' is tanh''(c) d: odd in both."""
    small = Component(Size.exactly(Exponent.of(-1)), seen_through(Random("U", (SQUARE, RANK)), SQUARE))
    made = next(each for each in rule.conclude((*ONE_PART, small)) if each.size == small.size)
    names = [flip.tensor.name for flip in made.provenance.odd]
    assert (names.count("V"), names.count("U")) == signs and not made.provenance.mixed


def test_an_odd_map_of_parts_of_two_signs_has_one_only_where_both_have_it() -> None:
    """tanh(x + y) changes its sign under a flip that changes x and y; under one of x alone it changes either way."""
    other = replace(ONE_PART[0], provenance=DATA)
    assert {len(each.provenance.odd) for each in SATURATING.conclude((*ONE_PART, other))} == {0}
    twice = replace(ONE_PART[0], provenance=ONE_PART[0].provenance.multiplied(seen_through(W, SQUARE)))
    found = SATURATING.conclude((*ONE_PART, twice))
    assert {tuple(flip.tensor.name for flip in each.provenance.odd) for each in found} == {("V",)}


# eta, readout: the output after steps 1 and 2
MAGNITUDES = [("-5/4", "-1/2", "1/4 1/4"), ("-3/4", "-1/2", "1/2 3/4"), ("-1/2", "-1/2", "1/2 1"), ("0", "-1", "1/2 1")]


@pytest.mark.parametrize(("eta", "readout", "sizes"), MAGNITUDES)
def test_an_absolute_value_is_even(eta: str, readout: str, sizes: str) -> None:
    """Of o . |W x| a first step makes |dW x|, which knows nothing of the sign of o; what it adds to W x does.

    Measured under Adam over widths 64 to 1024: 0.49 at -3/4 with W x as large as it, 0.48 and 0.53 at -1/2, 0.48 and
    0.55 at 0 with a readout of n^-1.
    """
    n, m = axis("n", 1), axis("m", 1)
    weight = parameter("W", m, n, init="-1/2", rate="eta")
    value = parameter("o", m, init=readout) @ absolute(weight @ data("x", n))
    run = exponents(Problem("magnitude", named("f", value)), optimizer="sign", at={"eta": eta}).steps
    assert " ".join(str(step.sizes["f"]) for step in run[:2]) == sizes


def of_width(make: Callable[[Expression, Callable[..., Expression]], Expression]) -> Problem:
    """A number that a function makes of features x, of an adapter, and of random matrices by name."""
    n, m, r, batch = axis("n", 1), axis("m", 1), axis("r"), axis("batch")

    def feature(name: str, value: Expression, *, is_turned: bool = False) -> Expression:
        weight = parameter(name, m, n, init="-1/2")
        return contract(weight, renamed(value, n, m), m) if is_turned else renamed(contract(weight, value, n), m, n)

    z = data("z", n, batch)
    adapter = contract(parameter("A", r, n, init="-1/2"), z, n)
    x = feature("W", z) + renamed(contract(parameter("B", m, r, init="zero", rate="-1/2"), adapter, r), m, n)
    return Problem("of-width", named("f", x * named("q", mean(make(rms_norm(x, n), feature), n))))


NUMBERS = {
    "tanh": (
        of_width(lambda x, of: tanh(of("P", x)) * tanh(of("Q", x))),
        lambda x, p, q: np.tanh(p @ x) * np.tanh(q @ x),
        "-1/2",
    ),
    "relu": (
        of_width(lambda x, of: relu(of("P", x)) * relu(of("Q", x))),
        lambda x, p, q: np.maximum(p @ x, 0) * np.maximum(q @ x, 0),
        "0",
    ),
    "a square against its root": (
        of_width(lambda x, of: power(of("P", x), 2) * of("P", x)),
        lambda x, p, q: (p @ x) ** 3,
        "-1/2",
    ),
    "the rows of a square matrix, which are not its columns": (
        of_width(lambda x, of: x * of("P", relu(of("P", x)) * of("P", of("Q", x), is_turned=True))),
        lambda x, p, q: x * (p @ (np.maximum(p @ x, 0) * (p.T @ q @ x))),
        "-1/2",
    ),
    "products of what one matrix makes of two vectors": (
        of_width(lambda x, of: of("P", x) * of("P", of("Q", x))),
        lambda x, p, q: (p @ x) * (p @ q @ x),
        "-1/2",
    ),
    "products of odd maps of them": (
        of_width(lambda x, of: tanh(of("P", x)) * tanh(of("P", of("Q", x)))),
        lambda x, p, q: np.tanh(p @ x) * np.tanh(p @ q @ x),
        "-1/2",
    ),
    "products of a map of one with the other": (
        of_width(lambda x, of: relu(of("P", x)) * of("P", of("Q", x))),
        lambda x, p, q: np.maximum(p @ x, 0) * (p @ q @ x),
        "-1/2",
    ),
    "the same beside a map of its columns": (
        of_width(lambda x, of: of("P", x) * of("P", of("Q", x)) * relu(of("P", x, is_turned=True))),
        lambda x, p, q: (p @ x) * (p @ q @ x) * np.maximum(p.T @ x, 0),
        "-1/2",
    ),
    "products of maps of them that have means": (
        of_width(lambda x, of: relu(of("P", x)) * relu(of("P", of("Q", x)))),
        lambda x, p, q: np.maximum(p @ x, 0) * np.maximum(p @ q @ x, 0),
        "0",
    ),
    "a cube against its root": (
        of_width(lambda x, of: power(of("P", x), 3) * of("P", x)),
        lambda x, p, q: (p @ x) ** 4,
        "0",
    ),
}


def slope(number: Callable[[np.random.Generator, int], float], widths: tuple[int, int], *, seed: int) -> float:
    """The slope, between two widths, of the root mean square of a number that is drawn sixty times."""
    draw = np.random.default_rng(seed)
    least, most = (np.mean([number(draw, width) ** 2 for _ in range(60)]) for width in widths)
    return float(np.log2(most / least) / 2 / np.log2(widths[1] / widths[0]))


@pytest.mark.parametrize(("problem", "number", "expected"), NUMBERS.values(), ids=NUMBERS)
def test_sums_of_odd_and_of_even_maps_in_numbers(problem: Problem, number: Callable[..., Array], expected: str) -> None:
    def drawn(draw: np.random.Generator, n: int) -> float:
        return np.mean(number(draw.standard_normal(n), *draw.standard_normal((2, n, n)) / np.sqrt(n)))

    assert abs(slope(drawn, (2**5, 2**9), seed=3) - float(Fraction(expected))) < 0.2
    assert str(exponents(problem, steps=1)[1].sizes["q"]) == expected


def by_chance(make: Callable[[Callable[..., Expression], Expression, Expression, Axis], Expression]) -> Problem:
    """A number s that a function makes of what one frozen matrix makes of x and of V x, along its rows."""
    n, m, r = axis("n", 1), axis("m", 1), axis("r")
    w, v, x = parameter("W", m, n, init="-1/2"), parameter("V", m, n, init="-1/2"), data("x", n)
    met, seen = (
        named("s", make(lambda each: w @ each, x, renamed(v @ x, m, n), m)),
        parameter("b", r, rate="-1", init="0"),
    )
    return Problem("by-chance", named("f", met * seen))


BY_CHANCE = {
    "against what has not seen it": (
        by_chance(lambda of, x, y, m: contract(data("o", m), relu(of(x)) * of(y), m)),
        lambda w, x, y: np.sum(np.maximum(w @ x, 0) * (w @ y)),
    ),
    "as a mean": (
        by_chance(lambda of, x, y, m: contract(Ones.along(m), of(x) * of(y), m)),
        lambda w, x, y: np.sum((w @ x) * (w @ y)),
    ),
    "where its rows have another name": (
        by_chance(lambda of, x, y, m: contract(*(renamed(of(each), m, axis("k", 1)) for each in (x, y)), axis("k", 1))),
        lambda w, x, y: np.sum((w @ x) * (w @ y)),
    ),
}
"""Sums in which (W x)_i and (W V x)_i are aligned by chance only: n^(1/2), and not n^1."""


@pytest.mark.parametrize(("problem", "number"), BY_CHANCE.values(), ids=BY_CHANCE)
def test_what_one_matrix_makes_of_two_vectors_is_aligned_by_chance_in_numbers(
    problem: Problem, number: Callable[..., float]
) -> None:
    def drawn(draw: np.random.Generator, n: int) -> float:
        (w, v), x = draw.standard_normal((2, n, n)) / np.sqrt(n), draw.standard_normal(n)
        return number(w, x, v @ x)

    assert abs(slope(drawn, (2**5, 2**9), seed=3) - 1 / 2) < 0.2
    assert str(exponents(problem, steps=1)[1].sizes["s"]) == "1/2"


SMALL_PARTS = {
    "relu": (relu, lambda v: np.maximum(v, 0), ("-1/4", "-1/4"), "1/2"),
    "relu, of two sizes": (relu, lambda v: np.maximum(v, 0), ("-1/8", "-1/4"), "5/8"),
    "tanh": (tanh, np.tanh, ("-1/8", "-1/8"), "1/2"),
    "a square": (lambda v: power(v, 2), np.square, ("-1/8", "-1/8"), "3/4"),
}


@pytest.mark.parametrize(("function", "number", "small", "expected"), SMALL_PARTS.values(), ids=SMALL_PARTS)
def test_small_parts_of_a_map_meet_their_product_to_second_order_in_numbers(
    function: Callable[[Expression], Expression], number: Callable[..., Array], small: tuple[str, str], expected: str
) -> None:
    """phi(P x + s Q x + t R x) against (Q z) (R z): aligned is phi'' s t (Q x) (R x), if phi'' is not odd in P x."""
    n, m, (second, third) = axis("n", 1), axis("m", 1), small
    x, z, (p, q, r) = data("x", n), data("z", n), (parameter(name, m, n, init="-1/2") for name in "PQR")
    features = function(p @ x + scaled("s", second, q @ x) + scaled("t", third, r @ x))
    met = named("met", contract(features, (q @ z) * (r @ z), m))
    moved = contract(parameter("a", m, init="0", rate="0"), features, m)
    found = exponents(Problem("parts", named("f", moved + stop_gradient(met))), steps=1)
    assert str(found[1].sizes["met"]) == expected

    def drawn(draw: np.random.Generator, width: int) -> float:
        first, one, other = draw.standard_normal((3, width))  # as P x is; Q x and Q z know of each other
        beside = [part + draw.standard_normal(width) / 2 for part in (one, other)]
        whole = first + width ** float(Fraction(second)) * one + width ** float(Fraction(third)) * other
        return np.sum(number(whole) * beside[0] * beside[1])

    assert abs(slope(drawn, (2**8, 2**18), seed=1) - float(Fraction(expected))) < 0.1


@pytest.mark.parametrize(("small", "expected"), [(("-1/8", "-1/8"), "3/4"), (("-1/8", "-1/4"), "5/8")])
def test_small_parts_of_logits_meet_their_product_in_numbers(small: tuple[str, str], expected: str) -> None:
    """A softmax of s Q x + t R x against (Q z) (R z): aligned is what is s t (Q x) (R x), whichever is larger."""
    n, m, token, (second, third) = axis("n", 1), axis("m", 1), axis("token"), small
    x, z, (q, r) = data("x", n, token), data("z", n), (parameter(name, m, n, init="-1/2") for name in "QR")
    logits = scaled("s", second, contract(q, x, n)) + scaled("t", third, contract(r, x, n))
    features = contract(softmax(logits, token), data("v", token), token)
    met = named("met", contract(features, (q @ z) * (r @ z), m))
    moved = contract(parameter("a", m, init="0", rate="0"), features, m)
    found = exponents(Problem("heads", named("f", moved + stop_gradient(met))), steps=1)
    assert str(found[1].sizes["met"]) == expected

    def drawn(draw: np.random.Generator, width: int) -> float:
        parts = draw.standard_normal((2, width, 8))  # as Q x and R x are; Q x and Q z know of each other
        beside = parts[..., 0] + draw.standard_normal((2, width)) / 4
        whole = sum(width ** float(Fraction(size)) * part for size, part in zip(small, parts, strict=True))
        share = np.exp(whole[:, 0]) / np.exp(whole).sum(axis=1)
        return np.sum(share * beside[0] * beside[1])

    assert abs(slope(drawn, (2**10, 2**16), seed=1) - float(Fraction(expected))) < 0.1


def test_what_a_step_changes_of_an_odd_map_has_no_mean_to_second_order_in_numbers() -> None:
    """tanh(c + d) - tanh(c) = tanh'(c) d + tanh''(c) d^2 / 2, odd in d and then in c: its mean is a random walk."""
    n, m = axis("n", 1), axis("m", 1)
    features = tanh(parameter("W", m, n, init="-1/2", rate="-9/8") @ data("x", n))
    output = contract(parameter("v", m, init="-1/2"), features, m)
    subject = Problem("odd", named("f", output + stop_gradient(named("q", mean(features, m)))), optimizer="sign")
    assert str(exponents(subject, steps=1)[1].sizes["Delta_q"]) == "-5/8"

    def drawn(draw: np.random.Generator, width: int) -> float:
        before, sign = draw.standard_normal((2, width))
        return np.mean(np.tanh(before + width ** (-1 / 8) * np.sign(sign)) - np.tanh(before))

    assert abs(slope(drawn, (2**8, 2**16), seed=4) + 5 / 8) < 0.1


def test_of_what_was_there_nothing_is_left_in_a_tanh_that_grows_in_numbers() -> None:
    """tanh(x + a), a of n^(1/2) along the signs of w: against y, which knows x alone, it sums to a random walk."""
    n = axis("n", 1)
    y, w = data("y", n), parameter("w", n, init="0")
    features = named("h", tanh(data("x", n) + parameter("a", n, init="zero", rate="1/2")))
    met, output = named("met", contract(y, features, n)), contract(w, features, n)
    found = exponents(Problem("saturated", named("f", output + stop_gradient(met)), optimizer="sign"), steps=1)
    sizes = found[1].sizes
    assert {name: str(sizes[name]) for name in ("a", "h", "f", "Delta_h")} == {
        "a": "1/2",
        "h": "0",
        "f": "1",
        "Delta_h": "0",
    }
    assert (str(sizes["met"].lower), str(sizes["met"].upper)) == ("1/2", "1")

    def drawn(draw: np.random.Generator, width: int) -> float:
        shared, x, other = draw.standard_normal((3, width))
        step = np.sqrt(width) * np.sign(draw.standard_normal(width))
        return np.sum((shared + other) * np.tanh(shared + x - step))

    assert abs(slope(drawn, (2**8, 2**16), seed=5) - 1 / 2) < 0.1


def test_the_slope_of_a_softmax_may_vanish_where_its_logits_grow_in_numbers() -> None:
    """Of a fixed number of logits one is all: its share is 1, and what descent changes of the logits vanishes."""
    n, m, token = axis("n", 1), axis("m", 1), axis("token")
    trained, keys = parameter("Q", m, n, init="-1/2", rate="-2"), parameter("K", m, n, init="-1/2")
    logits = named("logits", contract(trained @ data("x", n), keys @ data("z", n, token), m))
    shares = named("shares", softmax(logits, token))
    subject = Problem("attention", named("f", contract(shares, data("v", token), token)), optimizer="sgd")
    sizes = exponents(subject, steps=1)[1].sizes
    assert {name: str(sizes[name]) for name in ("logits", "shares", "f")} == {"logits": "1/2", "shares": "0", "f": "0"}
    assert (str(sizes["Delta_logits"]), sizes["Delta_logits"].is_exact) == ("<= 0", False)
    normalised = exponents(replace(subject, optimizer="sign"), steps=1)[1].sizes
    assert (str(normalised["Delta_logits"]), normalised["Delta_logits"].is_exact) == ("0", True)

    draw, slopes = np.random.default_rng(2), []
    for width in (2**4, 2**12):
        values, each = draw.standard_normal(3), np.sqrt(width) * draw.standard_normal((200, 3))
        share = np.exp(each - each.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        slopes.append(np.median(np.abs(share * (values - (share @ values)[:, None])).max(axis=1)))
    assert slopes[1] < 1e-6 * slopes[0]


@pytest.mark.parametrize(("size", "expected"), [("-3/4", "-1/2"), ("-1", "-1"), ("-1/2", "0")])
def test_of_what_vanishes_a_silu_is_a_line_and_a_parabola_in_numbers(size: str, expected: str) -> None:
    """The mean of silu(W x): of W x itself it is a random walk, of (W x)^2 it is not. A silu of size 1 has a mean."""
    n, m = axis("n", 1), axis("m", 1)
    features = silu(parameter("W", m, n, init=size) @ data("x", n))
    moved = contract(parameter("a", m, init="0", rate="0"), features, m)
    subject = Problem("silu", named("f", moved + stop_gradient(named("q", mean(features, m)))))
    assert str(exponents(subject, steps=1)[1].sizes["q"]) == expected

    def drawn(draw: np.random.Generator, width: int) -> float:
        return np.mean(sigmoid_linear(width ** (float(Fraction(size)) + 1 / 2) * draw.standard_normal(width)))

    assert abs(slope(drawn, (2**10, 2**18), seed=6) - float(Fraction(expected))) < 0.1


def sigmoid_linear(values: Array) -> Array:
    """v sigmoid(v)."""
    return values / (1 + np.exp(-values))


def test_what_a_step_changes_of_a_silu_of_what_vanishes_in_numbers() -> None:
    """silu(c + d) - silu(c) = d / 2 + (2 c d + d^2) / 4: c and d are odd in W and in v, so only d^2 has a mean."""
    n, m = axis("n", 1), axis("m", 1)
    features = silu(parameter("W", m, n, init="-1", rate="-9/8") @ data("x", n))
    output = contract(parameter("v", m, init="-1/2"), features, m)
    subject = Problem("silu", named("f", output + stop_gradient(named("q", mean(features, m)))), optimizer="sign")
    assert str(exponents(subject, steps=1)[1].sizes["Delta_q"]) == "-1/4"

    def drawn(draw: np.random.Generator, width: int) -> float:
        before, sign = draw.standard_normal((2, width))
        before *= width ** (-1 / 2)
        return np.mean(sigmoid_linear(before + width ** (-1 / 8) * np.sign(sign)) - sigmoid_linear(before))

    assert abs(slope(drawn, (2**10, 2**18), seed=8) + 1 / 4) < 0.1


def test_a_flip_that_changes_two_parts_changes_a_function_of_both() -> None:
    """Of (x + y)^3 it is open which part leads; were it even under a flip of both, it would be as large as its mean."""
    flip = Flip(V, WIDTH, WIDTH)
    parts = (Component(Size.exactly(parsed_exponent(each)), Provenance(odd=frozenset((flip,)))) for each in "cd")
    (cube,) = POWER.conclude(tuple(parts), Fraction(3))
    assert str(cube.size) == "max(3*c, 3*d)" and cube.provenance.mixed == {flip}


def test_a_mean_square_is_as_large_as_the_squares_whatever_is_known_of_the_sign() -> None:
    """Odd in W, of which it is not known what W met: a sum of two such parts may cancel, one of squares never."""
    tensor = Random("W", (SQUARE, WIDTH), is_open=False)
    odd = Provenance(odd=frozenset((Flip(tensor, SQUARE, WIDTH),)))
    part = Component(Size.exactly(Exponent.of(0)), odd)
    assert is_centred(odd, odd, WIDTH)
    assert total(INVERSE_RMS.conclude((part,), WIDTH, CALCULUS)) == Size.exactly(Exponent.of(0))

"""The compiled loops against their plain twin and autograd, and what no batch, padding or machine may change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import pytest
import torch

from benchmarks.adapter_step import AGREEMENT, Case, disagreement, timed
from gamma_calc.program.optimizers import Moments, Raw
from gamma_calc.simulation import student_code, student_loops
from gamma_calc.simulation import teacher_student as face
from gamma_calc.simulation.student_code import Code, Machine
from gamma_calc.simulation.student_data import FrozenStudent, Student, StudentConfiguration
from gamma_calc.simulation.student_kernel import CompiledTraining, TiledStudent, is_compilable
from gamma_calc.simulation.student_plain import RECORDED, PlainTraining, StudentMeasurement
from gamma_calc.simulation.teacher_student import teacher_student

ADAM = Moments(Fraction(9, 10), Fraction(999, 1000), Fraction(1, 10**8))
RAW = Raw()
SIGN = Moments(Fraction(0), Fraction(0), Fraction(0))
SMALL = StudentConfiguration(
    width=37,
    initial_A=37**-0.5,
    initial_B=0.3,
    eta_A=(1e-2, 1e-3, 3e-2),
    eta_B=(1e-2, 2e-3, 1e-2),
    optimizer=ADAM,
    steps=6,
    points=50,
    test_points=11,
    record_every=2,
    dtype="float64",
)
AVX512, AVX2, NEON, SSE = Machine(64, 32), Machine(32, 16), Machine(16, 32), Machine(16, 16)


@pytest.fixture
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """Loops written for another machine; LLVM makes up on this one for what it lacks."""
    found: Machine = request.param
    for module in (student_code, student_loops):
        monkeypatch.setattr(module, "this_machine", lambda: found)
    student_loops.student_loops.cache_clear()
    yield found
    student_loops.student_loops.cache_clear()


def random_student(n: int = 21, points: int = 30, rank: int = 4, dtype: torch.dtype = torch.float64) -> Student:
    generator = torch.Generator().manual_seed(n + points + rank)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    readout = draw(n)
    training, held_out = (FrozenStudent(draw(k, n).relu(), draw(k, n), readout, draw(k)) for k in (points, 7))
    return Student(training, held_out, draw(rank, n), draw(n, rank))


def at_rate(rate: float, optimizer: Moments | Raw = RAW) -> StudentConfiguration:
    return replace(SMALL, eta_A=(rate,), eta_B=(rate,), optimizer=optimizer)


def assert_same(one: StudentMeasurement, other: StudentMeasurement, rtol: float) -> None:
    for name in RECORDED:
        torch.testing.assert_close(getattr(one, name), getattr(other, name), rtol=rtol, atol=0)


def test_the_loops_are_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or everything below would compare the twin with itself."""
    assert face.HAS_LOOPS
    monkeypatch.setattr(face, "PlainTraining", None)
    assert teacher_student(SMALL).Z_A.isfinite().all()


@pytest.mark.parametrize("optimizer", [ADAM, SIGN, Raw()], ids=["adam", "sign", "sgd"])
@pytest.mark.parametrize("rank", [1, 3, 4, 8])
def test_twins(rank: int, optimizer: Moments | Raw) -> None:
    """Six steps, from gradients that are sums of at most 50 * 37 terms in float64."""
    configuration = replace(SMALL, rank=rank, optimizer=optimizer, weight_decay=0.1)
    assert_same(teacher_student(configuration), teacher_student(configuration, is_plain=True), rtol=1e-10)


@pytest.mark.parametrize("optimizer", [SIGN, Raw()], ids=["sign", "sgd"])
def test_twins_with_momentum(optimizer: Moments | Raw) -> None:
    configuration = replace(SMALL, optimizer=optimizer, weight_decay=0.1, momentum=0.7)
    found = teacher_student(configuration)
    assert_same(found, teacher_student(configuration, is_plain=True), rtol=1e-10)
    assert not torch.isclose(found.Z_B[-1], teacher_student(replace(configuration, momentum=0.0)).Z_B[-1]).any()


@pytest.mark.parametrize(("width", "points"), [(1, 1), (48, 24), (49, 25), (600, 3), (1, 300)])
def test_padding(width: int, points: int) -> None:
    """Sizes at, above and far from whole tiles, groups and blocks."""
    configuration = replace(SMALL, width=width, points=points, test_points=1)
    assert_same(teacher_student(configuration), teacher_student(configuration, is_plain=True), rtol=1e-10)


@pytest.mark.parametrize("machine", [AVX512, AVX2, NEON, SSE], indirect=True, ids=["avx512", "avx2", "neon", "sse"])
@pytest.mark.parametrize("rank", [1, 3, 4])
def test_every_machines_loops(machine: Machine, rank: int) -> None:
    """In float32 a step moves an entry by few of its last digits, so both twins are held to the one in float64.

    They add the same terms in another order: each may be off by as much as the other, times a small number.
    """
    configuration = replace(SMALL, width=53, rank=rank, optimizer=Raw())
    single = replace(configuration, dtype="float32")
    exact = teacher_student(configuration, is_plain=True)
    assert_same(teacher_student(configuration), exact, rtol=1e-10)
    found, plain = teacher_student(single), teacher_student(single, is_plain=True)
    for name in RECORDED:
        right = getattr(exact, name)
        size, error = right.abs().max(), (getattr(found, name) - right).abs().max()
        assert error <= 4 * (getattr(plain, name) - right).abs().max() + torch.finfo(torch.float32).eps * size, name


@pytest.mark.parametrize("rank", [1, 4, 5])
def test_gradients_are_autograds(rank: int) -> None:
    """A raw step at rate 1 is minus the gradient."""
    student = random_student(rank=rank)
    training = CompiledTraining(TiledStudent(student), at_rate(1.0))
    training.move(1)
    a, b = student.initial_A.clone().requires_grad_(), student.initial_B.clone().requires_grad_()
    data = student.training
    residual = (data.frozen + data.features @ a.T @ b.T).relu() @ data.readout - data.targets
    slopes = torch.autograd.grad(residual.square().mean() / 2, (a, b))
    moved_a, moved_b = (part.values[0, : student.initial_A.shape[1]] for part in (training.a, training.b))
    # The atol covers the rounding of a sum of 30 terms of size ten against a small gradient.
    torch.testing.assert_close(student.initial_A - moved_a.T, slopes[0], rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(student.initial_B - moved_b, slopes[1], rtol=1e-10, atol=1e-12)


def test_a_preactivation_of_zero_is_inactive() -> None:
    """Small integers, so that many preactivations are exactly zero and every sum is exact."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randint(-1, 2, shape, generator=generator).double()

    data = FrozenStudent(draw(32, 20).relu(), draw(32, 20), draw(20), draw(32))
    student = Student(data, data, draw(4, 20), draw(20, 4))
    hidden = data.frozen + data.features @ student.initial_A.T @ student.initial_B.T
    assert (hidden == 0).sum() > 20
    rates = at_rate(2.0**-4)
    compiled, plain = CompiledTraining(TiledStudent(student), rates), PlainTraining(student, rates)
    compiled.move(1)
    plain.move(1)
    assert torch.equal(compiled.a.values[:, :20].mT, plain.a.values)
    assert torch.equal(compiled.b.values[:, :20], plain.b.values)


def test_zeros_of_both_signs_are_inactive() -> None:
    data = FrozenStudent(torch.zeros(3, 2), torch.tensor([[0.0, -0.0]] * 3), torch.ones(2), torch.zeros(3))
    student = Student(data, data, torch.ones(4, 2), torch.ones(2, 4))
    training = CompiledTraining(TiledStudent(student), at_rate(1.0))
    assert not training.values.q.any()


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_a_configuration_does_not_feel_its_batch(threads: int) -> None:
    together = teacher_student(SMALL)
    alone = teacher_student(replace(SMALL, eta_A=SMALL.eta_A[1:2], eta_B=SMALL.eta_B[1:2]))
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        spread = teacher_student(SMALL)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    pieces = teacher_student(SMALL, memory=1)
    for name in RECORDED:
        assert torch.equal(getattr(together, name)[:, 1], getattr(alone, name)[:, 0])
        assert torch.equal(getattr(together, name), getattr(spread, name))
        assert torch.equal(getattr(together, name), getattr(pieces, name))


@pytest.mark.parametrize("rate", [1e155, 1e308])
@pytest.mark.parametrize("optimizer", [ADAM, Raw()], ids=["adam", "sgd"])
def test_a_diverged_configuration_stays_so_and_alone(optimizer: Moments | Raw, rate: float) -> None:
    configuration = replace(SMALL, optimizer=optimizer, record_every=1, steps=10)
    diverging = replace(configuration, eta_A=(1e-2, rate, 3e-2), eta_B=(1e-2, rate, 1e-2))
    one, other, calm = (
        teacher_student(diverging),
        teacher_student(diverging, is_plain=True),
        teacher_student(configuration),
    )
    finite, plain_finite = one.training_loss.isfinite()[:, 1], other.training_loss.isfinite()[:, 1]
    assert finite[0].item() is True and finite[-1].item() is False
    assert torch.equal(finite, plain_finite)
    first = int(finite.int().argmin())
    assert not finite[first:].any()
    for name in RECORDED:
        assert torch.equal(getattr(one, name)[:, [0, 2]], getattr(calm, name)[:, [0, 2]])


def test_one_nan_is_never_masked_away() -> None:
    student = random_student()
    student.initial_B[3, 1] = float("nan")
    training = CompiledTraining(TiledStudent(student), at_rate(1e-3, ADAM))
    is_nan = dict(zip(RECORDED, training.record().isnan()[:, 0].tolist(), strict=True))
    assert [name for name, found in is_nan.items() if found] == ["Z_B", "training_loss", "test_loss"]
    training.move(1)
    assert training.record().isnan().all()


def test_float32_is_float64_rounded() -> None:
    """Under a raw step, whose rounding is not magnified: 600 * 50 terms a sum, and six steps."""
    configuration = replace(SMALL, optimizer=Raw(), width=600, initial_A=600**-0.5)
    double, single = teacher_student(configuration), teacher_student(replace(configuration, dtype="float32"))
    assert single.training_loss.dtype is torch.float64
    assert_same(single, double, rtol=1e-4)
    assert not torch.equal(single.training_loss, double.training_loss)


def test_where_the_loops_do_not_apply(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_compilable(replace(SMALL, rank=8))
    assert not is_compilable(replace(SMALL, rank=9))
    large = replace(SMALL, rank=9)
    assert_same(teacher_student(large), teacher_student(large, is_plain=True), rtol=0)
    monkeypatch.setattr(face, "HAS_LOOPS", False)
    assert_same(teacher_student(SMALL), teacher_student(SMALL, is_plain=True), rtol=0)


def test_a_comparison_with_nan_is_true() -> None:
    code = Code((), ("values", "result"), 4)
    values, result = code.arrays
    chosen = (code.loaded(values, code.index(0)) > code.filled(0.0)).choice(code.filled(1.0), code.filled(2.0))
    code.store_first(3, chosen, result, code.index(0))
    values, result = torch.zeros(code.lanes), torch.zeros(code.lanes)
    values[:3] = torch.tensor([float("nan"), -0.0, 1e-45])
    code.compiled()(values.data_ptr(), result.data_ptr())
    assert result[:4].tolist() == [1.0, 2.0, 1.0, 0.0]


def test_the_benchmark_measures_what_it_says() -> None:
    case = Case(64, samples=48, configurations=3, rounds=1, steps=1)
    assert disagreement(case) < AGREEMENT
    found = timed(case)
    assert {key: found[key] for key in ("n", "samples", "rank", "configurations")} == {
        "n": 64,
        "samples": 48,
        "rank": 4,
        "configurations": 3,
    }
    assert found["ratios"]["plain"] > 0 < found["times_floor"]  # type: ignore[index, operator]

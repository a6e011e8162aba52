"""What is recorded of a student beside its losses, against the definitions on all units and points."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
import torch
from torch import Tensor

from gamma_calc.errors import BadInput
from gamma_calc.program.optimizers import Moments, Raw
from gamma_calc.simulation.student_data import Student
from gamma_calc.simulation.student_plain import forward, gradients
from gamma_calc.simulation.teacher_student import teacher_student
from tests.simulation.test_teacher_student import ADAM, SMALL, student_of

SIGN = Moments(Fraction(0), Fraction(0), Fraction(0))
CHANGES = ("Delta_Z_B", "delta_1", "delta_2", "delta_3")


def size(tensor: Tensor) -> Tensor:
    return tensor.square().mean().sqrt()


def trained(student: Student, eta: float, rule: Raw | Moments, beta: float, decay: float, steps: int) -> list[Tensor]:
    """Each record of A, B, Z_A, Z_B and the changes of Z_B, by the definitions; the rule is a raw or a sign step."""
    data = student.training
    a, b = student.initial_A.clone(), student.initial_B.clone()
    balls = [torch.zeros_like(a), torch.zeros_like(b)]
    records = []
    deltas = [torch.zeros((), dtype=torch.float64)] * 4
    for t in range(steps + 1):
        z_a = data.features @ a.T
        records.append(torch.stack([size(a), size(b), size(z_a), size(z_a @ b.T), *deltas]))
        if t == steps:
            return records
        found = gradients(data, forward(data, a[None], b[None]), b[None])
        balls = [beta * ball + gradient[0] for ball, gradient in zip(balls, found, strict=True)]
        moved = balls if isinstance(rule, Raw) else [torch.sign(ball) for ball in balls]
        da, db = (-eta * (decay * part + step) for part, step in zip((a, b), moved, strict=True))
        dz = data.features @ da.T
        parts = dz @ b.T, z_a @ db.T, dz @ db.T
        deltas = [size(sum(parts, start=torch.zeros_like(parts[0]))), *map(size, parts)]
        a, b = a + da, b + db
    return records


@pytest.mark.parametrize("is_plain", [True, False], ids=["plain", "compiled"])
@pytest.mark.parametrize("momentum", [0.0, 0.8])
@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("rule", [Raw(), SIGN], ids=["raw", "sign"])
def test_records_are_the_definitions(rule: Raw | Moments, decay: float, momentum: float, is_plain: bool) -> None:
    eta = (1e-2, 3e-3)
    configuration = replace(
        SMALL, optimizer=rule, eta_A=eta, eta_B=eta, steps=5, weight_decay=decay, momentum=momentum, record_every=1
    )
    found = teacher_student(configuration, is_plain=is_plain)
    names = ("A", "B", "Z_A", "Z_B", *CHANGES)
    for run in range(configuration.runs):
        for index, each in enumerate(eta):
            slow = torch.stack(trained(student_of(configuration, run), each, rule, momentum, decay, 5))
            fast = torch.stack([getattr(found, name)[:, index, run] for name in names], dim=1)
            # Five steps from gradients that agree to 1e-13; squares of the changes are differences of Grams.
            torch.testing.assert_close(fast, slow, rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize("is_plain", [True, False], ids=["plain", "compiled"])
def test_momentum_is_torchs(is_plain: bool) -> None:
    beta, eta = 0.9, 1e-2
    configuration = replace(SMALL, optimizer=Raw(), eta_A=(eta,), eta_B=(eta,), runs=1, momentum=beta, steps=8)
    student = student_of(configuration)
    data, a, b = student.training, student.initial_A.clone(), student.initial_B.clone()
    parts = [part.requires_grad_() for part in (a, b)]
    optimizer = torch.optim.SGD(parts, lr=eta, momentum=beta)
    for _ in range(8):
        optimizer.zero_grad()
        residual = (data.frozen + data.features @ a.T @ b.T).relu() @ data.readout - data.targets
        (residual.square().mean() / 2).backward()
        optimizer.step()
    found = teacher_student(configuration, is_plain=is_plain)
    torch.testing.assert_close(found.A[-1, 0, 0], size(a.detach()), rtol=1e-10, atol=0)
    torch.testing.assert_close(found.B[-1, 0, 0], size(b.detach()), rtol=1e-10, atol=0)


def test_the_records_between_are_those_of_a_run_that_records_all() -> None:
    often, seldom = (teacher_student(replace(SMALL, record_every=every)) for every in (1, 5))
    for name in ("A", "B", *CHANGES):
        assert torch.equal(getattr(seldom, name), getattr(often, name)[[0, 5, 10, 12]])


def test_init_a_learns_as_it_is_derived_to() -> None:
    """With B = 0 only B moves at first: delta_1 and delta_3 are exactly zero at step 1, and no longer at step 2."""
    found = teacher_student(replace(SMALL, initial_B=None, record_every=1))
    for name in CHANGES:
        values = getattr(found, name)
        assert not values[0].any() and values[2].all()
        assert bool(values[1].any()) is (name in ("Delta_Z_B", "delta_2"))


def test_float32_knows_its_changes() -> None:
    """A change that is a thousandth of what it changes is known to 2^-24 * 1000, 6e-5."""
    rates = replace(SMALL, optimizer=Raw(), eta_A=(0.03,), eta_B=(0.03,), record_every=1)
    double, single = teacher_student(rates), teacher_student(replace(rates, dtype="float32"))
    assert (double.delta_1[1:] / double.Z_B[1:]).min() > 1e-3
    for name in CHANGES:
        torch.testing.assert_close(getattr(single, name), getattr(double, name), rtol=1e-3, atol=0)


def test_momentum_in_front_of_a_memory_is_refused() -> None:
    with pytest.raises(BadInput, match="momentum: this optimiser already"):
        replace(SMALL, momentum=0.9, optimizer=ADAM)

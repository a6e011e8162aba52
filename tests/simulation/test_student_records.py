"""The sizes that are recorded of a student, against the definitions on all units and points."""

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


def size(tensor: Tensor) -> Tensor:
    return tensor.square().mean().sqrt()


def trained(student: Student, eta: float, rule: Raw | Moments, beta: float, decay: float, steps: int) -> list[Tensor]:
    """Each record of Z_A and Z_B, by the definitions; the rule is a raw or a sign step."""
    data = student.training
    a, b = student.initial_A.clone(), student.initial_B.clone()
    balls = [torch.zeros_like(a), torch.zeros_like(b)]
    records = []
    for t in range(steps + 1):
        z_a = data.features @ a.T
        records.append(torch.stack([size(z_a), size(z_a @ b.T)]))
        if t == steps:
            return records
        found = gradients(data, forward(data, a[None], b[None]), b[None])
        balls = [beta * ball + gradient[0] for ball, gradient in zip(balls, found, strict=True)]
        moved = balls if isinstance(rule, Raw) else [torch.sign(ball) for ball in balls]
        da, db = (-eta * (decay * part + step) for part, step in zip((a, b), moved, strict=True))
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
    for run in range(configuration.runs):
        for index, each in enumerate(eta):
            slow = torch.stack(trained(student_of(configuration, run), each, rule, momentum, decay, 5))
            fast = torch.stack([each[:, index, run] for each in (found.Z_A, found.Z_B)], dim=1)
            # Five steps from gradients that agree to 1e-13.
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
    z_a = data.features @ a.detach().T
    torch.testing.assert_close(found.Z_A[-1, 0, 0], size(z_a), rtol=1e-10, atol=0)
    torch.testing.assert_close(found.Z_B[-1, 0, 0], size(z_a @ b.detach().T), rtol=1e-10, atol=0)


def test_momentum_in_front_of_a_memory_is_refused() -> None:
    with pytest.raises(BadInput, match="momentum: this optimiser already"):
        replace(SMALL, momentum=0.9, optimizer=ADAM)
